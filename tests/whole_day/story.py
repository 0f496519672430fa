"""The story of one run: every frame as text, every fact as the core was told it, what chargers did, and its hash."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from typing import TextIO

import msgspec
from structlog.typing import EventDict

from csms.core.events import Fact
from csms.core.ids import RequestId
from csms.core.replies import Outcome
from csms.runtime.desk import StationDesk
from csms.runtime.view import StationView

KEPT_LINES = 300
FRAMES = {"frame.received": "<", "frame.sent": ">"}

_plain = msgspec.json.Encoder(order="deterministic")


class Story:
    """Lines with their virtual times; the last ones are kept, all of them are written to `file`, if there is one."""

    def __init__(self, now_ms: Callable[[], int], file: TextIO | None = None) -> None:
        self._now_ms = now_ms
        self._file = file
        self._digest = hashlib.sha256()
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._awaited: type[Fact] | tuple[()] = ()
        self._came = asyncio.Event()
        self.lines = 0

    def add(self, mark: str, text: str) -> None:
        """Tell one thing."""
        line = f"{self._now_ms() / 1000:10.3f} {mark:<8} {text}\n"
        self._digest.update(line.encode())
        self._last.append(line)
        self.lines += 1
        if self._file is not None:
            self._file.write(line)

    @property
    def end(self) -> str:
        """Return the last lines."""
        return "".join(self._last)

    @property
    def hash(self) -> str:
        """Return the hash over all lines."""
        return self._digest.hexdigest()

    def frame_of_charger(self, charger_id: str, text: str, *, sent: bool) -> None:
        """Tell a frame as a charger sees it."""
        self.add("charger", f"{charger_id} {'>' if sent else '<'} {text}")

    def logged(self, event: EventDict) -> None:
        """Tell the frames that the gateway logs."""
        if (direction := FRAMES.get(event["event"])) is not None:
            self.add("gateway", f"{event['charger_id']}#{event['connection']} {direction} {event['frame']}")

    def fact(self, fact: Fact) -> Fact:
        """Tell a fact and return it."""
        self.add("fact", f"{type(fact).__name__} {_plain.encode(fact).decode()}")
        if isinstance(fact, self._awaited):
            self._came.set()
        return fact

    async def next(self, kind: type[Fact]) -> None:
        """Wait for the next fact of a kind."""
        self._awaited = kind
        self._came.clear()
        await self._came.wait()


class WatchedDesk:
    """The controller's desk, with a story of all facts that cross it."""

    def __init__(self, desk: StationDesk, story: Story) -> None:
        self._desk = desk
        self._story = story

    @property
    def view(self) -> StationView:
        """Return the committed state."""
        return self._desk.view

    def submit(self, fact: Fact) -> None:
        """Pass a fact on."""
        self._desk.submit(self._story.fact(fact))

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> asyncio.Future[Outcome]:
        """Pass a question on."""
        return self._desk.ask(lambda request: self._story.fact(make_fact(request)))
