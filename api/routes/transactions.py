"""Transactions: what is known of one, running or ended, with its meter values.

Somebody looks; meanwhile chargers must be answered. So few answers are made at once and few wait, and the values of one
(a message of a megabyte holds 27,000) are made into JSON beside the event loop, some hundred at a time.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.responses import Response

from api import examples
from api.answers import transaction_answer, transaction_body, value_json
from api.openapi import fails, gives
from api.problems import Kind, invalid, problem
from api.queries import cursor_as, whole, whole_text
from api.schemas import TransactionAnswer
from api.services import Services
from api.turns import Turns
from csms.core.faults import Fault
from csms.core.records import SessionStored
from csms.ocpp16.merging import Value, merged
from csms.ports import SamplePosition, SamplesPage, StoreError

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
VISITS_MAX = 50
"""Visits to the store for one page: a bounded part of what other chargers have measured meanwhile is passed over."""

CHARS_ENOUGH = 262_144
"""A page with so much text is full; a visit adds a megabyte at most, but for a longer message."""

AT_ONCE = 2
WAITING_MAX = 16
RETRY_S = 5
SLICE_VALUES = 200
"""Values that are made into JSON at a time: a millisecond or two."""

_NUMBER = re.compile("-?[0-9]{1,30}")
_POSITION = re.compile("([0-9]{1,18})-([0-9]{1,19})")
_INT64_MAX = 2**63 - 1
_UNREADABLE = "The stored transactions cannot be read now; try again."


def _position(cursor: str | None) -> SamplePosition | None:
    if cursor is None:
        return None
    at_ms, sample_id = cursor.split("-")
    return SamplePosition(int(at_ms), min(int(sample_id), _INT64_MAX))


def _next(position: SamplePosition | None) -> str | None:
    return None if position is None else f"{position.at_ms}-{position.sample_id}"


TransactionPath = Annotated[
    str,
    Path(
        alias="transactionId",
        description="OCPP's transaction id, a whole number.",
        examples=["4711"],
        json_schema_extra={"pattern": whole_text(_NUMBER)},
    ),
]
Limit = Annotated[
    int,
    whole(1, LIMIT_MAX),
    Query(description=f"meterValue elements of one answer, but for a longer moment; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[
    str | None,
    cursor_as(_POSITION),
    Query(description="The nextCursor of the answer before; the first moments when absent."),
]


class TransactionRoutes:
    """`GET /transactions/{transactionId}`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(AT_ONCE, WAITING_MAX)

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/transactions/{transactionId}",
            self.show,
            methods=["GET"],
            summary="One transaction with its meter values",
            tags=["sessions"],
            response_model=None,
            responses=gives(TransactionAnswer, "What is known of it.", ended=examples.TRANSACTION)
            | fails(Kind.INVALID, Kind.UNKNOWN_TRANSACTION, Kind.STORE_UNAVAILABLE, Kind.BUSY),
        )

    async def show(
        self, transaction_id: TransactionPath, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Response:
        """Return a transaction, running or ended, and its meter values, oldest first, a page at a time.

        A value that its charger sent more than once, in MeterValues, in transactionData or again from a queue, is there
        once; one without a usable time as often as it came. Signed values are exactly what the charger signed.
        """
        if _NUMBER.fullmatch(transaction_id) is None:
            return invalid([Fault("{transactionId}", "must be a whole number")])
        if self._turns.are_gone:
            return problem(Kind.BUSY, headers={"Retry-After": str(RETRY_S)})
        async with self._turns.take():
            return await self._show(int(transaction_id), _position(cursor), limit)

    async def _show(self, transaction_id: int, after: SamplePosition | None, limit: int) -> Response:
        try:
            session = await self._services.store.read_transaction(transaction_id)
            if session is None:
                return problem(Kind.UNKNOWN_TRANSACTION)
            page = await self._samples(session, after, limit)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        samples, signed = await _told(page.moments)
        view = self._services.desk.view.sessions.get(session.session_id)
        return transaction_answer(transaction_body(session, view), samples, signed, _next(page.after))

    async def _samples(self, session: SessionStored, after: SamplePosition | None, limit: int) -> SamplesPage:
        """Return a page as full as a bounded number of visits can make it; no moment is cut to fill it up."""
        moments: list[tuple[str, ...]] = []
        elements = chars = 0
        for _ in range(VISITS_MAX):
            page = await self._services.store.read_samples(session, after, limit)
            more = sum(map(len, page.moments))
            if elements and elements + more > limit:
                break
            moments += page.moments
            elements += more
            chars += sum(len(element) for moment in page.moments for element in moment)
            after = page.after
            if after is None or elements >= limit or chars >= CHARS_ENOUGH:
                break
        return SamplesPage(tuple(moments), after)


async def _told(moments: Iterable[tuple[str, ...]]) -> tuple[list[str], list[str]]:
    """Return the values of moments, each once, as pieces of JSON lists: plain ones and signed ones."""
    samples: list[str] = []
    signed: list[str] = []
    values = chain.from_iterable(map(merged, moments))
    while pieces := await asyncio.to_thread(_slice, values):
        for is_signed, text in pieces:
            (signed if is_signed else samples).append(text)
    return samples, signed


def _slice(values: Iterator[Value]) -> list[tuple[bool, str]]:
    """Return the next values as JSON, and whether they are signed."""
    return [(value.is_signed, value_json(value)) for value in islice(values, SLICE_VALUES)]
