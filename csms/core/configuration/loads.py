"""What nobody can steer must fit under every fuse by itself; else the station would be overbooked for ever."""

from collections.abc import Mapping

from csms.core.configuration.quantities import kilowatts
from csms.core.faults import Fault
from csms.core.ids import ChargerId
from csms.core.station import Charger, Circuit, Control, Station


def constant_load_w(charger: Charger) -> int:
    """Return what a charger is booked at for good, W: nothing unless it is `control: none`."""
    return charger.uncontrolled_power_w if charger.control is Control.NONE else 0


def loads_by_circuit(station: Station, load_w: Mapping[ChargerId, int]) -> dict[str, int]:
    """Return Σ load under each circuit, W, from the load of each charger (by id); the circuits are a tree."""
    parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}
    loads = dict.fromkeys(parents, 0)
    for charger in station.chargers:
        node = charger.circuit
        while node is not None:
            loads[node] += load_w[charger.charger_id]
            node = parents[node]
    return loads


def check_constant_loads(station: Station) -> list[Fault]:
    """Return a fault for each capacity of the grid connection or a circuit that what is never cut overfills."""
    load_w = {charger.charger_id: constant_load_w(charger) for charger in station.chargers}
    total_w = station.static_load_w + sum(load_w.values())
    faults = [
        Fault(path, f"is below staticLoad and {_what(total_w - station.static_load_w)}")
        for path, capacity_w in _grid_capacities_w(station)
        if total_w > capacity_w
    ]
    loads = loads_by_circuit(station, load_w)
    faults.extend(
        Fault(f"$.circuits[{index}].capacity", f"is below {_what(loads[circuit.circuit_id])}")
        for index, circuit in enumerate(station.circuits)
        if _is_overfilled(circuit, loads[circuit.circuit_id])
    )
    return faults


def check_fail_safe(station: Station) -> list[Fault]:
    """Return a fault for each row that Σ F does not fit beside what is never cut (LEDGER.md §7).

    Without this server every connector may draw F at once, so the sum must fit where nothing is controlled any more.
    """
    fail_safe_w = {c.charger_id: c.fail_safe_power_w * c.connectors for c in station.chargers}
    constant_w = {c.charger_id: constant_load_w(c) for c in station.chargers}
    never_cut_w = station.static_load_w + sum(constant_w.values())
    rows = [(path, capacity_w, never_cut_w) for path, capacity_w in _grid_capacities_w(station)]
    sums_w = [sum(fail_safe_w.values())] * len(rows)
    constants, sums = loads_by_circuit(station, constant_w), loads_by_circuit(station, fail_safe_w)
    for index, circuit in enumerate(station.circuits):
        if circuit.capacity_w is not None:
            rows.append((f"$.circuits[{index}].capacity", circuit.capacity_w, constants[circuit.circuit_id]))
            sums_w.append(sums[circuit.circuit_id])
    for index, charger in enumerate(station.chargers):
        rows.append((f"$.chargers[{index}].maxPower", charger.max_power_w, 0))
        sums_w.append(fail_safe_w[charger.charger_id])
    return [
        Fault(
            path,
            f"leaves {kilowatts(capacity_w - load_w)} kW for fail-safe power, and its connectors have "
            f"{kilowatts(sum_w)} kW of that",
        )
        for (path, capacity_w, load_w), sum_w in zip(rows, sums_w, strict=True)
        if 0 < sum_w > capacity_w - load_w
    ]


def _grid_capacities_w(station: Station) -> list[tuple[str, int]]:
    """Return what the grid connection may have to do with at some time, W, each with its path."""
    schedule = station.capacity_schedule
    found = [("$.gridCapacity", station.grid_capacity_w)]
    found += [(f"$.capacitySchedule[{index}].capacity", each.capacity_w) for index, each in enumerate(schedule)]
    if station.grid_operator is not None:
        found.append(("$.gridOperator.failSafeCapacity", station.grid_operator.fail_safe_capacity_w))
    return found


def _is_overfilled(circuit: Circuit, load_w: int) -> bool:
    return circuit.capacity_w is not None and load_w > circuit.capacity_w


def _what(load_w: int) -> str:
    return f"the {kilowatts(load_w)} kW reserved for chargers with control none"
