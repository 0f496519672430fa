"""A new epoch: what has to be made of a station's records when they come back from a backup.

A backup knows nothing of what came after it: transactions that began since, limits that were sent since, what chargers
reported since. Recovery books the same as what is stored or more (LEDGER.md I7); that is enough after a crash, where
everything that left was stored before. After a restore it is not, so the records are changed before anything starts
from them:

    transaction ids   go on far behind the last one known, so that none issued since the backup is issued again
    every charger     nothing of it counts as provisioned, and none of its statuses as known: its maximum is booked
    its default       one more send is put into the ledger, of its maximum and lost: it stands for whatever was said
                      since, and goes as any lost send goes (LEDGER.md §1 b: a default that left H after the start)
    open transactions the same for the limit of each; it goes when the transaction ends, too (c)
    REST sessions     their clients may obey anything up to the maximum of their charger
    commands          one that was queued or sent then may have been carried out since: it is unknown, and never sent;
                      what was to follow from one that was accepted is awaited on, and booked meanwhile
    campaigns         one that was running is halted: whom it has asked since is not known
    local lists       nobody knows what chargers hold (`csms.store.local_lists`): each is asked, and sent its list anew
    releases          one that was under way has ended: the charger stays left alone, and is to be released again
    `control: auto`   a charger that had never connected may have since: it counts as one that has, unless its
                      sessions were driven over REST

How far is far? Ids may have been issued in this life and, when the same backup is restored twice, in the life that
began with the first restore. Both last no longer than the time since the backup was made; so the distance grows with
that time, faster than any station begins transactions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from csms.core.commands import LimitForm, Purpose, RateUnit
from csms.core.ids import ChargerId, Token, TransactionId
from csms.core.ladder import OUR_LEVEL
from csms.core.records import (
    CampaignState,
    CampaignStored,
    ChargerStored,
    CommandState,
    CommandStored,
    CountersStored,
    Driver,
    EventLogged,
    Record,
    SendState,
    SendStored,
    SessionStored,
    Snapshot,
)
from csms.core.release import Release, ReleaseState, StepState
from csms.core.station import Charger, Control

GAP = 1_000_000
"""So many transaction ids are left out at least."""

GAP_PER_S = 10
"""And so many more for each second since the backup was made: no station begins ten transactions a second for long."""

LAST_ID = 2**31 - 1
"""Chargers keep transaction ids in 32 bits."""

KIND = "store.restored"


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """What to write over restored records, and what the operator should know of it."""

    records: tuple[Record, ...]
    next_transaction_id: int
    booked: tuple[ChargerId, ...]
    """Chargers that had never connected when the backup was made, and are booked nevertheless."""


def new_epoch(snapshot: Snapshot, rest_driven: frozenset[ChargerId], made_ms: int, now_ms: int) -> NewEpoch | str:
    """Return the records that make a restored store safe to start from, or one sentence that says why there are none.

    Args:
        snapshot: what the restored store holds.
        rest_driven: chargers that ever had a session driven over REST.
        made_ms: when the backup was made, UTC.
        now_ms: the present, UTC.
    """
    if now_ms < made_ms:
        return "the clock of this machine stands before the time at which the backup was made: set it first"
    known = snapshot.counters
    next_id = known.next_transaction_id + GAP + -(-(now_ms - made_ms) // 1_000) * GAP_PER_S
    if next_id > LAST_ID - GAP:
        return "transaction ids beyond those that may have been issued since the backup are more than chargers can keep"
    chargers = list(_chargers(snapshot, rest_driven))
    sessions = [session for session in snapshot.sessions if session.driver is Driver.OCPP]
    sends = list(_sends(known.next_token, chargers, sessions, now_ms))
    records: list[Record] = [
        replace(row, provisioned=_none(row), statuses={}, release=_halted(row.release, now_ms)) for _, row in chargers
    ]
    records += sends
    records += _rest_sessions(snapshot, {row.charger_id: row for _, row in chargers})
    records += _commands(snapshot)
    records += _campaigns(snapshot)
    records.append(CountersStored(TransactionId(next_id), Token(known.next_token + len(sends)), known.next_rank))
    records.append(
        EventLogged(now_ms, KIND, None, None, {"backup_made_ms": made_ms, "next_transaction_id": str(next_id)})
    )
    before = {row.charger_id for row in snapshot.chargers if row.ever_connected}
    booked = tuple(row.charger_id for _, row in chargers if row.ever_connected and row.charger_id not in before)
    return NewEpoch(tuple(records), next_id, booked)


def _chargers(snapshot: Snapshot, rest_driven: frozenset[ChargerId]) -> Iterator[tuple[Charger, ChargerStored]]:
    """Yield every charger that may be drawing power, as it was configured, and its row."""
    rows = {row.charger_id: row for row in snapshot.chargers}
    configured = () if snapshot.station is None else snapshot.station.chargers
    for config in configured:
        row = rows.pop(config.charger_id, None)
        if row is None:
            row = ChargerStored(config.charger_id, config.max_power_w, config.uncontrolled_power_w)
        if config.control is Control.AUTO and config.charger_id not in rest_driven:
            row = replace(row, ever_connected=True)
        yield config, row
    for row in rows.values():
        if row.draining is not None:
            yield row.draining, row


def _none(row: ChargerStored) -> tuple[bool, ...]:
    return (False,) * len(row.provisioned)


def _halted(release: Release | None, now_ms: int) -> Release | None:
    """Return a release that may have gone on since, ended: nothing more is undone without an operator."""
    if release is None or not release.is_under_way:
        return release
    why = "the store was restored from a backup; release the charger again"
    steps = tuple(
        replace(step, state=StepState.NOT_UNDONE, detail=why) if step.state is StepState.OPEN else step
        for step in release.steps
    )
    return replace(release, steps=steps, state=ReleaseState.INCOMPLETE, ended_ms=now_ms)


def _sends(
    first: Token, chargers: list[tuple[Charger, ChargerStored]], sessions: list[SessionStored], now_ms: int
) -> Iterator[SendStored]:
    """Yield a lost send of the maximum for each place at which something may have been said since."""
    token = first
    for config, row in chargers:
        if config.control not in {Control.AUTO, Control.OCPP} or not (
            row.ever_connected or config.control is Control.OCPP
        ):
            continue
        form = LimitForm(RateUnit.W, config.phases or 3, config.voltage_v, stack_level=OUR_LEVEL)
        limit_w = max(row.max_booked_w, config.max_power_w)
        running = [s for s in sessions if s.charger_id == row.charger_id and s.transaction_id is not None]
        places = [(0, Purpose.DEFAULT, None), *((s.idx, Purpose.TX, s.transaction_id) for s in running)]
        for idx, purpose, transaction_id in places:
            yield SendStored(token, row.charger_id, idx, purpose, limit_w, form, transaction_id, SendState.LOST, now_ms)
            token = Token(token + 1)


def _rest_sessions(snapshot: Snapshot, rows: dict[ChargerId, ChargerStored]) -> Iterator[SessionStored]:
    """Yield the sessions driven over REST, whose clients may have been answered anything since."""
    for session in snapshot.sessions:
        row = rows.get(session.charger_id)
        if session.driver is Driver.REST and row is not None:
            yield replace(session, obeyed_w=max(session.obeyed_w, row.max_booked_w))


def _commands(snapshot: Snapshot) -> Iterator[CommandStored]:
    """Yield the operators' commands that may have left since; recovery ends them (`csms.core.commanding`)."""
    for command in snapshot.commands:
        if command.state in {CommandState.QUEUED, CommandState.SENT}:
            yield replace(command, state=CommandState.UNKNOWN)


def _campaigns(snapshot: Snapshot) -> Iterator[CampaignStored]:
    """Yield the campaigns that may have gone on since, halted: nobody is asked again without an operator."""
    why = "the store was restored from a backup: whom it has asked since is not known"
    for campaign in snapshot.campaigns:
        if campaign.state is CampaignState.RUNNING:
            yield replace(campaign, state=CampaignState.HALTED, halted_why=why)
