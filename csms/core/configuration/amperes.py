"""Limits in amperes: what a fuse carries on each phase, and what that is in watts.

Wherever a limit in kW stands there may be an object instead:

    {"amperes": 35}                        35 A on each of three phases: 24.15 kW at 230 V
    {"amperes": 32, "phases": 1}           one phase, L1: 7.36 kW
    {"amperes": [16, 32, 32]}              one number for each of L1, L2 and L3; 0: the phase is not there
    {"amperes": 63, "power": 40}           and no more than 40 kW together
    {"amperes": 63, "voltage": 240}        another nominal voltage between phase and neutral

Amperes are a limit of every phase, not another way to write watts: a car that uses one phase melts the fuse of that
phase. Watts of a limit are rounded down, those of a load up.

Other powers of a charger (`minPower`, `reservedPower`, `failSafePower`) limit no phase: there amperes are another way
to write watts, on the charger's own phases at its own voltage unless these are said: `{"amperes": 6, "phases": 1}`.
"""

from dataclasses import dataclass

from csms.core.configuration.quantities import kilowatts, milliamperes, watts
from csms.core.configuration.reading import NOTHING, Fields, Wrong, open_object, whole
from csms.core.faults import Fault
from csms.core.station import Lines, PhaseLimit

DEFAULT_VOLTAGE_V = 230
PHASES = 3

KEYS = frozenset({"amperes", "power", "phases", "voltage"})
OF_CHARGER = frozenset({"amperes", "power"})
"""The phases and the voltage of a charger are its own keys."""
OF_POWER = frozenset({"amperes", "phases", "voltage"})

voltage = whole(100, 1000)
"""Reader of a nominal voltage between phase and neutral, V."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What something carries, W, and on each phase, where that was given in amperes."""

    power_w: int
    phases: PhaseLimit | None = None


def take_limit(fields: Fields, name: str, default: Limit, faults: list[Fault]) -> Limit:
    """Return an optional limit in kW or in amperes; `default` when absent or, with faults noted, when it is wrong."""
    return _take(fields, name, default, faults, up=False)


def take_load(fields: Fields, name: str, faults: list[Fault]) -> Limit:
    """Return an optional load in kW or in amperes, its watts rounded up; 0 W when absent or, with faults, wrong."""
    return _take(fields, name, Limit(0), faults, up=True)


def need_limit(fields: Fields, name: str, faults: list[Fault]) -> Limit:
    """Return a required limit in kW or in amperes; 0 W, with faults noted, when it is missing or wrong."""
    if name not in fields:
        fields.fault(name, "is missing")
    return take_limit(fields, name, Limit(0), faults)


def need_charger_limit(fields: Fields, name: str, count: int, voltage_v: int, faults: list[Fault]) -> Limit:
    """Return the required limit of a charger, the same on each of its `count` phases; 0 W, with faults noted."""
    value = fields.raw(name)
    if not isinstance(value, dict):
        return Limit(fields.need(name, watts, 0))
    inner = open_object(value, f"{fields.path}.{name}", OF_CHARGER, NOTHING, faults)
    if inner is None:
        return Limit(0)
    current_ma = inner.need("amperes", milliamperes, 0)
    most_w = current_ma * voltage_v * count // 1000
    power_w = inner.take("power", watts, most_w)
    fields.sound = fields.sound and inner.sound
    return Limit(min(power_w, most_w), PhaseLimit((current_ma, current_ma, current_ma), voltage_v))


def take_power(fields: Fields, name: str, count: int, voltage_v: int, faults: list[Fault], *, up: bool) -> int | None:
    """Return an optional power of a charger in kW or in amperes, W; None when absent or, with faults noted, wrong.

    `count`, `voltage_v`: its phases, and their voltage; `up`: it is rounded up.
    """
    value = fields.raw(name)
    if not isinstance(value, dict):
        return fields.take(name, watts, None)
    inner = open_object(value, f"{fields.path}.{name}", OF_POWER, NOTHING, faults)
    if inner is None:
        return None
    milliwatts = inner.need("amperes", milliamperes, 0)
    milliwatts *= inner.take("phases", _one_or_three, count) * inner.take("voltage", voltage, voltage_v)
    fields.sound = fields.sound and inner.sound
    return -(-milliwatts // 1000) if up else milliwatts // 1000


def limit_document(power_w: int, limit: PhaseLimit | None, *, up: bool = False) -> object:
    """Return a limit, or a load (`up`), as it is read: kW, or an object where it is in amperes."""
    if limit is None:
        return kilowatts(power_w)
    amperes = [kilowatts(each_ma) for each_ma in limit.current_ma]
    document: dict[str, object] = {"amperes": amperes[0] if len(set(amperes)) == 1 else amperes}
    if power_w != _power_w(limit, up=up):
        document["power"] = kilowatts(power_w)
    if limit.voltage_v != DEFAULT_VOLTAGE_V:
        document["voltage"] = limit.voltage_v
    return document


def charger_limit_document(power_w: int, limit: PhaseLimit | None, count: int) -> object:
    """Return the limit of a charger of `count` phases as `need_charger_limit` reads it."""
    if limit is None:
        return kilowatts(power_w)
    current_ma = limit.current_ma[0]
    document: dict[str, object] = {"amperes": kilowatts(current_ma)}
    if power_w != current_ma * limit.voltage_v * count // 1000:
        document["power"] = kilowatts(power_w)
    return document


def _take(fields: Fields, name: str, default: Limit, faults: list[Fault], *, up: bool) -> Limit:
    value = fields.raw(name)
    if not isinstance(value, dict):
        power_w = fields.take(name, watts, None)
        return default if power_w is None else Limit(power_w)
    inner = open_object(value, f"{fields.path}.{name}", KEYS, NOTHING, faults)
    if inner is None:
        return default
    current_ma: Lines = inner.need("amperes", _currents, (0, 0, 0))
    voltage_v = inner.take("voltage", voltage, DEFAULT_VOLTAGE_V)
    if inner.take("phases", _one_or_three, PHASES) == 1:
        if isinstance(inner.raw("amperes"), list):
            inner.fault("phases", "is for one number of amperes; a list has one for each phase")
        current_ma = (current_ma[0], 0, 0)
    limit = PhaseLimit(current_ma, voltage_v)
    most_w = _power_w(limit, up=up)
    power_w = inner.take("power", watts, most_w)
    fields.sound = fields.sound and inner.sound
    return Limit(min(power_w, most_w), limit) if inner.sound else default


def _power_w(limit: PhaseLimit, *, up: bool) -> int:
    """Return what all phases together carry, W, rounded down, or up."""
    return -(-sum(limit.current_ma) * limit.voltage_v // 1000) if up else limit.power_w


def _one_or_three(value: object) -> int | Wrong:
    if isinstance(value, bool) or not isinstance(value, int) or value not in {1, PHASES}:
        return Wrong("must be 1 or 3")
    return value


def _currents(value: object) -> Lines | Wrong:
    """Read one number of amperes for all phases, or a list of three, mA."""
    values = value if isinstance(value, list) else [value] * PHASES
    if len(values) != PHASES:
        return Wrong("must be a number, or a list of three")
    found = [milliamperes(each) for each in values]
    wrong = next((each for each in found if isinstance(each, Wrong)), None)
    if wrong is not None:
        return wrong
    on_l1, on_l2, on_l3 = [each for each in found if isinstance(each, int)]
    return on_l1, on_l2, on_l3
