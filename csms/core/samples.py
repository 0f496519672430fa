"""Taking in meter values (OCPP 1.6 §4.7; LEDGER.md I6, I7).

Every sample is kept, with its owner: the open transaction it names, else the one that holds its connector (many ids are
wrong). One that tells no connector is of that of the transaction it names, else kept as the whole charger's. Values of
a transaction that has ended belong to it and never revive it: what they show of now is power without a transaction, at
a connector that none holds, and may be booked beside the one that does; so do those of a start that is history, until
they show that it is not. Of all of them only what is new, of now and possible moves control: the record of any other
says why it did not (`csms.core.records.Doubt`).
"""

from csms.core import registers
from csms.core.charger import ChargerState
from csms.core.commands import RateUnit
from csms.core.connector import MEANING, Connector
from csms.core.demand import tolerance_w
from csms.core.events import DRAWN_MA, KnownTransaction, MeterSampled, Sample
from csms.core.evidence import Witness
from csms.core.ids import Now, SessionId
from csms.core.journal import Journal
from csms.core.meter import most_energy_wh, most_power_w
from csms.core.parking import is_drawing
from csms.core.part import Part
from csms.core.phase_booking import as_told_w
from csms.core.phase_use import agree, in_currents
from csms.core.records import Doubt, Driver
from csms.core.replies import Confirmed
from csms.core.session import IMPLAUSIBLE, Phase, Session
from csms.core.stamps import STALE_MS
from csms.core.state import State
from csms.core.station import Lines
from csms.core.timings import Timings
from csms.core.transactions import Transactions

CONFIRMED = Confirmed()
NOT_TRUE = frozenset(
    {Doubt.IMPOSSIBLE_POWER, Doubt.REGISTER_JUMPED, Doubt.REGISTER_FELL, Doubt.ZERO_CONTRADICTED},
)


class Samples(Part):
    """Intake of meter values; lives for one step."""

    def __init__(self, state: State, journal: Journal, now: Now, timings: Timings) -> None:
        super().__init__(state, journal, now, timings)
        self.witness = Witness(state, journal, now, timings)
        self.transactions = Transactions(state, journal, now, timings)

    def sampled(self, fact: MeterSampled) -> None:
        """Keep every sample; let the newest live one speak for its connector."""
        named, ended = self._named(fact)
        idx = _place(named, ended) if fact.idx is None else fact.idx
        charger = self.state.chargers.get(fact.charger_id)
        session = self._owner(idx, charger, named) if ended is None else None
        if ended is not None:
            self._sampled_late(fact, idx, ended.idx, ended.session_id, Doubt.TRANSACTION_ENDED)
        elif session is not None and session.phase is Phase.HISTORIC:
            self._sampled_late(fact, idx, session.key.idx, session.session_id, Doubt.HISTORY)
            self._judge_history(fact, idx, session)
        else:
            self._sampled(fact, idx, charger, session)
        self.journal.reply(fact.request, CONFIRMED)

    def _sampled(self, fact: MeterSampled, idx: int, charger: ChargerState | None, session: Session | None) -> None:
        """Take the values of an open session, or of nobody's connector."""
        connector = None
        if charger is not None:
            charger.busy_ms = self.now.mono_ms
            connector = self._speaking(charger, session, idx)
        owner_id = None if session is None else session.session_id
        if session is not None and session.transaction_id == fact.transaction_id:
            session.named_ms = self.now.mono_ms
        for sample in fact.samples:
            doubt = None
            if session is not None and session.last_energy_wh is None:
                self._read_start(charger, session, sample)
            if charger is not None and connector is not None:
                doubt = self._hear(charger, connector, sample)
                if doubt is Doubt.OLD and session is not None:
                    self._catch_up(charger, session, sample)
                self._rest(connector, fact, sample, doubt)
            self.journal.keep_sample(fact, idx, sample, owner_id, doubt)

    def _sampled_late(self, fact: MeterSampled, idx: int, own_idx: int, owner_id: SessionId, unheard: Doubt) -> None:
        """Take the values of a transaction that is over, or history; `unheard`: why some of them say nothing."""
        charger = self.state.chargers.get(fact.charger_id)
        connector = None
        if charger is not None and (idx or len(charger.connectors) == 1):
            connector = charger.connectors.get(idx) or charger.connectors.get(own_idx)
        named = self.state.sessions.get(owner_id)
        for sample in fact.samples:
            if named is not None and named.last_energy_wh is None:
                self._read_start(charger, named, sample)
            doubt: Doubt | None = unheard
            if named is not None and charger is not None:
                self._catch_up(charger, named, sample)
            if charger is not None and connector is not None:
                of_before = unheard is Doubt.TRANSACTION_ENDED and self._is_of_before(connector, sample)
                doubt = unheard if of_before else self._hear_late(charger, connector, sample, unheard)
            self.journal.keep_sample(fact, idx, sample, owner_id, doubt)

    @staticmethod
    def _rest(connector: Connector, fact: MeterSampled, sample: Sample, doubt: Doubt | None) -> None:
        """Take the register of a connector at which nothing runs, as far as anybody says."""
        if connector.session is None and not fact.transaction_id and doubt is None and sample.energy_wh is not None:
            connector.rested(sample.energy_wh, sample.at_ms)

    def _read_start(self, charger: ChargerState | None, session: Session, sample: Sample) -> None:
        """Let any reading of a session whose start told no register, old ones too, tell where it began."""
        if registers.read(session, sample, 0 if charger is None else charger.config.max_power_w):
            self.journal.write_session(session)

    def _judge_history(self, fact: MeterSampled, idx: int, session: Session) -> None:
        """Take a start that was kept as history for the one that runs once samples of now have named it for long."""
        charger = self.state.chargers.get(fact.charger_id)
        connector = None if charger is None else charger.connectors.get(session.key.idx)
        if charger is not None:
            charger.busy_ms = self.now.mono_ms
        if charger is None or connector is None or idx not in {session.key.idx, 0}:
            return
        if all(charger.stamps.doubt(sample.at_ms, self.now) is not None for sample in fact.samples):
            return
        rival = connector.session
        rival_ms = None if rival is None else rival.named_ms
        if session.named_ms is None or (rival_ms is not None and rival_ms >= session.named_ms):
            session.named_ms = self.now.mono_ms
        elif self.now.mono_ms - session.named_ms >= self.timings.present_ms:
            self.transactions.proved_present(charger, connector, session)

    @staticmethod
    def _owner(idx: int, charger: ChargerState | None, named: Session | None) -> Session | None:
        """Return the open session of a sample: by its transaction id, else by its connector (many ids are wrong).

        Connector 0 is the main meter, whatever it names, unless the charger has no other (§4.7).
        """
        if named is not None:
            return named if idx or charger is None or len(charger.connectors) == 1 else None
        connector = None if charger is None else charger.connectors.get(idx)
        session = None if connector is None else connector.session
        return session if session is not None and session.driver is Driver.OCPP else None

    def _named(self, fact: MeterSampled) -> tuple[Session | None, KnownTransaction | None]:
        """Return the transaction of this charger that a sample names, open or ended: late values belong to it."""
        transaction_id = fact.transaction_id
        if transaction_id is None:
            return None, None
        named = self.state.transactions.get(transaction_id)
        if named is not None and named.key.charger_id == fact.charger_id:
            return named, None
        ended = self.state.ended.get(transaction_id) or fact.known
        return None, ended if ended is not None and ended.charger_id == fact.charger_id else None

    @staticmethod
    def _speaking(charger: ChargerState, session: Session | None, idx: int) -> Connector | None:
        """Return the connector that samples speak for: that of their session, if it holds it."""
        connector = charger.connectors.get(idx if session is None else session.key.idx)
        held = connector is not None and (session is None or connector.session is session)
        return connector if held else None

    def _hear_late(self, charger: ChargerState, connector: Connector, sample: Sample, unheard: Doubt) -> Doubt | None:
        """Let a sample of a transaction that is over speak: at a free connector its power is nobody's.

        Return why it is not believed. The session of another transaction is judged by its own values, but power that
        flows there speaks against a car that has let go, and is booked.
        """
        if connector.session is None:
            return self._hear(charger, connector, sample)
        if sample.power_w is None:
            return unheard
        doubt = charger.stamps.doubt(sample.at_ms, self.now)
        if doubt is None and connector.meter.is_overtaken(sample):
            doubt = Doubt.OVERTAKEN
        if doubt is not None:
            return doubt
        most_w = most_power_w(charger.config)
        connector.meter.suspect(sample.power_w, self.now.mono_ms, most_w)
        if sample.power_w > most_w:
            return Doubt.IMPOSSIBLE_POWER
        if connector.evidence.stray_at_ms == sample.at_ms:
            return Doubt.REPEATED
        self.witness.strayed(charger, connector, sample, sample.power_w)
        return None

    def _is_of_before(self, connector: Connector, sample: Sample) -> bool:
        """Return whether a sample is of before the end of its transaction: by the charger's clock, and old by ours."""
        newest_ms = connector.meter.at_ms
        return newest_ms is not None and sample.at_ms < min(newest_ms, self.now.wall_ms - STALE_MS)

    def _hear(self, charger: ChargerState, connector: Connector, sample: Sample) -> Doubt | None:
        """Let a sample that is believed move control; return why it, or part of it, is not.

        What is not believed may still speak against a car that has let go.
        """
        meter, most_w = connector.meter, most_power_w(charger.config)
        doubt = None if meter.is_new(sample) else Doubt.REPEATED
        doubt = doubt or charger.stamps.doubt(sample.at_ms, self.now)
        if doubt is None and (meter.is_overtaken(sample) or _is_of_before_it_was_free(connector, sample)):
            doubt = Doubt.OVERTAKEN
        if doubt is None:
            return self._read(charger, connector, sample, most_w)
        if sample.power_w is not None:
            meter.suspect(sample.power_w, self.now.mono_ms, most_w)
        return doubt

    def _read(self, charger: ChargerState, connector: Connector, sample: Sample, most_w: int) -> Doubt | None:
        """Let a live sample move what is known of its connector and the demand of its session."""
        power_w, doubt = connector.meter.read(sample, self.now.mono_ms, most_w)
        session = connector.session
        if session is not None and session.driver is Driver.OCPP:
            doubt = self._read_register(session, sample, most_w) or doubt
            if doubt in NOT_TRUE and IMPLAUSIBLE not in session.flags:
                session.flag(IMPLAUSIBLE)
                self.journal.write_session(session)
        current_ma = _currents(charger, connector, sample)
        if session is not None and doubt is None and current_ma is not None:
            self._read_phases(charger, connector, session, current_ma, power_w)
        if power_w is not None:
            told_w = as_told_w(charger, connector, power_w) if self.state.tree.phase_caps else power_w
            phases = None if current_ma is None else sum(each_ma > DRAWN_MA for each_ma in current_ma)
            self.witness.sampled(charger, connector, told_w, phases if told_w == power_w else None)
            if not self.journal.plan:
                self.journal.plan = connector.limits.waits_for_meter
            self._read_overdraw(charger, connector, power_w)
            self.read_power(charger, connector, power_w)
        return doubt

    def _read_phases(
        self, charger: ChargerState, connector: Connector, session: Session, current_ma: Lines, power_w: int | None
    ) -> None:
        """Let the currents of a sample tell which phases a car uses, where it may use some and not others.

        What one phase carries may speak against a car that has let go by its power: a limit in amperes is one of each.
        """
        config = charger.config
        if config.phases <= 1 or session.driver is not Driver.OCPP:
            return
        voltage_v, has_rows = config.voltage_v, bool(self.state.tree.phase_caps)
        learnt = session.phase_use.sampled(current_ma, power_w, voltage_v, charger.connection, self.now.mono_ms)
        self.journal.plan |= learnt and has_rows
        if learnt:
            self.journal.show(session.session_id)
        in_amperes = charger.manner.form.unit is RateUnit.A
        if has_rows and in_amperes and power_w is not None and agree(current_ma, power_w, voltage_v):
            as_told = max(current_ma) * voltage_v * config.phases // 1000
            if as_told > power_w + tolerance_w(config, power_w):
                connector.meter.suspect(as_told, self.now.mono_ms, most_power_w(config))

    def _read_overdraw(self, charger: ChargerState, connector: Connector, power_w: int) -> None:
        """Compare a power measured now, W, with what is booked: the excess is taken off the rows (LEDGER.md §6)."""
        session = connector.session
        if session is not None and connector.provisioned:
            over_w = power_w - charger.connector_booked_w(connector)
            self.journal.plan |= session.overdraw.read(over_w, self.now.mono_ms)

    def _read_register(self, session: Session, sample: Sample, most_w: int) -> Doubt | None:
        """Let a reading of the register count for the energy of the session; return why it does not, or None."""
        if sample.energy_wh is None:
            return None
        known = session.flags
        begun_anew = registers.read(session, sample, most_w)
        doubt = session.metered(sample.energy_wh, self._most_wh(session, sample, most_w), sample.energy_step_wh)
        if begun_anew or session.flags != known:
            self.journal.write_session(session)
        return doubt

    def _most_wh(self, session: Session, sample: Sample, most_w: int) -> int:
        """Return the most that a session can have delivered at a reading, Wh, whatever clock its start was told by."""
        lasted_ms = max(sample.at_ms, self.now.wall_ms) - session.started_ms
        return most_energy_wh(most_w, max(lasted_ms, self.now.wall_ms - session.created_ms))

    def _catch_up(self, charger: ChargerState, session: Session, sample: Sample) -> None:
        """Let a reading of a queue, which steers nothing, be the last one known if it is higher.

        The stop may tell no register, or never come.
        """
        if sample.energy_wh is None or sample.at_ms < session.started_ms:
            return
        if sample.energy_wh <= (session.last_energy_wh or session.meter_start_wh):
            return
        most_w = most_power_w(charger.config)
        session.metered(sample.energy_wh, self._most_wh(session, sample, most_w), sample.energy_step_wh)

    def read_power(self, charger: ChargerState, connector: Connector, power_w: int) -> None:
        """Let a power measured now, W, move the demand of the session on a connector."""
        session = connector.session
        if session is None or session.driver is not Driver.OCPP:
            return
        self.journal.show(session.session_id)
        session.consumed_w = power_w
        self.transactions.prove(session)
        if session.parking.idle_ms is not None or session.parking.is_parked:
            self._read_parked(charger, session, power_w)
        limit_w = connector.limits.accepted_w(session.transaction_id)
        if limit_w is None and charger.config.is_observed:
            limit_w = charger.config.max_power_w
        if limit_w is None:
            return
        least_w = connector.limits.told_since_w(session.transaction_id)
        if self.state.tree.phase_caps:
            power_w = as_told_w(charger, connector, power_w)
        if session.demand.sampled(power_w, limit_w, charger.config, self.now.mono_ms, self.timings, least_w=least_w):
            self.journal.write_session(session)
            self.journal.plan = True

    def _read_parked(self, charger: ChargerState, session: Session, power_w: int) -> None:
        """Let a parked car that takes power by two samples in a row be one that has just come.

        The first one stops the clock that runs against it; alone it changes no limit (ALLOCATOR.md §5 point 7).
        """
        if not is_drawing(charger, power_w):
            return
        parking, previous_w = session.parking, session.demand.previous_w
        parking.idle_ms = None
        if parking.is_parked and previous_w is not None and is_drawing(charger, previous_w):
            parking.reset()
            self.journal.write_session(session)
            self.journal.log("session.unparked", *session.key, session_id=session.session_id)
            self.journal.plan = True


def _is_of_before_it_was_free(connector: Connector, sample: Sample) -> bool:
    """Return whether a free connector has said that nothing flows since a sample was taken, by its charger's clock.

    Only stamps within a minute of each other are compared: a charger may stamp the two kinds of message differently.
    """
    status, since_ms = connector.status, connector.status_at_ms
    if connector.session is not None or status is None or since_ms is None or MEANING[status].power_may_flow:
        return False
    return 0 < since_ms - sample.at_ms < STALE_MS


def _place(named: Session | None, ended: KnownTransaction | None) -> int:
    """Return the connector of the transaction that a sample without one names, open or not; 0 without."""
    if named is not None:
        return named.key.idx
    return 0 if ended is None else ended.idx


def _currents(charger: ChargerState, connector: Connector, sample: Sample) -> Lines | None:
    """Return the currents of a charger's phases, mA: as they were told, or what their powers are; None if unknown.

    All of a power may stand at L1, and placeholders beside it: what is more than one phase has been allowed is no power
    of one phase.
    """
    current_ma, config = sample.current_ma, charger.config
    is_told = current_ma is not None and max(current_ma) > DRAWN_MA
    if is_told or sample.phase_w is None or config.phases <= 1:
        return current_ma
    most_ma = config.max_power_w * 1000 // (config.voltage_v * config.phases)
    session = connector.session
    send = None if session is None else charger.limit_in_force(connector, session)
    if send is not None and send.form.unit is RateUnit.A:
        most_ma = min(most_ma, send.limit_w * 1000 // send.form.ampere_w)
    of_powers = in_currents(sample.phase_w, config.voltage_v)
    return of_powers if max(of_powers) <= most_ma + DRAWN_MA else current_ma
