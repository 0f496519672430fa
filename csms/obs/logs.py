"""Logging: one structlog configuration for the whole process.

Modules take `structlog.get_logger()` and name events `noun.verb_past` (`charger.connected`), with facts as keys and
context bound once. This module decides only how events look (JSON, or coloured lines on a terminal), what is hidden,
and that libraries which use the standard `logging` module come out the same way. Everything goes to standard error:
standard output belongs to the program's answers.

Secrets never reach a log: values under the names of secrets are dropped, and id tags, which are as good as a key to
free power, are masked wherever they stand under their own name. Of raw OCPP frames everything is masked that
`csms.obs.redaction` knows for a secret. Keys of the REST API have a form of their own, by which they are masked in
whatever is written, and so has who a URL logs in as.

What a stranger says is one value of one line. JSON sees to that by itself; on the lines that people read whatever would
steer a terminal, or begin another line, is written as its escape.
"""

import contextlib
import io
import json
import logging
import sys
from collections.abc import MutableMapping
from io import TextIOBase
from typing import Any, Final, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from csms.core.access import without_keys
from csms.core.hiding import without_credentials
from csms.obs.redaction import redacted, redacted_text
from csms.settings import LogFormat, LogLevel

SECRET_KEYS: Final = frozenset({"password", "authorization", "authorization_key", "cookie", "secret", "private_key"})
TAG_KEYS: Final = frozenset({"id_tag", "id_tag_raw", "parent_id_tag"})
HIDDEN: Final = "***"
_SHOWN_END: Final = 3
"""Characters of a masked id tag that stay readable, to tell two tags apart."""
_MASKED_LENGTH_MIN: Final = 7

_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False),  # local variables may hold secrets
)


class Unbreakable(TextIOBase):
    """A stream whose writes never fail: a full disk or a closed pipe costs log lines, never the process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost_lines = 0

    def write(self, text: str) -> int:
        """Write what can be written; count what cannot."""
        try:
            if self.lost_lines:
                self._stream.write(f"{self.lost_lines} log lines were lost: they could not be written\n")
                self.lost_lines = 0
            self._stream.write(text)
        except (OSError, ValueError):  # ValueError: the stream is closed
            self.lost_lines += 1
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()


def configure(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Configure structlog and the standard `logging` module to write to `stream` (standard error)."""
    out = cast("TextIO", Unbreakable(sys.stderr if stream is None else stream))
    number = logging.getLevelNamesMapping()[level.upper()]
    pretty = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        hide_secrets,
    ]
    ending: list[Processor] = (
        [_harmless, structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=_traceback)]
        if pretty
        else [_TRACEBACKS, structlog.processors.JSONRenderer(serializer=_to_json)]
    )
    ending.append(_without_passwords)
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(shared, ending, out, number)


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event without secrets: a structlog processor."""
    return _hide(event)


def mask_tag(tag: str) -> str:
    """Return an id tag with all but its last characters hidden; a short one is hidden whole."""
    return HIDDEN + tag[-_SHOWN_END:] if len(tag) >= _MASKED_LENGTH_MIN else HIDDEN


def mask_frame(frame: str) -> str:
    """Return a raw OCPP frame without its secrets, its id tags masked."""
    try:
        elements = json.loads(frame)
    except (ValueError, RecursionError):
        return redacted_text(frame)
    if not isinstance(elements, list):
        return redacted_text(frame)
    action = next((each for each in elements[2:3] if isinstance(each, str)), "")
    shown = [redacted(each, action, tag=mask_tag) for each in elements]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _hide(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        name = key.lower()
        if name in SECRET_KEYS:
            event[key] = HIDDEN
        elif name in TAG_KEYS and isinstance(value, str):
            event[key] = mask_tag(value)
        elif name == "frame" and isinstance(value, str):
            event[key] = mask_frame(value)
        elif isinstance(value, dict):
            event[key] = _hide(dict(value))
    return event


def _harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event with texts that only say something: what cannot be printed steers a terminal."""
    return {_escaped(key): _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _traceback(sio: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback of as many lines as it has; what its messages quote may be a stranger's."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, exc_info)
    sio.write("\n".join(map(_escaped, written.getvalue().split("\n"))))


def _without_passwords(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """Return a finished line without keys of the REST API and users of URLs, wherever they stood, in tracebacks too."""
    return without_credentials(without_keys(line))


def _to_json(event: EventDict, **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _route_standard_logging(shared: list[Processor], ending: list[Processor], out: TextIO, number: int) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        ),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries chatter below WARNING; and never their DEBUG, where the WebSocket library writes whole frames unmasked.
    root.setLevel(logging.INFO if number == logging.DEBUG else max(number, logging.WARNING))
