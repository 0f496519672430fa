"""One plain sentence of why a car has what it has, for a help desk to read out.

Figures are rounded down to a tenth of a kilowatt; the exact ones stand in the explanation itself.
"""

from collections.abc import Callable, Mapping

from csms.core.explanation import Awaited, Cause, Explanation, Known, Reason
from csms.core.grid_terms import Held, HeldBy, clock_text
from csms.core.station import GRID

KW_W = 1_000

UNSEEN = ": its charger was not seen to let limits expire, so it has none of the rest"


def sentence(explained: Explanation) -> str:
    """Return why a session has what it has, in one sentence."""
    told = f"{SAYS[explained.reason](explained)}{_rest_of_the_site(explained)}"
    return f"The car at connector {explained.idx} of {explained.charger_id} {told}."


def power_text(power_w: int) -> str:
    """Return a power as people say it: whole watts below a kilowatt, else kilowatts rounded down to a tenth."""
    if 0 < power_w < KW_W:
        return f"{power_w} W"
    tenths = power_w // 100
    return f"{tenths // 10} kW" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} kW"


def row_text(node_id: str, charger_id: str) -> str:
    """Return a row as people say it; `charger_id` is the charger that the car stands at."""
    fuse, _, phase = node_id.partition("/")
    if phase:
        return f"phase {phase} of {row_text(fuse, charger_id)}"
    if node_id == GRID:
        return "the grid connection"
    return "its charger" if node_id == charger_id else f"the circuit {node_id}"


def _place(row: str, explained: Explanation) -> str:
    """Return a row as people say it, with what holds the grid connection below its configured capacity."""
    named = row_text(row, explained.charger_id)
    return named if row != GRID or explained.held is None else f"{named}, {_which_is_held(explained.held)}"


def _which_is_held(held: Held) -> str:
    power = power_text(held.capacity_w)
    if held.by is HeldBy.FAIL_SAFE:
        return f"which is held at {power} while nothing is heard of the grid operator"
    if held.event is not None:
        return f"which the limit {held.event.event_id} of {held.event.source} holds at {power}"
    if held.window is not None:
        hours = f"from {clock_text(held.window.from_min)} to {clock_text(held.window.to_min)}"
        return f"which the schedule holds at {power} {hours}"
    return f"which the capacity tariff holds at {power} now"


def _rest_of_the_site(explained: Explanation) -> str:
    """Return what the grid connection carries besides, where that is why, and it is measured."""
    carried = explained.base_load
    if carried is None or explained.reason not in ABOUT_THE_ROW:
        return ""
    power = power_text(carried.power_w)
    match carried.known:
        case Known.MEASURED:
            return f"; {power} are measured for the rest of the site"
        case Known.SILENT:
            return f"; {power} are set aside for the rest of the site, whose meter is silent"


def _has(explained: Explanation) -> str:
    """Return what a car may take, as far as that is known."""
    if explained.limit_w is None:
        return f"may take up to {power_text(explained.booked_w)}"
    return "is paused" if explained.limit_w == 0 else f"may take {power_text(explained.limit_w)}"


def _row(explained: Explanation) -> str:
    """Return the row that limits a car, to be followed by what that has."""
    row = explained.overbooked if explained.binding is None else explained.binding.node_id
    if row is None:
        return "what it hangs on"
    place = _place(row, explained)
    return place if place == row_text(row, explained.charger_id) else f"{place},"


def _target(explained: Explanation) -> str:
    return power_text(explained.target_w or 0)


def _share(explained: Explanation) -> str:
    binding = explained.binding
    if explained.firm_w is not None:
        certain = power_text(explained.firm_w)
        return f"{_has(explained)}, its share of the {certain} that the grid connection is certain to have{UNSEEN}"
    if binding is None:
        return f"{_has(explained)}, its share of what there is"
    shared, row = power_text(binding.shared_w), _row(explained)
    if binding.battery_w:
        row += f", with {power_text(binding.battery_w)} from the battery,"
    if binding.sessions == 1:
        return f"{_has(explained)}, because {row} has {shared} for it"
    if all(share.weight == 1 for share in binding.shares):
        how = "which share it fairly"
    else:
        how = f"which share it by their weights, of which its own is {explained.weight}"
    return f"{_has(explained)}, because {row} has {shared} for {binding.sessions} cars, {how}"


def _vehicle(explained: Explanation) -> str:
    told = _has(explained)
    match explained.cause:
        case Cause.BELOW_LIMIT | Cause.STATED:
            return f"{told}, and nothing here holds it back: it takes less than it could have"
        case Cause.PARKED:
            return f"{told}: it took nothing of what it was offered, and is asked again from time to time"
        case Cause.DECLARED:
            return f"{told}, the most that it or its charger can take"
        case Cause.AT_LIMIT | Cause.NOT_JUDGED | Cause.TAG_REFUSED:
            return f"{told}, the most that it has shown so far that it can take"


def _capped(explained: Explanation) -> str:
    cap = power_text(explained.cap_w or 0)
    if explained.target_w == 0 < explained.least_w:
        return f"is paused, because an operator allows it {cap}, and it needs {power_text(explained.least_w)} to charge"
    return f"{_has(explained)}, because an operator allows it {cap}"


def _waits_for_others(explained: Explanation) -> str:
    first, more = explained.waits[0], explained.waits_sessions - 1
    others = "" if more == 0 else " and one other" if more == 1 else f" and {more} others"
    who = f"connector {first.idx} of {first.charger_id}{others}"
    back = "is" if more == 0 else "are"
    given = f"{back} known to have given back {power_text(explained.waits_w)}"
    return f"{_has(explained)}, and gets {_target(explained)} when {who} {given}"


def _waits_for_answer(explained: Explanation) -> str:
    told = _has(explained)
    match explained.awaited:
        case Awaited.CAR:
            return f"{told}: its charger has accepted that, and the car has still to follow"
        case Awaited.LOST_LIMIT:
            return f"{told}: its charger has not clearly accepted that, and is told again"
        case _:
            return f"{told}: its charger was told so, and has still to answer"


def _client_calls(explained: Explanation) -> str:
    if explained.target_w == explained.limit_w:
        return f"{_has(explained)}, which the next call of the system that drives it is to show"
    return f"{_has(explained)}, and {_target(explained)} from the next call of the system that drives it"


def _cut(explained: Explanation) -> str:
    if explained.overbooked is not None:
        why = f"too much is set aside on {_place(explained.overbooked, explained)}"
    elif explained.cap_w is not None and explained.cap_w < explained.booked_w:
        why = f"an operator allows it {power_text(explained.cap_w)}"
    elif explained.held is not None and explained.held.by is HeldBy.TARIFF:
        why = f"the capacity tariff holds the grid connection at {power_text(explained.held.capacity_w)} now"
    else:
        why = "others need the rest"
    return f"{_has(explained)} until it is told {_target(explained)}, because {why}"


def _kept(explained: Explanation) -> str:
    return f"keeps {power_text(explained.floor_w)}, which cannot be taken from it, and there is no room for more"


def _no_room(explained: Explanation) -> str:
    least = power_text(explained.least_w)
    if explained.firm_w is not None:
        certain = f"the {power_text(explained.firm_w)} that the grid connection is certain to have"
        return f"is paused, because it needs {least} to charge, and {certain} have no room for that now{UNSEEN}"
    return f"is paused, because it needs {least} to charge, and {_row(explained)} has no room for that now"


def _below_minimum(explained: Explanation) -> str:
    most, least = power_text(explained.demand_w), power_text(explained.least_w)
    return f"is paused, because it can take {most} at most, and its charger needs {least} to charge it"


def _overbooked(explained: Explanation) -> str:
    row = _place(explained.overbooked or GRID, explained)
    return (
        f"{_has(explained)} and not the {_target(explained)} that it is to have, because too much is set aside on {row}"
    )


def _observed(explained: Explanation) -> str:
    told = "is not told anything, because its charger is only observed"
    return told if explained.target_w is None else f"{told}: it would get {_target(explained)}"


def _left_alone(why: str) -> Callable[[Explanation], str]:
    """Return what says why nothing can be told to a car now."""

    def says(explained: Explanation) -> str:
        return f"{_has(explained)}, because {why}"

    return says


ABOUT_THE_ROW = frozenset({Reason.SHARE, Reason.NO_ROOM, Reason.OVERBOOKED, Reason.CUT})
"""Reasons whose sentence is about a row that is full, or carries too much."""

SAYS: Mapping[Reason, Callable[[Explanation], str]] = {
    Reason.TAG_REFUSED: lambda _: "gets nothing, because the card that it was started with may not charge",
    Reason.OBSERVED: _observed,
    Reason.RELEASED: _left_alone("its charger was released and is left alone"),
    Reason.NOT_CONTROLLED: _left_alone("its charger is not controlled by this system"),
    Reason.OFFLINE: _left_alone("its charger is offline and can be told nothing else"),
    Reason.NOT_HEARD: _left_alone("its charger has connected and has still to say something"),
    Reason.REFUSING: _left_alone("its charger refuses limits, and is asked again from time to time"),
    Reason.IDENTITY_CONFLICT: _left_alone("more than one charger calls itself so, and none of them is told anything"),
    Reason.UNPROVEN: _left_alone("its start was told late, and it has still to show that it is there"),
    Reason.NOT_OBEYING: _left_alone("it draws more than its charger was told, so that its limit counts for nothing"),
    Reason.CLIENT_SILENT: _left_alone("the system that drives it has not called for a minute"),
    Reason.SAFE_MODE: _left_alone(
        "this system has found a mistake of its own and gives nobody more until that is over"
    ),
    Reason.PROVISIONING: _left_alone("its charger is being set up and has still to confirm it"),
    Reason.START_POWER: lambda one: (
        f"{_has(one)}, while {power_text(one.booked_w)} to start with are still set aside for it"
    ),
    Reason.OVERBOOKED: _overbooked,
    Reason.WAITS_FOR_CHARGERS: lambda one: (
        f"{_has(one)}, and gets {_target(one)} when a charger that has restarted has confirmed its limits"
    ),
    Reason.WAITS_FOR_OTHERS: _waits_for_others,
    Reason.WAITS_FOR_ANSWER: _waits_for_answer,
    Reason.RAISED_SOON: lambda one: f"{_has(one)}, and is told {_target(one)} in some seconds",
    Reason.CUT: _cut,
    Reason.CLIENT_CALLS: _client_calls,
    Reason.OPERATOR_CAP: _capped,
    Reason.FAIL_SAFE: _kept,
    Reason.NO_ROOM: _no_room,
    Reason.BELOW_MINIMUM: _below_minimum,
    Reason.VEHICLE: _vehicle,
    Reason.SHARE: _share,
}
"""What is said for each reason, after whose car it is."""
