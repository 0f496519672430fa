"""`circuits[]`: the tree of fuses between the grid connection and the chargers."""

from csms.core.configuration.amperes import Limit, take_limit
from csms.core.configuration.names import NameSpace, node_id
from csms.core.configuration.reading import NOTHING, Fields, open_object
from csms.core.faults import Fault
from csms.core.station import GRID, Circuit

MAX_CIRCUITS = 1_000
MAX_DEPTH = 16
"""Circuits on the way from a charger to the grid connection; real sites have two or three."""

KEYS = frozenset({"id", "parent", "capacity"})

_UNKNOWN = "no circuit has this id"


def parse_circuits(station: Fields, names: NameSpace, faults: list[Fault]) -> tuple[Circuit, ...] | None:
    """Return the circuits in the document's order; None, with faults noted, when they are not a tree."""
    items = station.items("circuits", MAX_CIRCUITS)
    if items is None:
        return None
    circuits: dict[str, tuple[Circuit, str]] = {}
    for path, item in items:
        circuit = _parse_circuit(item, path, faults)
        if circuit is not None:
            names.claim(circuit.circuit_id, f"{path}.id")
            circuits.setdefault(circuit.circuit_id, (circuit, path))
    is_complete = len(circuits) == len(items)
    errors = _ancestry_errors({name: circuit.parent for name, (circuit, _) in circuits.items()})
    for name, error in errors.items():
        if is_complete or error != _UNKNOWN:  # else the missing parent may be the one that could not be read
            faults.append(Fault(f"{circuits[name][1]}.parent", error))
    return tuple(circuit for circuit, _ in circuits.values()) if is_complete and not errors else None


def _parse_circuit(item: object, path: str, faults: list[Fault]) -> Circuit | None:
    fields = open_object(item, path, KEYS, NOTHING, faults)
    if fields is None:
        return None
    circuit_id = fields.need("id", node_id, "")
    parent = fields.take("parent", node_id, GRID)
    capacity = take_limit(fields, "capacity", Limit(0), faults) if "capacity" in fields else None
    if not fields.sound:
        return None
    parent_id = None if parent == GRID else parent
    if capacity is None:
        return Circuit(circuit_id, parent_id, None)
    return Circuit(circuit_id, parent_id, capacity.power_w, capacity.phases)


def _ancestry_errors(parents: dict[str, str | None]) -> dict[str, str]:
    """Return what is wrong with each circuit's parent, by the circuit's id."""
    errors = {name: _ancestry_error(name, parents) for name in parents}
    return {name: error for name, error in errors.items() if error is not None}


def _ancestry_error(name: str, parents: dict[str, str | None]) -> str | None:
    """Return what is wrong with one circuit's parent; nothing where only an ancestor is to blame."""
    parent = parents[name]
    if parent is not None and parent not in parents:
        return _UNKNOWN
    seen: set[str] = set()
    while parent is not None and parent not in seen:
        if parent == name:
            return "is a cycle: the circuit would be its own ancestor"
        seen.add(parent)
        if len(seen) >= MAX_DEPTH:
            return f"is more than {MAX_DEPTH - 1} circuits from the grid connection"
        parent = parents.get(parent)
    return None
