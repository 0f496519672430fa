"""The door: what a step gives out, in which order, and what it never does."""

import pytest

from csms.core.commands import Purpose, SetLimit
from csms.core.engine import Engine
from csms.core.errors import InvariantError
from csms.core.events import (
    ChargerReported,
    ConnectorStatus,
    Fact,
    MeterSampled,
    Sample,
    StartKey,
    TagStatus,
    TransactionStarted,
)
from csms.core.ids import ChargerId, Now, RequestId, SessionId
from csms.core.records import CountersStored, SampleStored, SendForgotten, SendStored, SessionStored, StationStored
from csms.core.replies import Confirmed
from csms.core.station import GRID, Control
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station
from tests.unit.core.memory import Memory

CHARGING = ConnectorStatus.CHARGING
IDS = [f"C{n:02d}" for n in range(12)]


def start(charger_id: str, number: int) -> TransactionStarted:
    key = StartKey(ChargerId(charger_id), 1, f"TAG{number}", T0_WALL_MS + number, 0)
    return TransactionStarted(key, TagStatus.ACCEPTED, SessionId(f"s-{charger_id}"), request=RequestId(100 + number))


def test_time_does_not_step_back() -> None:
    engine = Engine(Memory(station(100)).snapshot(), Now(1_000, 0))
    engine.step([], Now(1_000, 0))
    with pytest.raises(InvariantError):
        engine.step([], Now(999, 0))


def test_wall_clock_steps_change_nothing() -> None:
    engine = Engine(Memory(station(100, charger("A", 50))).snapshot(), Now(1_000, 10**12))
    for wall_ms in (10**12, 0, 2 * 10**12):
        assert engine.step([], Now(2_000, wall_ms)).after_commit == ()
    assert engine.charger_booked_w(ChargerId("A")) == 50_000


def test_the_first_step_plans_without_a_fact() -> None:
    engine = Engine(Memory(station(100)).snapshot(), Now(5_000, 0))
    assert engine.next_due_ms() == 5_000
    engine.step([], Now(5_000, 0))
    assert engine.next_due_ms() is None


def test_the_same_facts_at_the_same_times_give_the_same_steps() -> None:
    def run() -> list[object]:
        drive = Drive(station(100, charger("A", 100, 2), charger("B", 100)))
        drive.bring_up("A", "B")
        steps: list[object] = []
        for name, idx in (("A", 1), ("B", 1), ("A", 2)):
            drive.start(name, idx)
            drive.status(name, idx, CHARGING)
            steps.append(drive.last)
            drive.accept()
            drive.draws({("A", 1): 30, ("B", 1): 50}, 60)
            steps.append(drive.last)
        return [*steps, *drive.commands, *drive.memory.events]

    assert run() == run()


def test_sessions_enter_the_view_in_order_of_arrival() -> None:
    drive = Drive(station(1_000, *(charger(c, 50) for c in IDS)))
    order = [7, 3, 11, 0, 5, 1, 9, 2, 10, 4, 8, 6]
    step = drive.do(*(start(IDS[n], n) for n in order))
    assert list(step.changes.sessions) == [f"s-{IDS[n]}" for n in order]
    assert list(drive.engine.all_changes().sessions) == [f"s-{IDS[n]}" for n in order]


def test_replies_are_in_the_order_of_the_facts() -> None:
    drive = Drive(station(1_000, *(charger(c, 50) for c in IDS)))
    step = drive.do(*(start(IDS[n], n) for n in (2, 0, 1)))
    assert [reply.request for reply in step.replies] == [102, 100, 101]


def test_a_sample_that_changes_nothing_is_kept_and_plans_nothing() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 100}, 60)
    drive.wait(1)
    step = drive.do(MeterSampled(ChargerId("A"), 1, 1, (Sample(drive.now.wall_ms, 100_000, None),), RequestId(900)))
    assert [type(record) for record in step.records] == [SampleStored]
    assert (step.at_once, step.after_commit, step.changes.chargers) == ((), (), {})
    assert [reply.outcome for reply in step.replies] == [Confirmed()]
    assert list(step.changes.sessions) == [drive.view(1).session_id], "consumedPower is shown"


def test_a_message_that_steers_nothing_is_kept_and_confirmed() -> None:
    drive = Drive(station(100, charger("A", 100)))
    step = drive.do(ChargerReported(ChargerId("A"), "DataTransfer", '{"x":1}', RequestId(1)))
    assert [reply.outcome for reply in step.replies] == [Confirmed()]
    [event] = drive.events("charger.reported")
    assert event.detail == {"action": "DataTransfer", "payload": '{"x":1}'}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x" * 8_192, "x" * 8_192),
        ("x" * 8_193, "x" * 8_192 + "… (cut, 8193 characters)"),
        ("é" * 1_000_000, "é" * 8_192 + "… (cut, 1000000 characters)"),
    ],
)
def test_long_messages_that_steer_nothing_are_kept_in_part(sent: str, kept: str) -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.do(ChargerReported(ChargerId("A"), "DataTransfer", sent, RequestId(1)))
    [event] = drive.events("charger.reported")
    assert event.detail == {"action": "DataTransfer", "payload": kept}


def test_each_row_is_written_once_a_step_as_it_is_at_the_end() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    step = drive.do(start("A", 1), MeterSampled(ChargerId("A"), 1, 1, (Sample(T0_WALL_MS, 5, None),)))
    sessions = [r for r in step.records if isinstance(r, SessionStored)]
    sends = [r for r in step.records if isinstance(r, SendStored)]
    assert [(r.session_id, r.answered_w) for r in sessions] == [("s-A", 100_000)]
    assert [(r.limit_w, r.purpose) for r in sends] == [(100_000, Purpose.TX)]
    assert isinstance(step.records[-1], CountersStored), "the ids are durable with what took them"


def test_a_send_that_leaves_and_is_taken_back_in_one_life_is_forgotten() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    drive.hand_over = False
    drive.start("A")
    call = drive.open_limit("A")
    drive.unsent(call)
    assert SendForgotten(call.token) in drive.last.records
    assert call.token not in drive.memory.sends


def test_a_configuration_is_the_first_record() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.configure(station(50, charger("A", 100)))
    assert isinstance(drive.last.records[0], StationStored)
    assert drive.last.changes.station == station(50, charger("A", 100))
    assert drive.engine.station.grid_capacity_w == 50_000


@pytest.mark.parametrize("node", ["nowhere", GRID, "A"])
def test_what_is_booked_can_be_asked_of_anything(node: str) -> None:
    drive = Drive(station(100, charger("A", 60)))
    assert drive.row_kw(node) == {"nowhere": 0, GRID: 60, "A": 60}[node]
    assert drive.engine.node_capacity_w(node) == {"nowhere": None, GRID: 100_000, "A": 60_000}[node]
    assert drive.k_kw("nobody") == drive.k_kw("nobody", 1) == drive.k_kw("A", 7) == 0


# --- I1: our commands never open or widen an excess -------------------------------------------------------------------


def test_a_world_that_overbooks_a_row_is_worked_off_and_never_asserted() -> None:
    drive = Drive(station(100, charger("A", 100), charger("B", 100, control=Control.AUTO)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.sample("A", 1, 100_000)
    drive.take()
    drive.connect("B")
    assert drive.row_kw() == 200, "B may draw anything"
    cut = [c for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"]
    assert [(c.limit_w, c.urgent) for c in cut] == [(0, True)]
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 0)
    assert drive.row_kw() == 100
    drive.status("B", 1, ConnectorStatus.AVAILABLE)
    drive.accept()
    assert drive.k_kw("B") == 0
    drive.wait(30)
    assert drive.limits()[-1] == ("A", 1, 100_000), "and gets it back when B is known to draw nothing"


ALL: list[Fact] = [
    MeterSampled(ChargerId("?"), 1, None, ()),
    MeterSampled(ChargerId("A"), -5, 2**63, (Sample(-(10**18), -5, -7), Sample(10**18, 10**12, 10**15))),
    start("?", 1),
    start("A", 2),
    start("A", -(10**15)),
]


def test_absurd_numbers_trip_nothing() -> None:
    drive = Drive(station(0, charger("A", 0), charger("B", 100)))
    drive.connect("A")
    for fact in [*ALL, *ALL]:
        drive.do(*[fact])
        drive.outcomes.clear()
        drive.wait(100)
    assert drive.row_kw("A") == 0
