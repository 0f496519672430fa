"""The rest of the core profile, TriggerMessage, and honest answers to what is not supported (OCPP 1.6 §5)."""

from functools import partial
from typing import Any

from simulators.remote.base import Base
from simulators.vendor import call_result, enums, on


class Core(Base):
    """Configuration, availability, reset, triggers."""

    @on(enums.Action.get_configuration)
    def get_configuration(self, key: list[str] | None = None, **_: Any) -> Any:
        """§5.8."""
        rows, unknown = self._charger.configuration.read(key)
        return call_result.GetConfiguration(configuration_key=rows, unknown_key=unknown)

    @on(enums.Action.change_configuration)
    def change_configuration(self, key: str, value: str, **_: Any) -> Any:
        """§5.3."""
        return call_result.ChangeConfiguration(status=self._charger.configuration.change(key, value))

    @on(enums.Action.reset)
    def reset(self, type: str, **_: Any) -> Any:  # noqa: A002 - the field's name
        """§5.14: both kinds stop transactions first; a hard reset does not wait for the confirmations."""
        hard = type == enums.ResetType.hard
        reason = enums.Reason.hard_reset if hard else enums.Reason.soft_reset
        self._later(lambda: self._charger.reset(reason, wait_for_stops=not hard))
        return call_result.Reset(status=enums.ResetStatus.accepted)

    @on(enums.Action.change_availability)
    def change_availability(self, connector_id: int, type: str, **_: Any) -> Any:  # noqa: A002 - the field's name
        """§5.2: takes effect now, or when the connectors in use have become free (Scheduled)."""
        status = enums.AvailabilityStatus
        if not 0 <= connector_id <= len(self._charger.connectors):
            return call_result.ChangeAvailability(status=status.rejected)
        operative = type == enums.AvailabilityType.operative
        chosen = [c for c in self._charger.connectors if connector_id in (0, c.idx)]
        if connector_id == 0:
            self._charger.operative = operative
        for connector in chosen:
            connector.scheduled = operative
        scheduled = not operative and any(connector.in_use for connector in chosen)
        self._later(self._take_on_availability)
        return call_result.ChangeAvailability(status=status.scheduled if scheduled else status.accepted)

    def _take_on_availability(self) -> None:
        for connector in self._charger.connectors:
            connector.take_on_availability()
        self._charger.sessions.changed()

    @on(enums.Action.trigger_message)
    def trigger_message(self, requested_message: str, connector_id: int | None = None, **_: Any) -> Any:
        """§5.17; a BootNotification is refused once the charger was accepted (errata 3.35)."""
        if requested_message == enums.MessageTrigger.firmware_status_notification:
            self._later(self._charger.upkeep.say_firmware_status)
            return call_result.TriggerMessage(status=enums.TriggerMessageStatus.accepted)
        return call_result.TriggerMessage(status=self._triggered(requested_message, connector_id))

    def _triggered(self, requested_message: str, connector_id: int | None) -> Any:
        """Have a message sent once the answer has left; return the status of that answer."""
        status = enums.TriggerMessageStatus
        trigger = enums.MessageTrigger
        charger = self._charger
        count = len(charger.connectors)
        if requested_message == trigger.boot_notification:
            if charger.registration.accepted:
                return status.rejected
            self._later(charger.registration.boot_now)
            return status.accepted
        if requested_message == trigger.heartbeat:
            self._later(charger.registration.send_heartbeat)
            return status.accepted
        first = {trigger.status_notification: 0, trigger.meter_values: 1}.get(requested_message)
        if first is None:
            return status.not_implemented
        if connector_id is not None and not first <= connector_id <= count:
            return status.rejected
        wanted = range(first, count + 1) if connector_id is None else [connector_id]
        for idx in wanted:
            self._later(partial(self._say, requested_message, idx))
        return status.accepted

    def _say(self, requested_message: str, idx: int) -> None:
        if requested_message == enums.MessageTrigger.status_notification:
            self._charger.send_status(idx)
        else:
            self._charger.sessions.send_triggered_sample(self._connector(idx))

    @on(enums.Action.data_transfer)
    def data_transfer(self, **_: Any) -> Any:
        """§5.6: no vendor extension is known here, so no data comes back either."""
        return call_result.DataTransfer(status=enums.DataTransferStatus.unknown_vendor_id)

    @on(enums.Action.clear_cache)
    def clear_cache(self, **_: Any) -> Any:
        """§5.4: there is no authorization cache (errata 3.23)."""
        return call_result.ClearCache(status=enums.ClearCacheStatus.rejected)

    # --- a profile of the specification that is not supported ---------------------------------------------------------

    @on(enums.Action.reserve_now)
    def reserve_now(self, **_: Any) -> Any:
        """§5.13: reservations are not accepted here."""
        return call_result.ReserveNow(status=enums.ReservationStatus.rejected)

    @on(enums.Action.cancel_reservation)
    def cancel_reservation(self, **_: Any) -> Any:
        """§5.1: there is never one to cancel."""
        return call_result.CancelReservation(status=enums.CancelReservationStatus.rejected)
