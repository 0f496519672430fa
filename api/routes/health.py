"""Is the process there?"""

from fastapi import FastAPI
from starlette.responses import Response

from api import examples
from api.answers import json_answer
from api.openapi import fails, gives
from api.schemas import HealthAnswer


class HealthRoutes:
    """`GET /health`."""

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/health",
            self.show,
            methods=["GET"],
            summary="Is the process there?",
            tags=["health"],
            response_model=None,
            responses=gives(HealthAnswer, "It serves requests.", alive=examples.HEALTH) | fails(),
        )

    async def show(self) -> Response:
        """Answer that the process serves requests."""
        return json_answer(HealthAnswer(status="ok"))
