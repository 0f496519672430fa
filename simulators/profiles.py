"""Charging profiles as a charger keeps them: parsing, refusals, replacement, clearing (OCPP 1.6 §3.13, §5.5, §5.16).

Theory of operation. A `ProfileBook` holds the installed profiles. `install` refuses, with a reason, what the charger
cannot keep to; otherwise it replaces the profile with the same id and the one of the same purpose and stack level on
the same connector (§3.13.2, §5.16.3), and adds the new one. Nothing is evaluated here: `schedule` does that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any

from simulators.electrical import RateUnit


class Purpose(StrEnum):
    """ChargingProfilePurposeType (§7.10)."""

    CHARGE_POINT_MAX = "ChargePointMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


class Kind(StrEnum):
    """ChargingProfileKindType (§7.9)."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


RECURRENCY_MS = {"Daily": 86_400_000, "Weekly": 7 * 86_400_000}
"""Length of a RecurrencyKindType (§7.37)."""


@dataclass(frozen=True, slots=True)
class Period:
    """ChargingSchedulePeriod (§7.14): from `start_ms` after the schedule's start, `limit_tenths` tenths of its unit."""

    start_ms: int
    limit_tenths: int
    number_phases: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A parsed ChargingProfile with its ChargingSchedule (§7.8, §7.13); times in ms, absolute ones since the epoch."""

    profile_id: int
    stack_level: int
    purpose: Purpose
    kind: Kind
    unit: RateUnit
    periods: tuple[Period, ...]
    transaction_id: int | None = None
    recurrency_ms: int | None = None
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None
    start_ms: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile and the connector it is installed on; 0 is the whole charger."""

    connector_id: int
    profile: Profile


@dataclass(frozen=True, slots=True)
class Refused:
    """The charger does not take the profile; `reason` is for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the charger says of itself in its smart-charging configuration keys (§9.4)."""

    units: frozenset[RateUnit] = frozenset(RateUnit)
    max_stack_level: int = 10
    max_periods: int = 24
    max_installed: int = 20


def parse_time_ms(text: str) -> int:
    """Return an RFC 3339 time as ms since the epoch, UTC when it names no zone; raise ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def parse_profile(payload: Mapping[str, Any]) -> Profile | Refused:
    """Return the profile of a schema-valid csChargingProfiles (snake-case keys), or what contradicts §7.8-7.14."""
    schedule = payload["charging_schedule"]
    periods = tuple(
        Period(
            start_ms=period["start_period"] * 1000,
            limit_tenths=int(Decimal(str(period["limit"])) * 10),
            number_phases=period.get("number_phases"),
        )
        for period in schedule["charging_schedule_period"]
    )
    try:
        valid_from_ms, valid_to_ms, start_ms = (
            None if text is None else parse_time_ms(text)
            for text in (payload.get("valid_from"), payload.get("valid_to"), schedule.get("start_schedule"))
        )
    except ValueError as error:
        return Refused(f"not a time: {error}")
    duration_s = schedule.get("duration")
    recurrency = payload.get("recurrency_kind")
    profile = Profile(
        profile_id=payload["charging_profile_id"],
        stack_level=payload["stack_level"],
        purpose=Purpose(payload["charging_profile_purpose"]),
        kind=Kind(payload["charging_profile_kind"]),
        unit=RateUnit(schedule["charging_rate_unit"]),
        periods=periods,
        transaction_id=payload.get("transaction_id"),
        recurrency_ms=None if recurrency is None else RECURRENCY_MS[recurrency],
        valid_from_ms=valid_from_ms,
        valid_to_ms=valid_to_ms,
        start_ms=start_ms,
        duration_ms=None if duration_s is None else duration_s * 1000,
    )
    reason = _contradiction(profile)
    return profile if reason is None else Refused(reason)


def _contradiction(profile: Profile) -> str | None:
    """Return what in the profile contradicts the specification, whatever the charger can do."""
    periods = profile.periods
    recurring = profile.kind is Kind.RECURRING
    faults = (
        (not periods, "a schedule has at least one period (§7.13)"),
        (bool(periods) and periods[0].start_ms != 0, "the first startPeriod is 0 (errata 3.45)"),
        (any(a.start_ms >= b.start_ms for a, b in pairwise(periods)), "periods start one after the other"),
        (any(period.limit_tenths < 0 for period in periods), "a limit is not negative"),
        (
            any(period.number_phases not in {None, 1, 2, 3} for period in periods),
            "numberPhases is 1, 2 or 3 (§7.14)",
        ),
        (profile.stack_level < 0, "a stackLevel is not negative (§7.8)"),
        (recurring and profile.recurrency_ms is None, "Recurring needs a recurrencyKind (§7.8)"),
        (not recurring and profile.recurrency_ms is not None, "recurrencyKind is for Recurring only (errata 3.56)"),
        (recurring and profile.start_ms is None, "Recurring needs a startSchedule to recur from (§3.13)"),
        (
            profile.kind is Kind.RELATIVE and profile.purpose is Purpose.CHARGE_POINT_MAX,
            "a whole charger has no start of charging to be relative to (§7.9)",
        ),
    )
    return next((reason for wrong, reason in faults if wrong), None)


class ProfileBook:
    """The profiles installed on one charger."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.installed: tuple[Installed, ...] = ()

    def install(self, connector_id: int, profile: Profile) -> Refused | None:
        """Install a profile in place of those it replaces; return why not, or None when it is in force.

        Whether a TxProfile fits the running transaction is the caller's to check: the book knows no transactions.
        """
        if profile.purpose is Purpose.TX and connector_id == 0:
            return Refused("a TxProfile is for one connector (§3.13.1)")
        if profile.purpose is Purpose.CHARGE_POINT_MAX and connector_id != 0:
            return Refused("a ChargePointMaxProfile is for connector 0 (§3.13.1)")
        if profile.unit not in self.capabilities.units:
            return Refused(f"the charging rate unit {profile.unit} is not supported here")
        if profile.stack_level > self.capabilities.max_stack_level:
            return Refused(f"stackLevel {profile.stack_level} is above {self.capabilities.max_stack_level}")
        if len(profile.periods) > self.capabilities.max_periods:
            return Refused(f"{len(profile.periods)} periods are more than {self.capabilities.max_periods}")
        new = Installed(connector_id, profile)
        kept = tuple(old for old in self.installed if not _replaces(new, old))
        if len(kept) >= self.capabilities.max_installed:
            return Refused(f"there is room for {self.capabilities.max_installed} profiles only")
        self.installed = (*kept, new)
        return None

    def clear(
        self,
        profile_id: int | None = None,
        connector_id: int | None = None,
        purpose: Purpose | None = None,
        stack_level: int | None = None,
    ) -> int:
        """Clear by id alone (errata 3.26) or by all the criteria given (errata 3.25); return how many went."""
        kept = tuple(one for one in self.installed if not _matches(one, profile_id, connector_id, purpose, stack_level))
        cleared = len(self.installed) - len(kept)
        self.installed = kept
        return cleared

    def transaction_ended(self, connector_id: int) -> None:
        """Forget the connector's TxProfiles: they cease with the transaction (§7.10)."""
        self.clear(connector_id=connector_id, purpose=Purpose.TX)


def _replaces(new: Installed, old: Installed) -> bool:
    if new.profile.profile_id == old.profile.profile_id:
        return True
    return (new.connector_id, new.profile.purpose, new.profile.stack_level) == (
        old.connector_id,
        old.profile.purpose,
        old.profile.stack_level,
    )


def _matches(
    one: Installed,
    profile_id: int | None,
    connector_id: int | None,
    purpose: Purpose | None,
    stack_level: int | None,
) -> bool:
    if profile_id is not None:
        return one.profile.profile_id == profile_id
    return (
        connector_id in (None, one.connector_id)
        and purpose in (None, one.profile.purpose)
        and stack_level in (None, one.profile.stack_level)
    )
