"""What the fields of operators' commands have in common: OCPP's own payloads, strict.

Fields are spelt as OCPP spells them, so that its document explains them. A field that may be left out has no null.
Times are told with their offset and sent in UTC.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from api.id_tag_fields import ID_TAG_PATTERN
from api.schemas import RequestBody, tidy

INT32_MAX = 2**31 - 1
LIMIT_MAX = 1_000_000_000
PERIODS_MAX = 500
LEFT_OUT: Any = None
"""The default of a field that may be left out; null is none of its values."""
TIME_PATTERN = r"^(19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
LIST_MAX = 500
"""Tags of one SendLocalList; more come in further ones, as a differential."""


def read_time(value: object) -> datetime:
    """Read a time with its offset; raise PydanticCustomError."""
    if isinstance(value, str) and re.fullmatch(TIME_PATTERN, value, re.ASCII) is not None:
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("time", "must be a time such as 2026-11-26T10:00:00Z, from 1970 on")


def _time_text(value: object) -> str:
    return read_time(value).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch(ID_TAG_PATTERN, value) is None:
        raise PydanticCustomError("tag", "must be 1 to 20 printable ASCII characters without spaces")
    return value


def _limit(value: object) -> int | float:
    """Read a limit, A or W, with at most one decimal (§7.13)."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("limit", "must be a number")
    if not 0 <= value <= LIMIT_MAX:
        raise PydanticCustomError("limit", "must be 0 to 1000000000")
    exact = Decimal(str(value)) * 10
    if exact != exact.to_integral_value():
        raise PydanticCustomError("limit", "has at most one decimal")
    return int(exact) // 10 if exact % 10 == 0 else float(exact) / 10


LIMIT_SCHEMA: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": LIMIT_MAX, "multipleOf": 0.1}
TIME_SCHEMA: dict[str, Any] = {"type": "string", "format": "date-time", "pattern": TIME_PATTERN}
Time = Annotated[str, PlainValidator(_time_text), WithJsonSchema(TIME_SCHEMA)]
Tag = Annotated[str, PlainValidator(_tag), WithJsonSchema({"type": "string", "pattern": ID_TAG_PATTERN})]
Connector = Annotated[int, Field(ge=1, le=INT32_MAX)]
ConnectorOrAll = Annotated[int, Field(ge=0, le=INT32_MAX)]
Number = Annotated[int, Field(ge=0, le=INT32_MAX)]
Limit = Annotated[int | float, PlainValidator(_limit), WithJsonSchema(LIMIT_SCHEMA)]
Purpose = Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]
Location = Annotated[str, Field(min_length=1, max_length=1_000)]


class CommandPayload(RequestBody):
    """A payload of OCPP."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(alias=to_camel), extra="forbid", frozen=True, strict=True, json_schema_extra=tidy
    )
