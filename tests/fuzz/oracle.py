"""What a text is, by the words of the specification and Python's own reader of JSON: a second opinion on `frames`."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, NoReturn

from csms.ocpp16.frames import MAX_MESSAGE_ID_CHARS
from tests.contract.conformance import assert_conforms

MessageId = str | int

INT64: Final = 2**63
BEGINS: Final = re.compile(r'\ufeff?[ \t\n\r]*\[[ \t\n\r]*2[ \t\n\r]*,[ \t\n\r]*"([A-Za-z0-9-]{1,200})"[ \t\n\r]*,')
"""The beginning of a CALL whose id can be read for certain, whatever follows."""


class Due(Enum):
    """What a text may be answered with."""

    ANSWER = auto()
    """One CALLRESULT or CALLERROR."""
    ERROR = auto()
    """One CALLERROR: the rest cannot be read."""
    PERHAPS = auto()
    """Broken, its id too: an answer to what begins it, or none."""
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Judged:
    """What is due for a text; `action` is set when the whole is a CALL."""

    due: Due
    message_id: MessageId | None = None
    action: str = ""


NOTHING: Final = Judged(Due.NOTHING)


class _ConstantError(ValueError):
    pass


def _refuse(_constant: str) -> NoReturn:
    raise _ConstantError


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 25 else float("inf")


_reader = json.JSONDecoder(parse_constant=_refuse, parse_int=_number)


def judge(text: str) -> Judged:
    """Return what is due for a text."""
    try:
        value: Any = _reader.decode(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        begins = BEGINS.match(text)
        return Judged(Due.PERHAPS) if begins is None else Judged(Due.ERROR, begins[1])
    match value:
        case [int(kind), str() | int() as message_id, *rest] if kind == 2 and not isinstance(message_id, bool):
            if not _readable(message_id):
                return NOTHING
            is_call = len(rest) == 2 and isinstance(rest[0], str) and isinstance(rest[1], dict | None)
            short = isinstance(message_id, int) or len(message_id) <= MAX_MESSAGE_ID_CHARS
            if is_call and short and _readable(rest[0]):
                return Judged(Due.ANSWER, message_id, rest[0])
            return Judged(Due.ERROR, message_id)
        case _:
            return NOTHING


def _readable(word: MessageId) -> bool:
    if isinstance(word, int):
        return -INT64 <= word < INT64
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


@dataclass(slots=True)
class Ledger:
    """Every text that was sent, what was due for it, and what came."""

    asked: Counter[MessageId] = field(default_factory=Counter)
    errors_due: set[MessageId] = field(default_factory=set)
    actions: dict[Any, str] = field(default_factory=dict)
    texts: dict[MessageId, str] = field(default_factory=dict)
    answered: Counter[MessageId] = field(default_factory=Counter)
    frames: int = 0
    readable: int = 0
    perhaps: int = 0

    def sent(self, text: str) -> None:
        """Take note of a text of the charger's."""
        self.frames += 1
        judged = judge(text)
        if judged.message_id is None:
            self.perhaps += judged.due is Due.PERHAPS
            return
        self.readable += 1
        message_id = judged.message_id
        if message_id in self.asked:
            self.errors_due.discard(message_id)
            self.actions.pop(message_id, None)  # one id for several messages: its answers are those of either
        elif judged.due is Due.ERROR:
            self.errors_due.add(message_id)
        else:
            self.actions[message_id] = judged.action
        self.asked[message_id] += 1
        self.texts[message_id] = text

    def received(self, text: str) -> list[Any]:
        """Take note of a frame of ours, which must be as the specification wants it; return it."""
        frame: list[Any] = json.loads(text)
        assert_conforms(frame, self.actions)
        kind, message_id = frame[:2]
        if kind != 2:
            self.answered[message_id] += 1
            assert not (kind == 3 and message_id in self.errors_due), f"took what cannot be read: {frame}"
        return frame

    @property
    def is_complete(self) -> bool:
        """Return whether everything is answered that has to be."""
        return self.asked.keys() <= self.answered.keys()

    @property
    def awaits_more(self) -> bool:
        """Return whether an id that was used several times may have further answers."""
        return not self.asked <= self.answered

    def settle(self) -> None:
        """Check that everything was answered that had to be, once, and nothing else; begin anew."""
        unanswered = [text for message_id, text in self.texts.items() if message_id not in self.answered]
        assert unanswered == []
        # A message that is repeated while its answer is being made has one answer with the first.
        more = self.answered - self.asked
        assert more.total() <= self.perhaps, (more, [self.texts.get(message_id) for message_id in more])
        self.asked.clear()
        self.texts.clear()
        self.answered.clear()
        self.errors_due.clear()
        self.actions.clear()
        self.perhaps = 0
