"""Chargers that asked to connect and were not let in."""

from fastapi import FastAPI
from starlette.responses import Response

from api import examples
from api.answers import json_answer, knock_body
from api.openapi import fails, gives
from api.schemas import KnockingAnswer
from api.services import Services


class ChargerRoutes:
    """`GET /chargers/knocking`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/chargers/knocking",
            self.knocking,
            methods=["GET"],
            summary="Who asked to connect as a charger and was not let in, and why",
            tags=["chargers"],
            response_model=None,
            responses=gives(KnockingAnswer, "Refused handshakes and guests.", one=examples.KNOCKING) | fails(),
        )

    async def knocking(self) -> Response:
        """List refused handshakes and guests; a bounded number is remembered since the start of the process."""
        return json_answer(KnockingAnswer(knocking=[knock_body(knock) for knock in self._services.knocking()]))
