"""The station's state: everything that a step reads and changes, in one place and nowhere else."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from typing import Generic, TypeVar

from csms.core.alarms import Alarm
from csms.core.base_load import BaseLoad
from csms.core.battery import BatteryReading
from csms.core.charger import ChargerState
from csms.core.commanded import Commanded
from csms.core.commands import Call, SetBattery
from csms.core.connector import Connector
from csms.core.events import EnergyReported, KnownTransaction, StartKey
from csms.core.giving import Giving
from csms.core.grid_terms import CapacityEvent, Held
from csms.core.ids import (
    CampaignId,
    ChargerId,
    CommandId,
    ConnectionId,
    ConnectorKey,
    RequestId,
    SessionId,
    Token,
    TransactionId,
)
from csms.core.learnt import Learnt, Make
from csms.core.limits import Send
from csms.core.records import CampaignStored
from csms.core.session import Session
from csms.core.station import GRID, Station
from csms.core.station_time import Zones, utc_only
from csms.core.tariff import Governor
from csms.core.terms import UNSAID, Terms
from csms.core.tree import Tree
from csms.core.trim import Trim

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 10_000
"""How many ended things are kept in memory: they bridge the time until the store can be asked."""


class Recent(OrderedDict[K, V], Generic[K, V]):
    """The newest `REMEMBERED` entries by key."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class Errand(StrEnum):
    """What a CALL of ours other than a limit is for."""

    ASK_BOOT = "ask_boot"
    ASK_STATUSES = "ask_statuses"
    READ_KEYS = "read_keys"
    CLEAR_PLACE = "clear_place"
    ASK_SAMPLE = "ask_sample"
    READ_BACK = "read_back"
    READ_EXPIRY = "read_expiry"
    WRITE_KEY = "write_key"


@dataclass(frozen=True, slots=True)
class LimitCall:
    """A SetChargingProfile is out."""

    charger_id: ChargerId
    connection: ConnectionId
    send: Send


@dataclass(frozen=True, slots=True)
class AgendaCall:
    """A CALL of the provisioning agenda is out.

    Attributes:
        command: itself, where its answer is taken by what it asked for.
        clears: the defaults that are out of force at their stack level once a clearing is answered.
    """

    charger_id: ChargerId
    connection: ConnectionId
    errand: Errand
    command: Call | None = None
    clears: frozenset[Token] = frozenset()


@dataclass(frozen=True, slots=True)
class AftermathCall:
    """A ClearChargingProfile after the end of a transaction is out."""

    charger_id: ChargerId
    connection: ConnectionId
    idx: int


@dataclass(frozen=True, slots=True)
class StartCall:
    """A RemoteStartTransaction is out."""

    charger_id: ChargerId
    connection: ConnectionId
    waiter: "StartWaiter"


@dataclass(frozen=True, slots=True)
class StopCall:
    """A RemoteStopTransaction is out."""

    charger_id: ChargerId
    connection: ConnectionId
    request: RequestId


@dataclass(frozen=True, slots=True)
class HardCall:
    """A hard action against a connector that does not obey is out: stop (None), or operative or not."""

    charger_id: ChargerId
    connection: ConnectionId
    idx: int
    operative: bool | None


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """An operator's command is out."""

    charger_id: ChargerId
    connection: ConnectionId
    commanded: Commanded


@dataclass(frozen=True, slots=True)
class ReleaseCall:
    """A question of a release is out; `changes`: it undoes something in the charger."""

    charger_id: ChargerId
    connection: ConnectionId
    action: str
    changes: bool


PendingCall = LimitCall | AgendaCall | AftermathCall | StartCall | StopCall | HardCall | OperatorCall | ReleaseCall


@dataclass(slots=True)
class StartWaiter:
    """A `POST /sessions` over OCPP that has not been answered; `asked_ms` monotonic."""

    request: RequestId
    key: ConnectorKey
    vehicle_max_w: int
    id_tag: str
    asked_ms: int
    terms: Terms = UNSAID
    session_id: SessionId | None = None


@dataclass(slots=True)
class Supply:
    """What is known of the battery, and what it was told (`csms.core.supply`); times monotonic ms.

    Attributes:
        driven: it has a driver, which has spoken.
        reading: its last word, and when that was read.
        exhausted: it was at its reserve, and is not far enough above it again.
        said: what it was told last, and since when it is told that; told_to_take_w: the most that it may have taken up
            of what it was told to take.
        direction: of its last flow, 1 out of it, −1 into it, 0 unknown; turned_ms: when it was told that.
        spare_ms: since when there is power that no car needs; None: there is none.
        giving: what it was seen to give of what it was told.
    """

    driven: bool = False
    reading: BatteryReading | None = None
    heard_ms: int = 0
    exhausted: bool = False
    said: SetBattery | None = None
    said_ms: int = 0
    told_to_take_w: int = 0
    direction: int = 0
    turned_ms: int = 0
    spare_ms: int | None = None
    giving: Giving = field(default_factory=Giving)


@dataclass(slots=True)
class State:
    """All that the core knows; times monotonic ms.

    Attributes:
        chargers: configured and draining, in the order of the configuration.
        is_safe_mode: nothing is raised (`csms.core.safe_mode`).
        makes: what the chargers of each make have shown.
        sessions: those that have not ended, in order of arrival.
        transactions: the open ones, by OCPP's id.
        turns: how often a session was moved to the back of the order (`csms.core.rotation`).
        calls: CALLs of ours whose answer may still come.
        starts, ended: what was started and ended lately, for replays that the store cannot know yet.
        orphans: stops that have been recorded, for those that name no transaction of ours.
        overbooked: rows above their capacity, and since when.
        trims: what is taken off rows whose sessions draw more than is booked.
        notices: standing alarms and notices by their ids.
        energy: what the last day that is over has missed.
        rest_ended: REST-driven sessions that ended lately.
        commands: those of operators that have not ended, oldest first.
        campaigns: those that have not ended, oldest first.
        releasing: chargers whose release is under way (`csms.core.releasing`).
        capped: chargers that had caps when that was last looked at (`csms.core.capping`).
        capacity_events: limits of the grid connection that were told, by their ids (`csms.core.capacity_events`).
        operator_heard_ms: when the grid operator was last heard; None: not since this process began.
        held: what the grid connection may be loaded with, and why no more (`csms.core.grid_root`); None: not looked at.
        falls_ms: when it is known to begin to have less, UTC; None: not before a limit that is said now would expire.
        governor: of the capacity tariff (`csms.core.governing`).
        governed_w: what he lets the grid connection draw; None: all that it may.
        drawn: what he was told last: what may have been drawn, and what is sure of that, W.
        zones: the rules of time zones by their IANA names.
        maintained: chargers of which something is said (`csms.core.maintaining`).
        base_load: what is known of the load that is not ours (`csms.core.metering`).
        supply: the battery.
    """

    station: Station
    tree: Tree
    chargers: dict[ChargerId, ChargerState]
    next_transaction_id: int
    next_token: int
    next_rank: int
    is_safe_mode: bool = False
    makes: dict[Make, Learnt] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    transactions: dict[int, Session] = field(default_factory=dict)
    turns: int = 0
    calls: Recent[Token, PendingCall] = field(default_factory=Recent)
    starts: Recent[StartKey, KnownTransaction] = field(default_factory=Recent)
    ended: Recent[int, KnownTransaction] = field(default_factory=Recent)
    orphans: Recent[tuple[ChargerId, int, int | str, int | None], bool] = field(default_factory=Recent)
    rest_ended: Recent[SessionId, bool] = field(default_factory=Recent)
    waiters: dict[ConnectorKey, StartWaiter] = field(default_factory=dict)
    overbooked: dict[str, int] = field(default_factory=dict)
    trims: dict[str, Trim] = field(default_factory=dict)
    notices: dict[str, Alarm] = field(default_factory=dict)
    energy: EnergyReported | None = None
    commands: dict[CommandId, Commanded] = field(default_factory=dict)
    campaigns: dict[CampaignId, CampaignStored] = field(default_factory=dict)
    releasing: set[ChargerId] = field(default_factory=set)
    capped: set[ChargerId] = field(default_factory=set)
    maintained: set[ChargerId] = field(default_factory=set)
    capacity_events: dict[str, CapacityEvent] = field(default_factory=dict)
    operator_heard_ms: int | None = None
    held: Held | None = None
    falls_ms: int | None = None
    governor: Governor = field(default_factory=Governor)
    governed_w: int | None = None
    drawn: tuple[int, int] | None = None
    zones: Zones = utc_only
    base_load: BaseLoad = field(default_factory=lambda: BaseLoad(0, 0))
    supply: Supply = field(default_factory=Supply)

    @property
    def withheld_w(self) -> int:
        """Return what the capacity tariff takes off what the grid connection has for chargers, W.

        A base load is allowed for as it is measured: a mean is held down, and a later reading corrects it.
        """
        if self.governed_w is None or (self.tree.caps_w[GRID] is None and GRID not in self.tree.firm_w):
            return 0
        return max(0, self.tree.without_battery_w - max(0, self.governed_w - self.counted_w))

    @property
    def counted_w(self) -> int:
        """Return what counts as base load now, W (`csms.core.metering`)."""
        return self.station.static_load_w if self.station.site_meter is None else self.base_load.counted_w

    @property
    def base_load_w(self) -> int:
        """Return what counts as base load where power is firm, W: its configured maximum at least."""
        return max(self.station.static_load_w, self.counted_w)

    @property
    def zone(self) -> tzinfo:
        """Return the rules of the station's clock."""
        return self.zones(self.station.time_zone)

    def connector(self, key: ConnectorKey) -> Connector | None:
        """Return a connector, or None when there is none of that key."""
        charger = self.chargers.get(key.charger_id)
        return None if charger is None else charger.connectors.get(key.idx)

    def is_overbooked(self, charger_id: ChargerId) -> bool:
        """Return whether one of a charger's rows was above its capacity when the last plan was made."""
        return not self.overbooked.keys().isdisjoint(self.tree.rows[charger_id])

    def take_token(self) -> Token:
        """Return the next token."""
        token = Token(self.next_token)
        self.next_token += 1
        return token

    def take_transaction_id(self) -> TransactionId:
        """Return the next transaction id."""
        transaction_id = TransactionId(self.next_transaction_id)
        self.next_transaction_id += 1
        return transaction_id

    def take_rank(self) -> int:
        """Return the next place in the order of arrival."""
        rank = self.next_rank
        self.next_rank += 1
        return rank
