"""Parking: a car that takes nothing gives its place to others, and is asked again (ALLOCATOR.md §5 point 4).

    held       offered its least or more, and SuspendedEV for 120 s           parked
    parked     1, 2, 4, 8, then every 15 minutes after it took nothing        offered its least
    offered    30 s under a limit of its least, and it takes nothing          parked
    any        two samples of power in a row, or its charger says Charging    as if it had just come

A parked car can take nothing, so it is cut to 0 as soon as somebody else is short, and not before (§5 point 6).
SuspendedEVSE is our own doing: a charger that says so takes what it is offered from nobody, so the clock of an offer
stands still, and what becomes of it is found out by `csms.core.offers`. A car that could not be woken is not parked:
where a charger cannot be paused, or its cars end the session at 0 W, it keeps its least. Nothing of this outlives a
restart: then the car is held anew.
"""

from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.demand import head_room_w, tolerance_w
from csms.core.events import ConnectorStatus
from csms.core.part import TimedPart
from csms.core.session import Parking, Session


class ParkingLot(TimedPart):
    """One round of parking and asking again; lives for one step."""

    def run(self) -> None:
        """Bring every session up to `now`; what changes takes part in the plan that follows."""
        for charger in self.state.chargers.values():
            for connector in charger.connectors.values():
                session = connector.session
                if session is None:
                    continue
                if charger.steerable(connector) is session and _can_be_woken(charger):
                    self._look(charger, connector, session)
                elif session.parking != Parking():
                    self._wake(session)

    def _look(self, charger: ChargerState, connector: Connector, session: Session) -> None:
        """Take one session as far as its status, its meter and the time say."""
        parking = session.parking
        if parking.is_parked and connector.status is ConnectorStatus.CHARGING:
            self._wake(session)
            return
        if parking.is_parked and not parking.is_offered:
            waits_ms = self.timings.offer_again_ms
            due_ms = (parking.since_ms or 0) + waits_ms[min(parking.refused, len(waits_ms) - 1)]
            if self._reached(due_ms):
                self._offer(charger, session)
            return
        if not self._takes_nothing(charger, connector, session):
            parking.idle_ms = None
            return
        if parking.idle_ms is None:
            parking.idle_ms = self.now.mono_ms
        patience_ms = self.timings.offer_ms if parking.is_offered else self.timings.hold_ms
        if self._reached(parking.idle_ms + patience_ms):
            self._park(session)

    def _takes_nothing(self, charger: ChargerState, connector: Connector, session: Session) -> bool:
        """Return whether a car is offered enough to charge with, and its charger says that it is the car that waits."""
        if session.parking.is_offered:
            drawn_w = session.demand.previous_w  # the next sample will tell whether it has begun
            waits = connector.status is not ConnectorStatus.SUSPENDED_EVSE
        else:
            drawn_w = connector.meter.fresh_w(self.now.mono_ms, self.timings.fresh_sample_ms)
            waits = connector.status is ConnectorStatus.SUSPENDED_EV
        if not waits or (drawn_w is not None and is_drawing(charger, drawn_w)):
            return False
        told_w = connector.limits.accepted_w(session.transaction_id)
        least_w = charger.manner.form.round_down(charger.config.min_power_w)
        return told_w is not None and told_w > 0 and told_w >= least_w

    def _park(self, session: Session) -> None:
        parking = session.parking
        parking.refused = parking.refused + 1 if parking.is_offered else 0
        parking.since_ms, parking.idle_ms, parking.is_offered = self.now.mono_ms, None, False
        self._changed(session, "session.parked")
        waits_ms = self.timings.offer_again_ms
        self.alarm.at(self.now.mono_ms + waits_ms[min(parking.refused, len(waits_ms) - 1)])

    def _offer(self, charger: ChargerState, session: Session) -> None:
        """Let a car have its least once more, after all others: nobody who charges is paused for it at once."""
        session.parking.is_offered = True
        self.state.turns += 1
        session.turn.order = self.state.turns
        least_w = max(head_room_w(charger.config), charger.config.min_power_w)
        session.demand.estimate_w = min(session.demand.declared_w, least_w)
        self._changed(session, "session.offered_again")

    def _wake(self, session: Session) -> None:
        was_parked = session.parking.is_parked
        session.parking.reset()
        if was_parked:
            self._changed(session, "session.unparked")

    def _changed(self, session: Session, kind: str) -> None:
        self.journal.plan = True
        self.journal.write_session(session)
        self.journal.log(kind, *session.key, session_id=session.session_id)


def is_drawing(charger: ChargerState, power_w: int) -> bool:
    """Return whether a power is more than a car takes that waits: it is within the tolerance of 0 W then."""
    return power_w > tolerance_w(charger.config, 0)


def _can_be_woken(charger: ChargerState) -> bool:
    return charger.pauses and not charger.config.needs_start_power
