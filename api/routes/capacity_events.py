"""Limits of the grid connection that are told at run time, and signs of life of who tells them."""

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import capacity_event_body, json_answer
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import read_model
from api.capacity_schemas import CapacityEventAnswer, CapacityEventRequest, CapacityEventsAnswer
from api.openapi import BODY_KINDS, Responses, fails, gives, takes
from api.problems import Kind, invalid
from api.queries import whole_text
from api.services import Services
from csms.core.configuration import kilowatts
from csms.core.events import CapacityEventSet, CapacityEventWithdrawn, Fact, GridOperatorHeard
from csms.core.faults import Fault
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import RequestId
from csms.core.replies import CapacityEventShown, Confirmed, Refused

_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

EventPath = Annotated[
    str,
    Path(
        alias="id",
        description="Chosen by who tells it; what is told under the same id takes its place.",
        examples=["dso-2026-117"],
        json_schema_extra={"pattern": whole_text(_ID)},
    ),
]

_PATH = "/station/capacity-events"
_HEARD: Responses = {204: {"description": "It was heard."}}
_GONE: Responses = {204: {"description": "It stands no more."}}


class CapacityEventRoutes:
    """`/station/capacity-events` and `/station/grid-operator/heartbeat`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            _PATH,
            self.show,
            methods=["GET"],
            summary="Limits of the grid connection that were told",
            tags=["station"],
            response_model=None,
            responses=gives(CapacityEventsAnswer, "The earliest first.", one=examples.CAPACITY_EVENTS) | fails(),
        )
        app.add_api_route(
            f"{_PATH}/{{id}}",
            self.put,
            methods=["PUT"],
            summary="Tell a limit of the grid connection, or tell it anew",
            tags=["station"],
            response_model=None,
            openapi_extra=takes(CapacityEventRequest, one=examples.CAPACITY_EVENT_REQUEST),
            responses=gives(CapacityEventAnswer, "It stands.", one={"event": examples.CAPACITY_EVENT})
            | fails(
                *BODY_KINDS,
                Kind.CAPACITY_EVENT_OVER,
                Kind.TOO_MANY_CAPACITY_EVENTS,
                Kind.NO_GRID_OPERATOR,
                Kind.NOT_YET,
                Kind.STORE_UNAVAILABLE,
            ),
        )
        app.add_api_route(
            f"{_PATH}/{{id}}",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Withdraw a limit of the grid connection",
            tags=["station"],
            response_model=None,
            responses={
                **_GONE,
                **fails(Kind.INVALID, Kind.UNKNOWN_CAPACITY_EVENT, Kind.NOT_YET, Kind.STORE_UNAVAILABLE),
            },
        )
        app.add_api_route(
            "/station/grid-operator/heartbeat",
            self.heartbeat,
            methods=["POST"],
            status_code=204,
            summary="A sign of life of who tells limits of the grid connection",
            tags=["station"],
            response_model=None,
            responses={**_HEARD, **fails(Kind.NO_GRID_OPERATOR, Kind.NOT_YET, Kind.STORE_UNAVAILABLE)},
        )

    async def show(self) -> Response:
        """List what was told and stands, or was over a day ago at most."""
        now_ms = self._services.wall_ms()
        events = sorted(self._services.desk.view.capacity_events.values(), key=lambda e: (e.from_ms, e.event_id))
        return json_answer(CapacityEventsAnswer(events=[capacity_event_body(event, now_ms) for event in events]))

    async def put(self, request: Request, event_id: EventPath) -> Response:
        """Have a limit stand from its time on; of all limits of the grid connection the lowest counts."""
        if _ID.fullmatch(event_id) is None:
            return invalid([_NO_ID])
        body = await read_model(request, CapacityEventRequest)
        if isinstance(body, Response):
            return body
        now_ms = self._services.wall_ms()
        event = CapacityEvent(
            event_id,
            body.from_ms,
            body.to_ms,
            body.capacity_w,
            body.source,
            body.heartbeat_s,
            _asked_by(request),
            now_ms,
        )
        shown = await self._asked(request, lambda waiting: CapacityEventSet(waiting, event))
        if isinstance(shown, Response):
            return shown
        assert shown.event is not None, "it was told"
        return json_answer(CapacityEventAnswer(event=capacity_event_body(shown.event, now_ms)))

    async def remove(self, request: Request, event_id: EventPath) -> Response:
        """Have a limit stand no more."""
        if _ID.fullmatch(event_id) is None:
            return invalid([_NO_ID])
        asked_by = _asked_by(request)
        shown = await self._asked(request, lambda waiting: CapacityEventWithdrawn(waiting, event_id, asked_by))
        return shown if isinstance(shown, Response) else Response(status_code=204)

    async def heartbeat(self, request: Request) -> Response:
        """Have the grid operator be heard now; without one for `silentAfterS` his `failSafeCapacity` holds."""
        asked_by = _asked_by(request)
        outcome = await ask(
            self._services.desk, lambda waiting: GridOperatorHeard(waiting, asked_by), self._services.wait_s
        )
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, Confirmed), outcome
        return Response(status_code=204)

    async def _asked(self, request: Request, make_fact: Callable[[RequestId], Fact]) -> CapacityEventShown | Response:
        """Return what has become of it, and tell the audit."""
        outcome = await ask(self._services.desk, make_fact, self._services.wait_s)
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, CapacityEventShown), outcome
        was, is_now = _words(outcome.before), _words(outcome.event)
        if was != is_now:
            act_of(request).changed([f"capacity event: {was} → {is_now}"])
        return outcome


_NO_ID = Fault("{id}", "must be 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first")


def _words(event: CapacityEvent | None) -> str:
    if event is None:
        return "none"
    shown = capacity_event_body(event, event.set_ms)
    until = "it is withdrawn" if shown.to is None else shown.to
    promised = "" if shown.heartbeat_s is None else f", heard each {shown.heartbeat_s} s"
    return f"{kilowatts(event.capacity_w)} kW from {shown.from_} until {until}, says {event.source}{promised}"


def _asked_by(request: Request) -> str:
    return "" if request.client is None else request.client.host
