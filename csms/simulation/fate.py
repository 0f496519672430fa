"""How often things happen in one run: mean times in ms, 0 for never, and the share of commits that are slow."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fate:
    """The weather of one run; the defaults are a quiet day."""

    arrival_ms: int = 60_000
    longest_stay_ms: int = 400_000
    change_ms: int = 90_000
    drop_ms: int = 0
    reconnect_ms: int = 5_000
    reboot_ms: int = 0
    mute_ms: int = 0
    configure_ms: int = 0
    crash_ms: int = 0
    wall_ms: int = 0
    remote_ms: int = 90_000
    foreign_stop_ms: int = 0
    slow_commits: float = 0.0


STORM = Fate(
    arrival_ms=30_000,
    longest_stay_ms=300_000,
    change_ms=40_000,
    drop_ms=90_000,
    reconnect_ms=10_000,
    reboot_ms=180_000,
    mute_ms=120_000,
    configure_ms=120_000,
    crash_ms=180_000,
    wall_ms=120_000,
    remote_ms=60_000,
    foreign_stop_ms=90_000,
    slow_commits=0.05,
)
"""Everything happens, and often."""


def random_fate(rng: random.Random) -> Fate:
    """Return a day between quiet and hellish."""

    def maybe(share: float, least_s: int, most_s: int) -> int:
        return rng.randint(least_s, most_s) * 1_000 if rng.random() < share else 0

    return Fate(
        arrival_ms=rng.randint(15, 90) * 1_000,
        longest_stay_ms=rng.randint(60, 600) * 1_000,
        change_ms=rng.randint(20, 150) * 1_000,
        drop_ms=maybe(0.7, 30, 400),
        reconnect_ms=rng.choice((2_000, 10_000, 90_000)),
        reboot_ms=maybe(0.5, 100, 600),
        mute_ms=maybe(0.4, 60, 300),
        configure_ms=maybe(0.4, 60, 300),
        crash_ms=maybe(0.5, 60, 500),
        wall_ms=maybe(0.3, 60, 300),
        remote_ms=maybe(0.5, 40, 200),
        foreign_stop_ms=maybe(0.4, 40, 200),
        slow_commits=rng.choice((0.0, 0.02, 0.05, 0.6)),
    )
