"""The bodies of the site's meter: a reading that is pushed, and what is shown."""

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from api.schemas import Absent, AnswerBody, RequestBody, reads
from csms.core.configuration import MAX_KILO, kilowatts
from csms.core.configuration.quantities import milliseconds, signed_watts
from csms.core.configuration.site_meter import MAX_AGE_S_MAX
from csms.core.site_meter import SiteMeterView

MS_PER_S = 1_000


class MeterReading(RequestBody):
    """What the site's meter shows."""

    power_w: Annotated[
        int,
        reads(signed_watts),
        WithJsonSchema({"type": "number", "minimum": -MAX_KILO, "maximum": MAX_KILO, "multipleOf": 0.001}),
    ] = Field(alias="power", description="kW, what is drawn positive. Below 0 only at the grid connection.")
    age_ms: Annotated[
        int,
        reads(milliseconds(MAX_AGE_S_MAX * MS_PER_S)),
        WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_AGE_S_MAX, "multipleOf": 0.001}),
    ] = Field(0, alias="ageS", description="So old is it already, s: by the client's own clock, whatever that says.")


class MeterBody(AnswerBody):
    """The site's meter. All powers in kW."""

    measures: Literal["baseLoad", "grid"]
    source: Literal["rest", "modbus"] = Field(description="rest: readings are pushed here.")
    power: int | float | Absent = Field(None, description="Its last reading; absent before the first.")
    age_s: int | Absent = Field(None, description="So old is that, s.")
    stale: bool = Field(description="No reading is young enough to count: staticLoad does.")
    base_load: int | float = Field(description="What counts as base load while it is heard.")
    static_load: int | float = Field(description="The configured maximum of that.")
    trouble: str | Absent = Field(None, description="Why the newest reading failed or was refused; absent: it was not.")


class MeterAnswer(AnswerBody):
    """The site's meter."""

    meter: MeterBody


def meter_body(view: SiteMeterView, now_ms: int) -> MeterBody:
    """Return the meter as REST shows it at `now_ms`, UTC."""
    return MeterBody(
        measures=view.measures.value,
        source="modbus" if view.over_modbus else "rest",
        power=None if view.power_w is None else kilowatts(view.power_w),
        age_s=None if view.read_wall_ms is None else max(0, now_ms - view.read_wall_ms) // MS_PER_S,
        stale=view.stale,
        base_load=kilowatts(view.counted_w),
        static_load=kilowatts(view.static_load_w),
        trouble=view.trouble or None,
    )
