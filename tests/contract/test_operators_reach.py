"""What an operator over REST can make this system do at most: it fetches nothing, and what it gives out stays within.

The whole central system is in this process on virtual time.
"""

import ast
import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from csms.runtime.id_tags import TagBook
from tests.conformance.charger import Json, ScriptedCharger
from tests.conformance.world import Place, standing
from tests.docs.console_blocks import ROOT
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.rest import rest_beside
from tests.virtual.site import serving

MODULES: Final = frozenset(
    {
        *("aiohttp", "asyncpg", "asyncssh", "ftplib", "http.client", "httpcore", "httpx", "httpx2", "imaplib"),
        *("multiprocessing.connection", "nats", "nntplib", "paramiko", "poplib", "psycopg", "requests", "smtplib"),
        *("subprocess", "telnetlib", "urllib.request", "urllib3", "websocket", "websockets.asyncio.client"),
        *("websockets.client", "websockets.legacy.client", "websockets.sync.client", "xmlrpc.client"),
    }
)
"""What asks another server, or starts another program that may."""
NAMES: Final = frozenset(
    {
        *("connect", "connect_ex", "create_connection", "create_datagram_endpoint", "create_unix_connection"),
        *("open_connection", "open_unix_connection", "sendto", "sock_connect", "urlopen", "urlretrieve"),
        *("create_subprocess_exec", "create_subprocess_shell", "posix_spawn", "subprocess_exec", "subprocess_shell"),
        *("execv", "execve", "execvp", "popen", "spawnv", "system"),
    }
)
"""The same as functions and methods of what every module may have: `socket`, `asyncio`, `os`, `websockets`."""
DATABASE: Final = "the database of the command line, or its file; no request names one"
ALLOWED: Final[dict[str, tuple[set[str], str]]] = {
    "csms/energy/modbus_link.py": ({"connect"}, "meter and battery, where the station's configuration says they are"),
    "csms/obs/supervisor.py": ({"sendto"}, "the socket of systemd, of this machine and named by the environment"),
    "csms/store/backup.py": ({"connect"}, DATABASE),
    "csms/store/outside.py": ({"connect"}, DATABASE),
    "csms/store/postgres_session.py": ({"asyncpg", "connect"}, DATABASE),
    "csms/store/sqlite.py": ({"connect"}, DATABASE),
    "csms/store/store.py": ({"asyncpg"}, DATABASE),
    "csms/store/sqlite_copy.py": ({"connect"}, DATABASE),
}
"""Where the server, or what it is made of, may reach out all the same."""
AT_A_TERMINAL: Final = ("csms/cli/", "csms/simulation/")
"""What asks the one server that it is told; the server has nothing of it, as a test below shows."""


def reached_by(source: str) -> set[str]:
    """Return what of `MODULES` and `NAMES` a module uses, however it spells that."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                told = {one.name for one in names}
            case ast.ImportFrom(module=str(module), names=names):
                told = {module, *(f"{module}.{one.name}" for one in names), *(one.name for one in names)}
            case ast.Attribute(attr=name):
                told = {name, ast.unparse(node)}
            case ast.Name(id=name):
                told = {name}
            case ast.Constant(value=str(name)):
                told = {name} - AMBIGUOUS  # as `getattr` and `import_module` take them
            case _:
                continue
        parts = {".".join(one.split(".")[:count]) for one in told for count in range(1, one.count(".") + 2)}
        found |= told & NAMES | parts & MODULES
    return found


AMBIGUOUS: Final = frozenset({"connect"})
"""A word that texts have, too; as an attribute it is found."""


# --- no address is fetched --------------------------------------------------------------------------------------------


def locations(url: str) -> dict[str, dict[str, Any]]:
    """Return commands that carry an address."""
    return {
        "GetDiagnostics": {"location": url},
        "UpdateFirmware": {"location": url, "retrieveDate": "2026-01-01T00:01:00Z"},
        "GetLog": {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": url}},
    }


REACHES: Final = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}) | {
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "urllib.Request", "http.client.connect")
}
"""What Python tells an audit hook when a process reaches out (PEP 578)."""
_listeners: list[list[tuple[str, tuple[Any, ...]]]] = []


@contextlib.contextmanager
def all_that_reaches_out() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Return the list to which everything comes with which this process reaches out meanwhile."""
    _heard_from_now_on()
    heard: list[tuple[str, tuple[Any, ...]]] = []
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners.remove(heard)


@cache
def _heard_from_now_on() -> None:
    sys.addaudithook(_hear)  # for as long as the process lives: none can be taken away again


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in REACHES:
        for heard in _listeners:
            heard.append((event, arguments))


async def everywhere(at: Place, url: str) -> None:
    """Put an address wherever one fits: into commands and a campaign, and have the charger tell it in what it says."""
    accepted = {"status": "Accepted"}
    at.charger.answers |= {"GetDiagnostics": {"fileName": url}, "UpdateFirmware": {}, "GetLog": accepted}
    await at.boot()
    for action, body in locations(url).items():
        told = await at.command(action, body)
        assert url in json.dumps(told.asked), "the charger is told where"
        assert told.state in {"accepted", "rejected"}
    campaign = {"location": url, "atATime": 1, "chargers": ["CP001"]}
    assert (await at.rest.post("/campaigns", json=campaign)).status_code in {200, 409}
    await at.charger.call("DataTransfer", {"vendorId": url, "data": url})
    about = {"chargePointVendor": url[:20], "chargePointModel": url[:20], "firmwareVersion": url[:50]}
    await at.charger.call("BootNotification", about)
    await at.wait(3_600)


@pytest.mark.parametrize(("scheme", "host"), [("http", "127.0.0.1"), ("ftp", "127.0.0.1"), ("https", "files.example")])
def test_an_address_is_told_to_the_charger_and_never_asked_by_us(scheme: str, host: str) -> None:
    async def play(clock: VirtualClock) -> None:
        asked: list[object] = []

        def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(writer.get_extra_info("peername"))
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, standing(clock) as at:
            gateway = urlsplit(at.site.url).port
            with all_that_reaches_out() as heard:
                await everywhere(at, f"{scheme}://{host}:{port}/fw.bin")
                assert asked == []
                reached = [one for event, (_, *one) in heard if event == "socket.connect"]
                assert reached == [[("127.0.0.1", gateway)]], "the charger has"
                assert {event for event, _ in heard} <= {"socket.connect", "socket.getaddrinfo"}
                names = {host for event, (host, *_) in heard if event == "socket.getaddrinfo"}
                assert names <= {"127.0.0.1"}
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.sleep(1)
                assert len(asked) == 1, "it does listen"
                assert heard[-1][1][1] == ("127.0.0.1", port), "it would be heard"
                writer.close()

    run_virtually(play)


def test_the_server_has_nothing_to_fetch_with() -> None:
    """Only commands at a terminal ask a server, the one that they are told."""
    files = [*(ROOT / "csms").rglob("*.py"), *(ROOT / "api").rglob("*.py")]
    found = {str(file.relative_to(ROOT)): reached_by(file.read_text("utf-8")) for file in files}
    reaching = {name: what for name, what in found.items() if what and not name.startswith(AT_A_TERMINAL)}
    assert reaching == {name: what for name, (what, _) in ALLOWED.items()}
    assert found["csms/cli/asking.py"] == {"httpx2"}, "it would be seen"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import httpx2 as web", {"httpx2"}),
        ("from urllib import request", {"urllib.request"}),
        ("import urllib.request as r", {"urllib.request"}),
        ("import urllib\nurllib.request.Request(url)", {"urllib.request"}),
        ("from http.client import HTTPSConnection as Line", {"http.client"}),
        ("import socket as s\ns.create_connection(there)", {"create_connection"}),
        ("from socket import create_connection as go", {"create_connection"}),
        ("line.connect_ex(there)", {"connect_ex"}),
        ("await loop.sock_connect(line, there)", {"sock_connect"}),
        ("from asyncio import open_connection as go", {"open_connection"}),
        ("go = getattr(asyncio, 'open_connection')", {"open_connection"}),
        ("importlib.import_module('ftplib')", {"ftplib"}),
        ("from websockets import connect", {"connect"}),
        ("from websockets.asyncio import client", {"websockets.asyncio.client"}),
        ("asyncio.create_subprocess_exec('curl', url)", {"create_subprocess_exec"}),
        ("import os\nos.system(told)", {"system"}),
        ("from urllib.parse import urlsplit\nimport http\nserve(create_connection=made)", set()),
    ],
)
def test_no_spelling_of_it_is_missed(source: str, found: set[str]) -> None:
    assert reached_by(source) == found


def test_the_server_is_made_without_commands() -> None:
    """Neither `csms.main`, which puts the server together, nor what it imports, imports what reaches out."""
    asked = "import csms.main, sys; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    names = told.stdout.split()
    assert "api.app" in names
    assert [name for name in names if name.startswith(("csms.cli.", "csms.simulation"))] == []


# --- many at once -----------------------------------------------------------------------------------------------------

CAPACITY_W: Final = 50_000
MANY: Final = Station(
    "MANY", CAPACITY_W, tuple(Charger(ChargerId(f"CP{n:03}"), 22_080, 2, control=Control.REST) for n in range(20))
)


def test_whatever_is_switched_on_at_once_stays_within_the_grid_connection() -> None:
    """Forty cars of 22 kW are begun in one moment at a connection of 50 kW, and each says that it wants everything."""

    async def play(clock: VirtualClock) -> None:
        async with serving(MANY, clock) as site:
            numbers = iter(range(1, 1_000))
            tags = TagBook(site.store, clock)
            async with rest_beside(site, clock, tags, lambda: f"00000000-0000-4000-8000-{next(numbers):012}") as rest:
                wanted = [(charger.charger_id, idx) for charger in MANY.chargers for idx in (1, 2)]
                begun = await asyncio.gather(
                    *(
                        rest.post(
                            "/sessions", json={"connectorId": {"chargerId": who, "idx": idx}, "vehicleMaxPower": 22}
                        )
                        for who, idx in wanted
                    )
                )
                assert {answer.status_code for answer in begun} == {200}
                for _ in range(3):
                    sessions = [answer.json()["session"]["sessionId"] for answer in begun]
                    await asyncio.gather(
                        *(rest.post(f"/sessions/{one}/power-update", json={"consumedPower": 22}) for one in sessions)
                    )
                    await asyncio.sleep(5)
                    status = (await rest.get("/station/status")).json()
                    given = [one["allocatedPower"] for one in status["sessions"].values()]
                    assert len(given) == len(wanted)
                    assert CAPACITY_W / 1_000 - len(given) <= sum(given) <= CAPACITY_W / 1_000, "whole kilowatts"
            assert site.errors == []

    run_virtually(play)


STEERED: Final = Station(
    "STEERED",
    CAPACITY_W,
    tuple(Charger(ChargerId(f"CP{n:03}"), 22_080, 1, control=Control.OCPP, phases=3) for n in range(10)),
)
W_PER_A: Final = 3 * 230


class Steered(ScriptedCharger):
    """A charger that does what it is told, at once, and says what it may draw then."""

    def __init__(self, name: str, url: str, clock: VirtualClock, look: Callable[[], None]) -> None:
        super().__init__(name, url, clock)
        self._look = look
        self.default_w, self.limit_w = 22_080.0, None
        self.is_charging = False
        self.answers |= {"SetChargingProfile": self._told, "RemoteStartTransaction": {"status": "Accepted"}}

    limit_w: float | None

    @property
    def may_draw_w(self) -> float:
        return (self.default_w if self.limit_w is None else self.limit_w) if self.is_charging else 0

    def _told(self, payload: Json) -> Json:
        profile = payload["csChargingProfiles"]
        schedule = profile["chargingSchedule"]
        (period,) = schedule["chargingSchedulePeriod"]
        power_w = period["limit"] * (W_PER_A if schedule["chargingRateUnit"] == "A" else 1)
        if profile["chargingProfilePurpose"] == "TxProfile":
            self.limit_w = power_w
        else:
            self.default_w = power_w
        self._look()
        return {"status": "Accepted"}

    async def plugged(self) -> None:
        """Charge as soon as it is asked to."""
        await self.asked("RemoteStartTransaction")
        await self.status(1, "Preparing")
        self.is_charging = True
        await self.start("5E450001")
        await self.status(1, "Charging")


def test_whatever_is_switched_on_at_once_over_ocpp_stays_within_the_grid_connection() -> None:
    """Ten cars of 22 kW are begun by RemoteStartTransaction in one moment at a connection of 50 kW."""
    drawn_w: list[float] = []

    async def play(clock: VirtualClock) -> None:
        async with serving(STEERED, clock) as site:
            numbers = iter(range(1, 1_000))
            tags = TagBook(site.store, clock)
            there: list[Steered] = []

            def look() -> None:
                drawn_w.append(sum(one.may_draw_w for one in there))

            there += [Steered(one.charger_id, site.url, clock, look) for one in STEERED.chargers]
            async with rest_beside(site, clock, tags, lambda: f"00000000-0000-4000-8000-{next(numbers):012}") as rest:
                for one in there:
                    await one.connect()
                    await one.boot(connectors=1)
                await asyncio.sleep(60)
                assert {one.default_w for one in there} == {0}, "set up"
                begin = {"idTag": "5E450001", "connectorId": 1}
                path = "/chargers/{}/commands/RemoteStartTransaction"
                answers = await asyncio.gather(
                    *(one.plugged() for one in there),
                    *(rest.post(path.format(one.charger_id), json=begin) for one in there),
                )
                assert {answer.status_code for answer in answers if answer is not None} <= {200, 202}
                for _ in range(6):
                    await asyncio.gather(*(one.call("Heartbeat", {}) for one in there))
                    await asyncio.sleep(20)
                assert drawn_w[-1] > CAPACITY_W * 0.7, "they do charge"
                assert max(drawn_w) <= CAPACITY_W
                for one in there:
                    await one.drop()
            assert site.errors == []

    run_virtually(play)
