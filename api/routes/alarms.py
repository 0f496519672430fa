"""What somebody should see now."""

from fastapi import FastAPI
from starlette.responses import Response

from api import examples
from api.answers import alarm_body, json_answer
from api.openapi import fails, gives
from api.schemas import AlarmsAnswer
from api.services import Services
from csms.core.alarms import order


class AlarmRoutes:
    """`GET /alarms`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/alarms",
            self.show,
            methods=["GET"],
            summary="Alarms and notices that stand now",
            tags=["station"],
            response_model=None,
            responses=gives(AlarmsAnswer, "Alarms first, the oldest of each first.", one=examples.ALARMS) | fails(),
        )

    async def show(self) -> Response:
        """List what stands; each is raised and cleared by evidence, nobody acknowledges it."""
        standing = self._services.desk.view.standing
        return json_answer(AlarmsAnswer(alarms=[alarm_body(one) for one in sorted(standing, key=order)]))
