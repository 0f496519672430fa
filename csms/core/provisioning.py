"""Provisioning: what has to be said to a charger before its booked power may fall below its maximum (LEDGER.md §4).

One CALL at a time, in this order, each repeated with back-off until it is done:

    1  a charger that was never accepted and stays silent    → TriggerMessage(BootNotification), once
    2  nothing known of how it takes limits                  → GetConfiguration of the keys that limits need (once)
    3  our default is not in force                           → SetChargingProfile(TxDefaultProfile, connector 0)
    4  foreign defaults may stand beside ours                → ClearChargingProfile, one for each possible place
    5  keys are still to be read, or again after a boot      → GetConfiguration (`csms.core.discovery`)
    6  the last word on some connector is missing            → TriggerMessage(StatusNotification)
    7  a setting should be another (`csms.core.settings`)    → ChangeConfiguration, and the key is read again

A charger that boots faster than this can be done is not asked anew at each boot: 3 and 6 wait, longer and longer while
it goes on, and are done once for all the boots in between. The ledger waits 15 s for that and then books its maximum.

This module holds the agenda and where the charger stands on the two ladders of `csms.core.ladder`; `csms.core.agenda`
carries it out. A refused default is tried in other forms, and where 0 is refused with the least power that can be told:
then that is the fail-safe power, and it is booked. In mode `reserve` the configured power is tried before that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from csms.core.capabilities import MAX_LEVEL, Capabilities
from csms.core.commands import LimitForm
from csms.core.discovery import Reading
from csms.core.ids import Token
from csms.core.ladder import OUR_LEVEL, Attempt, Manner
from csms.core.station import Charger


@dataclass(slots=True)
class Asking:
    """How often the statuses were asked for on a connection; `at_ms`: when last; `refused`: it cannot be asked."""

    at_ms: int | None = None
    times: int = 0
    refused: bool = False

    def soon(self) -> None:
        """Have them asked for again after the shortest pause, should one be missing."""
        self.times = min(self.times, 1)


class Place(NamedTuple):
    """Where a foreign default may stand: one connector (None: any) at one stack level."""

    idx: int | None
    stack_level: int


class Seen(StrEnum):
    """Whether a charger was seen to let a limit expire."""

    NOT_YET = "not_yet"
    KEPT = "kept"
    """Its own schedule shows the fall at the right time."""
    NOT_KEPT = "not_kept"
    """It shows another one, or none."""


@dataclass(slots=True)
class Provisioning:
    """The agenda of one charger; times monotonic ms.

    Attributes:
        pending: the CALL of the agenda whose answer is awaited.
        default_due: our default has to be sent (again).
        to_clear: places still to be cleared; None until our default stands. level: at which it stood then.
        unclearable_ms: clearing is something it does not know; when that is tried again. unanswered: clearings in a row
            that timed out, over all connections.
        reading: the configuration keys that are to be read.
        boot_asked: that trigger was sent, on this connection; statuses: whether statuses were asked for.
        failures: CALLs of the agenda in a row that failed; retry_ms: nothing is sent before.
        setup_ms: when what the last boots call for begins, or began; hasty: boots in a row that came too soon for it.
        way: how our default is said at present; manner: how running transactions are limited; None: the likeliest way.
        refused: the ways refused since any was accepted; proven: the form accepted last.
        probe: the limit by which it is found out whether tenths are kept, while that is going on.
        outdated: sends before this one speak of a fail-safe power that was configured before, and is lower now.
        clearings: by stack level, the newest clearing of it at all connectors.
        lost_clearings: by stack level, when the last clearing of it was lost: it may be executed for some time yet.
        without_expiry: limits that expire were refused, or had no effect.
        expiry: whether it was seen since the last boot that they expire in time (`csms.core.expiry`).
        trusted_ms: since when it has more than is certain, to show it; None: it has not.
        asked_ms: when it was first told a limit that expires, since the last boot or since it was trusted.
        raise_ms: a default that was refused is not said again before, where a lower one was taken.
        tried: the rungs of a ladder that were refused since one of the same ladder was accepted.
    """

    pending: Token | None = None
    default_due: bool = True
    to_clear: list[Place] | None = None
    unclearable_ms: int | None = None
    unanswered: int = 0
    level: int = OUR_LEVEL
    reading: Reading = field(default_factory=Reading)
    boot_asked: bool = False
    statuses: Asking = field(default_factory=Asking)
    failures: int = 0
    retry_ms: int = 0
    setup_ms: int | None = None
    hasty: int = 0
    way: Attempt | None = None
    manner: Manner | None = None
    refused: set[Manner] = field(default_factory=set)
    tried: set[Attempt | Manner] = field(default_factory=set)
    proven: LimitForm | None = None
    probe: Token | None = None
    outdated: int = 0
    raise_ms: int = 0
    clearings: dict[int, Token] = field(default_factory=dict)
    lost_clearings: dict[int, int] = field(default_factory=dict)
    without_expiry: bool = False
    expiry: Seen = Seen.NOT_YET
    trusted_ms: int | None = None
    asked_ms: int | None = None

    @property
    def cleared(self) -> bool:
        """Return whether nothing foreign can stand beside our default."""
        return self.to_clear is not None and not self.to_clear

    @property
    def under_way(self) -> bool:
        """Return whether the agenda is being worked off without failure."""
        clearing = not self.cleared and self.unclearable_ms is None
        return self.failures == 0 and (self.pending is not None or self.default_due or clearing)

    def reconnected(self) -> None:
        """Start the agenda of a new connection: what was pending is lost, what was done stays done."""
        self.pending = None
        self.probe = None
        self.boot_asked = False
        self.statuses = Asking()
        self.failures = 0
        self.retry_ms = 0

    @property
    def not_before_ms(self) -> int:
        """Return when the agenda may go on, monotonic ms."""
        return max(self.retry_ms, self.setup_ms or 0)

    def booted(self, now_ms: int, spacing_ms: Sequence[int]) -> None:
        """After a boot the default is asserted again and the keys are read again: at once, unless it boots too fast."""
        self.default_due = True
        self.unclearable_ms = None
        self.without_expiry = False
        self.expiry = Seen.NOT_YET
        self.trusted_ms = self.asked_ms = None
        self.reading.booted()
        self.failures = 0
        self.retry_ms = 0
        if self.setup_ms is not None and now_ms < self.setup_ms:
            return  # what waits is done for this boot as well
        free_ms = now_ms if self.setup_ms is None else self.setup_ms + spacing_ms[min(self.hasty, len(spacing_ms) - 1)]
        self.hasty = self.hasty + 1 if free_ms > now_ms else 0
        self.setup_ms = max(now_ms, free_ms)

    def default_lowered(self, next_token: int) -> None:
        """Another fail-safe power was configured, below the present one: that is to be said."""
        self.default_due = True
        self.way = None
        self.outdated = next_token

    def connector_added(self) -> None:
        """A connector that was configured later has places of its own to clear, and its status is not known."""
        self.to_clear = None
        self.statuses = Asking()


def places(charger: Charger, capabilities: Capabilities, ours: int = OUR_LEVEL) -> list[Place]:
    """Return where other defaults may stand beside ours (at level `ours`), last to be cleared first: it is popped.

    From below: what is cleared may have been ours, said for one connector, and then what stands beneath it is in force;
    so nothing must. Those of connectors that we said ourselves one level up may stand above the charger's highest, if
    it was not known then; of a charger that was removed from the configuration and has come back nothing is remembered.
    """
    told = capabilities.stack_level_max
    highest = MAX_LEVEL if told is None else max(told, OUR_LEVEL + 1)
    everywhere = [Place(None, s) for s in range(highest + 1) if s != ours]
    beside = [Place(key.idx, ours) for key in charger.connector_keys()]
    return [*beside, *everywhere][::-1]
