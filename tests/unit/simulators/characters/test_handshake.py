"""Characters of the handshake and the socket."""

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from tests.unit.simulators.characters.central import Central, bench, unconnected


@pytest.mark.parametrize(
    ("character", "path", "offered", "chosen"),
    [
        ("", "/ocpp/CP%201", "ocpp1.6", "ocpp1.6"),
        ("no_subprotocol", "/ocpp/CP%201", None, None),
        ("encoded_id", "/ocpp/%43%50%20%31", "ocpp1.6", "ocpp1.6"),
        ("doubled_slash", "/ocpp//CP%201", "ocpp1.6", "ocpp1.6"),
        ("trailing_slash", "/ocpp/CP%201/", "ocpp1.6", "ocpp1.6"),
        ("id_twice", "/ocpp/CP%201/CP%201", "ocpp1.6", "ocpp1.6"),
    ],
)
async def test_the_request(character: str, path: str, offered: str | None, chosen: str | None) -> None:
    async with bench(*filter(None, [character])) as b:
        socket = b.central.sockets[0]
        assert socket.request is not None
        assert socket.request.path == path
        assert socket.request.headers.get("Sec-WebSocket-Protocol") == offered
        assert socket.subprotocol == chosen
        assert b.central.actions()[0] == "BootNotification"


async def test_the_whole_address_as_the_id() -> None:
    async with bench("address_as_id") as b:
        request = b.central.sockets[0].request
        assert request is not None
        host = b.central.url.removeprefix("ws://").removesuffix("/ocpp").replace(":", "%3A")
        assert request.path == f"/ocpp/ws%3A%2F%2F{host}%2Focpp%2FCP%25201"


async def test_without_its_connection_header_it_is_turned_away() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    async with unconnected("no_connection_header") as b:
        b.charger._print = told.put_nowait
        said = await told.get()
        assert "refused with HTTP 426" in said
        assert b.central.sockets == []


async def test_it_hangs_up_when_the_wrong_version_is_chosen() -> None:
    async with unconnected("offers_201_first") as b:
        socket = await b.central.connected()
        assert socket.request is not None
        assert socket.request.headers["Sec-WebSocket-Protocol"] == "ocpp2.0.1, ocpp1.6"
        assert socket.subprotocol == "ocpp2.0.1"
        await socket.wait_closed()
        assert b.central.texts == []


@pytest.mark.parametrize(("character", "pongs"), [("", True), ("slow_pings", True), ("no_pong", False)])
async def test_pongs(character: str, *, pongs: bool) -> None:
    async with bench(*filter(None, [character])) as b:
        pong = asyncio.ensure_future(await b.central.sockets[0].ping())
        # Whatever answers this call would have answered the ping before it.
        await b.ask("ClearCache")
        assert pong.done() is pongs
        pong.cancel()


@pytest.mark.parametrize(("character", "seconds"), [("no_pong", "0"), ("slow_pings", "180")])
async def test_its_own_pings_cannot_be_configured(character: str, seconds: str) -> None:
    async with bench(character) as b:
        row = (await b.ask("GetConfiguration", {"key": ["WebSocketPingInterval"]}))[2]["configurationKey"][0]
        assert row == {"key": "WebSocketPingInterval", "readonly": True, "value": seconds}
        change = {"key": "WebSocketPingInterval", "value": "30"}
        assert await b.status("ChangeConfiguration", change) == "Rejected"


async def test_the_old_socket_stays_open_and_dead() -> None:
    async with bench("half_open_socket", central=Central()) as b:
        await b.start()
        await b.run(20)
        await b.connected()
        old, new = b.central.sockets
        assert (old.state.name, new.state.name) == ("OPEN", "OPEN")
        pong = asyncio.ensure_future(await old.ping())
        await b.run(10)
        assert not pong.done()
        assert b.central.actions()[-1] == "MeterValues"
        await old.close()  # nobody answers it either
        with pytest.raises(ConnectionClosed):
            await pong
        assert new.state.name == "OPEN"
        assert await b.status("ClearCache") == "Rejected"
