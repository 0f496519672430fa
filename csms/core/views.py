"""What others are shown of the state: plain copies, taken when something changed."""

from csms.core.charger import ChargerState
from csms.core.replies import ChargerView, SessionView
from csms.core.session import Session
from csms.core.state import State


def session_view(state: State, session: Session) -> SessionView:
    """Return one session as it is now."""
    connector = state.connector(session.key)
    charger = state.chargers.get(session.key.charger_id)
    holds = connector is not None and connector.session is session
    booked_w = charger.connector_booked_w(connector) if charger is not None and connector is not None and holds else 0
    return SessionView(
        session_id=session.session_id,
        driver=session.driver,
        charger_id=session.key.charger_id,
        idx=session.key.idx,
        transaction_id=session.transaction_id,
        allocated_w=session.answered_w,
        target_w=session.target_w,
        vehicle_max_w=session.max_w,
        booked_w=booked_w,
        consumed_w=session.consumed_w,
        limited_by=session.limited_by,
        energy_wh=session.energy_wh,
        started_ms=session.started_ms,
    )


def charger_view(charger: ChargerState) -> ChargerView:
    """Return one charger as it is now."""
    return ChargerView(
        charger_id=charger.charger_id,
        served=charger.served,
        online=charger.connection is not None,
        provisioned=all(c.provisioned for c in charger.connectors.values()),
        booked_w=charger.booked_w(),
        settings=charger.settings.values,
        capabilities=charger.settings.capabilities,
        changes=charger.settings.changes,
        suggested=charger.settings.wishes,
    )
