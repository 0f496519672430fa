"""Why a session has what it has, asked of the loop that decides it."""

from fastapi import FastAPI
from starlette.responses import Response

from api import examples
from api.answers import json_answer
from api.asking import Unanswered, ask, not_done
from api.explanation_schemas import ExplanationAnswer, explanation_answer
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.routes.sessions import SessionPath
from api.services import Services
from api.turns import Turns
from csms.core.events import ExplainRequested
from csms.core.ids import SessionId
from csms.core.replies import Explained, Refused

AT_ONCE = 1
"""Each costs the station's loop as much as a plan or two: nobody who asks keeps it from its chargers."""
WAITING_MAX = 16
RETRY_S = 2


class ExplanationRoutes:
    """`GET /sessions/{id}/explain`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(AT_ONCE, WAITING_MAX)

    def add_to(self, app: FastAPI) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/sessions/{id}/explain",
            self.explain,
            methods=["GET"],
            summary="Why a session has what it has",
            tags=["sessions"],
            response_model=None,
            responses=gives(
                ExplanationAnswer,
                "As it is now.",
                waits=examples.EXPLANATION_WAITS,
                vehicle=examples.EXPLANATION_VEHICLE,
            )
            | fails(Kind.INVALID, Kind.UNKNOWN_SESSION, Kind.STORE_UNAVAILABLE, Kind.NOT_YET, Kind.BUSY),
        )

    async def explain(self, session_id: SessionPath) -> Response:
        """Say what limits a session, who shares that, what is booked for it and why, and whose cuts it waits for.

        It is read from one plan of this moment, and changes nothing.
        """
        name = SessionId(session_id)
        if name not in self._services.desk.view.sessions:
            return problem(Kind.UNKNOWN_SESSION)
        if self._turns.are_gone:
            return problem(Kind.BUSY, headers={"Retry-After": str(RETRY_S)})
        async with self._turns.take():
            outcome = await ask(
                self._services.desk, lambda waiting: ExplainRequested(waiting, name), self._services.wait_s
            )
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, Explained), outcome
        return json_answer(explanation_answer(outcome.explanation))
