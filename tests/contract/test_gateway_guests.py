"""Chargers that are not configured, where the setting lets them in to say what they are (OCPP 1.6 §4.2, JE 3.8)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from csms.core.charger import new_charger
from csms.core.engine import Changes
from csms.core.events import BootInfo, ChargerConnected
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control
from csms.core.views import charger_view
from csms.gateway import guests
from csms.gateway.connection import MAX_WRITE_BUFFER_BYTES
from csms.gateway.guests import RETRY_S
from csms.gateway.server import Gateway
from csms.ocpp16 import vendor
from csms.ocpp16.peer import Peer
from csms.runtime.view import apply_changes
from csms.settings import Settings, UnknownChargers
from tests.contract.gateway_world import PATIENCE_S, STAMP, STATION, Client, T, World, gateway

PENDING, REJECT = UnknownChargers.PENDING, UnknownChargers.REJECT
OCPP16 = [Subprotocol("ocpp1.6")]
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


@asynccontextmanager
async def guest(world: World, path: str = "/NEW") -> AsyncIterator[Client]:
    async with connect(world.url(path), subprotocols=OCPP16, compression=None) as socket:
        yield Client(socket)


async def closed(client: Client) -> int:
    """Return the code with which the server closes the connection next."""
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ConnectionClosed) as end:
            await client.socket.recv()
    return 0 if end.value.rcvd is None else end.value.rcvd.code


def configure(world: World, charger: Charger) -> None:
    """Bring a configuration into force that has one more charger."""
    station = replace(STATION, chargers=(*STATION.chargers, charger))
    view = charger_view(new_charger(charger))
    apply_changes(world.desk.view, Changes({}, {charger.charger_id: view}, station, None, None))


async def test_a_guest_is_pending_and_says_what_it_is() -> None:
    async with gateway(unknown_chargers=PENDING) as world:
        full = BOOT | {
            "chargePointSerialNumber": "SN",
            "firmwareVersion": "F",
            "iccid": "8949",
            "imsi": "26201",
        }
        async with guest(world, "/ocpp/N%20EW") as client:
            assert client.socket.subprotocol == "ocpp1.6"
            pending = {"status": "Pending", "currentTime": STAMP, "interval": RETRY_S}
            assert await client.call("BootNotification", BOOT) == [3, "1", pending]
            world.clock.mono_ms += 60_000
            await client.send(2, "1", "BootNotification", full)
            assert await client.receive() == [3, "1", pending | {"currentTime": "2026-01-01T00:01:00Z"}]
            (knock,) = world.knocks.recent()
            assert (knock.charger_id, knock.path, knock.reason) == ("N EW", "/ocpp/N%20EW", "pending")
            assert (knock.first_ms, knock.last_ms, knock.count) == (T, T + 60_000, 1)
            assert knock.boot == BootInfo("V", "M", "SN", firmware_version="F", iccid="8949", imsi="26201")
        async with guest(world, "/N%20EW"):
            assert [k.count for k in world.knocks.recent()] == [2]
        assert world.desk.facts == [], "nothing of it enters the core"


async def test_what_a_guest_says_is_bounded_and_repaired() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        answer = await client.call(
            "BootNotification", {"chargePointVendor": "v" * 9_000, "firmwareVersion": 12, "x": ["y"] * 99}
        )
        assert answer[0] == 3
        assert world.knocks.recent()[0].boot == BootInfo("v" * 20, "", firmware_version="12")
        assert (await client.call("BootNotification", []))[2] == "FormationViolation"


@pytest.mark.parametrize("action", [*sorted(vendor.known_actions() - {"BootNotification"}), "Nonsense"])
async def test_everything_else_is_a_security_error(action: str) -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        for payload in ({}, None, {"status": "Accepted", "connectorId": 1, "idTag": "x"}):
            assert (await client.call(action, payload))[:3][::2] == [4, "SecurityError"]
        assert (await client.call("BootNotification", BOOT))[2]["status"] == "Pending"
        assert (await client.call(action, {}))[2] == "SecurityError", "pending is not accepted"
        assert world.desk.facts == []


async def test_frames_that_are_no_calls_are_ignored_or_refused_as_of_everybody() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        for text in ("", "[", '[3,"guest-1",{}]', '[4,"guest-1","x","",{}]', "[2]", '[9,"a"]', "{}"):
            await client.socket.send(text)
        await client.send(2, "a", "BootNotification")
        assert (await client.receive())[:3] == [4, "a", "FormationViolation"]
        assert (await client.call("BootNotification", BOOT))[2]["status"] == "Pending"


async def test_a_rejected_guest_is_answered_and_then_closed() -> None:
    async with gateway(unknown_chargers=REJECT) as world:
        for _ in range(2):
            async with guest(world) as client:
                assert (await client.call("Heartbeat", {}))[2] == "SecurityError"
                answer = await client.call("BootNotification", BOOT)
                assert answer[2] == {"status": "Rejected", "currentTime": STAMP, "interval": RETRY_S}
                assert await closed(client) == 1008
        assert [(k.reason, k.count, k.boot) for k in world.knocks.recent()] == [("rejected", 2, BootInfo("V", "M"))]
        assert world.desk.facts == []


async def test_once_configured_it_is_sent_away_comes_back_and_is_served() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client, guest(world, "/OTHER") as other:
        await client.call("BootNotification", BOOT)
        await other.call("BootNotification", BOOT)
        configure(world, Charger(ChargerId("NEW"), 11_000, 1, phases=3))
        assert await closed(client) == 1012
        async with world.client("/NEW") as back:
            assert (await back.call("BootNotification", BOOT))[2]["status"] == "Accepted"
            assert world.desk.kinds() == ["ChargerConnected", "ChargerHeard", "ChargerBooted"]
        assert (await other.call("BootNotification", BOOT))[2]["status"] == "Pending", "it was not meant"


async def test_configured_without_ocpp_it_is_sent_away_for_good() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        configure(world, Charger(ChargerId("NEW"), 11_000, 1, control=Control.REST))
        assert await closed(client) == 1012
        with pytest.raises(InvalidStatus):
            await guest(world).__aenter__()
        assert world.knocks.recent()[0].reason == "not_over_ocpp"


async def test_who_is_configured_during_its_handshake_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds: list[World] = []

    def configure_now(*_: object) -> None:
        configure(worlds[0], Charger(ChargerId("NEW"), 11_000, 1, phases=3))

    monkeypatch.setattr(Gateway, "_process_response", configure_now)
    async with gateway(unknown_chargers=PENDING) as world:
        worlds.append(world)
        async with guest(world) as client:
            assert (await client.call("BootNotification", BOOT))[2]["status"] == "Accepted"


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [("/REST", 404, "not_over_ocpp"), ("/", 404, "no_charger_id"), ("/%FF", 404, "malformed_charger_id")],
)
async def test_others_are_refused_as_ever(path: str, status: int, reason: str) -> None:
    async with gateway(unknown_chargers=PENDING) as world:
        with pytest.raises(InvalidStatus) as refused:
            await guest(world, path).__aenter__()
        assert refused.value.response.status_code == status
        assert [k.reason for k in world.knocks.recent()] == [reason]


@pytest.mark.parametrize(("offered", "reason"), [(None, "no_subprotocol"), (["ocpp2.0.1"], "no_common_version")])
async def test_a_guest_has_to_offer_our_version(offered: list[Subprotocol] | None, reason: str) -> None:
    async with gateway(unknown_chargers=PENDING) as world, connect(world.url("/NEW"), subprotocols=offered) as socket:
        with pytest.raises(ConnectionClosed) as end:
            await socket.recv()
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1002
        assert [k.reason for k in world.knocks.recent()] == [reason]


async def test_guests_are_bounded_and_make_room_when_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "MAX_GUESTS", 2)
    async with gateway(unknown_chargers=PENDING) as world, guest(world, "/A") as a, world.client("/CP001") as served:
        await a.call("BootNotification", BOOT)
        async with guest(world, "/B") as b:
            await b.call("BootNotification", BOOT)
            with pytest.raises(InvalidStatus) as refused:
                await guest(world, "/C").__aenter__()
            assert refused.value.response.status_code == 404
            assert world.knocks.recent()[0].reason == "too_many_guests"
            async with guest(world, "/A") as again:
                assert await closed(a) == 0, "the newest connection of each counts; the old one is aborted"
                assert (await again.call("BootNotification", BOOT))[0] == 3
                assert (await served.call("Heartbeat", {}))[0] == 3
        async with asyncio.timeout(PATIENCE_S):
            while len(world.guests):  # noqa: ASYNC110 - nobody tells of it; this yields, it does not wait
                await asyncio.sleep(0)
        async with guest(world, "/C") as c:
            assert (await c.call("BootNotification", BOOT))[0] == 3


async def test_those_that_come_in_together_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gateway, "_process_response", lambda *_: monkeypatch.setattr(guests, "MAX_GUESTS", 0))
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        assert await closed(client) == 1013
        assert world.knocks.recent()[0].reason == "too_many_guests"


@pytest.mark.parametrize(("message", "code"), [(b"binary", 1003), ("x" * 1_048_577, 1009)])
async def test_the_rules_of_the_socket_are_the_same(message: str | bytes, code: int) -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client, world.client() as other:
        await client.socket.send(message)
        assert await closed(client) == code
        assert (await other.call("Heartbeat", {}))[0] == 3


async def test_silence_ends_a_guest_after_three_retries_and_a_ping_is_life() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        await client.call("BootNotification", BOOT)
        world.pass_time(170_000)
        await (await client.socket.ping())
        world.pass_time(170_000)
        assert (await client.call("BootNotification", BOOT))[0] == 3
        world.pass_time(180_000)
        assert await closed(client) == 0


async def test_a_guest_that_does_not_read_is_cut_off() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        client.socket.transport.pause_reading()
        call = json.dumps([2, "x" * 255, "Nonsense", {}])
        for _ in range(20 * MAX_WRITE_BUFFER_BYTES // len(call)):
            if not len(world.guests):
                break
            try:
                await client.socket.send(call)
            except ConnectionClosed:
                break
        async with asyncio.timeout(PATIENCE_S):
            while len(world.guests):  # noqa: ASYNC110 - nobody tells of it; this yields, it does not wait
                await asyncio.sleep(0)


async def test_what_a_guest_repeats_is_logged_at_every_doubling() -> None:
    with capture_logs() as lines:
        async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
            for _ in range(20):
                await client.call("Heartbeat", {})
    told = [line for line in lines if line["log_level"] == "info"]
    assert [line["event"] for line in told] == ["guest.opened", *["call.refused"] * 5, "guest.closed"]


async def test_a_programmers_error_ends_that_one_guest_and_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world, "/A") as client, guest(world, "/B") as other:
        await other.call("BootNotification", BOOT)
        with monkeypatch.context() as patch, capture_logs() as lines:
            patch.setattr(Peer, "receive_text", lambda *_: 1 / 0)
            await client.send(2, "1", "BootNotification", BOOT)
            assert await closed(client) == 0
        assert [line["charger_id"] for line in lines if line["event"] == "guest.failed"] == ["A"]
        assert (await other.call("BootNotification", BOOT))[0] == 3


async def test_stopping_closes_guests_with_1001() -> None:
    async with gateway(unknown_chargers=PENDING) as world, guest(world) as client:
        await client.call("BootNotification", BOOT)
        stopping = asyncio.create_task(world.stop())
        assert await closed(client) == 1001
        await stopping


async def test_without_the_setting_there_are_no_guests() -> None:
    async with gateway() as world:
        with pytest.raises(InvalidStatus):
            await guest(world).__aenter__()
        assert world.knocks.recent()[0].reason == "unknown_charger"
        assert not any(isinstance(fact, ChargerConnected) for fact in world.desk.facts)


def test_the_settings_documentation_tells_the_true_numbers() -> None:
    told = Settings.model_fields["unknown_chargers"].description or ""
    assert f"repeated after {guests.RETRY_S} s" in told
    assert f"({guests.MAX_GUESTS} at most)" in told
    assert guests.RETRY_S >= 30
