"""The values of one session out of its meterValue elements, as they were received (OCPP 1.6 §4.7, §4.10; errata 3.14).

A charger may send a value in MeterValues, again in the transactionData of StopTransaction, and both once more from a
queue. The elements are kept byte for byte, so that signed values stay signed; whoever reads a session's values reads
them through here. Two values are the same when their time and all that tells values of one time apart are the same:
measurand, phase, context, location and format (the signed twin of a value is a value of its own). The first one counts.
Without a usable time values that differ are two, and signed ones always: which is right is not ours to say.
Half a surrogate pair is read as U+FFFD (`half_pairs`): it spoils no other value. A signed value is not even trimmed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from csms.ocpp16.half_pairs import mended
from csms.ocpp16.readers import read_any, read_elements, read_fields, read_text
from csms.ocpp16.times import parse_time_ms

SIGNED = "SignedData"
DEFAULTS = {
    "measurand": "Energy.Active.Import.Register",
    "phase": "",
    "context": "Sample.Periodic",
    "location": "Outlet",
    "format": "Raw",
}
"""What an absent field of a sampledValue means (§7.31–7.45); no phase means the total."""


@dataclass(frozen=True, slots=True)
class Value:
    """One sampledValue with its defaults filled in; `at_ms` UTC, None without a usable time; `value` as written."""

    at_ms: int | None
    timestamp: str
    measurand: str
    phase: str
    context: str
    location: str
    format: str
    unit: str
    value: str

    @property
    def is_signed(self) -> bool:
        """Return whether it is signed data (§7.44)."""
        return self.format.lower() == "signeddata"

    @property
    def identity(self) -> tuple[int | str, ...]:
        """Return what makes two values the same one."""
        at = self.timestamp if self.at_ms is None else self.at_ms
        told = self.value if self.at_ms is None or self.format == SIGNED else ""
        return (at, self.measurand, self.phase, self.context, self.location, self.format, told)


def merged(elements: Iterable[str]) -> Iterator[Value]:
    """Yield each value of the elements once, in the order in which they come."""
    known: set[tuple[int | str, ...]] = set()
    for element in elements:
        for part in read_elements(mended(element.encode())):  # those that were never read are kept as a list
            for value in _values(part):
                if value.identity not in known:
                    known.add(value.identity)
                    yield value


def _values(element: bytes) -> Iterator[Value]:
    fields = read_fields(element) or {}
    timestamp = read_text(fields.get("timestamp", b"null")) or ""
    for item in read_elements(fields.get("sampledValue", b"null")):
        sampled = read_fields(item)
        if sampled is None:
            continue
        told = {name: read_text(sampled.get(name, b"null")) or default for name, default in DEFAULTS.items()}
        yield Value(
            at_ms=parse_time_ms(timestamp),
            timestamp=timestamp,
            unit=read_text(sampled.get("unit", b"null")) or "",
            value=_value(sampled.get("value", b"null"), told["format"]),
            **told,
        )


def _value(raw: bytes, told_format: str) -> str:
    """Return a value, whole and, if it is signed, as it came: a signature of anything else proves nothing."""
    value = read_any(raw)
    if isinstance(value, str) and told_format.lower() == "signeddata":
        return value
    return read_text(raw, max_chars=None) or ""
