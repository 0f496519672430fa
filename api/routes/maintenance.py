"""Maintenance: an operator marks a charger, or one of its connectors, while somebody works there."""

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer, maintenance_body
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import read_model
from api.openapi import BODY_KINDS, Responses, fails, gives, takes
from api.problems import Kind, invalid, problem
from api.queries import whole_text
from api.routes.chargers import ChargerPath
from api.schemas import MaintenanceAnswer, MaintenanceRequest
from api.services import Services
from csms.core.events import Fact, MaintenanceEndRequested, MaintenanceRequested
from csms.core.faults import Fault
from csms.core.ids import ChargerId, RequestId
from csms.core.records import Maintenance
from csms.core.replies import MaintenanceShown, Refused

_NUMBER = re.compile("-?[0-9]{1,30}")

ConnectorPath = Annotated[
    str,
    Path(
        alias="idx",
        description="The connector's number, counted from 1.",
        examples=["2"],
        json_schema_extra={"pattern": whole_text(_NUMBER)},
    ),
]

_AT_CHARGER = "/chargers/{chargerId}/maintenance"
_AT_CONNECTOR = "/chargers/{chargerId}/connectors/{idx}/maintenance"
_GONE: Responses = {204: {"description": "It is not under maintenance any more, or was not."}}
_SHOWN = gives(MaintenanceAnswer, "What is said of it now.", one={"maintenance": examples.MAINTENANCE})


class MaintenanceRoutes:
    """`PUT` and `DELETE` of the maintenance of a charger and of a connector."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        for path, what, put, remove, kinds in (
            (_AT_CHARGER, "a charger", self.put, self.remove, (Kind.UNKNOWN_CHARGER,)),
            (
                _AT_CONNECTOR,
                "one connector",
                self.put_connector,
                self.remove_connector,
                (Kind.UNKNOWN_CHARGER, Kind.UNKNOWN_CONNECTOR),
            ),
        ):
            app.add_api_route(
                path,
                put,
                methods=["PUT"],
                summary=f"Mark {what} as under maintenance, or change what is said of it",
                tags=["chargers"],
                response_model=None,
                openapi_extra=takes(MaintenanceRequest, one=examples.MAINTENANCE_REQUEST),
                responses=_SHOWN
                | fails(*BODY_KINDS, *kinds, Kind.MAINTENANCE_OVER, Kind.NOT_YET, Kind.STORE_UNAVAILABLE),
            )
            app.add_api_route(
                path,
                remove,
                methods=["DELETE"],
                status_code=204,
                summary=f"End the maintenance of {what}",
                tags=["chargers"],
                response_model=None,
                responses={**_GONE, **fails(Kind.INVALID, *kinds, Kind.NOT_YET, Kind.STORE_UNAVAILABLE)},
            )

    async def put(self, request: Request, charger_id: ChargerPath) -> Response:
        """Refuse new sessions at the whole charger, and excuse its silence, until the end; what is booked stays."""
        return await self._put(request, charger_id, 0)

    async def put_connector(self, request: Request, charger_id: ChargerPath, idx: ConnectorPath) -> Response:
        """Refuse new sessions at one connector, and excuse its silence, until the end; what is booked stays."""
        number = _number(idx)
        return number if isinstance(number, Response) else await self._put(request, charger_id, number)

    async def remove(self, request: Request, charger_id: ChargerPath) -> Response:
        """Take sessions at the charger again; one that was told Inoperative is told Operative."""
        return await self._remove(request, charger_id, 0)

    async def remove_connector(self, request: Request, charger_id: ChargerPath, idx: ConnectorPath) -> Response:
        """Take sessions at the connector again; one that was told Inoperative is told Operative."""
        number = _number(idx)
        return number if isinstance(number, Response) else await self._remove(request, charger_id, number)

    async def _put(self, request: Request, charger_id: str, idx: int) -> Response:
        body = await read_model(request, MaintenanceRequest)
        if isinstance(body, Response):
            return body
        name, asked_by = self._services.new_id(), _asked_by(request)
        shown = await self._asked(
            request,
            charger_id,
            idx,
            lambda waiting: MaintenanceRequested(
                waiting, name, ChargerId(charger_id), idx, body.reason, asked_by, body.until_ms, body.inoperative
            ),
        )
        if isinstance(shown, Response):
            return shown
        assert shown.maintenance is not None, "it was marked"
        return json_answer(MaintenanceAnswer(maintenance=maintenance_body(shown.maintenance)))

    async def _remove(self, request: Request, charger_id: str, idx: int) -> Response:
        asked_by = _asked_by(request)
        shown = await self._asked(
            request,
            charger_id,
            idx,
            lambda waiting: MaintenanceEndRequested(waiting, ChargerId(charger_id), idx, asked_by),
        )
        return shown if isinstance(shown, Response) else Response(status_code=204)

    async def _asked(
        self, request: Request, charger_id: str, idx: int, make_fact: Callable[[RequestId], Fact]
    ) -> MaintenanceShown | Response:
        """Return what has become of it, and tell the audit."""
        act = act_of(request)
        act.about(charger_id, idx or None)
        outcome = await ask(self._services.desk, make_fact, self._services.wait_s)
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, MaintenanceShown), outcome
        now, before = outcome.maintenance, outcome.before
        act.changed(_changes(None if now is None or now.ended_ms is not None else now, before))
        told = None if now is None else now.told
        if told is not None and (before is None or before.told is None or before.told.command_id != told.command_id):
            act.made["commandId"] = told.command_id
        return outcome


def _changes(now: Maintenance | None, before: Maintenance | None) -> list[str]:
    """Return what changed, a line each."""
    if now is None or before is None:
        was, is_now = (each.reason if each is not None else "none" for each in (before, now))
        return [] if now is before else [f"maintenance: {was} → {is_now}"]
    lines = [] if now.reason == before.reason else [f"reason: {before.reason} → {now.reason}"]
    if now.until_ms != before.until_ms:
        lines.append(f"until: {_until(before)} → {_until(now)}")
    if now.inoperative is not before.inoperative:
        lines.append(f"inoperative: {str(before.inoperative).lower()} → {str(now.inoperative).lower()}")
    return lines


def _until(maintenance: Maintenance) -> str:
    return maintenance_body(maintenance).until or "none"


def _asked_by(request: Request) -> str:
    return "" if request.client is None else request.client.host


def _number(idx: str) -> int | Response:
    """Return a connector's number; 0 is the charger's for OCPP alone."""
    if _NUMBER.fullmatch(idx) is None:
        return invalid([Fault("{idx}", "must be a whole number")])
    return int(idx) or problem(Kind.UNKNOWN_CONNECTOR)
