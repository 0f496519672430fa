"""What an explanation of one session says: figures in W, words from short lists.

`csms.core.explaining` finds it out, `csms.core.sentences` puts it into one sentence.
"""

from dataclasses import dataclass
from enum import StrEnum

from csms.core.grid_terms import Held
from csms.core.ids import ChargerId, SessionId

NAMED_MAX = 100
"""So many sessions, loads and cuts are named in one explanation; the sums are of all."""


class Reason(StrEnum):
    """Why a session has what it has now, the first that holds.

    While nothing can be told to it: from `SAFE_MODE` to `CLIENT_SILENT`. While what it has is about to change: from
    `PROVISIONING` to `CLIENT_CALLS`. Else what its target rests on.
    """

    TAG_REFUSED = "tag_refused"
    OBSERVED = "observed"
    RELEASED = "released"
    NOT_CONTROLLED = "not_controlled"
    OFFLINE = "offline"
    NOT_HEARD = "not_heard"
    """Its charger has connected, and nothing has come from it yet."""
    REFUSING = "refusing"
    """Its charger refuses limits; it is tried again now and then."""
    IDENTITY_CONFLICT = "identity_conflict"
    UNPROVEN = "unproven"
    """Its start came from a charger's memory: whether the car is still there has to show."""
    NOT_OBEYING = "not_obeying"
    """What its meter shows speaks against any limit being kept there."""
    CLIENT_SILENT = "client_silent"
    """Driven over REST, and its client has not called for a minute."""
    SAFE_MODE = "safe_mode"

    PROVISIONING = "provisioning"
    """The limits of its charger are being set up: its maximum is booked until that is confirmed."""
    START_POWER = "start_power"
    """It was told less than it was offered to start with, and that is still booked until it is taken back."""
    OVERBOOKED = "overbooked"
    """It is to have more, and nobody is told more under a row on which too much is booked."""
    WAITS_FOR_CHARGERS = "waits_for_chargers"
    """It is to have more, and a charger of its rows asserts its limits after a boot."""
    WAITS_FOR_OTHERS = "waits_for_others"
    """It is to have more, as soon as others are known to have given it back."""
    WAITS_FOR_ANSWER = "waits_for_answer"
    """Its charger has been told, and that has not been confirmed."""
    RAISED_SOON = "raised_soon"
    """It is to have more, which is free: it is told in some seconds."""
    CUT = "cut"
    """It is to have less, and is told so next."""
    CLIENT_CALLS = "client_calls"
    """Driven over REST: its client hears of another power with its next update."""

    OPERATOR_CAP = "operator_cap"
    FAIL_SAFE = "fail_safe"
    """It keeps what cannot be taken from it."""
    NO_ROOM = "no_room"
    BELOW_MINIMUM = "below_minimum"
    VEHICLE = "vehicle"
    SHARE = "share"
    """A row is full, and this is its fair share of it."""


class Cause(StrEnum):
    """Why the demand of a session is what it is."""

    TAG_REFUSED = "tag_refused"
    DECLARED = "declared"
    """It counts with the most that it may take at all."""
    NOT_JUDGED = "not_judged"
    """Too little was metered since its limit has changed to say anything."""
    AT_LIMIT = "at_limit"
    """It draws what it may, so it counts as wanting more."""
    BELOW_LIMIT = "below_limit"
    """It draws less than it may: what it draws and some head room are kept for it."""
    PARKED = "parked"
    """It was offered power and took none: it counts with nothing, and is offered its least again from time to time."""
    STATED = "stated"
    """Its client has said that it takes less than it was given."""


class Awaited(StrEnum):
    """What has to happen before booked power above a target is free."""

    SETUP = "setup"
    """The charger confirms the limits that are set up in it."""
    CUT = "cut"
    """It is told; a cut that nobody needs is not sent at once."""
    ANSWER = "answer"
    """The charger answers."""
    CAR = "car"
    """The charger has accepted, and the car lets go."""
    LOST_LIMIT = "lost_limit"
    """A limit that was not confirmed can be in force no more."""
    START_POWER = "start_power"
    """What it was offered to start with is taken back."""
    CLIENT = "client"
    """Its REST client calls, and shows what it obeys."""


class Known(StrEnum):
    """Where the base load that counts is known from."""

    MEASURED = "measured"
    SILENT = "silent"
    """Its maximum counts because its meter is silent, or what was measured above that."""


@dataclass(frozen=True, slots=True)
class BaseLoadShare:
    """What the grid connection carries besides the chargers, as it counts."""

    power_w: int
    known: Known


@dataclass(frozen=True, slots=True)
class Share:
    """One of those who share a row; `limit_w` None: it was told none."""

    session_id: SessionId
    charger_id: ChargerId
    idx: int
    limit_w: int | None
    target_w: int
    booked_w: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What is booked for a charger and cannot be cut now, or is kept free for its fail-safe power."""

    charger_id: ChargerId
    power_w: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Power that is booked for another session beyond its target, and what it hangs on."""

    session_id: SessionId
    charger_id: ChargerId
    idx: int
    power_w: int
    awaited: Awaited


@dataclass(frozen=True, slots=True)
class Binding:
    """The row that limits a session.

    Attributes:
        capacity_w: of the root less the static load, of a charger not above an operator's cap; battery_w: what of it
            is the battery's.
        booked_w: Σ K.
        loads_w: what of it, or of the fail-safe power that waits for room, is not shared; trimmed_w: what is taken off
            because the sessions draw more than is booked; withheld_w: what for the capacity tariff.
        shared_w: what that leaves for those who share it.
        sessions: how many share it; target_w: what they are to have together.
        shares: the first of them, in order of arrival, the session itself before them.
        loads: the greatest of what is not shared.
        more_w: what the session would have more with 1 kW more here; below 0 where that would let in another one first.
    """

    node_id: str
    capacity_w: int
    booked_w: int
    loads_w: int
    trimmed_w: int
    shared_w: int
    sessions: int
    target_w: int
    shares: tuple[Share, ...]
    loads: tuple[Load, ...]
    more_w: int
    withheld_w: int = 0
    battery_w: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a session has what it has.

    Attributes:
        limited_by: what its target rests on; None: it takes part in no plan now.
        target_w: what it is to have; of an observed one: what it would have. None: likewise.
        limit_w: what it was told last and may obey; None: nothing that is known.
        least_w: less than this it cannot charge with; floor_w: this cannot be taken from it.
        cap_w: the lowest of the caps of operators; None: there is none.
        demand_w: what it can take now, never more than declared_w.
        weight, priority: on which terms it shares.
        binding: None where no row limits it.
        overbooked: the first of its rows on which too much is booked.
        held: where one of both is the grid connection: what holds it below its configured capacity; None: nothing.
        awaited: what its own booked power hangs on; None: nothing.
        waits: what its raise waits for, the greatest first.
        waits_w, waits_sessions: the sum and the number of all of these.
        base_load: where the grid connection limits it or carries too much, and the site has a meter; else None.
        firm_w: what the grid connection is certain to have, where the session has its share of that alone; else None.
    """

    session_id: SessionId
    charger_id: ChargerId
    idx: int
    reason: Reason
    limited_by: str | None
    target_w: int | None
    limit_w: int | None
    booked_w: int
    consumed_w: int | None
    least_w: int
    floor_w: int
    cap_w: int | None
    demand_w: int
    declared_w: int
    cause: Cause
    binding: Binding | None = None
    overbooked: str | None = None
    held: Held | None = None
    awaited: Awaited | None = None
    waits: tuple[Wait, ...] = ()
    waits_w: int = 0
    waits_sessions: int = 0
    weight: int = 1
    priority: int = 0
    base_load: BaseLoadShare | None = None
    firm_w: int | None = None
