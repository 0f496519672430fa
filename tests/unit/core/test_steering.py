"""When a limit leaves, and when it has to wait (LEDGER.md §2 and §3)."""

import pytest

from csms.core.commands import Call, Purpose, SetLimit
from csms.core.events import CallAnswered, ConnectorStatus, StartKey, TagStatus, TransactionStarted
from csms.core.ids import ChargerId, RequestId, SessionId
from csms.core.station import Circuit, Control
from tests.unit.core.driving import KW, Drive, charger, station

CHARGING = ConnectorStatus.CHARGING


def charging(drive: Drive, *charger_ids: str) -> None:
    """Start a car on each, and let their limits be Accepted."""
    for charger_id in charger_ids:
        drive.start(charger_id, tag=charger_id)
        drive.status(charger_id, 1, CHARGING)
        drive.accept()


def two(grid_kw: int = 100, *, phases: int = 0) -> Drive:
    """Return A and B of 100 kW (AC: 22) on `grid_kw`; A charges and has been settled for long, B is idle."""
    drive = Drive(station(grid_kw, *(charger(c, 22 if phases else 100, phases=phases) for c in "AB")))
    drive.bring_up("A", "B")
    charging(drive, "A")
    drive.wait(60)
    drive.take()
    return drive


# --- a cut, and the raise that waits for it ---------------------------------------------------------------------------


def test_cuts_leave_at_once_and_raises_after_the_commit() -> None:
    drive = two(150)
    drive.hand_over = False
    drive.start("B")
    assert [(c.charger_id, c.limit_w) for c in drive.last.at_once if isinstance(c, SetLimit)] == [("A", 75_000)]
    assert [(c.charger_id, c.limit_w) for c in drive.last.after_commit if isinstance(c, SetLimit)] == [("B", 50_000)]


SETTLING: list[tuple[str, list[tuple[int, int]], int]] = [
    # caption, samples of A after its cut to 50 kW was Accepted (seconds later, W) | seconds until B gets its 50 kW
    ("no sample: 10 s", [], 10),
    ("a sample below", [(3, 49_000)], 3),
    ("a sample within 1 kW", [(3, 51_000)], 3),
    ("a sample above for a while", [(2, 80_000), (4, 60_000), (6, 50_500)], 6),
    ("a sample above, then nothing: 10 s after it", [(4, 80_000)], 14),
]


@pytest.mark.parametrize(("samples", "freed_s"), [row[1:] for row in SETTLING], ids=[row[0] for row in SETTLING])
def test_power_is_given_on_when_the_car_has_let_go(samples: list[tuple[int, int]], freed_s: int) -> None:
    drive = two()
    drive.start("B")
    assert drive.limits() == [("A", 1, 50_000)]
    drive.answer(drive.open_limit("A"))
    begin_ms = drive.now_ms
    for at_s, power_w in samples:
        drive.wait(at_s - (drive.now_ms - begin_ms) / 1_000)
        assert drive.k_kw("A") == 100
        drive.sample("A", 1, power_w)
    if not samples or samples[-1][1] > 51_000:
        drive.wait(freed_s - 0.001 - (drive.now_ms - begin_ms) / 1_000)
        assert (drive.k_kw("A"), drive.limits()) == (100, [])
        drive.wait(0.001)
    assert (drive.k_kw("A"), drive.now_ms - begin_ms) == (50, freed_s * 1_000)
    assert drive.limits() == [("B", 1, 50_000)]


def test_a_sample_just_before_the_cut_counts_when_it_is_low_enough() -> None:
    drive = two()
    drive.sample("A", 1, 30_000)
    drive.wait(15)
    drive.start("B")
    drive.take()
    drive.answer(drive.open_limit("A"))
    assert drive.limits() == [("B", 1, 50_000)]


@pytest.mark.parametrize("answer", ["Rejected", "error", "time-out", "nothing"])
def test_a_cut_that_is_not_accepted_frees_nothing(answer: str) -> None:
    drive = two()
    drive.start("B")
    drive.status("B", 1, CHARGING)
    call = drive.open_limit("A")
    drive.sample("A", 1, 10_000)
    if answer == "Rejected":
        drive.answer(call, "Rejected")
    elif answer == "error":
        drive.error(call)
    elif answer == "time-out":
        drive.time_out(call)
    for _ in range(30):
        drive.wait(10)
        drive.sample("A", 1, 10_000)
    assert drive.k_kw("A") == 100
    assert [limit for limit in drive.limits() if limit[0] == "B"] == []


# --- back-off ---------------------------------------------------------------------------------------------------------


def test_an_unresolved_cut_is_said_again_after_0_5_10_20_30_30_s() -> None:
    drive = two()
    session_id = drive.view(1).session_id
    drive.start("B")
    drive.status("B", 1, CHARGING)
    assert drive.limits() == [("A", 1, 50_000)]
    for pause_s in (0, 5, 10, 20, 30, 30):
        drive.time_out(drive.open_limit("A"))
        drive.rest_stop(session_id)  # the charger refuses this one: it does answer, so its socket is not aborted
        drive.answer(drive.open_calls[-1], "Rejected")
        if pause_s:
            drive.wait(pause_s - 0.001)
            assert drive.limits() == [], f"{pause_s} s"
            drive.wait(0.001)
        assert drive.limits() == [("A", 1, 50_000)], f"{pause_s} s"
    assert drive.k_kw("A") == 100


def test_nothing_is_raised_before_what_is_unresolved_is_resolved() -> None:
    drive = two(60)
    chargers = (charger("A", 100), charger("B", 100))
    drive.configure(station(50, *chargers))
    for _ in range(2):
        drive.answer(drive.open_limit("A"), "Rejected")
    drive.take()
    drive.configure(station(100, *chargers))
    drive.wait(4.999)
    assert drive.limits() == []
    drive.wait(0.001)
    assert drive.limits() == [("A", 1, 49_680)], "the last one again, in its other form: 72 A; not more"
    drive.accept()
    drive.sample("A", 1, 49_000)
    drive.wait(10)
    assert drive.limits() == [("A", 1, 99_360)]


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_a_0_that_was_refused_is_not_said_again_to_one_that_takes_none() -> None:
    """Its row has room again before that is known: nobody needs a cut, and what was said last is said again."""
    cars = (charger("A", 100, min_w=20_000), charger("B", 100))
    drive = Drive(station(100, *cars))
    drive.bring_up("A", "B")
    charging(drive, "A")
    drive.wait(60)
    drive.configure(station(10, *cars))
    drive.configure(station(100, *cars))
    said: list[int] = []
    for _ in range(5):
        call = drive.open_limit("A")
        said.append(call.limit_w)
        drive.answer(call, "Rejected" if call.limit_w == 0 else "Accepted")
        drive.wait(31)
        if call.limit_w:
            break
    assert said == [0, 0, 0, 1_000], "the least, once it is known that 0 is refused"
    drive.accept()
    assert drive.k_kw("A") == 100


def test_a_connector_has_one_limit_in_flight() -> None:
    drive = Drive(station(100, *(charger(c, 100) for c in "ABC")))
    drive.bring_up("A", "B", "C")
    charging(drive, "A")
    drive.wait(60)
    drive.take()
    drive.start("B")
    drive.start("C")
    assert drive.limits() == [("A", 1, 50_000)]
    drive.answer(drive.open_limit("A"))
    assert drive.limits() == [("A", 1, 33_334)]


def test_a_cut_that_an_overbooked_row_needs_does_not_wait_for_the_answer() -> None:
    drive = two()
    drive.start("B")
    assert drive.limits() == [("A", 1, 50_000)]
    drive.configure(station(40, charger("A", 100), charger("B", 100)))
    [cut] = [c for c in drive.take() if isinstance(c, SetLimit)]
    assert (cut.charger_id, cut.limit_w, cut.urgent) == ("A", 20_000, True)


def test_a_small_cut_that_an_overbooked_row_needs_waits_5_s_for_the_answer() -> None:
    drive = two()
    drive.start("B")
    assert drive.limits() == [("A", 1, 50_000)]
    drive.configure(station(98, charger("A", 100), charger("B", 100)))
    drive.wait(4.999)
    assert drive.limits() == []
    drive.wait(0.001)
    [cut] = [c for c in drive.take() if isinstance(c, SetLimit)]
    assert (cut.charger_id, cut.limit_w, cut.urgent) == ("A", 49_000, True)


# --- dead bands, spacing, gathering -----------------------------------------------------------------------------------

RAISES = [
    # caption, phases, grid before, grid after kW | seconds until A is raised
    ("DC, by 3 kW", 0, 60, 63, 0),
    ("DC, by less: 20 s", 0, 60, 62, 20),
    ("DC, by 1 kW: 20 s", 0, 60, 61, 20),
    ("AC, by one ampere", 3, 10, 11, 0),
]


@pytest.mark.parametrize(
    ("phases", "before_kw", "after_kw", "waits_s"), [row[1:] for row in RAISES], ids=[row[0] for row in RAISES]
)
def test_a_raise_within_the_dead_band_waits_20_s_and_not_for_good(
    phases: int, before_kw: int, after_kw: int, waits_s: int
) -> None:
    drive = two(before_kw, phases=phases)
    before = drive.k_kw("A")
    chargers = tuple(charger(c, 22 if phases else 100, phases=phases) for c in "AB")
    drive.configure(station(after_kw, *chargers))
    if waits_s:
        drive.wait(waits_s - 0.001)
        assert drive.limits() == []
        drive.wait(0.001)
    [(charger_id, _, limit_w)] = drive.limits()
    assert charger_id == "A"
    assert limit_w > before * KW


def test_two_raises_of_a_connector_are_10_s_apart() -> None:
    drive = two(60)
    chargers = (charger("A", 100), charger("B", 100))
    drive.configure(station(70, *chargers))
    assert drive.limits() == [("A", 1, 70_000)]
    drive.accept()
    drive.wait(4)
    drive.configure(station(80, *chargers))
    drive.wait(5.999)
    assert drive.limits() == []
    drive.wait(0.001)
    assert drive.limits() == [("A", 1, 80_000)]


def test_a_cut_knows_no_spacing() -> None:
    drive = two(60)
    drive.configure(station(70, charger("A", 100), charger("B", 100)))
    drive.accept()
    drive.take()
    drive.configure(station(50, charger("A", 100), charger("B", 100)))
    assert drive.limits() == [("A", 1, 50_000)]


@pytest.mark.parametrize("second_lets_go", [True, False])
def test_a_raise_far_below_its_target_gathers_cuts_for_2_s(second_lets_go: bool) -> None:  # noqa: FBT001 - a column
    chargers = (charger("A", 100), charger("B", 100), charger("C", 100, circuit="X"))
    drive = Drive(station(100, *chargers, circuits=(Circuit("X", None, 20 * KW),)))
    drive.bring_up("A", "B", "C")
    for charger_id in "CAB":
        charging(drive, charger_id)
        drive.wait(11)
    drive.accept()
    drive.wait(30)
    drive.accept()
    assert [drive.k_kw(c) for c in "ABC"] == [40, 40, 20]
    drive.take()
    drive.configure(station(100, *chargers, circuits=(Circuit("X", None, 100 * KW),)))
    assert drive.limits() == [("A", 1, 33_333), ("B", 1, 33_333)]
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 33_000)
    assert drive.limits() == [], "6.667 kW are free, B's cut is in flight"
    drive.wait(1)
    if second_lets_go:
        drive.answer(drive.open_limit("B"))
        drive.sample("B", 1, 33_000)
        assert drive.limits() == [("C", 1, 33_334)], "one raise instead of two"
    else:
        drive.wait(0.999)
        assert drive.limits() == []
        drive.wait(0.001)
        assert drive.limits() == [("C", 1, 26_667)]


def test_first_power_does_not_gather() -> None:
    drive = Drive(station(90, *(charger(c, 90) for c in "ABC")))
    drive.bring_up("A", "B", "C")
    for charger_id in "AB":
        charging(drive, charger_id)
        drive.wait(11)
        drive.accept()
    drive.wait(30)
    drive.take()
    drive.start("C")
    assert drive.limits() == [("A", 1, 30_000), ("B", 1, 30_000)]
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 30_000)
    assert drive.limits() == [("C", 1, 15_000)]


# --- lazy reclaim -----------------------------------------------------------------------------------------------------


def test_a_limit_above_the_estimate_is_cut_only_when_somebody_is_short() -> None:
    drive = two(200)
    drive.draws({("A", 1): 40}, 100)
    drive.take()
    assert drive.k_kw("A") == 100, "nobody else wants it"
    drive.start("B")
    assert drive.limits() == [("A", 1, 44_000), ("B", 1, 100_000)]


# --- boots and reconnects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reconnect", "boot"])
def test_after_a_boot_or_reconnect_the_limit_is_said_again(how: str) -> None:
    drive = two()
    if how == "boot":
        drive.boot("A")
    else:
        drive.disconnect("A")
        drive.wait(30)
        drive.connect("A")
    assert drive.limits() == [("A", 1, 100_000)]
    drive.accept()
    drive.wait(300)
    assert drive.limits() == [], "once"


@pytest.mark.parametrize(("how", "at_once"), [("reconnect", 1), ("boot", 0)])
def test_a_boot_is_answered_before_anything_is_said(how: str, at_once: int) -> None:
    """A limit that is as durable as before may leave at once, but not before the charger is accepted."""
    drive = two()
    if how == "reconnect":
        drive.disconnect("A")
        drive.connect("A")
    else:
        drive.boot("A")
    said = [c for c in drive.last.at_once if isinstance(c, SetLimit)]
    later = [c for c in drive.last.after_commit if isinstance(c, SetLimit) and c.idx == 1]
    assert (len(said), len(later)) == (at_once, 1 - at_once)


def test_what_is_lower_by_then_is_said_instead() -> None:
    drive = two()
    drive.disconnect("A")
    drive.start("B")
    drive.configure(station(80, charger("A", 100), charger("B", 100)))
    assert drive.limits() == [], "A cannot be told, so B gets nothing"
    drive.connect("A")
    assert drive.limits() == [("A", 1, 40_000)]


def test_a_lazy_cut_comes_with_what_has_to_be_said_anyway() -> None:
    drive = two(200)
    drive.draws({("A", 1): 40}, 100)
    drive.take()
    drive.connect("A")
    assert drive.limits() == [("A", 1, 44_000)], "its estimate, although nobody is short"


@pytest.mark.parametrize("answer", ["InternalError", "time-out", "none yet"])
def test_a_car_at_a_cut_that_was_not_accepted_does_not_count_as_one_that_wants_little(answer: str) -> None:
    """It may be in force all the same (1 kW draws what it may): once there is room it has its share at once."""
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 100}, 60)
    drive.configure(station(1, charger("A", 100)))
    cut = drive.open_limit("A")
    assert cut.limit_w == 1_000
    if answer == "InternalError":
        drive.error(cut, answer)
    elif answer == "time-out":
        drive.time_out(cut)
    for _ in range(12):
        drive.wait(10)
        drive.sample("A", 1, 1_000)
    assert drive.record(transaction_id).estimate_w == 100_000


def test_nothing_is_sent_to_a_charger_that_has_not_spoken() -> None:
    drive = two()
    drive.disconnect("A")
    drive.connect("A", heard=False)
    drive.wait(5)
    assert drive.limits() == []


def test_others_make_room_at_once_for_one_that_has_not_spoken() -> None:
    drive = two()
    charging(drive, "B")
    drive.wait(60)
    drive.take()
    drive.disconnect("A")
    drive.connect("A", heard=False)
    drive.configure(station(80, charger("A", 100), charger("B", 100)))
    assert drive.limits() == [("B", 1, 30_000)]
    drive.accept()
    drive.wait(5)
    assert (drive.limits(), drive.k_kw("A")) == ([], 50)


# --- lost sends -------------------------------------------------------------------------------------------------------


def test_a_lost_limit_above_the_settled_one_is_outlived_after_60_s_and_one_more_send() -> None:
    drive = two(200)
    chargers = (charger("A", 100), charger("B", 100))
    drive.configure(station(80, *chargers))
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 80_000)
    assert drive.k_kw("A") == 80
    drive.wait(10)
    drive.configure(station(100, *chargers))
    drive.time_out(drive.open_limit("A"))  # the raise to 100 is lost
    lost_ms = drive.now_ms
    drive.configure(station(80, *chargers))
    drive.accept()
    drive.sample("A", 1, 80_000)
    drive.take()
    while drive.now_ms - lost_ms < 59_000:
        drive.wait(1)
        drive.sample("A", 1, 80_000)
    assert (drive.k_kw("A"), drive.limits()) == (100, []), "the raise may still be executed"
    drive.wait(1)
    assert drive.limits() == [("A", 1, 80_000)], "said once more: 60 s have passed"
    drive.accept()
    drive.sample("A", 1, 80_000)
    assert drive.k_kw("A") == 80


def test_a_first_profile_is_said_also_when_it_is_as_much_as_is_booked() -> None:
    drive = Drive(station(300, charger("A", 100)))
    drive.connect("A")
    drive.start("A")
    drive.take()
    drive.status("A", 1, CHARGING)
    drive.accept()
    assert drive.k_kw("A") == 100
    sends = [s for s in drive.memory.sends.values() if s.purpose is Purpose.TX]
    assert [(s.limit_w, s.transaction_id) for s in sends] == [(100_000, 1)]


def test_a_session_whose_tag_was_refused_gets_nothing() -> None:
    drive = two(300)
    drive.start("B", verdict=TagStatus.INVALID)
    drive.wait(60)
    assert (drive.limits(), drive.k_kw("B")) == ([], 0)


@pytest.mark.parametrize(
    ("reserved_kw", "first_kw"), [(0, 50), (50, 100), (150, 150)], ids=["what is free", "it and what is free", "T"]
)
def test_a_first_limit_above_what_is_reserved_is_a_raise_of_its_charger(reserved_kw: int, first_kw: int) -> None:
    a = charger("A", 150, reserved_kw=reserved_kw)
    drive = Drive(station(200 + reserved_kw, a, charger("B", 150)))
    drive.bring_up("B")
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, CHARGING)
    drive.start("A")
    drive.accept()
    assert next(limit_w for charger_id, _, limit_w in drive.limits() if charger_id == "A") == first_kw * KW
    drive.wait(60)
    drive.accept()
    assert drive.row_kw() <= 200 + reserved_kw


def test_what_an_unprovisioned_charger_is_told_stays_within_its_own_maximum() -> None:
    """It counts once, with its maximum: what that leaves beside one car's limit is all that another can be told."""
    drive = Drive(station(200, charger("A", 100, 2)))
    drive.bring_up("A")
    drive.start("A", 1)
    drive.start("A", 2)
    drive.accept()
    drive.draws({("A", 1): 50, ("A", 2): 50}, 60)
    drive.status("A", 1, ConnectorStatus.SUSPENDED_EV)
    for _ in range(4):
        drive.wait(5)
        drive.sample("A", 1, 0)
        drive.sample("A", 2, 50_000)
    drive.take()
    drive.disconnect("A")
    drive.connect("A")
    drive.boot("A")
    told = []
    for _ in range(12):
        drive.wait(5)
        drive.sample("A", 2, 50_000)
        limits = [c for c in drive.take() if isinstance(c, SetLimit) and c.idx == 2]
        told += [limit.limit_w for limit in limits]
        for limit in limits:
            drive.answer(limit)
    assert not drive.provisioned("A")
    assert set(told) == {50_000}, "the limit of the other car has never been heard of"


def test_under_an_overbooked_row_one_that_is_not_provisioned_is_told_no_more_than_it_was() -> None:
    drive = Drive(station(100, charger("A", 60), charger("B", 80)))
    drive.connect("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.start("A")
    drive.answer(drive.open_limit("A"))
    assert ("A", 1, 20_000) in drive.limits(), "80 kW may be drawn at B"
    drive.connect("B")
    drive.start("B")
    for _ in range(6):
        drive.wait(5)
        drive.sample("A", 1, 20_000)
        for call in [each for each in drive.open_calls if isinstance(each, SetLimit) and each.idx]:
            drive.answer(call)
    assert drive.row_kw() > 100
    assert {limit_w for charger_id, _, limit_w in drive.limits() if charger_id == "A"} <= {20_000}


def test_under_an_overbooked_row_one_that_takes_no_0_is_told_the_least_instead() -> None:
    least_w = 4_140
    drive = Drive(station(2, charger("A", 22, phases=3, min_w=least_w)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.wait(1)
    drive.accept()
    drive.disconnect("A")
    drive.connect("A")
    drive.boot("A")
    for _ in range(30):
        drive.wait(5)
        for call in [each for each in drive.open_calls if isinstance(each, SetLimit)]:
            drive.answer(call, "Accepted" if call.limit_w else "Rejected")
    assert drive.limits()[-1] == ("A", 1, least_w)
    assert drive.provisioned("A")


def test_the_first_limit_of_one_that_is_not_provisioned_leaves_the_others_what_they_still_have() -> None:
    drive = Drive(station(110, charger("A", 263, 2)))
    drive.bring_up("A")
    drive.start("A", 2)
    drive.status("A", 2, CHARGING)
    drive.accept()
    drive.draws({("A", 2): 110}, 60)
    assert drive.k_kw("A", 2) == 110
    drive.status("A", 1, CHARGING)
    drive.wait(61)
    assert drive.row_kw() > 110, "who charges there is not known"
    drive.take()
    drive.start("A", 1)
    first = next(limit_w for _, idx, limit_w in drive.limits() if idx == 1)
    assert first == 0, "the other one has not let go yet"
    drive.accept()
    drive.draws({("A", 1): 0, ("A", 2): 55}, 20)
    assert (drive.k_kw("A", 1), drive.k_kw("A", 2)) == (55, 55)


def test_a_rest_client_is_told_no_more_under_an_overbooked_row() -> None:
    drive = Drive(station(100, charger("A", 60, control=Control.AUTO), charger("B", 80)))
    session_id = drive.shown(drive.post("A", 1, 60)).session_id
    drive.connect("A")
    drive.connect("B")
    assert drive.update(session_id, 60).allocated_w == 20_000, "80 kW may be drawn at B"
    drive.start("B")
    drive.wait(1)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (60, 80), "nobody is provisioned"
    assert drive.update(session_id, 20).allocated_w == 20_000, "T is 50 kW, and the row overbooked"


def test_a_raise_whose_room_was_taken_in_the_same_step_waits() -> None:
    """A is booked at its 20 kW reserved until it is told more; C starts in the very step in which A is told more."""

    def begin() -> Drive:
        drive = Drive(station(200, charger("A", 100, reserved_kw=20), charger("B", 100), charger("C", 100)))
        drive.bring_up("B", "C")
        drive.start("B")
        drive.status("B", 1, ConnectorStatus.CHARGING)
        drive.accept()
        drive.draws({("B", 1): 100}, 60)
        drive.connect("A")
        drive.boot("A")
        drive.status("A", 1, ConnectorStatus.CHARGING)
        drive.start("A")
        return drive

    def of_a(drive: Drive) -> Call | None:
        return next((call for call in drive.open_calls if call.charger_id == "A"), None)

    drive, answers = begin(), 0
    while (call := of_a(drive)) is not None and not (isinstance(call, SetLimit) and call.purpose is Purpose.TX):
        drive.answer(call)
        answers += 1
    assert isinstance(of_a(drive), SetLimit), "it was told its first limit"
    drive = begin()
    for _ in range(answers - 1):
        call = of_a(drive)
        assert call is not None
        drive.answer(call)
    last = of_a(drive)
    assert last is not None
    drive.take()
    drive.open_calls.remove(last)
    key = StartKey(ChargerId("C"), 1, "TAG", drive.now.wall_ms, 0)
    start = TransactionStarted(key, TagStatus.ACCEPTED, SessionId("c"), request=RequestId(drive.number()))
    drive.do(start, CallAnswered(last.token, "Accepted"))
    told = [(each[0], each[2]) for each in drive.limits()]
    assert [charger_id for charger_id, _ in told if charger_id != "B"] == ["A"], "C waits"
    assert drive.row_kw() <= 200
    drive.draws({("A", 1): 60, ("B", 1): 60, ("C", 1): 60}, 60)
    assert drive.k_kw("C") > 60, "and gets its share when B has let go"
