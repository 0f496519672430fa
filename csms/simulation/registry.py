"""The oracle of transactions (LEDGER.md I6): one id for each start, for ever; none lost, none doubled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from csms.core.events import Fact, StartKey, TransactionStarted, TransactionStopped
from csms.core.ids import RequestId, SessionId, TransactionId
from csms.core.records import EndReason, Record, SessionStored
from csms.core.replies import Reply
from csms.simulation.charger import ChargerModel
from csms.simulation.store import Store
from csms.simulation.trace import demand

INT32 = 2**31
GUESSED = {EndReason.ZOMBIE, EndReason.SUPERSEDED}
"""Ends that were concluded, not reported: a later stop cannot change their meter value for certain."""


@dataclass(slots=True)
class Registry:
    """What was promised to chargers, and what the records say of it."""

    ids: dict[StartKey, TransactionId] = field(default_factory=dict)
    _keys: dict[TransactionId, StartKey] = field(default_factory=dict)
    _answered: set[RequestId] = field(default_factory=set)
    _ended: set[SessionId] = field(default_factory=set)
    _seen: set[SessionId] = field(default_factory=set)
    _owners: dict[TransactionId, SessionId] = field(default_factory=dict)

    def recovered(self, store: Store) -> None:
        """Start again from what is durable."""
        self._seen = set(store.sessions)
        self._ended = {row.session_id for row in store.sessions.values() if row.ended_ms is not None}
        self._owners = {row.transaction_id: row.session_id for row in store.sessions.values() if row.transaction_id}

    def known(self) -> set[SessionId]:
        """Return every session that was recorded so far."""
        return set(self._seen)

    def replied(self, reply: Reply) -> None:
        """Judge one reply as it leaves: nobody is answered twice."""
        demand(reply.request not in self._answered, "I6: request {} answered twice", reply.request)
        self._answered.add(reply.request)

    def start_confirmed(self, key: StartKey, transaction_id: int) -> None:
        """Judge the id that a charger was given."""
        given = self.ids.setdefault(key, TransactionId(transaction_id))
        demand(given == transaction_id, "I6: {} got {} and {}", key, given, transaction_id)
        demand(0 < given < INT32, "I6: transaction id {} is not a positive int32", given)
        owner = self._keys.setdefault(given, key)
        demand(owner == key, "I6: id {} given to {} and {}", given, key, owner)

    def stepped(self, facts: Sequence[Fact], records: Iterable[Record]) -> None:
        """Judge the session rows of one step."""
        rows = [record for record in records if isinstance(record, SessionStored)]
        for row in rows:
            self._row(row)
        ended = {row.transaction_id: row for row in rows if row.ended_ms is not None}
        for fact in facts:
            if isinstance(fact, TransactionStopped):
                self._foreign(fact, ended.get(TransactionId(fact.transaction_id)), facts)

    def finished(self, store: Store, chargers: Iterable[ChargerModel]) -> None:
        """Judge the end of a run: every confirmed start and stop has its row."""
        for key, transaction_id in self.ids.items():
            known = store.find_start(key)
            found = None if known is None else known.transaction_id
            demand(found == transaction_id, "I6: {} was given {}, the store says {}", key, transaction_id, found)
        for stop in (stop for charger in chargers for stop in charger.post.completed):
            if stop.transaction.is_foreign:
                continue
            rows = [row for row in store.sessions.values() if row.transaction_id == stop.transaction.transaction_id]
            demand(len(rows) == 1, "I6: {} has the rows {}", stop, rows)
            demand(rows[0].ended_ms is not None, "I6: {} was confirmed, {} runs", stop, rows[0])
            guessed = rows[0].end_reason in GUESSED
            demand(guessed or rows[0].meter_stop_wh == stop.meter_stop_wh, "I6: {} is recorded as {}", stop, rows[0])

    def _row(self, row: SessionStored) -> None:
        self._seen.add(row.session_id)
        reopened = row.session_id in self._ended and row.ended_ms is None
        demand(not reopened, "I6: session {} ended and runs again", row.session_id)
        if row.ended_ms is not None:
            self._ended.add(row.session_id)
        if row.transaction_id is not None:
            owner = self._owners.setdefault(row.transaction_id, row.session_id)
            demand(
                owner == row.session_id, "I6: transaction {} in {} and {}", row.transaction_id, owner, row.session_id
            )

    def _foreign(self, fact: TransactionStopped, row: SessionStored | None, facts: Sequence[Fact]) -> None:
        """Judge a stop that names another charger's transaction: it may not end it."""
        if row is None or row.charger_id == fact.charger_id or row.end_reason == EndReason.ZOMBIE:
            return
        own = any(
            (isinstance(each, TransactionStopped) and each.charger_id == row.charger_id)
            or (isinstance(each, TransactionStarted) and each.key.charger_id == row.charger_id)
            for each in facts
        )
        demand(own, "I6: a stop from {} ended {} of {}", fact.charger_id, row.session_id, row.charger_id)
