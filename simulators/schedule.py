"""Which limit is in force, now and over time: the evaluation of installed charging profiles (OCPP 1.6 §3.13).

Theory of operation. At one instant, within one purpose, the profile with the highest stack level that is valid and
whose schedule is running prevails (§3.13.2, errata 3.43). A running transaction obeys its TxProfile, else the
TxDefaultProfile, and never more than the ChargePointMaxProfile (§3.13.1, §3.13.3). A TxDefaultProfile on a connector
takes the place of the one on connector 0 with the same stack level, for that connector only. No profile, no limit.

Time is an argument everywhere. A schedule's periods count from

- Absolute: `startSchedule`, or the start of charging when there is none (§7.13);
- Relative: the start of charging;
- Recurring: `startSchedule`, again every day or week, in UTC; nothing beyond the day or week (errata 3.44).

The start of charging is the start of the transaction; without one, this instant (what a car arriving now would get).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulators.electrical import RateUnit, Supply
from simulators.profiles import Installed, Kind, Period, Profile, Purpose


@dataclass(frozen=True, slots=True)
class RunningTransaction:
    """What profiles need to know of a transaction; the id is None until the central system has given one."""

    transaction_id: int | None
    started_ms: int


@dataclass(frozen=True, slots=True)
class CompositePeriod:
    """From `start_s` after the composite's start at most `limit_w` watts."""

    start_s: int
    limit_w: int


def period_in_force(profile: Profile, now_ms: int, charging_since_ms: int) -> Period | None:
    """Return the profile's period at `now_ms`, or None when it limits nothing then."""
    if profile.valid_from_ms is not None and now_ms < profile.valid_from_ms:
        return None
    if profile.valid_to_ms is not None and now_ms >= profile.valid_to_ms:
        return None
    elapsed_ms = now_ms - _anchor_ms(profile, now_ms, charging_since_ms)
    if elapsed_ms < 0:
        return None
    if profile.duration_ms is not None and elapsed_ms >= profile.duration_ms:
        return None
    started = [period for period in profile.periods if period.start_ms <= elapsed_ms]
    return started[-1] if started else None


def _anchor_ms(profile: Profile, now_ms: int, charging_since_ms: int) -> int:
    """Return the instant from which the periods in force at `now_ms` count."""
    if profile.kind is Kind.RELATIVE or profile.start_ms is None:
        return charging_since_ms
    if profile.kind is Kind.ABSOLUTE or now_ms < profile.start_ms:
        return profile.start_ms
    assert profile.recurrency_ms is not None, "a Recurring profile recurs"
    return now_ms - (now_ms - profile.start_ms) % profile.recurrency_ms


def limit_w(
    installed: Iterable[Installed],
    connector_id: int,
    now_ms: int,
    transaction: RunningTransaction | None,
    supply: Supply,
    phases_used: int,
) -> int | None:
    """Return the power, W, that the profiles leave to one connector, or None when they leave it unlimited."""
    all_installed = tuple(installed)
    since_ms = now_ms if transaction is None else transaction.started_ms
    candidates: list[Installed] = []
    if transaction is not None:
        candidates = [one for one in all_installed if _is_for(one, connector_id, transaction)]
    own_w = _prevailing_w(candidates, now_ms, since_ms, supply, phases_used)
    if own_w is None:
        own_w = _prevailing_w(_defaults(all_installed, connector_id), now_ms, since_ms, supply, phases_used)
    return _least(own_w, charger_limit_w(all_installed, now_ms, supply, phases_used))


def charger_limit_w(installed: Iterable[Installed], now_ms: int, supply: Supply, phases_used: int) -> int | None:
    """Return what the ChargePointMaxProfile leaves to all connectors together, W, or None (§3.13.3)."""
    candidates = [one for one in installed if one.profile.purpose is Purpose.CHARGE_POINT_MAX]
    return _prevailing_w(candidates, now_ms, now_ms, supply, phases_used)


def _is_for(one: Installed, connector_id: int, transaction: RunningTransaction) -> bool:
    if one.profile.purpose is not Purpose.TX or one.connector_id != connector_id:
        return False
    return one.profile.transaction_id in (None, transaction.transaction_id)


def _defaults(installed: Iterable[Installed], connector_id: int) -> list[Installed]:
    """Return the TxDefaultProfiles that count for a connector: its own, and connector 0's of other stack levels."""
    defaults = [one for one in installed if one.profile.purpose is Purpose.TX_DEFAULT]
    own = [one for one in defaults if one.connector_id == connector_id]
    own_levels = {one.profile.stack_level for one in own}
    return own + [one for one in defaults if one.connector_id == 0 and one.profile.stack_level not in own_levels]


def _prevailing_w(
    candidates: Iterable[Installed], now_ms: int, since_ms: int, supply: Supply, phases_used: int
) -> int | None:
    """Return the limit, W, of the highest stack level in force among profiles of one purpose, or None."""
    for one in sorted(candidates, key=lambda one: -one.profile.stack_level):
        period = period_in_force(one.profile, now_ms, since_ms)
        if period is not None:
            return supply.limit_to_w(period.limit_tenths, one.profile.unit, period.number_phases, phases_used)
    return None


def _least(*limits_w: int | None) -> int | None:
    return min((limit for limit in limits_w if limit is not None), default=None)


def composite(
    installed: Iterable[Installed],
    connector_id: int,
    now_ms: int,
    duration_s: int,
    transaction: RunningTransaction | None,
    supply: Supply,
    phases_used: int,
    hardware_w: int,
) -> list[CompositePeriod]:
    """Return the composite schedule of one connector from now on for `duration_s` (§5.7), the hardware as its ceiling.

    A boundary inside a second is reported at the beginning of that second.
    """
    # Without a transaction: what a car arriving now would get. No TxProfile can be meant for it.
    running = transaction or RunningTransaction(None, now_ms)
    counted = tuple(one for one in installed if transaction is not None or one.profile.purpose is not Purpose.TX)
    end_ms = now_ms + duration_s * 1000
    instants = {now_ms} | {
        at_ms
        for one in counted
        for at_ms in _boundaries_ms(one.profile, now_ms, end_ms, running.started_ms)
        if now_ms < at_ms < end_ms
    }
    periods: list[CompositePeriod] = []
    for at_ms in sorted(instants):
        profile_w = limit_w(counted, connector_id, at_ms, running, supply, phases_used)
        value_w = hardware_w if profile_w is None else min(profile_w, hardware_w)
        start_s = (at_ms - now_ms) // 1000
        if periods and periods[-1].start_s == start_s:
            periods.pop()
        if not periods or periods[-1].limit_w != value_w:
            periods.append(CompositePeriod(start_s, value_w))
    return periods


def _boundaries_ms(profile: Profile, now_ms: int, end_ms: int, since_ms: int) -> Iterator[int]:
    """Yield every instant at which the profile may change what it says, from about now until `end_ms`."""
    yield from (at_ms for at_ms in (profile.valid_from_ms, profile.valid_to_ms) if at_ms is not None)
    anchors = [_anchor_ms(profile, now_ms, since_ms)]
    if profile.recurrency_ms is not None:
        while anchors[-1] <= end_ms:
            anchors.append(anchors[-1] + profile.recurrency_ms)
    for anchor_ms in anchors:
        yield from (anchor_ms + period.start_ms for period in profile.periods)
        if profile.duration_ms is not None:
            yield anchor_ms + profile.duration_ms


def tenths_to_number(tenths: int) -> int | float:
    """Return a limit in tenths as the JSON number with at most one decimal that §7.14 allows."""
    return tenths // 10 if tenths % 10 == 0 else tenths / 10


def composite_payload(
    periods: list[CompositePeriod], duration_s: int, unit: RateUnit, supply: Supply, phases_used: int
) -> dict[str, object]:
    """Return the periods as a ChargingSchedule payload (snake-case keys) without startSchedule (errata 3.57)."""
    rows: list[dict[str, object]] = []
    for period in periods:
        tenths = supply.w_to_limit_tenths(period.limit_w, unit, phases_used)
        row: dict[str, object] = {"start_period": period.start_s, "limit": tenths_to_number(tenths)}
        if phases_used:
            row["number_phases"] = phases_used
        rows.append(row)
    return {"duration": duration_s, "charging_rate_unit": unit.value, "charging_schedule_period": rows}
