import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from csms.core.access import MASKED, key_text
from csms.obs.logs import configure, mask_frame, mask_tag
from csms.settings import LogFormat, LogLevel


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_json_object_per_event() -> None:
    out = io.StringIO()
    configure(LogLevel.INFO, LogFormat.AUTO, out)
    structlog.get_logger().bind(charger_id="CP001").info("charger.connected", connection=7)
    (event,) = lines(out)
    assert event.pop("at")
    assert event == {"event": "charger.connected", "level": "info", "charger_id": "CP001", "connection": 7}


def test_events_below_the_level_are_dropped() -> None:
    out = io.StringIO()
    configure(LogLevel.WARNING, LogFormat.JSON, out)
    structlog.get_logger().info("charger.connected")
    structlog.get_logger().warning("charger.refused")
    assert [event["event"] for event in lines(out)] == ["charger.refused"]


STEERS = "\x1b[2J\x1b]0;mine\x07\r\nat=now \x85\u2028\u202e\x9b31m"


@pytest.mark.parametrize("log_format", [LogFormat.CONSOLE, LogFormat.JSON])
def test_what_a_stranger_says_begins_no_line_and_steers_no_terminal(log_format: LogFormat) -> None:
    out = io.StringIO()
    configure(LogLevel.INFO, log_format, out)
    log = structlog.get_logger()
    log.info("charger.booted", vendor=STEERS, model="\x1b[2J", bare="a\nb", about={"serial": STEERS}, all=[STEERS])
    logging.getLogger("library").warning("it said %s", STEERS)
    said = out.getvalue()
    assert said.count("\n") == 2
    assert not [letter for letter in "\x1b\x07\r" if letter in said]
    assert log_format is LogFormat.JSON or said.replace("\n", "").isprintable()


def quote_a_stranger() -> None:
    raise ValueError(STEERS)


def test_a_traceback_that_quotes_a_stranger_steers_no_terminal() -> None:
    out = io.StringIO()
    configure(LogLevel.INFO, LogFormat.CONSOLE, out)
    try:
        quote_a_stranger()
    except ValueError:
        structlog.get_logger().exception("request.failed")
    assert "Traceback" in out.getvalue()
    assert out.getvalue().replace("\n", "").isprintable()


def test_console_lines_are_plain_when_there_is_no_terminal() -> None:
    out = io.StringIO()
    configure(LogLevel.INFO, LogFormat.CONSOLE, out)
    structlog.get_logger().info("charger.connected", charger_id="CP001")
    assert "charger.connected" in out.getvalue()
    assert "charger_id=CP001" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_libraries_come_out_the_same_way_from_warning_up() -> None:
    out = io.StringIO()
    configure(LogLevel.INFO, LogFormat.JSON, out)
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("it is %s", "odd")
    (event,) = lines(out)
    assert (event["event"], event["logger"], event["level"]) == ("it is odd", "library", "warning")


def test_debug_does_not_open_the_libraries_raw_frames() -> None:
    out = io.StringIO()
    configure(LogLevel.DEBUG, LogFormat.JSON, out)
    logging.getLogger("websockets.server").debug('> TEXT \'[2,"1","Authorize",{"idTag":"04A2B3C4D5"}]\'')
    assert out.getvalue() == ""


def test_exceptions_are_logged_without_local_variables() -> None:
    out = io.StringIO()
    configure(LogLevel.INFO, LogFormat.JSON, out)

    def fail(password: str) -> None:
        raise ValueError(len(password))

    try:
        fail("hush-hush")
    except ValueError:
        structlog.get_logger().exception("loop.failed")
    (event,) = lines(out)
    assert "ValueError" in json.dumps(event["exception"])
    assert "hush" not in out.getvalue()


def test_secrets_and_id_tags_are_hidden() -> None:
    out = io.StringIO()
    configure(LogLevel.DEBUG, LogFormat.JSON, out)
    structlog.get_logger().debug(
        "frame.received",
        password="hush",  # noqa: S106  # a value made up for this test
        id_tag="04A2B3C4D5",
        frame='[2,"1","Authorize",{"idTag": "04A2B3C4D5"}]',
        detail={"Authorization": "Basic aHVzaA==", "idx": 1},
    )
    (event,) = lines(out)
    assert event["password"] == "***"  # noqa: S105  # the mask, not a password
    assert event["id_tag"] == "***4D5"
    assert event["frame"] == '[2,"1","Authorize",{"idTag":"***4D5"}]'
    assert event["detail"] == {"Authorization": "***", "idx": 1}


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_a_key_of_rest_is_hidden_wherever_it_stands(log_format: LogFormat) -> None:
    out, key = io.StringIO(), key_text("1f0a5c77d2e9", "6b" * 32)
    configure(LogLevel.DEBUG, log_format, out)
    try:
        int(key)
    except ValueError:
        structlog.get_logger().exception(f"odd.{key}", remote=key, inner={"deep": [{"er": key}]})
    logging.getLogger("library").error("no %s", key)
    assert out.getvalue().count(MASKED) >= 5
    assert "6b6b" not in out.getvalue()


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_who_a_url_names_is_hidden_wherever_it_stands(log_format: LogFormat) -> None:
    out, url = io.StringIO(), "ftp://bob:hunter2@host/x"
    configure(LogLevel.DEBUG, log_format, out)
    structlog.get_logger().info("maintenance.begun", reason=f"see {url}", inner={"deep": [{"er": url}]})
    logging.getLogger("library").error("no %s", url)
    assert out.getvalue().count("ftp://***@host/x") == 3
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize(
    ("tag", "shown"),
    [("04A2B3C4D5", "***4D5"), ("1234567", "***567"), ("123456", "***"), ("A", "***"), ("", "***")],
)
def test_masked_id_tags(tag: str, shown: str) -> None:
    assert mask_tag(tag) == shown


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        ("not json at all", "not json at all"),
        ('[2,"1","Heartbeat",{}]', '[2,"1","Heartbeat",{}]'),
        ('{"idTag":"A\\"BCDEFGH","parentIdTag" : "AB"}', '{"idTag":"***","parentIdTag":"***"}'),
        ('[2,"1","Authorize",{"idTag" : "ABCDEFGHI"}]', '[2,"1","Authorize",{"idTag":"***GHI"}]'),
        ('[2,"1","Authorize",{"idTag":"ABCDEF', '[2,"1","Authorize",{"idTag":"***"'),
        (
            '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"00112233"}]',
            '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"***"}]',
        ),
        (
            '[3,"1",{"configurationKey":[{"key":"WifiPassword","value":"hush"},{"key":"Ping","value":"1"}]}]',
            '[3,"1",{"configurationKey":[{"key":"WifiPassword","value":"***"},{"key":"Ping","value":"1"}]}]',
        ),
        ('[2,"1","X",{"url":"ftp://me:hush@files/x"}]', '[2,"1","X",{"url":"ftp://***@files/x"}]'),
        ('[2,"1","X",{"odd":"\\ud800"}]', '[2,"1","X",{"odd":"?"}]'),
    ],
)
def test_masked_frames(frame: str, shown: str) -> None:
    assert mask_frame(frame) == shown


class FullDisk(io.StringIO):
    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_stream_that_cannot_be_written_costs_lines_and_nothing_else() -> None:
    stream = FullDisk()
    configure(LogLevel.INFO, LogFormat.JSON, stream)
    log = structlog.get_logger()
    log.info("disk.filled")
    log.info("disk.still_full")
    stream.full = False
    log.info("disk.freed")
    told, freed = stream.getvalue().splitlines()
    assert told == "2 log lines were lost: they could not be written"
    assert json.loads(freed)["event"] == "disk.freed"
