"""Reading an object of a decoded JSON document field by field, collecting what is wrong instead of stopping at it.

A *reader* turns one value into what it means or into `Wrong`. `Fields` applies readers to the fields of one object and
notes each `Wrong` under its JSON path. Values never appear in the errors, so that a fault can be shown to anyone; of
an unknown field only a short plain name appears, and only in the path.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from csms.core.faults import Fault

T = TypeVar("T")

MAX_UNKNOWN_FIELDS = 20
"""So many unknown fields of one object are named; an object full of them is one mistake, not thousands."""

NOTHING: frozenset[str] = frozenset()

_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a value, as the end of a sentence that begins with its path."""

    error: str


Reader = Callable[[object], T | Wrong]


class Fields:
    """The fields of one object at `path`; `sound` turns false with the first value that could not be read."""

    def __init__(self, values: Mapping[str, object], path: str, faults: list[Fault]) -> None:
        self._values = values
        self._faults = faults
        self.path = path
        self.sound = True

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str) -> object:
        """Return the value of a field as it stands in the document, None when absent."""
        return self._values.get(name)

    def fault(self, name: str, error: str) -> None:
        """Note that the field `name` is wrong."""
        self._faults.append(Fault(f"{self.path}.{name}", error))
        self.sound = False

    def need(self, name: str, read: Reader[T], placeholder: T) -> T:
        """Return a required field; `placeholder`, with a fault noted, when it is missing or wrong."""
        if name not in self._values:
            self.fault(name, "is missing")
            return placeholder
        return self.take(name, read, placeholder)

    def take(self, name: str, read: Reader[T], default: T) -> T:
        """Return an optional field, `default` when absent; `default`, with a fault noted, when it is wrong."""
        if name not in self._values:
            return default
        value = read(self._values[name])
        if isinstance(value, Wrong):
            self.fault(name, value.error)
            return default
        return value

    def items(self, name: str, count_max: int) -> list[tuple[str, object]] | None:
        """Return an optional list's items, each with its path; None, with a fault noted, when it is not such a list."""
        value = self._values.get(name, [])
        if not isinstance(value, list):
            self.fault(name, "must be a list")
            return None
        if len(value) > count_max:
            self.fault(name, f"must have at most {count_max} items")
            return None
        return [(f"{self.path}.{name}[{index}]", item) for index, item in enumerate(value)]

    def child(self, name: str, known: frozenset[str], later: frozenset[str] = NOTHING) -> "Fields | None":
        """Return the fields of an optional object; None when absent or, with a fault noted, when it is no object."""
        if name not in self._values:
            return None
        fields = open_object(self._values[name], f"{self.path}.{name}", known, later, self._faults)
        self.sound = self.sound and fields is not None
        return fields


def open_object(
    value: object, path: str, known: frozenset[str], later: frozenset[str], faults: list[Fault]
) -> Fields | None:
    """Return the fields of an object, noting unknown ones and those of a `later` version; None if it is no object."""
    if not isinstance(value, dict):
        faults.append(Fault(path, "must be an object"))
        return None
    strange = [name for name in value if name not in known]
    for name in strange[:MAX_UNKNOWN_FIELDS]:
        if name in later:
            faults.append(Fault(f"{path}.{name}", "is not supported yet"))
        else:
            faults.append(Fault(unknown_path(path, name), "unknown field" + hint(name, known)))
    if len(strange) > MAX_UNKNOWN_FIELDS:
        faults.append(Fault(path, "has more unknown fields"))
    return Fields(value, path, faults)


def unknown_path(path: str, name: object) -> str:
    """Return the path of an unknown field, or of its object when the name is not short and plain."""
    return f"{path}.{name}" if isinstance(name, str) and _PLAIN_NAME.fullmatch(name) else path


def hint(name: object, known: Collection[str]) -> str:
    """Return which of the `known` fields is probably meant by an unknown one, as the rest of a sentence."""
    meant = str(name)[:64].replace("_", "").replace("-", "").casefold()
    return next((f", {right} is meant" for right in sorted(known) if right.casefold() == meant), "")


def whole(least: int, greatest: int) -> Reader[int]:
    """Return a reader of an integer in [least, greatest]; 2.0 is not an integer here, nor is true."""

    def read(value: object) -> int | Wrong:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
            return Wrong(f"must be a whole number from {least} to {greatest}")
        return value

    return read


def flag(value: object) -> bool | Wrong:
    """Read true or false."""
    return value if isinstance(value, bool) else Wrong("must be true or false")


def choice(meanings: Mapping[str, T], later: frozenset[str] = NOTHING) -> Reader[T]:
    """Return a reader of one of a few words; those in `later` are known and not supported yet."""

    def read(value: object) -> T | Wrong:
        if isinstance(value, str) and value in meanings:
            return meanings[value]
        if isinstance(value, str) and value in later:
            return Wrong(f'"{value}" is not supported yet')
        return Wrong("must be " + " or ".join(f'"{word}"' for word in meanings))

    return read
