"""Local lists on their way: durable before they leave, one message after the other, whoever ends in between."""

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest

from csms.core.commanding import RELEASED
from csms.core.events import BootInfo
from csms.core.id_tags import IdTag
from csms.core.ids import ChargerId
from csms.core.local_list import ENTRIES_MAX, LOST, WAS_RELEASED, Entry, Held, ListState, LocalListStored
from csms.core.local_list_sending import SILENCES_MAX
from csms.core.records import CommandState
from csms.core.release import Release
from csms.core.replies import ChargerView, Refusal, Refused
from csms.ports import StoreError
from csms.runtime import local_lists
from csms.runtime.id_tags import TagBook
from csms.runtime.local_lists import (
    FOLLOW_S,
    RETRY_PAUSE_S,
    RUN_MS,
    LocalLists,
    NoAnswer,
    NoLocalList,
    TooManyEntries,
)
from tests.property.test_local_list import ModelCharger
from tests.unit.core.driving import charger, station
from tests.unit.runtime.doubles import until
from tests.unit.runtime.list_doubles import FakeLedger, FakeListMemory
from tests.unit.runtime.tag_doubles import NOW_MS, FakeTagMemory, FixedClock

CP = ChargerId("A")
TAGS = [IdTag(f"T{number}", f"t{number}") for number in range(5)]
RELEASE = Release("192.0.2.1", NOW_MS, forced=False, steps=())
OFFLINE = Refused(Refusal.CHARGER_OFFLINE, "the charger is offline")


class World:
    """A charger that takes two tags at a time, listed tags, and the lists of one process after the other."""

    def __init__(self, *tags: IdTag) -> None:
        self.charger = ModelCharger(chunk_max=2, entries_max=100)
        self.memory = FakeListMemory()
        self.tags = TagBook(FakeTagMemory(*tags), FixedClock())
        self.ledger = FakeLedger(self.memory, station(100, charger("A", 50)), self.charger.take)
        self.ids = itertools.count()
        self.pauses: list[float] = []
        self.lists = self.process()
        self.boot("1.0")

    def process(self) -> LocalLists:
        return LocalLists(self.memory, self.ledger, self.tags, FixedClock(), lambda: f"id{next(self.ids)}", self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def boot(self, firmware: str, *, online: bool = True, **fields: Any) -> None:
        boot = BootInfo("Maker", "X", firmware_version=firmware)
        view = ChargerView(CP, online=online, served=True, provisioned=True, booked_w=0, boot=boot)
        self.ledger.seen(replace(view, **fields))

    async def follow(self) -> list[str]:
        """Have the lists look at the tags, and return what that leads to."""
        before = len(self.ledger.said)
        await self.lists.follow()
        await self.lists.settled(CP, 20)
        return self.actions()[before:]

    async def send(self, **asked: Any) -> LocalListStored:
        taken = await self.lists.send(CP, "192.0.2.1", asked.get("queue_until_ms"), again=False, wait_s=9)
        assert isinstance(taken, LocalListStored)
        await self.lists.settled(CP, 20)
        found = await self.lists.find(CP)
        assert found is not None
        return found

    def actions(self) -> list[str]:
        return [body.get("updateType", action) for action, body in self.ledger.said]


async def world(*tags: IdTag) -> World:
    made = World(*tags)
    await made.tags.load()
    return made


ALL = ["GetLocalListVersion", "GetConfiguration", "Full", "Differential", "Differential", "GetLocalListVersion"]


async def test_a_list_is_sent_and_durable() -> None:
    site = await world(*TAGS, IdTag("BAD", "BAD", blocked=True))
    found = await site.send()
    assert (found.state, found.held) == (ListState.HELD, Held(3, tuple(Entry(tag.id_tag_raw) for tag in TAGS)))
    assert found == site.memory.lists[CP]
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS}
    assert site.actions() == ALL
    assert await site.lists.is_current(found)
    assert {request.asked_by for request in site.ledger.requests} == {"192.0.2.1"}
    assert [request.queue_until_ms for request in site.ledger.requests] == [None, *[NOW_MS + RUN_MS] * 5]


async def test_messages_wait_for_their_charger_as_long_as_was_said() -> None:
    site = await world(*TAGS)
    await site.send(queue_until_ms=NOW_MS + 7)
    assert {request.queue_until_ms for request in site.ledger.requests} == {NOW_MS + 7}


async def test_only_what_has_changed_follows() -> None:
    site = await world(*TAGS)
    before = await site.send()
    await site.tags.remove("T0")
    assert not await site.lists.is_current(before)
    found = await site.send()
    assert site.actions()[len(ALL) :] == ["GetLocalListVersion", "GetConfiguration", "Differential", ALL[0]]
    assert found.held == Held(4, tuple(Entry(tag.id_tag_raw) for tag in TAGS[1:]))


async def test_what_is_about_to_leave_is_durable_before() -> None:
    site = await world(*TAGS)
    seen: list[tuple[int, int | None]] = []

    def play(action: str, body: dict[str, Any]) -> dict[str, Any]:
        if action == "SendLocalList":
            sent = site.memory.lists[CP].sent
            seen.append((body["listVersion"], None if sent is None else sent.version))
        return site.charger.take(action, body)

    site.ledger.play = play
    await site.send()
    assert seen == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("is_taken", [True, False])
async def test_the_next_process_goes_on(*, is_taken: bool) -> None:
    """The first Full has left when the process ends; the charger tells whether it has taken it in."""
    site = await world(*TAGS)

    def play(action: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if action != "SendLocalList":
            return site.charger.take(action, body)
        if is_taken:
            site.charger.take(action, body)
        return None

    site.ledger.play = play
    taken = await site.lists.send(CP, "", None, again=False, wait_s=9)
    assert isinstance(taken, LocalListStored)
    await until(lambda: "Full" in site.actions())
    await site.lists.close()
    assert site.memory.lists[CP].state is ListState.SENDING
    site.ledger.play, site.lists, site.ledger.said = site.charger.take, site.process(), []
    site.memory.faults = 2
    running = asyncio.create_task(site.lists.run())
    await until(lambda: site.memory.lists[CP].state is ListState.HELD)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    parts = ["Differential", "Differential"] if is_taken else ["Full", "Differential", "Differential"]
    assert site.actions() == ["GetLocalListVersion", "GetConfiguration", *parts, "GetLocalListVersion"]
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS}
    assert site.pauses.count(RETRY_PAUSE_S) == 2, "the store was asked again"


async def test_another_wish_takes_the_place_of_one_that_is_under_way() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    await site.tags.take_in([IdTag("NEW", "NEW")], whole=True)
    site.ledger.play = site.charger.take
    taken = await site.lists.send(CP, "", None, again=False, wait_s=9)
    assert isinstance(taken, LocalListStored)
    assert (taken.state, taken.wanted) == (ListState.SENDING, (Entry("NEW"),))
    site.ledger.finish(site.ledger.requests[0].command_id, {"listVersion": 0})
    await site.lists.settled(CP, 20)
    assert site.charger.tags.keys() == {"NEW"}
    assert site.actions() == ["GetLocalListVersion", "GetConfiguration", "Full", "GetLocalListVersion"]


async def test_a_wish_that_comes_at_the_very_end_is_not_lost() -> None:
    """The end of the list before is on its way to the disk."""
    site = await world(*TAGS)
    site.memory.holds = lambda stored: stored.state is ListState.HELD
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    await until(lambda: site.memory.held == 1)
    found = await site.lists.find(CP)
    assert found is not None
    assert found.state is ListState.SENDING, "what is not durable is not said"
    await site.tags.remove("T0")
    sending = asyncio.create_task(site.lists.send(CP, "", None, again=False, wait_s=9))
    await asyncio.sleep(0)
    site.memory.may_write.set()
    assert isinstance(await sending, LocalListStored)
    await until(lambda: site.memory.lists[CP].state is ListState.HELD and "T0" not in site.charger.tags)


async def test_a_list_does_not_end_while_another_wish_is_being_written() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda action, body: None if site.memory.held == 0 else site.charger.take(action, body)
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    site.memory.holds = lambda stored: len(stored.wanted) == 4
    await site.tags.remove("T0")
    sending = asyncio.create_task(site.lists.send(CP, "", None, again=False, wait_s=9))
    await until(lambda: site.memory.held == 1)
    site.ledger.finish(site.ledger.requests[0].command_id, {"listVersion": 0})
    for _ in range(50):
        await asyncio.sleep(0)
    assert "Full" not in site.actions(), "nothing leaves that is not durable"
    site.memory.may_write.set()
    assert isinstance(await sending, LocalListStored)
    await until(lambda: site.memory.lists[CP].state is ListState.HELD)
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS[1:]}


async def test_who_is_offline_changes_nothing() -> None:
    site = await world(*TAGS)
    site.ledger.refusals = [OFFLINE]
    assert await site.lists.send(CP, "", None, again=False, wait_s=9) == OFFLINE
    assert site.memory.lists == {}


async def test_a_message_that_is_refused_on_the_way_ends_it() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    site.ledger.refusals = [Refused(Refusal.COMMAND_REFUSED, "in safe mode nothing but limits is said to chargers")]
    site.ledger.finish(site.ledger.requests[0].command_id, {"listVersion": 0})
    await site.lists.settled(CP, 20)
    found = site.memory.lists[CP]
    assert (found.state, found.reason) == (ListState.FAILED, "in safe mode nothing but limits is said to chargers")


async def test_silence_is_asked_about_and_ends() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: CommandState.TIMED_OUT
    found = await site.send()
    assert (found.state, site.actions()) == (ListState.FAILED, ["GetLocalListVersion"] * SILENCES_MAX)


async def test_a_step_that_was_not_durable_is_asked_about() -> None:
    """It may have been: the store did not answer."""
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    site.ledger.refusals, site.ledger.play = [StoreError("away")], site.charger.take
    site.ledger.finish(site.ledger.requests[0].command_id, {"listVersion": 0})
    await site.lists.settled(CP, 20)
    assert site.actions() == ["GetLocalListVersion", *ALL]
    assert site.memory.lists[CP].state is ListState.HELD


async def test_a_store_that_refuses_is_waited_for() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    site.memory.faults, site.ledger.play = 3, site.charger.take
    site.ledger.finish(site.ledger.requests[0].command_id, {"listVersion": 0})
    await site.lists.settled(CP, 20)
    assert (len(site.pauses), site.memory.lists[CP].state) == (3, ListState.HELD)


async def test_a_wish_that_is_not_durable_is_none() -> None:
    site = await world(*TAGS)
    site.memory.faults = 1
    with pytest.raises(StoreError):
        await site.lists.send(CP, "", None, again=False, wait_s=9)
    assert await site.lists.find(CP) is None
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    site.memory.faults = 1
    await site.tags.remove("T0")
    with pytest.raises(StoreError):
        await site.lists.send(CP, "", None, again=False, wait_s=9)
    found = await site.lists.find(CP)
    assert found is not None
    assert len(found.wanted) == 5
    await site.lists.close()


async def test_that_there_is_none_is_remembered_until_it_is_another_charger() -> None:
    site = await world(*TAGS)
    site.charger.version = -1
    assert (await site.send()).state is ListState.NOT_SUPPORTED
    assert await site.lists.send(CP, "", None, again=False, wait_s=9) == NoLocalList()
    assert site.actions() == ["GetLocalListVersion"]
    assert isinstance(await site.lists.send(CP, "", None, again=True, wait_s=9), LocalListStored)
    await site.lists.settled(CP, 20)
    assert site.actions() == ["GetLocalListVersion"] * 2
    site.boot("2.0")
    site.charger.version = 0
    assert (await site.send()).state is ListState.HELD


async def test_another_charger_of_the_same_version_is_sent_the_whole_list() -> None:
    site = await world(*TAGS)
    await site.send()
    site.boot("1.1")
    site.charger.tags = {"OTHER": {"status": "Accepted"}}
    found = await site.send()
    assert (found.state, site.actions()[len(ALL) + 2]) == (ListState.HELD, "Full")
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS}


async def test_a_list_is_taken_away_once() -> None:
    site = await world(*TAGS)
    assert await site.lists.take_away(CP, "", None, wait_s=9) is None
    assert site.ledger.said == []
    await site.send()
    taken = await site.lists.take_away(CP, "", None, wait_s=9)
    assert isinstance(taken, LocalListStored)
    await site.lists.settled(CP, 20)
    found = await site.lists.find(CP)
    assert found is not None
    assert (found.state, found.is_on, site.charger.tags) == (ListState.HELD, False, {})
    assert await site.lists.is_current(found)
    count = len(site.ledger.said)
    assert await site.lists.take_away(CP, "", None, wait_s=9) == found
    assert len(site.ledger.said) == count


async def test_more_tags_than_a_list_can_have_are_told() -> None:
    site = await world(*(IdTag(f"T{number}", f"T{number}") for number in range(ENTRIES_MAX + 1)))
    assert await site.lists.send(CP, "", None, again=False, wait_s=9) == TooManyEntries(ENTRIES_MAX + 1)
    assert (site.ledger.said, site.memory.lists) == ([], {})


async def test_a_command_that_nobody_knows_counts_as_unanswered() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    site.ledger.play = site.charger.take
    first = site.ledger.requests[0].command_id
    command = site.memory.commands.pop(first)
    site.memory.commands[first] = replace(command, state=CommandState.UNKNOWN)
    site.ledger.finish(first, CommandState.UNKNOWN)
    await site.lists.settled(CP, 20)
    assert site.memory.lists[CP].state is ListState.HELD


async def test_who_waits_for_a_long_time_waits_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_lists, "WATCH_S", 0)
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", None, again=False, wait_s=9)
    first, reads = site.ledger.requests[0].command_id, site.memory.reads
    await until(lambda: site.memory.reads > reads + 5)
    assert site.ledger.watchers == 1
    site.ledger.play = site.charger.take
    site.ledger.finish(first, {"listVersion": 0}, tell=False)
    await site.lists.settled(CP, 20)
    assert site.memory.lists[CP].state is ListState.HELD, "also where nobody was told"


async def test_a_ledger_that_does_not_answer_is_given_up() -> None:
    site = await world(*TAGS)
    site.ledger.is_silent = True
    assert await site.lists.send(CP, "", None, again=False, wait_s=0) == NoAnswer()
    assert site.memory.lists == {}


CHANGE = ["GetLocalListVersion", "GetConfiguration", "Differential", "GetLocalListVersion"]


async def test_a_list_that_was_asked_for_follows_the_tags() -> None:
    site = await world(*TAGS)
    assert await site.follow() == [], "nobody has asked for one"
    await site.send()
    assert await site.follow() == []
    await site.tags.put(replace(TAGS[0], blocked=True))
    assert await site.follow() == CHANGE
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS[1:]}
    assert site.memory.lists[CP].asked_by == ""
    assert await site.follow() == []
    await site.tags.put(replace(TAGS[1], note="nothing that a list holds"))
    assert await site.follow() == []


async def test_who_was_away_is_told_when_it_is_back() -> None:
    site = await world(*TAGS)
    await site.send()
    await site.tags.remove("T0")
    site.boot("1.0", online=False)
    assert await site.follow() == []
    site.boot("1.0")
    site.ledger.refusals = [OFFLINE]
    assert await site.follow() == []
    assert await site.follow() == CHANGE


async def test_the_next_process_looks_at_every_list_that_is_kept() -> None:
    site = await world(*TAGS)
    await site.send()
    await site.tags.remove("T0")
    site.lists = site.process()
    assert await site.follow() == CHANGE


async def test_no_list_follows_that_is_not_kept() -> None:
    site = await world(*TAGS)
    await site.send()
    await site.tags.remove("T0")
    await site.lists.follow()
    await site.lists.settled(CP, 20)
    await site.lists.take_away(CP, "", None, wait_s=9)
    await site.lists.settled(CP, 20)
    await site.tags.remove("T1")
    assert await site.follow() == []
    site.charger.version = -1
    assert (await site.send()).state is ListState.NOT_SUPPORTED
    await site.tags.remove("T2")
    assert await site.follow() == []


async def test_a_list_that_becomes_too_long_stays_as_it_is() -> None:
    site = await world(*TAGS)
    await site.send()
    await site.tags.take_in([IdTag(f"X{number}", f"X{number}") for number in range(ENTRIES_MAX)], whole=False)
    assert await site.follow() == []
    await site.tags.take_in([IdTag("ONE", "ONE")], whole=True)
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS}
    await site.follow()
    assert site.charger.tags.keys() == {"ONE"}


async def test_lists_are_followed_for_as_long_as_the_process_runs() -> None:
    site = await world(*TAGS)
    await site.send()
    running = asyncio.create_task(site.lists.run())
    await site.tags.remove("T0")
    site.memory.broken = True
    await until(lambda: site.pauses.count(FOLLOW_S) > 2)
    site.memory.broken = False
    await until(lambda: "T0" not in site.charger.tags)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_later_wish_does_not_shorten_the_wait() -> None:
    site = await world(*TAGS)
    site.ledger.play = lambda _action, _body: None
    await site.lists.send(CP, "", NOW_MS + 2 * RUN_MS, again=False, wait_s=9)
    taken = await site.lists.send(CP, "", None, again=False, wait_s=9)
    assert isinstance(taken, LocalListStored)
    assert taken.until_ms == NOW_MS + 2 * RUN_MS
    await site.lists.close()


async def test_a_released_charger_is_sent_nothing_and_its_list_anew_when_it_is_taken_in() -> None:
    """The release has emptied it: what was held before is not held any more, whatever the tags."""
    site = await world(*TAGS)
    before = await site.send()
    assert await site.follow() == []
    site.boot("1.0", release=RELEASE)
    assert not await site.lists.is_current(before)
    await site.tags.remove("T0")
    assert await site.follow() == []
    after = site.memory.lists[CP]
    assert (after.state, after.reason, after.held, after.sent) == (ListState.FAILED, WAS_RELEASED, None, None)
    assert await site.lists.send(CP, "192.0.2.1", None, again=True, wait_s=9) == RELEASED
    site.charger.tags.clear()
    site.boot("1.0")
    assert "Full" in await site.follow()
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS[1:]}


async def test_a_charger_that_is_another_one_is_looked_at_although_no_tag_was_changed() -> None:
    site = await world(*TAGS)
    before = await site.send()
    assert await site.follow() == []
    site.boot("2.0")
    site.charger.tags.clear()
    site.charger.version = 0
    assert not await site.lists.is_current(before)
    assert "Full" in await site.follow()
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS}


async def test_no_list_follows_to_one_that_is_observed_before_it_is_steered() -> None:
    site = await world(*TAGS)
    await site.send()
    site.boot("1.0", observed=True)
    await site.tags.remove("T0")
    assert await site.follow() == []
    site.boot("1.0")
    assert "Differential" in await site.follow()


@pytest.mark.parametrize("reason", sorted(LOST))
async def test_a_list_that_nobody_knows_any_more_is_sent_anew_by_the_next_process(reason: str) -> None:
    site = await world(*TAGS)
    await site.send()
    site.memory.lists[CP] = replace(site.memory.lists[CP], state=ListState.FAILED, held=None, reason=reason)
    site.charger.tags.clear()
    site.lists = site.process()
    assert "Full" in await site.follow()
    assert site.charger.tags.keys() == {tag.id_tag for tag in TAGS}
