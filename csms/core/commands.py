"""Commands: what the core wants done. Each CALL carries the token under which its fate comes back as a fact.

A command is addressed to one connection; when that connection is gone the gateway reports the CALL as unsent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from csms.core.errors import check
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId


class Purpose(StrEnum):
    """Which of a charger's two dynamic layers a limit goes to (OCPP 1.6 §3.13.1)."""

    DEFAULT = "default"
    """TxDefaultProfile: on connector 0 what every connector may draw without a profile of its own; on a connector the
    limit of its running transaction, where the charger refuses TxProfile (§3.13.1, errata 3.53)."""

    TX = "tx"
    """TxProfile: the limit of one running transaction."""


class RateUnit(StrEnum):
    """ChargingRateUnit (§7.12)."""

    W = "W"
    A = "A"


class ProfileKind(StrEnum):
    """ChargingProfileKind that we use (§7.9); Recurring never."""

    RELATIVE = "Relative"
    ABSOLUTE = "Absolute"


@dataclass(frozen=True, slots=True)
class LimitForm:
    """How a limit is written for one charger: together with the watts it fixes every byte of the profile.

    Attributes:
        unit: W (total of the connector) or A (per phase).
        phases: phases counted in an ampere limit and sent as numberPhases; in watts sent for a single phase only.
        voltage_v: nominal phase voltage used for W ↔ A.
        kind: Relative unless the charger refuses it.
        stack_level: constant per purpose.
        tenths: tenths of an ampere may be told: a read-back has shown that chargers of the make keep them.
        number_phases: numberPhases is sent where it matters; some chargers refuse it, and 3 is its default (§7.14).
    """

    unit: RateUnit
    phases: int
    voltage_v: int
    kind: ProfileKind = ProfileKind.RELATIVE
    stack_level: int = 0
    number_phases: bool = True
    tenths: bool = False

    @property
    def ampere_w(self) -> int:
        """Return what one ampere on every phase counted is worth, W."""
        return self.voltage_v * self.phases

    def round_down(self, power_w: int) -> int:
        """Return the greatest power ≤ `power_w` that this form can express, W (DESIGN.md §5: 0 or ≥ 6 A per phase).

        Where tenths of an ampere are no whole watts the result is the next watt above: what is told is never more.
        """
        if self.unit is RateUnit.W:
            return power_w
        tenths = power_w * 10 // self.ampere_w
        if not self.tenths:
            tenths -= tenths % 10
        return 0 if tenths < 10 * MIN_CURRENT_A else -(-tenths * self.ampere_w // 10)


PROBE_TENTHS = 5
"""A limit that asks whether tenths of an ampere are kept is told so many of them lower than it is booked."""

MIN_CURRENT_A = 6
"""IEC 61851-1: below 6 A per phase there is no charging current that a car could be told."""


EXPIRY_S = 300
"""A limit that expires does so this long after it was last said, or when a lower capacity is known to begin …"""

GIVEN_S = EXPIRY_S + 30
"""So long a battery gives without another word: limits, by clocks that are 15 s behind, and cars that let go late."""

TAKEN_S = 15
"""So long it takes without another word: three of them may be lost (`csms.energy.watch` repeats them each 5 s)."""

RENEWAL_MS = EXPIRY_S * 1_000 // 3
"""… and is said again after a third of that."""


@dataclass(frozen=True, slots=True)
class SetLimit:
    """SetChargingProfile. `idx` is 0 for the charger's fail-safe default; `limit_w` is already rounded to `form`.

    `transaction_id` is set with purpose `TX` only: no other profile names a transaction.

    `urgent`: an overbooked row needs this cut; it waits at most 5 s behind an unanswered CALL (LEDGER.md §3).
    `probing`: half an ampere less is told than booked, to see whether tenths are kept.
    `expires_to_w`: where it falls by itself `expires_s` after it was said, rounded to `form`; None: it stays.
    `cause` is for logs and the explanation of a limit, e.g. "cut: CP002#1 is short".
    """

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    idx: int
    purpose: Purpose
    limit_w: int
    form: LimitForm
    transaction_id: TransactionId | None
    urgent: bool
    cause: str
    probing: bool = False
    expires_to_w: int | None = None
    expires_s: int = EXPIRY_S


@dataclass(frozen=True, slots=True)
class ClearLimits:
    """ClearChargingProfile of one purpose (LEDGER.md §4); absent fields match all (§5.5).

    `urgent`: an overbooked row needs it, because what is cleared may hide a limit; it leaves as such a cut does.
    """

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    idx: int | None
    stack_level: int | None
    purpose: Purpose = Purpose.DEFAULT
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """TriggerMessage (§5.17); `requested` is the OCPP action name; `idx` None asks for all connectors."""

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    requested: str
    idx: int | None


@dataclass(frozen=True, slots=True)
class ReadSchedule:
    """GetCompositeSchedule (§5.7): which limit a charger itself says is in force at a connector, for `duration_s`."""

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    idx: int
    unit: RateUnit = RateUnit.A
    duration_s: int = 60


@dataclass(frozen=True, slots=True)
class ReadConfiguration:
    """GetConfiguration of named keys (§5.8)."""

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    keys: tuple[str, ...]


SETTINGS: Mapping[str, frozenset[str]] = {
    "MeterValueSampleInterval": frozenset({"metervaluesampleinterval", "metervaluessampleinterval"}),
    "MeterValuesSampledData": frozenset({"metervaluessampleddata"}),
    "WebSocketPingInterval": frozenset({"websocketpinginterval"}),
}
"""The only keys that are ever written, each with the names that chargers give it, in lower case.

Nothing that access or signed meter values depend on may ever come in here (AuthorizationKey, StopTxnSampledData, …).
"""


@dataclass(frozen=True, slots=True)
class ChangeConfiguration:
    """ChangeConfiguration of one of `SETTINGS`, and of nothing else (§5.3).

    `name` is the charger's own name of the key, which may be misspelt; `value` has at most 500 characters.
    """

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    key: str
    name: str
    value: str

    def __post_init__(self) -> None:
        """Assert that the key may be written."""
        check(self.name.lower() in SETTINGS.get(self.key, ()), f"{self.key}, here {self.name}, is never written")
        check(len(self.value) <= VALUE_CHARS_MAX, f"the value of {self.key} is too long")


VALUE_CHARS_MAX = 500
"""CiString500."""


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """RemoteStartTransaction (§5.11); never with a profile (LEDGER.md §4)."""

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    idx: int
    id_tag: str


@dataclass(frozen=True, slots=True)
class RemoteStop:
    """RemoteStopTransaction (§5.12).

    `urgent`: an overbooked row needs it, because the transaction ignores its limits; it leaves as such a cut does.
    """

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    transaction_id: TransactionId
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class ChangeAvailability:
    """ChangeAvailability (§5.2) of one connector; to Inoperative as urgent as a cut that an overbooked row needs."""

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    idx: int
    operative: bool


@dataclass(frozen=True, slots=True)
class Operate:
    """An operator's command: any action of OCPP 1.6 §5 but those that say a limit; limits overtake it."""

    token: Token
    connection: ConnectionId
    charger_id: ChargerId
    action: str
    payload_json: str

    def __post_init__(self) -> None:
        """Assert that it is no way around the ledger."""
        check(self.action != "SetChargingProfile", "an operator's limit is never sent as such (LEDGER.md §4)")


@dataclass(frozen=True, slots=True)
class AbortConnection:
    """Abort the socket (never drain it): the charger reconnects, and its sends count as aborted from then on."""

    connection: ConnectionId
    charger_id: ChargerId
    reason: str


@dataclass(frozen=True, slots=True)
class SetBattery:
    """What the battery is to do until it is told otherwise (ALLOCATOR.md §7).

    Attributes:
        power_w: what it is to give, W; below 0: to take.
        permit_w: what it has to be ready to give as soon as it is told to, W.
    """

    power_w: int
    permit_w: int

    @property
    def valid_s(self) -> int:
        """Return for how long that holds without another word, s; then the battery gives and takes nothing.

        It gives until the last limit that rests on it has expired (LEDGER.md I11), and takes for a moment only.
        """
        return GIVEN_S if self.power_w > 0 else TAKEN_S


Call = (
    SetLimit
    | ClearLimits
    | Trigger
    | ReadSchedule
    | ReadConfiguration
    | ChangeConfiguration
    | RemoteStart
    | RemoteStop
    | ChangeAvailability
    | Operate
)
Command = Call | AbortConnection
