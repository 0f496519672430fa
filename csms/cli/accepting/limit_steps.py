"""Limits: down the stairs to the least, to 0 and up again, and in which form they work."""

from collections.abc import Generator
from dataclasses import replace

from csms.cli.accepting.caps import cap, uncap
from csms.cli.accepting.judging import FOLLOWS_PERCENT, Broken, Kept, Target, judge, judge_resume, phases_used, stairs_w
from csms.cli.accepting.looks import Json, Look, Reading, Told, limits_told
from csms.cli.accepting.machine import (
    Case,
    Course,
    Effect,
    Outcome,
    Say,
    Wait,
    by_alarms,
    failed,
    not_done,
    passed,
)
from csms.core.demand import tolerance_w

TOLD_WAIT_MS = 75_000
"""So long the server may take to tell a lower limit: a raise before it has to settle."""
KEEPS_WAIT_MS = 120_000
RESUME_MS = 120_000
"""A car may take so long to wake up; the server gives a charger that does not resume no longer (does_not_pause)."""
ANSWER_MAX_MS = 10_000
"""A limit that is answered later is booked twice meanwhile."""
ROUNDS_UP = (
    "it rounds amperes up: told tenths it draws more than it was told, so this server tells it whole ones only; "
    "a system that tells it tenths will overload what they are to protect"
)
OFF_W = 200
"""What a car that is paused may draw for itself, AC; DC: as the tolerance of limits."""

Judged = Generator[Effect, Look, tuple[Look, Kept | Broken]]


def staircase(case: Case, look: Look) -> Course:
    """Lower the limit stair by stair, and see that the car keeps to each."""
    stairs = stairs_w(case.config, case.drawn_w, case.phases or max(1, case.config.phases))
    if not stairs:
        said = f"the car draws {case.drawn_w} W: no limit that can be told is low enough to be seen"
        return not_done("staircase", said, "use a car that takes more, and one that is not nearly full")
    measured: list[Json] = []
    for stair_w, words in stairs:
        look, judged = yield from _stair(case, look, stair_w)
        facts: Json = {"limit": words, "limitW": stair_w}
        if isinstance(judged, Broken):
            measured.append(facts | {"failed": judged.why})
            look = yield from uncap(case, look)
            said = f"at {words}: {judged.why}"
            to_do = by_alarms(look, "look for a second energy manager or a local setting; update the firmware")
            return failed("staircase", said, to_do, stairs=measured, alarms=list(look.alarms))
        measured.append(facts | {"afterMs": judged.after_ms, "powerW": judged.power_w})
        yield Say(f"{words}: {judged.power_w} W, {judged.after_ms / 1_000:.1f} s after it was told")
    slowest_ms = max(each["afterMs"] for each in measured)
    said = f"{len(stairs)} limits kept, down to {stairs[-1][1]}, each within {slowest_ms / 1_000:.1f} s"
    return passed("staircase", said, stairs=measured, phases=case.phases)


def _stair(case: Case, look: Look, limit_w: int) -> Judged:
    """Cap the transaction and return whether its car keeps to what it is told."""
    told = yield from lowered(case, look, limit_w)
    if isinstance(told, Broken):
        return look, told
    look, told_ms = told
    told_w, readings = 0, list[Reading]()
    until_ms = look.at_ms + KEEPS_WAIT_MS + 6 * case.period_ms
    while look.at_ms < until_ms:
        told_w = max(told_w, min(look.told_w or 0, limit_w))
        if (reading := case.reading(look)) is not None:
            readings.append(reading)
            judged = judge(readings, _target(case, told_ms, told_w, readings))
            if judged is not None:
                return look, judged
        look = yield Wait()
    return look, Broken(f"{len(readings)} readings since it was told: too few to judge by")


def _target(case: Case, told_ms: int, told_w: int, readings: list[Reading]) -> Target:
    """Return what is expected at a limit; on how many phases the car charges the first stair shows."""
    margin_w, phases = tolerance_w(case.config, told_w), max(1, case.config.phases)
    since = [reading.power_w for reading in readings if reading.at_ms > told_ms]
    if case.phases is None and len(since) > 1 and since[-1] <= told_w + margin_w:
        case.phases = phases_used(case.config, told_w, max(since[1:]), margin_w)
    used_w = told_w * (case.phases or phases) // phases
    return Target(told_ms, told_w, used_w * FOLLOWS_PERCENT // 100, margin_w, case.period_ms)


def lowered(case: Case, look: Look, limit_w: int) -> Generator[Effect, Look, tuple[Look, int] | Broken]:
    """Cap the transaction and wait until the charger is told; return the look and when it was told (server's UTC)."""
    before = limits_told(look.frames, case.idx)
    look = yield from cap(case, look, limit_w)
    if look.reply is None or look.reply.document is None:
        return Broken(f"the server took no cap: {'' if look.reply is None else look.reply.said}")
    until_ms = look.at_ms + TOLD_WAIT_MS
    while look.at_ms < until_ms:
        told = limits_told(look.frames, case.idx)
        if look.told_w is not None and look.told_w <= limit_w and (kept := _accepted(told, before)) is not None:
            return look, kept.at_ms
        look = yield Wait()
    return Broken(_not_lowered(look, limit_w, _newer(limits_told(look.frames, case.idx), before)))


def _accepted(told: list[Told], before: list[Told]) -> Told | None:
    """Return the limit that was accepted last: a new one, or the one before where no new one had to be told."""
    return next((one for one in reversed(_newer(told, before) or told) if one.answer == "Accepted"), None)


def _newer(told: list[Told], before: list[Told]) -> list[Told]:
    """Return the limits that were told since; the oldest ones may have been forgotten meanwhile."""
    return [one for one in told if not before or one.at_ms > before[-1].at_ms]


def _not_lowered(look: Look, limit_w: int, new: list[Told]) -> str:
    stands = f" ({', '.join(look.alarms)})" if look.alarms else ""
    if look.told_w is None or look.told_w > limit_w:
        at_most = "nothing is told" if look.told_w is None else f"{look.told_w} W stay"
        return f"the server does not lower its limit to {limit_w} W: {at_most}{stands}"
    answers = ", ".join(sorted({one.answer or "no answer" for one in new})) or "none was told"
    return f"the charger has accepted no limit of {limit_w} W: {answers}{stands}"


def pause(case: Case, look: Look) -> Course:
    """Set the limit to 0 and see that nothing flows."""
    if case.config.fail_safe_power_w:
        said = f"its fail-safe power of {case.config.fail_safe_power_w} W is never taken away, so it is not told 0"
        return not_done("pause", said, "to have this shown: set its `failSafe` to `closed` for the test")
    told = yield from lowered(case, look, 0)
    if isinstance(told, Broken):
        return failed(
            "pause", told.why, "its cars get the least power at all times: alarm zero_refused or does_not_pause"
        )
    look, told_ms = told
    margin_w = tolerance_w(case.config, 0) if case.config.is_dc else OFF_W
    target = Target(told_ms, 0, 0, margin_w, case.period_ms)
    readings: list[Reading] = []
    until_ms = look.at_ms + KEEPS_WAIT_MS
    while look.at_ms < until_ms:
        if (reading := case.reading(look)) is not None:
            readings.append(reading)
            judged = judge(readings, target)
            if isinstance(judged, Broken):
                return failed("pause", judged.why, by_alarms(look, "look for what overrules a limit of 0"))
            if judged is not None:
                said = f"{judged.power_w} W at most, {judged.after_ms / 1_000:.1f} s after it was told 0"
                return passed("pause", said, afterMs=judged.after_ms, powerW=judged.power_w)
        look = yield Wait()
    said = f"{len(readings)} readings while it should be paused: too few to judge by"
    return failed("pause", said, "have its meter tell values while no power flows, too")


def resume(case: Case, look: Look) -> Course:
    """Clear the test's limit and see that power flows again."""
    before = limits_told(look.frames, case.idx)
    look = yield from uncap(case, look)
    told_ms = None
    readings: list[Reading] = []
    until_ms = look.at_ms + TOLD_WAIT_MS + RESUME_MS + 2 * case.period_ms
    while look.at_ms < until_ms:
        told = _newer(limits_told(look.frames, case.idx), before)
        new = [one for one in told if one.limit > 0 and one.answer]
        if told_ms is None and new:
            told_ms = new[0].at_ms
        reading = case.reading(look)
        if told_ms is not None and reading is not None:
            readings.append(reading)
            judged = judge_resume(readings, _resumed(case, look, told_ms))
            if isinstance(judged, Broken):
                return failed("resume", judged.why, by_alarms(look, "look for what overrules its limits"))
            if judged is not None:
                said = f"{judged.power_w} W, {judged.after_ms / 1_000:.1f} s after it was told power again"
                return passed("resume", said, afterMs=judged.after_ms, powerW=judged.power_w)
        look = yield Wait()
    if told_ms is None:
        return failed("resume", "the server tells it no power again", by_alarms(look, "see limitedBy of its session"))
    newest = f"{readings[-1].power_w} W" if readings else "no reading"
    said = f"{newest} {RESUME_MS // 1_000} s after it was told power again"
    to_do = "try another car; should it be the charger, its cars are never paused from now on (notice does_not_pause)"
    return failed("resume", said, to_do)


def _resumed(case: Case, look: Look, told_ms: int) -> Target:
    phases = max(1, case.config.phases)
    least_w = max(case.config.min_power_w, 1) * (case.phases or phases) // phases
    told_w = max(look.told_w or 0, case.drawn_w)
    return Target(told_ms, told_w, least_w * FOLLOWS_PERCENT // 100, tolerance_w(case.config, told_w), case.period_ms)


def form(case: Case, look: Look) -> Course:
    """Tell in which unit, purpose and on how many phases limits work, and how soon they are answered."""
    told = limits_told(look.frames, case.idx)
    mine = [one for one in told if one.idx == case.idx and one.answer == "Accepted"]
    learnt: Json = {} if look.known is None else look.known.get("learnt", {})
    facts = _forms(case, told, mine, learnt)
    yield Wait()
    return _form_judged(mine, told, facts)


def _forms(case: Case, told: list[Told], mine: list[Told], learnt: Json) -> Json:
    answered = [one.answered_ms - one.at_ms for one in told if one.answered_ms is not None]
    facts: Json = {
        "sent": len(told),
        "accepted": sum(one.answer == "Accepted" for one in told),
        "unanswered": sum(one.answered_ms is None for one in told),
        "slowestAnswerMs": max(answered, default=None),
        "phases": case.phases,
        "tenths": learnt.get("tenths"),
        "roundsUp": learnt.get("roundsUp", False),
        "learnt": learnt,
    }
    if mine:
        last = mine[-1]
        facts |= {
            "unit": last.unit,
            "purpose": last.purpose,
            "kind": last.kind,
            "stackLevel": last.stack_level,
            "numberPhases": last.number_phases,
        }
    return facts


def _form_judged(mine: list[Told], told: list[Told], facts: Json) -> Outcome:
    if not mine:
        return failed("form", "no limit was accepted", "enable smart charging in the charger", **facts)
    said = f"in {facts['unit']} by {facts['purpose']}, {facts['kind']}, stackLevel {facts['stackLevel']}"
    if facts["phases"]:
        said += f", on {facts['phases']} phase{'' if facts['phases'] == 1 else 's'}"
    tenths = {True: "tenths of an ampere", False: "whole amperes only"}.get(facts["tenths"])
    said += f", {tenths}" if tenths and facts["unit"] == "A" else ""
    slowest_ms = facts["slowestAnswerMs"]
    if slowest_ms > ANSWER_MAX_MS:
        said += f"; but a limit was answered after {slowest_ms / 1_000:.1f} s"
        return failed(
            "form", said, "look at its network, and whether its backend settings name another system", **facts
        )
    lost = [one for one in told[:-1] if one.answered_ms is None]
    if lost:
        said += f"; but {len(lost)} of {len(told)} limits were never answered"
        return failed("form", said, "look at its network; update its firmware", **facts)
    found = passed("form", f"{said}; answered within {slowest_ms / 1_000:.1f} s", **facts)
    return replace(found, warning=ROUNDS_UP if facts["roundsUp"] else "")
