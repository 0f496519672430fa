"""What the mirror has heard: sends, connectors and chargers as somebody sees them who only listens."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from csms.core.commands import ClearLimits, LimitForm, Purpose
from csms.core.events import ConnectorStatus
from csms.core.ids import ConnectionId, Token
from csms.core.records import SessionStored
from csms.core.station import Charger
from csms.simulation.phases import Shown

MOST_LEVELS = 10
STACK_KEY = "ChargeProfileMaxStackLevel"


@dataclass(slots=True)
class HeardSend:
    """One send as seen from outside; times of the world, ms.

    Attributes:
        left_ms: when its bytes were handed over, or when it was decided as long as they were not.
        answered: an answer was ever heard; answered_ms: when, None also when that was before a restart.
        lost_ms: when it timed out, its connection ended, or the process restarted, whichever came first.
        above_ms: when the newest sample above it came.
        level_cleared: the defaults at its stack level were cleared since it was executed.
    """

    token: Token
    idx: int
    purpose: Purpose
    limit_w: int
    form: LimitForm
    transaction_id: int | None
    connection: ConnectionId | None
    left_ms: int
    handed: bool = False
    answered: bool = False
    answered_ms: int | None = None
    accepted_ms: int | None = None
    settled: bool = False
    lost_ms: int | None = None
    above_ms: int = -1
    level_cleared: bool = False


@dataclass(slots=True)
class HeardConnector:
    """What was heard of one connector.

    Attributes:
        statuses: the newest one as received, the newest one by its charger's stamps, and the newest one by those of the
            last two minutes, for clocks are set back: any may be the last word.
        current: its newest transaction; rest_w: the last answers by session.
        tx_cleared: whatever TxProfile it had kept is cleared.
        limited: the transactions that had a settled limit of their own: it may count although it may be freed by now.
        shown: the phases that the car of `current` was seen to use.
    """

    sends: list[HeardSend] = field(default_factory=list)
    statuses: tuple[ConnectorStatus, ...] = ()
    stamped_ms: int = 0
    lately_stamped_ms: int = 0
    lately_seen_ms: int = 0
    available_since_ms: int | None = None
    sample_w: int | None = None
    sample_ms: int = 0
    newest_at_ms: int = -1
    current: SessionStored | None = None
    ended: set[int] = field(default_factory=set)
    rest_w: dict[str, int] = field(default_factory=dict)
    tx_cleared: bool = False
    limited: set[int] = field(default_factory=set)
    shown: list[Shown] = field(default_factory=list)

    @property
    def holds_more(self) -> bool:
        """Return whether a higher limit than the last stays booked whatever is said: refused, or another purpose."""
        return any(
            send.limit_w > self.sends[-1].limit_w
            and (send.purpose is not self.sends[-1].purpose or (send.answered and send.accepted_ms is None))
            for send in self.sends
        )

    @property
    def open_id(self) -> int | None:
        """Return the id of the transaction that has not ended, or None."""
        if self.current is None or self.current.ended_ms is not None:
            return None
        return self.current.transaction_id


@dataclass(slots=True)
class HeardCharger:
    """What was heard of one charger.

    Attributes:
        most_w: M of LEDGER.md §1.
        cleared: (connector, stack level) of the clears that were answered; was_cleared: a restart forgot which.
        clearings: by stack level, the newest clear of it at all connectors.
        clearable: by clear, the profiles meant that could not be executed any more after it had left.
        is_let_go: removed and drained; if it is ever configured again, it is a new one.
        keeps_tx: its make is known to keep a TxProfile beyond its transaction.
        asserting_ms: when it booted with connectors provisioned, until its default was Accepted again.
        has_spoken: it has said or answered something on its connection: until then it is told nothing; asked: what it
            was asked before.
        takeovers_ms: when somebody took its connection over; is_two: so often that it may be two (docs/adr/0015).
        is_default_due: it has booted since its default was Accepted last.
    """

    charger: Charger
    most_w: int
    connectors: dict[int, HeardConnector]
    defaults: list[HeardSend] = field(default_factory=list)
    clears: dict[Token, ClearLimits] = field(default_factory=dict)
    clearings: dict[int, Token] = field(default_factory=dict)
    clearable: dict[Token, set[Token]] = field(default_factory=dict)
    cleared: set[tuple[int | None, int | None]] = field(default_factory=set)
    reads: set[Token] = field(default_factory=set)
    top_level: int = MOST_LEVELS
    connection: ConnectionId | None = None
    has_spoken: bool = False
    asked: set[Token] = field(default_factory=set)
    ever_connected: bool = False
    provisioned: set[int] = field(default_factory=set)
    is_draining: bool = False
    is_let_go: bool = False
    was_cleared: bool = False
    keeps_tx: bool = False
    asserting_ms: int | None = None
    is_default_due: bool = False
    takeovers_ms: list[int] = field(default_factory=list)
    is_two: bool = False

    def learn(self, values: Mapping[str, str | None]) -> None:
        """Take what its configuration says of stack levels."""
        level = values.get(STACK_KEY)
        if level is not None and level.isdigit() and int(level) <= MOST_LEVELS:
            self.top_level = int(level)

    def is_seen_to(self, idx: int) -> bool:
        """Return whether its make is known to keep TxProfiles, and whatever a connector had kept is cleared."""
        return self.keeps_tx and self.connectors[idx].tx_cleared

    @property
    def is_drained(self) -> bool:
        """Return whether it was removed and no transaction of it is open: the operator's act may free it all."""
        return self.is_draining and all(each.open_id is None for each in self.connectors.values())

    @property
    def uncontrolled_w(self) -> int:
        """Return the least that may be booked while nobody steers it."""
        reserved_w = self.charger.reserved_power_w
        return self.most_w if reserved_w is None else min(self.most_w, reserved_w)
