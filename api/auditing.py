"""The audit of every call that changes something, and its role, in one place: the class of all routes.

    asked → entry durable → the role → the endpoint → what came of it durable → answered

A route of another method than GET cannot be added to the application without being audited, unless it is named in
`UNAUDITED`. The endpoint knows best what changed and tells the act of its request (`act_of`); the entry is there even
if it tells nothing. Bodies are told where they are read, and only once they are valid. Everything is masked here.
"""

import json
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api.access import OPEN, READING, Caller, role_of
from api.gate import CHALLENGE
from api.problems import Kind, invalid_query, problem
from csms.core.audit import ActOutcome, AuditEntry
from csms.core.ids import ChargerId
from csms.obs.redaction import redacted, redacted_text
from csms.ports import StoreError
from csms.runtime.audit import Answered, AuditBook

UNAUDITED: Mapping[str, str] = {
    "POST /sessions/{id}/power-update": "a car's measurement, every few seconds; nobody decides anything by it",
    "POST /station/grid-operator/heartbeat": "a sign of life each minute; that it fails to come is what is told",
    "PUT /station/battery": "how a battery stands, each second; nobody decides anything by it",
    "PUT /station/meter": "a meter's reading, each second or so; nobody decides anything by it",
    "POST /station/simulate": "a question, whose answer changes nothing",
}
"""Operations that are not audited although they are no GET, and why."""

BODY_CHARS_MAX = 4_096
CHANGES_MAX = 50
TEXT_CHARS_MAX = 500
FAULTS_SHOWN = 3

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Act:
    """What an endpoint tells of what it does.

    Attributes:
        charger_id, idx: the charger and the connector that it is about.
        body: the body, once it is known to be valid.
        changes: what changed, a line each.
        made: ids of what it made, by their names in REST.
    """

    charger_id: str | None = None
    idx: int | None = None
    body: object = None
    changes: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)

    def about(self, charger_id: str, idx: int | None = None) -> None:
        """Tell which charger it is about, and which of its connectors."""
        self.charger_id, self.idx = charger_id, idx

    def changed(self, lines: Iterable[str]) -> None:
        """Tell what changed."""
        self.changes += lines


def act_of(request: Request) -> Act:
    """Return the act of a request; one that is not audited has one that nobody looks at."""
    act = getattr(request.state, "act", None)
    if not isinstance(act, Act):
        act = request.state.act = Act()
    return act


class AuditedRoute(APIRoute):
    """A route whose calls are audited, unless it only reads, and done only for who may.

    The application's state holds the book as `audit`; who asks is the `caller` of the request's state, put there by
    the boundary: where it is missing nobody is let in.
    """

    def operation(self, method: str) -> str:
        """Return a method of it and its path as documented."""
        return f"{method} {self.path_format}"

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return what answers its requests."""
        do: Handler = super().get_route_handler()
        if self.path_format in OPEN and self.methods == {"GET"}:
            return do

        async def handle(request: Request) -> Response:
            refused = self._refused(request)
            return await do(request) if refused is None else refused

        if all(method in READING or self.operation(method) in UNAUDITED for method in self.methods or ()):
            return handle

        async def audited(request: Request) -> Response:
            return await self._audited(request, handle)

        return audited

    def _refused(self, request: Request) -> Response | None:
        """Return the answer for a caller who may not do this."""
        caller, operation = _caller(request), self.operation(request.method)
        if caller is None:
            return problem(Kind.UNAUTHENTICATED, headers=CHALLENGE)
        if caller.may(operation):
            return None
        needed = role_of(operation).value
        return problem(Kind.FORBIDDEN, f"This needs the role {needed}, and this key has {caller.role.value}.")

    async def _audited(self, request: Request, handle: Handler) -> Response:
        book: AuditBook = request.app.state.audit
        params = _shown_params(request.path_params)
        charger_id = None if (named := params.get("chargerId")) is None else ChargerId(named)
        address = "" if request.client is None else request.client.host
        resource = self.path_format.format_map(params)[:TEXT_CHARS_MAX]
        try:
            caller = _caller(request)
            key_name = None if caller is None else caller.key_name
            entry = await book.begin(address, self.operation(request.method), resource, charger_id, key_name)
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE)
        act = act_of(request)
        query: dict[str, str] = {}
        try:
            response = await handle(request)
            query = {name: value[:TEXT_CHARS_MAX] for name, value in request.query_params.items() if self._takes(name)}
        except RequestValidationError as error:
            response = invalid_query(error)
        await book.end(entry, _answered(entry, act, redacted(query), response))
        return response

    def _takes(self, name: str) -> bool:
        return any(name == known.alias for known in self.dependant.query_params)


def _caller(request: Request) -> Caller | None:
    caller = getattr(request.state, "caller", None)
    return caller if isinstance(caller, Caller) else None


def _shown_params(params: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters of a path, a whole id tag not among them."""
    return {name: str(value)[:TEXT_CHARS_MAX] for name, value in redacted(dict(params)).items()}


def _answered(entry: AuditEntry, act: Act, query: dict[str, str], response: Response) -> Answered:
    status = response.status_code
    return Answered(
        outcome=_outcome(status),
        status=status,
        reason=_reason(response) if status >= 400 else None,  # noqa: PLR2004 - the first of HTTP's failures
        charger_id=entry.charger_id if act.charger_id is None else ChargerId(act.charger_id),
        idx=act.idx,
        query=query or None,
        body_json=_shown_body(act.body),
        changes=_shown_changes(act.changes),
        made=act.made or None,
    )


def _outcome(status: int) -> ActOutcome:
    if status == Kind.NOT_YET.status:
        return ActOutcome.UNKNOWN
    return ActOutcome.ACCEPTED if status < 400 else ActOutcome.REFUSED  # noqa: PLR2004 - likewise


def _reason(response: Response) -> str:
    """Return the sentence of a problem, with its first faults."""
    told = json.loads(bytes(response.body))
    faults = [f"{fault['path']}: {fault['error']}" for fault in told.get("faults", [])[:FAULTS_SHOWN]]
    return " ".join([told["error"], *faults])[:TEXT_CHARS_MAX]


def _shown_body(body: object) -> str | None:
    if body is None:
        return None
    shown = json.dumps(redacted(body), ensure_ascii=False, separators=(",", ":"), default=_number)
    return shown if len(shown) <= BODY_CHARS_MAX else None


def _number(value: object) -> float | str:
    """Return a decimal, which a body is read with, as JSON has it: as a text where that is too large for a float."""
    assert isinstance(value, Decimal), "a body is read from JSON"
    number = float(value)
    return number if math.isfinite(number) else str(value)


def _shown_changes(changes: list[str]) -> tuple[str, ...]:
    shown = tuple(redacted_text(line[:TEXT_CHARS_MAX]) for line in changes[:CHANGES_MAX])
    return shown if len(changes) <= CHANGES_MAX else (*shown, f"… and {len(changes) - CHANGES_MAX} more")
