"""What the REST edge is given to work with; the composition root fills it in."""

from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass
from typing import Protocol

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.events import BootInfo
from csms.core.ids import ChargerId, SessionId
from csms.energy.pushed import NotPushed
from csms.ports import CampaignLedger, CommandLedger, Transactions
from csms.runtime.audit import AuditBook
from csms.runtime.charger_access import AccessBook, KeyTold
from csms.runtime.desk import StationDesk
from csms.runtime.id_tags import TagBook
from csms.runtime.local_lists import LocalLists
from csms.runtime.messages import Messages

WAIT_S_DEFAULT = 30
WAIT_S_MAX = 300


def _no_battery(_: BatteryReading) -> NotPushed:
    return NotPushed()


class Knock(Protocol):
    """Somebody who asked to connect as a charger and was not let in."""

    @property
    def charger_id(self) -> str:
        """The identity that it claimed, percent-decoded."""
        ...

    @property
    def remote(self) -> str:
        """The address that it came from."""
        ...

    @property
    def path(self) -> str:
        """The path that it asked for, as it came."""
        ...

    @property
    def reason(self) -> str:
        """Why it was not let in."""
        ...

    @property
    def first_ms(self) -> int:
        """When it first knocked, UTC ms."""
        ...

    @property
    def last_ms(self) -> int:
        """When it last knocked, UTC ms."""
        ...

    @property
    def count(self) -> int:
        """How often it knocked."""
        ...

    @property
    def boot(self) -> BootInfo | None:
        """What it said of itself, if it was let in far enough to say it."""
        ...


class SessionMemory(Transactions, CommandLedger, CampaignLedger, Protocol):
    """What the store remembers of sessions, commands and campaigns (with a part of `csms.ports.Store`)."""

    async def find_session(self, session_id: SessionId) -> bool:
        """Return whether a session of that id ever existed."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the routes use.

    Attributes:
        desk: the station's loop.
        store: asked whether a session ever existed, for transactions, commands and campaigns.
        knocking: who asked to connect as a charger and was not let in, bounded.
        new_id: a fresh id of a session, a command or a campaign, unique for ever.
        end_safe_mode: has the loop go on as usual, if it runs in safe mode.
        virtual_tag: id tag of a remote start whose client names none.
        time_zones: the IANA names that a configuration may use.
        id_tags: who may charge, as listed.
        messages: the last frames of each charger.
        audit: who has changed what.
        local_lists: the id tags that chargers hold by themselves.
        charger_access: how chargers prove who they are.
        change_key: tells a connected charger its next key.
        wall_ms: now, UTC ms.
        push_battery: takes how a battery stands whose controller calls, and returns what it is to do.
        wait_s: how long a request waits for a charger unless it says `?wait=`.
    """

    desk: StationDesk
    store: SessionMemory
    knocking: Callable[[], Sequence[Knock]]
    new_id: Callable[[], str]
    end_safe_mode: Callable[[], None]
    virtual_tag: str
    time_zones: Container[str]
    id_tags: TagBook
    messages: Messages
    audit: AuditBook
    local_lists: LocalLists
    charger_access: AccessBook
    change_key: Callable[[ChargerId, str], Awaitable[KeyTold]]
    wall_ms: Callable[[], int]
    push_battery: Callable[[BatteryReading], SetBattery | NotPushed | None] = _no_battery
    wait_s: int = WAIT_S_DEFAULT
