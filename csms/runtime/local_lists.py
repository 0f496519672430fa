"""Chargers' local authorization lists: made from the listed id tags, sent one message after the other.

    asked for → GetLocalListVersion is in the ledger of commands → durable → answered
                the rest follows beside that, a message when the one before has its end

Which message comes next is decided in `csms.core.local_list_sending`; here each becomes a command like an operator's:
limits overtake it, and one at a time is out. What a SendLocalList would make of the list is durable before its
command is asked for. So whatever ends in between, the next process finds lists that are being sent, asks each charger
for its version, and knows from that which of its messages were taken in: nothing else has to be reconciled.

A list that was asked for is kept: within a minute of a change of the listed tags its charger is sent what has changed,
or when it next is connected. It is not queued for chargers that are away: a queue of hundreds would be gone through by
the ledger in each of its steps.

Lists are no part of the station's core, as the tags are not: no power depends on them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog

from csms.core.commanding import RELEASED
from csms.core.events import CommandRequested, CommandWatched
from csms.core.ids import ChargerId, CommandId
from csms.core.local_list import (
    ENTRIES_MAX,
    LOST,
    WAS_RELEASED,
    Entry,
    ListState,
    LocalListStored,
    difference,
    entries_of,
)
from csms.core.local_list_sending import (
    Answered,
    AskVersion,
    Ended,
    Fate,
    Message,
    NeverLeft,
    Send,
    Silent,
    answered,
    begun,
    fate_of,
    leaving,
    next_message,
    payload,
    recognised,
    resumed,
)
from csms.core.records import CommandStored
from csms.core.replies import ChargerView, Refused
from csms.ports import Clock, ListMemory, StoreError
from csms.runtime.desk import StationDesk
from csms.runtime.id_tags import TagBook

_log = structlog.get_logger()

RUN_MS = 3_600_000
"""So long may the messages of a list wait for their charger, unless whoever asks says until when."""

WATCH_S = 60.0
"""After that a command is looked up, in case that nobody was told of its end."""

FOLLOW_S = 60.0
"""Between two looks whether tags have changed: many changes in a row are one message."""

ANSWER_S = 30.0
"""So long the ledger of commands may take to answer where nobody waits."""

RETRY_PAUSE_S = 5.0
"""Between two attempts to reach a store that refuses."""


@dataclass(frozen=True, slots=True)
class TooManyEntries:
    """More tags may charge than a list can have; nothing was changed."""

    count: int


@dataclass(frozen=True, slots=True)
class NoLocalList:
    """The charger has said that it has none, and has been the same one since; nothing was sent."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The ledger of commands has not answered in time: nothing was changed, though the charger may be asked."""


@dataclass(slots=True)
class _Run:
    """A list that is being sent."""

    stored: LocalListStored
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: "asyncio.Task[None] | None" = None


class LocalLists:
    """The lists of all chargers; only those that are being sent are in memory."""

    def __init__(
        self,
        memory: ListMemory,
        desk: StationDesk,
        tags: TagBook,
        clock: Clock,
        new_id: Callable[[], str],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._memory = memory
        self._desk = desk
        self._tags = tags
        self._clock = clock
        self._new_id = new_id
        self._pause = pause
        self._turn = asyncio.Lock()
        self._runs: dict[ChargerId, _Run] = {}
        self._seen: int | None = None
        self._behind: set[ChargerId] = set()
        self._marks: dict[ChargerId, tuple[str, bool]] = {}

    # --- looking ------------------------------------------------------------------------------------------------------

    async def find(self, charger_id: ChargerId) -> LocalListStored | None:
        """Return the list of a charger, None when none was ever asked for; raise StoreError."""
        run = self._runs.get(charger_id)
        return await self._memory.read_local_list(charger_id) if run is None else run.stored

    async def is_current(self, stored: LocalListStored) -> bool:
        """Return whether a charger is known to hold what its list would be if it were made now."""
        held, boot = stored.held, self._boot(stored.charger_id)
        if held is None or stored.state is not ListState.HELD or boot not in {"", stored.boot}:
            return False
        if self._is_released(stored.charger_id):
            return False
        wanted = await self._entries() if stored.is_on else ()
        return await asyncio.to_thread(lambda: not any(difference(held.entries, wanted)))

    async def settled(self, charger_id: ChargerId, wait_s: float) -> None:
        """Return when nothing more is to be sent to a charger, or after so many seconds."""
        run = self._runs.get(charger_id)
        if run is not None and run.task is not None:
            await asyncio.wait({run.task}, timeout=wait_s)

    async def _entries(self) -> tuple[Entry, ...]:
        """Return the list that would be made now; worked out beside the event loop."""
        return await asyncio.to_thread(entries_of, self._tags.all(), self._clock.now().wall_ms)

    # --- asking -------------------------------------------------------------------------------------------------------

    async def send(
        self, charger_id: ChargerId, asked_by: str, queue_until_ms: int | None, *, again: bool, wait_s: float
    ) -> LocalListStored | Refused | NoAnswer | TooManyEntries | NoLocalList:
        """Have a charger hold the tags that may charge now; raise StoreError.

        `again`: also if it has said that it has no list; `wait_s`: so long is waited for the ledger of commands.
        """
        if self._is_released(charger_id):
            return RELEASED
        async with self._turn:
            before = await self.find(charger_id)
            is_known = before is not None and before.boot == self._boot(charger_id)
            if before is not None and before.state is ListState.NOT_SUPPORTED and is_known and not again:
                return NoLocalList()
            wanted = await self._entries()
            if len(wanted) > ENTRIES_MAX:
                return TooManyEntries(len(wanted))
            wish = self._wish(charger_id, wanted, asked_by, queue_until_ms, is_on=True)
            return await self._begin(wish, queue_until_ms, wait_s)

    async def take_away(
        self, charger_id: ChargerId, asked_by: str, queue_until_ms: int | None, *, wait_s: float
    ) -> LocalListStored | Refused | NoAnswer | None:
        """Have a charger hold no tag; None when it never had a list of ours; raise StoreError."""
        async with self._turn:
            before = await self.find(charger_id)
            if before is None:
                return None
            is_empty = before.state is ListState.HELD and not before.wanted
            if before.state is ListState.NOT_SUPPORTED or (is_empty and not before.is_on):
                return before
            wish = self._wish(charger_id, (), asked_by, queue_until_ms, is_on=False)
            return await self._begin(wish, queue_until_ms, wait_s)

    def _wish(
        self,
        charger_id: ChargerId,
        wanted: tuple[Entry, ...],
        asked_by: str,
        queue_until_ms: int | None,
        *,
        is_on: bool,
    ) -> LocalListStored:
        """Return a list as it is wanted, whatever was known of it before."""
        now_ms = self._clock.now().wall_ms
        until_ms = now_ms + RUN_MS if queue_until_ms is None else queue_until_ms
        return LocalListStored(charger_id, ListState.SENDING, wanted, asked_by, now_ms, until_ms, now_ms, is_on)

    async def _begin(
        self, wish: LocalListStored, queue_until_ms: int | None, wait_s: float
    ) -> LocalListStored | Refused | NoAnswer:
        """Put a wish in the place of the one before; a run's first message is taken in by the ledger before that."""
        run = self._runs.get(wish.charger_id)
        if run is not None and await self._is_taken_over(run, wish):
            return run.stored
        first = CommandId(self._new_id())
        answer = self._desk.ask(self._request(wish, first, AskVersion(), queue_until_ms))
        await asyncio.wait({answer}, timeout=wait_s)
        if not answer.done():
            return NoAnswer()
        outcome = answer.result()
        if isinstance(outcome, Refused):
            return outcome
        run = _Run(begun(await self._memory.read_local_list(wish.charger_id), wish))
        await self._memory.write_local_list(run.stored)
        self._start(run, first)
        return run.stored

    async def _is_taken_over(self, run: _Run, wish: LocalListStored) -> bool:
        """Put a wish in the place of one that is under way; False when that has ended meanwhile."""
        async with run.writing:
            if self._runs.get(wish.charger_id) is not run:
                return False
            wish = replace(wish, until_ms=max(wish.until_ms, run.stored.until_ms))
            await self._memory.write_local_list(begun(run.stored, wish))
            run.stored = begun(run.stored, wish)  # it may have come further: that is written with its next message
            return True

    def _boot(self, charger_id: ChargerId) -> str:
        """Return what a charger has told of itself, as far as another one, or other firmware, would tell otherwise."""
        charger: ChargerView | None = self._desk.view.chargers.get(charger_id)
        boot = None if charger is None else charger.boot
        if boot is None:
            return ""
        return "|".join(part or "" for part in (boot.vendor, boot.model, boot.serial_number, boot.firmware_version))

    def _is_released(self, charger_id: ChargerId) -> bool:
        charger = self._desk.view.chargers.get(charger_id)
        return charger is not None and charger.release is not None

    # --- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on with what the last process was sending, and keep lists up, until cancelled."""
        try:
            await self._resume()
            while True:
                try:
                    await self.follow()
                except StoreError as error:
                    _log.warning("local_list.not_read", error=str(error))
                await self._pause(FOLLOW_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop sending."""
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _resume(self) -> None:
        """Begin again with asking each charger what it holds."""
        while True:
            try:
                async with self._turn:
                    await self._begin_again()
            except StoreError as error:
                _log.warning("local_list.not_read", error=str(error))
                await self._pause(RETRY_PAUSE_S)
            else:
                return

    async def _begin_again(self) -> None:
        for charger_id in await self._memory.local_lists_under_way():
            stored = await self._memory.read_local_list(charger_id)
            if stored is not None and charger_id not in self._runs:
                self._start(_Run(resumed(stored)), None)

    # --- keeping up ---------------------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Send what has changed to the chargers whose lists are kept and that are connected; raise StoreError."""
        changed = self._tags.changed
        if changed != self._seen:
            self._behind = set(await self._memory.local_lists_kept())
            self._seen = changed
        chargers = self._desk.view.chargers
        self._look_at_them()
        here = [name for name in sorted(self._behind) if name not in chargers or chargers[name].online]
        if not here:
            return
        wanted = await self._entries()
        if len(wanted) > ENTRIES_MAX:
            _log.warning("local_list.too_long", id_tags=len(wanted), most=ENTRIES_MAX)
            self._behind.clear()  # until tags are changed again
            return
        for charger_id in here:
            if charger_id not in chargers or await self._is_up_to_date(charger_id, wanted):
                self._behind.discard(charger_id)

    def _look_at_them(self) -> None:
        """Look anew at the lists of chargers that are others since, by what they tell, or were released or taken in."""
        for charger_id, charger in self._desk.view.chargers.items():
            mark = (self._boot(charger_id), charger.release is not None)
            if self._marks.setdefault(charger_id, mark) != mark:
                self._marks[charger_id] = mark
                self._behind.add(charger_id)

    async def _is_up_to_date(self, charger_id: ChargerId, wanted: tuple[Entry, ...]) -> bool:
        """Return whether nothing is left to be asked for, after asking for it.

        A release has emptied the list, so nobody knows what a released charger holds; it is sent again when it is taken
        in again. Nothing is sent to one that is observed before it is steered.
        """
        async with self._turn:
            stored = await self.find(charger_id)
            if stored is None or not stored.is_on or stored.state is ListState.NOT_SUPPORTED:
                return True
            if self._is_released(charger_id):
                if charger_id not in self._runs:
                    await self._memory.write_local_list(
                        replace(stored, state=ListState.FAILED, reason=WAS_RELEASED, held=None, sent=None)
                    )
                return charger_id not in self._runs
            if self._desk.view.chargers[charger_id].observed:
                return False
            is_other = self._boot(charger_id) not in {"", stored.boot} or stored.reason in LOST
            if not is_other and not any(difference(stored.wanted, wanted)):
                return True
            begun_with = await self._begin(self._wish(charger_id, wanted, "", None, is_on=True), None, ANSWER_S)
            return isinstance(begun_with, LocalListStored)

    def _start(self, run: _Run, first: CommandId | None) -> None:
        charger_id = run.stored.charger_id
        self._runs[charger_id] = run
        run.task = asyncio.create_task(self._run(run, first), name=f"local list of {charger_id}")
        run.task.add_done_callback(_report_failure)

    async def _run(self, run: _Run, first: CommandId | None) -> None:
        try:
            await self._drive(run, first)
        finally:
            del self._runs[run.stored.charger_id]  # in the same breath as its end: nobody takes over what has ended

    async def _drive(self, run: _Run, first: CommandId | None) -> None:
        """Say one message after the other until the list is held, or given up."""
        if first is not None:
            self._take(run, AskVersion(), await self._fate(first))
        while True:
            message = next_message(run.stored)
            if isinstance(message, Ended):
                if await self._is_ended(run):
                    self._tell(run.stored)
                    return
                continue  # another wish has come meanwhile
            run.stored = leaving(run.stored, message)
            if isinstance(message, Send):
                await self._keep(run)
            self._take(run, message, await self._say(run.stored, message))

    def _take(self, run: _Run, message: Message, fate: Fate) -> None:
        """Take in what came of a message; whose version it is is known as far as its charger has told of itself."""
        if isinstance(message, AskVersion) and isinstance(fate, Answered):
            run.stored = recognised(run.stored, self._boot(run.stored.charger_id))
        run.stored = answered(run.stored, message, fate)

    async def _is_ended(self, run: _Run) -> bool:
        """Make the end of a run durable, then have it count; False when there is something to be said after all."""
        message = next_message(run.stored)
        while isinstance(message, Ended):
            now_ms = self._clock.now().wall_ms
            ended = replace(run.stored, state=message.state, reason=message.reason, changed_ms=now_ms)
            if await self._is_written(run, ended):
                run.stored = ended
                return True
            message = next_message(run.stored)
        return False

    async def _keep(self, run: _Run) -> None:
        """Make what is known of a list durable, and what is about to leave, however long the store refuses."""
        while not await self._is_written(run, run.stored):
            pass

    async def _is_written(self, run: _Run, stored: LocalListStored) -> bool:
        """Write a list; False when the store has refused, or another wish was written meanwhile."""
        before = run.stored
        async with run.writing:
            if run.stored is not before:
                return False
            try:
                await self._memory.write_local_list(stored)
            except StoreError as error:
                _log.warning("local_list.not_stored", charger_id=stored.charger_id, error=str(error))
            else:
                return True
        await self._pause(RETRY_PAUSE_S)
        return False

    async def _say(self, stored: LocalListStored, message: Message) -> Fate:
        """Have a message asked for as a command, and return what came of it."""
        command_id = CommandId(self._new_id())
        try:
            outcome = await self._desk.ask(self._request(stored, command_id, message, stored.until_ms))
        except StoreError:
            await self._pause(RETRY_PAUSE_S)
            return Silent()  # the store may have taken it all the same
        return NeverLeft(outcome.detail) if isinstance(outcome, Refused) else await self._fate(command_id)

    def _request(
        self, stored: LocalListStored, command_id: CommandId, message: Message, queue_until_ms: int | None
    ) -> Callable[..., CommandRequested]:
        action, body_json = payload(message)
        return lambda request: CommandRequested(
            request=request,
            command_id=command_id,
            charger_id=stored.charger_id,
            action=action,
            body_json=body_json,
            asked_by=stored.asked_by,
            queue_until_ms=queue_until_ms,
            forced=False,
        )

    async def _fate(self, command_id: CommandId) -> Fate:
        """Return what came of a command when nothing more will."""
        answer = self._desk.ask(lambda request: CommandWatched(request, command_id))
        while True:
            await asyncio.wait({answer}, timeout=WATCH_S)
            command = await self._command(command_id)
            if command is None:
                return Silent()
            if command.is_final:
                return fate_of(command)
            if answer.done():  # the core was built again, and has forgotten who waits
                await self._pause(RETRY_PAUSE_S)
                answer = self._desk.ask(lambda request: CommandWatched(request, command_id))

    async def _command(self, command_id: CommandId) -> CommandStored | None:
        """Return a command, however long the store refuses."""
        while True:
            try:
                return await self._memory.read_command(command_id)
            except StoreError:
                await self._pause(RETRY_PAUSE_S)

    @staticmethod
    def _tell(stored: LocalListStored) -> None:
        log = _log.info if stored.state is ListState.HELD else _log.warning
        version = None if stored.held is None else stored.held.version
        told = {"version": version, "id_tags": len(stored.wanted), "reason": stored.reason}
        log(f"local_list.{stored.state}", charger_id=stored.charger_id, **told)


def _report_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("local_list.broken", exc_info=error)
