"""SetChargingProfile, ClearChargingProfile, GetCompositeSchedule (OCPP 1.6 §5.5, §5.7, §5.16)."""

from typing import Any

from simulators.clock import rfc3339
from simulators.electrical import RateUnit
from simulators.profiles import Purpose, Refused, parse_profile
from simulators.remote.base import Base
from simulators.schedule import CompositePeriod, composite_payload
from simulators.traits import Offer
from simulators.vendor import call_result, enums, on


class SmartCharging(Base):
    """The smart-charging profile of the specification."""

    @on(enums.Action.set_charging_profile)
    def set_charging_profile(self, connector_id: int, cs_charging_profiles: dict[str, Any], **_: Any) -> Any:
        """§5.16; an unknown connector is a PropertyConstraintViolation (errata 3.39)."""
        if connector_id != 0:
            self._connector(connector_id)
        reason = self._install(connector_id, cs_charging_profiles)
        if reason is not None:
            self._charger.tell(f"profile for connector {connector_id} rejected: {reason}")
            return call_result.SetChargingProfile(status=enums.ChargingProfileStatus.rejected)
        return call_result.SetChargingProfile(status=enums.ChargingProfileStatus.accepted)

    def _install(self, connector_id: int, payload: dict[str, Any]) -> str | None:
        """Install a profile; return why it was refused, or None."""
        profile = parse_profile(payload)
        if isinstance(profile, Refused):
            return profile.reason
        if profile.purpose is Purpose.TX and connector_id != 0:
            transaction = self._connector(connector_id).transaction
            if transaction is None:
                return "there is no transaction for a TxProfile (§3.13.1)"
            known = (None, transaction.transaction_id)
            if profile.transaction_id not in known and not self._charger.traits.any_transaction:
                return f"transaction {profile.transaction_id} is not the running one (§5.16)"
        reason = self._charger.take_profile(Offer(connector_id, profile))
        if reason is not None:
            return reason
        self._charger.tell(f"connector {connector_id}: {profile.purpose} {_describe(payload)}")
        return None

    @on(enums.Action.clear_charging_profile)
    def clear_charging_profile(self, **criteria: Any) -> Any:
        """§5.5 with errata 3.25 and 3.26; `id` alone counts when it is given."""
        purpose = criteria.get("charging_profile_purpose")
        cleared = self._charger.profiles.clear(
            profile_id=criteria.get("id"),
            connector_id=criteria.get("connector_id"),
            purpose=None if purpose is None else Purpose(purpose),
            stack_level=criteria.get("stack_level"),
        )
        status = enums.ClearChargingProfileStatus
        return call_result.ClearChargingProfile(status=status.accepted if cleared else status.unknown)

    @on(enums.Action.get_composite_schedule)
    def get_composite_schedule(
        self, connector_id: int, duration: int, charging_rate_unit: str | None = None, **_: Any
    ) -> Any:
        """§5.7; in the unit asked for, else the one the charger prefers."""
        connector = self._charger.connector(connector_id)
        allowed = self._charger.profiles.capabilities.units
        unit = RateUnit(charging_rate_unit) if charging_rate_unit else max(allowed)
        if (connector is None and connector_id != 0) or duration < 0 or unit not in allowed:
            return call_result.GetCompositeSchedule(status=enums.GetCompositeScheduleStatus.rejected)
        now_ms = self._charger.clock.now_ms()
        supply = self._charger.hardware.supply
        periods: list[CompositePeriod]
        if connector is None:
            periods, phases = self._charger.flow.composite_of_charger(now_ms, duration), supply.phases
        else:
            periods, phases = self._charger.flow.composite(connector, now_ms, duration), connector.phases_used
        return call_result.GetCompositeSchedule(
            status=enums.GetCompositeScheduleStatus.accepted,
            connector_id=connector_id,
            schedule_start=rfc3339(now_ms),
            charging_schedule=composite_payload(periods, duration, unit, supply, phases),
        )


def _describe(payload: dict[str, Any]) -> str:
    """Say a profile in a few words, e.g. "16 A" or "50000 W, then 10000 W"."""
    schedule = payload["charging_schedule"]
    limits = [f"{period['limit']} {schedule['charging_rate_unit']}" for period in schedule["charging_schedule_period"]]
    return ", then ".join(limits[:3]) + (", …" if len(limits) > 3 else "")  # noqa: PLR2004 - as many as fit a line
