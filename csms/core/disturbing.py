"""Commands that may cost a charger its profiles: Reset, UpdateFirmware, a key that nobody knows (LEDGER.md §4).

From such a command on, what its charger may draw is its maximum, until it is provisioned again. That needs headroom
when the command leaves. It is booked in the step that makes the command's intent durable, as a fact would be: an
operator who forces it overbooks a row, and others are cut for that. Nothing of the charger is provisioned while the
command may still take effect; then its default is said anew, and the limits of running transactions.
"""

from csms.core.charger import ChargerState
from csms.core.ids import CommandId
from csms.core.journal import Journal
from csms.core.state import State


def row_without_room(state: State, charger: ChargerState) -> str | None:
    """Return a row on which the maximum of a charger does not fit beside all that is booked, or None."""
    added_w = _undone_w(charger) - charger.booked_w()
    if added_w <= 0:
        return None
    booked_w = state.tree.booked_w(state.chargers.values())
    for node in state.tree.paths[charger.charger_id]:
        cap_w = state.tree.caps_w[node]
        if cap_w is not None and booked_w[node] + added_w > cap_w:
            return node
    return None


def _undone_w(charger: ChargerState) -> int:
    """Return K of a charger of which nothing is provisioned, W."""
    known = [connector for connector in charger.connectors.values() if connector.provisioned]
    for connector in known:
        connector.provisioned = False
    try:
        return charger.booked_w()
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
