"""The store that the program uses: the `Store` port on a database of ours."""

import asyncio
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, insert, select

from csms.core.access import AccessKey
from csms.core.audit import AuditEntry
from csms.core.charger_access import ChargerAccess
from csms.core.events import KnownTransaction, StartKey
from csms.core.id_tags import IdTag
from csms.core.ids import CampaignId, ChargerId, CommandId, SessionId
from csms.core.local_list import LocalListStored
from csms.core.records import CampaignStored, CommandState, CommandStored, EventLogged, Record, SessionStored, Snapshot
from csms.ports import (
    AuditFilter,
    AuditPosition,
    CampaignPosition,
    CommandPosition,
    Pruned,
    SamplePosition,
    SamplesPage,
    StoreError,
    TransactionFilter,
    TransactionPosition,
)
from csms.postgres_url import FORM, is_postgres, parse
from csms.store import (
    access_keys,
    audit,
    campaigns,
    charger_access,
    history,
    id_tags,
    ledger,
    loading,
    local_lists,
    reading,
    retention,
    transaction_lists,
)
from csms.store.changes import Changes
from csms.store.database import Database, NotOpened
from csms.store.schema import station
from csms.store.sqlite import open_sqlite
from csms.store.writer import Writer

SITE = "main"
"""The store's own key of its one station (`csms.store.schema` says why it is not the operator's `stationId`)."""

SCHEME = "sqlite:///"

DRIVER = "asyncpg"
"""PostgreSQL's driver, which comes with the extra `postgres`."""

T = TypeVar("T")


class SqlStore:
    """One station's memory in a database; `csms.ports` says what each method promises.

    Each raises StoreError when the database refuses, when a row is damaged, and after `close`.
    """

    def __init__(self, database: Database, station_id: str) -> None:
        self._database = database
        self._station_id = station_id
        self._writer = Writer(station_id, self._write)
        self._looking = asyncio.Lock()
        self._closed = False

    async def load(self) -> Snapshot:
        """Return what is durable now; `Snapshot()` for a fresh store."""
        return await self._read(lambda connection: loading.load(connection, self._station_id))

    async def commit(self, records: Sequence[Record]) -> None:
        """Apply `records` in order in one durable transaction, shared with those that queue beside them."""
        await self._writer.commit(Changes(self._station_id, records))

    async def find_start(self, key: StartKey) -> KnownTransaction | None:
        """Return the transaction that this very StartTransaction once opened, ended or not (LEDGER.md I6)."""
        return await self._read(lambda connection: history.find_start(connection, self._station_id, key))

    async def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        """Return a transaction by OCPP's id, ended or not; any integer may be asked for."""
        return await self._read(
            lambda connection: history.find_transaction(connection, self._station_id, transaction_id)
        )

    async def find_stop(self, charger_id: ChargerId, stopped_ms: int, meter_stop_wh: int | None) -> bool:
        """Return whether a transaction of that charger ended at that very time with that register, None any."""
        return await self._read(
            lambda connection: history.find_stop(connection, self._station_id, charger_id, stopped_ms, meter_stop_wh)
        )

    async def find_session(self, session_id: SessionId) -> bool:
        """Return whether a session of that id ever existed."""
        return await self._read(lambda connection: history.find_session(connection, self._station_id, session_id))

    async def read_transaction(self, transaction_id: int) -> SessionStored | None:
        """Return the session of a transaction by OCPP's id, running or ended; any integer may be asked for."""
        return await self._look(
            lambda connection: reading.read_transaction(connection, self._station_id, transaction_id)
        )

    async def read_transactions(
        self, wanted: TransactionFilter, before: TransactionPosition | None, transactions_max: int
    ) -> tuple[SessionStored, ...]:
        """Return the transactions that are wanted, the newest first, before a place among them."""
        return await self._read(
            lambda connection: transaction_lists.read_transactions(
                connection, self._station_id, wanted, before, transactions_max
            )
        )

    async def read_samples(
        self, session: SessionStored, after: SamplePosition | None, elements_max: int
    ) -> SamplesPage:
        """Return the next samples of a session, of those that one short visit can look at."""
        return await self._look(
            lambda connection: reading.read_samples(connection, self._station_id, session, after, elements_max)
        )

    async def read_command(self, command_id: CommandId) -> CommandStored | None:
        """Return an operator's command, or None when there never was one of that id."""
        return await self._read(lambda connection: ledger.read_command(connection, self._station_id, command_id))

    async def read_commands(
        self,
        charger_id: ChargerId | None,
        state: CommandState | None,
        before: CommandPosition | None,
        commands_max: int,
    ) -> tuple[CommandStored, ...]:
        """Return operators' commands, newest first, before a place among them."""
        return await self._read(
            lambda connection: ledger.read_commands(
                connection, self._station_id, charger_id, state, before, commands_max
            )
        )

    async def read_reservations(self, charger_id: ChargerId | None) -> tuple[CommandStored, ...]:
        """Return the commands whose reservations chargers keep, oldest first."""
        return await self._read(lambda connection: ledger.read_reservations(connection, self._station_id, charger_id))

    async def read_campaign(self, campaign_id: CampaignId) -> CampaignStored | None:
        """Return a firmware campaign, or None when there never was one of that id."""
        return await self._read(lambda connection: campaigns.read_campaign(connection, self._station_id, campaign_id))

    async def read_campaigns(self, before: CampaignPosition | None, campaigns_max: int) -> tuple[CampaignStored, ...]:
        """Return firmware campaigns, newest first, before a place among them."""
        return await self._read(
            lambda connection: campaigns.read_campaigns(connection, self._station_id, before, campaigns_max)
        )

    async def load_id_tags(self) -> tuple[IdTag, ...]:
        """Return every listed tag, in no order."""
        return await self._read(lambda connection: id_tags.load(connection, self._station_id))

    async def change_id_tags(self, listed: Sequence[IdTag], removed: Sequence[str], audit: EventLogged) -> None:
        """List, change and remove tags in one transaction, which takes its turn with the commits."""
        await self._change(lambda connection: id_tags.change(connection, self._station_id, listed, removed, audit))

    async def read_local_list(self, charger_id: ChargerId) -> LocalListStored | None:
        """Return the local authorization list of a charger, or None when none was ever asked for."""
        return await self._read(lambda connection: local_lists.read(connection, self._station_id, charger_id))

    async def local_lists_under_way(self) -> tuple[ChargerId, ...]:
        """Return the chargers whose local authorization lists are being sent."""
        return await self._read(lambda connection: local_lists.under_way(connection, self._station_id))

    async def local_lists_kept(self) -> tuple[ChargerId, ...]:
        """Return the chargers whose local authorization lists are kept."""
        return await self._read(lambda connection: local_lists.kept(connection, self._station_id))

    async def write_local_list(self, stored: LocalListStored) -> None:
        """Write a local authorization list, in a transaction that takes its turn with the commits."""
        await self._change(lambda connection: local_lists.write(connection, self._station_id, stored))

    async def load_charger_access(self) -> tuple[ChargerAccess, ...]:
        """Return how chargers prove who they are, in no order."""
        return await self._read(lambda connection: charger_access.load(connection, self._station_id))

    async def write_charger_access(self, kept: ChargerAccess) -> None:
        """Write how a charger proves who it is, in a transaction that takes its turn with the commits."""
        await self._change(lambda connection: charger_access.write(connection, self._station_id, kept))

    async def forget_charger_access(self, charger_id: ChargerId) -> None:
        """Keep nothing of how a charger proves who it is, likewise."""
        await self._change(lambda connection: charger_access.forget(connection, self._station_id, charger_id))

    async def prune_samples(self, after: int, *, before_ms: int, now_ms: int) -> Pruned:
        """Remove a batch of old meter samples, in a transaction that takes its turn with the commits."""
        return await self._change(
            lambda connection: retention.prune_samples(
                connection, self._station_id, after, before_ms=before_ms, now_ms=now_ms
            )
        )

    async def prune_log(self, after: int, *, before_ms: int, now_ms: int, rows_max: int | None) -> Pruned:
        """Remove a batch of old lines of the event log, likewise."""
        return await self._change(
            lambda connection: retention.prune_log(
                connection, self._station_id, after, before_ms=before_ms, now_ms=now_ms, rows_max=rows_max
            )
        )

    async def prune_audit(self, after: int, *, before_ms: int, now_ms: int, rows_max: int | None) -> Pruned:
        """Remove a batch of old acts, likewise."""
        return await self._change(
            lambda connection: retention.prune_audit(
                connection, self._station_id, after, before_ms=before_ms, now_ms=now_ms, rows_max=rows_max
            )
        )

    async def newest_audit_id(self) -> int:
        """Return the highest id of an act over REST, 0 when there is none."""
        return await self._read(lambda connection: audit.newest_audit_id(connection, self._station_id))

    async def write_audit(self, entry: AuditEntry) -> None:
        """Write an act over REST, in a transaction shared with the records that queue beside it."""
        changes = Changes(self._station_id)
        changes.audit(entry)
        await self._writer.commit(changes)

    async def read_audit(
        self, wanted: AuditFilter, before: AuditPosition | None, entries_max: int
    ) -> tuple[AuditEntry, ...]:
        """Return acts over REST, newest first, before a place among them."""
        return await self._read(
            lambda connection: audit.read_audit(connection, self._station_id, wanted, before, entries_max)
        )

    async def load_access_keys(self) -> tuple[AccessKey, ...]:
        """Return every key of the REST API, the oldest first."""
        return await self._read(lambda connection: access_keys.load(connection, self._station_id))

    async def close(self) -> None:
        """Finish queued commits and let go of the database; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._writer.close()
        finally:
            await self._database.close()

    async def _read(self, question: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        return await self._database.read(question)

    async def _look(self, question: Callable[[Connection], T]) -> T:
        """Ask for somebody who only wants to look: one such question at a time, so that a commit waits for one."""
        async with self._looking:
            return await self._read(question)

    async def _change(self, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        return await self._database.run(work)

    async def _write(self, changes: Changes) -> None:
        await self._database.run(changes.apply)


async def open_store(url: str, station_id: str = SITE) -> SqlStore | NotOpened:
    """Open the database of that URL for this process alone, creating or migrating it first.

    Args:
        url: `sqlite:///PATH`, the path relative to the working folder, or absolute with a fourth slash; or
            `postgresql://USER:PASSWORD@HOST:PORT/NAME` (`csms.postgres_url`).
        station_id: the store's key of the station.
    """
    opened = await (_open_postgres(url, station_id) if is_postgres(url) else _open_sqlite(url))
    if isinstance(opened, NotOpened):
        return opened
    database, name = opened
    try:
        await database.run(lambda connection: settle_in(connection, station_id))
    except StoreError as fault:
        await database.close()
        return NotOpened(f"{name}: {fault}")
    return SqlStore(database, station_id)


async def _open_sqlite(url: str) -> tuple[Database, str] | NotOpened:
    path = path_in(url)
    if isinstance(path, NotOpened):
        return path
    database = await open_sqlite(path)
    return database if isinstance(database, NotOpened) else (database, str(path))


async def _open_postgres(url: str, station_id: str) -> tuple[Database, str] | NotOpened:
    parts = parse(url)
    if isinstance(parts, str):
        return NotOpened(parts)
    if find_spec(DRIVER) is None:
        return NotOpened(f"PostgreSQL needs the package {DRIVER}, which is not installed: pip install {DRIVER}")
    from csms.store.postgres import open_postgres  # noqa: PLC0415 - its driver is an extra

    database = await open_postgres(parts, station_id)
    return database if isinstance(database, NotOpened) else (database, parts.shown)


def path_in(url: str) -> Path | NotOpened:
    """Return the path; an answer never repeats the URL, which may hold a password."""
    if not url.startswith(SCHEME):
        scheme, found, _ = url.partition(":")
        unknown = f"unknown kind of database {scheme!r}" if found and scheme != "sqlite" else "this is no database URL"
        return NotOpened(f"{unknown}: write {SCHEME}PATH or {FORM}")
    path = url.removeprefix(SCHEME)
    if not path:
        return NotOpened(f"{SCHEME} names no file: write {SCHEME}PATH")
    if path == ":memory:":
        return NotOpened("a database in memory forgets everything: name a file")
    return Path(path)


def settle_in(connection: Connection, station_id: str) -> None:
    """Write the station's own row, which every other row refers to, into a fresh store."""
    if connection.scalar(select(station.c.station_id).where(station.c.station_id == station_id)) is None:
        connection.execute(insert(station).values(station_id=station_id))
