"""Finding out whether a charger lets a limit expire in time: conditional power goes to no other (LEDGER.md I11).

Where the grid connection can carry more now than it can firmly, the first limits of a charger are said with a second
period although all of them is firm: half of it, once they are old. When such a limit stands, the charger is asked which
limits it will keep (GetCompositeSchedule), and its own schedule must show the fall:

    at the right time, to the right limit   its limits may rest on conditional power from now on
    anything else, or a refusal             its limits are firm until its next boot

What it shows is computed by its own clock, so a clock that is wrong shows, too. A boot sets clocks: it is asked again.
A charger that shows a fall and lets nothing expire is a liar, as one that ignores limits is (§6).
"""

from csms.core.charger import ChargerState
from csms.core.commands import EXPIRY_S, Purpose, RateUnit, ReadSchedule
from csms.core.connector import Connector
from csms.core.events import ScheduleRead
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.limits import Send
from csms.core.provisioning import Seen
from csms.core.records import SendState
from csms.core.state import AgendaCall, Errand, State

TOLERANCE_S = 15
"""So far may a fall be shown from where it was told: the answer takes its time, and clocks are set by the second."""


def may_be_conditional(charger: ChargerState, connector: Connector) -> bool:
    """Return whether a running transaction may be told power that it has to give back by itself."""
    return connector.provisioned and charger.honours_expiry and charger.manner.purpose is Purpose.TX


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
    charger.provisioning.expiry = Seen.KEPT if kept else Seen.NOT_KEPT
    journal.log("charger.expiry_seen", charger.charger_id, idx, kept=kept)
    for each in charger.connectors.values():
        session = charger.steerable(each)
        if session is not None and state.tree.firm_w:
            session.steering.reassert = True  # with what it may have, and fall to, now
    journal.plan = True


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
