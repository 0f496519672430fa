"""The governor of a capacity tariff against loads that obey each limit late, and draw what they like below it."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.grid_terms import CapacityTariff
from csms.core.ids import Now
from csms.core.tariff import BURST, Governor, Peak, allowed_w, limit_w, metered

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Paris", "Asia/Kathmandu")]

DELAY_S = 15
MANNERS = ((1.0,), (0.0,), (0.0, 0.5, 1.0))
"""What parts of the most that it may draw a load chooses from, in one window."""


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    zone=st.sampled_from(ZONES),
    target_w=st.integers(1, 300_000),
    peak_w=st.integers(0, 300_000),
    capacity_w=st.integers(1, 500_000),
    window_min=st.sampled_from([15, 30]),
    gap_s_max=st.sampled_from([1, 5, 10, 30]),
    at_ends=st.booleans(),
)
def test_no_window_of_an_obeying_load_is_above_the_limit(
    *,
    seed: int,
    zone: ZoneInfo,
    target_w: int,
    peak_w: int,
    capacity_w: int,
    window_min: int,
    gap_s_max: int,
    at_ends: bool,
) -> None:
    """Each second the load draws anything up to the most that a limit of the last 15 s has allowed.

    Powers are told in whole watts, rounded down: by that a mean may be off, by less than 1 W.
    """
    rng = random.Random(seed)
    tariff, window_s = CapacityTariff(target_w, window_min), window_min * 60
    begin_ms = int(datetime(2026, 10, 25, 1, 30, tzinfo=zone).timestamp() * 1_000)
    governor = Governor(Peak("2026-10", peak_w))
    limits: list[tuple[int, int]] = []  # since when (s), W
    drawn_ws, told_ws, told_s, next_s = 0, 0, 0, 0
    manner, greed = rng.choice(MANNERS), 1.0
    limit = max(target_w, peak_w)
    spare_ws = window_s + (0 if at_ends else BURST * limit * gap_s_max / 4)
    for second in range(3 * window_s + 1):
        if second % window_s == 0 and second > 0:
            assert drawn_ws <= limit * window_s + spare_ws, second
            drawn_ws, manner = 0, rng.choice(MANNERS)
        if second >= next_s or (at_ends and second % window_s == 0):
            mean_w = told_ws // max(1, second - told_s)
            governor = metered(governor, tariff, mean_w, Now(second * 1_000, begin_ms + second * 1_000), zone)
            allowed = allowed_w(governor, tariff, capacity_w)
            assert 0 <= allowed <= capacity_w
            assert limit_w(governor, tariff) == limit
            limits.append((second, allowed))
            told_ws, told_s, next_s = 0, second, second + rng.randint(1, gap_s_max)
            greed = rng.choice(manner)
        replaced = [*(since for since, _ in limits[1:]), second]
        obeyed = [power for (_, power), end in zip(limits, replaced, strict=True) if end + DELAY_S > second]
        power_w = int(max(obeyed) * greed)
        drawn_ws += power_w
        told_ws += power_w
        limits = limits[-60:]
