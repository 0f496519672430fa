"""The engine: facts in, commands and records out. The only door to the core.

One step takes everything that has happened since the last one, in order:

    1  facts are taken in            links, transactions, samples, calls, requests, reconfiguration
    2  upkeep brings time to bear    settling, freeing, provisioning, zombies, silent clients; operators' commands leave
    3  the plan is made, if anything changed that it depends on; what ended transactions have left to be said is said,
       and the plan is carried out as cuts and raises; the battery follows
    4  the provisioning agendas go on, waiting clients are answered, notices are renewed
    5  what changed is written down: records, and the views that may be published after their commit

In safe mode all of 3 and 4 that speaks to chargers is replaced by cuts. Between steps nothing happens; `next_due_ms`
says when time alone will change something. The engine keeps no clock: the same facts at the same times give the same
steps. An `InvariantError` leaves it unusable: rebuild it from the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import assert_never

from csms.core.aftermath import clear_what_is_kept, follow_up
from csms.core.agenda import work_off
from csms.core.alarms import Alarm as Standing
from csms.core.calls import Calls
from csms.core.campaigning import Campaigning, CampaignQueue
from csms.core.capacity_events import CapacityEvents, CapacityWatch
from csms.core.capping import Capping
from csms.core.closing import Closing
from csms.core.commanding import Commanding, CommandQueue
from csms.core.commands import Command, SetBattery, SetLimit
from csms.core.containing import Container
from csms.core.dispatch import dispatch
from csms.core.errors import check
from csms.core.events import (
    BatteryReported,
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    CampaignRequested,
    CampaignResumeRequested,
    CampaignStopRequested,
    CapacityEventSet,
    CapacityEventWithdrawn,
    CertificateRequested,
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    ChargerReported,
    CommandAnswered,
    CommandRequested,
    CommandWatched,
    ConfigurationRead,
    EnergyReported,
    ExplainRequested,
    Fact,
    GridOperatorHeard,
    MaintenanceEndRequested,
    MaintenanceRequested,
    MakesTaught,
    MeterSampled,
    PowerUpdated,
    ReleaseRequested,
    ReleaseUndoRequested,
    ScheduleRead,
    SessionRequested,
    SessionStopRequested,
    SiteMeterFailed,
    SiteMeterRead,
    StationConfigured,
    StatusNotified,
    TermsRequested,
    TransactionCloseRequested,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.expiry import end_trust
from csms.core.explaining import explain
from csms.core.firm import RowBound, firm_bounds
from csms.core.governing import govern
from csms.core.grid_root import hold_grid
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import ChargerId, ConnectorKey, Now, SessionId, Token, TransactionId
from csms.core.journal import Journal
from csms.core.learnt import MAKES_MAX, Learnt, Make
from csms.core.links import Links
from csms.core.maintaining import Maintaining, MaintenanceWatch
from csms.core.metering import Metering, renew_base_load, site_meter_view
from csms.core.notices import renew_notices, renew_overbooked
from csms.core.observing import check_nothing_written, show_what_they_would_get
from csms.core.parking import ParkingLot
from csms.core.part import Alarm
from csms.core.phase_booking import booked_on_rows
from csms.core.planning import Plan, make_plan
from csms.core.reconfiguration import Reconfiguration
from csms.core.records import (
    CapacityEventForgotten,
    ChargerForgotten,
    CountersStored,
    MakeStored,
    Record,
    SendForgotten,
    Snapshot,
    StationStored,
)
from csms.core.recovery import rebuild
from csms.core.releasing import ReleaseQueue, Releasing
from csms.core.replies import BatteryView, ChargerView, Explained, MakesShown, Refusal, Refused, Reply, SessionView
from csms.core.requests import Requests
from csms.core.rotation import Rotation
from csms.core.safe_mode import make_safe_plan, send_cuts
from csms.core.samples import Samples
from csms.core.session import Phase
from csms.core.site_meter import SiteMeterView
from csms.core.stamps import OUR_STEP_MS
from csms.core.start_power import offer_start_power, take_back
from csms.core.station import Station
from csms.core.station_time import Zones, utc_only
from csms.core.steering import Steering
from csms.core.supply import take_reading
from csms.core.timings import LAW, Timings
from csms.core.transactions import Transactions
from csms.core.trimming import renew_trims
from csms.core.upkeep import Upkeep
from csms.core.views import battery_view, charger_view, is_shown, session_view

REST_CALLS = (
    SessionRequested,
    PowerUpdated,
    SessionStopRequested,
    TermsRequested,
    TransactionCloseRequested,
    ExplainRequested,
)


@dataclass(frozen=True, slots=True)
class Changes:
    """What the published view has to take over once the step is durable.

    Attributes:
        sessions: active sessions that changed, None for one that is active no more.
        chargers: the same for chargers.
        station: the configuration, when it changed.
        makes: what is learnt of makes, when it changed.
        capacity_events: limits of the grid connection that were told, by their ids, when they changed.
        battery: as it is, whether it changed or not; None: there is none, or it was never read.
        notices: standing alarms and notices by their ids, when they changed.
        site_meter: what is shown of the site's meter, where there is one.
    """

    sessions: dict[SessionId, SessionView | None]
    chargers: dict[ChargerId, ChargerView | None]
    station: Station | None
    notices: dict[str, Standing] | None
    makes: dict[Make, Learnt] | None
    capacity_events: dict[str, CapacityEvent] | None = None
    site_meter: SiteMeterView | None = None
    battery: BatteryView | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step's output.

    Attributes:
        at_once: cuts and aborts: they depend on nothing and may leave before the commit.
        battery: what the battery is told, at once; None: nothing else than before.
        records: what has to be durable, in order.
        replies, after_commit, changes: leave only after `records` are durable, replies first.
    """

    at_once: tuple[Command, ...]
    after_commit: tuple[Command, ...]
    records: tuple[Record, ...]
    replies: tuple[Reply, ...]
    changes: Changes
    battery: SetBattery | None = None


class Engine:
    """One station's core.

    `safe`: it runs in safe mode for its whole life (`csms.core.safe_mode`); `zones`: finds the rules of its time zone.
    """

    def __init__(
        self, snapshot: Snapshot, now: Now, timings: Timings = LAW, *, safe: bool = False, zones: Zones = utc_only
    ) -> None:
        self._state = rebuild(snapshot, now, timings)
        self._state.zones = zones
        self._state.is_safe_mode = safe
        hold_grid(self._state, now, Alarm())
        self._make_plan = make_safe_plan if safe else make_plan
        self._timings = timings
        self._plan: Plan | None = None
        self._due_ms: int | None = now.mono_ms
        self._counters = self._counters_now()
        self._last_ms = now.mono_ms
        self._clock_ms = now.wall_ms - now.mono_ms
        self._shown_chargers: dict[ChargerId, ChargerView] = {}

    # --- the door ---------------------------------------------------------------------------------------------------

    def step(self, facts: Sequence[Fact], now: Now) -> Step:
        """Take in `facts` in order at `now` and return what follows; call it with none when `next_due_ms` has come.

        Raises:
            InvariantError: a command of ours would break the law; nothing of the step may leave the process.
        """
        check(now.mono_ms >= self._last_ms, "monotonic time stepped back")
        self._last_ms = now.mono_ms
        journal = Journal(now.wall_ms)
        journal.plan = self._has_followed_our_clock(now)
        alarm = Alarm()
        self._take_in(facts, journal, now)
        if self._due_ms is not None and now.mono_ms >= self._due_ms:
            journal.plan = True
        if journal.plan or self._plan is None:
            self._control(journal, now, alarm)
            self._due_ms = alarm.due_ms
        _answer_boots_first(facts, journal)
        return self._finish(journal, now)

    def _has_followed_our_clock(self, now: Now) -> bool:
        """Let a step of our own clock say nothing about the clocks of chargers (I8); return whether there was one.

        What the time of day says of the capacity is asked anew then.
        """
        by_ms = now.wall_ms - now.mono_ms - self._clock_ms
        if abs(by_ms) < OUR_STEP_MS:
            return False
        self._clock_ms += by_ms
        for charger in self._state.chargers.values():
            charger.our_clock_stepped(by_ms)
        return True

    def next_due_ms(self) -> int | None:
        """Return the monotonic time at which a step is due without any fact; None when nothing waits for time."""
        return self._due_ms

    # --- what is booked ---------------------------------------------------------------------------------------------

    @property
    def station(self) -> Station:
        """Return the configuration in force."""
        return self._state.station

    @property
    def next_token(self) -> int:
        """Return the next token that would be taken."""
        return self._state.next_token

    def booked_w(self, key: ConnectorKey) -> int:
        """Return K of one connector, W; 0 for one that does not exist."""
        charger, connector = self._state.chargers.get(key.charger_id), self._state.connector(key)
        return 0 if charger is None or connector is None else charger.connector_booked_w(connector)

    def charger_booked_w(self, charger_id: ChargerId) -> int:
        """Return K of one charger, W; 0 for one that does not exist."""
        charger = self._state.chargers.get(charger_id)
        return 0 if charger is None else charger.booked_w()

    def node_booked_w(self, node_id: str) -> int:
        """Return Σ K on one row, W."""
        return self.rows_booked_w().get(node_id, 0)

    def rows_booked_w(self) -> Mapping[str, int]:
        """Return Σ K on every row, W, by its id."""
        return self._state.tree.booked_w(self._state.chargers.values())

    def node_capacity_w(self, node_id: str) -> int | None:
        """Return the capacity of one row (the root's less the base load), W; None when unlimited."""
        return self._state.tree.caps_w.get(node_id)

    def phases_booked(self) -> Mapping[str, int]:
        """Return Σ K on every row of a phase, sixths of a watt, by its name."""
        return booked_on_rows(self._state)

    def firm_bounds(self) -> Mapping[str, RowBound]:
        """Return what every row may carry if this process never runs again, by its id (I11)."""
        return firm_bounds(self._state)

    def all_changes(self) -> Changes:
        """Return the whole view, for whoever begins to publish it."""
        state = self._state
        return Changes(
            {session_id: self._shown(session_id) for session_id in state.sessions},
            {charger_id: charger_view(c) for charger_id, c in state.chargers.items()},
            state.station,
            dict(state.notices),
            self._makes_shown(),
            dict(state.capacity_events),
            site_meter_view(state, self._last_ms),
            battery_view(state),
        )

    # --- facts ------------------------------------------------------------------------------------------------------

    def _take_in(self, facts: Sequence[Fact], journal: Journal, now: Now) -> None:
        """Hand each fact to whom it concerns; REST clients come last and are answered from all that is known."""
        samples = Samples(self._state, journal, now, self._timings)
        of_clients: list[Fact] = []
        for fact in facts:
            if isinstance(fact, REST_CALLS):
                of_clients.append(fact)
            else:
                self._dispatch(fact, samples, journal, now)
                if self._state.commands:
                    Commanding(self._state, journal, now, self._timings).noticed(fact)
                if self._state.campaigns:
                    Campaigning(self._state, journal, now, self._timings).noticed(fact)
        for fact in of_clients:
            self._dispatch(fact, samples, journal, now)

    def _dispatch(self, fact: Fact, samples: Samples, journal: Journal, now: Now) -> None:  # noqa: C901, PLR0912, PLR0915 - one table of all facts
        state, timings = self._state, self._timings
        match fact:
            case MeterSampled():
                samples.sampled(fact)
                Links(state, journal, now, timings).reconsider(fact.charger_id)
            case TransactionStarted():
                Transactions(state, journal, now, timings).started(fact)
            case TransactionStopped():
                Transactions(state, journal, now, timings).stopped(fact)
            case CallSent():
                Calls(state, journal, now, timings).sent(fact)
            case CallUnsent():
                Calls(state, journal, now, timings).unsent(fact)
            case CallAnswered():
                Calls(state, journal, now, timings).answered(fact)
            case ConfigurationRead():
                Calls(state, journal, now, timings).configuration_read(fact)
            case ScheduleRead():
                Calls(state, journal, now, timings).schedule_read(fact)
            case CommandAnswered():
                Calls(state, journal, now, timings).command_answered(fact)
            case CallErrored():
                Calls(state, journal, now, timings).errored(fact)
            case CallTimedOut():
                Calls(state, journal, now, timings).timed_out(fact)
            case StatusNotified():
                Links(state, journal, now, timings).status(fact)
            case ChargerConnected():
                self._connection_replaced(fact.charger_id, journal, now)
                Links(state, journal, now, timings).connected(fact)
            case ChargerHeard():
                Links(state, journal, now, timings).heard(fact)
            case ChargerBooted():
                Links(state, journal, now, timings).booted(fact)
            case ChargerDisconnected():
                Calls(state, journal, now, timings).connection_lost(fact.connection)
                Links(state, journal, now, timings).disconnected(fact)
            case ChargerReported():
                Links(state, journal, now, timings).reported(fact)
            case CertificateRequested():
                Links(state, journal, now, timings).certificate_requested(fact)
            case SessionRequested():
                self._requests(journal, now).requested(fact)
            case PowerUpdated():
                self._requests(journal, now).updated(fact)
            case SessionStopRequested():
                self._requests(journal, now).stop_requested(fact)
            case TermsRequested():
                self._requests(journal, now).terms_requested(fact)
            case ExplainRequested():
                self._explain(fact, journal, now)
            case TransactionCloseRequested():
                Closing(state, journal, now, timings).requested(fact)
            case CommandRequested():
                Commanding(state, journal, now, timings).requested(fact)
            case CommandWatched():
                Commanding(state, journal, now, timings).watched(fact)
            case CampaignRequested():
                Campaigning(state, journal, now, timings).requested(fact)
            case CampaignStopRequested():
                Campaigning(state, journal, now, timings).stop_requested(fact)
            case CampaignResumeRequested():
                Campaigning(state, journal, now, timings).resume_requested(fact)
            case MaintenanceRequested():
                Maintaining(state, journal, now, timings).requested(fact)
            case MaintenanceEndRequested():
                Maintaining(state, journal, now, timings).end_requested(fact)
            case CapacityEventSet():
                CapacityEvents(state, journal, now, timings).set(fact)
            case CapacityEventWithdrawn():
                CapacityEvents(state, journal, now, timings).withdrawn(fact)
            case GridOperatorHeard():
                CapacityEvents(state, journal, now, timings).heard(fact)
            case ReleaseRequested():
                Releasing(state, journal, now, timings).requested(fact)
            case ReleaseUndoRequested():
                Releasing(state, journal, now, timings).undo_requested(fact)
            case MakesTaught():
                self._teach(fact, journal)
            case EnergyReported():
                state.energy = fact
                journal.plan = True
            case SiteMeterRead():
                Metering(state, journal, now, timings).read(fact)
            case SiteMeterFailed():
                Metering(state, journal, now, timings).failed(fact)
            case BatteryReported():
                journal.plan |= take_reading(state, fact, now)
            case StationConfigured():
                Reconfiguration(state, journal, now, timings).configured(fact)
            case _:
                assert_never(fact)

    def _explain(self, fact: ExplainRequested, journal: Journal, now: Now) -> None:
        """Answer why a session has what it has, from a plan of this very moment, and change nothing."""
        session = self._state.sessions.get(fact.session_id)
        if session is None or session.phase is Phase.HISTORIC:
            refused = Refused(Refusal.UNKNOWN_SESSION, "there is no active session of that id")
            journal.reply(fact.request, refused)
            return
        self._renew_root(now, Alarm())
        plan = self._make_plan(self._state, now.mono_ms, self._timings)
        explanation = explain(self._state, plan, session, now.mono_ms, self._timings)
        journal.reply(fact.request, Explained(explanation))

    def _teach(self, fact: MakesTaught, journal: Journal) -> None:
        """Take what an operator's document says of makes; chargers of them are spoken to accordingly from now on."""
        makes = self._state.makes
        new = len(fact.makes.keys() - makes.keys())
        if len(makes) + new > MAKES_MAX:
            held = f"at most {MAKES_MAX} makes are remembered: {len(makes)} are, and {new} of these would be new"
            journal.reply(fact.request, Refused(Refusal.TOO_MANY_MAKES, f"{held}; nothing was changed"))
            return
        for make, learnt in fact.makes.items():
            if make in makes:
                for habit in fields(learnt):
                    setattr(makes[make], habit.name, getattr(learnt, habit.name))
            else:
                makes[make] = replace(learnt)
        for charger in self._state.chargers.values():
            make_told = None if charger.boot is None else charger.boot.make
            if make_told is not None and make_told in fact.makes:
                charger.learnt = makes.get(make_told, charger.learnt)
                charger.provisioning.manner = None
                clear_what_is_kept(charger)
        journal.makes |= fact.makes.keys()
        journal.plan = True
        journal.log("makes.taught", None, None, makes=len(fact.makes))
        journal.reply(fact.request, MakesShown(self._makes_shown()))

    def _connection_replaced(self, charger_id: ChargerId, journal: Journal, now: Now) -> None:
        charger = self._state.chargers.get(charger_id)
        if charger is not None and charger.connection is not None:
            Calls(self._state, journal, now, self._timings).connection_lost(charger.connection)

    def _requests(self, journal: Journal, now: Now) -> Requests:
        """Return the intake of REST requests; each is answered from a plan of its own, so upkeep comes first."""

        def refresh() -> None:
            self._renew_root(now, Alarm())
            Upkeep(self._state, journal, now, self._timings, Alarm()).run()
            Capping(self._state, journal, now, self._timings, Alarm()).run()

        return Requests(self._state, journal, now, self._timings, refresh=refresh, make_plan=self._make_plan)

    # --- control ----------------------------------------------------------------------------------------------------

    def _renew_root(self, now: Now, alarm: Alarm) -> None:
        """Bring up to date what the grid connection can carry beside the base load: all else is asked of that."""
        renew_base_load(self._state, now, self._timings, alarm)
        hold_grid(self._state, now, alarm)

    def _control(self, journal: Journal, now: Now, alarm: Alarm) -> None:
        """Bring time to bear, plan, carry the plan out, and go on with what waits."""
        state, timings = self._state, self._timings
        self._renew_root(now, alarm)
        Upkeep(state, journal, now, timings, alarm).run()
        Reconfiguration(state, journal, now, timings).drained(alarm)
        queue = CommandQueue(state, journal, now, timings, alarm)
        maintenance = MaintenanceWatch(state, journal, now, timings, alarm)
        if state.maintained:
            maintenance.end_what_is_over()
        if state.commands:
            queue.run()
        if state.maintained:
            maintenance.follow()
        if state.campaigns:
            CampaignQueue(state, journal, now, timings, alarm).run(queue)
        if state.releasing:
            ReleaseQueue(state, journal, now, timings, alarm).run()
        if state.commands or state.capped:
            Capping(state, journal, now, timings, alarm).run()
        CapacityWatch(state, journal, now, timings, alarm).run()
        end_trust(state, journal, now, alarm)
        ParkingLot(state, journal, now, timings, alarm).run()
        renew_trims(state, now, timings, alarm)
        govern(state, journal, now, alarm)
        plan = self._make_plan(state, now.mono_ms, timings)
        rotation = Rotation(state, journal, now, timings, alarm)
        if not state.is_safe_mode and rotation.run(plan):
            plan = self._make_plan(state, now.mono_ms, timings)
            rotation.note(plan)
        self._show_targets(plan, journal)
        renew_overbooked(state, plan.overbooked, now)
        if state.is_safe_mode:
            send_cuts(state, plan, journal, now, timings, alarm)
        else:
            self._carry_out(plan, journal, now, alarm)
            show_what_they_would_get(state, journal, now.mono_ms, timings)
        journal.battery = dispatch(state, plan, now, alarm)
        self._show_booked(journal)
        self._requests(journal, now).answer_waiters()
        if not state.is_safe_mode:
            Container(state, journal, now, timings, alarm).run()
        renew_notices(state, journal, now, timings, alarm)
        self._plan = plan

    @staticmethod
    def _show_targets(plan: Plan, journal: Journal) -> None:
        """Have the sessions shown again whose target has changed."""
        for session_id, steered in plan.steered.items():
            session = steered.session
            session.planned = True
            if (session.target_w, session.limited_by) != (steered.target_w, steered.limited_by):
                session.target_w, session.limited_by = steered.target_w, steered.limited_by
                journal.show(session_id)

    def _carry_out(self, plan: Plan, journal: Journal, now: Now, alarm: Alarm) -> None:
        """Say what ended transactions have left to be said, cuts and raises, and the next of each charger's agenda."""
        state, timings = self._state, self._timings
        for charger in state.chargers.values():
            follow_up(state, charger, journal, now, timings, alarm)
        steering = Steering(state, plan, journal, now, timings, alarm)
        steering.run()
        self._check_plan(plan, steering.booked_w, steering.booked_phases)
        offer_start_power(state, plan, journal, now, timings)
        take_back(state, plan, journal, now, timings, alarm)
        for charger in state.chargers.values():
            work_off(state, charger, journal, now, timings, alarm)

    def _show_booked(self, journal: Journal) -> None:
        """Have the sessions shown again whose booked power has changed."""
        for charger in self._state.chargers.values():
            for connector in charger.connectors.values():
                session = connector.session
                if session is not None and session.booked_w != (booked_w := charger.connector_booked_w(connector)):
                    session.booked_w = booked_w
                    journal.show(session.session_id)

    def _check_plan(self, plan: Plan, kept_w: dict[str, int], kept_phases: dict[str, int]) -> None:
        """Assert I1 for the step as a whole: no row is fuller than its capacity, or than the facts have made it."""
        booked_w = self._state.tree.booked_w(self._state.chargers.values())
        check(booked_w == kept_w, "Σ K was not kept up to date while the plan was carried out")
        for node, cap_w in self._state.tree.caps_w.items():
            check(
                cap_w is None or booked_w[node] <= max(cap_w, plan.booked_w[node]),
                f"I1: the commands of this step book {booked_w[node]} W on {node}, capacity {cap_w} W",
            )
        for node, left_w in self._state.tree.firm_booked_w(self._state.chargers.values()).items():
            firm_w = self._state.tree.firm_w[node]
            check(
                left_w <= max(firm_w, plan.firm_booked_w[node]),
                f"I11: the commands of this step leave {left_w} W on {node} for good, of {firm_w} W",
            )
        if not kept_phases:
            return
        booked = booked_on_rows(self._state)
        check(booked == kept_phases, "Σ K of phases was not kept up to date while the plan was carried out")
        for row, cap in self._state.tree.phase_caps.items():
            check(
                booked[row] <= max(cap, plan.booked_phases[row]),
                f"I1: the commands of this step book {booked[row]} sixths of a watt on {row}, which has {cap}",
            )

    # --- the output -------------------------------------------------------------------------------------------------

    def _finish(self, journal: Journal, now: Now) -> Step:
        """Write down what changed."""
        check_nothing_written(self._state, (*journal.at_once, *journal.after_commit))
        changes = self._changes(journal, now)
        return Step(
            at_once=tuple(journal.at_once),
            after_commit=tuple(journal.after_commit),
            records=tuple(self._records(journal)),
            replies=tuple(journal.replies),
            changes=changes,
            battery=journal.battery,
        )

    def _records(self, journal: Journal) -> list[Record]:
        state = self._state
        records: list[Record] = []
        if journal.station:
            records.append(StationStored(state.station))
        records += [ChargerForgotten(charger_id) for charger_id in sorted(journal.forgotten)]
        records += [state.chargers[c].stored() for c in sorted(journal.chargers) if c in state.chargers]
        records += [
            MakeStored(make, replace(state.makes[make])) for make in sorted(journal.makes) if make in state.makes
        ]
        records += [session.stored() for session in journal.sessions.values()]
        records += journal.orphans
        records += journal.corrections
        records += [send.stored() for token, send in journal.sends.items() if token not in journal.gone]
        records += [SendForgotten(token) for token in sorted(journal.gone)]
        records += [commanded.stored for commanded in journal.operated.values()]
        records += journal.campaigns.values()
        records += [
            state.capacity_events.get(event_id) or CapacityEventForgotten(event_id)
            for event_id in sorted(journal.capacity_events)
        ]
        if journal.peak:
            records.append(state.governor.peak)
        records += journal.samples
        records += journal.events
        if self._counters_moved():
            self._counters = self._counters_now()
            records.append(self._counters)
        return records

    def _counters_moved(self) -> bool:
        state, stored = self._state, self._counters
        return (
            state.next_token != stored.next_token
            or state.next_rank != stored.next_rank
            or state.next_transaction_id != stored.next_transaction_id
        )

    def _counters_now(self) -> CountersStored:
        state = self._state
        return CountersStored(TransactionId(state.next_transaction_id), Token(state.next_token), state.next_rank)

    def _shown(self, session_id: SessionId) -> SessionView | None:
        """Return the view of a session; None when it is not active: ended, or history from the start."""
        session = self._state.sessions.get(session_id)
        return None if session is None or session.phase is Phase.HISTORIC else session_view(self._state, session)

    def _makes_shown(self) -> dict[Make, Learnt]:
        return {make: replace(learnt) for make, learnt in self._state.makes.items()}

    def _chargers_that_changed(self, journal: Journal) -> dict[ChargerId, ChargerView | None]:
        """Return the chargers that are another than they were shown, and remember what is shown of them now.

        Without a plan only those that a fact has touched are looked at: it may be one message of one of thousands.
        """
        shown, touched, all_chargers = self._shown_chargers, journal.touched(), self._state.chargers
        for charger_id in journal.forgotten:
            shown.pop(charger_id, None)
        looked_at = all_chargers if journal.plan or journal.station else sorted(touched & all_chargers.keys())
        changed: dict[ChargerId, ChargerView | None] = {}
        for charger_id in looked_at:
            charger, known = all_chargers[charger_id], shown.get(charger_id)
            if journal.station or charger_id in touched or not is_shown(charger, known):
                shown[charger_id] = view = charger_view(charger)
                if view != known:
                    changed[charger_id] = view
        return changed

    def _changes(self, journal: Journal, now: Now) -> Changes:
        """Return what the view takes over: sessions that changed, and all chargers that a plan may have touched."""
        state = self._state
        sessions = {session_id: self._shown(session_id) for session_id in journal.shown}
        chargers: dict[ChargerId, ChargerView | None] = dict.fromkeys(journal.forgotten)
        if journal.plan or journal.chargers:
            chargers |= self._chargers_that_changed(journal)
        noticed = any(event.kind.startswith("notice.") for event in journal.events)
        return Changes(
            sessions,
            chargers,
            state.station if journal.station else None,
            dict(state.notices) if noticed else None,
            self._makes_shown() if journal.makes else None,
            dict(state.capacity_events) if journal.capacity_events else None,
            site_meter_view(state, now.mono_ms),
            battery_view(state),
        )


def _answer_boots_first(facts: Sequence[Fact], journal: Journal) -> None:
    """Have limits of chargers that have just booted wait for the answer to that, which leaves after the commit.

    Some drop the connection when they are told anything before they are accepted (quirk C9).
    """
    booted = {fact.charger_id for fact in facts if isinstance(fact, ChargerBooted)}
    if not booted:
        return
    waiting = [each for each in journal.at_once if isinstance(each, SetLimit) and each.charger_id in booted]
    journal.at_once = [each for each in journal.at_once if each not in waiting]
    journal.after_commit[:0] = waiting
