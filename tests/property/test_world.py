"""The simulated world itself: what its chargers remember, what its links report, what is fair."""

import json
import random
from collections.abc import Callable
from contextlib import nullcontext
from random import Random
from typing import Any

import pytest

from csms.core.commands import Call, LimitForm, Purpose, RateUnit, SetLimit, Trigger
from csms.core.events import (
    CallAnswered,
    CallSent,
    CallTimedOut,
    CallUnsent,
    ChargerDisconnected,
    ChargerHeard,
    ConnectorStatus,
    Fact,
    MeterSampled,
    StartKey,
    StatusNotified,
)
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectionId, RequestId, SessionId, Token, TransactionId
from csms.core.records import EventLogged
from csms.core.replies import Outcome
from csms.core.station import GRID
from csms.ocpp16.peer import Peer
from csms.simulation.car import Car
from csms.simulation.clock import EPOCH_MS, Clock
from csms.simulation.frames import answer_text, call_text, read_answer, read_call, time_text
from csms.simulation.grid import GridConnection
from csms.simulation.hearing import Desk, MakeFact
from csms.simulation.keys import KeyMemory, Pen
from csms.simulation.line import Delivered
from csms.simulation.link import Link, Process
from csms.simulation.manners import POLITE, Manners, Word
from csms.simulation.obedience import Nature, Obedience
from csms.simulation.outlet import Outlet, Transaction
from csms.simulation.profiles import ProfileMemory
from csms.simulation.reference import Claim, fair_shares
from csms.simulation.surroundings import Surroundings, Switches
from csms.simulation.trace import Trace, ViolationError
from csms.simulation.turns import Turns
from tests.unit.store.samples import session

CP = ChargerId("CP")
ONE = ConnectionId(1)
FORM = LimitForm(RateUnit.W, 0, 230)


def limit(token: int, *, idx: int = 1, urgent: bool = False) -> SetLimit:
    transaction_id = TransactionId(7)
    return SetLimit(Token(token), ONE, CP, idx, Purpose.TX, 1_000, FORM, transaction_id, urgent=urgent, cause="")


def read(token: int) -> Trigger:
    return Trigger(Token(token), ONE, CP, "Heartbeat", None)


class Wire:
    """A link whose charger answers only when told to."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.facts: list[Fact] = []
        self.asked: list[Fact] = []
        self.taken: list[Delivered] = []
        self.late_ms = 0
        desk = Desk(lambda: 0, lambda: SessionId("s1"), lambda _key: None, lambda _transaction_id: None)
        self.link = Link(
            CP,
            ONE,
            Peer("1-"),
            Process(
                self.clock,
                Trace(self.clock),
                self.facts.append,
                self.ask,
                desk,
                lambda: 0,
                Random(0),
                lambda _charger_id: self.late_ms,
            ),
            lambda _line, delivered: self.taken.append(delivered),
        )

    def ask(self, make_fact: MakeFact, _told: Callable[[Outcome], None]) -> None:
        self.asked.append(make_fact(RequestId(1)))

    def submit(self, *calls: Call) -> None:
        for call in calls:
            self.link.submit(call)

    def order(self) -> list[int]:
        return [fact.token for fact in self.facts if isinstance(fact, CallSent)]

    def answer(self, token: int) -> None:
        delivered = self.taken[self.order().index(token)]
        self.link.answer(delivered, answer_text(read_call(delivered.text), {"status": "Accepted"}))


# --- links ----------------------------------------------------------------------------------------------------------


def test_one_call_at_a_time_and_limits_first() -> None:
    wire = Wire()
    wire.submit(read(1), read(2), limit(3), limit(4, idx=2, urgent=True))
    assert wire.order() == [1]
    for token in (1, 4, 3, 2):
        wire.answer(token)
    assert wire.order() == [1, 4, 3, 2]


def test_a_newer_limit_replaces_a_queued_one_and_an_older_one_is_never_sent() -> None:
    wire = Wire()
    wire.submit(read(1), limit(2), limit(5), limit(4))
    assert [fact for fact in wire.facts if isinstance(fact, CallUnsent)] == [CallUnsent(Token(2)), CallUnsent(Token(4))]
    wire.answer(1)
    assert wire.order() == [1, 5]


@pytest.mark.parametrize(("urgent", "left_ms"), [(False, 10_000), (True, 5_000)])
def test_a_limit_waits_for_an_unanswered_call_but_an_urgent_one_five_seconds(urgent: bool, left_ms: int) -> None:  # noqa: FBT001 - a table
    wire = Wire()
    wire.submit(read(1))
    wire.clock.run_until(2_000)
    wire.submit(limit(2, urgent=urgent))
    wire.clock.run_until(left_ms - 1)
    assert wire.order() == [1]
    wire.clock.run_until(left_ms)
    assert wire.order() == [1, 2]
    assert wire.facts[-2:] == [CallTimedOut(Token(1)), CallSent(Token(2))]
    assert wire.taken[0].void_ms == left_ms + 60_000


def test_a_late_answer_counts_on_its_own_connection_only() -> None:
    wire = Wire()
    wire.submit(limit(1))
    wire.clock.run_until(15_000)
    wire.answer(1)
    assert wire.facts[-1:] == [CallAnswered(Token(1), "Accepted")]
    wire.submit(limit(2), limit(3))
    wire.link.close()
    wire.answer(2)
    assert wire.facts[-2:] == [CallUnsent(Token(3)), ChargerDisconnected(CP, ONE)]


# --- chargers and cars ------------------------------------------------------------------------------------------------


def test_a_transactions_profile_overrules_the_default_even_when_it_is_higher() -> None:
    memory = ProfileMemory()
    assert memory.limit_w(1, in_transaction=True) is None
    memory.set_default(0, 0, 6_000)
    memory.set_tx(1, 0, 7, 9_000)
    assert memory.limit_w(1, in_transaction=True) == 9_000
    assert memory.limit_w(2, in_transaction=True) == 6_000
    memory.end_transaction(1)
    assert memory.limit_w(1, in_transaction=True) == 6_000


@pytest.mark.parametrize(("own_first", "expected_w"), [(True, 3_000), (False, 5_000)])
def test_which_default_prevails(own_first: bool, expected_w: int) -> None:  # noqa: FBT001 - a table
    memory = ProfileMemory(own_default_first=own_first)
    memory.set_default(0, 5, 5_000)
    memory.set_default(1, 2, 3_000)
    memory.set_default(1, 0, 1_000)
    assert memory.default_w(1) == expected_w
    assert memory.default_w(2) == 5_000


@pytest.mark.parametrize(
    ("idx", "level", "left"),
    [
        (None, 3, {(0, 0), (1, 0)}),
        (1, 0, {(0, 0), (0, 3), (2, 3)}),
        (None, None, set[tuple[int, int]]()),
        (1, 9, {(0, 0), (0, 3), (1, 0), (2, 3)}),
    ],
)
def test_clearing_removes_what_matches(idx: int | None, level: int | None, left: set[tuple[int, int]]) -> None:
    memory = ProfileMemory(defaults={(0, 0): 1, (0, 3): 2, (1, 0): 3, (2, 3): 4})
    found = len(left) < 4
    assert memory.clear_defaults(idx, level) is found
    assert set(memory.defaults) == left


def test_a_car_lets_go_at_its_own_pace_and_never_takes_more_than_it_may() -> None:
    car = Car(wants_w=50_000, down_w_per_s=20_000, up_w_per_s=5_000)
    assert car.next_draw_w(0, 100_000, 1_000) == 5_000
    assert car.next_draw_w(48_000, 100_000, 1_000) == 50_000
    assert car.next_draw_w(50_000, 10_000, 1_000) == 30_000
    assert car.next_draw_w(15_000, 10_000, 1_000) == 10_000


def test_a_car_that_is_slow_to_wake_draws_nothing_for_a_while_whenever_it_may_draw_again() -> None:
    car = Car(wants_w=50_000, down_w_per_s=50_000, up_w_per_s=50_000, wakes_ms=3_000)
    car.sleep()
    assert [car.next_draw_w(0, 20_000, 1_000) for _ in range(4)] == [0, 0, 20_000, 20_000]
    assert car.next_draw_w(20_000, 0, 1_000) == 0
    assert car.is_asleep
    assert [car.next_draw_w(0, 20_000, 1_000) for _ in range(3)] == [0, 0, 20_000]
    assert not car.is_asleep


def test_a_car_draws_nothing_below_its_own_minimum() -> None:
    car = Car(wants_w=50_000, down_w_per_s=50_000, up_w_per_s=50_000, least_w=4_140)
    assert car.next_draw_w(0, 4_140, 1_000) == 4_140
    assert car.next_draw_w(4_140, 4_139, 1_000) == 0
    outlet = Outlet(1, transaction=Transaction(StartKey(CP, 1, "T", 0, 0)), car=car)
    assert outlet.natural_status(4_139) is ConnectorStatus.SUSPENDED_EV
    assert car.next_draw_w(0, 4_140, 1_000) == 4_140
    assert outlet.natural_status(4_140) is ConnectorStatus.CHARGING


def test_a_surge_comes_when_a_car_has_woken() -> None:
    car = Car(wants_w=50_000, down_w_per_s=50_000, up_w_per_s=50_000, wakes_ms=2_000, surge=100)
    car.sleep()
    drawn: list[int] = []
    for _ in range(5):
        drawn.append(car.next_draw_w(drawn[-1] if drawn else 0, car.allowed_w(20_000, 1_000), 1_000))
    assert drawn == [0, 20_000, 22_000, 22_000, 20_000]
    assert car.surges == 1


def test_a_call_that_is_late_arrives_after_those_that_left_after_it() -> None:
    wire = Wire()
    wire.late_ms = 20_000
    wire.submit(limit(1))
    wire.late_ms = 0
    wire.clock.run_until(10_000)
    assert wire.facts[-1:] == [CallTimedOut(Token(1))]
    wire.submit(limit(2))
    assert [delivered.at_ms for delivered in wire.taken] == [10_000]
    wire.clock.run_until(20_000)
    assert [delivered.at_ms for delivered in wire.taken] == [10_000, 0]


@pytest.mark.parametrize(
    ("stepped_ms", "falls_ms"), [(0, 60_000), (-30_000, 90_000), (30_000, 30_000), (300_000, 5_000)]
)
def test_what_expires_does_so_by_the_chargers_own_clock(stepped_ms: int, falls_ms: int) -> None:
    clock = Clock()
    around = Surroundings(clock, random.Random(1), Trace(clock), Switches(faults=False))
    obedience = Obedience(around, Nature(frozenset({"W"})), POLITE, ProfileMemory())
    ahead_ms = 0
    limits_w: list[tuple[int, int | None]] = []
    obedience.changed = lambda: limits_w.append((clock.now_ms, obedience.profiles.limit_w(1, in_transaction=True)))
    obedience.clock_ms = lambda: around.wall_ms() + ahead_ms
    obedience.running_id = lambda _idx: (True, 7)
    periods = [{"startPeriod": 0, "limit": 9_000}, {"startPeriod": 60, "limit": 5_000}]
    profile = {
        "chargingProfileId": 2_000,
        "transactionId": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "startSchedule": time_text(EPOCH_MS),
            "chargingSchedulePeriod": periods,
        },
    }
    call = ["2", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}]
    wire = Wire()
    wire.link.is_deaf = True  # nobody hears the answer: the frame was made by hand
    obedience.take(wire.link, Delivered(json.dumps([2, *call]), 0))
    clock.run_until(5_000)
    ahead_ms = stepped_ms
    obedience.clock_stepped()
    clock.run_until(100_000)
    assert limits_w[0][1] == 9_000
    assert limits_w[1:] == [(falls_ms, 5_000)]


# --- the grid connection ----------------------------------------------------------------------------------------------


class Books:
    """An engine that says what it is told to say."""

    def __init__(self, booked_w: int, capacity_w: int) -> None:
        self.booked_w, self.capacity_w = booked_w, capacity_w

    def node_booked_w(self, _node_id: str) -> int:
        return self.booked_w

    def node_capacity_w(self, _node_id: str) -> int:
        return self.capacity_w


def test_the_grid_meter_sees_the_house_which_the_chargers_meters_do_not() -> None:
    grid = GridConnection(random.Random(1))
    shown = [grid.read(70_000, 20_000, now_ms) for now_ms in range(0, 600_000, 1_000)]
    assert 70_000 < min(shown) < max(shown) == 90_000, "at times the house takes its configured maximum, never more"
    grid.excess_w = 15_000
    assert grid.read(70_000, 20_000, 600_000) == 105_000
    assert (grid.most_w, grid.most_house_w) == (105_000, 35_000)


def test_what_an_engine_gives_that_forgets_the_house_is_caught_by_the_grid_meter() -> None:
    grid, forgets = GridConnection(random.Random(1)), Books(100_000, 100_000)
    grid.hold(120_000, 100_000, forgets, 0)
    grid.hold(102_000, 100_000, forgets, 1_000)
    grid.hold(120_000, 100_000, forgets, 2_000)
    grid.hold(120_000, 100_000, forgets, 8_000)
    with pytest.raises(ViolationError, match="fuse: the grid meter shows 120000 of 100000 W"):
        grid.hold(120_000, 100_000, forgets, 8_001)


def test_the_grid_meter_excuses_what_facts_have_booked_and_what_the_house_takes_too_much() -> None:
    grid = GridConnection(random.Random(1))
    for now_ms in range(0, 60_000, 1_000):
        grid.hold(120_000, 100_000, Books(90_000, 80_000), now_ms)
    grid.excess_w = 18_000
    for now_ms in range(60_000, 120_000, 1_000):
        grid.hold(120_000, 100_000, Books(80_000, 80_000), now_ms)
    grid.excess_w = 17_999
    grid.hold(120_000, 100_000, Books(80_000, 80_000), 120_000)
    with pytest.raises(ViolationError):
        grid.hold(120_000, 100_000, Books(80_000, 80_000), 127_000)


@pytest.mark.parametrize(("possible_w", "holds"), [(80_000, False), (98_000, True)])
def test_without_a_server_the_grid_meter_shows_no_more_than_was_possible(possible_w: int, holds: bool) -> None:  # noqa: FBT001 - a table
    grid, bounds = GridConnection(random.Random(1)), {GRID: RowBound(possible_w, 80_000)}
    grid.hold_without(120_000, 100_000, 20_000, bounds, 0)
    with nullcontext() if holds else pytest.raises(ViolationError):
        grid.hold_without(120_000, 100_000, 20_000, bounds, 60_000)


# --- manners ----------------------------------------------------------------------------------------------------------


def test_no_answer_comes_before_the_effect_that_it_speaks_of() -> None:
    rng = random.Random(1)
    manners = Manners(slow=15, lost=10, mute=15, late=15, refused=15, liar=15)
    handlings = [manners.handle(rng) for _ in range(2_000)]
    assert {handling.word for handling in handlings} == set(Word)
    for handling in handlings:
        if handling.execute_ms is not None and handling.answer_ms is not None:
            assert handling.execute_ms <= handling.answer_ms
    assert any(handling.execute_ms is not None and handling.answer_ms is None for handling in handlings)
    assert any(handling.execute_ms is None and handling.answer_ms is None for handling in handlings)


# --- keys -------------------------------------------------------------------------------------------------------------

LIST = "MeterValuesSampledData"


@pytest.mark.parametrize(
    ("pen", "word", "after", "after_reboot"),
    [
        (Pen(), "Accepted", "A,B", "A,B"),
        (Pen(word="Rejected"), "Rejected", "A", "A"),
        (Pen(word="NotSupported"), "NotSupported", "A", "A"),
        (Pen(word="RebootRequired"), "RebootRequired", "A", "A,B"),
        (Pen(forgets=True), "Accepted", "A", "A"),
        (Pen(measurands=frozenset("A")), "Rejected", "A", "A"),
    ],
)
def test_what_becomes_of_a_write(pen: Pen, word: str, after: str, after_reboot: str) -> None:
    keys = KeyMemory({LIST: "A"}, pen)
    assert keys.write(LIST, "A,B") == word
    assert keys.values[LIST] == after
    keys.reboot()
    assert keys.values[LIST] == after_reboot


@pytest.mark.parametrize(
    ("pen", "key", "value"),
    [
        (Pen(allowed=False), LIST, "A,B"),
        (Pen(), LIST, "B"),
        (Pen(), "MeterValueSampleInterval", "10"),
    ],
    ids=["nobody may", "a measurand is taken away", "a key that it does not have"],
)
def test_what_nobody_may_write(pen: Pen, key: str, value: str) -> None:
    with pytest.raises(ViolationError):
        KeyMemory({LIST: "A"}, pen).write(key, value)


def test_a_charger_answers_only_so_many_keys_at_once() -> None:
    keys = KeyMemory({"A": "1", "B": None}, Pen(keys_max=2))
    assert keys.read(["A", "B"]) == {"A": "1", "B": None}
    assert keys.read(["A", "B", "C"]) is None


# --- what is fair -----------------------------------------------------------------------------------------------------


def claim(
    name: str,
    *rows: str,
    min_w: int = 0,
    max_w: int,
    rank: int = 0,
    weight: int = 1,
    place: tuple[int, ...] = (),
) -> Claim:
    return Claim(name, rows, min_w, max_w, rank, weight=weight, place=place)


@pytest.mark.parametrize(
    ("claims", "room_w", "expected"),
    [
        (
            [
                claim("a", "A", "grid", max_w=80),
                claim("b", "A", "grid", max_w=150),
                claim("c", "B", "grid", max_w=150),
            ],
            {"A": 200, "B": 200, "grid": 330},
            {"a": 80, "b": 120, "c": 130},
        ),
        (
            [claim("a", "A", "grid", max_w=1), claim("b", "A", "grid", max_w=300), claim("c", "B", "grid", max_w=300)],
            {"A": 160, "B": 300, "grid": 300},
            {"a": 1, "b": 149, "c": 149},
        ),
        (
            [claim("a", "grid", min_w=60, max_w=100, rank=1), claim("b", "grid", min_w=60, max_w=100, rank=0)],
            {"grid": 100},
            {"a": 0, "b": 100},
        ),
        ([claim("a", "grid", min_w=60, max_w=50)], {"grid": 100}, {"a": 0}),
        (
            [claim("a", "grid", max_w=100, weight=3), claim("b", "grid", max_w=100), claim("c", "grid", max_w=9)],
            {"grid": 89},
            {"a": 60, "b": 20, "c": 9},
        ),
        (
            [
                claim("a", "grid", min_w=60, max_w=100, place=(0, 1)),
                claim("b", "grid", min_w=60, max_w=100, rank=1, place=(0, 0)),
            ],
            {"grid": 100},
            {"a": 0, "b": 100},
        ),
    ],
)
def test_fair_shares(claims: list[Claim], room_w: dict[str, int], expected: dict[str, int]) -> None:
    assert fair_shares(claims, room_w) == expected


def test_who_has_had_his_turn_comes_after_those_who_were_there() -> None:
    turns, names = Turns(), [SessionId(name) for name in "ABC"]
    came = [session(name) for name in names]
    turns.see(came[:2], 0)
    turns.see([EventLogged(0, "session.gave_its_turn", None, None, {"session_id": names[0]})], 1_000)
    turns.see(came, 2_000)
    assert [turns.order(name) for name in names] == [1, 0, 1]
    assert (turns.are_settled(100_000), turns.are_settled(151_000)) == (False, True)
    turns.recovered(names)
    assert [turns.order(name) for name in names] == [0, 0, 0]


# --- what a charger reads for itself --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nature", "schedule", "obeyed_w"),
    [
        (Nature(frozenset({"W"})), {"chargingRateUnit": "W", "limit": 7_001}, 7_001),
        (Nature(frozenset({"A"})), {"chargingRateUnit": "A", "limit": 10}, 6_900),
        (Nature(frozenset({"A"})), {"chargingRateUnit": "A", "limit": 10, "numberPhases": 1}, 2_300),
        (Nature(frozenset({"A"}), phases=1), {"chargingRateUnit": "A", "limit": 10}, 2_300),
        (Nature(frozenset({"A"})), {"chargingRateUnit": "A", "limit": 9.7}, 6_693),
        (Nature(frozenset({"A"}), tenths=False), {"chargingRateUnit": "A", "limit": 9.7}, 6_210),
        (Nature(frozenset({"A"})), {"chargingRateUnit": "W", "limit": 7_000}, None),
        (Nature(frozenset({"W"}), zero=False), {"chargingRateUnit": "W", "limit": 0}, None),
        (Nature(frozenset({"W"}), relative=False), {"chargingRateUnit": "W", "limit": 7_000}, None),
    ],
)
def test_what_a_charger_makes_of_a_profile(nature: Nature, schedule: dict[str, Any], obeyed_w: int | None) -> None:
    clock = Clock()
    around = Surroundings(clock, random.Random(1), Trace(clock), Switches(faults=False))
    obedience = Obedience(around, nature, POLITE, ProfileMemory())
    wire = Wire()
    wire.link.is_deaf = True  # nobody hears the answer: the frame was made by hand
    unit = schedule.pop("chargingRateUnit")
    profile = {
        "chargingProfileId": 2_000,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0} | schedule]},
    }
    call = ["2", "SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile}]
    obedience.take(wire.link, Delivered(json.dumps([2, *call]), 0))
    clock.run_until(10_000)
    assert obedience.profiles.limit_w(1, in_transaction=False) == obeyed_w


def test_what_a_charger_says_becomes_facts_once() -> None:
    wire = Wire()
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": time_text(EPOCH_MS + 5)}
    sampled = [
        {"value": "7001", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "12", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
    ]
    meter = {"connectorId": 1, "meterValue": [{"timestamp": time_text(EPOCH_MS), "sampledValue": sampled}]}
    wire.link.say(call_text("1", "Heartbeat", {}))
    wire.link.say(call_text("2", "StatusNotification", status))
    for _ in range(2):
        wire.link.say(call_text("3", "MeterValues", meter))
    assert wire.facts == [ChargerHeard(CP, ONE)]
    told, sample = wire.asked
    assert told == StatusNotified(CP, 1, ConnectorStatus.CHARGING, at_ms=EPOCH_MS + 5, request=RequestId(1))
    assert isinstance(sample, MeterSampled)
    assert [(each.at_ms, each.power_w, each.energy_wh) for each in sample.samples] == [(EPOCH_MS, 7_001, 12)]
    assert [read_answer(delivered.text) for delivered in wire.taken] == [
        ("1", {"currentTime": time_text(0)[:19] + "Z"})
    ]
