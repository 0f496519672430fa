"""The bodies of a battery whose own controller calls: how it stands, and what it is to do."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from api.schemas import Absent, AnswerBody, Kilowatts, RequestBody, reads
from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.configuration import MAX_KILO, kilowatts
from csms.core.configuration.quantities import milliseconds, signed_watts
from csms.core.configuration.reading import Reader, Wrong

AGE_MS_MAX = 2_000
"""A battery counts as gone ten seconds after it was read; what is older than this would use too much of that up."""

PERCENT_MAX = 100
PPM_PER_THOUSANDTH = 10

_SIGNED = {"type": "number", "minimum": -MAX_KILO, "maximum": MAX_KILO, "multipleOf": 0.001}


CHARGE_SCHEMA = {"type": "number", "minimum": 0, "maximum": PERCENT_MAX, "multipleOf": 0.001}


def charge_ppm(value: object) -> int | Wrong:
    """Read a state of charge in percent as parts per million."""
    read: Reader[int] = milliseconds(PERCENT_MAX * 1_000)  # thousandths, of a percent here
    found = read(value)
    return found if isinstance(found, Wrong) else found * PPM_PER_THOUSANDTH


class BatteryStands(RequestBody):
    """How a battery stands now; what flows out of it is positive."""

    soc_ppm: Annotated[
        int,
        reads(charge_ppm),
        WithJsonSchema(CHARGE_SCHEMA),
    ] = Field(alias="stateOfCharge", description="Percent of the usable energy.")
    power_w: Annotated[int, reads(signed_watts), WithJsonSchema(_SIGNED)] = Field(
        alias="power", description="What it gives now, kW; below 0: what it takes."
    )
    available_discharge_w: Kilowatts = Field(
        alias="availableDischarge",
        description="The most that it could give now, kW; 0 while it has a fault.",
    )
    available_charge_w: Kilowatts = Field(alias="availableCharge", description="The most that it could take now, kW.")
    permitted_w: Kilowatts = Field(
        0, alias="permitted", description="kW that it gives as soon as it is told to: what it has taken over of permit."
    )
    set_point_w: Annotated[int | None, reads(signed_watts), WithJsonSchema(_SIGNED)] = Field(
        None, alias="setPoint", description="The set-point that it follows, kW; absent: it does not follow us."
    )
    age_ms: Annotated[
        int,
        reads(milliseconds(AGE_MS_MAX)),
        WithJsonSchema({"type": "number", "minimum": 0, "maximum": AGE_MS_MAX / 1_000, "multipleOf": 0.001}),
    ] = Field(0, alias="ageS", description="So old is that already, s.")

    def reading(self) -> BatteryReading:
        """Return it as the core has it; one that does not follow us is permitted nothing."""
        return BatteryReading(
            soc_ppm=self.soc_ppm,
            power_w=self.power_w,
            available_discharge_w=self.available_discharge_w,
            available_charge_w=self.available_charge_w,
            permitted_w=0 if self.set_point_w is None else self.permitted_w,
            set_point_w=self.set_point_w,
        )


class SetPointBody(AnswerBody):
    """What a battery is to do."""

    power: int | float = Field(description="What is to flow out of it, kW; below 0: into it.")
    permit: int | float = Field(description="What it has to be ready to give as soon as it is told to, kW.")
    valid_for_s: int = Field(description="Without another word it gives and takes nothing after so many seconds.")


class BatteryTold(AnswerBody):
    """What a battery is to do; absent before this system has made up its mind."""

    set_point: SetPointBody | Absent = None


def told_body(set_point: SetBattery | None) -> BatteryTold:
    """Return what a battery is to do as REST says it."""
    if set_point is None:
        return BatteryTold()
    power, permit = kilowatts(set_point.power_w), kilowatts(set_point.permit_w)
    return BatteryTold(set_point=SetPointBody(power=power, permit=permit, valid_for_s=set_point.valid_s))
