"""The configuration's JSON schema, for the documentation.

What is accepted is decided by `csms.core.configuration` alone; a test keeps the keys here and there the same.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from api.queries import whole_text
from api.schemas import KILOWATTS_SCHEMA, tidy
from csms.core.configuration.amperes import DEFAULT_VOLTAGE_V
from csms.core.configuration.battery import DEFAULT_MODBUS, REGISTERS
from csms.core.configuration.capacity import (
    DEFAULT_SILENT_AFTER_S,
    MAX_WINDOWS,
    SILENT_AFTER_S_MAX,
    SILENT_AFTER_S_MIN,
)
from csms.core.configuration.chargers import MAX_CONNECTORS
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
from csms.core.terms import PRIORITY_MAX, WEIGHT_MAX

Kilo = Annotated[float, WithJsonSchema(KILOWATTS_SCHEMA)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
Time = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})]
TimeTo = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"})]
Unset = SkipJsonSchema[None]
Weight = Annotated[int, Field(ge=1, le=WEIGHT_MAX)]
Priority = Annotated[int, Field(ge=0, le=PRIORITY_MAX)]


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


class PowerInAmperes(Documented):
    """A power that is written in amperes."""

    amperes: Kilo = Field(description="A on each phase.")
    phases: Literal[1, 3] | Unset = Field(None, description="Default: the charger's; three, where it is DC.")
    voltage: Annotated[int, Field(ge=100, le=1000)] | Unset = Field(None, description="Default: the charger's.")


class ConnectorSettings(Documented):
    """What holds for one connector alone."""

    idx: int = Field(ge=1, le=MAX_CONNECTORS, description="The connector's number.")
    weight: Weight | Unset = Field(None, description="Default: the charger's.")
    priority: Priority | Unset = Field(None, description="Default: the charger's.")


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
    min_power: Kilo | PowerInAmperes | Unset = Field(
        None, description="Least power of a session over OCPP, kW, or amperes. Default: AC 6 A on each phase, DC 0."
    )
    needs_start_power: bool = Field(default=False, description="DC: its cars end the session when offered 0 W.")
    phases: Literal[0, 1, 3] | Unset = Field(None, description="1 or 3: AC, 0: DC. Default: 3 up to 44 kW, else 0.")
    phase_rotation: Literal["RST", "RTS", "SRT", "STR", "TRS", "TSR"] | Unset = Field(
        None, description="Phases of the grid connection (R: L1) that its L1, L2 and L3 hang on. Default: unknown."
    )
    voltage: int = Field(DEFAULT_VOLTAGE_V, ge=100, le=1000, description="Nominal phase voltage, V.")
    reserved_power: Kilo | PowerInAmperes | Unset = Field(
        None, description="Booked while it cannot be controlled, kW, or amperes. Default: maxPower."
    )
    configure: Literal["auto", "suggest", "never"] = Field(
        "auto", description="auto: change its settings where control needs it; suggest: a notice says what should be."
    )
    assume_ocpp16: bool = Field(default=False, description="Accept it although it offers no subprotocol.")
    fail_safe: Literal["closed", "reserve", "expire"] | Unset = Field(None, description="Default: the station's.")
    fail_safe_power: Kilo | PowerInAmperes | Unset = Field(
        None,
        description="Each connector, kW, or amperes; not with closed. "
        "Default: AC 6 A on each phase, DC minPower or 10 kW.",
    )
    weight: Weight = Field(1, description="Its sessions' share beside others, unless more is said of them.")
    priority: Priority = Field(0, description="Higher is let in first where not all least powers fit; likewise.")
    connector_settings: list[ConnectorSettings] = Field([], description="What holds for single connectors.")


class CircuitConfiguration(Documented):
    """A fuse between the grid connection and some chargers."""

    id: Name
    parent: Name = Field(GRID, description="Id of the circuit it hangs on.")
    capacity: Kilo | LimitInAmperes | Unset = Field(None, description="kW, or amperes. Default: unlimited.")


class BatteryModbusConfiguration(Documented):
    """Where a battery is read and told over Modbus TCP."""

    host: Annotated[str, WithJsonSchema({"type": "string", "pattern": whole_text(HOST)})] = Field(
        description="A name or an address."
    )
    port: int = Field(DEFAULT_MODBUS.port, ge=1, le=PORT_MAX)
    unit_id: int = Field(DEFAULT_MODBUS.unit_id, ge=0, le=UNIT_ID_MAX, description="Unit identifier.")
    register_: int = Field(
        DEFAULT_MODBUS.register,
        alias="register",
        ge=0,
        le=REGISTER_MAX + 1 - REGISTERS,
        description="The first one of the map, counted from 0.",
    )


class BatteryConfiguration(Documented):
    """A stationary battery."""

    initial_capacity: Kilo = Field(description="Usable energy, kWh.")
    power: Kilo = Field(description="Charge and discharge limit, kW.")
    rest: bool = Field(default=False, description="Its controller calls PUT /station/battery.")
    modbus: BatteryModbusConfiguration | Unset = Field(None, description="Default: it is computed, unless rest.")


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class CapacityWindowConfiguration(Documented):
    """Hours in which the grid connection may be loaded with less."""

    from_: Time = Field(alias="from", description="Where it begins, by the station's clock.")
    to: TimeTo = Field(description="Where it ends; the next day's time where it is before from.")
    days: (
        Annotated[list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Field(min_length=1, max_length=7)]
        | Unset
    ) = Field(
        None,
        description="The days on which it begins. Default: every day.",
        json_schema_extra={"uniqueItems": True},
    )
    capacity: Kilo = Field(description="kW. The lowest of all that hold counts.")


class GridOperatorConfiguration(Documented):
    """Who tells limits at run time, and what holds when nothing is heard of him."""

    fail_safe_capacity: Kilo = Field(description="kW: while he is silent, and until he is first heard.")
    silent_after_s: int = Field(
        DEFAULT_SILENT_AFTER_S,
        ge=SILENT_AFTER_S_MIN,
        le=SILENT_AFTER_S_MAX,
        description="He is silent when no heartbeat has come for so long, s.",
    )


class CapacityTariffConfiguration(Documented):
    """Power that is paid for by the highest mean of a window in each month."""

    target: Kilo | Unset = Field(
        None, description="The mean that is paid for anyhow, kW. Default: nothing is held down."
    )
    window_minutes: Literal[15, 30, 60] = Field(15, description="Length of the windows.")


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
    grid_capacity: Kilo | LimitInAmperes = Field(description="What the grid connection gives, kW, or amperes.")
    chargers: list[ChargerConfiguration]
    battery: BatteryConfiguration | Unset = Field(
        None, description="Gives cars what the grid connection cannot; computed, not measured."
    )
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
    capacity_schedule: Annotated[list[CapacityWindowConfiguration], Field(max_length=MAX_WINDOWS)] = Field(
        [], description="Hours in which the grid connection may be loaded with less."
    )
    grid_operator: GridOperatorConfiguration | Unset = Field(None, description="Default: nobody tells limits.")
    capacity_tariff: CapacityTariffConfiguration | Unset = Field(None, description="Default: none.")
    site_meter: SiteMeterConfiguration | Unset = Field(None, description="Default: staticLoad counts always.")
