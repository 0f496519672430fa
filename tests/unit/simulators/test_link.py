import asyncio

from simulators.link import end


async def test_a_task_that_swallows_its_first_cancellation_ends_too() -> None:
    """As `asyncio.wait_for` does before Python 3.12, when the answer comes together with the cancellation."""
    swallowed = asyncio.Event()

    async def sender() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    async def reader() -> None:
        raise ConnectionError("closed")

    tasks = [asyncio.create_task(sender()), asyncio.create_task(reader())]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(tasks)
    assert swallowed.is_set()
    assert all(task.done() for task in tasks)


async def test_no_tasks_are_ended_already() -> None:
    await end([])
