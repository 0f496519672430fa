"""Chargers' local authorization lists: have one sent, see what a charger holds, take it away."""

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer, local_list_body
from api.asking import not_done
from api.auditing import act_of
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.queries import flag
from api.routes.commands import ChargerPath, QueueUntil, Wait
from api.schemas import LocalListAnswer
from api.services import Services
from csms.core.ids import ChargerId
from csms.core.local_list import ENTRIES_MAX, ListState, LocalListStored
from csms.core.replies import Refused
from csms.ports import StoreError
from csms.runtime.local_lists import NoAnswer, NoLocalList, TooManyEntries

PATH = "/chargers/{chargerId}/local-list"

Again = Annotated[bool, flag(), Query(alias="again", description="Also where a charger has said that it has no list.")]

Taken = LocalListStored | Refused | NoAnswer | TooManyEntries | NoLocalList | None


class LocalListRoutes:
    """`POST`, `GET` and `DELETE /chargers/{chargerId}/local-list`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lists = services.local_lists

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        settled = gives(LocalListAnswer, "Nothing more is to be sent.", held={"localList": examples.LOCAL_LIST})
        shown = dict(settled)
        shown[202] = settled[200] | {"description": "It is durable, and is being sent, or waits for its charger."}
        asked = (
            Kind.INVALID,
            Kind.UNKNOWN_CHARGER,
            Kind.COMMAND_REFUSED,
            Kind.CHARGER_OFFLINE,
            Kind.NOT_YET,
            Kind.STORE_UNAVAILABLE,
        )
        app.add_api_route(
            PATH,
            self.send,
            methods=["POST"],
            summary="Have a charger hold the id tags that may charge now",
            tags=["id tags"],
            response_model=None,
            responses=shown | fails(*asked, Kind.LOCAL_LIST_UNKNOWN, Kind.LOCAL_LIST_TOO_LONG),
        )
        app.add_api_route(
            PATH,
            self.show,
            methods=["GET"],
            summary="What a charger's local list holds, as far as is known",
            tags=["id tags"],
            response_model=None,
            responses=settled | fails(Kind.INVALID, Kind.UNKNOWN_CHARGER, Kind.STORE_UNAVAILABLE),
        )
        app.add_api_route(
            PATH,
            self.take_away,
            methods=["DELETE"],
            summary="Have a charger hold no id tag",
            tags=["id tags"],
            response_model=None,
            responses=shown | fails(*asked),
        )

    async def send(
        self,
        request: Request,
        charger_id: ChargerPath,
        wait: Wait = 0,
        queue_until_ms: QueueUntil = None,
        again: Again = False,  # noqa: FBT002 - a query parameter
    ) -> Response:
        """Send a charger the listed id tags that are neither blocked nor expired, whole or what has changed."""
        charger, asked_by, wait_s = ChargerId(charger_id), _address(request), self._services.wait_s
        try:
            taken: Taken = await self._lists.send(charger, asked_by, queue_until_ms, again=again, wait_s=wait_s)
            return await self._answered(request, charger, taken, wait)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)

    async def take_away(
        self, request: Request, charger_id: ChargerPath, wait: Wait = 0, queue_until_ms: QueueUntil = None
    ) -> Response:
        """Empty a charger's list; where there never was one of ours nothing is sent."""
        charger, asked_by, wait_s = ChargerId(charger_id), _address(request), self._services.wait_s
        try:
            taken: Taken = await self._lists.take_away(charger, asked_by, queue_until_ms, wait_s=wait_s)
            return await self._answered(request, charger, taken, wait)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)

    async def _answered(self, request: Request, charger_id: ChargerId, taken: Taken, wait_s: int) -> Response:
        """Answer with how far it has come when the wait is over."""
        match taken:
            case Refused():
                return not_done(taken)
            case NoAnswer():
                return problem(Kind.NOT_YET)
            case NoLocalList():
                return problem(Kind.LOCAL_LIST_UNKNOWN)
            case TooManyEntries(count):
                error = f"{count} id tags may charge, and a local list has at most {ENTRIES_MAX}; nothing was sent."
                return problem(Kind.LOCAL_LIST_TOO_LONG, error)
            case None if charger_id not in self._services.desk.view.chargers:
                return problem(Kind.UNKNOWN_CHARGER)
        if taken is not None:
            act_of(request).changed([f"local list: {len(taken.wanted)} id tags wanted"])
        if wait_s > 0:
            await self._lists.settled(charger_id, wait_s)
        stored = await self._lists.find(charger_id)
        is_open = stored is not None and stored.state is ListState.SENDING
        return await self._shown(charger_id, stored, 202 if is_open else 200)

    async def show(self, charger_id: ChargerPath) -> Response:
        """Return what is known of a charger's list, and whether it is what would be sent now."""
        charger = ChargerId(charger_id)
        if charger not in self._services.desk.view.chargers:
            return problem(Kind.UNKNOWN_CHARGER)
        try:
            stored = await self._lists.find(charger)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, "The stored local lists cannot be read now; try again.")
        return await self._shown(charger, stored, 200)

    async def _shown(self, charger_id: ChargerId, stored: LocalListStored | None, status: int) -> Response:
        is_current = stored is not None and await self._lists.is_current(stored)
        body = local_list_body(charger_id, stored, is_current=is_current)
        return json_answer(LocalListAnswer(local_list=body), status)


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host
