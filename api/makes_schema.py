"""The JSON schema of what is learnt of makes, for the documentation.

What is accepted is decided by `csms.core.makes_document` alone; a test keeps the keys here and there the same.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.configuration_schema import Documented

Words = Annotated[str, Field(max_length=50)]
Unknown = SkipJsonSchema[None]


class FormOfMake(Documented):
    """How a limit is written."""

    unit: Literal["A", "W"]
    kind: Literal["Relative", "Absolute"] = "Relative"
    stack_level: int = Field(0, ge=0, le=11)
    number_phases: bool = Field(default=True, description="Whether numberPhases is sent with amperes.")


class MannerOfMake(FormOfMake):
    """How a running transaction is limited."""

    purpose: Literal["TxProfile", "TxDefaultProfile"]


class LearntMake(Documented):
    """What chargers of one vendor, model and firmware have shown; what is absent is not known yet."""

    vendor: Words
    model: Words
    firmware_version: Words = ""
    default: FormOfMake | Unknown = Field(None, description="How the fail-safe default was accepted last.")
    running: MannerOfMake | Unknown = Field(None, description="How a running limit was accepted last.")
    keeps_tx_profile: bool | Unknown = Field(None, description="A TxProfile outlives its transaction.")
    pauses: bool | Unknown = Field(None, description="It takes 0 W and resumes from it.")
    tenths: bool | Unknown = Field(None, description="It keeps tenths of an ampere.")
    stops: bool | Unknown = Field(None, description="It stops a transaction that ignored its limits when told to.")
    leaves_service: bool | Unknown = Field(None, description="A connector goes Unavailable when told to.")
    rounds_up: bool = Field(default=False, description="It makes tenths of an ampere the whole one above.")
    forgets_default: bool = Field(default=False, description="It loses its default at a boot.")
    unsupported_measurands: list[Words] = Field([], description="MeterValuesSampledData with one of these was refused.")


class LearntMakes(Documented):
    """What is learnt of makes."""

    makes: list[LearntMake]
