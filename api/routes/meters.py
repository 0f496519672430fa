"""The site's meter: what it shows, and readings that are pushed."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer
from api.asking import Unanswered, ask, not_done
from api.bodies import read_model
from api.meter_schemas import MeterAnswer, MeterReading, meter_body
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, problem
from api.services import Services
from csms.core.events import SiteMeterRead
from csms.core.replies import Refused, SiteMeterShown

_PATH = "/station/meter"
_SHOWN = gives(MeterAnswer, "The meter.", one={"meter": examples.METER})


class MeterRoutes:
    """`GET` and `PUT /station/meter`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            _PATH,
            self.show,
            methods=["GET"],
            summary="The site's meter, and what counts as base load",
            tags=["station"],
            response_model=None,
            responses=_SHOWN | fails(Kind.NO_SITE_METER),
        )
        app.add_api_route(
            _PATH,
            self.put,
            methods=["PUT"],
            summary="Tell what the site's meter shows",
            tags=["station"],
            response_model=None,
            openapi_extra=takes(MeterReading, one=examples.METER_READING, of_before=examples.METER_READING_OF_BEFORE),
            responses=_SHOWN
            | fails(*BODY_KINDS, Kind.NO_SITE_METER, Kind.READING_REFUSED, Kind.NOT_YET, Kind.STORE_UNAVAILABLE),
        )

    async def show(self) -> Response:
        """Return what the meter showed last, how old that is, and what counts."""
        view = self._services.desk.view.site_meter
        if view is None:
            return problem(Kind.NO_SITE_METER)
        return json_answer(MeterAnswer(meter=meter_body(view, self._services.wall_ms())))

    async def put(self, request: Request) -> Response:
        """Have a reading count at once; one that says less than before counts when others have said so for a while.

        When none comes for `maxAgeS` of the configuration, `staticLoad` counts, and an alarm is raised.
        """
        body = await read_model(request, MeterReading)
        if isinstance(body, Response):
            return body
        outcome = await ask(
            self._services.desk,
            lambda waiting: SiteMeterRead(body.power_w, body.age_ms, waiting),
            self._services.wait_s,
        )
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, SiteMeterShown), outcome
        return json_answer(MeterAnswer(meter=meter_body(outcome.meter, self._services.wall_ms())))
