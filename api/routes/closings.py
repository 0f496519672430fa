"""Giving up a transaction whose stop will never come."""

import re

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer, transaction_body
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import read_model
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, invalid, problem
from api.routes.transactions import TransactionPath
from api.schemas import ClosedAnswer, CloseRequest
from api.services import Services
from csms.core.events import TransactionCloseRequested
from csms.core.faults import Fault
from csms.core.ids import TransactionId
from csms.core.replies import Refused
from csms.ports import StoreError

_NUMBER = re.compile("-?[0-9]{1,30}")


class ClosingRoutes:
    """`POST /transactions/{transactionId}/close`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/transactions/{transactionId}/close",
            self.close,
            methods=["POST"],
            summary="Give up a transaction whose stop will never come",
            tags=["sessions"],
            response_model=None,
            openapi_extra=takes(CloseRequest, one=examples.CLOSE),
            responses=gives(ClosedAnswer, "The transaction as it ended.", one=examples.CLOSED)
            | fails(
                *BODY_KINDS,
                Kind.UNKNOWN_TRANSACTION,
                Kind.TRANSACTION_ENDED,
                Kind.CHARGER_CONNECTED,
                Kind.METER_STOP_TOO_LOW,
                Kind.NOT_YET,
                Kind.STORE_UNAVAILABLE,
            ),
        )

    async def close(self, request: Request, transaction_id: TransactionPath) -> Response:
        """End a transaction of a charger that is away: it is broken, stolen or gone.

        The power that it was given goes to others. Should its charger come back, that power is booked again until it
        tells that the transaction is over; a stop that comes after all takes the place of what is said here.
        """
        body = await read_model(request, CloseRequest)
        if isinstance(body, Response):
            return body
        if _NUMBER.fullmatch(transaction_id) is None:
            return invalid([Fault("{transactionId}", "must be a whole number")])
        number = TransactionId(int(transaction_id))
        try:
            known = await self._services.store.read_transaction(number)
            if known is None:
                return problem(Kind.UNKNOWN_TRANSACTION)
            act_of(request).about(known.charger_id, known.idx)
            outcome = await ask(
                self._services.desk,
                lambda waiting: TransactionCloseRequested(waiting, number, body.reason, body.meter_stop_wh),
                self._services.wait_s,
            )
            if isinstance(outcome, Unanswered | Refused):
                return not_done(outcome)
            ended = await self._services.store.read_transaction(number)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)
        assert ended is not None, "what is known is never forgotten"
        act_of(request).changed([f"transaction {number}: running → ended at {ended.meter_stop_wh} Wh"])
        return json_answer(ClosedAnswer(transaction=transaction_body(ended, None)))
