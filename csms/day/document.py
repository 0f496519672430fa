"""The cars of a day as a JSON document, checked as a whole against the station they come to.

    {"cars": [{"name": "Zoe 1", "at": "07:42", "connector": "CP001#1", "energy": 22, "maxPower": 11, "until": "17:00"}],
     "baseLoad": [{"at": "06:00", "power": 12.5}, {"at": "22:00", "power": 4}]}

Powers are kW and energies kWh, as in the station's configuration. `at` and `until` are times of the day; from 24:00 on
they are the next day's, and a day may be 48 h long. Without `until` a car leaves as soon as it has its energy.
`baseLoad` is what everything else on the site really takes, from one time to the next; before the first one, and
without any, that is the station's `staticLoad`. A car uses all phases of its outlet, or as many as `phases` says.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from csms.core.configuration.quantities import watts
from csms.core.configuration.reading import Wrong, open_object, whole
from csms.core.faults import Fault
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import Control, Mode, Station

CARS_MAX: Final = 10_000
HOURS_MAX: Final = 48
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS

LOADS_MAX: Final = 1_000

_DOCUMENT: Final = frozenset({"cars", "baseLoad"})
_CAR: Final = frozenset({"name", "at", "connector", "energy", "maxPower", "until", "phases"})
_LOAD: Final = frozenset({"at", "power"})
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
        phases: so many it uses, of those that its outlet has.
    """

    name: str
    key: ConnectorKey
    arrives_ms: int
    leaves_ms: int | None
    energy_wh: int
    max_power_w: int
    phases: int = 3


@dataclass(frozen=True, slots=True)
class BaseLoad:
    """From `at_ms` on, since midnight, everything else on the site takes so much."""

    at_ms: int
    power_w: int


@dataclass(frozen=True, slots=True)
class Day:
    """Who comes, in the order of their arrival, and what else is drawn, in the order of time."""

    visits: tuple[Visit, ...]
    base_load: tuple[BaseLoad, ...] = ()


def parse_day(document: object, station: Station) -> Day | tuple[Fault, ...]:
    """Return the day of a decoded document, or everything that is wrong with it."""
    faults: list[Fault] = []
    fields = open_object(document, "$", _DOCUMENT, frozenset(), faults)
    if fields is None:
        return tuple(faults)
    items = fields.items("cars", CARS_MAX) or []
    if not items and not faults:
        fields.fault("cars", "must name at least one car")
    visits = [(path, _visit(item, path, station, faults)) for path, item in items]
    loads = [_load(item, path, faults) for path, item in fields.items("baseLoad", LOADS_MAX) or []]
    if not faults:
        _one_name_each(visits, faults)
        _one_at_a_time(visits, faults)
        _one_after_the_other(loads, faults)
    in_order = sorted((visit for _, visit in visits), key=lambda visit: visit.arrives_ms)
    return tuple(faults) or Day(tuple(in_order), tuple(loads))


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
        fields.take("phases", whole(1, 3), 3),
    )
    charger = station.charger(visit.key.charger_id)
    if fields.sound and "phases" in fields and (charger is None or charger.phases < visit.phases):
        fields.fault("phases", "must be no more than the charger has; at a DC charger it is left out")
    if fields.sound and visit.leaves_ms is not None and visit.leaves_ms <= visit.arrives_ms:
        fields.fault("until", "must be later than at; after midnight add 24 h: 06:30 of the next day is 30:30")
    return visit


def _load(item: object, path: str, faults: list[Fault]) -> BaseLoad:
    """Return a step of the base load; one that could not be read, with its faults noted, is never looked at."""
    fields = open_object(item, path, _LOAD, frozenset(), faults)
    if fields is None:
        return BaseLoad(0, 0)
    return BaseLoad(fields.need("at", _time, 0), fields.need("power", watts, 0))


def _one_after_the_other(loads: list[BaseLoad], faults: list[Fault]) -> None:
    for index, (before, after) in enumerate(pairwise(loads), 1):
        if after.at_ms <= before.at_ms:
            faults.append(Fault(f"$.baseLoad[{index}].at", "must be later than the one before it"))


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
