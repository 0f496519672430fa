"""The smart-charging half of a simulated charger: it executes CALLs and answers them (OCPP 1.6 §5.8, §5.11-§5.17)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from csms.core.commands import (
    PROBE_TENTHS,
    Call,
    ChangeAvailability,
    ChangeConfiguration,
    ClearLimits,
    ProfileKind,
    Purpose,
    RateUnit,
    ReadConfiguration,
    ReadSchedule,
    RemoteStart,
    RemoteStop,
    SetLimit,
    Trigger,
)
from csms.core.events import CallAnswered, CallErrored, ConfigurationRead, ScheduleRead
from tests.property.world.keys import KeyMemory, Pen
from tests.property.world.link import Answer, Handed, Link
from tests.property.world.manners import POLITE, Handling, Manners, Word
from tests.property.world.profiles import ProfileMemory
from tests.property.world.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Nature:
    """What a charger can do; the same for its whole life.

    Attributes:
        units: rate units that it takes.
        relative: takes Relative profiles; else Absolute ones alone.
        zero: takes a limit of 0.
        any_transaction: takes a TxProfile that names a transaction other than the one that runs.
        tenths: keeps tenths of an ampere; reads_back: knows GetCompositeSchedule.
        tx_profiles: takes TxProfile; else its connectors' own TxDefaultProfile alone limits a transaction.
        triggers: knows TriggerMessage.
        configuration: its configuration keys as they were at first.
        pen: how it takes what is written to them.
    """

    units: frozenset[RateUnit]
    relative: bool = True
    zero: bool = True
    any_transaction: bool = False
    tenths: bool = True
    reads_back: bool = True
    tx_profiles: bool = True
    triggers: bool = True
    configuration: dict[str, str | None] = field(default_factory=dict)
    pen: Pen = field(default_factory=Pen)


class Obedience:
    """Executes CALLs at the time and answers them in the way that the charger's manners choose."""

    def __init__(self, around: Surroundings, nature: Nature, manners: Manners, profiles: ProfileMemory) -> None:
        self.nature = nature
        self.profiles = profiles
        self.keys = KeyMemory(nature.configuration, nature.pen)
        self._around = around
        self._manners = manners
        self._epoch = 0
        self._told_tenths: dict[int, int] = {}
        self.running_id: Callable[[int], tuple[bool, int | None]] = lambda _idx: (False, None)
        self.reboots: Callable[[], None] = lambda: None
        self.changed: Callable[[], None] = lambda: None
        self.asked: Callable[[Trigger | RemoteStart | RemoteStop], bool] = lambda _call: False

    def forget_pending(self) -> None:
        """Drop every CALL that was received and not yet executed, as a reboot does."""
        self._epoch += 1

    def take(self, link: Link, handed: Handed) -> None:
        """Receive a CALL."""
        manners = POLITE if self._around.calm or not self._around.switches.faults else self._manners
        handling = manners.handle(self._around.rng)
        epoch = self._epoch
        if handling.execute_ms is None:
            if handling.answer_ms is not None:
                answer = _negative(handed.call, handling.word)
                self._around.clock.after(handling.answer_ms, lambda: link.answer(handed, answer))
            return
        self._around.clock.after(handling.execute_ms, lambda: self._act(link, handed, handling, epoch))

    def _act(self, link: Link, handed: Handed, handling: Handling, epoch: int) -> None:
        now_ms = self._around.clock.now_ms
        if epoch != self._epoch or (handed.void_ms is not None and now_ms >= handed.void_ms):
            return
        answer = self._execute(handed.call)
        if handling.answer_ms is None:
            return
        if handling.word is not Word.TRUTH:
            answer = _negative(handed.call, handling.word)
        self._around.clock.at(handed.at_ms + handling.answer_ms, lambda: link.answer(handed, answer))

    def _execute(self, call: Call) -> Answer:
        match call:
            case SetLimit():
                return CallAnswered(call.token, "Accepted" if self._set(call) else "Rejected")
            case ClearLimits():
                found = self._clear(call)
                self.changed()
                return CallAnswered(call.token, "Accepted" if found else "Unknown")
            case ReadSchedule():
                return ScheduleRead(call.token, self._read_back(call))
            case ReadConfiguration():
                values = self.keys.read(call.keys)
                if values is None:
                    return CallErrored(call.token, "OccurenceConstraintViolation")
                return ConfigurationRead(call.token, values, tuple(key for key in call.keys if key not in values))
            case ChangeConfiguration():
                return CallAnswered(call.token, self._write(call))
            case ChangeAvailability():
                return CallAnswered(call.token, "Rejected")
            case Trigger() if not self.nature.triggers:
                return CallErrored(call.token, "NotImplemented")
            case Trigger() | RemoteStart() | RemoteStop():
                return CallAnswered(call.token, "Accepted" if self.asked(call) else "Rejected")

    def _read_back(self, call: ReadSchedule) -> int | None:
        """Return the limit told last, in tenths of an ampere, as far as this charger keeps them."""
        told = self._told_tenths.get(call.idx)
        return None if told is None or not self.nature.reads_back else told if self.nature.tenths else told // 10 * 10

    def _write(self, call: ChangeConfiguration) -> str:
        word = self.keys.write(call)
        if word == "Accepted" and self.nature.pen.reboots and not self._around.calm:
            self._around.clock.after(self._around.rng.randint(500, 3_000), self.reboots)
        return word

    def _clear(self, call: ClearLimits) -> bool:
        if call.purpose is Purpose.DEFAULT:
            return self.profiles.clear_defaults(call.idx, call.stack_level)
        assert call.idx, "a TxProfile is cleared at its connector"
        return self.profiles.clear_tx(call.idx)

    def _takes_foreign(self, running_id: int | None) -> bool:
        is_reported = running_id is not None
        return self.nature.any_transaction and (is_reported or self._around.switches.foreign_before_report)

    def _set(self, call: SetLimit) -> bool:
        form = call.form
        can_read = form.unit in self.nature.units and (self.nature.relative or form.kind is ProfileKind.ABSOLUTE)
        if not can_read or (call.limit_w == 0 and not self.nature.zero):
            return False
        if call.purpose is Purpose.TX and not self.nature.tx_profiles:
            return False
        if call.purpose is Purpose.DEFAULT:
            self.profiles.set_default(call.idx, form.stack_level, call.limit_w)
        else:
            runs, running_id = self.running_id(call.idx)
            if call.transaction_id is None or not runs:
                return False
            if call.transaction_id != running_id and not self._takes_foreign(running_id):
                return False
            self.profiles.set_tx(call.idx, form.stack_level, call.transaction_id, call.limit_w)
            if form.unit is RateUnit.A:
                told = call.limit_w * 10 // form.ampere_w
                self._told_tenths[call.idx] = told - PROBE_TENTHS if call.probing else told
        self.changed()
        return True


def _negative(call: Call, word: Word) -> Answer:
    if word is Word.ERROR or isinstance(call, ReadConfiguration | ReadSchedule):
        return CallErrored(call.token, "InternalError")
    return CallAnswered(call.token, "Rejected")
