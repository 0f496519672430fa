"""Whatever is sent, the connection stays and the next message is answered (OCPP-J 1.6 §4.1–4.2), over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed

from csms.core.events import (
    CallAnswered,
    CallErrored,
    ChargerDisconnected,
    Fact,
    KnownTransaction,
    MeterSampled,
    StartKey,
)
from csms.core.ids import ChargerId, Token
from csms.gateway.answers import KEPT
from csms.gateway.connection import MAX_WRITE_BUFFER_BYTES, QUEUE_HIGH, ChargerConnection
from csms.ocpp16 import vendor
from csms.ocpp16.peer import MAX_PENDING_CALLS, MAX_STORED_ANSWERS
from csms.ocpp16.typed_lane import HOT_ACTIONS
from tests.contract.gateway_world import STAMP, Client, World, gateway

START = {"connectorId": 1, "idTag": "5E450001", "meterStart": 100, "timestamp": STAMP}
STOP = {"transactionId": 77, "meterStop": 200, "timestamp": STAMP}
ELEMENT = {"timestamp": STAMP, "sampledValue": [{"value": "1"}]}
VALUES = {"connectorId": 1, "meterValue": [ELEMENT]}
DIGITS = "9" * 5_000


@asynccontextmanager
async def charger() -> AsyncIterator[tuple[World, Client]]:
    """Connect a charger; in the end it is still connected, and answered."""
    async with gateway() as world, world.client() as client:
        yield world, client
        await client.send(2, "last", "Heartbeat", {})
        assert await client.receive() == [3, "last", {"currentTime": STAMP}]
        assert world.desk.kinds().count("ChargerConnected") == 1


# --- ids and payloads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "1",
        "é😀",
        'quo"te\\',
        "\x00\n",
        "0" * 36,
        "x" * 255,
        "550e8400-e29b-41d4-a716-446655440000",
        7,
        -1,
        2**63 - 1,
    ],
)
async def test_the_answer_carries_the_very_id(message_id: str | int) -> None:
    async with charger() as (_, client):
        await client.send(2, message_id, "Heartbeat", {})
        assert await client.receive() == [3, message_id, {"currentTime": STAMP}]
        await client.send(2, message_id, "Nonsense", {})
        assert (await client.receive())[:3] == [4, message_id, "NotImplemented"]
        await client.send(2, message_id, "Heartbeat", [])
        assert (await client.receive())[:3] == [4, message_id, "FormationViolation"]


@pytest.mark.parametrize("action", sorted({*HOT_ACTIONS, *KEPT}))
async def test_null_is_an_empty_payload(action: str) -> None:
    async with charger() as (_, client):
        await client.send(2, "null", action, None)
        of_null = await client.receive()
        await client.send(2, "empty", action, {})
        of_empty = await client.receive()
        assert (of_null[0], of_null[2:]) == (of_empty[0], of_empty[2:])


@pytest.mark.parametrize("action", sorted(vendor.known_actions() - HOT_ACTIONS - KEPT.keys()), ids=str)
async def test_what_only_a_central_system_asks_is_not_supported(action: str) -> None:
    async with charger() as (_, client):
        assert (await client.call(action, {}))[2] == "NotSupported"


@pytest.mark.parametrize(
    "action",
    ["", "heartbeat", "HEARTBEAT", " Heartbeat", "Heartbeat\x00", "HeartbeatResponse", "TransactionEvent", "é" * 9_000],
)
async def test_what_ocpp_1_6_does_not_have_is_not_implemented(action: str) -> None:
    async with charger() as (_, client):
        assert (await client.call(action, {}))[2] == "NotImplemented"


@pytest.mark.parametrize(
    "rest",
    [
        '"Heartbeat"',
        '"Heartbeat",{},{}',
        '"Heartbeat",[]',
        '"Heartbeat",""',
        '"Heartbeat",0',
        '"Heartbeat",false',
        "{},{}",
        "[],{}",
        "null,{}",
        "5,{}",
        "",
        '"Heartbeat",{"a":1',
        '"Heartbeat",{a:1}',
        '"Heartbeat",{"a":NaN}',
        '"Heartbeat",{"a":-Infinity}',
        '"MeterValues",{"connectorId":Infinity}',
        '"\\udc00",{}',
        '"Authorize",{"idTag":"\\ud83d",}',
        '"Authorize",{"idTag":"\n"}',
        '"Heartbeat",' + "[" * 60_000,
        '"Heartbeat",' + '{"a":' * 12_000,
        '"Heartbeat",{"a":' + "[" * 30_000 + "]" * 30_000 + "}",
    ],
    ids=lambda rest: rest[:40],
)
async def test_a_wrong_shape_behind_an_id_is_a_formation_violation(rest: str) -> None:
    async with charger() as (_, client):
        await client.socket.send(f'[2,"id",{rest}]' if rest else '[2,"id"]')
        assert (await client.receive())[:3] == [4, "id", "FormationViolation"]


@pytest.mark.parametrize(
    "text",
    [
        "[2]",
        "[]",
        "[[]]",
        '{"2":"id"}',
        '[2,null,"Heartbeat",{}]',
        '[2,1.5,"Heartbeat",{}]',
        '[2,"\\ud800","Heartbeat",{}]',
        f'[2,{DIGITS},"Heartbeat",{{}}]',
        '["2","id","Heartbeat",{}]',
        '[2.0,"id","Heartbeat",{}]',
        '[0,"id","Heartbeat",{}]',
        '[5,"id","Heartbeat",{}]',
        f'[{DIGITS},"id","Heartbeat",{{}}]',
        '[true,"id","Heartbeat",{}]',
        '[3,"id",{}]',
        '[3,"id"]',
        '[3,"id",' + "[" * 60_000,
        '[4,"id","GenericError","",{}]',
        '[4,"id"]',
        '[4,"id",[],{},5]',
        "NaN",
        "\x00",
        "[" * 65_000,
        DIGITS,
        " " * 65_536,
    ],
    ids=lambda text: text[:40],
)
async def test_what_cannot_be_answered_is_ignored(text: str) -> None:
    async with charger() as (world, client):
        await client.socket.send(text)
        assert world.desk.kinds() == ["ChargerConnected"]


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("Heartbeat", '{"a":' + DIGITS + "}", {"currentTime": STAMP}),
        ("Heartbeat", '{"a":1E400}', {"currentTime": STAMP}),
        ("Heartbeat", '{"a":' + "[" * 500 + "]" * 500 + "}", {"currentTime": STAMP}),
        ("StatusNotification", '{"connectorId":1,"status":"Available","info":' + DIGITS + "}", {}),
        ("StatusNotification", '{"connectorId":1,"status":"Faulted","status":"Available"}', {}),
        ("Heartbeat", '{"a":"\\ud800"}', {"currentTime": STAMP}),
        ("Authorize", '{"idTag":"\\ud83d"}', {"idTagInfo": {"status": "Accepted"}}),
        ("Authorize", '{"idTag":"a","idTag":"a"}', {"idTagInfo": {"status": "Accepted"}}),
        ("MeterValues", '{"connectorId":1,"transactionId":' + DIGITS + "}", {}),
        ("MeterValues", '{"connectorId":1,"meterValue":{"sampledValue":{"value":' + DIGITS + "}}}", {}),
        ("StopTransaction", '{"transactionId":1e400,"transactionId":77,"meterStop":"9"}', None),
        ("StopTransaction", json.dumps(STOP | {"reason": "Sunset", "idTag": None, "transactionData": "none"}), {}),
        ("StopTransaction", json.dumps(STOP | {"transactionData": [ELEMENT] * 800}), {}),
        ("StopTransaction", json.dumps(STOP | {"transactionData": [ELEMENT] * 6_000}), {}),
        ("DataTransfer", json.dumps({"vendorId": "v", "data": "x" * 60_000}), {"status": "UnknownVendorId"}),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_odd_and_huge_payloads(action: str, payload: str, answer: dict[str, Any] | None) -> None:
    async with charger() as (_, client):
        await client.socket.send(f'[2,"id","{action}",{payload}]')
        got = await client.receive()
        if answer is None:
            assert got[:3] == [4, "id", "FormationViolation"], "two values for a field that the answer needs"
        else:
            assert got == [3, "id", answer]


FULL = {"context": "Sample.Periodic", "format": "Raw", "location": "Outlet"}
REGISTER = FULL | {"value": "1234567", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
POWER = FULL | {"value": "11000.0", "measurand": "Power.Active.Import", "unit": "W"}


@pytest.mark.parametrize(
    ("values", "room"), [([{"value": "1234567"}], 14_000), ([REGISTER], 5_400), ([REGISTER, POWER], 3_200)]
)
async def test_the_longest_stops_are_as_long_as_the_documentation_says(values: list[dict[str, str]], room: int) -> None:
    element = {"timestamp": STAMP, "sampledValue": values}
    with capture_logs() as log:
        await _stops(element, room)
    (closed,) = [line for line in log if line["event"] == "link.closed"]
    assert closed["close_code"] == 1009


async def _stops(element: dict[str, Any], room: int) -> None:
    async with gateway() as world, world.client() as client:
        for count, fits in ((room, True), (room + room // 20, False)):
            stop = [2, "id", "StopTransaction", STOP | {"transactionData": [element] * count}]
            await client.socket.send(json.dumps(stop, separators=(",", ":")))
            if fits:
                assert await client.receive() == [3, "id", {}]
            else:
                with pytest.raises(ConnectionClosed, match="1009"):
                    await client.receive()
        await world.desk.wait_for(ChargerDisconnected)


# --- repetitions and bursts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}),
        ("StartTransaction", START),
        ("StopTransaction", STOP),
        ("MeterValues", VALUES),
        ("DataTransfer", {"vendorId": "v"}),
    ],
)
async def test_a_call_repeated_while_its_answer_is_made_is_one_fact_and_one_answer(
    action: str, payload: dict[str, Any]
) -> None:
    async with charger() as (world, client):
        world.desk.holding = True
        for _ in range(5):
            await client.send(2, "same", action, payload)
        await client.call("Heartbeat", {})  # answered behind them: all of them were taken in
        assert len(world.desk.asked) == 1
        world.desk.holding = False
        world.desk.release()
        assert (await client.receive())[:2] == [3, "same"]
        assert (await client.call("Authorize", {"idTag": "x"}))[0] == 3, "the next frame is no second answer"


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", START),
        ("StopTransaction", STOP),
        ("MeterValues", VALUES),
        ("DataTransfer", {"vendorId": "v"}),
    ],
)
async def test_a_call_repeated_after_its_answer_is_one_fact_and_the_same_answer(
    action: str, payload: dict[str, Any]
) -> None:
    async with charger() as (world, client):
        answers = []
        for _ in range(5):
            await client.send(2, "same", action, payload)
            answers.append(await client.receive())
        assert answers == [answers[0]] * 5
        assert len(world.desk.asked) == 1


async def test_an_id_used_for_two_messages_at_once_gets_an_answer_to_each() -> None:
    async with charger() as (world, client):
        world.desk.holding = True
        await client.send(2, "same", "MeterValues", VALUES)
        await client.send(2, "same", "MeterValues", VALUES | {"connectorId": 2})
        await world.desk.wait_for(MeterSampled, 2)
        world.desk.holding = False
        world.desk.release()
        assert [(await client.receive())[:2] for _ in range(2)] == [[3, "same"]] * 2


async def test_a_burst_of_a_thousand_frames_is_answered_in_order() -> None:
    kinds: list[tuple[str, Any, int]] = [
        ("Heartbeat", {}, 3),
        ("MeterValues", VALUES, 3),
        ("Nonsense", {}, 4),
        ("Heartbeat", [], 4),
        ("StopTransaction", STOP, 3),
    ]
    async with charger() as (_, client):
        expected = []
        for n in range(1_000):
            action, payload, answer = kinds[n % len(kinds)]
            await client.send(2, str(n), action, payload)
            await client.socket.send("no message at all")
            expected.append([answer, str(n)])
        got = [(await client.receive())[:2] for _ in range(1_000)]
        waits = {str(n) for n in range(1_000) if n % len(kinds) in {1, 4}}
        assert [one for one in got if one[1] in waits] == [one for one in expected if one[1] in waits]
        assert [one for one in got if one[1] not in waits] == [one for one in expected if one[1] not in waits]


async def test_a_charger_that_waits_for_its_store_does_not_keep_another_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway() as world, world.client("/CP001") as slow, world.client("/CP002") as other:
        asked, answered = asyncio.Event(), asyncio.Event()

        async def find_start(_: StartKey) -> KnownTransaction | None:
            asked.set()
            await answered.wait()
            return None

        with monkeypatch.context() as patch:
            patch.setattr(world.memory, "find_start", find_start)
            await slow.send(2, "start", "StartTransaction", START)
            await slow.send(2, "beat", "Heartbeat", {})
            await asked.wait()
            assert (await other.call("Heartbeat", {}))[0] == 3
            answered.set()
            assert {(await slow.receive())[1] for _ in range(2)} == {"start", "beat"}


# --- answers nobody asked for -----------------------------------------------------------------------------------------


def call_facts(world: World) -> list[Fact]:
    return [fact for fact in world.desk.facts if isinstance(fact, CallAnswered | CallErrored)]


@pytest.mark.parametrize("wrong_id", ["test-1-2", "test-1-1 ", "TEST-1-1", "", "x" * 300, 1, None, ["test-1-1"]])
async def test_an_answer_with_a_wrong_id_completes_nothing(wrong_id: Any) -> None:
    async with charger() as (world, client):
        world.registry.send(world.limit(1))
        assert (await client.receive())[1] == "test-1-1"
        await client.send(3, wrong_id, {"status": "Rejected"})
        await client.send(4, wrong_id, "GenericError", "", {})
        await client.call("Heartbeat", {})
        assert call_facts(world) == []
        await client.send(3, "test-1-1", {"status": "Accepted"})
        await client.send(3, "test-1-1", {"status": "Rejected"})
        await client.send(4, "test-1-1", "GenericError", "", {})
        await client.call("Authorize", {"idTag": "x"})
        assert call_facts(world) == [CallAnswered(Token(1), "Accepted")], "a second answer counts for nothing"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('[3,"test-1-1",{"status":"Accepted"},"more"]', CallAnswered(Token(1), "Accepted")),
        ('[3,"test-1-1",{"status":"Accepted","x":' + DIGITS + "}]", CallAnswered(Token(1), "Accepted")),
        ('[3,"test-1-1",{"status":"Rejected","status":"Accepted"}]', CallAnswered(Token(1), "Accepted")),
        ('[3,"test-1-1",null]', CallErrored(Token(1), "Unreadable")),
        ('[3,"test-1-1",{"status":NaN}]', CallErrored(Token(1), "Unreadable")),
        ('[3,"test-1-1",{"status":"\\ud800"}]', CallAnswered(Token(1), "\ufffd")),
        ('[3,"test-1-1",' + "[" * 60_000, CallErrored(Token(1), "Unreadable")),
        ('[3,"test-1-1"]', CallErrored(Token(1), "Unreadable")),
        ('[4,"test-1-1"]', CallErrored(Token(1), "Unreadable")),
        ('[4,"test-1-1",{},[],5]', CallErrored(Token(1), "Unreadable")),
        ('[4,"test-1-1","' + "x" * 9_000 + '","",{}]', CallErrored(Token(1), "x" * 50)),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_odd_answer_is_an_answer(text: str, fact: Fact) -> None:
    async with charger() as (world, client):
        world.registry.send(world.limit(1))
        await client.receive()
        await client.socket.send(text)
        await client.call("Heartbeat", {})
        assert call_facts(world) == [fact]


# --- bounds -----------------------------------------------------------------------------------------------------------


def held(world: World) -> dict[str, int]:
    """Count what the link of CP001, its peer and its connection hold in all their containers."""
    link = world.registry._links[ChargerId("CP001")]
    return {
        f"{type(owner).__name__}.{name}": len(value)
        for owner in (link, link.peer, link._connection)
        for name in attributes(owner)
        if isinstance(value := getattr(owner, name, None), Sized) and not isinstance(value, str)
    }


def attributes(owner: object) -> set[str]:
    """Return the names of what an object holds, in its dictionary or in slots."""
    slots = {name for kind in type(owner).__mro__ for name in getattr(kind, "__slots__", ())}
    return slots | getattr(owner, "__dict__", {}).keys()


async def test_a_flood_of_answers_nobody_asked_for_leaves_nothing_behind() -> None:
    async with charger() as (world, client):
        await client.call("Heartbeat", {})
        before = held(world)
        for n in range(2_000):
            await client.socket.send(f'[3,"test-1-{n}",{{"status":"Accepted"}}]')
            await client.socket.send(f'[4,"{n}","GenericError","",{{}}]')
        await client.call("Heartbeat", {})
        assert held(world) == before
        assert world.desk.kinds() == ["ChargerConnected", "ChargerHeard"]


async def test_a_flood_of_calls_leaves_a_bounded_memory_behind() -> None:
    async with charger() as (world, client):
        before = held(world)
        for n in range(2_000):
            await client.send(2, f"{n}" + "x" * 200, "MeterValues", VALUES)
        for n in range(2_000):
            assert (await client.receive())[1].startswith(f"{n}x")
        more = {name: count - before[name] for name, count in held(world).items() if count != before[name]}
        assert more == {"Peer._answers": MAX_STORED_ANSWERS}


async def test_what_waits_to_be_taken_in_is_bounded() -> None:
    async with charger() as (world, client):
        world.desk.holding = True
        for n in range(3_000):
            await client.send(2, str(n), "MeterValues", VALUES)
        await world.desk.wait_for(MeterSampled, 32)
        counts = held(world)
        assert counts["Peer._pending"] <= MAX_PENDING_CALLS
        assert counts["ChargerConnection._messages"] <= QUEUE_HIGH + 4096 // 100, "and what one slice parses to"
        world.desk.holding = False
        world.desk.release()
        assert [(await client.receive())[:2] for _ in range(3_000)] == [[3, str(n)] for n in range(3_000)]


async def test_a_charger_that_does_not_read_is_let_go_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    written = ChargerConnection.write_text
    buffered: list[int] = []

    def write_text(connection: ChargerConnection, text: str) -> bool:
        done = written(connection, text)
        buffered.append(connection.transport.get_write_buffer_size())
        return done

    monkeypatch.setattr(ChargerConnection, "write_text", write_text)
    async with gateway() as world, world.client() as deaf:
        deaf.socket.transport.pause_reading()
        call = b'[2,"' + b"x" * 200 + b'","Nonsense",{}]'
        deaf.socket.transport.write((b"\x81\xfe" + len(call).to_bytes(2, "big") + b"\x00\x00\x00\x00" + call) * 60_000)
        await world.desk.wait_for(ChargerDisconnected)
        assert MAX_WRITE_BUFFER_BYTES < max(buffered) < MAX_WRITE_BUFFER_BYTES + 1_000


async def test_a_charger_that_reads_late_loses_nothing() -> None:
    async with charger() as (_, client):
        client.socket.transport.pause_reading()
        for n in range(2_000):
            await client.send(2, str(n), "Heartbeat", {})
        client.socket.transport.resume_reading()
        assert [(await client.receive())[:2] for _ in range(2_000)] == [[3, str(n)] for n in range(2_000)]
