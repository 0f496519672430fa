"""Who is read on and who has to wait; times are made up."""

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.gateway.budget import BURST_S, SHARED, Budgets

PER_S = 10


def read_until(budgets: Budgets, senders: dict[str, int], end_ms: float) -> dict[str, int]:
    """Have each read again, slice by slice of so many frames, as soon as it may be; return how many frames were."""
    due = [(0.0, name) for name in senders]
    frames = dict.fromkeys(senders, 0)
    while due[0][0] < end_ms:
        now_ms, name = heapq.heappop(due)
        frames[name] += senders[name]
        heapq.heappush(due, (now_ms + max(1.0, budgets.spend(name, senders[name], 0, now_ms)), name))
    return frames


def test_an_ordinary_charger_never_waits_whoever_else_there_is() -> None:
    budgets, now_ms = Budgets(PER_S), 0.0
    for _ in range(1_000):
        for _ in range(50):
            budgets.spend("FLOODS", 16, 4_096, now_ms)
        assert budgets.spend("HONEST", 1, 600, now_ms) == 0
        now_ms += 1_000


def test_a_queue_from_a_time_offline_is_read_at_the_shared_rate() -> None:
    frames = read_until(Budgets(PER_S), {"BACK": 8}, 16_000)
    own, shared = BURST_S * PER_S + 16 * PER_S, SHARED * PER_S * (1 + 16)
    assert frames["BACK"] == pytest.approx(shared + BURST_S * PER_S, rel=0.05)
    assert frames["BACK"] < own + shared


def test_those_that_flood_share_alike_and_a_crowd_of_them_keeps_its_own_rate() -> None:
    frames = read_until(Budgets(PER_S), {f"{n}": 8 for n in range(10)}, 60_000)
    assert max(frames.values()) <= 1.1 * min(frames.values())
    crowd = read_until(Budgets(PER_S), {f"{n}": 8 for n in range(300)}, 60_000)
    assert min(crowd.values()) >= BURST_S * PER_S + 0.9 * 60 * PER_S


@settings(deadline=None)
@given(senders=st.dictionaries(st.text(max_size=3), st.integers(1, 700), min_size=1, max_size=40))
def test_what_all_are_read_is_bounded_whatever_they_send(senders: dict[str, int]) -> None:
    seconds = 20
    frames = read_until(Budgets(PER_S), senders, seconds * 1_000)
    own = len(senders) * PER_S * (BURST_S + seconds)
    shared = SHARED * PER_S * (1 + seconds)
    assert sum(frames.values()) <= own + shared + sum(senders.values())


def test_a_kib_counts_as_a_message() -> None:
    budgets = Budgets(PER_S)
    assert budgets.spend("A", 0, 300 * 1_024, 0) == 0
    assert budgets.spend("A", 0, 300 * 1_024, 0) == 0, "out of what is shared"
    assert budgets.spend("A", 0, 3 * 1_024, 0) == 10


def test_without_a_rate_nobody_waits() -> None:
    budgets = Budgets(0)
    assert {budgets.spend("A", 1_000, 1_000_000, 0) for _ in range(1_000)} == {0}
