"""`GET /sessions/{id}/explain` and `POST /station/simulate`: what they answer, and that nothing comes of asking."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from api import examples
from api.problems import Kind
from api.routes import explanations, simulations
from csms.core.configuration import parse_station
from csms.core.events import ExplainRequested
from csms.core.explanation import (
    Awaited,
    BaseLoadShare,
    Binding,
    Cause,
    Explanation,
    Known,
    Load,
    Reason,
    Share,
    Wait,
)
from csms.core.grid_terms import CapacityEvent, CapacityWindow, Held, HeldBy
from csms.core.ids import ChargerId, RequestId, SessionId
from csms.core.replies import BatteryView, Explained, Refusal, Refused
from csms.core.site_meter import Measures, SiteMeterView
from csms.core.station import Station
from csms.core.terms import Terms
from csms.core.what_if import NO_AC, NO_CONNECTOR, NOT_OVER_OCPP, ONE_PHASE, SECOND_CAR
from csms.ports import StoreError
from tests.contract.test_rest import (
    NEW_ID,
    OLD_ID,
    FakeStore,
    World,
    assert_problem,
    ocpp_session,
    rest_session,
    world,
    world_of,
)

__all__ = ["world"]

PATH = f"/sessions/{NEW_ID}/explain"
OURS = SessionId(examples.EXPLANATION_WAITS["explanation"]["sessionId"])
THEIRS = SessionId(examples.SESSION_ID)
SHARES = (
    Share(OURS, ChargerId("CP003"), 2, 0, 100_000, 0),
    Share(THEIRS, ChargerId("CP001"), 1, 100_000, 100_000, 200_000),
)
WAITS = Explanation(
    session_id=OURS,
    charger_id=ChargerId("CP003"),
    idx=2,
    reason=Reason.WAITS_FOR_OTHERS,
    limited_by="grid",
    target_w=100_000,
    limit_w=0,
    booked_w=0,
    consumed_w=None,
    least_w=0,
    floor_w=0,
    cap_w=None,
    demand_w=150_000,
    declared_w=150_000,
    cause=Cause.DECLARED,
    binding=Binding("grid", 200_000, 200_000, 0, 0, 200_000, 2, 200_000, SHARES, (), 500),
    waits=(Wait(THEIRS, ChargerId("CP001"), 1, 100_000, Awaited.ANSWER),),
    waits_w=100_000,
    waits_sessions=1,
)
VEHICLE = Explanation(
    session_id=THEIRS,
    charger_id=ChargerId("CP001"),
    idx=1,
    reason=Reason.VEHICLE,
    limited_by="vehicle",
    target_w=54_000,
    limit_w=54_000,
    booked_w=54_000,
    consumed_w=50_000,
    least_w=0,
    floor_w=0,
    cap_w=None,
    demand_w=54_000,
    declared_w=200_000,
    cause=Cause.BELOW_LIMIT,
)


# --- explain ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "answer"),
    [(WAITS, examples.EXPLANATION_WAITS), (VEHICLE, examples.EXPLANATION_VEHICLE)],
    ids=["waits for others", "limited by the car"],
)
async def test_an_explanation_as_documented(world: World, found: Explanation, answer: dict[str, Any]) -> None:
    world.desk.view.sessions[NEW_ID] = rest_session()
    world.tell(Explained(found))
    told = await world.client.get(PATH)
    assert (told.status_code, told.json()) == (200, answer)
    assert world.desk.facts == [ExplainRequested(RequestId(0), NEW_ID)]
    assert world.audit.written == []


async def test_what_is_there_only_sometimes(world: World) -> None:
    world.desk.view.sessions[NEW_ID] = rest_session()
    binding = WAITS.binding
    assert binding is not None
    loads = (Load(ChargerId("CP002"), 50_500),)
    shares = (replace(SHARES[0], limit_w=None),)
    row = replace(binding, loads_w=50_500, trimmed_w=1, loads=loads, shares=shares, more_w=-9_000)
    capped = replace(WAITS, reason=Reason.CUT, awaited=Awaited.CUT, cap_w=1, floor_w=2, least_w=4_140, waits=())
    carried = BaseLoadShare(62_500, Known.MEASURED)
    world.tell(Explained(replace(capped, binding=row, limit_w=None, waits_w=0, base_load=carried)))
    told = (await world.client.get(PATH)).json()["explanation"]
    assert (told["until"], told["capPower"], told["keptPower"], told["leastPower"]) == ("cut", 0.001, 0.002, 4.14)
    assert told["baseLoad"] == {"power": 62.5, "because": "measured"}
    assert (told["reason"], told["waitsFor"], "limitPower" in told) == ("cut", [], False)
    node = told["node"]
    assert (node["loads"], node["notShared"], node["trimmed"]) == ([{"chargerId": "CP002", "power": 50.5}], 50.5, 0.001)
    assert (node["oneMoreKilowattGives"], "limitPower" in node["sharing"][0]) == (-9, False)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (
            Held(60_000, HeldBy.SCHEDULE, 400_000, window=CapacityWindow(1_020, 1_200, 60_000)),
            {"by": "schedule", "capacity": 60, "from": "17:00", "to": "20:00"},
        ),
        (
            Held(60_000, HeldBy.EVENT, 60_000, event=CapacityEvent("e1", 0, 1_000, 60_000, "DSO")),
            {
                "by": "event",
                "capacity": 60,
                "from": "1970-01-01T00:00:00.000Z",
                "to": "1970-01-01T00:00:01.000Z",
                "event": "e1",
                "source": "DSO",
            },
        ),
        (Held(60_500, HeldBy.TARIFF, 400_000), {"by": "tariff", "capacity": 60.5}),
    ],
)
async def test_what_holds_the_grid_connection(world: World, held: Held, told: dict[str, Any]) -> None:
    world.desk.view.sessions[NEW_ID] = rest_session()
    world.tell(Explained(replace(WAITS, held=held)))
    assert (await world.client.get(PATH)).json()["explanation"]["gridHeldBy"] == told


@pytest.mark.parametrize("session_id", [str(OLD_ID), "x", "%20", "a" * 200])
async def test_what_does_not_run_is_not_asked_about(world: World, session_id: str) -> None:
    world.desk.view.sessions[NEW_ID] = rest_session()
    assert_problem(await world.client.get(f"/sessions/{session_id}/explain"), Kind.UNKNOWN_SESSION)
    assert world.desk.facts == []


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Refused(Refusal.UNKNOWN_SESSION, "there is no active session of that id"), Kind.UNKNOWN_SESSION),
        (StoreError("disk"), Kind.STORE_UNAVAILABLE),
        (None, Kind.NOT_YET),
    ],
)
async def test_how_an_explanation_fails(world: World, outcome: Any, kind: Kind) -> None:
    world.desk.view.sessions[NEW_ID] = rest_session()
    if outcome is not None:
        world.tell(outcome)
    assert_problem(await world.client.get(PATH), kind)


# --- simulate ---------------------------------------------------------------------------------------------------------


async def test_a_simulation_as_documented(world: World) -> None:
    world.desk.view.sessions[OLD_ID] = ocpp_session()
    before = deepcopy(world.desk.view)
    told = await world.post("/station/simulate", examples.SIMULATION_OF_STATION)
    assert (told.status_code, told.json()) == (200, examples.SIMULATION)
    assert (world.desk.facts, world.audit.written) == ([], [])
    assert world.desk.view == before


async def test_the_station_in_force_and_the_cars_that_charge_now_when_nothing_is_said(world: World) -> None:
    world.desk.view.sessions |= {NEW_ID: rest_session(), OLD_ID: ocpp_session(charger_id="CP003", idx=2)}
    told = (await world.post("/station/simulate", {})).json()
    assert [(c["connectorId"], c["vehicleMaxPower"], c["allocatedPower"]) for c in told["cars"]] == [
        ({"chargerId": "CP001", "idx": 1}, 150, 150),
        ({"chargerId": "CP003", "idx": 2}, 149.25, 149.25),
    ]
    assert told["nodes"][0] == {"id": "grid", "load": 299.25, "capacity": 500}
    assert told["leftOut"] == []


async def test_what_the_grid_connection_has_at_a_time(world: World) -> None:
    """A changed schedule, by the clock of the station that is asked about, and the limits that were told."""
    world.desk.view.capacity_events["e1"] = CapacityEvent("e1", T_2098_MS, None, 90_000, "DSO")
    windowed = examples.STATION | {
        "timeZone": "Europe/Paris",
        "capacitySchedule": [{"from": "17:00", "to": "20:00", "capacity": 120}],
    }
    asked = [
        {"at": "2027-01-15T15:59:00Z", "configuration": windowed},
        {"at": "2027-01-15T16:00:00Z", "configuration": windowed},
        {"at": "2027-01-15T17:00:00+01:00", "configuration": windowed},
        {"at": "2027-01-15T16:00:00Z"},
        {"at": "2099-01-15T16:00:00Z", "configuration": windowed},
    ]
    told = [(await world.post("/station/simulate", body)).json()["nodes"][0]["capacity"] for body in asked]
    from_battery_kw = examples.STATION["battery"]["power"]
    assert told == [kw + from_battery_kw for kw in (400, 120, 120, 400, 90)]


METERED = examples.STATION | {"staticLoad": 60, "siteMeter": {"margin": 3}}
BATTERY = BatteryView(200_000, 0, 0, 40_000, 0, computed=True)
SHOWN = SiteMeterView(Measures.BASE_LOAD, 20_000, 0, False, 24_000, 60_000, False, "")


@pytest.mark.parametrize(
    ("body", "base_load_kw", "battery", "grid_kw"),
    [
        ({}, 24, (20, 80), 446),
        ({"stateOfCharge": 50}, 24, (50, 100), 476),
        ({"stateOfCharge": 10}, 24, (10, 0), 376),
        ({"baseLoad": 37.5}, 42, (20, 80), 428),
        ({"at": "2030-01-15T15:59:00Z"}, 60, (20, 80), 410),
        ({"at": "2030-01-15T15:59:00Z", "baseLoad": 37.5}, 42, (20, 80), 428),
        ({"configuration": METERED | {"siteMeter": {}}}, 60, (20, 80), 410),
        ({"configuration": METERED | {"gridCapacity": 200}}, 24, (20, 80), 246),
        ({"configuration": {k: v for k, v in METERED.items() if k != "battery"}}, 24, None, 376),
    ],
)
async def test_the_battery_and_the_base_load_are_as_they_are_now_or_as_is_said(
    world: World, body: dict[str, Any], base_load_kw: float, battery: tuple[float, float] | None, grid_kw: float
) -> None:
    """24 kW count of the 20 that are measured; a tenth of 200 kWh is 80 kW for a quarter of an hour: 70 count."""
    station = parse_station(METERED)
    assert isinstance(station, Station), station
    view = world.desk.view
    view.station, view.battery, view.site_meter = station, BATTERY, SHOWN
    told = (await world.post("/station/simulate", body)).json()
    found = told.get("battery")
    assert told["baseLoad"] == base_load_kw
    assert (None if found is None else (found["stateOfCharge"], found["availablePower"])) == battery
    assert told["nodes"][0]["capacity"] == grid_kw


async def test_a_car_that_charges_now_and_could_not_there_is_left_out(world: World) -> None:
    world.desk.view.sessions |= {NEW_ID: rest_session(), OLD_ID: ocpp_session(charger_id="CP003", idx=2)}
    smaller = examples.STATION | {"chargers": examples.STATION["chargers"][:1]}
    told = (await world.post("/station/simulate", {"configuration": smaller})).json()
    assert [car["connectorId"]["chargerId"] for car in told["cars"]] == ["CP001"]
    assert told["leftOut"] == [{"connectorId": {"chargerId": "CP003", "idx": 2}, "error": NO_CONNECTOR}]


async def test_no_cars_are_another_question_than_none_said(world: World) -> None:
    world.desk.view.sessions[NEW_ID] = rest_session()
    told = (await world.post("/station/simulate", {"cars": []})).json()
    assert (told["cars"], told["nodes"][0]["load"]) == ([], 0)


AC = {"maxPower": 22, "connectors": 1, "phases": 3}
FUSED = {
    "stationId": "FUSED",
    "gridCapacity": {"amperes": 35},
    "chargers": [
        AC | {"id": "A", "phaseRotation": "RST"},
        AC | {"id": "B", "phaseRotation": "STR"},
        {"id": "S", "maxPower": 7, "connectors": 1, "phases": 1},
        AC | {"id": "R", "control": "rest"},
    ],
}
OF_A_AND_B = [{"connectorId": {"chargerId": charger_id, "idx": 1}, "vehicleMaxPower": 22} for charger_id in "AB"]


@pytest.mark.parametrize(
    ("said", "powers_kw"),
    [
        (({}, {}), (12.075, 12.075)),
        (({"weight": 2}, {}), (16.1, 8.05)),
        (({"phases": [1]}, {"phases": [1]}), (22, 22)),
        (({"phases": [1]}, {"phases": [2, 3]}), (16.1, 8.05)),
    ],
)
async def test_the_weight_and_the_phases_of_a_car_count(
    world: World, said: tuple[dict[str, Any], ...], powers_kw: tuple[float, ...]
) -> None:
    cars = [car | more for car, more in zip(OF_A_AND_B, said, strict=True)]
    told = (await world.post("/station/simulate", {"configuration": FUSED, "cars": cars})).json()
    assert tuple(car["allocatedPower"] for car in told["cars"]) == powers_kw


async def test_the_priority_of_a_car_counts(world: World) -> None:
    scarce = FUSED | {"gridCapacity": {"amperes": 10}}
    for priority, running in ((0, [True, False]), (1, [False, True])):
        cars = [OF_A_AND_B[0], OF_A_AND_B[1] | {"priority": priority}]
        told = (await world.post("/station/simulate", {"configuration": scarce, "cars": cars})).json()
        assert [car["allocatedPower"] > 0 for car in told["cars"]] == running


@pytest.mark.parametrize(
    ("now", "powers_kw"),
    [
        (({}, {}), (12.075, 12.075)),
        (({"terms": Terms(weight=2)}, {}), (16.1, 8.05)),
        (({"terms": Terms(priority=3), "weight": 2}, {}), (12.075, 12.075)),  # of a connector that this one has not
        (({"phases": frozenset({1})}, {"phases": frozenset({1})}), (22, 22)),
    ],
)
async def test_the_cars_that_charge_now_keep_their_terms_and_their_phases(
    world: World, now: tuple[dict[str, Any], ...], powers_kw: tuple[float, ...]
) -> None:
    views = (
        replace(ocpp_session(charger_id=ChargerId(charger_id), **more), session_id=SessionId(charger_id))
        for charger_id, more in zip("AB", now, strict=True)
    )
    world.desk.view.sessions |= {view.session_id: view for view in views}
    told = (await world.post("/station/simulate", {"configuration": FUSED})).json()
    assert tuple(car["allocatedPower"] for car in told["cars"]) == powers_kw


CAR = examples.SIMULATION_OF_CARS["cars"][0]
ONE_TO_THREE = "must be a whole number from 1 to 3"
NO_BATTERY = {key: value for key, value in examples.STATION.items() if key != "battery"}
T_2098_MS = 4_039_372_800_000
WRONG = examples.STATION | {"gridCapacity": -1, "chargers": [{"id": "A", "maxPower": "x", "connectors": 1}]}
FAULTY: list[tuple[Any, list[tuple[str, str]]]] = [
    ([], [("$", "must be an object")]),
    ({"at": "now"}, [("$.at", "must be an ISO 8601 time from 2020 to 2099")]),
    ({"car": []}, [("$.car", "unknown field")]),
    ({"stateOfCharge": 101}, [("$.stateOfCharge", "must be from 0 to 100")]),
    ({"baseLoad": "5"}, [("$.baseLoad", "must be a number")]),
    ({"baseLoad": 5}, [("$.baseLoad", "the configuration has no siteMeter: staticLoad counts always")]),
    (
        {"configuration": NO_BATTERY, "stateOfCharge": 50},
        [("$.stateOfCharge", "the configuration has no battery")],
    ),
    ({"cars": None}, [("$.cars", "must be a list")]),
    ({"cars": [CAR | {"wieght": 2}]}, [("$.cars[0].wieght", "unknown field")]),
    ({"cars": [CAR | {"weight": 0}]}, [("$.cars[0].weight", "must be a whole number from 1 to 100")]),
    ({"cars": [CAR | {"weight": None}]}, [("$.cars[0].weight", "must be a whole number from 1 to 100")]),
    ({"cars": [CAR | {"weight": 101}]}, [("$.cars[0].weight", "must be a whole number from 1 to 100")]),
    ({"cars": [CAR | {"priority": 10}]}, [("$.cars[0].priority", "must be a whole number from 0 to 9")]),
    ({"cars": [CAR | {"phases": 1}]}, [("$.cars[0].phases", "must be a list")]),
    ({"cars": [CAR | {"phases": None}]}, [("$.cars[0].phases", "must be a list")]),
    ({"cars": [CAR | {"phases": []}]}, [("$.cars[0].phases", "must name 1 to 3 phases, each once")]),
    ({"cars": [CAR | {"phases": [2, 2]}]}, [("$.cars[0].phases", "must name 1 to 3 phases, each once")]),
    ({"cars": [CAR | {"phases": [1, 4, "2"]}]}, [(f"$.cars[0].phases[{i}]", ONE_TO_THREE) for i in (1, 2)]),
    ({"cars": [CAR | {"phases": [1]}]}, [("$.cars[0].phases", NO_AC)]),
    (
        {
            "configuration": FUSED,
            "cars": [
                CAR | {"connectorId": {"chargerId": charger_id, "idx": 1}, "phases": [2]} for charger_id in "ABSRX"
            ],
        },
        [
            ("$.cars[4].connectorId", NO_CONNECTOR),
            ("$.cars[2].phases", ONE_PHASE),
            ("$.cars[3].phases", NOT_OVER_OCPP),
        ],
    ),
    ({"cars": [CAR | {"vehicleMaxPower": "80"}]}, [("$.cars[0].vehicleMaxPower", "must be a number")]),
    (
        {"cars": [CAR, CAR, CAR | {"connectorId": {"chargerId": "CP009", "idx": 1}}]},
        [("$.cars[1].connectorId", SECOND_CAR), ("$.cars[2].connectorId", NO_CONNECTOR)],
    ),
    ({"configuration": None}, [("$.configuration", "must be an object")]),
    (
        {"configuration": WRONG, "cars": [CAR]},
        [
            ("$.configuration.gridCapacity", "must be from 0 to 1000000"),
            ("$.configuration.chargers[0].maxPower", "must be a number"),
        ],
    ),
    (
        {"configuration": examples.STATION | {"timeZone": "Europe/Atlantis"}},
        [("$.configuration.timeZone", "is not a known IANA time zone")],
    ),
]


@pytest.mark.parametrize(("body", "faults"), FAULTY, ids=[json.dumps(body)[:60] for body, _ in FAULTY])
async def test_every_fault_of_a_question_by_its_path(world: World, body: Any, faults: list[tuple[str, str]]) -> None:
    problem = assert_problem(await world.post("/station/simulate", body), Kind.INVALID)
    assert [(fault["path"], fault["error"]) for fault in problem["faults"]] == faults
    assert world.desk.facts == []


async def test_as_large_as_a_configuration_may_be_and_no_larger(world: World) -> None:
    cars = [CAR | {"connectorId": {"chargerId": "CP001", "idx": idx}} for idx in range(3, 3_000)]
    problem = assert_problem(await world.post("/station/simulate", {"cars": cars}), Kind.INVALID)
    assert problem["error"].startswith("The request has 2997 faults")
    assert_problem(await world.post_text("/station/simulate", b" " * (1024 * 1024 + 1)), Kind.BODY_TOO_LARGE)


# --- many at once -----------------------------------------------------------------------------------------------------


async def test_more_who_ask_than_are_answered_soon_are_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "WAITING_MAX", 0)
    monkeypatch.setattr(simulations, "WAITING_MAX", 0)
    store = FakeStore()
    async with world_of(store, store) as busy:
        busy.desk.view.sessions[NEW_ID] = rest_session()
        asked = await busy.client.get(PATH), await busy.post("/station/simulate", {})
        assert [(assert_problem(a, Kind.BUSY)["status"], a.headers["Retry-After"]) for a in asked] == [
            (503, str(explanations.RETRY_S)),
            (503, str(simulations.RETRY_S)),
        ]
        assert busy.desk.facts == []
