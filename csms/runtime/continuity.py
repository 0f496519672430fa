"""The energy between transactions, day by day: read for a report, and each night for the alarm `energy_gap`.

A day is one of the station's time zone, of 23 or 25 h where clocks change. The transactions that began on it are read,
and for each connector the last one before, which the first one of the day has to follow.
"""

import asyncio
import zoneinfo
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog

from csms.core.continuity import TOLERANCE_WH, Break, Step, breaks
from csms.core.events import EnergyReported
from csms.core.ids import ConnectorKey
from csms.core.records import SessionStored
from csms.ports import Clock, StoreError, TransactionFilter, TransactionPosition, Transactions
from csms.runtime.desk import StationDesk

_log = structlog.get_logger()

PAGE = 500
PAGES_BACK = 4
"""So far the transaction before the first one of the day is looked for, at each charger."""

PERIOD_S = 600.0
"""So often it is looked whether a day is over."""


@dataclass(frozen=True, slots=True)
class ConnectorDay:
    """The transactions that began at a connector on one day, oldest first, and where they do not follow each other."""

    key: ConnectorKey
    sessions: tuple[SessionStored, ...]
    steps: tuple[Step, ...]

    @property
    def unaccounted_wh(self) -> int:
        """Return the energy that belongs to no transaction, Wh."""
        return sum(step.difference_wh or 0 for step in self.steps if step.kind is Break.GAP)


async def continuity(store: Transactions, day: date, zone: str) -> list[ConnectorDay]:
    """Return the connectors that had transactions on a day; raise StoreError."""
    from_ms, to_ms = (_midnight_ms(each, zone) for each in (day, day + timedelta(days=1)))
    found: dict[ConnectorKey, list[SessionStored]] = defaultdict(list)
    wanted, before = TransactionFilter(from_ms=from_ms, to_ms=to_ms), None
    while page := await store.read_transactions(wanted, before, PAGE):
        for session in page:
            found[ConnectorKey(session.charger_id, session.idx)].append(session)
        before = _behind(page[-1])
    days = []
    for key, newest_first in sorted(found.items()):
        sessions = tuple(reversed(newest_first))
        days.append(ConnectorDay(key, sessions, tuple(breaks([*await _last_before(store, key, from_ms), *sessions]))))
    return days


async def _last_before(store: Transactions, key: ConnectorKey, from_ms: int) -> list[SessionStored]:
    """Return the last transaction of a connector before a day, if it is among the last ones of its charger."""
    wanted, before = TransactionFilter(key.charger_id, to_ms=from_ms), None
    for _ in range(PAGES_BACK):
        page = await store.read_transactions(wanted, before, PAGE)
        for session in page:
            if session.idx == key.idx:
                return [session]
        if len(page) < PAGE:
            break
        before = _behind(page[-1])
    return []


def _midnight_ms(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), zoneinfo.ZoneInfo(zone)).timestamp() * 1_000)


def _behind(last: SessionStored) -> TransactionPosition:
    return TransactionPosition(last.started_ms, last.transaction_id or 0)


class EnergyWatch:
    """Has the core told of each day that is over, for as long as it runs."""

    def __init__(
        self,
        desk: StationDesk,
        store: Transactions,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._desk = desk
        self._store = store
        self._clock = clock
        self._pause = pause
        self._told: date | None = None

    async def run(self) -> None:
        """Look again and again until cancelled; a store that refuses is asked again the next time."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                _log.warning("continuity.not_read", error=str(error))
            await self._pause(PERIOD_S)

    async def look(self) -> None:
        """Tell of yesterday, once; raise StoreError."""
        zone = self._desk.view.station.time_zone
        now = datetime.fromtimestamp(self._clock.now().wall_ms / 1_000, UTC)
        yesterday = now.astimezone(zoneinfo.ZoneInfo(zone)).date() - timedelta(days=1)
        if yesterday == self._told:
            return
        days = await continuity(self._store, yesterday, zone)
        missed = {day.key: day.unaccounted_wh for day in days if day.unaccounted_wh > TOLERANCE_WH}
        self._desk.submit(EnergyReported(yesterday.isoformat(), missed))
        self._told = yesterday
