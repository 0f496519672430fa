"""The last frames of each charger, in memory, for an operator who looks for a fault; lost at a restart.

Frames are kept as they came and are made fit to be shown by `csms.runtime.redaction` only when somebody asks: most
never are. Memory is bounded twice: per charger, and for the fleet, whose bytes are shared evenly among the chargers
rounded up to a power of two, so that only a doubling of the fleet has every ring trimmed.
"""

from collections import deque
from typing import Literal, NamedTuple

from csms.core.ids import ChargerId

FRAMES = 200
CHARGER_BYTES = 256 * 1024
FLEET_BYTES = 16 * 1024 * 1024
FRAME_BYTES = 8 * 1024
OVERHEAD_BYTES = 200
"""What a kept frame costs beside its text: the object, its numbers, its place in the ring."""

Direction = Literal["received", "sent"]


class Frame(NamedTuple):
    """One frame: when (wall ms), which way, its text (perhaps cut), its full size and what it costs to keep, bytes."""

    wall_ms: int
    direction: Direction
    text: str
    size_bytes: int
    kept_bytes: int
    cut: bool


class Messages:
    """The rings of all chargers."""

    def __init__(self, fleet_bytes: int = FLEET_BYTES) -> None:
        self._fleet_bytes = fleet_bytes
        self._rings: dict[ChargerId, deque[Frame]] = {}
        self._bytes: dict[ChargerId, int] = {}
        self._budget = min(CHARGER_BYTES, fleet_bytes)

    @property
    def kept_bytes(self) -> int:
        """What all rings hold."""
        return sum(self._bytes.values())

    def record(self, charger_id: ChargerId, direction: Direction, text: str, wall_ms: int) -> None:
        """Keep a frame, and drop the oldest ones that no longer fit."""
        if charger_id not in self._rings:
            self._admit(charger_id)
        frame = _frame(direction, text, wall_ms)
        self._rings[charger_id].append(frame)
        self._bytes[charger_id] += frame.kept_bytes
        self._trim(charger_id)

    def frames_of(self, charger_id: ChargerId) -> tuple[Frame, ...]:
        """Return what is kept of a charger, oldest first."""
        return tuple(self._rings.get(charger_id, ()))

    def _admit(self, charger_id: ChargerId) -> None:
        self._rings[charger_id] = deque()
        self._bytes[charger_id] = 0
        share = self._fleet_bytes >> (len(self._rings) - 1).bit_length()
        if share < self._budget:
            self._budget = share
            for each in self._rings:
                self._trim(each)

    def _trim(self, charger_id: ChargerId) -> None:
        ring = self._rings[charger_id]
        while ring and (len(ring) > FRAMES or self._bytes[charger_id] > self._budget):
            self._bytes[charger_id] -= ring.popleft().kept_bytes


def _frame(direction: Direction, text: str, wall_ms: int) -> Frame:
    size_bytes = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size_bytes <= FRAME_BYTES:
        return Frame(wall_ms, direction, text, size_bytes, size_bytes + OVERHEAD_BYTES, cut=False)
    kept = text.encode("utf-8", "surrogatepass")[:FRAME_BYTES].decode("utf-8", "ignore")
    return Frame(wall_ms, direction, kept, size_bytes, FRAME_BYTES + OVERHEAD_BYTES, cut=True)
