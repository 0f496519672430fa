"""Where the typed lane's verdict differs from the `ocpp` package's JSON schemas (2019-12), and why.

This is the whole list: a property test compares both verdicts on mutated frames of every hot action, with the rows of
this table as the only excuse, and finds a frame for every row in which nothing but that row explains the difference.

No row is needed for "Celcius" beside "Celsius" (errata §2.1; the package's schemas have both), for 1.0 and `true` as
integers (refused by both) nor for time stamps (formats are not checked by either: `times` reads what it can).
"""

from dataclasses import dataclass
from typing import Literal

_READS = frozenset(
    {"Authorize", "BootNotification", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"}
)
_ALL = _READS | {"Heartbeat"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One row.

    Attributes:
        lane: what the lane does where the schema does the opposite.
        actions: where a message can show the difference.
        reference: OCPP 1.6 (§), OCPP-J 1.6 (J §), its errata (JE §), or another standard.
    """

    name: str
    lane: Literal["accepts", "refuses"]
    what: str
    reason: str
    reference: str
    actions: frozenset[str]


DIFFERENCES = (
    Difference(
        "unknown_field",
        "accepts",
        "fields that the schema does not have",
        "Vendors add their own, and ignoring them harms nobody; only our own messages must be free of them.",
        "JE §3.1",
        _ALL,
    ),
    Difference(
        "null_payload",
        "accepts",
        "null in the place of a payload without fields",
        "The specification says that both mean the same.",
        "J §4.2.1",
        frozenset({"Heartbeat"}),
    ),
    Difference(
        "hertz",
        "accepts",
        "the unit Hertz in transactionData",
        "It is the unit of Frequency; the schema of MeterValues has it, the one of StopTransaction forgot it.",
        "§7.31",
        frozenset({"StopTransaction"}),
    ),
    Difference(
        "no_sampled_value",
        "refuses",
        "an empty sampledValue in transactionData",
        "A meter value has at least one; the schema of MeterValues says so, the one of StopTransaction forgot it.",
        "§7.33",
        frozenset({"StopTransaction"}),
    ),
    Difference(
        "connector_id_range",
        "refuses",
        "a connectorId below 0 or above 2³¹-1",
        "Connectors are numbered from 1, and 0 is the charger; the schema knows no bounds.",
        "§2.2, §6.31, §6.45, §6.47",
        frozenset({"MeterValues", "StartTransaction", "StatusNotification"}),
    ),
    Difference(
        "beyond_64_bits",
        "refuses",
        "integers of more than 64 bits",
        "No store holds them; they are clamped, and answered. The schema knows no bounds.",
        "RFC 8259 §6: a reader may limit range and precision",
        frozenset({"MeterValues", "StartTransaction", "StopTransaction"}),
    ),
    Difference(
        "field_given_twice",
        "refuses",
        "a field given twice, once wrongly, or (if Authorize, a start or a stop cannot do without it) with two values",
        "A schema sees one of them, and which is chance; the lane judges all (of meter values, the list as such).",
        "RFC 8259 §4: names should be unique, behaviour is unpredictable",
        _READS,
    ),
    Difference(
        "nan",
        "refuses",
        "NaN, Infinity and -Infinity as values",
        "They are not JSON; Python's reader takes them.",
        "RFC 8259 §6",
        _ALL,
    ),
    Difference(
        "lone_surrogate",
        "refuses",
        "half a surrogate pair as an escape in text",
        "It is no character and cannot be written as UTF-8, neither to the store nor back; it is read as U+FFFD.",
        "RFC 8259 §8.2, J §4.1.4",
        _ALL,
    ),
)
