"""How often somebody may fail: a bucket of tokens for each address and each charger id, one taken by each failure.

The buckets are bounded in number: the one that was touched longest ago is forgotten first, and with it that it was
empty. A bucket that is full is not kept at all.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many failures at once, and one more each `each_ms`."""

    burst: int
    each_ms: int


BY_ADDRESS = Rate(burst=60, each_ms=1_000)
"""A site of many chargers has one address: one of them that is set up wrongly must not use it up."""

BY_CHARGER = Rate(burst=20, each_ms=5_000)

BUCKETS_MAX = 4_096


class Failures:
    """The failures of many, each by a key of its own.

    A bucket is kept as the time at which it will be full again.
    """

    def __init__(self, rate: Rate, buckets_max: int = BUCKETS_MAX) -> None:
        self._rate = rate
        self._buckets_max = buckets_max
        self._full_ms: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_ms)

    def is_spent(self, key: Hashable, now_ms: int) -> bool:
        """Return whether there is no token left."""
        return self._missing_ms(key, now_ms) > (self._rate.burst - 1) * self._rate.each_ms

    def count(self, key: Hashable, now_ms: int) -> None:
        """Take a token for a failure, if there is one."""
        missing_ms = self._missing_ms(key, now_ms) + self._rate.each_ms
        self._full_ms[key] = now_ms + min(missing_ms, self._rate.burst * self._rate.each_ms)
        self._full_ms.move_to_end(key)
        if len(self._full_ms) > self._buckets_max:
            self._full_ms.popitem(last=False)

    def _missing_ms(self, key: Hashable, now_ms: int) -> int:
        full_ms = self._full_ms.get(key)
        if full_ms is None:
            return 0
        if full_ms <= now_ms:
            del self._full_ms[key]
            return 0
        return full_ms - now_ms
