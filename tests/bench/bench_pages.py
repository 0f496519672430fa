"""How long a page of a list takes when there are a million rows, beside a thousand.

    python -m tests.bench.bench_pages [--few 1000] [--many 1000000] [--times 30]

For each of the lists that grow for ever (transactions, commands, acts) a row as the store writes it is copied so many
times into an SQLite file, over a hundred chargers and a thousand cards. Then pages of a hundred are asked of the real
store: the first one, one in the middle, and each filter that REST has. Printed are the median of a page, ms, and what
it is of the same page among few rows; nothing here is a pass or a fail.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from csms.core.ids import ChargerId
from csms.core.records import CommandState
from csms.ports import AuditFilter, AuditPosition, CommandPosition, TransactionFilter, TransactionPosition
from csms.store.store import SqlStore, open_store
from tests.unit.store import samples

PAGE = 100
BEGAN_MS = 1_700_000_000_000
CHARGER = "printf('CP%03d', n % 100)"
DIFFERS: Mapping[str, Mapping[str, str]] = {
    "session": {
        "session_id": "'s' || n",
        "charger_id": CHARGER,
        "transaction_id": "n",
        "id_tag": "'TAG' || (n % 1000)",
        "rank": "n",
        "created_ms": f"{BEGAN_MS} + n * 1000",
        "started_ms": f"{BEGAN_MS} + n * 1000",
        "ended_ms": f"{BEGAN_MS} + n * 1000 + 500",
    },
    "command": {"command_id": "'c' || n", "charger_id": CHARGER, "asked_ms": f"{BEGAN_MS} + n * 1000"},
    "audit": {"audit_id": "n", "charger_id": CHARGER, "asked_ms": f"{BEGAN_MS} + n * 1000"},
}
"""By table, the columns in which the copies differ, of their number."""

Page = Callable[[], Awaitable[object]]


async def filled(folder: Path, rows: int) -> SqlStore:
    """Return a store with so many rows in each list."""
    store = await open_store(f"sqlite:///{folder / str(rows)}.sqlite3")
    assert isinstance(store, SqlStore), store
    await store.commit([samples.ended("first"), samples.command("first")])
    await store.write_audit(samples.ANSWERED_ACT)
    for table in DIFFERS:
        await store._database.run(partial(_copy, table=table, rows=rows))
    return store


def _copy(connection: Connection, table: str, rows: int) -> None:
    columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
    chosen = ", ".join(DIFFERS[table].get(column, column) for column in columns)
    connection.exec_driver_sql(f"CREATE TEMP TABLE one AS SELECT * FROM {table}")  # noqa: S608 - names of our own
    connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - likewise
    connection.exec_driver_sql(
        f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {rows}) "  # noqa: S608
        f"INSERT INTO {table} SELECT {chosen} FROM counted, one"
    )
    connection.exec_driver_sql("DROP TABLE one")


def pages(store: SqlStore, rows: int) -> dict[str, Page]:
    """Return what is asked for, by its name."""
    one, middle, middle_ms = ChargerId("CP001"), rows // 2, BEGAN_MS + rows // 2 * 1_000
    place = TransactionPosition(middle_ms, middle)

    def transactions(wanted: TransactionFilter, before: TransactionPosition | None = None) -> Page:
        return partial(store.read_transactions, wanted, before, PAGE)

    def acts(wanted: AuditFilter, before: AuditPosition | None = None) -> Page:
        return partial(store.read_audit, wanted, before, PAGE)

    return {
        "transactions, the newest": transactions(TransactionFilter()),
        "transactions, in the middle": transactions(TransactionFilter(), place),
        "transactions of a charger": transactions(TransactionFilter(charger_id=one), place),
        "transactions of a card": transactions(TransactionFilter(id_tag="TAG1"), place),
        "transactions of a time": transactions(TransactionFilter(from_ms=middle_ms, to_ms=middle_ms + 3_600_000)),
        "transactions that run": transactions(TransactionFilter(ended=False)),
        "one transaction": partial(store.read_transaction, middle),
        "commands, the newest": partial(store.read_commands, None, None, None, PAGE),
        "commands of a charger, in the middle": partial(
            store.read_commands, one, None, CommandPosition(middle_ms, "c"), PAGE
        ),
        "commands that wait": partial(store.read_commands, None, CommandState.QUEUED, None, PAGE),
        "acts, the newest": acts(AuditFilter()),
        "acts of a charger, in the middle": acts(AuditFilter(charger_id=one), AuditPosition(middle_ms, middle)),
    }


async def medians_ms(store: SqlStore, rows: int, times: int) -> dict[str, float]:
    """Return how long each page takes, the median, ms."""
    found: dict[str, float] = {}
    for name, page in pages(store, rows).items():
        taken_s: list[float] = []
        for _ in range(times):
            begun_s = time.perf_counter()
            await page()
            taken_s.append(time.perf_counter() - begun_s)
        found[name] = 1_000 * statistics.median(taken_s)
    return found


async def run(folder: Path, few: int, many: int, times: int) -> str:
    """Return the table."""
    found: list[dict[str, float]] = []
    for rows in (few, many):
        store = await filled(folder, rows)
        found.append(await medians_ms(store, rows, times))
        await store.close()
    lines = [f"{'a page of ' + str(PAGE):38}{f'{few:,} rows, ms':>18}{f'{many:,} rows, ms':>22}{'of few':>10}"]
    lines += [f"{n:38}{found[0][n]:>18.2f}{found[1][n]:>22.2f}{found[1][n] / found[0][n]:>10.2f}" for n in found[0]]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(run(Path(folder), given.few, given.many, given.times)))


if __name__ == "__main__":
    main()
