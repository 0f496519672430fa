"""The ledger of sends: what may be in force at a charger (LEDGER.md §1).

Theory of operation. A *send* is one limit given to a charger. From the step that decides it until one of four pieces
of evidence arrives it counts as possibly in force, whatever was answered:

    (a) `unsent`: none of its bytes was handed to the socket;
    (b) a later send of the same purpose is settled, and this one was answered before that one left, or that one left
        at least H after this one was lost (timed out, or its connection ended); one at a higher stack level prevails
        over later ones (§3.13.2): it goes only when its level was cleared, too;
    (c) `tx` only: its transaction ended, and this one was answered or H has passed since it was lost; at a charger
        that keeps its TxProfiles also only when they have been cleared (`csms.core.aftermath`);
    (d) `tx` only: ClearChargingProfile(connector, TxProfile) left when this one was answered, or H after it was lost,
        and was answered Accepted or Unknown.

An answer that comes late, after a newer send has left, may tell of an execution after the newer one: it frees only for
sends that leave after it. After a recovery every send counts as lost at that moment, whatever was answered: a cut that
left before its intent was durable may still be executed, and is never above what recovery books (docs/adr/0007).

`Book` holds the sends to one place (the default of a charger, the limits of a connector's transactions, which go to
TxDefaultProfile where a charger refuses TxProfile) and applies the four rules; it never frees anything by a time-out,
a refusal or silence. What a book may hold in force at most is `power_w`. The states of one send are this table;
anything else is ignored:

    state     | CallSent | Accepted | other answer | time-out | connection ends | car let go
    ----------+----------+----------+--------------+----------+-----------------+-----------
    OPEN      | (noted)  | ACCEPTED | REFUSED      | LOST     | LOST            |
    ACCEPTED  |          |          |              |          |                 | SETTLED
    LOST      |          | ACCEPTED | REFUSED      |          |                 |
    REFUSED, SETTLED: final
"""

from dataclasses import dataclass, field

from csms.core.commands import EXPIRY_S, LimitForm, Purpose
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.core.records import SendState, SendStored

ANSWERED = frozenset({SendState.ACCEPTED, SendState.SETTLED, SendState.REFUSED})
UNRESOLVED = frozenset({SendState.LOST, SendState.REFUSED})


@dataclass(slots=True)
class Send:
    """One limit given to a charger; times are monotonic ms.

    Attributes:
        limit_w: value booked, W per connector, after rounding to `form`.
        transaction_id: the transaction that it limits, whatever its purpose; None for a fail-safe default.
        ends_with: the transaction with whose end it goes: its own, or a newer one that it may yet be executed on; None
            for purpose `DEFAULT`, which no end of a transaction takes out of force.
        connection: where it was sent; None after a recovery (no answer can count any more).
        sent_ms: when it was decided; urgent: it may pass an unanswered CALL; handed: its bytes have left.
        lost_ms: when it timed out or its connection ended, whichever came first; of a recovered one: the recovery.
        overtaken_by: the newest send that had left when a late answer came; 0 when it was answered in time.
        outlives_its_own: Accepted after its transaction had ended: it may be in force for one not reported yet.
        probing: half an ampere less was told than is booked.
        expires_to_w: where it falls by itself, W, which frees nothing while this process runs; None: it stays.
        expires_s: so long after it was said.
        level_cleared: everything at its stack level was cleared since it was executed, or can no longer be.
        resumes: the one before it was 0 W.
        doubtful: recovered, so its answer is no evidence of what was executed last.
        accepted_ms: when it was Accepted.
    """

    token: Token
    charger_id: ChargerId
    idx: int
    purpose: Purpose
    limit_w: int
    form: LimitForm
    transaction_id: TransactionId | None
    ends_with: TransactionId | None
    connection: ConnectionId | None
    sent_ms: int
    sent_wall_ms: int
    state: SendState = SendState.OPEN
    urgent: bool = False
    handed: bool = False
    lost_ms: int | None = None
    accepted_ms: int | None = None
    overtaken_by: int = 0
    doubtful: bool = False
    outlives_its_own: bool = False
    probing: bool = False
    expires_to_w: int | None = None
    expires_s: int = EXPIRY_S
    resumes: bool = False
    level_cleared: bool = False

    @property
    def expires(self) -> bool:
        """Return whether it falls by itself."""
        return self.expires_to_w is not None

    @property
    def firm_w(self) -> int:
        """Return what is left of it when it has expired, W."""
        return self.limit_w if self.expires_to_w is None else self.expires_to_w

    @property
    def answered(self) -> bool:
        """Return whether the charger has answered it, in whatever way, and nothing casts doubt on that."""
        return self.state in ANSWERED and not self.doubtful

    @property
    def answered_accepted(self) -> bool:
        """Return whether the charger has said that it applied it."""
        return self.state is SendState.ACCEPTED or self.state is SendState.SETTLED

    @property
    def in_flight(self) -> bool:
        """Return whether its answer is still to come."""
        return self.state is SendState.OPEN

    @property
    def unresolved(self) -> bool:
        """Return whether it is known that we do not know what it did."""
        return self.state in UNRESOLVED

    def stored(self) -> SendStored:
        """Return its row."""
        return SendStored(
            self.token,
            self.charger_id,
            self.idx,
            self.purpose,
            self.limit_w,
            self.form,
            self.ends_with if self.purpose is Purpose.TX else self.transaction_id,
            self.state,
            self.sent_wall_ms,
        )


def accept(send: Send, now_ms: int) -> bool:
    """Take an Accepted, in time or late; return whether it changed anything."""
    if send.state not in {SendState.OPEN, SendState.LOST}:
        return False
    send.state = SendState.ACCEPTED
    send.accepted_ms = now_ms
    return True


def refuse(send: Send) -> bool:
    """Take any other answer; return whether it changed anything. It is no evidence of what is in force."""
    if send.state not in {SendState.OPEN, SendState.LOST}:
        return False
    send.state = SendState.REFUSED
    return True


def lose(send: Send, now_ms: int) -> bool:
    """Take a time-out or the end of its connection; return whether it changed anything."""
    if send.state is not SendState.OPEN:
        return False
    send.state = SendState.LOST
    send.lost_ms = now_ms
    return True


def settle(send: Send) -> bool:
    """Take the evidence that the car has let go; return whether it changed anything."""
    if send.state is not SendState.ACCEPTED:
        return False
    send.state = SendState.SETTLED
    return True


@dataclass(slots=True)
class Book:
    """P at one place: its sends that may be in force, oldest first."""

    sends: list[Send] = field(default_factory=list)

    def executed_at(self, stack_level: int, now_ms: int, late_execution_ms: int) -> frozenset[Token]:
        """Return the defaults at a stack level that were executed, or never will be: a clearing may take them away."""
        sends = (s for s in self.sends if s.purpose is Purpose.DEFAULT and s.form.stack_level == stack_level)
        return frozenset(send.token for send in sends if _harmless(send, now_ms, late_execution_ms))

    def level_cleared(self, tokens: frozenset[Token]) -> None:
        """Take it that a clearing of their stack level, which left when they had been executed, was answered."""
        for send in self.sends:
            send.level_cleared |= send.token in tokens

    def prevailing(self) -> list[Send]:
        """Return the defaults above the newest limit that stand at a higher stack level, and were not cleared.

        None before the newest one has settled: it may stand at that level itself, and be cleared with it. None beneath
        a TxProfile: that prevails.
        """
        settled = self.settled if len(self.sends) > 1 else None
        if settled is None or settled is not self.last or settled.purpose is not Purpose.DEFAULT:
            return []
        level, limit_w = settled.form.stack_level, settled.limit_w
        higher = (send for send in self.sends if send.form.stack_level > level and not send.level_cleared)
        return [send for send in higher if send.limit_w > limit_w and send.purpose is Purpose.DEFAULT]

    def answered_late(self, send: Send) -> None:
        """Note which sends had left before the late answer of `send` came."""
        send.overtaken_by = max((s.token for s in self.sends if s.handed), default=0)

    @property
    def power_w(self) -> int:
        """Return the most that may be in force, W; 0 without sends."""
        sends = self.sends
        if len(sends) == 1:  # as nearly everywhere: this is asked most of all
            return sends[0].limit_w
        return max([send.limit_w for send in sends]) if sends else 0

    @property
    def firm_w(self) -> int:
        """Return the most that may be in force when all that expires has, W; 0 without sends."""
        return max((send.firm_w for send in self.sends), default=0)

    @property
    def last(self) -> Send | None:
        """Return the newest send, or None."""
        return self.sends[-1] if self.sends else None

    @property
    def accepted(self) -> Send | None:
        """Return the newest send that was Accepted, settled or not, or None."""
        return next((send for send in reversed(self.sends) if send.answered_accepted), None)

    @property
    def settled(self) -> Send | None:
        """Return the newest settled send, or None."""
        return next((send for send in reversed(self.sends) if send.state is SendState.SETTLED), None)

    def last_of(self, transaction_id: TransactionId | None) -> Send | None:
        """Return the newest send that limits a transaction, or None; defaults may have been said after it."""
        mine = (send for send in reversed(self.sends) if send.transaction_id == transaction_id is not None)
        return next(mine, None)

    def has_settled(self, transaction_id: TransactionId | None, *purposes: Purpose) -> bool:
        """Return whether a limit of a transaction, in one of the purposes, is settled."""
        mine = (send for send in self.sends if send.transaction_id == transaction_id is not None)
        return any(send.state is SendState.SETTLED and send.purpose in purposes for send in mine)

    def accepted_w(self, transaction_id: TransactionId | None) -> int | None:
        """Return the limit that a transaction obeys as far as its charger has said, W; None where it has not.

        That is the newest one of its own that was Accepted, else the newest default of the connector. A TxProfile of
        another transaction says nothing of this one: its car may be held at a fail-safe default.
        """
        default_w = None
        for send in reversed(self.sends):
            if send.answered_accepted:
                if send.transaction_id == transaction_id:
                    return send.limit_w
                if default_w is None and send.purpose is Purpose.DEFAULT:
                    default_w = send.limit_w
        return default_w

    def told_since_w(self, transaction_id: TransactionId | None) -> int | None:
        """Return the least that a transaction was told after its newest limit that was Accepted, W; None without.

        What was refused or lost, or is not answered yet, may be in force all the same.
        """
        told_w: list[int] = []
        for send in reversed(self.sends):
            if send.transaction_id == transaction_id:
                if send.answered_accepted:
                    break
                told_w.append(send.limit_w)
        return min(told_w, default=None)

    @property
    def waits_for_meter(self) -> bool:
        """Return whether a sample may settle a limit here."""
        return bool(self.sends) and SendState.ACCEPTED in [send.state for send in self.sends]

    def drop_unsent(self, token: Token) -> None:
        """Apply rule (a)."""
        self.sends = [send for send in self.sends if send.token != token]

    def drop_superseded(self, late_execution_ms: int) -> list[Send]:
        """Apply rule (b); return the sends that went."""
        gone: list[Send] = []
        kept: list[Send] = []
        for position, send in enumerate(self.sends):
            free = any(
                later.state is SendState.SETTLED
                and later.purpose is send.purpose
                and _frees(later, send, late_execution_ms)
                for later in self.sends[position + 1 :]
            )
            (gone if free else kept).append(send)
        self.sends = kept
        return gone

    def drop_ended(self, ended: frozenset[TransactionId | None], now_ms: int, late_execution_ms: int) -> list[Send]:
        """Apply rule (c) for transactions in `ended`; return the sends that went."""
        gone = [
            s
            for s in self.sends
            if s.purpose is Purpose.TX and s.ends_with in ended and _harmless(s, now_ms, late_execution_ms)
        ]
        if gone:
            self.sends = [send for send in self.sends if send not in gone]
        return gone

    def drop_cleared(self, by: Token) -> list[Send]:
        """Apply rule (d): a clearing of TxProfiles that left when all before it was `executed` has been answered."""
        gone = [send for send in self.sends if send.purpose is Purpose.TX and send.token < by]
        if gone:
            self.sends = [send for send in self.sends if send not in gone]
        return gone

    def has_later_tx(self, than: Token) -> bool:
        """Return whether a TxProfile was sent after a CALL of ours."""
        return any(send.purpose is Purpose.TX and send.token > than for send in self.sends)

    @property
    def is_orphaned(self) -> bool:
        """Return whether a limit may be in force for a transaction that was not reported yet."""
        return any(send.outlives_its_own for send in self.sends)

    def no_transaction_here(self) -> None:
        """Take the connector's word that no transaction is open there: nothing is in force for an unreported one."""
        for send in self.sends:
            send.outlives_its_own = False

    def hand_over(self, to: TransactionId, now_ms: int, late_execution_ms: int, *, kept: bool) -> list[Send]:
        """Bind what may still be executed to a newer transaction on the connector; return those sends.

        Some chargers accept a profile for a foreign transaction: it would then be in force for the newer one. `kept`:
        so is everything that this charger has not been cleared of.
        """
        mine = [send for send in self.sends if send.purpose is Purpose.TX]
        bound = [send for send in mine if kept or not _harmless(send, now_ms, late_execution_ms)]
        for send in bound:
            send.ends_with = to
            send.outlives_its_own = False
        return bound

    def executed(self, now_ms: int, late_execution_ms: int) -> bool:
        """Return whether every TxProfile sent has been executed or never will be: what is cleared now stays cleared."""
        return all(_harmless(s, now_ms, late_execution_ms) for s in self.sends if s.purpose is Purpose.TX)

    def next_harmless_ms(self, now_ms: int, late_execution_ms: int) -> int | None:
        """Return when the next lost send will have become harmless, monotonic ms; None when none is still to."""
        due_ms = (s.lost_ms + late_execution_ms for s in self.sends if s.lost_ms is not None and not s.answered)
        return min((at_ms for at_ms in due_ms if at_ms > now_ms), default=None)


def _frees(later: Send, send: Send, late_execution_ms: int) -> bool:
    """Return whether a settled later send shows that `send` is out of force (rule b)."""
    if later.form.stack_level < send.form.stack_level and not send.level_cleared:
        return False
    if send.answered and later.token > send.overtaken_by:
        return True
    return send.lost_ms is not None and later.sent_ms >= send.lost_ms + late_execution_ms


def _harmless(send: Send, now_ms: int, late_execution_ms: int) -> bool:
    if send.outlives_its_own:
        return False
    return send.answered or (send.lost_ms is not None and now_ms >= send.lost_ms + late_execution_ms)


def restore(row: SendStored, now_ms: int) -> Send:
    """Rebuild a send from its row: it counts as lost now, and every timer restarts (LEDGER.md §1)."""
    answered = row.state in ANSWERED
    return Send(
        token=row.token,
        charger_id=row.charger_id,
        idx=row.idx,
        purpose=row.purpose,
        limit_w=row.limit_w,
        form=row.form,
        transaction_id=row.transaction_id,
        ends_with=row.transaction_id if row.purpose is Purpose.TX else None,
        connection=None,
        sent_ms=now_ms,
        sent_wall_ms=row.sent_wall_ms,
        state=row.state if answered else SendState.LOST,
        handed=True,
        lost_ms=now_ms,
        accepted_ms=now_ms if row.state is SendState.ACCEPTED else None,
        doubtful=True,
    )
