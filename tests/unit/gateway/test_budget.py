"""Who is read on and who has to wait; times are made up."""

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.gateway.budget import ASK_AGAIN_MS, BURST_S, SHARED, SPARE, SPARE_EACH, SPARE_MOST, Budgets

PER_S = 10


class Machine:
    """A processor: each unit that is read takes it so long, after all that was read before."""

    def __init__(self, each_ms: float = 0.15, *, is_busy: bool = False) -> None:
        self.now_ms = 0.0
        self.free_ms = 0.0
        self.worked_ms = 0.0
        self._each_ms = each_ms
        self._is_busy = is_busy

    def computed_ms(self) -> float:
        """Return for how long it has computed; for a busy one always more than time has passed."""
        self.worked_ms += 1e9 * self._is_busy
        return self.worked_ms

    def read(self, units: float) -> float:
        """Return when so many units are done."""
        self.worked_ms += units * self._each_ms
        self.free_ms = max(self.now_ms, self.free_ms) + units * self._each_ms
        return self.free_ms


def busy(per_s: int = PER_S) -> tuple[Budgets, Machine]:
    """Return budgets on a machine that has no time to spare."""
    machine = Machine(each_ms=0, is_busy=True)
    return Budgets(per_s, machine.computed_ms), machine


def read_until(
    budgets: Budgets, machine: Machine, senders: dict[str, int], end_ms: float, kib: int = 0
) -> dict[str, int]:
    """Have each read again, so many frames at a time, as soon as it may be; return how many frames were."""
    due = [(0.0, name, False) for name in senders]
    frames = dict.fromkeys(senders, 0)
    while due[0][0] < end_ms:
        machine.now_ms, name, rests = heapq.heappop(due)
        now_ms, many = machine.now_ms, 0 if rests else senders[name]
        frames[name] += many
        done_ms = machine.read(many + kib) if many else now_ms
        rest_ms = budgets.spend(name, many, 1_024 * kib if many else 0, now_ms)
        heapq.heappush(due, (max(done_ms, now_ms + rest_ms, now_ms if rests else now_ms + 1), name, rest_ms > 0))
    return frames


def test_an_ordinary_charger_never_waits_whoever_else_there_is() -> None:
    budgets, _ = busy()
    now_ms = 0.0
    for _ in range(1_000):
        for _ in range(50):
            budgets.spend("FLOODS", 16, 4_096, now_ms)
        assert budgets.spend("HONEST", 1, 600, now_ms) == 0
        now_ms += 1_000


def test_a_queue_from_a_time_offline_is_read_at_the_shared_rate() -> None:
    frames = read_until(*busy(), {"BACK": 8}, 16_000)
    assert frames["BACK"] == pytest.approx(BURST_S * PER_S + 16 * PER_S * (1 + SHARED), rel=0.05)


def test_those_that_flood_share_alike_whatever_a_message_costs_and_a_crowd_of_them_keeps_its_own_rate() -> None:
    senders = {f"{n}": 8 if n % 2 else 80 for n in range(10)}
    frames = read_until(*busy(), senders, 60_000)
    assert max(frames.values()) <= 1.1 * min(frames.values())
    crowd = read_until(*busy(), {f"{n}": 8 for n in range(300)}, 60_000)
    assert min(crowd.values()) >= BURST_S * PER_S + 0.9 * 60 * PER_S


@settings(deadline=None)
@given(
    senders=st.dictionaries(st.text(max_size=3), st.integers(1, 700), min_size=1, max_size=40), is_busy=st.booleans()
)
def test_what_all_are_read_is_bounded_whatever_they_send(senders: dict[str, int], *, is_busy: bool) -> None:
    seconds = 20
    machine = Machine(each_ms=0, is_busy=is_busy)
    frames = read_until(Budgets(PER_S, machine.computed_ms), machine, senders, seconds * 1_000)
    own = len(senders) * PER_S * (BURST_S + seconds)
    shared = (SHARED if is_busy else SPARE_MOST) * PER_S * (seconds + 2 * ASK_AGAIN_MS / 1_000)
    assert sum(frames.values()) <= own + shared + sum(senders.values())


def test_a_few_that_flood_get_little_of_an_idle_machine_and_many_get_much() -> None:
    got = {}
    for many in (1, 20, 200):
        machine = Machine(each_ms=0.01)
        frames = read_until(Budgets(PER_S, machine.computed_ms), machine, {f"{n}": 16 for n in range(many)}, 60_000)
        got[many] = (sum(frames.values()) - many * PER_S * (BURST_S + 60)) / (60 * PER_S)
    assert got[1] == pytest.approx(SPARE + SPARE_EACH, rel=0.1)
    assert got[20] == pytest.approx(SPARE + 20 * SPARE_EACH, rel=0.1)
    assert got[200] == pytest.approx(SPARE_MOST, rel=0.1)


def test_those_that_flood_get_more_while_the_machine_has_time_and_leave_it_about_half() -> None:
    machine = Machine()
    senders = {f"{n}": 16 for n in range(20)}
    frames = read_until(Budgets(PER_S, machine.computed_ms), machine, senders, 60_000)
    assert machine.worked_ms / 60_000 < 0.6
    assert sum(frames.values()) > 1.5 * sum(read_until(*busy(), senders, 60_000).values())


@pytest.mark.parametrize(("chargers", "longest_s"), [(1, 1), (30, 5), (200, 20)])
def test_sites_that_come_back_with_long_messages_wait_about_as_long_as_the_machine_works(
    chargers: int, longest_s: int
) -> None:
    machine = Machine()
    budgets = Budgets(PER_S, machine.computed_ms)
    for n in range(chargers):
        budgets.spend(f"{n}", 300, 0, 0)
    left = {f"{n}": 0.0 for n in range(chargers)}
    machine.now_ms = 1_000.0
    due = [(machine.read(350), name, True) for name in left]
    heapq.heapify(due)
    while due:
        machine.now_ms, name, is_first = heapq.heappop(due)
        rest_ms = budgets.spend(name, *((1, 350 * 1_024) if is_first else (0, 0)), machine.now_ms)
        if rest_ms:
            heapq.heappush(due, (machine.now_ms + rest_ms, name, False))
        left[name] = machine.now_ms
    assert max(left.values()) <= 1_000 * (1 + longest_s)


def test_a_kib_counts_as_a_message_and_who_waits_asks_again() -> None:
    budgets, _ = busy()
    assert budgets.spend("A", 0, 300 * 1_024, 0) == 0
    rest_ms = budgets.spend("A", 0, 31 * 1_024, 0)
    assert rest_ms == pytest.approx(100), "31 units at 10 a second of its own and 300 of what is shared"
    assert budgets.spend("A", 0, 0, 50) == pytest.approx(50)
    assert budgets.spend("A", 0, 0, 100) == 0
    assert budgets.spend("A", 0, 3_100 * 1_024, 100) == ASK_AGAIN_MS


def test_who_is_gone_leaves_its_part_to_the_others() -> None:
    budgets, _ = busy()
    for name in ("GONE", "STAYS"):
        assert budgets.spend(name, 2_000, 0, 0) == ASK_AGAIN_MS
    paid_ms = next(ms for ms in range(100, 20_000, 100) if budgets.spend("STAYS", 0, 0, ms) == 0)
    half_a_share, a_share = 1 + SHARED / 2, 1 + SHARED
    assert paid_ms == pytest.approx(1_000 + (1_700 - PER_S * half_a_share) / (PER_S * a_share) * 1_000, abs=200)


def test_without_a_rate_nobody_waits() -> None:
    budgets, _ = busy(0)
    assert {budgets.spend("A", 1_000, 1_000_000, 0) for _ in range(1_000)} == {0}
