"""Characters of StatusNotification."""

import pytest

from tests.unit.simulators.characters.central import bench


async def test_an_error_code_that_does_not_exist() -> None:
    async with bench("error_code_error") as b:
        assert [m["errorCode"] for m in b.central.of("StatusNotification")] == ["Error"] * 3


async def test_enums_of_another_version() -> None:
    async with bench("unknown_enums") as b:
        await b.start()
        await b.run(20)
        b.charger.sessions.unplug(b.driven.connector())
        await b.driven.settle()
        assert set(b.central.statuses(1)) == {"Available", "Occupied"}
        assert b.central.of("StopTransaction")[0]["reason"] == "UserStopped"


async def test_no_time_stamp() -> None:
    async with bench("no_status_timestamp") as b:
        assert [m for m in b.central.of("StatusNotification") if "timestamp" in m] == []
        await b.start()
        assert "timestamp" in b.central.of("StartTransaction")[0]


async def test_connector_0_is_never_told() -> None:
    async with bench("no_connector_0") as b:
        await b.ask("TriggerMessage", {"requestedMessage": "StatusNotification"})
        assert [m["connectorId"] for m in b.central.of("StatusNotification")] == [1, 2, 1, 2]


async def test_a_status_that_flaps() -> None:
    async with bench("flapping_status") as b:
        await b.start()
        await b.run(1)
        told = [m for m in b.central.of("StatusNotification") if m["connectorId"] == 1][3:]
        assert [m["status"] for m in told] == ["SuspendedEVSE", "Charging"] * 3 + ["SuspendedEV"]
        assert len({m["timestamp"] for m in told}) == 1
        count = len(b.central.statuses(1))
        await b.run(60)
        assert b.central.statuses(1)[count:] == ["Charging"]


@pytest.mark.parametrize(
    ("characters", "order"),
    [([], ["Finishing", "StopTransaction"]), (["finishing_after_stop"], ["StopTransaction", "Finishing"])],
)
async def test_finishing_before_or_after_the_stop(characters: list[str], order: list[str]) -> None:
    async with bench(*characters) as b:
        await b.start(stays_ms=None)
        await b.run(20)
        del b.central.calls[:]
        await b.driven.swipe()
        told = [payload.get("status", name) for name, payload in b.central.calls]
        assert told == order
