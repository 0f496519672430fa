"""The cars of a day as a JSON document: `{"cars": […]}`, checked as a whole against the station they come to.

    {"cars": [{"name": "Zoe 1", "at": "07:42", "connector": "CP001#1", "energy": 22, "maxPower": 11, "until": "17:00"}]}

Powers are kW and energies kWh, as in the station's configuration. `at` and `until` are times of the day; from 24:00 on
they are the next day's, and a day may be 48 h long. Without `until` a car leaves as soon as it has its energy.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from csms.core.configuration.quantities import watts
from csms.core.configuration.reading import Wrong, open_object
from csms.core.faults import Fault
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import Control, Mode, Station

CARS_MAX: Final = 10_000
HOURS_MAX: Final = 48
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS

_DOCUMENT: Final = frozenset({"cars"})
_CAR: Final = frozenset({"name", "at", "connector", "energy", "maxPower", "until"})
_TIME: Final = re.compile(r"([0-9]{2}):([0-5][0-9])")
_NAME_CHARS_MAX: Final = 40
_CONNECTOR: Final = re.compile(r"(.+)#([0-9]{1,2})")


@dataclass(frozen=True, slots=True)
class Visit:
    """One car that comes: when, where to, and what it wants.

    Attributes:
        name: in the figures.
        arrives_ms, leaves_ms: since midnight; it leaves then, charged or not; None: when it has its energy.
        energy_wh: what it comes for.
        max_power_w: the most that it can take.
    """

    name: str
    key: ConnectorKey
    arrives_ms: int
    leaves_ms: int | None
    energy_wh: int
    max_power_w: int


def parse_day(document: object, station: Station) -> tuple[Visit, ...] | tuple[Fault, ...]:
    """Return the visits of a decoded document in the order of their arrival, or everything that is wrong with it."""
    faults: list[Fault] = []
    fields = open_object(document, "$", _DOCUMENT, frozenset(), faults)
    if fields is None:
        return tuple(faults)
    items = fields.items("cars", CARS_MAX) or []
    if not items and not faults:
        fields.fault("cars", "must name at least one car")
    visits = [(path, _visit(item, path, station, faults)) for path, item in items]
    if not faults:
        _one_name_each(visits, faults)
        _one_at_a_time(visits, faults)
    return tuple(faults) or tuple(sorted((visit for _, visit in visits), key=lambda visit: visit.arrives_ms))


def _visit(item: object, path: str, station: Station, faults: list[Fault]) -> Visit:
    """Return a visit; one that could not be read, with its faults noted, is never looked at."""
    nowhere = ConnectorKey(ChargerId(""), 0)
    fields = open_object(item, path, _CAR, frozenset(), faults)
    if fields is None:
        return Visit("", nowhere, 0, None, 0, 0)
    visit = Visit(
        fields.need("name", _name, ""),
        fields.need("connector", lambda value: _connector(value, station), nowhere),
        fields.need("at", _time, 0),
        fields.take("until", _time, None),
        fields.need("energy", _positive, 1),
        fields.need("maxPower", _positive, 1),
    )
    if fields.sound and visit.leaves_ms is not None and visit.leaves_ms <= visit.arrives_ms:
        fields.fault("until", "must be later than at; after midnight add 24 h: 06:30 of the next day is 30:30")
    return visit


def _one_name_each(visits: Iterable[tuple[str, Visit]], faults: list[Fault]) -> None:
    seen: set[str] = set()
    for path, visit in visits:
        if visit.name in seen:
            faults.append(Fault(f"{path}.name", "another car has it"))
        seen.add(visit.name)


def _one_at_a_time(visits: Iterable[tuple[str, Visit]], faults: list[Fault]) -> None:
    """Note cars that come to a connector before the one in front of them is known to leave.

    A car without `until` leaves when it is charged, which only the run can tell: nobody may come after it.
    """
    ordered = sorted(visits, key=lambda each: (each[1].key, each[1].arrives_ms))
    for (_, first), (path, second) in pairwise(ordered):
        if first.key == second.key and (first.leaves_ms is None or first.leaves_ms >= second.arrives_ms):
            faults.append(Fault(f"{path}.at", "the car before it at this connector needs an until before it"))


def _name(value: object) -> str | Wrong:
    if isinstance(value, str) and 0 < len(value) <= _NAME_CHARS_MAX and value.isprintable():
        return value
    return Wrong(f"must be text of 1 to {_NAME_CHARS_MAX} characters")


def _time(value: object) -> int | Wrong:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) >= HOURS_MAX:
        return Wrong(f'must be a time such as "07:42", below {HOURS_MAX}:00')
    return int(match[1]) * HOUR_MS + int(match[2]) * MINUTE_MS


def _positive(value: object) -> int | Wrong:
    return watts(value) or Wrong("must be above 0")


def _connector(value: object, station: Station) -> ConnectorKey | Wrong:
    match = _CONNECTOR.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return Wrong('must be a charger and a connector such as "CP001#1"')
    key = ConnectorKey(ChargerId(match[1]), int(match[2]))
    charger = station.charger(key.charger_id)
    if charger is None or key not in charger.connector_keys():
        return Wrong("is no connector of the station")
    if charger.control not in {Control.AUTO, Control.OCPP} or charger.mode is not Mode.CONTROL:
        return Wrong("is at a charger that is not controlled over OCPP")
    return key
