"""P sets kept apart from the engine: the least that the law lets anyone book (LEDGER.md §1, §4).

The mirror hears what the engine hears and sees what it sends, and frees a send at the earliest moment at which one
reading of the rules (a), (b), (c) allows it. Where the law leaves room it takes the lower value: the engine may book
more, never less. Rows in the store take the place of memory after a crash.
"""

from collections.abc import Iterable

from csms.core.commands import ClearLimits, Command, Purpose, ReadConfiguration, SetLimit, Trigger
from csms.core.events import (
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    ConfigurationRead,
    ConnectorStatus,
    Fact,
    MeterSampled,
    StartKey,
    StationConfigured,
    StatusNotified,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectorKey, Token
from csms.core.records import (
    ChargerForgotten,
    ChargerStored,
    Driver,
    EndReason,
    MakeStored,
    Record,
    SendState,
    SendStored,
    SessionStored,
)
from csms.core.session import HISTORIC
from csms.core.settings import KeyStored
from csms.core.station import Charger, Control, Station
from csms.simulation import phases
from csms.simulation.freeing import (
    ASSERT_MS,
    clearable,
    free_tx,
    hand_over,
    is_zombie,
    may_be_provisioned,
    may_have_gone,
    settle_defaults,
    superseded,
    tolerance_w,
)
from csms.simulation.heard import MOST_LEVELS, HeardCharger, HeardConnector, HeardSend
from csms.simulation.store import Store
from csms.simulation.wiring import NOTHING, Amounts, Own

DC_PLUG_W = 500_000
AC_PLUG_A = 63
STAMPS_COMPARE_MS = 120_000
CONFLICT_TAKEOVERS = 4
CONFLICT_MS = 60_000


class Mirror:
    """Lower bounds of K, from facts and commands alone."""

    def __init__(self, store: Store, now_ms: int) -> None:
        self.now_ms = now_ms
        self.station: Station = store.station
        self.chargers: dict[ChargerId, HeardCharger] = {}
        self._sends: dict[Token, tuple[HeardCharger, HeardSend]] = {}
        self._booked_w: dict[ConnectorKey, int] = {}
        self._configure(store.station)
        self._makes = {row.make: row.learnt for row in store.makes.values()}
        for row in store.chargers.values():
            if row.draining is not None:
                self._add(row.draining).is_draining = True
            charger = self.chargers.get(row.charger_id)
            if charger is not None:
                charger.ever_connected = row.ever_connected
                charger.provisioned = {idx for idx, done in enumerate(row.provisioned, 1) if done}
                charger.was_cleared = any(row.provisioned)
                if (row.charger_id, row.max_booked_w) in store.maxima_w:  # what a meter has raised may be withdrawn
                    charger.most_w = max(charger.most_w, row.max_booked_w)
                for idx in charger.provisioned & charger.connectors.keys():
                    charger.connectors[idx].tx_cleared = True
                charger.keeps_tx = self._keeps_tx(row)
                charger.learn({k: v.value if isinstance(v, KeyStored) else v for k, v in row.configuration.items()})
        for session in store.sessions.values():
            self.session_stored(session)
            connector = self._connector(session.charger_id, session.idx)
            if connector is not None and session.ended_ms is not None and session.transaction_id is not None:
                connector.ended.add(session.transaction_id)
        for send_row in store.sends.values():  # last: with which transaction each goes is written in its row
            self._recover(send_row)

    # --- bounds ------------------------------------------------------------------------------------------------------

    def booked_w(self, key: ConnectorKey) -> int:
        """Return the least K of a connector: it is asked for often, and changes with facts and commands alone."""
        booked_w = self._booked_w.get(key)
        if booked_w is None:
            booked_w = self._booked_w[key] = self._least_w(key)
        return booked_w

    def _least_w(self, key: ConnectorKey) -> int:
        charger = self.chargers.get(key.charger_id)
        if charger is None or key.idx not in charger.connectors or charger.is_drained:
            return 0
        connector = charger.connectors[key.idx]
        rest_w = sum(connector.rest_w.values())
        if not self.is_steered(charger):
            return rest_w
        if key.idx in charger.provisioned:
            default_w = max((send.limit_w for send in charger.defaults), default=0)
        else:
            default_w = charger.uncontrolled_w
        return max(default_w, rest_w, *(send.limit_w for send in connector.sends), 0)

    def charger_booked_w(self, charger_id: ChargerId) -> int:
        """Return the least K of a charger."""
        charger = self.chargers.get(charger_id)
        if charger is None or charger.is_drained:
            return 0
        if charger.charger.control is Control.NONE:
            return charger.charger.uncontrolled_power_w
        total_w = sum(self.booked_w(ConnectorKey(charger_id, idx)) for idx in charger.connectors)
        if charger.ever_connected or charger.charger.control is not Control.OCPP:
            return min(charger.most_w, total_w)
        return min(charger.uncontrolled_w, max(total_w, charger.uncontrolled_w))

    def phases_booked(self, charger_id: ChargerId) -> Amounts:
        """Return the least K of a charger on each phase, sixths of a watt."""
        charger = self.chargers[charger_id]
        config, most_w = charger.charger, charger.most_w
        if charger.is_drained:
            return NOTHING
        if config.control is Control.NONE:
            return phases.of_all(config, most_w, config.uncontrolled_power_w)
        is_steered = self.is_steered(charger)
        known = unknown = NOTHING
        doubts = config.control is Control.OCPP and not charger.ever_connected
        for idx, connector in charger.connectors.items():
            told = [phases.Told(sum(connector.rest_w.values()), None)]
            used: list[Own] = []
            if is_steered:
                told += [phases.Told(send.limit_w, send.form) for send in (*connector.sends, *charger.defaults)]
                if connector.open_id is not None:
                    used = phases.learnt(connector.shown, charger.connection)
            amounts = phases.of_connector(config, most_w, told, used)
            if is_steered and idx not in charger.provisioned:
                doubts, unknown = True, phases.added(unknown, amounts)
            else:
                known = phases.added(known, amounts)
        if doubts:
            unknown = phases.highest(unknown, phases.of_all(config, most_w, charger.uncontrolled_w))
        return phases.at_most(config, most_w, phases.added(known, unknown))

    def sends_in_force(self) -> frozenset[tuple[Token, int]]:
        """Return token and limit of every send that no rule has freed."""
        return frozenset(
            (send.token, send.limit_w)
            for charger in self.chargers.values()
            if not charger.is_drained
            for sends in (charger.defaults, *(connector.sends for connector in charger.connectors.values()))
            for send in sends
        )

    # --- what happens ------------------------------------------------------------------------------------------------

    def hear(self, facts: Iterable[Fact], now_ms: int) -> None:
        """Take the facts of one step."""
        self.now_ms = now_ms
        for fact in facts:
            self._hear(fact)
        self._free()

    def read(self, records: Iterable[Record]) -> None:
        """Take the rows of one step: what became of its facts."""
        for record in records:
            self._see_record(record)

    def see(self, commands: Iterable[Command]) -> None:
        """Take the commands of one step."""
        for command in commands:
            charger = self.chargers.get(command.charger_id)
            if charger is None:
                continue
            if isinstance(command, SetLimit):
                self._book(charger, command)
            elif isinstance(command, ClearLimits):
                charger.clears[command.token] = command
                if command.idx is None and command.stack_level is not None:
                    charger.clearings[command.stack_level] = command.token
                charger.clearable[command.token] = clearable(charger, command, self.now_ms)
            elif isinstance(command, ReadConfiguration):
                charger.reads.add(command.token)
            elif isinstance(command, Trigger) and not charger.has_spoken:
                charger.asked.add(command.token)
        self._free()

    def _see_record(self, record: Record) -> None:
        if isinstance(record, SessionStored):
            self.session_stored(record)
        elif isinstance(record, ChargerForgotten):
            self.chargers.pop(record.charger_id, None)
            again = self.station.charger(record.charger_id)
            if again is not None:  # removed and brought back within one step
                self._add(again)
        elif isinstance(record, MakeStored):
            self._makes[record.make] = record.learnt
        elif isinstance(record, ChargerStored):
            self._let_go(record)
            if record.charger_id in self.chargers:
                self.chargers[record.charger_id].keeps_tx = self._keeps_tx(record)

    def session_stored(self, row: SessionStored) -> None:
        """Take the latest word on a session."""
        connector = self._connector(row.charger_id, row.idx)
        if connector is None:
            return
        if row.driver is Driver.REST:
            if row.ended_ms is None:
                connector.rest_w[row.session_id] = max(row.answered_w, row.obeyed_w)
            else:
                connector.rest_w.pop(row.session_id, None)
        elif HISTORIC in row.flags and (connector.current is None or connector.current.session_id != row.session_id):
            return  # a record of the past runs nowhere
        elif (row.ended_ms is None and (connector.current is None or connector.current.rank <= row.rank)) or (
            connector.current is not None and connector.current.session_id == row.session_id
        ):
            newer = connector.current is None or connector.current.session_id != row.session_id
            if newer:
                connector.shown = [each for each in connector.shown if each.at_ms == self.now_ms]
            if newer and row.transaction_id is not None:
                hand_over(connector, row.transaction_id, self.now_ms)
            connector.current = row
            is_over = row.end_reason == EndReason.CLOSED or is_zombie(connector, self.now_ms)
            if row.ended_ms is not None and row.transaction_id is not None and is_over:
                connector.ended.add(row.transaction_id)  # by its own word, or an operator's: nothing brings it back

    def _connector(self, charger_id: ChargerId, idx: int) -> HeardConnector | None:
        charger = self.chargers.get(charger_id)
        return None if charger is None else charger.connectors.get(idx)

    def _keeps_tx(self, row: ChargerStored) -> bool:
        learnt = None if row.boot is None or row.boot.make is None else self._makes.get(row.boot.make)
        return learnt is not None and learnt.keeps_tx_profile is True

    def _let_go(self, row: ChargerStored) -> None:
        """A drained charger is let go by the operator's act: if it ever comes back, it is a new one."""
        charger = self.chargers.get(row.charger_id)
        if charger is not None and charger.is_drained and not row.ever_connected:
            charger = self._add(charger.charger, charger.top_level)
            charger.is_draining = charger.is_let_go = True

    def _configure(self, station: Station) -> None:
        self.station = station
        wanted = {charger.charger_id: charger for charger in station.chargers}
        for charger_id in [known for known in self.chargers if known not in wanted]:
            self.chargers[charger_id].is_draining = True
        for charger_id, charger in wanted.items():
            known = self.chargers.get(charger_id)
            if known is None or known.is_let_go:
                self._add(charger, MOST_LEVELS if known is None else known.top_level)
            else:
                known.charger = charger
                known.is_draining = False
                known.most_w = max(known.most_w, charger.max_power_w)

    def _add(self, charger: Charger, top_level: int = MOST_LEVELS) -> HeardCharger:
        connectors = {idx: HeardConnector() for idx in range(1, charger.connectors + 1)}
        added = HeardCharger(charger, charger.max_power_w, connectors, top_level=top_level)
        self.chargers[charger.charger_id] = added
        return added

    def _recover(self, row: SendStored) -> None:
        charger = self.chargers.get(row.charger_id)
        if charger is None:
            return
        answered = row.state in {SendState.ACCEPTED, SendState.SETTLED, SendState.REFUSED}
        send = HeardSend(
            row.token,
            row.idx,
            row.purpose,
            row.limit_w,
            row.form,
            row.transaction_id,
            None,
            self.now_ms,
            handed=True,
            answered=answered,
            accepted_ms=self.now_ms if row.state in {SendState.ACCEPTED, SendState.SETTLED} else None,
            settled=row.state is SendState.SETTLED,
            lost_ms=self.now_ms,
        )
        self._place(charger, send)

    def _book(self, charger: HeardCharger, command: SetLimit) -> None:
        send = HeardSend(
            command.token,
            command.idx,
            command.purpose,
            command.limit_w,
            command.form,
            command.transaction_id,
            command.connection,
            self.now_ms,
        )
        self._place(charger, send)

    def _place(self, charger: HeardCharger, send: HeardSend) -> None:
        if send.idx == 0:
            charger.defaults.append(send)
        elif send.idx in charger.connectors:
            charger.connectors[send.idx].sends.append(send)
        self._sends[send.token] = (charger, send)

    def _hear(self, fact: Fact) -> None:
        match fact:
            case StationConfigured():
                self._configure(fact.station)
            case ChargerConnected() | ChargerDisconnected():
                self._connection(fact)
            case ChargerHeard():
                self._spoken(fact)
            case ChargerBooted():
                self._spoken(fact)
                self._booted(fact)
            case CallSent() | CallUnsent() | CallAnswered() | CallErrored() | CallTimedOut() | ConfigurationRead():
                self._call(fact)
            case StatusNotified():
                self._status(fact)
            case MeterSampled():
                self._sample(fact)
            case TransactionStarted():
                self._start(fact.key)
            case TransactionStopped():
                self._stop(fact)
            case _:
                pass

    def _connection(self, fact: ChargerConnected | ChargerDisconnected) -> None:
        charger = self.chargers.get(fact.charger_id)
        if charger is None:
            return
        if isinstance(fact, ChargerConnected):
            charger.ever_connected = True
            charger.connection, charger.has_spoken = fact.connection, False
            charger.asked.clear()
            if fact.takes_over:
                self._taken_over(charger)
            return
        if charger.connection == fact.connection:
            charger.connection = None
        for owner, send in self._sends.values():
            if owner is charger and send.connection == fact.connection and not send.answered and send.lost_ms is None:
                send.lost_ms = self.now_ms

    def _taken_over(self, charger: HeardCharger) -> None:
        """Take a takeover: after too many nothing is told to the charger, and what it boots for waits."""
        charger.takeovers_ms = [*charger.takeovers_ms, self.now_ms][-CONFLICT_TAKEOVERS:]
        is_fast = self.now_ms - charger.takeovers_ms[0] <= CONFLICT_MS
        if len(charger.takeovers_ms) == CONFLICT_TAKEOVERS and is_fast:
            charger.is_two, charger.asserting_ms = True, None

    def _spoken(self, fact: ChargerHeard | ChargerBooted) -> None:
        charger = self.chargers.get(fact.charger_id)
        if charger is not None and charger.connection == fact.connection:
            charger.has_spoken = True

    def _booted(self, fact: ChargerBooted) -> None:
        charger = self.chargers.get(fact.charger_id)
        if charger is None or charger.connection != fact.connection:
            return
        charger.is_default_due = True
        if charger.asserting_ms is None and charger.provisioned and not charger.is_two:
            charger.asserting_ms = self.now_ms

    def _call(
        self, fact: CallSent | CallUnsent | CallAnswered | CallErrored | CallTimedOut | ConfigurationRead
    ) -> None:
        owner = self._sends.get(fact.token)
        if owner is None:
            self._other_call(fact)
            return
        charger, send = owner
        match fact:
            case CallSent():
                send.handed, send.left_ms = True, self.now_ms
            case CallUnsent() if not send.handed:
                self._drop(charger, send)
            case CallTimedOut():
                send.lost_ms = self.now_ms if send.lost_ms is None else send.lost_ms
            case CallAnswered() if send.idx == 0 and fact.status == "Accepted" and may_have_gone(charger, send):
                pass  # it stays lost, and booked: whether it stands is not known
            case CallAnswered() | CallErrored() if not send.answered:
                send.answered, send.answered_ms = True, self.now_ms
                if isinstance(fact, CallAnswered) and fact.status == "Accepted":
                    send.accepted_ms = self.now_ms
                    if send.idx == 0:
                        charger.is_default_due, charger.asserting_ms = False, None
            case _:
                pass

    def _other_call(self, fact: Fact) -> None:
        for charger in self.chargers.values():
            if isinstance(fact, CallAnswered | CallErrored) and fact.token in charger.asked:
                charger.has_spoken = True
            if isinstance(fact, CallAnswered) and fact.token in charger.clears:
                clear = charger.clears.pop(fact.token)
                has_default = any(send.accepted_ms is not None for send in charger.defaults)
                is_default = clear.purpose is Purpose.DEFAULT
                if fact.status in {"Accepted", "Unknown"} and has_default and is_default:
                    charger.cleared.add((clear.idx, clear.stack_level))
                gone = charger.clearable.pop(fact.token)
                if fact.status in {"Accepted", "Unknown"} and is_default:
                    own = [send for connector in charger.connectors.values() for send in connector.sends]
                    for send in (*charger.defaults, *own):
                        send.level_cleared |= send.token in gone
                elif fact.status in {"Accepted", "Unknown"} and clear.idx in charger.connectors:
                    connector = charger.connectors[clear.idx]
                    connector.sends = [send for send in connector.sends if send.token not in gone]
                    connector.tx_cleared |= clear.purpose is Purpose.TX
            elif isinstance(fact, ConfigurationRead) and fact.token in charger.reads:
                charger.learn(fact.values)

    def _status(self, fact: StatusNotified) -> None:
        connector = self._connector(fact.charger_id, fact.idx)
        if connector is None:
            return
        newest = newest_lately = fact.status
        if fact.at_ms is not None and fact.at_ms < connector.stamped_ms:
            newest = connector.statuses[1]
        compares = self.now_ms - connector.lately_seen_ms < STAMPS_COMPARE_MS
        if fact.at_ms is not None and fact.at_ms < connector.lately_stamped_ms and compares:
            newest_lately = connector.statuses[2]
        else:
            connector.lately_stamped_ms, connector.lately_seen_ms = fact.at_ms or 0, self.now_ms
        connector.statuses = (fact.status, newest, newest_lately)
        connector.stamped_ms = max(connector.stamped_ms, fact.at_ms or 0)
        if ConnectorStatus.AVAILABLE not in connector.statuses:
            connector.available_since_ms = None
        elif connector.available_since_ms is None:
            connector.available_since_ms = self.now_ms

    def _sample(self, fact: MeterSampled) -> None:
        charger = self.chargers.get(fact.charger_id)
        connector = None if fact.idx is None else self._connector(fact.charger_id, fact.idx)
        if charger is None or connector is None:
            return
        if connector.available_since_ms is not None and fact.transaction_id == connector.open_id is not None:
            connector.available_since_ms = self.now_ms  # what a sample names is not over
        for sample in fact.samples:
            shown = phases.shown_by(sample, charger.charger, charger.connection, self.now_ms)
            if shown is not None:
                connector.shown.append(shown)
            if sample.power_w is None or sample.power_w > _most_metered_w(charger.charger):
                continue  # no power that flows
            connector.sample_w, connector.sample_ms = sample.power_w, self.now_ms
            is_newest = sample.at_ms >= connector.newest_at_ms
            connector.newest_at_ms = max(connector.newest_at_ms, sample.at_ms)
            for send in connector.sends:
                below = sample.power_w <= send.limit_w + tolerance_w(charger.charger, send)
                if send.accepted_ms is not None and below:
                    send.settled = True
                elif not below and is_newest:
                    send.above_ms = self.now_ms

    def _start(self, key: StartKey) -> None:
        connector = self._connector(key.charger_id, key.idx)
        if connector is None:
            return
        if connector.available_since_ms is not None:
            connector.available_since_ms = self.now_ms  # a session cannot be older than its start
        if connector.current is None:
            return
        current = connector.current
        if key.started_ms > current.started_ms and current.transaction_id is not None:
            connector.ended.add(current.transaction_id)

    def _stop(self, fact: TransactionStopped) -> None:
        charger = self.chargers.get(fact.charger_id)
        if charger is None:
            return
        for connector in charger.connectors.values():
            connector.ended.add(fact.transaction_id)

    # --- freeing -----------------------------------------------------------------------------------------------------

    def _free(self) -> None:
        for charger in self.chargers.values():
            if charger.asserting_ms is not None and self.now_ms >= charger.asserting_ms + ASSERT_MS:
                charger.asserting_ms = None
                charger.provisioned.clear()
            settle_defaults(charger, self.now_ms)
            charger.defaults = superseded(charger.defaults)
            for idx, connector in charger.connectors.items():
                if connector.sends:
                    free_tx(charger.charger, connector, self.now_ms, keeps_tx=charger.keeps_tx)
                if idx not in charger.provisioned and may_be_provisioned(charger, connector):
                    charger.provisioned.add(idx)
            if charger.most_w > charger.charger.max_power_w:
                self._lower_most(charger)
        self._booked_w.clear()

    def _lower_most(self, charger: HeardCharger) -> None:
        keys = [ConnectorKey(charger.charger.charger_id, idx) for idx in charger.connectors]
        if sum(self._least_w(key) for key in keys) <= charger.charger.max_power_w:
            charger.most_w = charger.charger.max_power_w

    def _drop(self, charger: HeardCharger, send: HeardSend) -> None:
        if send in charger.defaults:
            charger.defaults.remove(send)
        for connector in charger.connectors.values():
            if send in connector.sends:
                connector.sends.remove(send)

    @staticmethod
    def is_steered(charger: HeardCharger) -> bool:
        """Return whether what it is told over OCPP counts for it."""
        is_ocpp = charger.charger.control in {Control.AUTO, Control.OCPP}
        return is_ocpp and charger.ever_connected and not charger.is_drained


def _most_metered_w(charger: Charger) -> int:
    """Return above what a power is none that flows, W: half as much again as configured, or what a plug carries."""
    plug_w = DC_PLUG_W if charger.is_dc else 3 * AC_PLUG_A * charger.voltage_v * 5 // 4
    return max(charger.max_power_w * 3 // 2, plug_w)
