"""What if: the station with another configuration, or other cars, answered without touching it."""

import asyncio
from collections.abc import Container, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api import examples
from api.answers import json_answer
from api.bodies import STATION_BODY_BYTES_MAX, read_model
from api.openapi import BODY_KINDS, fails, gives, takes
from api.problems import Kind, invalid, problem
from api.services import Services
from api.simulation_schemas import SimulationAnswer, SimulationRequest, simulation_answer
from api.turns import Turns
from csms.core.configuration import parse_station
from csms.core.faults import Fault
from csms.core.station import Station
from csms.core.what_if import Car, Moment, counts_w, phases_fault, running_car, what_if

AT_ONCE = 1
"""Ten thousand cars take a second of a thread, while the station's loop goes on with what that leaves."""
WAITING_MAX = 4
RETRY_S = 5


class SimulationRoutes:
    """`POST /station/simulate`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(AT_ONCE, WAITING_MAX)

    def add_to(self, app: FastAPI) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/station/simulate",
            self.simulate,
            methods=["POST"],
            summary="Who would get how much, if",
            tags=["station"],
            response_model=None,
            openapi_extra=takes(
                SimulationRequest, cars=examples.SIMULATION_OF_CARS, configuration=examples.SIMULATION_OF_STATION
            ),
            responses=gives(SimulationAnswer, "Who would get how much.", three_cars=examples.SIMULATION)
            | fails(*BODY_KINDS, Kind.BUSY),
        )

    async def simulate(self, request: Request) -> Response:
        """Say who would get how much with another configuration, other cars, or both, and change nothing.

        It is what everybody would have in the end: with each charger connected over OCPP (`control: rest`: driven over
        REST) and obeying, nothing left to be confirmed, and no cap of an operator. The grid connection has what it has
        at the time asked about, its operator being heard; a capacity tariff holds it at its target. The battery gives
        what it can with the charge asked about, and the base load is what is asked about.
        """
        body = await read_model(request, SimulationRequest, STATION_BODY_BYTES_MAX)
        if isinstance(body, Response):
            return body
        if self._turns.are_gone:
            return problem(Kind.BUSY, headers={"Retry-After": str(RETRY_S)})
        view, zones = self._services.desk.view, self._services.time_zones
        station, running = view.station, [running_car(each) for each in view.sessions.values()]
        at_ms = self._services.wall_ms() if body.at_ms is None else body.at_ms
        soc_ppm = None if view.battery is None else view.battery.soc_ppm
        moment = Moment(at_ms, events=tuple(view.capacity_events.values()), soc_ppm=soc_ppm)
        if view.site_meter is not None and body.at_ms is None:
            moment = replace(moment, base_load_w=view.site_meter.counted_w)
        async with self._turns.take():
            answer = await asyncio.to_thread(_simulated, body, station, running, moment, zones)
        return json_answer(answer) if isinstance(answer, SimulationAnswer) else invalid(answer)


def _simulated(
    body: SimulationRequest, station: Station, running: Sequence[Car], moment: Moment, zones: Container[str]
) -> SimulationAnswer | Sequence[Fault]:
    """Return the answer, or what is wrong with the question; `station` and `moment` are of what is in force now."""
    if "configuration" in body.model_fields_set:
        parsed = parse_station(body.configuration, zones)
        if not isinstance(parsed, Station):
            return [Fault(fault.path.replace("$", "$.configuration", 1), fault.error) for fault in parsed]
        if parsed.site_meter != station.site_meter:
            moment = replace(moment, base_load_w=None)  # another meter has to be heard first
        station = parsed
    moment = replace(moment, zone=ZoneInfo(station.time_zone))
    if body.soc_ppm is not None:
        if station.battery is None:
            return [Fault("$.stateOfCharge", "the configuration has no battery")]
        moment = replace(moment, soc_ppm=body.soc_ppm)
    if body.base_load_w is not None:
        if station.site_meter is None:
            return [Fault("$.baseLoad", "the configuration has no siteMeter: staticLoad counts always")]
        moment = replace(moment, base_load_w=counts_w(station, body.base_load_w))
    if "cars" not in body.model_fields_set:
        return simulation_answer(running, what_if(station, running, moment))
    cars = [each.car for each in body.cars]
    found = what_if(station, cars, moment)
    faults = [Fault(f"$.cars[{left.place}].connectorId", left.why) for left in found.left_out]
    chargers = {config.charger_id: config for config in station.chargers}
    whys = [phases_fault(chargers.get(car.charger_id), car) for car in cars]
    faults += [Fault(f"$.cars[{place}].phases", why) for place, why in enumerate(whys) if why is not None]
    return faults or simulation_answer(cars, found)
