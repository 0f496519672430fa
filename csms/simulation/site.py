"""Worlds with energy: a site with a battery, a meter, a capacity that comes and goes, as a seed draws it.

They are a family of their own (`Switches.energy`), with dice of their own: the same seed without it means what it meant
before. What is drawn here is what the site is, and how often something happens to it.
"""

import random
from dataclasses import dataclass, replace

from csms.core.configuration.loads import check_fail_safe
from csms.core.grid_terms import CapacityWindow, GridOperator
from csms.core.site_meter import Measures, SiteMeter
from csms.core.station import Battery, Control, Station
from csms.simulation.faults import Choice, Profile
from csms.simulation.stations import all_closed

KW = 1_000


@dataclass(frozen=True, slots=True)
class SiteFate:
    """What a site's battery is like, and how often things happen to the site: mean times in ms, 0 for never.

    Attributes:
        soc_percent: the battery's charge at first.
        lag_ms: it follows a set-point so much later; hold_ms: without another word it takes nothing then.
        silent_ms, weak_ms, refuses_ms, trips_ms, jumps_ms: faults of the battery.
        meter_ms: the site's meter goes wrong; base_ms: the base load exceeds its maximum.
        event_ms: the grid operator tells a limit; quiet_ms: nothing is heard of him for a while.
        gone: the server never returns after the storm.
        alone: chargers, links and the server are as on a quiet day, but for crashes.
    """

    soc_percent: int = 80
    lag_ms: int = 500
    hold_ms: int = 15_000
    silent_ms: int = 0
    weak_ms: int = 0
    refuses_ms: int = 0
    trips_ms: int = 0
    jumps_ms: int = 0
    meter_ms: int = 0
    base_ms: int = 0
    event_ms: int = 0
    quiet_ms: int = 0
    gone: bool = False
    alone: bool = False


GONE_SHARE = 0.2
"""Share of the worlds with energy whose server never returns after the storm."""

ROOMY_SHARE = 0.4
"""Share of the worlds with energy whose grid connection has room at most hours: their batteries charge."""

ALONE_SHARE = 0.5
"""Share of the drawn worlds with energy in which little else goes wrong."""


def random_site(rng: random.Random, choice: Choice) -> SiteFate:
    """Return what a site is like: drawn worlds have some of what may happen, storms and chosen faults all of it."""
    site = SiteFate(rng.choice((9, 40, 70, 95)), rng.randint(100, 2_000), rng.choice((5_000, 15_000, 30_000)))
    if choice is Profile.NONE:
        return site
    drawn = choice is Profile.DRAWN

    def mean_ms(least_s: int, most_s: int) -> int:
        if drawn and rng.random() < 0.4:
            return 0
        return rng.randint(least_s, most_s if drawn else least_s * 2) * 1_000

    return replace(
        site,
        silent_ms=mean_ms(80, 400),
        weak_ms=mean_ms(100, 500),
        refuses_ms=mean_ms(80, 400),
        trips_ms=mean_ms(80, 400),
        jumps_ms=mean_ms(100, 500),
        meter_ms=mean_ms(60, 300),
        base_ms=mean_ms(100, 500),
        event_ms=mean_ms(60, 300),
        quiet_ms=mean_ms(100, 400),
        gone=rng.random() < GONE_SHARE,
        alone=drawn and rng.random() < ALONE_SHARE,
    )


def as_it_would_be(site: SiteFate, station: Station) -> SiteFate:
    """Return a site whose battery is not full where power is left: it is about to charge."""
    most_w = sum(charger.max_power_w for charger in station.chargers)
    is_roomy = station.grid_capacity_w - station.static_load_w > most_w // 2
    return replace(site, soc_percent=9 if site.soc_percent > 90 else min(site.soc_percent, 40)) if is_roomy else site


def with_site(rng: random.Random, station: Station) -> Station:
    """Return the station with some of battery, meter, schedule and grid operator, and shorter of firm power by that."""
    uncontrolled_w = sum(c.uncontrolled_power_w for c in station.chargers if c.control is Control.NONE)
    steered_w = int((station.grid_capacity_w - station.static_load_w - uncontrolled_w) * rng.uniform(0.3, 0.7))
    static_w = int(steered_w * rng.uniform(0.1, 0.6))
    never_cut_w = static_w + uncontrolled_w
    dice = random.Random(f"roomy {steered_w} {static_w}")  # of their own: the others mean what they meant
    roomy_w = int(steered_w * dice.uniform(2, 6)) if dice.random() < ROOMY_SHARE else 0
    grid_w = never_cut_w + steered_w + roomy_w
    lower_w = [max(never_cut_w, int(grid_w * rng.uniform(0.4, 0.9))) for _ in range(3)]
    has = [rng.random() < share for share in (0.8, 0.75, 0.4, 0.5)]
    has_battery, has_meter, has_schedule, has_operator = has if any(has) else [True] * 4
    windows: list[CapacityWindow] = []
    from_min = rng.randint(1, 6)
    for capacity_w in lower_w[:2] if has_schedule else ():
        to_min = from_min + rng.randint(1, 4)
        windows.append(CapacityWindow(from_min, to_min, capacity_w))
        from_min = to_min + rng.randint(1, 6)
    station = replace(
        station,
        grid_capacity_w=grid_w,
        static_load_w=static_w,
        battery=_random_battery(rng, grid_w) if has_battery else None,
        site_meter=_random_meter(rng, static_w) if has_meter else None,
        capacity_schedule=tuple(windows),
        grid_operator=GridOperator(lower_w[2], rng.randint(20, 90)) if has_operator else None,
    )
    return all_closed(station) if check_fail_safe(station) else station


def _random_battery(rng: random.Random, grid_w: int) -> Battery:
    power_w = int(grid_w * rng.uniform(0.2, 1.0)) + 1
    lasts_min = rng.choice((8, 30, 120))
    return Battery(
        capacity_wh=power_w * lasts_min // 60 + 1,
        power_w=power_w,
        charge_power_w=rng.choice((None, power_w // 2)),
        reserve_percent=rng.choice((10, 10, 0, 25)),
        full_percent=rng.choice((100, 90)),
        efficiency_charge_percent=rng.choice((100, 92)),
        efficiency_discharge_percent=rng.choice((100, 95, 80)),
        horizon_s=rng.choice((900, 300, 120)),
        pushed=True,
    )


def _random_meter(rng: random.Random, static_w: int) -> SiteMeter:
    measures = rng.choice((Measures.BASE_LOAD, Measures.BASE_LOAD, Measures.GRID))
    return SiteMeter(measures, rng.choice((10, 10, 5)), rng.choice((0, static_w // 20)))
