"""Id tags: who may charge, as listed, one by one and whole lists as CSV."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import FastAPI, Path, Query
from pydantic_core import PydanticCustomError
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api import examples, id_tags_csv
from api.answers import id_tag_body, json_answer
from api.auditing import act_of
from api.bodies import ID_TAGS_BODY_BYTES_MAX, read_csv, read_model
from api.id_tag_fields import ID_TAG_PATTERN, id_tag
from api.openapi import BODY_KINDS, CSV_MEDIA_TYPE, fails, gives, gives_csv, takes, takes_csv
from api.problems import Kind, invalid, not_written, problem
from api.queries import Reads, cursor_as, flag, one_of, whole
from api.schemas import ID_TAG_SCHEMA, IdTagBody, IdTagRequest, IdTagsAnswer, IdTagsImported
from api.services import Services
from csms.core.configuration.reading import Wrong
from csms.core.events import TagStatus
from csms.core.faults import Fault
from csms.core.id_tags import IdTag, key_of
from csms.ports import StoreError
from csms.runtime.id_tags import ChangedMeanwhile, NotListed, TooManyTags

LIMIT_DEFAULT = 100
LIMIT_MAX = 1_000
LOOKED_AT_MAX = 5_000
"""Tags that are looked at for one page, however few of them are wanted: some milliseconds."""

ROWS_AT_ONCE = 500
_STATUSES = {status.value: status for status in (TagStatus.ACCEPTED, TagStatus.BLOCKED, TagStatus.EXPIRED)}
_AUDITED = ("expiry_date", "blocked", "concurrent", "note", "weight", "priority")
_CURSOR = re.compile("(?:[0-7][0-9a-f]){1,20}")
"""The key behind which to go on, in hexadecimal: a tag may hold what a URL may not."""


def _parent(value: object) -> str:
    found = id_tag(value)
    if isinstance(found, Wrong):
        raise PydanticCustomError("wrong", "{error}", {"error": found.error})
    return found


TagPath = Annotated[
    str,
    Path(
        alias="idTag",
        description="The id tag, percent-encoded, in any case.",
        examples=["04A2B3C4D5E680"],
        json_schema_extra={"pattern": ID_TAG_PATTERN},
    ),
]
Limit = Annotated[
    int,
    whole(1, LIMIT_MAX),
    Query(description=f"Tags of one answer at the most; {LIMIT_DEFAULT} when absent."),
]
Cursor = Annotated[
    str,
    cursor_as(_CURSOR),
    Query(description="The nextCursor of the answer before; the first tags when absent."),
]
Status = Annotated[
    TagStatus | None,
    one_of(_STATUSES),
    Query(description="Only tags of which a charger is told this now."),
]
Parent = Annotated[
    str | None,
    Reads(_parent, ID_TAG_SCHEMA),
    Query(alias="parentIdTag", description="Only tags of this group, whatever its case."),
]
Replace = Annotated[
    bool,
    flag(),
    Query(description="true: the list is all there is, and tags that are not in it are removed. false when absent."),
]


class _TextConvertor(Convertor[str]):
    """Takes whatever is left of a path: Starlette's own `path` stops at a line break, and drops one at the end."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """Return the text that stands there."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text as it is to stand there."""
        return value


register_url_convertor("text", _TextConvertor())


class IdTagRoutes:
    """`/id-tags`."""

    def __init__(self, services: Services) -> None:
        self._tags = services.id_tags

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application; the fixed paths before the one that takes any tag."""
        self._add_lists(app)
        self._add_single(app)

    def _add_lists(self, app: FastAPI) -> None:
        app.add_api_route(
            "/id-tags",
            self.list,
            methods=["GET"],
            summary="Who may charge, as listed",
            tags=["id tags"],
            response_model=None,
            responses=gives(IdTagsAnswer, "A page of tags.", one=examples.ID_TAGS) | fails(Kind.INVALID),
        )
        app.add_api_route(
            "/id-tags/export",
            self.export,
            methods=["GET"],
            summary="Every id tag as CSV",
            tags=["id tags"],
            response_model=None,
            response_class=StreamingResponse,
            responses=gives_csv("A header row and a tag a row.", one=examples.ID_TAGS_CSV) | fails(),
        )
        app.add_api_route(
            "/id-tags/import",
            self.take_in,
            methods=["POST"],
            summary="List id tags from CSV, all or nothing",
            tags=["id tags"],
            response_model=None,
            openapi_extra=takes_csv(one=examples.ID_TAGS_CSV),
            responses=gives(IdTagsImported, "What became of it.", one=examples.ID_TAGS_IMPORTED)
            | fails(
                Kind.INCOMPLETE_BODY,
                Kind.BODY_TOO_LARGE,
                Kind.NOT_CSV,
                Kind.INVALID,
                Kind.TOO_MANY_ID_TAGS,
                Kind.STORE_UNAVAILABLE,
                Kind.NOT_YET,
            ),
        )

    def _add_single(self, app: FastAPI) -> None:
        app.add_api_route(
            "/id-tags/{idTag:text}",
            self.show,
            methods=["GET"],
            summary="One id tag",
            tags=["id tags"],
            response_model=None,
            responses=gives(IdTagBody, "The tag.", one=examples.ID_TAG) | fails(Kind.INVALID, Kind.UNKNOWN_ID_TAG),
        )
        app.add_api_route(
            "/id-tags/{idTag:text}",
            self.put,
            methods=["PUT"],
            summary="List an id tag, or change one",
            tags=["id tags"],
            response_model=None,
            openapi_extra=takes(IdTagRequest, one=examples.ID_TAG_REQUEST),
            responses=gives(IdTagBody, "The tag as it is listed now.", one=examples.ID_TAG)
            | fails(*BODY_KINDS, Kind.ID_TAG_CHANGED, Kind.TOO_MANY_ID_TAGS, Kind.STORE_UNAVAILABLE, Kind.NOT_YET),
        )
        app.add_api_route(
            "/id-tags/{idTag:text}",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Take an id tag off the list",
            tags=["id tags"],
            response_model=None,
            responses={
                204: {"description": "It is not listed any more."},
                **fails(Kind.INVALID, Kind.UNKNOWN_ID_TAG, Kind.STORE_UNAVAILABLE, Kind.NOT_YET),
            },
        )

    # --- one tag ------------------------------------------------------------------------------------------------------

    async def show(self, id_tag: TagPath) -> Response:
        """Return a tag with what a charger is told of it now."""
        if not _is_tag(id_tag):
            return _no_tag()
        tag = self._tags.find(id_tag)
        return problem(Kind.UNKNOWN_ID_TAG) if tag is None else self._told(tag)

    async def put(self, request: Request, id_tag: TagPath) -> Response:
        """List a tag as the body says, in the place of what was listed; it counts from the next question on.

        With `version`, only if that is the one that is listed.
        """
        if not _is_tag(id_tag):
            return _no_tag()
        body = await read_model(request, IdTagRequest)
        if isinstance(body, Response):
            return body
        key, before = key_of(id_tag), self._tags.find(id_tag)
        wanted = IdTag(
            key,
            id_tag,
            body.parent,
            body.expires_ms,
            body.blocked,
            body.concurrent,
            body.note,
            weight=body.weight,
            priority=body.priority,
        )
        try:
            listed = await self._tags.put(wanted, body.version)
        except StoreError as error:
            return not_written(error)
        match listed:
            case ChangedMeanwhile():
                return problem(Kind.ID_TAG_CHANGED)
            case TooManyTags():
                return problem(Kind.TOO_MANY_ID_TAGS)
            case IdTag():
                act_of(request).changed(_changes(before, listed))
                return self._told(listed)

    async def remove(self, request: Request, id_tag: TagPath) -> Response:
        """Take a tag off the list: from now on it is told what tags are that are not listed."""
        if not _is_tag(id_tag):
            return _no_tag()
        try:
            removed = await self._tags.remove(id_tag)
        except StoreError as error:
            return not_written(error)
        if isinstance(removed, NotListed):
            return problem(Kind.UNKNOWN_ID_TAG)
        act_of(request).changed(["listed → not listed"])
        return Response(status_code=204)

    # --- many tags ----------------------------------------------------------------------------------------------------

    async def list(
        self,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = "",
        status: Status = None,
        parent: Parent = None,
    ) -> Response:
        """Return a page of the listed tags, in the order of their upper-cased characters."""
        group = None if parent is None else key_of(parent)
        looked_at = self._tags.after(bytes.fromhex(cursor).decode("ascii"), LOOKED_AT_MAX)
        bodies: list[IdTagBody] = []
        last = ""
        for tag in looked_at:
            told = self._tags.status(tag)
            last = tag.id_tag
            if status in (None, told) and (group is None or (tag.parent is not None and key_of(tag.parent) == group)):
                bodies.append(id_tag_body(tag, told))
                if len(bodies) == limit:
                    break
        is_last = not self._tags.after(last, 1) if last else True
        return json_answer(IdTagsAnswer(id_tags=bodies, next_cursor=None if is_last else last.encode().hex()))

    async def export(self) -> Response:
        """Return every tag as CSV, as it is listed at this moment; `POST /id-tags/import` reads the same.

        A cell that a spreadsheet would take for a formula has an apostrophe before it.
        """
        headers = {"Content-Disposition": 'attachment; filename="id-tags.csv"'}
        return StreamingResponse(_rows(self._tags.all()), media_type=CSV_MEDIA_TYPE, headers=headers)

    async def take_in(self, request: Request, *, replace: Replace = False) -> Response:
        """List every tag of a CSV list, in the place of what was listed of it; all of them or, with a fault, none.

        The header row names the columns, of which only `idTag` is needed; an empty cell is the default.
        """
        body = await read_csv(request, ID_TAGS_BODY_BYTES_MAX)
        if isinstance(body, Response):
            return body
        tags = await asyncio.to_thread(id_tags_csv.read_id_tags, body)
        if isinstance(tags, tuple):
            return invalid(tags)
        try:
            became = await self._tags.take_in(tags, whole=replace)
        except StoreError as error:
            return not_written(error)
        if isinstance(became, TooManyTags):
            return problem(Kind.TOO_MANY_ID_TAGS)
        act_of(request).changed([f"{became.added} added, {became.changed} changed, {became.removed} removed"])
        return json_answer(
            IdTagsImported(
                added=became.added, changed=became.changed, removed=became.removed, unchanged=became.unchanged
            )
        )

    def _told(self, tag: IdTag) -> Response:
        return json_answer(id_tag_body(tag, self._tags.status(tag)))


def _changes(before: IdTag | None, after: IdTag) -> list[str]:
    """Return what changed of a tag, whose group is as good as a tag; nothing where somebody came in between."""
    if before is None or after.version - before.version > 1:
        return ["not listed → listed"] if after.version == 1 else []
    old, new = (id_tag_body(tag, TagStatus.ACCEPTED).model_dump(mode="json") for tag in (before, after))
    lines = [f"{name}: {_word(old[name])} → {_word(new[name])}" for name in _AUDITED if old[name] != new[name]]
    return lines if before.parent == after.parent else [*lines, "group: changed"]


def _word(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_tag(text: str) -> bool:
    return not isinstance(id_tag(text), Wrong)


def _no_tag() -> Response:
    return invalid([Fault("{idTag}", "must be 1 to 20 printable ASCII characters without spaces")])


async def _rows(tags: Sequence[IdTag]) -> AsyncIterator[str]:
    """Yield a list in pieces, others having the loop between two of them."""
    yield id_tags_csv.header()
    for start in range(0, len(tags), ROWS_AT_ONCE):
        yield id_tags_csv.written(tags[start : start + ROWS_AT_ONCE])
        await asyncio.sleep(0)
