"""The body of `POST /campaigns`: what is asked of the chargers is spelt as OCPP spells it (1.6 §6.55)."""

from typing import Annotated

from pydantic import AliasGenerator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from api.command_fields import LEFT_OUT, Location, Number, Time
from api.schemas import RequestBody, tidy
from csms.core.campaigning import CHARGERS_MAX

NAME_CHARS_MAX = 100
WORDS_CHARS_MAX = 50

Words = Annotated[str, Field(max_length=WORDS_CHARS_MAX)]


class _CampaignBody(RequestBody):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(alias=to_camel), extra="forbid", frozen=True, strict=True, json_schema_extra=tidy
    )


class CampaignMake(_CampaignBody):
    """Chargers by what they told in their last BootNotification; a field that is left out matches any."""

    vendor: Words = LEFT_OUT
    model: Words = LEFT_OUT
    firmware_version: Words = LEFT_OUT

    @model_validator(mode="after")
    def _names_something(self) -> "CampaignMake":
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "must have vendor, model or firmwareVersion")
        return self


class CampaignRequest(_CampaignBody):
    """Firmware for many chargers: those that `chargers` names, in that order, or those of a make."""

    location: Location = Field(description="Where it is fetched from, a URL.")
    at_a_time: int = Field(ge=1, le=CHARGERS_MAX, description="So many chargers are under way at most.")
    chargers: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        LEFT_OUT, min_length=1, max_length=CHARGERS_MAX, description="Their ids, as configured."
    )
    make: CampaignMake = Field(LEFT_OUT, description="Instead of `chargers`: who is of it now.")
    retrieve_date: Time = Field(LEFT_OUT, description="No charger is asked before this time; absent: at once.")
    retries: Number = Field(LEFT_OUT)
    retry_interval: Number = Field(LEFT_OUT, description="Seconds.")
    name: Annotated[str, Field(max_length=NAME_CHARS_MAX)] = Field(LEFT_OUT, description="For people.")

    @model_validator(mode="after")
    def _names_chargers_once(self) -> "CampaignRequest":
        if (self.chargers is None) is (self.make is None):
            raise PydanticCustomError("which", "must have either chargers or make")
        return self
