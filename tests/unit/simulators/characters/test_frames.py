"""Characters of frames, as they are on the wire."""

import asyncio
import json
from typing import Any

import pytest

from tests.unit.simulators.characters.central import Central, bench, limit_of


async def test_it_is_deaf_a_minute_after_each_connection() -> None:
    central = Central()
    central.heartbeat_s = 10
    async with bench("deaf", central=central) as b:
        await b.run(59)
        assert await b.status("ClearCache") == "Rejected"
        await b.run(2)
        await central.send(2, "unheard", "ClearCache", {})
        count = len(central.of("Heartbeat"))
        await b.run(30)
        assert len(central.of("Heartbeat")) > count
        assert len(central.answers) == 1
        await central.sockets[-1].close()
        await b.connected()
        assert await b.status("ClearCache") == "Rejected"


async def test_surplus_fields_everywhere() -> None:
    async with bench("surplus_fields") as b:
        await b.start()
        await b.run(10)
        assert len(b.central.calls) > 6
        assert all(payload["vendorData"] == {"uptime": 17} for _, payload in b.central.calls)


async def test_an_unknown_measurand() -> None:
    async with bench("unknown_measurand") as b:
        await b.start()
        await b.run(10)
        assert b.central.values("Request.Energy") == ["140"]
        assert b.central.values("Energy.Active.Import.Register") == []


@pytest.mark.parametrize(
    ("character", "part"),
    [
        ("empty_transaction_id", '"connectorId":1,"transactionId":,"meterValue"'),
        ("empty_array_element", '"sampledValue":[,{"value"'),
    ],
)
async def test_no_json(character: str, part: str) -> None:
    async with bench(character) as b:
        await b.start()
        await b.run(30)
        assert len(b.central.unreadable) == 3
        assert all(part in text for text in b.central.unreadable)
        # It does not insist, and goes on.
        b.charger.sessions.unplug(b.driven.connector())
        await b.driven.settle()
        assert b.central.actions()[-1] == "StopTransaction"


async def test_every_third_answer_has_the_id_before() -> None:
    async with bench("echoes_wrong_id") as b:
        ids = [(await b.ask("ClearCache"))[1] for _ in range(6)]
        assert ids == ["c1", "c2", "c2", "c4", "c5", "c5"]


TRIGGER = ("TriggerMessage", {"requestedMessage": "Heartbeat"})
COMPOSITE = ("GetCompositeSchedule", {"connectorId": 1, "duration": 60})


@pytest.mark.parametrize(
    ("character", "asked", "answer"),
    [
        ("triggers_rejected", TRIGGER, [3, "c1", {"status": "Rejected"}]),
        ("triggers_not_implemented", TRIGGER, [3, "c1", {"status": "NotImplemented"}]),
        ("optional_not_implemented", TRIGGER, [4, "c1", "NotImplemented", "", {}]),
        ("optional_not_implemented", COMPOSITE, [4, "c1", "NotImplemented", "", {}]),
        ("optional_not_supported", COMPOSITE, [4, "c1", "NotSupported", "", {}]),
        (
            "optional_not_supported",
            ("SetChargingProfile", limit_of(9_000, 0, purpose="TxDefaultProfile")),
            [3, "c1", {"status": "Accepted"}],
        ),
    ],
)
async def test_answers_without_handling(character: str, asked: tuple[str, Any], answer: list[Any]) -> None:
    async with bench(character) as b:
        assert await b.ask(*asked) == answer
        assert b.central.of("Heartbeat") == []


async def test_ids_are_counted_from_1_after_each_reboot() -> None:
    async with bench("counted_ids") as b:
        assert b.central.ids == ["1", "2", "3", "4"]
        await b.start()
        assert b.central.ids[-1] == "8"
        await b.ask("Reset", {"type": "Hard"})
        await b.run(1)
        await b.connected()
        booted = [payload for payload in map(json.loads, b.central.texts) if payload[2:3] == ["BootNotification"]]
        assert [frame[1] for frame in booted] == ["1", "1"]


async def test_a_lost_socket_does_not_restart_the_ids() -> None:
    async with bench("counted_ids") as b:
        b.charger.drop(1_000)
        b.driven.link.nudge()
        await b.connected()
        await b.start()
        assert b.central.ids[4:] == ["5", "6", "7", "8"]


async def test_one_id_for_everything() -> None:
    async with bench("one_message_id") as b:
        await b.start()
        await b.run(20)
        assert set(b.central.ids) == {"531531"}
        assert len(b.central.ids) > 8
        transaction = b.driven.connector().transaction
        assert transaction is not None
        assert transaction.transaction_id == 1


async def test_a_heartbeat_of_null_and_the_end_after_an_error() -> None:
    central = Central()
    central.heartbeat_s = 10
    async with bench("null_heartbeat", central=central) as b:
        await b.run(10)
        assert b.central.of("Heartbeat") == [None]
        central.refused.add("Heartbeat")
        await b.run(10.25)
        await central.sockets[-1].wait_closed()
        back = asyncio.ensure_future(central.connected())
        await b.run(3_600)
        assert not back.done()
        back.cancel()
