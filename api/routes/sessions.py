"""Sessions: start one, tell what it consumes, stop it."""

import re
from typing import Annotated

from fastapi import FastAPI, Path, Query
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer, session_body
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import read_model
from api.openapi import BODY_KINDS, Responses, fails, gives, takes
from api.problems import Kind, problem
from api.queries import ChargerFilter
from api.schemas import PowerUpdate, SessionAnswer, SessionRequest, SessionsAnswer, ShareRequest
from api.services import WAIT_S_MAX, Services
from csms.core.events import PowerUpdated, SessionRequested, SessionStopRequested, TermsRequested
from csms.core.ids import ChargerId, SessionId
from csms.core.replies import Outcome, Refused, SessionEnded, SessionShown
from csms.core.terms import UNSAID, Terms
from csms.ports import StoreError

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OVER_OCPP = (Kind.CHARGER_OFFLINE, Kind.CHARGER_REFUSED, Kind.CHARGER_SILENT, Kind.NOT_YET)


def _wait(value: object) -> int:
    """Read `?wait=`: whole seconds in plain digits."""
    seconds = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else 0
    if not 1 <= seconds <= WAIT_S_MAX:
        raise PydanticCustomError("wait", "must be a whole number of seconds from 1 to {most}", {"most": WAIT_S_MAX})
    return seconds


Wait = Annotated[
    int | None,
    PlainValidator(_wait),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": WAIT_S_MAX}),
    Query(description="Seconds to wait for the charger; 30 unless the server is set otherwise."),
]
SessionPath = Annotated[str, Path(alias="id", description="The session's id.", examples=[examples.SESSION_ID])]


class SessionRoutes:
    """`/sessions` and what is under it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/sessions",
            self.start,
            methods=["POST"],
            summary="Start a session",
            tags=["sessions"],
            response_model=None,
            openapi_extra=takes(
                SessionRequest, car=examples.SESSION_REQUEST, with_id_tag=examples.SESSION_REQUEST_WITH_TAG
            ),
            responses=_SHOWN
            | fails(
                *BODY_KINDS,
                Kind.UNKNOWN_CONNECTOR,
                Kind.CONNECTOR_IN_USE,
                Kind.NOT_CONTROLLED,
                Kind.UNDER_MAINTENANCE,
                Kind.STORE_UNAVAILABLE,
                *_OVER_OCPP,
            ),
        )
        app.add_api_route(
            "/sessions",
            self.list,
            methods=["GET"],
            summary="The sessions that run",
            tags=["sessions"],
            response_model=None,
            responses=gives(SessionsAnswer, "In order of arrival.", two=examples.SESSIONS) | fails(Kind.INVALID),
        )
        app.add_api_route(
            "/sessions/{id}",
            self.show,
            methods=["GET"],
            summary="One session that runs",
            tags=["sessions"],
            response_model=None,
            responses=gives(
                SessionAnswer,
                "The session as it is now.",
                over_rest={"session": examples.REST_SESSION},
                over_ocpp={"session": examples.OCPP_SESSION},
            )
            | fails(Kind.INVALID, Kind.UNKNOWN_SESSION),
        )
        app.add_api_route(
            "/sessions/{id}/power-update",
            self.update,
            methods=["POST"],
            summary="Tell what a session consumes, learn what it may",
            tags=["sessions"],
            response_model=None,
            openapi_extra=takes(PowerUpdate, consumed=examples.POWER_UPDATE, with_echo=examples.POWER_UPDATE_WITH_ECHO),
            responses=_SHOWN | fails(*BODY_KINDS, Kind.UNKNOWN_SESSION, Kind.STORE_UNAVAILABLE, Kind.NOT_YET),
        )
        app.add_api_route(
            "/sessions/{id}/share",
            self.share,
            methods=["PUT"],
            summary="Say on which terms a session shares",
            tags=["sessions"],
            response_model=None,
            openapi_extra=takes(ShareRequest, first=examples.SHARE_REQUEST, usual={}),
            responses=_SHOWN | fails(*BODY_KINDS, Kind.UNKNOWN_SESSION, Kind.STORE_UNAVAILABLE, Kind.NOT_YET),
        )
        app.add_api_route(
            "/sessions/{id}/stop",
            self.stop,
            methods=["POST"],
            summary="Stop a session",
            tags=["sessions"],
            response_model=None,
            status_code=204,
            responses=_STOPPED
            | fails(Kind.INVALID, Kind.UNKNOWN_SESSION, Kind.NOT_CONTROLLED, Kind.STORE_UNAVAILABLE, *_OVER_OCPP),
        )

    async def list(self, charger: ChargerFilter = None) -> Response:
        """List the sessions that run now, of all chargers or of one; `GET /transactions` has those that ended."""
        running = self._services.desk.view.sessions.values()
        found = [session_body(each) for each in running if charger is None or each.charger_id == charger]
        return json_answer(SessionsAnswer(sessions=found))

    async def show(self, session_id: SessionPath) -> Response:
        """Return one session, as long as it runs."""
        found = self._services.desk.view.sessions.get(SessionId(session_id))
        if found is None:
            return problem(Kind.UNKNOWN_SESSION)
        return json_answer(SessionAnswer(session=session_body(found)))

    async def start(self, request: Request, wait: Wait = None) -> Response:
        """Start a session on a connector and answer with its first allocation.

        On a charger that is steered over OCPP this sends a remote start and answers when the transaction has started
        and its first limit was sent, or when it is paused for lack of room; a session that starts after the wait is
        over still appears.
        """
        body = await read_model(request, SessionRequest)
        if isinstance(body, Response):
            return body
        act_of(request).about(body.connector_id.charger_id, body.connector_id.idx)
        listed = None if body.id_tag is None else self._services.id_tags.find(body.id_tag)
        new_session_id = SessionId(self._services.new_id())
        outcome = await ask(
            self._services.desk,
            lambda waiting: SessionRequested(
                request=waiting,
                charger_id=ChargerId(body.connector_id.charger_id),
                idx=body.connector_id.idx,
                vehicle_max_w=body.vehicle_max_w,
                id_tag=self._services.virtual_tag if body.id_tag is None else body.id_tag,
                new_session_id=new_session_id,
                terms=Terms(body.weight, body.priority),
                tag_terms=UNSAID if listed is None else listed.terms,
            ),
            self._seconds(wait),
        )
        if isinstance(outcome, SessionShown):
            act_of(request).made["sessionId"] = outcome.session.session_id
        return _session(outcome)

    async def update(self, request: Request, session_id: SessionPath) -> Response:
        """Take in what a session consumes now and answer with its allocation, which holds from this answer on."""
        body = await read_model(request, PowerUpdate)
        if isinstance(body, Response):
            return body
        if _SESSION_ID.fullmatch(session_id) is None:
            return problem(Kind.UNKNOWN_SESSION)
        outcome = await ask(
            self._services.desk,
            lambda waiting: PowerUpdated(waiting, SessionId(session_id), body.consumed_w, body.echo_w),
            self._services.wait_s,
        )
        return _session(outcome)

    async def share(self, request: Request, session_id: SessionPath) -> Response:
        """Let a weight and a priority hold for a session from now on, in the place of what was said of it before.

        What is absent is as its id tag says, else its connector, else its charger.
        """
        body = await read_model(request, ShareRequest)
        if isinstance(body, Response):
            return body
        name = SessionId(session_id)
        running = self._services.desk.view.sessions.get(name)
        if running is None:
            return problem(Kind.UNKNOWN_SESSION)
        act_of(request).about(running.charger_id, running.idx)
        outcome = await ask(
            self._services.desk,
            lambda waiting: TermsRequested(waiting, name, Terms(body.weight, body.priority)),
            self._services.wait_s,
        )
        if isinstance(outcome, SessionShown):
            now = outcome.session
            told = (("weight", running.weight, now.weight), ("priority", running.priority, now.priority))
            act_of(request).changed([f"{what}: {old} → {new}" for what, old, new in told if old != new])
        return _session(outcome)

    async def stop(self, request: Request, session_id: SessionPath, wait: Wait = None) -> Response:
        """Stop a session: at once when it is driven over REST, else once the charger has accepted to stop."""
        if _SESSION_ID.fullmatch(session_id) is None:
            return problem(Kind.UNKNOWN_SESSION)
        name = SessionId(session_id)
        running = self._services.desk.view.sessions.get(name)
        if running is not None:
            act_of(request).about(running.charger_id, running.idx)
        try:
            ended_before = running is None and await self._services.store.find_session(name)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)
        outcome = await ask(
            self._services.desk,
            lambda waiting: SessionStopRequested(waiting, name, ended_before),
            self._seconds(wait),
        )
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, SessionEnded), outcome
        return Response(status_code=204)

    def _seconds(self, wait: int | None) -> int:
        return self._services.wait_s if wait is None else wait


_SHOWN = gives(
    SessionAnswer,
    "The session after the request took effect.",
    over_rest={"session": examples.REST_SESSION},
    over_ocpp={"session": examples.OCPP_SESSION},
)

_STOPPED: Responses = {204: {"description": "It has ended, now or before; over OCPP: the charger accepted to stop."}}


def _session(outcome: Outcome | Unanswered) -> Response:
    if isinstance(outcome, Unanswered | Refused):
        return not_done(outcome)
    assert isinstance(outcome, SessionShown), outcome
    return json_answer(SessionAnswer(session=session_body(outcome.session)))
