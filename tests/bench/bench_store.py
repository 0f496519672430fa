"""How many rows become durable a second, what one costs, and how long a commit takes beside a busy event loop.

    python tests/bench/bench_store.py [--rows 40000] [--transactions 15]

Rows a second, on the disk of the temporary folder: one commit a row; many callers that share commits (group commit);
and commits of a thousand rows, as the control loop makes them under load. In SQLite, and in a PostgreSQL that is
started for it; CPU is this process's, which is not all of it in the case of a server. Then milliseconds that a commit
of a thousand rows takes in SQLite while the event loop works in slices without a pause, written in three ways: as the
store does it, with the driver's `executemany`, and through SQLAlchemy's asynchronous engine. How much the three differ
depends on whether the machine has a core to spare. Every figure of a table comes from the same run; nothing here is a
pass or a fail.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, event, func, select
from sqlalchemy.ext.asyncio import create_async_engine

from csms.core.records import Record
from csms.store import SITE, SqlStore, open_store, schema, statements
from csms.store.changes import Changes
from tests.postgres import PostgresServer, empty_database, running_postgres
from tests.unit.store import samples

RAW = (
    '{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[{"value":"11000","measurand":"Power.Active.Import","unit":"W"},'
    '{"value":"123456","measurand":"Energy.Active.Import.Register","unit":"Wh"}]}'
)
CALLERS = 1_000
STEP = 1_000
BUSY_SLICE_S = 1e-3

Write = Callable[[Changes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Throughput:
    """One way of committing: rows, and what they took."""

    name: str
    rows: int
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.rows / self.wall_s


@dataclass(frozen=True, slots=True)
class Delay:
    """One way of writing beside a busy loop: what each transaction took, ms."""

    name: str
    taken_ms: tuple[float, ...]


def rows(count: int, first: int = 0) -> list[Record]:
    """Return samples of a thousand chargers, each as a MeterValues of two measurands brings it."""
    return [
        samples.sample(at_ms=1_700_000_000_000 + first + n, charger_id=f"CP{n % 1000:04d}", raw_json=RAW)
        for n in range(count)
    ]


def with_sessions(count: int, first: int) -> list[Record]:
    """Return samples and upserts of a thousand sessions by turns, `count` in all."""
    sessions = [samples.session(f"s{n % STEP}", n % STEP, rank=n) for n in range(count - count // 2)]
    return [record for pair in zip(sessions, rows(count - count // 2, first), strict=True) for record in pair][:count]


async def throughput(url: str, count: int) -> list[Throughput]:
    """Commit `count` rows in each way (a hundredth of it one by one); check that all are there."""
    store = await open_store(url)
    assert isinstance(store, SqlStore), store
    few = max(1, count // 100)

    async def one_by_one(records: Sequence[Record]) -> None:
        for record in records:
            await store.commit([record])

    async def together(records: Sequence[Record]) -> None:
        await asyncio.gather(*(one_by_one(records[n::CALLERS]) for n in range(CALLERS)))

    async def in_steps(records: Sequence[Record]) -> None:
        for start in range(0, len(records), STEP):
            await store.commit(records[start : start + STEP])

    results = [
        await _measured("one caller, a row a commit", few, one_by_one(rows(few))),
        await _measured(f"{CALLERS} callers, a row a commit", count, together(rows(count, few))),
        await _measured(f"one caller, {STEP} rows a commit", count, in_steps(rows(count, few + count))),
        await _measured("the same, half of them sessions", count, in_steps(with_sessions(count, few + 2 * count))),
    ]
    assert await _count(store) == few + 2 * count + count // 2
    await store.close()
    return results


async def beside_a_busy_loop(path: Path, transactions: int) -> list[Delay]:
    """Write samples a thousand at a time in each way; check that all are there."""
    store = await open_store(f"sqlite:///{path}")
    assert isinstance(store, SqlStore), store

    def row_by_row(connection: Connection, changes: Changes) -> None:
        sql = statements._insert_sql(schema.meter_sample, 1, connection.dialect.paramstyle)
        connection.exec_driver_sql(sql, list(changes.histories[schema.meter_sample]))

    async def as_the_store_does(changes: Changes) -> None:
        await store._database.run(changes.apply)

    async def executemany(changes: Changes) -> None:
        await store._database.run(lambda connection: row_by_row(connection, changes))

    written = 0
    results = []
    async with _asynchronous_engine(path) as asynchronously:
        ways: list[tuple[str, Write]] = [
            (f"one visit to the thread, {statements.ROWS_MAX} rows a statement", as_the_store_does),
            ("one visit to the thread, executemany", executemany),
            ("asynchronous engine, a visit a statement", asynchronously),
        ]
        for name, write in ways:
            taken_ms = []
            for _ in range(transactions):
                taken_ms.append(await _beside_work(write(Changes(SITE, rows(STEP, written)))))
                written += STEP
            results.append(Delay(name, tuple(taken_ms)))
    assert await _count(store) == written
    await store.close()
    return results


def tables(throughputs: Mapping[str, Sequence[Throughput]], delays: Sequence[Delay]) -> str:
    """Return a table of throughput for each database, and the one of delays."""
    lines: list[str] = []
    for database, measured in throughputs.items():
        alone = measured[0].per_s
        lines += [f"{f'durable rows, {database}':46}{'rows/s':>10}{'of alone':>10}{'µs CPU a row':>14}"]
        lines += [
            f"{t.name:46}{t.per_s:>10.0f}{t.per_s / alone:>10.1f}{t.cpu_s / t.rows * 1e6:>14.1f}" for t in measured
        ]
        lines += [""]
    lines += [f"{f'{STEP} rows beside a busy event loop, ms':46}{'median':>10}{'worst':>10}"]
    lines += [f"{d.name:46}{statistics.median(d.taken_ms):>10.1f}{max(d.taken_ms):>10.1f}" for d in delays]
    return "\n".join(lines)


async def _measured(name: str, count: int, work: Awaitable[None]) -> Throughput:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    await work
    return Throughput(name, count, time.perf_counter() - wall_s, time.process_time() - cpu_s)


async def _count(store: SqlStore) -> int:
    counted = select(func.count()).select_from(schema.meter_sample)
    return await store._database.run(lambda connection: connection.scalar(counted) or 0)


@asynccontextmanager
async def _asynchronous_engine(path: Path) -> AsyncIterator[Write]:
    """Yield a writer of the same statements to the same file."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"isolation_level": None})
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    async def write(changes: Changes) -> None:
        async with connection.begin():
            await connection.run_sync(changes.apply)

    async with engine.connect() as connection:
        yield write
    await engine.dispose()


async def _beside_work(write: Awaitable[None]) -> float:
    """Return how long the write took, ms, while the loop is kept busy in slices."""
    ended = asyncio.Event()

    async def work() -> None:
        while not ended.is_set():
            until = time.perf_counter() + BUSY_SLICE_S
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    working = asyncio.create_task(work())
    begun = time.perf_counter()
    await write
    taken_ms = (time.perf_counter() - begun) * 1_000
    ended.set()
    await working
    return taken_ms


async def run(folder: Path, server: PostgresServer, count: int, transactions: int) -> str:
    """Measure everything, in files of a folder and on a server, and return the tables."""
    throughputs = {
        "SQLite": await throughput(f"sqlite:///{folder / 'throughput.sqlite3'}", count),
        "PostgreSQL": await throughput(server.url(await empty_database(server)), count),
    }
    return tables(throughputs, await beside_a_busy_loop(folder / "busy.sqlite3", transactions))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--transactions", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_postgres() as server:
        print(asyncio.run(run(Path(folder), server, options.rows, options.transactions)))


if __name__ == "__main__":
    main()
