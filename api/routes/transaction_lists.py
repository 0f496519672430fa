"""Lists of transactions: a page of them as JSON, or all that are wanted as CSV."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.responses import Response, StreamingResponse

from api import examples
from api.answers import json_answer, transaction_body
from api.csv_cells import csv_text
from api.openapi import fails, gives, gives_csv
from api.problems import Kind, problem
from api.queries import cursor_as, instant_ms, one_of, whole
from api.schemas import TransactionBody, TransactionsAnswer
from api.services import Services
from csms.core.ids import ChargerId
from csms.core.records import SessionStored
from csms.ports import StoreError, TransactionFilter, TransactionPosition

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
CSV_PAGE = 500
"""Rows of the CSV that are read at a time."""

COLUMNS = (
    "transactionId",
    "sessionId",
    "chargerId",
    "idx",
    "idTag",
    "idTagStatus",
    "startedAt",
    "stoppedAt",
    "meterStartWh",
    "meterStopWh",
    "energyWh",
    "endReason",
    "flags",
)
_POSITION = re.compile("([0-9]{1,18})-([0-9]{1,18})")
_UNREADABLE = "The stored transactions cannot be read now; try again."
_STATES = {"open": False, "ended": True}


def _position(cursor: str | None) -> TransactionPosition | None:
    if cursor is None:
        return None
    started_ms, transaction_id = cursor.split("-")
    return TransactionPosition(int(started_ms), int(transaction_id))


def _behind(last: SessionStored) -> TransactionPosition:
    """Return the position behind a transaction; one of the list always has an id."""
    return TransactionPosition(last.started_ms, last.transaction_id or 0)


def _next(last: SessionStored) -> str:
    started_ms, transaction_id = _behind(last)
    return f"{started_ms}-{transaction_id}"


ChargerFilter = Annotated[str | None, Query(alias="charger", max_length=255, description="Only those of this charger.")]
TagFilter = Annotated[
    str | None, Query(alias="idTag", max_length=255, description="Only those of this id tag, whatever its case.")
]
From = Annotated[
    int | None,
    instant_ms(),
    Query(alias="from", description="Only those that began then or later."),
]
To = Annotated[
    int | None,
    instant_ms(),
    Query(alias="to", description="Only those that began before then."),
]
State = Annotated[
    bool | None,
    one_of(_STATES),
    Query(alias="state", description="Only those that have ended, or have not."),
]
Limit = Annotated[
    int,
    whole(1, LIMIT_MAX),
    Query(description=f"Transactions of one answer; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[
    str | None,
    cursor_as(_POSITION),
    Query(description="The nextCursor of the answer before; the newest when absent."),
]


def _wanted(
    charger: ChargerFilter = None,
    id_tag: TagFilter = None,
    from_ms: From = None,
    to_ms: To = None,
    ended: State = None,
) -> TransactionFilter:
    return TransactionFilter(
        None if charger is None else ChargerId(charger),
        None if id_tag is None else id_tag.upper(),
        from_ms,
        to_ms,
        ended,
    )


Wanted = Annotated[TransactionFilter, Depends(_wanted)]


class TransactionListRoutes:
    """`GET /transactions` and `GET /transactions/export`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application; `export` is no transaction's id, so it comes before those."""
        app.add_api_route(
            "/transactions",
            self.list,
            methods=["GET"],
            summary="Transactions, the newest first",
            tags=["sessions"],
            response_model=None,
            responses=gives(TransactionsAnswer, "A page of them.", one=examples.TRANSACTIONS)
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )
        app.add_api_route(
            "/transactions/export",
            self.export,
            methods=["GET"],
            summary="Transactions as CSV, the newest first",
            tags=["sessions"],
            response_model=None,
            response_class=StreamingResponse,
            responses=gives_csv("A header row and a transaction a row.", one=examples.TRANSACTIONS_CSV)
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )

    async def list(self, wanted: Wanted, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
        """List transactions by the time of their start as their chargers told it, those of REST clients not."""
        try:
            found = await self._services.store.read_transactions(wanted, _position(cursor), limit)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        return json_answer(
            TransactionsAnswer(
                transactions=[self._body(session) for session in found],
                next_cursor=_next(found[-1]) if len(found) == limit else None,
            )
        )

    async def export(self, wanted: Wanted) -> Response:
        """Return all transactions that are wanted as CSV; a cell that looks like a formula has an apostrophe before it.

        What begins meanwhile is not in it. An answer that breaks off is not whole: the connection is closed.
        """
        try:
            first = await self._services.store.read_transactions(wanted, None, CSV_PAGE)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        headers = {"Content-Disposition": 'attachment; filename="transactions.csv"'}
        return StreamingResponse(self._rows(wanted, first), media_type="text/csv", headers=headers)

    async def _rows(self, wanted: TransactionFilter, page: tuple[SessionStored, ...]) -> AsyncIterator[str]:
        yield csv_text([COLUMNS])
        while page:
            yield csv_text([_row(self._body(session)) for session in page])
            if len(page) < CSV_PAGE:
                return
            page = await self._services.store.read_transactions(wanted, _behind(page[-1]), CSV_PAGE)

    def _body(self, session: SessionStored) -> TransactionBody:
        return transaction_body(session, self._services.desk.view.sessions.get(session.session_id))


def _row(body: TransactionBody) -> list[str]:
    """Return the cells of a transaction, empty where nothing is known."""
    told = body.model_dump(by_alias=True)
    told |= {"chargerId": body.connector_id.charger_id, "idx": body.connector_id.idx, "flags": " ".join(body.flags)}
    return ["" if told[name] is None else str(told[name]) for name in COLUMNS]
