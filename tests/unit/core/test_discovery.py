import pytest

from csms.core.capabilities import KEYS, LIMIT_KEYS, OTHER_KEYS
from csms.core.discovery import Reading

SAMPLE = "MeterValueSampleInterval"
MISSPELT = "MeterValuesSampleInterval"
PAUSE_MS = 600_000


def read_all(reading: Reading, keys_max: int | None) -> list[int]:
    """Have every request answered in full; return how many keys each had."""
    sizes = []
    while reading.due(0):
        asked = reading.request(keys_max)
        sizes.append(len(asked))
        reading.answered(asked, asked)
    return sizes


@pytest.mark.parametrize(
    ("keys_max", "sizes"),
    [(None, [7, 11]), (50, [18]), (18, [18]), (10, [10, 8]), (7, [7, 7, 4]), (1, [1] * 18)],
)
def test_no_request_has_more_keys_than_the_charger_allows(keys_max: int | None, sizes: list[int]) -> None:
    assert read_all(Reading(), keys_max) == sizes


def test_what_limits_need_comes_first() -> None:
    reading = Reading()
    assert reading.request(None) == LIMIT_KEYS
    reading.answered(LIMIT_KEYS, LIMIT_KEYS)
    assert (reading.first, reading.request(None)) == (False, OTHER_KEYS)


def test_a_full_dump_ends_it() -> None:
    reading = Reading()
    reading.answered(reading.request(None), KEYS)
    assert reading.left == []


def test_an_empty_answer_ends_what_was_asked() -> None:
    reading = Reading()
    reading.answered(reading.request(None), ())
    assert reading.request(None) == OTHER_KEYS
    reading.answered(OTHER_KEYS, ())
    assert reading.request(None) == (MISSPELT,), "once"
    reading.answered((MISSPELT,), ())
    assert not reading.due(0)


def test_a_misspelt_key_is_asked_for_only_where_the_right_one_is_not_known() -> None:
    reading = Reading(left=[SAMPLE])
    reading.answered(reading.request(None), [SAMPLE])
    assert reading.left == []


def test_after_an_error_fewer_keys_are_asked_for_until_one_alone_is_left_out() -> None:
    reading = Reading(left=["A", "B", "C", "D", "E"])
    sizes = []
    while reading.due(0):
        asked = reading.request(None)
        sizes.append(asked)
        if "C" in asked:
            reading.refused(asked, "InternalError")
        else:
            reading.answered(asked, asked)
    assert sizes == [("A", "B", "C", "D", "E"), ("A", "B"), ("C", "D"), ("C",), ("D",), ("E",)]


def test_errors_to_everything_come_to_an_end() -> None:
    reading = Reading()
    requests = 0
    while reading.due(0):
        reading.refused(reading.request(None), "GenericError")
        requests += 1
    assert requests == len(KEYS) + 2, "7, 3 and then each alone"
    assert not reading.first


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented"])
def test_a_charger_without_keys_is_asked_once_until_it_boots(code: str) -> None:
    reading = Reading()
    reading.refused(reading.request(None), code)
    assert (reading.due(0), reading.first) == (False, False)
    reading.booted()
    assert reading.request(None) == LIMIT_KEYS


def test_the_third_time_without_an_answer_it_waits() -> None:
    reading = Reading()
    for _ in range(3):
        assert reading.due(0)
        reading.request(None)
        reading.lost(0, PAUSE_MS)
    assert (reading.due(PAUSE_MS - 1), reading.due(PAUSE_MS)) == (False, True)
    reading.booted()
    assert not reading.due(PAUSE_MS - 1), "a boot may be the answer to the request"
    reading.request(None)
    reading.lost(PAUSE_MS, PAUSE_MS)
    assert (reading.due(2 * PAUSE_MS - 1), reading.due(2 * PAUSE_MS)) == (False, True)
    reading.answered(reading.request(None), ())
    assert reading.due(0), "it answers"


def test_nobody_waits_for_the_first_keys_twice() -> None:
    reading = Reading()
    reading.request(None)
    reading.lost(0, PAUSE_MS)
    assert (reading.before_limits, reading.due(0)) == (False, True)


def test_a_connection_that_ends_with_nothing_asked_is_no_loss() -> None:
    reading = Reading()
    reading.request(None)
    reading.unsent()
    reading.lost(0, PAUSE_MS)
    assert reading.losses == 0


def test_after_a_boot_everything_is_read_again_as_much_at_once_as_at_first() -> None:
    reading = Reading()
    reading.refused(reading.request(None), "InternalError")
    assert len(reading.request(None)) == 3
    reading.booted()
    assert reading.request(50) == KEYS
