"""The configuration's JSON schema, for the documentation.

What is accepted is decided by `csms.core.configuration` alone; a test keeps the keys here and there the same.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from api.queries import whole_text
from api.schemas import KILOWATTS_SCHEMA, tidy
from csms.core.configuration.chargers import DEFAULT_VOLTAGE_V, MAX_CONNECTORS
from csms.core.configuration.names import MAX_ID_LENGTH, MAX_STATION_ID_LENGTH
from csms.core.configuration.parsing import (
    DEFAULT_REST_SESSION_TIMEOUT_S,
    DEFAULT_TIME_ZONE,
    REST_SESSION_TIMEOUT_S_MAX,
    REST_SESSION_TIMEOUT_S_MIN,
)
from csms.core.configuration.site_meter import (
    DEFAULT,
    DEFAULT_SOURCE,
    HOST,
    MAX_AGE_S_MAX,
    PERIOD_MS_MAX,
    PERIOD_MS_MIN,
    PORT_MAX,
    REGISTER_MAX,
    SCALE_MAX_W,
    UNIT_ID_MAX,
)
from csms.core.station import GRID

Kilo = Annotated[float, WithJsonSchema(KILOWATTS_SCHEMA)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
Unset = SkipJsonSchema[None]


class Documented(BaseModel):
    """An object of the configuration."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, json_schema_extra=tidy)


class ChargerConfiguration(Documented):
    """One charger."""

    id: Name = Field(description="OCPP identity: the last part of the URL that the charger connects to.")
    max_power: Kilo = Field(description="All connectors together, kW.")
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
    capacity: Kilo | Unset = Field(None, description="kW. Default: unlimited.")


class BatteryConfiguration(Documented):
    """A stationary battery."""

    initial_capacity: Kilo = Field(description="Usable energy, kWh.")
    power: Kilo = Field(description="Charge and discharge limit, kW.")


class ModbusConfiguration(Documented):
    """Where a Modbus TCP device tells a power."""

    host: Annotated[str, WithJsonSchema({"type": "string", "pattern": whole_text(HOST)})] = Field(
        description="A name or an address."
    )
    port: int = Field(DEFAULT_SOURCE.port, ge=1, le=PORT_MAX)
    unit_id: int = Field(DEFAULT_SOURCE.unit_id, ge=0, le=UNIT_ID_MAX, description="Unit identifier.")
    register_: int = Field(alias="register", ge=0, le=REGISTER_MAX, description="Its first one, counted from 0.")
    kind: Literal["holding", "input"] = Field("holding", description="Which table of registers.")
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = Field("float32", description="How it is written.")
    word_order: Literal["big", "little"] = Field("big", description="Which of two registers comes first.")
    scale: Annotated[
        float,
        WithJsonSchema(
            {
                "type": "number",
                "minimum": -SCALE_MAX_W,
                "maximum": SCALE_MAX_W,
                "multipleOf": 0.000001,
                "not": {"const": 0},
            }
        ),
    ] = Field(1, description="What one unit of the number is worth, W; below 0: import is counted as negative.")
    period_s: Annotated[
        float,
        WithJsonSchema(
            {"type": "number", "minimum": PERIOD_MS_MIN / 1_000, "maximum": PERIOD_MS_MAX / 1_000, "multipleOf": 0.001}
        ),
    ] = Field(1, description="It is read so often.")


class SiteMeterConfiguration(Documented):
    """What measures the load that is not ours."""

    measures: Literal["baseLoad", "grid"] = Field(
        "baseLoad", description="baseLoad: behind it is everything but the chargers; grid: at the grid connection."
    )
    max_age_s: int = Field(
        DEFAULT.max_age_s, ge=1, le=MAX_AGE_S_MAX, description="An older reading counts for nothing: staticLoad does."
    )
    margin: Kilo = Field(0, description="So much more than is measured counts, at most staticLoad, kW.")
    modbus: ModbusConfiguration | Unset = Field(None, description="Default: readings are pushed.")


class StationConfiguration(Documented):
    """One site behind one grid connection."""

    station_id: Annotated[str, Field(min_length=1, max_length=MAX_STATION_ID_LENGTH)]
    grid_capacity: Kilo = Field(description="What the grid connection gives, kW.")
    chargers: list[ChargerConfiguration]
    battery: BatteryConfiguration | Unset = Field(None, description="Kept, not used yet.")
    time_zone: str = Field(DEFAULT_TIME_ZONE, description="IANA name.")
    static_load: Kilo = Field(0, description="Configured maximum of everything else behind the connection, kW.")
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
    site_meter: SiteMeterConfiguration | Unset = Field(None, description="Default: staticLoad counts always.")
