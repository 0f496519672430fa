"""Time that jumps: to the millisecond, never past what can be done now."""

import asyncio

import pytest

from tests.virtual.loop import START_MS, WORK_MS, DeadlockError, VirtualClock, run_virtually


def test_an_hour_passes_at_once_and_to_the_millisecond() -> None:
    async def main(clock: VirtualClock) -> list[int]:
        seen = []
        for ms in (1, 333, 3_600_000):
            await asyncio.sleep(ms / 1000)
            seen.append(clock.now_ms() - START_MS)
        return seen

    assert run_virtually(main) == [1, 334, 3_600_334]


def test_bytes_on_their_way_arrive_before_the_next_timer() -> None:
    async def main(clock: VirtualClock) -> list[tuple[bytes, int]]:
        seen: list[tuple[bytes, int]] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                seen.append((line, clock.now().mono_ms))
                writer.write(line)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for number in range(3):
            await clock.sleep_until_ms(START_MS + 1000 * number)
            writer.write(f"{number}\n".encode())
            await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return seen

    assert run_virtually(main) == [(b"0\n", 0), (b"1\n", 1000), (b"2\n", 2000)]


def test_work_for_an_executor_is_done_here_and_takes_its_time() -> None:
    async def main(clock: VirtualClock) -> tuple[int, int]:
        result = await asyncio.get_running_loop().run_in_executor(None, sum, (1, 2))
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        return result, clock.now().mono_ms

    assert run_virtually(main) == (3, 2 * WORK_MS)


def test_waiting_for_nothing_is_told() -> None:
    async def main(_: VirtualClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run_virtually(main)


def test_work_is_done_in_the_order_in_which_it_was_given() -> None:
    async def main(_: VirtualClock) -> list[int]:
        done: list[int] = []
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, done.append, number) for number in range(50)))
        return done

    assert run_virtually(main) == list(range(50))


def test_work_that_nobody_waits_for_any_more_is_not_done() -> None:
    async def main(_: VirtualClock) -> list[int]:
        done: list[int] = []
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, done.append, 1).cancel()
        await loop.run_in_executor(None, done.append, 2)
        return done

    assert run_virtually(main) == [2]
