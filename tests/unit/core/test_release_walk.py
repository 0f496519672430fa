"""Chargers are released and taken in again in any order, and what they really obey never is above what is booked;
nothing of ours is in one that counts as released.

The chargers are a model of their own: they hold profiles by id, and carry out what was not answered at any time within
H, or never. The engine asserts I1 and I3 at each step, the drive that recovery books the same or more (I7).
"""

import json
from dataclasses import dataclass, field

import pytest

from csms.core.commands import Call, ClearLimits, Operate, Purpose, SetLimit
from csms.core.events import ReleaseRequested, ReleaseUndoRequested
from csms.core.ids import ChargerId, RequestId
from csms.core.release import ReleaseState
from csms.core.replies import Confirmed, ReleaseShown
from csms.core.timings import LAW
from tests.unit.core.driving import charger
from tests.unit.core.test_observing import Walk

MAX_KW = 100
DEFAULTS, LIMITS = 2_000, 3_000


@dataclass(frozen=True)
class Held:
    """One profile in a charger."""

    idx: int
    purpose: Purpose
    level: int
    limit_w: int
    transaction_id: int | None


@dataclass
class Inside:
    """The profiles of one charger, and what it may still carry out: until when, ms, and what."""

    held: dict[int, Held] = field(default_factory=dict)
    late: list[tuple[int, Call]] = field(default_factory=list)

    def carry_out(self, call: Call, running: dict[int, int]) -> str:
        """Do as a CALL says; return the status of its answer."""
        match call:
            case SetLimit():
                if call.purpose is Purpose.TX and running.get(call.idx) != call.transaction_id:
                    return "Rejected"
                number = (DEFAULTS if call.purpose is Purpose.DEFAULT else LIMITS) + call.idx
                new = Held(call.idx, call.purpose, call.form.stack_level, call.limit_w, call.transaction_id)
                place = (new.idx, new.purpose, new.level)
                self.held = {n: h for n, h in self.held.items() if (h.idx, h.purpose, h.level) != place}
                self.held[number] = new
            case ClearLimits():
                return self._clear([number for number, held in self.held.items() if _matches(held, call)])
            case Operate(action="ClearChargingProfile"):
                return self._clear([number for number in self.held if number == json.loads(call.payload_json)["id"]])
            case _:
                pass
        return "Accepted"

    def _clear(self, numbers: list[int]) -> str:
        for number in numbers:
            del self.held[number]
        return "Accepted" if numbers else "Unknown"

    def obeys_w(self, idx: int) -> int:
        """Return what a connector may draw by its profiles, W (§3.13)."""
        own = self.held.get(LIMITS + idx)
        if own is not None:
            return own.limit_w
        defaults = [held for held in self.held.values() if held.purpose is Purpose.DEFAULT and held.idx in {0, idx}]
        best = max(defaults, key=lambda held: (held.level, held.idx), default=None)
        return MAX_KW * 1_000 if best is None else best.limit_w


def _matches(held: Held, call: ClearLimits) -> bool:
    return (
        held.purpose is call.purpose
        and call.idx in {None, held.idx}
        and (call.stack_level is None or call.stack_level == held.level)
    )


class ReleaseWalk(Walk):
    """The walk between the modes, with releases; nothing is reserved: a charger without a limit books its maximum."""

    def __init__(self, seed: int) -> None:
        self.inside = {name: Inside() for name in "ABC"}
        self.begun = self.taken_in = self.released = 0
        super().__init__(seed)

    def site(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as its parent's
        self.chargers = {name: charger(name, MAX_KW, c.connectors) for name, c in self.chargers.items()}
        return super().site()

    def go(self) -> None:
        """Do one thing, after what is late."""
        act = self.random.random()
        if act < 0.1:
            self.release(self.random.choice("ABC"))
        elif act < 0.2:
            self.take_in(self.random.choice("ABC"))
        elif act < 0.3:
            self.change_of_mind(self.random.choice("ABC"))
        else:
            super().go()
        self.late()

    def release(self, name: str) -> None:
        request = RequestId(self.drive.number())
        forced = self.random.random() < 0.7
        self.drive.do(ReleaseRequested(request, ChargerId(name), "", forced))
        self.begun += isinstance(self.drive.outcomes[request], ReleaseShown)

    def take_in(self, name: str) -> None:
        request = RequestId(self.drive.number())
        self.drive.do(ReleaseUndoRequested(request, ChargerId(name)))
        self.taken_in += self.drive.outcomes[request] == Confirmed()

    def change_of_mind(self, name: str) -> None:
        """Release and take in again in haste, with answers that fail to come: what is late meets what is new."""
        for act in (self.release, self.answer, self.take_in, self.answer, self.answer, self.answer):
            act(name)
        self.drive.wait(self.random.choice([1, 5, 20]))
        self.take_in(name)
        for _ in range(8):
            self.answer(name)

    def running(self, name: str) -> dict[int, int]:
        return {idx: number for (at, idx), number in self.transactions.items() if at == name}

    def plug(self, name: str) -> None:
        before = self.running(name)
        super().plug(name)
        for idx in before.keys() - self.running(name).keys():
            self.inside[name].held.pop(LIMITS + idx, None)  # a TxProfile goes with its transaction (§7.10)

    def answer(self, _: str) -> None:
        """Carry out and answer what is out, refuse it, or say nothing."""
        for call in list(self.drive.open_calls):
            if call not in self.drive.open_calls:
                continue
            name = call.charger_id
            if self.random.random() < (0.5 if isinstance(call, Operate) else 0.9):
                refuses = self.random.random() < 0.05
                word = "Rejected" if refuses else self.inside[name].carry_out(call, self.running(name))
                self.drive.answer(call, word)
            elif self.random.random() < 0.7:
                self.drive.time_out(call)
                self.drive.open_calls.remove(call)
                self.put_off(call)

    def break_link(self, name: str) -> None:
        lost = [call for call in self.drive.open_calls if call.charger_id == name]
        super().break_link(name)
        for call in lost:
            self.put_off(call)

    def restart(self, name: str) -> None:
        lost = list(self.drive.open_calls)
        super().restart(name)
        for call in lost:
            self.put_off(call)

    def put_off(self, call: Call) -> None:
        """Have a CALL carried out within H after it was given up, or never."""
        if self.random.random() < 0.6:
            due_ms = self.drive.now_ms + self.random.randint(0, LAW.late_execution_ms - 1)
            self.inside[call.charger_id].late.append((due_ms, call))

    def late(self) -> None:
        for name, inside in self.inside.items():
            due = sorted((at for at in inside.late if at[0] <= self.drive.now_ms), key=lambda at: at[0])
            inside.late = [at for at in inside.late if at not in due]
            for _, call in due:
                inside.carry_out(call, self.running(name))

    def check(self, seed: int) -> None:
        for name, inside in self.inside.items():
            obeys_w = sum(inside.obeys_w(idx + 1) for idx in range(self.chargers[name].connectors))
            booked_kw = self.drive.k_kw(name)
            assert min(obeys_w, MAX_KW * 1_000) <= booked_kw * 1_000, (
                f"seed {seed}: {name} may draw {obeys_w} W of {booked_kw} kW booked: {inside.held}"
            )
            release = self.drive.memory.chargers[ChargerId(name)].release
            if release is not None and release.state is ReleaseState.RELEASED:
                assert inside.held == {}, f"seed {seed}: {name} is released"
                self.released += 1


@pytest.mark.parametrize("first", range(0, 30, 5))
def test_what_a_charger_may_draw_is_booked_whoever_is_released_and_taken_in_again(first: int) -> None:
    begun = taken_in = released = 0
    for seed in range(first, first + 5):
        walk = ReleaseWalk(seed)
        for _ in range(100):
            walk.go()
            walk.check(seed)
        begun, taken_in, released = begun + walk.begun, taken_in + walk.taken_in, released + walk.released
    assert begun > 10
    assert taken_in > 3
    assert released > 10
