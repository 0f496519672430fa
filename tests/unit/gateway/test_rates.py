"""How often somebody may fail, against a plain count of tokens."""

from hypothesis import given
from hypothesis import strategies as st

from csms.gateway.half_open import HalfOpen
from csms.gateway.rates import Failures, Rate

RATE = Rate(burst=3, each_ms=1_000)


def test_a_bucket_is_spent_after_its_burst_and_fills_again() -> None:
    failures = Failures(RATE)
    for _ in range(3):
        assert not failures.is_spent("A", 0)
        failures.count("A", 0)
    assert failures.is_spent("A", 0)
    assert failures.is_spent("A", 999)
    assert not failures.is_spent("B", 0)
    assert not failures.is_spent("A", 1_000)
    failures.count("A", 1_000)
    assert failures.is_spent("A", 1_999)
    assert not failures.is_spent("A", 2_000)


def test_failing_on_does_not_make_it_longer_than_a_whole_burst() -> None:
    failures = Failures(RATE)
    for _ in range(100):
        failures.count("A", 0)
    assert failures.is_spent("A", 999)
    assert not failures.is_spent("A", 1_000)


def test_a_full_bucket_is_not_kept_and_no_more_than_so_many_are() -> None:
    failures = Failures(RATE, buckets_max=2)
    failures.count("A", 0)
    assert not failures.is_spent("A", 5_000)
    assert len(failures) == 0
    for _ in range(3):
        failures.count("A", 10_000)
    failures.count("B", 10_000)
    assert failures.is_spent("A", 10_000)
    failures.count("C", 10_000)
    assert len(failures) == 2
    assert not failures.is_spent("A", 10_000), "the one that failed longest ago is forgotten"


@given(st.lists(st.tuples(st.integers(0, 3_000), st.booleans()), max_size=60))
def test_it_is_a_bucket_of_tokens(steps: list[tuple[int, bool]]) -> None:
    failures, now_ms, missing = Failures(RATE), 0, 0
    for pause_ms, fails in steps:
        now_ms, missing = now_ms + pause_ms, max(0, missing - pause_ms)
        assert failures.is_spent("A", now_ms) is (missing > (RATE.burst - 1) * RATE.each_ms)
        if fails:
            failures.count("A", now_ms)
            missing = min(missing + RATE.each_ms, RATE.burst * RATE.each_ms)


def test_half_open_ones_are_counted_in_all_and_by_address() -> None:
    half_open = HalfOpen(8)
    assert [half_open.enter(n, "A") for n in range(3)] == [True, True, False]
    half_open.leave(2)
    half_open.leave(0)
    half_open.leave(0)
    assert half_open.enter(3, "A")
    assert not half_open.enter(4, "A")
    assert [half_open.enter((n, m), f"B{n}") for n in range(4) for m in range(2)] == [True] * 6 + [False] * 2
    assert len(half_open) == 8
    half_open.leave(1)
    assert half_open.enter("C", "C")
    half_open = HalfOpen(8)
    assert [half_open.enter(n, "A", stands_for_many=True) for n in range(9)] == [True] * 8 + [False]
