"""The audit: who has asked for what over REST, and what came of it."""

import re
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from api import examples
from api.answers import audit_body, json_answer
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.queries import Reads, cursor_as, instant_ms, whole, whole_text
from api.schemas import AuditAnswer
from api.services import Services
from csms.core.ids import ChargerId
from csms.ports import AuditFilter, AuditPosition, StoreError

LIMIT_DEFAULT = 100
LIMIT_MAX = 500

_OPERATION = re.compile(r"(POST|PUT|PATCH|DELETE) /[\x21-\x7e]{1,200}")
_POSITION = re.compile("([0-9]{1,18})-([0-9]{1,18})")
_UNREADABLE = "The stored audit cannot be read now; try again."


def _operation(value: object) -> str:
    if not isinstance(value, str) or _OPERATION.fullmatch(value) is None:
        raise PydanticCustomError("operation", "must be a method and a path, such as POST /station/config")
    return value


def _position(cursor: str | None) -> AuditPosition | None:
    if cursor is None:
        return None
    asked_ms, audit_id = cursor.split("-")
    return AuditPosition(int(asked_ms), int(audit_id))


From = Annotated[int | None, instant_ms(), Query(alias="from", description="Only what was asked for then or later.")]
To = Annotated[int | None, instant_ms(), Query(alias="to", description="Only what was asked for before then.")]
ChargerFilter = Annotated[
    str | None, Query(alias="charger", max_length=255, description="Only what is about this charger.")
]
Operation = Annotated[
    str | None,
    Reads(_operation, {"type": "string", "pattern": whole_text(_OPERATION)}),
    Query(description="Only this operation, written as in the answers, such as POST /station/config."),
]
Limit = Annotated[int, whole(1, LIMIT_MAX), Query(description=f"Acts of one answer; {LIMIT_DEFAULT} when absent.")]
Cursor = Annotated[
    str | None,
    cursor_as(_POSITION),
    Query(description="The nextCursor of the answer before; the newest when absent."),
]


class AuditRoutes:
    """`GET /audit`."""

    def __init__(self, services: Services) -> None:
        self._audit = services.audit

    def add_to(self, app: FastAPI) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/audit",
            self.list,
            methods=["GET"],
            summary="Who has changed what, the newest first",
            tags=["station"],
            response_model=None,
            responses=gives(AuditAnswer, "A page of acts.", one=examples.AUDIT)
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )

    async def list(
        self,
        from_ms: From = None,
        to_ms: To = None,
        charger: ChargerFilter = None,
        operation: Operation = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
    ) -> Response:
        """List what was asked for over REST but for reading: who, when, what changed, and what came of it.

        Each act is durable before it is done. Secrets and whole id tags are not in it.
        """
        charger_id = None if charger is None else ChargerId(charger)
        wanted = AuditFilter(charger_id, operation, from_ms, to_ms)
        try:
            found = await self._audit.read(wanted, _position(cursor), limit)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, _UNREADABLE)
        last = found[-1] if len(found) == limit else None
        return json_answer(
            AuditAnswer(
                audit=[audit_body(entry) for entry in found],
                next_cursor=None if last is None else f"{last.asked_ms}-{last.audit_id}",
            )
        )
