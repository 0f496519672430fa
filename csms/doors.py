"""Doors: where the process listens, who can come in by each, and clear words when one cannot be opened."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import structlog
import uvicorn

from csms.core.station import Control, Station
from csms.settings import is_loopback

_log = structlog.get_logger()

GRACE_S = 3
"""On the way down unfinished requests get so long: a client that never sends the rest of its body must not keep the
process alive. With the chargers' closing handshakes before it this stays well below the 10 s after which container
engines kill."""

_HINTS = {
    errno.EADDRINUSE: "another process is using it: choose another with {port}, or {port} 0 for any free one",
    errno.EACCES: "ports below 1024 need a privilege: choose another with {port}, or {port} 0 for any free one",
}
_HINT_ADDRESS = "is it an address of this machine? choose another with {host}"


class DoorShutError(Exception):
    """A door cannot be opened; `lines` say why and what to do."""

    def __init__(self, what: str, host: str, port: int, flag: str, error: OSError) -> None:
        # The event loop wraps the system's words in its own; a name that is not found has no positive number.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or error
        self.lines = (
            f"{what} cannot listen on {host} port {port}: {reason}",
            _HINTS.get(number, _HINT_ADDRESS).format(port=flag, host=flag.replace("tls-", "").replace("port", "host")),
        )
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the process listens, with the ports really taken."""

    rest_host: str
    rest_port: int
    ocpp_host: str
    ocpp_port: int
    rest_needs_keys: bool = False
    tls_port: int | None = None
    asks_certificates: bool = False


class RestServer(uvicorn.Server):
    """uvicorn inside our own process: signals stay ours, and it says when it accepts requests."""

    def __init__(self, app: object) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]  # an ASGI application is any callable to us
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who asks is who connects: what a header says of that anybody can write
                ws="none",
                timeout_graceful_shutdown=GRACE_S + 1,  # the last resort, should an abort not end a request,
            )
        )
        self.accepting = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the composition root."""
        yield

    def abort_connections(self) -> None:
        """Cut off whoever is still connected; a request that waits for the rest of its body ends with that."""
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport is not None:
                _log.warning("rest.request_cut_off", remote=transport.get_extra_info("peername"))
                transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting requests."""
        await super().startup(sockets)
        self.accepting.set()


@contextlib.asynccontextmanager
async def rest_served(server: RestServer, bound: socket.socket) -> AsyncIterator[None]:
    """Serve REST on a bound socket for as long as the context lasts."""
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="REST server")
    await server.accepting.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=GRACE_S)
        server.abort_connections()
        await serving


def listening_socket(what: str, host: str, port: int, flag: str) -> socket.socket:
    """Return a bound socket; port 0 takes any free one.

    Raises:
        DoorShutError: the address is taken or not ours.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise DoorShutError(what, host, port, flag, error) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise DoorShutError(what, host, port, flag, error) from None
    return bound


def doors_text(doors: Doors, station: Station, id_tags: str) -> str:
    """Return what start-up prints: each listener, who can use it, what to type into a charger, and who may charge."""
    rest, ocpp = _shown(doors.rest_host), _shown(doors.ocpp_host)
    lines = [
        f"station {station.station_id}: {len(station.chargers)} chargers, {station.grid_capacity_w / 1000:g} kW",
        f"REST  http://{rest}:{doors.rest_port}  ({_who_over_rest(doors)}; documentation at /docs)",
        f"OCPP  ws://{ocpp}:{doors.ocpp_port}  ({_which_chargers(doors)})",
    ]
    if doors.tls_port is not None:
        proof = "its key or its certificate" if doors.asks_certificates else "its key"
        lines.append(f"      wss://{ocpp}:{doors.tls_port}  (each charger with {proof}; from public addresses, too)")
    lines += [
        f"      type into a charger: {_typed(doors, station)}  (the last part is its id)",
        f"cards that are not listed: {_cards(id_tags)}",
        "ready",
    ]
    return "\n".join(lines)


def _typed(doors: Doors, station: Station) -> str:
    """Return the URL for a charger: that with TLS where there is one."""
    if doors.tls_port is None:
        return url_to_type(doors.ocpp_host, doors.ocpp_port, station)
    return url_to_type(doors.ocpp_host, doors.tls_port, station, "wss")


def _which_chargers(doors: Doors) -> str:
    if is_loopback(doors.ocpp_host):
        return "this machine only"
    return "chargers with a key need it; those without come in from private addresses alone"


def _cards(id_tags: str) -> str:
    known = {"open": "all may charge", "listed": "none may charge (--id-tags open lets all)"}
    return known.get(id_tags, f"those of {id_tags} may charge")


def url_to_type(host: str, port: int, station: Station, scheme: str = "ws") -> str:
    """Return the URL that is typed into the first charger that comes over OCPP."""
    first_id = next((c.charger_id for c in station.chargers if c.control in {Control.AUTO, Control.OCPP}), "CHARGER_ID")
    return f"{scheme}://{_shown(host)}:{port}/{quote(first_id, safe='')}"


def _who_over_rest(doors: Doors) -> str:
    """Return who can use REST; what is open beyond this machine is said so that nobody overlooks it."""
    if doors.rest_needs_keys:
        who = "this machine only" if is_loopback(doors.rest_host) else "everybody who can reach this address"
        return f"{who}, with a key, without TLS"
    if is_loopback(doors.rest_host):
        return "this machine only"
    return "OPEN, by --rest-access open: everybody who can reach this address may do everything, without a key or TLS"


def _shown(host: str) -> str:
    """Return a host as it stands in a URL; for "all addresses" the machine's own name."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
