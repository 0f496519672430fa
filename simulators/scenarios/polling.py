"""Waiting for something that another process brings about."""

import asyncio
from collections.abc import Awaitable, Callable


async def comes_true(condition: Callable[[], Awaitable[bool]], timeout_s: float, every_s: float) -> bool:
    """Look at `condition` until it holds and return True, or return False when `timeout_s` are over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not await condition():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(every_s)
    return True
