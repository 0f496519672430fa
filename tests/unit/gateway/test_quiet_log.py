import structlog
from structlog.testing import capture_logs

from csms.gateway.quiet_log import QuietLog


def test_repeated_events_are_told_at_every_doubling() -> None:
    with capture_logs() as lines:
        quiet = QuietLog(structlog.get_logger())
        for n in range(20):
            quiet.note("frame.refused", n=n)
        quiet.note("call.refused")
    told = [(line["event"], line["count"]) for line in lines if line["log_level"] == "info"]
    assert told == [("frame.refused", n) for n in (1, 2, 4, 8, 16)] + [("call.refused", 1)]
    assert len(lines) == 21
