"""Request and answer of `POST /station/simulate`, powers in kW, and how the answer is made from what the core says."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from api.battery_schemas import CHARGE_SCHEMA, charge_ppm
from api.capacity_schemas import read_time_ms
from api.command_fields import LEFT_OUT
from api.configuration_schema import StationConfiguration
from api.id_tag_fields import EXPIRY_SCHEMA
from api.schemas import (
    KILOWATTS_SCHEMA,
    Absent,
    AnswerBody,
    ConnectorId,
    ConnectorIdAnswer,
    Kilowatts,
    Priority,
    RequestBody,
    Weight,
    reads,
)
from csms.core.configuration import kilowatts, watts
from csms.core.configuration.reading import whole
from csms.core.ids import ChargerId
from csms.core.terms import Terms
from csms.core.what_if import Car, WhatIf

Kilo = int | float


class _Documented:
    """Documents a field as the configuration that `csms.core.configuration` reads from it, and reads nothing itself."""

    @staticmethod
    def __get_pydantic_json_schema__(_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(StationConfiguration.__pydantic_core_schema__)


def _named_once(phases: list[int]) -> list[int]:
    if not phases or len(set(phases)) < len(phases):
        raise PydanticCustomError("wrong", "must name 1 to 3 phases, each once")
    return phases


Phases = Annotated[
    list[Annotated[int, reads(whole(1, 3))]],
    AfterValidator(_named_once),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 3},
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": True,
        }
    ),
]


class SimulatedCar(RequestBody):
    """A car at a connector."""

    connector_id: ConnectorId = Field(alias="connectorId")
    vehicle_max_w: Kilowatts = Field(alias="vehicleMaxPower", description="The most that the car can take, kW.")
    weight: Weight = Field(None, description="Its share beside others; as its connector says when absent.")
    priority: Priority = Field(None, description="Higher is let in first where there is no room for all; likewise.")
    phases: Phases = Field(
        LEFT_OUT,
        description="Those of an AC charger over OCPP, its own L1 to L3, that it is known to use; any when absent.",
    )

    @property
    def car(self) -> Car:
        """Return it as the core has it."""
        charger_id, idx = ChargerId(self.connector_id.charger_id), self.connector_id.idx
        phases = frozenset(self.phases) if "phases" in self.model_fields_set else None
        return Car(charger_id, idx, self.vehicle_max_w, Terms(self.weight, self.priority), phases)


class SimulationRequest(RequestBody):
    """What is to be another than it is."""

    configuration: Annotated[Any, _Documented()] = Field(
        default=None, description="A whole configuration; the one in force when absent."
    )
    cars: list[SimulatedCar] = Field(
        default=[],
        description="Which cars are there, in the order in which they came, one at a connector. When absent: those "
        "that charge now, with their weights and priorities and the phases that they were seen to use.",
    )
    at_ms: Annotated[int | None, reads(read_time_ms), WithJsonSchema(EXPIRY_SCHEMA)] = Field(
        default=None,
        alias="at",
        description="When that is: what the grid connection has then, by capacitySchedule and the capacity events that "
        "were told; UTC where no zone is told. Now when absent.",
    )
    soc_ppm: Annotated[int | None, reads(charge_ppm), WithJsonSchema(CHARGE_SCHEMA)] = Field(
        default=None,
        alias="stateOfCharge",
        description="Of the battery, percent of the usable energy; as it was last read when absent, or full.",
    )
    base_load_w: Annotated[int | None, reads(watts), WithJsonSchema(KILOWATTS_SCHEMA)] = Field(
        default=None,
        alias="baseLoad",
        description="What is measured of the base load, kW. When absent: what counts now, or staticLoad where `at` is "
        "told or the configuration has another meter.",
    )


class CarShareBody(AnswerBody):
    """What a car would get."""

    connector_id: ConnectorIdAnswer
    vehicle_max_power: Kilo
    allocated_power: Kilo = Field(
        description="kW, to the watt. Chargers that are told amperes, and clients, are told less: rounded down."
    )
    limited_by: str = Field(
        description="Id of the charger, circuit or grid that limits it, or vehicle, below_minimum, no_room."
    )


class CarLeftOutBody(AnswerBody):
    """A car that charges now and cannot with that configuration."""

    connector_id: ConnectorIdAnswer
    error: str


class NodeLoadBody(AnswerBody):
    """The load of the grid connection, a circuit or a charger, or of a phase (`grid/L1`) whose limit is in amperes."""

    id: str
    load: Kilo = Field(description="The most that would be drawn there, kW: what is booked.")
    capacity: Kilo | Absent = Field(
        None,
        description="kW; of the grid by what holds then, less the base load, with what the battery can give. "
        "Absent: it has no limit of its own.",
    )


class ConfigurationNotice(AnswerBody):
    """What is worth knowing of the configuration, as `csms config check` says it."""

    kind: str
    path: str = Field(description="In the configuration.")
    text: str


class BatteryShareBody(AnswerBody):
    """What the battery would give to that."""

    state_of_charge: float = Field(description="Percent of the usable energy, as asked about.")
    power: Kilo = Field(description="kW, beside what the grid connection gives.")
    available_power: Kilo = Field(description="What it could give for a quarter of an hour, kW.")


class SimulationAnswer(AnswerBody):
    """Who would get how much. Nothing of it was done."""

    cars: list[CarShareBody]
    left_out: list[CarLeftOutBody] = Field(description="Of the cars that charge now; of those asked for it is a fault.")
    nodes: list[NodeLoadBody]
    base_load: Kilo = Field(description="What counts of everything else on the site, kW.")
    battery: BatteryShareBody | Absent = Field(None, description="Absent where there is none.")
    notices: list[ConfigurationNotice]


def simulation_answer(cars: Sequence[Car], found: WhatIf) -> SimulationAnswer:
    """Return the answer for these cars as REST shows it."""
    battery = found.battery
    return SimulationAnswer(
        base_load=kilowatts(found.base_load_w),
        battery=None
        if battery is None
        else BatteryShareBody(
            state_of_charge=battery.soc_ppm // 1_000 / 10,
            power=kilowatts(battery.power_w),
            available_power=kilowatts(battery.available_w),
        ),
        cars=[
            CarShareBody(
                connector_id=_connector(share.car),
                vehicle_max_power=kilowatts(share.car.max_w),
                allocated_power=kilowatts(share.power_w),
                limited_by=share.limited_by,
            )
            for share in found.shares
        ],
        left_out=[CarLeftOutBody(connector_id=_connector(cars[left.place]), error=left.why) for left in found.left_out],
        nodes=[
            NodeLoadBody(
                id=node.node_id,
                load=kilowatts(node.load_w),
                capacity=None if node.capacity_w is None else kilowatts(node.capacity_w),
            )
            for node in found.nodes
        ],
        notices=[ConfigurationNotice(kind=notice.kind, path=notice.path, text=notice.text) for notice in found.notices],
    )


def _connector(car: Car) -> ConnectorIdAnswer:
    return ConnectorIdAnswer(charger_id=car.charger_id, idx=car.idx)
