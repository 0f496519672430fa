"""A program that commits without end until it is killed; prints a line for each commit that returned.

Run as `python -m tests.contract.store_victim URL FIRST`. Commit `n` holds one session, three samples of it, one send
more and one fewer, and the counters: all of it or nothing must be found afterwards.
"""

import asyncio
import sys

from csms.core.ids import SessionId, Token, TransactionId
from csms.core.records import CountersStored, SendForgotten
from csms.store import SqlStore, open_store
from tests.unit.store import samples

COMMITTED = "committed"
CALLERS = 16
SAMPLES = 3


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


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
