"""Chargers' keys: make one, which is told once, see whether there is one, and ask for none any more."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import iso_time, json_answer
from api.auditing import act_of
from api.charger_key_schemas import ChargerAccessAnswer, ChargerAccessBody, NewKeyAnswer, NewKeyBody
from api.openapi import Responses, fails, gives
from api.problems import Kind, not_written, problem
from api.queries import flag
from api.routes.chargers import ChargerPath
from api.services import Services
from csms.core.charger_access import ChargerAccess, HashedKey
from csms.core.ids import ChargerId
from csms.ports import StoreError
from csms.runtime.charger_access import HasKey, KeyTold, NewKey

PATH = "/chargers/{chargerId}/key"
PROFILE_PATH = "/chargers/{chargerId}/security-profile"

Rotate = Annotated[
    bool,
    flag(),
    Query(alias="rotate", description="Also where it has one, which opens beside the new one until that is used."),
]
Send = Annotated[
    bool,
    flag(),
    Query(
        alias="send", description="Tell the charger by ChangeConfiguration of AuthorizationKey; it must be connected."
    ),
]
GiveUp = Annotated[
    bool,
    flag(),
    Query(
        alias="giveUp",
        description="Also in place of a key that has not been used yet, which opens nothing any more: a charger that "
        "holds it is locked out.",
    ),
]

_BEING_TOLD = "The charger is being told a key; go on when it has answered."

_IN_WORDS = {
    KeyTold.TAKEN: "Accepted",
    KeyTold.AT_BOOT: "RebootRequired",
    KeyTold.UNANSWERED: "no answer",
}
_NOTHING_KEPT: Responses = {204: {"description": "No key is asked for, and no profile is held to, any more."}}
_UNPINNED: Responses = {204: {"description": "The charger may come with any profile that its key allows."}}


class ChargerKeyRoutes:
    """`POST`, `GET` and `DELETE /chargers/{chargerId}/key`, `DELETE /chargers/{chargerId}/security-profile`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._book = services.charger_access
        self._being_told: set[ChargerId] = set()

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        made = gives(NewKeyAnswer, "The key, told this once.", made={"key": examples.NEW_KEY})
        known = gives(ChargerAccessAnswer, "What is known of it, never the key.", one={"key": examples.CHARGER_ACCESS})
        always = (Kind.INVALID, Kind.UNKNOWN_CHARGER)
        written = (*always, Kind.NOT_YET, Kind.STORE_UNAVAILABLE)
        sent = (Kind.HAS_KEY, Kind.KEY_UNDECIDED, Kind.COMMAND_REFUSED, Kind.CHARGER_OFFLINE, Kind.CHARGER_REFUSED)
        app.add_api_route(
            PATH,
            self.make,
            methods=["POST"],
            summary="Make a charger's key",
            responses=made | fails(*written, *sent),
            **_COMMON,
        )
        app.add_api_route(
            PATH,
            self.show,
            methods=["GET"],
            summary="Whether a charger has a key, and what it has proven",
            responses=known | fails(*always),
            **_COMMON,
        )
        app.add_api_route(
            PATH,
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Ask a charger for no key any more",
            responses={**_NOTHING_KEPT, **fails(*written)},
            **_COMMON,
        )
        app.add_api_route(
            PROFILE_PATH,
            self.unpin,
            methods=["DELETE"],
            status_code=204,
            summary="Let a charger come with a lower security profile again",
            responses={**_UNPINNED, **fails(*written)},
            **_COMMON,
        )

    async def make(
        self,
        request: Request,
        charger_id: ChargerPath,
        rotate: Rotate = False,  # noqa: FBT002 - a query parameter
        send: Send = False,  # noqa: FBT002 - likewise
        give_up: GiveUp = False,  # noqa: FBT002 - likewise
    ) -> Response:
        """Make 20 random bytes a charger's key: from now on it has to show them; what is kept is a hash of them."""
        charger = ChargerId(charger_id)
        refused = self._refused(charger, send=send)
        if refused is not None:
            return refused
        gives_up = give_up and self._book.find(charger).next_key is not None
        if send:
            self._being_told.add(charger)
        try:
            made = await self._book.make_key(charger, rotate=rotate, until_used=send, give_up=give_up)
            if isinstance(made, HasKey):
                return problem(Kind.HAS_KEY if made is HasKey.HAS_KEY else Kind.KEY_UNDECIDED)
            given_up = ", and the one that had not been used was given up" if gives_up else ""
            act_of(request).changed(["a key was made" + (", to be sent to the charger" if send else "") + given_up])
            told = await self._sent(charger, made) if send else None
        except StoreError as error:
            return not_written(error)
        finally:
            if send:
                self._being_told.discard(charger)
        if isinstance(told, Response):
            act_of(request).changed(["the charger has not taken it: what opened before opens alone"])
            return told
        body = NewKeyBody(
            charger_id=charger,
            authorization_key=made.key,
            user_name=charger,
            before=_before(self._book.find(charger), made.kept),
            sent=None if told is None else _IN_WORDS[told],
        )
        answer = json_answer(NewKeyAnswer(key=body))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _refused(self, charger: ChargerId, *, send: bool) -> Response | None:
        view = self._services.desk.view.chargers.get(charger)
        if view is None:
            return problem(Kind.UNKNOWN_CHARGER)
        if charger in self._being_told:
            return problem(Kind.KEY_UNDECIDED, _BEING_TOLD)
        if not send:
            return None
        if view.observed or view.release is not None:
            return problem(Kind.COMMAND_REFUSED, "The charger is observed or released: nothing is written to it.")
        return None if view.online else problem(Kind.CHARGER_OFFLINE)

    async def _sent(self, charger: ChargerId, made: NewKey) -> KeyTold | Response:
        """Tell the charger its key, and keep what it says of it; until it has said so both open."""
        told = await self._services.change_key(charger, made.key)
        if told in {KeyTold.REFUSED, KeyTold.NOT_SENT}:
            await self._book.settle(charger, made.kept, taken=False)
            return problem(Kind.CHARGER_REFUSED if told is KeyTold.REFUSED else Kind.CHARGER_OFFLINE)
        if told is KeyTold.TAKEN:
            await self._book.settle(charger, made.kept, taken=True)
        return told

    async def show(self, charger_id: ChargerPath) -> Response:
        """Return when a charger's keys were made, the profile that it is held to, and where it last came from."""
        charger = ChargerId(charger_id)
        if charger not in self._services.desk.view.chargers:
            return problem(Kind.UNKNOWN_CHARGER)
        kept = self._book.find(charger)
        body = ChargerAccessBody(
            charger_id=charger,
            made_at=_made_at(kept.key),
            next_made_at=_made_at(kept.next_key),
            security_profile=kept.profile.value,
            last_address=kept.address or None,
        )
        return json_answer(ChargerAccessAnswer(key=body))

    async def remove(self, request: Request, charger_id: ChargerPath) -> Response:
        """Forget a charger's keys and the profile that it is held to: it comes in as one that never had any."""
        charger = ChargerId(charger_id)
        if charger not in self._services.desk.view.chargers and not self._book.has(charger):
            return problem(Kind.UNKNOWN_CHARGER)
        try:
            if await self._book.remove_key(charger):
                act_of(request).changed(["its keys and its security profile were forgotten"])
        except StoreError as error:
            return not_written(error)
        return Response(status_code=204)

    async def unpin(self, request: Request, charger_id: ChargerPath) -> Response:
        """Hold a charger to its key alone, be it over TLS or not, until it has used a higher profile again."""
        charger = ChargerId(charger_id)
        if charger not in self._services.desk.view.chargers:
            return problem(Kind.UNKNOWN_CHARGER)
        profile = self._book.find(charger).profile
        try:
            await self._book.unpin(charger)
        except StoreError as error:
            return not_written(error)
        if profile:
            act_of(request).changed([f"security profile {profile.value} → none held to"])
        return Response(status_code=204)


_COMMON: dict[str, Any] = {"tags": ["chargers"], "response_model": None}


def _made_at(key: HashedKey | None) -> str | None:
    return None if key is None else iso_time(key.made_ms)


def _before(kept: ChargerAccess, made: HashedKey) -> str:
    """Return in words what opens beside the new key."""
    if made not in {kept.key, kept.next_key}:
        return "its keys were forgotten meanwhile: it is asked for none"
    if kept.next_key is None:
        return "nothing else opens"
    return "the charger comes in without one, too" if kept.may_come_without else "the key of before opens, too"
