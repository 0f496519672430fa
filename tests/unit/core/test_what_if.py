"""Who would get how much at a station as configured: worked cases, and random stations against the plain reference."""

import random
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from csms.core.configuration import parse_station
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from csms.core.terms import UNSAID, Terms
from csms.core.tree import circuit_path
from csms.core.what_if import (
    NO_AC,
    NO_CONNECTOR,
    NOT_OVER_OCPP,
    NOT_STEERED,
    ONE_PHASE,
    SECOND_CAR,
    Car,
    Moment,
    counts_w,
    phases_fault,
    running_car,
    what_if,
)
from csms.simulation.reference import Claim, fair_shares
from csms.simulation.stations import random_station
from tests.unit.core.driving import Drive
from tests.unit.core.test_phases_in_plans import IN_AMPERES, charging, draw, told_a
from tests.unit.core.test_supply import full_station
from tests.unit.core.test_terms import begun, terms

NOW = Moment(1_800_000_000_000)
"""2027-01-15 08:00 UTC, a Friday."""


def station(grid_kw: float, *chargers: dict[str, Any], **more: Any) -> Station:
    document = {"stationId": "SITE", "gridCapacity": grid_kw, "chargers": list(chargers)} | more
    found = parse_station(document)
    assert isinstance(found, Station), found
    return found


def dc(charger_id: str, max_kw: float, connectors: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": charger_id, "maxPower": max_kw, "connectors": connectors, "phases": 0} | more


def ac(charger_id: str, connectors: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": charger_id, "maxPower": 22, "connectors": connectors, "phases": 3} | more


def car(charger_id: str, idx: int, max_kw: float, said: Terms = UNSAID, on: tuple[int, ...] = ()) -> Car:
    return Car(ChargerId(charger_id), idx, int(max_kw * 1_000), said, frozenset(on) or None)


CASES: list[tuple[str, Station, list[Car], list[tuple[float, str]], dict[str, tuple[float, float | None]]]] = [
    (
        "the worked example",
        station(330, dc("A", 200, 2), dc("B", 200)),
        [car("A", 1, 80), car("A", 2, 150), car("B", 1, 150)],
        [(80, "vehicle"), (120, "A"), (130, "grid")],
        {"grid": (330, 330), "A": (200, 200), "B": (130, 200)},
    ),
    (
        "a circuit, the house, and a charger that is not controlled",
        station(
            100,
            dc("A", 50, circuit="hall"),
            dc("B", 50, circuit="hall"),
            dc("F", 20, control="none", reservedPower=5),
            staticLoad=10,
            circuits=[{"id": "hall", "capacity": 60}],
        ),
        [car("A", 1, 50), car("B", 1, 50)],
        [(30, "hall"), (30, "hall")],
        {"grid": (65, 90), "hall": (60, 60), "A": (30, 50), "B": (30, 50), "F": (5, 20)},
    ),
    (
        "a circuit without a limit of its own",
        station(90, dc("A", 50, circuit="hall"), circuits=[{"id": "hall"}]),
        [car("A", 1, 40)],
        [(40, "vehicle")],
        {"grid": (40, 90), "hall": (40, None), "A": (40, 50)},
    ),
    (
        "a minimum that does not fit, of the car that came last",
        station(8, ac("A", 2)),
        [car("A", 2, 22), car("A", 1, 22)],
        [(8, "grid"), (0, "no_room")],
        {"grid": (8, 8), "A": (8, 22)},
    ),
    (
        "a car that takes less than the least",
        station(50, ac("A")),
        [car("A", 1, 3)],
        [(0, "below_minimum")],
        {"grid": (0, 50), "A": (0, 22)},
    ),
    (
        "driven over REST there is no least",
        station(50, ac("A", control="rest")),
        [car("A", 1, 3)],
        [(3, "vehicle")],
        {"grid": (3, 50), "A": (3, 22)},
    ),
    (
        "what every new car gets without the server is set aside at idle connectors",
        station(100, dc("A", 100, 3, failSafePower=10), failSafe="reserve"),
        [car("A", 1, 200)],
        [(80, "grid")],
        {"grid": (100, 100), "A": (100, 100)},
    ),
    (
        "an observed charger keeps what is set aside for it",
        station(100, dc("A", 100), dc("O", 60, mode="observe", reservedPower=40)),
        [car("A", 1, 200)],
        [(60, "grid")],
        {"grid": (100, 100), "A": (60, 100), "O": (40, 60)},
    ),
    (
        "a car that could take more than its charger gives",
        station(400, dc("A", 100)),
        [car("A", 1, 150)],
        [(100, "vehicle")],
        {"grid": (100, 400), "A": (100, 100)},
    ),
    (
        "what a car falls back to cannot be taken from it although its minimum has no room",
        station(
            25,
            dc("A", 100, minPower=20, failSafePower=10),
            dc("B", 100, minPower=0, failSafePower=10),
            failSafe="reserve",
        ),
        [car("B", 1, 200), car("A", 1, 200)],
        [(15, "grid"), (10, "no_room")],
        {"grid": (25, 25), "A": (10, 100), "B": (15, 100)},
    ),
    ("nobody there", station(100, dc("A", 100)), [], [], {"grid": (0, 100), "A": (0, 100)}),
]


@pytest.mark.parametrize(("site", "cars", "shares", "nodes"), [pytest.param(*one[1:], id=one[0]) for one in CASES])
def test_worked_cases(
    site: Station,
    cars: list[Car],
    shares: list[tuple[float, str]],
    nodes: dict[str, tuple[float, float | None]],
) -> None:
    found = what_if(site, cars, NOW)
    assert [each.car for each in found.shares] == cars
    assert [(each.power_w / 1_000, each.limited_by) for each in found.shares] == shares
    kw = {n.node_id: (n.load_w / 1_000, None if n.capacity_w is None else n.capacity_w / 1_000) for n in found.nodes}
    assert kw == nodes
    assert found.left_out == ()


def test_cars_that_cannot_be_there_are_left_out_and_said() -> None:
    site = station(100, dc("A", 100, 2), dc("F", 20, control="none"), dc("O", 20, mode="observe"))
    cars = [car("B", 1, 50), car("A", 3, 50), car("A", 0, 50), car("A", 2, 50), car("A", 2, 50), car("F", 1, 5)]
    found = what_if(site, [*cars, car("O", 1, 5)], NOW)
    assert [(left.place, left.why) for left in found.left_out] == [
        (0, NO_CONNECTOR),
        (1, NO_CONNECTOR),
        (2, NO_CONNECTOR),
        (4, SECOND_CAR),
        (5, NOT_STEERED),
        (6, NOT_STEERED),
    ]
    assert [(each.car, each.power_w) for each in found.shares] == [(cars[3], 50_000)]


EVENING = {"capacitySchedule": [{"from": "17:00", "to": "20:00", "capacity": 60}], "timeZone": "Europe/Paris"}
OPERATOR = {"gridOperator": {"failSafeCapacity": 10}}
DIMMED = CapacityEvent("e1", NOW.wall_ms, NOW.wall_ms + 3_600_000, 40_000, "DSO")


@pytest.mark.parametrize(
    ("more", "later_h", "events", "kw"),
    [
        ({}, 0, (), 100),
        (EVENING, 0, (), 100),
        (EVENING, 7.99, (), 100),  # 16:59:24 by the station's clock
        (EVENING, 7.999, (), 60),  # 16:59:56: cuts have left
        (EVENING, 8, (), 60),
        (EVENING, 10.99, (), 60),
        (EVENING, 11, (), 100),
        (OPERATOR, 0, (), 100),
        (OPERATOR, 0, (DIMMED,), 40),
        (EVENING, 1, (DIMMED,), 100),
        ({"capacityTariff": {"target": 70}}, 0, (), 70),
        ({"capacityTariff": {"target": 70}, "staticLoad": 10}, 0, (DIMMED,), 30),
        ({"capacityTariff": {"target": 70}, "staticLoad": 10, "siteMeter": {}}, 0, (), 60),
        ({"capacityTariff": {}}, 0, (), 100),
    ],
)
def test_what_the_grid_connection_has_at_a_moment(
    more: dict[str, Any], later_h: float, events: tuple[CapacityEvent, ...], kw: float
) -> None:
    moment = Moment(NOW.wall_ms + int(later_h * 3_600_000), ZoneInfo("Europe/Paris"), events)
    found = what_if(station(100, dc("A", 200), **more), [car("A", 1, 200)], moment)
    assert (found.shares[0].power_w, found.shares[0].limited_by) == (kw * 1_000, "grid")
    assert found.nodes[0].capacity_w == kw * 1_000


BATTERY = {"battery": {"initialCapacity": 100, "power": 50}}
METERED = {"staticLoad": 40, "siteMeter": {"margin": 2}}


@pytest.mark.parametrize(
    ("more", "soc_percent", "shown_kw", "kw", "battery_kw"),
    [
        (BATTERY, None, None, 150, (50, 50)),
        (BATTERY, 50, None, 150, (50, 50)),
        (BATTERY, 16, None, 120, (20, 24)),  # 6 kWh in a quarter of an hour; targets count on 0.9 of it, in steps
        (BATTERY, 10, None, 100, (0, 0)),
        (BATTERY | {"capacitySchedule": [{"from": "00:00", "to": "24:00", "capacity": 60}]}, None, None, 110, (50, 50)),
        (BATTERY | {"capacityTariff": {"target": 70}}, None, None, 120, (50, 50)),
        (METERED, None, None, 60, None),
        (METERED, None, 10, 88, None),
        (METERED, None, 39.5, 60, None),
        (METERED, None, 45, 55, None),
        (METERED | BATTERY, None, 10, 138, (50, 50)),
    ],
)
def test_what_the_battery_and_the_base_load_make_of_it(
    more: dict[str, Any],
    soc_percent: int | None,
    shown_kw: float | None,
    kw: float,
    battery_kw: tuple[float, float] | None,
) -> None:
    site = station(100, dc("A", 200), **more)
    counted_w = None if shown_kw is None else counts_w(site, int(shown_kw * 1_000))
    soc_ppm = None if soc_percent is None else soc_percent * 10_000
    found = what_if(site, [car("A", 1, 200)], replace(NOW, soc_ppm=soc_ppm, base_load_w=counted_w))
    assert (found.shares[0].power_w, found.nodes[0].capacity_w) == (kw * 1_000, kw * 1_000)
    share = found.battery
    assert (None if share is None else (share.power_w / 1_000, share.available_w / 1_000)) == battery_kw
    assert found.base_load_w == (site.static_load_w if counted_w is None else counted_w)


def test_a_battery_gives_no_more_than_is_lacking_and_nothing_counts_without_a_meter() -> None:
    site = station(100, dc("A", 200), **BATTERY)
    shared = [what_if(site, [car("A", 1, kw)], NOW).battery for kw in (80, 120)]
    assert [each.power_w for each in shared if each is not None] == [0, 20_000]
    assert counts_w(site, 5_000) is None


@pytest.mark.parametrize(("soc_percent", "cars"), [(100, 4), (100, 3), (40, 4), (22, 4), (10, 4)])
def test_the_answer_with_a_battery_is_what_the_plan_of_a_running_station_is(soc_percent: int, cars: int) -> None:
    drive = full_station(soc_percent, cars)
    drive.on(100)
    views = [each for each in drive.engine.all_changes().sessions.values() if each is not None]
    asked = [running_car(each) for each in views]
    battery = drive.engine.all_changes().battery
    assert battery is not None
    found = what_if(drive.engine.station, asked, replace(NOW, soc_ppm=battery.soc_ppm))
    assert [share.power_w for share in found.shares] == [each.target_w for each in views]


# --- terms and phases of a car ----------------------------------------------------------------------------------------


HEAVY = {"connectorSettings": [{"idx": 1, "weight": 3, "priority": 3}]}
LEAST_50 = {"minPower": 50}


@pytest.mark.parametrize(
    ("first", "second", "said", "kw"),
    [
        ({}, {}, (UNSAID, UNSAID), (45, 45)),
        ({}, {}, (UNSAID, Terms(weight=2)), (30, 60)),
        ({"weight": 2}, {}, (UNSAID, UNSAID), (60, 30)),
        (HEAVY, {}, (Terms(weight=1), UNSAID), (45, 45)),
        (HEAVY, {}, (UNSAID, UNSAID), (67.5, 22.5)),
        (LEAST_50, LEAST_50, (UNSAID, UNSAID), (90, 0)),
        (LEAST_50, LEAST_50, (UNSAID, Terms(priority=1)), (0, 90)),
        (LEAST_50 | HEAVY, LEAST_50, (UNSAID, Terms(priority=2)), (90, 0)),
        (LEAST_50 | HEAVY, LEAST_50, (Terms(priority=0), Terms(priority=2)), (0, 90)),
    ],
)
def test_what_is_said_of_a_car_comes_before_its_connector(
    first: dict[str, Any], second: dict[str, Any], said: tuple[Terms, Terms], kw: tuple[float, float]
) -> None:
    cars = [car("A", 1, 100, said[0]), car("B", 1, 100, said[1])]
    found = what_if(station(90, dc("A", 100, **first), dc("B", 100, **second)), cars, NOW)
    assert tuple(share.power_w / 1_000 for share in found.shares) == kw


FUSE = {"gridCapacity": {"amperes": 35}}
ROTATIONS = {"A": "RST", "B": "STR", "C": "TRS"}


def fused(*chargers: dict[str, Any]) -> Station:
    """Return a station behind 35 A on each phase, with chargers of 22 kW if no others are said."""
    turned = [ac(each, phaseRotation=rotation) for each, rotation in ROTATIONS.items()]
    return station(0, *(chargers or turned), **FUSE)


@pytest.mark.parametrize(
    ("phases", "amperes", "on_phases"),
    [
        (((), (), ()), (11.66, 11.66, 11.66), (35, 35, 35)),
        (((1,), (1,), (1,)), (31.88, 31.88, 31.88), (31.88, 31.88, 31.88)),  # all of 22 kW
        (((1,), (3,), (2,)), (11.66, 11.66, 11.66), (35, 0, 0)),
        (((1,), (2, 3), ()), (19.09, 9.55, 6.36), (35, 6.36, 15.91)),  # the same power for each
        (((1, 2, 3), (1, 2, 3), (1, 2, 3)), (11.66, 11.66, 11.66), (35, 35, 35)),
    ],
)
def test_a_car_counts_on_the_phases_that_it_is_said_to_use(
    phases: tuple[tuple[int, ...], ...], amperes: tuple[float, ...], on_phases: tuple[float, ...]
) -> None:
    found = what_if(fused(), [car(each, 1, 22, on=on) for each, on in zip("ABC", phases, strict=True)], NOW)
    assert tuple(share.power_w / 690 for share in found.shares) == pytest.approx(amperes, abs=0.01)
    loads = {node.node_id: node.load_w / 230 for node in found.nodes}
    assert tuple(loads[f"grid/L{line}"] for line in (1, 2, 3)) == pytest.approx(on_phases, abs=0.01)


@pytest.mark.parametrize(
    ("charger", "on", "fault"),
    [
        (ac("A"), (), None),
        (ac("A"), (2, 3), None),
        (ac("A", control="rest"), (1,), NOT_OVER_OCPP),
        (ac("A", control="rest"), (), None),
        (dc("A", 22), (1,), NO_AC),
        ({"id": "A", "maxPower": 7, "connectors": 1, "phases": 1}, (1,), None),
        ({"id": "A", "maxPower": 7, "connectors": 1, "phases": 1}, (2,), ONE_PHASE),
        ({"id": "A", "maxPower": 7, "connectors": 1, "phases": 1}, (1, 2), ONE_PHASE),
    ],
)
def test_which_phases_a_car_can_be_known_to_use(
    charger: dict[str, Any], on: tuple[int, ...], fault: str | None
) -> None:
    """What was learnt of phases that its charger does not have, or of none, changes nothing."""
    site, asked = fused(charger, ac("B")), car("A", 1, 7, on=on)
    assert phases_fault(site.charger(asked.charger_id), asked) == fault
    assert phases_fault(None, asked) is None
    if fault is not None:
        cars = [[each, car("B", 1, 22)] for each in (asked, replace(asked, phases=None))]
        shares = [[share.power_w for share in what_if(site, each, NOW).shares] for each in cars]
        assert shares[0] == shares[1]


# --- the station of now -----------------------------------------------------------------------------------------------


def now_and_asked(drive: Drive) -> tuple[list[int], list[int]]:
    """Return the targets of a station, as published, and what it is said to come to with nothing changed."""
    views = [each for each in drive.engine.all_changes().sessions.values() if each is not None]
    found = what_if(drive.engine.station, [running_car(each) for each in views], NOW)
    return [each.target_w for each in views], [share.power_w for share in found.shares]


@pytest.mark.parametrize(
    ("of_tag", "of_session", "kw"),
    [
        (UNSAID, UNSAID, [45, 45]),
        (Terms(weight=2), UNSAID, [30, 60]),
        (UNSAID, Terms(weight=2), [30, 60]),
        (Terms(weight=5, priority=1), Terms(weight=2), [30, 60]),
    ],
)
def test_with_nothing_changed_weights_are_those_of_now(of_tag: Terms, of_session: Terms, kw: list[float]) -> None:
    drive = Drive(station(90, dc("A", 100), dc("B", 100)))
    drive.bring_up("A", "B")
    begun(drive, "A")
    terms(drive, begun(drive, "B", of_tag), of_session)
    drive.draws({("A", 1): kw[0], ("B", 1): kw[1]}, 60)
    targets_w, asked_w = now_and_asked(drive)
    assert [power_w / 1_000 for power_w in asked_w] == kw
    assert targets_w == asked_w


@pytest.mark.parametrize(("of_tag", "of_session"), [(Terms(priority=1), UNSAID), (UNSAID, Terms(priority=1))])
def test_with_nothing_changed_priorities_are_those_of_now(of_tag: Terms, of_session: Terms) -> None:
    drive = Drive(station(90, dc("A", 100, minPower=50), dc("B", 100, minPower=50)))
    drive.bring_up("A", "B")
    begun(drive, "A")
    terms(drive, begun(drive, "B", of_tag), of_session)
    drive.draws({("A", 1): 0, ("B", 1): 90}, 40)
    assert now_and_asked(drive) == ([0, 90_000], [0, 90_000])


def test_with_nothing_changed_cars_are_on_the_phases_that_they_were_seen_to_use() -> None:
    drive = charging(fused(), *ROTATIONS, keys=IN_AMPERES)
    assert [told_a(drive, each) for each in ROTATIONS] == [11, 11, 11]
    for _ in range(12):
        for each in ROTATIONS:
            amperes = told_a(drive, each)
            drive.sample(each, 1, int(amperes * 230), current_ma=(int(amperes * 1_000), 0, 0))
        drive.accept()
        drive.wait(10)
    targets_w, asked_w = now_and_asked(drive)
    assert asked_w == [22_000, 22_000, 22_000]
    assert targets_w == [31 * 690] * 3, "whole amperes are told"


def test_the_phases_of_a_car_are_published_as_they_are_learnt_and_forgotten() -> None:
    drive = Drive(fused(), keys=IN_AMPERES)
    drive.bring_up("A")
    drive.start("A")

    def published() -> frozenset[int] | None:
        (view,) = drive.last.changes.sessions.values()
        assert view is not None
        return view.phases

    draw(drive, "A", (11, 0, 0), 2)
    drive.wait(10)
    drive.sample("A", 1, 11 * 230, current_ma=(11_000, 0, 0))
    assert published() == frozenset({1})
    drive.disconnect("A")
    assert published() is None
    drive.connect("A")
    assert published() is None
    draw(drive, "A", (11, 0, 0), 2)
    drive.wait(10)
    drive.sample("A", 1, 11 * 230, current_ma=(11_000, 0, 0))
    assert published() == frozenset({1})
    drive.connect("A", takes_over=True)
    assert published() is None
    draw(drive, "A", (11, 0, 0), 3)
    drive.wait(10)
    drive.sample("A", 1, 11 * 690, current_ma=(11_000, 11_000, 11_000))
    assert published() is None


def test_phases_are_published_as_forgotten_when_the_charger_has_others() -> None:
    drive = Drive(fused(), keys=IN_AMPERES)
    drive.bring_up("A")
    drive.start("A")
    draw(drive, "A", (11, 0, 0), 4)
    drive.configure(fused({"id": "A", "maxPower": 7, "connectors": 1, "phases": 1}, ac("B"), ac("C")))
    (view,) = drive.last.changes.sessions.values()
    assert view is not None
    assert (view.phases, view.charger_id) == (None, "A")


def test_what_is_worth_knowing_of_the_configuration_is_said() -> None:
    kinds = [notice.kind for notice in what_if(station(100), [], NOW).notices]
    assert kinds == ["fail_safe_not_chosen", "no_chargers"]


# --- random stations --------------------------------------------------------------------------------------------------


def floor_w(charger: Charger) -> int:
    """Return the fail-safe power of a connector as it is told: whole amperes of AC, which a charger may be told in."""
    if charger.phases == 0 or not charger.fail_safe_power_w:
        return charger.fail_safe_power_w
    ampere_w = charger.voltage_v * charger.phases
    return charger.fail_safe_power_w // ampere_w * ampere_w


def reference(site: Station, cars: list[Car]) -> list[int]:
    """Return the shares as the plain reference has them."""
    rooms_w = {"grid": site.grid_capacity_w - site.static_load_w}
    rooms_w |= {c.circuit_id: c.capacity_w for c in site.circuits if c.capacity_w is not None}
    rooms_w |= {c.charger_id: c.max_power_w for c in site.chargers}
    taken = {(each.charger_id, each.idx) for each in cars}
    paths = {c.charger_id: (c.charger_id, *circuit_path(site, c.circuit)) for c in site.chargers}
    for charger in site.chargers:
        idle = sum((charger.charger_id, idx) not in taken for idx in range(1, charger.connectors + 1))
        fixed_w = min(charger.max_power_w, idle * floor_w(charger))
        fixed_w = charger.uncontrolled_power_w if charger.control is Control.NONE else fixed_w
        for row in paths[charger.charger_id]:
            if row in rooms_w:
                rooms_w[row] = max(0, rooms_w[row] - fixed_w)
    claims = []
    for rank, each in enumerate(cars):
        charger = next(c for c in site.chargers if c.charger_id == each.charger_id)
        rest, kept_w = charger.control is Control.REST, floor_w(charger)
        most_w = each.max_w if rest else min(each.max_w, charger.max_power_w)
        least_w = 0 if rest else max(charger.min_power_w, kept_w)
        claims.append(Claim(f"{rank}", paths[each.charger_id], least_w, max(most_w, kept_w), rank, kept_w))
    shares = fair_shares(claims, rooms_w)
    return [shares[f"{rank}"] for rank in range(len(cars))]


@pytest.mark.parametrize("seed", range(60))
def test_random_stations_against_the_reference(seed: int) -> None:
    rng = random.Random(f"what if {seed}")
    site = random_station(rng)
    keys = [key for c in site.chargers if c.control is not Control.NONE for key in c.connector_keys()]
    cars = [Car(key.charger_id, key.idx, rng.randint(5_000, 250_000)) for key in rng.sample(keys, (len(keys) + 1) // 2)]
    found = what_if(site, cars, NOW)
    assert found == what_if(site, cars, NOW)
    for share, fair_w in zip(found.shares, reference(site, cars), strict=True):
        assert abs(share.power_w - fair_w) <= 1
    loads_w = {node.node_id: node for node in found.nodes}
    root = loads_w["grid"]
    assert root.load_w <= (root.capacity_w or 0)
    assert root.load_w == sum(loads_w[c.charger_id].load_w for c in site.chargers)
