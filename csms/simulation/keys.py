"""The configuration keys of a simulated charger (OCPP 1.6 §5.3, §5.8), and what nobody may do to them.

Only three keys may ever be written, only where the configuration allows it, and a measurand list may only become
longer: whatever a charger answers, it never sends less than before (OCPP16.md A55, A56).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from csms.simulation.trace import ViolationError

WRITABLE = frozenset({"MeterValueSampleInterval", "MeterValuesSampledData", "WebSocketPingInterval"})
LIST = "MeterValuesSampledData"


@dataclass(frozen=True, slots=True)
class Pen:
    """How a charger takes what is written to its keys.

    Attributes:
        allowed: the station's configuration lets anybody write.
        word: its answer to any write when it is not Accepted: "Rejected", "NotSupported" or "RebootRequired".
        measurands: a list with any other is Rejected as a whole; None: it takes all.
        forgets: what was Accepted is gone again at once.
        reboots: it reboots after every write that it took.
        keys_max: asked for more keys at once, it answers with an error.
    """

    allowed: bool = True
    word: str = "Accepted"
    measurands: frozenset[str] | None = None
    forgets: bool = False
    reboots: bool = False
    keys_max: int | None = None


class KeyMemory:
    """The keys of one charger."""

    def __init__(self, values: dict[str, str | None], pen: Pen) -> None:
        self.values = dict(values)
        self.pen = pen
        self.writes = 0
        self._first = _listed(self.values.get(LIST))
        self._staged: dict[str, str] = {}

    def read(self, keys: Iterable[str]) -> dict[str, str | None] | None:
        """Return the values of the keys that it has; None: an error."""
        wanted = list(keys)
        if self.pen.keys_max is not None and len(wanted) > self.pen.keys_max:
            return None
        return {key: self.values[key] for key in wanted if key in self.values}

    def write(self, name: str, value: str) -> str:
        """Take a write; return the status of the answer."""
        self._judge(name, value)
        self.writes += 1
        if self.pen.word in {"Rejected", "NotSupported"}:
            return self.pen.word
        if name == LIST and self.pen.measurands is not None and not _listed(value) <= self.pen.measurands:
            return "Rejected"
        if self.pen.word == "RebootRequired":
            self._staged[name] = value
        elif not self.pen.forgets:
            self.values[name] = value
        return self.pen.word

    def reboot(self) -> None:
        """Take on what was written for the next reboot."""
        self.values |= self._staged
        self._staged.clear()

    def _judge(self, name: str, value: str) -> None:
        if name not in WRITABLE or name not in self.values:
            raise ViolationError(f"{name} was written")
        if not self.pen.allowed:
            raise ViolationError(f"{name} was written although nobody may")
        if name == LIST and not self._first <= _listed(value):
            raise ViolationError(f"the list {value} does without some of {sorted(self._first)}")


def _listed(value: str | None) -> frozenset[str]:
    return frozenset(item for item in (value or "").split(",") if item)
