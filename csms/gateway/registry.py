"""Which connection is a charger's current one, and the way to it (`csms.ports.ChargerLinks`).

The newest connection of a charger wins: chargers reconnect long before a server notices that the old socket is dead,
and refusing the new one makes them try for ever. The old link ends first, then the new one begins, so the facts of one
charger never interleave; the old link's clean-up touches nothing of the new one.
"""

import itertools
import secrets
from collections.abc import Callable

from csms.core.commands import AbortConnection, Command
from csms.core.events import CallAnswered, CallErrored, CallTimedOut, CallUnsent
from csms.core.ids import ChargerId, ConnectionId
from csms.gateway.answers import Services
from csms.gateway.connection import ChargerConnection
from csms.gateway.link import Link
from csms.ocpp16.peer import Peer
from csms.ocpp16.translate import UNREADABLE
from csms.runtime.charger_access import KeyTold
from csms.runtime.desk import ChargersDesk


class LinkRegistry:
    """The current link of each charger.

    Args:
        desk: returns the station's desk; asked on use, because desk and registry need each other.
        process_prefix: makes message ids of this process unlike those of any other run; random when left out.
    """

    def __init__(self, desk: Callable[[], ChargersDesk], process_prefix: str | None = None) -> None:
        self._desk = desk
        self._process_prefix = secrets.token_hex(6) if process_prefix is None else process_prefix
        self._connection_ids = itertools.count(1)
        self._links: dict[ChargerId, Link] = {}
        self._slowest_answer_ms: dict[ChargerId, int] = {}

    def __len__(self) -> int:
        return len(self._links)

    def open(self, charger_id: ChargerId, connection: ChargerConnection, services: Services) -> Link:
        """Make `connection` the charger's current one; the one before is aborted."""
        before = self._links.get(charger_id)
        if before is not None:
            before.shutdown("replaced by a newer connection")
        connection_id = ConnectionId(next(self._connection_ids))
        peer = Peer(
            f"{self._process_prefix}-{connection_id:x}-",
            slowest_answer_ms=self._slowest_answer_ms.get(charger_id, 0),
        )
        link = Link(charger_id, connection_id, connection, peer, services, self._closed, takes_over=before is not None)
        self._links[charger_id] = link
        return link

    def _closed(self, link: Link) -> None:
        self._slowest_answer_ms[link.charger_id] = link.peer.slowest_answer_ms
        if self._links.get(link.charger_id) is link:
            del self._links[link.charger_id]

    def send(self, command: Command) -> None:
        """Queue a command on its connection; on one that is gone a CALL counts as unsent. Never blocks or raises."""
        link = self._links.get(command.charger_id)
        current = link if link is not None and link.connection_id == command.connection else None
        if isinstance(command, AbortConnection):
            if current is not None:
                current.shutdown(command.reason)
        elif current is None:
            self._desk().submit(CallUnsent(command.token))
        else:
            current.send(command)

    async def change_key(self, charger_id: ChargerId, key: str) -> KeyTold:
        """Tell a charger its next key, as 40 hex digits; it is in no record, and masked in whatever shows frames."""
        link = self._links.get(charger_id)
        if link is None:
            return KeyTold.NOT_SENT
        fact = await link.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": key})
        match fact:
            case CallUnsent():
                return KeyTold.NOT_SENT
            case CallTimedOut():
                return KeyTold.UNANSWERED
            case CallAnswered(status="Accepted"):
                return KeyTold.TAKEN
            case CallAnswered(status="RebootRequired"):
                return KeyTold.AT_BOOT
            case CallAnswered(status="Rejected" | "NotSupported"):
                return KeyTold.REFUSED
            case CallErrored(code=code) if code != UNREADABLE:
                return KeyTold.REFUSED
        return KeyTold.UNANSWERED  # who answers with anything else may have taken it

    def poll(self) -> None:
        """Do what is due on every link now (its own timer does the same in time)."""
        for link in list(self._links.values()):
            link.poll()
