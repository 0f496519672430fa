"""Buckets of tokens: bounds that hold at any time, for each alone, in a table that does not grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.buckets import Buckets, Rate, who_is

RATE = Rate(burst=3, each_ms=1_000)


def test_a_burst_then_one_after_the_other() -> None:
    buckets = Buckets(RATE, 10)
    assert [buckets.take("a", 0) for _ in range(4)] == [0, 0, 0, 1_000]
    assert buckets.take("b", 0) == 0, "another has a bucket of its own"
    assert [buckets.take("a", 1_000) for _ in range(2)] == [0, 1_000]
    assert [buckets.take("a", 100_000) for _ in range(4)] == [0, 0, 0, 1_000], "it is full, and not fuller"


def test_asking_on_does_not_make_it_longer() -> None:
    buckets = Buckets(RATE, 10)
    for _ in range(100):
        buckets.take("a", 0)
    assert [buckets.wait_ms("a", now_ms) for now_ms in (0, 999, 1_000)] == [1_000, 1, 0]


def test_looking_takes_nothing() -> None:
    buckets = Buckets(Rate(burst=1, each_ms=1_000), 10)
    assert [buckets.wait_ms("a", 0) for _ in range(3)] == [0, 0, 0]
    assert len(buckets) == 0
    buckets.take("a", 0)
    assert [buckets.wait_ms("a", 0) for _ in range(2)] == [1_000] * 2


def test_a_full_bucket_is_not_kept_and_no_more_than_so_many_are() -> None:
    buckets = Buckets(Rate(burst=1, each_ms=1_000), 3)
    buckets.take("a", 0)
    assert buckets.wait_ms("a", 5_000) == 0
    assert len(buckets) == 0
    for name in "abcd":
        buckets.take(name, 5_000)
    assert len(buckets) == 3
    assert [name for name in "abcd" if buckets.wait_ms(name, 5_000) == 0] == ["a"], "it took longest ago"
    for number in range(1_000):
        buckets.take(number, 5_000)
    assert len(buckets) == 3


@given(
    burst=st.integers(1, 20),
    each_ms=st.floats(2, 10_000),
    pauses_ms=st.lists(st.floats(0, 3_000), min_size=1, max_size=200),
)
def test_never_more_than_the_burst_and_what_has_flowed_in_since(
    burst: int, each_ms: float, pauses_ms: list[float]
) -> None:
    buckets, now_ms, taken = Buckets(Rate(burst, each_ms), 1), 1_000_000.0, 0
    begun_ms = now_ms
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        wait_ms = buckets.take("a", now_ms)
        taken += wait_ms == 0
        assert taken <= burst + (now_ms - begun_ms) / each_ms + 1e-2
        if wait_ms:
            now_ms += wait_ms
            assert buckets.take("a", now_ms) == 0, "what was said to wait is enough"
            taken += 1


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_who_counts_as_one(address: str, who: str) -> None:
    assert who_is(address) == who


def test_what_is_drawn_beyond_the_bucket_is_made_up_for_first() -> None:
    buckets = Buckets(RATE, 10)
    assert [buckets.owed_ms("a", tokens, 0) for tokens in (3, 3.5, 10)] == [0, 500, 7_000]
    buckets.draw("a", 10, 0)
    assert [buckets.owed_ms("a", 0, now_ms) for now_ms in (0, 6_999, 7_000)] == [7_000, 1, 0]
    assert [buckets.owed_ms("a", 1, now_ms) for now_ms in (7_000, 8_000)] == [1_000, 0]
    assert buckets.owed_ms("a", 3, 100_000) == 0, "it is full, and not fuller"
    assert buckets.owed_ms("a", 4, 100_000) == 1_000
    assert buckets.take("b", 0) == 0
