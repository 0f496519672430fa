"""The configuration's JSON schema, for the documentation.

What is accepted is decided by `csms.core.configuration` alone; a test keeps the keys here and there the same.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from api.schemas import KILOWATTS_SCHEMA, tidy
from csms.core.configuration.amperes import DEFAULT_VOLTAGE_V
from csms.core.configuration.chargers import MAX_CONNECTORS
from csms.core.configuration.names import MAX_ID_LENGTH, MAX_STATION_ID_LENGTH
from csms.core.configuration.parsing import (
    DEFAULT_REST_SESSION_TIMEOUT_S,
    DEFAULT_TIME_ZONE,
    REST_SESSION_TIMEOUT_S_MAX,
    REST_SESSION_TIMEOUT_S_MIN,
)
from csms.core.station import GRID

Kilo = Annotated[float, WithJsonSchema(KILOWATTS_SCHEMA)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
Unset = SkipJsonSchema[None]


class Documented(BaseModel):
    """An object of the configuration."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, json_schema_extra=tidy)


class LimitInAmperes(Documented):
    """A limit of each phase."""

    amperes: Kilo | Annotated[list[Kilo], Field(min_length=3, max_length=3)] = Field(
        description="A on each phase, or one number for each of L1, L2 and L3; 0: the phase is not there."
    )
    power: Kilo | Unset = Field(None, description="And no more than this together, kW.")
    phases: Literal[1, 3] = Field(3, description="1: L1 alone.")
    voltage: int = Field(DEFAULT_VOLTAGE_V, ge=100, le=1000, description="Between phase and neutral, V.")


class ChargerLimitInAmperes(Documented):
    """A limit of each phase of a charger."""

    amperes: Kilo = Field(description="A on each of its phases.")
    power: Kilo | Unset = Field(None, description="And no more than this together, kW.")


class ChargerConfiguration(Documented):
    """One charger."""

    id: Name = Field(description="OCPP identity: the last part of the URL that the charger connects to.")
    max_power: Kilo | ChargerLimitInAmperes = Field(description="All connectors together, kW, or amperes.")
    connectors: int = Field(ge=1, le=MAX_CONNECTORS, description="Their number.")
    control: Literal["auto", "ocpp", "rest", "none"] = Field(
        "auto", description="auto: REST until it first connects over OCPP, then OCPP."
    )
    mode: Literal["control", "observe"] = Field(
        "control", description="observe: nothing is written to the charger, and it is shown what it would get."
    )
    circuit: Name = Field(GRID, description="Id of the circuit it hangs on.")
    min_power: Kilo | Unset = Field(
        None, description="Least power of a session over OCPP, kW. Default: AC 6 A on each phase, DC 0."
    )
    needs_start_power: bool = Field(default=False, description="DC: its cars end the session when offered 0 W.")
    phases: Literal[0, 1, 3] | Unset = Field(None, description="1 or 3: AC, 0: DC. Default: 3 up to 44 kW, else 0.")
    phase_rotation: Literal["RST", "RTS", "SRT", "STR", "TRS", "TSR"] | Unset = Field(
        None, description="Phases of the grid connection (R: L1) that its L1, L2 and L3 hang on. Default: unknown."
    )
    voltage: int = Field(DEFAULT_VOLTAGE_V, ge=100, le=1000, description="Nominal phase voltage, V.")
    reserved_power: Kilo | Unset = Field(
        None, description="Booked while it cannot be controlled, kW. Default: maxPower."
    )
    configure: Literal["auto", "suggest", "never"] = Field(
        "auto", description="auto: change its settings where control needs it; suggest: a notice says what should be."
    )
    assume_ocpp16: bool = Field(default=False, description="Accept it although it offers no subprotocol.")
    fail_safe: Literal["closed", "reserve", "expire"] | Unset = Field(None, description="Default: the station's.")
    fail_safe_power: Kilo | Unset = Field(
        None,
        description="Each connector, kW; not with closed. Default: AC 6 A on each phase, DC minPower or 10 kW.",
    )


class CircuitConfiguration(Documented):
    """A fuse between the grid connection and some chargers."""

    id: Name
    parent: Name = Field(GRID, description="Id of the circuit it hangs on.")
    capacity: Kilo | LimitInAmperes | Unset = Field(None, description="kW, or amperes. Default: unlimited.")


class BatteryConfiguration(Documented):
    """A stationary battery."""

    initial_capacity: Kilo = Field(description="Usable energy, kWh.")
    power: Kilo = Field(description="Charge and discharge limit, kW.")


class StationConfiguration(Documented):
    """One site behind one grid connection."""

    station_id: Annotated[str, Field(min_length=1, max_length=MAX_STATION_ID_LENGTH)]
    grid_capacity: Kilo | LimitInAmperes = Field(description="What the grid connection gives, kW, or amperes.")
    chargers: list[ChargerConfiguration]
    battery: BatteryConfiguration | Unset = Field(None, description="Kept, not used yet.")
    time_zone: str = Field(DEFAULT_TIME_ZONE, description="IANA name.")
    static_load: Kilo | LimitInAmperes = Field(
        0, description="Configured maximum of everything else behind the connection, kW, or amperes."
    )
    circuits: list[CircuitConfiguration] = Field([], description="A tree of fuses.")
    fail_safe: Literal["closed", "reserve", "expire"] | Unset = Field(
        None,
        description="What chargers do without this system. closed: running cars go on, nobody new can charge; "
        "reserve: every new car gets failSafePower, which is set aside always; expire: the same, "
        "and after five minutes running cars get no more.",
    )
    rest_session_timeout_s: int = Field(
        DEFAULT_REST_SESSION_TIMEOUT_S,
        ge=REST_SESSION_TIMEOUT_S_MIN,
        le=REST_SESSION_TIMEOUT_S_MAX,
        description="A REST-driven session silent for so long is ended, s.",
    )
