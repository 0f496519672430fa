"""How often somebody may do something: a bucket of tokens for each, in a table that cannot grow without end.

A bucket is kept as the time at which it will be full again, and not at all once it is. Where there are too many, the
one that was taken from longest ago is forgotten: who had it has a full one again.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address

ROUNDING_MS = 1e-3
IPV6_NETWORK_BITS = 64
"""Whoever has one IPv6 address has this whole network of them."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and one more each `each_ms`."""

    burst: int
    each_ms: float

    def __post_init__(self) -> None:
        assert self.burst >= 1
        assert self.each_ms > 0


class Buckets:
    """The buckets of many, each by a key of its own, at most `keys_max` of them; times monotonic ms."""

    def __init__(self, rate: Rate, keys_max: int) -> None:
        self._each_ms = rate.each_ms
        self._burst_ms = rate.burst * rate.each_ms
        self._room_ms = (rate.burst - 1) * rate.each_ms
        self._keys_max = keys_max
        self._full_ms: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many buckets there are."""
        return len(self._full_ms)

    def wait_ms(self, key: Hashable, now_ms: float) -> float:
        """Return after how many ms there is a token for this key; 0: now."""
        wait_ms = self._missing_ms(key, now_ms) - self._room_ms
        return wait_ms if wait_ms > ROUNDING_MS else 0.0

    def take(self, key: Hashable, now_ms: float) -> float:
        """Take a token and return 0; or take none and return after how many ms there will be one."""
        missing_ms = self._missing_ms(key, now_ms)
        wait_ms = missing_ms - self._room_ms
        if wait_ms > ROUNDING_MS:
            return wait_ms
        self._keep(key, now_ms + missing_ms + self._each_ms)
        return 0.0

    def owed_ms(self, key: Hashable, tokens: float, now_ms: float) -> float:
        """Return after how many ms the bucket would have made up for so many tokens, taken now; 0: it has them."""
        owed_ms = self._missing_ms(key, now_ms) + tokens * self._each_ms - self._burst_ms
        return owed_ms if owed_ms > ROUNDING_MS else 0.0

    def draw(self, key: Hashable, tokens: float, now_ms: float) -> None:
        """Take tokens, be they there or not: what is missing is made up for before anything else flows in."""
        self._keep(key, now_ms + self._missing_ms(key, now_ms) + tokens * self._each_ms)

    def _keep(self, key: Hashable, full_ms: float) -> None:
        self._full_ms[key] = full_ms
        self._full_ms.move_to_end(key)
        if len(self._full_ms) > self._keys_max:
            self._full_ms.popitem(last=False)

    def _missing_ms(self, key: Hashable, now_ms: float) -> float:
        full_ms = self._full_ms.get(key)
        if full_ms is None:
            return 0.0
        if full_ms <= now_ms:
            del self._full_ms[key]
            return 0.0
        return full_ms - now_ms


def who_is(address: str) -> str:
    """Return what stands for an address in such a table: of IPv6 its network."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, IPV6_NETWORK_BITS), strict=False))
