"""Lists of id tags as CSV: a header row that names the columns, then a tag a row.

    idTag,parentIdTag,expiryDate,blocked,concurrent,note,weight,priority

Columns may come in any order, and all but `idTag` may be left out; an empty cell is the default. Separators are commas,
or semicolons, which spreadsheets write where the comma stands in numbers. Reading goes on after a fault and names every
one by its line and column.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from api.csv_cells import csv_text, unguarded
from api.id_tag_fields import expiry_ms, id_tag, note
from csms.core.configuration.reading import Wrong, whole
from csms.core.faults import Fault
from csms.core.id_tags import TAGS_MAX, IdTag, key_of
from csms.core.terms import PRIORITY_MAX, WEIGHT_MAX
from csms.ocpp16.times import format_time

COLUMNS = ("idTag", "parentIdTag", "expiryDate", "blocked", "concurrent", "note", "weight", "priority")
FAULTS_READ_MAX = 1_000
"""Reading ends after so many: a list of another kind is one mistake, not a hundred thousand."""
_HEADER_CHARS_MAX = 1_000
_NO_COLUMN = "must name the columns, of which idTag is one"
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


def _flag(cell: str) -> bool | Wrong:
    found = _FLAGS.get(cell.lower())
    return Wrong("must be true or false") if found is None else found


def _number(least: int, most: int) -> Callable[[object], int | Wrong]:
    return lambda cell: whole(least, most)(
        int(cell) if isinstance(cell, str) and re.fullmatch("[0-9]{1,9}", cell) else None
    )


def _or_none(read: Callable[[object], object]) -> Callable[[str], object]:
    return lambda cell: read(cell) if cell else None


_READERS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "idTag": ("id_tag_raw", id_tag),
    "parentIdTag": ("parent", _or_none(id_tag)),
    "expiryDate": ("expires_ms", _or_none(expiry_ms)),
    "blocked": ("blocked", _flag),
    "concurrent": ("concurrent", _flag),
    "note": ("note", note),
    "weight": ("weight", _or_none(_number(1, WEIGHT_MAX))),
    "priority": ("priority", _or_none(_number(0, PRIORITY_MAX))),
}
"""By column: the field that it fills, and how its cell is read."""


def read_id_tags(body: bytes) -> list[IdTag] | tuple[Fault, ...]:
    """Return the tags of a list, no two of one key, or everything that is wrong with it."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        return (Fault(f"line {line}", "is not UTF-8 text"),)
    reading = _Reading()
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line = 1
    try:
        for cells in rows:
            if not reading.row(line, cells):
                break
            line = rows.line_num + 1
    except csv.Error as error:
        reading.fault(line, "", f"is no CSV: {error}")
    return reading.result()


def _separator(text: str) -> str:
    """Return what separates the cells of the header."""
    header = text[:_HEADER_CHARS_MAX].replace("\r", "\n").partition("\n")[0]
    return ";" if ";" in header and "," not in header else ","


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._tags: dict[str, IdTag] = {}
        self._lines: dict[str, int] = {}
        self._columns: list[str] | None = None
        self._rows = 0

    def fault(self, line: int, column: str, error: str) -> None:
        """Note what is wrong with a line, or with one column of it."""
        self._faults.append(Fault(f"line {line}, column {column}" if column else f"line {line}", error))

    def row(self, line: int, cells: list[str]) -> bool:
        """Take in a row, the first as header, empty ones as nothing; return whether to go on."""
        if self._columns is None:
            self._columns = [cell.strip() for cell in cells]
            return self._is_header(line, self._columns)
        if not any(cells):
            return True
        self._rows += 1
        if self._rows > TAGS_MAX:
            self.fault(line, "", f"is one tag too many: at most {TAGS_MAX} are listed")
            return False
        self._tag(line, cells, self._columns)
        if len(self._faults) < FAULTS_READ_MAX:
            return True
        self.fault(line, "", "is the last that was read: mend these first")
        return False

    def result(self) -> list[IdTag] | tuple[Fault, ...]:
        """Return the tags, or the faults."""
        if self._columns is None:
            self.fault(1, "", _NO_COLUMN)
        return tuple(self._faults) if self._faults else list(self._tags.values())

    def _is_header(self, line: int, columns: list[str]) -> bool:
        for number, name in enumerate(columns[: 2 * len(COLUMNS)], start=1):
            if name not in COLUMNS:
                self.fault(line, str(number), f"must be one of {', '.join(COLUMNS)}")
            elif name in columns[: number - 1]:
                self.fault(line, str(number), f"is a second column {name}")
        if "idTag" not in columns:
            self.fault(line, "", _NO_COLUMN)
        return "idTag" in columns and len(columns) <= 2 * len(COLUMNS)

    def _tag(self, line: int, cells: list[str], columns: list[str]) -> None:
        if len(cells) != len(columns):
            self.fault(line, "", f"has {len(cells)} cells where the header has {len(columns)}")
            return
        fields: dict[str, Any] = {}
        for name, cell in zip(columns, cells, strict=True):
            if name not in _READERS:
                continue  # the header's fault
            field, read = _READERS[name]
            fields[field] = value = read(unguarded(cell.strip()))
            if isinstance(value, Wrong):
                self.fault(line, name, value.error)
        typed = fields["id_tag_raw"]
        if isinstance(typed, Wrong):
            return
        key = key_of(typed)
        if key in self._lines:
            self.fault(line, "idTag", f"is the tag of line {self._lines[key]}, whatever its case")
        self._lines.setdefault(key, line)
        if not self._faults:
            self._tags[key] = IdTag(typed if typed == key else key, **fields)


def written(tags: Iterable[IdTag]) -> str:
    """Return tags as rows."""
    return csv_text(
        (
            tag.id_tag_raw,
            tag.parent or "",
            "" if tag.expires_ms is None else format_time(tag.expires_ms),
            str(tag.blocked).lower(),
            str(tag.concurrent).lower(),
            tag.note,
            "" if tag.weight is None else str(tag.weight),
            "" if tag.priority is None else str(tag.priority),
        )
        for tag in tags
    )


def header() -> str:
    """Return the header row."""
    return csv_text([COLUMNS])
