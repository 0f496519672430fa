"""The application: routes, the boundary, and answers for what no route takes."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

import csms
from api import openapi
from api.auditing import AuditedRoute
from api.boundary import HttpBoundary
from api.docs_page import CONTENT_SECURITY_POLICY, render
from api.gate import Door
from api.problems import http_problem, invalid_query
from api.routes.alarms import AlarmRoutes
from api.routes.audit import AuditRoutes
from api.routes.batteries import BatteryRoutes
from api.routes.campaigns import CampaignRoutes
from api.routes.capacity_events import CapacityEventRoutes
from api.routes.charger_keys import ChargerKeyRoutes
from api.routes.chargers import ChargerRoutes
from api.routes.closings import ClosingRoutes
from api.routes.commands import CommandRoutes
from api.routes.explanations import ExplanationRoutes
from api.routes.health import HealthRoutes
from api.routes.id_tags import IdTagRoutes
from api.routes.local_lists import LocalListRoutes
from api.routes.maintenance import MaintenanceRoutes
from api.routes.makes import MakeRoutes
from api.routes.meters import MeterRoutes
from api.routes.releases import ReleaseRoutes
from api.routes.reports import ReportRoutes
from api.routes.reservations import ReservationRoutes
from api.routes.sessions import SessionRoutes
from api.routes.simulations import SimulationRoutes
from api.routes.station import StationRoutes
from api.routes.transaction_lists import TransactionListRoutes
from api.routes.transactions import TransactionRoutes
from api.services import Services

_DESCRIPTION = (
    "Sessions and configuration of one charging station. Powers are kW with at most three decimals, 0 to 1,000,000; "
    "fields that end in W are whole watts. Bodies are strict JSON: no unknown field, no number as text."
)


class _Application(FastAPI):
    """FastAPI with our own OpenAPI document, made once and on another thread, when somebody asks for it.

    So are the two texts that are sent of it: who has no key may ask for them, too.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._making = threading.Lock()
        self._texts: dict[str, str] = {}

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        with self._making:
            if self.openapi_schema is None:
                self.openapi_schema = openapi.document(self)
            return self.openapi_schema

    def describe(self) -> None:
        """Add the calls that answer with the document, and with the page that is made of it."""

        async def made(name: str, make: Callable[[dict[str, Any]], str]) -> str:
            if name not in self._texts:
                self._texts[name] = await asyncio.to_thread(lambda: make(self.openapi()))
            return self._texts[name]

        async def document() -> Response:
            return Response(await made("document", json.dumps), media_type="application/json")

        async def docs() -> Response:
            page = await made("page", render)
            return Response(page, media_type="text/html", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})

        for path, answer in {"/openapi.json": document, "/docs": docs}.items():
            self.add_api_route(path, answer, methods=["GET"], include_in_schema=False, response_model=None)


def create_app(services: Services, door: Door) -> FastAPI:
    """Return the ASGI application that serves the documented API with these services to who comes through the door."""
    app = _Application(
        title="Electra SEMS",
        version=csms.__version__,
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.audit = services.audit
    app.router.route_class = AuditedRoute
    HealthRoutes().add_to(app)
    for routes in (
        StationRoutes,
        CapacityEventRoutes,
        MeterRoutes,
        BatteryRoutes,
        SimulationRoutes,
        SessionRoutes,
        ExplanationRoutes,
        TransactionListRoutes,
        TransactionRoutes,
        ClosingRoutes,
        IdTagRoutes,
        ChargerRoutes,
        ChargerKeyRoutes,
        MaintenanceRoutes,
        CommandRoutes,
        ReservationRoutes,
        CampaignRoutes,
        ReleaseRoutes,
        LocalListRoutes,
        ReportRoutes,
        AlarmRoutes,
        MakeRoutes,
        AuditRoutes,
    ):
        routes(services).add_to(app)
    app.describe()
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(RequestValidationError, _bad_query)
    app.add_middleware(HttpBoundary, door=door)
    return app


async def _no_route(request: Request, error: Exception) -> Response:
    """Answer for an unknown path or method; Allow names every method of the path, not only those of its first route."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return http_problem(error.status_code, headers)


def _methods_of(request: Request) -> set[str]:
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return methods


async def _bad_query(_request: Request, error: Exception) -> Response:
    """Answer for a query parameter that its reader refused."""
    assert isinstance(error, RequestValidationError)
    return invalid_query(error)
