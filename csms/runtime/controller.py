"""One station's loop: the single writer of its core.

Theory of operation. Two tasks. The *stepper* takes the whole inbox, steps the core, sends the cuts at once and hands
the step on. The *committer* takes every step that waits, makes their records durable in one commit, and only then lets
out, in the order of the steps, what depended on it: the view, the replies, the commands. So a slow disk delays raises
and replies, never a cut, and whatever queued behind a commit shares the next one. A commit leaves at once when little
is going on; in a crowd commits keep a distance, because each costs as much as a dozen of the messages that share it:
as many times what the one before took as leaves most of the time to other work, and so little while there is little.

When a step breaks an invariant, or a commit fails, the core's state is no longer what the store says. Then everybody
whose fact was taken is turned away (chargers send again), the core is rebuilt from the store, and the live connections
announce themselves to it again. A store that cannot be reached is asked until it can; one that answers and refuses to
be read ends the loop. Three broken invariants in a minute begin safe mode (`csms.runtime.safe_mode`); three more in
safe mode halt the process (`StationHalted`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

import structlog

from csms.core.alarms import Alarm, Severity
from csms.core.engine import Engine, Step
from csms.core.events import (
    BatteryReported,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    Fact,
    TransactionStarted,
)
from csms.core.ids import ChargerId, ConnectionId, RequestId, Token
from csms.core.records import EventLogged, Record, StationStored
from csms.core.replies import Outcome
from csms.core.station import Station
from csms.core.timings import LAW, Timings
from csms.ports import BatteryLink, ChargerLinks, Clock, Store, StoreError, StoreUnreachableError
from csms.runtime.desk import Told
from csms.runtime.inbox import Inbox
from csms.runtime.safe_mode import SafeMode
from csms.runtime.view import StationView, apply_changes

_log = structlog.get_logger()

STORE_PAUSE_S = 1.0
"""After a failed commit the loop waits so long before it is rebuilt: a full disk is not to be hammered, nor a server
that is away."""

CROWD = 8
"""Chargers and REST clients with messages in a commit, from which on the next one keeps its distance. Many messages of
one are no crowd: nobody else waits for what that one says. Answers to CALLs of ours do not count: no reply waits."""
COMMIT_PARTS = 4
"""In a crowd the next commit begins when the one before has taken only so small a part of the time since it began: the
replies of a few wait for little, and many share a commit on a machine that is at its limit, where it takes long."""
COMMIT_DISTANCE_MAX_S = 0.02
"""From the beginning of one commit to that of the next, in a crowd, at most, unless it takes longer itself."""

LONG_STEP_S = 0.01
"""After a longer step the sockets have the loop for as long as it took: the plan of a large station must not keep
thousands that reconnect from finishing their handshakes, and the next plan then holds what all of them said."""

MOST_STEPS_WAITING = 1_000
"""Steps that may wait for the disk; beyond, facts stay in the inbox."""

WARNINGS = frozenset({"notice.raised", "charger.refusing", "limit.refused", "transaction.orphan_stopped"})


def pause_after_commit_s(speakers: int, took_s: float) -> float:
    """Return for how long the next commit waits after one of what so many have said, which took so long."""
    if speakers < CROWD:
        return 0.0
    return max(0.0, min(COMMIT_PARTS * took_s, COMMIT_DISTANCE_MAX_S) - took_s)


def speakers_of(facts: Iterable[Fact]) -> set[str]:
    """Return which chargers and REST clients have said something."""
    spoke = (fact.key if isinstance(fact, TransactionStarted) else fact for fact in facts)
    said = (getattr(one, "charger_id", None) or getattr(one, "session_id", None) for one in spoke)
    return {speaker for speaker in said if speaker is not None}


class StationHalted(Exception):  # noqa: N818 - it names what happened
    """The loop broke its invariants too often and stopped; nothing of the last step left the process."""


class Controller:
    """The station's desks (`csms.runtime.desk`) and its loop; `is_new`: its store was empty when it was started."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        links: ChargerLinks,
        timings: Timings = LAW,
        battery: BatteryLink | None = None,
    ) -> None:
        self._store = store
        self._battery = battery
        self._battery_word: list[Fact] = []
        self.is_new = False
        self._clock = clock
        self._links = links
        self._timings = timings
        self._inbox = Inbox()
        self._engine: Engine | None = None
        self._view: StationView | None = None
        self._waiting: deque[Step] = deque()
        self._speakers: set[str] = set()
        self._steps_waiting = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._live: dict[ChargerId, list[Fact]] = {}
        self._least_token = 1
        self._safe_mode = SafeMode()
        self._safe_mode_ended: str | None = None
        self._commit_failed = False
        self._commits = 0
        self._commits_ended = 0

    # --- the desk -----------------------------------------------------------------------------------------------------

    @property
    def view(self) -> StationView:
        """The committed state; only after `start`."""
        if self._view is None:
            raise RuntimeError("the controller has not been started")
        return self._view

    @property
    def commit_under_way(self) -> int:
        """Return the number of the commit that is being made durable, each has another; 0: none is."""
        return self._commits if self._commits > self._commits_ended else 0

    def submit(self, fact: Fact) -> None:
        """Queue a fact that nobody waits for."""
        self._remember_connection(fact)
        self._inbox.submit(fact)

    def tell(self, make_fact: Callable[[RequestId], Fact], told: Told) -> None:
        """Queue a fact and have `told` called with its reply."""
        self._inbox.tell(make_fact, told)

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        """Queue a fact and return the future of its reply."""
        return self._inbox.ask(make_fact)

    def end_safe_mode(self) -> None:
        """Go on as usual from the next step on, by an operator's act, if there is safe mode."""
        if self._safe_mode.on:
            self._safe_mode.end()
            self._safe_mode_ended = "safe mode was ended by an operator"
            self._inbox.wake()

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def start(self, seed: Station | None = None) -> Station | None:
        """Rebuild the core from the store, seeding an empty one; return the station, or None when there is none.

        Raises:
            StoreError: the store cannot be read or written.
        """
        snapshot = await self._store.load()
        if snapshot.station is None:
            if seed is None:
                return None
            await self._store.commit([StationStored(seed)])
            self.is_new = True
        await self._rebuild()
        return self._running().station

    async def run(self) -> None:
        """Run until cancelled; what was taken in is committed before this returns.

        Raises:
            StationHalted: invariants were broken three times in a minute in safe mode.
            StoreError: the store cannot even be read any more.
        """
        committer = asyncio.create_task(self._commit_steps(), name="station committer")
        stepper = asyncio.create_task(self._step_for_ever(), name="station stepper")
        try:
            done, _ = await asyncio.wait({committer, stepper}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            stepper.cancel()
            self._disarm()
            if not committer.done():
                await self._idle.wait()
            committer.cancel()
            await asyncio.gather(committer, stepper, return_exceptions=True)
            self._inbox.close("the station's loop has stopped")

    async def _step_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._arm()
            await self._inbox.wait()
            if self._commit_failed:
                await asyncio.sleep(STORE_PAUSE_S)
                await self._recover("the store could not make a step durable")
            await self._leave_safe_mode()
            while len(self._waiting) >= MOST_STEPS_WAITING:
                await self._idle.wait()
            began_s = loop.time()
            await self._one_step()
            took_s = loop.time() - began_s
            if took_s > LONG_STEP_S:
                await asyncio.sleep(took_s)

    async def _leave_safe_mode(self) -> None:
        """Rebuild the core for the ordinary path, when an operator says so or when its trial is due."""
        ends_ms = self._safe_mode.ends_ms
        if ends_ms is not None and self._clock.now().mono_ms >= ends_ms:
            self._safe_mode.try_without()
            self._safe_mode_ended = "safe mode ends: one trial"
        if self._safe_mode_ended is not None:
            reason, self._safe_mode_ended = self._safe_mode_ended, None
            await self._recover(reason)

    async def _one_step(self) -> None:
        """Take the whole inbox through the core; a programmer's error costs this step and rebuilds the core."""
        facts, now = self._inbox.take(), self._clock.now()
        try:
            step = self._running().step(facts, now)
        except Exception:  # noqa: BLE001 - one of the three places: a programmer's error must not end the process
            _log.exception("station.step_failed", facts=len(facts))
            if self._safe_mode.broken(now.mono_ms):
                raise StationHalted("invariants are broken in safe mode too; see the log for each") from None
            await self._recover("an invariant was broken")
            return
        for command in step.at_once:
            self._links.send(command)
        if step.battery is not None and self._battery is not None:
            self._battery.send(step.battery)
        self._waiting.append(step)
        self._speakers |= speakers_of(facts)
        self._idle.clear()
        self._steps_waiting.set()

    def _arm(self) -> None:
        """Have the inbox wake when time alone will change something; most steps leave that time as it was."""
        dues_ms = [ms for ms in (self._running().next_due_ms(), self._safe_mode.ends_ms) if ms is not None]
        due_ms = min(dues_ms, default=None)
        if self._timer is not None and due_ms == self._timer_ms:
            return
        self._disarm()
        if due_ms is not None:
            delay_s = max(0, due_ms - self._clock.now().mono_ms) / 1_000
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)
            self._timer_ms = due_ms

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        self._timer = None
        self._inbox.wake()

    # --- durability ---------------------------------------------------------------------------------------------------

    async def _commit_steps(self) -> None:
        """Make waiting steps durable, all in one commit, and let out what depended on them."""
        loop = asyncio.get_running_loop()
        while True:
            await self._steps_waiting.wait()
            began_s = loop.time()
            self._steps_waiting.clear()
            steps, speakers = list(self._waiting), len(self._speakers)
            self._waiting.clear()
            self._speakers.clear()
            records: list[Record] = [record for step in steps for record in step.records]
            if not self._commit_failed and await self._made_durable(records):
                for step in steps:
                    self._let_out(step)
            if not self._waiting:
                self._idle.set()
            pause_s = pause_after_commit_s(speakers, loop.time() - began_s)
            if pause_s > 0:
                await asyncio.sleep(pause_s)

    async def _made_durable(self, records: list[Record]) -> bool:
        """Return whether `records` are durable now; a failure has the stepper rebuild the core."""
        self._commits += 1
        try:
            if records:
                await self._store.commit(records)
        except StoreError as error:
            _log.error("station.commit_failed", error=str(error), records=len(records))
            self._commit_failed = True
            self._show_unstored(str(error))
            self._inbox.wake()
            return False
        finally:
            self._commits_ended = self._commits
        if records and self.view.unstored is not None:
            _log.info("notice.cleared", notice=self.view.unstored.alarm_id)
            self.view.unstored = None
        return True

    def _show_unstored(self, cause: str) -> None:
        """Raise the one alarm that the core cannot: what it decides is published when it is durable."""
        if self.view.unstored is None:
            raised = Alarm("nothing_stored", "", cause, self._clock.now().wall_ms)
            _log.error("notice.raised", notice=raised.alarm_id, severity=Severity.ALARM.value, cause=cause)
            self.view.unstored = raised

    def _let_out(self, step: Step) -> None:
        """Publish, reply, command: in this order, and replies reach their sockets before the commands do."""
        apply_changes(self.view, step.changes)
        for record in step.records:
            if isinstance(record, EventLogged):
                _log_event(record)
        for reply in step.replies:
            self._inbox.answer(reply.request, reply.outcome)
        if step.after_commit:
            # Who waits for a future is woken by a callback that is already scheduled: this comes after it.
            asyncio.get_running_loop().call_soon(self._send_all, step)

    def _send_all(self, step: Step) -> None:
        for command in step.after_commit:
            self._links.send(command)

    # --- recovery -----------------------------------------------------------------------------------------------------

    async def _recover(self, reason: str) -> None:
        """Rebuild the core from the store and tell it of the connections that live."""
        await self._idle.wait()
        self._commit_failed = False
        self._inbox.turn_away(reason)
        await self._rebuild_when_reachable()
        announced = [*self._battery_word, *(fact for facts in self._live.values() for fact in facts)]
        self._inbox.put_first(announced)
        _log.warning(
            "station.recovered", reason=reason, connections=len(self._live), safe_mode=self._safe_mode.on or None
        )

    async def _rebuild_when_reachable(self) -> None:
        """Rebuild the core; while the store cannot be reached, nobody is left waiting; chargers keep limits."""
        while True:
            try:
                return await self._rebuild()
            except StoreUnreachableError as error:
                _log.error("station.store_unreachable", error=str(error))
                self._inbox.refuse_askers("the store cannot be reached")
                await asyncio.sleep(STORE_PAUSE_S)

    async def _rebuild(self) -> None:
        if self._engine is not None:
            self._least_token = self._engine.next_token
        snapshot = await self._store.load()
        counters = snapshot.counters
        # A cut may have left under a token that never became durable: its answer must not meet another CALL.
        token = Token(max(counters.next_token, self._least_token))
        snapshot = replace(snapshot, counters=replace(counters, next_token=token))
        self._engine = Engine(snapshot, self._clock.now(), self._timings, safe=self._safe_mode.on, zones=ZoneInfo)
        changes = self._engine.all_changes()
        if self._view is None:
            self._view = StationView(self._engine.station)
        apply_changes(self._view, changes, whole=True)

    def _remember_connection(self, fact: Fact) -> None:
        """Know which connections live, and the battery's last word, for a core that has to be rebuilt under them."""
        match fact:
            case BatteryReported():
                self._battery_word = [fact]
            case ChargerConnected(charger_id=charger_id):
                self._live[charger_id] = [fact]
            case ChargerHeard(charger_id=charger_id, connection=connection):
                if self._is_live(charger_id, connection):
                    self._live[charger_id].append(fact)
            case ChargerDisconnected(charger_id=charger_id, connection=connection):
                if self._is_live(charger_id, connection):
                    del self._live[charger_id]
            case _:
                pass

    def _is_live(self, charger_id: ChargerId, connection: ConnectionId) -> bool:
        facts = self._live.get(charger_id)
        return facts is not None and getattr(facts[0], "connection", None) == connection

    def _running(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the controller has not been started")
        return self._engine


def _log_event(event: EventLogged) -> None:
    """Log a line of the station's history, now that it is durable."""
    level = _log.warning if event.kind in WARNINGS else _log.info
    detail = {key: value for key, value in event.detail.items() if value is not None and key != "payload"}
    level(event.kind, charger_id=event.charger_id, idx=event.idx, **detail)
