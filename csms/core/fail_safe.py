"""Mode `reserve` (LEDGER.md §7): where a charger's default is still below its configured fail-safe power F.

F is booked on every connector from the moment when it is said, so saying it is a raise and waits for room on every row.
That comes when a station changes its mode while cars charge, and after a start at which the rows were full: the charger
was told a lower default meanwhile. Until then planning keeps the room that is missing free, and cuts for it, so that
cars do not take again and again what a default waits for.
"""

from csms.core.charger import ChargerState
from csms.core.commands import LimitForm
from csms.core.connector import Connector
from csms.core.ids import ConnectorKey
from csms.core.ladder import fail_safe_w
from csms.core.phase_booking import booked_on_rows, fits
from csms.core.phases import amount_of
from csms.core.state import State


def awaited_default_w(charger: ChargerState, now_ms: int) -> int:
    """Return the default that a charger should be told and is not yet, W per connector; 0 where there is none.

    Not for one that cannot be told now, nor for one that has lately refused it.
    """
    settled = charger.defaults.settled
    if settled is None or charger.draining or not charger.addressable or now_ms < charger.provisioning.raise_ms:
        return 0
    wanted_w = fail_safe_w(charger.config, settled.form)
    return wanted_w if wanted_w > charger.defaults.power_w else 0


def added_w(charger: ChargerState, default_w: int, without: set[ConnectorKey]) -> int:
    """Return what a default, W per connector, adds to the booked power of connectors other than those in `without`."""
    if default_w == 0:
        return 0
    others = (c for c in charger.connectors.values() if c.provisioned and c.key not in without)
    return sum(max(0, default_w - charger.connector_booked_w(connector)) for connector in others)


def default_fits(state: State, charger: ChargerState, default_w: int, form: LimitForm) -> bool:
    """Return whether a default above the present one has room on every row: it is a raise of every idle connector.

    Once nothing is certain about the charger's profiles (15 s after a boot), its maximum is booked, and the same send
    is a cut. While any charger asserts its profiles nothing is raised (LEDGER.md §4), and under an overbooked row no
    default is, even where what is booked for its connectors has it already (docs/adr/0027).
    """
    if not _fits_on_phases(state, charger, default_w, form):
        return False
    more_w = _more_w(charger, default_w)
    is_certain = all(connector.provisioned for connector in charger.connectors.values())
    if more_w == 0 and not (is_certain and default_w > charger.defaults.power_w):
        return True
    if any(other.is_asserting for other in state.chargers.values()):
        return False
    booked_w = state.tree.booked_w(state.chargers.values())
    path = state.tree.paths[charger.charger_id]
    rooms_w = [cap_w - booked_w[node] for node in path if (cap_w := state.tree.caps_w[node]) is not None]
    firm_w = state.tree.firm_room_w(state.chargers.values(), path)
    if firm_w is not None:
        rooms_w.append(firm_w)  # a default does not expire
    return all(more_w <= room_w for room_w in (*rooms_w, charger.config.max_power_w - charger.sum_w()))


def _fits_on_phases(state: State, charger: ChargerState, default_w: int, form: LimitForm) -> bool:
    if default_w == 0 or not state.tree.phase_caps:
        return True
    amount = amount_of(charger.config, charger.max_booked_w, default_w, form, None)
    return fits(state, booked_on_rows(state), charger, {}, amount)


def _more_w(charger: ChargerState, default_w: int) -> int:
    more_w = added_w(charger, default_w, set())
    unknown: list[Connector] = [c for c in charger.connectors.values() if not c.provisioned]
    if not unknown:
        return more_w
    told_w = sum(max(default_w, charger.defaults.power_w, c.told_w) for c in unknown)
    return more_w + max(0, told_w - charger.unprovisioned_w())
