"""Buckets of tokens: bounds that hold at any time, for each alone, in a table that does not grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rates import Buckets, who_is


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_then_one_after_the_other() -> None:
    clock = Clock()
    buckets = Buckets(3, 2.0, 10, clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]
    assert buckets.take("b") == 0, "another has a bucket of its own"
    clock.now_s += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, pytest.approx(0.5)]
    clock.now_s += 100
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)], "it is full, and not fuller"


def test_looking_takes_nothing() -> None:
    buckets = Buckets(1, 1.0, 10, Clock())
    assert [buckets.wait_s("a") for _ in range(3)] == [0, 0, 0]
    assert len(buckets) == 0
    buckets.take("a")
    assert [buckets.wait_s("a") for _ in range(2)] == [pytest.approx(1.0)] * 2


def test_the_table_is_bounded_and_forgets_who_came_longest_ago() -> None:
    buckets = Buckets(1, 1.0, 3, Clock())
    for name in "abcd":
        buckets.take(name)
    assert len(buckets) == 3
    assert [name for name in "abcd" if buckets.wait_s(name) == 0] == ["a"]
    for number in range(1_000):
        buckets.take(number)
    assert len(buckets) == 3


@given(
    burst=st.integers(1, 20),
    per_s=st.floats(0.1, 500),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=200),
)
def test_never_more_than_the_burst_and_what_has_flowed_in_since(burst: int, per_s: float, pauses: list[float]) -> None:
    clock, taken = Clock(), 0
    buckets = Buckets(burst, per_s, 1, clock)
    begun_s = clock.now_s
    for pause_s in pauses:
        clock.now_s += pause_s
        wait_s = buckets.take("a")
        taken += wait_s == 0
        assert taken <= burst + (clock.now_s - begun_s) * per_s + 1e-3
        if wait_s:
            clock.now_s += wait_s
            assert buckets.take("a") == 0, "what was said to wait is enough"
            taken += 1


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("2001:db8:1:3::9", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_who_counts_as_one(address: str, who: str) -> None:
    assert who_is(address) == who
