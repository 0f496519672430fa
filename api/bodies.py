"""Reading a request's body: bounded while it streams in, JSON strictly, into a model or a list of faults; or CSV."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.auditing import act_of
from api.problems import Kind, invalid, problem
from api.schemas import RequestBody
from csms.core.configuration import load_document
from csms.core.configuration.reading import hint, unknown_path
from csms.core.faults import Fault

SESSION_BODY_BYTES_MAX = 64 * 1024
STATION_BODY_BYTES_MAX = 1024 * 1024
"""About ten thousand chargers."""

ID_TAGS_BODY_BYTES_MAX = 16 * 1024 * 1024
"""A hundred thousand id tags with notes of some hundred characters."""

JSON_MEDIA_TYPE = "application/json"
CSV_MEDIA_TYPE = "text/csv"

Model = TypeVar("Model", bound=RequestBody)

_SENTENCES: Mapping[str, str] = {
    "missing": "is missing",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "extra_forbidden": "unknown field",
}
"""pydantic's own kinds of error that these models can meet; all others are sentences of our readers."""


async def read_model(request: Request, model: type[Model], bytes_max: int = SESSION_BODY_BYTES_MAX) -> Model | Response:
    """Return the request's body as `model` and tell the audit, or the answer that says what is wrong with it."""
    document = await read_json(request, bytes_max)
    if isinstance(document, Response):
        return document
    try:
        body = model.model_validate(document)
    except ValidationError as error:
        return invalid([_fault(detail, model) for detail in error.errors(include_url=False, include_input=False)])
    faults = body.faults()
    if faults:
        return invalid(faults)
    act_of(request).body = document
    return body


async def read_json(request: Request, bytes_max: int) -> object | Response:
    """Return the values of the request's JSON body, or the answer that says why it has none."""
    if not _is_sent_as(request, JSON_MEDIA_TYPE):
        return problem(Kind.UNSUPPORTED_MEDIA_TYPE)
    body = await _read_bytes(request, bytes_max)
    if isinstance(body, Response):
        return body
    document = load_document(body)
    return invalid(document) if isinstance(document, tuple) else document


async def read_csv(request: Request, bytes_max: int) -> bytes | Response:
    """Return the request's body of CSV, or the answer that says why it has none."""
    return await _read_bytes(request, bytes_max) if _is_sent_as(request, CSV_MEDIA_TYPE) else problem(Kind.NOT_CSV)


def _is_sent_as(request: Request, wanted: str) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == wanted and "content-encoding" not in request.headers


async def _read_bytes(request: Request, bytes_max: int) -> bytes | Response:
    too_large = problem(Kind.BODY_TOO_LARGE, f"The body is larger than {bytes_max // 1024} KiB.")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > len(str(bytes_max)) or int(announced) > bytes_max:
        return too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                return too_large
    except ClientDisconnect:
        return problem(Kind.INCOMPLETE_BODY)
    return bytes(body)


def _fault(detail: ErrorDetails, model: type[RequestBody]) -> Fault:
    """Return one of pydantic's errors as a fault of ours."""
    *parents, last = detail["loc"] or ("",)
    if detail["type"] == "extra_forbidden":
        known = [] if parents else [field.alias or name for name, field in model.model_fields.items()]
        return Fault(unknown_path(_path(parents), last), "unknown field" + hint(last, known))
    return Fault(_path(detail["loc"]), _SENTENCES.get(detail["type"], detail["msg"]))


def _path(location: "list[int | str] | tuple[int | str, ...]") -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
