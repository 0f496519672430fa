"""Who is let in, who is not and why, and how connections end."""

import asyncio
import base64
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from api.answers import knock_body
from csms.core.commands import AbortConnection
from csms.core.events import ChargerBooted, ChargerConnected, ChargerDisconnected, ChargerHeard
from csms.core.ids import ChargerId, ConnectionId
from csms.core.replies import ChargerView
from csms.gateway.budget import Budgets
from csms.ocpp16.peer import Peer
from csms.runtime.clock import SystemClock
from tests.contract.gateway_world import Client, T, World, gateway

OCPP16 = [Subprotocol("ocpp1.6")]


@pytest.mark.parametrize(
    ("path", "charger_id"),
    [
        ("/CP001", "CP001"),
        ("/ocpp/v16/CP001", "CP001"),
        ("//ocpp//CP001//", "CP001"),
        ("/CP001/CP001", "CP001"),
        ("/CP001?token=1", "CP001"),
        ("/%43P001", "CP001"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/Zo%C3%AB%2f1", "Zoë/1"),
        ("/CP002", "CP002"),
        ("/ws%3A%2F%2Fsems%3A9000%2FCP001", "CP001"),
        ("/ws%3A%2F%2Fsems%2FRDAM%2520123", "RDAM 123"),
    ],
)
async def test_the_last_segment_decoded_is_the_identity(path: str, charger_id: str) -> None:
    async with gateway() as world, world.client(path) as client:
        assert client.socket.subprotocol == "ocpp1.6"
        assert client.socket.protocol.extensions == []
        assert (await world.desk.wait_for(ChargerConnected)).charger_id == charger_id
        assert world.knocks.recent() == ()


@pytest.mark.parametrize(
    ("path", "charger_id", "reason"),
    [
        ("/CP999", "CP999", "unknown_charger"),
        ("/cp001", "cp001", "unknown_charger"),
        ("/CP001/other", "other", "unknown_charger"),
        ("/", "", "no_charger_id"),
        ("/%", "", "malformed_charger_id"),
        ("/CP%ZZ", "", "malformed_charger_id"),
        ("/CP%FF", "", "malformed_charger_id"),
        ("/CP%00", "", "malformed_charger_id"),
        ("/ws%3A%2F%2Fsems%2FCP999", "ws://sems/CP999", "unknown_charger"),
        ("/ws%3A%2F%2Fsems%2FREST", "ws://sems/REST", "unknown_charger"),
        ("/REST", "REST", "not_over_ocpp"),
        ("/NONE", "NONE", "not_over_ocpp"),
    ],
)
async def test_404_for_who_may_not_come_in(path: str, charger_id: str, reason: str) -> None:
    async with gateway() as world:
        for _ in range(2):
            with pytest.raises(InvalidStatus) as refused:
                await connect(world.url(path), subprotocols=OCPP16)
            assert refused.value.response.status_code == 404
        (knock,) = world.knocks.recent()
        assert (knock.charger_id, knock.path, knock.reason) == (charger_id, path, reason)
        assert (knock.remote, knock.first_ms, knock.count) == ("127.0.0.1", T, 2)
        assert world.desk.facts == []


@pytest.mark.parametrize(
    "path",
    [
        "/CP9?password=hunter2",
        "/CP9%3Fpassword=hunter2",
        "/ws%3A%2F%2FCP9:hunter2@host%2FCP9",
        "/ws://CP9:hunter2@host/CP9",
    ],
)
async def test_a_password_in_the_address_of_who_is_refused_is_read_by_nobody(path: str) -> None:
    with capture_logs() as lines:
        async with gateway() as world:
            with pytest.raises(InvalidStatus):
                await connect(world.url(path), subprotocols=OCPP16)
            (knock,) = world.knocks.recent()
    assert "CP9" in knock.path
    assert [line["path"] for line in lines if line["event"] == "handshake.refused"] == [knock.path]
    assert "hunter2" not in f"{knock} {knock_body(knock)} {lines}"


async def test_a_draining_charger_may_come_back_until_it_is_let_go() -> None:
    async with gateway() as world:
        gone = ChargerId("GONE")
        world.desk.view.chargers[gone] = ChargerView(gone, online=False, served=False, provisioned=True, booked_w=1)
        with pytest.raises(InvalidStatus):
            await world.client("/GONE").__aenter__()
        assert world.knocks.recent()[0].reason == "unknown_charger"
        world.desk.view.chargers[gone] = ChargerView(gone, online=False, served=True, provisioned=True, booked_w=1)
        async with world.client("/GONE"):
            assert world.desk.kinds() == ["ChargerConnected"]


@pytest.mark.parametrize(
    ("path", "offered", "reason"),
    [
        ("/CP001", ["ocpp2.0.1"], "no_common_version"),
        ("/CP001", ["ocpp1.5", "OCPP1.6"], "no_common_version"),
        ("/CP001", None, "no_subprotocol"),
        ("/GRIZZL", ["ocpp2.0.1"], "no_common_version"),
    ],
)
async def test_tc_088_no_common_version_is_101_without_the_header_and_then_1002(
    path: str, offered: list[Subprotocol] | None, reason: str
) -> None:
    async with gateway() as world:
        async with connect(world.url(path), subprotocols=offered) as socket:
            assert socket.subprotocol is None
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002
        assert [knock.reason for knock in world.knocks.recent()] == [reason]
        assert world.desk.facts == []


async def test_ocpp16_is_chosen_among_several_and_assumed_where_configured() -> None:
    async with gateway() as world:
        async with connect(world.url(), subprotocols=[Subprotocol("ocpp2.0.1"), *OCPP16]) as socket:
            assert socket.subprotocol == "ocpp1.6"
        async with connect(world.url("/GRIZZL")) as socket:
            await socket.send('[2,"1","Heartbeat",{}]')
            assert str(await socket.recv()).startswith('[3,"1",')


@asynccontextmanager
async def tcp(world: World) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


HANDSHAKE = (
    "GET /CP001 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)


@pytest.mark.parametrize(
    ("request_text", "status", "reason"),
    [
        (HANDSHAKE.replace("Connection: Upgrade\r\n", ""), b"426", "bad_handshake"),
        (HANDSHAKE.replace("Version: 13", "Version: 8"), b"400", "bad_handshake"),
        (HANDSHAKE.replace("Sec-WebSocket-Key", "X"), b"400", "bad_handshake"),
        ("GET /CP001 HTTP/1.1\r\nHost: x\r\n\r\n", b"426", "bad_handshake"),
        ("\x16\x03\x01 this is TLS\r\n\r\n", b"", "not_http"),
    ],
)
async def test_what_is_no_websocket_handshake(request_text: str, status: bytes, reason: str) -> None:
    async with gateway() as world:
        async with tcp(world) as (reader, writer):
            writer.write(request_text.encode("latin-1"))
            first_line = (await reader.read()).partition(b"\r\n")[0]
            assert status in first_line
        async with asyncio.timeout(10):
            while not world.knocks.recent():  # noqa: ASYNC110 - the log tells nobody; this yields, it does not wait
                await asyncio.sleep(0)
        assert [knock.reason for knock in world.knocks.recent()] == [reason]


async def test_half_open_handshakes_are_bounded() -> None:
    async with (
        gateway(max_half_open=2) as world,
        world.client(),
        tcp(world) as (reader, writer),
        tcp(world),
        tcp(world) as (refused, _),
    ):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await refused.readexactly(1)
        assert [knock.reason for knock in world.knocks.recent()] == ["too_many_half_open"]
        writer.write(HANDSHAKE.encode())
        assert b"101" in await reader.readline(), "those that were let in may go on"


async def test_a_second_connection_becomes_current_and_the_first_is_aborted() -> None:
    async with gateway() as world, world.client() as old:
        await old.call("Heartbeat", {})
        async with world.client() as new:
            with pytest.raises(ConnectionClosed):
                await old.socket.recv()
            assert (await new.call("Heartbeat", {}))[0] == 3
            assert world.desk.facts[2:4] == [
                ChargerDisconnected(ChargerId("CP001"), ConnectionId(1)),
                ChargerConnected(ChargerId("CP001"), ConnectionId(2), "127.0.0.1", takes_over=True),
            ]
            assert world.desk.kinds().count("ChargerDisconnected") == 1
        await world.desk.wait_for(ChargerDisconnected, 2)


@pytest.mark.parametrize(
    ("message", "code"),
    [(b"binary", 1003), ([b"bin", b"ary"], 1003), ("x" * 1_048_577, 1009), (["x" * 600_000, "x" * 600_000], 1009)],
)
async def test_breaking_the_rules_of_the_socket_closes_it(
    message: str | bytes | list[str] | list[bytes], code: int
) -> None:
    async with gateway() as world, world.client("/CP001") as client, world.client("/CP002") as other:
        await client.socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await client.socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        await world.desk.wait_for(ChargerDisconnected)
        assert (await other.call("Heartbeat", {}))[0] == 3


async def test_compression_is_offered_in_vain_and_a_compressed_frame_closes_with_1002() -> None:
    async with (
        gateway() as world,
        connect(world.url(), subprotocols=[Subprotocol("ocpp1.6")], compression="deflate") as socket,
    ):
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        socket.transport.write(b"\xc1\x80\x00\x00\x00\x00")  # a text with the bit that says: compressed
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002


async def test_text_that_is_not_utf8_closes_with_1007() -> None:
    async with gateway() as world, world.client() as client:
        await client.socket.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed) as closed:
            await client.socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007


@pytest.mark.parametrize("fragments", [['[2,"1","He', 'artbeat",', "{}]"], ["", '[2,"1","Heartbeat",{}]', ""]])
async def test_fragments_are_put_together(fragments: list[str]) -> None:
    async with gateway() as world, world.client() as client:
        await client.socket.send(fragments)
        assert (await client.receive())[:2] == [3, "1"]


async def test_silence_is_pinged_and_ends_the_connection_after_three_heartbeats() -> None:
    async with gateway() as world, world.client() as client:
        await client.call("Heartbeat", {})
        world.pass_time(170_000)
        pong = await client.socket.ping()
        await pong
        world.pass_time(170_000)
        assert (await client.call("Heartbeat", {}))[0] == 3, "a ping counts as life"
        world.pass_time(180_000)
        assert world.desk.kinds()[-1] == "ChargerDisconnected"
        with pytest.raises(ConnectionClosed):
            await client.socket.recv()


async def test_the_core_may_abort_a_connection_but_no_later_one() -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(AbortConnection(ConnectionId(9), ChargerId("CP001"), "another connection"))
        world.registry.send(AbortConnection(ConnectionId(1), ChargerId("CP002"), "another charger"))
        assert (await client.call("Heartbeat", {}))[0] == 3
        world.registry.send(AbortConnection(ConnectionId(1), ChargerId("CP001"), "two time-outs running"))
        assert world.desk.kinds()[-1] == "ChargerDisconnected"
        with pytest.raises(ConnectionClosed):
            await client.socket.recv()


async def test_a_flood_of_tiny_frames_does_not_keep_another_charger_waiting() -> None:
    async with gateway() as world, world.client("/CP001") as hostile, world.client("/CP002") as other:
        flood = b"\x81\x82\x00\x00\x00\x00[]" * 10_000
        hostile.socket.transport.write(flood)
        await hostile.socket.send('[2,"last","Heartbeat",{}]')
        assert (await other.call("Heartbeat", {}))[0] == 3
        heard = [fact.charger_id for fact in world.desk.facts if isinstance(fact, ChargerHeard)]
        assert heard == ["CP002"], "the flood, which holds nothing readable before its end, is not through yet"
        assert (await hostile.receive())[1] == "last", "and nothing of it is lost"


class Read(Budgets):
    """Remembers what was read of each charger, and for how long somebody had to wait."""

    def __init__(self, per_s: int, computed_ms: Callable[[], float]) -> None:
        super().__init__(per_s, computed_ms)
        READ.append(self)
        self.frames: Counter[str] = Counter()
        self.rests_ms: list[float] = []

    def spend(self, charger_id: str, frames: int, size_bytes: int, now_ms: float) -> float:
        self.frames[charger_id] += frames
        rest_ms = super().spend(charger_id, frames, size_bytes, now_ms)
        self.rests_ms += [rest_ms] if rest_ms else []
        return rest_ms


READ: list[Read] = []


@pytest.mark.parametrize("frame", ['[2,"m","Heartbeat",{}]', "ping"])
async def test_who_has_used_up_its_budget_is_not_read_and_others_are(
    frame: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csms.gateway.server.Budgets", Read)
    async with gateway(rate_per_s=1) as world, world.client("/CP001") as hostile, world.client("/CP002") as other:
        for _ in range(2_000):
            await (hostile.socket.ping() if frame == "ping" else hostile.socket.send(frame))
        for _ in range(20):
            assert (await other.call("Heartbeat", {}))[0] == 3
        read = READ[-1].frames
        assert read["CP002"] == 20
        assert 60 <= read["CP001"] < 1_000, "what it may, and at most two slices of its bytes more"
        assert world.desk.kinds().count("ChargerDisconnected") == 0


async def test_a_long_queue_is_taken_at_the_budgets_rate_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.gateway.server.Budgets", Read)
    monkeypatch.setattr("csms.gateway.budget.BURST_S", 0.1)
    monkeypatch.setattr("csms.gateway.budget.SHARED", 2)
    async with gateway(rate_per_s=200, clock=SystemClock()) as world, world.client() as client:
        queue = [f'[2,"{n}","Heartbeat",{{}}]' for n in range(800)]
        sending = asyncio.create_task(_send_all(client, queue))
        assert [(await client.receive())[1] for _ in queue] == [f"{n}" for n in range(800)]
        await sending
        assert world.desk.kinds().count("ChargerDisconnected") == 0
    assert READ[-1].rests_ms, "it had to wait"


async def test_a_message_that_has_begun_is_read_to_its_end_and_paid_for_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.gateway.server.Budgets", Read)
    async with gateway(rate_per_s=1) as world, world.client() as client:
        for _ in range(28):
            await client.call("Heartbeat", {})
        assert not READ[-1].rests_ms
        long = json.dumps([2, "long", "DataTransfer", {"vendorId": "x", "data": "y" * 900_000}])
        await client.socket.send([long[:600_000], long[600_000:]])
        assert (await client.receive())[1] == "long"
        await client.socket.send('[2,"next","Heartbeat",{}]')
        await client.socket.ping()
        frames, many = READ[-1].frames["CP001"], len(READ[-1].rests_ms)
        async with asyncio.timeout(10):
            while len(READ[-1].rests_ms) < many + 5:  # noqa: ASYNC110 - it asks again by itself
                await asyncio.sleep(0.01)
        assert READ[-1].frames["CP001"] == frames, "it waits now"


@pytest.mark.parametrize("fragment", ["ping", "part"])
async def test_a_message_without_end_is_no_way_round_the_budget(fragment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.gateway.server.Budgets", Read)
    async with gateway(rate_per_s=1) as world, world.client("/CP001") as hostile, world.client("/CP002") as other:
        mask = b"\x00\x00\x00\x00"
        more = b"\x89\x80" + mask if fragment == "ping" else b"\x00\x81" + mask + b"x"
        hostile.socket.transport.write(b"\x01\x81" + mask + b"[" + 20_000 * more)
        async with asyncio.timeout(10):
            while READ[-1].frames["CP001"] < 2_000:  # noqa: ASYNC110 - what is waited for is on the other side
                await asyncio.sleep(0.001)
        for _ in range(10):
            assert (await other.call("Heartbeat", {}))[0] == 3
        assert READ[-1].frames["CP001"] < 4_000


async def _send_all(client: Client, frames: list[str]) -> None:
    for frame in frames:
        await client.socket.send(frame)


async def test_a_programmers_error_in_an_answer_is_an_internal_error_and_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway() as world, world.client() as client:
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(world.desk, "tell", lambda *_: 1 / 0)
            assert (await client.call("BootNotification", {}))[:3] == [4, "1", "InternalError"]
        assert [line["action"] for line in lines if line["event"] == "call.failed"] == ["BootNotification"]
        assert (await client.call("BootNotification", {}))[0] == 3


async def test_a_programmers_error_behind_an_answer_ends_that_one_link_and_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway() as world, world.client("/CP001") as client, world.client("/CP002") as other:
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(Peer, "receive_text", lambda *_: 1 / 0)
            await client.send(2, "1", "BootNotification", {})
            with pytest.raises(ConnectionClosed):
                await client.socket.recv()
        assert [line["charger_id"] for line in lines if line["event"] == "link.failed"] == ["CP001"]
        assert (await other.call("BootNotification", {}))[0] == 3


async def test_a_programmers_error_at_the_word_that_a_fact_is_durable_reaches_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway() as world, world.client("/CP001") as client, world.client("/CP002") as other:
        world.desk.holding = True
        await client.send(2, "1", "BootNotification", {})
        await world.desk.wait_for(ChargerBooted)
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(Peer, "reply", lambda *_: 1 / 0)
            world.desk.release()
            with pytest.raises(ConnectionClosed):
                await client.socket.recv()
        assert [line["charger_id"] for line in lines if line["event"] == "link.failed"] == ["CP001"]
        world.desk.holding = False
        assert (await other.call("BootNotification", {}))[0] == 3


async def test_stopping_closes_every_connection_with_1001() -> None:
    async with gateway() as world, connect(world.url(), subprotocols=OCPP16) as socket:
        await world.desk.wait_for(ChargerConnected)
        stopping = asyncio.create_task(world.stop())
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        await stopping
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert world.desk.kinds() == ["ChargerConnected", "ChargerDisconnected"]
