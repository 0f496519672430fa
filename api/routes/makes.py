"""What chargers of a vendor, model and firmware have shown: to look at, to save, to carry to another site."""

import json
from collections.abc import Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import examples
from api.answers import valid_text
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import STATION_BODY_BYTES_MAX, read_json
from api.makes_schema import LearntMakes
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, invalid
from api.services import Services
from csms.core.events import MakesTaught
from csms.core.learnt import Learnt, Make
from csms.core.makes_document import make_document, makes_document, parse_makes
from csms.core.replies import MakesShown, Refused


class MakeRoutes:
    """`/makes`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/makes",
            self.show,
            methods=["GET"],
            summary="What chargers of each make have shown",
            tags=["chargers"],
            response_model=None,
            responses=gives(LearntMakes, "What is learnt.", one=examples.MAKES) | fails(),
        )
        app.add_api_route(
            "/makes",
            self.teach,
            methods=["POST"],
            summary="Teach what chargers of some makes have shown elsewhere",
            tags=["chargers"],
            response_model=None,
            openapi_extra=takes(LearntMakes, one=examples.MAKES),
            responses=gives(LearntMakes, "What is learnt now.", one=examples.MAKES)
            | fails(*BODY_KINDS, Kind.TOO_MANY_MAKES, Kind.STORE_UNAVAILABLE, Kind.NOT_YET),
        )

    async def show(self) -> Response:
        """Return what is learnt of every make; what is not known yet is left out."""
        return _document(self._services.desk.view.makes)

    async def teach(self, request: Request) -> Response:
        """Replace what is known of the makes in the document; others stay as they were, and all or nothing is taken.

        Nothing that is booked falls by it: it says how chargers are spoken to first.
        """
        document = await read_json(request, STATION_BODY_BYTES_MAX)
        if isinstance(document, Response):
            return document
        makes = parse_makes(document)
        if isinstance(makes, tuple):
            return invalid(makes)
        known = dict(self._services.desk.view.makes)
        outcome = await ask(self._services.desk, lambda waiting: MakesTaught(makes, waiting), self._services.wait_s)
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, MakesShown), outcome
        act_of(request).changed(_change(make, known.get(make), outcome.makes.get(make)) for make in makes)
        return _document(outcome.makes)


def _change(make: Make, before: Learnt | None, after: Learnt | None) -> str:
    told = ["unknown" if learnt is None else json.dumps(make_document(make, learnt)) for learnt in (before, after)]
    return f"{' '.join(map(valid_text, make))}: {' → '.join(told)}"


def _document(makes: Mapping[Make, Learnt]) -> Response:
    told = {Make(*map(valid_text, make)): learnt for make, learnt in makes.items()}
    return JSONResponse(makes_document(told))
