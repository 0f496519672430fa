"""Where a simulated charger may differ from the well-behaved one.

Theory of operation. The charger's own code does what the specification asks. At a few places, each of which belongs to
one way in which real chargers differ, it consults a `Traits`: how it shakes hands, what becomes of its frames, what it
keeps to say, which profiles it takes and how it obeys them, which configuration keys it shows, and what it does by
itself when something happens. `WELL_BEHAVED` changes nothing anywhere. A character (`simulators.characters`) fills some
of these places in; several are joined by `combined`: functions run one after the other, and of the single choices each
may be made by one of them only.

Functions that need a memory are made anew for each charger; no trait is shared between two.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from simulators.configuration import Key
from simulators.meter import Reading
from simulators.outbox import Message
from simulators.profiles import Capabilities, Profile, ProfileBook

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.connector import Connector


class Boots(StrEnum):
    """When a charger sends BootNotification."""

    ONCE = "once"
    """After power-up and reboot, until accepted; a lost socket changes nothing (OCPP-J §5.4)."""
    EACH_CONNECTION = "each connection"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Asked:
    """A CALL of the central system."""

    unique_id: str
    action: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """The frame that answers a CALL, and how long it is held back."""

    frame: list[Any]
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A CALLERROR with its code."""

    code: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A profile that the central system wants to install; connector 0 is the whole charger."""

    connector_id: int
    profile: Profile


Happens = Callable[["Charger"], None]
AlterCall = Callable[["Charger", str, Any], Any]
AlterText = Callable[[str], Iterable[str]]
AlterAnswer = Callable[["Charger", Asked, Answer], Answer | None]
AnswerInstead = Callable[["Charger", Asked], dict[str, Any] | Failure | None]
Hear = Callable[["Charger", list[Any]], bool]
Queue = Callable[["Charger", Message], Iterable[Message]]
Read = Callable[["Connector", Reading], Reading]
Refuse = Callable[["Charger", Offer], str | None]
Keep = Callable[["Charger", Offer], Profile | None]
Obey = Callable[["Connector | None", int, int, int], int]


def plain_address(url: str, charger_id: str) -> str:
    """Return the address of a charger: the URL and, percent-encoded, its id (OCPP-J §3.1.1)."""
    return f"{url.rstrip('/')}/{quote(charger_id, safe='')}"


def new_uuid() -> str:
    """Return a message id that is never used again (OCPP-J §4.1.4)."""
    return str(uuid.uuid4())


def _functions() -> Any:
    """Declare a place that any number of functions may fill."""
    return field(default=(), metadata={"joined": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Every place where a charger may differ.

    Attributes:
        address: makes the address from the URL and the charger's id.
        subprotocols: what is offered in the handshake; empty: the header is left out.
        omitted_headers: header fields of the handshake that are forgotten.
        pongs: whether WebSocket pings are answered.
        abandons_sockets: a socket that it gives up is left open and silent instead of being closed.
        boots: when BootNotification is sent.
        boot_delay_ms: how long after the connection.
        any_transaction: whether a TxProfile is taken that names another transaction than the running one.
        new_id: makes the ids of its CALLs.
        book: keeps the installed profiles.
        calls: alter the payload of its CALLs (camel-case keys), before they become text.
        texts: alter any frame of its own as text; several texts are several frames.
        hear: look at an incoming frame; False drops it unread.
        instead: answer a CALL without handling it; None handles it.
        answers: alter, delay or (None) withhold the answer to a CALL.
        queue: alter what it is about to keep for sending: nothing, one message or several.
        read: alter what the meter of a connector shows.
        capabilities: alter what it can do with profiles.
        keys: alter the table of configuration keys.
        refuse: give a reason why a profile is not taken, None to leave that to others.
        keep: alter a profile that was taken; None forgets it at once.
        obey: (connector, None for the charger as a whole; instant, ms; limit, W; hardware's maximum, W) -> limit, W.
        built, connected, accepted, stepped, rebooted: act at these moments.
    """

    address: Callable[[str, str], str] = plain_address
    subprotocols: Sequence[str] = ("ocpp1.6",)
    omitted_headers: frozenset[str] = frozenset()
    pongs: bool = True
    abandons_sockets: bool = False
    boots: Boots = Boots.ONCE
    boot_delay_ms: int = 0
    any_transaction: bool = False
    new_id: Callable[[], str] = new_uuid
    book: type[ProfileBook] = ProfileBook
    calls: Sequence[AlterCall] = _functions()
    texts: Sequence[AlterText] = _functions()
    hear: Sequence[Hear] = _functions()
    instead: Sequence[AnswerInstead] = _functions()
    answers: Sequence[AlterAnswer] = _functions()
    queue: Sequence[Queue] = _functions()
    read: Sequence[Read] = _functions()
    capabilities: Sequence[Callable[[Capabilities], Capabilities]] = _functions()
    keys: Sequence[Callable[[list[Key]], list[Key]]] = _functions()
    refuse: Sequence[Refuse] = _functions()
    keep: Sequence[Keep] = _functions()
    obey: Sequence[Obey] = _functions()
    built: Sequence[Happens] = _functions()
    connected: Sequence[Happens] = _functions()
    accepted: Sequence[Happens] = _functions()
    stepped: Sequence[Happens] = _functions()
    rebooted: Sequence[Happens] = _functions()


WELL_BEHAVED = Traits()


@dataclass(frozen=True, slots=True)
class Clash:
    """Two sets of traits make the same choice differently; `choice` is its name."""

    choice: str


def combined(first: Traits, second: Traits) -> Traits | Clash:
    """Return traits with the deviations of both, those of the first acting first."""
    joined: dict[str, Any] = {}
    for place in dataclasses.fields(Traits):
        one, other = getattr(first, place.name), getattr(second, place.name)
        if place.metadata.get("joined"):
            joined[place.name] = (*one, *other)
        elif one in (place.default, other):
            joined[place.name] = other
        elif other == place.default:
            joined[place.name] = one
        else:
            return Clash(place.name)
    return Traits(**joined)
