"""The last frames of each charger, in memory, for an operator who debugs one; lost at a restart.

Frames are kept as received, cut at `FRAME_BYTES`, and redacted only when they are shown: most never are. Memory is
bounded twice: per charger, and for the fleet, whose bytes are shared evenly among the chargers rounded up to a power
of two, so that only a doubling of the fleet has every ring trimmed. A frame that was cut or cannot be read is shown
without its text where that may hold a secret: what cannot be parsed cannot be redacted.
"""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from csms.core.ids import ChargerId

FRAMES = 200
CHARGER_BYTES = 256 * 1024
FLEET_BYTES = 16 * 1024 * 1024
FRAME_BYTES = 2048
OVERHEAD_BYTES = 200
"""What a kept frame costs beside its text: the object, its numbers, its place in the ring."""

MASK = "***"
_SHOWN_OF_TAG = 4
_TAGS = {"idtag", "parentidtag"}
_SECRETS = {"certificate", "certificatechain", "csr", "signature", "signingcertificate", "location"}
_SECRET_KEYS = ("authorizationkey", "password", "passwd", "secret", "token", "credential", "pin", "apikey", "psk")

Direction = Literal["received", "sent"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: when (wall ms), which way, its text (perhaps cut) and its full size in bytes."""

    wall_ms: int
    direction: Direction
    text: str
    size_bytes: int
    cut: bool

    @property
    def kept_bytes(self) -> int:
        """What it counts for in the bounds."""
        return OVERHEAD_BYTES + len(self.text.encode("utf-8", "surrogatepass"))


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
        raw = text.encode("utf-8", "surrogatepass")
        cut = len(raw) > FRAME_BYTES
        kept = raw[:FRAME_BYTES].decode("utf-8", "ignore") if cut else text
        if charger_id not in self._rings:
            self._admit(charger_id)
        frame = Frame(wall_ms, direction, kept, len(raw), cut)
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


def redacted(value: Any, action: str = "") -> Any:
    """Return a payload without its secrets: tags shortened, certificates, keys and all DataTransfer data masked."""
    if isinstance(value, list):
        return [redacted(each, action) for each in value]
    if not isinstance(value, dict):
        return value
    secret = _is_secret_key(value.get("key"))
    return {name: _shown(name, each, action, secret=secret) for name, each in value.items()}


def _shown(name: str, value: Any, action: str, *, secret: bool) -> Any:
    plain = name.lower()
    if plain in _TAGS:
        return f"{value[:_SHOWN_OF_TAG]}{MASK}" if isinstance(value, str) and len(value) > _SHOWN_OF_TAG else MASK
    hides = plain in _SECRETS or _is_secret_key(plain) or (secret and plain == "value")
    if hides or (plain == "data" and action in {"", "DataTransfer"}):
        return MASK
    return redacted(value, action)


def _is_secret_key(name: Any) -> bool:
    return isinstance(name, str) and any(word in name.lower() for word in _SECRET_KEYS)


def payload_of(frame: Frame) -> Any:
    """Return a frame's redacted elements, or None where it was cut or is no JSON list."""
    if frame.cut:
        return None
    try:
        parsed = json.loads(frame.text)
        if not isinstance(parsed, list):
            return None
        match parsed:
            case [2, _, str(action), *_]:
                pass
            case _:
                action = ""
        return [redacted(each, action) for each in parsed]
    except (ValueError, RecursionError):
        return None
