"""A battery whose own controller calls."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer
from api.battery_schemas import BatteryStands, BatteryTold, told_body
from api.bodies import read_model
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, problem
from api.services import Services
from csms.energy.pushed import NotPushed


class BatteryRoutes:
    """`PUT /station/battery`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/station/battery",
            self.put,
            methods=["PUT"],
            summary="Tell how the battery stands, and hear what it is to do",
            tags=["station"],
            response_model=None,
            openapi_extra=takes(BatteryStands, following=examples.BATTERY_STANDS, first=examples.BATTERY_STANDS_FIRST),
            responses=gives(BatteryTold, "What it is to do.", one=examples.BATTERY_TOLD)
            | fails(*BODY_KINDS, Kind.NO_PUSHED_BATTERY),
        )

    async def put(self, request: Request) -> Response:
        """Take how the battery stands; it counts for ten seconds. To be called each second, by its own controller.

        What the controller follows of `setPoint` and `permit` it says with its next call: power counts only then.
        """
        body = await read_model(request, BatteryStands)
        if isinstance(body, Response):
            return body
        told = self._services.push_battery(body.reading())
        return problem(Kind.NO_PUSHED_BATTERY) if isinstance(told, NotPushed) else json_answer(told_body(told))
