"""Commands that may cost a charger its profiles: Reset, UpdateFirmware, a key that nobody knows (LEDGER.md §4).

From such a command on, what its charger may draw is its maximum, until it is provisioned again. That needs headroom
when the command leaves. It is booked in the step that makes the command's intent durable, as a fact would be: an
operator who forces it overbooks a row, and others are cut for that. Nothing of the charger is provisioned while the
command may still take effect; then its default is said anew, and the limits of running transactions.
"""

from csms.core.charger import ChargerState
from csms.core.ids import CommandId
from csms.core.journal import Journal
from csms.core.phase_booking import booked_on_rows, booked_phases
from csms.core.state import State
from csms.core.station import Lines


def row_without_room(state: State, charger: ChargerState) -> str | None:
    """Return a row on which the maximum of a charger does not fit beside all that is booked, or None."""
    now, (undone_w, then) = booked_phases(charger), _undone(charger)
    added_w = undone_w - charger.booked_w()
    booked = booked_on_rows(state)
    for row, line in state.tree.phase_paths.get(charger.charger_id, ()):
        if then[line] > now[line] and booked[row] - now[line] + then[line] > state.tree.phase_caps[row]:
            return row
    if added_w <= 0:
        return None
    booked_w = state.tree.booked_w(state.chargers.values())
    for node in state.tree.paths[charger.charger_id]:
        cap_w = state.tree.caps_w[node]
        if cap_w is not None and booked_w[node] + added_w > cap_w:
            return node
    return None


def _undone(charger: ChargerState) -> tuple[int, Lines]:
    """Return K of a charger of which nothing is provisioned, W, and on its phases, sixths of a watt."""
    known = [connector for connector in charger.connectors.values() if connector.provisioned]
    for connector in known:
        connector.provisioned = False
    try:
        return charger.booked_w(), booked_phases(charger)
    finally:
        for connector in known:
            connector.provisioned = True


def disturb(charger: ChargerState, command_id: CommandId, journal: Journal) -> None:
    """Count nothing of a charger as certain from now on."""
    charger.disturbers.add(command_id)
    charger.distrust()
    journal.chargers.add(charger.charger_id)
    journal.plan = True
    journal.log("charger.disturbed", charger.charger_id, None, command_id=command_id)


def release(charger: ChargerState, command_id: CommandId, journal: Journal) -> None:
    """Let a charger be provisioned again: the command has had its effect, or has none any more."""
    if command_id not in charger.disturbers:
        return
    charger.disturbers.discard(command_id)
    charger.provisioning.default_due = True
    for session in charger.sessions():
        session.steering.reassert = True
    journal.plan = True
