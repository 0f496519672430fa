"""Several simulators at once, each a process of its own, ended together."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence

from simulators.running import stop_on_signals

STOP_TIMEOUT_S = 10


async def supervise(arguments: Sequence[Sequence[str]]) -> int:
    """Run `python -m simulators` once per list of arguments until all have ended; return the worst exit status.

    Their output goes where ours goes. SIGINT and SIGTERM end them all; so does the failure of one.
    """
    stop = stop_on_signals()
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators", *words, stdin=asyncio.subprocess.DEVNULL
        )
        for words in arguments
    ]
    waits = [asyncio.create_task(child.wait()) for child in children]
    stopping = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[int]] = set(waits)
    try:
        while pending:
            done, _ = await asyncio.wait({*pending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
            if stopping in done or any(task.result() for task in waits if task.done()):
                break
    finally:
        stopping.cancel()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        await asyncio.gather(*(_ended(child) for child in children))
    return max(await asyncio.gather(*waits))


async def _ended(child: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(child.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        child.kill()
        await child.wait()
