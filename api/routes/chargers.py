"""Chargers: those of the station as they are now, and those that asked to connect and were not let in."""

from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.responses import Response

from api import examples
from api.answers import charger_answer, charger_body, json_answer, knock_body
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.queries import whole
from api.schemas import ChargerAnswer, ChargerBody, ChargersAnswer, KnockingAnswer
from api.services import Services
from csms.core.alarms import order
from csms.core.ids import ChargerId
from csms.core.replies import ChargerView

LIMIT_DEFAULT = 100
LIMIT_MAX = 500


ChargerPath = Annotated[str, Path(alias="chargerId", description="The charger's id.", examples=["CP001"])]
Limit = Annotated[
    int,
    whole(1, LIMIT_MAX),
    Query(description=f"Chargers of one answer; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[str | None, Query(description="The nextCursor of the answer before; the first ones when absent.")]


class ChargerRoutes:
    """`/chargers` and what is under it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application; `knocking` is no charger's, so it comes first."""
        app.add_api_route(
            "/chargers/knocking",
            self.knocking,
            methods=["GET"],
            summary="Who asked to connect as a charger and was not let in, and why",
            tags=["chargers"],
            response_model=None,
            responses=gives(KnockingAnswer, "Refused handshakes and guests.", one=examples.KNOCKING) | fails(),
        )
        app.add_api_route(
            "/chargers",
            self.list,
            methods=["GET"],
            summary="The chargers as they are now",
            tags=["chargers"],
            response_model=None,
            responses=gives(ChargersAnswer, "A page of them, by id.", some=examples.CHARGERS) | fails(Kind.INVALID),
        )
        app.add_api_route(
            "/chargers/{chargerId}",
            self.show,
            methods=["GET"],
            summary="One charger with all that is known of it",
            tags=["chargers"],
            response_model=None,
            responses=gives(ChargerAnswer, "What is known of it.", one=examples.CHARGER_WITH_ALL)
            | fails(Kind.INVALID, Kind.UNKNOWN_CHARGER),
        )

    async def knocking(self) -> Response:
        """List refused handshakes and guests; a bounded number is remembered since the start of the process."""
        return json_answer(KnockingAnswer(knocking=[knock_body(knock) for knock in self._services.knocking()]))

    async def list(self, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
        """List the chargers that are configured, or removed and still booked, by their ids, a page at a time."""
        known = self._services.desk.view.chargers
        following = sorted(charger_id for charger_id in known if cursor is None or charger_id > cursor)
        page = following[:limit]
        return json_answer(
            ChargersAnswer(
                chargers=[self._body(known[charger_id]) for charger_id in page],
                next_cursor=page[-1] if len(following) > limit else None,
            )
        )

    async def show(self, charger_id: ChargerPath) -> Response:
        """Return one charger with its settings, what its make has shown, and what stands about it."""
        view = self._services.desk.view
        charger = view.chargers.get(ChargerId(charger_id))
        if charger is None:
            return problem(Kind.UNKNOWN_CHARGER)
        make = None if charger.boot is None else charger.boot.make
        alarms = sorted((one for one in view.notices.values() if one.charger_id == charger_id), key=order)
        learnt = None if make is None else view.makes.get(make)
        return json_answer(charger_answer(charger, self._body(charger), learnt, alarms))

    def _body(self, charger: ChargerView) -> ChargerBody:
        view = self._services.desk.view
        config = view.station.charger(charger.charger_id)
        return charger_body(charger, None if config is None else config.max_power_w, view.sessions)
