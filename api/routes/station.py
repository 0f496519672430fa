"""The station: its configuration and its sessions at a glance."""

import json

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import battery_body, json_answer, session_body
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import STATION_BODY_BYTES_MAX, read_json
from api.configuration_schema import StationConfiguration
from api.openapi import BODY_KINDS, Responses, fails, gives, takes
from api.problems import Kind, invalid
from api.schemas import StatusAnswer
from api.services import Services
from csms.core.configuration import difference, parse_station, station_document
from csms.core.events import StationConfigured
from csms.core.replies import Refused, StationShown
from csms.core.station import Station


class StationRoutes:
    """`/station/config`, `/station/status` and `/station/safe-mode/end`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        shown = {"documented": examples.STATION, "with_options": examples.STATION_WITH_OPTIONS}
        app.add_api_route(
            "/station/config",
            self.show,
            methods=["GET"],
            summary="The configuration in force",
            tags=["station"],
            response_model=None,
            responses=gives(StationConfiguration, "The configuration.", **shown) | fails(),
        )
        app.add_api_route(
            "/station/config",
            self.replace,
            methods=["POST"],
            summary="Put another configuration in force",
            tags=["station"],
            response_model=None,
            openapi_extra=takes(StationConfiguration, **shown),
            responses=gives(StationConfiguration, "The stored configuration.", **shown)
            | fails(*BODY_KINDS, Kind.STORE_UNAVAILABLE, Kind.NOT_YET),
        )
        app.add_api_route(
            "/station/safe-mode/end",
            self.end_safe_mode,
            methods=["POST"],
            summary="Go on as usual after safe mode",
            tags=["station"],
            status_code=204,
            response_model=None,
            responses=_ENDED | fails(Kind.STORE_UNAVAILABLE),
        )
        app.add_api_route(
            "/station/status",
            self.status,
            methods=["GET"],
            summary="The active sessions and the battery",
            tags=["station"],
            response_model=None,
            responses=gives(StatusAnswer, "The active sessions by id.", two_sessions=examples.STATUS) | fails(),
        )

    async def show(self) -> Response:
        """Return the configuration; optional keys are shown where they differ from their default."""
        return _configuration(self._services.desk.view.station)

    async def replace(self, request: Request) -> Response:
        """Validate a whole configuration, then store it and put it in force; running sessions go on.

        On any fault nothing changes, and every fault is listed by its JSON path.
        """
        document = await read_json(request, STATION_BODY_BYTES_MAX)
        if isinstance(document, Response):
            return document
        station = parse_station(document, self._services.time_zones)
        if not isinstance(station, Station):
            return invalid(station)
        desk = self._services.desk
        outcome = await ask(desk, lambda waiting: StationConfigured(station, waiting), self._services.wait_s)
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, StationShown), outcome
        if outcome.before is not None:
            act_of(request).changed(difference(outcome.before, outcome.station))
        return _configuration(outcome.station)

    async def end_safe_mode(self, request: Request) -> Response:
        """End safe mode, in which nobody is raised: this system has found a mistake of its own (alarm `safe_mode`).

        Do it when the cause is known and gone; the ordinary path has had its own trial after ten minutes.
        """
        if any(alarm.kind == "safe_mode" for alarm in self._services.desk.view.notices.values()):
            act_of(request).changed(["safe mode: on → off"])
        self._services.end_safe_mode()
        return Response(status_code=204)

    async def status(self) -> Response:
        """Return the active sessions, in order of arrival, and how the battery stands."""
        view = self._services.desk.view
        battery = None if view.battery is None else battery_body(view.battery)
        sessions = view.sessions.items()
        return json_answer(StatusAnswer(sessions={key: session_body(one) for key, one in sessions}, battery=battery))


_ENDED: Responses = {204: {"description": "It ends now, or there was none."}}


def _configuration(station: Station) -> Response:
    content = json.dumps(station_document(station), ensure_ascii=False, separators=(",", ":"))
    return Response(content, media_type="application/json")
