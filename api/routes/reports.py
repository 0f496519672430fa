"""Reports: what an operator wants to see of a day."""

from datetime import date
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

from api import examples
from api.answers import continuity_connector, json_answer
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.queries import day as day_of
from api.schemas import ContinuityAnswer
from api.services import Services
from csms.ports import StoreError
from csms.runtime.continuity import continuity

Day = Annotated[date, day_of(), Query(description="By the station's time zone; transactions that began then.")]


class ReportRoutes:
    """`/reports`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/reports/energy-continuity",
            self.continuity,
            methods=["GET"],
            summary="Energy between transactions that belongs to none",
            tags=["reports"],
            response_model=None,
            responses=gives(ContinuityAnswer, "The connectors with transactions of that day.", one=examples.CONTINUITY)
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )

    async def continuity(self, day: Day) -> Response:
        """Compare where each transaction of a day began with where the one before it at its connector ended.

        The first one of the day is compared with the last one before it.
        """
        zone = self._services.desk.view.station.time_zone
        try:
            days = await continuity(self._services.store, day, zone)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)
        return json_answer(
            ContinuityAnswer(
                day=day.isoformat(),
                time_zone=zone,
                unaccounted_wh=sum(each.unaccounted_wh for each in days),
                connectors=[continuity_connector(each) for each in days],
            )
        )
