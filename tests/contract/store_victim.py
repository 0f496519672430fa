"""A program that commits without end until it is killed; prints a line for each commit that returned.

Run as `python -m tests.contract.store_victim URL FIRST`. Commit `n` holds one session, three samples of it, one send
more and one fewer, and the counters: all of it or nothing must be found afterwards, which `check_whole` does.
"""

import asyncio
import subprocess
import sys

from sqlalchemy import Connection, func, select

from csms.core.ids import SessionId, Token, TransactionId
from csms.core.records import CountersStored, SendForgotten
from csms.store import SqlStore, open_store, schema
from tests.unit.store import samples

COMMITTED = "committed"
CALLERS = 16
SAMPLES = 3
REFUSED_WITHIN_S = 30


async def main(url: str, first: int) -> None:
    store = await open_store(url)
    assert isinstance(store, SqlStore), store
    numbers = iter(range(first, 2**31))

    async def call() -> None:
        for n in numbers:
            await store.commit(
                [
                    samples.session(f"s{n}", n, rank=n),
                    *(samples.sample(at_ms=n * 10 + i, session_id=SessionId(f"s{n}")) for i in range(SAMPLES)),
                    samples.send(n),
                    SendForgotten(Token(n - CALLERS)),
                    CountersStored(TransactionId(n + 1), Token(n + 1), n + 1),
                ]
            )
            print(COMMITTED, n, flush=True)

    await asyncio.gather(*(call() for _ in range(CALLERS)))


def command(url: str, first: int) -> list[str]:
    """Return how to run it."""
    return [sys.executable, "-m", "tests.contract.store_victim", url, str(first)]


async def refused(url: str) -> str:
    """Run it where it is to be refused, and return what it says; it is gone afterwards, refused or not."""
    process = await asyncio.create_subprocess_exec(
        *command(url, 1), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(REFUSED_WITHIN_S):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 1
    return said.decode()


def live_and_die(url: str, first: int, commits: int) -> set[int]:
    """Run it, kill it after so many commits, and return all that it had acknowledged by then."""
    acknowledged: set[int] = set()
    with subprocess.Popen(command(url, first), stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        for line in victim.stdout:
            word, _, number = line.rpartition(" ")
            if word == COMMITTED and line.endswith("\n"):
                acknowledged.add(int(number))
            if len(acknowledged) == commits:
                victim.kill()
    assert len(acknowledged) >= commits, "it ended by itself"
    return acknowledged


async def check_whole(store: SqlStore, acknowledged: set[int]) -> None:
    """Check that what was acknowledged is there, and that of no commit only a part is."""
    session, sample = schema.session, schema.meter_sample

    def look(connection: Connection) -> tuple[set[str], dict[str, int]]:
        counted = connection.execute(select(sample.c.session_id, func.count()).group_by(sample.c.session_id))
        return set(connection.scalars(select(session.c.session_id))), {str(name): int(count) for name, count in counted}

    names, counts = await store._database.read(look)
    sessions = {int(name[1:]) for name in names}
    assert acknowledged <= sessions
    assert counts == dict.fromkeys(names, SAMPLES)
    snapshot = await store.load()
    assert {session.session_id for session in snapshot.sessions} == names
    assert {send.token for send in snapshot.sends} == {n for n in sessions if n + CALLERS not in sessions}
    assert snapshot.counters.next_transaction_id == max(sessions) + 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
