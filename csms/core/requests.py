"""Taking in REST requests: sessions driven by a client, and remote starts and stops over OCPP (API.md).

A REST-driven session "sends" when its client calls: the answer carries T if that is lower than what is booked, else G,
in whole kilowatts, and exactly that is booked from the moment it is answered. A client that echoes what it obeys frees
power only by its echo.
"""

from collections.abc import Callable

from csms.core.charger import ChargerState
from csms.core.commands import RemoteStart, RemoteStop
from csms.core.connector import Connector
from csms.core.demand import StatedDemand
from csms.core.errors import check
from csms.core.events import PowerUpdated, SessionRequested, SessionStopRequested, TagStatus, TermsRequested
from csms.core.ids import ConnectorKey, Now, RequestId
from csms.core.journal import Journal
from csms.core.maintenance import why_no_start
from csms.core.phase_booking import booked_on_rows, room_w
from csms.core.planning import Plan, Steered
from csms.core.records import Driver, EndReason
from csms.core.replies import Refusal, Refused, SessionEnded, SessionShown
from csms.core.samples import Samples
from csms.core.session import Phase, Session, Turn
from csms.core.state import StartCall, StartWaiter, State, StopCall
from csms.core.station import Control
from csms.core.timings import Timings
from csms.core.transactions import Transactions
from csms.core.units import floor_kw_w
from csms.core.views import session_view

ANSWERS_KEPT = 16
"""Answers of a REST-driven session that may still be obeyed and are booked one by one; older ones are merged."""


class Requests:
    """Intake of REST requests; lives for one step."""

    def __init__(
        self,
        state: State,
        journal: Journal,
        now: Now,
        timings: Timings,
        *,
        refresh: Callable[[], None],
        make_plan: Callable[[State, int, Timings], Plan],
    ) -> None:
        self.state = state
        self.journal = journal
        self.now = now
        self.timings = timings
        self.refresh = refresh
        self.make_plan = make_plan

    # --- start --------------------------------------------------------------------------------------------------------

    def requested(self, fact: SessionRequested) -> None:
        """Start a session on a connector: at once when driven over REST, by RemoteStart when steered over OCPP."""
        key = ConnectorKey(fact.charger_id, fact.idx)
        charger = self.state.chargers.get(fact.charger_id)
        connector = None if charger is None or charger.draining else charger.connectors.get(fact.idx)
        if charger is None or connector is None or fact.idx > charger.config.connectors:
            self._refuse(fact.request, Refusal.UNKNOWN_CONNECTOR, f"charger has no such connector: {fact.idx}")
        elif charger.config.control is Control.NONE:
            self._refuse(fact.request, Refusal.NOT_CONTROLLED, "the charger is configured as not controlled")
        elif charger.release is not None:
            self._refuse(fact.request, Refusal.NOT_CONTROLLED, "the charger was released")
        elif charger.config.is_observed:
            self._refuse(fact.request, Refusal.NOT_CONTROLLED, "the charger is observed only (mode observe)")
        elif (why_not := why_no_start(charger, fact.idx)) is not None:
            self._refuse(fact.request, Refusal.UNDER_MAINTENANCE, why_not)
        elif connector.session is not None or self._still_waits(key):
            self._refuse(fact.request, Refusal.CONNECTOR_IN_USE, "the connector is in use")
        elif charger.steered_over_ocpp:
            self._remote_start(fact, charger, key)
        else:
            self._rest_start(fact, connector)

    def _still_waits(self, key: ConnectorKey) -> bool:
        """Return whether a remote start is under way; one that nobody plugged in for gives way after a while."""
        waiter = self.state.waiters.get(key)
        if waiter is None:
            return False
        if waiter.session_id is not None or self.now.mono_ms - waiter.asked_ms < self.timings.start_gives_way_ms:
            return True
        del self.state.waiters[key]
        self._refuse(waiter.request, Refusal.CHARGER_SILENT, "no car has started there")
        return False

    def _rest_start(self, fact: SessionRequested, connector: Connector) -> None:
        """Open a REST-driven session with what is free now; others give up their share at their next update."""
        session = Session(
            session_id=fact.new_session_id,
            driver=Driver.REST,
            key=connector.key,
            rank=self.state.take_rank(),
            id_tag=fact.id_tag.upper(),
            id_tag_raw=fact.id_tag,
            tag_status=TagStatus.ACCEPTED,
            created_ms=self.now.wall_ms,
            started_ms=self.now.wall_ms,
            meter_start_wh=0,
            phase=Phase.RUNNING,
            opened_ms=self.now.mono_ms,
            stated=StatedDemand(fact.vehicle_max_w, fact.vehicle_max_w),
            heard_ms=self.now.mono_ms,
            own_terms=fact.terms,
            tag_terms=fact.tag_terms,
            turn=Turn(self.state.turns),
        )
        connector.session = session
        self.state.sessions[session.session_id] = session
        self.journal.log("session.started", connector.key.charger_id, connector.key.idx, session_id=session.session_id)
        self._answer(session, fact.request)

    def _remote_start(self, fact: SessionRequested, charger: ChargerState, key: ConnectorKey) -> None:
        """Ask the charger to start; the client is answered when the transaction has its first limit."""
        if charger.connection is None or not charger.heard:
            self._refuse(fact.request, Refusal.CHARGER_OFFLINE, "the charger is offline")
            return
        waiter = StartWaiter(fact.request, key, fact.vehicle_max_w, fact.id_tag, self.now.mono_ms, fact.terms)
        token = self.state.take_token()
        self.state.waiters[key] = waiter
        self.journal.plan = True
        self.state.calls[token] = StartCall(charger.charger_id, charger.connection, waiter)
        self.journal.after_commit.append(
            RemoteStart(token, charger.connection, charger.charger_id, key.idx, fact.id_tag)
        )

    def answer_waiters(self) -> None:
        """Answer the remote starts whose transaction has its first limit, or is paused for lack of room."""
        for waiter in list(self.state.waiters.values()):
            if waiter.session_id is None:
                continue
            session = self.state.sessions.get(waiter.session_id)
            if session is None or session.tag_status is not TagStatus.ACCEPTED:
                detail = "the session ended at once" if session is None else f"id tag {session.tag_status.lower()}"
                self._refuse(waiter.request, Refusal.CHARGER_REFUSED, detail)
            elif self._waits_for_its_limit(session):
                continue
            else:
                self.journal.reply(waiter.request, SessionShown(session_view(self.state, session)))
            del self.state.waiters[waiter.key]

    def _waits_for_its_limit(self, session: Session) -> bool:
        if not session.planned:
            return True  # not steered yet, so not paused for lack of room either
        if self.state.chargers[session.key.charger_id].config.is_observed:
            return False  # it has become so in the meantime: no limit will come
        connector = self.state.connector(session.key)
        has_limit = connector is not None and connector.limits.last_of(session.transaction_id) is not None
        paused = session.target_w == 0 and session.limited_by != "vehicle"
        return not has_limit and not paused

    # --- power update -------------------------------------------------------------------------------------------------

    def updated(self, fact: PowerUpdated) -> None:
        """Take what a client says that its car draws, and answer what it may draw from now on."""
        session = self.state.sessions.get(fact.session_id)
        if session is None:
            self._refuse(fact.request, Refusal.UNKNOWN_SESSION, "there is no active session of that id")
            return
        if session.stated is None:
            self._one_more_sample(session, fact)
            return
        session.heard_ms = self.now.mono_ms
        session.consumed_w = fact.consumed_w
        if fact.echo_w is not None:
            most_w = self.state.chargers[session.key.charger_id].max_booked_w
            _echo(session, fact.echo_w, most_w)
        session.stated.consumed(fact.consumed_w, session.answered_w, self.now.mono_ms, self.timings)
        self._answer(session, fact.request)

    def _one_more_sample(self, session: Session, fact: PowerUpdated) -> None:
        """Take the update of an OCPP session as one more sample of its power."""
        charger = self.state.chargers.get(session.key.charger_id)
        connector = self.state.connector(session.key)
        if charger is not None and connector is not None and connector.session is session:
            samples = Samples(self.state, self.journal, self.now, self.timings)
            samples.read_power(charger, connector, fact.consumed_w)
        self.journal.reply(fact.request, SessionShown(session_view(self.state, session)))

    def _answer(self, session: Session, request: RequestId) -> None:
        """Plan for this client alone, book what it is told, and tell it."""
        self.refresh()
        plan = self.make_plan(self.state, self.now.mono_ms, self.timings)
        steered = plan.steered[session.session_id]
        told_w = steered.target_w if steered.target_w < steered.booked_w else steered.grant_w
        if plan.cut_is_urgent(self.state, steered):  # then nobody is told more, be it booked or not (docs/adr/0027)
            told_w = min(told_w, max(session.answered_w, steered.charger.defaults.power_w))
        told_w = self._free_on_phases_w(plan, steered, told_w)
        firm_w = told_w if steered.firm is None else min(told_w, floor_kw_w(steered.firm.next_w))
        session.answered_w = told_w
        session.target_w, session.limited_by = steered.target_w, steered.limited_by
        if session.echoes:
            session.unechoed_w.append(told_w)
            session.unechoed_firm_w.append(firm_w)
        else:
            session.unechoed_w = [told_w]
            session.unechoed_firm_w = [firm_w]
        if told_w > steered.booked_w or steered.firm is not None:
            self._check_rows(session, plan)
        self.journal.plan = True
        self.journal.write_session(session)
        self.journal.reply(request, SessionShown(session_view(self.state, session)))

    def _free_on_phases_w(self, plan: Plan, steered: Steered, told_w: int) -> int:
        """Return how much of an answer has room on every phase, whole kW in W: less of it is booked in another form."""
        charger, connector = steered.charger, steered.connector
        return floor_kw_w(room_w(self.state, plan.booked_phases, charger, connector, None, told_w))

    def _check_rows(self, session: Session, plan: Plan) -> None:
        """Assert I1: what was just told a client fits on every row, or the row was no fuller before."""
        booked_w = self.state.tree.booked_w(self.state.chargers.values())
        for node in self.state.tree.paths[session.key.charger_id]:
            cap_w = self.state.tree.caps_w[node]
            check(
                cap_w is None or booked_w[node] <= max(cap_w, plan.booked_w[node]),
                f"I1: telling session {session.session_id} {session.answered_w} W books {booked_w[node]} W on {node}",
            )
        for node, left_w in self.state.tree.firm_booked_w(self.state.chargers.values()).items():
            check(
                left_w <= max(self.state.tree.firm_w[node], plan.firm_booked_w[node]),
                f"I11: telling session {session.session_id} {session.answered_w} W leaves {left_w} W on {node}",
            )
        booked = booked_on_rows(self.state)
        for row, before in plan.booked_phases.items():
            check(
                booked[row] <= max(self.state.tree.phase_caps[row], before),
                f"I1: telling session {session.session_id} {session.answered_w} W is too much on {row}",
            )

    # --- terms --------------------------------------------------------------------------------------------------------

    def terms_requested(self, fact: TermsRequested) -> None:
        """Let other terms hold for a session from the next plan on."""
        session = self.state.sessions.get(fact.session_id)
        if session is None or session.phase is Phase.HISTORIC:
            self._refuse(fact.request, Refusal.UNKNOWN_SESSION, "there is no active session of that id")
            return
        if session.own_terms != fact.terms:
            session.own_terms = fact.terms
            self.journal.write_session(session)
            self.journal.plan = True
            self.journal.log(
                "session.terms_changed",
                *session.key,
                session_id=session.session_id,
                weight=fact.terms.weight,
                priority=fact.terms.priority,
            )
        self.journal.reply(fact.request, SessionShown(session_view(self.state, session)))

    # --- stop ---------------------------------------------------------------------------------------------------------

    def stop_requested(self, fact: SessionStopRequested) -> None:
        """End a REST-driven session now, or ask the charger to stop its transaction."""
        session = self.state.sessions.get(fact.session_id)
        if session is None:
            known = fact.ended_before or fact.session_id in self.state.rest_ended or self._ended(fact)
            if known:
                self.journal.reply(fact.request, SessionEnded())
            else:
                self._refuse(fact.request, Refusal.UNKNOWN_SESSION, "there is no session of that id")
        elif session.driver is Driver.REST:
            transactions = Transactions(self.state, self.journal, self.now, self.timings)
            transactions.end(session, EndReason.REMOTE, self.now.wall_ms, None)
            self.journal.reply(fact.request, SessionEnded())
        else:
            self._remote_stop(fact, session)

    def _ended(self, fact: SessionStopRequested) -> bool:
        return any(known.session_id == fact.session_id for known in self.state.ended.values())

    def _remote_stop(self, fact: SessionStopRequested, session: Session) -> None:
        charger = self.state.chargers.get(session.key.charger_id)
        if charger is None or charger.connection is None or not charger.heard or session.transaction_id is None:
            self._refuse(fact.request, Refusal.CHARGER_OFFLINE, "the charger is offline")
            return
        token = self.state.take_token()
        self.state.calls[token] = StopCall(charger.charger_id, charger.connection, fact.request)
        self.journal.after_commit.append(
            RemoteStop(token, charger.connection, charger.charger_id, session.transaction_id)
        )

    def _refuse(self, request: RequestId, refusal: Refusal, detail: str) -> None:
        self.journal.reply(request, Refused(refusal, detail))


def _echo(session: Session, echo_w: int, most_w: int) -> None:
    """Book what the client shows that it obeys; what was answered before that answer it no longer obeys.

    An echo of something older than all that is booked is a fact too, as far as its charger can draw it (`most_w`).
    """
    session.echoes = True
    answers = session.unechoed_w
    if echo_w in answers:
        newest = len(answers) - 1 - answers[::-1].index(echo_w)
        session.unechoed_w = answers[newest:]
        session.unechoed_firm_w = session.unechoed_firm_w[newest:]
    elif echo_w > max(answers, default=0):
        session.unechoed_w = [min(echo_w, most_w), *answers]
        session.unechoed_firm_w = [min(echo_w, most_w), *session.unechoed_firm_w]
    if len(session.unechoed_w) > ANSWERS_KEPT:
        oldest, second, *rest = session.unechoed_w
        session.unechoed_w = [max(oldest, second), *rest]
        oldest, second, *rest = session.unechoed_firm_w
        session.unechoed_firm_w = [max(oldest, second), *rest]
