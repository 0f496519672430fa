"""What limits per phase demand of the chargers below them, and what nobody can cut there.

A charger and the fuses above it count at one voltage, or their amperes would not be the same; it hangs on phases that
every fuse above it has; and on each phase the static load and the chargers that nobody steers fit by themselves, as
does the fail-safe power where it is told in amperes. On which phases a battery takes and gives is not known, so there
is none beside a grid connection that is limited on each.
"""

from collections.abc import Iterator

from csms.core.configuration.loads import constant_load_w
from csms.core.faults import Fault
from csms.core.phases import BALANCED, amount_of, limit_sixths, lines_of, static_sixths
from csms.core.rows import SIXTHS
from csms.core.station import Charger, Lines, PhaseLimit, Station

_LINES = range(3)


def check_phases(station: Station) -> list[Fault]:
    """Return a fault for each charger that does not fit under its fuses, and each phase that is full for good."""
    limits = _limits(station)
    if not limits:
        return []
    faults: list[Fault] = []
    if station.battery is not None and station.phase_limit is not None:
        faults.append(Fault("$.battery", "is not possible beside a gridCapacity in amperes: its phases are not known"))
    for index, charger in enumerate(station.chargers):
        above = [(path, limits[path]) for path in _paths_above(station, charger) if path in limits]
        faults += _faults_of(charger, f"$.chargers[{index}]", above)
    return faults or [*_overfilled(station, limits)]


def _limits(station: Station) -> dict[str, PhaseLimit]:
    """Return what has a limit in amperes, by the path of the limit."""
    limits = {} if station.phase_limit is None else {"$.gridCapacity": station.phase_limit}
    for index, circuit in enumerate(station.circuits):
        if circuit.phase_limit is not None:
            limits[f"$.circuits[{index}].capacity"] = circuit.phase_limit
    return limits


def _paths_above(station: Station, charger: Charger) -> list[str]:
    """Return the paths of the limits of all fuses above a charger, the grid connection last."""
    places = {circuit.circuit_id: (index, circuit.parent) for index, circuit in enumerate(station.circuits)}
    paths, node = [], charger.circuit
    while node is not None:
        index, node = places[node]
        paths.append(f"$.circuits[{index}].capacity")
    return [*paths, "$.gridCapacity"]


def _faults_of(charger: Charger, path: str, above: list[tuple[str, PhaseLimit]]) -> Iterator[Fault]:
    for where, limit in above:
        if limit.voltage_v != charger.voltage_v and not charger.is_dc:
            yield Fault(f"{path}.voltage", f"is not the {limit.voltage_v} V of {where}")
    present = [all(limit.current_ma[line] for _, limit in above) for line in _LINES]
    needed = lines_of(charger, None)
    lacking = [line for line in _LINES if needed[line] and not present[line]]
    may_be_anywhere = charger.phases == 1 and charger.rotation is None
    if lacking and not (may_be_anywhere and any(present)):
        where = next(where for where, limit in above if not limit.current_ma[lacking[0]])
        field = "phases" if charger.rotation is None else "phaseRotation"
        yield Fault(f"{path}.{field}", f"needs L{lacking[0] + 1}, which {where} does not have")


def _overfilled(station: Station, limits: dict[str, PhaseLimit]) -> Iterator[Fault]:
    """Yield a fault for each limit that what nobody can cut overfills, or that fail-safe power does not fit beside."""
    constant = dict.fromkeys(limits, (0, 0, 0))
    fail_safe = dict.fromkeys(limits, (0, 0, 0))
    if "$.gridCapacity" in limits:
        constant["$.gridCapacity"] = static_sixths(station.static_phases, station.static_load_w)
    for charger in station.chargers:
        lines = lines_of(charger, None)
        load = SIXTHS if charger.phases == 1 else BALANCED
        uncut = amount_of(charger, charger.max_power_w, constant_load_w(charger), None, None)
        falls_to = load * charger.fail_safe_power_w * charger.connectors
        for path in _paths_above(station, charger):
            if path in limits:
                present = [line and limits[path].current_ma[i] > 0 for i, line in enumerate(lines)]
                constant[path] = _added(constant[path], uncut, present)
                fail_safe[path] = _added(fail_safe[path], falls_to, present)
    for path, limit in limits.items():
        for line, cap in enumerate(limit_sixths(limit)):
            if constant[path][line] > cap and limit.current_ma[line]:
                yield Fault(path, f"has less on L{line + 1} than what cannot be cut there may take: {_HELP}")
            elif 0 < fail_safe[path][line] > cap - constant[path][line]:
                yield Fault(path, f"has no room on L{line + 1} for the fail-safe power of its chargers")


_HELP = "staticLoad in amperes says on which phase it is, phaseRotation where a charger is"


def _added(amounts: Lines, more: int, lines: list[bool]) -> Lines:
    on_l1, on_l2, on_l3 = [amount + more * is_on for amount, is_on in zip(amounts, lines, strict=True)]
    return on_l1, on_l2, on_l3
