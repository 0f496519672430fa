"""The sentence of each reason, word for word, and how powers are said in it."""

from dataclasses import replace
from typing import Any

import pytest

from csms.core.explanation import Awaited, BaseLoadShare, Binding, Cause, Explanation, Known, Reason, Share, Wait
from csms.core.grid_terms import CapacityEvent, CapacityWindow, Held, HeldBy
from csms.core.ids import ChargerId, SessionId
from csms.core.sentences import SAYS, power_text, sentence

CAR = "The car at connector 1 of CP001 "
ONE = Share(SessionId("s1"), ChargerId("CP001"), 1, 33_333, 33_333, 33_333)
GRID = Binding("grid", 100_000, 100_000, 0, 0, 100_000, 3, 99_999, (ONE,), (), 333)
HALL = replace(GRID, node_id="hall")
ALONE = replace(GRID, node_id="CP001", shared_w=50_000, sessions=1)
WAIT = Wait(SessionId("s2"), ChargerId("CP002"), 2, 50_000, Awaited.ANSWER)
BASE = Explanation(
    session_id=SessionId("s1"),
    charger_id=ChargerId("CP001"),
    idx=1,
    reason=Reason.SHARE,
    limited_by="grid",
    target_w=50_000,
    limit_w=33_333,
    booked_w=33_333,
    consumed_w=30_000,
    least_w=4_140,
    floor_w=0,
    cap_w=None,
    demand_w=150_000,
    declared_w=150_000,
    cause=Cause.DECLARED,
)

DIMMED = Held(30_000, HeldBy.EVENT, 30_000, event=CapacityEvent("dso-1", 0, None, 30_000, "Control room"))

SENTENCES: list[tuple[Reason, dict[str, Any], str]] = [
    (
        Reason.SHARE,
        {"binding": GRID},
        "may take 33.3 kW, because the grid connection has 100 kW for 3 cars, which share it fairly",
    ),
    (
        Reason.SHARE,
        {"binding": HALL},
        "may take 33.3 kW, because the circuit hall has 100 kW for 3 cars, which share it fairly",
    ),
    (
        Reason.SHARE,
        {"binding": GRID, "held": Held(100_000, HeldBy.SCHEDULE, 400_000, 0, CapacityWindow(1_020, 1_200, 100_000))},
        (
            "may take 33.3 kW, because the grid connection, which the schedule holds at 100 kW from 17:00 to 20:00, "
            "has 100 kW for 3 cars, which share it fairly"
        ),
    ),
    (
        Reason.SHARE,
        {"binding": GRID, "held": Held(90_000, HeldBy.TARIFF, 400_000)},
        (
            "may take 33.3 kW, because the grid connection, which the capacity tariff holds at 90 kW now, has "
            "100 kW for 3 cars, which share it fairly"
        ),
    ),
    (
        Reason.NO_ROOM,
        {"limit_w": 0, "binding": GRID, "held": Held(2_000, HeldBy.FAIL_SAFE, 2_000)},
        (
            "is paused, because it needs 4.1 kW to charge, and the grid connection, which is held at 2 kW while "
            "nothing is heard of the grid operator, has no room for that now"
        ),
    ),
    (
        Reason.CUT,
        {"overbooked": "grid", "target_w": 10_000, "held": DIMMED},
        (
            "may take 33.3 kW until it is told 10 kW, because too much is set aside on the grid connection, which the "
            "limit dso-1 of Control room holds at 30 kW"
        ),
    ),
    (
        Reason.CUT,
        {"target_w": 10_000, "held": Held(30_000, HeldBy.TARIFF, 400_000)},
        "may take 33.3 kW until it is told 10 kW, because the capacity tariff holds the grid connection at 30 kW now",
    ),
    (
        Reason.OVERBOOKED,
        {"overbooked": "grid", "held": DIMMED},
        (
            "may take 33.3 kW and not the 50 kW that it is to have, because too much is set aside on the grid "
            "connection, which the limit dso-1 of Control room holds at 30 kW"
        ),
    ),
    (Reason.SHARE, {"binding": ALONE, "limit_w": 50_000}, "may take 50 kW, because its charger has 50 kW for it"),
    (Reason.SHARE, {}, "may take 33.3 kW, its share of what there is"),
    (Reason.VEHICLE, {"limit_w": 150_000}, "may take 150 kW, the most that it or its charger can take"),
    (
        Reason.VEHICLE,
        {"cause": Cause.BELOW_LIMIT},
        "may take 33.3 kW, and nothing here holds it back: it takes less than it could have",
    ),
    (
        Reason.VEHICLE,
        {"cause": Cause.STATED},
        "may take 33.3 kW, and nothing here holds it back: it takes less than it could have",
    ),
    (
        Reason.VEHICLE,
        {"cause": Cause.AT_LIMIT},
        "may take 33.3 kW, the most that it has shown so far that it can take",
    ),
    (Reason.OPERATOR_CAP, {"cap_w": 33_333}, "may take 33.3 kW, because an operator allows it 33.3 kW"),
    (
        Reason.OPERATOR_CAP,
        {"cap_w": 2_000, "target_w": 0, "limit_w": 0},
        "is paused, because an operator allows it 2 kW, and it needs 4.1 kW to charge",
    ),
    (
        Reason.FAIL_SAFE,
        {"floor_w": 4_140},
        "keeps 4.1 kW, which cannot be taken from it, and there is no room for more",
    ),
    (
        Reason.NO_ROOM,
        {"limit_w": 0, "binding": GRID},
        "is paused, because it needs 4.1 kW to charge, and the grid connection has no room for that now",
    ),
    (
        Reason.NO_ROOM,
        {"limit_w": 0},
        "is paused, because it needs 4.1 kW to charge, and what it hangs on has no room for that now",
    ),
    (
        Reason.BELOW_MINIMUM,
        {"demand_w": 2_000},
        "is paused, because it can take 2 kW at most, and its charger needs 4.1 kW to charge it",
    ),
    (
        Reason.OVERBOOKED,
        {"overbooked": "grid"},
        "may take 33.3 kW and not the 50 kW that it is to have, because too much is set aside on the grid connection",
    ),
    (
        Reason.WAITS_FOR_OTHERS,
        {"waits": (WAIT,), "waits_w": 50_000, "waits_sessions": 1},
        "may take 33.3 kW, and gets 50 kW when connector 2 of CP002 is known to have given back 50 kW",
    ),
    (
        Reason.WAITS_FOR_OTHERS,
        {"waits": (WAIT, WAIT), "waits_w": 100_000, "waits_sessions": 2, "limit_w": 0},
        "is paused, and gets 50 kW when connector 2 of CP002 and one other are known to have given back 100 kW",
    ),
    (
        Reason.WAITS_FOR_OTHERS,
        {"waits": (WAIT,), "waits_w": 900_000, "waits_sessions": 120},
        "may take 33.3 kW, and gets 50 kW when connector 2 of CP002 and 119 others are known to have given back 900 kW",
    ),
    (
        Reason.WAITS_FOR_CHARGERS,
        {},
        "may take 33.3 kW, and gets 50 kW when a charger that has restarted has confirmed its limits",
    ),
    (
        Reason.WAITS_FOR_ANSWER,
        {"awaited": Awaited.ANSWER},
        "may take 33.3 kW: its charger was told so, and has still to answer",
    ),
    (
        Reason.WAITS_FOR_ANSWER,
        {"awaited": Awaited.CAR},
        "may take 33.3 kW: its charger has accepted that, and the car has still to follow",
    ),
    (
        Reason.WAITS_FOR_ANSWER,
        {"awaited": Awaited.LOST_LIMIT},
        "may take 33.3 kW: its charger has not clearly accepted that, and is told again",
    ),
    (Reason.RAISED_SOON, {}, "may take 33.3 kW, and is told 50 kW in some seconds"),
    (Reason.CUT, {"target_w": 20_000}, "may take 33.3 kW until it is told 20 kW, because others need the rest"),
    (
        Reason.CUT,
        {"target_w": 20_000, "cap_w": 20_000},
        "may take 33.3 kW until it is told 20 kW, because an operator allows it 20 kW",
    ),
    (
        Reason.CUT,
        {"target_w": 20_000, "overbooked": "CP001"},
        "may take 33.3 kW until it is told 20 kW, because too much is set aside on its charger",
    ),
    (
        Reason.CLIENT_CALLS,
        {"limit_w": 100_000},
        "may take 100 kW, and 50 kW from the next call of the system that drives it",
    ),
    (
        Reason.CLIENT_CALLS,
        {"limit_w": 50_000},
        "may take 50 kW, which the next call of the system that drives it is to show",
    ),
    (
        Reason.START_POWER,
        {"booked_w": 50_000},
        "may take 33.3 kW, while 50 kW to start with are still set aside for it",
    ),
    (Reason.PROVISIONING, {}, "may take 33.3 kW, because its charger is being set up and has still to confirm it"),
    (
        Reason.SAFE_MODE,
        {},
        "may take 33.3 kW, because this system has found a mistake of its own and gives nobody more until that is over",
    ),
    (
        Reason.TAG_REFUSED,
        {"limit_w": 0},
        "gets nothing, because the card that it was started with may not charge",
    ),
    (
        Reason.OBSERVED,
        {"limit_w": None},
        "is not told anything, because its charger is only observed: it would get 50 kW",
    ),
    (
        Reason.OBSERVED,
        {"limit_w": None, "target_w": None},
        "is not told anything, because its charger is only observed",
    ),
    (Reason.RELEASED, {}, "may take 33.3 kW, because its charger was released and is left alone"),
    (
        Reason.NOT_CONTROLLED,
        {"limit_w": None, "booked_w": 22_000},
        "may take up to 22 kW, because its charger is not controlled by this system",
    ),
    (Reason.OFFLINE, {}, "may take 33.3 kW, because its charger is offline and can be told nothing else"),
    (Reason.NOT_HEARD, {}, "may take 33.3 kW, because its charger has connected and has still to say something"),
    (Reason.REFUSING, {}, "may take 33.3 kW, because its charger refuses limits, and is asked again from time to time"),
    (
        Reason.IDENTITY_CONFLICT,
        {},
        "may take 33.3 kW, because more than one charger calls itself so, and none of them is told anything",
    ),
    (
        Reason.UNPROVEN,
        {},
        "may take 33.3 kW, because its start was told late, and it has still to show that it is there",
    ),
    (
        Reason.NOT_OBEYING,
        {},
        "may take 33.3 kW, because it draws more than its charger was told, so that its limit counts for nothing",
    ),
    (
        Reason.CLIENT_SILENT,
        {},
        "may take 33.3 kW, because the system that drives it has not called for a minute",
    ),
]


@pytest.mark.parametrize(
    ("reason", "figures", "said"),
    [pytest.param(*one, id=f"{number} {one[0].value}") for number, one in enumerate(SENTENCES)],
)
def test_what_is_said(reason: Reason, figures: dict[str, Any], said: str) -> None:
    assert sentence(replace(BASE, reason=reason, **figures)) == f"{CAR}{said}."


def test_there_is_a_sentence_for_each_reason() -> None:
    assert {reason for reason, _, _ in SENTENCES} == set(SAYS) == set(Reason)


@pytest.mark.parametrize(
    ("power_w", "said"),
    [
        (0, "0 kW"),
        (1, "1 W"),
        (999, "999 W"),
        (1_000, "1 kW"),
        (1_099, "1 kW"),
        (1_100, "1.1 kW"),
        (33_333, "33.3 kW"),
        (149_250, "149.2 kW"),
        (150_000, "150 kW"),
    ],
)
def test_how_a_power_is_said(power_w: int, said: str) -> None:
    assert power_text(power_w) == said


@pytest.mark.parametrize(
    ("reason", "known", "ends"),
    [
        (Reason.SHARE, Known.MEASURED, "which share it fairly; 62.5 kW are measured for the rest of the site."),
        (Reason.NO_ROOM, Known.MEASURED, "for that now; 62.5 kW are measured for the rest of the site."),
        (Reason.CUT, Known.MEASURED, "need the rest; 62.5 kW are measured for the rest of the site."),
        (Reason.OVERBOOKED, Known.SILENT, "62.5 kW are set aside for the rest of the site, whose meter is silent."),
        (Reason.WAITS_FOR_ANSWER, Known.MEASURED, "its charger was told so, and has still to answer."),
    ],
)
def test_where_the_grid_connection_is_why_the_rest_of_the_site_is_told(reason: Reason, known: Known, ends: str) -> None:
    told = sentence(replace(BASE, reason=reason, binding=GRID, base_load=BaseLoadShare(62_500, known)))
    assert told.endswith(ends), told
