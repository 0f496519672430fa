"""The readable story of one run: facts, commands and what chargers really did, with virtual times."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum

from csms.simulation.clock import Clock


class ViolationError(AssertionError):
    """An oracle was broken; the message names it and carries the end of the story."""


def demand(condition: bool, message: str, *named: object) -> None:  # noqa: FBT001 - reads like assert
    """Raise `ViolationError` with `message`, its braces filled with `named`, unless `condition` holds."""
    if not condition:
        raise ViolationError(message.format(*named))


class Trace:
    """What happened, kept as objects and written out only when somebody asks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: list[tuple[int, str, object]] = []

    def add(self, mark: str, what: object) -> None:
        """Note `what`; `mark` is a short word such as "fact", "cut" or "obeys"."""
        self._lines.append((self._clock.now_ms, mark, what))

    def kinds(self, mark: str) -> set[str]:
        """Return the names of the classes noted under `mark`."""
        return {type(what).__name__ for _, noted, what in self._lines if noted == mark}

    def tell(self, last: int = 150) -> str:
        """Return the last lines of the story."""
        return "\n".join(_line(*noted) for noted in self._lines[-last:])

    def lines(self) -> Iterator[str]:
        """Return the whole story, line by line."""
        return (_line(*noted) for noted in self._lines)


def _line(at_ms: int, mark: str, what: object) -> str:
    return f"{at_ms / 1000:10.3f} {mark:>8} {_short(what)}"


_DULL = frozenset({"raw_json", "form", "boot", "cause", "new_session_id", "error_code", "info", "duration_s"})


def _short(what: object) -> str:
    if isinstance(what, Enum):
        return str(what.value)
    if isinstance(what, frozenset):
        return "{" + ", ".join(sorted(_short(part) for part in what)) + "}"
    if isinstance(what, tuple) and not hasattr(what, "_fields"):
        return "(" + ", ".join(_short(part) for part in what) + ")"
    if isinstance(what, tuple):
        return "#".join(str(part) for part in what)
    if is_dataclass(what) and not isinstance(what, type):
        shown = [
            f"{field.name}={_short(getattr(what, field.name))}"
            for field in fields(what)
            if field.name not in _DULL and getattr(what, field.name) is not None
        ]
        return f"{type(what).__name__}({', '.join(shown)})"
    return str(what)
