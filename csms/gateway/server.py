"""The listener for chargers: who is let in, and why others are not (OCPP-J 1.6 §3).

A handshake is judged in this order: too many others half-open → the TCP connection is aborted; no WebSocket handshake →
the HTTP status that `websockets` chooses; no, a malformed or an unknown charger id, or a charger that is not steered
over OCPP → 404 (a whole address in place of an id is as good as the id at its end); no common version → 101 without the
subprotocol header, then close 1002 (§3.2). A charger with `assumeOcpp16` may leave the subprotocol out. Every refusal
is logged and remembered for the operator. Where the setting says so, an unknown charger is not refused but let in as a
guest (`csms.gateway.guests`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from csms.core.ids import ChargerId
from csms.gateway.answers import Services
from csms.gateway.connection import ChargerConnection
from csms.gateway.guests import Guests, Host
from csms.gateway.paths import charger_id_in
from csms.gateway.registry import LinkRegistry
from csms.runtime.knocking import KnockingLog
from csms.settings import UnknownChargers

OCPP16 = Subprotocol("ocpp1.6")

MAX_MESSAGE_BYTES = 1_048_576
"""A longer message closes its connection with 1009.

The longest is a StopTransaction with the transactionData of a long session, and one that is longer is never delivered:
its transaction ends as one without a stop. There is room for some 14,000 bare elements (a time and a value; 39 h at one
each 10 s), 5,400 of one value with all its fields (15 h) or 3,200 of two such values (9 h). It is not more because
every connection may hold so much in memory at once, and because everybody waits while it is read: a tenth of a second,
or twice that for the worst that fits in. So much only because no more elements are read than come with their times
(`csms.ocpp16.meter_values.READ_MAX`): as many empty ones as fit in would take seconds.
"""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where and how chargers are listened for.

    Attributes:
        port: 0 takes any free one.
        max_half_open: TCP connections without a finished handshake; a whole fleet may come back in one moment, and each
            costs less than 20 KiB until its time is over.
        open_timeout_s: for the handshake.
        close_timeout_s: for the closing handshake, before the socket is aborted.
        backlog: connections that the kernel holds for us; reconnect storms need many.
        unknown_chargers: what becomes of chargers that are not configured.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    max_half_open: int = 8192
    open_timeout_s: float = 20.0
    close_timeout_s: float = 2.0
    backlog: int = 4096
    unknown_chargers: UnknownChargers = UnknownChargers.REFUSE


class Gateway:
    """The WebSocket server of one station."""

    def __init__(
        self, settings: GatewaySettings, services: Services, registry: LinkRegistry, knocks: KnockingLog
    ) -> None:
        self._settings = settings
        self._services = services
        self._registry = registry
        self._knocks = knocks
        self._half_open: set[ChargerConnection] = set()
        self.guests = Guests(Host(settings.unknown_chargers, knocks, services.clock), self._is_stranger)
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None, "started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; raise OSError when the address cannot be had."""
        self._services.desk.view.watchers.append(self.guests.station_changed)
        factory = partial(ChargerConnection, watch=self, mono_ms=lambda: self._services.clock.now().mono_ms)
        self._server = await serve(
            self._handle,
            self._settings.host,
            self._settings.port,
            select_subprotocol=_select_subprotocol,
            process_request=self._process_request,
            process_response=self._process_response,
            compression=None,
            server_header=None,
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=self._settings.open_timeout_s,
            close_timeout=self._settings.close_timeout_s,
            ping_interval=None,  # each link pings by itself, after silence only
            create_connection=cast("type[ServerConnection]", factory),
            backlog=self._settings.backlog,
        )

    async def stop(self) -> None:
        """Stop listening and close every connection with 1001."""
        assert self._server is not None, "started"
        self._server.close()
        await self._server.wait_closed()

    # --- handshakes ---------------------------------------------------------------------------------------------------

    def connection_entered(self, connection: ChargerConnection) -> bool:
        """Count a TCP connection without a handshake; False when there are too many."""
        if len(self._half_open) >= self._settings.max_half_open:
            self._refused(connection, "", "too_many_half_open")
            return False
        self._half_open.add(connection)
        return True

    def connection_left(self, connection: ChargerConnection) -> None:
        """Forget a connection; one that spoke, but no HTTP, is remembered as a knock."""
        self._half_open.discard(connection)
        if connection.request is None and connection.bytes_seen > 0:
            self._refused(connection, "", "not_http")

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, ChargerConnection), "made by our factory"
        charger_id = self._identity_in(request.path)
        reason = self._refusal(charger_id)
        if reason == _STRANGER:
            assert charger_id, "the id of an unknown charger"
            reason = self._guest_refusal(charger_id)
        if reason is not None:
            self._refused(connection, charger_id or "", reason)
            connection.charger_id = ""
            return connection.respond(HTTPStatus.NOT_FOUND, f"{_EXPLANATIONS[reason]}\n")
        assert charger_id, "checked"
        connection.charger_id = charger_id
        return None

    def _identity_in(self, path: str) -> str | None:
        """Return the charger id; of one that gave its whole address as its id the end of that, if it is let in."""
        charger_id = charger_id_in(path)
        if charger_id is None or not self._is_stranger(charger_id):
            return charger_id
        last = charger_id_in(charger_id)
        return last if self._refusal(last) is None else charger_id

    def _refusal(self, charger_id: str | None) -> str | None:
        """Return why a charger of that id may not come in, or None."""
        if charger_id is None:
            return "malformed_charger_id"
        if not charger_id:
            return "no_charger_id"
        view = self._services.desk.view
        charger = view.chargers.get(ChargerId(charger_id))
        if charger is not None and charger.served:
            return None
        return _STRANGER if view.station.charger(ChargerId(charger_id)) is None else "not_over_ocpp"

    def _is_stranger(self, charger_id: str) -> bool:
        return self._refusal(charger_id) == _STRANGER

    def _guest_refusal(self, charger_id: str) -> str | None:
        """Return why an unknown charger may not even be a guest, or None."""
        if self._settings.unknown_chargers is UnknownChargers.REFUSE:
            return _STRANGER
        return None if self.guests.has_room_for(charger_id) else "too_many_guests"

    def _process_response(self, connection: ServerConnection, request: Request, response: Response) -> None:  # noqa: ARG002
        assert isinstance(connection, ChargerConnection), "made by our factory"
        if connection.charger_id and response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refused(connection, connection.charger_id, "bad_handshake")

    def _refused(self, connection: ChargerConnection, charger_id: str, reason: str) -> None:
        path = connection.request.path if connection.request is not None else ""
        wall_ms = self._services.clock.now().wall_ms
        knock = self._knocks.record(charger_id, connection.remote, path, reason, wall_ms=wall_ms)
        _log.warning(
            "handshake.refused",
            reason=reason,
            charger_id=knock.charger_id,
            remote=knock.remote,
            path=knock.path,
            count=knock.count,
        )

    # --- connections --------------------------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ChargerConnection), "made by our factory"
        charger_id = ChargerId(connection.charger_id)
        is_guest = self._settings.unknown_chargers is not UnknownChargers.REFUSE and self._is_stranger(charger_id)
        reason = self._version_refusal(connection, charger_id, is_guest=is_guest)
        if reason is not None:
            self._refused(connection, charger_id, reason)
            await connection.close(CloseCode.PROTOCOL_ERROR, _EXPLANATIONS[reason])
            return
        if is_guest and not self.guests.has_room_for(charger_id):
            self._refused(connection, charger_id, "too_many_guests")
            await connection.close(CloseCode.TRY_AGAIN_LATER, _EXPLANATIONS["too_many_guests"])
            return
        self._half_open.discard(connection)  # only now: those that are being turned away count, too
        connection.forget_handshake()
        if is_guest:
            await self.guests.serve(charger_id, connection)
            return
        await self._registry.open(charger_id, connection, self._services).run()

    def _version_refusal(self, connection: ChargerConnection, charger_id: ChargerId, *, is_guest: bool) -> str | None:
        if connection.subprotocol is not None:
            return None
        assert connection.request is not None, "the handshake is over"
        if connection.request.headers.get_all("Sec-WebSocket-Protocol"):
            return "no_common_version"
        charger = self._services.desk.view.station.charger(charger_id)
        # A draining charger's setting is gone with its configuration; it was let in before.
        is_assumed = not is_guest if charger is None else charger.assume_ocpp16
        return None if is_assumed else "no_subprotocol"


_STRANGER = "unknown_charger"

_EXPLANATIONS = {
    "malformed_charger_id": "The charger id in the address is not valid percent-encoded UTF-8 text.",
    "no_charger_id": "The address ends without a charger id.",
    _STRANGER: "No charger of this id is configured.",
    "too_many_guests": "Too many chargers that are not configured are connected.",
    "not_over_ocpp": "This charger is configured without OCPP.",
    "no_common_version": "Only ocpp1.6 is spoken here.",
    "no_subprotocol": "The subprotocol ocpp1.6 was not offered.",
}


def _select_subprotocol(connection: Any, offered: Sequence[Subprotocol]) -> Subprotocol | None:  # noqa: ARG001
    return OCPP16 if OCPP16 in offered else None
