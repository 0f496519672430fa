"""The energy between transactions, read for a day of the station's zone, and told once a day."""

from dataclasses import dataclass, field, replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from csms.core.events import EnergyReported
from csms.core.ids import ChargerId, ConnectorKey, Now
from csms.core.records import SessionStored
from csms.ports import StoreError, TransactionFilter, TransactionPosition
from csms.runtime.continuity import PAGE, EnergyWatch, continuity
from tests.unit.store import samples

PARIS = "Europe/Paris"
MIDNIGHT_MS = 1_774_738_800_000
"""2026-03-29 00:00 in Paris, a day of 23 h."""

HOUR_MS = 3_600_000


def one(number: int, started_ms: int, start_wh: int, stop_wh: int, idx: int = 1) -> SessionStored:
    times: dict[str, Any] = {"started_ms": started_ms, "ended_ms": started_ms + 60_000}
    return samples.ended(f"S{number}", number, idx=idx, meter_start_wh=start_wh, meter_stop_wh=stop_wh, **times)


@dataclass
class Store:
    """Transactions in memory, as the real one pages them."""

    sessions: list[SessionStored]
    broken: bool = False
    visits: int = 0

    async def read_transactions(
        self, wanted: TransactionFilter, before: TransactionPosition | None, transactions_max: int
    ) -> tuple[SessionStored, ...]:
        self.visits += 1
        if self.broken:
            raise StoreError
        found = [
            each
            for each in sorted(self.sessions, key=lambda s: (s.started_ms, s.transaction_id), reverse=True)
            if wanted.charger_id in {None, each.charger_id}
            and (wanted.from_ms is None or each.started_ms >= wanted.from_ms)
            and (wanted.to_ms is None or each.started_ms < wanted.to_ms)
            and (before is None or (each.started_ms, each.transaction_id or 0) < before)
        ]
        return tuple(found[:transactions_max])


async def test_the_first_one_of_a_day_follows_the_last_one_before() -> None:
    store: Any = Store(
        [
            one(1, MIDNIGHT_MS - 2 * HOUR_MS, 0, 1_000),
            one(2, MIDNIGHT_MS - HOUR_MS, 7_000, 7_500, idx=2),
            one(3, MIDNIGHT_MS, 1_300, 2_000),
            one(4, MIDNIGHT_MS + 23 * HOUR_MS - 1, 2_000, 2_500),
            one(5, MIDNIGHT_MS + 23 * HOUR_MS, 9_999, 9_999),
        ]
    )
    (day,) = await continuity(store, date(2026, 3, 29), PARIS)
    assert day.key == ConnectorKey(ChargerId("CP001"), 1)
    assert [each.transaction_id for each in day.sessions] == [3, 4], "the day has 23 h"
    assert [(step.before.transaction_id, step.difference_wh) for step in day.steps] == [(1, 300)]
    assert day.unaccounted_wh == 300


async def test_a_day_of_many_pages_is_read_whole() -> None:
    store: Any = Store([one(n, MIDNIGHT_MS + n, n, n + 1) for n in range(1, 2 * PAGE + 2)])
    (day,) = await continuity(store, date(2026, 3, 29), PARIS)
    assert (len(day.sessions), day.steps) == (2 * PAGE + 1, ())


@dataclass
class Desk:
    told: list[object] = field(default_factory=list)
    view: Any = field(default_factory=lambda: SimpleNamespace(station=replace(samples.STATION, time_zone=PARIS)))

    def submit(self, fact: object) -> None:
        self.told.append(fact)


@dataclass
class Clock:
    wall_ms: int

    def now(self) -> Now:
        return Now(0, self.wall_ms)


async def test_yesterday_is_told_once_and_what_is_small_is_not() -> None:
    day_ms = MIDNIGHT_MS - 5 * HOUR_MS
    store: Any = Store([one(1, day_ms, 0, 1_000), one(2, day_ms + 1, 1_101, 1_200), one(3, day_ms + 2, 1_300, 1_400)])
    desk, clock = Desk(), Clock(MIDNIGHT_MS - 1)
    watch = EnergyWatch(desk, store, clock)  # type: ignore[arg-type]
    await watch.look()
    assert desk.told == [EnergyReported("2026-03-27", {})]
    clock.wall_ms = MIDNIGHT_MS
    store.broken = True
    with pytest.raises(StoreError):
        await watch.look()
    store.broken = False
    await watch.look()
    await watch.look()
    assert desk.told[1:] == [EnergyReported("2026-03-28", {ConnectorKey(ChargerId("CP001"), 1): 201})]
    store.sessions[2] = one(3, day_ms + 2, 1_200, 1_400)
    store.sessions[1] = one(2, day_ms + 1, 1_100, 1_200)
    desk.told.clear()
    await EnergyWatch(desk, store, clock).look()  # type: ignore[arg-type]
    assert desk.told == [EnergyReported("2026-03-28", {})], "0.1 kWh is let pass"
