"""Transactions: what is known of one, running or ended, with its meter values."""

import asyncio
import re
from typing import Annotated

from fastapi import FastAPI, Path, Query
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from api import examples
from api.answers import json_answer, sample_body, signed_body, transaction_body
from api.openapi import fails, gives
from api.problems import Kind, invalid, problem
from api.schemas import TransactionAnswer
from api.services import Services
from csms.core.faults import Fault
from csms.core.records import SessionStored
from csms.ocpp16.merging import merged
from csms.ports import SamplePosition, SamplesPage, StoreError

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
VISITS_MAX = 50
"""Visits to the store for one page: a bounded part of what other chargers have measured meanwhile is passed over."""

CHARS_ENOUGH = 262_144
"""A page with so much text is full; a visit adds a megabyte at most, but for a longer message."""

_NUMBER = re.compile("-?[0-9]{1,30}")
_POSITION = re.compile("([0-9]{1,18})-([0-9]{1,19})")
_INT64_MAX = 2**63 - 1
_UNREADABLE = "The stored transactions cannot be read now; try again."


def _limit(value: object) -> int:
    """Read `?limit=` in plain digits."""
    limit = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else 0
    if not 1 <= limit <= LIMIT_MAX:
        raise PydanticCustomError("limit", "must be a whole number from 1 to {most}", {"most": LIMIT_MAX})
    return limit


def _cursor(value: object) -> str:
    """Read `?cursor=` as `_next` writes it."""
    if not isinstance(value, str) or _POSITION.fullmatch(value) is None:
        raise PydanticCustomError("cursor", "must be a nextCursor of an answer before")
    return value


def _position(cursor: str | None) -> SamplePosition | None:
    if cursor is None:
        return None
    at_ms, sample_id = cursor.split("-")
    return SamplePosition(int(at_ms), min(int(sample_id), _INT64_MAX))


def _next(position: SamplePosition | None) -> str | None:
    return None if position is None else f"{position.at_ms}-{position.sample_id}"


TransactionPath = Annotated[
    str, Path(alias="transactionId", description="OCPP's transaction id, a whole number.", examples=["4711"])
]
Limit = Annotated[
    int,
    PlainValidator(_limit),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}),
    Query(description=f"Moments (meterValue elements) of one answer; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[
    str | None,
    PlainValidator(_cursor),
    WithJsonSchema({"type": "string"}),
    Query(description="The nextCursor of the answer before; the first moments when absent."),
]


class TransactionRoutes:
    """`GET /transactions/{transactionId}`."""

    def __init__(self, services: Services) -> None:
        self._services = services

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
            | fails(Kind.INVALID, Kind.UNKNOWN_TRANSACTION, Kind.STORE_UNAVAILABLE),
        )

    async def show(
        self, transaction_id: TransactionPath, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
    ) -> Response:
        """Return a transaction, running or ended, and its meter values, oldest first, a page at a time.

        A value that its charger sent more than once, in MeterValues, in transactionData or again from a queue, is there
        once. Signed values are exactly what the charger signed.
        """
        if _NUMBER.fullmatch(transaction_id) is None:
            return invalid([Fault("{transactionId}", "must be a whole number")])
        try:
            session = await self._services.store.read_transaction(int(transaction_id))
            if session is None:
                return problem(Kind.UNKNOWN_TRANSACTION)
            page = await self._samples(session, _position(cursor), limit)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        values = await asyncio.to_thread(merged, page.elements)  # a page may hold a megabyte and more
        return json_answer(
            TransactionAnswer(
                transaction=transaction_body(session, self._services.desk.view.sessions.get(session.session_id)),
                samples=[sample_body(value) for value in values if not value.is_signed],
                signed_data=[signed_body(value) for value in values if value.is_signed],
                next_cursor=_next(page.after),
            )
        )

    async def _samples(self, session: SessionStored, after: SamplePosition | None, limit: int) -> SamplesPage:
        """Return a page as full as a bounded number of visits can make it; no moment is cut to fill it up."""
        elements: list[str] = []
        chars = 0
        for _ in range(VISITS_MAX):
            page = await self._services.store.read_samples(session, after, limit)
            if elements and len(elements) + len(page.elements) > limit:
                break
            elements += page.elements
            chars += sum(map(len, page.elements))
            after = page.after
            if after is None or len(elements) == limit or chars >= CHARS_ENOUGH:
                break
        return SamplesPage(tuple(elements), after)
