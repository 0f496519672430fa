"""`capacitySchedule`, `gridOperator`, `capacityTariff`: when the grid connection may be loaded with less, and why."""

import re

from csms.core.configuration.quantities import kilowatts, watts
from csms.core.configuration.reading import Fields, Wrong, open_object, whole
from csms.core.faults import Fault
from csms.core.grid_terms import DAY_MIN, WEEK, CapacityTariff, CapacityWindow, GridOperator, clock_text
from csms.core.station import Station

WINDOW_KEYS = frozenset({"from", "to", "days", "capacity"})
OPERATOR_KEYS = frozenset({"failSafeCapacity", "silentAfterS"})
TARIFF_KEYS = frozenset({"target", "windowMinutes"})

MAX_WINDOWS = 100
DEFAULT_SILENT_AFTER_S = GridOperator(0).silent_after_s
SILENT_AFTER_S_MIN = 10
SILENT_AFTER_S_MAX = 86_400
DEFAULT_WINDOW_MIN = CapacityTariff().window_min
WINDOWS_MIN = (15, 30, 60)
"""Lengths of a tariff's windows; an hour is whole ones of each."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOT_A_DAY = "must be one of " + ", ".join(f'"{day}"' for day in DAYS)

_TIME = re.compile("([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def parse_schedule(station: Fields, faults: list[Fault]) -> tuple[CapacityWindow, ...] | None:
    """Return the windows in the document's order; None, with faults noted, when one could not be read."""
    items = station.items("capacitySchedule", MAX_WINDOWS)
    if items is None:
        return None
    windows = [_parse_window(item, path, faults) for path, item in items]
    sound = tuple(window for window in windows if window is not None)
    return sound if len(sound) == len(items) else None


def _parse_window(item: object, path: str, faults: list[Fault]) -> CapacityWindow | None:
    fields = open_object(item, path, WINDOW_KEYS, frozenset(), faults)
    if fields is None:
        return None
    from_min = fields.need("from", _begin, 0)
    to_min = fields.need("to", time_of_day, DAY_MIN)
    capacity_w = fields.need("capacity", watts, 0)
    days = _days_of(fields, faults)
    if fields.sound and from_min == to_min:
        fields.fault("to", 'is the same time as from; a whole day is from "00:00" to "24:00"')
    return CapacityWindow(from_min, to_min, capacity_w, days) if fields.sound else None


def parse_grid_operator(station: Fields) -> GridOperator | None:
    """Return who tells limits at run time; None where nobody does, or, with faults noted, it could not be read."""
    fields = station.child("gridOperator", OPERATOR_KEYS)
    if fields is None:
        return None
    capacity_w = fields.need("failSafeCapacity", watts, 0)
    silent_after_s = fields.take("silentAfterS", whole(SILENT_AFTER_S_MIN, SILENT_AFTER_S_MAX), DEFAULT_SILENT_AFTER_S)
    station.sound = station.sound and fields.sound
    return GridOperator(capacity_w, silent_after_s)


def parse_tariff(station: Fields) -> CapacityTariff | None:
    """Return the capacity tariff; None where there is none, or, with faults noted, it could not be read."""
    fields = station.child("capacityTariff", TARIFF_KEYS)
    if fields is None:
        return None
    target_w = fields.take("target", watts, None)
    window_min = fields.take("windowMinutes", _window_minutes, DEFAULT_WINDOW_MIN)
    station.sound = station.sound and fields.sound
    return CapacityTariff(target_w, window_min)


def capacity_document(station: Station) -> dict[str, object]:
    """Return the keys of this page that a station's document has."""
    document: dict[str, object] = {}
    if station.capacity_schedule:
        document["capacitySchedule"] = [_window_document(window) for window in station.capacity_schedule]
    operator, tariff = station.grid_operator, station.capacity_tariff
    if operator is not None:
        told: dict[str, object] = {"failSafeCapacity": kilowatts(operator.fail_safe_capacity_w)}
        if operator.silent_after_s != DEFAULT_SILENT_AFTER_S:
            told["silentAfterS"] = operator.silent_after_s
        document["gridOperator"] = told
    if tariff is not None:
        paid: dict[str, object] = {} if tariff.target_w is None else {"target": kilowatts(tariff.target_w)}
        if tariff.window_min != DEFAULT_WINDOW_MIN:
            paid["windowMinutes"] = tariff.window_min
        document["capacityTariff"] = paid
    return document


def time_of_day(value: object) -> int | Wrong:
    """Read HH:MM, 00:00 to 24:00, as minutes of the day."""
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        return Wrong('must be a time of day such as "17:00"')
    return int(value[:2]) * 60 + int(value[3:])


def _begin(value: object) -> int | Wrong:
    minute = time_of_day(value)
    return Wrong('must be before "24:00"') if minute == DAY_MIN else minute


def _days_of(window: Fields, faults: list[Fault]) -> tuple[int, ...]:
    """Return the days of the week on which a window begins, named in any order, each once; every day where none is."""
    items = window.items("days", len(WEEK))
    if items is None or "days" not in window:
        return WEEK
    wrong = [Fault(path, NOT_A_DAY) for path, name in items if name not in DAYS]
    faults += wrong
    window.sound = window.sound and not wrong
    if not items:
        window.fault("days", "must have a day")
    elif len({str(name) for _, name in items}) < len(items):
        window.fault("days", "must have each day once")
    return tuple(sorted(DAYS.index(str(name)) for _, name in items)) if window.sound else WEEK


def _window_minutes(value: object) -> int | Wrong:
    if isinstance(value, bool) or not isinstance(value, int) or value not in WINDOWS_MIN:
        return Wrong("must be " + " or ".join(str(minutes) for minutes in WINDOWS_MIN))
    return value


def _window_document(window: CapacityWindow) -> dict[str, object]:
    document: dict[str, object] = {
        "from": clock_text(window.from_min),
        "to": clock_text(window.to_min),
        "capacity": kilowatts(window.capacity_w),
    }
    if window.days != WEEK:
        document["days"] = [DAYS[day] for day in window.days]
    return document
