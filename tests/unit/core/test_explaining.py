"""Why a session has what it has: the reason of each situation, the row, who shares it, and whose cuts are awaited."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from csms.core import planning
from csms.core.commands import SetLimit
from csms.core.engine import Changes
from csms.core.events import CapacityEventSet, ConnectorStatus, ExplainRequested, ReleaseRequested, TagStatus
from csms.core.explanation import Awaited, Cause, Explanation, Load, Reason
from csms.core.grid_terms import CapacityEvent, CapacityTariff, CapacityWindow, GridOperator, Held, HeldBy
from csms.core.ids import ChargerId, RequestId, SessionId
from csms.core.replies import Explained, Refusal, Refused
from csms.core.station import Charger, Circuit, Control, FailSafe, Mode
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station
from tests.unit.core.test_capping import cap

AVAILABLE, PREPARING, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING, ConnectorStatus.CHARGING
A, B = charger("A", 100), charger("B", 100)


def explain(drive: Drive, charger_id: str, idx: int = 1) -> Explanation:
    """Ask about the session at a connector; that changes nothing at all."""
    sessions = [s for s in drive.engine.all_changes().sessions.values() if s is not None]
    session = next(s for s in sessions if (s.charger_id, s.idx) == (charger_id, idx))
    before, due_ms = drive.engine.all_changes(), drive.engine.next_due_ms()
    request = RequestId(drive.number())
    step = drive.do(ExplainRequested(request, session.session_id))
    assert (step.records, step.at_once, step.after_commit) == ((), (), ())
    assert step.changes == Changes({}, {}, None, None, None)
    assert (drive.engine.all_changes(), drive.engine.next_due_ms()) == (before, due_ms)
    outcome = drive.outcomes[request]
    assert isinstance(outcome, Explained)
    found = outcome.explanation
    assert (found.session_id, found.booked_w) == (session.session_id, session.booked_w)
    return found


def figures(found: Explanation) -> tuple[Reason, int | None, int | None, int]:
    """Return reason, limit, target and booked power, kW."""
    limit_kw = None if found.limit_w is None else found.limit_w // 1_000
    target_kw = None if found.target_w is None else found.target_w // 1_000
    return found.reason, limit_kw, target_kw, found.booked_w // 1_000


def charging(drive: Drive, charger_id: str, idx: int = 1) -> int:
    """Start a car whose limit is answered, and which says that it charges."""
    transaction_id = drive.start(charger_id, idx)
    drive.status(charger_id, idx, CHARGING)
    drive.accept()
    return transaction_id


def two_cars(grid_kw: int = 100) -> Drive:
    """Return A, whose car has the whole connection, and B, whose car has just come."""
    drive = Drive(station(grid_kw, A, B))
    drive.bring_up("A", "B")
    charging(drive, "A")
    drive.sample("A", 1, 100_000)
    drive.start("B")
    return drive


# --- what waits for whose confirmation --------------------------------------------------------------------------------


def test_a_raise_waits_for_the_cut_of_another_step_by_step() -> None:
    drive = two_cars()
    found = explain(drive, "B")
    assert figures(found) == (Reason.WAITS_FOR_OTHERS, 0, 50, 0)
    assert [(w.charger_id, w.idx, w.power_w, w.awaited) for w in found.waits] == [("A", 1, 50_000, Awaited.ANSWER)]
    assert (found.waits_w, found.waits_sessions) == (50_000, 1)
    assert figures(explain(drive, "A")) == (Reason.WAITS_FOR_ANSWER, 50, 50, 100)
    drive.accept_limits()
    assert [w.awaited for w in explain(drive, "B").waits] == [Awaited.CAR]
    assert (explain(drive, "A").reason, explain(drive, "A").awaited) == (Reason.WAITS_FOR_ANSWER, Awaited.CAR)
    drive.sample("A", 1, 50_000)
    assert figures(explain(drive, "B")) == (Reason.WAITS_FOR_ANSWER, 50, 50, 50)
    drive.accept()
    assert figures(explain(drive, "B")) == figures(explain(drive, "A")) == (Reason.SHARE, 50, 50, 50)


def test_a_cut_that_was_lost_is_waited_for_until_it_is_said_again() -> None:
    drive = two_cars()
    for _ in range(2):  # it is said again at once, and then after a while
        drive.time_out(drive.open_limit("A"))
    assert [w.awaited for w in explain(drive, "B").waits] == [Awaited.LOST_LIMIT]
    assert explain(drive, "A").awaited is Awaited.LOST_LIMIT


def test_only_those_are_waited_for_who_share_a_row_that_is_short() -> None:
    halls = Circuit("one", None, 100_000), Circuit("other", None, 100_000)
    places = {"A": "one", "B": "one", "C": "other", "D": "other"}
    drive = Drive(station(400, *(charger(c, 100, circuit=hall) for c, hall in places.items()), circuits=halls))
    drive.bring_up(*places)
    charging(drive, "A")
    charging(drive, "C")
    drive.start("B")
    drive.start("D")
    assert [w.charger_id for w in explain(drive, "B").waits] == ["A"]
    assert [w.charger_id for w in explain(drive, "D").waits] == ["C"]


def test_a_client_is_waited_for_until_its_next_call() -> None:
    rest = replace(A, control=Control.REST), replace(B, control=Control.REST)
    drive = Drive(station(100, *rest))
    first = drive.rest_start("A", 1, 150)
    drive.rest_start("B", 1, 150)
    found = explain(drive, "B")
    assert figures(found) == (Reason.WAITS_FOR_OTHERS, 0, 50, 0)
    assert [(w.power_w, w.awaited) for w in found.waits] == [(50_000, Awaited.CLIENT)]
    assert figures(explain(drive, "A")) == (Reason.CLIENT_CALLS, 100, 50, 100)
    drive.update(first.session_id, 100)
    assert figures(explain(drive, "A")) == (Reason.SHARE, 50, 50, 50)
    assert figures(explain(drive, "B")) == (Reason.CLIENT_CALLS, 0, 50, 0)
    drive.wait(70)
    assert figures(explain(drive, "A")) == (Reason.CLIENT_SILENT, 50, None, 50)


# --- the row ----------------------------------------------------------------------------------------------------------


def test_the_row_that_limits_who_shares_it_and_what_is_not_shared() -> None:
    """20 kW of the house and 30 kW of an uncontrolled charger leave 150 kW for three cars."""
    fixed = charger("F", 30, control=Control.NONE)
    drive = Drive(station(200, charger("A", 200, 2), B, fixed, static_kw=20))
    drive.bring_up("A", "B")
    for charger_id, idx in (("A", 1), ("A", 2), ("B", 1)):
        charging(drive, charger_id, idx)
        drive.wait(10)
        drive.accept()
    binding = explain(drive, "B").binding
    assert binding is not None
    assert (binding.node_id, binding.capacity_w, binding.shared_w, binding.booked_w) == (
        "grid",
        180_000,
        150_000,
        180_000,
    )
    assert (binding.sessions, binding.target_w, binding.more_w) == (3, 150_000, 333)
    assert binding.loads == (Load(ChargerId("F"), 30_000),)
    assert [(s.charger_id, s.idx, s.target_w) for s in binding.shares] == [
        ("B", 1, 50_000),
        ("A", 1, 50_000),
        ("A", 2, 50_000),
    ]
    assert explain(drive, "A").binding == replace(
        binding, shares=(binding.shares[1], binding.shares[2], binding.shares[0]), more_w=334
    )


@pytest.mark.parametrize(
    ("circuit_kw", "row", "more_w"),
    [(60, "hall", 334), (300, "A", 500)],
    ids=["a circuit that three share", "its charger, which two share"],
)
def test_one_more_kilowatt_at_what_limits(circuit_kw: int, row: str, more_w: int) -> None:
    hall = Circuit("hall", None, circuit_kw * 1_000)
    drive = Drive(
        station(400, charger("A", 50, 2, circuit="hall"), charger("B", 100, circuit="hall"), circuits=(hall,))
    )
    drive.bring_up("A", "B")
    for charger_id, idx in (("A", 1), ("A", 2), ("B", 1)):
        charging(drive, charger_id, idx)
    binding = explain(drive, "A").binding
    assert binding is not None
    assert (binding.node_id, binding.more_w) == (row, more_w)


def test_one_more_kilowatt_at_a_charger_whose_cars_have_what_is_firm_alone() -> None:
    """Their shares of what is firm are limited by the same row, and grow with it."""
    evening = (CapacityWindow(20 * 60, 21 * 60, 200_000),)
    drive = Drive(replace(station(400, charger("A", 50, 2)), capacity_schedule=evening))
    drive.bring_up("A")
    charging(drive, "A", 1)
    charging(drive, "A", 2)
    found = explain(drive, "A")
    assert found.binding is not None
    assert (found.firm_w, found.binding.node_id, found.binding.shared_w) == (None, "A", 50_000)
    assert found.binding.more_w == 500


def test_one_more_kilowatt_may_let_in_somebody_else_first() -> None:
    """B has what A's minimum, which comes first, leaves idle: with 1 kW more A charges and B has less."""
    first = charger("A", 22, min_w=10_000)
    drive = Drive(station(9, first, charger("B", 22)))
    drive.bring_up("A", "B")
    charging(drive, "A")
    charging(drive, "B")
    drive.wait(20)
    drive.accept()
    waiting, having = explain(drive, "A"), explain(drive, "B")
    assert waiting.binding is not None
    assert having.binding is not None
    assert (waiting.reason, waiting.least_w, waiting.binding.node_id) == (Reason.NO_ROOM, 10_000, "grid")
    assert (waiting.binding.more_w, having.binding.more_w) == (10_000, -9_000)


def test_the_row_on_which_a_minimum_does_not_fit_beside_that_of_another() -> None:
    drive = Drive(station(8, charger("A", 22, 2, min_w=4_140)))
    drive.bring_up("A")
    charging(drive, "A", 1)
    charging(drive, "A", 2)
    found = explain(drive, "A", 2)
    assert found.binding is not None
    assert (found.reason, found.binding.node_id, found.binding.more_w) == (Reason.NO_ROOM, "grid", 4_500)


def test_the_row_of_a_charger_above_an_operators_cap() -> None:
    drive = Drive(station(400, charger("CP001", 100, 2)))
    drive.bring_up("CP001")
    cap(drive, 30, chargingProfilePurpose="ChargePointMaxProfile", connector=0)
    cap(drive, 20, stackLevel=1, chargingProfileId=2, chargingProfilePurpose="TxDefaultProfile", connector=1)
    charging(drive, "CP001", 1)
    charging(drive, "CP001", 2)
    one, two = explain(drive, "CP001", 1), explain(drive, "CP001", 2)
    assert (one.cap_w, two.cap_w, two.limited_by) == (20_000, 30_000, "operator_cap")
    assert two.binding is not None
    assert (two.binding.node_id, two.binding.capacity_w, two.binding.shared_w) == ("CP001", 30_000, 30_000)


# --- demand -----------------------------------------------------------------------------------------------------------


def test_the_demand_and_why() -> None:
    drive = Drive(station(100, A))
    drive.bring_up("A")
    charging(drive, "A")
    assert (explain(drive, "A").cause, explain(drive, "A").demand_w) == (Cause.DECLARED, 100_000)
    drive.sample("A", 1, 100_000)
    assert explain(drive, "A").cause is Cause.NOT_JUDGED
    drive.draws({("A", 1): 100}, 60)
    assert explain(drive, "A").cause is Cause.AT_LIMIT
    drive.draws({("A", 1): 40}, 60)
    found = explain(drive, "A")
    assert (found.reason, found.cause, found.demand_w, found.declared_w) == (
        Reason.VEHICLE,
        Cause.BELOW_LIMIT,
        44_000,
        100_000,
    )
    assert (found.consumed_w, found.binding) == (40_000, None)


def test_what_a_client_has_stated() -> None:
    drive = Drive(station(100, replace(A, control=Control.REST)))
    session = drive.rest_start("A", 1, 80)
    assert (explain(drive, "A").reason, explain(drive, "A").cause) == (Reason.VEHICLE, Cause.DECLARED)
    drive.update(session.session_id, 30)
    found = explain(drive, "A")
    assert (found.reason, found.cause, found.demand_w, found.declared_w) == (
        Reason.VEHICLE,
        Cause.STATED,
        30_000,
        80_000,
    )


# --- each reason ------------------------------------------------------------------------------------------------------


def capped() -> Drive:
    drive = Drive(station(400, charger("CP001", 100)))
    drive.bring_up("CP001")
    cap(drive, 30, chargingProfilePurpose="ChargePointMaxProfile", connector=0)
    charging(drive, "CP001")
    return drive


def kept() -> Drive:
    """Two connectors keep their fail-safe power of 10 kW, on a fuse that a third load has filled up."""
    one = replace(charger("CP001", 100, min_w=20_000), fail_safe=FailSafe.RESERVE, fail_safe_power_w=10_000)
    drive = Drive(station(15, one))
    drive.bring_up("CP001")
    charging(drive, "CP001")
    return drive


def below_minimum() -> Drive:
    drive = Drive(station(100, charger("CP001", 22, min_w=4_140)))
    drive.bring_up("CP001")
    drive.post("CP001", 1, 2)
    drive.accept()
    drive.start("CP001", tag="VIRTUAL")
    drive.accept()
    return drive


def overbooked() -> Drive:
    drive = Drive(station(100, charger("CP001", 100), B))
    drive.bring_up("CP001", "B")
    charging(drive, "B")
    drive.sample("B", 1, 100_000)
    drive.configure(station(60, charger("CP001", 100), B))
    drive.start("CP001")
    return drive


def setting_up() -> Drive:
    drive = Drive(station(100, charger("CP001", 100)))
    drive.connect("CP001")
    drive.boot("CP001")
    drive.status("CP001", 1, CHARGING)
    drive.start("CP001")
    return drive


def with_start_power() -> Drive:
    """It began with 100 kW and was told 75 when another car came."""
    drive = Drive(station(150, replace(charger("CP001", 100), needs_start_power=True), B))
    drive.bring_up("CP001", "B")
    drive.status("CP001", 1, PREPARING)
    drive.accept()
    charging(drive, "CP001")
    drive.wait(20)
    drive.start("B")
    drive.answer(next(c for c in drive.open_calls if isinstance(c, SetLimit) and c.limit_w == 75_000))
    drive.sample("CP001", 1, 75_000)
    return drive


def safe() -> Drive:
    drive = charged()
    drive.recover(safe=True)
    drive.connect("CP001")
    drive.status("CP001", 1, CHARGING)
    drive.accept()
    return drive


def rebooted() -> Drive:
    """B has booted and asserts its limits anew; nobody is told more meanwhile."""
    drive = Drive(station(150, charger("CP001", 100), B))
    drive.bring_up("CP001", "B")
    drive.boot("B")
    drive.start("CP001")
    return drive


def soon() -> Drive:
    """Another car has gone: a second raise within ten seconds of the first one waits until they are over."""
    drive = Drive(station(100, charger("CP001", 100), B, charger("C", 100)))
    drive.bring_up("CP001", "B", "C")
    first, _ = charging(drive, "B"), charging(drive, "C")
    drive.wait(20)
    drive.accept()
    charging(drive, "CP001")
    drive.wait(20)
    drive.accept()
    drive.stop("B", first)
    drive.status("B", 1, AVAILABLE)
    drive.accept()
    drive.configure(station(120, charger("CP001", 100), B, charger("C", 100)))
    return drive


def charged(*, becomes: Charger | None = None) -> Drive:
    """Return a car that charges with 100 kW at a charger that is configured otherwise afterwards."""
    drive = Drive(station(100, charger("CP001", 100)))
    drive.bring_up("CP001")
    charging(drive, "CP001")
    if becomes is not None:
        drive.configure(station(100, becomes))
    return drive


def away() -> Drive:
    drive = charged()
    drive.disconnect("CP001")
    return drive


def back() -> Drive:
    drive = away()
    drive.connect("CP001", heard=False)
    return drive


def contested() -> Drive:
    drive = charged()
    for number in range(5):
        drive.wait(3)
        drive.connect("CP001", address="one" if number % 2 else "other", takes_over=True)
    return drive


def refusing() -> Drive:
    drive = charged()
    drive.configure(station(60, charger("CP001", 100)))
    for _ in range(20):
        for call in [c for c in drive.open_calls if isinstance(c, SetLimit)]:
            drive.answer(call, "Rejected")
        drive.wait(5)
    return drive


def unproven() -> Drive:
    drive = Drive(station(100, charger("CP001", 100)))
    drive.bring_up("CP001")
    drive.start("CP001", ago_s=7_200)
    return drive


def liar() -> Drive:
    drive = charged()
    drive.configure(station(50, charger("CP001", 100)))
    drive.accept()
    for _ in range(6):
        drive.wait(5)
        drive.sample("CP001", 1, 100_000)
    return drive


def refused_tag() -> Drive:
    drive = Drive(station(100, charger("CP001", 100)))
    drive.bring_up("CP001")
    drive.start("CP001", verdict=TagStatus.BLOCKED)
    drive.accept()
    return drive


def cut_to_come() -> Drive:
    """A small car has come: what three others give up for it is little, and told when their last limit is older."""
    drive = Drive(station(100, charger("CP001", 100), B, charger("C", 100), charger("D", 4)))
    drive.bring_up("CP001", "B", "C", "D")
    for charger_id in ("B", "C", "CP001"):
        charging(drive, charger_id)
        drive.wait(20)
        drive.accept()
    drive.configure(station(103, charger("CP001", 100), B, charger("C", 100), charger("D", 4)))
    drive.wait(20)
    drive.accept()
    drive.start("D")
    return drive


def released() -> Drive:
    drive = charged()
    drive.do(ReleaseRequested(RequestId(drive.number()), ChargerId("CP001"), "test", forced=True))
    return drive


REASONS: list[tuple[Reason, Callable[[], Drive]]] = [
    (Reason.OPERATOR_CAP, capped),
    (Reason.FAIL_SAFE, kept),
    (Reason.BELOW_MINIMUM, below_minimum),
    (Reason.OVERBOOKED, overbooked),
    (Reason.PROVISIONING, setting_up),
    (Reason.START_POWER, with_start_power),
    (Reason.SAFE_MODE, safe),
    (Reason.WAITS_FOR_CHARGERS, rebooted),
    (Reason.RAISED_SOON, soon),
    (Reason.OBSERVED, lambda: charged(becomes=charger("CP001", 100, mode=Mode.OBSERVE))),
    (Reason.NOT_CONTROLLED, lambda: charged(becomes=charger("CP001", 100, control=Control.NONE))),
    (Reason.OFFLINE, away),
    (Reason.NOT_HEARD, back),
    (Reason.IDENTITY_CONFLICT, contested),
    (Reason.REFUSING, refusing),
    (Reason.UNPROVEN, unproven),
    (Reason.NOT_OBEYING, liar),
    (Reason.TAG_REFUSED, refused_tag),
    (Reason.RELEASED, released),
    (Reason.CUT, cut_to_come),
]


@pytest.mark.parametrize(("reason", "situation"), [pytest.param(*one, id=one[0].value) for one in REASONS])
def test_each_reason_in_its_situation(reason: Reason, situation: Callable[[], Drive]) -> None:
    assert explain(situation(), "CP001").reason is reason


def test_what_a_session_of_an_observed_charger_would_have() -> None:
    drive = Drive(station(100, charger("CP001", 100, 2), B))
    drive.bring_up("CP001", "B")
    charging(drive, "CP001")
    drive.configure(station(100, charger("CP001", 100, 2, mode=Mode.OBSERVE), B))
    charging(drive, "B")
    found = explain(drive, "CP001")
    assert figures(found) == (Reason.OBSERVED, None, 50, 100)
    assert found.binding is not None
    assert (found.binding.node_id, found.binding.sessions, found.binding.more_w) == ("grid", 2, 500)
    assert found.binding.loads == (), "its idle connector would take nothing"


def test_the_row_that_is_overbooked() -> None:
    assert (explain(overbooked(), "CP001").overbooked, explain(two_cars(), "A").overbooked) == ("grid", None)


def test_what_a_car_began_with_is_its_limit_before_it_has_one_of_its_own() -> None:
    drive = Drive(station(150, replace(charger("CP001", 100), needs_start_power=True)))
    drive.bring_up("CP001")
    drive.status("CP001", 1, PREPARING)
    drive.accept()
    drive.recover(safe=True)
    drive.connect("CP001")
    drive.start("CP001")
    assert figures(explain(drive, "CP001")) == (Reason.SAFE_MODE, 100, 100, 100)


def test_in_safe_mode_the_allocator_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = Drive(station(100, charger("CP001", 100), charger("B", 100, mode=Mode.OBSERVE)))
    drive.bring_up("CP001")
    charging(drive, "CP001")
    drive.connect("B")
    drive.boot("B")
    drive.start("B")
    drive.recover(safe=True)
    drive.connect("CP001")
    drive.status("CP001", 1, CHARGING)
    drive.accept()
    monkeypatch.setattr(planning, "allocate", None)
    assert figures(explain(drive, "CP001"))[0] is Reason.SAFE_MODE
    assert figures(explain(drive, "B")) == (Reason.OBSERVED, None, None, 100)


def test_what_is_not_active_is_not_explained() -> None:
    drive = Drive(station(100, A))
    drive.do(ExplainRequested(RequestId(99), SessionId("nobody")))
    outcome = drive.outcomes[RequestId(99)]
    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.UNKNOWN_SESSION


# --- what holds the grid connection -----------------------------------------------------------------------------------


def test_the_window_the_event_the_silence_or_the_tariff_that_holds_the_grid_connection() -> None:
    site = station(90, A, B)
    window = CapacityWindow(0, 1_440, 60_000)
    event = CapacityEvent("e1", T0_WALL_MS, None, 50_000, "DSO")
    drive = Drive(site)
    drive.bring_up("A", "B")
    charging(drive, "A")
    assert (explain(drive, "A").reason, explain(drive, "A").held) == (Reason.SHARE, None)
    drive.configure(replace(site, capacity_schedule=(window,)))
    told = explain(drive, "A")
    assert (told.reason, told.overbooked, told.held) == (
        Reason.WAITS_FOR_ANSWER,
        "grid",
        Held(60_000, HeldBy.SCHEDULE, 60_000, window=window),
    )
    drive.accept()
    drive.do(CapacityEventSet(RequestId(900), event))
    assert explain(drive, "A").held == Held(50_000, HeldBy.EVENT, 50_000, event=event)
    drive.configure(replace(site, grid_operator=GridOperator(40_000)))
    assert explain(drive, "A").held == Held(40_000, HeldBy.FAIL_SAFE, 40_000)
    drive.configure(replace(site, capacity_tariff=CapacityTariff(30_000)))
    found = explain(drive, "A")
    assert found.held == Held(30_000, HeldBy.TARIFF, 50_000)
    assert found.binding is not None
    assert (found.binding.capacity_w, found.binding.withheld_w, found.binding.shared_w) == (50_000, 20_000, 30_000)


def test_what_holds_the_grid_connection_is_not_told_where_something_else_limits() -> None:
    drive = Drive(replace(station(300, A, B), capacity_schedule=(CapacityWindow(0, 1_440, 250_000),)))
    drive.bring_up("A")
    charging(drive, "A")
    assert explain(drive, "A").held is None
