"""How the central system met a charger: judged from outside, from what was on the wire and at the cars' meters."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tests.characters.day import Observed, Tick
from tests.characters.rig import Asked, Truth
from tests.virtual.loop import START_MS

EVIDENCE_S: Final = 30
"""So long in all may a charger draw more than is booked before the evidence against it counts, and overload the grid
with its neighbour: LEDGER.md §6 takes three samples above a limit, or 15 s, each time after that has settled."""

CUT_S: Final = 30
"""So long a row may be overloaded after its own capacity fell: LEDGER.md §3 gives a cut 25 s, a car its ramp."""

STABLE_S: Final = 20
"""A limit is effective when its car keeps to it for so long."""

QUIET_CALLS: Final = 1
"""A charger that nothing happens to is left alone: what may still be said to it in the last two minutes."""

CONTROLLED_PARTS: Final = ("both", "scarce", "both again", "alone", "both after a reboot")
"""Parts of the day in which its car wants power and the central system knows of it."""


class Met(StrEnum):
    """What became of a charger."""

    CONTROLLED = "controlled"
    LEARNT = "controlled from its second car on: with the first it was found out how"
    HELD = "controlled, but held below what it could have"
    STARVED = "obeys, but its car is not given power again"
    LOST = "controlled at first, then uncontrollable and booked at its maximum"
    UNCONTROLLABLE = "uncontrollable, booked at its maximum"
    SILENT = "connected but silent, booked at its maximum"
    REFUSED = "refused at the door, booked at its maximum"
    UNSAFE = "draws more than is booked for it"


class Part(StrEnum):
    """What one part of the day showed."""

    OBEYS = "obeys"
    STARVED = "starved"
    BOOKED = "booked at its maximum"
    ABOVE = "above what is booked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one day.

    Attributes:
        form: unit, purpose and whatever is unusual of the limit that was obeyed first; empty without one.
        calls, limits: CALLs that it was sent until its car first kept to a limit, and how many of them were limits.
        held_w: what its car was told at most although the grid had more; None when nothing was held back.
        least_w: what it was told while the grid could not feed it.
        record: what is wrong with the transactions on record; empty when each is there once, with its energy.
        notices: kinds of notices that stood at some time.
        above_s: for how long it drew more than was booked; overloaded_s: for how long the two cars together overloaded
            the grid while the neighbour drew something, apart from the moments after a cut of the grid itself.
        quiet_calls: CALLs that it was sent in the last two minutes, in which nothing happened.
    """

    met: Met
    form: str
    calls: int | None
    limits: int | None
    held_w: int | None
    least_w: int
    refusals: tuple[str, ...]
    record: str
    notices: tuple[str, ...]
    above_s: float
    overloaded_s: float
    quiet_calls: int
    errors: tuple[str, ...]


def judge(observed: Observed) -> Verdict:
    """Return the verdict on one day."""
    effective = _effective(observed)
    until = [] if effective is None else [one for one in observed.asked if one.at_ms <= effective.at_ms]
    met = _met(observed)
    return Verdict(
        met=met,
        form=_form(until),
        calls=None if effective is None else len(until),
        limits=None if effective is None else sum(one.action == "SetChargingProfile" for one in until),
        held_w=observed.moments["alone"].tick.told_w if met is Met.HELD else None,
        least_w=observed.moments["scarce"].tick.told_w or 0,
        refusals=tuple(observed.refusals),
        record=_record(observed),
        notices=_notices(observed),
        above_s=_seconds(observed, lambda tick: _is_above(observed, tick)),
        overloaded_s=_overloaded_s(observed),
        quiet_calls=sum(one.at_ms >= observed.moments["quiet"].began_ms for one in observed.asked),
        errors=tuple(observed.errors),
    )


def _notices(observed: Observed) -> tuple[str, ...]:
    """Return the kinds of notices: not of a row that is overbooked for a moment because the grid was just cut."""
    standing = set().union(*(moment.notices for moment in observed.moments.values()))
    passing = {notice for notice in observed.notices if not notice.startswith("overbooked:")}
    return tuple(sorted({notice.partition(":")[0] for notice in standing | passing}))


# --- control ----------------------------------------------------------------------------------------------------------


def tolerance_w(observed: Observed, power_w: int) -> int:
    """Return how far above a power a car may be metered and still count as obeying, W (LEDGER.md §6)."""
    return max(power_w * 2 // 100, 345 if observed.ground.phases else 1_000)


def _is_above(observed: Observed, tick: Tick) -> bool:
    return tick.drawn_w > tick.booked_w + tolerance_w(observed, tick.booked_w)


def _met(observed: Observed) -> Met:
    if _seconds(observed, lambda tick: _is_above(observed, tick)) > EVIDENCE_S:
        return Met.UNSAFE
    if not observed.was_online:
        return Met.REFUSED
    if not observed.said:
        return Met.SILENT
    parts = [_part(observed, name) for name in CONTROLLED_PARTS]
    if Part.ABOVE in parts:
        return Met.UNSAFE
    if Part.STARVED in parts:
        return Met.LEARNT if parts[-1] is Part.OBEYS else Met.STARVED
    if Part.OBEYS not in parts:
        return Met.UNCONTROLLABLE
    if Part.BOOKED in parts:
        return Met.LOST if parts[-1] is Part.BOOKED else Met.CONTROLLED
    told_w = observed.moments["alone"].tick.told_w or 0
    return Met.CONTROLLED if told_w >= observed.ground.max_w * 9 // 10 else Met.HELD


def _part(observed: Observed, name: str) -> Part:
    moment = observed.moments[name]
    tick = moment.tick
    if _is_above(observed, tick):
        return Part.ABOVE
    given_up = any(notice.startswith(("uncontrollable:", "not_obeying:")) for notice in moment.notices)
    obeys = tick.told_w is not None and tick.drawn_w <= tick.told_w + tolerance_w(observed, tick.told_w)
    if tick.booked_w >= observed.ground.max_w and (given_up or not obeys):
        return Part.BOOKED
    if tick.drawn_w == 0 and name != "scarce":
        return Part.STARVED
    return Part.OBEYS if obeys else Part.ABOVE


def _effective(observed: Observed) -> Tick | None:
    """Return the first instant from which on its car kept to a limit, in its first transaction; None without one."""
    began_ms, ended_ms = observed.moments["both"].began_ms, observed.moments["scarce"].began_ms
    run: list[Tick] = []
    for tick in observed.ticks:
        if not began_ms <= tick.at_ms < ended_ms:
            continue
        obeys = tick.told_w is not None and 0 < tick.drawn_w <= tick.told_w + tolerance_w(observed, tick.told_w)
        run = [*run, tick] if obeys else []
        if run and tick.at_ms - run[0].at_ms >= STABLE_S * 1000:
            return run[0]
    return None


def _form(asked: list[Asked]) -> str:
    """Return how the last Accepted limit was said: unit and purpose, and what differs from the first way tried.

    Where none was, the last one without an answer: its answer was given under another id, and it was obeyed.
    """
    limits = [one for one in asked if one.action == "SetChargingProfile" and one.payload["connectorId"] > 0]
    said = [one for one in limits if one.answer == "Accepted"] or [one for one in limits if not one.answer]
    if not said:
        return ""
    profile = said[-1].payload["csChargingProfiles"]
    schedule = profile["chargingSchedule"]
    unit = schedule["chargingRateUnit"]
    words = [f"in {unit} by {profile['chargingProfilePurpose']}"]
    if profile["chargingProfileKind"] != "Relative":
        words.append(profile["chargingProfileKind"])
    if unit == "A" and "numberPhases" not in schedule["chargingSchedulePeriod"][0]:
        words.append("without numberPhases")
    if profile["stackLevel"] != (1 if profile["chargingProfilePurpose"] == "TxDefaultProfile" else 0):
        words.append(f"at stackLevel {profile['stackLevel']}")
    return ", ".join(words)


# --- safety -----------------------------------------------------------------------------------------------------------


def _seconds(observed: Observed, holds: Any) -> float:
    """Return for how long something held, s."""
    pairs = zip(observed.ticks, observed.ticks[1:], strict=False)
    return sum(later.at_ms - tick.at_ms for tick, later in pairs if holds(tick)) / 1000


def _overloaded_s(observed: Observed) -> float:
    cut_ms = observed.moments["scarce"].began_ms

    def overloaded(tick: Tick) -> bool:
        too_much = tick.drawn_w + tick.other_w > tick.capacity_w + tolerance_w(observed, tick.capacity_w)
        return too_much and tick.other_w > 0 and not 0 <= tick.at_ms - cut_ms < CUT_S * 1000

    return _seconds(observed, overloaded)


# --- records ----------------------------------------------------------------------------------------------------------


def _record(observed: Observed) -> str:
    """Return what is wrong with the charger's transactions on record."""
    faults = _faults(observed.truths, observed.records)
    faults += [f"the neighbour's: {fault}" for fault in _faults(observed.other_truths, observed.other_records)]
    return ", ".join(faults)


def _faults(truths: list[Truth], rows: list[dict[str, Any]]) -> list[str]:
    left = list(rows)
    missing = wrong_wh = uncounted_wh = guessed = 0
    for truth in truths:
        fits = [row for row in left if _can_be(truth, row)]
        if not fits:
            missing += 1
            continue
        row = min(fits, key=lambda row: abs((row["meter_stop_wh"] or 0) - (truth.meter_stop_wh or 0)))
        left.remove(row)
        wrong_wh += abs((truth.meter_stop_wh or 0) - (row["meter_stop_wh"] or 0))
        if "no_meter_start" in row["flags"]:
            uncounted_wh += row["meter_start_wh"] - truth.meter_start_wh
        guessed += row["end_reason"] == "NoStopReceived"
    orphans = sum("orphan" in row["flags"] for row in left)
    past = sum(row["started_ms"] < START_MS and "orphan" not in row["flags"] for row in left)
    counts = {
        "missing": missing,
        "closed without their stop": guessed,
        "stops that name none of them": orphans,
        "of the past": past,
        "that never were": len(left) - orphans - past,
        "Wh wrong": wrong_wh,
        "Wh not counted": uncounted_wh,
    }
    return [f"{what}: {count}" for what, count in counts.items() if count]


def _can_be(truth: Truth, row: dict[str, Any]) -> bool:
    """Return whether a record begins where a transaction did, or its start did not tell where."""
    begins = row["meter_start_wh"] == truth.meter_start_wh or "no_meter_start" in row["flags"]
    return begins and "orphan" not in row["flags"]
