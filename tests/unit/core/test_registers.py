"""Sessions whose start told no register: counted from one that was told, never from 0, and never billed unseen."""

from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus, Sample, StartKey, TagStatus, TransactionStopped
from csms.core.ids import ChargerId, RequestId, SessionId
from tests.unit.core.driving import Drive, charger, station

REGISTER_WH = 1_234_567


def site() -> Drive:
    drive = Drive(station(300, charger("A", 100, 2)))
    drive.bring_up("A")
    drive.wait(1_000)
    return drive


def energy(drive: Drive, transaction_id: int) -> tuple[int | None, int | None]:
    """Return the register at which it ended and the energy of its record; None, None where that says nothing."""
    row = drive.record(transaction_id)
    assert {"no_meter_start", "suspect"} <= set(row.flags), "nobody is billed without a look"
    if "register_unknown" in row.flags:
        assert (row.meter_stop_wh, row.last_energy_wh) == (None, None)
        return None, None
    last_wh = row.last_energy_wh if row.meter_stop_wh is None else row.meter_stop_wh
    return last_wh, None if last_wh is None else last_wh - row.meter_start_wh


def stop(drive: Drive, transaction_id: int, meter_wh: int | None, *data: tuple[int, int]) -> None:
    """Stop with `data`: readings of so many seconds ago."""
    samples = tuple(Sample(drive.now.wall_ms - ago_s * 1_000, None, wh, f'{{"{wh}":0}}') for ago_s, wh in data)
    number = drive.number()
    drive.do(
        TransactionStopped(
            ChargerId("A"),
            transaction_id,
            meter_wh,
            drive.now.wall_ms,
            SessionId(f"s{number}"),
            samples=samples,
            request=RequestId(number),
        )
    )


COUNTED = [
    # caption, register at rest before, readings every 60 s, readings of the stop, meterStop | the end, the energy
    ("nothing at all", None, (), (), None, None, None),
    ("meterStop alone", None, (), (), REGISTER_WH, REGISTER_WH, 0),
    ("its first reading", None, (REGISTER_WH, REGISTER_WH + 900), (), REGISTER_WH + 1_000, REGISTER_WH + 1_000, 1_000),
    ("no meterStop", None, (REGISTER_WH, REGISTER_WH + 900), (), None, REGISTER_WH + 900, 900),
    ("at rest, and meterStop", REGISTER_WH, (), (), REGISTER_WH + 1_500, REGISTER_WH + 1_500, 1_500),
    ("at rest", REGISTER_WH, (REGISTER_WH + 900,), (), REGISTER_WH + 1_500, REGISTER_WH + 1_500, 1_500),
    ("at rest, and no end", REGISTER_WH, (), (), None, REGISTER_WH, 0),
    ("at rest, far from it", 50, (REGISTER_WH, REGISTER_WH + 900), (), REGISTER_WH + 900, REGISTER_WH + 900, 900),
    ("at rest, far from meterStop", 50, (), (), REGISTER_WH, REGISTER_WH, 0),
    ("at rest, above meterStop", REGISTER_WH, (), (), 900, 900, 0),
    ("at rest at 0", 0, (REGISTER_WH, REGISTER_WH + 900), (), REGISTER_WH + 900, REGISTER_WH + 900, 900),
    ("at rest, counts anew", REGISTER_WH, (200, 900), (), REGISTER_WH + 900, REGISTER_WH + 900, 900),
    ("counts anew, meterStop too", None, (200, 900), (), 950, 950, 750),
    ("counts anew, meterStop not", None, (200, 900), (), REGISTER_WH, REGISTER_WH, 700),
    ("meterStop counts anew", None, (REGISTER_WH, REGISTER_WH + 900), (), 1_000, 1_000, 900),
    ("meterStop is 0", None, (REGISTER_WH, REGISTER_WH + 900), (), 0, REGISTER_WH + 900, 900),
    ("a first reading of 0", None, (0, REGISTER_WH, REGISTER_WH + 900), (), REGISTER_WH + 900, REGISTER_WH + 900, 900),
    ("a reading of 0", None, (REGISTER_WH, 0, REGISTER_WH + 900), (), REGISTER_WH + 900, REGISTER_WH + 900, 900),
    (
        "a wrong first reading",
        None,
        (10**9, REGISTER_WH, REGISTER_WH + 900),
        (),
        REGISTER_WH + 950,
        REGISTER_WH + 950,
        950,
    ),
    ("0 and meterStop", None, (0,), (), REGISTER_WH, REGISTER_WH, 0),
    ("readings of the stop", None, (), ((120, 5_000), (60, 6_000)), 7_000, 7_000, 2_000),
    ("readings of the stop alone", None, (), ((120, 5_000), (60, 6_000)), None, 6_000, 1_000),
    ("of the stop, first one 0", None, (), ((170, 0), (60, REGISTER_WH)), REGISTER_WH + 9, REGISTER_WH + 9, 9),
    ("of the stop, of before", None, (), ((999, 1_000), (120, 5_000)), 7_000, 7_000, 2_000),
    ("of the stop, an earlier one", None, (5_000, 6_000), ((180, 4_000), (60, 6_000)), 7_000, 7_000, 3_000),
    ("of the stop, absurdly early", None, (REGISTER_WH, REGISTER_WH + 9), ((180, 4_000),), None, REGISTER_WH + 9, 9),
]


@pytest.mark.parametrize(
    ("idle_wh", "readings", "data", "stop_wh", "end_wh", "energy_wh"),
    [row[1:] for row in COUNTED],
    ids=[row[0] for row in COUNTED],
)
@pytest.mark.parametrize("restart", [False, True])
def test_energy_without_a_meter_start(
    idle_wh: int | None,
    readings: tuple[int, ...],
    data: tuple[tuple[int, int], ...],
    stop_wh: int | None,
    end_wh: int | None,
    energy_wh: int | None,
    *,
    restart: bool,
) -> None:
    drive = site()
    if idle_wh is not None:
        drive.stop("A", drive.start("A", tag="BEFORE", meter_wh=max(idle_wh - 500, 0)), idle_wh)
        drive.wait(3_600)
    one = drive.start("A", meter_wh=None)
    drive.status("A", 1, ConnectorStatus.CHARGING)
    for n, reading_wh in enumerate(readings or (None,)):
        drive.wait(60)
        if reading_wh is not None:
            drive.sample("A", 1, None, transaction_id=one, energy_wh=reading_wh)
        if restart and n == 0:
            drive.recover()
            drive.connect("A")
    drive.wait(180 - 60 * len(readings or (None,)))
    stop(drive, one, stop_wh, *data)
    assert energy(drive, one) == (end_wh, energy_wh)
    assert [event.detail["energy_wh"] for event in drive.events("session.ended")][-1] is None, "billed"


def test_the_register_of_before_is_stale_when_the_charger_was_away() -> None:
    drive = site()
    drive.stop("A", drive.start("A", meter_wh=REGISTER_WH - 500), REGISTER_WH)
    drive.connect("A")
    one = drive.start("A", meter_wh=None)
    drive.wait(60)
    drive.sample("A", 1, None, transaction_id=one, energy_wh=REGISTER_WH + 800)
    stop(drive, one, REGISTER_WH + 900)
    assert energy(drive, one) == (REGISTER_WH + 900, 100)


@pytest.mark.parametrize(("named", "energy_wh"), [(None, 100), (0, 100), (4_711, 500)])
def test_a_register_that_rose_while_nothing_ran_is_nobodys(named: int | None, energy_wh: int) -> None:
    drive = site()
    drive.stop("A", drive.start("A", meter_wh=REGISTER_WH - 500), REGISTER_WH)
    drive.wait(600)
    drive.sample("A", 1, 0, energy_wh=REGISTER_WH)
    drive.wait(600)
    drive.sample("A", 1, 0, transaction_id=named, energy_wh=REGISTER_WH + 400)
    one = drive.start("A", meter_wh=None)
    drive.wait(60)
    stop(drive, one, REGISTER_WH + 500)
    assert energy(drive, one) == (REGISTER_WH + 500, energy_wh)


def test_an_older_end_that_comes_late_is_not_where_the_next_one_begins() -> None:
    drive = site()
    drive.stop("A", drive.start("A", ago_s=600, meter_wh=5_000), 6_000, ago_s=300)
    late = drive.start("A", tag="LATE", ago_s=2_000, meter_wh=1_000)
    drive.stop("A", late, 5_000, ago_s=1_000)
    one = drive.start("A", meter_wh=None)
    drive.wait(60)
    stop(drive, one, 6_400)
    assert energy(drive, one) == (6_400, 400)


@pytest.mark.parametrize(("quiet_s", "energy_wh"), [(60, 300), (61, 0)])
def test_it_follows_a_transaction_that_was_read_a_minute_ago_at_most(quiet_s: int, energy_wh: int) -> None:
    drive = site()
    before = drive.start("A", meter_wh=REGISTER_WH - 500)
    drive.wait(60)
    drive.sample("A", 1, 50_000, transaction_id=before, energy_wh=REGISTER_WH)
    drive.wait(quiet_s)
    one = drive.start("A", tag="NEXT", meter_wh=None)
    row = drive.record(before)
    assert (row.meter_stop_wh, row.flags) == (REGISTER_WH, ("superseded", "suspect")), "what it used since is unknown"
    drive.wait(60)
    stop(drive, one, REGISTER_WH + 300)
    assert energy(drive, one) == (REGISTER_WH + 300, energy_wh)


def test_one_that_is_superseded_before_anything_was_read_has_used_nothing_that_anybody_knows_of() -> None:
    drive = site()
    one = drive.start("A", meter_wh=None)
    drive.wait(60)
    drive.start("A", tag="NEXT", meter_wh=REGISTER_WH)
    assert energy(drive, one) == (REGISTER_WH, 0)


def test_one_after_another_without_meter_starts() -> None:
    drive = site()
    found = []
    for n in range(4):
        one = drive.start("A", meter_wh=None)
        drive.wait(600)
        stop(drive, one, REGISTER_WH + 700 * n)
        found.append(energy(drive, one)[1])
        drive.wait(600)
    assert found == [0, 700, 700, 700]


def test_readings_of_an_offline_queue_tell_where_it_began() -> None:
    drive = site()
    drive.connect("A")
    one = drive.start("A", ago_s=7_200, meter_wh=None)
    for ago_s, reading_wh in ((7_100, REGISTER_WH), (3_600, REGISTER_WH + 20_000)):
        drive.sample("A", 1, 20_000, transaction_id=one, energy_wh=reading_wh, ago_s=ago_s)
    drive.stop("A", one, REGISTER_WH + 40_000, ago_s=60)
    assert energy(drive, one) == (REGISTER_WH + 40_000, 40_000)


def test_readings_of_history_tell_where_it_began() -> None:
    drive = site()
    drive.start("A", 1)
    old = drive.start("A", 1, tag="OLD", ago_s=7_200, meter_wh=None)
    assert "historic" in drive.record(old).flags
    drive.sample("A", 1, 20_000, transaction_id=old, energy_wh=REGISTER_WH, ago_s=7_100)
    drive.stop("A", old, REGISTER_WH + 40_000, ago_s=60)
    assert energy(drive, old) == (REGISTER_WH + 40_000, 40_000)


CORRECTED = [
    # caption, its reading, meterStop of the late stop | the end, the energy
    ("nothing was read", None, REGISTER_WH, REGISTER_WH, 0),
    ("it fits", REGISTER_WH, REGISTER_WH + 900, REGISTER_WH + 900, 900),
    ("it does not fit", 500, REGISTER_WH, 500, 0),
    ("it fell", REGISTER_WH, 900, REGISTER_WH, 0),
    ("none", REGISTER_WH, None, REGISTER_WH, 0),
]


@pytest.mark.parametrize(
    ("reading_wh", "stop_wh", "end_wh", "energy_wh"), [row[1:] for row in CORRECTED], ids=[row[0] for row in CORRECTED]
)
@pytest.mark.parametrize("restart", [False, True])
def test_a_true_end_that_comes_late(
    reading_wh: int | None, stop_wh: int | None, end_wh: int, energy_wh: int, *, restart: bool
) -> None:
    drive = site()
    one = drive.start("A", meter_wh=None)
    drive.accept()
    if reading_wh is not None:
        drive.sample("A", 1, None, transaction_id=one, energy_wh=reading_wh)
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.wait(61)
    assert drive.record(one).end_reason == "NoStopReceived"
    if restart:
        drive.recover()
    drive.stop("A", one, stop_wh, known=drive.memory.find_transaction(one))
    assert (drive.record(one).end_reason, energy(drive, one)) == ("Local", (end_wh, energy_wh))


REPLAYS = ["", "sample", "reconnect", "restart", "sample restart", "stop", "stop restart", "sample stop restart"]


@pytest.mark.parametrize("between", REPLAYS)
@pytest.mark.parametrize("meter_wh", [0, REGISTER_WH])
def test_the_same_start_without_a_register_has_one_id_for_ever(between: str, meter_wh: int) -> None:
    drive = site()
    start = StartKey(ChargerId("A"), 1, "TAG", drive.now.wall_ms, None)
    first = drive.start_again(start)
    drive.wait(10)
    if "sample" in between:
        drive.sample("A", 1, None, transaction_id=first.transaction_id, energy_wh=REGISTER_WH)
    if "stop" in between:
        drive.stop("A", first.transaction_id, REGISTER_WH)
    if "reconnect" in between:
        drive.connect("A")
    if "restart" in between:
        drive.recover()
    again = drive.start_again(start, TagStatus.BLOCKED, known=drive.memory.find_start(start))
    assert again == first
    told = replace(start, meter_start_wh=meter_wh)
    other = drive.start_again(told, known=drive.memory.find_start(told))
    assert other.transaction_id != first.transaction_id, "one that tells a register is another"


@pytest.mark.parametrize(("between", "same"), [("", True), ("restart", True), ("stop", False), ("stop restart", False)])
def test_without_a_time_either_it_is_known_while_it_runs(between: str, *, same: bool) -> None:
    drive = site()
    start = StartKey(ChargerId("A"), 1, "TAG", drive.now.wall_ms, None, "")
    first = drive.start_again(start)
    drive.sample("A", 1, 5_000, transaction_id=first.transaction_id, energy_wh=REGISTER_WH)
    drive.wait(60)
    if "stop" in between:
        drive.stop("A", first.transaction_id, REGISTER_WH + 300)
    if "restart" in between:
        drive.recover()
    again = drive.start_again(start, known=drive.memory.find_start(start))
    assert (again == first) is same


def test_a_stop_of_no_transaction_and_no_time_ends_no_start_whose_register_is_unknown() -> None:
    drive = site()
    one = drive.start("A", meter_wh=None, verdict=TagStatus.INVALID)
    words = TransactionStopped(
        ChargerId("A"), -1, 900, drive.now.wall_ms, SessionId("o"), request=RequestId(drive.number()), words=""
    )
    drive.do(words)
    assert drive.open_transactions() == [one]
    drive.sample("A", 1, 0, transaction_id=one, energy_wh=500)
    drive.do(replace(words, words="1970-01-01", request=RequestId(drive.number())))
    assert drive.open_transactions() == []
    assert energy(drive, one) == (900, 400)


def test_its_car_is_steered_like_any_other() -> None:
    drive = site()
    drive.take()
    drive.start("A", meter_wh=None)
    assert drive.limits() == [("A", 1, 100_000)]
