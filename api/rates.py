"""How often somebody may do something: a bucket of tokens for each, in a table that cannot grow without end."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_address

ROUNDING_S = 1e-6
IPV6_NETWORK_BITS = 64
"""Whoever has one IPv6 address has this whole network of them."""


class Buckets:
    """Buckets of `burst` tokens that fill again with `per_s` tokens a second, at most `keys_max` of them.

    A bucket is the time at which it will be full again. Where there are too many, the one that was used longest ago is
    forgotten: who had it has a full one again.
    """

    def __init__(self, burst: int, per_s: float, keys_max: int, now_s: Callable[[], float]) -> None:
        assert burst >= 1
        assert per_s > 0
        self._pause_s = 1 / per_s
        self._room_s = (burst - 1) / per_s
        self._keys_max = keys_max
        self._now_s = now_s
        self._full_s: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many buckets there are."""
        return len(self._full_s)

    def wait_s(self, key: Hashable) -> float:
        """Return after how many seconds there is a token for this key; 0: now."""
        now_s = self._now_s()
        wait_s = self._full_s.get(key, now_s) - self._room_s - now_s
        return wait_s if wait_s > ROUNDING_S else 0.0

    def take(self, key: Hashable) -> float:
        """Take a token and return 0; or take none and return after how many seconds there will be one."""
        wait_s = self.wait_s(key)
        if wait_s > 0:
            return wait_s
        now_s = self._now_s()
        self._full_s[key] = max(now_s, self._full_s.get(key, now_s)) + self._pause_s
        self._full_s.move_to_end(key)
        if len(self._full_s) > self._keys_max:
            self._full_s.popitem(last=False)
        return 0.0


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
    return str(IPv6Address(int(parsed) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS))
