"""CSV that a spreadsheet can open without harm, and that comes back as it went.

A cell that begins with a character by which spreadsheets know a formula gets an apostrophe before it, and so does one
that begins with an apostrophe; of a cell that begins with one and such a character, the apostrophe is taken off again.
Every cell is quoted, so that a program which takes another separator finds none inside.
"""

import csv
import io
from collections.abc import Iterable, Sequence

_GUARD = "'"
_GUARDED = ("=", "+", "-", "@", "\t", "\r", _GUARD)


def guarded(cell: str) -> str:
    """Return a cell as no spreadsheet takes it for a formula."""
    return _GUARD + cell if cell.startswith(_GUARDED) else cell


def unguarded(cell: str) -> str:
    """Return a cell as it was before it was guarded; one that never was stays as it is."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_GUARDED) else cell


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV (RFC 4180), every cell guarded."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([guarded(cell) for cell in row] for row in rows)
    return written.getvalue()
