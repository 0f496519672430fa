"""`kill -9` at chosen instants while a simulated charger goes on charging, and a restart on the same file.

The instants are frames of the story of two cars that share 150 kW: the server dies when the charger is about to send
one, or has just received one, before it can answer. So the charger holds what the server never heard of, and obeys what
the server never saw confirmed. Whatever the instant: the same transactions, none doubled, nothing obeyed above what was
durably booked, and every stop recorded with its energy.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.chargers import CALL, RESULT, Frame, SimulatedCharger, by_hand, simulated
from tests.e2e.programs import Server, charger, serving, station, until
from tests.e2e.records import Records, read_records

pytestmark = pytest.mark.e2e

GRID_W = 150_000
STATION = station(GRID_W / 1000, charger("CP001", 200))
BOTH = (1, 2)
TICKS_AWAY = 6
"""The server stays away for at least so many ticks of the charger, a quarter of a second each."""


def is_sent(action: str) -> Callable[[Frame], bool]:
    """It is about to leave: the server never gets it."""
    return lambda frame: frame.is_sent and (frame.kind, frame.action) == (CALL, action)


def is_answered(action: str) -> Callable[[Frame], bool]:
    """The server's answer has arrived."""
    return lambda frame: not frame.is_sent and (frame.kind, frame.action) == (RESULT, action)


def is_limit(idx: int, at_most_w: int) -> Callable[[Frame], bool]:
    """A transaction's limit has arrived; the charger will obey it, but its answer finds nobody."""
    return lambda f: (
        not f.is_sent and f.is_tx_profile and f.payload["connectorId"] == idx and (f.limit or 0) <= at_most_w
    )


INSTANTS: dict[str, Callable[[Frame], bool]] = {
    "a start that is not taken": is_sent("StartTransaction"),
    "a start just answered": is_answered("StartTransaction"),
    "the first limit applied, not confirmed": is_limit(1, GRID_W),
    "a cut for another car, just arrived": is_limit(1, GRID_W // 2),
    "the other car's raise applied, not confirmed": is_limit(2, GRID_W // 2),
    "a stop that is not taken": is_sent("StopTransaction"),
    "a stop just answered": is_answered("StopTransaction"),
}


async def play(cars: SimulatedCharger) -> None:
    """Two cars share a grid, then the first one leaves; ends early where a dead server cannot take it further."""
    await cars.provisioned()
    cars.start(1)
    await until(lambda: not online(cars) or charges(cars, 1, GRID_W), cars.story)
    cars.start(2)
    await until(lambda: not online(cars) or charges(cars, 2, GRID_W // 2), cars.story)
    if online(cars):
        cars.stop(1)
        await until(lambda: not online(cars), cars.story)


def charges(cars: SimulatedCharger, idx: int, limit_w: int) -> bool:
    return cars.limit_w(idx) == limit_w and cars.connector(idx).power_w > 0


def online(cars: SimulatedCharger) -> bool:
    return cars.charger.registration.online


def kill_at(server: Server, cars: SimulatedCharger, is_now: Callable[[Frame], bool]) -> None:
    """Kill the server inside the handling of the first frame that `is_now`."""

    def look(frame: Frame) -> None:
        if is_now(frame):
            server.kill_now()
            cars.on_frame = lambda _: None

    cars.on_frame = look


def transactions_at(cars: SimulatedCharger) -> dict[int, int]:
    """Return the running transactions by connector, as far as their ids are known there."""
    return {idx: known for idx in BOTH if (known := cars.transaction_id(idx)) is not None}


async def sample_while_away(cars: SimulatedCharger, durable: Records) -> None:
    """Nothing obeyed is above what was booked, now and for some time without a server."""
    first = len(cars.ticks)
    await until(lambda: len(cars.ticks) >= first + TICKS_AWAY, "the charger's ticks")
    for tick in cars.ticks[first:]:
        for idx in BOTH:
            assert tick.limits_w[idx] <= durable.booked_w("CP001", idx), (idx, tick, cars.story())


@pytest.mark.parametrize("instant", INSTANTS)
async def test_killed_at(instant: str, tmp_path: Path) -> None:
    database = tmp_path / "csms.sqlite3"
    async with serving(tmp_path, config=STATION) as server, simulated(server.ocpp_url, "CP001") as cars:
        kill_at(server, cars, INSTANTS[instant])
        await play(cars)
        assert (await server.wait()).status == -9
        durable = read_records(database)
        known = transactions_at(cars)
        assert {one["transaction_id"] for one in durable.sessions} >= set(known.values())
        running = {one["idx"]: one["session_id"] for one in durable.sessions if one["ended_ms"] is None}
        await sample_while_away(cars, durable)

        async with serving(tmp_path, config=STATION, ocpp_port=server.ocpp_port) as restarted:
            recovered = await restarted.sessions()
            assert {idx: one["sessionId"] for (_, idx), one in recovered.items()} == running
            for (_, idx), one in recovered.items():
                assert one["bookedPowerW"] >= durable.booked_w("CP001", idx), "recovery books the same or more"
            await until(lambda: online(cars) and not cars.charger.outbox.kept, cars.story)
            assert transactions_at(cars).items() >= known.items()
            shown = {idx: one["transactionId"] for (_, idx), one in (await restarted.sessions()).items()}
            assert shown == transactions_at(cars)

            for idx in shown:
                cars.stop(idx)
            await until(lambda: not cars.charger.outbox.kept, cars.story)
            await check_nothing_lost_or_doubled(restarted, cars, database)
            for tick in cars.ticks:
                charging_w = sum(w for idx, w in tick.limits_w.items() if tick.powers_w[idx])
                assert charging_w <= GRID_W, (tick, cars.story())
            assert (await restarted.stop()).status == 0


async def check_nothing_lost_or_doubled(server: Server, cars: SimulatedCharger, database: Path) -> None:
    """Every start and stop that the charger made has one record each, with the energy of its meter."""
    assert await server.sessions() == {}
    starts = {(f.payload["connectorId"], f.payload["timestamp"]): f for f in cars.sent("StartTransaction")}
    stops = {f.payload["transactionId"]: f.payload["meterStop"] for f in cars.sent("StopTransaction")}
    stored = read_records(database).sessions
    assert sorted(one["transaction_id"] for one in stored) == list(range(1, len(starts) + 1))
    assert {one["transaction_id"]: one["meter_stop_wh"] for one in stored} == stops
    assert {one["idx"]: one["meter_stop_wh"] - one["meter_start_wh"] for one in stored} == {
        one["idx"]: cars.connector(one["idx"]).session_wh for one in stored
    }


async def test_a_start_replayed_after_the_restart_gets_the_same_id(tmp_path: Path) -> None:
    database = tmp_path / "csms.sqlite3"
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 1_000, "timestamp": "2026-05-04T10:00:00Z"}
    async with serving(tmp_path, config=STATION) as server, by_hand(server.ocpp_url, "CP001") as hand:
        await hand.boot(2)
        transaction_id = (await hand.call("StartTransaction", start))["transactionId"]
        server.kill_now()
        await server.wait()
        before = read_records(database).transaction(transaction_id)
    stop = {"transactionId": transaction_id, "meterStop": 3_500, "timestamp": "2026-05-04T11:00:00Z"}
    async with serving(tmp_path, config=STATION) as server, by_hand(server.ocpp_url, "CP001") as hand:
        for _ in range(2):
            assert (await hand.call("StartTransaction", start))["transactionId"] == transaction_id
        await hand.call("StopTransaction", stop)
        server.kill_now()
        await server.wait()
    async with serving(tmp_path, config=STATION) as server, by_hand(server.ocpp_url, "CP001") as hand:
        assert (await hand.call("StartTransaction", start))["transactionId"] == transaction_id
        await hand.call("StopTransaction", stop | {"meterStop": 9_999})
        assert await server.sessions() == {}
        other = await hand.call("StartTransaction", start | {"timestamp": "2026-05-04T12:00:00Z", "meterStart": 3_500})
        assert other["transactionId"] == transaction_id + 1
        stored = read_records(database)
        after = stored.transaction(transaction_id)
        assert len(stored.sessions) == 2
    assert after["session_id"] == before["session_id"]
    assert (before["meter_stop_wh"], after["meter_stop_wh"] - after["meter_start_wh"]) == (None, 2_500)
