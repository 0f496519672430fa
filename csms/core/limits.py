"""The ledger of sends: what may be in force at a charger (LEDGER.md §1).

Theory of operation. A *send* is one limit given to a charger. From the step that decides it until one of three pieces
of evidence arrives it counts as possibly in force, whatever was answered:

    (a) `unsent`: none of its bytes was handed to the socket;
    (b) a later send of the same purpose is settled, and this one was answered, or the later one left at least H after
        this one was lost (timed out, or its connection ended);
    (c) `tx` only: its transaction ended, and this one was answered or H has passed since it was lost.

`Book` holds the sends of one purpose at one place (the default of a charger, the `tx` of a connector) and applies the
three rules; it never frees anything by a time-out, a refusal or silence. What a book may hold in force at most is
`power_w`. The states of one send are this table; anything else is ignored:

    state     | CallSent | Accepted | other answer | time-out | connection ends | car let go
    ----------+----------+----------+--------------+----------+-----------------+-----------
    OPEN      | (noted)  | ACCEPTED | REFUSED      | LOST     | LOST            |
    ACCEPTED  |          |          |              |          |                 | SETTLED
    LOST      |          | ACCEPTED | REFUSED      |          |                 |
    REFUSED, SETTLED: final
"""

from dataclasses import dataclass, field

from csms.core.commands import LimitForm, Purpose
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.core.records import SendState, SendStored

ANSWERED = frozenset({SendState.ACCEPTED, SendState.SETTLED, SendState.REFUSED})
UNRESOLVED = frozenset({SendState.LOST, SendState.REFUSED})


@dataclass(slots=True)
class Send:
    """One limit given to a charger; times are monotonic ms.

    Attributes:
        limit_w: value booked, W per connector, after rounding to `form`.
        connection: where it was sent; None after a recovery (no answer can count any more).
        sent_ms: when it was decided.
        lost_ms: when it timed out or its connection ended, whichever came first.
        accepted_ms: when it was Accepted.
    """

    token: Token
    charger_id: ChargerId
    idx: int
    purpose: Purpose
    limit_w: int
    form: LimitForm
    transaction_id: TransactionId | None
    connection: ConnectionId | None
    sent_ms: int
    sent_wall_ms: int
    state: SendState = SendState.OPEN
    handed: bool = False
    lost_ms: int | None = None
    accepted_ms: int | None = None

    @property
    def answered(self) -> bool:
        """Return whether the charger has answered it, in whatever way."""
        return self.state in ANSWERED

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
            self.transaction_id,
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
    """P of one purpose at one place: its sends that may be in force, oldest first."""

    sends: list[Send] = field(default_factory=list)

    @property
    def power_w(self) -> int:
        """Return the most that may be in force, W; 0 without sends."""
        return max((send.limit_w for send in self.sends), default=0)

    @property
    def last(self) -> Send | None:
        """Return the newest send, or None."""
        return self.sends[-1] if self.sends else None

    @property
    def settled(self) -> Send | None:
        """Return the newest settled send, or None."""
        return next((send for send in reversed(self.sends) if send.state is SendState.SETTLED), None)

    @property
    def accepted_w(self) -> int | None:
        """Return the newest limit that was Accepted, W; None without one."""
        accepted = {SendState.ACCEPTED, SendState.SETTLED}
        return next((send.limit_w for send in reversed(self.sends) if send.state in accepted), None)

    def drop_unsent(self, token: Token) -> None:
        """Apply rule (a)."""
        self.sends = [send for send in self.sends if send.token != token]

    def drop_superseded(self, late_execution_ms: int) -> list[Send]:
        """Apply rule (b); return the sends that went."""
        gone: list[Send] = []
        kept: list[Send] = []
        for position, send in enumerate(self.sends):
            later_settled = [s for s in self.sends[position + 1 :] if s.state is SendState.SETTLED]
            free = any(send.answered or _left_after(later, send, late_execution_ms) for later in later_settled)
            (gone if free else kept).append(send)
        self.sends = kept
        return gone

    def drop_ended(self, ended: frozenset[TransactionId | None], now_ms: int, late_execution_ms: int) -> list[Send]:
        """Apply rule (c) for transactions in `ended`; return the sends that went."""
        gone = [s for s in self.sends if s.transaction_id in ended and _harmless(s, now_ms, late_execution_ms)]
        if gone:
            self.sends = [send for send in self.sends if send not in gone]
        return gone

    def next_harmless_ms(self, late_execution_ms: int) -> int | None:
        """Return when the first lost send will have become harmless, monotonic ms; None without one."""
        return min((s.lost_ms + late_execution_ms for s in self.sends if _is_lost(s)), default=None)  # type: ignore[operator]


def _is_lost(send: Send) -> bool:
    return send.lost_ms is not None and not send.answered


def _left_after(later: Send, send: Send, late_execution_ms: int) -> bool:
    return send.lost_ms is not None and later.sent_ms >= send.lost_ms + late_execution_ms


def _harmless(send: Send, now_ms: int, late_execution_ms: int) -> bool:
    return send.answered or (send.lost_ms is not None and now_ms >= send.lost_ms + late_execution_ms)


def restore(row: SendStored, now_ms: int) -> Send:
    """Rebuild a send from its row: an OPEN one counts as aborted now, and every timer restarts (LEDGER.md §1)."""
    answered = row.state in ANSWERED
    return Send(
        token=row.token,
        charger_id=row.charger_id,
        idx=row.idx,
        purpose=row.purpose,
        limit_w=row.limit_w,
        form=row.form,
        transaction_id=row.transaction_id,
        connection=None,
        sent_ms=now_ms,
        sent_wall_ms=row.sent_wall_ms,
        state=row.state if answered else SendState.LOST,
        handed=True,
        lost_ms=None if answered else now_ms,
        accepted_ms=now_ms if row.state is SendState.ACCEPTED else None,
    )


def tolerance_w(limit_w: int, *, dead_band_w: int, is_dc: bool) -> int:
    """Return how far above its limit a car may be metered and still count as obeying, W (LEDGER.md §6)."""
    absolute_w = 1_000 if is_dc else dead_band_w
    return max(limit_w * 2 // 100, absolute_w)
