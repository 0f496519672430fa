"""The smart-charging half of a simulated charger: it executes CALLs and answers them (OCPP 1.6 §5.8, §5.11-§5.17).

It reads the frames itself, to the letter of the specification, and knows no word of the central system's code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from csms.simulation.faults import Kind
from csms.simulation.frames import Asked, Payload, Refusal, answer_text, read_call, time_ms
from csms.simulation.keys import KeyMemory, Pen
from csms.simulation.line import Delivered, Line
from csms.simulation.manners import POLITE, Handling, Manners, Word
from csms.simulation.profiles import ProfileMemory
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import ViolationError, demand
from csms.simulation.wiring import Amperes

MAX_PHASES = 3
"""numberPhases where none is told (§7.14)."""

APPLIES_LATE_MS = 30_000

READS = frozenset({"GetConfiguration", "GetCompositeSchedule"})
ASKS = frozenset({"TriggerMessage", "RemoteStartTransaction", "RemoteStopTransaction"})


@dataclass(frozen=True, slots=True)
class Nature:
    """What a charger can do; the same for its whole life.

    Attributes:
        units: rate units that it takes, "W" and "A".
        phases: how many are installed; voltage_v: of each.
        relative: takes Relative profiles; else Absolute ones alone.
        zero: takes a limit of 0.
        any_transaction: takes a TxProfile that names a transaction other than the one that runs.
        tenths: keeps tenths of an ampere; reads_back: knows GetCompositeSchedule.
        two_periods: takes a schedule of more than one period; shows_both: its composite schedule has them all.
        tx_profiles: takes TxProfile; else its connectors' own TxDefaultProfile alone limits a transaction.
        triggers: knows TriggerMessage.
        configuration: its configuration keys as they were at first.
        pen: how it takes what is written to them.
    """

    units: frozenset[str]
    phases: int = 3
    voltage_v: int = 230
    relative: bool = True
    zero: bool = True
    any_transaction: bool = False
    tenths: bool = True
    reads_back: bool = True
    tx_profiles: bool = True
    two_periods: bool = True
    shows_both: bool = False
    triggers: bool = True
    configuration: dict[str, str | None] = field(default_factory=dict)
    pen: Pen = field(default_factory=Pen)


@dataclass(eq=False, slots=True)
class Expiring:
    """A second period of a profile that is to come, by this charger's clock; `round` counts how often that was set.

    `installed`: the profile that it belongs to, at connector `idx` and stack level `level`; `limit`: as it was told.
    """

    due_ms: int
    fall: Callable[[], None]
    idx: int
    level: int
    installed: tuple[int, int]
    limit: float
    round: int = 0


class Obedience:
    """Executes CALLs at the time and answers them in the way that the charger's manners choose."""

    def __init__(self, around: Surroundings, nature: Nature, manners: Manners, profiles: ProfileMemory) -> None:
        self.nature = nature
        self.manners = manners
        self.profiles = profiles
        self.character: Kind | None = None
        self.most_w = 0
        self.keys = KeyMemory(nature.configuration, nature.pen)
        self._around = around
        self._epoch = 0
        self._told_tenths: dict[int, int] = {}
        self._told: dict[int, tuple[str, float]] = {}
        self._expiring: list[Expiring] = []
        self.running_id: Callable[[int], tuple[bool, int | None]] = lambda _idx: (False, None)
        self.reboots: Callable[[], None] = lambda: None
        self.expired = 0
        self.connectors: range = range(0)
        self.clock_ms: Callable[[], int] = lambda: 0
        self.changed: Callable[[], None] = lambda: None
        self.disturbed: Callable[[], None] = lambda: None
        self.asked: Callable[[str, Payload], bool] = lambda _action, _payload: False

    def forget_pending(self) -> None:
        """Drop every CALL that was received and not yet executed, as a reboot does."""
        self._epoch += 1

    def take(self, line: Line, delivered: Delivered) -> None:
        """Receive a CALL."""
        asked = read_call(delivered.text)
        manners = POLITE if self._around.calm or not self._around.switches.faults else self.manners
        handling = manners.handle(self._around.rng)
        if handling.fault is not None and not self._around.faults.strike(handling.fault):
            handling = POLITE.handle(self._around.rng)
        if handling.fault not in {None, Kind.SLOW_ANSWER}:
            self.disturbed()
        handling = self._in_character(asked, handling)
        epoch = self._epoch
        if handling.execute_ms is None:
            if handling.answer_ms is not None:
                text = answer_text(asked, _negative(asked, handling.word))
                self._around.clock.after(handling.answer_ms, lambda: line.answer(delivered, text))
            return
        self._around.clock.after(handling.execute_ms, lambda: self._act(line, delivered, asked, handling, epoch))

    def _in_character(self, asked: Asked, handling: Handling) -> Handling:
        """Return what becomes of a limit at a charger that treats all of them in its own way."""
        rng = self._around.odd_rng
        if self.character is None or asked.action != "SetChargingProfile" or self._around.calm:
            return handling
        if self.character is Kind.ANSWERS_LATE and self._is(Kind.ANSWERS_LATE):
            return Handling(rng.randint(100, 12_000), rng.randint(12_000, 40_000))
        if self.character is Kind.REJECTS_BUT_APPLIES and self._is(Kind.REJECTS_BUT_APPLIES):
            return Handling(100, 300, Word.REJECTED)
        if self.character is Kind.EXECUTES_AFTER_H and rng.random() < 0.2 and self._is(Kind.EXECUTES_AFTER_H):
            return Handling(rng.randint(75_000, 150_000), None)
        return handling

    def _is(self, character: Kind) -> bool:
        """Return whether this charger is one of `character`, now that it shows."""
        return self.character is character and self._around.faults.strike(character)

    def _act(self, line: Line, delivered: Delivered, asked: Asked, handling: Handling, epoch: int) -> None:
        now_ms = self._around.clock.now_ms
        is_void = delivered.void_ms is not None and now_ms >= delivered.void_ms
        if epoch != self._epoch or (is_void and self.character is not Kind.EXECUTES_AFTER_H):
            return
        answer = self._execute(asked)
        if handling.answer_ms is None:
            return
        if handling.word is not Word.TRUTH:
            answer = _negative(asked, handling.word)
        text = answer_text(asked, answer)
        self._around.clock.at(delivered.at_ms + handling.answer_ms, lambda: line.answer(delivered, text))

    def _execute(self, asked: Asked) -> Payload | Refusal:
        payload = asked.payload
        match asked.action:
            case "SetChargingProfile":
                return _status("Accepted" if self._set(payload) else "Rejected")
            case "ClearChargingProfile":
                found = self._clear(payload)
                self.changed()
                return _status("Accepted" if found else "Unknown")
            case "GetCompositeSchedule":
                return self._read_back(payload)
            case "GetConfiguration":
                return self._read(payload)
            case "ChangeConfiguration":
                return _status(self._write(payload))
            case "ChangeAvailability":
                return _status("Rejected")
            case "TriggerMessage" if not self.nature.triggers:
                return Refusal("NotImplemented")
            case action if action in ASKS:
                return _status("Accepted" if self.asked(action, payload) else "Rejected")
            case _:
                return Refusal("NotImplemented")

    def _read(self, payload: Payload) -> Payload | Refusal:
        wanted = payload["key"]
        values = self.keys.read(wanted)
        if values is None:
            return Refusal("OccurenceConstraintViolation")
        known = [
            {"key": key, "readonly": False} | ({} if value is None else {"value": value})
            for key, value in values.items()
        ]
        return {"configurationKey": known, "unknownKey": [key for key in wanted if key not in values]}

    def _read_back(self, payload: Payload) -> Payload:
        """Return the limit told last, as far as this charger keeps tenths of an ampere."""
        idx = payload["connectorId"]
        if self.nature.shows_both:
            return self._composite(idx, payload)
        told = self._told_tenths.get(idx)
        if told is None or not self.nature.reads_back:
            return _status("Rejected")
        period = {"startPeriod": 0, "limit": self._kept(told) / 10}
        schedule = {"duration": payload["duration"], "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
        return _status("Accepted") | {"connectorId": idx, "chargingSchedule": schedule}

    def _composite(self, idx: int, payload: Payload) -> Payload:
        """Return what is in force at a connector, and what will be, in the unit that was told (§5.7)."""
        unit, levels = payload.get("chargingRateUnit", "A"), self.profiles.tx.get(idx)
        told = self._told.get(idx)
        if not self.nature.reads_back or not levels or told is None or told[0] != unit:
            return _status("Rejected")
        level = max(levels)
        limit = self._kept(round(told[1] * 10)) / 10 if unit == "A" else told[1]
        periods: list[dict[str, Any]] = [{"startPeriod": 0, "limit": limit}]
        for each in self._expiring:
            left_ms = each.due_ms - self.clock_ms()
            is_mine = (each.idx, each.level) == (idx, level) and each.installed is levels[level]
            if is_mine and 0 < left_ms < payload["duration"] * 1_000:
                periods.append({"startPeriod": left_ms // 1_000, "limit": each.limit})
        schedule = {"duration": payload["duration"], "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
        return _status("Accepted") | {"connectorId": idx, "chargingSchedule": schedule}

    def _kept(self, tenths_a: int) -> int:
        return tenths_a if self.nature.tenths else tenths_a // 10 * 10

    def _write(self, payload: Payload) -> str:
        word = self.keys.write(payload["key"], payload["value"])
        if word == "Accepted" and self.nature.pen.reboots and not self._around.calm:
            self._around.clock.after(self._around.rng.randint(500, 3_000), self.reboots)
        return word

    def _clear(self, payload: Payload) -> bool:
        idx: int | None = payload.get("connectorId")
        if payload["chargingProfilePurpose"] == "TxDefaultProfile":
            return self.profiles.clear_defaults(idx, payload.get("stackLevel"))
        if payload["chargingProfilePurpose"] != "TxProfile" or not idx:
            raise ViolationError(f"cleared where nothing is: {payload}")
        return self.profiles.clear_tx(idx)

    def _takes_foreign(self, running_id: int | None) -> bool:
        is_reported = running_id is not None
        return self.nature.any_transaction and (is_reported or self._around.switches.foreign_before_report)

    def _set(self, payload: Payload) -> bool:
        profile = payload["csChargingProfiles"]
        schedule = profile["chargingSchedule"]
        period, *later = schedule["chargingSchedulePeriod"]
        is_absolute, is_tx = (
            profile["chargingProfileKind"] == "Absolute",
            profile["chargingProfilePurpose"] == "TxProfile",
        )
        demand(is_absolute == ("startSchedule" in schedule), "a start where none belongs, or none: {}", payload)
        demand(period["startPeriod"] == 0, "no limit from the beginning: {}", payload)
        if not self._takes(schedule["chargingRateUnit"], period["limit"], is_absolute=is_absolute, is_tx=is_tx):
            return False
        if later and not self.nature.two_periods:
            return False
        demand(not later or (is_tx and is_absolute), "a limit that expires is a TxProfile, and Absolute: {}", payload)
        if self._is(Kind.IGNORES):
            return True
        if self._is(Kind.APPLIES_LATE):
            self._around.clock.after(APPLIES_LATE_MS, lambda: self._install_late(payload))
            return True
        return self._install(payload)

    def _takes(self, unit: str, limit: float, *, is_absolute: bool, is_tx: bool) -> bool:
        """Return whether this charger takes such a profile at all."""
        nature = self.nature
        if unit not in nature.units or not (nature.relative or is_absolute) or (is_tx and not nature.tx_profiles):
            return False
        if limit == 0 and (not nature.zero or self._is(Kind.REFUSES_ZERO)):
            return False
        return not self._is(Kind.REFUSES_ALL)

    def _install_late(self, payload: Payload) -> None:
        self._install(payload)

    def _install(self, payload: Payload) -> bool:
        """Put a profile in force."""
        idx, profile = payload["connectorId"], payload["csChargingProfiles"]
        schedule, level = profile["chargingSchedule"], profile["stackLevel"]
        unit, (period, *later) = schedule["chargingRateUnit"], schedule["chargingSchedulePeriod"]
        limit_w = self._as_told(unit, period, self._distorted_w(idx, self._limit_w(unit, period)))
        if profile["chargingProfilePurpose"] != "TxProfile":
            self.profiles.set_default(idx, level, limit_w)
            self.changed()
            return True
        if self._is(Kind.DEFAULT_ONLY):
            self.profiles.heeds_tx = False
        runs, running_id = self.running_id(idx)
        transaction_id = profile["transactionId"]
        if not runs or (transaction_id != running_id and not self._takes_foreign(running_id)):
            return False
        self.profiles.set_tx(idx, level, transaction_id, limit_w)
        if self._is(Kind.ONE_FOR_ALL):
            self._set_all(level, limit_w)
        for one in later:
            self._expire_later(idx, level, schedule["startSchedule"], unit, one)
        self._told[idx] = unit, period["limit"]
        if unit == "A":
            self._told_tenths[idx] = round(period["limit"] * 10)
        self.changed()
        return True

    def _expire_later(self, idx: int, level: int, start: str, unit: str, period: dict[str, Any]) -> None:
        """Put a second period in force when this charger's clock says so, unless the profile is another by then."""
        installed = self.profiles.tx[idx][level]
        due_ms = time_ms(start) + period["startPeriod"] * 1_000
        limit_w = self._as_told(unit, period, self._limit_w(unit, period))

        def fall() -> None:
            self._expiring.remove(expiring)
            if self.profiles.tx.get(idx, {}).get(level) is installed:
                self.profiles.set_tx(idx, level, installed[0], limit_w)
                self._told[idx] = unit, period["limit"]
                self.expired += 1
                self.changed()

        expiring = Expiring(due_ms, fall, idx, level, installed, period["limit"])
        self._expiring.append(expiring)
        self._await(expiring)

    def clock_stepped(self) -> None:
        """Notice that this charger's clock was set: what expires does so when the new time says so."""
        for expiring in self._expiring:
            self._await(expiring)

    def _await(self, expiring: Expiring) -> None:
        expiring.round += 1
        this_round = expiring.round

        def due() -> None:
            if expiring.round == this_round:
                expiring.fall()

        self._around.clock.after(max(0, expiring.due_ms - self.clock_ms()), due)

    def _distorted_w(self, idx: int, limit_w: int) -> int:
        """Return what a liar makes of a limit."""
        ampere_w = self.nature.voltage_v * self.nature.phases
        if self.character is Kind.ROUNDS_UP and limit_w % ampere_w and self._is(Kind.ROUNDS_UP):
            return -(-limit_w // ampere_w) * ampere_w
        if self.character is Kind.RESUMES_UNLIMITED and limit_w and idx:
            before_w = self.profiles.limit_w(idx, in_transaction=True)
            if before_w == 0 and self._is(Kind.RESUMES_UNLIMITED):
                return self.most_w
        return limit_w

    def _set_all(self, level: int, limit_w: int) -> None:
        """Put one connector's limit in force at every other one that has a transaction."""
        for idx in self.connectors:
            runs, running_id = self.running_id(idx)
            if runs and running_id is not None:
                self.profiles.set_tx(idx, level, running_id, limit_w)

    def _limit_w(self, unit: str, period: dict[str, Any]) -> int:
        """Return what a limit allows at this charger, W: an ampere limit counts for each phase used (§7.14)."""
        if unit == "W":
            return int(period["limit"])
        return self._kept(round(period["limit"] * 10)) * self.nature.voltage_v * self._phases(period) // 10

    def _phases(self, period: dict[str, Any]) -> int:
        phases: int = min(period.get("numberPhases", MAX_PHASES), self.nature.phases)
        return phases

    def _as_told(self, unit: str, period: dict[str, Any], limit_w: int) -> int:
        """Return a limit, W, that knows whether it was told in amperes."""
        return Amperes(limit_w, self._phases(period)) if unit == "A" else limit_w


def _status(word: str) -> Payload:
    return {"status": word}


def _negative(asked: Asked, word: Word) -> Payload | Refusal:
    if word is Word.ERROR or asked.action in READS:
        return Refusal("InternalError")
    return _status("Rejected")
