"""A backup while cars charge, more transactions after it, the database lost, a restore: nothing twice, nothing free."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.chargers import SimulatedCharger, simulated
from tests.e2e.programs import Ended, Server, charger, run, serving, station, until
from tests.e2e.records import read_records

pytestmark = pytest.mark.e2e

NAMEPLATE_W = 200_000
STATION = station(150, charger("CP001", NAMEPLATE_W / 1000))
REFUSED, WRONG = 1, 2


async def csms(folder: Path, *arguments: str) -> Ended:
    return await run(folder, "csms", *arguments)


def online(cars: SimulatedCharger) -> bool:
    return cars.charger.registration.online and not cars.charger.outbox.kept


def charges(cars: SimulatedCharger, idx: int) -> bool:
    return cars.limit_w(idx) > 0 and cars.connector(idx).power_w > 0 and (cars.transaction_id(idx) or 0) > 0


def leave(cars: SimulatedCharger, idx: int) -> None:
    """Let the car of an ended transaction leave."""
    cars.charger.sessions.unplug(cars.connector(idx))
    cars.link.nudge()


def lose(database: Path) -> None:
    """Remove a database, as a broken disk would."""
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def stored(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as opened:
        return opened.execute(sql).fetchall()


async def test_restored_while_cars_charge(tmp_path: Path) -> None:
    database = tmp_path / "csms.sqlite3"
    url = f"sqlite:///{database}"
    async with serving(tmp_path, config=STATION) as server, simulated(server.ocpp_url, "CP001") as cars:
        await cars.provisioned()
        cars.start(1)
        await until(lambda: charges(cars, 1), cars.story)
        first = cars.transaction_id(1)
        made = await csms(tmp_path, "backup", "kept.sqlite3", "--database", url)
        assert (made.status, made.err) == (0, "")
        assert made.out.startswith("kept.sqlite3: whole, ")
        refused = await csms(tmp_path, "restore", "kept.sqlite3", "--database", url)
        assert refused.status == REFUSED
        assert f"process {server.pid} is using this database; stop it first" in refused.err

        issued = [first, *await go_on(cars)]
        server.kill_now()
        await server.wait()
        lose(database)

        restored = await csms(tmp_path, "restore", "kept.sqlite3", "--database", url)
        assert (restored.status, restored.err) == (0, "")
        assert "restored kept.sqlite3, made 20" in restored.out
        next_id = int(restored.out.split("Transaction ids go on from ")[1].split(":")[0])
        assert next_id > 1_000_000
        again = await csms(tmp_path, "restore", "kept.sqlite3", "--database", url)
        assert again.status == REFUSED
        assert "csms.sqlite3: exists; move it away first" in again.err

        async with serving(tmp_path, config=STATION, ocpp_port=server.ocpp_port) as restarted:
            sessions = await restarted.sessions()
            assert [*sessions] == [("CP001", 1)]
            assert await booked_w(restarted) == NAMEPLATE_W
            await until(lambda: online(cars), cars.story)
            assert cars.transaction_id(1) == first
            cars.stop(2)
            cars.stop(1)
            await until(lambda: not cars.charger.outbox.kept and not running(cars), cars.story)
            leave(cars, 1)
            cars.start(1)
            await until(lambda: running(cars) and (cars.transaction_id(1) or 0) > 0, cars.story)
            assert cars.transaction_id(1) == next_id
            assert await booked_w(restarted) == NAMEPLATE_W, "what was said since the backup may be in force for 60 s"
            await restarted.stop()

    check_records(database, cars, first, next_id)
    assert len({*issued, next_id}) == 4


def check_records(database: Path, cars: SimulatedCharger, first: int | None, second: int) -> None:
    """Compare what is stored with what the charger did: the energy of the first transaction is its meter's."""
    assert first is not None
    records = read_records(database)
    assert sorted(one["transaction_id"] for one in records.sessions if one["transaction_id"]) == [first, second]
    (stop,) = [f.payload for f in cars.sent("StopTransaction") if f.payload["transactionId"] == first]
    start = next(f.payload for f in cars.sent("StartTransaction") if f.payload["connectorId"] == 1)
    found = records.transaction(first)
    assert found["meter_stop_wh"] - found["meter_start_wh"] == stop["meterStop"] - start["meterStart"] > 0
    assert len([one for one in records.sessions if "orphan" in one["flags"]]) == 1
    assert stored(database, "SELECT count(*) FROM event_log WHERE kind = 'store.restored'") == [(1,)]


async def go_on(cars: SimulatedCharger) -> list[int | None]:
    """Do what the backup does not know of: a transaction that ends, then one that goes on; return their ids."""
    cars.start(2)
    await until(lambda: charges(cars, 2), cars.story)
    ended = cars.transaction_id(2)
    cars.stop(2)
    await until(lambda: cars.answered("StopTransaction"), cars.story)
    leave(cars, 2)
    cars.start(2)
    await until(lambda: charges(cars, 2), cars.story)
    return [ended, cars.transaction_id(2)]


async def booked_w(server: Server) -> int:
    """Return what is booked at connector 1."""
    return int((await server.sessions())["CP001", 1]["bookedPowerW"])


def running(cars: SimulatedCharger) -> bool:
    return cars.connector(1).transaction is not None


async def test_backup_says_what_is_in_the_way(tmp_path: Path) -> None:
    refused = await csms(tmp_path, "backup", "kept.sqlite3", "--database", "sqlite:///absent.sqlite3")
    assert (refused.status, refused.out) == (REFUSED, "")
    assert refused.err == "csms backup: absent.sqlite3: no such file\n"
    wrong = await csms(tmp_path, "backup", "kept.sqlite3", "--database", "mysql://me:hush@db/csms")
    assert wrong.status == WRONG
    assert "hush" not in wrong.err
    unsaid = await csms(tmp_path, "restore", "kept.sqlite3")
    assert unsaid.status == WRONG
    assert "--database" in unsaid.err
