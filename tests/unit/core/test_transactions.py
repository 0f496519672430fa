"""Transactions: doubled, late, old, wrong and missing messages (LEDGER.md I6; OCPP 1.6 §4.7, §4.8, §4.10)."""

from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus, MeterSampled, Sample, StartKey, TagStatus, TransactionStopped
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


# --- meter values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [1, None, 0, -1, 9_999, 2**63 - 1])
def test_meter_values_belong_to_the_open_transaction_whatever_they_name(named: int | None) -> None:
    drive = site()
    transaction_id = drive.start("A")
    drive.accept()
    drive.sample("A", 1, 40_000, transaction_id=named)
    assert drive.view(transaction_id).consumed_w == 40_000
    assert drive.memory.samples[-1].session_id == drive.record(transaction_id).session_id


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
    ("ahead by an hour: its clock", -3_600, True),
]


@pytest.mark.parametrize(("ago_s", "live"), [row[1:] for row in LIVE], ids=[row[0] for row in LIVE])
def test_samples_that_speak_of_now(ago_s: int, live: bool) -> None:  # noqa: FBT001 - a column
    drive = site()
    drive.connect("A")
    transaction_id = drive.start("A")
    drive.sample("A", 1, 40_000, ago_s=ago_s)
    assert drive.view(transaction_id).consumed_w == (40_000 if live else None)


def test_a_clock_that_is_slow_is_believed_after_two_minutes_without_anything_newer() -> None:
    drive = site()
    drive.connect("A")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    for _ in range(11):
        drive.wait(10)
        drive.sample("A", 1, 40_000, ago_s=500)
        assert drive.view(transaction_id).consumed_w is None
    drive.wait(10)
    drive.sample("A", 1, 40_000, ago_s=500)
    assert drive.view(transaction_id).consumed_w == 40_000


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
