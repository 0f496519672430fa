"""The bodies of limits of the grid connection that are told at run time."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from api.id_tag_fields import EXPIRY_SCHEMA
from api.schemas import REASON_CHARS_MAX, Absent, AnswerBody, Kilowatts, RequestBody, reads
from csms.core.configuration.capacity import SILENT_AFTER_S_MAX, SILENT_AFTER_S_MIN
from csms.core.configuration.names import text
from csms.core.configuration.reading import Wrong, whole
from csms.core.faults import Fault
from csms.ocpp16.times import parse_time_ms


def read_time_ms(value: object) -> int | Wrong:
    """Read a time as all bodies write it, as UTC ms."""
    at_ms = parse_time_ms(value) if isinstance(value, str) else None
    return Wrong("must be an ISO 8601 time from 2020 to 2099") if at_ms is None else at_ms


def _source(value: object) -> str | Wrong:
    return text(value, REASON_CHARS_MAX)


class CapacityEventRequest(RequestBody):
    """What the grid connection may be loaded with, from when until when, and who says so."""

    from_ms: Annotated[int, reads(read_time_ms), WithJsonSchema(EXPIRY_SCHEMA)] = Field(
        alias="from", description="It holds from then on; UTC where no zone is told."
    )
    to_ms: Annotated[int | None, reads(read_time_ms), WithJsonSchema(EXPIRY_SCHEMA)] = Field(
        None, alias="to", description="It ends then; absent: when it is deleted."
    )
    capacity_w: Kilowatts = Field(alias="capacity", description="kW. The lowest of all that hold counts.")
    source: Annotated[
        str, reads(_source), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": REASON_CHARS_MAX})
    ] = Field(description="Who says so, for people.")
    heartbeat_s: Annotated[
        int | None,
        reads(whole(SILENT_AFTER_S_MIN, SILENT_AFTER_S_MAX)),
        WithJsonSchema({"type": "integer", "minimum": SILENT_AFTER_S_MIN, "maximum": SILENT_AFTER_S_MAX}),
    ] = Field(
        None,
        alias="heartbeatS",
        description="A heartbeat is promised that often until it is over; without one for so long the configured"
        " failSafeCapacity holds, if not earlier.",
    )

    def faults(self) -> list[Fault]:
        """Return that it ends before it begins."""
        ends_early = self.to_ms is not None and self.to_ms <= self.from_ms
        return [Fault("$.to", "must be after from")] if ends_early else []


class CapacityEventBody(AnswerBody):
    """A limit of the grid connection that was told."""

    id: str
    from_: str = Field(serialization_alias="from", description="UTC, ISO 8601.")
    to: str | Absent = Field(None, description="Absent: when it is deleted.")
    capacity: int | float = Field(description="kW.")
    source: str
    heartbeat_s: int | Absent = Field(None, description="A heartbeat is promised that often, s.")
    state: Literal["coming", "in_force", "over"] = Field(description="As of now; what is over is kept for a day.")
    set_by: str | Absent = Field(None, description="The address of the client that told it.")
    set_at: str = Field(description="UTC, ISO 8601.")


class CapacityEventAnswer(AnswerBody):
    """One of them."""

    event: CapacityEventBody


class CapacityEventsAnswer(AnswerBody):
    """All of them, by the time at which they begin."""

    events: list[CapacityEventBody]
