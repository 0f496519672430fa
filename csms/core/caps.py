"""Caps: what an operator's SetChargingProfile says, as upper limits for the allocator (LEDGER.md §4).

The profile is OCPP's (1.6 §7.8), and it is this system that keeps it, never a charger. At each instant

    one profile   the period of its schedule that runs then, if it is valid then and its schedule runs (§3.13.1)
    one place     of the profiles of one purpose at one connector the highest stack level with such a period (§3.13.2)
    a connector   the lowest of its places: TxProfile, TxDefaultProfile of the connector and TxDefaultProfile of all
    a charger     ChargePointMaxProfile

Kinds: an Absolute schedule begins at `startSchedule` (without one, when it was accepted), a Recurring one there and
every day or week of UTC after it, a Relative one with each session.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from csms.core.ids import CommandId
from csms.core.station import Charger

LIMITED_BY_CAP = "operator_cap"
"""What limits a session that a cap keeps below what it could have."""

DAY_MS = 86_400_000
RECURS_MS = {"Daily": DAY_MS, "Weekly": 7 * DAY_MS}


class CapPurpose(StrEnum):
    """What a cap is for (§7.11)."""

    CHARGER = "ChargePointMaxProfile"
    DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


@dataclass(frozen=True, slots=True)
class Period:
    """One limit of a schedule, tenths of its unit, from `start_ms` after its begin on."""

    start_ms: int
    tenths: int
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a profile says at one instant: a period or nothing, and when it may say something else (UTC ms)."""

    period: Period | None = None
    next_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """One profile; times UTC ms.

    Attributes:
        idx: its connector; 0: the charger, or all its connectors.
        start_ms: where its schedule begins; None: with each session.
        recurs_ms: after how long its schedule begins again.
        in_a: its limits are currents.
    """

    profile_id: int
    idx: int
    purpose: CapPurpose
    stack_level: int
    periods: tuple[Period, ...]
    start_ms: int | None = None
    duration_ms: int | None = None
    recurs_ms: int | None = None
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None
    transaction_id: int | None = None
    in_a: bool = False

    def at(self, now_ms: int, begun_ms: int) -> Moment:
        """Return what it says at `now_ms` of a session that began at `begun_ms`."""
        if self.valid_from_ms is not None and now_ms < self.valid_from_ms:
            return Moment(next_ms=self.valid_from_ms)
        if self.valid_to_ms is not None and now_ms >= self.valid_to_ms:
            return Moment()
        found = self._scheduled(now_ms, begun_ms if self.start_ms is None else self.start_ms)
        return Moment(found.period, earliest(found.next_ms, self.valid_to_ms))

    def is_over(self, now_ms: int) -> bool:
        """Return whether it will say nothing any more."""
        if self.valid_to_ms is not None and now_ms >= self.valid_to_ms:
            return True
        if self.start_ms is None or self.duration_ms is None or self.recurs_ms is not None:
            return False
        return now_ms >= self.start_ms + self.duration_ms

    def limit_w(self, period: Period, charger: Charger) -> int:
        """Return the limit of a period at a charger, W, rounded down."""
        if not self.in_a:
            return period.tenths // 10
        phases = max(1, charger.phases)
        return period.tenths * charger.voltage_v * min(phases, period.phases or phases) // 10

    def replaces(self, other: "Cap") -> bool:
        """Return whether `other`, of the same charger, has to go (§5.16: same id, or same place and stack level)."""
        same_place = (self.purpose, self.idx, self.stack_level) == (other.purpose, other.idx, other.stack_level)
        return same_place or self.profile_id == other.profile_id

    def _scheduled(self, now_ms: int, start_ms: int) -> Moment:
        """Return the period of its schedule, which begins at `start_ms`, and recurs or does not."""
        if now_ms < start_ms:
            return Moment(next_ms=start_ms)
        again_ms = None
        if self.recurs_ms is not None:
            start_ms = now_ms - (now_ms - start_ms) % self.recurs_ms
            again_ms = start_ms + self.recurs_ms
        end_ms = None if self.duration_ms is None else start_ms + self.duration_ms
        if end_ms is not None and now_ms >= end_ms:
            return Moment(next_ms=again_ms)
        past = [period for period in self.periods if start_ms + period.start_ms <= now_ms]
        coming = [start_ms + period.start_ms for period in self.periods[len(past) :]]
        return Moment(past[-1], earliest(end_ms, again_ms, *coming[:1]))


@dataclass(frozen=True, slots=True)
class CapView:
    """An operator's cap; `idx` 0: of the charger or all its connectors; limit_w: W now, None: none, or by session."""

    command_id: CommandId
    profile_id: int
    idx: int
    purpose: CapPurpose
    stack_level: int
    transaction_id: int | None
    limit_w: int | None


def cap_of(body: Mapping[str, Any], accepted_ms: int) -> Cap:
    """Return the cap that a valid SetChargingProfile.req says, accepted at `accepted_ms` (UTC)."""
    profile = body["csChargingProfiles"]
    schedule = profile["chargingSchedule"]
    is_relative = profile["chargingProfileKind"] == "Relative"
    start = schedule.get("startSchedule")
    duration_s = schedule.get("duration")
    return Cap(
        profile_id=profile["chargingProfileId"],
        idx=body["connectorId"],
        purpose=CapPurpose(profile["chargingProfilePurpose"]),
        stack_level=profile["stackLevel"],
        periods=tuple(
            Period(each["startPeriod"] * 1_000, round(each["limit"] * 10), each.get("numberPhases"))
            for each in schedule["chargingSchedulePeriod"]
        ),
        start_ms=None if is_relative else accepted_ms if start is None else _ms(start),
        duration_ms=None if duration_s is None else duration_s * 1_000,
        recurs_ms=RECURS_MS.get(profile.get("recurrencyKind", "")),
        valid_from_ms=_ms(profile["validFrom"]) if "validFrom" in profile else None,
        valid_to_ms=_ms(profile["validTo"]) if "validTo" in profile else None,
        transaction_id=profile.get("transactionId"),
        in_a=schedule["chargingRateUnit"] == "A",
    )


def lowest(caps: Iterable[Cap], charger: Charger, now_ms: int, begun_ms: int) -> tuple[int | None, int | None]:
    """Return the limit that `caps` leave, W (None: none), and when that may change, UTC ms (None: never)."""
    led: dict[tuple[CapPurpose, int], int] = {}
    next_ms = None
    for cap in sorted(caps, key=lambda each: -each.stack_level):
        place = (cap.purpose, cap.idx)
        if place in led:
            continue
        moment = cap.at(now_ms, begun_ms)
        next_ms = earliest(next_ms, moment.next_ms)
        if moment.period is not None:
            led[place] = cap.limit_w(moment.period, charger)
    return min(led.values(), default=None), next_ms


def earliest(*times_ms: int | None) -> int | None:
    """Return the first of some times, of which None is never."""
    return min((each for each in times_ms if each is not None), default=None)


def _ms(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp() * 1_000)
