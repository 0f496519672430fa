"""Housekeeping with a history in memory: what is asked for, when, and how long others have the store in between."""

import asyncio

import pytest

from csms.core.ids import Now
from csms.ports import Pruned, StoreError
from csms.runtime.housekeeping import (
    MS_PER_DAY,
    PERIOD_S,
    SET_AHEAD_MS,
    SHORTEST_PAUSE_S,
    Calendar,
    Housekeeper,
    Retention,
)
from tests.unit.core.driving import T0_WALL_MS
from tests.unit.runtime.doubles import HandClock


class Histories:
    """A store whose batches take `batch_ms` each, and of which so many are needed."""

    def __init__(self, clock: HandClock, batches: int = 1, batch_ms: int = 0) -> None:
        self.clock = clock
        self.batches, self.batch_ms = batches, batch_ms
        self.asked: list[tuple[str, int, int, int | None]] = []
        self.refuses = False

    async def prune_samples(self, after: int, *, before_ms: int, now_ms: int) -> Pruned:
        assert now_ms == T0_WALL_MS
        return self._prune("samples", after, before_ms, None)

    async def prune_log(self, after: int, *, before_ms: int, now_ms: int, rows_max: int | None) -> Pruned:
        assert now_ms == T0_WALL_MS
        return self._prune("log", after, before_ms, rows_max)

    async def prune_audit(self, after: int, *, before_ms: int, now_ms: int, rows_max: int | None) -> Pruned:
        assert now_ms == T0_WALL_MS
        return self._prune("audit", after, before_ms, rows_max)

    def _prune(self, table: str, after: int, before_ms: int, rows_max: int | None) -> Pruned:
        if self.refuses:
            raise StoreError("the disk is full")
        self.asked.append((table, after, before_ms, rows_max))
        self.clock.now_ms += self.batch_ms
        return Pruned(500, after + 500 if after < 500 * (self.batches - 1) else None)


class Pauses:
    """Pauses that take no time; the last one is where it all ends."""

    def __init__(self, most: int = 100) -> None:
        self.taken_s: list[float] = []
        self._most = most

    async def __call__(self, pause_s: float) -> None:
        self.taken_s.append(pause_s)
        if len(self.taken_s) == self._most:
            raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("retention", "asked"),
    [
        (Retention(), [("samples", 0, 730, None), ("log", 0, 90, 1_000_000), ("audit", 0, 90, 1_000_000)]),
        (Retention(1, 2, 3), [("samples", 0, 1, None), ("log", 0, 2, 3), ("audit", 0, 2, 3)]),
        (Retention(0, 2, 0), [("log", 0, 2, None), ("audit", 0, 2, None)]),
        (Retention(0, 0, 3), [("log", 0, None, 3), ("audit", 0, None, 3)]),
        (Retention(5, 0, 0), [("samples", 0, 5, None)]),
        (Retention(0, 0, 0), []),
    ],
)
async def test_what_is_kept_is_what_was_asked_for(
    retention: Retention, asked: list[tuple[str, int, int | None, int | None]]
) -> None:
    histories = Histories(clock := HandClock())
    await Housekeeper(histories, clock, retention, Pauses()).tidy_up()
    assert histories.asked == [
        (table, after, 0 if days is None else T0_WALL_MS - days * MS_PER_DAY, rows)
        for table, after, days, rows in asked
    ]


async def test_a_batch_begins_behind_the_one_before() -> None:
    histories = Histories(clock := HandClock(), batches=3)
    await Housekeeper(histories, clock, Retention(1, 0, 0), Pauses()).tidy_up()
    assert [after for _, after, _, _ in histories.asked] == [0, 500, 1000]


@pytest.mark.parametrize(("batch_ms", "pause_s"), [(0, SHORTEST_PAUSE_S), (100, 0.4)])
async def test_between_batches_the_store_is_left_to_others(batch_ms: int, pause_s: float) -> None:
    clock, pauses = HandClock(), Pauses()
    await Housekeeper(Histories(clock, 3, batch_ms), clock, Retention(1, 0, 0), pauses).tidy_up()
    assert pauses.taken_s == [pause_s, pause_s]


async def test_a_store_that_refuses_is_asked_again() -> None:
    clock, pauses = HandClock(), Pauses(most=3)
    histories = Histories(clock)
    histories.refuses = True
    with pytest.raises(asyncio.CancelledError):
        await Housekeeper(histories, clock, Retention(), pauses).run()
    assert pauses.taken_s == [PERIOD_S] * 3
    assert histories.asked == []
    histories.refuses = False
    with pytest.raises(asyncio.CancelledError):
        await Housekeeper(histories, clock, Retention(), Pauses(most=2)).run()
    assert [table for table, *_ in histories.asked] == ["samples", "log", "audit"] * 2


HOUR_MS, YEAR_MS = SET_AHEAD_MS, 365 * MS_PER_DAY


@pytest.mark.parametrize(
    ("looks", "believed_ms"),
    [
        pytest.param([(0, 0), (HOUR_MS, HOUR_MS)], HOUR_MS, id="corrected"),
        pytest.param([(0, 0), (HOUR_MS, -YEAR_MS)], -YEAR_MS, id="set back"),
        pytest.param([(0, 0), (HOUR_MS, YEAR_MS)], 0, id="set ahead"),
        pytest.param([(0, 0), (HOUR_MS, YEAR_MS), (HOUR_MS + MS_PER_DAY - 1, YEAR_MS)], 0, id="not yet a day ago"),
        pytest.param([(0, 0), (HOUR_MS, YEAR_MS), (HOUR_MS + MS_PER_DAY, YEAR_MS)], YEAR_MS, id="a day ago"),
        pytest.param([(0, 0), (HOUR_MS, YEAR_MS), (MS_PER_DAY, 0), (2 * MS_PER_DAY, YEAR_MS)], 0, id="ahead again"),
        pytest.param([(0, YEAR_MS)], YEAR_MS, id="ahead from the beginning"),
    ],
)
def test_a_clock_that_was_set_ahead_is_believed_after_a_day(looks: list[tuple[int, int]], believed_ms: int) -> None:
    calendar = Calendar()
    for mono_ms, ahead_ms in looks:
        today_ms = calendar.read(Now(mono_ms, T0_WALL_MS + mono_ms + ahead_ms))
    assert today_ms == T0_WALL_MS + looks[-1][0] + believed_ms


async def test_nothing_is_forgotten_because_a_clock_was_set_ahead() -> None:
    histories = Histories(clock := HandClock())
    housekeeper = Housekeeper(histories, clock, Retention(1, 0, 0), Pauses())
    await housekeeper.tidy_up()
    clock.wall_ahead_ms = YEAR_MS
    await housekeeper.tidy_up()
    assert [before_ms for _, _, before_ms, _ in histories.asked] == [T0_WALL_MS - MS_PER_DAY] * 2
