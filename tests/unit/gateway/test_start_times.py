import pytest

from csms.core.events import StartKey
from csms.core.ids import ChargerId, Now
from csms.gateway.start_times import MAX_REMEMBERED, MEMORY_MS, StartTimes
from csms.ocpp16.payloads import StartTransaction


def settle(times: StartTimes, stamp: str, started_ms: int, mono_ms: int = 0, tag: str = "tag") -> int:
    key = StartKey(ChargerId("CP001"), 1, tag, started_ms, 5)
    payload = StartTransaction(connector_id=1, id_tag=tag, meter_start=5, timestamp=stamp)
    return times.settle(key, payload, Now(mono_ms, 0)).started_ms


@pytest.mark.parametrize(
    ("stamp", "later_ms", "started_ms"),
    [
        ("2026-01-01T00:00:00Z", 1, 200),
        ("1970-01-01T00:00:09Z", 1, 100),
        ("", MEMORY_MS, 100),
        ("", MEMORY_MS + 1, 200),
    ],
)
def test_a_replay_keeps_the_time_that_was_made_up(stamp: str, later_ms: int, started_ms: int) -> None:
    times = StartTimes()
    assert settle(times, stamp, 100) == 100
    assert settle(times, stamp, 200, later_ms) == started_ms
    assert settle(times, stamp, 300, later_ms, tag="other") == 300


def test_bounded() -> None:
    times = StartTimes()
    for n in range(MAX_REMEMBERED + 1):
        settle(times, "", n, tag=str(n))
    assert settle(times, "", 999, tag="0") == 999
    assert settle(times, "", 999, tag="5") == 5
