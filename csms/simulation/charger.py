"""A simulated charger: connectors, cars, transactions that survive lost connections, meter values, boots.

Transaction messages go through the `postbox`; everything else is said when there is a connection and lost otherwise.
"""

from dataclasses import dataclass
from functools import partial

from csms.core.events import ConnectorStatus, StartKey
from csms.core.ids import ChargerId
from csms.simulation.car import Car, random_car
from csms.simulation.faults import Kind
from csms.simulation.frames import Payload, Told, call_text, read_answer, time_text
from csms.simulation.line import Delivered, Line
from csms.simulation.manners import POLITE
from csms.simulation.meter import CURRENT, Values, currents, spoilt, spoilt_currents
from csms.simulation.obedience import Obedience
from csms.simulation.outlet import Outlet, Transaction
from csms.simulation.postbox import Postbox, Stop
from csms.simulation.surroundings import Central, Surroundings
from csms.simulation.wiring import NOTHING, Amounts, Phased, Telling

LONGEST_PREPARING_MS = 20_000
"""So long a car waits for its transaction at most, where cars need power to start with."""

SUSPENDED_MS = 20_000

LONGEST_WAKING_MS = 60_000
SAMPLED_KEY = "MeterValuesSampledData"
LEAST_CURRENT_A = 6
"""IEC 61851-1 knows no lower current, on each phase."""

REPEATED_SHARE = 0.02
"""Share of a charger's CALLs that it sends twice."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a charger talks; the same for its whole life.

    Attributes:
        skew_ms: how far its clock is ahead.
        meter_period_ms: time between its meter values.
        boots_on_reconnect: sends BootNotification although it did not boot.
        silent_on_reconnect: sends only statuses that changed meanwhile when a connection comes back.
        keeps_tx_profile: TxProfiles survive a reboot.
        resumes: transactions survive a reboot.
        timeout_ms: how long the gateway waits for its answers.
        replays_meter: sends meter values of the time without connection later.
    """

    skew_ms: int = 0
    meter_period_ms: int = 10_000
    boots_on_reconnect: bool = False
    silent_on_reconnect: bool = False
    keeps_tx_profile: bool = True
    resumes: bool = True
    timeout_ms: int = 10_000
    replays_meter: bool = False

    @property
    def longest_period_ms(self) -> int:
        """Return the longest time between two of its meter values, ms."""
        return self.meter_period_ms * 11 // 10


class ChargerModel:
    """One charger."""

    def __init__(
        self,
        charger_id: ChargerId,
        hardware_w: int,
        connectors: int,
        around: Surroundings,
        central: Central,
        obedience: Obedience,
        habits: Habits,
    ) -> None:
        self.charger_id = charger_id
        self.hardware_w = hardware_w
        self.outlets = [Outlet(idx) for idx in range(1, connectors + 1)]
        self.habits = habits
        self.obedience = obedience
        self.link: Line | None = None
        self.down_until_ms = 0
        self.meter_mute_until_ms = 0
        self.silent_until_ms = 0
        self.heard_since_ms: int | None = None
        self.meter_fault: Kind | None = None
        self.meter_fault_until_ms = 0
        self.taken_over_ms: int | None = None
        self.phased: Phased | None = None
        self.phases_fault: Kind | None = None
        self.phases_fault_until_ms = 0
        self._currents_before: dict[int, Values] = {}
        self.disturbed_until_ms = 0
        self.stepped_ms = 0
        self.clock_set_ms = 0
        self._around = around
        self._central = central
        self._heard = False
        self.post = Postbox(around, self._call, lambda: self.link is not None and self._heard)
        self._last_started_ms = 0
        self._must_boot = True
        self._old_samples: list[Payload] = []
        self._said = 0
        self._told: dict[str, Told] = {}
        obedience.most_w = hardware_w
        obedience.connectors = range(1, connectors + 1)
        obedience.running_id = self._running_id
        obedience.clock_ms = self._clock_ms
        obedience.changed = lambda: around.obeys(charger_id)
        obedience.asked = self._asked_for
        obedience.disturbed = self._disturbed
        obedience.reboots = lambda: self.reboot(around.rng.randint(1_000, 20_000))
        around.clock.after(around.rng.randint(0, habits.meter_period_ms), self._meter)

    # --- what it does to the fuse --------------------------------------------------------------------------------

    def obeyed_w(self, idx: int) -> int:
        """Return the most that a car at this connector may draw now."""
        outlet = self.outlets[idx - 1]
        limit_w = self.obedience.profiles.limit_w(idx, in_transaction=outlet.transaction is not None)
        return self.hardware_w if limit_w is None else min(limit_w, self.hardware_w)

    @property
    def draw_w(self) -> int:
        """Return what it draws now, W."""
        return sum(outlet.draw_w for outlet in self.outlets)

    @property
    def is_up(self) -> bool:
        """Return whether it has power and runs."""
        return self._around.clock.now_ms >= self.down_until_ms

    @property
    def can_be_triggered(self) -> bool:
        """Return whether it does what a TriggerMessage asks for."""
        return self.obedience.nature.triggers

    @property
    def is_blameless(self) -> bool:
        """Return whether it does what it is told, as far as it can be told everything."""
        obedience, nature = self.obedience, self.obedience.nature
        able = nature.relative and nature.zero and nature.tx_profiles and obedience.profiles.heeds_tx
        plain = all(outlet.car is None or outlet.car.is_plain for outlet in self.outlets)
        return able and plain and obedience.character is None and obedience.manners == POLITE

    @property
    def has_odd_cars(self) -> bool:
        """Return whether a car of its takes power in a way of its own."""
        return any(outlet.car is not None and not outlet.car.is_plain for outlet in self.outlets)

    def run(self, elapsed_ms: int) -> None:
        """Let time pass for its cars."""
        room_w = self.hardware_w if self.is_up else 0
        taken = NOTHING
        for outlet in self.outlets:
            limit_w = outlet.limit_w = self.obeyed_w(outlet.idx)
            outlet.run(self._flow_w(outlet, limit_w), self._room_w(outlet, room_w, taken), elapsed_ms)
            room_w -= outlet.draw_w
            taken = self._taken(outlet, taken)
            self._set_status(outlet, outlet.natural_status(limit_w))
            if self.obedience.character is Kind.FORGETS_SUSPENDED:
                self._suspended(outlet, elapsed_ms)
            offered_none = outlet.car is not None and outlet.car.leaves and limit_w == 0
            if offered_none and outlet.transaction is not None and self._around.faults.strike(Kind.LEAVES_AT_ZERO):
                self.unplug(outlet.idx, "EVDisconnected")

    # --- its phases ----------------------------------------------------------------------------------------------

    def _flow_w(self, outlet: Outlet, limit_w: int) -> int:
        """Return what of a limit a car can draw from the phases that it uses, W."""
        if self.phased is None or outlet.car is None:
            return limit_w
        return self.phased.wiring.flow_w(limit_w, outlet.car.used, self.hardware_w)

    def _room_w(self, outlet: Outlet, room_w: int, taken: Amounts) -> int:
        if self.phased is None or outlet.car is None or not room_w:
            return room_w
        return min(room_w, self.phased.wiring.room_w(outlet.car.used, taken, self.hardware_w))

    def _taken(self, outlet: Outlet, taken: Amounts) -> Amounts:
        if self.phased is None or outlet.car is None:
            return taken
        drawn = self.phased.wiring.of_draw(outlet.draw_w, outlet.car.used)
        return taken[0] + drawn[0], taken[1] + drawn[1], taken[2] + drawn[2]

    def _choose_phases(self, car: Car) -> None:
        """Let a car have the phases that it uses for as long as it stays."""
        if self.phased is not None:
            own = self.phased.wiring.own
            is_three = self.phased.wiring.phases > 1
            car.used = self._around.phases_rng.choice(((1,), (1,), (1, 2), (2,), own, own)) if is_three else own

    def switch_phases(self) -> None:
        """Let a car go over to other phases while it charges, against what nearly all do."""
        charging = [each for each in self.outlets if each.transaction is not None and each.draw_w]
        if self.phased is None or self.phased.wiring.phases <= 1 or not charging:
            return
        dice = self._around.phases_rng
        car = min(charging, key=lambda outlet: len(outlet.car.used) if outlet.car is not None else 0).car
        used = dice.choice(((1,), (2, 3), (1, 2, 3), (1, 2, 3)))
        if car is not None and car.used != used and self._around.faults.strike(Kind.PHASES_SWITCHED):
            self._around.trace.add("phases", f"{self.charger_id} {car.used} {used}")
            car.used, car.has_switched = used, True
            self._around.obeys(self.charger_id)

    def tells_phases(self, car: Car) -> bool:
        """Return whether its meter shows which phases a car uses, and has always shown the same."""
        asked = self.obedience.keys.values.get(SAMPLED_KEY) or ""
        is_true = self.phased is not None and self.phased.telling is Telling.TRUE
        return is_true and CURRENT in asked.split(",") and not car.has_switched

    def _currents(self, outlet: Outlet) -> Values:
        """Return what it tells of its phases beside power and energy: only where it was asked to."""
        asked = self.obedience.keys.values.get(SAMPLED_KEY) or ""
        if self.phased is None or outlet.car is None or CURRENT not in asked.split(","):
            return []
        dice, voltage_v = self._around.phases_rng, self.obedience.nature.voltage_v
        told = currents(self.phased, outlet.draw_w, outlet.car.used, voltage_v, dice)
        if self.phases_fault is None or self._around.clock.now_ms >= self.phases_fault_until_ms:
            self._currents_before[outlet.idx] = told
            return told
        return spoilt_currents(self.phases_fault, told, self._currents_before.get(outlet.idx), dice)

    def _suspended(self, outlet: Outlet, elapsed_ms: int) -> None:
        """Forget the TxProfile of a transaction that draws nothing for a while."""
        idle = outlet.transaction is not None and outlet.draw_w == 0
        outlet.suspended_ms = outlet.suspended_ms + elapsed_ms if idle else 0
        is_due = outlet.suspended_ms >= SUSPENDED_MS and outlet.idx in self.obedience.profiles.tx
        if is_due and self._around.faults.strike(Kind.FORGETS_SUSPENDED):
            self.obedience.profiles.clear_tx(outlet.idx)
            self._around.obeys(self.charger_id)

    def _disturbed(self) -> None:
        """Note that it did not do at once what it was told: what it tells may prove nothing for a while."""
        self.disturbed_until_ms = max(self.disturbed_until_ms, self._around.clock.now_ms)

    # --- cars come and go ----------------------------------------------------------------------------------------

    def plug(self, idx: int, car: Car, id_tag: str, stay_ms: int | None = None) -> None:
        """A car comes and starts to charge; `stay_ms` is how long it means to stay."""
        outlet = self.outlets[idx - 1]
        if outlet.car is not None or not self.is_up:
            return
        if self.link is None and not self._around.faults.strike(Kind.OFFLINE_START):
            return
        outlet.car = car
        self._choose_phases(car)
        self._make_odd(car)
        self._make_slow(car)
        self._around.arrived(self.charger_id, idx, stay_ms, car)
        if self._around.switches.need_start_power:
            self._set_status(outlet, ConnectorStatus.PREPARING)
            wait_ms = self._around.rng.randint(500, LONGEST_PREPARING_MS)
            self._around.clock.after(wait_ms, lambda: self._prepared(outlet, car, id_tag))
            return
        if self._around.chance(0.7):
            self._set_status(outlet, ConnectorStatus.PREPARING)
        self._begin(outlet, id_tag)

    def _make_odd(self, car: Car) -> None:
        around, share = self._around, self._around.odds.cars
        if around.is_odd(share) and around.faults.strike(Kind.OVERDRAW):
            car.overdraw = 20
        if around.is_odd(share) and around.faults.strike(Kind.WAKING_SURGE):
            car.surge = around.odd_rng.randint(20, 100)
        car.leaves = around.is_odd(around.odds.leaving)

    def _make_slow(self, car: Car) -> None:
        around, nature, odds = self._around, self.obedience.nature, self._around.odds
        if around.is_later(odds.waking) and around.faults.strike(Kind.SLOW_WAKE):
            car.wakes_ms = around.later_rng.randint(5_000, LONGEST_WAKING_MS)
            car.sleep()
        if around.is_later(odds.least) and around.faults.strike(Kind.MINIMUM_CURRENT):
            on_phases_w = LEAST_CURRENT_A * nature.voltage_v * (min(len(car.used) or 3, nature.phases))
            car.least_w = on_phases_w or around.later_rng.randint(500, 3_000)

    def _prepared(self, outlet: Outlet, car: Car, id_tag: str) -> None:
        """Begin to charge a car that has been plugged in for a while, or let it go without having charged."""
        if outlet.car is not car or outlet.transaction is not None or not self.is_up:
            return
        if self._around.chance(0.2):
            self._leave(outlet)
        else:
            self._begin(outlet, id_tag)

    def _begin(self, outlet: Outlet, id_tag: str) -> None:
        started_ms = max(self._clock_ms(), self._last_started_ms + 1)
        self._last_started_ms = started_ms
        key = StartKey(self.charger_id, outlet.idx, id_tag, started_ms, outlet.energy_wh)
        outlet.transaction = Transaction(key)
        self.post.add(outlet.transaction)
        self._around.trace.add("plug", key)
        self._around.obeys(self.charger_id)
        self.post.pump()

    def unplug(self, idx: int, reason: str = "Local") -> None:
        """The car stops charging and goes."""
        outlet = self.outlets[idx - 1]
        transaction = outlet.transaction
        if transaction is None:
            return
        outlet.transaction, outlet.car, outlet.draw_w = None, None, 0
        self.obedience.profiles.end_transaction(idx)
        stop = Stop(transaction, outlet.energy_wh, self._clock_ms(), reason)
        self.post.add(stop)
        self._around.trace.add("unplug", (self.charger_id, idx, transaction.transaction_id))
        if self._around.chance(0.5):
            self._set_status(outlet, ConnectorStatus.FINISHING)
        self.post.pump()
        self._around.obeys(self.charger_id)
        self._around.clock.after(self._around.rng.randint(0, 4_000), lambda: self._leave(outlet))

    def adopt(self, idx: int, car: Car, transaction_id: int) -> None:
        """A car already charges here under another central system's transaction."""
        outlet = self.outlets[idx - 1]
        outlet.car = car
        self._choose_phases(car)
        outlet.transaction = Transaction(StartKey(self.charger_id, idx, "OLD", 0, 0), transaction_id, is_foreign=True)

    def reboot(self, down_ms: int) -> None:
        """Lose power for a while."""
        self._around.trace.add("reboot", self.charger_id)
        self.down_until_ms = self._around.clock.now_ms + down_ms
        self._must_boot = True
        self.obedience.keys.reboot()
        if self.obedience.character is Kind.FORGETS_AT_REBOOT and self._around.faults.strike(Kind.FORGETS_AT_REBOOT):
            self.obedience.profiles.forget()
        strike = self._around.faults.strike
        if self._around.chance(0.5) and strike(Kind.FORGOTTEN_CALLS):
            self.obedience.forget_pending()
        for outlet in self.outlets:
            if outlet.transaction is None:
                continue
            if not self.habits.resumes and strike(Kind.LOST_TRANSACTION):
                self.unplug(outlet.idx, "PowerLoss")
            elif not self.habits.keeps_tx_profile and strike(Kind.LOST_PROFILE):
                self.obedience.profiles.end_transaction(outlet.idx)
        self.drop()

    # --- the connection ----------------------------------------------------------------------------------------

    def connect(self, address: str = "") -> None:
        """Try to connect; if refused, the caller tries again later."""
        if self.link is not None or not self.is_up:
            return
        connection = self._central.admit(self.charger_id)
        if connection is None:
            return
        around = self._around
        self.link = link = self._central.enter(self.charger_id, connection, self._hear, self.habits.timeout_ms, address)
        around.clock.after(around.rng.randint(0, 500 if around.calm else 4_000), lambda: self._greet(link))

    def drop(self) -> None:
        """Lose the connection."""
        if self.link is not None:
            self.link.close()
            self.lost()

    def lost(self) -> None:
        """Notice that the connection is gone."""
        self.link = None
        self._heard = False
        self.heard_since_ms = None
        self._told.clear()
        self.post.lost()

    def say(self, action: str, payload: Payload) -> None:
        """Send a message whose answer matters to nobody, if there is a connection."""
        if self.link is not None and self._heard:
            self._call(action, payload, lambda _payload: None)

    def tell_statuses(self) -> None:
        """Report the status of each connector unasked, as one does at which somebody has been."""
        self._tell_statuses(None)

    def stop_foreign(self, transaction_id: int) -> None:
        """Send a StopTransaction for somebody else's transaction."""
        self.say(
            "StopTransaction",
            {"transactionId": transaction_id, "meterStop": 0, "timestamp": time_text(self._around.wall_ms())},
        )

    def _call(self, action: str, payload: Payload, told: Told) -> None:
        """Send a CALL on the connection that there is; its ids begin anew with each connection."""
        assert self.link is not None, "a message needs a connection"
        if self._around.clock.now_ms < self.silent_until_ms:
            return
        self._said += 1
        message_id = str(self._said)
        self._told[message_id] = told
        text, link = call_text(message_id, action, payload), self.link
        link.say(text)
        due = not self._around.calm and self._around.switches.faults and self._around.chance(REPEATED_SHARE)
        if due and self._around.faults.strike(Kind.REPEATED_FRAME):
            self._around.clock.after(self._around.rng.randint(0, 3_000), lambda: self._repeat(link, text))

    def _repeat(self, link: Line, text: str) -> None:
        if self.link is link:
            link.say(text)

    def _hear(self, line: Line, delivered: Delivered) -> None:
        """Take what comes on a connection."""
        if self._around.clock.now_ms < self.silent_until_ms:
            return
        answer = read_answer(delivered.text)
        if answer is None:
            self.obedience.take(line, delivered)
        elif line is self.link:
            message_id, payload = answer
            told = self._told.pop(message_id, None)  # None: a CALL that was sent twice is answered twice
            if told is not None and payload is not None:
                told(payload)

    def _greet(self, link: Line) -> None:
        if self.link is not link:
            return
        self._heard = True
        self.heard_since_ms = self._around.clock.now_ms
        if not self._must_boot or not self._said or self._around.faults.strike(Kind.MESSAGE_IDS_AGAIN):
            self._said = 0
        self.say("Heartbeat", {})
        strike = self._around.faults.strike
        uncalled = not self._must_boot and self.habits.boots_on_reconnect and strike(Kind.UNCALLED_BOOT)
        if self._must_boot or uncalled:
            self._must_boot = False
            self._tell_boot()
        is_silent = self.habits.silent_on_reconnect and strike(Kind.SILENT_RECONNECT)
        for outlet in self.outlets:
            if not is_silent or outlet.told is not outlet.status:
                self._tell_status(outlet)
        for payload in self._old_samples:
            strike(Kind.LATE_METER_VALUES)
            self.say("MeterValues", payload)
        self._old_samples.clear()
        if self._around.is_odd(self._around.odds.queue) and strike(Kind.LATE_QUEUE):
            self.post.hold(self._around.clock.now_ms + self._around.odd_rng.randint(5_000, 90_000))
        self.post.pump()

    # --- messages ------------------------------------------------------------------------------------------------

    def _clock_ms(self) -> int:
        """Return what its own clock says, UTC ms."""
        is_wrong = self.habits.skew_ms and self._around.faults.strike(Kind.CHARGER_CLOCK)
        return self._around.wall_ms() + self.stepped_ms + (self.habits.skew_ms if is_wrong else 0)

    @property
    def skew_ms(self) -> int:
        """Return how far its clock is ahead."""
        return self.habits.skew_ms + self.stepped_ms

    def step_clock(self, stepped_ms: int) -> None:
        """Let its clock be that far from where it was at first, from now on."""
        self._around.trace.add("clock", f"{self.charger_id} {stepped_ms} ms")
        self.stepped_ms = stepped_ms
        self.clock_set_ms = self._around.clock.now_ms
        self.obedience.clock_stepped()

    def _tell_statuses(self, only: int | None) -> None:
        for outlet in self.outlets:
            if only in {None, outlet.idx}:
                self._tell_status(outlet)

    def _tell_boot(self) -> None:
        self.say("BootNotification", {"chargePointVendor": "Vendor", "chargePointModel": str(self.charger_id)})

    def _tell_status(self, outlet: Outlet) -> None:
        if self.link is not None and self._heard:
            outlet.told = outlet.status
            told = {"connectorId": outlet.idx, "errorCode": "NoError", "status": outlet.status.value}
            self.say("StatusNotification", told | {"timestamp": time_text(self._clock_ms())})

    def _set_status(self, outlet: Outlet, status: ConnectorStatus) -> None:
        if outlet.status is not status:
            outlet.status = status
            self._tell_status(outlet)

    def _leave(self, outlet: Outlet) -> None:
        if outlet.transaction is None:
            outlet.car = None
            self._set_status(outlet, ConnectorStatus.AVAILABLE)

    def _meter(self) -> None:
        around = self._around
        around.clock.after(int(self.habits.meter_period_ms * around.rng.uniform(0.9, 1.1)), self._meter)
        if not self.is_up or around.clock.now_ms < self.meter_mute_until_ms:
            return
        for outlet in self.outlets:
            transaction = outlet.transaction
            if transaction is not None:
                self._sampled(outlet, transaction)

    def _sampled(self, outlet: Outlet, transaction: Transaction | None) -> None:
        element = {"timestamp": time_text(self._clock_ms()), "sampledValue": self._metered(outlet)}
        payload: Payload = {"connectorId": outlet.idx, "meterValue": [element]}
        if transaction is not None and transaction.transaction_id is not None:
            payload["transactionId"] = transaction.transaction_id
        if self.link is not None and self._heard:
            self.say("MeterValues", payload)
        elif self.habits.replays_meter and len(self._old_samples) < 3:
            self._old_samples.append(payload)

    def _metered(self, outlet: Outlet) -> Values:
        values = outlet.sampled_values() + self._currents(outlet)
        if self.meter_fault is None or self._around.clock.now_ms >= self.meter_fault_until_ms:
            outlet.told_values = values
            return values
        return spoilt(self.meter_fault, values, outlet.told_values, self._around.odd_rng)

    # --- what CALLs ask for ------------------------------------------------------------------------------------------

    def _running_id(self, idx: int) -> tuple[bool, int | None]:
        if not 1 <= idx <= len(self.outlets):
            return False, None
        transaction = self.outlets[idx - 1].transaction
        return transaction is not None, None if transaction is None else transaction.transaction_id

    def _asked_for(self, action: str, payload: Payload) -> bool:
        match action:
            case "TriggerMessage":
                return self._trigger(payload["requestedMessage"], payload.get("connectorId"))
            case "RemoteStartTransaction":
                return self._remote_start(payload["connectorId"], payload["idTag"])
            case _:
                return self._remote_stop(payload["transactionId"])

    def _remote_start(self, idx: int, id_tag: str) -> bool:
        outlet = self.outlets[idx - 1]
        if outlet.transaction is not None or not self.is_up:
            return False
        car = random_car(self._around.rng, self.hardware_w)
        self._around.clock.after(self._around.rng.randint(200, 5_000), lambda: self._come(idx, id_tag, car))
        return True

    def _come(self, idx: int, id_tag: str, car: Car) -> None:
        """A car comes for a remote start; one that comes in the calm wants all that it can get."""
        calm = Car(self.hardware_w, self.hardware_w // 3 + 1, self.hardware_w // 5 + 1)
        self.plug(idx, calm if self._around.calm else car, id_tag)

    def _remote_stop(self, transaction_id: int) -> bool:
        for outlet in self.outlets:
            if outlet.transaction is not None and outlet.transaction.transaction_id == transaction_id:
                leave = partial(self.unplug, outlet.idx, "Remote")
                self._around.clock.after(self._around.rng.randint(100, 2_000), leave)
                return True
        return False

    def _trigger(self, requested: str, idx: int | None) -> bool:
        link = self.link
        if requested == "StatusNotification":
            self._around.clock.after(200, lambda: self._tell_statuses(idx))
        elif requested == "MeterValues":
            self._around.clock.after(200, lambda: self._meter_once(idx))
        elif requested == "BootNotification" and link is not None:
            self._around.clock.after(200, self._tell_boot)
        else:
            return False
        return True

    def _meter_once(self, idx: int | None) -> None:
        for outlet in self.outlets:
            if idx in {None, outlet.idx}:
                self._sampled(outlet, outlet.transaction)
