"""The station's loop: nothing is said before it is durable, nobody waits for ever, and what breaks is rebuilt."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from csms.core.engine import Engine, Step
from csms.core.errors import InvariantError
from csms.core.events import ChargerReported, ConnectorStatus, Fact, StationConfigured, StatusNotified
from csms.core.ids import ChargerId, Now
from csms.core.records import SendStored, SessionStored, StationStored
from csms.core.replies import Confirmed, Outcome, StationShown
from csms.ports import StoreError
from csms.runtime import controller as module
from csms.runtime.controller import Controller, StationHalted, pause_after_commit_s
from tests.unit.core.driving import charger, station
from tests.unit.runtime.doubles import Bench, HandClock, Links, MemoryStore, transaction_of, until

SITE = station(100, charger("A", 100), charger("B", 100))
A = ChargerId("A")
POISON = ChargerId("poison")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORE_PAUSE_S", 0)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Callable[[Bench], "asyncio.Future[Outcome]"]:
    """Make steps with a certain fact break an invariant; return how to ask for one."""
    sound = Engine.step

    def step(self: Engine, facts: Sequence[Fact], now: Now) -> Step:
        if any(isinstance(fact, ChargerReported) and fact.charger_id == POISON for fact in facts):
            raise InvariantError("poisoned")
        return sound(self, facts, now)

    monkeypatch.setattr(Engine, "step", step)
    return lambda bench: bench.probe(POISON)


# --- start ------------------------------------------------------------------------------------------------------------


async def test_an_empty_store_without_a_seed_has_no_station() -> None:
    bench = Bench(None)
    assert await bench.controller.start() is None
    with pytest.raises(RuntimeError):
        _ = bench.controller.view


async def test_an_empty_store_is_seeded_once_and_wins_afterwards() -> None:
    bench = Bench(None)
    assert await bench.controller.start(SITE) == SITE
    assert bench.store.commits == [[StationStored(SITE)]]
    again = Controller(bench.store, HandClock(), Links([]))
    assert await again.start(station(50)) == SITE
    assert again.view.station == SITE
    assert len(bench.store.commits) == 1


async def test_a_store_that_cannot_be_read_is_said_so() -> None:
    bench = Bench(SITE)
    bench.store.unreadable = True
    with pytest.raises(StoreError):
        await bench.controller.start()


# --- nothing is said before it is durable -----------------------------------------------------------------------------


async def test_replies_views_and_raises_wait_for_the_commit() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        bench.log.clear()
        with bench.store.held():
            answer = bench.start("A")
            await until(lambda: bench.store.waiting == 1)
            assert (bench.log, answer.done(), bench.controller.view.sessions) == ([], False, {})
        await bench.settle()
        assert bench.log[:3] == ["commit", "reply to A", "A 100 kW"]
        [shown] = bench.controller.view.sessions.values()
        assert shown.allocated_w == 100_000


async def test_the_commit_under_way_has_a_number_of_its_own() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        await bench.settle()
        numbers = [bench.controller.commit_under_way]
        for charger_id in ("A", "B"):
            with bench.store.held():
                bench.start(charger_id)
                await until(lambda: bench.store.waiting == 1)
                numbers += [bench.controller.commit_under_way, bench.controller.commit_under_way]
            await bench.settle()
            numbers.append(bench.controller.commit_under_way)
        assert numbers[0] == numbers[3] == numbers[6] == 0
        assert 0 < numbers[1] == numbers[2] < numbers[4] == numbers[5]


async def test_a_cut_waits_for_nothing() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        await transaction_of(bench.start("A"))
        await bench.settle()
        bench.log.clear()
        with bench.store.held():
            answer = bench.start("B")
            await until(lambda: bench.store.waiting == 1)
            assert (bench.log, answer.done()) == (["A 50 kW"], False)
        await bench.settle()
        assert bench.log.index("A 50 kW") < bench.log.index("reply to B")


async def test_the_intent_of_a_raise_is_in_the_commit_before_it() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        await transaction_of(bench.start("A"))
        durable = [r for commit in bench.store.commits for r in commit]
        await bench.settle()
        assert [(r.limit_w, r.state) for r in durable if isinstance(r, SendStored) and r.idx] == [(100_000, "open")]
        assert [r.transaction_id for r in durable if isinstance(r, SessionStored)] == [1]


async def test_what_queues_behind_a_commit_shares_the_next_one() -> None:
    chargers = [charger(f"C{n}", 10) for n in range(20)]
    bench = Bench(station(1_000, *chargers))
    async with bench.running():
        await bench.settle()
        before = len(bench.store.commits)
        with bench.store.held():
            first = bench.probe()
            await until(lambda: bench.store.waiting == 1)
            answers = []
            for n in range(20):
                answers.append(bench.start(f"C{n}"))
                await until(lambda n=n: len(bench.controller._waiting) == n + 1)  # type: ignore[misc]
        await asyncio.gather(first, *answers)
        assert len(bench.store.commits) == before + 2
        assert [await transaction_of(a) for a in answers] == list(range(1, 21))


@pytest.mark.parametrize(
    ("speakers", "took_s", "pause_s"),
    [
        (7, 0.001, 0.0),  # little is going on
        (8, 0.001, 0.003),
        (8, 0.004, 0.012),
        (500, 0.005, 0.015),  # at its limit
        (500, 0.012, 0.008),
        (500, 0.030, 0.0),
    ],
)
def test_in_a_crowd_a_commit_leaves_three_times_as_long_to_other_work_and_never_waits_for_long(
    speakers: int, took_s: float, pause_s: float
) -> None:
    assert pause_after_commit_s(speakers, took_s) == pytest.approx(pause_s)


@pytest.mark.parametrize(
    ("ask", "speakers"),
    [
        (lambda bench, _n: bench.probe("C0"), 1),
        (lambda bench, n: bench.probe(f"C{n}"), 20),
        (lambda bench, n: bench.start(f"C{n}"), 20),
    ],
)
async def test_many_messages_of_one_charger_are_no_crowd_but_many_chargers_are(
    ask: Callable[[Bench, int], "asyncio.Future[Outcome]"], speakers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def no_pause(many: int, _took_s: float) -> float:
        heard.append(many)
        return 0.0

    monkeypatch.setattr(module, "pause_after_commit_s", no_pause)
    bench = Bench(station(1_000, *(charger(f"C{n}", 10) for n in range(20))))
    async with bench.running():
        await bench.settle()
        heard.clear()
        await asyncio.gather(*(ask(bench, n) for n in range(20)))
        assert heard[0] == speakers


async def test_replies_keep_the_order_of_the_facts_over_steps_and_commits() -> None:
    bench = Bench(station(1_000, *(charger(f"C{n}", 10) for n in range(6))))
    async with bench.running():
        answers = []
        for n in range(6):
            answers.append(bench.start(f"C{n}"))
            if n % 2:
                await asyncio.sleep(0)
        await asyncio.gather(*answers)
        assert [line for line in bench.log if line.startswith("reply")] == [f"reply to C{n}" for n in range(6)]


async def test_more_steps_than_may_wait_for_the_disk_stay_in_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS_WAITING", 2)
    bench = Bench(SITE)
    async with bench.running():
        await bench.settle()
        with bench.store.held():
            answers = []
            for _ in range(10):
                answers.append(bench.probe())
                for _ in range(10):
                    await asyncio.sleep(0)
            assert len(bench.controller._waiting) == 2
            assert not any(answer.done() for answer in answers)
        assert await asyncio.gather(*answers) == [Confirmed()] * 10


async def test_a_step_without_records_needs_no_commit() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.settle()
        before = len(bench.store.commits)
        bench.controller._inbox.wake()
        await until(lambda: not bench.controller._inbox._arrived.is_set())
        await until(bench.controller._idle.is_set)
        assert len(bench.store.commits) == before


async def test_history_is_logged_when_it_is_durable_and_without_payloads() -> None:
    bench = Bench(SITE)
    async with bench.running():
        with capture_logs() as logs:
            await bench.probe("A")
    [line] = [each for each in logs if each["event"] == "charger.reported"]
    assert line == {
        "event": "charger.reported",
        "log_level": "info",
        "charger_id": "A",
        "idx": None,
        "action": "DataTransfer",
    }


# --- a store that fails -----------------------------------------------------------------------------------------------


async def test_when_a_commit_fails_askers_are_turned_away_and_the_core_is_rebuilt() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        bench.log.clear()
        bench.store.failures = 1
        answer = bench.start("A")
        with pytest.raises(StoreError, match="durable"):
            await answer
        await bench.settle()
        assert bench.controller.view.standing == (), "the rebuilt core has stored something"
        assert (bench.limits(), bench.durable_sessions(), bench.controller.view.sessions) == ([], [], {})
        assert all(shown.online for shown in bench.controller.view.chargers.values()), "announced again"
        assert await transaction_of(bench.start("A")) == 1, "the same id: nothing of the first try is left"
        await bench.settle()
        assert bench.limits() == [("A", 100)]


async def test_steps_behind_a_failed_commit_go_with_it_and_what_is_queued_is_tried() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.settle()
        with bench.store.held():
            bench.store.failures = 1
            lost = [bench.start("A")]
            await until(lambda: bench.store.waiting == 1)
            lost.append(bench.start("B"))
            await until(lambda: len(bench.controller._waiting) == 1)
        queued = bench.probe()
        for answer in lost:
            with pytest.raises(StoreError):
                await answer
        assert await queued == Confirmed()
        assert bench.durable_sessions() == []


async def test_it_goes_on_failing_and_recovers_when_the_disk_does() -> None:
    bench = Bench(SITE)
    async with bench.running() as task:
        bench.store.failures = 5
        refused = 0
        while refused < 10:
            try:
                await bench.probe()
                break
            except StoreError:
                refused += 1
        assert 1 <= refused <= 5
        assert not task.done()


async def test_while_nothing_can_be_stored_an_alarm_stands() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.settle()
        bench.store.failures = 1_000_000
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(StoreError):
                    await bench.probe()
                [alarm] = bench.controller.view.standing
                assert (alarm.alarm_id, alarm.cause) == ("nothing_stored", "the disk is full")
            bench.store.failures = 0
            await bench.probe()
            assert bench.controller.view.standing == ()
        told = [line["event"] for line in logs if line.get("notice") == "nothing_stored"]
        assert told == ["notice.raised", "notice.cleared"]


async def test_a_store_that_cannot_be_read_ends_the_loop() -> None:
    bench = Bench(SITE)
    async with bench.running() as task:
        await bench.settle()
        bench.store.failures, bench.store.unreadable = 1, True
        bench.probe()
        with pytest.raises(StoreError, match="gone"):
            await task


async def test_a_store_that_cannot_be_reached_is_asked_until_it_can() -> None:
    bench = Bench(SITE)
    async with bench.running() as task:
        await bench.bring_up("A", "B")
        bench.store.failures, bench.store.absences = 1, 3
        lost = bench.start("A")
        with pytest.raises(StoreError):
            await lost
        await until(lambda: bench.store.absences == 0)
        assert await transaction_of(bench.start("A")) == 1
        await bench.settle()
        assert all(shown.online for shown in bench.controller.view.chargers.values()), "announced again"
        assert bench.limits()[-1] == ("A", 100)
        assert not task.done()


async def test_while_the_store_cannot_be_reached_nobody_is_left_waiting() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.settle()
        bench.store.failures, bench.store.absences = 1, 1_000_000
        for _ in range(3):
            with pytest.raises(StoreError):
                await bench.probe()
        bench.store.absences = 0
        assert await transaction_of(bench.start("A")) == 1


async def test_a_cut_that_left_under_a_token_that_never_became_durable_shares_it_with_no_other_call() -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        await transaction_of(bench.start("A"))
        bench.controller.submit(StatusNotified(A, 1, ConnectorStatus.CHARGING))
        await bench.settle()
        bench.links.answering = False
        bench.store.failures = 1
        with pytest.raises(StoreError):
            await bench.start("B")
        await bench.settle()
        tokens = [getattr(command, "token", None) for command in bench.links.sent]
        assert ("A", 50) in bench.limits()
        assert len(set(tokens)) == len(tokens)


# --- broken invariants ------------------------------------------------------------------------------------------------


async def test_a_broken_invariant_costs_that_step_and_rebuilds_the_core(
    poison: Callable[[Bench], "asyncio.Future[Outcome]"],
) -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        await transaction_of(bench.start("A"))
        await bench.settle()
        sent = len(bench.links.sent)
        with pytest.raises(StoreError, match="invariant"):
            await poison(bench)
        await bench.settle()
        assert [s.transaction_id for s in bench.controller.view.sessions.values()] == [1]
        assert bench.limits()[-1] == ("A", 100), "said again: after a rebuild the connection is as good as new"
        assert len(bench.links.sent) > sent
        assert await transaction_of(bench.start("A")) == 2


@pytest.mark.parametrize(
    ("at_s", "safe"),
    [
        ((0, 0), False),
        ((0, 0, 0), True),
        ((0, 30, 60), True),
        ((0, 30, 61), False),
        ((0, 61, 122, 182), False),
        ((0, 0, 0, 1, 2), True),
        ((0, 0, 0, 1, 62, 63), True),
    ],
)
async def test_three_broken_invariants_in_a_minute_begin_safe_mode(
    poison: Callable[[Bench], "asyncio.Future[Outcome]"],
    at_s: tuple[int, ...],
    safe: bool,  # noqa: FBT001 - a column
) -> None:
    bench = Bench(SITE)
    async with bench.running():
        await break_at(bench, poison, at_s)
        assert await bench.probe() == Confirmed()
        assert ("safe_mode" in bench.controller.view.notices) is safe


async def test_three_more_in_safe_mode_halt_the_station(poison: Callable[[Bench], "asyncio.Future[Outcome]"]) -> None:
    bench = Bench(SITE)
    async with bench.running() as task:
        await break_at(bench, poison, (0, 0, 0, 0, 0))
        ends: set[asyncio.Future[Any]] = {poison(bench), task}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(StationHalted):
            await task


async def test_in_safe_mode_cars_are_cut_and_nobody_is_raised_until_the_trial(
    poison: Callable[[Bench], "asyncio.Future[Outcome]"],
) -> None:
    bench = Bench(SITE)
    async with bench.running():
        await bench.bring_up("A", "B")
        for charger_id in ("A", "B"):
            bench.controller.submit(StatusNotified(ChargerId(charger_id), 1, ConnectorStatus.CHARGING))
        await transaction_of(bench.start("A"))
        await bench.settle()
        await break_at(bench, poison, (0, 0, 0))
        await transaction_of(bench.start("B"))
        await bench.settle()
        assert bench.limits()[-1] == ("A", 50), "an equal share; the new car waits for the end of safe mode"
        bench.clock.now_ms = 599_000
        assert await bench.probe() == Confirmed()
        assert "safe_mode" in bench.controller.view.notices
        bench.clock.now_ms = 600_000
        with contextlib.suppress(StoreError):
            await bench.probe()
        await bench.settle()
        assert "safe_mode" not in bench.controller.view.notices
        for second in range(610, 740, 10):
            bench.clock.now_ms = second * 1_000
            assert await bench.probe() == Confirmed()
            await bench.settle()
        assert ("B", 50) in bench.limits()
        await break_at(bench, poison, (740, 740, 740))
        bench.clock.now_ms = 9_000_000
        assert await bench.probe() == Confirmed()
        assert "safe_mode" in bench.controller.view.notices, "there was one trial"
        bench.controller.end_safe_mode()
        await bench.settle()
        assert "safe_mode" not in bench.controller.view.notices


async def break_at(bench: Bench, poison: Callable[[Bench], "asyncio.Future[Outcome]"], at_s: tuple[int, ...]) -> None:
    """Break an invariant at each of these seconds."""
    for second in at_s:
        bench.clock.now_ms = second * 1_000
        with pytest.raises(StoreError, match="invariant"):
            await poison(bench)


# --- connections that live --------------------------------------------------------------------------------------------


async def test_only_connections_that_live_are_announced_to_a_rebuilt_core(
    poison: Callable[[Bench], "asyncio.Future[Outcome]"],
) -> None:
    bench = Bench(SITE)
    async with bench.running():
        old = bench.connect("A")
        new = bench.connect("A")
        gone = bench.connect("B")
        bench.disconnect("A", old)
        bench.disconnect("B", gone)
        await bench.settle()
        bench.links.sent.clear()
        with pytest.raises(StoreError):
            await poison(bench)
        await bench.settle()
        online = {charger_id: shown.online for charger_id, shown in bench.controller.view.chargers.items()}
        assert online == {"A": True, "B": False}
        assert {command.connection for command in bench.links.sent} == {new}


# --- time -------------------------------------------------------------------------------------------------------------


async def test_the_loop_wakes_when_time_alone_changes_something(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(SITE)
    loop = asyncio.get_running_loop()
    delays: list[float] = []

    def at_once(delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        delays.append(delay)
        bench.clock.now_ms += round(delay * 1_000)
        return loop.call_at(loop.time(), callback)

    async with bench.running():
        await bench.bring_up("A", "B")
        for charger_id in ("A", "B"):
            await transaction_of(bench.start(charger_id))
            bench.controller.submit(StatusNotified(ChargerId(charger_id), 1, ConnectorStatus.CHARGING))
        await bench.settle()
        assert bench.limits() == [("A", 100), ("A", 50)], "Accepted; ten seconds without a sample will settle it"
        monkeypatch.setattr(loop, "call_later", at_once)
        bench.controller._inbox.wake()
        await until(lambda: ("B", 50) in bench.limits())
        assert delays[:2] == [5, 5], "first to ask for statuses, then to settle"


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_what_was_taken_in_is_committed_and_answered_before_the_loop_ends() -> None:
    bench = Bench(SITE)
    async with bench.running() as task:
        await bench.bring_up("A", "B")
        with bench.store.held():
            answer = bench.start("A")
            await until(lambda: bench.store.waiting == 1)
            task.cancel()
            for _ in range(10):
                await asyncio.sleep(0)
            assert not task.done(), "it waits for the disk"
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await transaction_of(answer) == 1
        assert [row.transaction_id for row in bench.durable_sessions()] == [1]


async def test_a_configuration_is_answered_and_shown_when_it_is_durable() -> None:
    bench = Bench(SITE)
    new = station(60, charger("A", 50))
    async with bench.running():
        with bench.store.held():
            answer = bench.controller.ask(lambda request: StationConfigured(new, request))
            await until(lambda: bench.store.waiting == 1)
            assert bench.controller.view.station == SITE
        assert await answer == StationShown(new, SITE)
        assert bench.controller.view.station == new
        assert list(bench.controller.view.chargers) == ["A"]
        assert bench.store.memory.station == new


async def test_the_view_is_the_stations_from_the_start() -> None:
    bench = Bench(SITE)
    await bench.controller.start()
    assert list(bench.controller.view.chargers) == ["A", "B"]
    assert MemoryStore().memory.station is None
