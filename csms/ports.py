"""The few things that the runtime needs from the world.

Twelve protocols; each adapter is chosen in `csms.main` and nowhere else. The in-memory twins used by the simulation
implement the same ones.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from csms.core.access import AccessKey
from csms.core.audit import AuditEntry
from csms.core.charger_access import ChargerAccess
from csms.core.commands import Command, SetBattery
from csms.core.events import KnownTransaction, StartKey
from csms.core.id_tags import IdTag
from csms.core.ids import CampaignId, ChargerId, CommandId, Now, SessionId
from csms.core.local_list import LocalListStored
from csms.core.records import CampaignStored, CommandState, CommandStored, EventLogged, Record, SessionStored, Snapshot


class Store(Protocol):
    """The station's memory. One writer; what `commit` returned from is durable."""

    async def load(self) -> Snapshot:
        """Return what is durable now; `Snapshot()` for a fresh store."""
        ...

    async def commit(self, records: Sequence[Record]) -> None:
        """Apply `records` in order in one durable transaction; raise `StoreError` and change nothing otherwise.

        Callers may overlap calls: they are applied in the order of the calls, and those that queue behind a running
        commit share the next one (group commit).
        """
        ...

    async def find_start(self, key: StartKey) -> KnownTransaction | None:
        """Return the transaction that this very StartTransaction once opened, ended or not."""
        ...

    async def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        """Return a transaction by OCPP's id, ended or not; any 64-bit integer may be asked for."""
        ...

    async def find_stop(self, charger_id: ChargerId, stopped_ms: int, meter_stop_wh: int | None) -> bool:
        """Return whether a transaction of that charger ended at that very time with that register, None any."""
        ...

    async def find_session(self, session_id: SessionId) -> bool:
        """Return whether a session of that id ever existed."""
        ...

    async def close(self) -> None:
        """Finish queued commits and let go of the database."""
        ...


class SamplePosition(NamedTuple):
    """A place among a session's samples: behind a time, UTC ms, and of that time behind one of its rows."""

    at_ms: int
    sample_id: int


class SamplesPage(NamedTuple):
    """Samples as they came, in the order of their time, then of their arrival; those of one moment together.

    `after`: where to go on, also when this page is empty; None: nothing is left.
    """

    moments: tuple[tuple[str, ...], ...]
    after: SamplePosition | None


class TransactionFilter(NamedTuple):
    """Which transactions are wanted: all that nothing here speaks against.

    `id_tag`: upper-cased; `from_ms`, `to_ms`: began then or later, and before then, UTC; `ended`: whether they have.
    """

    charger_id: ChargerId | None = None
    id_tag: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    ended: bool | None = None


class TransactionPosition(NamedTuple):
    """A place among transactions: when one began, UTC ms, and its id."""

    started_ms: int
    transaction_id: int


class Transactions(Protocol):
    """The transactions of a store, to look at; one call is one short transaction. All raise `StoreError`."""

    async def read_transactions(
        self, wanted: TransactionFilter, before: TransactionPosition | None, transactions_max: int
    ) -> tuple[SessionStored, ...]:
        """Return the transactions that are wanted, the newest first, before a place among them."""
        ...

    async def read_transaction(self, transaction_id: int) -> SessionStored | None:
        """Return the session of a transaction by OCPP's id, running or ended; any integer may be asked for."""
        ...

    async def read_samples(
        self, session: SessionStored, after: SamplePosition | None, elements_max: int
    ) -> SamplesPage:
        """Return the next samples of a session, `elements_max` at most but for one moment that alone is more.

        A moment comes whole, or cut at places that do not depend on `elements_max`.
        """
        ...


class CommandPosition(NamedTuple):
    """A place among commands: when one was asked for, UTC ms, and its id."""

    asked_ms: int
    command_id: str


class CommandLedger(Protocol):
    """Operators' commands of a store, to look at; one call is one short transaction. All raise `StoreError`."""

    async def read_command(self, command_id: CommandId) -> CommandStored | None:
        """Return a command, or None when there never was one of that id."""
        ...

    async def read_commands(
        self,
        charger_id: ChargerId | None,
        state: CommandState | None,
        before: CommandPosition | None,
        commands_max: int,
    ) -> tuple[CommandStored, ...]:
        """Return commands of a charger (None: of all) in a state (None: in any), newest first, before a place."""
        ...

    async def read_reservations(self, charger_id: ChargerId | None) -> tuple[CommandStored, ...]:
        """Return the commands whose reservations a charger (None: any) keeps, oldest first."""
        ...


class CampaignPosition(NamedTuple):
    """A place among campaigns: when one was asked for, UTC ms, and its id."""

    asked_ms: int
    campaign_id: str


class CampaignLedger(Protocol):
    """Firmware campaigns of a store, to look at; one call is one short transaction. Both raise `StoreError`."""

    async def read_campaign(self, campaign_id: CampaignId) -> CampaignStored | None:
        """Return a campaign, or None when there never was one of that id."""
        ...

    async def read_campaigns(self, before: CampaignPosition | None, campaigns_max: int) -> tuple[CampaignStored, ...]:
        """Return campaigns, the newest first, before a place among them."""
        ...


class AuditFilter(NamedTuple):
    """Which acts are wanted: all that nothing here speaks against.

    `from_ms`, `to_ms`: asked for then or later, and before then, UTC.
    """

    charger_id: ChargerId | None = None
    operation: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None


class AuditPosition(NamedTuple):
    """A place among acts: when one was asked for, UTC ms, and its id."""

    asked_ms: int
    audit_id: int


class AuditLedger(Protocol):
    """What was asked for over REST; one call is one short transaction. All raise `StoreError`."""

    async def newest_audit_id(self) -> int:
        """Return the highest id of an act, 0 when there is none."""
        ...

    async def write_audit(self, entry: AuditEntry) -> None:
        """Write an act, or put it in the place of that of the same id, durably."""
        ...

    async def read_audit(
        self, wanted: AuditFilter, before: AuditPosition | None, entries_max: int
    ) -> tuple[AuditEntry, ...]:
        """Return the acts that are wanted, the newest first, before a place among them."""
        ...


class Pruned(NamedTuple):
    """What one batch of forgetting did: rows removed, and the row behind which to go on; None: nothing is left."""

    removed: int
    after: int | None


class Histories(Protocol):
    """The histories of a store, which are never read to recover; one call is one short transaction.

    Rows are looked at in the order in which they were written, a batch from the row behind `after` on (0: the oldest).
    All raise `StoreError`.
    """

    async def prune_samples(self, after: int, *, before_ms: int, now_ms: int) -> Pruned:
        """Remove meter samples received before a time, UTC ms; those of open transactions stay."""
        ...

    async def prune_log(self, after: int, *, before_ms: int, now_ms: int, rows_max: int | None) -> Pruned:
        """Remove lines of the event log written before a time, and all but the newest `rows_max` (None: any number)."""
        ...

    async def prune_audit(self, after: int, *, before_ms: int, now_ms: int, rows_max: int | None) -> Pruned:
        """Remove acts asked for before a time, and all but the newest `rows_max` (None: any number)."""
        ...


class TagMemory(Protocol):
    """The listed id tags of a store; they are no part of `Snapshot`, since no power depends on them.

    One call is one transaction. Both raise `StoreError`.
    """

    async def load_id_tags(self) -> tuple[IdTag, ...]:
        """Return every listed tag, in no order."""
        ...

    async def change_id_tags(self, listed: Sequence[IdTag], removed: Sequence[str], audit: EventLogged) -> None:
        """List tags, or change them, remove those of the keys `removed`, and log that; all of it or nothing."""
        ...


class ListMemory(Protocol):
    """The local authorization lists of a store; they are no part of `Snapshot`, since no power depends on them.

    One call is one transaction. All raise `StoreError`.
    """

    async def read_local_list(self, charger_id: ChargerId) -> LocalListStored | None:
        """Return the list of a charger, or None when none was ever asked for."""
        ...

    async def local_lists_under_way(self) -> tuple[ChargerId, ...]:
        """Return the chargers whose lists are being sent."""
        ...

    async def local_lists_kept(self) -> tuple[ChargerId, ...]:
        """Return the chargers whose lists are kept: asked for, not taken away, and not said to be impossible."""
        ...

    async def write_local_list(self, stored: LocalListStored) -> None:
        """Write a list, or put it in the place of what was, durably."""
        ...

    async def read_command(self, command_id: CommandId) -> CommandStored | None:
        """Return the command of one of its messages, or None when there never was one of that id."""
        ...


class KeyMemory(Protocol):
    """The keys of the REST API; they are no part of `Snapshot`, and others write them while this process runs."""

    async def load_access_keys(self) -> tuple[AccessKey, ...]:
        """Return every key as it is durable now, revoked ones too; raise `StoreError`."""
        ...


class ChargerAccessMemory(Protocol):
    """How chargers prove who they are, in a store; no part of `Snapshot`, since no power depends on it.

    One call is one transaction. All raise `StoreError`.
    """

    async def load_charger_access(self) -> tuple[ChargerAccess, ...]:
        """Return what is kept of every charger, in no order."""
        ...

    async def write_charger_access(self, kept: ChargerAccess) -> None:
        """Write what is kept of a charger, or put it in the place of what was, durably."""
        ...

    async def forget_charger_access(self, charger_id: ChargerId) -> None:
        """Keep nothing of a charger any more, durably."""
        ...


class StoreError(Exception):
    """The store could not make records durable (disk full, read-only, …); nothing was applied."""


class StoreUnreachableError(StoreError):
    """The store does not answer for now and may again later.

    Whether the commit that met it was applied is not known until `load` answers: it is then, and does not change.
    """


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> Now:
        """Return the present instant: monotonic and wall time."""
        ...


class BatteryLink(Protocol):
    """The way out to the battery."""

    def send(self, set_point: SetBattery) -> None:
        """Have it follow `set_point` from now on; how it does comes back as facts. Never blocks, never raises."""
        ...


class ChargerLinks(Protocol):
    """The way out to chargers."""

    def send(self, command: Command) -> None:
        """Queue a command on its connection; its fate comes back as facts. Never blocks, never raises."""
        ...
