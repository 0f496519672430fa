"""The words of the acceptance test: what a step may ask for, what comes of it, and how the steps follow each other.

Theory of operation. A step is a generator. It yields what it wants done (say something, ask the person, make a request,
just wait) and is sent the next look at the charger; it returns its outcome. It does no I/O and knows no clock but that
of the looks, so the same steps run on a terminal against a real charger and in a test on virtual time:

    step ── Ask ──▶ whoever runs it: asks the person, makes the request, waits a moment, looks
         ◀─ Look ──

A step that needs another one to have passed is not done when that one did not pass, and what is not done has not
passed.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from csms.cli.accepting.looks import Json, Look, Reading, metered
from csms.core.station import Charger


class Verdict(StrEnum):
    """What became of a step, or of the whole test."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not_done"


class Act(StrEnum):
    """What a person does at the site."""

    START = "start"
    END = "end"
    PULL_NETWORK = "pull_network"
    POWER_CYCLE = "power_cycle"
    RESTORE_NETWORK = "restore_network"
    CHARGE_OFFLINE = "charge_offline"
    RESTART_SERVER = "restart_server"


@dataclass(frozen=True, slots=True)
class Wait:
    """Only look again."""


@dataclass(frozen=True, slots=True)
class Say:
    """Show how far it has come."""

    text: str


@dataclass(frozen=True, slots=True)
class Please:
    """Ask the person to do something and wait until it is done, or refused."""

    act: Act
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Make a REST request; the next look has the reply."""

    method: str
    path: str
    body: Json | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A step begins: number, of how many."""

    step: "Step"
    number: int
    steps: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A step has its outcome."""

    outcome: "Outcome"


Effect = Wait | Say | Please | Ask | Begun | Ended


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: why, what to do about it, what was measured, and how long it took.

    Attributes:
        warning: what it passed in spite of, for the server makes up for it.
    """

    step: str
    verdict: Verdict
    said: str
    to_do: str = ""
    facts: Json = field(default_factory=dict)
    took_ms: int = 0
    warning: str = ""


@dataclass(slots=True)
class Case:
    """The connector under test, and what earlier steps have found out about it.

    Attributes:
        path: of the charger in REST.
        drawn_w: what the car drew without a limit of the test.
        phases: on how many the car charges; None: not known yet.
        period_ms: of its meter.
        meter_at_ms: when the last reading came that a step has taken; server's UTC.
        fail_safe_w: what the server counts on that a car draws without it.
        stop_wh: the register at which its transaction ended.
        power_cycled: whether its power was cut while it was offline.
    """

    config: Charger
    idx: int
    path: str
    drawn_w: int = 0
    phases: int | None = None
    period_ms: int = 10_000
    meter_at_ms: int = 0
    fail_safe_w: int = 0
    stop_wh: int | None = None
    power_cycled: bool = False

    def reading(self, look: Look) -> Reading | None:
        """Return what the meter has told since this was asked last, None when it has told nothing."""
        told_ms = metered(look.frames, self.idx)
        if not told_ms or told_ms[-1] <= self.meter_at_ms:
            return None
        self.meter_at_ms = told_ms[-1]
        return None if look.power_w is None else Reading(told_ms[-1], look.power_w)


Course = Generator[Effect, Look, Outcome]
Looking = Generator[Effect, Look, Look]


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: as it is skipped.
        title: what it is about.
        shows: what it passes on.
        run: the step itself, given the last look.
        needs: the steps that must have passed before.
    """

    name: str
    title: str
    shows: str
    run: Callable[[Case, Look], Course]
    needs: tuple[str, ...] = ()


def passed(step: str, said: str, **facts: object) -> Outcome:
    """Return that a step has passed, and on what."""
    return Outcome(step, Verdict.PASSED, said, facts=facts)


def failed(step: str, said: str, to_do: str, **facts: object) -> Outcome:
    """Return that a step has failed, why, and what to do."""
    return Outcome(step, Verdict.FAILED, said, to_do, facts)


def not_done(step: str, said: str, to_do: str = "", **facts: object) -> Outcome:
    """Return that a step showed nothing either way."""
    return Outcome(step, Verdict.NOT_DONE, said, to_do, facts)


TELLING = frozenset({"does_not_pause", "not_clearable", "reboot_required", "slow_meter", "zero_refused"})
"""Notices that say why a step has failed."""


def by_alarms(look: Look, otherwise: str) -> str:
    """Return what to do, by the alarms that stand about the charger if there are any."""
    alarms = () if look.known is None else look.known["alarms"]
    mine = [
        one
        for one in alarms
        if one.get("connector") in {None, look.idx} and (one["severity"] == "alarm" or one["kind"] in TELLING)
    ]
    return "; ".join(f"{one['kind']}: {one['toDo']}" for one in mine) or otherwise


def wait_until(holds: Callable[[Look], object], look: Look, wait_ms: int) -> Looking:
    """Look until something holds or the time is over; return the last look."""
    until_ms = look.at_ms + wait_ms
    while not holds(look) and look.at_ms < until_ms:
        look = yield Wait()
    return look


def whole_course(
    case: Case, steps: Sequence[Step], skipped: frozenset[str], look: Look
) -> Generator[Effect, Look, list[Outcome]]:
    """Go through the steps in their order and return what became of each."""
    outcomes: dict[str, Outcome] = {}
    for number, step in enumerate(steps, 1):
        look = yield Begun(step, number, len(steps))
        begun_ms = look.at_ms
        missing = [name for name in step.needs if outcomes[name].verdict is not Verdict.PASSED]
        if step.name in skipped:
            outcome = not_done(step.name, "skipped, as asked for")
        elif missing:
            outcome = not_done(step.name, f"it needs {' and '.join(missing)}, which did not pass")
        else:
            outcome = yield from step.run(case, look)
        look = yield Ended(outcome)
        outcomes[step.name] = replace(outcome, took_ms=look.at_ms - begun_ms)
    return list(outcomes.values())


def overall(outcomes: Sequence[Outcome]) -> Verdict:
    """Return the verdict on the whole: passed when every step has passed."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return Verdict.PASSED if verdicts == {Verdict.PASSED} else Verdict.NOT_DONE
