"""What others are shown of the state: plain copies, taken when something changed."""

from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.phase_booking import used_by
from csms.core.records import Driver
from csms.core.replies import BatteryView, ChargerView, ConnectorView, SessionView
from csms.core.session import Session
from csms.core.state import State
from csms.core.supply import granted_w
from csms.core.terms import first_said, standing


def battery_view(state: State) -> BatteryView | None:
    """Return the battery as it is now; None: there is none, or it was never read."""
    reading, said = state.supply.reading, state.supply.said
    if reading is None:
        return None
    return BatteryView(
        soc_ppm=reading.soc_ppm,
        power_w=reading.power_w,
        set_point_w=None if said is None else said.power_w,
        granted_w=granted_w(state),
        booked_w=state.tree.load_w,
        computed=reading.computed,
    )


def session_view(state: State, session: Session) -> SessionView:
    """Return one session as it is now."""
    connector = state.connector(session.key)
    charger = state.chargers.get(session.key.charger_id)
    holds = connector is not None and connector.session is session
    observed = charger is not None and charger.config.is_observed and session.driver is Driver.OCPP
    booked_w = charger.connector_booked_w(connector) if charger is not None and connector is not None and holds else 0
    weight, priority = (
        standing(session.own_terms, session.tag_terms) if charger is None else session.standing_at(charger.config)
    )
    return SessionView(
        session_id=session.session_id,
        driver=session.driver,
        charger_id=session.key.charger_id,
        idx=session.key.idx,
        transaction_id=session.transaction_id,
        allocated_w=session.target_w if observed else session.answered_w,
        target_w=session.target_w,
        vehicle_max_w=session.max_w,
        booked_w=booked_w,
        consumed_w=session.consumed_w,
        limited_by=session.limited_by,
        energy_wh=session.energy_wh,
        started_ms=session.started_ms,
        observed=observed,
        firm_w=session.firm_w if session.driver is Driver.REST else None,
        weight=weight,
        priority=priority,
        terms=first_said(session.own_terms, session.tag_terms),
        phases=used_by(charger, connector) if charger is not None and connector is not None and holds else None,
    )


def is_shown(charger: ChargerState, view: ChargerView | None) -> bool:
    """Return whether a charger that no fact has touched still is as it was shown: what time alone may change in it."""
    return (
        view is not None
        and view.booked_w == charger.booked_w()
        and view.refusing is (charger.refusing_until_ms is not None)
        and view.identity_conflict is charger.identity.in_conflict
        and view.served is charger.served
        and view.provisioned is all(connector.provisioned for connector in charger.connectors.values())
        and view.settings is charger.settings.values
        and view.changes is charger.settings.changes
        and view.suggested is charger.settings.wishes
        and view.caps == charger.caps
        and view.release is charger.release
    )


def charger_view(charger: ChargerState) -> ChargerView:
    """Return one charger as it is now."""
    observed = charger.config.is_observed
    settled = None if observed else charger.defaults.settled
    online = charger.connection is not None
    return ChargerView(
        charger_id=charger.charger_id,
        served=charger.served,
        online=online,
        provisioned=all(c.provisioned for c in charger.connectors.values()),
        booked_w=charger.booked_w(),
        settings=charger.settings.values,
        capabilities=charger.settings.capabilities,
        changes=charger.settings.changes,
        suggested=charger.settings.wishes,
        boot=charger.boot,
        connected_ms=charger.connected_wall_ms if online else None,
        address=charger.identity.address if online else None,
        connectors=tuple(_connector_view(charger, connector) for connector in charger.connectors.values()),
        fail_safe_w=None if settled is None else settled.limit_w,
        draining=charger.draining,
        identity_conflict=charger.identity.in_conflict,
        refusing=charger.refusing_until_ms is not None,
        caps=charger.caps,
        observed=observed,
        certificate_request=charger.certificate_request,
        maintenance=charger.maintenance.get(0),
        release=charger.release,
    )


def _connector_view(charger: ChargerState, connector: Connector) -> ConnectorView:
    session = connector.session
    return ConnectorView(
        idx=connector.key.idx,
        status=connector.status,
        status_since_ms=connector.status_wall_ms,
        session_id=None if session is None else session.session_id,
        booked_w=charger.connector_booked_w(connector),
        confirmed_w=_confirmed_w(charger, connector),
        provisioned=connector.provisioned,
        not_obeying=connector.evidence.not_obeying,
        out_of_service=connector.containment.out_of_service,
        maintenance=charger.maintenance.get(connector.key.idx),
    )


def _confirmed_w(charger: ChargerState, connector: Connector) -> int | None:
    """Return the limit that a connector is known to have, W; of an observed charger others may have changed it."""
    if charger.config.is_observed:
        return None
    session = connector.session
    if session is not None and session.transaction_id is not None:
        send = charger.limit_in_force(connector, session)
    else:
        send = charger.defaults.settled if connector.provisioned else None
    return None if send is None else send.limit_w
