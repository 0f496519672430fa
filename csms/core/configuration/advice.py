"""Notices: what is allowed in a configuration and still worth knowing before cars arrive."""

from dataclasses import dataclass

from csms.core.capacity_windows import lowest_configured_w
from csms.core.configuration.loads import constant_load_w, loads_by_circuit
from csms.core.configuration.quantities import kilowatts
from csms.core.station import Charger, Control, Station

NAMED_MAX = 10
"""So many chargers are named in one notice."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth knowing: its name in logs, where it comes from, and what it means."""

    kind: str
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text} ({self.kind})"


def notices(station: Station) -> tuple[Notice, ...]:
    """Return what an operator should know about a valid configuration, in a fixed order."""
    found: list[Notice] = []
    if not station.fail_safe_chosen:
        text = 'not chosen; "closed" holds: without this server running cars go on and nobody new can charge'
        found.append(Notice("fail_safe_not_chosen", "$.failSafe", text))
    if station.battery is not None and station.battery.is_computed:
        text = "computed, not measured; what cars get from it goes only to chargers that let limits expire"
        found.append(Notice("battery_computed", "$.battery", text))
    found += _rests_on_expiry(station)
    if not station.chargers:
        found.append(Notice("no_chargers", "$.chargers", "empty: nothing can connect"))
    found += _uncontrolled_at_nameplate(station)
    found += _overbooked_until_connected(station)
    found += _unknown_rotations(station)
    return tuple(found)


def _unknown_rotations(station: Station) -> list[Notice]:
    """AC chargers under a limit per phase of which nobody has said on which phases they are."""
    if station.phase_limit is None and all(circuit.phase_limit is None for circuit in station.circuits):
        return []
    text = "not set: a car that uses one phase counts on all three, because it may be on any of them"
    return [
        Notice("phase_rotation_unknown", f"$.chargers[{index}].phaseRotation", text)
        for index, charger in enumerate(station.chargers)
        if not charger.is_dc and charger.rotation is None
    ]


def _rests_on_expiry(station: Station) -> list[Notice]:
    """What brings the capacity down: what is above goes to those who give it back by themselves (LEDGER.md I11)."""
    lowest: dict[str, int] = {}
    if station.capacity_schedule:
        lowest["$.capacitySchedule"] = min(window.capacity_w for window in station.capacity_schedule)
    if station.grid_operator is not None:
        lowest["$.gridOperator"] = station.grid_operator.fail_safe_capacity_w
    text = "more than {} kW, at any hour, goes only to chargers that are seen to let limits expire, and over REST"
    found = [
        Notice("more_only_with_expiry", path, text.format(kilowatts(capacity_w)))
        for path, capacity_w in lowest.items()
        if capacity_w < station.grid_capacity_w
    ]
    return [*found, *_needs_expiry(station, min(lowest, key=lambda path: lowest[path]))] if found else []


def _needs_expiry(station: Station, path: str) -> list[Notice]:
    """Chargers to which so little is certain that no car charges there unless its limits are seen to expire."""
    constant_w = station.static_load_w + sum(map(constant_load_w, station.chargers))
    left_w = max(0, lowest_configured_w(station) - constant_w)
    over_ocpp = (c for c in station.chargers if c.control in {Control.AUTO, Control.OCPP} and not c.is_observed)
    names = [charger.charger_id for charger in over_ocpp if max(1, charger.min_power_w) > left_w]
    if not names:
        return []
    more = len(names) - NAMED_MAX
    named = ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
    text = f"leaves {kilowatts(left_w)} kW: no car charges at {named} unless it is seen to let limits expire"
    return [Notice("needs_expiry", path, text)]


def _uncontrolled_at_nameplate(station: Station) -> list[Notice]:
    return [
        Notice(
            "booked_at_max_power",
            f"$.chargers[{index}].reservedPower",
            f"not set; this charger is {_why(charger)} and books its {kilowatts(charger.max_power_w)} kW always",
        )
        for index, charger in enumerate(station.chargers)
        if (charger.control is Control.NONE or charger.is_observed) and charger.reserved_power_w is None
    ]


def _why(charger: Charger) -> str:
    return "only observed" if charger.is_observed else "never controlled"


def _overbooked_until_connected(station: Station) -> list[Notice]:
    """Chargers that must come over OCPP are booked before they do, and that may be more than a fuse has."""
    booked = {Control.OCPP, Control.NONE}
    load_w = {
        charger.charger_id: charger.uncontrolled_power_w if charger.control in booked or charger.is_observed else 0
        for charger in station.chargers
    }
    text = "below the {} kW booked for chargers until they are connected and have taken their profile; cars wait"
    found = []
    total_w = station.static_load_w + sum(load_w.values())
    if total_w > station.grid_capacity_w:
        found.append(Notice("overbooked_at_start", "$.gridCapacity", text.format(kilowatts(total_w))))
    loads = loads_by_circuit(station, load_w)
    for index, circuit in enumerate(station.circuits):
        circuit_load_w = loads[circuit.circuit_id]
        if circuit.capacity_w is not None and circuit_load_w > circuit.capacity_w:
            path = f"$.circuits[{index}].capacity"
            found.append(Notice("overbooked_at_start", path, text.format(kilowatts(circuit_load_w))))
    return found
