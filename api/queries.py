"""Parameters of a query string: how each kind is read, and how OpenAPI describes it.

A parameter is `Annotated[type, one of these, Query(…)]`. What is said of a wrong one is the same at every route.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from re import Pattern
from typing import Annotated, Any

from fastapi import Query
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from api.command_fields import TIME_SCHEMA, read_time


@dataclass(frozen=True, slots=True)
class Reads:
    """Has a parameter read by `read`, which raises PydanticCustomError, and described by `schema`."""

    read: Callable[[object], object]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return how pydantic validates it."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return how OpenAPI describes it."""
        return dict(self.schema)


def whole_text(written: Pattern[str]) -> str:
    """Return a pattern for OpenAPI, where one that is not anchored may stand anywhere in a text."""
    return f"^(?:{written.pattern})$"


def whole(least: int, most: int) -> Reads:
    """Read a whole number in plain digits."""

    def read(value: object) -> int:
        number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else least - 1
        if not least <= number <= most:
            told = {"least": least, "most": most}
            raise PydanticCustomError("whole", "must be a whole number from {least} to {most}", told)
        return number

    return Reads(read, {"type": "integer", "minimum": least, "maximum": most})


def flag() -> Reads:
    """Read `true` or `false`."""

    def read(value: object) -> bool:
        if value not in ("true", "false"):
            raise PydanticCustomError("flag", "must be true or false")
        return value == "true"

    return Reads(read, {"type": "boolean"})


def one_of(words: Mapping[str, object]) -> Reads:
    """Read one of some words as what it stands for."""

    def read(value: object) -> object:
        if not isinstance(value, str) or value not in words:
            raise PydanticCustomError("word", "must be {known}", {"known": " or ".join(words)})
        return words[value]

    return Reads(read, {"type": "string", "enum": list(words)})


def cursor_as(written: Pattern[str]) -> Reads:
    """Read the `nextCursor` of a page before; `written`: how its list writes it."""

    def read(value: object) -> str:
        if not isinstance(value, str) or written.fullmatch(value) is None:
            raise PydanticCustomError("cursor", "must be a nextCursor of an answer before")
        return value

    return Reads(read, {"type": "string", "pattern": whole_text(written)})


def instant_ms() -> Reads:
    """Read an ISO 8601 time with its offset as UTC, ms."""
    return Reads(lambda value: int(read_time(value).timestamp() * 1_000), TIME_SCHEMA)


def day() -> Reads:
    """Read a day, such as 2026-03-01."""

    def read(value: object) -> date:
        try:
            if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                found = date.fromisoformat(value)
                if date(1970, 1, 2) <= found <= date(9998, 12, 30):
                    return found
        except ValueError:
            pass
        raise PydanticCustomError("day", "must be a day, such as 2026-03-01")

    return Reads(read, {"type": "string", "format": "date"})


ChargerFilter = Annotated[str | None, Query(alias="charger", max_length=255, description="Only those of this charger.")]
