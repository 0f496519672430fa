"""Finding out whether chargers of a make keep tenths of an ampere (DESIGN.md §5, OCPP16.md B5).

Until a read-back has shown it, limits in amperes are whole. The question is asked once a make, when a limit stands:

    the same limit again, half an ampere less, booked as before  → Accepted
    GetCompositeSchedule of the connector                        → the told tenths, or something else
    the limit itself again                                       → in tenths from now on, or whole as before

Whatever the charger does with the half ampere, it stays below what is booked. A charger that refuses either keeps no
tenths. One that shows the whole ampere above rounds up: it is told no tenths, and so never draws more than it was told.
"""

from csms.core.charger import ChargerState
from csms.core.commands import PROBE_TENTHS, RateUnit, ReadSchedule
from csms.core.connector import Connector
from csms.core.events import ScheduleRead
from csms.core.ids import ConnectionId, Now
from csms.core.journal import Journal
from csms.core.limits import Send
from csms.core.records import SendState
from csms.core.state import AgendaCall, Errand, State
from csms.core.steering import give_limit
from csms.core.timings import Timings

LEAST_A = 7
"""Half an ampere below it is still a current that a car can be told (IEC 61851-1: 6 A)."""


def ask_about_tenths(state: State, charger: ChargerState, journal: Journal, now: Now, timings: Timings) -> None:
    """Take the next step of the question, if there is one to take."""
    agenda = charger.provisioning
    if charger.learnt.tenths is not None or charger.connection is None:
        return
    if agenda.probe is not None:
        _read_back(state, charger, charger.connection, journal)
        return
    standing = next((c for c in charger.connectors.values() if _stands(charger, c)), None)
    last = None if standing is None else standing.limits.last
    if standing is None or last is None:
        return
    send = give_limit(
        state,
        journal,
        charger,
        standing,
        charger.manner,
        last.limit_w,
        now,
        timings,
        urgent=False,
        cause="are tenths of an ampere kept?",
        at_once=True,
        probing=True,
    )
    agenda.pending = agenda.probe = send.token


def _stands(charger: ChargerState, connector: Connector) -> bool:
    """Return whether a limit in whole amperes, and nothing else, is in force at a connector."""
    sends, session = connector.limits.sends, charger.steerable(connector)
    if session is None or not connector.provisioned or len(sends) != 1 or charger.is_asserting:
        return False
    last = sends[0]
    if last.form.unit is not RateUnit.A or not last.limit_w >= LEAST_A * last.form.ampere_w > 0:
        return False
    mine = last.transaction_id == session.transaction_id and last.state is SendState.SETTLED
    settled = mine and session.target_w == last.limit_w == charger.connector_booked_w(connector)
    return settled and last.form == charger.manner.form


def _read_back(state: State, charger: ChargerState, connection: ConnectionId, journal: Journal) -> None:
    """Ask the charger which limit is in force, if the question still stands as it was put."""
    agenda, place = charger.provisioning, _asked_at(charger)
    if place is None or not place[1].answered_accepted:
        agenda.probe = None
        return
    token = state.take_token()
    agenda.pending = token
    state.calls[token] = AgendaCall(charger.charger_id, connection, Errand.READ_BACK)
    journal.after_commit.append(ReadSchedule(token, connection, charger.charger_id, place[0].key.idx))


def _asked_at(charger: ChargerState) -> tuple[Connector, Send] | None:
    """Return where the question was put, if it is still the newest limit there."""
    for connector in charger.connectors.values():
        last = connector.limits.last
        if last is not None and last.token == charger.provisioning.probe and connector.session is not None:
            return connector, last
    return None


def learn_tenths(charger: ChargerState, journal: Journal, answer: ScheduleRead | None) -> None:
    """Take the answer, None for a refusal; then the limit itself is said again."""
    place = _asked_at(charger)
    charger.provisioning.probe = None
    if place is None:
        return
    connector, send = place
    told = send.limit_w * 10 // send.form.ampere_w - PROBE_TENTHS
    shown = None if answer is None else answer.limit_tenths_a
    charger.learnt.tenths, charger.learnt.rounds_up = shown == told, shown == told + PROBE_TENTHS
    journal.write_make(charger.boot)
    journal.log("make.learnt", *connector.key, tenths=charger.learnt.tenths, rounds_up=charger.learnt.rounds_up)
    if connector.session is not None:
        connector.session.steering.reassert = True
    journal.plan = True
