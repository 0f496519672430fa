"""Whether a charger offers its cars what it was told (docs/adr/0010, items 6 and 7).

    told power, and says that it offers none (§4.9)   the other purpose of profile is tried, then 0 W is not told again
    told power, and its car stays at its default      the other purpose of profile is tried

A charger may accept a TxProfile and heed the default alone. Where that is 0 W it says SuspendedEVSE; where it is more
(mode `reserve`, or 0 refused) it says nothing, and only the power shows it. What has no effect is cleared. A car that
draws more than the default shows that the way works, and then it is learnt for the make.
"""

from csms.core.charger import ChargerState
from csms.core.commands import Purpose
from csms.core.connector import Connector
from csms.core.demand import tolerance_w
from csms.core.events import ConnectorStatus
from csms.core.ids import ConnectorKey
from csms.core.journal import Journal
from csms.core.part import Alarm, Part
from csms.core.session import Session
from csms.core.state import State


class Offers(Part):
    """Watches what running transactions are offered; lives for one step."""

    def draws(self, charger: ChargerState, connector: Connector, session: Session, power_w: int) -> None:
        """Note that a car draws what it was told: more than its charger's default alone would let flow."""
        own = (send for send in connector.limits.sends if send.transaction_id == session.transaction_id)
        if not any(send.answered_accepted and send.limit_w > 0 for send in own):
            return  # that is what another central system had offered, or was offered to the transaction before
        default_w = charger.defaults.power_w
        margin_w = tolerance_w(charger.config, default_w)
        if default_w > 0 and power_w <= default_w + margin_w:
            is_held = _held_at_default(charger, connector, session, power_w)
            if session.offered_ms is not None and not is_held:
                session.offered_ms = self.now.mono_ms  # it takes no more, or was told no more: that shows nothing
            return
        if session.detour and not session.drew:
            charger.learnt.manner = charger.manner
            self.journal.write_make(charger.boot)
        session.drew, session.offered_ms = True, None

    def watch(self, charger: ChargerState, connector: Connector, session: Session, alarm: Alarm) -> None:
        """Find out why a charger offers nothing, by its own word (§4.9), although it is told power.

        It may heed profiles of the other purpose only: a transaction that never drew any power, or never more than the
        default, is told so. Else 0 W is the end for it: then its make is never told 0 again, by its default neither,
        under which a transaction begins.
        """
        if session.offered_ms is None:
            return
        offers_none = connector.status is ConnectorStatus.SUSPENDED_EVSE
        since_ms = max(session.offered_ms, connector.status_ms) if offers_none else session.offered_ms
        if not session.drew and not session.detour:
            drawn_w = session.demand.previous_w
            is_held = offers_none or _held_at_default(charger, connector, session, drawn_w)
            if is_held and alarm.reached(since_ms + self.timings.detour_ms, self.now):
                self._detour(charger, connector, session)
            return
        if offers_none and alarm.reached(since_ms + self.timings.resume_ms, self.now):
            session.offered_ms = None
            if not session.drew:
                charger.provisioning.manner = None
            never_pause(self.state, charger, self.journal, connector.key)

    def _detour(self, charger: ChargerState, connector: Connector, session: Session) -> None:
        """Say the limits of a transaction in the other purpose, unless the present one works at another connector.

        The purpose is changed once for all that try: a transaction that was told in the one before follows.
        """
        told = connector.limits.last
        if told is not None and told.expires and not charger.provisioning.without_expiry:
            charger.provisioning.without_expiry = session.steering.reassert = self.journal.plan = True
            session.offered_ms = self.now.mono_ms
            return  # its clock may have let the limit expire
        session.detour = True
        if told is None or told.purpose is charger.manner.purpose:
            others = [way for way in charger.manners if way.purpose is not charger.manner.purpose]
            if not others or any(other.drew or other.detour for other in charger.sessions() if other is not session):
                if told is not None and told.purpose is Purpose.DEFAULT:
                    connector.aftermath.clear()  # a TxProfile that was said to be refused may hide our limit here alone
                return
            charger.provisioning.manner = others[0]
        connector.aftermath.clear()
        session.steering.reassert = True
        self.journal.log("limit.without_effect", *connector.key, next=charger.manner.purpose)
        self.journal.plan = True


def never_pause(state: State, charger: ChargerState, journal: Journal, key: ConnectorKey) -> None:
    """Note that chargers of this make are told 0 W no more, by their default neither."""
    charger.learnt.pauses = False
    for other in state.chargers.values():
        other.provisioning.default_due |= other.learnt is charger.learnt
    journal.write_make(charger.boot)
    journal.log("make.learnt", *key, pauses=False)
    journal.plan = True


def _held_at_default(charger: ChargerState, connector: Connector, session: Session, drawn_w: int | None) -> bool:
    """Return whether a car draws just what the charger's default lets flow, although it is told much more."""
    default_w = charger.defaults.power_w
    limit = charger.limit_in_force(connector, session)
    if default_w == 0 or limit is None or drawn_w is None:
        return False
    margin_w = tolerance_w(charger.config, default_w)
    return limit.limit_w >= default_w + 2 * margin_w and drawn_w >= default_w - margin_w
