"""Stations whose fuses are limited in amperes on each phase, and how their chargers are wired.

A random station keeps its shape: how many chargers and connectors, who steers them, which circuits there are. Its
chargers become smaller ones, most of them AC with one or three phases, and its fuses are limits in amperes. All of it
comes from dice of their own, so that no other world is another one for it.
"""

import random
from collections.abc import Mapping
from dataclasses import replace

from csms.core.capabilities import SAMPLED_KEY
from csms.core.configuration.loads import check_constant_loads, check_fail_safe
from csms.core.configuration.phase_checks import check_phases
from csms.core.ids import ChargerId
from csms.core.station import Charger, Circuit, Control, FailSafe, Lines, PhaseLimit, Station
from csms.simulation.meter import CURRENT
from csms.simulation.obedience import Nature
from csms.simulation.stations import all_closed
from csms.simulation.wiring import DC, Phased, Telling, Wiring

VOLTAGE_V = 230
LEAST_MA = 6_000
ROTATIONS: tuple[Lines, ...] = ((1, 2, 3), (2, 3, 1), (3, 1, 2), (1, 3, 2), (2, 1, 3), (3, 2, 1))


def in_amperes(rng: random.Random, station: Station) -> tuple[Station, dict[ChargerId, Phased]]:
    """Return the station with its fuses in amperes, and what its chargers are there."""
    phased: dict[ChargerId, Phased] = {}
    chargers = []
    for each in station.chargers:
        charger, phased[each.charger_id] = _charger(rng, each)
        chargers.append(charger)
    made = replace(station, chargers=tuple(chargers))
    static = _some_amperes(rng, 0, 20_000) if station.static_load_w else None
    static_w = 0 if static is None else -(-sum(static.current_ma) * VOLTAGE_V // 1000)
    made = replace(made, static_load_w=static_w, static_phases=static)
    share = rng.uniform(0.3, 1.05)
    made = replace(made, circuits=tuple(_circuit(rng, made, phased, each) for each in made.circuits))
    limit = _fuse(rng, _load_ma(made, phased, {None, *(each.circuit_id for each in made.circuits)}), share, static)
    watts = limit.power_w if rng.random() < 0.8 else int(limit.power_w * rng.uniform(0.6, 0.95))
    return _sound(_with_grid(made, limit, watts)), phased


def in_amperes_again(before: Station, changed: Station) -> Station:
    """Return a changed station with the limits in amperes that belong to its watts; the one before where none fit."""
    limit = before.phase_limit
    if limit is None:
        return changed
    share = changed.grid_capacity_w / before.grid_capacity_w
    on_l1, on_l2, on_l3 = [max(LEAST_MA, int(each_ma * share)) for each_ma in limit.current_ma]
    scaled = replace(limit, current_ma=(on_l1, on_l2, on_l3))
    watts = min(changed.grid_capacity_w, scaled.power_w) if before.grid_capacity_w < limit.power_w else scaled.power_w
    changed = replace(changed, chargers=tuple(_with_own_limit(each) for each in changed.chargers))
    changed = _with_grid(changed, scaled, watts)
    if check_phases(changed) or check_fail_safe(changed):
        changed = all_closed(changed)
    return before if check_phases(changed) or check_constant_loads(changed) else changed


def with_currents(rng: random.Random, nature: Nature) -> Nature:
    """Return what a charger can do, asked for its currents as most are."""
    listed = nature.configuration.get(SAMPLED_KEY)
    if listed is None or rng.random() < 0.2:
        return nature
    asked = ",".join(item for item in (listed, CURRENT) if item)
    return replace(nature, configuration=nature.configuration | {SAMPLED_KEY: asked})


def _charger(rng: random.Random, charger: Charger) -> tuple[Charger, Phased]:
    phases, amperes = rng.choice((DC, 1, 1, 3, 3, 3, 3)), rng.choice((16, 20, 32))
    power_w = VOLTAGE_V * phases * amperes or rng.randint(20, 60) * 1_000
    least_w = 6 * VOLTAGE_V * phases or rng.choice((0, 5_000))
    rotation = rng.choice(ROTATIONS)
    made = replace(
        charger,
        max_power_w=power_w,
        min_power_w=least_w,
        phases=phases,
        rotation=rotation if phases and rng.random() < 0.7 else None,
        fail_safe=FailSafe.CLOSED,
        fail_safe_power_w=0,
        reserved_power_w=power_w // rng.choice((1, 2)) if charger.control is Control.NONE else None,
        phase_limit=PhaseLimit((1_000 * amperes,) * 3, VOLTAGE_V) if phases and rng.random() < 0.3 else None,
    )
    if charger.control in {Control.AUTO, Control.OCPP} and rng.random() < 0.4:
        power_w = 6 * VOLTAGE_V * phases or rng.randint(1_000, 6_000)
        mode = rng.choice((FailSafe.RESERVE, FailSafe.EXPIRE))
        made = replace(made, fail_safe=mode, fail_safe_power_w=power_w)
    telling = rng.choice((Telling.TRUE,) * 6 + (Telling.ZEROS, Telling.FIRST, Telling.NOTHING))
    return made, Phased(Wiring(phases, rotation if phases else (1, 2, 3)), telling)


def _some_amperes(rng: random.Random, least_ma: int, most_ma: int) -> PhaseLimit:
    on_l1, on_l2, on_l3 = [rng.randint(least_ma // 1_000, most_ma // 1_000) * 1_000 for _ in range(3)]
    return PhaseLimit((on_l1, on_l2, on_l3), VOLTAGE_V)


def _load_ma(station: Station, phased: Mapping[ChargerId, Phased], below: set[str | None]) -> list[int]:
    """Return what the chargers on some circuits draw together from each phase when they draw all, mA."""
    loads_ma = [0, 0, 0]
    for charger in station.chargers:
        if charger.circuit in below:
            wiring = phased[charger.charger_id].wiring
            for line, each in enumerate(wiring.of_draw(charger.max_power_w, wiring.own)):
                loads_ma[line] += each * 1_000 // (6 * VOLTAGE_V)
    return loads_ma


def _fuse(rng: random.Random, loads_ma: list[int], share: float, static: PhaseLimit | None = None) -> PhaseLimit:
    """Return a fuse that carries a share of all that may be drawn below it, often the same on each phase."""
    beside_ma = (0, 0, 0) if static is None else static.current_ma
    each_ma = [int(load_ma * share) + LEAST_MA + more_ma for load_ma, more_ma in zip(loads_ma, beside_ma, strict=True)]
    if rng.random() < 0.6:
        each_ma = [max(each_ma)] * 3
    on_l1, on_l2, on_l3 = [-(-ma // 1_000) * 1_000 for ma in each_ma]
    return PhaseLimit((on_l1, on_l2, on_l3), VOLTAGE_V)


def _circuit(rng: random.Random, station: Station, phased: Mapping[ChargerId, Phased], circuit: Circuit) -> Circuit:
    below: set[str | None] = {circuit.circuit_id}
    below |= {each.circuit_id for each in station.circuits if each.parent == circuit.circuit_id}
    limit = _fuse(rng, _load_ma(station, phased, below), rng.uniform(0.5, 1.1))
    watts = limit.power_w if rng.random() < 0.8 else int(limit.power_w * rng.uniform(0.6, 0.95))
    return replace(circuit, capacity_w=watts, phase_limit=limit if rng.random() < 0.7 else None)


def _with_grid(station: Station, limit: PhaseLimit, capacity_w: int) -> Station:
    return replace(station, phase_limit=limit, grid_capacity_w=capacity_w)


def _with_own_limit(charger: Charger) -> Charger:
    """Return a charger whose own limit in amperes is what its maximum is on each of its phases."""
    if charger.phase_limit is None:
        return charger
    each_ma = charger.max_power_w * 1_000 // (VOLTAGE_V * charger.phases)
    return replace(charger, phase_limit=PhaseLimit((each_ma,) * 3, VOLTAGE_V))


def _sound(station: Station) -> Station:
    """Return a station that can be configured: with larger fuses where what nobody can cut does not fit."""
    if check_fail_safe(station) or check_phases(station):
        station = all_closed(station)
    while check_phases(station) or check_constant_loads(station):
        circuits = tuple(_larger(each) for each in station.circuits)
        limit = station.phase_limit
        assert limit is not None, "its grid connection is in amperes"
        grown = _grown(limit)
        station = replace(
            station,
            circuits=circuits,
            phase_limit=grown,
            grid_capacity_w=station.grid_capacity_w + grown.power_w - limit.power_w,
        )
    return station


def _larger(circuit: Circuit) -> Circuit:
    limit = PhaseLimit((0, 0, 0), VOLTAGE_V) if circuit.phase_limit is None else circuit.phase_limit
    grown = _grown(limit)
    capacity_w = (circuit.capacity_w or 0) + grown.power_w - limit.power_w
    return replace(circuit, capacity_w=capacity_w, phase_limit=grown if circuit.phase_limit is not None else None)


def _grown(limit: PhaseLimit) -> PhaseLimit:
    on_l1, on_l2, on_l3 = [each_ma + 5_000 for each_ma in limit.current_ma]
    return replace(limit, current_ma=(on_l1, on_l2, on_l3))
