"""Commands on the wire, their fate as facts, and the order of both."""

import pytest

from csms.core.commands import Operate, ReadConfiguration, Trigger
from csms.core.events import (
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    ChargerDisconnected,
    CommandAnswered,
    ConfigurationRead,
    Fact,
    TransactionStarted,
)
from csms.core.ids import ChargerId, ConnectionId, Token
from tests.contract.gateway_world import STAMP, World, gateway

START = {"connectorId": 1, "idTag": "5E450001", "meterStart": 100, "timestamp": STAMP}


def call_facts(world: World) -> list[Fact]:
    return [fact for fact in world.desk.facts if type(fact).__name__.startswith("Call")]


async def test_a_limit_accepted() -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(world.limit(1))
        message_type, message_id, action, payload = await client.receive()
        assert (message_type, message_id, action) == (2, "test-1-1", "SetChargingProfile")
        assert payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 50_000},
        ]
        await client.send(3, message_id, {"status": "Accepted"})
        await world.desk.wait_for(CallAnswered)
        assert call_facts(world) == [CallSent(Token(1)), CallAnswered(Token(1), "Accepted")]


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ((3, {"status": "Rejected"}), CallAnswered(Token(1), "Rejected")),
        ((3, {}), CallErrored(Token(1), "Unreadable")),
        ((3, []), CallErrored(Token(1), "Unreadable")),
        ((4, "NotSupported", "", {}), CallErrored(Token(1), "NotSupported")),
    ],
)
async def test_a_limit_not_accepted(answer: tuple[object, ...], fact: Fact) -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(world.limit(1))
        await client.receive()
        await client.send(answer[0], "test-1-1", *answer[1:])
        await world.desk.wait_for(type(fact))
        assert call_facts(world)[-1] == fact


@pytest.mark.parametrize(
    ("answer", "fact"),
    [((3, {"status": "Accepted"}), CallAnswered), ((4, "NotSupported", "", {}), CallErrored)],
)
async def test_a_charger_that_only_answers_has_said_nothing_by_itself(
    answer: tuple[object, ...], fact: type[Fact]
) -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(Trigger(Token(1), ConnectionId(1), ChargerId("CP001"), "BootNotification", None))
        await client.receive()
        await client.send(answer[0], "test-1-1", *answer[1:])
        await world.desk.wait_for(fact)
        assert "ChargerHeard" not in world.desk.kinds()
        await client.send(2, "a CALL, if a malformed one")
        await client.receive()
        assert world.desk.kinds()[-1] == "ChargerHeard"


async def test_a_late_answer_counts_for_its_own_call_only() -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(world.limit(1, idx=1))
        world.registry.send(world.limit(2, idx=2))
        assert (await client.receive())[1] == "test-1-1"
        world.pass_time(10_000)
        assert (await client.receive())[1] == "test-1-2"
        await client.send(3, "test-1-1", {"status": "Rejected"})
        await client.send(3, "test-1-1", {"status": "Accepted"})
        await client.send(3, "test-1-2", {"status": "Accepted"})
        await world.desk.wait_for(CallAnswered, 2)
        assert call_facts(world) == [
            CallSent(Token(1)),
            CallTimedOut(Token(1)),
            CallSent(Token(2)),
            CallAnswered(Token(1), "Rejected"),
            CallAnswered(Token(2), "Accepted"),
        ]


async def test_an_urgent_limit_leaves_after_five_seconds() -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(world.limit(1, idx=1))
        await client.receive()
        world.registry.send(world.limit(2, idx=2, urgent=True))
        await client.call("Heartbeat", {})
        world.pass_time(4_999)
        assert call_facts(world) == [CallSent(Token(1))]
        world.pass_time(1)
        assert (await client.receive())[1] == "test-1-2"
        assert call_facts(world) == [CallSent(Token(1)), CallTimedOut(Token(1)), CallSent(Token(2))]


async def test_the_newest_limit_replaces_a_queued_one_and_an_urgent_one_goes_first() -> None:
    async with gateway() as world, world.client() as client:
        for token in (1, 2, 3):
            world.registry.send(world.limit(token))
        world.registry.send(world.limit(4, idx=2, urgent=True))
        assert (await client.receive())[3]["connectorId"] == 2
        await client.send(3, "test-1-1", {"status": "Accepted"})
        await client.receive()
        assert call_facts(world) == [
            CallUnsent(Token(1)),
            CallUnsent(Token(2)),
            CallSent(Token(4)),
            CallAnswered(Token(4), "Accepted"),
            CallSent(Token(3)),
        ]


async def test_what_was_not_handed_to_the_socket_when_it_ended_is_unsent_and_only_that() -> None:
    async with gateway() as world:
        async with world.client() as client:
            world.registry.send(world.limit(1, idx=1))
            world.registry.send(world.limit(2, idx=2))
            await client.receive()
        await world.desk.wait_for(ChargerDisconnected)
        assert call_facts(world) == [CallSent(Token(1)), CallUnsent(Token(2))]
        assert world.desk.kinds()[-2:] == ["CallUnsent", "ChargerDisconnected"]
        world.registry.send(world.limit(3))
        assert call_facts(world)[-1] == CallUnsent(Token(3))


async def test_a_command_for_an_earlier_connection_is_unsent() -> None:
    async with gateway() as world, world.client():
        world.registry.send(world.limit(1, connection=9))
        assert call_facts(world) == [CallUnsent(Token(1))]


async def test_commands_that_never_got_their_turn_are_unsent() -> None:
    async with gateway() as world, world.client() as client:
        await client.call("Heartbeat", {})
        world.registry.send(world.limit(1))
        client.socket.transport.abort()
        await world.desk.wait_for(ChargerDisconnected)
        assert len(call_facts(world)) == 1


async def test_message_ids_are_never_used_again_on_another_connection() -> None:
    async with gateway() as world:
        seen = set()
        for connection in (1, 2):
            async with world.client() as client:
                world.registry.send(world.limit(connection, connection=connection))
                seen.add((await client.receive())[1])
        assert seen == {"test-1-1", "test-2-1"}


async def test_an_answer_on_another_connection_completes_nothing() -> None:
    async with gateway() as world:
        async with world.client() as client:
            world.registry.send(world.limit(1))
            await client.receive()
        async with world.client() as client:
            await client.send(3, "test-1-1", {"status": "Accepted"})
            await client.call("Heartbeat", {})
            assert call_facts(world) == [CallSent(Token(1))]


async def test_what_was_learnt_of_a_slow_charger_outlives_its_connection() -> None:
    async with gateway() as world:
        async with world.client() as client:
            world.registry.send(world.limit(1))
            await client.receive()
            world.clock.mono_ms += 9_000
            await client.send(3, "test-1-1", {"status": "Accepted"})
            await world.desk.wait_for(CallAnswered)
        async with world.client() as client:
            world.registry.send(world.limit(2, connection=2))
            await client.receive()
            world.pass_time(17_999)
            assert call_facts(world)[-1] == CallSent(Token(2))
            world.pass_time(1)
            assert call_facts(world)[-1] == CallTimedOut(Token(2))


@pytest.mark.parametrize("limit_first", [True, False])
async def test_the_start_is_confirmed_before_its_limit_leaves(*, limit_first: bool) -> None:
    async with gateway() as world, world.client() as client:
        world.desk.holding = True
        await client.send(2, "start", "StartTransaction", START)
        await world.desk.wait_for(TransactionStarted)
        if limit_first:
            world.registry.send(world.limit(1, idx=1))
            world.registry.send(world.limit(2, idx=2))
            assert (await client.receive())[1] == "test-1-1", "another connector does not wait"
            await client.send(3, "test-1-1", {"status": "Accepted"})
            await world.desk.wait_for(CallAnswered)
            world.desk.release()
        else:
            world.registry.send(world.limit(1, idx=1))
            world.desk.release()
        assert (await client.receive())[1] == "start"
        assert (await client.receive())[3]["connectorId"] == 1


async def test_configuration_is_read() -> None:
    async with gateway() as world, world.client() as client:
        command = ReadConfiguration(Token(1), ConnectionId(1), ChargerId("CP001"), ("A",))
        world.registry.send(command)
        assert (await client.receive())[2:] == ["GetConfiguration", {"key": ["A"]}]
        await client.send(3, "test-1-1", {"configurationKey": [{"key": "A", "value": 1}], "unknownKey": ["B"]})
        assert await world.desk.wait_for(ConfigurationRead) == ConfigurationRead(Token(1), {"A": "1"}, ("B",))


async def test_a_raise_that_waited_for_its_commit_never_leaves_after_a_newer_cut() -> None:
    async with gateway() as world, world.client() as charger:
        world.registry.send(world.limit(5))
        world.registry.send(world.limit(4))
        world.registry.send(world.limit(6, idx=2))
        first = await charger.receive()
        assert (await world.desk.wait_for(CallUnsent)).token == 4
        await charger.send(3, first[1], {"status": "Accepted"})
        second = await charger.receive()
        assert [frame[3]["connectorId"] for frame in (first, second)] == [1, 2]


async def test_limits_overtake_the_commands_of_operators() -> None:
    async with gateway() as world, world.client() as client:
        cp, connection = ChargerId("CP001"), ConnectionId(1)
        world.registry.send(Operate(Token(1), connection, cp, "ClearCache", "{}"))
        world.registry.send(Operate(Token(2), connection, cp, "Reset", '{"type":"Soft"}'))
        first = await client.receive()
        world.registry.send(world.limit(3))
        await client.send(3, first[1], {"status": "Accepted"})
        second = await client.receive()
        await client.send(3, second[1], {"status": "Accepted"})
        assert [first[2], second[2], (await client.receive())[2]] == ["ClearCache", "SetChargingProfile", "Reset"]


@pytest.mark.parametrize(
    ("payload", "fact"),
    [
        ({"status": "accepted"}, CommandAnswered(Token(1), "Accepted", '{"status":"accepted"}')),
        ({"listVersion": 3}, CommandAnswered(Token(1), None, '{"listVersion":3}')),
        ({"status": ""}, CallErrored(Token(1), "Unreadable")),
        ([], CallErrored(Token(1), "Unreadable")),
        (
            {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "secret"}]},
            CommandAnswered(Token(1), None, '{"configurationKey":[{"key":"AuthorizationKey","readonly":false}]}'),
        ),
    ],
)
async def test_the_answer_to_an_operators_command_comes_whole_but_without_secrets(payload: object, fact: Fact) -> None:
    async with gateway() as world, world.client() as client:
        world.registry.send(Operate(Token(1), ConnectionId(1), ChargerId("CP001"), "GetConfiguration", "{}"))
        _, message_id, _, _ = await client.receive()
        await client.send(3, message_id, payload)
        await world.desk.wait_for(type(fact))
        assert fact in world.desk.facts
