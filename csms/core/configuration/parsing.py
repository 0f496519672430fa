"""The whole configuration: every field read, then what only the whole can show."""

import re
from collections.abc import Container

from csms.core.configuration.amperes import need_limit, take_load
from csms.core.configuration.battery import parse_battery
from csms.core.configuration.capacity import parse_grid_operator, parse_schedule, parse_tariff
from csms.core.configuration.chargers import parse_chargers
from csms.core.configuration.circuits import parse_circuits
from csms.core.configuration.fail_safe import FAIL_SAFE
from csms.core.configuration.loads import check_constant_loads, check_fail_safe
from csms.core.configuration.names import NameSpace, station_id
from csms.core.configuration.phase_checks import check_phases
from csms.core.configuration.reading import NOTHING, Fields, Reader, Wrong, open_object, whole
from csms.core.configuration.site_meter import parse_site_meter
from csms.core.faults import Fault
from csms.core.station import FailSafe, Station

KEYS = frozenset(
    {
        "stationId",
        "gridCapacity",
        "chargers",
        "battery",
        "timeZone",
        "staticLoad",
        "circuits",
        "failSafe",
        "restSessionTimeoutS",
        "capacitySchedule",
        "gridOperator",
        "capacityTariff",
        "siteMeter",
    }
)

DEFAULT_TIME_ZONE = "UTC"
DEFAULT_REST_SESSION_TIMEOUT_S = 86_400
REST_SESSION_TIMEOUT_S_MIN = 60
"""A client that was silent for so long is only then treated as silent."""
REST_SESSION_TIMEOUT_S_MAX = 30 * 86_400

_ZONE_NAME = re.compile(r"[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,3}")


def parse_station(document: object, time_zones: Container[str] | None = None) -> Station | tuple[Fault, ...]:
    """Return the station that a decoded JSON configuration describes, or everything that is wrong with it.

    `time_zones`: the IANA names that exist; None accepts any name of the right form (a stored configuration was
    checked when it was accepted). Numbers may be int, float or Decimal.
    """
    faults: list[Fault] = []
    fields = open_object(document, "$", KEYS, NOTHING, faults)
    station = None if fields is None else _parse(fields, time_zones, faults)
    if station is not None:
        faults.extend(check_constant_loads(station))
    if station is not None and not faults:
        faults.extend(check_fail_safe(station))
    if station is not None and not faults:
        faults.extend(check_phases(station))
    if station is None or faults:
        assert faults, "a document without a station has a fault"
        return tuple(faults)
    return station


def _parse(fields: Fields, time_zones: Container[str] | None, faults: list[Fault]) -> Station | None:
    names = NameSpace(faults)
    name = fields.need("stationId", station_id, "")
    grid = need_limit(fields, "gridCapacity", faults)
    circuits = parse_circuits(fields, names, faults)
    fail_safe = fields.take("failSafe", FAIL_SAFE, FailSafe.CLOSED)
    chargers = parse_chargers(fields, circuits, fail_safe, names, faults)
    battery = parse_battery(fields)
    time_zone = fields.take("timeZone", _time_zone(time_zones), DEFAULT_TIME_ZONE)
    static = take_load(fields, "staticLoad", faults)
    timeout_s = fields.take(
        "restSessionTimeoutS",
        whole(REST_SESSION_TIMEOUT_S_MIN, REST_SESSION_TIMEOUT_S_MAX),
        DEFAULT_REST_SESSION_TIMEOUT_S,
    )
    schedule = parse_schedule(fields, faults)
    grid_operator = parse_grid_operator(fields)
    tariff = parse_tariff(fields)
    site_meter = parse_site_meter(fields, static.power_w, faults)
    if circuits is None or chargers is None or schedule is None or not fields.sound:
        return None
    return Station(
        station_id=name,
        grid_capacity_w=grid.power_w,
        chargers=chargers,
        circuits=circuits,
        static_load_w=static.power_w,
        battery=battery,
        fail_safe_chosen="failSafe" in fields,
        fail_safe=fail_safe,
        time_zone=time_zone,
        rest_session_timeout_s=timeout_s,
        phase_limit=grid.phases,
        static_phases=static.phases,
        capacity_schedule=schedule,
        grid_operator=grid_operator,
        capacity_tariff=tariff,
        site_meter=site_meter,
    )


def _time_zone(time_zones: Container[str] | None) -> Reader[str]:
    def read(value: object) -> str | Wrong:
        if not isinstance(value, str) or _ZONE_NAME.fullmatch(value) is None:
            return Wrong("must be an IANA time zone such as Europe/Paris")
        if time_zones is not None and value not in time_zones:
            return Wrong("is not a known IANA time zone")
        return value

    return read
