"""Transactions: doubled, late, old, wrong and missing messages (LEDGER.md I6; OCPP 1.6 §4.7, §4.8, §4.10)."""

from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus, Sample, StartKey, TagStatus, TransactionStopped
from csms.core.ids import ChargerId, RequestId, SessionId
from csms.core.replies import StartConfirmed, StopConfirmed
from csms.core.station import Control
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station

CHARGING = ConnectorStatus.CHARGING


def site() -> Drive:
    drive = Drive(station(300, charger("A", 100, 2), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.wait(1_000)
    drive.take()
    return drive


def key(drive: Drive, idx: int = 1, *, ago_s: int = 0, tag: str = "TAG", meter_wh: int = 0) -> StartKey:
    return StartKey(ChargerId("A"), idx, tag, drive.now.wall_ms - ago_s * 1_000, meter_wh)


def ended(drive: Drive, transaction_id: int) -> tuple[str | None, int | None, tuple[str, ...]]:
    row = drive.record(transaction_id)
    return row.end_reason, row.meter_stop_wh, row.flags


# --- starts -----------------------------------------------------------------------------------------------------------


def test_ids_count_up_from_1_and_are_never_given_again() -> None:
    drive = site()
    one = drive.start("A")
    drive.stop("A", one)
    drive.recover()
    drive.connect("B")
    assert [one, drive.start("B"), drive.start("A")] == [1, 2, 3]


@pytest.mark.parametrize("status", list(TagStatus))
def test_every_start_gets_an_id_and_a_record_whatever_its_tag(status: TagStatus) -> None:
    drive = site()
    confirmed = drive.start_again(key(drive), status)
    assert confirmed == StartConfirmed(confirmed.transaction_id, status)
    assert drive.record(confirmed.transaction_id).tag_status is status
    accepted = status is TagStatus.ACCEPTED
    assert (drive.k_kw("A"), drive.limits()) == ((100, [("A", 1, 100_000)]) if accepted else (0, []))


REPLAYS = [
    # caption, what happens between the two | still the same id and verdict
    ("at once", "nothing"),
    ("after a reconnect", "reconnect"),
    ("after the stop", "stop"),
    ("after a restart", "restart"),
    ("after the stop and a restart", "stop restart"),
    ("after a newer start on the connector", "newer"),
]


@pytest.mark.parametrize("between", [row[1] for row in REPLAYS], ids=[row[0] for row in REPLAYS])
@pytest.mark.parametrize("status", [TagStatus.ACCEPTED, TagStatus.INVALID])
def test_the_same_start_has_one_id_and_one_verdict_for_ever(between: str, status: TagStatus) -> None:
    drive = site()
    start = key(drive)
    first = drive.start_again(start, status)
    drive.accept()
    drive.wait(10)
    if "reconnect" in between:
        drive.connect("A")
    if "stop" in between:
        drive.stop("A", first.transaction_id)
    if "newer" in between:
        drive.start("A")
    if "restart" in between:
        drive.recover()
    rows, booked = len(drive.memory.sessions), drive.row_kw()
    drive.take()
    again = drive.start_again(start, TagStatus.BLOCKED, known=drive.memory.find_start(start), exclusive=True)
    assert again == first
    assert (len(drive.memory.sessions), drive.row_kw(), drive.limits()) == (rows, booked, [])


@pytest.mark.parametrize("change", ["idx", "id_tag", "started_ms", "meter_start_wh"])
def test_another_start_has_another_id(change: str) -> None:
    drive = site()
    start = key(drive)
    first = drive.start_again(start)
    other: dict[str, str | int] = {"idx": 2, "id_tag": "OTHER", "started_ms": start.started_ms + 1, "meter_start_wh": 5}
    assert drive.start_again(replace(start, **{change: other[change]})).transaction_id != first.transaction_id  # type: ignore[arg-type]


def test_a_tag_in_another_case_makes_no_other_start() -> None:
    drive = site()
    start = key(drive)
    first = drive.start_again(replace(start, id_tag="Tag"))
    assert drive.start_again(replace(start, id_tag="tAG")).transaction_id == first.transaction_id


CONCURRENT = [
    # caption, where the second start is, exclusive | verdict
    ("the policy allows several", "B", 1, False, TagStatus.ACCEPTED),
    ("another charger", "B", 1, True, TagStatus.CONCURRENT_TX),
    ("another connector", "A", 2, True, TagStatus.CONCURRENT_TX),
    ("the same connector: the one before is superseded", "A", 1, True, TagStatus.ACCEPTED),
]


@pytest.mark.parametrize(
    ("charger_id", "idx", "exclusive", "verdict"), [row[1:] for row in CONCURRENT], ids=[row[0] for row in CONCURRENT]
)
def test_a_tag_that_charges_already(charger_id: str, idx: int, exclusive: bool, verdict: TagStatus) -> None:  # noqa: FBT001 - a column
    drive = site()
    drive.start("A", 1, tag="tag", exclusive=True)
    drive.wait(1)
    second = drive.start(charger_id, idx, tag="TAG", exclusive=exclusive)
    assert drive.record(second).tag_status is verdict


def test_readings_of_a_queue_are_the_last_ones_known_when_its_stop_tells_no_register() -> None:
    drive = site()
    one = drive.start("A", ago_s=7_000, meter_wh=100_000)
    for n, energy_wh in enumerate((100_500, 109_000, 120_000)):
        drive.sample("A", 1, 0, transaction_id=one, energy_wh=energy_wh, ago_s=6_000 - n * 1_000)
    assert drive.view(one).energy_wh == 20_000
    drive.stop("A", one, None, ago_s=3_000)
    assert drive.record(one).meter_stop_wh == 120_000


def test_readings_of_a_queue_are_the_last_ones_known_when_no_stop_comes() -> None:
    drive = site()
    one = drive.start("A", meter_wh=100_000)
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.sample("A", 1, 20_000, transaction_id=one, energy_wh=100_360)
    drive.wait(3_600)
    drive.sample("A", 1, 20_000, transaction_id=one, energy_wh=108_000, ago_s=600)
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.wait(61)
    assert drive.record(one).meter_stop_wh == 108_000


@pytest.mark.parametrize(("stop_wh", "flags"), [(3_000, ()), (2_650, ()), (2_599, ("suspect",)), (1, ("suspect",))])
def test_a_stop_below_what_was_read_is_suspect(stop_wh: int, flags: tuple[str, ...]) -> None:
    drive = site()
    one = drive.start("A", meter_wh=0)
    for reading_wh in range(300, 3_001, 300):
        drive.wait(60)
        drive.sample("A", 1, 20_000, transaction_id=one, energy_wh=reading_wh)
    drive.stop("A", one, stop_wh)
    assert (drive.record(one).meter_stop_wh, drive.record(one).flags) == (stop_wh, flags)


def test_a_stop_of_the_future_is_no_time_to_have_used_more() -> None:
    drive = site()
    one = drive.start("A", meter_wh=0)
    drive.stop("A", one, 900_000_000, ago_s=-10 * 31_536_000)
    assert drive.record(one).flags == ("suspect",)


def test_a_start_of_a_queue_is_old_by_a_clock_that_is_ahead() -> None:
    drive = site()
    for _ in range(3):
        drive.wait(10)
        drive.sample("A", 1, 0, ago_s=-7_200)
    drive.disconnect("A")
    drive.wait(7_200)
    drive.connect("A")
    queued = drive.start("A", ago_s=7_140 - 7_200)
    assert "unproven" in drive.record(queued).flags
    drive.stop("A", queued)
    live = drive.start("A", ago_s=-7_200)
    assert "unproven" not in drive.record(live).flags


def test_a_refused_start_locks_its_tag_nowhere() -> None:
    drive = site()
    one = drive.start("A", 1, tag="T", exclusive=True)
    refused = drive.start("B", 1, tag="T", exclusive=True)
    assert drive.record(refused).tag_status is TagStatus.CONCURRENT_TX
    drive.stop("A", one)
    again = drive.start("A", 1, tag="T", exclusive=True)
    assert drive.record(again).tag_status is TagStatus.ACCEPTED


def test_a_queue_refuses_nobody_who_starts_now_and_is_not_judged_by_now() -> None:
    drive = site()
    drive.start("B", 1, tag="T", exclusive=True, ago_s=172_800)
    now = drive.start("A", 1, tag="T", exclusive=True)
    assert drive.record(now).tag_status is TagStatus.ACCEPTED, "whether the car of before is still there nobody knows"
    replayed = drive.start("B", 2, tag="T", exclusive=True, ago_s=86_400)
    assert drive.record(replayed).tag_status is TagStatus.ACCEPTED, "that was yesterday"


def test_a_newer_start_supersedes_the_one_before() -> None:
    drive = site()
    one = drive.start("A", meter_wh=1_000)
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(300)
    two = drive.start("A", meter_wh=6_000)
    assert ended(drive, one) == ("Superseded", 6_000, ("superseded",))
    assert drive.open_transactions() == [two]
    drive.accept()
    drive.stop("A", one, 5_900)
    assert ended(drive, one) == ("Local", 5_900, ("superseded",)), "its own stop came after all"
    assert drive.open_transactions() == [two]


@pytest.mark.parametrize(
    ("following_wh", "stop_wh", "flags"),
    [
        (1_000, 1_000, ("superseded",)),
        (1_000 + 10_000 + 1_000, 12_000, ("superseded",)),
        (1_000 + 10_000 + 1_001, None, ("superseded", "suspect")),
        (10, None, ("superseded", "suspect")),
        (2**63 - 1, None, ("superseded", "suspect")),
    ],
    ids=["nothing used", "6 min at 100 kW, and 1 kWh", "1 Wh more", "went backwards", "absurd"],
)
def test_the_register_of_a_superseded_transaction(
    following_wh: int, stop_wh: int | None, flags: tuple[str, ...]
) -> None:
    drive = site()
    one = drive.start("A", meter_wh=1_000)
    drive.status("A", 1, CHARGING)
    drive.wait(360)
    drive.start("A", meter_wh=following_wh)
    assert ended(drive, one) == ("Superseded", stop_wh, flags)


def test_an_older_start_is_history_and_touches_no_ledger() -> None:
    drive = site()
    one = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(10)
    drive.take()
    old = drive.start("A", ago_s=3_600)
    assert drive.record(old).flags == ("historic",)
    assert (drive.open_transactions(), drive.k_kw("A"), drive.limits()) == ([one], 100, [])
    drive.stop("A", old, 7_000, ago_s=1_800)
    assert ended(drive, old) == ("Local", 7_000, ("historic",))
    assert drive.open_transactions() == [one]


def test_starts_that_are_history_wait_for_their_stops_at_each_connector() -> None:
    drive = Drive(station(100, charger("A", 50, 2)))
    drive.bring_up("A")
    for idx in (1, 2):
        drive.start("A", idx, tag=f"N{idx}")
    one, two = (drive.start("A", idx, tag=f"O{idx}", ago_s=3_600) for idx in (1, 2))
    assert (drive.record(one).ended_ms, drive.record(two).ended_ms) == (None, None)
    three = drive.start("A", 1, tag="P", ago_s=3_500)
    assert ended(drive, one)[0] == "Superseded"
    assert (drive.record(two).ended_ms, drive.record(three).ended_ms) == (None, None)


def test_a_stop_without_an_id_means_a_start_that_can_have_used_so_much() -> None:
    drive = Drive(station(100, charger("A", 50, 2)))
    drive.bring_up("A")
    one = drive.start("A", 1, meter_wh=100, verdict=TagStatus.INVALID)
    two = drive.start("A", 2, meter_wh=5_000, verdict=TagStatus.INVALID)
    drive.stop("A", -1, 120)
    assert ended(drive, one)[:2] == ("Local", 120)
    assert drive.record(two).ended_ms is None


def kept_as_history(verdict: TagStatus = TagStatus.ACCEPTED) -> tuple[Drive, int, int]:
    """Return a charger that has lost its clock at a boot: a start of 2021, and the transaction before the boot."""
    drive = Drive(station(150, charger("A", 100, 2), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.wait(1_000)
    before = drive.start("A", meter_wh=1_000)
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 50}, 30)
    drive.connect("A")
    drive.boot("A")
    drive.accept()
    after = drive.start("A", tag="NEXT", verdict=verdict, ago_s=6 * 365 * 86_400, meter_wh=2_000)
    assert drive.record(after).flags == ("historic",)
    assert drive.k_kw("A", 1) == 100
    drive.take()
    return drive, before, after


@pytest.mark.parametrize("restart", [False, True])
def test_a_start_of_the_past_that_samples_of_now_name_is_the_one_that_runs(*, restart: bool) -> None:
    drive, before, after = kept_as_history()
    for _ in range(12):
        assert drive.open_transactions() == [before]
        drive.sample("A", 1, 0, transaction_id=after)
        drive.wait(10)
    drive.sample("A", 1, 0, transaction_id=after)
    assert drive.open_transactions() == [after]
    assert ended(drive, before) == ("Superseded", 2_000, ("superseded",))
    assert drive.record(after).flags == ()
    assert drive.k_kw("A", 1) == 100, "what the other one was told is not freed"
    assert drive.limits() == [("A", 1, 100_000)], "it is told its own"
    if restart:
        drive.recover()
        drive.connect("A")
    drive.accept()
    assert (drive.open_transactions(), drive.k_kw("A", 1)) == ([after], 100)
    drive.draws({("A", 1): 80}, 60)
    drive.stop("A", after, 9_000)
    drive.accept()
    assert (ended(drive, after)[:2], drive.k_kw("A", 1)) == (("Local", 9_000), 0)


def test_what_the_other_one_was_told_stays_booked_until_a_limit_of_the_one_that_runs_has_settled() -> None:
    drive, _, after = kept_as_history(TagStatus.BLOCKED)
    for _ in range(13):
        drive.sample("A", 1, 50_000, transaction_id=after)
        drive.wait(10)
    assert drive.open_transactions() == [after]
    assert (drive.limits(), drive.k_kw("A", 1)) == ([("A", 1, 0)], 100)
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 50_000, transaction_id=after)
    assert drive.k_kw("A", 1) == 100, "the car has not let go"
    drive.wait(5)
    drive.sample("A", 1, 0, transaction_id=after)
    drive.wait(1)
    assert drive.k_kw("A", 1) == 0


NO_PROOF = [
    # caption, seconds between samples, how old they are, connector, the other one is named, a status is told
    ("of its own time", 10, 6 * 365 * 86_400, 1, False, False),
    ("61 s old", 10, 61, 1, False, False),
    ("for less than two minutes", 8, 0, 1, False, False),
    ("at another connector", 10, 0, 2, False, False),
    ("and the other one", 10, 0, 1, True, False),
    ("a status names none", 10, 61, 1, False, True),
]


@pytest.mark.parametrize(
    ("period_s", "ago_s", "idx", "both", "told"), [row[1:] for row in NO_PROOF], ids=[row[0] for row in NO_PROOF]
)
def test_samples_that_do_not_show_that_a_start_of_the_past_runs(
    period_s: int, ago_s: int, idx: int, *, both: bool, told: bool
) -> None:
    drive, before, after = kept_as_history()
    for _ in range(14):
        drive.sample("A", idx, 20_000, transaction_id=after, ago_s=ago_s)
        if both:
            drive.sample("A", 1, 20_000, transaction_id=before)
        if told:
            drive.status("A", 1, CHARGING)
        drive.wait(period_s)
    assert drive.open_transactions() == [before]
    assert drive.record(after).flags == ("historic",)


@pytest.mark.parametrize("ago_s", [3_600, 6 * 365 * 86_400])
def test_a_clock_that_was_set_back_shows_in_time_that_its_start_runs(ago_s: int) -> None:
    drive, before, after = kept_as_history()
    for _ in range(30):
        drive.sample("A", 1, 20_000, transaction_id=after, ago_s=ago_s)
        drive.wait(10)
    assert before not in drive.open_transactions()
    assert drive.open_transactions() == [after]


def test_a_start_of_the_past_runs_at_a_connector_that_has_become_free() -> None:
    drive, before, after = kept_as_history()
    drive.status("A", 1, ConnectorStatus.PREPARING)
    drive.stop("A", before, 1_500)
    drive.accept()
    drive.wait(60)
    drive.accept()
    assert drive.k_kw("A", 1) == 0
    for booked_kw in (0, *[30] * 11):
        drive.sample("A", 1, 30_000, transaction_id=after)
        assert drive.k_kw("A", 1) == booked_kw, "until then it is power without a transaction"
        drive.wait(10)
    drive.take()
    drive.sample("A", 1, 30_000, transaction_id=after)
    assert (drive.open_transactions(), drive.limits()) == ([after], [("A", 1, 100_000)])


def test_a_start_of_the_past_ends_no_session_driven_over_rest() -> None:
    drive = Drive(station(150, charger("A", 100, control=Control.REST)))
    view = drive.rest_start("A", 1, 50)
    after = drive.start("A", ago_s=3_600)
    for _ in range(15):
        drive.sample("A", 1, 0, transaction_id=after)
        drive.wait(10)
    assert drive.open_transactions() == []
    assert drive.k_kw("A", 1) == 50
    assert view.session_id in drive.engine.all_changes().sessions


@pytest.mark.parametrize("idx", [0, 3, -1])
def test_a_start_on_an_unknown_connector_is_kept(idx: int) -> None:
    drive = site()
    transaction_id = drive.start("A", idx)
    assert drive.record(transaction_id).flags == ("unknown_connector", "historic")
    assert drive.row_kw() == 0
    drive.stop("A", transaction_id, 900)
    assert ended(drive, transaction_id)[:2] == ("Local", 900)


def test_a_start_of_an_unknown_charger_is_kept_and_harms_nobody() -> None:
    drive = site()
    transaction_id = drive.start("GONE")
    drive.start("A")
    assert drive.limits() == [("A", 1, 100_000)]
    drive.recover()
    drive.stop("GONE", transaction_id)
    assert ended(drive, transaction_id)[:2] == ("Local", 1_000)


# --- starts without a usable time stamp -----------------------------------------------------------------------------


def wordy(drive: Drive, words: str = "1970-01-01T00:00:12Z", meter_wh: int = 500) -> StartKey:
    """Return the key of a start whose time is that of its receipt, now."""
    return replace(key(drive, meter_wh=meter_wh), words=words)


WORDS = [
    # caption, what happens between, meterStart | a start in the same words is the same one
    ("at once", "", 500, True),
    ("an hour later, still running", "wait", 500, True),
    ("after a reconnect", "reconnect", 500, True),
    ("after a crash", "restart", 500, True),
    ("after a crash, from 0", "restart", 0, True),
    ("after the stop: the register has risen since", "stop", 500, True),
    ("after the stop and a crash", "stop restart", 500, True),
    ("after the stop, from 0: another car", "stop", 0, False),
    ("after the stop, from 0, and a crash: another car", "stop restart", 0, False),
    ("after a stop with nothing used: another car", "used nothing", 500, False),
]


@pytest.mark.parametrize(("between", "meter_wh", "same"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_a_start_without_a_usable_time_is_known_by_its_words(between: str, meter_wh: int, *, same: bool) -> None:
    drive = site()
    first = drive.start_again(wordy(drive, meter_wh=meter_wh))
    drive.status("A", 1, CHARGING)
    if "wait" in between:
        drive.wait(3_600)
    if "reconnect" in between:
        drive.connect("A")
    if "stop" in between:
        drive.stop("A", first.transaction_id, meter_wh + 3_000)
    if "used nothing" in between:
        drive.stop("A", first.transaction_id, meter_wh)
    if "restart" in between:
        drive.wait(40 * 86_400)
        drive.recover()
    drive.wait(1)
    start = wordy(drive, meter_wh=meter_wh)
    again = drive.start_again(start, TagStatus.BLOCKED, known=drive.memory.find_start(start))
    assert (again == first) is same
    assert drive.record(first.transaction_id).flags.count("start_time_unknown") == 1


@pytest.mark.parametrize("change", ["idx", "id_tag", "words", "meter_start_wh"])
def test_other_words_are_another_start(change: str) -> None:
    drive = site()
    start = wordy(drive)
    first = drive.start_again(start)
    other: dict[str, str | int] = {"idx": 2, "id_tag": "OTHER", "words": "", "meter_start_wh": 501}
    assert drive.start_again(replace(start, **{change: other[change]})).transaction_id != first.transaction_id  # type: ignore[arg-type]


def test_what_the_store_does_not_know_yet_of_words_counts() -> None:
    drive = site()
    first = drive.start_again(wordy(drive, meter_wh=0))
    stale = drive.memory.find_start(wordy(drive, meter_wh=0))
    drive.stop("A", first.transaction_id, 3_000)
    assert stale is not None
    assert not stale.ended
    again = drive.start_again(wordy(drive, meter_wh=0), known=stale)
    assert again.transaction_id != first.transaction_id, "the first has ended since the store was asked"


def test_a_start_of_unknown_time_is_steered_when_the_car_is_seen_to_be_there() -> None:
    drive = site()
    drive.start_again(wordy(drive))
    assert drive.limits() == []
    drive.wait(2)
    assert drive.limits() == [("A", 1, 100_000)]


# --- starts with an old time stamp ------------------------------------------------------------------------------------

OLD = [
    # caption, started so long ago, what comes | seconds until it is steered (None: at once, at the start)
    ("59 s ago", 59, None, None),
    ("60 s ago", 60, None, None),
    ("61 s ago, then quiet", 61, None, 2),
    ("61 s ago, Charging is said", 61, "status", 0),
    ("61 s ago, a live sample", 61, "sample", 0),
]


@pytest.mark.parametrize(("ago_s", "comes", "steered_s"), [row[1:] for row in OLD], ids=[row[0] for row in OLD])
def test_an_old_start_is_steered_when_the_car_is_seen_to_be_there(
    ago_s: int, comes: str | None, steered_s: int | None
) -> None:
    drive = site()
    drive.start("A", ago_s=ago_s)
    if steered_s is None:
        assert drive.limits() == [("A", 1, 100_000)]
        return
    assert drive.limits() == []
    if comes == "status":
        drive.status("A", 1, CHARGING)
    elif comes == "sample":
        drive.sample("A", 1, 5_000)
    else:
        drive.wait(1.999)
        assert drive.limits() == []
        drive.wait(0.001)
    assert drive.limits() == [("A", 1, 100_000)]


def test_a_queue_of_the_past_gives_no_power_and_leaves_true_records() -> None:
    drive = site()
    drive.connect("A")
    for hours in (5, 4, 3):
        start = drive.start("A", ago_s=hours * 3_600, meter_wh=(10 - hours) * 1_000)
        drive.wait(0.5)
        drive.sample("A", 1, 50_000, transaction_id=start, ago_s=hours * 3_600 - 60)
        drive.wait(0.5)
        drive.stop("A", start, (10 - hours) * 1_000 + 500, ago_s=hours * 3_600 - 1_800)
    assert (drive.limits(), drive.open_transactions(), drive.row_kw()) == ([], [], 0)
    rows = [drive.record(n) for n in (1, 2, 3)]
    assert [(r.meter_stop_wh or 0) - r.meter_start_wh for r in rows] == [500, 500, 500]


def test_a_queue_that_a_crash_interrupts_gives_no_power_either() -> None:
    drive = site()
    drive.connect("A")
    old = drive.start("A", ago_s=3_600)
    assert drive.record(old).flags == ("unproven",)
    drive.recover()
    drive.connect("A")
    drive.accept()
    drive.wait(1.5)
    drive.stop("A", old, 7_000, ago_s=1_800)
    drive.wait(10)
    assert drive.limits() == []
    assert ended(drive, old) == ("Local", 7_000, ("unproven",))


def test_a_proven_start_is_no_longer_doubted() -> None:
    drive = site()
    old = drive.start("A", ago_s=3_600)
    drive.status("A", 1, CHARGING)
    assert drive.record(old).flags == ()
    drive.recover()
    drive.take()
    drive.connect("A")
    assert drive.limits() == [("A", 1, 100_000)], "at once"


# --- stops ------------------------------------------------------------------------------------------------------------


def orphans(drive: Drive) -> int:
    return sum("orphan" in row.flags for row in drive.memory.sessions.values())


STOPS = [
    # caption, charger, transaction id (None: the right one) | the open transaction goes on, orphan records
    ("its own", "A", None, False, 0),
    ("another charger's", "B", None, True, 1),
    ("0", "A", 0, True, 1),
    ("unknown", "A", 4_711, True, 1),
    ("int64 max", "A", 2**63 - 1, True, 1),
    ("-1 without a refused start", "A", -1, True, 1),
    ("-2", "A", -2, True, 1),
    ("of a charger that is not configured", "GONE", None, True, 1),
]


@pytest.mark.parametrize(
    ("charger_id", "transaction_id", "goes_on", "kept"), [row[1:] for row in STOPS], ids=[row[0] for row in STOPS]
)
def test_a_stop_ends_the_transaction_it_names_and_no_other(
    charger_id: str,
    transaction_id: int | None,
    goes_on: bool,  # noqa: FBT001 - a column
    kept: int,
) -> None:
    drive = site()
    mine = drive.start("A")
    drive.accept()
    for _ in range(3):
        drive.stop(charger_id, mine if transaction_id is None else transaction_id)
    assert drive.open_transactions() == ([mine] if goes_on else [])
    assert orphans(drive) == kept, "however often it is repeated"
    assert drive.k_kw("A") == (100 if goes_on else 0)


def test_minus_1_stops_the_latest_start_that_was_refused() -> None:
    drive = site()
    good = drive.start("A", 1)
    bad = drive.start("A", 2, tag="ONE", verdict=TagStatus.INVALID)
    drive.wait(1)
    worse = drive.start("A", 2, tag="TWO", verdict=TagStatus.BLOCKED)
    elsewhere = drive.start("B", 1, tag="THREE", verdict=TagStatus.BLOCKED)
    drive.wait(1)
    for _ in range(3):
        drive.stop("A", -1, 500)
    assert ended(drive, worse)[:2] == ("Local", 500)
    assert ended(drive, bad)[0] == "Superseded"
    assert (drive.open_transactions(), orphans(drive)) == ([good, elsewhere], 0)


def test_a_repeated_minus_1_does_not_stop_a_second_refused_start() -> None:
    drive = site()
    one = drive.start("A", 1, tag="ONE", verdict=TagStatus.INVALID)
    drive.wait(1)
    drive.start("A", 2, tag="TWO", verdict=TagStatus.INVALID)
    drive.wait(1)
    drive.stop("A", -1)
    drive.stop("A", -1)
    assert drive.open_transactions() == [one]


NAMELESS = [
    # caption, idTag of the stop, its register, ago s | which of the sessions it ends
    ("the accepted one's", "GOOD", 700, 0, "GOOD"),
    ("in another case", "good", 700, 0, "GOOD"),
    ("the accepted one's, below its register", "GOOD", 400, 0, "LATER"),
    ("the accepted one's, of before it", "GOOD", 700, 99, None),
    ("the accepted one's, no register", "GOOD", None, 0, "GOOD"),
    ("a refused one's", "REFUSED", 700, 0, "REFUSED"),
    ("a refused one's, below its register", "REFUSED", 400, 0, "REFUSED"),
    ("nobody's", "OTHER", 700, 0, "LATER"),
    ("none", None, 700, 0, "LATER"),
    ("of another charger", "ELSEWHERE", 700, 0, "LATER"),
    ("of two, one refused", "TWICE", 700, 0, "TWICE2"),
]


@pytest.mark.parametrize(
    ("tag", "meter_wh", "ago_s", "ends"), [row[1:] for row in NAMELESS], ids=[row[0] for row in NAMELESS]
)
@pytest.mark.parametrize("restart", [False, True])
def test_a_stop_that_names_no_transaction_means_that_of_its_tag_and_the_guess_is_marked(
    tag: str | None, meter_wh: int | None, ago_s: int, ends: str | None, *, restart: bool
) -> None:
    drive = Drive(station(300, charger("A", 100, 5), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.wait(1_000)
    starts = [
        ("A", 1, "GOOD", TagStatus.ACCEPTED),
        ("A", 2, "REFUSED", TagStatus.INVALID),
        ("A", 3, "TWICE", TagStatus.ACCEPTED),
        ("A", 4, "TWICE2", TagStatus.CONCURRENT_TX),
        ("A", 5, "LATER", TagStatus.BLOCKED),
        ("B", 1, "ELSEWHERE", TagStatus.ACCEPTED),
    ]
    sessions = {}
    for charger_id, idx, name, verdict in starts:
        sessions[name] = drive.start(charger_id, idx, tag=name.removesuffix("2"), meter_wh=500, verdict=verdict)
        drive.wait(1)
    if restart:
        drive.recover()
    for _ in range(2):
        drive.stop("A", -1, meter_wh, tag=tag, ago_s=ago_s)
    assert drive.open_transactions() == [one for name, one in sessions.items() if name != ends]
    assert orphans(drive) == (ends is None)
    if ends is not None:
        assert {"stop_guessed", "suspect"} <= set(ended(drive, sessions[ends])[2])
        assert drive.events("session.ended")[-1].detail["energy_wh"] is None, "nobody is billed for a guess"


@pytest.mark.parametrize("restart", [False, True])
def test_a_stop_that_names_a_transaction_corrects_one_that_was_guessed(*, restart: bool) -> None:
    drive = site()
    one = drive.start("A", tag="GOOD", meter_wh=500)
    drive.wait(1)
    drive.stop("A", -1, 700, tag="GOOD")
    drive.wait(60)
    if restart:
        drive.recover()
    for meter_wh in (900, 950):
        drive.stop("A", one, meter_wh, known=drive.memory.find_transaction(one))
    assert ended(drive, one) == ("Local", 900, ())


WORDED = [
    # caption, words of the stop, its register | it ends the start at 500 Wh, orphan records
    ("a usable time", None, 500, True, 0),
    ("a usable time, any register", None, 499, True, 0),
    ("the register has risen", "1970-01-01T00:00:09Z", 501, True, 0),
    ("of the stop before", "1970-01-01T00:00:09Z", 500, False, 1),
    ("lower", "1970-01-01T00:00:09Z", 499, False, 1),
]


@pytest.mark.parametrize(
    ("words", "meter_wh", "ends", "kept"), [row[1:] for row in WORDED], ids=[row[0] for row in WORDED]
)
def test_minus_1_at_an_unknown_time_stops_a_start_whose_register_has_risen(
    words: str | None, meter_wh: int, kept: int, *, ends: bool
) -> None:
    drive = site()
    refused = drive.start("A", 1, verdict=TagStatus.INVALID, meter_wh=500)
    drive.wait(1)
    drive.recover()
    drive.do(TransactionStopped(ChargerId("A"), -1, meter_wh, drive.now.wall_ms, SessionId("late"), words=words))
    assert (drive.open_transactions(), orphans(drive)) == ([] if ends else [refused], kept)


@pytest.mark.parametrize("words", [None, "1970-01-01T00:00:09Z", ""])
def test_a_stop_of_no_transaction_is_known_again_by_its_time_or_its_words(words: str | None) -> None:
    drive = site()
    stopped_ms = drive.now.wall_ms
    for n in range(3):
        drive.wait(60)
        at_ms = stopped_ms if words is None else drive.now.wall_ms
        drive.do(TransactionStopped(ChargerId("A"), 0, 700, at_ms, SessionId(f"orphan {n}"), words=words))
    assert orphans(drive) == 1


def test_minus_1_does_not_stop_a_start_that_came_after_it() -> None:
    drive = site()
    refused = drive.start("A", 1, verdict=TagStatus.INVALID)
    drive.stop("A", -1, ago_s=100)
    assert (drive.open_transactions(), orphans(drive)) == ([refused], 1)


def test_a_repeated_stop_keeps_the_first_values() -> None:
    drive = site()
    transaction_id = drive.start("A")
    drive.stop("A", transaction_id, 5_000)
    drive.wait(10)
    drive.stop("A", transaction_id, 6_000)
    drive.recover()
    drive.stop("A", transaction_id, 7_000, known=drive.memory.find_transaction(transaction_id))
    assert ended(drive, transaction_id) == ("Local", 5_000, ())
    assert orphans(drive) == 0


@pytest.mark.parametrize(
    ("meter_stop_wh", "ago_s", "flags"), [(900, 0, ("suspect",)), (1_000, 0, ()), (2_000, 100, ("suspect",))]
)
def test_a_stop_before_its_start_is_confirmed_and_marked(
    meter_stop_wh: int, ago_s: int, flags: tuple[str, ...]
) -> None:
    drive = site()
    transaction_id = drive.start("A", meter_wh=1_000)
    drive.stop("A", transaction_id, meter_stop_wh, ago_s=ago_s)
    assert ended(drive, transaction_id) == ("Local", meter_stop_wh, flags)


NO_REGISTER = [
    # caption, registers that MeterValues told Wh, of one that started at 1000 Wh | register of the end Wh
    ("nothing was told", (), 1_000),
    ("the last known one", (1_200, 1_500), 1_500),
    ("one that counts from the start of the session", (200, 500), 1_500),
]


@pytest.mark.parametrize(("told_wh", "stop_wh"), [row[1:] for row in NO_REGISTER], ids=[row[0] for row in NO_REGISTER])
def test_a_stop_without_a_register_ends_at_the_last_known_one_and_is_marked(
    told_wh: tuple[int, ...], stop_wh: int
) -> None:
    drive = site()
    transaction_id = drive.start("A", meter_wh=1_000)
    for energy_wh in told_wh:
        drive.wait(60)
        drive.sample("A", 1, 20_000, transaction_id=transaction_id, energy_wh=energy_wh)
    drive.stop("A", transaction_id, None)
    drive.recover()
    drive.stop("A", transaction_id, None, known=drive.memory.find_transaction(transaction_id))
    reason, meter_stop_wh, flags = ended(drive, transaction_id)
    assert (reason, meter_stop_wh, flags[-1]) == ("Local", stop_wh, "implausible_meter")
    assert orphans(drive) == 0


AT_THE_END = [
    # registers in its transactionData, Wh | at which it ended
    ((1_000, 1_600), 1_600),
    ((1_000, 1_400, 1_600), 1_600),
    ((1_600,), 1_600),
    ((1_000, 99_999_999), 1_050),
    ((900,), 1_050),
    ((), 1_050),
]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("read_wh", "stop_wh"), AT_THE_END)
def test_a_stop_without_a_register_ends_at_what_its_own_data_tells(
    read_wh: tuple[int, ...], stop_wh: int, *, late: bool
) -> None:
    drive = site()
    one = drive.start("A", meter_wh=1_000)
    drive.wait(60)
    drive.sample("A", 1, 20_000, transaction_id=one, energy_wh=1_050)
    drive.wait(3_600)
    now_ms = drive.now.wall_ms
    if late:
        drive.start("A", idx=1, tag="NEXT", meter_wh=1_050)
    samples = tuple(Sample(now_ms - 1_000 * (len(read_wh) - n), None, wh) for n, wh in enumerate(read_wh))
    known = drive.memory.find_transaction(one) if late else None
    drive.do(
        TransactionStopped(
            ChargerId("A"),
            one,
            None,
            now_ms,
            SessionId("x"),
            "Local",
            samples=samples,
            known=known,
            request=RequestId(950),
        )
    )
    assert ended(drive, one)[1] == stop_wh
    assert "implausible_meter" in ended(drive, one)[2]


def test_a_late_stop_without_a_register_leaves_the_last_known_one() -> None:
    drive = site()
    one = drive.start("A", meter_wh=1_000)
    drive.start("A", idx=1, tag="NEXT", meter_wh=1_700)
    drive.stop("A", one, None)
    assert ended(drive, one) == ("Local", 1_700, ("superseded", "implausible_meter"))
    assert drive.events("transaction.stopped_late")[0].detail["energy_wh"] is None


def test_an_orphan_without_a_register_is_recorded_once() -> None:
    drive = site()
    stopped_ms = drive.now.wall_ms
    for n in (901, 902):
        drive.do(TransactionStopped(ChargerId("A"), 999, None, stopped_ms, SessionId("orphan"), request=RequestId(n)))
    (row,) = (row for row in drive.memory.sessions.values() if "orphan" in row.flags)
    assert (row.meter_stop_wh, row.flags) == (None, ("orphan", "implausible_meter"))


MOST_ENERGY = [
    # caption, lasted h, meterStop Wh of a DC connector of 100 kW | flags
    ("500 kW for 2 h and 1 kWh", 2, 1_001_000, ()),
    ("1 Wh more", 2, 1_001_001, ("suspect",)),
    ("a minute counts as an hour: clocks are set", 0, 501_000, ()),
    ("1 Wh more than that", 0, 501_001, ("suspect",)),
    ("int64 max", 2, 2**63 - 1, ("suspect",)),
]


@pytest.mark.parametrize(("hours", "stop_wh", "flags"), [r[1:] for r in MOST_ENERGY], ids=[r[0] for r in MOST_ENERGY])
def test_more_than_a_connector_can_deliver_is_marked(hours: int, stop_wh: int, flags: tuple[str, ...]) -> None:
    drive = site()
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.wait(hours * 3_600)
    drive.stop("A", transaction_id, stop_wh)
    assert ended(drive, transaction_id) == ("Local", stop_wh, flags)


def test_without_a_start_time_energy_cannot_be_too_much() -> None:
    drive = site()
    started = drive.start_again(wordy(drive))
    drive.stop("A", started.transaction_id, 2_000_000)
    assert "suspect" not in ended(drive, started.transaction_id)[2]


EXTREME = [
    # register of the start Wh, of the stop Wh
    (-(2**63), 2**63 - 1),
    (2**63 - 1, -(2**63)),
    (-5, 2**63 - 1),
    (-5, 10**13),
]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("start_wh", "stop_wh"), EXTREME)
def test_registers_at_the_ends_of_their_range_are_suspect_and_told_in_64_bits(
    start_wh: int, stop_wh: int, *, late: bool
) -> None:
    drive = site()
    started = drive.start_again(wordy(drive, meter_wh=start_wh))
    assert isinstance(started, StartConfirmed)
    one = started.transaction_id
    if late:
        drive.start("A", tag="NEXT", meter_wh=0)
    drive.stop("A", one, stop_wh)
    assert "suspect" in ended(drive, one)[2]
    told = drive.events("transaction.stopped_late" if late else "session.ended")[-1].detail["energy_wh"]
    assert told is None


BILLED = [
    # caption, meterStop Wh of one that started at 1000 Wh | energy to bill
    ("true", 6_000, 5_000),
    ("nothing used", 1_000, 0),
    ("suspect: nobody is billed without a look", 900, None),
]


@pytest.mark.parametrize(("stop_wh", "billed_wh"), [row[1:] for row in BILLED], ids=[row[0] for row in BILLED])
def test_energy_is_meter_stop_less_meter_start(stop_wh: int, billed_wh: int | None) -> None:
    drive = site()
    drive.stop("A", drive.start("A", meter_wh=1_000), stop_wh)
    assert [event.detail["energy_wh"] for event in drive.events("session.ended")] == [billed_wh]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(("stop_wh", "flags", "billed_wh"), [(900, ("suspect",), None), (2_000, (), 1_000)])
def test_a_true_end_that_comes_late_is_judged_like_any(
    stop_wh: int, flags: tuple[str, ...], billed_wh: int | None, *, restart: bool
) -> None:
    drive = site()
    one = drive.start("A", meter_wh=1_000)
    drive.start("A", idx=1, tag="NEXT", meter_wh=2**40)
    assert ended(drive, one)[2] == ("superseded", "suspect"), "the guess was bad"
    if restart:
        drive.recover()
    drive.stop("A", one, stop_wh, known=drive.memory.find_transaction(one))
    assert ended(drive, one) == ("Local", stop_wh, ("superseded", *flags))
    assert drive.events("transaction.stopped_late")[0].detail["energy_wh"] == billed_wh


def test_a_stop_of_before_its_start_is_suspect_without_a_register_too() -> None:
    drive = site()
    one = drive.start("A", meter_wh=1_000)
    drive.stop("A", one, None, ago_s=120)
    assert ended(drive, one) == ("Local", 1_000, ("implausible_meter", "suspect"))


def test_readings_of_a_repeated_stop_are_kept() -> None:
    drive = site()
    transaction_id = drive.start("A")
    session_id = drive.record(transaction_id).session_id
    for n in (1, 2):
        samples = (Sample(T0_WALL_MS, None, 500, f'{{"signed":{n}}}'),)
        drive.do(TransactionStopped(ChargerId("A"), transaction_id, 500, T0_WALL_MS, SessionId("o"), samples=samples))
    kept = [(s.session_id, s.idx, s.transaction_id, s.raw_json, s.doubt) for s in drive.memory.samples]
    assert kept == [(session_id, 1, transaction_id, f'{{"signed":{n}}}', None) for n in (1, 2)]


@pytest.mark.parametrize(("tag", "status"), [(None, None), ("TAG", TagStatus.ACCEPTED)])
def test_the_tag_is_judged_in_a_stop_only_if_it_was_given(tag: str | None, status: TagStatus | None) -> None:
    drive = site()
    drive.stop("A", drive.start("A"), tag=tag)
    assert StopConfirmed(status) in drive.outcomes.values()


@pytest.mark.parametrize("restart", [False, True])
def test_a_stop_that_comes_after_a_zombie_was_closed_is_the_true_one(restart: bool) -> None:  # noqa: FBT001 - a column
    drive = site()
    transaction_id = drive.start("A")
    drive.accept()
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.wait(61)
    assert ended(drive, transaction_id)[0] == "NoStopReceived"
    if restart:
        drive.recover()
    drive.stop("A", transaction_id, 4_000, known=drive.memory.find_transaction(transaction_id))
    assert ended(drive, transaction_id)[:2] == ("Local", 4_000)


# --- what else there is -----------------------------------------------------------------------------------------------


def test_a_session_driven_over_rest_stays_so_to_its_end() -> None:
    drive = Drive(station(300, charger("A", 100, control=Control.AUTO)))
    session_id = drive.rest_start("A", 1, 50).session_id
    drive.connect("A")
    started = drive.start("A")
    assert drive.memory.sessions[session_id].end_reason is None
    assert drive.record(started).flags == ("historic",)
    assert drive.k_kw("A") == 100, "nothing is certain about the charger meanwhile"


def test_a_stop_of_no_transaction_that_the_store_has_is_a_repetition() -> None:
    drive = site()
    drive.do(
        TransactionStopped(ChargerId("A"), -1, 60, T0_WALL_MS, SessionId("orphan"), repeated=True, request=RequestId(1))
    )
    assert drive.memory.sessions == {}
    assert drive.outcomes[RequestId(1)] == StopConfirmed(None)
