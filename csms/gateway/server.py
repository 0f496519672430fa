"""The listener for chargers: who is let in, and why others are not (OCPP-J 1.6 §3).

A handshake is judged in this order: too many others half-open, in all or from that address → the TCP connection is
aborted; TLS that fails → likewise; no WebSocket handshake → the HTTP status that `websockets` chooses; no, a malformed
or an unknown charger id, or a charger that is not steered over OCPP → 404 (a whole address in place of an id is as good
as the id at its end); not proven who it is, or not allowed from where it comes → 401, 403 or 429
(`csms.gateway.admission`); no common version → 101 without the subprotocol header, then close 1002 (§3.2). A charger
with `assumeOcpp16` may leave the subprotocol out. Every refusal is remembered for the operator and logged. Where the
setting says so, an unknown charger is not refused but let in as a guest (`csms.gateway.guests`).

Refusing costs, too. Who comes over the network is told after a while, so that knocking again and again takes long
there and not here; an address that connects more often than a large site that comes back is cut off before it has said
anything; and of one address refusals are not logged more often than once a second in the long run.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from time import process_time
from typing import Any, cast

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from csms.buckets import Buckets, Rate, who_is
from csms.core.charger_access import Profile
from csms.core.ids import ChargerId
from csms.gateway.admission import Admission, Admitted, Knocker, Refusal, may_be_guest
from csms.gateway.answers import Services
from csms.gateway.budget import Budgets
from csms.gateway.connection import ChargerConnection
from csms.gateway.guests import Guests, Host
from csms.gateway.half_open import HalfOpen
from csms.gateway.origins import Origin, Origins, Reach
from csms.gateway.paths import charger_id_in
from csms.gateway.registry import LinkRegistry
from csms.gateway.tls import Certificates
from csms.gateway.tls_door import SecureConnection, TlsDoor
from csms.gateway.unproven import Unproven
from csms.ports import StoreError
from csms.runtime.charger_access import AccessBook
from csms.runtime.knocking import KnockingLog
from csms.settings import UnknownChargers

OCPP16 = Subprotocol("ocpp1.6")

CONNECTIONS = Rate(burst=2_000, each_ms=20)
"""TCP connections of one address: a large site behind one that comes back at once, and its chargers that try again."""

REFUSALS_LOGGED = Rate(burst=30, each_ms=1_000)
"""Of one address at WARNING; what goes beyond is logged at DEBUG. The count of a knock (`refused` so far) goes on."""

ADDRESSES_MAX = 4_096

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
        open_timeout_s: for the handshake, and before it for that of TLS.
        close_timeout_s: for the closing handshake, before the socket is aborted.
        backlog: connections that the kernel holds for us; reconnect storms need many.
        unknown_chargers: what becomes of chargers that are not configured.
        tls_port: of the listener for TLS, if there are certificates.
        trusted_proxies: addresses of reverse proxies that are believed.
        rate_per_s: what each charger may have read a second (`csms.gateway.budget`); 0: any number.
        refusal_pause_s: who is refused and is not on this machine is told after so long.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    max_half_open: int = 8192
    open_timeout_s: float = 20.0
    close_timeout_s: float = 2.0
    backlog: int = 4096
    unknown_chargers: UnknownChargers = UnknownChargers.REFUSE
    tls_port: int = 0
    trusted_proxies: tuple[str, ...] = ()
    rate_per_s: int = 10
    refusal_pause_s: float = 1.0


class Gateway:
    """The WebSocket server of one station, with one listener or, where there are certificates, two.

    `computed_ms` says for how long this process has computed so far.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        services: Services,
        registry: LinkRegistry,
        knocks: KnockingLog,
        access: AccessBook,
        certificates: Certificates | None = None,
        computed_ms: Callable[[], float] = lambda: 1_000 * process_time(),
    ) -> None:
        self._settings = settings
        self._services = services
        self._registry = registry
        self._knocks = knocks
        self._access = access
        self._certificates = certificates
        self._admission = Admission()
        self._origins = Origins(settings.trusted_proxies)
        self._unproven = Unproven(services.desk.view, services.clock)
        self._half_open = HalfOpen(settings.max_half_open)
        self._budgets = Budgets(settings.rate_per_s, computed_ms)
        self._connections = Buckets(CONNECTIONS, ADDRESSES_MAX)
        self._logged = Buckets(REFUSALS_LOGGED, ADDRESSES_MAX)
        self._doors: set[TlsDoor] = set()
        self.guests = Guests(Host(settings.unknown_chargers, knocks, services.clock), self._is_stranger)
        self._server: Server | None = None
        self._tls_server: Server | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on without TLS."""
        assert self._server is not None, "started"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def tls_port(self) -> int | None:
        """Return the port that is listened on with TLS; None: there are no certificates."""
        return None if self._tls_server is None else int(self._tls_server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; raise OSError when the address cannot be had (`start_tls` likewise, for the other listener)."""
        watchers = self._services.desk.view.watchers
        watchers.append(self.guests.station_changed)
        watchers.append(self._unproven.station_changed)
        self._server = await self._listen(self._settings.port, self._new_connection)

    async def start_tls(self) -> None:
        """Listen with TLS as well, if there are certificates."""
        if self._certificates is not None:
            self._tls_server = await self._listen(self._settings.tls_port, self._new_secure_connection)

    def _new_connection(self, *given: Any, **settings: Any) -> ChargerConnection:
        mono_ms = partial(_mono_ms, self._services)
        return ChargerConnection(*given, watch=self, mono_ms=mono_ms, **settings)

    def _new_secure_connection(self, *given: Any, **settings: Any) -> SecureConnection:
        mono_ms = partial(_mono_ms, self._services)
        return SecureConnection(*given, new_door=self._new_door, watch=self, mono_ms=mono_ms, **settings)

    def _new_door(self, connection: ChargerConnection) -> TlsDoor:
        assert self._certificates is not None, "a listener for TLS has certificates"
        return TlsDoor(connection, self._certificates.context, self, self._settings.open_timeout_s)

    async def _listen(self, port: int, new_connection: Callable[..., ChargerConnection]) -> Server:
        return await serve(
            self._handle,
            self._settings.host,
            port,
            select_subprotocol=_select_subprotocol,
            process_request=self._process_request,
            process_response=self._process_response,
            compression=None,
            server_header=None,
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=self._settings.open_timeout_s,
            close_timeout=self._settings.close_timeout_s,
            ping_interval=None,  # each link pings by itself, after silence only
            create_connection=cast("type[ServerConnection]", new_connection),  # any factory of protocols will do
            backlog=self._settings.backlog,
        )

    async def stop(self) -> None:
        """Stop listening and close every connection with 1001."""
        servers = [server for server in (self._server, self._tls_server) if server is not None]
        for server in servers:
            server.close()
        for door in self._doors:
            door.abort()
        await asyncio.gather(*(server.wait_closed() for server in servers))

    # --- handshakes ---------------------------------------------------------------------------------------------------

    def connection_entered(self, connection: ChargerConnection) -> bool:
        """Count a TCP connection without a handshake; False when there are too many."""
        is_new = not isinstance(connection, SecureConnection)  # else its door was
        return self._entered(connection, connection.remote, is_new=is_new)

    def connection_left(self, connection: ChargerConnection) -> None:
        """Forget a connection; one that spoke, but no HTTP, is remembered as a knock."""
        self._half_open.leave(connection)
        if connection.request is None and connection.bytes_seen > 0:
            self._refused(connection.remote, "", "", "not_http")

    def frames_read(self, connection: ChargerConnection, frames: int, size_bytes: int) -> float:
        """Charge a charger for what was read of it; return for how long it is not to be read on, ms."""
        if not frames and not connection.charger_id:
            return 0.0  # a handshake, which has bounds of its own
        now_ms = connection.last_frame_ms if frames else _mono_ms(self._services)
        return self._budgets.spend(connection.charger_id, frames, size_bytes, now_ms)

    def door_entered(self, door: TlsDoor) -> bool:
        """Count a TCP connection on which TLS is to be spoken; False when there are too many."""
        has_room = self._entered(door, door.remote, is_new=True)
        if has_room:
            self._doors.add(door)
        return has_room

    def door_left(self, door: TlsDoor, failure: str | None) -> None:
        """Forget it; one that failed is remembered as a knock."""
        self._doors.discard(door)
        self._half_open.leave(door)
        if failure is not None:
            self._refused(door.remote, "", "", "no_tls", detail=failure)

    def _entered(self, one: ChargerConnection | TlsDoor, remote: str, *, is_new: bool) -> bool:
        stands_for_many = self._origins.stands_for_many(remote)
        is_charged = is_new and not stands_for_many
        if is_charged and self._connections.take(who_is(remote), _mono_ms(self._services)) > 0:
            self._refused(remote, "", "", "too_many_connections")
            return False
        has_room = self._half_open.enter(one, remote, stands_for_many=stands_for_many)
        if not has_room:
            self._refused(remote, "", "", "too_many_half_open")
        return has_room

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, ChargerConnection), "made by our factory"
        origin = self._origins.of(connection.remote, request.headers, encrypted=connection.is_encrypted)
        response = await self._judged(connection, request, origin)
        if response is not None and origin.reach is not Reach.LOOPBACK:
            await asyncio.sleep(self._settings.refusal_pause_s)
        return response

    async def _judged(self, connection: ChargerConnection, request: Request, origin: Origin) -> Response | None:
        """Return how a handshake is turned away, or None: it may go on."""
        if origin.address != connection.remote:
            connection.forwarded_for = origin.address or f"behind {connection.remote}"
        charger_id = self._identity_in(request.path)
        reason = self._refusal(charger_id)
        if reason == _STRANGER:
            assert charger_id, "the id of an unknown charger"
            reason = self._guest_refusal(charger_id, origin)
        elif reason is None:
            assert charger_id, "checked"
            refusal = await self._unadmitted(connection, ChargerId(charger_id), origin)
            if refusal is not None:
                said, headers = refusal.said, refusal.headers
                return self._turned_away(connection, charger_id, refusal.reason, refusal.status, said, headers)
        if reason is not None:
            said = _EXPLANATIONS[reason]
            return self._turned_away(connection, charger_id or "", reason, HTTPStatus.NOT_FOUND, said, {})
        assert charger_id, "checked"
        connection.charger_id = charger_id
        return None

    async def _unadmitted(self, connection: ChargerConnection, charger_id: ChargerId, origin: Origin) -> Refusal | None:
        """Return why a charger may not come in; let in, how it proved who it is is durable, or not yet believed."""
        assert connection.request is not None, "it is being judged"
        now = self._services.clock.now()
        knocker = Knocker(origin, connection.request.headers, connection.certificate, now.wall_ms)
        access = self._access.find(charger_id)
        found = self._admission.judge(access, knocker, now.mono_ms)
        if isinstance(found, Refusal):
            return found
        assert isinstance(found, Admitted), "there is nothing else"
        try:
            await self._access.used(access, found.profile, found.grade, origin.network)
        except StoreError as error:
            # It has proven who it is. What is not remembered of it is found out again when it comes next.
            _log.warning("handshake.not_remembered", charger_id=charger_id, error=str(error))
        is_exposed = found.profile is Profile.NONE and origin.reach is not Reach.LOOPBACK
        self._unproven.came(charger_id, origin.address if is_exposed else None)
        return None

    def _turned_away(
        self,
        connection: ChargerConnection,
        charger_id: str,
        reason: str,
        status: HTTPStatus,
        said: str,
        headers: Mapping[str, str],
    ) -> Response:
        assert connection.request is not None, "it was judged"
        self._refused(connection.remote, connection.request.path, charger_id, reason)
        connection.charger_id = ""
        response = connection.respond(status, f"{said}\n")
        response.headers.update(headers)
        return response

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

    def _guest_refusal(self, charger_id: str, origin: Origin) -> str | None:
        """Return why an unknown charger may not even be a guest, or None."""
        if self._settings.unknown_chargers is UnknownChargers.REFUSE or not may_be_guest(origin):
            return _STRANGER
        return None if self.guests.has_room_for(charger_id) else "too_many_guests"

    def _process_response(self, connection: ServerConnection, request: Request, response: Response) -> None:
        assert isinstance(connection, ChargerConnection), "made by our factory"
        if connection.charger_id and response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refused(connection.remote, request.path, connection.charger_id, "bad_handshake")

    def _refused(self, remote: str, path: str, charger_id: str, reason: str, **more: str) -> None:
        wall_ms = self._services.clock.now().wall_ms
        knock = self._knocks.record(charger_id, remote, path, reason, wall_ms=wall_ms)
        is_loud = self._logged.take(who_is(knock.remote), self._services.clock.now().mono_ms) == 0
        log = _log.warning if is_loud else _log.debug
        log(
            "handshake.refused",
            reason=reason,
            charger_id=knock.charger_id,
            remote=knock.remote,
            path=knock.path,
            count=knock.count,
            **more,
        )

    # --- connections --------------------------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ChargerConnection), "made by our factory"
        charger_id = ChargerId(connection.charger_id)
        is_guest = self._settings.unknown_chargers is not UnknownChargers.REFUSE and self._is_stranger(charger_id)
        reason = self._version_refusal(connection, charger_id, is_guest=is_guest)
        if reason is not None:
            self._refused(connection.remote, _path(connection), charger_id, reason)
            await connection.close(CloseCode.PROTOCOL_ERROR, _EXPLANATIONS[reason])
            return
        if is_guest and not self.guests.has_room_for(charger_id):
            self._refused(connection.remote, _path(connection), charger_id, "too_many_guests")
            await connection.close(CloseCode.TRY_AGAIN_LATER, _EXPLANATIONS["too_many_guests"])
            return
        self._half_open.leave(connection)  # only now: those that are being turned away count, too
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


def _path(connection: ChargerConnection) -> str:
    assert connection.request is not None, "the handshake is over"
    return connection.request.path


def _mono_ms(services: Services) -> int:
    return services.clock.now().mono_ms


def _select_subprotocol(connection: Any, offered: Sequence[Subprotocol]) -> Subprotocol | None:  # noqa: ARG001
    return OCPP16 if OCPP16 in offered else None
