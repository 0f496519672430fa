"""RemoteStartTransaction, RemoteStopTransaction, UnlockConnector (OCPP 1.6 §5.11, §5.12, §5.18)."""

from typing import Any

from simulators.connector import Connector
from simulators.profiles import Purpose, Refused, parse_profile
from simulators.remote.base import Base
from simulators.traits import Offer
from simulators.vendor import call_result, enums, on

DEFAULT_CAR_STAYS_MS = 5_000
"""How long the default car stays after its transaction."""


class Transactions(Base):
    """Starting and stopping from afar."""

    @on(enums.Action.remote_start_transaction)
    def remote_start_transaction(
        self,
        id_tag: str,
        connector_id: int | None = None,
        charging_profile: dict[str, Any] | None = None,
        **_: Any,
    ) -> Any:
        """§5.11: accepted when somebody could charge there; the default car drives up if nobody has plugged in."""
        status = enums.RemoteStartStopStatus
        connector = self._free_connector(connector_id)
        if connector is None or not self._charger.registration.accepted:
            return call_result.RemoteStartTransaction(status=status.rejected)
        if charging_profile is not None:
            profile = parse_profile(charging_profile)
            if isinstance(profile, Refused) or profile.purpose is not Purpose.TX or profile.transaction_id is not None:
                return call_result.RemoteStartTransaction(status=status.rejected)
            if self._charger.take_profile(Offer(connector.idx, profile)) is not None:
                return call_result.RemoteStartTransaction(status=status.rejected)
        self._later(lambda: self._start(connector, id_tag))
        return call_result.RemoteStartTransaction(status=status.accepted)

    def _free_connector(self, idx: int | None) -> Connector | None:
        """Return the connector named, or the best one for somebody to start at; None when it cannot be."""
        usable = [
            c
            for c in self._charger.connectors
            if c.takes_sessions and c.transaction is None and c.authorized is None and idx in (None, c.idx)
        ]
        return next((c for c in usable if c.car is not None), usable[0] if usable else None)

    def _start(self, connector: Connector, id_tag: str) -> None:
        charger = self._charger
        if connector.car is None and charger.default_car is not None:
            charger.sessions.plug(connector, charger.default_car(connector), stays_ms=DEFAULT_CAR_STAYS_MS)
        if charger.configuration.flag("AuthorizeRemoteTxRequests"):
            charger.sessions.authorize(connector, id_tag)
        else:
            charger.sessions.admit(connector, id_tag)

    @on(enums.Action.remote_stop_transaction)
    def remote_stop_transaction(self, transaction_id: int, **_: Any) -> Any:
        """§5.12."""
        connector = self._charger.sessions.find(transaction_id)
        if connector is None:
            return call_result.RemoteStopTransaction(status=enums.RemoteStartStopStatus.rejected)
        self._later(lambda: self._stop(connector, transaction_id, enums.Reason.remote))
        return call_result.RemoteStopTransaction(status=enums.RemoteStartStopStatus.accepted)

    def _stop(self, connector: Connector, transaction_id: int | None, reason: str) -> None:
        transaction = connector.transaction
        if transaction is not None and transaction.transaction_id == transaction_id:
            self._charger.sessions.stop(connector, reason)

    @on(enums.Action.unlock_connector)
    def unlock_connector(self, connector_id: int, **_: Any) -> Any:
        """§5.18: a DC cable is fixed to the charger and has no lock; an AC socket stops its transaction first."""
        connector = self._charger.connector(connector_id)
        if connector is None or connector.supply.is_dc:
            return call_result.UnlockConnector(status=enums.UnlockStatus.not_supported)
        transaction = connector.transaction
        if transaction is not None:
            self._later(lambda: self._stop(connector, transaction.transaction_id, enums.Reason.unlock_command))
        return call_result.UnlockConnector(status=enums.UnlockStatus.unlocked)
