"""Finding out whether a charger lets a limit expire in time: conditional power goes to no other (LEDGER.md I11).

Where the grid connection can carry more now than it can firmly, the first limits of a charger are said with a second
period although all of them is firm: half of it, once they are old. When such a limit stands, the charger is asked which
limits it will keep (GetCompositeSchedule), and its own schedule must show the fall:

    at the right time, to the right limit   its limits may rest on conditional power from now on
    anything else, or a refusal             its limits are firm until its next boot

What it shows is computed by its own clock, so a clock that is wrong shows, too. A boot sets clocks: it is asked again.

Where so little is certain that a car could never be told a limit which shows it, its charger is told one on trust: the
least that a car needs, one charger of the station at a time, and for 90 s at the most (docs/adr/0044).
A charger that shows a fall and lets nothing expire is a liar, as one that ignores limits is (§6).
"""

from csms.core.charger import ChargerState
from csms.core.commands import EXPIRY_S, Purpose, RateUnit, ReadSchedule
from csms.core.connector import Connector
from csms.core.events import ScheduleRead
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.limits import Send
from csms.core.part import Alarm
from csms.core.provisioning import Seen
from csms.core.records import SendState
from csms.core.state import AgendaCall, Errand, State

SEEN_WITHIN_MS = 90_000
"""A charger has so long to show that a limit expires before what it has above its firm share is taken from it."""

TOLERANCE_S = 15
"""So far may a fall be shown from where it was told: the answer takes its time, and clocks are set by the second."""


def may_be_conditional(charger: ChargerState, connector: Connector) -> bool:
    """Return whether a running transaction may be told power that it has to give back by itself."""
    lets_expire = charger.honours_expiry or charger.shows_expiry
    return connector.provisioned and lets_expire and charger.manner.purpose is Purpose.TX


def is_to_be_seen(charger: ChargerState, connector: Connector) -> bool:
    """Return whether a limit is said so that it expires although it need not: to see whether it would."""
    may_expire = charger.takes_expiry and charger.manner.purpose is Purpose.TX
    return connector.provisioned and may_expire and charger.provisioning.expiry is Seen.NOT_YET


def ask_about_expiry(state: State, charger: ChargerState, journal: Journal) -> None:
    """Ask which limits a charger will keep, when one that expires stands and it is not known whether it does."""
    if not state.tree.firm_w or charger.provisioning.expiry is not Seen.NOT_YET or charger.connection is None:
        return
    standing = next((send for c in charger.connectors.values() if (send := _standing(charger, c)) is not None), None)
    if standing is None:
        return
    token, unit = state.take_token(), standing.form.unit
    command = ReadSchedule(token, charger.connection, charger.charger_id, standing.idx, unit, 2 * EXPIRY_S)
    charger.provisioning.pending = token
    state.calls[token] = AgendaCall(charger.charger_id, charger.connection, Errand.READ_EXPIRY, command)
    journal.after_commit.append(command)


def learn_expiry(
    state: State, charger: ChargerState, idx: int, answer: ScheduleRead | None, journal: Journal, now: Now
) -> None:
    """Take the answer, None for a refusal; where the limit was said again meanwhile, it is asked again."""
    connector = charger.connectors.get(idx)
    send = None if connector is None else _standing(charger, connector)
    if answer is not None and send is None:
        return
    kept = answer is not None and send is not None and _shows_the_fall(send, answer, now)
    charger.provisioning.expiry, charger.provisioning.trusted_ms = (Seen.KEPT if kept else Seen.NOT_KEPT), None
    journal.log("charger.expiry_seen", charger.charger_id, idx, kept=kept)
    for each in charger.connectors.values():
        session = charger.steerable(each)
        if session is not None and state.tree.firm_w:
            session.steering.reassert = True  # with what it may have, and fall to, now
    journal.plan = True


def may_be_trusted(charger: ChargerState) -> bool:
    """Return whether nothing that it was told would show whether its limits expire."""
    return not any(send.expires for connector in charger.connectors.values() for send in connector.limits.sends)


def end_trust(state: State, journal: Journal, now: Now, alarm: Alarm) -> None:
    """Take back the trust in a charger that has not shown in time that its limits expire, or has none any more."""
    for charger in state.chargers.values():
        agenda = charger.provisioning
        if agenda.trusted_ms is None:
            continue
        if may_be_trusted(charger) or not charger.takes_expiry or charger.connection is None:
            agenda.trusted_ms = None  # who is not there can show nothing: that is no verdict
        elif alarm.reached(agenda.trusted_ms + SEEN_WITHIN_MS, now):
            agenda.trusted_ms, agenda.expiry = None, Seen.NOT_KEPT
            journal.log("charger.expiry_seen", charger.charger_id, kept=False)


def _standing(charger: ChargerState, connector: Connector) -> Send | None:
    """Return the limit in force at a connector if it expires, is settled, and nothing else is in the ledger there."""
    sends, session = connector.limits.sends, charger.steerable(connector)
    if session is None or not connector.provisioned or len(sends) != 1:
        return None
    send = sends[0]
    mine = send.transaction_id == session.transaction_id and send.state is SendState.SETTLED
    return send if mine and send.expires else None


def _shows_the_fall(send: Send, answer: ScheduleRead, now: Now) -> bool:
    due_s = send.expires_s - (now.mono_ms - send.sent_ms) // 1_000
    if answer.next_s is None or abs(answer.next_s - due_s) > TOLERANCE_S:
        return False
    if send.form.unit is RateUnit.W:
        return answer.next_w == send.firm_w
    return answer.next_tenths_a == send.firm_w * 10 // send.form.ampere_w
