"""What meters say against chargers (LEDGER.md §6): limits exceeded, silent meters, pauses that never end."""

import pytest

from csms.core.commands import ClearLimits, Purpose, SetLimit, Trigger
from csms.core.events import ConnectorStatus, MeterSampled, Sample
from csms.core.ids import ChargerId
from csms.core.learnt import Make
from tests.unit.core.driving import BOOT, Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING
SUSPENDED_EVSE, SUSPENDED_EV = ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.SUSPENDED_EV
UNIT_KEY = "ChargingScheduleAllowedChargingRateUnit"
MAKE = Make(BOOT.vendor, BOOT.model, BOOT.firmware_version)


def halved(phases: int = 0) -> tuple[Drive, int, int]:
    """Return two chargers of 100 kW behind 100 kW, a car at each, 50 kW told to both, drawn and settled."""
    drive = Drive(station(100, charger("A", 100, phases=phases), charger("B", 100, phases=phases)))
    drive.bring_up("A", "B")
    ids = [drive.start("A"), drive.start("B")]
    for charger_id in ("A", "B"):
        drive.status(charger_id, 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 50, ("B", 1): 50}, 60)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (50, 50)
    drive.take()
    return drive, ids[0], ids[1]


def triggers(drive: Drive) -> list[tuple[str, str, int | None]]:
    return [(c.charger_id, c.requested, c.idx) for c in drive.take() if isinstance(c, Trigger)]


# --- above the limit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("power_w", "booked_w"), [(51_000, 50_000), (51_001, 51_001), (80_000, 80_000)])
def test_the_first_sample_above_a_settled_limit_is_booked(power_w: int, booked_w: int) -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, power_w)
    assert drive.k_kw("A", 1) * 1_000 == booked_w, "2 % or 1 kW are not held against a DC charger"


def test_others_are_cut_for_it_at_once() -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, 80_000)
    cut = [c for c in drive.take() if isinstance(c, SetLimit)]
    assert [(c.charger_id, c.limit_w, c.urgent) for c in cut] == [("B", 50_000 - 30_000, True)], "the row is overbooked"


def test_what_is_metered_alone_is_no_permission_while_a_row_is_overbooked() -> None:
    """The meter of a new car may be stuck at what the one before drew: told that much, it would draw it."""
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.accept()
    drive.draws({("A", 1): 100}, 60)
    drive.start("B")
    drive.sample("B", 1, 60_000)
    drive.answer(drive.open_limit("A"))
    drive.wait(1)
    assert (drive.k_kw("B", 1), drive.row_kw() > 100) == (60, True)
    told = [limit for limit in drive.limits() if limit[0] == "B"]
    assert told == [("B", 1, 0)]


def test_a_sample_back_at_the_limit_ends_it() -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, 80_000)
    drive.wait(3)
    drive.sample("A", 1, 50_000)
    assert (drive.k_kw("A", 1), drive.notices()) == (50, set())


def test_it_is_asked_to_be_confirmed_twice() -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, 80_000)
    drive.take()
    asked = []
    for _ in range(14):
        drive.wait(1)
        asked += [(drive.now_ms, *one) for one in triggers(drive)]
    assert [one[1:] for one in asked] == [("A", "MeterValues", 1)] * 2
    assert asked[1][0] - asked[0][0] == 5_000


@pytest.mark.parametrize(("samples", "seconds"), [(3, 2), (1, 16)], ids=["three samples", "15 s without a lower one"])
def test_enough_of_it_convicts(samples: int, seconds: int) -> None:
    drive, _, _ = halved()
    for _ in range(samples):
        assert "not_obeying:A#1" not in drive.notices()
        drive.sample("A", 1, 80_000)
        drive.wait(seconds)
    assert "not_obeying:A#1" in drive.notices()
    assert drive.k_kw("A") == 100, "booked at its maximum"
    assert drive.k_kw("B") <= 50


def test_what_was_measured_is_durable() -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, 80_000)
    drive.recover()
    assert drive.k_kw("A", 1) == 80


def test_the_verdict_is_durable() -> None:
    drive, _, _ = halved()
    for _ in range(3):
        drive.sample("A", 1, 80_000)
        drive.wait(1)
    drive.recover()
    assert (drive.k_kw("A"), "not_obeying:A#1" in drive.notices()) == (100, True)


def test_samples_before_settling_are_no_evidence() -> None:
    drive, _, _ = halved()
    drive.configure(station(50, charger("A", 100), charger("B", 100)))
    drive.accept()
    for _ in range(9):
        drive.wait(1)
        drive.sample("A", 1, 50_000)
        drive.sample("B", 1, 50_000)
    assert not [notice for notice in drive.notices() if "obeying" in notice]
    assert drive.k_kw("A", 1) == 50


def test_what_is_above_all_that_may_be_in_force_is_booked_before_settling() -> None:
    drive = Drive(station(60, charger("A", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(4)
    drive.sample("A", 1, 61_200)
    assert drive.k_kw("A", 1) == 60, "2 % may be too much"
    drive.sample("A", 1, 90_000)
    assert drive.k_kw("A", 1) == 90, "it can be letting go of nothing: it was told 0, then 60 kW"


def test_a_cut_that_is_accepted_and_ignored_is_found_out() -> None:
    drive, _, _ = halved()
    drive.configure(station(50, charger("A", 100), charger("B", 100)))
    drive.accept()
    for _ in range(6):
        drive.wait(10)
        drive.sample("A", 1, 50_000)
        drive.accept()
    assert {notice for notice in drive.notices() if "obeying" in notice} == {"not_obeying:A#1"}
    assert drive.k_kw("A") == 100


def test_cuts_that_follow_each_other_excuse_nobody_who_is_above_them_all() -> None:
    drive, _, _ = halved()
    for capacity in (90, 80, 70, 60):
        drive.configure(station(capacity, charger("A", 100), charger("B", 100)))
        drive.accept()
        for _ in range(2):
            drive.wait(6)
            drive.sample("A", 1, 50_000)
            drive.accept()
    assert "not_obeying:A#1" in drive.notices(), "by then it must long have come down to the first of them"
    assert drive.k_kw("A", 1) == 100


def told_its_first_limit() -> Drive:
    """Return two chargers behind 100 kW, 50 kW told to both; A's car is new, and its limit Accepted just now."""
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.start("B")
    drive.accept()
    drive.draws({("B", 1): 100}, 60)
    drive.start("A")
    drive.accept()
    drive.sample("B", 1, 50_000)
    drive.accept()
    assert (drive.k_kw("A", 1), drive.k_kw("B", 1)) == (50, 50)
    drive.take()
    return drive


@pytest.mark.parametrize(("power_w", "booked_w"), [(51_000, 50_000), (51_001, 51_001), (80_000, 80_000)])
def test_above_all_that_may_be_in_force_a_sample_is_booked_before_its_limit_has_settled(
    power_w: int, booked_w: int
) -> None:
    drive = told_its_first_limit()
    drive.wait(6)
    drive.sample("A", 1, power_w)
    assert drive.k_kw("A", 1) * 1_000 == booked_w, "no limit of before explains it"


def test_others_are_cut_for_it_and_it_is_convicted_as_soon_as_for_a_settled_limit() -> None:
    drive = told_its_first_limit()
    for _ in range(3):
        drive.wait(6)
        drive.sample("A", 1, 80_000)
        drive.accept()
    assert "not_obeying:A#1" in drive.notices(), "18 s after it was Accepted"
    assert drive.k_kw("A") == 100
    assert drive.k_kw("B", 1) == 100 - 80, "what was measured is no room"


def test_what_a_car_of_before_may_still_be_letting_go_is_no_such_evidence() -> None:
    drive, transaction_id, _ = halved()
    drive.wait(16)
    drive.stop("A", transaction_id)
    drive.start("A")
    drive.accept()
    drive.sample("B", 1, 50_000)
    drive.accept()
    drive.wait(6)
    told_kw = drive.k_kw("A", 1)
    drive.sample("A", 1, 80_000)
    assert drive.k_kw("A", 1) == told_kw == 50


def test_above_its_maximum_what_was_measured_is_booked() -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, 130_000)
    assert (drive.k_kw("A"), "max_power_wrong:A" in drive.notices()) == (130, True)
    drive.wait(1)
    drive.sample("A", 1, 50_000)
    assert (drive.k_kw("A"), "max_power_wrong:A" in drive.notices()) == (50, False)


def test_a_car_that_charges_although_the_default_is_0_is_booked_and_told_its_limit() -> None:
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    assert drive.limits() == [], "B is booked at its maximum: there is no room"
    drive.sample("A", 1, 90_000)
    assert (drive.k_kw("A"), drive.limits()) == (90, [("A", 1, 0)])
    drive.accept()
    for _ in range(4):
        drive.wait(10)
        drive.sample("A", 1, 90_000)
    assert (drive.k_kw("A"), "not_obeying:A#1" in drive.notices()) == (100, True)


def untold() -> Drive:
    """Return a station with no room for A, whose car charges although its default is 0 W, for 20 s untold."""
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    return drive


def test_a_car_that_flows_untold_is_told_once_its_charger_can_be_told_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drive = untold()
    monkeypatch.setattr(drive, "_check", lambda: None)  # that it refuses is put in by hand, and not published
    charger_a = drive.engine._state.chargers[ChargerId("A")]
    charger_a.refusing_until_ms = drive.now_ms + 100_000
    for _ in range(5):
        drive.wait(10)
        drive.sample("A", 1, 90_000)
    assert drive.limits() == []
    charger_a.refusing_until_ms = None
    drive.sample("A", 1, 91_000)
    assert drive.limits() == [("A", 1, 0)]


def test_a_car_that_flows_on_while_its_first_limit_is_lost_is_told_in_every_way() -> None:
    drive = untold()
    drive.sample("A", 1, 90_000)
    first = drive.open_limit("A")
    for seconds in (0, 10, 10, 10):
        drive.wait(seconds)
        drive.sample("A", 1, 90_000)
    drive.time_out(first)
    drive.take()
    drive.wait(1)
    assert drive.limits() == [], "it is not counted on any longer"
    drive.sample("A", 1, 90_000)
    assert "not_obeying:A#1" in drive.notices()
    drive.wait(61)
    drive.answer(next(call for call in drive.open_calls if isinstance(call, ClearLimits)))
    drive.wait(10)
    assert [(charger_id, idx) for charger_id, idx, _ in drive.limits()] == [("A", 1)]


def idle() -> Drive:
    drive = Drive(station(25, charger("A", 22, phases=3), charger("B", 22, phases=3)))
    drive.bring_up("A", "B")
    drive.wait(60)
    return drive


def test_power_without_a_transaction_is_booked_from_the_second_sample_on() -> None:
    drive = idle()
    drive.start("B")
    drive.accept()
    assert drive.k_kw("B", 1) == 22
    for booked_kw in (0, 21, 21):
        drive.sample("A", 1, 21_000)
        drive.wait(10)
        assert drive.k_kw("A", 1) == booked_kw
    assert "uncommanded:A#1" in drive.notices()
    drive.accept()
    assert drive.limits()[-1] == ("B", 1, 4_000), "what is left"
    drive.sample("A", 1, 0)
    drive.wait(1)
    assert (drive.k_kw("A", 1), "uncommanded:A#1" in drive.notices()) == (0, False)


def test_power_without_a_transaction_is_over_when_its_charger_says_so() -> None:
    drive = idle()
    for _ in range(2):
        drive.wait(10)
        drive.sample("A", 1, 21_000)
    assert drive.k_kw("A", 1) == 21
    drive.status("A", 1, AVAILABLE)
    assert drive.k_kw("A", 1) == 0


def test_where_no_sample_follows_such_power_it_is_asked_about() -> None:
    drive = idle()
    for _ in range(2):
        drive.wait(10)
        drive.sample("A", 1, 21_000)
    drive.take()
    drive.wait(59)
    assert triggers(drive) == []
    drive.wait(2)
    assert triggers(drive) == [("A", "MeterValues", 1)]
    drive.wait(3_600)
    assert len(triggers(drive)) == 5, "each time after twice as long"
    assert drive.k_kw("A", 1) == 21, "silence frees nothing"
    drive.sample("A", 1, 0)
    assert drive.k_kw("A", 1) == 0


def test_a_car_that_lets_go_after_its_transaction_is_no_evidence() -> None:
    drive, transaction_id, _ = halved()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    for _ in range(3):
        drive.wait(9)
        drive.sample("A", 1, 40_000)
    assert drive.k_kw("A", 1) == 0


# --- afterwards -------------------------------------------------------------------------------------------------------


def convicted(phases: int = 3) -> Drive:
    drive, _, _ = halved(phases)
    for _ in range(3):
        drive.sample("A", 1, 80_000)
        drive.wait(1)
    assert "not_obeying:A#1" in drive.notices()
    return drive


def test_what_may_hide_our_limit_is_cleared_before_it_is_said_again() -> None:
    drive = convicted()
    said = [c for c in drive.take() if c.charger_id == "A" and isinstance(c, SetLimit | ClearLimits)]
    cleared = [(c.idx, c.purpose, c.stack_level) for c in said if isinstance(c, ClearLimits)]
    assert (cleared, len(said)) == ([(1, Purpose.TX, None)], 1), "at any level"
    drive.wait(20)
    assert drive.limits() == [], "it waits for the answer"
    drive.accept()
    assert [c.limit_w for c in drive.take() if isinstance(c, SetLimit)] == [4_140]


@pytest.mark.parametrize(("grid_kw", "urgent"), [(100, True), (300, False)], ids=["overbooked", "room for all"])
def test_under_an_overbooked_row_clearing_and_trying_leave_as_cuts_do(grid_kw: int, *, urgent: bool) -> None:
    """They wait behind no CALL that a slow charger leaves unanswered for a minute (LEDGER.md §3)."""
    drive, _, _ = halved()
    drive.sample("A", 1, 80_000)
    drive.configure(station(grid_kw, charger("A", 100), charger("B", 100)))
    for _ in range(2):
        drive.wait(1)
        drive.sample("A", 1, 80_000)
    drive.accept("A")
    said = [c for c in drive.take() if c.charger_id == "A" and isinstance(c, SetLimit | ClearLimits)]
    assert [(type(c), c.urgent) for c in said] == [(ClearLimits, urgent), (SetLimit, urgent)]


def test_a_clearing_in_a_transaction_teaches_nothing_of_what_is_kept_after_it() -> None:
    drive = Drive(station(50, charger("A", 100)))
    drive.bring_up("A")
    first = drive.start("A")
    drive.accept()
    drive.stop("A", first, 0)
    drive.wait(1)
    for call in list(drive.open_calls):
        drive.answer(call, "Unknown" if isinstance(call, ClearLimits) else "Accepted")
    assert drive.memory.makes[MAKE].learnt.keeps_tx_profile is False
    drive.start("A")
    drive.accept()
    drive.draws({("A", 1): 50}, 60)
    drive.take()
    for _ in range(3):
        drive.sample("A", 1, 80_000)
        drive.wait(1)
    assert [c.purpose for c in drive.take() if isinstance(c, ClearLimits)] == [Purpose.TX]
    drive.accept()
    assert drive.memory.makes[MAKE].learnt.keeps_tx_profile is False, "the profile of the transaction that runs"


def test_a_way_is_tried_at_0_where_the_least_has_no_room_beside_the_others() -> None:
    drive = Drive(station(300, charger("A", 8, 2, min_w=4_140, phases=3)))
    drive.bring_up("A")
    drive.start("A", 2)
    drive.accept()
    drive.draws({("A", 2): 8}, 60)
    drive.start("A", 1)
    drive.take()
    for _ in range(60):
        drive.sample("A", 1, 5_000)
        drive.sample("A", 2, 8_000)
        drive.wait(2)
        drive.accept()
    assert "not_obeying:A#1" in drive.notices()
    told = [c for c in drive.take() if isinstance(c, SetLimit) and c.idx == 1 and "obey" in c.cause]
    assert told
    assert {c.limit_w for c in told} == {0}


def test_other_ways_are_tried_at_the_least_power() -> None:
    drive = convicted()
    said: list[tuple[Purpose, str, str, int]] = []
    for _ in range(70):
        said += [
            (c.purpose, c.form.unit.value, c.form.kind.value, c.limit_w)
            for c in drive.take()
            if isinstance(c, SetLimit) and (c.charger_id, c.idx) == ("A", 1)
        ]
        drive.accept()
        drive.wait(10)
        drive.sample("A", 1, 80_000)
    tx, default = Purpose.TX, Purpose.DEFAULT
    assert said == [
        (tx, "W", "Relative", 4_140),
        (tx, "A", "Relative", 4_140),
        (default, "W", "Relative", 4_140),
        (tx, "W", "Absolute", 4_140),
        (tx, "W", "Relative", 4_140),
        (default, "W", "Relative", 4_140),
    ], "each way of the ladder once, then the pause of ten minutes"
    assert drive.k_kw("A") == 100
    manner = drive.memory.makes[MAKE].learnt.manner
    assert manner is not None
    assert (manner.purpose, manner.form.unit.value) == (tx, "W"), "what is accepted and ignored is not learnt"


def test_three_samples_at_a_limit_acquit() -> None:
    drive = convicted()
    drive.accept()
    for number in range(3):
        assert ("not_obeying:A#1" in drive.notices()) is (number < 3)
        drive.wait(10)
        drive.sample("A", 1, 4_140)
    assert "not_obeying:A#1" not in drive.notices()
    drive.accept()
    drive.draws({("A", 1): 50, ("B", 1): 50}, 60)
    assert drive.k_kw("A") == 50, "its session is steered again, and has its share"


def test_three_samples_at_a_limit_of_one_kilowatt_acquit() -> None:
    drive = convicted(phases=0)
    drive.accept()
    for _ in range(3):
        drive.wait(10)
        drive.sample("A", 1, 900)
    assert "not_obeying:A#1" not in drive.notices(), "the least that a DC charger is told"


@pytest.mark.parametrize("power_w", [0, 1_000, 3_000])
def test_a_car_that_wants_less_than_the_limit_acquits_nobody(power_w: int) -> None:
    drive = convicted()
    drive.accept()
    for _ in range(6):
        drive.wait(10)
        drive.sample("A", 1, power_w)
    assert ("not_obeying:A#1" in drive.notices(), drive.k_kw("A")) == (True, 100)


FEWER_PHASES = [
    # caption, phases that draw (None: not told), W | it is acquitted of a limit of 6 A on three phases
    ("one phase, 6 A", 1, 1_380, True),
    ("one phase, 5.5 A", 1, 1_265, True),
    ("one phase, 6.5 A", 1, 1_495, True),
    ("two phases, 6 A", 2, 2_760, True),
    ("one phase, less", 1, 1_264, False),
    ("one phase, 16 A", 1, 3_680, False),
    ("one phase, more", 1, 1_496, False),
    ("two phases, the power of one", 2, 1_380, False),
    ("three phases, the power of one", 3, 1_380, False),
    ("no phase", 0, 0, False),
    ("not told", None, 1_380, False),
    ("one phase, all of the power", 1, 4_140, True),
]


@pytest.mark.parametrize(
    ("phases", "power_w", "acquitted"), [row[1:] for row in FEWER_PHASES], ids=[row[0] for row in FEWER_PHASES]
)
def test_a_car_on_fewer_phases_is_at_its_part_of_a_limit(phases: int | None, power_w: int, *, acquitted: bool) -> None:
    drive = convicted()
    drive.accept()
    for _ in range(3):
        drive.wait(10)
        drawn_ma = None if phases is None else (10_000, 10_000 * (phases > 1), 10_000 * (phases > 2))
        sample = Sample(drive.now.wall_ms, power_w, None, current_ma=drawn_ma)
        drive.do(MeterSampled(ChargerId("A"), 1, None, (sample,)))
    assert ("not_obeying:A#1" not in drive.notices()) is acquitted


def test_the_end_of_the_transaction_acquits_nobody() -> None:
    drive, transaction_id, _ = halved()
    for _ in range(3):
        drive.sample("A", 1, 80_000)
        drive.wait(1)
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(120)
    drive.accept()
    assert ("not_obeying:A#1" in drive.notices(), drive.k_kw("A")) == (True, 100)


@pytest.mark.parametrize("step_ms", [-86_400_000, -61_000, 61_000, 86_400_000])
def test_a_low_sample_counts_though_our_clock_has_stepped(step_ms: int) -> None:
    drive, _, _ = halved()
    drive.sample("A", 1, 80_000)
    drive.clock_ms = step_ms
    drive.wait(10)
    drive.sample("A", 1, 50_000, ago_s=step_ms / 1_000)
    drive.wait(10)
    assert "not_obeying:A#1" not in drive.notices(), "its charger stamps it by its own clock"


# --- silent and slow meters -------------------------------------------------------------------------------------------


def test_a_meter_that_falls_silent_is_asked_and_its_consumption_is_unknown() -> None:
    drive, transaction_id, _ = halved()
    asked = []
    for _ in range(13):
        drive.wait(10)
        drive.sample("B", 1, 50_000)
        asked += triggers(drive)
        drive.accept()
    assert asked == [("A", "MeterValues", 1)] * 2, "after a minute, and a minute later again"
    assert "meter_silent:A#1" in drive.notices()
    assert drive.view(transaction_id).consumed_w is None, "unknown, never 0"
    drive.sample("A", 1, 50_000)
    drive.wait(1)
    assert ("meter_silent:A#1" in drive.notices(), drive.view(transaction_id).consumed_w) == (False, 50_000)


@pytest.mark.parametrize(("period_s", "slow"), [(60, False), (61, True)])
def test_a_slow_meter_is_told(period_s: int, slow: bool) -> None:  # noqa: FBT001 - a column of the table
    drive, _, _ = halved()
    for _ in range(2):
        drive.wait(period_s)
        drive.sample("A", 1, 50_000)
    drive.wait(1)
    assert ("slow_meter:A#1" in drive.notices()) is slow


# --- limits of 0 ------------------------------------------------------------------------------------------------------


def crowded() -> Drive:
    """Return two AC cars that share 8 kW: one of the two minima of 4.14 kW does not fit."""
    cars = (charger("A", 22, phases=3, min_w=4_140), charger("B", 22, phases=3, min_w=4_140))
    drive = Drive(station(8, *cars), keys={"ChargingScheduleAllowedChargingRateUnit": "Current"})
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 7}, 30)
    drive.take()
    return drive


def test_a_refused_pause_is_never_asked_for_again() -> None:
    drive = crowded()
    drive.configure(station(3, charger("A", 22, phases=3, min_w=4_140), charger("B", 22, phases=3, min_w=4_140)))
    for _ in range(3):  # the form was taken before; the second time its car might just be leaving
        call = drive.open_limit("A")
        assert call.limit_w == 0
        drive.answer(call, "Rejected")
        drive.wait(6)
    assert "does_not_pause:A" in drive.notices()
    drive.wait(10)
    said = [c.limit_w for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"]
    assert said[-1] == 4_140, "the least that can be told"
    drive.accept()
    drive.sample("A", 1, 4_140)
    drive.wait(30)
    assert drive.k_kw("A", 1) == 4.14
    assert [c for c in drive.take() if isinstance(c, SetLimit)] == []


def begun(status: ConnectorStatus, power_kw: float = 0) -> Drive:
    """Return a charger whose transaction was told power 29 s ago."""
    drive = Drive(station(100, charger("A", 22, phases=3, min_w=4_140)), keys={UNIT_KEY: "Current"})
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.status("A", 1, status)
    drive.wait(1)
    drive.accept()
    drive.draws({("A", 1): power_kw}, 20)
    drive.wait(8)
    drive.accept()
    drive.take()
    return drive


def in_words(drive: Drive) -> list[tuple[str, Purpose, int]]:
    """Return the limits and clearings since the last time: what, purpose, W."""
    found = [c for c in drive.take() if isinstance(c, SetLimit | ClearLimits)]
    return [("limit", c.purpose, c.limit_w) if isinstance(c, SetLimit) else ("clear", c.purpose, 0) for c in found]


@pytest.mark.parametrize(("status", "power_kw"), [(SUSPENDED_EV, 0), (CHARGING, 0), (CHARGING, 5)])
def test_a_car_that_takes_nothing_is_no_matter_of_profiles(status: ConnectorStatus, power_kw: float) -> None:
    drive = begun(status, power_kw)
    drive.draws({("A", 1): power_kw}, 200)
    assert Purpose.DEFAULT not in {purpose for _, purpose, _ in in_words(drive)}
    assert drive.memory.makes[MAKE].learnt.pauses is None


def test_a_charger_that_offers_nothing_below_the_least_current_is_right() -> None:
    drive = Drive(station(4, charger("A", 22, phases=3)), keys={UNIT_KEY: "Power"})
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.status("A", 1, SUSPENDED_EVSE)
    assert drive.k_kw("A", 1) == 4, "5.8 A"
    drive.take()
    for _ in range(20):
        drive.draws({("A", 1): 0}, 10)
        drive.accept()
    assert Purpose.DEFAULT not in {purpose for _, purpose, _ in in_words(drive)}
    assert drive.memory.makes[MAKE].learnt.pauses is None


def test_a_charger_that_offers_nothing_is_told_in_the_other_purpose() -> None:
    drive = begun(SUSPENDED_EVSE)
    drive.wait(1)
    assert drive.last.at_once == (), "what is durable in the other purpose may go while this one stays in force"
    assert in_words(drive) == [("clear", Purpose.TX, 0), ("limit", Purpose.DEFAULT, 22_000 // 690 * 690)]
    drive.accept()
    manner = drive.memory.makes[MAKE].learnt.manner
    assert manner is not None
    assert manner.purpose is Purpose.TX, "not learnt before it was seen to work"
    drive.status("A", 1, CHARGING)
    drive.draws({("A", 1): 21}, 60)
    manner = drive.memory.makes[MAKE].learnt.manner
    assert manner is not None
    assert manner.purpose is Purpose.DEFAULT
    drive.configure(station(6, charger("A", 22, phases=3, min_w=4_140)))
    drive.accept()
    drive.draws({("A", 1): 5.5}, 15)
    assert drive.k_kw("A", 1) == 5.52, "the TxProfile is cleared, so nothing else is booked"


def test_power_of_before_its_first_limit_does_not_show_that_a_charger_offers_what_it_is_told() -> None:
    drive = Drive(station(100, charger("A", 22, phases=3, min_w=4_140)), keys={UNIT_KEY: "Current"})
    drive.bring_up("A")
    drive.start("A")
    drive.sample("A", 1, 9_000)
    drive.accept()
    drive.status("A", 1, SUSPENDED_EVSE)
    drive.take()
    drive.draws({("A", 1): 0}, 40, 5)
    assert (1, Purpose.DEFAULT) in purposes(drive), "another central system had let it flow"


def both_begun(apart_s: int) -> Drive:
    """Return a charger that offers nothing at either connector: its two first transactions begin `apart_s` apart."""
    drive = Drive(station(100, charger("A", 44, 2, phases=3, min_w=4_140)), keys={UNIT_KEY: "Current"})
    drive.bring_up("A")
    for idx in (1, 2):
        drive.start("A", idx)
        drive.accept()
        drive.status("A", idx, SUSPENDED_EVSE)
        drive.draws({("A", 1): 0}, apart_s if idx == 1 else 5, 5)
    drive.take()
    return drive


def purposes(drive: Drive) -> list[tuple[int, Purpose]]:
    """Return the connectors and purposes of the limits since the last time."""
    return [(c.idx, c.purpose) for c in drive.take() if isinstance(c, SetLimit) and c.idx]


@pytest.mark.parametrize("apart_s", [0, 15])
def test_two_first_transactions_that_are_offered_nothing_change_the_purpose_once(apart_s: int) -> None:
    drive = both_begun(apart_s)
    drive.draws({("A", 1): 0, ("A", 2): 0}, 60, 5)
    assert sorted(set(purposes(drive))) == [(1, Purpose.DEFAULT), (2, Purpose.DEFAULT)]
    drive.status("A", 2, CHARGING)
    drive.draws({("A", 1): 0, ("A", 2): 10}, 10, 5)
    manner = drive.memory.makes[MAKE].learnt.manner
    assert manner is not None
    assert manner.purpose is Purpose.DEFAULT, "it was seen to work"


def test_a_transaction_that_begins_in_the_other_purpose_does_not_change_it_back() -> None:
    drive = both_begun(40)
    drive.draws({("A", 1): 0, ("A", 2): 0}, 60, 5)
    assert Purpose.TX not in {purpose for _, purpose in purposes(drive)}
    manner = drive.memory.makes[MAKE].learnt.manner
    assert manner is not None
    assert manner.purpose is Purpose.TX, "the other one was not seen to work"


def test_the_end_of_one_that_tries_the_other_purpose_leaves_it_to_the_one_that_still_does() -> None:
    drive = both_begun(0)
    drive.draws({("A", 1): 0, ("A", 2): 0}, 40, 5)
    drive.take()
    drive.stop("A", 1)
    drive.status("A", 1, AVAILABLE)
    drive.configure(station(60, charger("A", 40, 2, phases=3, min_w=4_140)))
    drive.draws({("A", 2): 0}, 40, 5)
    drive.configure(station(9, charger("A", 40, 2, phases=3, min_w=4_140)))
    drive.draws({("A", 2): 0}, 20, 5)
    assert set(purposes(drive)) == {(1, Purpose.DEFAULT), (2, Purpose.DEFAULT)}


def test_a_charger_that_never_offers_anything_after_0_begins_above_it() -> None:
    drive = begun(SUSPENDED_EVSE)
    for _ in range(14):
        drive.accept()
        drive.draws({("A", 1): 0}, 10)
    assert drive.memory.makes[MAKE].learnt.pauses is False
    assert {"does_not_pause:A", "zero_refused:A"} <= drive.notices()
    defaults = [c.limit_w for c in drive.take() if isinstance(c, SetLimit) and c.idx == 0]
    assert defaults == [4_140], "under it the next transaction begins"
    manner = drive.memory.makes[MAKE].learnt.manner
    assert manner is not None
    assert manner.purpose is Purpose.TX


@pytest.mark.parametrize(("first_w", "learnt"), [(0, False), (30_000, None)], ids=["after 0 W", "after another limit"])
def test_who_ignores_a_limit_after_0_alone_is_never_told_0_again(first_w: int, learnt: bool | None) -> None:  # noqa: FBT001
    drive = Drive(station(200, charger("A", 100, phases=0)))
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.status("A", 1, CHARGING)
    drive.draws({("A", 1): 100}, 30)
    for grid_kw, kw in ((first_w // 1_000, first_w / 1_000), (60, 100)):
        drive.configure(station(grid_kw, charger("A", 100, phases=0)))
        drive.accept()
        drive.draws({("A", 1): kw}, 30)
    assert "not_obeying:A#1" in drive.notices()
    drive.accept()
    if learnt is False:  # the clearing has put its default of 0 W in force, the first try follows that
        drive.draws({("A", 1): 100}, 60)
    drive.draws({("A", 1): 4.14 if learnt is False else 1}, 40)
    assert "not_obeying:A#1" not in drive.notices()
    assert drive.memory.makes[MAKE].learnt.pauses is learnt


def test_a_default_above_0_waits_for_room() -> None:
    both = charger("A", 22, phases=3, min_w=4_140), charger("B", 22, phases=3, min_w=4_140)
    drive = Drive(station(22, *both), keys={UNIT_KEY: "Current"})
    drive.bring_up("A", "B")
    drive.start("B")
    drive.accept()
    drive.engine._state.chargers[ChargerId("A")].learnt.pauses = False
    drive.boot("A")
    drive.accept("A")
    assert drive.k_kw("A", 1) == 0, "there is no room for more, so 0 is said again"


@pytest.mark.parametrize(
    ("status", "power_w", "learnt"),
    [(SUSPENDED_EVSE, 0, False), (SUSPENDED_EV, 0, None), (CHARGING, 6_900, None)],
    ids=["it says that it offers nothing", "the car wants nothing", "it charges again"],
)
def test_a_pause_that_never_ends_is_learnt(status: ConnectorStatus, power_w: int, learnt: bool | None) -> None:  # noqa: FBT001
    drive = crowded()
    cars = (charger("A", 22, phases=3, min_w=4_140), charger("B", 22, phases=3, min_w=4_140))
    drive.configure(station(3, *cars))
    drive.accept()
    drive.status("A", 1, SUSPENDED_EVSE)
    drive.draws({("A", 1): 0}, 30)
    drive.configure(station(8, *cars))
    drive.accept()
    drive.status("A", 1, status)
    drive.draws({("A", 1): power_w / 1_000}, 150)
    assert drive.memory.makes[MAKE].learnt.pauses is learnt
    assert ("does_not_pause:A" in drive.notices()) is (learnt is False)
