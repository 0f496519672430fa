"""Which settings of a charger control depends on, and the least that has to change in them (OCPP16.md A55, A56).

Three keys, and no others (`csms.core.commands.SETTINGS`). Each has a range that is left alone, because every write goes
to the charger's flash and somebody may have had a reason:

    MeterValueSampleInterval   1 to 15 s is left alone, else 10 s. A sample tells for 15 s what a car draws (LEDGER.md
                               §1); 0 is no sample at all. More often than 10 s helps nobody, and harms nobody either.
    MeterValuesSampledData     what the charger sends stays; power and energy are added, as far as its maximum allows,
                               power first: limits are checked against it.
    WebSocketPingInterval      0 (the gateway pings after 30 s of silence) and anything shorter than attempts × retry
                               interval of transaction messages is left alone; else half of that, at most 30 s: a dead
                               connection has to be noticed before the messages are given up (OCPP-J errata 3.9).

A value that was not told, cannot be read or is read-only is left alone too: what we cannot read we cannot put back.

A charger refuses a measurand list as a whole when it does not support one item (§3.16.4). Then the parts of what was
missing are tried, the largest first, each at most once, and at last the list that was there: where all parts are
refused and the old list is taken, it is as it was, and it is certain that the parts are what is not supported. With
two measurands that is four writes at the most.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from csms.core.capabilities import PING_KEY, SAMPLE_INTERVAL_KEY, SAMPLED_KEY, Capabilities
from csms.core.commands import VALUE_CHARS_MAX

SAMPLE_INTERVAL_MAX_S = 15
SAMPLE_INTERVAL_S = 10
PING_INTERVAL_MAX_S = 30

POWER = "Power.Active.Import"
ENERGY = "Energy.Active.Import.Register"
MEASURANDS = (POWER, ENERGY)
"""What control needs, the most important first (§7.31)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One setting that should be another: the values as texts of the wire."""

    key: str
    present: str
    wanted: str


def sample_interval(capabilities: Capabilities) -> str | None:
    """Return the MeterValueSampleInterval to write; None where the present one does or is not known."""
    present_s = capabilities.sample_interval_s
    if present_s is None or 0 < present_s <= SAMPLE_INTERVAL_MAX_S:
        return None
    return str(SAMPLE_INTERVAL_S)


def ping_interval(capabilities: Capabilities) -> str | None:
    """Return the WebSocketPingInterval to write; None where the present one does or is not known."""
    present_s = capabilities.ping_interval_s
    attempts, retry_s = capabilities.message_attempts, capabilities.message_retry_s
    if not present_s or not attempts or not retry_s:
        return None
    patience_s = attempts * retry_s
    if present_s < patience_s or patience_s == 1:
        return None
    return str(min(PING_INTERVAL_MAX_S, patience_s // 2))


def measurand_lists(present: str, capabilities: Capabilities, unsupported: Collection[str]) -> Iterator[str]:
    """Yield the lists to try in the place of `present`, best first, itself at last; none where it is not readable."""
    listed = capabilities.sampled
    if listed is None:
        return
    missing = [m for m in MEASURANDS if m not in unsupported and not _covers(listed, m)]
    room = len(missing) if capabilities.sampled_max is None else max(0, capabilities.sampled_max - len(listed))
    for count in range(min(len(missing), room), 0, -1):
        for added in combinations(missing, count):
            text = ",".join((*listed, *added))
            if len(text) <= VALUE_CHARS_MAX:
                yield text
    if len(present) <= VALUE_CHARS_MAX:
        yield present


def not_taken(value: str, refused: Iterable[str]) -> tuple[str, ...]:
    """Return the measurands that a charger does not support: they are in lists it refused, and not in one it took."""
    offered = frozenset[str]().union(*map(_as_set, refused))
    return tuple(m for m in MEASURANDS if m.lower() in offered - _as_set(value))


def not_kept(value: str, listed: Iterable[str]) -> tuple[str, ...]:
    """Return the measurands in `value` that are not in the list that a charger has after it took that."""
    items = tuple(listed)
    return tuple(m for m in MEASURANDS if m.lower() in _as_set(value) and not _covers(items, m))


def keeps_some(value: str, listed: Iterable[str], before: str) -> bool:
    """Return whether a charger has something of what `value` added to the list that it had before."""
    here = _as_set(",".join(listed))
    return bool((_as_set(value) - _as_set(before)) & here)


def is_same(value: str, other: str) -> bool:
    """Return whether two values say the same: lists in any order and case."""
    return _as_set(value) == _as_set(other)


def wanted_value(
    key: str,
    present: str,
    capabilities: Capabilities,
    unsupported: Collection[str],
    refused: Collection[str],
    *,
    in_doubt: bool,
) -> str | None:
    """Return what `key` should be instead of `present`; None when nothing (more) is to be written.

    `refused`: values that this charger did not take; they are never written again, in whatever order. `in_doubt`: its
    last answer was a refusal, which may be untrue: the list that was there is said once more.
    """
    if key == SAMPLE_INTERVAL_KEY:
        ways: Iterable[str | None] = (sample_interval(capabilities),)
    elif key == PING_KEY:
        ways = (ping_interval(capabilities),)
    else:
        ways = measurand_lists(present, capabilities, unsupported)
    gone = set(map(_as_set, refused))
    wanted = next((value for value in ways if value is not None and _as_set(value) not in gone), None)
    return None if wanted == present and not in_doubt else wanted


def _as_set(value: str) -> frozenset[str]:
    return frozenset(item.strip().lower() for item in value.split(","))


TUNED = (SAMPLE_INTERVAL_KEY, SAMPLED_KEY, PING_KEY)


def _covers(listed: Iterable[str], measurand: str) -> bool:
    """Return whether a list has a measurand, as a whole or by phase (`Power.Active.Import.L1`, §9.1)."""
    wanted = measurand.lower()
    return any(item.lower() == wanted or item.lower().startswith(f"{wanted}.l") for item in listed)
