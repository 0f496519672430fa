"""`failSafe`: what chargers do while this server is away, and what that costs (LEDGER.md §7)."""

from dataclasses import replace

from csms.core.commands import EXPIRY_S, MIN_CURRENT_A
from csms.core.configuration.loads import check_fail_safe, constant_load_w
from csms.core.configuration.quantities import kilowatts
from csms.core.configuration.reading import choice
from csms.core.station import Charger, Control, FailSafe, Station

DC_FAIL_SAFE_W = 10_000
"""Fail-safe power of a DC connector whose charger has no `minPower`: a car still gains some 50 km in an hour."""

FAIL_SAFE = choice({mode.value: mode for mode in FailSafe})
"""Reader of `failSafe`, of the station and of a charger."""

GOES_ON = "a car that charges goes on with its last limit"

EXPERIENCE = {
    FailSafe.CLOSED: GOES_ON,
    FailSafe.RESERVE: GOES_ON,
    FailSafe.EXPIRE: f"{GOES_ON} for {EXPIRY_S // 60} min, then with what a new one gets",
}
"""What a running car meets."""


def default_fail_safe_power_w(charger: Charger) -> int:
    """Return F of a charger that says nothing about it, W per connector: AC 6 A a phase, DC `minPower` or 10 kW."""
    if not _reserves(charger):
        return 0
    return (charger.min_power_w or DC_FAIL_SAFE_W) if charger.is_dc else _ac_least_w(charger)


def fail_safe_power_error(charger: Charger, power_w: int) -> str | None:
    """Return what is wrong with a `failSafePower`, as the end of a sentence."""
    if charger.fail_safe is FailSafe.CLOSED:
        return 'is for failSafe "reserve" and "expire"; with "closed" it is 0'
    if not _reserves(charger):
        return "is for chargers that are steered over OCPP"
    if power_w == 0:
        return 'must be above 0; that is failSafe "closed"'
    if power_w < _ac_least_w(charger):
        return f"is below {kilowatts(_ac_least_w(charger))} kW, 6 A on each phase"
    return None


def explain_fail_safe(station: Station) -> tuple[str, ...]:
    """Return what its mode costs at each charger and what a driver experiences while the server is away, in lines.

    Chargers of which the same is true share their lines.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for charger in station.chargers:
        names.setdefault((_cost(charger), _experience(charger)), []).append(charger.charger_id)
    lines: list[str] = []
    for (cost, experience), ids in names.items():
        lines.append(f"{'every charger' if len(names) == 1 else ', '.join(ids)}: {cost}")
        lines.append(f"  while this server is away: {experience}")
    if any(map(_sets_aside, station.chargers)):
        total_w, left_w = _aside_and_left_w(station)
        lines.append(f"together: {kilowatts(total_w)} kW are set aside, {kilowatts(left_w)} kW are left to share")
    return (*lines, *_how_to_choose(station))


def _cost(charger: Charger) -> str:
    if charger.is_observed:
        return f"mode observe: failSafe is not for it, {kilowatts(charger.uncontrolled_power_w)} kW are booked always"
    if charger.control is Control.NONE:
        return f"control none: failSafe is not for it, {kilowatts(charger.uncontrolled_power_w)} kW are booked always"
    if charger.control is Control.REST:
        return "control rest: failSafe is not for it, nothing is set aside"
    if charger.fail_safe is FailSafe.CLOSED:
        return "failSafe closed: it sets no power aside"
    each_w, count = charger.fail_safe_power_w, charger.connectors
    sum_text = f"{kilowatts(each_w * count)} kW" + ("" if count == 1 else f" ({count} × {kilowatts(each_w)} kW)")
    return f"failSafe {charger.fail_safe.value}: it sets {sum_text} of the grid connection aside, also where no car is"


def _experience(charger: Charger) -> str:
    if charger.control is Control.NONE or charger.is_observed:
        return "cars charge as they always do"
    if charger.control is Control.REST:
        return f"{GOES_ON}; one that comes then is given none"
    is_closed = charger.fail_safe is FailSafe.CLOSED
    gets = "no power until the server is back" if is_closed else f"{kilowatts(charger.fail_safe_power_w)} kW"
    return f"{EXPERIENCE[charger.fail_safe]}; one that is plugged in then gets {gets}"


def _how_to_choose(station: Station) -> tuple[str, ...]:
    """Return what the station's `failSafe` may say and would cost, where the file does not say it."""
    reserving = replace(station, chargers=tuple(map(_as_reserving, station.chargers)))
    total_w, left_w = _aside_and_left_w(reserving)
    if station.fail_safe_chosen or total_w == 0:
        return ()
    if check_fail_safe(reserving):
        cost = f"{kilowatts(total_w)} kW would have to be set aside, more than fits: choose a lower failSafePower"
    else:
        cost = f"{kilowatts(total_w)} kW would be set aside for new cars, {kilowatts(left_w)} kW left to share"
    default = 'the file does not say "failSafe" for the station, and "closed" is the default'
    return (f'{default}; to choose, write it: "closed" keeps it so, with "reserve" or "expire" {cost}',)


def _as_reserving(charger: Charger) -> Charger:
    """Return a charger as it would be under `reserve`, unless it has power set aside already."""
    if _reserves(charger):
        return charger
    reserving = replace(charger, fail_safe=FailSafe.RESERVE)
    return replace(reserving, fail_safe_power_w=default_fail_safe_power_w(reserving))


def _aside_and_left_w(station: Station) -> tuple[int, int]:
    """Return Σ F, and what the grid connection has left beside it and what is never cut, W."""
    total_w = sum(c.fail_safe_power_w * c.connectors for c in station.chargers if _sets_aside(c))
    constant_w = station.static_load_w + sum(map(_never_cut_w, station.chargers))
    return total_w, station.grid_capacity_w - constant_w - total_w


def _reserves(charger: Charger) -> bool:
    return charger.fail_safe is not FailSafe.CLOSED and charger.control in {Control.AUTO, Control.OCPP}


def _never_cut_w(charger: Charger) -> int:
    return charger.uncontrolled_power_w if charger.is_observed else constant_load_w(charger)


def _sets_aside(charger: Charger) -> bool:
    """Return whether its fail-safe power is set aside: what is observed is booked at more than that."""
    return _reserves(charger) and not charger.is_observed


def _ac_least_w(charger: Charger) -> int:
    return MIN_CURRENT_A * charger.voltage_v * charger.phases
