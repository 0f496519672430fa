"""Firmware campaigns: begin one, see how far it has come, stop it, let a halted one go on."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import campaign_body, json_answer
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import read_model
from api.campaign_schemas import CampaignMake, CampaignRequest
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, invalid, problem
from api.queries import cursor_as, whole
from api.schemas import CampaignAnswer, CampaignsAnswer
from api.services import Services
from csms.core.campaigning import CHARGERS_MAX
from csms.core.events import CampaignRequested, CampaignResumeRequested, CampaignStopRequested, Fact
from csms.core.faults import Fault
from csms.core.ids import CampaignId, ChargerId, RequestId
from csms.core.records import CampaignState, CampaignStored
from csms.core.replies import CampaignShown, ChargerView, Refused
from csms.ports import CampaignPosition, StoreError

LIMIT_DEFAULT = 20
LIMIT_MAX = 100

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_POSITION = re.compile(r"([0-9]{1,18})-([A-Za-z0-9_-]{1,64})")
_UNREADABLE = "The stored campaigns cannot be read now; try again."
_FIRMWARE = {"location", "retries", "retry_interval"}

Limit = Annotated[
    int,
    whole(1, LIMIT_MAX),
    Query(description=f"Campaigns of one answer; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[
    str | None,
    cursor_as(_POSITION),
    Query(description="The nextCursor of the answer before; the newest when absent."),
]
CampaignPath = Annotated[str, Path(alias="id", description="The campaign's id.", examples=[examples.CAMPAIGN["id"]])]


class CampaignRoutes:
    """`POST /campaigns`, `GET /campaigns` and `/campaigns/{id}`, `POST /campaigns/{id}/stop` and `/resume`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        shown = gives(CampaignAnswer, "The campaign, with each of its chargers.", one={"campaign": examples.CAMPAIGN})
        app.add_api_route(
            "/campaigns",
            self.begin,
            methods=["POST"],
            summary="Update the firmware of many chargers",
            tags=["commands"],
            response_model=None,
            openapi_extra=takes(
                CampaignRequest, by_id=examples.CAMPAIGN_REQUEST, by_make=examples.CAMPAIGN_REQUEST_BY_MAKE
            ),
            responses=shown
            | fails(*BODY_KINDS, Kind.UNKNOWN_CHARGER, Kind.CAMPAIGN_REFUSED, Kind.NOT_YET, Kind.STORE_UNAVAILABLE),
        )
        listed = {"campaigns": [{k: v for k, v in examples.CAMPAIGN.items() if k != "chargers"}]}
        app.add_api_route(
            "/campaigns",
            self.list,
            methods=["GET"],
            summary="Firmware campaigns, the newest first",
            tags=["commands"],
            response_model=None,
            responses=gives(CampaignsAnswer, "A page of them.", one=listed)
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )
        app.add_api_route(
            "/campaigns/{id}",
            self.show,
            methods=["GET"],
            summary="One firmware campaign, charger by charger",
            tags=["commands"],
            response_model=None,
            responses=shown | fails(Kind.INVALID, Kind.UNKNOWN_CAMPAIGN, Kind.STORE_UNAVAILABLE),
        )
        for path, endpoint, summary in (
            ("stop", self.stop, "Begin with no other charger of a campaign, for good"),
            ("resume", self.resume, "Let a halted campaign go on"),
        ):
            app.add_api_route(
                f"/campaigns/{{id}}/{path}",
                endpoint,
                methods=["POST"],
                summary=summary,
                tags=["commands"],
                response_model=None,
                responses=shown
                | fails(Kind.INVALID, Kind.UNKNOWN_CAMPAIGN, Kind.CAMPAIGN_ENDED, Kind.NOT_YET, Kind.STORE_UNAVAILABLE),
            )

    async def begin(self, request: Request) -> Response:
        """Ask so many chargers at a time to update, each when no car charges there; the first failure halts it."""
        body = await read_model(request, CampaignRequest)
        if isinstance(body, Response):
            return body
        chosen = self._chosen(body)
        if isinstance(chosen, Fault):
            return invalid([chosen])
        retrieve_ms = None
        if body.retrieve_date is not None:
            retrieve_ms = int(datetime.fromisoformat(body.retrieve_date).timestamp() * 1_000)
        campaign_id = CampaignId(self._services.new_id())
        asked_by = "" if request.client is None else request.client.host
        payload = body.model_dump(by_alias=True, exclude_unset=True, include=_FIRMWARE)
        return await self._answered(
            request,
            lambda waiting: CampaignRequested(
                waiting,
                campaign_id,
                body.name or "",
                asked_by,
                chosen,
                body.at_a_time,
                json.dumps(payload),
                retrieve_ms,
            ),
        )

    def _chosen(self, body: CampaignRequest) -> tuple[ChargerId, ...] | Fault:
        """Return the chargers that a request names, or what is wrong with their choice."""
        known = self._services.desk.view.chargers
        if "chargers" not in body.model_fields_set:
            return _of_make(known.values(), body.make)
        seen: set[str] = set()
        for number, name in enumerate(body.chargers):
            if name in seen:
                return Fault(f"$.chargers[{number}]", "is named twice")
            if name not in known:
                return Fault(f"$.chargers[{number}]", "the station has no such charger")
            seen.add(name)
        return tuple(ChargerId(name) for name in body.chargers)

    async def stop(self, request: Request, campaign_id: CampaignPath) -> Response:
        """Skip the chargers that were not begun; those under way go on. A halted campaign ends so."""
        return await self._changed(request, campaign_id, CampaignStopRequested)

    async def resume(self, request: Request, campaign_id: CampaignPath) -> Response:
        """Go on with the chargers that were not begun; those that failed are not asked again."""
        return await self._changed(request, campaign_id, CampaignResumeRequested)

    async def _changed(
        self,
        request: Request,
        campaign_id: str,
        fact: type[CampaignStopRequested] | type[CampaignResumeRequested],
    ) -> Response:
        found = await self._found(campaign_id)
        if isinstance(found, Response):
            return found
        return await self._answered(request, lambda waiting: fact(waiting, found.campaign_id), found.state)

    async def _answered(
        self, request: Request, make_fact: Callable[[RequestId], Fact], before: CampaignState | None = None
    ) -> Response:
        outcome = await ask(self._services.desk, make_fact, self._services.wait_s)
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, CampaignShown), outcome
        if before is None:
            act_of(request).made["campaignId"] = outcome.campaign.campaign_id
        else:
            act_of(request).changed([f"state: {before.value} → {outcome.campaign.state.value}"])
        return _shown(outcome.campaign)

    async def show(self, campaign_id: CampaignPath) -> Response:
        """Return a campaign, be it of long ago."""
        found = await self._found(campaign_id)
        return found if isinstance(found, Response) else _shown(found)

    async def _found(self, campaign_id: str) -> CampaignStored | Response:
        if _ID.fullmatch(campaign_id) is None:
            return problem(Kind.UNKNOWN_CAMPAIGN)
        try:
            found = await self._services.store.read_campaign(CampaignId(campaign_id))
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        return problem(Kind.UNKNOWN_CAMPAIGN) if found is None else found

    async def list(self, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Response:
        """List campaigns with how many of their chargers are in each state."""
        try:
            found = await self._services.store.read_campaigns(_position(cursor), limit)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        last = found[-1] if len(found) == limit else None
        return json_answer(
            CampaignsAnswer(
                campaigns=[campaign_body(campaign, whole=False) for campaign in found],
                next_cursor=None if last is None else f"{last.asked_ms}-{last.campaign_id}",
            )
        )


def _of_make(chargers: Iterable[ChargerView], make: CampaignMake) -> tuple[ChargerId, ...] | Fault:
    """Return the chargers that told that make when they last booted, in the order of their ids."""
    wanted = make.model_dump(exclude_unset=True)
    found = sorted(
        charger.charger_id
        for charger in chargers
        if charger.boot is not None and all(getattr(charger.boot, name) == told for name, told in wanted.items())
    )
    if not found:
        return Fault("$.make", "no charger has told that it is of this make")
    if len(found) > CHARGERS_MAX:
        return Fault("$.make", f"{len(found)} chargers are of it, and a campaign has at most {CHARGERS_MAX}")
    return tuple(found)


def _position(cursor: str | None) -> CampaignPosition | None:
    if cursor is None:
        return None
    asked_ms, campaign_id = cursor.split("-", 1)
    return CampaignPosition(int(asked_ms), campaign_id)


def _shown(campaign: CampaignStored) -> Response:
    return json_answer(CampaignAnswer(campaign=campaign_body(campaign, whole=True)))
