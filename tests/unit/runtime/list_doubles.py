"""A store of local lists that does as it is told, and a ledger of commands whose charger is a function."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from csms.core.events import CommandRequested, CommandWatched, Fact
from csms.core.ids import ChargerId, CommandId, RequestId
from csms.core.local_list import ListState, LocalListStored
from csms.core.records import CommandState, CommandStored
from csms.core.replies import ChargerView, CommandShown, NothingAwaited, Outcome, Refused
from csms.core.station import Station
from csms.ports import StoreError
from csms.runtime.view import StationView


class FakeListMemory:
    """Keeps lists and commands in dictionaries; the next `faults` writes fail, those that `holds` names wait."""

    def __init__(self) -> None:
        self.lists: dict[ChargerId, LocalListStored] = {}
        self.commands: dict[CommandId, CommandStored] = {}
        self.faults = 0
        self.broken = False
        self.reads = 0
        self.holds: Callable[[LocalListStored], bool] = lambda _: False
        self.held = 0
        self.may_write = asyncio.Event()

    async def read_local_list(self, charger_id: ChargerId) -> LocalListStored | None:
        if self.broken:
            raise StoreError("away")
        return self.lists.get(charger_id)

    async def local_lists_under_way(self) -> tuple[ChargerId, ...]:
        if self.faults:
            self.faults -= 1
            raise StoreError("away")
        return tuple(name for name, stored in self.lists.items() if stored.state is ListState.SENDING)

    async def local_lists_kept(self) -> tuple[ChargerId, ...]:
        if self.broken:
            raise StoreError("away")
        wanted = {ListState.SENDING, ListState.HELD, ListState.FAILED}
        return tuple(name for name, stored in self.lists.items() if stored.is_on and stored.state in wanted)

    async def write_local_list(self, stored: LocalListStored) -> None:
        if self.faults:
            self.faults -= 1
            raise StoreError("full")
        if self.holds(stored):
            self.held += 1
            await self.may_write.wait()
        self.lists[stored.charger_id] = stored

    async def read_command(self, command_id: CommandId) -> CommandStored | None:
        self.reads += 1
        return self.commands.get(command_id)


Play = Callable[[str, dict[str, Any]], dict[str, Any] | CommandState | None]


class FakeLedger:
    """A desk that takes commands in, and has them answered by `play`: a payload, a state without answer, None: not yet.

    `refusals`: the next outcomes instead.
    """

    def __init__(self, memory: FakeListMemory, station: Station, play: Play) -> None:
        self.view = StationView(station)
        self.play = play
        self.refusals: list[Refused | StoreError] = []
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[CommandRequested] = []
        self.is_silent = False
        self._memory = memory
        self._watchers: list[tuple[CommandId, asyncio.Future[Outcome]]] = []

    def seen(self, charger: ChargerView) -> None:
        """Have the view show a charger."""
        self.view.chargers[charger.charger_id] = charger

    def submit(self, fact: Fact) -> None:
        raise AssertionError(fact)

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        fact, answer = make_fact(RequestId(0)), asyncio.get_running_loop().create_future()
        if isinstance(fact, CommandWatched):
            self._watched(fact.command_id, answer)
            return answer
        assert isinstance(fact, CommandRequested)
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, StoreError):
                answer.set_exception(refusal)
            else:
                answer.set_result(refusal)
            return answer
        if self.is_silent:
            return answer
        self.requests.append(fact)
        stored = CommandStored(fact.command_id, fact.charger_id, fact.action, fact.body_json, fact.asked_by, 0)
        self._memory.commands[fact.command_id] = stored
        body = json.loads(fact.body_json)
        self.said.append((fact.action, body))
        if (told := self.play(fact.action, body)) is not None:
            self.finish(fact.command_id, told)
        answer.set_result(CommandShown(self._memory.commands[fact.command_id]))
        return answer

    def _watched(self, command_id: CommandId, answer: "asyncio.Future[Outcome]") -> None:
        command = self._memory.commands.get(command_id)
        if command is None or command.is_final:
            answer.set_result(NothingAwaited())
        else:
            self._watchers.append((command_id, answer))

    @property
    def watchers(self) -> int:
        """Return how many wait for an end."""
        return len(self._watchers)

    def finish(self, command_id: CommandId, told: dict[str, Any] | CommandState, *, tell: bool = True) -> None:
        """Have a command end, and tell who waits for that."""
        stored = self._memory.commands[command_id]
        if isinstance(told, CommandState):
            stored = replace(stored, state=told)
        else:
            stored = replace(stored, state=CommandState.ACCEPTED, answer_json=json.dumps(told))
        self._memory.commands[command_id] = stored
        for watched, answer in self._watchers:
            if tell and watched == command_id and not answer.done():
                answer.set_result(CommandShown(stored))
