"""What every store keeps, whatever database is below it: one suite, run once per database in `DATABASES`."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, column, event, select, table, update

from csms.core.access import AccessKey, Role
from csms.core.audit import AuditEntry
from csms.core.charger_access import ChargerAccess, HashedKey, Profile
from csms.core.events import KnownTransaction, StartKey, TagStatus
from csms.core.grid_terms import CapacityEvent
from csms.core.id_tags import IdTag
from csms.core.ids import CampaignId, ChargerId, CommandId, SessionId, Token, TransactionId
from csms.core.local_list import Entry, Held, ListState, LocalListStored, Sent
from csms.core.records import (
    CampaignStored,
    CapacityEventForgotten,
    ChargerForgotten,
    ChargerStored,
    Closed,
    CommandOutcome,
    CommandState,
    CommandStored,
    CountersStored,
    Doubt,
    Driver,
    EndReason,
    EventLogged,
    EvidenceStored,
    Expected,
    Maintenance,
    Record,
    SendForgotten,
    SendState,
    SessionStored,
    Snapshot,
    StationStored,
    StopCorrected,
    Told,
)
from csms.core.tariff import NO_PEAK, Peak
from csms.ports import (
    AuditFilter,
    AuditLedger,
    AuditPosition,
    CampaignLedger,
    CampaignPosition,
    CommandLedger,
    CommandPosition,
    Store,
    StoreError,
    TransactionFilter,
    TransactionPosition,
    Transactions,
)
from csms.store import NotOpened, SqlStore, access_keys, open_store, reading, schema
from csms.store.examining import Examined, examine
from csms.store.migrate import head
from csms.store.outside import beside_the_owner
from csms.store.store import SITE
from tests.contract import store_victim
from tests.postgres import PostgresServer, empty_database
from tests.unit.store import samples

DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(params=DATABASES)
async def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'site.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(await empty_database(server))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[SqlStore]:
    opened = await _open(store_url)
    yield opened
    await opened.close()


async def _open(url: str) -> SqlStore:
    opened = await open_store(url)
    assert isinstance(opened, SqlStore), opened
    return opened


async def _rows(store: SqlStore, table: Table) -> list[dict[str, Any]]:
    """Return a history's rows, oldest first."""
    (key,) = table.primary_key.columns
    found = await store._database.run(
        lambda connection: connection.execute(table.select().order_by(key)).mappings().all()
    )
    return [dict(row) for row in found]


def _known(record: Any, *, ended: bool) -> KnownTransaction:
    return KnownTransaction(
        record.transaction_id,
        record.session_id,
        record.charger_id,
        record.idx,
        record.tag_status,
        ended,
        started_ms=record.started_ms,
        meter_start_wh=record.meter_start_wh,
        flags=record.flags,
    )


# --- round trips ------------------------------------------------------------------------------------------------------

OTHER = replace(samples.CHARGER, charger_id=ChargerId("CP002"), boot=None, draining=None, statuses={})
RENAMED = replace(samples.STATION, station_id="ELECTRA_PARIS_15B", grid_capacity_w=300_000)


async def test_it_is_a_store(store: SqlStore) -> None:
    port: Store = store
    assert await port.load() == Snapshot()


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], Snapshot()),
        ([StationStored(samples.STATION)], Snapshot(station=samples.STATION)),
        ([StationStored(samples.STATION), StationStored(RENAMED)], Snapshot(station=RENAMED)),
        ([OTHER, samples.CHARGER], Snapshot(chargers=(samples.CHARGER, OTHER))),
        ([samples.CHARGER, ChargerForgotten(ChargerId("CP001"))], Snapshot()),
        ([ChargerForgotten(ChargerId("CP001")), samples.CHARGER], Snapshot(chargers=(samples.CHARGER,))),
        ([ChargerForgotten(ChargerId("unheard of"))], Snapshot()),
        ([samples.send(2), samples.send(1)], Snapshot(sends=(samples.send(1), samples.send(2)))),
        (
            [samples.send(1), samples.send(1, state=SendState.SETTLED)],
            Snapshot(sends=(samples.send(1, state=SendState.SETTLED),)),
        ),
        ([samples.send(1), samples.send(2), SendForgotten(Token(1))], Snapshot(sends=(samples.send(2),))),
        ([SendForgotten(Token(99))], Snapshot()),
        (
            [samples.session("late", 2), samples.session("early", 1)],
            Snapshot(sessions=(samples.session("early", 1), samples.session("late", 2))),
        ),
        (
            [samples.session("s1", None, driver=Driver.REST)],
            Snapshot(sessions=(samples.session("s1", None, driver=Driver.REST),)),
        ),
        ([samples.session("s1"), samples.ended("s1")], Snapshot()),
        ([samples.ended("orphan", None)], Snapshot()),
        ([samples.COUNTERS], Snapshot(counters=samples.COUNTERS)),
        ([CountersStored(TransactionId(1), Token(1), 1), samples.COUNTERS], Snapshot(counters=samples.COUNTERS)),
        ([samples.command()], Snapshot(commands=(samples.command(),))),
        ([samples.command(), samples.DONE_COMMAND], Snapshot(commands=(samples.DONE_COMMAND,))),
        ([samples.DONE_COMMAND, replace(samples.DONE_COMMAND, ended_ms=1)], Snapshot()),
        (
            [samples.command("b"), samples.command("a"), samples.command("c", asked_ms=1)],
            Snapshot(commands=(samples.command("c", asked_ms=1), samples.command("a"), samples.command("b"))),
        ),
        ([samples.CAMPAIGN], Snapshot(campaigns=(samples.CAMPAIGN,))),
        ([samples.CAMPAIGN, samples.HALTED_CAMPAIGN], Snapshot(campaigns=(samples.HALTED_CAMPAIGN,))),
        ([samples.CAMPAIGN, replace(samples.HALTED_CAMPAIGN, ended_ms=1)], Snapshot()),
        ([samples.sample(), samples.logged()], Snapshot()),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
async def test_what_is_stored_is_what_a_start_up_finds(
    store_url: str, records: list[Record], expected: Snapshot, *, apart: bool
) -> None:
    """In one commit or one by one, once or twice over, now or after a restart."""
    store = await _open(store_url)
    for _ in range(2):
        for commit in [[record] for record in records] if apart else [records]:
            await store.commit(commit)
        assert await store.load() == expected
    await store.close()
    store = await _open(store_url)
    assert await store.load() == expected
    await store.close()


async def test_a_charger_that_is_forgotten_leaves_its_sessions_and_its_ledger(store: SqlStore) -> None:
    running = samples.session("s1")
    await store.commit([samples.CHARGER, running, samples.send(1), samples.sample(), samples.logged()])
    await store.commit([ChargerForgotten(ChargerId("CP001"))])
    assert await store.load() == Snapshot(sends=(samples.send(1),), sessions=(running,))
    assert await store.find_start(samples.start_key(running)) == _known(running, ended=False)
    assert len(await _rows(store, schema.meter_sample)) == 1
    assert len(await _rows(store, schema.event_log)) == 1


async def test_commands_are_listed_newest_first_by_charger_and_state(store: SqlStore) -> None:
    made = [
        samples.command(
            f"c{n}",
            asked_ms=n // 2,
            charger_id=ChargerId(f"CP00{n % 2}"),
            state=CommandState.EXPIRED if n < 3 else CommandState.QUEUED,
            ended_ms=7 if n < 3 else None,
        )
        for n in range(6)
    ]
    await store.commit(made)
    port: CommandLedger = store
    assert await port.read_command(CommandId("c2")) == made[2]
    assert await port.read_command(CommandId("c\ud800")) is None
    everything = tuple(reversed(made))
    assert await port.read_commands(None, None, None, 10) == everything
    assert await port.read_commands(ChargerId("CP001"), None, None, 10) == (made[5], made[3], made[1])
    assert await port.read_commands(None, CommandState.EXPIRED, None, 10) == everything[3:]
    assert await port.read_commands(ChargerId("CP001"), CommandState.QUEUED, None, 10) == (made[5], made[3])
    paged: tuple[CommandStored, ...] = ()
    for _ in made:
        last = CommandPosition(paged[-1].asked_ms, paged[-1].command_id) if paged else None
        paged += await port.read_commands(None, None, last, 1)
    assert paged == everything


async def test_reservations_that_stand_are_found(store: SqlStore) -> None:
    stands: dict[str, Any] = {"expects": Expected.RESERVATION_USED, "outcome": CommandOutcome.AWAITED}
    one = samples.command("one", asked_ms=2, **stands)
    two = samples.command("two", asked_ms=1, charger_id=ChargerId("CP002"), **stands)
    over = samples.command("over", expects=Expected.RESERVATION_USED, outcome=CommandOutcome.HAPPENED, ended_ms=9)
    other = samples.command("other", expects=Expected.BOOT, outcome=CommandOutcome.AWAITED)
    await store.commit([one, two, over, other])
    port: CommandLedger = store
    assert await port.read_reservations(None) == (two, one)
    assert await port.read_reservations(ChargerId("CP001")) == (one,)


async def test_commands_of_another_station_are_not_seen(store_url: str) -> None:
    for site in ("main", "second"):
        opened = await open_store(store_url, site)
        assert isinstance(opened, SqlStore)
        await opened.commit([samples.command(site)])
        assert [found.command_id for found in await opened.read_commands(None, None, None, 10)] == [site]
        await opened.close()


async def test_campaigns_are_listed_newest_first(store: SqlStore) -> None:
    made = [
        replace(samples.CAMPAIGN, campaign_id=CampaignId(f"k{n}"), asked_ms=n // 2, ended_ms=7 if n < 3 else None)
        for n in range(5)
    ]
    await store.commit(made)
    port: CampaignLedger = store
    assert await port.read_campaign(CampaignId("k2")) == made[2]
    assert await port.read_campaign(CampaignId("k9")) is None
    everything = tuple(reversed(made))
    assert await port.read_campaigns(None, 10) == everything
    paged: tuple[CampaignStored, ...] = ()
    for _ in made:
        last = CampaignPosition(paged[-1].asked_ms, paged[-1].campaign_id) if paged else None
        paged += await port.read_campaigns(last, 1)
    assert paged == everything


# --- the audit --------------------------------------------------------------------------------------------------------


def _act(number: int, **changed: Any) -> AuditEntry:
    return replace(samples.ACT, audit_id=number, asked_ms=number // 2, **changed)


async def test_an_act_is_what_was_written_last(store: SqlStore) -> None:
    port: AuditLedger = store
    assert await port.newest_audit_id() == 0
    await port.write_audit(samples.ACT)
    assert await port.read_audit(AuditFilter(), None, 10) == (samples.ACT,)
    await asyncio.gather(*(port.write_audit(act) for act in (samples.ANSWERED_ACT, _act(7))))
    assert await port.read_audit(AuditFilter(), None, 10) == (samples.ANSWERED_ACT, _act(7))
    assert await port.newest_audit_id() == 7
    assert await store.load() == Snapshot(), "recovery does not read it"


async def test_text_that_no_database_takes_does_not_hinder_an_act(store: SqlStore) -> None:
    await store.write_audit(_act(1, resource="/sessions/a\0\ud800", changes=("\ud800",), reason="\0"))
    (act,) = await store.read_audit(AuditFilter(), None, 1)
    assert (act.resource, act.changes, act.reason) == ("/sessions/a??", ("?",), "?")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), [7, 6, 5, 4, 3, 2, 1, 0]),
        (AuditFilter(charger_id=ChargerId("CP001")), [6, 4, 2, 0]),
        (AuditFilter(operation="POST /x"), [7, 6, 3, 2]),
        (AuditFilter(charger_id=ChargerId("CP001"), operation="POST /x"), [6, 2]),
        (AuditFilter(from_ms=1), [7, 6, 5, 4, 3, 2]),
        (AuditFilter(to_ms=2), [3, 2, 1, 0]),
        (AuditFilter(from_ms=1, to_ms=3), [5, 4, 3, 2]),
        (AuditFilter(ChargerId("CP001"), "POST /x", 1, 3), [2]),
        (AuditFilter(charger_id=ChargerId("CP002")), []),
    ],
)
async def test_acts_are_listed_newest_first_as_far_as_they_are_wanted(
    store: SqlStore, wanted: AuditFilter, found: list[int]
) -> None:
    for number in range(8):
        charger_id = None if number % 2 else ChargerId("CP001")
        await store.write_audit(_act(number, charger_id=charger_id, operation="POST /x" if number & 2 else "POST /y"))
    assert [act.audit_id for act in await store.read_audit(wanted, None, 10)] == found
    paged: list[AuditEntry] = []
    for _ in found:
        last = AuditPosition(paged[-1].asked_ms, paged[-1].audit_id) if paged else None
        paged += await store.read_audit(wanted, last, 1)
    assert [act.audit_id for act in paged] == found


async def _prune_audit(store: SqlStore, before_ms: int, rows_max: int | None = None) -> int:
    removed, after = 0, 0
    while True:
        pruned = await store.prune_audit(after, before_ms=before_ms, now_ms=NOW_MS, rows_max=rows_max)
        removed += pruned.removed
        if pruned.after is None:
            return removed
        after = pruned.after


@pytest.mark.parametrize(
    ("before_ms", "rows_max", "kept"), [(0, None, 1_200), (300, None, 601), (0, 700, 700), (300, 700, 601), (0, 1, 1)]
)
async def test_the_audit_forgets_what_is_old_and_what_is_too_much(
    store: SqlStore, before_ms: int, rows_max: int | None, kept: int
) -> None:
    await asyncio.gather(*(store.write_audit(_act(number)) for number in range(1, 1_201)))
    await store.commit([samples.logged()])
    assert await _prune_audit(store, before_ms, rows_max) == 1_200 - kept
    left = [act.audit_id for act in await store.read_audit(AuditFilter(), None, 2_000)]
    assert left == list(range(1_200, 1_200 - kept, -1))
    assert len(await _rows(store, schema.event_log)) == 1, "each history has bounds of its own"


async def test_acts_of_another_station_are_not_seen_nor_forgotten(store_url: str) -> None:
    for site in ("second", "main"):
        opened = await open_store(store_url, site)
        assert isinstance(opened, SqlStore)
        assert await opened.newest_audit_id() == 0
        await opened.write_audit(_act(1, resource=site))
        assert [act.resource for act in await opened.read_audit(AuditFilter(), None, 9)] == [site]
        if site == "main":
            assert await _prune_audit(opened, 1) == 1
        await opened.close()
    second = await open_store(store_url, "second")
    assert isinstance(second, SqlStore)
    assert len(await second.read_audit(AuditFilter(), None, 9)) == 1
    await second.close()


INDEX_OF = {
    AuditFilter(): "ix_audit_asked",
    AuditFilter(from_ms=1, to_ms=9): "ix_audit_asked",
    AuditFilter(charger_id=ChargerId("CP001")): "ix_audit_charger",
    AuditFilter(operation="POST /x", to_ms=9): "ix_audit_operation",
    AuditFilter(ChargerId("CP001"), "POST /x", 1, 9): "ix_audit_charger_operation",
}


async def test_a_page_of_acts_can_be_read_along_one_index_and_needs_no_sorting(store: SqlStore) -> None:
    is_sqlite = await store._database.run(lambda connection: connection.dialect.name == "sqlite")
    asked: list[tuple[str, Any]] = []

    def remember(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if "FROM audit" in statement:
            asked.append((statement, parameters))

    await store._database.run(lambda connection: event.listen(connection, "before_cursor_execute", remember))
    for wanted in INDEX_OF:
        await store.read_audit(wanted, None, 100)
        await store.read_audit(wanted, AuditPosition(5, 9), 100)
    await store.newest_audit_id()

    def explain(connection: Connection) -> list[str]:
        event.remove(connection, "before_cursor_execute", remember)
        if not is_sqlite:
            for way in ("seqscan", "bitmapscan", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        how = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plans = [connection.exec_driver_sql(f"{how} {statement}", parameters).all() for statement, parameters in asked]
        return [" | ".join(str(row[-1]) for row in plan) for plan in plans]

    *pages, newest = await store._database.run(explain)
    assert len(pages) == 2 * len(INDEX_OF)
    for number, plan in enumerate(pages):
        if is_sqlite:  # PostgreSQL weighs what it has counted
            assert f"INDEX {list(INDEX_OF.values())[number // 2]} (station_id=?" in plan
        assert "ix_audit_" in plan, plan
        assert not [word for word in ("Sort", "TEMP B-TREE", "Seq Scan", "SCAN") if word in plan], plan
    assert "pk_audit" in newest or "sqlite_autoindex_audit_1" in newest


async def test_renaming_the_station_loses_nothing(store: SqlStore) -> None:
    await store.commit([StationStored(samples.STATION), samples.CHARGER, samples.send(1), samples.COUNTERS])
    await store.commit([StationStored(RENAMED)])
    assert await store.load() == Snapshot(RENAMED, (samples.CHARGER,), (samples.send(1),), (), samples.COUNTERS)


async def test_stations_in_one_database_do_not_see_each_other(store_url: str) -> None:
    stores = []
    for site, transaction_id in (("main", 1), ("second", 1)):
        opened = await open_store(store_url, site)
        assert isinstance(opened, SqlStore)
        await opened.commit([samples.CHARGER, samples.send(1), samples.session(site, transaction_id), samples.COUNTERS])
        await opened.commit([SendForgotten(Token(1))] if site == "second" else [])
        stores.append(await opened.load())
        known = await opened.find_transaction(1)
        assert known is not None
        assert known.session_id == site
        assert not await opened.find_session(SessionId("main" if site == "second" else "second"))
        await opened.close()
    assert [len(snapshot.sends) for snapshot in stores] == [1, 0]
    assert (await _first_again(store_url)).sends == (samples.send(1),)


async def _first_again(store_url: str) -> Snapshot:
    store = await _open(store_url)
    snapshot = await store.load()
    await store.close()
    return snapshot


# --- histories --------------------------------------------------------------------------------------------------------


async def test_a_sample_is_kept_as_it_came(store: SqlStore) -> None:
    await store.commit([samples.sample(power_w=None, energy_wh=None, session_id=None, transaction_id=None)])
    (row,) = await _rows(store, schema.meter_sample)
    assert {name: row[name] for name in row if name not in ("sample_id", "station_id", "digest")} == {
        "charger_id": "CP001",
        "idx": 1,
        "session_id": None,
        "transaction_id": None,
        "at_ms": 1_700_000_010_000,
        "received_ms": 1_700_000_010_020,
        "power_w": None,
        "energy_wh": None,
        "raw_json": '{"sampledValue":[{"value":"11"}]}',
        "doubt": None,
    }


SIGNED = (
    '{ "timestamp" : "2026-01-01T00:00:00.000+01:00" ,\n\t"sampledValue":[ {"format":"SignedData","value":'
    '"OCMF|{\\"FV\\":\\"1.0\\",\\"é\\":\\"\\u00e9\\\\u00E9\\"}|{\\"SD\\":\\"30\\/45'
    '\\u0000\\ud83d\\"}" ,"value2":1.00e0} ]}'
)


@pytest.mark.parametrize("raw_json", [SIGNED, SIGNED.replace("é", "\u2028 😀 ٢")])
async def test_signed_values_are_kept_byte_for_byte(store: SqlStore, raw_json: str) -> None:
    await store.commit([samples.sample(raw_json=raw_json)])
    (row,) = await _rows(store, schema.meter_sample)
    assert row["raw_json"].encode() == raw_json.encode()


@pytest.mark.parametrize("doubt", list(Doubt))
async def test_why_a_sample_was_not_believed_is_kept_with_it(store: SqlStore, doubt: Doubt) -> None:
    await store.commit([samples.sample(doubt=doubt)])
    (row,) = await _rows(store, schema.meter_sample)
    assert row["doubt"] == doubt


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, 1),
        ({"received_ms": 1}, 1),
        ({"session_id": None}, 1),
        ({"at_ms": 1_700_000_010_001}, 2),
        ({"idx": 2}, 2),
        ({"charger_id": "CP002"}, 2),
        ({"raw_json": "{}"}, 2),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
async def test_a_replayed_sample_is_kept_once(
    store: SqlStore, change: dict[str, Any], kept: int, *, apart: bool
) -> None:
    first, second = samples.sample(), samples.sample(**change)
    for commit in [[first], [second]] if apart else [[first, second]]:
        await store.commit(commit)
    rows = await _rows(store, schema.meter_sample)
    assert len(rows) == kept
    assert rows[0]["received_ms"] == first.received_ms


async def test_events_keep_their_order_and_are_all_kept(store: SqlStore) -> None:
    await store.commit([samples.logged("a"), samples.logged("b"), samples.logged("a")])
    await store.commit([samples.logged("c")])
    rows = await _rows(store, schema.event_log)
    assert [row["kind"] for row in rows] == ["a", "b", "a", "c"]
    assert rows[0]["detail"] == '{"vendor":"é","n":1,"ok":true,"no":null}'


async def test_a_thousand_rows_of_everything(store: SqlStore) -> None:
    count = 1_000
    await store.commit(
        [
            record
            for n in range(1, count + 1)
            for record in (
                samples.session(f"s{n}", n, rank=n, started_ms=n),
                samples.send(n),
                samples.sample(at_ms=n),
                samples.logged(str(n)),
                CountersStored(TransactionId(n), Token(n), n),
            )
        ]
    )
    snapshot = await store.load()
    assert [session.rank for session in snapshot.sessions] == list(range(1, count + 1))
    assert [send.token for send in snapshot.sends] == list(range(1, count + 1))
    assert snapshot.counters.next_rank == count
    assert [row["at_ms"] for row in await _rows(store, schema.meter_sample)] == list(range(1, count + 1))
    assert [row["kind"] for row in await _rows(store, schema.event_log)] == [str(n) for n in range(1, count + 1)]
    await store.commit([SendForgotten(Token(n)) for n in range(1, count)])
    assert [send.token for send in (await store.load()).sends] == [count]


# --- questions --------------------------------------------------------------------------------------------------------

RUNNING = samples.session("running", 1)
ENDED = samples.ended("ended", 2, started_ms=1_600_000_000_000, tag_status=TagStatus.BLOCKED)
REMOTE = samples.session("rest", None, driver=Driver.REST, started_ms=0, meter_start_wh=0)


@pytest.fixture
async def asked(store: SqlStore) -> SqlStore:
    await store.commit([RUNNING, ENDED, REMOTE])
    return store


@pytest.mark.parametrize(("record", "is_ended"), [(RUNNING, False), (ENDED, True)])
async def test_a_transaction_is_found_running_and_ended(asked: SqlStore, record: Any, *, is_ended: bool) -> None:
    expected = _known(record, ended=is_ended)
    assert await asked.find_start(samples.start_key(record)) == expected
    assert await asked.find_transaction(record.transaction_id) == expected
    assert await asked.find_session(record.session_id)


async def test_a_session_without_a_transaction_is_no_start(asked: SqlStore) -> None:
    assert await asked.find_start(samples.start_key(REMOTE)) is None
    assert await asked.find_session(REMOTE.session_id)


@pytest.mark.parametrize("tag", ["tag1", "TAG1", "Tag1"])
async def test_id_tags_are_compared_without_case(asked: SqlStore, tag: str) -> None:
    assert await asked.find_start(replace(samples.start_key(RUNNING), id_tag=tag)) == _known(RUNNING, ended=False)


@pytest.mark.parametrize(
    "other",
    [
        {"charger_id": ChargerId("CP002")},
        {"idx": 2},
        {"idx": 10**30},
        {"id_tag": "TAG2"},
        {"id_tag": ""},
        {"started_ms": 1_700_000_000_001},
        {"meter_start_wh": 1_001},
        {"meter_start_wh": -(10**30)},
    ],
)
async def test_every_part_of_the_key_counts(asked: SqlStore, other: dict[str, Any]) -> None:
    assert await asked.find_start(replace(samples.start_key(RUNNING), **other)) is None


@pytest.mark.parametrize(
    "transaction_id",
    [0, -1, 3, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**31), -(2**63), -(2**63) - 1, -(10**30)],
)
async def test_a_transaction_id_that_is_none_of_ours(asked: SqlStore, transaction_id: int) -> None:
    assert await asked.find_transaction(transaction_id) is None


@pytest.mark.parametrize("session_id", ["", "RUNNING", "running ", "\ud800", "a\0b", "' OR 1=1 --", "x" * 10_000])
async def test_a_session_id_that_is_none_of_ours(asked: SqlStore, session_id: str) -> None:
    assert not await asked.find_session(SessionId(session_id))


async def test_a_transaction_that_ended_without_a_reason(store: SqlStore) -> None:
    record = samples.ended("silent", 4, end_reason=None)
    await store.commit([record])
    assert await store.find_transaction(4) == _known(record, ended=True)


WORDS = "1970-01-01T00:00:12Z"
CLOCKLESS = samples.session("words", 9, start_words=WORDS)

TOLD = [
    # caption, its row | a start in the same words is the same one
    ("it runs", CLOCKLESS, True),
    ("it runs, from 0", replace(CLOCKLESS, meter_start_wh=0), True),
    ("it ended, its register has risen", samples.ended("words", 9, start_words=WORDS), True),
    ("a guessed end: last reading", samples.ended("words", 9, start_words=WORDS, meter_stop_wh=None), True),
    ("it used nothing", samples.ended("words", 9, start_words=WORDS, meter_stop_wh=1_000), False),
    ("its register began at 0", samples.ended("words", 9, start_words=WORDS, meter_start_wh=0), False),
    ("nobody knows", samples.ended("words", 9, start_words=WORDS, meter_stop_wh=None, last_energy_wh=None), False),
    ("other words", replace(CLOCKLESS, start_words="1970-01-01T00:00:13Z"), False),
    ("no words", replace(CLOCKLESS, start_words=None), False),
]


@pytest.mark.parametrize(("row", "same"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
async def test_a_start_without_a_usable_time_is_known_by_its_words(
    store: SqlStore, row: SessionStored, *, same: bool
) -> None:
    await store.commit([row])
    again = StartKey(row.charger_id, row.idx, "TAG1", 1_800_000_000_000, row.meter_start_wh, WORDS)
    known = await store.find_start(again)
    assert known == (_known(row, ended=row.ended_ms is not None) if same else None)


async def test_words_that_tell_no_time_may_be_missing_or_anything(store: SqlStore) -> None:
    for n, words in enumerate(["", "\ud800\0", "' OR 1=1 --"], start=1):
        row = samples.session(f"w{n}", n, start_words=words)
        await store.commit([row])
        assert await store.find_start(replace(samples.start_key(row), words=words)) == _known(row, ended=False)


NO_METER = samples.session("none", 9, flags=("no_meter_start",))

TOLD_NONE = [
    # caption, its row, words of the start | a start without a register is the same one
    ("it runs", NO_METER, None, True),
    ("a register was found out", replace(NO_METER, meter_start_wh=77), None, True),
    ("it ended", samples.ended("none", 9, flags=("no_meter_start",)), None, True),
    ("its start told one", samples.session("none", 9), None, False),
    ("no time either: it runs", replace(NO_METER, start_words=WORDS), WORDS, True),
    ("no time either: it ended", samples.ended("n", 9, flags=("no_meter_start",), start_words=WORDS), WORDS, False),
    ("no time either: its start told one", samples.ended("n", 9, start_words=WORDS), WORDS, False),
    ("words that are empty", samples.ended("n", 9, flags=("no_meter_start",), start_words=""), "", False),
]


@pytest.mark.parametrize(("row", "words", "same"), [row[1:] for row in TOLD_NONE], ids=[row[0] for row in TOLD_NONE])
async def test_a_start_without_a_register_is_known_by_the_rest(
    store: SqlStore, row: SessionStored, words: str | None, *, same: bool
) -> None:
    await store.commit([row])
    again = StartKey(row.charger_id, row.idx, "TAG1", row.started_ms, None, words)
    known = _known(row, ended=row.ended_ms is not None)
    assert await store.find_start(again) == (known if same else None)
    if "no_meter_start" in row.flags:
        told = replace(again, meter_start_wh=row.meter_start_wh)
        assert await store.find_start(told) is None, "one that tells a register is another"


async def test_two_transactions_of_one_key_are_answered_with_the_first(store: SqlStore) -> None:
    await store.commit([samples.session("later", 8), samples.ended("first", 5)])
    known = await store.find_start(samples.start_key(RUNNING))
    assert known is not None
    assert known.transaction_id == 5


async def test_what_no_database_can_hold_neither_fails_nor_hides(store: SqlStore) -> None:
    """Half a surrogate, NUL, and integers of any size, in whatever a charger decides."""
    wild = samples.session(
        "wild", 3, id_tag="\ud800\0", id_tag_raw="\ud800\0", meter_start_wh=10**30, started_ms=-(10**30)
    )
    charger = replace(samples.CHARGER, configuration={"k\0": "\ud800"})
    await store.commit(
        [
            wild,
            charger,
            samples.sample(transaction_id=10**30, power_w=-(10**30), raw_json='"\ud800\0"'),
            replace(samples.logged(), detail={"\0\ud800": "\0\ud800", "n": 10**30}),
        ]
    )
    fits = replace(wild, meter_start_wh=2**63 - 1, started_ms=-(2**63))
    assert await store.find_start(samples.start_key(wild)) == _known(fits, ended=False)
    assert await store.find_start(replace(samples.start_key(wild), meter_start_wh=5)) is None
    snapshot = await store.load()
    assert snapshot.chargers[0].configuration == {"k\0": "?"}
    assert snapshot.sessions[0].meter_start_wh == 2**63 - 1
    (row,) = await _rows(store, schema.meter_sample)
    assert (row["transaction_id"], row["power_w"], row["raw_json"]) == (2**63 - 1, -(2**63), '"??"')


# --- commits ----------------------------------------------------------------------------------------------------------


async def test_overlapping_commits_are_applied_in_the_order_of_the_calls(store: SqlStore) -> None:
    await asyncio.gather(*(store.commit([samples.send(1, limit_w=n), samples.logged(str(n))]) for n in range(100)))
    assert (await store.load()).sends == (samples.send(1, limit_w=99),)
    assert [row["kind"] for row in await _rows(store, schema.event_log)] == [str(n) for n in range(100)]


async def test_a_commit_that_cannot_be_changes_nothing_and_everybody_in_it_hears(store: SqlStore) -> None:
    """One transaction id in two sessions is refused by the database itself."""
    await store.commit([RUNNING])
    before = await store.load()
    outcomes = await asyncio.gather(
        store.commit([samples.send(1), samples.sample()]),
        store.commit([samples.session("thief", RUNNING.transaction_id)]),
        store.commit([samples.COUNTERS, samples.logged()]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreError] * 3
    assert await store.load() == before
    assert await _rows(store, schema.meter_sample) == []
    assert await _rows(store, schema.event_log) == []
    await store.commit([samples.send(1)])
    assert (await store.load()).sends == (samples.send(1),)


async def test_close_finishes_what_is_queued(store_url: str) -> None:
    store = await _open(store_url)
    queued = [asyncio.create_task(store.commit([samples.send(token)])) for token in range(1, 50)]
    await asyncio.wait(queued, timeout=0)
    await store.close()
    await asyncio.gather(*queued)
    assert len((await _first_again(store_url)).sends) == 49


async def test_a_closed_store_says_so(store_url: str) -> None:
    store = await _open(store_url)
    await store.close()
    await store.close()
    for refused in (
        store.load(),
        store.commit([samples.send(1)]),
        store.find_start(StartKey(ChargerId("CP001"), 1, "T", 0, 0)),
        store.find_transaction(1),
        store.find_session(SessionId("s")),
        store.read_transaction(1),
        store.read_samples(RUNNING, None, 1),
    ):
        with pytest.raises(StoreError, match="closed"):
            await refused


async def test_a_caller_that_is_cancelled_leaves_its_rows_where_they_are(store: SqlStore) -> None:
    giving_up = asyncio.create_task(store.commit([samples.send(1)]))
    await asyncio.wait([giving_up], timeout=0)
    giving_up.cancel()
    await store.commit([samples.send(2)])
    assert giving_up.cancelled()
    assert (await store.load()).sends == (samples.send(1), samples.send(2))


async def test_a_question_that_is_given_up_disturbs_nobody(store: SqlStore) -> None:
    asked = [asyncio.create_task(store.find_transaction(1)) for _ in range(3)]
    await asyncio.wait(asked, timeout=0)
    asked[0].cancel()
    asked[1].cancel()
    await store.commit([samples.session("s1", 1)])
    assert await asked[2] is None
    assert (await store.load()).sessions == (samples.session("s1", 1),)


async def test_a_process_killed_at_any_moment_loses_nothing_that_it_acknowledged(store_url: str) -> None:
    """Five lives of a process that commits as fast as it can, each killed after a random number of commits."""
    moments = random.Random(16)
    acknowledged: set[int] = set()
    for life in range(5):
        first = life * 1_000_000 + 1
        acknowledged |= await asyncio.to_thread(store_victim.live_and_die, store_url, first, moments.randrange(1, 300))
        store = await _open(store_url)
        await store_victim.check_whole(store, acknowledged)
        await store.close()


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE station SET configuration = '{'", "table station, row main: configuration: "),
        ('UPDATE charger SET statuses = \'{"1": "Burning"}\'', "table charger, row CP001: "),
        ("UPDATE charger SET boot = '{}'", "table charger, row CP001: "),
        ("UPDATE send SET state = 'lost?'", "table send, row 1: "),
        ("UPDATE send SET form = ''", "table send, row 1: form: "),
        ("UPDATE session SET driver = 'coal'", "table session, row s1: "),
        ("UPDATE session SET flags = '{}'", "table session, row s1: "),
    ],
)
async def test_a_damaged_row_refuses_the_whole_and_is_named(store: SqlStore, damage: str, said: str) -> None:
    await store.commit(
        [StationStored(samples.STATION), samples.CHARGER, samples.send(1), samples.session("s1"), samples.COUNTERS]
    )
    await store._database.run(lambda connection: connection.exec_driver_sql(damage))
    with pytest.raises(StoreError) as caught:
        await store.load()
    assert said in str(caught.value)


async def test_a_damaged_transaction_is_named_when_asked_for(store: SqlStore) -> None:
    await store.commit([samples.session("s1")])
    await store._database.run(lambda connection: connection.exec_driver_sql("UPDATE session SET tag_status = 'maybe'"))
    with pytest.raises(StoreError, match="table session, row s1: "):
        await store.find_transaction(1)


async def test_a_charger_stored_with_nothing_but_what_is_needed(store: SqlStore) -> None:
    bare = ChargerStored(ChargerId("bare"), 1, 1)
    await store.commit([bare])
    assert (await store.load()).chargers == (bare,)


async def test_what_speaks_against_a_connector_comes_back(store: SqlStore) -> None:
    closed = EvidenceStored(0, not_obeying=False, closed=Closed(TransactionId(7), 40_000, returned=True))
    judged = EvidenceStored(12_000, not_obeying=True, out_of_service=True)
    charger = ChargerStored(ChargerId("judged"), 1, 1, evidence={1: closed, 2: judged})
    await store.commit([charger])
    assert (await store.load()).chargers == (charger,)


async def test_what_operators_have_said_of_a_charger_comes_back(store: SqlStore) -> None:
    plain = Maintenance("m1", "Kabel ab", "192.0.2.1", 1_700_000_000_000)
    told = Told(CommandId("m2-3"), operative=False, state=CommandState.ACCEPTED, outcome=CommandOutcome.AWAITED)
    whole = replace(plain, until_ms=2, inoperative=True, commands=3, told=told, shut=True, ended_ms=4)
    charger = ChargerStored(ChargerId("marked"), 1, 1, maintenance={0: plain, 12: whole})
    await store.commit([charger])
    assert (await store.load()).chargers == (charger,)
    await store.commit([replace(charger, maintenance={})])
    assert (await store.load()).chargers[0].maintenance == {}


async def test_limits_of_the_grid_connection_that_were_told_come_back(store: SqlStore) -> None:
    plain = CapacityEvent("e1", 5, None, 250_500, "DSO")
    whole = CapacityEvent("e2", 5, 6, 0, "Stadtnetz „Süd“", 60, "192.0.2.1", 4)
    await store.commit([whole, plain])
    assert (await store.load()).capacity_events == (plain, whole)
    await store.commit([replace(plain, capacity_w=1), CapacityEventForgotten("e2"), CapacityEventForgotten("e3")])
    assert (await store.load()).capacity_events == (replace(plain, capacity_w=1),)


async def test_the_peak_of_the_last_month_comes_back_and_those_before_stay(store: SqlStore) -> None:
    assert (await store.load()).peak == NO_PEAK
    await store.commit([Peak("2026-12", 90_000), Peak("2027-01", 10_000), Peak("2027-01", 20_000)])
    assert (await store.load()).peak == Peak("2027-01", 20_000)
    months = select(schema.tariff_peak.c.month).order_by(schema.tariff_peak.c.month)
    found = await store._database.run(lambda connection: connection.execute(months).scalars().all())
    assert list(found) == ["2026-12", "2027-01"]


async def test_a_stop_that_comes_late_replaces_the_end_that_was_guessed(store: SqlStore) -> None:
    running = samples.session("S7", 7, ended_ms=None, meter_stop_wh=None, end_reason=None)
    guessed = replace(running, ended_ms=5_000, meter_stop_wh=None, end_reason=EndReason.ZOMBIE)
    await store.commit([running])
    await store.commit([guessed])
    found = await store.find_transaction(7)
    assert found is not None
    assert (found.ended, found.end_guessed) == (True, True)

    await store.commit([StopCorrected(running.session_id, 4_000, 12_345, "Local", ("superseded", "suspect"))])

    found = await store.find_transaction(7)
    assert found is not None
    assert (found.ended, found.end_guessed) == (True, False)
    (row,) = await _session_rows(store)
    assert (row["ended_ms"], row["meter_stop_wh"], row["end_reason"]) == (4_000, 12_345, "Local")
    assert row["flags"] == '["superseded","suspect"]'


@pytest.mark.parametrize(
    ("ended_ms", "flags", "guessed"),
    [(5_000, ("stop_guessed",), True), (None, ("stop_guessed",), False), (5_000, ("suspect",), False)],
)
async def test_an_end_by_a_stop_that_named_none_is_a_guess(
    store: SqlStore, ended_ms: int | None, flags: tuple[str, ...], *, guessed: bool
) -> None:
    reason = None if ended_ms is None else "Local"
    await store.commit([samples.session("S7", 7, ended_ms=ended_ms, end_reason=reason, flags=flags)])
    found = await store.find_transaction(7)
    assert found is not None
    assert (found.ended, found.end_guessed) == (ended_ms is not None, guessed)


@pytest.mark.parametrize(("start_wh", "kept_wh"), [(None, 1_000), (12_345, 12_345), (0, 0)])
async def test_a_true_end_may_tell_where_its_register_began(
    store: SqlStore, start_wh: int | None, kept_wh: int
) -> None:
    guessed = samples.session("S7", 7, ended_ms=5_000, end_reason=EndReason.ZOMBIE)
    await store.commit([guessed])
    await store.commit([StopCorrected(guessed.session_id, 4_000, 12_345, "Local", (), start_wh)])
    (row,) = await _session_rows(store)
    assert (row["meter_start_wh"], row["meter_stop_wh"]) == (kept_wh, 12_345)


@pytest.mark.parametrize(
    ("guessed_wh", "last_wh", "kept_wh"), [(None, None, 1_000), (None, 1_300, 1_300), (1_400, 1_300, 1_400)]
)
async def test_a_true_end_without_a_register_leaves_the_last_known_one(
    store: SqlStore, guessed_wh: int | None, last_wh: int | None, kept_wh: int
) -> None:
    guessed = samples.session(
        "S9",
        9,
        ended_ms=5_000,
        meter_start_wh=1_000,
        last_energy_wh=last_wh,
        meter_stop_wh=guessed_wh,
        end_reason=EndReason.ZOMBIE,
    )
    await store.commit([guessed])
    await store.commit([StopCorrected(guessed.session_id, 4_000, None, "Local", ())])
    (row,) = await _session_rows(store)
    assert (row["ended_ms"], row["meter_stop_wh"]) == (4_000, kept_wh)


async def _session_rows(store: SqlStore) -> list[dict[str, Any]]:
    found = await store._database.run(lambda connection: connection.execute(schema.session.select()).mappings().all())
    return [dict(row) for row in found]


async def test_a_stop_is_found_by_its_charger_time_and_register(store: SqlStore) -> None:
    ended = samples.session("S8", None, ended_ms=7_000, meter_stop_wh=60, end_reason="Local")
    await store.commit([ended])
    assert await store.find_stop(ended.charger_id, 7_000, 60)
    assert not await store.find_stop(ended.charger_id, 7_000, 61)
    assert not await store.find_stop(ended.charger_id, 7_001, 60)
    assert await store.find_stop(ended.charger_id, 7_000, None)
    assert not await store.find_stop(ended.charger_id, 7_001, None)
    assert not await store.find_stop(ChargerId("OTHER"), 7_000, 60)


# --- one transaction to look at ---------------------------------------------------------------------------------------

T_MS = 1_700_000_000_000
ONE = samples.ended("s1", 1)


def _of(n: int, at_ms: int, **changed: Any) -> Any:
    return samples.sample(at_ms, raw_json=f'{{"n":{n}}}', **changed)


async def _all(store: SqlStore, owner: SessionStored, elements_max: int) -> list[list[int]]:
    """Return the pages of a session's samples, by their numbers."""
    pages, after = [], None
    while True:
        page = await store.read_samples(owner, after, elements_max)
        pages.append([json.loads(element)["n"] for moment in page.moments for element in moment])
        if page.after is None:
            return pages
        assert after is None or page.after > after, "there is an end to it"
        after = page.after


async def test_a_transaction_can_be_looked_at(store: SqlStore) -> None:
    port: Transactions = store
    running = samples.session("s2", 2, flags=("suspect",), last_energy_wh=1_300)
    await store.commit([ONE, running, samples.session("rest", None, driver=Driver.REST)])
    assert [await port.read_transaction(n) for n in (1, 2, 3, 0, -1, 10**30)] == [ONE, running, None, None, None, None]


async def test_samples_are_read_in_the_order_of_their_time_each_moment_in_one_page(store: SqlStore) -> None:
    await store.commit(
        [
            ONE,
            _of(1, T_MS + 3_000),
            _of(2, T_MS + 1_000),
            _of(3, T_MS + 2_000),
            _of(4, T_MS + 2_000, idx=0),
            _of(5, T_MS + 2_000, session_id=SessionId("s2")),
            _of(6, T_MS + 2_000, session_id=None),
            _of(7, T_MS + 2_000, charger_id=ChargerId("CP002")),
            _of(8, T_MS + 2_000, idx=2),
        ]
    )
    assert await _all(store, ONE, 100) == [[2, 3, 4, 8, 1]]
    assert await _all(store, ONE, 4) == [[2, 3, 4, 8], [1]]
    for elements_max in (1, 2, 3):
        assert await _all(store, ONE, elements_max) == [[2], [3, 4, 8], [1]], "though it is longer than a page"


@pytest.mark.parametrize("elements_max", [1, 2, 3, 4, 100])
async def test_a_very_long_moment_is_cut_at_the_same_places_whatever_the_page(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, elements_max: int
) -> None:
    monkeypatch.setattr(reading, "MOMENT_MAX", 3)
    monkeypatch.setattr(reading, "CHARS_MAX", 40)
    long = [_of(10**30 + n, T_MS + 2_000) for n in range(2)]
    await store.commit([ONE, _of(0, T_MS), *(_of(n, T_MS + 1_000) for n in range(1, 9)), *long, _of(9, T_MS + 3_000)])
    moments, after = [], None
    while True:
        page = await store.read_samples(ONE, after, elements_max)
        moments += [[json.loads(element)["n"] for element in moment] for moment in page.moments]
        after = page.after
        if after is None:
            break
    assert moments == [[0], [1, 2, 3], [4, 5, 6], [7, 8], [10**30], [10**30 + 1], [9]]


HOUR_MS = 3_600_000
STAMPED = {
    "14 h ahead": (ONE, [(T_MS + 14 * HOUR_MS, T_MS), (T_MS + 15 * HOUR_MS, T_MS + HOUR_MS // 2)]),
    "14 h behind": (ONE, [(T_MS - 14 * HOUR_MS, T_MS), (T_MS - 13 * HOUR_MS, T_MS + HOUR_MS // 2)]),
    "years before, and of now": (ONE, [(T_MS - 50_000 * HOUR_MS, T_MS), (T_MS, T_MS), (T_MS + 1, T_MS + 1)]),
    "an hour before": (ONE, [(T_MS - HOUR_MS, T_MS + 1_000), (T_MS, T_MS)]),
    "two hours before": (ONE, [(T_MS - 2 * HOUR_MS, T_MS + 1_000), (T_MS, T_MS)]),
    "its end told 14 h behind": (
        replace(ONE, created_ms=T_MS + 9 * HOUR_MS, started_ms=T_MS + 9 * HOUR_MS, ended_ms=T_MS),
        [(T_MS + 9 * HOUR_MS, T_MS + 9 * HOUR_MS), (T_MS + 14 * HOUR_MS, T_MS + 14 * HOUR_MS)],
    ),
    "its start told 2021": (replace(ONE, started_ms=T_MS - 30_000 * HOUR_MS), [(T_MS, T_MS), (T_MS + 1, T_MS + 1)]),
    "from a queue": (
        replace(ONE, created_ms=T_MS + 99 * HOUR_MS),
        [(T_MS, T_MS + 99 * HOUR_MS), (T_MS + 1, T_MS + 99 * HOUR_MS)],
    ),
    "running, years ahead": (samples.session("s1", 1), [(T_MS, T_MS), (T_MS + 50_000 * HOUR_MS, T_MS)]),
    "running, our clock set back": (samples.session("s1", 1), [(T_MS - 9 * HOUR_MS, T_MS - 9 * HOUR_MS), (T_MS, T_MS)]),
    "at the ends of 64 bits": (ONE, [(-(2**63), 2**63 - 1), (T_MS, T_MS), (2**63 - 1, -(2**63))]),
}


@pytest.mark.parametrize("elements_max", [1, 2, 9])
@pytest.mark.parametrize("caption", STAMPED)
async def test_samples_are_found_however_their_clock_stands(store: SqlStore, caption: str, elements_max: int) -> None:
    owner, stamps = STAMPED[caption]
    owner = replace(owner, started_ms=min(owner.started_ms, stamps[0][0])) if "set back" in caption else owner
    others = [_of(90 + n, at, received_ms=came, session_id=SessionId("s2")) for n, (at, came) in enumerate(stamps)]
    mine = [_of(n, at, received_ms=came) for n, (at, came) in enumerate(stamps)]
    await store.commit([owner, *others, *mine])
    found = [n for page in await _all(store, owner, elements_max) for n in page]
    assert found == list(range(len(stamps)))


async def test_what_came_after_the_end_of_its_transaction_is_found_by_its_own_index(store: SqlStore) -> None:
    late_ms = T_MS + 1_000 * HOUR_MS
    late = {"doubt": Doubt.TRANSACTION_ENDED}
    await store.commit(
        [ONE, _of(0, T_MS), _of(1, late_ms, **late), _of(2, late_ms + 1, session_id=SessionId("s2"), **late)]
    )
    assert await _all(store, ONE, 9) == [[0, 1]]
    assert [page for page in await _all(store, ONE, 1) if page] == [[0], [1]]


async def test_who_only_looks_goes_one_at_a_time_between_the_commits(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, order, inside = store._database, [], 0
    run, read = database.run, database.read

    async def noted_run(work: Any) -> Any:
        if getattr(work, "__name__", "") == "apply":  # SQLite's questions are asked by it, too
            order.append("commit")
        return await run(work)

    async def noted_read(work: Any) -> Any:
        nonlocal inside
        inside += 1
        assert inside == 1, "one question at a time"
        order.append("look")
        answer = await read(work)
        inside -= 1
        return answer

    monkeypatch.setattr(database, "run", noted_run)
    monkeypatch.setattr(database, "read", noted_read)
    looking = [asyncio.create_task(store.read_samples(ONE, None, 1)) for _ in range(4)]
    looking += [asyncio.create_task(store.read_transaction(1)) for _ in range(4)]  # type: ignore[arg-type]
    await asyncio.wait(looking, timeout=0)
    committing = asyncio.create_task(store.commit([samples.send(1)]))
    await asyncio.gather(committing, *looking)
    assert order[:2] == ["look", "commit"]
    assert order[2:] == ["look"] * 7


async def test_one_visit_looks_at_so_many_samples_and_goes_on(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LOOKED_AT_MAX", 10)
    others = [_of(n, T_MS + n, session_id=SessionId("s2")) for n in range(100) if n % 20 != 7]
    await store.commit([ONE, *others, *(_of(n, T_MS + n) for n in range(7, 100, 20))])
    pages = await _all(store, ONE, 3)
    assert [page for page in pages if page] == [[7], [27], [47], [67], [87]]
    assert 9 <= len(pages) <= 11


async def test_a_page_holds_so_much_text_or_one_sample(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHARS_MAX", 22)
    await store.commit([ONE, *(_of(10 ** (8 * (n % 2)) + n, T_MS + n) for n in range(4)), _of(10**30, T_MS + 4)])
    assert await _all(store, ONE, 9) == [[1, 10**8 + 1], [3, 10**8 + 3], [10**30]]


# --- forgetting -------------------------------------------------------------------------------------------------------

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
CUT_MS = NOW_MS - DAY_MS
OLD_MS, YOUNG_MS, FUTURE_MS = CUT_MS - 1, CUT_MS, NOW_MS + 365 * DAY_MS


async def _prune_samples(store: SqlStore, before_ms: int = CUT_MS) -> tuple[int, int]:
    """Walk through the samples; return how many were removed, and in how many transactions."""
    removed, batches, after = 0, 0, 0
    while True:
        pruned = await store.prune_samples(after, before_ms=before_ms, now_ms=NOW_MS)
        removed, batches = removed + pruned.removed, batches + 1
        if pruned.after is None:
            return removed, batches
        after = pruned.after


async def _prune_log(store: SqlStore, before_ms: int = CUT_MS, rows_max: int | None = None) -> int:
    removed, after = 0, 0
    while True:
        pruned = await store.prune_log(after, before_ms=before_ms, now_ms=NOW_MS, rows_max=rows_max)
        removed += pruned.removed
        if pruned.after is None:
            return removed
        after = pruned.after


@pytest.mark.parametrize(
    ("received_ms", "changed", "kept"),
    [
        (OLD_MS, {"session_id": "ended", "transaction_id": 2}, False),
        (OLD_MS, {"session_id": None, "transaction_id": None}, False),
        (OLD_MS, {"session_id": None, "transaction_id": 99}, False),
        (OLD_MS, {"session_id": "running", "transaction_id": None}, True),
        (OLD_MS, {"session_id": "running", "transaction_id": 99}, True),
        (OLD_MS, {"session_id": None, "transaction_id": 1}, True),  # of the main meter: it names a transaction
        (OLD_MS, {"session_id": "rest", "transaction_id": None}, True),
        (YOUNG_MS, {"session_id": "ended", "transaction_id": 2}, True),
        (YOUNG_MS, {"session_id": None, "transaction_id": None, "at_ms": 1}, True),
        (FUTURE_MS, {"session_id": "ended", "transaction_id": 2}, True),
    ],
)
async def test_samples_of_ended_transactions_are_forgotten_when_they_are_old(
    asked: SqlStore, received_ms: int, changed: dict[str, Any], *, kept: bool
) -> None:
    """What is kept is the time of receipt: a charger's clock may stand anywhere."""
    before = await asked.load()
    await asked.commit([samples.sample(received_ms=received_ms, raw_json=SIGNED, **changed)])
    assert await _prune_samples(asked) == (0 if kept else 1, 1 if received_ms == YOUNG_MS else 2)
    assert [row["raw_json"] for row in await _rows(asked, schema.meter_sample)] == [SIGNED] * kept
    assert await asked.load() == before
    assert await asked.find_start(samples.start_key(ENDED)) == _known(ENDED, ended=True)


async def test_a_transaction_is_forgotten_only_once_it_has_ended(asked: SqlStore) -> None:
    await asked.commit([samples.sample(received_ms=OLD_MS, session_id=SessionId("running"))])
    assert (await _prune_samples(asked))[0] == 0
    await asked.commit([samples.ended("running", 1)])
    assert (await _prune_samples(asked))[0] == 1


async def test_many_old_samples_go_in_short_transactions(store: SqlStore) -> None:
    """Those that stay at the beginning, and a while in which the clock was wrong, do not hide what is behind them."""
    await store.commit([RUNNING])
    running = [samples.sample(n, received_ms=OLD_MS, session_id=SessionId("running")) for n in range(700)]
    ahead = [samples.sample(1_000 + n, received_ms=FUTURE_MS, transaction_id=9) for n in range(700)]
    gone = [samples.sample(2_000 + n, received_ms=OLD_MS, transaction_id=9) for n in range(1_200)]
    young = [samples.sample(4_000 + n, received_ms=YOUNG_MS, transaction_id=9) for n in range(2_000)]
    for part in (running, ahead, gone, young):
        await store.commit(part)
    removed, batches = await _prune_samples(store)
    assert removed == len(gone)
    assert batches == 7  # 500 rows each: 2600 rows end in the sixth, and the walk in the one that is young throughout
    kept = [row["at_ms"] for row in await _rows(store, schema.meter_sample)]
    assert kept == [row.at_ms for row in (*running, *ahead, *young)]


async def test_the_event_log_forgets_what_is_old(store: SqlStore) -> None:
    lines = [replace(samples.logged(str(n)), at_ms=OLD_MS) for n in range(1_300)]
    await store.commit([*lines, replace(samples.logged("young"), at_ms=YOUNG_MS), samples.CHARGER, samples.send(1)])
    before = await store.load()
    assert await _prune_log(store) == 1_300
    assert [row["kind"] for row in await _rows(store, schema.event_log)] == ["young"]
    assert await store.load() == before
    assert await _prune_log(store) == 0


@pytest.mark.parametrize(("rows_max", "kept"), [(None, 1_200), (1_200, 1_200), (600, 600), (1, 1)])
async def test_the_event_log_holds_no_more_than_so_many_lines(store: SqlStore, rows_max: int | None, kept: int) -> None:
    await store.commit([replace(samples.logged(str(n)), at_ms=NOW_MS) for n in range(1_200)])
    await _prune_log(store, before_ms=0, rows_max=rows_max)
    assert [row["kind"] for row in await _rows(store, schema.event_log)] == [str(n) for n in range(1_200 - kept, 1_200)]


LATER_INDEXES = {"ix_session_started", "ix_session_charger", "ix_session_id_tag"}


TERMS = ("weight", "priority", "tag_weight", "tag_priority")
"""Columns of sessions; tags have the first two."""


def _as_0005_left_it(connection: Connection) -> None:
    """Have samples known by station, time, connector and a digest of their text, and nothing of later versions."""
    for index in [each for each in schema.session.indexes if each.name in LATER_INDEXES]:
        index.drop(connection)
    for newer in (
        schema.command,
        schema.campaign,
        schema.id_tag,
        schema.audit,
        schema.local_list,
        schema.access_key,
        schema.charger_access,
        schema.capacity_event,
        schema.tariff_peak,
    ):
        newer.drop(connection)
    connection.exec_driver_sql("ALTER TABLE charger DROP COLUMN certificate_request")
    connection.exec_driver_sql("DROP INDEX ix_meter_sample_apart")
    connection.exec_driver_sql("ALTER TABLE session DROP COLUMN before_last_wh")
    for added in TERMS:
        connection.exec_driver_sql(f"ALTER TABLE session DROP COLUMN {added}")
    connection.exec_driver_sql("ALTER TABLE charger DROP COLUMN maintenance")
    connection.exec_driver_sql("ALTER TABLE charger DROP COLUMN release")
    connection.exec_driver_sql("ALTER TABLE charger DROP COLUMN cleared_foreign")
    with Operations(MigrationContext.configure(connection)).batch_alter_table("meter_sample") as table:
        table.drop_constraint("uq_meter_sample_identity", type_="unique")
        old_key = ["station_id", "at_ms", "charger_id", "idx", "digest"]
        table.create_unique_constraint("uq_meter_sample_identity", old_key)
    connection.execute(schema.meter_sample.update().values(digest=137_279_666_008_780_115))
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")


async def test_samples_of_before_the_shorter_identity_are_known_again(store_url: str) -> None:
    records: list[Record] = [samples.sample(at_ms=n % 7, idx=n, raw_json="{}") for n in range(9_000)]
    store = await _open(store_url)
    await store.commit(records)
    rows = await _rows(store, schema.meter_sample)
    await store._database.run(_as_0005_left_it)
    await store.close()
    store = await _open(store_url)
    assert await _rows(store, schema.meter_sample) == rows
    await store.commit([*records, samples.sample(at_ms=7, idx=0, raw_json="{}")])
    assert len(await _rows(store, schema.meter_sample)) == len(rows) + 1
    await store.close()


async def test_another_stations_histories_are_left_alone(store_url: str) -> None:
    second = await open_store(store_url, "second")
    assert isinstance(second, SqlStore)
    await second.commit([samples.sample(n, received_ms=OLD_MS) for n in range(600)])
    await second.commit([replace(samples.logged(), at_ms=OLD_MS)])
    await second.close()
    first = await _open(store_url)
    await first.commit([samples.sample(1, received_ms=OLD_MS), replace(samples.logged("mine"), at_ms=OLD_MS)])
    assert (await _prune_samples(first))[0] == 1
    assert await _prune_log(first) == 1
    assert {row["station_id"] for row in await _rows(first, schema.meter_sample)} == {"second"}
    assert {row["station_id"] for row in await _rows(first, schema.event_log)} == {"second"}
    await first.close()


async def test_a_closed_store_forgets_nothing(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.prune_samples(0, before_ms=CUT_MS, now_ms=NOW_MS)


# --- id tags ----------------------------------------------------------------------------------------------------------

ANNA = IdTag(
    "ANNA",
    "Anna",
    "Fleet",
    1_767_225_600_000,
    blocked=True,
    concurrent=True,
    note="Zoë, van 7",
    version=3,
    weight=7,
    priority=0,
)
BARE = IdTag("04A2", "04A2")
AUDIT = EventLogged(1, "id_tag.listed", None, None, {"id_tag": "Anna"})


async def test_id_tags_are_kept_and_removed(store: SqlStore, store_url: str) -> None:
    assert await store.load_id_tags() == ()
    await store.change_id_tags([ANNA, BARE], [], AUDIT)
    assert set(await store.load_id_tags()) == {ANNA, BARE}
    changed = replace(ANNA, blocked=False, parent=None, version=4)
    await store.change_id_tags([changed], ["04A2", "NEVER LISTED"], AUDIT)
    await store.close()
    again = await _open(store_url)
    assert await again.load_id_tags() == (changed,)
    assert [(row["kind"], row["detail"]) for row in await _rows(again, schema.event_log)] == [
        ("id_tag.listed", '{"id_tag":"Anna"}')
    ] * 2
    assert await again.load() == Snapshot(), "no part of what the core is rebuilt from"
    await again.close()


async def test_a_list_longer_than_one_statement_is_one_transaction(store: SqlStore) -> None:
    tags = [IdTag(f"T{number}", f"t{number}") for number in range(1_300)]
    await store.change_id_tags(tags, [], AUDIT)
    assert set(await store.load_id_tags()) == set(tags)
    bad = replace(AUDIT, kind=None)  # type: ignore[arg-type]  # what no database takes
    with pytest.raises((StoreError, AttributeError)):
        await store.change_id_tags([IdTag("MORE", "MORE")], [tag.id_tag for tag in tags], bad)
    assert set(await store.load_id_tags()) == set(tags), "all of it or nothing"


# --- local lists ------------------------------------------------------------------------------------------------------

BEGUN = LocalListStored(ChargerId("CP001"), ListState.SENDING, (Entry("Anna", "Fleet", 5), Entry("04A2")), "", 1, 2, 3)
FULL_LIST = replace(
    BEGUN,
    state=ListState.FAILED,
    is_on=False,
    boot="Maker X",
    held=Held(7, (Entry("Anna"),)),
    sent=Sent(8, False, (Entry("04A2", None, 9),), ("Anna",)),
    version_last=8,
    is_asked=True,
    are_limits_read=True,
    is_confirmed=True,
    fulls=1,
    silences=2,
    chunk_max=10,
    entries_max=500,
    enabled=False,
    reason="Zoë",
)


KEY = HashedKey("00" * 16, "ab" * 32, 1_800_000_000_000)


async def test_how_chargers_prove_who_they_are_is_kept_and_forgotten(store: SqlStore, store_url: str) -> None:
    first = ChargerAccess(ChargerId("CP001"), KEY, None, Profile.PASSWORD, "192.168.7.4")
    changed = ChargerAccess(ChargerId("CP001"), KEY, replace(KEY, made_ms=2), Profile.CERTIFICATE, "2001:db8::/64")
    other = ChargerAccess(ChargerId("Zoë/1"))
    assert await store.load_charger_access() == ()
    for kept in (first, other, changed):
        await store.write_charger_access(kept)
    await store.close()
    again = await _open(store_url)
    assert set(await again.load_charger_access()) == {changed, other}
    await again.forget_charger_access(ChargerId("NEVER HERE"))
    await again.forget_charger_access(changed.charger_id)
    assert await again.load_charger_access() == (other,)
    await again.close()


async def test_local_lists_are_kept_and_those_under_way_are_found(store: SqlStore, store_url: str) -> None:
    assert await store.read_local_list(BEGUN.charger_id) is None
    other = replace(FULL_LIST, charger_id=ChargerId("CP/2 é"))
    for stored in (FULL_LIST, other, BEGUN):
        await store.write_local_list(stored)
    await store.close()
    again = await _open(store_url)
    assert await again.read_local_list(BEGUN.charger_id) == BEGUN, "in the place of what was"
    assert await again.read_local_list(other.charger_id) == other
    assert await again.local_lists_under_way() == (BEGUN.charger_id,)
    assert await again.local_lists_kept() == (BEGUN.charger_id,)
    await again.write_local_list(replace(BEGUN, state=ListState.NOT_SUPPORTED))
    assert await again.local_lists_kept() == ()
    await again.write_local_list(replace(other, is_on=True))
    assert await again.local_lists_kept() == (other.charger_id,)
    assert await again.load() == Snapshot(), "no part of what the core is rebuilt from"
    await again.close()


# --- lists of transactions --------------------------------------------------------------------------------------------

LISTED = [
    samples.ended("s1", 1, started_ms=30, id_tag="ANNA"),
    samples.session("s2", 2, started_ms=20, charger_id="CP002"),
    samples.ended("s3", 3, started_ms=20, id_tag="ANNA"),
    samples.ended("s4", 4, started_ms=10, charger_id="CP002"),
    samples.ended("rest", None, started_ms=25),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (TransactionFilter(), [1, 3, 2, 4]),
        (TransactionFilter(charger_id=ChargerId("CP002")), [2, 4]),
        (TransactionFilter(id_tag="ANNA"), [1, 3]),
        (TransactionFilter(from_ms=20), [1, 3, 2]),
        (TransactionFilter(to_ms=20), [4]),
        (TransactionFilter(from_ms=20, to_ms=30), [3, 2]),
        (TransactionFilter(ended=True), [1, 3, 4]),
        (TransactionFilter(ended=False), [2]),
        (TransactionFilter(ChargerId("CP002"), ended=True), [4]),
        (TransactionFilter(id_tag="NOBODY"), []),
    ],
)
async def test_transactions_are_listed_newest_first(
    store: SqlStore, wanted: TransactionFilter, found: list[int]
) -> None:
    await store.commit(LISTED)
    assert [s.transaction_id for s in await store.read_transactions(wanted, None, 10)] == found


@pytest.mark.parametrize("wanted", [TransactionFilter(), TransactionFilter(ended=False)], ids=["all", "open"])
async def test_pages_of_transactions_follow_each_other(store: SqlStore, wanted: TransactionFilter) -> None:
    rows = [samples.session(f"s{n}", n, started_ms=n // 3) for n in range(1, 12)]
    await store.commit([*rows, samples.session("rest", None)])
    found: list[int | None] = []
    before = None
    while page := await store.read_transactions(wanted, before, 4):
        found += [s.transaction_id for s in page]
        before = TransactionPosition(page[-1].started_ms, page[-1].transaction_id or 0)
    assert found == list(range(11, 0, -1))
    assert await store.read_transactions(wanted, TransactionPosition(0, 0), 4) == ()


async def test_another_stations_transactions_are_not_listed(store_url: str) -> None:
    second = await open_store(store_url, "second")
    assert isinstance(second, SqlStore)
    await second.commit(LISTED)
    await second.close()
    first = await _open(store_url)
    assert await first.read_transactions(TransactionFilter(), None, 10) == ()
    await first.close()


# --- looking at it without owning it ----------------------------------------------------------------------------------


async def test_a_database_is_examined_while_it_is_used(store: SqlStore, store_url: str) -> None:
    await store.commit([EventLogged(7_000, "a", None, None), EventLogged(8_000, "b", None, None)])
    found = await asyncio.to_thread(examine, store_url)
    assert isinstance(found, Examined)
    assert (found.revision, found.newest_ms, found.in_use is False) == (head(), 8_000, False)


# --- keys of the REST API ---------------------------------------------------------------------------------------------

ANNAS_KEY = AccessKey("00000000000a", "anna", Role.OPERATOR, "5a" * 16, "d1" * 32, 2_000, expires_ms=9_000)
BOBS_KEY = AccessKey("00000000000b", "bob", Role.ADMIN, "5b" * 16, "d2" * 32, 1_000)


async def _beside(url: str, work: Callable[[Connection], Any], *, make: bool = True) -> Any:
    """Do work on a database from outside, as `csms keys` does."""
    return await asyncio.to_thread(lambda: beside_the_owner(url, work, make=make))


async def test_keys_come_and_go_beside_a_running_server(store: SqlStore, store_url: str) -> None:
    assert await store.load_access_keys() == ()
    for key in (ANNAS_KEY, BOBS_KEY):
        assert await _beside(store_url, partial(access_keys.add, station_id=SITE, key=key))
    assert await store.load_access_keys() == (BOBS_KEY, ANNAS_KEY)
    revoke = partial(access_keys.revoke, station_id=SITE, name="bob", now_ms=5_000)
    assert [await _beside(store_url, revoke) for _ in range(2)] == [True, False]
    assert await store.load_access_keys() == (replace(BOBS_KEY, revoked_ms=5_000), ANNAS_KEY)
    await store.commit([samples.COUNTERS])
    lines = [(row["kind"], row["at_ms"], json.loads(row["detail"])) for row in await _rows(store, schema.event_log)]
    assert lines == [
        ("access_key.created", 2_000, {"name": "anna", "role": "operator"}),
        ("access_key.created", 1_000, {"name": "bob", "role": "admin"}),
        ("access_key.revoked", 5_000, {"name": "bob"}),
    ]


async def test_a_name_is_free_again_once_its_key_was_revoked(store: SqlStore, store_url: str) -> None:
    again = replace(BOBS_KEY, key_id="00000000000c", created_ms=7_000)
    add = partial(access_keys.add, station_id=SITE)
    assert await _beside(store_url, partial(add, key=BOBS_KEY))
    assert not await _beside(store_url, partial(add, key=again))
    assert await store.load_access_keys() == (BOBS_KEY,)
    assert await _beside(store_url, partial(access_keys.revoke, station_id=SITE, name="bob", now_ms=5_000))
    assert await _beside(store_url, partial(add, key=again))
    assert await store.load_access_keys() == (replace(BOBS_KEY, revoked_ms=5_000), again)
    assert not await _beside(store_url, partial(add, key=again)), "nor is an id ever taken twice"


async def test_keys_before_there_is_a_database(store_url: str) -> None:
    load = partial(access_keys.load, station_id=SITE)
    assert isinstance(await _beside(store_url, load, make=False), NotOpened)
    assert await _beside(store_url, partial(access_keys.add, station_id=SITE, key=BOBS_KEY))
    assert await _beside(store_url, load, make=False) == (BOBS_KEY,)
    store = await _open(store_url)
    assert await store.load_access_keys() == (BOBS_KEY,)
    assert await store.load() == Snapshot()
    await store.close()


async def test_a_busy_server_and_many_keys_do_not_stand_in_each_others_way(store: SqlStore, store_url: str) -> None:
    async def commits() -> None:
        for number in range(200):
            await store.commit([samples.send(number), samples.sample(number)])

    async def keys(first: int) -> None:
        for number in range(first, first + 10):
            key = replace(BOBS_KEY, key_id=f"{number:012x}", name=f"key{number}", created_ms=number)
            assert await _beside(store_url, partial(access_keys.add, station_id=SITE, key=key)) is True

    await asyncio.gather(commits(), keys(0), keys(10))
    assert [key.created_ms for key in await store.load_access_keys()] == list(range(20))
    assert len((await store.load()).sends) == 200


async def test_keys_are_not_written_into_a_database_of_another_version(store: SqlStore, store_url: str) -> None:
    """A server of that version runs on it: nobody may bring it up to date beneath it."""
    await store._database.run(partial(_be_of_version, version="0017"))
    for make in (True, False):
        refused = await _beside(store_url, partial(access_keys.add, station_id=SITE, key=BOBS_KEY), make=make)
        assert isinstance(refused, NotOpened)
    await store._database.run(partial(_be_of_version, version=head()))
    assert await store.load_access_keys() == ()


def _be_of_version(connection: Connection, version: str) -> None:
    connection.execute(update(table("alembic_version", column("version_num"))).values(version_num=version))


async def test_a_closed_store_has_no_keys(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.load_access_keys()


async def test_acts_of_before_there_were_keys_are_of_nobodys(store_url: str) -> None:
    store = await _open(store_url)
    await store.write_audit(samples.ANSWERED_ACT)

    def as_0017_left_it(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE charger_access")
        connection.exec_driver_sql("DROP TABLE capacity_event")
        connection.exec_driver_sql("DROP TABLE tariff_peak")
        connection.exec_driver_sql("DROP TABLE access_key")
        connection.exec_driver_sql("ALTER TABLE audit DROP COLUMN key_name")
        for table_name, columns in (("session", TERMS), ("id_tag", TERMS[:2])):
            for added in columns:
                connection.exec_driver_sql(f"ALTER TABLE {table_name} DROP COLUMN {added}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0017'")

    await store._database.run(as_0017_left_it)
    await store.close()
    store = await _open(store_url)
    assert await store.read_audit(AuditFilter(), None, 9) == (replace(samples.ANSWERED_ACT, key_name=None),)
    assert await store.load_access_keys() == ()
    await store.close()
