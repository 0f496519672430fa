"""A wire between a client and a server on loopback that can be cut, or go silent, at a chosen byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

CHUNK_BYTES = 65_536


class Wire:
    """Carries bytes both ways, on any number of connections.

    Attributes:
        port: where clients connect to.
        cut_after: once a client has sent these bytes they are passed on, and both its connection and the server's
            answer are dropped; the server's side is closed when the server has had its say.
        silent: nothing passes any more, and nobody is told.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.cut_after: bytes | None = None
        self.silent = False
        self.cuts = 0
        self._server_port = server_port
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        back = asyncio.create_task(self._pass(there_reader, writer))
        try:
            with contextlib.suppress(OSError):
                while chunk := await reader.read(CHUNK_BYTES):
                    cut = self.cut_after is not None and self.cut_after in chunk
                    if cut:
                        back.cancel()
                        writer.transport.abort()
                    if not self.silent:
                        there_writer.write(chunk)
                        await there_writer.drain()
                    if cut:
                        self.cuts += 1
                        self.cut_after = None
                        await there_reader.read(CHUNK_BYTES)
                        break
        finally:
            back.cancel()
            for end in (writer, there_writer):
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if not self.silent:
                    writer.write(chunk)
                    await writer.drain()
            writer.close()

    async def end(self) -> None:
        """Drop every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the transports take note of their ends


@contextlib.asynccontextmanager
async def wire_to(server_port: int) -> AsyncIterator[Wire]:
    """Lay a wire to a port of loopback."""
    wire = Wire(server_port)
    listening = await asyncio.start_server(wire.take, "127.0.0.1", 0)
    wire.port = listening.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        listening.close()
        await wire.end()
