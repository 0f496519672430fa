"""Meter values: whose they are, and which of them move control (OCPP 1.6 §4.7; LEDGER.md I6, I7)."""

import pytest

from csms.core.events import ConnectorStatus, MeterSampled, Sample, StatusNotified
from csms.core.ids import ChargerId, RequestId
from csms.core.records import Doubt
from csms.core.replies import Confirmed
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station

CHARGING = ConnectorStatus.CHARGING


def site() -> Drive:
    drive = Drive(station(300, charger("A", 100, 2), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.wait(1_000)
    drive.take()
    return drive


@pytest.mark.parametrize("named", [1, None, 0, -1, 9_999, 2**63 - 1])
def test_meter_values_belong_to_the_open_transaction_whatever_they_name(named: int | None) -> None:
    drive = site()
    transaction_id = drive.start("A")
    drive.accept()
    drive.sample("A", 1, 40_000, transaction_id=named)
    assert drive.view(transaction_id).consumed_w == 40_000
    assert drive.memory.samples[-1].session_id == drive.record(transaction_id).session_id


@pytest.mark.parametrize(
    ("place", "names", "idx", "speaks"),
    [
        ("open", "its own", 2, True),
        ("ended", "its own", 2, False),
        ("restarted", "its own", 2, False),
        ("open", "another charger's", 0, False),
        ("open", "nothing", 0, False),
        ("open", "what never was", 0, False),
    ],
)
def test_values_without_a_connector_are_of_the_one_of_their_transaction(
    place: str, names: str, idx: int, *, speaks: bool
) -> None:
    drive = site()
    foreign, own = drive.start("B"), drive.start("A", 2)
    drive.accept()
    if place != "open":
        drive.stop("A", own)
    known = None
    if place == "restarted":
        drive.recover()
        drive.connect("A")
        known = drive.memory.find_transaction(own)
    named = {"its own": own, "another charger's": foreign, "nothing": None, "what never was": 9_999}[names]
    step = drive.do(
        MeterSampled(ChargerId("A"), None, named, (Sample(drive.now.wall_ms, 9_000, 5),), RequestId(900), known)
    )
    kept = drive.memory.samples[-1]
    assert [reply.outcome for reply in step.replies] == [Confirmed()]
    assert (kept.charger_id, kept.idx, kept.transaction_id, kept.power_w) == ("A", idx, named, 9_000)
    assert kept.session_id == (drive.record(own).session_id if idx else None)
    assert drive.open_transactions() == ([foreign, own] if place == "open" else [foreign])
    if place == "open":
        assert drive.view(own).consumed_w == (9_000 if speaks else None)
    assert drive.view(foreign).consumed_w is None


def test_values_of_an_ended_transaction_do_not_revive_it_or_speak_for_the_next() -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    drive.stop("A", one)
    drive.sample("A", 1, 40_000, transaction_id=one)
    assert drive.open_transactions() == []
    assert drive.memory.samples[-1].session_id == drive.record(one).session_id
    drive.wait(1)
    two = drive.start("A")
    drive.sample("A", 1, 40_000, transaction_id=one)
    assert drive.view(two).consumed_w is None


@pytest.mark.parametrize("next_start", [False, True])
def test_late_values_after_a_restart_belong_to_the_ended_transaction(*, next_start: bool) -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    drive.stop("A", one)
    two = drive.start("A", tag="NEXT") if next_start else None
    drive.recover()
    drive.connect("A")
    drive.accept()
    sample = Sample(drive.now.wall_ms, 40_000, 999)
    known = drive.memory.find_transaction(one)
    drive.do(MeterSampled(ChargerId("A"), 1, one, (sample,), known=known))
    [kept] = drive.memory.samples
    assert (kept.session_id, kept.doubt) == (drive.record(one).session_id, None), "it is heard as nobody's power"
    assert drive.open_transactions() == ([] if two is None else [two])
    if two is not None:
        assert drive.view(two).consumed_w is None


@pytest.mark.parametrize("restart", [False, True])
def test_the_id_of_another_chargers_ended_transaction_says_nothing(*, restart: bool) -> None:
    drive = site()
    foreign = drive.start("B")
    drive.stop("B", foreign)
    two = drive.start("A")
    if restart:
        drive.recover()
        drive.connect("A")
    known = drive.memory.find_transaction(foreign) if restart else None
    drive.do(MeterSampled(ChargerId("A"), 1, foreign, (Sample(drive.now.wall_ms, 40_000, None),), known=known))
    assert drive.view(two).consumed_w == 40_000
    assert drive.memory.samples[-1].session_id == drive.record(two).session_id


MAIN_METER = [
    # caption, charger, names its transaction | the transaction's
    ("two connectors", "A", False, False),
    ("two connectors, and names a transaction", "A", True, False),
    ("one connector", "B", False, False),
    ("one connector, and names its transaction", "B", True, True),
]


@pytest.mark.parametrize(("charger_id", "names", "speaks"), [r[1:] for r in MAIN_METER], ids=[r[0] for r in MAIN_METER])
def test_connector_0_is_the_main_meter(charger_id: str, *, names: bool, speaks: bool) -> None:
    drive = site()
    one = drive.start(charger_id)
    drive.sample(charger_id, 0, 40_000, transaction_id=one if names else None)
    assert drive.view(one).consumed_w == (40_000 if speaks else None)
    assert (drive.memory.samples[-1].session_id is not None) is speaks


def test_values_of_another_chargers_transaction_stay_with_their_connector() -> None:
    drive = site()
    one = drive.start("B")
    two = drive.start("A")
    drive.sample("A", 1, 40_000, transaction_id=one)
    assert (drive.view(one).consumed_w, drive.view(two).consumed_w) == (None, 40_000)


def test_every_sample_is_kept_as_it_came_whatever_it_is_good_for() -> None:
    drive = site()
    samples = tuple(Sample(T0_WALL_MS + n, None, None, f'{{"n":{n}}}') for n in range(3))
    drive.do(MeterSampled(ChargerId("A"), 7, 12, samples), MeterSampled(ChargerId("GONE"), 1, None, samples[:1]))
    assert [s.raw_json for s in drive.memory.samples] == ['{"n":0}', '{"n":1}', '{"n":2}', '{"n":0}']
    assert {s.session_id for s in drive.memory.samples} == {None}


LIVE = [
    # caption, age of the sample s | speaks for now
    ("now", 0, True),
    ("60 s old", 60, True),
    ("61 s old: from a queue", 61, False),
    ("60 s ahead", -60, True),
    ("ahead by an hour: alone it is no clock", -3_600, False),
]


@pytest.mark.parametrize(("ago_s", "live"), [row[1:] for row in LIVE], ids=[row[0] for row in LIVE])
def test_samples_that_speak_of_now(ago_s: int, live: bool) -> None:  # noqa: FBT001 - a column
    drive = site()
    drive.connect("A")
    transaction_id = drive.start("A")
    drive.sample("A", 1, 40_000, ago_s=ago_s)
    assert drive.view(transaction_id).consumed_w == (40_000 if live else None)


@pytest.mark.parametrize("restarts", [False, True], ids=["since it came", "since a restart, which knows no clock"])
def test_a_clock_that_is_slow_is_believed_after_two_minutes_without_anything_newer(restarts: bool) -> None:  # noqa: FBT001 - a column
    drive = site()
    drive.connect("A")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    if restarts:
        for _ in range(15):
            drive.wait(10)
            drive.sample("A", 1, 40_000, ago_s=500)
        assert drive.view(transaction_id).consumed_w == 40_000
        drive.recover()
        drive.connect("A")
    for _ in range(11):
        drive.wait(10)
        drive.sample("A", 1, 40_000, ago_s=500)
        assert drive.view(transaction_id).consumed_w is None
    drive.wait(10)
    drive.sample("A", 1, 40_000, ago_s=500)
    assert drive.view(transaction_id).consumed_w == 40_000


# --- what moves control, and what does not ----------------------------------------------------------------------------

DOUBTS = [
    # caption, s ago, W, Wh | why it is not believed
    ("now", 0, 40_000, 1_100, None),
    ("above maxPower: it may be true", 0, 150_000, 1_100, None),
    ("taken before", 10, 30_000, 1_000, Doubt.REPEATED),
    ("of an hour ago", 3_600, 40_000, 1_100, Doubt.OLD),
    ("of tomorrow", -86_400, 40_000, 1_100, Doubt.AHEAD),
    ("a newer one came before", 11, 40_000, 999, Doubt.OVERTAKEN),
    ("before the start", 25, 40_000, 900, Doubt.OVERTAKEN),
    ("more than CCS carries", 0, 500_001, None, Doubt.IMPOSSIBLE_POWER),
    ("kW taken for W", 0, 30_000_000, None, Doubt.IMPOSSIBLE_POWER),
    ("the register jumps", 0, None, 20_000_000, Doubt.REGISTER_JUMPED),
    ("the register falls", 0, None, 999, Doubt.REGISTER_FELL),
    ("kWh taken for Wh", 0, None, 1, Doubt.REGISTER_FELL),
]


@pytest.mark.parametrize(
    ("ago_s", "power_w", "energy_wh", "doubt"), [row[1:] for row in DOUBTS], ids=[row[0] for row in DOUBTS]
)
def test_what_is_not_believed_moves_nothing_and_says_why(
    ago_s: int, power_w: int | None, energy_wh: int | None, doubt: Doubt | None
) -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A", meter_wh=1_000, ago_s=0)
    drive.accept()
    drive.wait(10)
    drive.sample("A", 1, 30_000, energy_wh=1_000)
    drive.wait(10)
    before = drive.view(one)
    drive.take()
    drive.sample("A", 1, power_w, energy_wh=energy_wh, ago_s=ago_s)
    kept = drive.memory.samples[-1]
    assert (kept.power_w, kept.energy_wh, kept.doubt) == (power_w, energy_wh, doubt), "kept as it came"
    if doubt is None:
        assert drive.view(one).consumed_w == power_w
        return
    after = drive.view(one)
    assert (after.consumed_w, after.vehicle_max_w, after.energy_wh, after.booked_w) == (
        before.consumed_w,
        before.vehicle_max_w,
        before.energy_wh,
        before.booked_w,
    )
    assert drive.limits() == []
    not_true = doubt in {Doubt.IMPOSSIBLE_POWER, Doubt.REGISTER_JUMPED, Doubt.REGISTER_FELL}
    assert drive.record(one).flags == (("implausible_meter",) if not_true else ())


def test_a_zero_beside_phases_that_draw_is_their_sum_and_marks_its_session() -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    sample = Sample(drive.now.wall_ms, 33_000, None, zero_contradicted=True)
    drive.do(MeterSampled(ChargerId("A"), 1, one, (sample,)))
    assert drive.view(one).consumed_w == 33_000
    assert drive.record(one).flags == ("implausible_meter",)
    assert drive.memory.samples[-1].doubt is Doubt.ZERO_CONTRADICTED


def test_a_zero_that_the_register_contradicts_frees_nothing_and_marks_its_session() -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    for n in range(19):
        drive.sample("A", 1, 0, transaction_id=one, energy_wh=n * 100)
        drive.wait(10)
    assert drive.view(one).consumed_w == 36_000
    assert drive.record(one).flags == ("implausible_meter",)
    drive.configure(station(10, charger("A", 100, 2), charger("B", 100)))
    drive.accept()
    drive.wait(1)
    booked_kw = drive.k_kw("A", 1)
    drive.sample("A", 1, 0, transaction_id=one, energy_wh=1_910)
    drive.wait(1)
    assert drive.k_kw("A", 1) == booked_kw > 10, "the car has not let go of it"


@pytest.mark.parametrize("batch_s", [10, 20, 60])
def test_a_car_that_ignores_its_limit_is_found_out_by_the_register_alone(batch_s: int) -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    for n in range(1, 60):
        drive.wait(10)
        drive.sample("A", 1, 0, transaction_id=one, energy_wh=n * 10 // batch_s * batch_s * 10)
        drive.accept()
        if n == 24:
            drive.configure(station(10, charger("A", 100, 2), charger("B", 100)))
            drive.accept()
    assert "not_obeying:A#1" in drive.notices()


def test_a_pause_is_believed_beside_a_register_that_runs_late() -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    for n in range(40):
        drive.wait(10)
        drive.sample("A", 1, 36_000 if n < 15 else 0, transaction_id=one, energy_wh=100 * max(0, min(n - 6, 15)))
        drive.accept()
        if n == 14:
            drive.configure(station(0, charger("A", 100, 2), charger("B", 100)))
            drive.accept()
    assert (drive.k_kw("A", 1), drive.notices(), drive.record(one).flags) == (0, set(), ())


def test_the_mean_over_a_time_before_a_limit_is_no_evidence_against_it() -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    for n in range(6):
        drive.wait(60)
        drive.sample("A", 1, None, transaction_id=one, energy_wh=n * 1_000)
    drive.configure(station(20, charger("A", 100, 2), charger("B", 100)))
    drive.accept()
    drive.wait(60)
    drive.sample("A", 1, None, transaction_id=one, energy_wh=5_700)
    drive.wait(20)
    assert "not_obeying:A#1" not in drive.notices(), "42 kW: it drew 60 kW until it let go"
    drive.wait(40)
    drive.sample("A", 1, None, transaction_id=one, energy_wh=6_400)
    drive.wait(20)
    assert "not_obeying:A#1" in drive.notices(), "42 kW, all of it under the limit of 20 kW"


def test_a_clock_that_is_ahead_is_believed_at_the_second_sample() -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A")
    drive.sample("A", 1, 40_000, ago_s=-7_200)
    assert drive.view(one).consumed_w is None
    drive.wait(10)
    drive.sample("A", 1, 41_000, ago_s=-7_200)
    assert drive.view(one).consumed_w == 41_000


def test_a_sample_of_the_car_before_does_not_speak_for_the_next() -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A")
    drive.wait(20)
    drive.stop("A", one)
    two = drive.start("A", tag="NEXT")
    drive.sample("A", 1, 40_000, ago_s=1)
    assert drive.view(two).consumed_w is None
    drive.sample("A", 1, 40_000)
    assert drive.view(two).consumed_w == 40_000


def test_an_impossible_power_frees_nothing_and_holds_nothing_up_for_ever() -> None:
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 99}, 20)
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.accept()
    drive.sample("A", 1, 30_000_000)
    assert drive.k_kw("A") == 100, "what cannot be true is no evidence of having let go"
    for second in range(1, 15):
        drive.wait(1)
        drive.sample("A", 1, 30_000_000 + second)
        drive.accept()
    assert drive.k_kw("A") == 50, "nor of the contrary, more than once"


def test_power_from_the_register_when_the_power_is_impossible() -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A", meter_wh=1_000)
    for n in range(3):
        drive.wait(60)
        drive.sample("A", 1, 30_000_000 + n, energy_wh=1_000 + 500 * n)
    assert drive.view(one).consumed_w == 30_000


REGISTERS = [
    # caption, meterStart, readings Wh (a minute apart) | energy of the session, flags
    ("absolute", 1_000_000, [1_000_100, 1_000_300], 300, ()),
    ("session-relative beside an absolute meterStart", 1_000_000, [0, 150, 300], 300, ("relative_register",)),
    ("session-relative, beyond meterStart", 100, [50, 150, 300], 300, ("relative_register",)),
    ("wrong from the first", 1_000_000, [0, 1_000_100, 1_000_300], 300, ("implausible_meter",)),
    ("a little below meterStart: a coarser register", 1_234_567, [1_234_000, 1_235_000, 1_236_000], 1_433, ()),
    ("both from 0", 0, [0, 150, 300], 300, ()),
    ("falls back in between", 1_000_000, [1_000_100, 5, 1_000_300], 300, ("implausible_meter",)),
    ("jumps in between", 1_000_000, [1_000_100, 99_000_000, 1_000_300], 300, ("implausible_meter",)),
    ("absurd from the first", 1_000_000, [99_000_000], None, ("implausible_meter",)),
]


@pytest.mark.parametrize(
    ("start_wh", "readings_wh", "energy_wh", "flags"), [row[1:] for row in REGISTERS], ids=[row[0] for row in REGISTERS]
)
def test_the_energy_of_a_running_session(
    start_wh: int, readings_wh: list[int], energy_wh: int | None, flags: tuple[str, ...]
) -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A", meter_wh=start_wh)
    step_wh = 1_000 if all(reading_wh % 1_000 == 0 for reading_wh in readings_wh[1:]) else 1
    for reading_wh in readings_wh:
        drive.wait(60)
        sample = Sample(drive.now.wall_ms, 10_000, reading_wh, energy_step_wh=step_wh)
        drive.do(MeterSampled(ChargerId("A"), 1, None, (sample,)))
    assert (drive.view(one).energy_wh, drive.record(one).flags) == (energy_wh, flags)


def test_a_register_that_counts_each_session_is_still_known_after_a_restart() -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A", meter_wh=100)
    for reading_wh in (50, 150):
        drive.wait(60)
        drive.sample("A", 1, 10_000, energy_wh=reading_wh)
    drive.recover()
    drive.connect("A")
    drive.sample("A", 1, 10_000, energy_wh=300)
    assert drive.view(one).energy_wh == 300


def test_a_queue_of_a_clock_that_is_ahead_is_a_queue() -> None:
    drive = Drive(station(30, charger("A", 22), charger("B", 22)))
    drive.bring_up("A", "B")
    for charger_id in ("A", "B"):
        drive.start(charger_id, ago_s=-3_600 if charger_id == "A" else 0)
        drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    drive.accept()
    for _ in range(12):
        drive.wait(10)
        drive.sample("A", 1, 15_000, ago_s=-3_600)
        drive.sample("B", 1, 15_000)
        drive.accept()
    drive.disconnect("A")
    drive.wait(3_600)
    drive.connect("A")
    drive.take()
    for n in range(119):
        drive.wait(1)
        drive.sample("A", 1, 1_000, ago_s=-3_600 + 3_600 - n * 30)
        drive.accept()
    assert {doubt.doubt for doubt in drive.memory.samples[-110:-10]} == {Doubt.OLD}
    assert not [limit for limit in drive.limits() if limit[0] == "A" and limit[2] < 15_000]


# --- power under the id of a transaction that has ended ---------------------------------------------------------------


def stopped(charger_id: str = "A") -> tuple[Drive, int]:
    """Return a transaction that was stopped a minute ago, and its id."""
    drive = site()
    transaction_id = drive.start(charger_id)
    drive.accept()
    drive.sample(charger_id, 1, 40_000, transaction_id=transaction_id, energy_wh=500)
    drive.wait(10)
    drive.stop(charger_id, transaction_id, 600)
    drive.accept()
    drive.wait(60)
    return drive, transaction_id


UNDER_AN_OLD_ID = [
    # caption, charger, the connector that the samples name | where it is booked (None: nowhere)
    ("its own connector", "A", 1, 1),
    ("another connector", "A", 2, 2),
    ("no connector that there is", "A", 7, 1),
    ("the main meter", "A", 0, None),
    ("0 where there is one connector", "B", 0, 1),
]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("charger_id", "idx", "booked_at"), [row[1:] for row in UNDER_AN_OLD_ID], ids=[row[0] for row in UNDER_AN_OLD_ID]
)
def test_power_that_flows_on_under_an_old_id_is_nobodys(
    charger_id: str, idx: int, booked_at: int | None, *, restart: bool
) -> None:
    drive, transaction_id = stopped(charger_id)
    if restart:
        drive.recover()
        drive.connect(charger_id)
        drive.accept()
        drive.wait(60)
    for energy_wh in (1_000, 2_000, 3_000):
        known = drive.memory.find_transaction(transaction_id)
        sample = Sample(drive.now.wall_ms, 40_000, energy_wh)
        drive.do(MeterSampled(ChargerId(charger_id), idx, transaction_id, (sample,), known=known))
        drive.wait(10)
    alarms = {notice for notice in drive.notices() if notice.startswith("uncommanded")}
    assert alarms == (set() if booked_at is None else {f"uncommanded:{charger_id}#{booked_at}"})
    assert drive.k_kw(charger_id) == (0 if booked_at is None else 40)
    record = drive.record(transaction_id)
    assert (record.last_energy_wh, record.meter_stop_wh, drive.open_transactions()) == (600, 600, [])
    heard = {Doubt.TRANSACTION_ENDED if booked_at is None else None}
    assert {s.doubt for s in drive.memory.samples[-3:]} == heard
    assert {s.session_id for s in drive.memory.samples[-3:]} == {record.session_id}


def wrongly_named() -> tuple[Drive, int, int]:
    """Return a charger that has ended one transaction and runs another at 12 of 24 kW, and their ids."""
    drive = Drive(station(24, charger("A", 22), charger("B", 22)))
    drive.bring_up("A", "B")
    one = drive.start("A")
    drive.accept()
    drive.wait(60)
    drive.stop("A", one, 0)
    drive.accept()
    drive.wait(60)
    drive.accept()
    drive.start("B", tag="B")
    two = drive.start("A", tag="NEXT")
    for charger_id in ("A", "B"):
        drive.status(charger_id, 1, CHARGING)
    for _ in range(6):
        drive.accept()
        drive.sample("A", 1, 12_000, transaction_id=two)
        drive.sample("B", 1, 12_000)
        drive.wait(10)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (12, 12)
    return drive, one, two


def test_power_under_the_id_of_the_transaction_before_is_booked_until_three_low_samples() -> None:
    drive, one, two = wrongly_named()
    for booked_kw in (12, 20, 20):
        drive.sample("A", 1, 20_000, transaction_id=one)
        assert drive.k_kw("A") == booked_kw
        drive.sample("B", 1, 12_000)
        drive.wait(10)
        drive.accept()
    drive.draws({("B", 1): 4}, 30)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (20, 4), "its neighbour is cut for it"
    assert "uncommanded:A#1" in drive.notices()
    for booked_kw in (20, 20, 12):
        drive.sample("A", 1, 12_000, transaction_id=two)
        assert drive.k_kw("A") == booked_kw
        drive.wait(10)
    assert "uncommanded:A#1" not in drive.notices()


def booked_as_strays() -> tuple[Drive, int, int]:
    """Return the same charger after two samples of 20 kW under the id of the transaction before."""
    drive, one, two = wrongly_named()
    for _ in range(2):
        drive.sample("A", 1, 20_000, transaction_id=one)
        drive.wait(10)
        drive.accept()
    assert drive.k_kw("A") == 20
    return drive, one, two


def test_low_samples_under_the_same_id_end_it_too_but_neither_fewer_nor_silence() -> None:
    drive, one, _ = booked_as_strays()
    for powers_w in ((12_000, 12_000, 20_000), (0, 0, 20_000), (12_000, 12_000)):
        for power_w in powers_w:
            drive.sample("A", 1, power_w, transaction_id=one)
            drive.wait(10)
            drive.accept()
        assert drive.k_kw("A") == 20
    drive.wait(3_600)
    assert (drive.k_kw("A"), "uncommanded:A#1" in drive.notices()) == (20, True)
    drive.sample("A", 1, 12_000, transaction_id=one)
    assert (drive.k_kw("A"), "uncommanded:A#1" in drive.notices()) == (12, False)


def test_the_end_of_the_transaction_that_runs_ends_it() -> None:
    drive, _, two = booked_as_strays()
    drive.status("A", 1, ConnectorStatus.FINISHING)
    drive.stop("A", two, 500)
    drive.accept()
    drive.wait(60)
    drive.accept()
    assert (drive.k_kw("A"), "uncommanded:A#1" in drive.notices()) == (0, False)


def test_it_is_booked_after_a_restart_too() -> None:
    drive, one, _ = booked_as_strays()
    drive.recover()
    drive.connect("A")
    drive.accept()
    for booked_kw in (20, 20, 12):
        drive.wait(10)
        assert drive.k_kw("A") == 20
        drive.do(
            MeterSampled(
                ChargerId("A"),
                1,
                one,
                (Sample(drive.now.wall_ms, 12_000, None),),
                known=drive.memory.find_transaction(one),
            )
        )
        assert drive.k_kw("A") == booked_kw


def test_what_flows_under_a_start_of_the_past_is_booked_before_and_after_it_is_the_one_that_runs() -> None:
    drive, _, two = wrongly_named()
    three = drive.start("A", tag="THIRD", ago_s=3_600, meter_wh=777)
    assert drive.record(three).flags == ("historic",)
    booked, doubts = [], []
    for _ in range(36):
        drive.sample("A", 1, 20_000, transaction_id=three, ago_s=3_600)
        doubts.append(drive.memory.samples[-1].doubt)
        booked.append(drive.k_kw("A"))
        drive.sample("B", 1, int(drive.k_kw("B") * 1_000))
        drive.wait(10)
        drive.accept()
    found = booked.index(20)
    assert set(booked[:found]) == {12}
    assert min(booked[found:]) == 20, "no power is freed when it has shown that it runs"
    assert (two in drive.open_transactions(), three in drive.open_transactions()) == (False, True)
    assert set(doubts[: found - 1]) == {Doubt.OLD}
    assert set(doubts[found - 1 :]) == {None}


def test_the_car_of_the_transaction_before_may_still_be_letting_go() -> None:
    drive, _, two = wrongly_named()
    drive.stop("A", two, 500)
    drive.start("A", tag="THIRD")
    drive.accept()
    for booked_kw in (12, 12, 12, 12, 20):
        drive.sample("A", 1, 20_000, transaction_id=two)
        assert drive.k_kw("A") == booked_kw
        drive.sample("B", 1, 12_000)
        drive.wait(10)
        drive.accept()


def test_what_tells_no_power_of_a_start_of_the_past_is_history() -> None:
    drive = site()
    drive.start("A")
    past = drive.start("A", tag="PAST", ago_s=3_600)
    drive.sample("A", 1, None, transaction_id=past, energy_wh=5)
    assert drive.memory.samples[-1].doubt is Doubt.HISTORY


STRAYS_OF_NOTHING = [
    # caption, powers, how old they are, the charger's clock at the second one repeats the first | doubt
    ("one", (20_000,), 0, False, None),
    ("what was told", (12_100, 12_100, 12_100), 0, False, None),
    ("from a queue", (20_000, 20_000, 20_000), 600, False, Doubt.TRANSACTION_ENDED),
    ("one, said again", (20_000, 20_000, 20_000), 0, True, Doubt.REPEATED),
    ("more than there can be", (900_000, 900_000, 900_000), 0, False, Doubt.IMPOSSIBLE_POWER),
]


@pytest.mark.parametrize(
    ("powers_w", "ago_s", "again", "doubt"),
    [row[1:] for row in STRAYS_OF_NOTHING],
    ids=[row[0] for row in STRAYS_OF_NOTHING],
)
def test_strays_that_show_nothing(powers_w: tuple[int, ...], ago_s: int, *, again: bool, doubt: Doubt | None) -> None:
    drive, one, _ = wrongly_named()
    for step, power_w in enumerate(powers_w):
        drive.sample("A", 1, power_w, transaction_id=one, ago_s=ago_s + (10 * step if again else 0))
        newest = drive.memory.samples[-1]
        drive.sample("B", 1, 12_000)
        drive.wait(10)
        drive.accept()
    assert (drive.k_kw("A"), "uncommanded:A#1" in drive.notices()) == (12, False)
    assert newest.doubt is doubt


LAST_WORDS = [
    # caption, seconds after the stop that they come, how old they are then
    ("at once, by the time of the stop", (0, 1, 2), (0, 1, 2)),
    ("at once, while the car lets go", (1, 2, 3, 10, 20, 29), (0, 0, 0, 0, 0, 0)),
    ("late, from before the stop", (40, 41, 42), (41, 42, 43)),
    ("one, late", (40,), (0,)),
    ("from a queue of yesterday", (40, 41, 42), (86_400, 86_390, 86_380)),
]


@pytest.mark.parametrize(("after_s", "ago_s"), [row[1:] for row in LAST_WORDS], ids=[row[0] for row in LAST_WORDS])
def test_the_last_samples_of_a_transaction_are_no_power_without_one(
    after_s: tuple[int, ...], ago_s: tuple[int, ...]
) -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    drive.wait(60)
    drive.stop("A", one, 600)
    drive.accept()
    stopped_ms = drive.now_ms
    for late_s, old_s in zip(after_s, ago_s, strict=True):
        drive.wait(late_s - (drive.now_ms - stopped_ms) // 1_000)
        drive.sample("A", 1, 40_000, transaction_id=one, ago_s=old_s)
    drive.wait(1)
    assert (drive.k_kw("A"), drive.notices()) == (0, set())


@pytest.mark.parametrize("ago_s", [0, 200])
def test_power_under_an_old_id_speaks_against_the_car_of_another_transaction(ago_s: int) -> None:
    drive, one = stopped()
    two = drive.start("A")
    drive.accept()
    drive.wait(100)
    drive.sample("A", 1, 80_000, transaction_id=two)
    drive.configure(station(50, charger("A", 100, 2), charger("B", 100)))
    drive.accept()
    for _ in range(5):
        drive.wait(5)
        drive.sample("A", 1, 80_000, transaction_id=one, ago_s=ago_s)
    assert drive.k_kw("A", 1) == (100 if ago_s == 0 else 50), "it has not let go, if that is of now"
    drive.sample("A", 1, 45_000, transaction_id=one)
    drive.wait(11)
    assert drive.k_kw("A", 1) == 50
    assert drive.view(two).consumed_w == 80_000, "never as what another one consumes"


def test_registers_before_the_stop_tell_no_power_after_it() -> None:
    drive, one = stopped()
    drive.sample("A", 1, None, transaction_id=one, energy_wh=5_000)
    drive.wait(10)
    drive.sample("A", 1, None, transaction_id=one, energy_wh=5_100)
    assert drive.k_kw("A") == 0, "one reading that can be compared: 36 kW"
    drive.wait(10)
    drive.sample("A", 1, None, transaction_id=one, energy_wh=5_200)
    assert drive.k_kw("A") == 36


def test_single_samples_are_no_run() -> None:
    drive, one = stopped()
    for power_w in (40_000, 0, 40_000, 0, 40_000):
        drive.sample("A", 1, power_w, transaction_id=one)
        drive.wait(10)
        assert drive.k_kw("A") == 0


def test_the_end_of_a_transaction_does_not_show_that_a_boot_lost_the_default() -> None:
    drive = site()
    one = drive.start("A")
    drive.accept()
    drive.draws({("A", 1): 40}, 30)
    drive.boot("A")
    drive.stop("A", one, 600)
    drive.sample("A", 1, 40_000, transaction_id=one)
    assert "forgets_default:A" not in drive.notices()


@pytest.mark.parametrize(("after_s", "is_booked"), [(-41, False), (-3, False), (1, True), (10, True)])
def test_what_flowed_before_its_charger_said_that_nothing_does_is_over(after_s: int, *, is_booked: bool) -> None:
    """A queue tells it after the status; the charger's clock is a minute ahead, so the samples seem to be of now."""
    drive = site()
    said_ms = drive.now.wall_ms + 61_000
    drive.do(StatusNotified(ChargerId("A"), 1, ConnectorStatus.AVAILABLE, at_ms=said_ms))
    for second in range(3):
        sample = Sample(said_ms + (after_s + second) * 1_000, 40_000, None)
        drive.wait(1)
        drive.do(MeterSampled(ChargerId("A"), 1, 900_000_001, (sample,)))
    assert (drive.k_kw("A") > 0) is is_booked
