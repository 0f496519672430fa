"""`failSafe`: what chargers do while this server is away, and what that costs (LEDGER.md §7)."""

from csms.core.commands import EXPIRY_S, MIN_CURRENT_A
from csms.core.configuration.loads import constant_load_w
from csms.core.configuration.quantities import kilowatts
from csms.core.configuration.reading import choice
from csms.core.station import Charger, Control, FailSafe, Station

DC_FAIL_SAFE_W = 10_000
"""Fail-safe power of a DC connector whose charger has no `minPower`: a car still gains some 50 km in an hour."""

FAIL_SAFE = choice({mode.value: mode for mode in FailSafe})
"""Reader of `failSafe`, of the station and of a charger."""

EXPERIENCE = {
    FailSafe.RESERVE: "a car that charges goes on with its last limit",
    FailSafe.EXPIRE: f"a car that charges goes on with its last limit for {EXPIRY_S // 60} min, then with what a new "
    "one gets",
}
"""What a running car meets in the modes that set power aside."""


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
    """Return what the modes in force cost and what a driver experiences while the server is away, a sentence a line."""
    steered = [c for c in station.chargers if c.control in {Control.AUTO, Control.OCPP}]
    closed = [c for c in steered if c.fail_safe is FailSafe.CLOSED]
    lines: list[str] = []
    if closed:
        lines.append(f"failSafe closed, {_of_all(closed, steered)}: it sets no power aside")
        lines.append(
            "  while this server is away: a car that charges goes on with its last limit; "
            "one that is plugged in then gets no power until the server is back"
        )
    for mode, experience in EXPERIENCE.items():
        lines += _explain_reserve(station, steered, mode, experience)
    return tuple(lines)


def _explain_reserve(station: Station, steered: list[Charger], mode: FailSafe, experience: str) -> tuple[str, ...]:
    reserve = [c for c in steered if c.fail_safe is mode]
    if not reserve:
        return ()
    total_w = sum(c.fail_safe_power_w * c.connectors for c in station.chargers if c in steered)
    constant_w = station.static_load_w + sum(map(constant_load_w, station.chargers))
    left_w = station.grid_capacity_w - constant_w - total_w
    each_w = sorted({c.fail_safe_power_w for c in reserve})
    least, most = kilowatts(each_w[0]), kilowatts(each_w[-1])
    gets = f"{least} kW" + ("" if least == most else f" to {most} kW, as its charger has it")
    own_w = sum(c.fail_safe_power_w * c.connectors for c in reserve)
    cost = f"it sets {kilowatts(own_w)} kW of the grid connection aside, also where no car is"
    return (
        f"failSafe {mode.value}, {_of_all(reserve, steered)}: {cost}; {kilowatts(left_w)} kW are left to share",
        f"  while this server is away: {experience}; one that is plugged in then gets {gets}",
    )


def _reserves(charger: Charger) -> bool:
    return charger.fail_safe is not FailSafe.CLOSED and charger.control in {Control.AUTO, Control.OCPP}


def _ac_least_w(charger: Charger) -> int:
    return MIN_CURRENT_A * charger.voltage_v * charger.phases


def _of_all(chosen: list[Charger], steered: list[Charger]) -> str:
    if len(chosen) == len(steered):
        return "every charger"
    return ", ".join(c.charger_id for c in chosen)
