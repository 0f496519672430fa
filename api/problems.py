"""Failures as `application/problem+json` (RFC 9457), one table of kinds.

Every failure of every call looks the same: `type` (where /docs explains the kind), `title`, `status`, `detail`, and
`error`, one short sentence. Requests that are not valid list their `faults` by JSON path. What the client sent never
comes back: sentences are ours, and of an unknown field only a short plain name, in a path.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from api.schemas import FaultBody, ProblemBody
from csms.core.faults import Fault
from csms.core.replies import Refusal
from csms.ports import StoreError, StoreUnreachableError

PROBLEM_MEDIA_TYPE = "application/problem+json"
FAULTS_MAX = 100
"""So many faults are listed in one answer; a person mends the first few and asks again."""


class Kind(Enum):
    """Every way in which a call can fail: its status, its title, and what it means for the client."""

    INVALID = (422, "Not valid", "The request has faults; nothing was changed.")
    UNAUTHENTICATED = (
        401,
        "No valid key",
        "This needs a key that is in force, sent as Authorization: Bearer KEY; csms keys create makes one.",
    )
    FORBIDDEN = (403, "Not allowed", "The role of the key does not reach so far; nothing was done.")
    CROSS_SITE = (403, "From another site", "A page of another site may change nothing here.")
    WRONG_HOST = (421, "Wrong host", "This system is not asked under this name; csms serve --rest-hosts adds one.")
    TOO_MANY_REQUESTS = (429, "Too many requests", "More than are answered; Retry-After says when to go on.")
    INCOMPLETE_BODY = (400, "Body incomplete", "The connection ended before the whole body was here.")
    NOT_FOUND = (404, "No such path", "Nothing is served under this path.")
    METHOD_NOT_ALLOWED = (405, "Method not allowed", "This path does not know the method; Allow names those it does.")
    BODY_TOO_LARGE = (413, "Body too large", "The body is larger than this call takes.")
    UNSUPPORTED_MEDIA_TYPE = (415, "Not JSON", "The body must be sent as application/json, in UTF-8, not compressed.")
    NOT_CSV = (415, "Not CSV", "The body must be sent as text/csv, in UTF-8, not compressed.")
    UNKNOWN_CHARGER = (404, "Unknown charger", "The station has no charger with this id.")
    UNKNOWN_CONNECTOR = (404, "Unknown connector", "The station has no such charger, or the charger no such connector.")
    UNKNOWN_SESSION = (404, "Unknown session", "There is no such session, or it has ended.")
    UNKNOWN_TRANSACTION = (404, "Unknown transaction", "There never was a transaction with this id.")
    TRANSACTION_ENDED = (409, "Transaction ended", "The transaction has ended already.")
    CHARGER_CONNECTED = (409, "Charger connected", "Its charger is connected: only one that is away is given up.")
    METER_STOP_TOO_LOW = (422, "Register too low", "A transaction cannot end below the register at which it began.")
    UNKNOWN_COMMAND = (404, "Unknown command", "There never was a command with this id.")
    COMMAND_REFUSED = (409, "Command refused", "This system does not say that to a charger, or not now.")
    UNKNOWN_CAMPAIGN = (404, "Unknown campaign", "There never was a campaign with this id.")
    CAMPAIGN_REFUSED = (409, "Campaign refused", "This campaign is not begun; nothing was changed.")
    CAMPAIGN_ENDED = (409, "Campaign ended", "The campaign has ended, or was stopped for good.")
    RELEASE_REFUSED = (409, "Release refused", "The charger is not released, or not taken in again, now.")
    NOT_RELEASED = (404, "Not released", "This charger is not released: it is steered, or observed, as configured.")
    LOCAL_LIST_UNKNOWN = (
        409,
        "No local list",
        "The charger has said that it has no local list; `again=true` asks it once more.",
    )
    LOCAL_LIST_TOO_LONG = (409, "Local list too long", "More id tags may charge than a local list holds.")
    HAS_KEY = (409, "Has a key", "The charger has a key already; `rotate=true` makes another one beside it.")
    KEY_UNDECIDED = (
        409,
        "Key undecided",
        "The charger may hold a key that it has not used yet: have it connect again, or give it up: `giveUp=true`.",
    )
    NO_HEADROOM = (409, "No headroom", "What the charger may draw after it has no room; nothing was sent.")
    UNKNOWN_ID_TAG = (404, "Unknown id tag", "This id tag is not listed.")
    ID_TAG_CHANGED = (
        409,
        "Id tag changed",
        "The id tag has another version than the one to replace; look at it again.",
    )
    TOO_MANY_ID_TAGS = (409, "Too many id tags", "More id tags than can be listed; nothing was changed.")
    CONNECTOR_IN_USE = (409, "Connector in use", "A session is already running on this connector.")
    NOT_CONTROLLED = (409, "Charger not controlled", "This charger is configured not to be controlled by this system.")
    UNDER_MAINTENANCE = (409, "Under maintenance", "No session is begun where somebody works; the error says why.")
    MAINTENANCE_OVER = (422, "Over already", "A maintenance cannot end in the past; nothing was changed.")
    UNKNOWN_CAPACITY_EVENT = (404, "Unknown capacity event", "No limit of the grid connection stands under this id.")
    CAPACITY_EVENT_OVER = (422, "Over already", "A limit of the grid connection cannot end in the past.")
    TOO_MANY_CAPACITY_EVENTS = (409, "Too many capacity events", "More than can stand at a time; nothing was changed.")
    NO_GRID_OPERATOR = (
        409,
        "No grid operator",
        "The configuration has no gridOperator, whose failSafeCapacity would hold when nothing is heard of him.",
    )
    NO_PUSHED_BATTERY = (409, "No such battery", "The configuration has no battery whose controller calls (rest).")
    NO_SITE_METER = (409, "No site meter", "The configuration has no siteMeter whose readings are pushed.")
    READING_REFUSED = (422, "No reading", "No meter of this site can show that; nothing was changed.")
    CHARGER_OFFLINE = (503, "Charger offline", "The charger is not connected; try again when it is.")
    CHARGER_REFUSED = (502, "Charger refused", "The charger answered and refused.")
    CHARGER_SILENT = (504, "Charger silent", "The charger gave no answer in time.")
    TOO_MANY_MAKES = (409, "Too many makes", "More makes than can be remembered; nothing was changed.")
    NOT_YET = (504, "Not done yet", "The wait is over and the outcome is open; what happens later still counts.")
    STORE_UNAVAILABLE = (503, "Storage unavailable", "Nothing was changed because it could not be stored; try again.")
    BUSY = (503, "Busy", "More of these questions wait than can be answered soon; try again in some seconds.")
    HTTP = (400, "Bad request", "The request could not be understood.")
    INTERNAL = (500, "Internal error", "A fault of this system; its log says more.")

    def __init__(self, status: int, title: str, meaning: str) -> None:
        self.status = status
        self.title = title
        self.meaning = meaning

    @property
    def anchor(self) -> str:
        """Return the kind's anchor in /docs."""
        return "problem-" + self.name.lower().replace("_", "-")

    @property
    def type(self) -> str:
        """Return the problem's `type`: a reference to its explanation."""
        return f"/docs#{self.anchor}"


KIND_OF_REFUSAL: Mapping[Refusal, Kind] = {refusal: Kind[refusal.name] for refusal in Refusal}
"""The core's refusals by name; a refusal without a kind fails at import."""


def problem(
    kind: Kind,
    error: str | None = None,
    *,
    faults: Sequence[Fault] = (),
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer of a failed call; `error` is one short sentence, by default what the kind means."""
    sentence = kind.meaning if error is None else error
    body = ProblemBody(
        type=kind.type,
        title=kind.title,
        status=kind.status if status is None else status,
        detail=sentence,
        error=sentence,
        faults=[FaultBody(path=fault.path, error=fault.error) for fault in faults] or None,
    )
    return Response(
        body.model_dump_json(by_alias=True, exclude_none=True),
        status_code=body.status,
        headers=None if headers is None else dict(headers),
        media_type=PROBLEM_MEDIA_TYPE,
    )


def not_written(error: StoreError) -> Response:
    """Return the answer where a store did not say that it had written: it may have, when it does not answer at all."""
    return problem(Kind.NOT_YET if isinstance(error, StoreUnreachableError) else Kind.STORE_UNAVAILABLE)


def invalid(faults: Sequence[Fault]) -> Response:
    """Return 422 with the faults (the first hundred of them)."""
    assert faults, "a request is invalid for a reason"
    shown = faults[:FAULTS_MAX]
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    more = "" if len(shown) == len(faults) else f", of which the first {FAULTS_MAX} are listed"
    return problem(Kind.INVALID, f"The request has {count}{more}; nothing was changed.", faults=shown)


def invalid_query(error: RequestValidationError) -> Response:
    """Return 422 for query parameters that their readers refused."""
    return invalid([Fault(f"?{detail['loc'][-1]}", detail["msg"]) for detail in error.errors()])


def http_problem(status: int, headers: Mapping[str, str] | None) -> Response:
    """Return the answer of a request that no route took."""
    kinds = {kind.status: kind for kind in (Kind.NOT_FOUND, Kind.METHOD_NOT_ALLOWED, Kind.BODY_TOO_LARGE)}
    kind = kinds.get(status, Kind.HTTP)
    error = None if kind is not Kind.HTTP else f"{HTTPStatus(status).phrase}."
    return problem(kind, error, status=status, headers=headers)
