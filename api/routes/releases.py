"""Releases: take a charger out again without a trace, see what became of that, take it in again."""

from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer, release_body
from api.asking import Unanswered, ask, not_done
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.queries import flag
from api.schemas import ReleaseAnswer
from api.services import Services
from csms.core.events import ReleaseRequested, ReleaseUndoRequested
from csms.core.ids import ChargerId
from csms.core.leaving import certificates, changed_keys, counts, has_local_list, unanswered_reservations
from csms.core.records import CommandStored
from csms.core.release import Release
from csms.core.replies import Refused, ReleaseShown
from csms.ports import CommandPosition, StoreError

PAGE = 500
PAGES_MAX = 20
"""So many pages of a charger's commands are looked through, the newest first."""

_UNREADABLE = "The stored commands cannot be read now, and they say what was set; try again."

ChargerPath = Annotated[str, Path(alias="chargerId", description="The charger's id.", examples=["CP001"])]
Force = Annotated[
    bool,
    flag(),
    Query(description="Also while a car charges there, and without headroom for its maximum; others are then cut."),
]


class ReleaseRoutes:
    """`POST`, `GET` and `DELETE /chargers/{chargerId}/release`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        shown = gives(ReleaseAnswer, "It has ended: nothing more is done.", one={"release": examples.RELEASE})
        path = "/chargers/{chargerId}/release"
        app.add_api_route(
            path,
            self.begin,
            methods=["POST"],
            summary="Take a charger out again without a trace",
            tags=["chargers"],
            response_model=None,
            responses=shown
            | {202: shown[200] | {"description": "It is durable, and something is still to be undone."}}
            | fails(
                Kind.INVALID,
                Kind.UNKNOWN_CHARGER,
                Kind.NOT_CONTROLLED,
                Kind.RELEASE_REFUSED,
                Kind.NO_HEADROOM,
                Kind.CHARGER_OFFLINE,
                Kind.NOT_YET,
                Kind.STORE_UNAVAILABLE,
            ),
        )
        app.add_api_route(
            path,
            self.show,
            methods=["GET"],
            summary="What became of the release of a charger",
            tags=["chargers"],
            response_model=None,
            responses=shown | fails(Kind.INVALID, Kind.UNKNOWN_CHARGER, Kind.NOT_RELEASED),
        )
        app.add_api_route(
            path,
            self.undo,
            methods=["DELETE"],
            status_code=204,
            summary="Take a released charger in again",
            tags=["chargers"],
            response_model=None,
            responses={
                204: {"description": "It is steered, or observed, as it is configured."},
                **fails(
                    Kind.INVALID,
                    Kind.UNKNOWN_CHARGER,
                    Kind.NOT_RELEASED,
                    Kind.RELEASE_REFUSED,
                    Kind.NOT_YET,
                    Kind.STORE_UNAVAILABLE,
                ),
            },
        )

    async def begin(
        self,
        request: Request,
        charger_id: ChargerPath,
        force: Force = False,  # noqa: FBT002 - a query parameter
    ) -> Response:
        """Clear our profiles and reservations, put keys back, and look whether that was done; then leave it alone.

        One that is under way goes on; what an earlier one has left is tried again.
        """
        name = ChargerId(charger_id)
        try:
            done = await self._done(name)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        asked_by = "" if request.client is None else request.client.host
        outcome = await ask(
            self._services.desk,
            lambda waiting: ReleaseRequested(
                waiting,
                name,
                asked_by,
                force,
                changed_keys(done),
                has_local_list(done),
                unanswered_reservations(done),
                certificates(done),
            ),
            self._services.wait_s,
        )
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, ReleaseShown), outcome
        return self._shown(name, outcome.release, 202 if outcome.release.is_under_way else 200)

    async def _done(self, charger_id: ChargerId) -> list[CommandStored]:
        """Return the commands that may have left something in a charger, the oldest first; raise StoreError."""
        found: list[CommandStored] = []
        before: CommandPosition | None = None
        for _ in range(PAGES_MAX):
            page = await self._services.store.read_commands(charger_id, None, before, PAGE)
            found += [each for each in page if counts(each)]
            if len(page) < PAGE:
                break
            before = CommandPosition(page[-1].asked_ms, page[-1].command_id)
        return found[::-1]

    async def show(self, charger_id: ChargerPath) -> Response:
        """Return the release that is under way, or the last one; none once the charger was taken in again."""
        charger = self._services.desk.view.chargers.get(ChargerId(charger_id))
        if charger is None:
            return problem(Kind.UNKNOWN_CHARGER)
        if charger.release is None:
            return problem(Kind.NOT_RELEASED)
        return self._shown(charger.charger_id, charger.release, 200)

    async def undo(self, charger_id: ChargerPath) -> Response:
        """Steer it again, or observe it, as it is configured: everything is said to it anew."""
        outcome = await ask(
            self._services.desk,
            lambda waiting: ReleaseUndoRequested(waiting, ChargerId(charger_id)),
            self._services.wait_s,
        )
        return not_done(outcome) if isinstance(outcome, Unanswered | Refused) else Response(status_code=204)

    def _shown(self, charger_id: ChargerId, release: Release, status: int) -> Response:
        charger = self._services.desk.view.chargers.get(charger_id)
        online = charger is not None and charger.online
        return json_answer(ReleaseAnswer(release=release_body(charger_id, release, online=online)), status)
