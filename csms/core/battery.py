"""What a battery can give and take, and what that makes of the grid connection (ALLOCATOR.md §7).

A state of charge is in parts per million of the usable energy. What is offered can be kept up for the battery's
horizon: the energy above the reserve, spread over that time, bounds the power. Everything rounds down.

These are the formulas, and what a battery says of itself. Whether it may be counted on now is asked elsewhere
(`csms.core.supply`).
"""

from dataclasses import dataclass

from csms.core.station import Battery

PERCENT_PPM = 10_000
WHOLE_PPM = 1_000_000
_HOUR_S = 3600
_STEPS = 20
"""So many equal steps has the power that targets may count on: 5 % each."""


@dataclass(frozen=True, slots=True)
class BatteryReading:
    """What a battery says of itself at one moment, W; what flows out of it is positive.

    Attributes:
        soc_ppm: state of charge, parts per million of the usable energy.
        power_w: what it gives now; below 0: what it takes.
        available_discharge_w: the most that it says it could give now, whatever the reason; 0 while it has a fault.
        available_charge_w: the same for what it could take; both are ≥ 0.
        permitted_w: so much its inverter would give as soon as it is told to: what it has acknowledged of
            `SetBattery.permit_w`. 0 while it is not controlled from here (remote mode is off).
        set_point_w: the set-point that it follows; None: none of ours.
        computed: nothing of this is measured.
    """

    soc_ppm: int
    power_w: int
    available_discharge_w: int
    available_charge_w: int
    permitted_w: int
    set_point_w: int | None
    computed: bool = False


def available_w(battery: Battery, soc_ppm: int) -> int:
    """Return what it can give for its horizon, W: 0 at the reserve and below."""
    return min(battery.power_w, _energy_term_w(battery, soc_ppm))


def target_w(battery: Battery, soc_ppm: int) -> int:
    """Return what targets may count on, W: where energy is short 0.9 of it, in steps of 5 % of its power.

    So a battery that is running empty moves the targets twenty times at the most, and never above what it has.
    """
    energy_w = _energy_term_w(battery, soc_ppm)
    if energy_w >= battery.power_w:
        return battery.power_w
    steps = 9 * energy_w * _STEPS // (10 * battery.power_w)
    return steps * battery.power_w // _STEPS


def chargeable_w(battery: Battery, soc_ppm: int, spare_w: int) -> int:
    """Return what it can take of the power that nobody needs, W, for its horizon: 0 when it is full."""
    room_ppm = max(0, battery.full_percent * PERCENT_PPM - soc_ppm)
    stored_wh_ppm = room_ppm * battery.capacity_wh
    room_w = stored_wh_ppm * _HOUR_S * 100 // (WHOLE_PPM * battery.horizon_s * battery.efficiency_charge_percent)
    return max(0, min(battery.most_charge_w, spare_w, room_w))


def root_capacity_w(grid_capacity_w: int, static_load_w: int, battery_w: int) -> int:
    """Return what the chargers together may draw with so much from the battery, W."""
    return max(0, grid_capacity_w - static_load_w + battery_w)


def discharge_w(grid_capacity_w: int, static_load_w: int, cars_w: int, battery_w: int) -> int:
    """Return what the battery gives so that the grid connection is kept, W: `battery_w` at the most."""
    return min(battery_w, max(0, cars_w + static_load_w - grid_capacity_w))


def _energy_term_w(battery: Battery, soc_ppm: int) -> int:
    """Return the power at which what is above the reserve lasts for the horizon, W."""
    above_ppm = max(0, soc_ppm - battery.reserve_percent * PERCENT_PPM)
    stored_wh_ppm = above_ppm * battery.capacity_wh
    return stored_wh_ppm * battery.efficiency_discharge_percent * _HOUR_S // (WHOLE_PPM * 100 * battery.horizon_s)
