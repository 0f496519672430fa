"""Handing a fact to the station's loop and waiting, for so long and no longer, for what came of it.

Giving up waiting changes nothing: the fact stays with the loop, and what happens later still counts.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from starlette.responses import Response

from api.answers import valid_text
from api.problems import KIND_OF_REFUSAL, Kind, problem
from csms.core.events import Fact
from csms.core.ids import RequestId
from csms.core.replies import Outcome, Refusal, Refused
from csms.ports import StoreError, StoreUnreachableError
from csms.runtime.desk import StationDesk

_OWN_WORDS = frozenset({Refusal.UNKNOWN_CONNECTOR, Refusal.UNKNOWN_SESSION})
"""Refusals of something that only the client named: the core's sentence may repeat it, so ours is used."""

SENTENCE_LENGTH_MAX = 300
"""An operator's reason of 200 characters, and what it is the reason of."""


class Unanswered(Enum):
    """Why there is no outcome."""

    NOT_YET = auto()
    NOT_STORED = auto()


async def ask(desk: StationDesk, make_fact: Callable[[RequestId], Fact], wait_s: float) -> Outcome | Unanswered:
    """Return the outcome of a fact, or why there is none within `wait_s` seconds."""
    answer = desk.ask(make_fact)
    answer.add_done_callback(_look_at)
    await asyncio.wait({answer}, timeout=wait_s)  # unlike wait_for, it leaves the future alone
    if not answer.done():
        return Unanswered.NOT_YET
    if not answer.cancelled() and isinstance(answer.exception(), StoreUnreachableError):
        return Unanswered.NOT_YET
    if answer.cancelled() or isinstance(answer.exception(), StoreError):
        return Unanswered.NOT_STORED
    return answer.result()


def _look_at(answer: "asyncio.Future[Outcome]") -> None:
    """Take note of a late failure: nobody else is left to."""
    if not answer.cancelled():
        answer.exception()


def not_done(outcome: Refused | Unanswered) -> Response:
    """Return the answer for a request that was not done, or not yet."""
    match outcome:
        case Refused(refusal, detail):
            return problem(KIND_OF_REFUSAL[refusal], None if refusal in _OWN_WORDS else _sentence(detail))
        case Unanswered.NOT_YET:
            return problem(Kind.NOT_YET)
        case Unanswered.NOT_STORED:
            return problem(Kind.STORE_UNAVAILABLE)


def _sentence(detail: str) -> str:
    """Return the core's detail, which may hold a word of the charger's, as a sentence that can be sent."""
    text = valid_text(detail)[:SENTENCE_LENGTH_MAX].rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
