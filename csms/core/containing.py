"""Hard actions against a connector that obeys no limit (LEDGER.md §6, the last two rungs of the ladder).

    when    it is not_obeying, every way to say a limit was tried and ignored, and one of its rows has been overbooked
            for 30 s: all others have been cut by then, and it was not enough
    first   RemoteStopTransaction; 30 s after the answer the transaction has ended, or it was ignored
    then    ChangeAvailability(Inoperative): when the stop was ignored, and when it was not, but the row is still
            overbooked: the next car would not obey either; 30 s after the answer it is Unavailable, or that was ignored
    again   what was ignored, after 10 min; a stop is left out where its make is known to ignore it
    back    ChangeAvailability(Operative) as soon as no row of it is overbooked, or it obeys; not while a maintenance
            keeps it Inoperative

Nothing of this frees power: a connector that ignores limits is booked at its maximum until it was seen to obey one.
"""

from csms.core.charger import ChargerState
from csms.core.commands import ChangeAvailability, RemoteStop
from csms.core.connector import Connector, Containment
from csms.core.events import ConnectorStatus
from csms.core.ids import ConnectionId, Now
from csms.core.journal import Journal
from csms.core.maintenance import is_kept_shut
from csms.core.part import TimedPart
from csms.core.records import Driver
from csms.core.state import HardCall, State
from csms.core.timings import Timings

DONE = frozenset({"Accepted", "Scheduled"})


class Container(TimedPart):
    """Takes hard actions; lives for one step."""

    def run(self) -> None:
        """Do what is due at every connector of every charger that can be spoken to."""
        for charger in self.state.chargers.values():
            if charger.connection is None or not charger.heard or charger.identity.in_conflict:
                continue
            if charger.is_left_alone:
                continue
            for connector in charger.connectors.values():
                if connector.containment.pending is None:
                    self._see_to(charger, connector, charger.connection)

    def _see_to(self, charger: ChargerState, connector: Connector, connection: ConnectionId) -> None:
        done = connector.containment
        if not connector.evidence.not_obeying:
            done.stopped = done.failed = done.stop_ignored = False
        self._judge_stop(charger, connector)
        self._judge_leaving(charger, connector)
        if not self._is_due(charger, connector):
            kept_shut = is_kept_shut(charger, connector.key.idx)
            if done.out_of_service and not kept_shut and self._reached(done.retry_ms):
                self._change_availability(charger, connector, connection, operative=True)
        elif done.stopping is None and not done.leaving and self._reached(done.retry_ms):
            self._next(charger, connector, connection)

    def _is_due(self, charger: ChargerState, connector: Connector) -> bool:
        """Return whether nothing else is left than to end what this connector draws."""
        evidence, path = connector.evidence, self.state.tree.rows[charger.charger_id]
        since_ms = [self.state.overbooked[node] for node in path if node in self.state.overbooked]
        if not evidence.not_obeying or evidence.walked_ms is None or not since_ms:
            return False
        return self._reached(max(evidence.walked_ms, min(since_ms)) + self.timings.settle_longest_ms)

    def _next(self, charger: ChargerState, connector: Connector, connection: ConnectionId) -> None:
        """Stop the transaction; without one, or when that is ignored, take the connector out of service."""
        done, session = connector.containment, connector.session
        runs = session is not None and session.driver is Driver.OCPP
        transaction_id = session.transaction_id if session is not None and runs else None
        if transaction_id is not None and not done.stop_ignored and charger.learnt.stops is not False:
            token = self.state.take_token()
            done.pending, done.stopping = token, transaction_id
            self.state.calls[token] = HardCall(charger.charger_id, connection, connector.key.idx, None)
            self.journal.after_commit.append(
                RemoteStop(token, connection, charger.charger_id, transaction_id, urgent=True)
            )
            self.journal.log("connector.stop_sent", *connector.key, transaction_id=transaction_id)
        elif not (done.out_of_service and connector.status is ConnectorStatus.UNAVAILABLE):
            self._change_availability(charger, connector, connection, operative=False)

    def _change_availability(
        self, charger: ChargerState, connector: Connector, connection: ConnectionId, *, operative: bool
    ) -> None:
        done, token = connector.containment, self.state.take_token()
        done.pending, done.leaving = token, not operative
        done.out_of_service = True  # until Operative was answered: what was sent may be done
        self.state.calls[token] = HardCall(charger.charger_id, connection, connector.key.idx, operative)
        self.journal.after_commit.append(
            ChangeAvailability(token, connection, charger.charger_id, connector.key.idx, operative)
        )
        self.journal.log("connector.availability_changed", *connector.key, operative=operative)
        self.journal.chargers.add(charger.charger_id)

    # --- what it has brought ------------------------------------------------------------------------------------------

    def _judge_stop(self, charger: ChargerState, connector: Connector) -> None:
        done, session = connector.containment, connector.session
        if done.stopping is None:
            return
        worked = session is None or session.transaction_id != done.stopping
        if not worked and not self._reached(done.since_ms + self.timings.settle_longest_ms):
            return
        done.stopping, done.stop_ignored, done.stopped = None, not worked, worked
        if worked:
            done.retry_ms = self.now.mono_ms + self.timings.settle_longest_ms
        if charger.learnt.stops is None or worked:
            charger.learnt.stops = worked
            self.journal.write_make(charger.boot)
        self.journal.log("connector.stop_judged", *connector.key, worked=worked)

    def _judge_leaving(self, charger: ChargerState, connector: Connector) -> None:
        done = connector.containment
        if not done.leaving:
            return
        worked = connector.status is ConnectorStatus.UNAVAILABLE
        if not worked and not self._reached(done.since_ms + self.timings.settle_longest_ms):
            return
        done.leaving, done.stop_ignored, done.failed = False, False, not worked
        if not worked:
            done.retry_ms = self.now.mono_ms + self.timings.refusing_retry_ms
        if charger.learnt.leaves_service is None or worked:
            charger.learnt.leaves_service = worked
            self.journal.write_make(charger.boot)
        self.journal.log("connector.leaving_judged", *connector.key, worked=worked)


def hard_answered(state: State, call: HardCall, answer: str, now: Now, timings: Timings, journal: Journal) -> None:
    """Take the answer to a hard action: whether it has an effect is seen, not told; only the way back is believed."""
    charger = state.chargers[call.charger_id]
    connector = charger.connectors.get(call.idx)
    if connector is None:
        return
    done = connector.containment
    done.pending, done.since_ms = None, now.mono_ms
    if call.operative is True:
        done.out_of_service = answer not in DONE
        done.retry_ms = now.mono_ms + (timings.refusing_retry_ms if done.out_of_service else 0)
        journal.chargers.add(charger.charger_id)
    journal.log("connector.hard_action_answered", *connector.key, answer=answer[:40])
    journal.plan = True


def hard_unanswered(state: State, call: HardCall, now: Now, timings: Timings, journal: Journal) -> None:
    """Take it that a hard action was not answered: it is judged by nothing, and taken again."""
    charger = state.chargers.get(call.charger_id)
    connector = None if charger is None else charger.connectors.get(call.idx)
    if connector is None:
        return
    done: Containment = connector.containment
    done.pending, done.stopping, done.leaving = None, None, False
    done.retry_ms = now.mono_ms + timings.settle_longest_ms
    journal.plan = True
