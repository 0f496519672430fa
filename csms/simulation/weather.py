"""What happens in a world while it is stormy: cars, faults, crashes, operators; each at its own random times."""

import random
from collections.abc import Callable
from functools import partial

from csms.core.events import SessionRequested, SessionStopRequested
from csms.core.ids import ConnectorKey
from csms.core.records import Driver
from csms.core.station import Control
from csms.simulation.acts import Acts
from csms.simulation.car import change_mind, random_car
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.fate import Fate
from csms.simulation.faults import CRASH_POINTS, METERS, OF_PHASES, STAMPS_DOUBTED_MS, Kind
from csms.simulation.operator import Operator
from csms.simulation.scene import Scene


class Weather:
    """The processes of one run."""

    def __init__(self, scene: Scene, operator: Operator, acts: Acts, fate: Fate) -> None:
        self._scene = scene
        self._operator = operator
        self._acts = acts
        self._fate = fate
        self._is_gone = False

    def begin(self) -> None:
        """Start every process; in the calm each ends by itself."""
        fate = self._fate
        for model in self._scene.chargers.values():
            self._every(fate.arrival_ms, partial(self._arrive, model))
            self._every(fate.change_ms, partial(self._change, model))
            self._every(fate.drop_ms, partial(self._drop, model))
            self._every(fate.reboot_ms, partial(self._reboot, model))
            self._every(fate.mute_ms, partial(self._mute, model))
            self._stay_connected(model)
            self._oddities_of(model)
        odds = self._scene.around.odds
        self._odd_every(odds.point_ms, self._doom)
        self._odd_every(odds.disk_ms, self._break_disk)
        self._odd_every(odds.loop_ms, self._stall_loop)
        self._odd_every(odds.base_ms, self._raise_base_load)
        self._every_by(self._scene.around.acts_rng, odds.acts_ms, self._acts.act)
        self._every(fate.configure_ms, self._operator.configure)
        self._every(fate.wall_ms, self._step_wall_clock)
        self._every(fate.remote_ms, self._remote)
        self._every(fate.foreign_stop_ms, self._stop_foreign)
        if self._scene.around.switches.crashes:
            self._every(fate.crash_ms, self._crash)

    def _every(self, mean_ms: int, action: Callable[[], object]) -> None:
        if not mean_ms:
            return
        delay_ms = int(self._scene.around.rng.expovariate(1 / mean_ms)) + 100

        def act() -> None:
            if not self._scene.around.calm:
                action()
                self._every(mean_ms, action)

        self._scene.around.clock.after(delay_ms, act)

    def _oddities_of(self, model: ChargerModel) -> None:
        odds = self._scene.around.odds
        self._odd_every(odds.link_ms, partial(self._disturb, model))
        self._odd_every(odds.half_close_ms, partial(self._half_close, model))
        self._odd_every(odds.twin_ms, partial(self._fight, model))
        self._odd_every(odds.silent_ms, partial(self._silence, model))
        self._odd_every(odds.meter_ms, partial(self._break_meter, model))
        self._every_by(self._scene.around.later_rng, odds.clock_ms, partial(self._step_clock, model))
        self._every_by(self._scene.around.phases_rng, odds.phases_ms, partial(self._confuse_phases, model))

    def _odd_every(self, mean_ms: int, action: Callable[[], object]) -> None:
        """Do the same with the dice of odd things, so that a world without them stays the one it was."""
        self._every_by(self._scene.around.odd_rng, mean_ms, action)

    def _every_by(self, dice: random.Random, mean_ms: int, action: Callable[[], object]) -> None:
        if not mean_ms:
            return
        around = self._scene.around

        def act() -> None:
            if not around.calm:
                action()
                self._every_by(dice, mean_ms, action)

        around.clock.after(int(dice.expovariate(1 / mean_ms)) + 100, act)

    def _stay_connected(self, model: ChargerModel) -> None:
        model.connect()
        longest_ms = 3_000 if self._scene.around.calm else self._fate.reconnect_ms
        self._scene.around.clock.after(
            self._scene.around.rng.randint(500, longest_ms), lambda: self._stay_connected(model)
        )

    def _arrive(self, model: ChargerModel) -> None:
        rng = self._scene.around.rng
        charger = self._scene.station.charger(model.charger_id)
        outlet = rng.choice(model.outlets)
        key = ConnectorKey(model.charger_id, outlet.idx)
        if charger is None or any(client.key == key and not client.is_gone for client in self._scene.clients):
            return
        stay_ms = rng.randint(5_000, self._fate.longest_stay_ms)
        by_rest = charger.control is Control.REST or (
            charger.control is Control.AUTO and model.charger_id not in self._scene.judge.live and model.link is None
        )
        if by_rest:
            vehicle_max_w = rng.randint(1, 200) * 1_000
            client = RestClient(
                self._scene.around, self._scene.host, key, vehicle_max_w, echoes=self._scene.around.chance(0.6)
            )
            self._scene.clients[:] = [
                each for each in self._scene.clients if not each.is_gone or each.session_id is not None
            ]
            self._scene.clients.append(client)
            client.start()
            self._scene.around.arrived(key.charger_id, key.idx, stay_ms, client.car)
            self._scene.around.clock.after(stay_ms, client.stop)
        elif outlet.transaction is None:
            car = random_car(rng, model.hardware_w)
            model.plug(outlet.idx, car, f"Tag{self._scene.around.number('tag')}", stay_ms)
            transaction = outlet.transaction
            self._scene.around.clock.after(stay_ms, lambda: self._depart(model, outlet.idx, transaction))

    def _depart(self, model: ChargerModel, idx: int, transaction: object) -> None:
        outlet = model.outlets[idx - 1]
        if model.link is None and not self._scene.around.faults.strike(Kind.OFFLINE_STOP):
            return
        if transaction is not None and outlet.transaction is transaction and not self._scene.around.calm:
            model.unplug(idx)

    def _change(self, model: ChargerModel) -> None:
        for outlet in model.outlets:
            if outlet.car is not None:
                change_mind(self._scene.around.rng, outlet.car, model.hardware_w)
        for client in self._scene.clients:
            if client.key.charger_id == model.charger_id and not client.is_gone:
                client.wants_w = self._scene.around.rng.randint(0, 200_000)

    def _drop(self, model: ChargerModel) -> None:
        link = model.link
        strike = self._scene.around.faults.strike
        if link is None:
            return
        if self._scene.around.chance(0.7):
            if strike(Kind.RESET):
                model.drop()
            return
        if not strike(Kind.HALF_OPEN):
            return
        link.is_deaf = True  # the charger comes back before the gateway knows that it is gone
        model.lost()
        if self._scene.around.chance(0.5):
            model.connect()
            link.close()
        else:
            link.close()
            model.connect()

    def _reboot(self, model: ChargerModel) -> None:
        if not self._scene.around.faults.strike(Kind.REBOOT):
            return
        model.reboot(self._scene.around.rng.randint(3_000, 40_000))

    def _mute(self, model: ChargerModel) -> None:
        if not self._scene.around.faults.strike(Kind.METER_SILENT):
            return
        model.meter_mute_until_ms = self._scene.around.clock.now_ms + self._scene.around.rng.randint(10_000, 60_000)

    def _crash(self) -> None:
        if self._scene.host.engine is None or not self._scene.around.faults.strike(Kind.SERVER_CRASH):
            return
        self.kill()
        self._scene.around.clock.after(self._scene.around.rng.randint(200, 20_000), self._boot)

    def die(self) -> None:
        """Have the server die where it stands, without anything more becoming durable, and start again."""
        self.kill(arrives=0.0)
        self._scene.around.clock.after(self._scene.around.odd_rng.randint(200, 5_000), self._boot)

    def _boot(self) -> None:
        if self._scene.host.engine is None and not self._is_gone:
            self._scene.host.boot()

    def end_server(self) -> None:
        """Have the server die for good."""
        self._is_gone = True
        self.kill()

    def turned_away(self) -> None:
        """Tell REST clients that what they asked will not be answered."""
        for client in self._scene.clients:
            client.turned_away()

    def kill(self, arrives: float = 0.3) -> None:
        """Have the server die, and everybody lose it."""
        if self._scene.judge.supplies is not None:
            self._scene.judge.supplies.died()
        self._scene.host.kill(arrives)
        if self._scene.energy is not None:
            self._scene.energy.server_changed()
        for model in self._scene.chargers.values():
            if model.link is not None:
                model.link.die()
                model.lost()
        for client in self._scene.clients:
            client.server_died()

    def _step_wall_clock(self) -> None:
        around = self._scene.around
        if around.faults.strike(Kind.SERVER_CLOCK):
            around.server_ahead_ms = around.rng.randint(-7_200_000, 7_200_000)

    def _stop_foreign(self) -> None:
        ids = [row.transaction_id for row in self._scene.store.sessions.values() if row.transaction_id is not None]
        if not ids:
            return
        transaction_id = self._scene.around.rng.choice(ids)
        row = self._scene.store.find_transaction(transaction_id)
        others = [
            model for model in self._scene.chargers.values() if row is not None and model.charger_id != row.charger_id
        ]
        if others and self._scene.around.faults.strike(Kind.FOREIGN_STOP):
            self._scene.around.rng.choice(others).stop_foreign(transaction_id)

    def _remote(self) -> None:
        rng = self._scene.around.rng
        live = [c for c in self._scene.station.chargers if c.charger_id in self._scene.judge.live]
        running = [
            row for row in self._scene.store.sessions.values() if row.driver is Driver.OCPP and row.ended_ms is None
        ]
        if running and self._scene.around.chance(0.5):
            session_id = rng.choice(running).session_id
            self._scene.host.ask(lambda request: SessionStopRequested(request, session_id), lambda _outcome: None)
        elif live:
            charger = rng.choice(live)
            idx = rng.randint(1, charger.connectors)
            new_session_id = self._scene.around.session_id()
            self._scene.host.ask(
                lambda request: SessionRequested(request, charger.charger_id, idx, 50_000, "5E450001", new_session_id),
                lambda _outcome: None,
            )

    # --- odd things ---------------------------------------------------------------------------------------------------

    def _disturb(self, model: ChargerModel) -> None:
        """Let a connection jitter, or stand still in one direction or both."""
        around, link = self._scene.around, model.link
        rng, now_ms = around.odd_rng, around.clock.now_ms
        kind = rng.choice((Kind.JITTER, Kind.STALL_IN, Kind.STALL_OUT, Kind.STALL_BOTH))
        if link is None or not around.faults.strike(kind):
            return
        if kind is Kind.JITTER:
            model.disturbed_until_ms = now_ms + rng.randint(10_000, 60_000)
            link.jitter(model.disturbed_until_ms)
            return
        model.disturbed_until_ms = until_ms = now_ms + rng.randint(2_000, 30_000)
        if kind is not Kind.STALL_OUT:
            link.stall(inwards=True, until_ms=until_ms)
        if kind is not Kind.STALL_IN:
            link.stall(inwards=False, until_ms=until_ms)

    def _half_close(self, model: ChargerModel) -> None:
        around, link = self._scene.around, model.link
        if link is None or not around.faults.strike(Kind.HALF_CLOSE):
            return
        link.close()

        def notice() -> None:
            if model.link is link:
                model.lost()

        around.clock.after(around.odd_rng.randint(5_000, 40_000), notice)

    def _fight(self, model: ChargerModel) -> None:
        """Let two of the same id take the connection from each other, some times within a minute."""
        around = self._scene.around
        for turn in range(around.odd_rng.randint(1, 6)):
            around.clock.after(turn * 8_000, partial(self._take_over, model, f"192.0.2.{turn % 2 + 1}"))

    def _take_over(self, model: ChargerModel, address: str) -> None:
        link = model.link
        if link is None or self._scene.around.calm or not self._scene.around.faults.strike(Kind.DUPLICATE_CONNECTION):
            return
        model.taken_over_ms = self._scene.around.clock.now_ms
        model.lost()
        model.connect(address)
        link.close()

    def _silence(self, model: ChargerModel) -> None:
        around = self._scene.around
        if model.link is not None and around.faults.strike(Kind.SILENT_CONNECTED):
            model.silent_until_ms = around.clock.now_ms + around.odd_rng.randint(20_000, 120_000)

    def _break_meter(self, model: ChargerModel) -> None:
        around = self._scene.around
        kind = around.odd_rng.choice(METERS)
        if around.faults.strike(kind):
            model.meter_fault = kind
            model.meter_fault_until_ms = around.clock.now_ms + around.odd_rng.randint(30_000, 180_000)

    def _confuse_phases(self, model: ChargerModel) -> None:
        """Let a car go over to other phases, or a charger tell something else of them for a while."""
        around = self._scene.around
        kind = around.phases_rng.choice((Kind.PHASES_SWITCHED, *OF_PHASES))
        if kind is Kind.PHASES_SWITCHED:
            model.switch_phases()
        elif around.faults.strike(kind):
            model.phases_fault = kind
            model.phases_fault_until_ms = around.clock.now_ms + around.phases_rng.randint(30_000, 180_000)

    def _step_clock(self, model: ChargerModel) -> None:
        around = self._scene.around
        if around.faults.strike(Kind.CHARGER_CLOCK_STEP):
            model.step_clock(around.later_rng.randint(-300_000, 300_000))
            model.disturbed_until_ms = max(model.disturbed_until_ms, around.clock.now_ms + STAMPS_DOUBTED_MS)

    def _doom(self) -> None:
        self._scene.host.doom = self._scene.around.odd_rng.choice(CRASH_POINTS)

    def _break_disk(self) -> None:
        around, host = self._scene.around, self._scene.host
        is_full = around.odd_rng.random() < 0.5
        host.disk_fault = Kind.FULL_DISK if is_full else Kind.FAILING_DISK
        host.disk_fails_until_ms = around.clock.now_ms + (around.odd_rng.randint(3_000, 30_000) if is_full else 0)

    def _stall_loop(self) -> None:
        around, host = self._scene.around, self._scene.host
        if host.engine is not None and around.faults.strike(Kind.LOOP_STALL):
            host.stall(around.clock.now_ms + around.odd_rng.randint(1_000, 10_000))

    def _raise_base_load(self) -> None:
        around, grid = self._scene.around, self._scene.grid
        if grid.excess_w or not around.faults.strike(Kind.BASE_LOAD):
            return
        grid.excess_w = int(self._scene.station.grid_capacity_w * around.odd_rng.uniform(0.05, 0.3))
        around.clock.after(around.odd_rng.randint(10_000, 60_000), self._lower_base_load)

    def _lower_base_load(self) -> None:
        self._scene.grid.excess_w = 0
