import json
from pathlib import Path

import pytest

from csms.cli import day as command
from csms.cli.status import ExitStatus
from csms.core.grid_terms import CapacityWindow
from csms.core.ids import ChargerId
from csms.core.site_meter import SiteMeter
from csms.core.station import Battery, Charger, Circuit, Control, Mode, PhaseLimit, Station
from csms.day.document import BaseLoad, Day, parse_day
from csms.day.figures import MJ_PER_WH, BatteryFigures, CarFigures, Figures, RowFigures, clock, document, table
from csms.day.run import run

HOUR_MS = 3_600_000
CAR = {"name": "a", "at": "08:00", "connector": "DC#1", "energy": 10, "maxPower": 50}


def charger(charger_id: str, max_w: int = 100_000, **more: object) -> Charger:
    return Charger(ChargerId(charger_id), max_w, 2, **{"control": Control.OCPP, **more})  # type: ignore[arg-type]


STATION = Station(
    "S",
    200_000,
    (charger("DC"), charger("SEEN", mode=Mode.OBSERVE), charger("REST", control=Control.REST)),
    fail_safe_chosen=True,
)


def shown(*cars: object) -> list[str]:
    found = parse_day({"cars": list(cars)}, STATION)
    assert not isinstance(found, Day)
    return [str(fault) for fault in found]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": ""}, "$.cars[0].name: must be text of 1 to 40 characters"),
        ({"name": "a\nb"}, "$.cars[0].name: must be text of 1 to 40 characters"),
        ({"at": "8:00"}, '$.cars[0].at: must be a time such as "07:42", below 48:00'),
        ({"at": "48:00"}, '$.cars[0].at: must be a time such as "07:42", below 48:00'),
        ({"at": "07:60"}, '$.cars[0].at: must be a time such as "07:42", below 48:00'),
        (
            {"until": "08:00"},
            "$.cars[0].until: must be later than at; after midnight add 24 h: 06:30 of the next day is 30:30",
        ),
        ({"connector": "DC"}, '$.cars[0].connector: must be a charger and a connector such as "CP001#1"'),
        ({"connector": "DC#3"}, "$.cars[0].connector: is no connector of the station"),
        ({"connector": "DC#0"}, "$.cars[0].connector: is no connector of the station"),
        ({"connector": "CC#1"}, "$.cars[0].connector: is no connector of the station"),
        ({"connector": "SEEN#1"}, "$.cars[0].connector: is at a charger that is not controlled over OCPP"),
        ({"connector": "REST#1"}, "$.cars[0].connector: is at a charger that is not controlled over OCPP"),
        ({"energy": 0}, "$.cars[0].energy: must be above 0"),
        ({"maxPower": "50"}, "$.cars[0].maxPower: must be a number"),
        ({"maxpower": 50}, "$.cars[0].maxpower: unknown field, maxPower is meant"),
        ({"phases": 4}, "$.cars[0].phases: must be a whole number from 1 to 3"),
        ({"phases": 1}, "$.cars[0].phases: must be no more than the charger has; at a DC charger it is left out"),
    ],
)
def test_a_faulty_car_is_told_by_field_and_reason(change: dict[str, object], fault: str) -> None:
    assert shown(CAR | change) == [fault]


def test_a_faulty_day_is_told() -> None:
    found = parse_day([], STATION)
    assert not isinstance(found, Day)
    assert [str(each) for each in found] == ["$: must be an object"]
    assert shown() == ["$.cars: must name at least one car"]
    assert shown(CAR, CAR | {"connector": "DC#2"}) == ["$.cars[1].name: another car has it"]
    late = "$.cars[1].at: the car before it at this connector needs an until before it"
    assert shown(CAR, CAR | {"name": "b", "at": "09:00"}) == [late]
    assert shown(CAR | {"until": "09:00"}, CAR | {"name": "b", "at": "09:00"}) == [late]


def test_cars_come_in_the_order_of_their_arrival() -> None:
    day = parse_day({"cars": [CAR | {"at": "09:00"}, CAR | {"name": "b", "until": "08:30"}]}, STATION)
    assert isinstance(day, Day)
    assert [each.name for each in day.visits] == ["b", "a"]


def test_a_base_load_goes_from_step_to_step_in_the_order_of_time() -> None:
    steps = [{"at": "06:00", "power": 12.5}, {"at": "26:00", "power": 0}]
    day = parse_day({"cars": [CAR], "baseLoad": steps}, STATION)
    assert isinstance(day, Day)
    assert day.base_load == (BaseLoad(6 * HOUR_MS, 12_500), BaseLoad(26 * HOUR_MS, 0))
    late = "must be later than the one before it"
    for changed, faults in (
        ([steps[1], steps[0]], [f"$.baseLoad[1].at: {late}"]),
        ([steps[0], steps[0]], [f"$.baseLoad[1].at: {late}"]),
        ([{"at": "06:00"}], ["$.baseLoad[0].power: is missing"]),
        ([{"at": "6", "power": 1}], ['$.baseLoad[0].at: must be a time such as "07:42", below 48:00']),
        ([7], ["$.baseLoad[0]: must be an object"]),
    ):
        found = parse_day({"cars": [CAR], "baseLoad": changed}, STATION)
        assert not isinstance(found, Day)
        assert [str(each) for each in found] == faults


def day_of(station: Station, *cars: dict[str, object], **more: object) -> Figures:
    day = parse_day({"cars": list(cars)} | more, station)
    assert isinstance(day, Day), day
    return run(station, day)


def test_a_car_alone_takes_what_it_can() -> None:
    figures = day_of(STATION, CAR)
    car = figures.cars["a"]
    assert (car.energy_wh, car.power_max_w, car.left_ms) == (10_000, 50_000, car.charged_ms)
    assert car.charged_ms is not None
    flowing_ms = car.charged_ms - car.arrived_ms - car.paused_ms
    assert flowing_ms == 10_000 * HOUR_MS // 50_000
    assert figures.rows["grid"].drawn_max_w == 50_000


def test_cars_share_a_circuit_evenly_and_one_that_must_leave_gets_what_it_got() -> None:
    station = Station(
        "S", 200_000, (charger("DC", circuit="yard"),), (Circuit("yard", None, 60_000),), fail_safe_chosen=True
    )
    figures = day_of(
        station, CAR | {"energy": 50, "until": "09:00"}, CAR | {"name": "b", "connector": "DC#2", "energy": 50}
    )
    a, b = figures.cars["a"], figures.cars["b"]
    assert a.charged_ms is None
    assert a.left_ms == 9 * HOUR_MS
    assert 29_000 < a.energy_wh <= 30_000, "half of 60 kW for an hour, less the first seconds"
    assert (b.energy_wh, b.power_max_w) == (50_000, 50_000), "alone it takes all that it can"
    assert figures.rows["yard"].drawn_max_w == 60_000
    assert figures.rows["yard"].full_ms > 55 * 60_000
    assert figures.kept


def test_the_same_day_gives_the_same_figures() -> None:
    assert day_of(STATION, CAR) == day_of(STATION, CAR)


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (RowFigures(100, 100, 100, 0, 0), True),
        (RowFigures(None, 900, 900, 0, 0), True),
        (RowFigures(100, 101, 100, 0, 1), False),
        (RowFigures(100, 100, 101, 0, 0), False),
    ],
)
def test_what_is_above_a_capacity_is_said(row: RowFigures, kept: bool) -> None:  # noqa: FBT001  # a column of the table
    figures = Figures("S", {}, {"grid": row})
    assert figures.kept is kept
    assert document(figures)["neverAboveCapacity"] is kept
    assert table(figures)[-1] == ("never above a capacity" if kept else "ABOVE A CAPACITY")


def test_a_row_counts_how_long_it_is_full_and_above() -> None:
    row = RowFigures(100)
    for power_w, dt_ms in ((97, 1_000), (98, 200), (100, 30), (101, 4), (500, 0)):
        row.draw(power_w, dt_ms)
    assert (row.full_ms, row.above_ms, row.drawn_max_w) == (234, 4, 101)


def test_figures_for_a_person() -> None:
    car = CarFigures("a", "DC#1", 8 * HOUR_MS, 10_000, 4_500, None, 9 * HOUR_MS, 7_400, 125_000)
    figures = Figures("S", {"a": car}, {"grid": RowFigures(None)}, limits=3, grid_capacity_w=9_000, grid_max_w=7_400)
    assert table(figures) == [
        "the whole site: at most 7.4 of 9 kW from the grid connection",
        "grid: most drawn 0, most booked 0 unlimited, full for 0 min",
        "a at DC#1: 08:00, not charged, 4.5 of 10 kWh, at most 7.4 kW, paused for 2 min",
        "0 of 1 cars charged, 3 limits sent",
        "never above a capacity",
    ]
    assert clock(30 * HOUR_MS + 90_000) == "30:01"


def test_figures_of_a_battery_and_of_a_row_that_had_more_and_less() -> None:
    row = RowFigures(60_000)
    for capacity_w in (60_000, 90_000, 45_000, 70_000, None):
        row.has(capacity_w)
    battery = BatteryFigures()
    for power_w, charge_ppm in ((20_000, 900_000), (-5_000, 850_000), (0, 851_000)):
        battery.flow(power_w, charge_ppm, HOUR_MS)
    figures = Figures("S", rows={"grid": row}, battery=battery)
    assert table(figures)[1:3] == [
        "the battery: gave 20 kWh, took 5 kWh, never below 85 %",
        "grid: most drawn 0, most booked 0 of 45 to 90 kW, full for 0 min",
    ]
    found = document(figures)
    assert found["battery"] == {"gave": 20, "took": 5, "percentLeast": 85}
    assert json.loads(json.dumps(found["rows"]))["grid"]["capacityLeast"] == 45


def test_a_battery_lifts_what_cars_have_until_it_is_at_its_reserve() -> None:
    """Two cars of 40 kW want 20 more than the grid connection has; a battery of 30 kWh does not have that for long."""
    station = Station("S", 60_000, (charger("DC"),), battery=Battery(30_000, 30_000), fail_safe_chosen=True)
    one = CAR | {"energy": 60, "maxPower": 40}
    figures = day_of(station, one, one | {"name": "b", "connector": "DC#2"})
    assert figures.kept
    assert figures.rows["grid"].drawn_max_w == 80_000
    assert figures.grid_max_w <= 60_000
    battery = figures.battery
    assert battery is not None
    assert 100_000 <= battery.least_ppm < 250_000
    assert battery.gave_mj // MJ_PER_WH > 20_000
    assert battery.took_mj > 0, "when the cars have gone"


def test_a_metered_base_load_leaves_more_and_a_schedule_less() -> None:
    contract = CapacityWindow(9 * 60, 10 * 60, 40_000)
    station = Station(
        "S",
        60_000,
        (charger("DC"),),
        static_load_w=30_000,
        site_meter=SiteMeter(margin_w=1_000),
        capacity_schedule=(contract,),
        fail_safe_chosen=True,
    )
    figures = day_of(
        station, CAR | {"energy": 100, "maxPower": 80, "until": "10:30"}, baseLoad=[{"at": "06:00", "power": 10}]
    )
    drawn = {moment.at_ms / HOUR_MS: sum(moment.drawn_w.values()) for moment in figures.course}
    assert 45_000 <= drawn[8.75] <= 49_000, "60 less 10 and what is added to that"
    assert 25_000 <= drawn[9.5] <= 29_000
    assert 45_000 <= drawn[10.25] <= 49_000
    assert figures.kept
    assert figures.grid_max_w <= 60_000


def test_without_its_meter_more_than_the_static_load_is_above_the_capacity() -> None:
    station = Station("S", 60_000, (charger("DC"),), static_load_w=10_000, fail_safe_chosen=True)
    figures = day_of(station, CAR, baseLoad=[{"at": "00:00", "power": 15}])
    assert not figures.kept
    assert figures.grid_max_w == 65_000


def test_a_car_on_one_phase_draws_its_share_of_a_limit_and_shows_it() -> None:
    socket = charger("AC", 22_080, phases=3, rotation=(2, 3, 1))
    limit = PhaseLimit((20_000, 20_000, 20_000))
    station = Station("S", limit.power_w, (socket,), phase_limit=limit, fail_safe_chosen=True)
    figures = day_of(station, CAR | {"connector": "AC#1", "maxPower": 7.4, "phases": 1, "energy": 3})
    assert figures.cars["a"].power_max_w == 20 * 230
    assert list(figures.rows) == ["grid/L1", "grid/L2", "grid/L3", "AC"]
    assert [figures.rows[f"grid/L{line}"].drawn_max_w for line in (1, 2, 3)] == [0, 4_600, 0], "its L1 is on L2"
    assert figures.kept


def write(path: Path, value: object) -> str:
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def test_the_command_writes_the_figures_and_refuses_what_is_faulty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = {"stationId": "S", "gridCapacity": 60, "chargers": [{"id": "DC", "maxPower": 100, "connectors": 2}]}
    station, day = write(tmp_path / "station.json", site), write(tmp_path / "day.json", {"cars": [CAR]})
    figures = tmp_path / "figures.json"
    assert command.run(station, day, str(figures)) == ExitStatus.DONE
    assert json.loads(figures.read_text(encoding="utf-8"))["cars"][0]["energy"] == 10
    assert capsys.readouterr().out.endswith("1 of 1 cars charged, 2 limits sent\nnever above a capacity\n")
    assert (
        command.run(station, write(tmp_path / "bad.json", {"cars": [CAR, CAR | {"connector": "DC#2"}]}), None)
        == ExitStatus.NO
    )
    assert capsys.readouterr().err.endswith("bad.json: 1 fault\n  $.cars[1].name: another car has it\n")
    assert command.run(day, day, None) == ExitStatus.NO
    assert "$.gridCapacity: is missing" in capsys.readouterr().err
    assert command.run(station, str(tmp_path / "none.json"), None) == ExitStatus.USAGE
    assert "cannot read" in capsys.readouterr().err
    assert command.run(station, day, str(tmp_path / "no" / "folder")) == ExitStatus.USAGE
    assert "--figures" in capsys.readouterr().err
