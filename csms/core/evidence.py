"""Evidence against a charger: what its meters say of limits that it has accepted (LEDGER.md §6).

    sample above its limit, after settling     what was measured is booked, others are cut at once
    three of them, or 15 s                     not_obeying: booked at the maximum, its session is steered no more
    three samples at a limit told since then   it obeys again (at its part of it, where a car uses fewer phases)
    power without a transaction                booked from the second sample running on, 30 s after the last one ended
    no sample after that                       asked for; nothing is freed before one is low, or a status says so
    power under another transaction's id       booked like that, above what was told; three low samples running end it

A limit that never settles, because the car never lets go, counts as settled after the time of the slowest car; what is
above all that may be in force is no car that lets go, and counts at once (docs/adr/0025). What
does not obey may obey a TxProfile that another central system has left above ours: they are cleared. Then the ways of
the ladder are tried one after another, at the least power, so that an obedient car is seen at that limit; when every
way was ignored, one every ten minutes. Who ignores limits that follow 0 W, and those alone, resumes without one: it
is never told 0 W again. A meter that falls silent in a transaction is asked.

Only samples that speak of now come here (`csms.core.samples`); a low one frees nothing (I5). A charger that offers less
than it was told is `csms.core.offers`' matter.
"""

from csms.core.charger import ChargerState
from csms.core.commands import Trigger
from csms.core.connector import Connector, Evidence
from csms.core.demand import tolerance_w
from csms.core.events import Sample
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.ladder import least_w
from csms.core.limits import Send
from csms.core.offers import Offers, never_pause
from csms.core.part import Alarm, Part
from csms.core.records import Driver, SendState
from csms.core.session import Phase, Session
from csms.core.state import AgendaCall, Errand, State
from csms.core.steering import durable_w, give_limit
from csms.core.timings import Timings

SAMPLES_TO_CONVICT = 3
SAMPLES_TO_ACQUIT = 3
LOWS_TO_END = 3
QUESTIONS = 2
SILENCES_ASKED = 6
"""A silent meter is asked so often, after twice as long each time."""


class Witness(Part):
    """Takes evidence; lives for one step."""

    def __init__(self, state: State, journal: Journal, now: Now, timings: Timings) -> None:
        super().__init__(state, journal, now, timings)
        self.offers = Offers(state, journal, now, timings)

    # --- samples ------------------------------------------------------------------------------------------------------

    def sampled(self, charger: ChargerState, connector: Connector, power_w: int, phases: int | None) -> None:
        """Take a power measured now, W, and on how many phases, if that was told."""
        session, evidence = connector.session, connector.evidence
        if session is None:
            self._without_transaction(charger, connector, power_w)
            return
        if charger.config.is_observed:
            evidence.silences = 0
            self._observed(charger, connector, power_w)
            return
        self._doubt_default(charger, connector, power_w)
        if session.driver is not Driver.OCPP:
            return
        if power_w > 0:
            self.offers.draws(charger, connector, session, power_w)
        if evidence.silences:
            evidence.silences = 0
            self.journal.plan = True
        limit = self._answerable(connector, charger.limit_in_force(connector, session))
        if limit is None:
            self._nothing_to_judge_by(charger, connector)
            return
        highest_w = self._highest_w(connector, limit)
        if power_w > highest_w + tolerance_w(charger.config, highest_w):
            if self._must_have_let_go(limit, connector.meter.span_ms) or self._is_above_all(
                charger, connector, power_w
            ):
                self._above(charger, connector, limit, power_w)
            return
        if evidence.not_obeying:
            self._met(charger, connector, limit, at_limit=_is_at(charger, limit, power_w, phases))
        else:
            self._low(charger, connector, LOWS_TO_END if evidence.strayed else 1)

    def _nothing_to_judge_by(self, charger: ChargerState, connector: Connector) -> None:
        """Let go of what was above a limit that is in force no more: time alone must not convict for it.

        What was measured stays booked, and so does the maximum of a connector that is not provisioned.
        """
        evidence = connector.evidence
        if evidence.since_ms is not None and not evidence.not_obeying:
            evidence.since_ms, evidence.above, evidence.asked, evidence.disobeyed = None, 0, 0, False
            self._changed(charger)

    def strayed(self, charger: ChargerState, connector: Connector, sample: Sample, power_w: int) -> None:
        """Take a power of now, W, that names another transaction than the one that runs (OCPP16.md C23).

        It flows, whosever it is: above what was told it is booked, from the second sample running on, and others are
        cut for it. Nobody is convicted by it. A car whose transaction has just ended may still be letting go.
        """
        session, evidence = connector.session, connector.evidence
        if session is None or session.driver is not Driver.OCPP:
            return
        evidence.stray_at_ms = sample.at_ms
        if charger.config.is_observed:
            self._observed(charger, connector, power_w)
            return
        told_w = _told_w(charger, connector)
        if power_w <= told_w + tolerance_w(charger.config, told_w):
            if evidence.since_ms is None and not evidence.not_obeying:
                self._low(charger, connector, LOWS_TO_END)
            return
        if self.now.mono_ms - session.opened_ms < self.timings.settle_longest_ms:
            return
        evidence.strays, evidence.lows = evidence.strays + 1, 0
        if evidence.strayed and power_w > evidence.measured_w:
            self.journal.log("connector.draws_under_another_id", *connector.key, measured_w=power_w)
            evidence.measured_w = power_w
            self._raise_maximum(charger)
            self._changed(charger)

    def _observed(self, charger: ChargerState, connector: Connector, power_w: int) -> None:
        """Book what an observed charger is seen to draw above what is booked for it; a lower sample frees nothing.

        Nobody is convicted by it. It goes with the transaction, or when the connector says that nothing flows any more.
        """
        connectors = charger.connectors.values()
        seen_w = {
            c.key: max(c.evidence.measured_w, power_w if c is connector else c.meter.power_w or 0) for c in connectors
        }
        if sum(seen_w.values()) <= charger.booked_w():
            return
        for each in connectors:
            each.evidence.measured_w = seen_w[each.key]
        self.journal.log("connector.draws_more_than_booked", *connector.key, measured_w=power_w)
        self._raise_maximum(charger)
        self._changed(charger)

    def _low(self, charger: ChargerState, connector: Connector, lows_to_end: int) -> None:
        """Take a sample that is not above what was told: so many running end what was booked."""
        evidence = connector.evidence
        if not evidence.strayed:
            evidence.strays = 0
        if evidence.since_ms is None and not evidence.measured_w:
            return
        evidence.lows += 1
        if evidence.lows >= lows_to_end:
            connector.evidence = Evidence()
            self._changed(charger)

    def _without_transaction(self, charger: ChargerState, connector: Connector, power_w: int) -> None:
        """Book what flows at a connector without a transaction, from the second sample running on; a low one ends it.

        A car whose transaction has just ended may still be letting go.
        """
        evidence = connector.evidence
        told_w = max(charger.defaults.power_w, connector.limits.power_w)
        if power_w <= told_w + tolerance_w(charger.config, told_w):
            evidence.above = 0
            if evidence.measured_w and not evidence.not_obeying:
                connector.evidence = Evidence()
                self._changed(charger)
            return
        if self.now.mono_ms - connector.freed_ms < self.timings.settle_longest_ms:
            return
        self._doubt_default(charger, connector, power_w)
        evidence.above += 1
        if evidence.above > 1 and power_w > evidence.measured_w:
            self.journal.log("connector.draws_without_transaction", *connector.key, measured_w=power_w)
            evidence.measured_w = power_w
            self._raise_maximum(charger)
            self._changed(charger)

    def _doubt_default(self, charger: ChargerState, connector: Connector, power_w: int) -> None:
        """Mark a make that draws more than it was told after a boot: it has lost its default (LEDGER.md §4)."""
        if not charger.default_in_doubt or charger.learnt.forgets_default or charger.config.is_observed:
            return
        told_w = max(charger.defaults.power_w, connector.limits.power_w)
        if power_w > told_w + tolerance_w(charger.config, told_w):
            charger.learnt.forgets_default = True
            charger.distrust()
            self.journal.write_make(charger.boot)
            self.journal.log("make.learnt", *connector.key, forgets_default=True)
            self._changed(charger)

    def _answerable(self, connector: Connector, newest: Send | None) -> Send | None:
        """Return the newest limit that its car must have come down to, else the newest.

        Cuts that follow each other faster than cars let go would else excuse what is above all of them.
        """
        span_ms = connector.meter.span_ms
        if newest is None or newest.transaction_id is None or self._must_have_let_go(newest, span_ms):
            return newest
        earlier = (
            send
            for send in reversed(connector.limits.sends)
            if send.answered_accepted and send.transaction_id == newest.transaction_id
        )
        return next((send for send in earlier if self._must_have_let_go(send, span_ms)), newest)

    @staticmethod
    def _highest_w(connector: Connector, limit: Send) -> int:
        """Return the most that may rightly be in force, W: a settled limit, or what has been sent since."""
        if limit.state is SendState.SETTLED:
            return max(limit.limit_w, connector.limits.power_w)
        return max(send.limit_w for send in connector.limits.sends if send.token >= limit.token)

    def _must_have_let_go(self, limit: Send, span_ms: int) -> bool:
        """Return whether what was measured, the mean over a span where a register told it, was under a limit."""
        if limit.state is SendState.SETTLED and not span_ms:
            return True
        return self.now.mono_ms - span_ms - (limit.accepted_ms or 0) >= self.timings.settle_longest_ms

    def _is_above_all(self, charger: ChargerState, connector: Connector, power_w: int) -> bool:
        """Return whether a sample is above all that may be in force, so that no limit of before explains it (0025).

        A car that is slow in letting go draws what its limit was, which stays booked until a lower one has settled. The
        limits of a transaction that has ended go sooner, and a mean over a time may be about any of them.
        """
        freed_for_ms = self.now.mono_ms - connector.freed_ms
        if connector.meter.span_ms or freed_for_ms < self.timings.settle_longest_ms:
            return False
        told_w = _told_w(charger, connector)
        return power_w > told_w + tolerance_w(charger.config, told_w)

    def _above(self, charger: ChargerState, connector: Connector, limit: Send, power_w: int) -> None:
        """Book what was measured above the limit; enough of it convicts."""
        evidence = connector.evidence
        evidence.met = evidence.lows = 0
        evidence.above += 1
        if evidence.since_ms is None:
            evidence.since_ms = self.now.mono_ms
            self.journal.log("limit.exceeded", *connector.key, limit_w=limit.limit_w, measured_w=power_w)
        if power_w > charger.connector_booked_w(connector):
            evidence.measured_w = power_w
            self._raise_maximum(charger)
            self._changed(charger)
        if limit.transaction_id is None:
            self._above_default(charger, connector)
            return
        evidence.disobeyed = True
        evidence.resumed = limit.resumes and (evidence.resumed or evidence.above == 1)
        if evidence.above >= SAMPLES_TO_CONVICT or self._lasts(evidence):
            self._convict(charger, connector)

    def _above_default(self, charger: ChargerState, connector: Connector) -> None:
        """Take power of a transaction that was told nothing yet: it is told now, and judged by that.

        Where its limit is not answered for as long as convicts others, nobody counts on it any longer; after twice that
        it is told in every way, as one that does not obey. While its charger can be told nothing that time does not
        begin: nobody counts on it anyhow, and it is to be told after.
        """
        evidence, now_ms = connector.evidence, self.now.mono_ms
        evidence.above, evidence.since_ms = 0, None
        if not charger.addressable:
            evidence.untold_ms, evidence.disobeyed = None, False
            return
        if evidence.untold_ms is None:
            evidence.untold_ms = now_ms
        waited_ms, is_awaited = now_ms - evidence.untold_ms, any(send.in_flight for send in connector.limits.sends)
        if waited_ms >= 2 * self.timings.evidence_ms and not is_awaited:
            self._convict(charger, connector)
        elif waited_ms >= self.timings.evidence_ms and not evidence.disobeyed:
            evidence.disobeyed = self.journal.plan = True

    def _raise_maximum(self, charger: ChargerState) -> None:
        """Let M follow hardware that is larger than configured: what is measured is booked."""
        measured_w = sum(connector.evidence.measured_w for connector in charger.connectors.values())
        if measured_w > charger.max_booked_w:
            charger.max_booked_w = measured_w
            self.journal.log("charger.exceeds_its_maximum", charger.charger_id, None, measured_w=measured_w)

    def _lasts(self, evidence: Evidence) -> bool:
        since_ms = evidence.since_ms
        return since_ms is not None and self.now.mono_ms - since_ms >= self.timings.evidence_ms

    def _convict(self, charger: ChargerState, connector: Connector) -> None:
        evidence = connector.evidence
        if evidence.not_obeying:
            return
        evidence.not_obeying = True
        evidence.tries, evidence.retry_ms, evidence.judged = 0, self.now.mono_ms, None
        connector.distrust()
        connector.aftermath.clear()
        self.journal.log("connector.not_obeying", *connector.key)
        self._changed(charger)

    def _met(self, charger: ChargerState, connector: Connector, limit: Send, *, at_limit: bool) -> None:
        """Count a sample at a limit that was told since the conviction: three of them acquit."""
        evidence = connector.evidence
        if not at_limit or limit.token != evidence.judged:
            return
        evidence.met += 1
        if evidence.met >= SAMPLES_TO_ACQUIT:
            connector.evidence = Evidence()
            if limit.transaction_id is not None:
                charger.learnt.manner = charger.manner
                self.journal.write_make(charger.boot)
            if evidence.resumed and not limit.resumes:
                never_pause(self.state, charger, self.journal, connector.key)
            self.journal.log("connector.obeys_again", *connector.key)
            self._changed(charger)

    def _changed(self, charger: ChargerState) -> None:
        self.journal.chargers.add(charger.charger_id)
        self.journal.plan = True

    # --- time ---------------------------------------------------------------------------------------------------------

    def watch(self, charger: ChargerState, connector: Connector, alarm: Alarm) -> None:
        """Do what time asks for: confirm a sample, convict, try another way, ask a silent meter."""
        session, evidence = connector.session, connector.evidence
        if session is None:
            self._ask_without_transaction(charger, connector, alarm)
            return
        if session.driver is not Driver.OCPP or session.phase is not Phase.RUNNING:
            if evidence.since_ms is not None and not evidence.not_obeying:
                connector.evidence = Evidence()
                self._changed(charger)
            return
        self._ask_again(charger, connector, alarm)
        if not charger.config.is_observed:
            self.offers.watch(charger, connector, session, alarm)
        self._ask_silent(charger, connector, session, alarm)
        if evidence.not_obeying:
            self._try_another_way(charger, connector, session, alarm)

    def _ask_again(self, charger: ChargerState, connector: Connector, alarm: Alarm) -> None:
        evidence = connector.evidence
        if evidence.since_ms is None or evidence.not_obeying:
            return
        ask_ms = evidence.since_ms + (evidence.asked + 1) * self.timings.evidence_ask_ms
        if evidence.asked < QUESTIONS and alarm.reached(ask_ms, self.now):
            evidence.asked += 1
            self._ask_sample(charger, connector)
        if alarm.reached(evidence.since_ms + self.timings.evidence_ms, self.now):
            self._convict(charger, connector)

    def _ask_sample(self, charger: ChargerState, connector: Connector) -> None:
        """Send TriggerMessage(MeterValues); its answer tells nothing, the sample does."""
        if charger.connection is None or not charger.may_be_asked:
            return
        token = self.state.take_token()
        self.state.calls[token] = AgendaCall(charger.charger_id, charger.connection, Errand.ASK_SAMPLE)
        self.journal.after_commit.append(
            Trigger(token, charger.connection, charger.charger_id, "MeterValues", connector.key.idx)
        )

    def _ask_without_transaction(self, charger: ChargerState, connector: Connector, alarm: Alarm) -> None:
        """Ask for a sample where power flowed without a transaction: no other may ever come to say that it ended."""
        evidence, meter = connector.evidence, connector.meter
        if not evidence.measured_w or evidence.not_obeying or charger.connection is None:
            return
        seen_ms = max(charger.connected_ms, meter.seen_ms or 0)
        if alarm.reached(seen_ms + self.timings.meter_silent_ms, self.now):
            self._ask_at_times(charger, connector, alarm)

    def _ask_silent(self, charger: ChargerState, connector: Connector, session: Session, alarm: Alarm) -> None:
        silent_from_ms = meter_silent_ms(charger, connector, session, self.timings)
        if charger.connection is None or not alarm.reached(silent_from_ms, self.now):
            return
        if session.consumed_w is not None:
            session.consumed_w = None
            self.journal.show(session.session_id)
        self._ask_at_times(charger, connector, alarm)

    def _ask_at_times(self, charger: ChargerState, connector: Connector, alarm: Alarm) -> None:
        """Ask a silent meter for a sample, each time after twice as long."""
        evidence = connector.evidence
        ask_ms = evidence.silent_ms + (self.timings.meter_silent_ms << evidence.silences >> 1)
        if evidence.silences < SILENCES_ASKED and (not evidence.silences or alarm.reached(ask_ms, self.now)):
            evidence.silences += 1
            evidence.silent_ms = self.now.mono_ms
            self._ask_sample(charger, connector)
            alarm.at(evidence.silent_ms + (self.timings.meter_silent_ms << evidence.silences >> 1))

    def _try_another_way(self, charger: ChargerState, connector: Connector, session: Session, alarm: Alarm) -> None:
        evidence, limits = connector.evidence, connector.limits
        if charger.connection is None or not charger.addressable or any(send.in_flight for send in limits.sends):
            return
        if connector.aftermath.clear_due:
            return  # what hides our limit goes first
        if not alarm.reached(evidence.retry_ms, self.now):
            return
        ladder = charger.manners
        if evidence.tries > 0:  # the first try is the present way, at a power at which obedience shows
            charger.provisioning.manner = ladder[(ladder.index(charger.manner) + 1) % len(ladder)]
        form = charger.manner.form
        limit_w = form.round_down(max(least_w(charger.config, form), charger.config.min_power_w))
        if charger.told_beside_w(connector) + limit_w > charger.config.max_power_w:
            limit_w = 0  # the others there were told the rest; what is booked beyond that may not be drawn so far
        send = give_limit(
            self.state,
            self.journal,
            charger,
            connector,
            charger.manner,
            limit_w,
            self.now,
            self.timings,
            urgent=self.state.is_overbooked(charger.charger_id),
            cause="evidence: it does not obey",
            at_once=limit_w <= durable_w(connector, charger.manner.purpose, session.transaction_id),
        )
        evidence.judged, evidence.met = send.token, 0
        evidence.tries += 1
        walked = evidence.tries > len(ladder)
        if walked and evidence.walked_ms is None:
            evidence.walked_ms = self.now.mono_ms
        pause_ms = self.timings.refusing_retry_ms if walked else 2 * self.timings.settle_longest_ms
        evidence.retry_ms = self.now.mono_ms + pause_ms
        alarm.at(evidence.retry_ms)
        session.answered_w = send.limit_w
        self.journal.write_session(session)


def _is_at(charger: ChargerState, limit: Send, power_w: int, phases: int | None) -> bool:
    """Return whether a sample that is not above a limit shows a car that draws all of it.

    A limit stands for amperes on every phase, however it is told (OCPP16.md B5): a car that is seen to use fewer phases
    draws its part of it, and as little more than that as it may less.
    """
    config, limit_w = charger.config, limit.limit_w
    margin_w = tolerance_w(config, limit_w)
    if power_w >= limit_w - min(margin_w, limit_w // 2) > 0:
        return True
    if phases is None or not 0 < phases < config.phases:
        return False
    part_w, part_margin_w = limit_w * phases // config.phases, margin_w * phases // config.phases
    return limit_w > 0 and abs(power_w - part_w) <= min(part_margin_w, part_w // 2)


def _told_w(charger: ChargerState, connector: Connector) -> int:
    """Return the most that may be in force at a connector over OCPP, W."""
    default_w = charger.defaults.power_w if connector.provisioned else charger.max_booked_w
    return max(default_w, connector.limits.power_w)


def meter_silent_ms(charger: ChargerState, connector: Connector, session: Session, timings: Timings) -> int:
    """Return from when on the meter of a running transaction counts as silent, monotonic ms (LEDGER.md §6)."""
    last_ms = max(session.opened_ms, charger.connected_ms, connector.meter.seen_ms or 0)
    return last_ms + max(timings.meter_silent_ms, 3 * session.demand.period_ms)
