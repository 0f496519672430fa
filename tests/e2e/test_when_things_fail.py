"""What docs/when-things-fail.md says, shown with `csms serve` as a process and simulated chargers on real sockets.

Each row of that page names the tests that show it, and each test here is named there (tests/docs). Chargers may have a
clock of their own that a test moves on, so that five minutes without a server take no time; the server may have one,
too (`tests.e2e.moved_clock`). The chargers' hardware can give more than the station has: nothing but the limits that
they were told keeps the sum below the fuse.
"""

import asyncio
import contextlib
import resource
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from csms.store import migrate
from csms.store.sqlite import engine_on
from simulators.clock import WallClock
from tests.e2e.chargers import SimulatedCharger, simulated
from tests.e2e.moved_clock import MovedClock
from tests.e2e.programs import ROOT, Server, charger, run, serving, station, until, write_json
from tests.e2e.records import read_records

pytestmark = pytest.mark.e2e

GRID_W = 150_000
CHARGER_W = 100_000
FAIL_SAFE_W = 10_000
FAIL_SAFE_IN_AMPERES_W = 9_660
"""14 A on each of three phases of 230 V."""
CLOSED, RESERVE, EXPIRE = "closed", "reserve", "expire"
MODES = (CLOSED, RESERVE, EXPIRE)
MINUTE_MS = 60_000
FIVE_MINUTES_MS = 5 * MINUTE_MS
DAY_MS = 86_400_000
STEP_MS = 5_000
"""Time passes in steps after which a car that charges is metered again: none is longer than a sample tells of now."""
TICKS_AWAY = 4
REFUSED = 1


def station_of(*modes: str) -> dict[str, Any]:
    """Return a station in which each charger is named after its fail-safe mode."""
    power: dict[str, dict[str, Any]] = {
        CLOSED: {},
        RESERVE: {"failSafePower": FAIL_SAFE_W / 1000},
        EXPIRE: {"failSafePower": FAIL_SAFE_W / 1000},
    }
    chargers = (charger(mode, CHARGER_W / 1000, failSafe=mode, **power[mode]) for mode in modes)
    return station(GRID_W / 1000, *chargers) | {"failSafe": CLOSED}


class SetClock(WallClock):
    """A charger's clock, so far ahead of the machine's (negative: behind)."""

    def __init__(self, ahead_ms: int = 0) -> None:
        super().__init__()
        self.ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


Fleet = dict[str, SimulatedCharger]


def on(clock: MovedClock) -> dict[str, Any]:
    """Return how a server is started on a clock of its own."""
    return {"launcher": ("tests.e2e.moved_clock", str(clock.path)), "variables": {"PYTHONPATH": str(ROOT)}}


@contextlib.asynccontextmanager
async def fleet(server: Server, *names: str, **clocks: SetClock) -> AsyncIterator[Fleet]:
    """Run a charger of each name until they are provisioned, and for as long as the context lasts."""
    async with contextlib.AsyncExitStack() as stack:
        cars = {
            name: await stack.enter_async_context(simulated(server.ocpp_url, name, clock=clocks.get(name, SetClock())))
            for name in names
        }
        await asyncio.gather(*(provisioned(server, one) for one in cars.values()))
        yield cars


async def provisioned(server: Server, cars: SimulatedCharger) -> None:
    """Wait until the server says that a charger is provisioned."""

    async def look() -> bool:
        return bool((await known(server, cars))["provisioned"])

    await until(look, cars.story)


async def known(server: Server, cars: SimulatedCharger) -> dict[str, Any]:
    """Return what the server shows of a charger."""
    return dict((await server.get(f"/chargers/{cars.charger.identity.charger_id}"))["charger"])


def let_pass(cars: SimulatedCharger, by_ms: int) -> None:
    """Let time pass for a charger; nothing but its clock tells it how much."""
    clock = cars.charger.clock
    assert isinstance(clock, SetClock)
    clock.ahead_ms += by_ms


async def time_passes(server_clock: MovedClock, cars: Fleet, by_ms: int) -> None:
    """Let time pass for a server and its chargers, step by step; none begins before all that was said is answered."""
    for _ in range(0, by_ms, STEP_MS):
        server_clock.pass_time(STEP_MS)
        for one in cars.values():
            let_pass(one, STEP_MS)
        await some_ticks(*cars.values(), ticks=2)
        await until(lambda: not any(one.charger.next_message() for one in cars.values()), "the server's answers")


async def in_time(server_clock: MovedClock, cars: Fleet, look: Callable[[], bool]) -> None:
    """Let time pass until something is seen, five minutes at most."""
    await some_ticks(*cars.values())
    for _ in range(0, FIVE_MINUTES_MS, STEP_MS):
        if look():
            return
        await time_passes(server_clock, cars, STEP_MS)
    raise AssertionError("\n\n".join(one.story() for one in cars.values()))


def cut_off(cars: SimulatedCharger) -> None:
    """Let a charger lose its link, for ever unless it is given back."""
    cars.charger.drop(1_000 * DAY_MS)
    cars.link.nudge()


def give_back(cars: SimulatedCharger) -> None:
    """Give a charger its link back."""
    cars.charger.drop(0)


def power_w(cars: Iterable[SimulatedCharger]) -> int:
    """Return what all cars draw now."""
    return sum(connector.power_w for one in cars for connector in one.charger.connectors)


def draws(cars: SimulatedCharger, idx: int, at_least_w: int = 1) -> bool:
    return cars.connector(idx).power_w >= at_least_w and (cars.transaction_id(idx) or 0) > 0


async def some_ticks(*cars: SimulatedCharger, ticks: int = TICKS_AWAY) -> None:
    """Let each charger live for so many quarters of a second."""
    first = {id(one): len(one.ticks) for one in cars}
    await until(lambda: all(len(one.ticks) >= first[id(one)] + ticks for one in cars), "the chargers' ticks")


def check_fuse(cars: Fleet) -> None:
    """At every tick of the whole story all cars together drew no more than the grid connection can carry.

    Chargers tick at the same instants, each in its own time: what is compared is what each was allowed at its nth tick
    from the end, with all of them running.
    """
    ticks = [one.ticks for one in cars.values()]
    for n in range(1, min(map(len, ticks)) + 1):
        together_w = sum(sum(each[-n].powers_w.values()) for each in ticks)
        assert together_w <= GRID_W, {name: one.ticks[-n] for name, one in cars.items()}


def check_bill(database: Path, cars: Fleet) -> None:
    """Each start and each stop that a charger made is stored once, with the registers of its meter."""
    records = read_records(database).sessions
    for name, one in cars.items():
        starts = sorted(frame.payload["meterStart"] for frame in once(one, "StartTransaction"))
        stops = {frame.payload["transactionId"]: frame.payload["meterStop"] for frame in once(one, "StopTransaction")}
        mine = [each for each in records if each["charger_id"] == name]
        assert sorted(each["meter_start_wh"] for each in mine) == starts, one.story()
        ended = {each["transaction_id"]: each["meter_stop_wh"] for each in mine if each["ended_ms"] is not None}
        assert ended == stops, one.story()


def once(cars: SimulatedCharger, action: str) -> list[Any]:
    """Return the CALLs of an action, one of each however often it was sent."""
    return list({(str(sorted(frame.payload.items()))): frame for frame in cars.sent(action)}.values())


async def back_and_empty(cars: Iterable[SimulatedCharger]) -> None:
    """Wait until chargers are connected and have told all that they had kept."""

    def told(one: SimulatedCharger) -> bool:
        return one.charger.registration.working and not one.charger.outbox.kept

    for one in cars:
        await until(partial(told, one), one.story)


async def alarms(server: Server) -> set[str]:
    """Return the ids of what stands."""
    return {one["id"] for one in (await server.get("/alarms"))["alarms"]}


# --- the server is gone -----------------------------------------------------------------------------------------------


async def test_killed_and_started_again_in_every_mode(tmp_path: Path) -> None:
    database, clock = tmp_path / "csms.sqlite3", MovedClock(tmp_path / "ahead")
    config = station_of(*MODES)
    async with serving(tmp_path, config=config) as server, fleet(server, *MODES) as cars:
        for one in cars.values():
            one.start(1)
        await until(lambda: all(draws(one, 1, 30_000) for one in cars.values()), "three cars charge")
        server.kill_now()
        await server.wait()
        told_w = {name: one.limit_w(1) for name, one in cars.items()}
        for one in cars.values():
            let_pass(one, FIVE_MINUTES_MS)
        await some_ticks(*cars.values())
        for one in cars.values():
            one.start(2)
        await some_ticks(*cars.values())
        limits_w = {name: (one.limit_w(1), one.limit_w(2)) for name, one in cars.items()}
        assert limits_w == {
            CLOSED: (told_w[CLOSED], 0),
            RESERVE: (told_w[RESERVE], FAIL_SAFE_W),
            EXPIRE: (FAIL_SAFE_W, FAIL_SAFE_W),
        }
        assert power_w(cars.values()) == sum(map(sum, limits_w.values())), "they draw what they may"
        cars[RESERVE].stop(1)

        async with serving(tmp_path, config=config, ocpp_port=server.ocpp_port, **on(clock)) as restarted:
            assert {name for name, _ in await restarted.sessions()} == set(MODES)
            await back_and_empty(cars.values())
            assert not draws(cars[CLOSED], 2), "what was said before it was killed may be in force for a minute"
            await in_time(clock, cars, lambda: draws(cars[CLOSED], 2))
            assert set(await restarted.sessions()) == {(m, i) for m in MODES for i in (1, 2)} - {(RESERVE, 1)}
            check_bill(database, cars)
            check_fuse(cars)


async def test_stopped_upgraded_and_started_again(tmp_path: Path) -> None:
    database, clock = tmp_path / "csms.sqlite3", MovedClock(tmp_path / "ahead")
    config = station_of(CLOSED)
    async with serving(tmp_path, config=config) as server, fleet(server, CLOSED) as cars:
        one = cars[CLOSED]
        one.start(1)
        await until(lambda: draws(one, 1, 90_000), one.story)
        running, told_w = one.transaction_id(1), one.limit_w(1)
        ended = await server.stop()
        assert (ended.status, ended.out.splitlines()[-1]) == (0, "csms serve: stopped")
        one.start(2)
        await some_ticks(one)
        assert (one.limit_w(1), one.limit_w(2)) == (told_w, 0)
        assert power_w([one]) == told_w

        older, newer = as_of_the_version_before(database)
        async with serving(tmp_path, config=config, ocpp_port=server.ocpp_port, **on(clock)) as upgraded:
            kept = tmp_path / f"csms.before-{newer}.sqlite3"
            assert stored(kept, "SELECT transaction_id FROM session") == [(running,)]
            assert [line["revision"] for line in upgraded.log() if line["event"] == "schema.backed_up"] == [older]
            assert {idx: one["transactionId"] for (_, idx), one in (await upgraded.sessions()).items()} == {1: running}
            await back_and_empty([one])
            assert one.transaction_id(1) == running
            await in_time(clock, cars, lambda: draws(one, 2))
            one.stop(1)
            await until(lambda: one.answered("StopTransaction"), one.story)
            check_bill(database, cars)
            check_fuse(cars)
            await upgraded.stop()
        with sqlite3.connect(database) as opened:
            opened.execute("UPDATE alembic_version SET version_num = 'of tomorrow'")
        opened.close()
        arguments = ("serve", "--port", "0", "--ocpp-port", "0", "--database", f"sqlite:///{database}")
        refused = await run(tmp_path, "csms", *arguments)
        assert refused.status == REFUSED
        assert "was written by a newer version of this program (schema of tomorrow); install that" in refused.err


def as_of_the_version_before(database: Path) -> tuple[str, str]:
    """Write a stopped server's database as the version before would have left it; return both schemas' revisions.

    It has the older tables, with the rows and columns that they had.
    """
    older = database.with_name("older.sqlite3")
    engine = engine_on(older)
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(config := migrate.configuration(connection))
        newest = script.get_revision("head")
        assert newest is not None
        assert isinstance(newest.down_revision, str)
        with connection.begin():
            command.upgrade(config, newest.down_revision)
    engine.dispose()
    with sqlite3.connect(older) as opened:
        opened.execute("ATTACH ? AS newer", (str(database),))
        tables = opened.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        for (table,) in tables.fetchall():
            if table != "alembic_version":
                columns = ", ".join(row[1] for row in opened.execute(f"PRAGMA main.table_info({table})"))
                opened.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")  # noqa: S608
    opened.close()
    older.replace(database)
    return newest.down_revision, newest.revision


def stored(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what a database holds that nobody uses."""
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return opened.execute(sql).fetchall()


# --- the network is gone ----------------------------------------------------------------------------------------------


async def test_one_charger_offline_then_the_whole_site(tmp_path: Path) -> None:
    database, clock = tmp_path / "csms.sqlite3", MovedClock(tmp_path / "ahead")
    async with (
        serving(tmp_path, config=station_of(*MODES), **on(clock)) as server,
        fleet(server, *MODES) as cars,
    ):
        away, here = cars[CLOSED], cars[RESERVE]
        away.start(1)
        await until(lambda: draws(away, 1, CHARGER_W), away.story)
        cut_off(away)
        await offline(server, away)
        away.start(2)
        here.start(1)
        left_w = GRID_W - CHARGER_W - 3 * FAIL_SAFE_W
        await until(lambda: draws(here, 1, left_w), here.story)
        await time_passes(clock, cars, MINUTE_MS)
        assert (away.limit_w(1), away.limit_w(2), here.limit_w(1)) == (CHARGER_W, 0, left_w)
        away.stop(1)
        await time_passes(clock, cars, MINUTE_MS)
        assert (await server.sessions())[CLOSED, 1]["bookedPowerW"] == CHARGER_W, "nobody has told that it ended"
        assert here.limit_w(1) == left_w
        assert await alarms(server) == set()
        give_back(away)
        await back_and_empty([away])
        await in_time(clock, cars, lambda: draws(here, 1, 2 * left_w) and draws(away, 2, left_w))

        cars[EXPIRE].start(1)
        await until(lambda: draws(cars[EXPIRE], 1, 2 * FAIL_SAFE_W), cars[EXPIRE].story)
        told_w = {name: [one.limit_w(idx) for idx in (1, 2)] for name, one in cars.items()}
        for one in cars.values():
            cut_off(one)
            await offline(server, one)
        for one in cars.values():
            let_pass(one, FIVE_MINUTES_MS)
        clock.pass_time(FIVE_MINUTES_MS)
        await some_ticks(*cars.values())
        here.start(2)
        cars[EXPIRE].start(2)
        await some_ticks(*cars.values())
        assert {name: [one.limit_w(idx) for idx in (1, 2)] for name, one in cars.items()} == {
            CLOSED: told_w[CLOSED],
            RESERVE: [told_w[RESERVE][0], FAIL_SAFE_W],
            EXPIRE: [FAIL_SAFE_IN_AMPERES_W, FAIL_SAFE_W],
        }, "this charger is told amperes since another of its make has refused watts"
        assert here.transaction_id(2) is None
        assert here.connector(2).power_w == FAIL_SAFE_W, "without a transaction id, and it charges"
        assert await alarms(server) == set()
        for one in cars.values():
            give_back(one)
        await back_and_empty(cars.values())
        assert set(await server.sessions()) == {(m, i) for m in MODES for i in (1, 2)} - {(CLOSED, 1)}
        check_bill(database, cars)
        check_fuse(cars)


async def offline(server: Server, cars: SimulatedCharger) -> None:
    """Wait until the server shows that a charger is not connected."""

    async def look() -> bool:
        return "connection" not in await known(server, cars)

    await until(look, cars.story)


# --- the disk takes nothing more --------------------------------------------------------------------------------------


async def test_a_disk_that_takes_nothing_more(tmp_path: Path) -> None:
    """The kernel refuses every write of the server beyond what its database has written: no file of it may grow."""
    database, clock = tmp_path / "csms.sqlite3", MovedClock(tmp_path / "ahead")
    config = station_of(CLOSED, RESERVE)
    async with serving(tmp_path, config=config, **on(clock)) as server, fleet(server, CLOSED, RESERVE) as cars:
        one, other = cars[CLOSED], cars[RESERVE]
        one.start(1)
        await until(lambda: draws(one, 1, CHARGER_W), one.story)
        let_files_grow(server, database.with_name(database.name + "-wal").stat().st_size)
        await until(lambda: one.errors("MeterValues"), one.story)
        one.start(2)
        other.start(1)
        await until(lambda: other.errors("StartTransaction"), other.story)
        assert other.transaction_id(1) is None
        assert (one.limit_w(2), other.limit_w(1), other.connector(1).power_w) == (0, FAIL_SAFE_W, FAIL_SAFE_W)
        assert 0 < one.limit_w(1) <= CHARGER_W
        assert one.connector(1).power_w > 0, "it goes on"
        one.stop(1)
        await refuses_changes(server, config)

        let_files_grow(server, resource.RLIM_INFINITY)
        await until(lambda: has_cleared(server, "nothing_stored"), server.story)
        for each in cars.values():
            let_pass(each, MINUTE_MS)
        await back_and_empty(cars.values())
        await in_time(clock, cars, lambda: draws(one, 2, CHARGER_W // 2) and draws(other, 1, CHARGER_W // 2))
        check_bill(database, cars)
        check_fuse(cars)


def let_files_grow(server: Server, to_bytes: int) -> None:
    """Let a process write files up to a size, and nothing behind it."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (to_bytes, resource.RLIM_INFINITY))


async def refuses_changes(server: Server, config: dict[str, Any]) -> None:
    """Check what an operator sees who asks, and who wants to change something."""
    [alarm] = (await server.get("/alarms"))["alarms"]
    assert (alarm["id"], alarm["severity"]) == ("nothing_stored", "alarm")
    assert alarm["cause"] == "the database refused: disk I/O error"
    assert {"station.commit_failed", "notice.raised", "call.not_stored"} <= {line["event"] for line in server.log()}
    assert await server.get("/health") == {"status": "ok"}
    assert {name for name, _ in await server.sessions()} == {CLOSED}
    refused = await server.post("/station/config", config)
    assert refused.status_code == 503
    assert refused.json()["error"] == "Nothing was changed because it could not be stored; try again."


def has_cleared(server: Server, notice: str) -> bool:
    """Return whether the log says that a notice was cleared."""
    return any((line["event"], line.get("notice")) == ("notice.cleared", notice) for line in server.log())


@pytest.mark.parametrize("kind", ["full", "read-only"])
async def test_no_start_on_a_disk_that_takes_nothing(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    database = folder / "csms.sqlite3"
    engine = engine_on(database)
    with engine.connect() as connection:
        assert migrate.migrate(connection) == ""
    engine.dispose()
    before = database.read_bytes()
    if kind == "read-only":
        database.chmod(0o444)
        folder.chmod(0o555)
    url, config = f"sqlite:///{database}", write_json(tmp_path / "station.json", station_of(CLOSED))
    arguments = ("serve", "--port", "0", "--ocpp-port", "0", "--database", url, "--config", str(config))
    refused = await run(tmp_path, "tests.e2e.no_room", kind, *arguments, variables={"PYTHONPATH": str(ROOT)})
    assert (refused.status, refused.out) == (REFUSED, "")
    why = {"full": "disk I/O error", "read-only": "Permission denied"}
    assert refused.err == f"csms serve: --database: {database}: {why[kind]}\n"
    assert database.read_bytes() == before
    folder.chmod(0o755)  # whoever tidies up may not be root


# --- a clock is wrong -------------------------------------------------------------------------------------------------


async def test_clocks_that_are_wrong(tmp_path: Path) -> None:
    """One charger is a day behind, one a day ahead; then the server's clock is set a day ahead, and two days back."""
    database, clock = tmp_path / "csms.sqlite3", MovedClock(tmp_path / "ahead")
    off_ms = {CLOSED: 0, RESERVE: -DAY_MS, EXPIRE: DAY_MS}
    clocks = {name: SetClock(ahead_ms) for name, ahead_ms in off_ms.items()}
    async with (
        serving(tmp_path, config=station_of(*MODES), **on(clock)) as server,
        fleet(server, *MODES, **clocks) as cars,
    ):
        for one in cars.values():
            one.start(1)
        third_w = (GRID_W - 2 * FAIL_SAFE_W) // len(MODES)
        await in_time(clock, cars, lambda: all(draws(one, 1, third_w) for one in cars.values()))
        limits_w = {name: one.limit_w(1) for name, one in cars.items()}
        await until(lambda: notices(server) >= {"does_not_expire:expire"}, server.story)
        assert await alarms(server) == {"does_not_expire:expire"}

        clock.set_wall(DAY_MS)
        await time_passes(clock, cars, 3 * MINUTE_MS)
        assert {name: one.limit_w(1) for name, one in cars.items()} == limits_w
        assert await alarms(server) <= {"does_not_expire:expire"}, "after two minutes the clocks are believed again"
        clock.set_wall(-DAY_MS)
        await time_passes(clock, cars, MINUTE_MS)
        assert {name: one.limit_w(1) for name, one in cars.items()} == limits_w
        assert not notices(server) & {f"meter_silent:{name}#1" for name in (CLOSED, EXPIRE)}, (
            "a step of our own clock says nothing about theirs"
        )
        assert await alarms(server) == {"does_not_expire:expire"}
        for one in cars.values():
            one.start(2)
        sixth_w = GRID_W // (2 * len(MODES))
        await in_time(clock, cars, lambda: all(draws(one, 2, sixth_w) for one in cars.values()))
        for one in cars.values():
            one.stop(1)
        await until(lambda: all(one.answered("StopTransaction") for one in cars.values()), "three cars have left")
        told = {each["connectorId"]["chargerId"]: each for each in (await server.get("/transactions"))["transactions"]}
        for name, one in cars.items():
            [start, _] = once(one, "StartTransaction")
            assert told[name]["startedAt"] == start.payload["timestamp"], "the charger's own time"
        check_bill(database, cars)
        check_fuse(cars)


def notices(server: Server) -> set[str]:
    """Return the ids of what was raised, ever."""
    return {line["notice"] for line in server.log() if line["event"] == "notice.raised"}


# --- a meter is silent ------------------------------------------------------------------------------------------------


async def test_a_meter_that_is_silent(tmp_path: Path) -> None:
    database, clock = tmp_path / "csms.sqlite3", MovedClock(tmp_path / "ahead")
    config = station_of(CLOSED, RESERVE)
    async with serving(tmp_path, config=config, **on(clock)) as server, fleet(server, CLOSED, RESERVE) as cars:
        silent, other = cars[CLOSED], cars[RESERVE]
        silent.start(1)
        await until(lambda: draws(silent, 1, CHARGER_W), silent.story)
        silent.charger.configuration.set("MeterValuesSampledData", "")
        other.start(1)
        half_w = (GRID_W - FAIL_SAFE_W) // 2
        await in_time(clock, cars, lambda: draws(other, 1, half_w))
        assert silent.limit_w(1) == half_w, "a limit that is accepted and not contradicted is settled"

        await time_passes(clock, cars, 2 * MINUTE_MS)
        assert await alarms(server) == {"meter_silent:closed#1"}
        session = (await server.sessions())[CLOSED, 1]
        assert "consumedPower" not in session
        assert session["bookedPowerW"] == half_w
        assert {"requestedMessage": "MeterValues", "connectorId": 1} in [
            frame.payload for frame in silent.received("TriggerMessage")
        ]
        assert (silent.limit_w(1), other.limit_w(1)) == (half_w, half_w)
        silent.stop(1)
        await in_time(clock, cars, lambda: draws(other, 1, CHARGER_W - FAIL_SAFE_W))
        assert await alarms(server) == set()
        check_bill(database, cars)
        check_fuse(cars)
