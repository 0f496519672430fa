"""Operators' commands: ask a charger for something, see what came of it.

Each action has a path and a body of its own, named and spelt as in OCPP 1.6: what its document says of an action can be
looked up under the same name, and nothing has to be translated on the way. What is ours and not OCPP's stands in the
query: how long to wait, how long the command may, whether it is forced.
"""

import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.answers import command_body, json_answer
from api.asking import Unanswered, ask, not_done
from api.auditing import act_of
from api.bodies import read_model
from api.command_fields import CommandPayload
from api.command_schemas import EXAMPLES, SendLocalList
from api.examples import COMMAND
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, problem
from api.queries import ChargerFilter, cursor_as, flag, instant_ms, one_of, whole
from api.schemas import CommandAnswer, CommandsAnswer
from api.services import Services
from csms.core.events import CommandRequested, CommandWatched
from csms.core.ids import ChargerId, CommandId
from csms.core.local_list import ListState
from csms.core.records import CommandState, CommandStored
from csms.core.replies import CommandShown, Outcome, Refused
from csms.ports import CommandPosition, StoreError

COMMAND_WAIT_S_MAX = 60
KEPT_HERE = "This system keeps the local list of this charger; DELETE …/local-list takes it away first."
LIMIT_DEFAULT = 100
LIMIT_MAX = 500

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_POSITION = re.compile(r"([0-9]{1,18})-([A-Za-z0-9_-]{1,64})")
_UNREADABLE = "The stored commands cannot be read now; try again."


def _position(cursor: str | None) -> CommandPosition | None:
    if cursor is None:
        return None
    asked_ms, command_id = cursor.split("-", 1)
    return CommandPosition(int(asked_ms), command_id)


Wait = Annotated[
    int,
    whole(0, COMMAND_WAIT_S_MAX),
    Query(description="Seconds to wait for what becomes of it; 0 when absent."),
]
QueueUntil = Annotated[
    int | None,
    instant_ms(),
    Query(
        alias="queueUntil",
        description="Until when it may wait for its charger, and for headroom; absent: the charger must be there.",
    ),
]
Force = Annotated[
    bool,
    flag(),
    Query(description="Do it without headroom, or while a car charges; others are then cut."),
]
StateFilter = Annotated[
    CommandState | None,
    one_of({state.value: state for state in CommandState}),
    Query(description="Only those in this state."),
]
Limit = Annotated[
    int,
    whole(1, LIMIT_MAX),
    Query(description=f"Commands of one answer; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[
    str | None,
    cursor_as(_POSITION),
    Query(description="The nextCursor of the answer before; the newest when absent."),
]
ChargerPath = Annotated[
    str, Path(alias="chargerId", description="The charger's id, as configured.", examples=["CP001"])
]
CommandPath = Annotated[str, Path(alias="id", description="The command's id.", examples=[COMMAND["id"]])]


class CommandRoutes:
    """`POST /chargers/{chargerId}/commands/{action}`, `GET /commands` and `/commands/{id}`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        for model, example in EXAMPLES.items():
            app.add_api_route(
                f"/chargers/{{chargerId}}/commands/{model.__name__}",
                self._asking(model),
                methods=["POST"],
                summary=model.__name__,
                description=model.__doc__,
                operation_id=f"command_{model.__name__}",
                tags=["commands"],
                response_model=None,
                openapi_extra=takes(model, example=example),
                responses=_SHOWN
                | fails(
                    *BODY_KINDS,
                    Kind.UNKNOWN_CHARGER,
                    Kind.UNKNOWN_CONNECTOR,
                    Kind.COMMAND_REFUSED,
                    Kind.NO_HEADROOM,
                    Kind.UNDER_MAINTENANCE,
                    Kind.CHARGER_OFFLINE,
                    Kind.STORE_UNAVAILABLE,
                ),
            )
        app.add_api_route(
            "/commands",
            self.list,
            methods=["GET"],
            summary="Commands, the newest first",
            tags=["commands"],
            response_model=None,
            responses=gives(CommandsAnswer, "A page of them.", one={"commands": [COMMAND]})
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )
        app.add_api_route(
            "/commands/{id}",
            self.show,
            methods=["GET"],
            summary="One command, with the whole answer",
            tags=["commands"],
            response_model=None,
            responses=gives(CommandAnswer, "What is known of it.", reset={"command": COMMAND})
            | fails(Kind.INVALID, Kind.UNKNOWN_COMMAND, Kind.STORE_UNAVAILABLE),
        )

    def _asking(self, model: type[CommandPayload]) -> Callable[..., Awaitable[Response]]:
        """Return the endpoint of one action."""

        async def ask_for(
            request: Request,
            charger_id: ChargerPath,
            wait: Wait = 0,
            queue_until_ms: QueueUntil = None,
            force: Force = False,  # noqa: FBT002 - a query parameter
        ) -> Response:
            body = await read_model(request, model)
            if isinstance(body, Response):
                return body
            act_of(request).about(charger_id, getattr(body, "connector_id", None))
            if model is SendLocalList and (refused := await self._kept_here(charger_id)) is not None:
                return refused
            command_id = CommandId(self._services.new_id())
            asked_by = "" if request.client is None else request.client.host
            outcome = await ask(
                self._services.desk,
                lambda waiting: CommandRequested(
                    request=waiting,
                    command_id=command_id,
                    charger_id=ChargerId(charger_id),
                    action=model.__name__,
                    body_json=body.model_dump_json(by_alias=True, exclude_unset=True),
                    asked_by=asked_by,
                    queue_until_ms=queue_until_ms,
                    forced=force,
                ),
                self._services.wait_s,
            )
            if isinstance(outcome, CommandShown):
                act_of(request).made["commandId"] = outcome.command.command_id
            return await self._waited(outcome, wait)

        return ask_for

    async def _kept_here(self, charger_id: str) -> Response | None:
        """Refuse a list of somebody else's where this system keeps one: its versions would stand for two lists."""
        try:
            stored = await self._services.local_lists.find(ChargerId(charger_id))
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)
        if stored is None or not stored.is_on or stored.state is ListState.NOT_SUPPORTED:
            return None
        return problem(Kind.COMMAND_REFUSED, KEPT_HERE)

    async def _waited(self, outcome: Outcome | Unanswered, wait_s: int) -> Response:
        """Answer with the final state, or with the state so far when the wait is over."""
        if isinstance(outcome, Unanswered | Refused):
            return not_done(outcome)
        assert isinstance(outcome, CommandShown), outcome
        command = outcome.command
        if wait_s > 0 and not command.is_final:
            name = command.command_id
            await ask(self._services.desk, lambda waiting: CommandWatched(waiting, name), wait_s)
            with contextlib.suppress(StoreError):  # it is taken in and durable: what is known of it is answered
                command = await self._services.store.read_command(name) or command
        return json_answer(_shown(command), 200 if command.is_final else 202)

    async def show(self, command_id: CommandPath) -> Response:
        """Return a command, be it of long ago."""
        if _ID.fullmatch(command_id) is None:
            return problem(Kind.UNKNOWN_COMMAND)
        try:
            command = await self._services.store.read_command(CommandId(command_id))
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        return problem(Kind.UNKNOWN_COMMAND) if command is None else json_answer(_shown(command))

    async def list(
        self,
        charger: ChargerFilter = None,
        state: StateFilter = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Response:
        """List commands of all chargers, or of one, in any state, or in one; without the whole answers."""
        charger_id = None if charger is None else ChargerId(charger)
        try:
            found = await self._services.store.read_commands(charger_id, state, _position(cursor), limit)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        last = found[-1] if len(found) == limit else None
        return json_answer(
            CommandsAnswer(
                commands=[command_body(command, whole=False) for command in found],
                next_cursor=None if last is None else f"{last.asked_ms}-{last.command_id}",
            )
        )


def _shown(command: CommandStored) -> CommandAnswer:
    return CommandAnswer(command=command_body(command, whole=True))


_SHOWN = gives(CommandAnswer, "It is final: nothing more will come of it.", reset={"command": COMMAND})
_SHOWN[202] = _SHOWN[200] | {"description": "It is durable, and something is still awaited."}
