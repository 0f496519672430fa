"""Characters of the boot."""

import asyncio

from tests.unit.simulators.characters.central import bench, unconnected


async def test_it_boots_after_a_while_when_it_is_left_alone() -> None:
    async with bench("boots_undisturbed") as b:
        await b.run(4.75)
        assert b.central.calls == []
        await b.run(0.25)
        assert b.central.actions()[0] == "BootNotification"
        assert await b.status("ClearCache") == "Rejected"


async def test_it_hangs_up_when_it_is_addressed_before_its_boot() -> None:
    async with bench("boots_undisturbed") as b:
        told: asyncio.Queue[str] = asyncio.Queue()
        b.charger._print = told.put_nowait
        for connections in (1, 2):
            await b.central.send(2, "early", "GetConfiguration", {})
            assert "addressed before its boot" in await told.get()
            await b.driven.settle()
            await b.central.sockets[-1].wait_closed()
            assert b.central.texts == []
            await b.connected()
            assert len(b.central.sockets) == connections + 1
            while not told.empty():
                told.get_nowait()


async def test_it_boots_again_on_each_connection() -> None:
    async with bench("boots_undisturbed") as b:
        await b.run(5)
        b.charger.drop(500)
        await b.driven.settle()
        await b.connected()
        await b.run(5)
        assert len(b.central.of("BootNotification")) == 2


async def test_it_was_accepted_long_ago() -> None:
    async with bench("accepted_long_ago") as b:
        assert b.central.actions() == ["StatusNotification"] * 3
        await b.start()
        await b.run(20)
        assert b.power_w() == 150_000
        assert b.central.of("BootNotification") == []


async def test_it_reboots_eight_times_and_then_stays() -> None:
    async with bench("reboot_loop") as b:
        for _ in range(8):
            await b.run(3.25)
            await b.connected()
        await b.run(60)
        assert len(b.central.of("BootNotification")) == 9
        assert len(b.central.sockets) == 9
        assert await b.status("ClearCache") == "Rejected"


async def test_long_serials() -> None:
    async with bench("long_serials") as b:
        boot = b.central.of("BootNotification")[0]
        assert (len(boot["chargePointSerialNumber"]), len(boot["chargeBoxSerialNumber"])) == (33, 26)


async def test_an_ancient_stop() -> None:
    async with bench("ancient_stop") as b:
        assert b.central.of("StopTransaction") == [
            {"meterStop": 1, "timestamp": "2017-07-14T02:40:00.000Z", "transactionId": 7, "reason": "PowerLoss"}
        ]
        assert b.central.of("StartTransaction") == []


async def test_a_backlog() -> None:
    async with bench("backlog") as b:
        transactional = [name for name in b.central.actions() if name not in {"BootNotification", "StatusNotification"}]
        assert transactional == (["StartTransaction"] + ["MeterValues"] * 60 + ["StopTransaction"]) * 2
        stamps = [start["timestamp"] for start in b.central.of("StartTransaction")]
        # It is 22:13:20 on 14 November 2023.
        assert stamps == ["2021-11-14T22:13:20.000Z", "2023-11-14T17:13:20.000Z"]
        assert [stop["transactionId"] for stop in b.central.of("StopTransaction")] == [1, 2]
        assert {m["transactionId"] for m in b.central.of("MeterValues")} == {1, 2}


async def test_it_never_boots_and_never_speaks() -> None:
    async with bench("never_boots") as b:
        await b.run(600)
        assert b.central.texts == []
        trigger = {"requestedMessage": "BootNotification"}
        assert await b.status("TriggerMessage", trigger) == "Accepted"
        await b.run(60)
        assert b.central.calls == []


async def test_silence_after_a_reconnection_until_triggered() -> None:
    async with bench("silent_after_reconnect") as b:
        await b.start()
        await b.run(20)
        await b.connected()
        assert b.central.actions().count("BootNotification") == 2
        await b.run(60)
        # The second was measured in the moment in which the network failed.
        seen = [m["meterValue"][0]["timestamp"][14:19] for m in b.central.of("MeterValues")]
        assert seen == ["13:30", "13:40"]
        assert await b.status("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}) == "Accepted"
        await b.run(20)
        contexts = [
            value["context"]
            for message in b.central.of("MeterValues")[2:]
            for value in message["meterValue"][0]["sampledValue"][:1]
        ]
        assert contexts == ["Trigger", "Sample.Periodic", "Sample.Periodic"]
        # Its transaction runs on under its old id.
        assert await b.status("RemoteStopTransaction", {"transactionId": 1}) == "Accepted"


async def test_a_well_behaved_charger_does_not_boot_again_on_a_new_connection() -> None:
    async with unconnected() as b:
        await b.connected()
        b.charger.drop(500)
        await b.driven.settle()
        await b.connected()
        assert len(b.central.of("BootNotification")) == 1
