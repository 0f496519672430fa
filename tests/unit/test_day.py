import json
from pathlib import Path

import pytest

from csms.cli import day as command
from csms.cli.status import ExitStatus
from csms.core.ids import ChargerId
from csms.core.station import Charger, Circuit, Control, Mode, Station
from csms.day.document import Visit, parse_day
from csms.day.figures import CarFigures, Figures, RowFigures, clock, document, table
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
    return [str(fault) for fault in parse_day({"cars": list(cars)}, STATION)]


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
    ],
)
def test_a_faulty_car_is_told_by_field_and_reason(change: dict[str, object], fault: str) -> None:
    assert shown(CAR | change) == [fault]


def test_a_faulty_day_is_told() -> None:
    assert [str(each) for each in parse_day([], STATION)] == ["$: must be an object"]
    assert shown() == ["$.cars: must name at least one car"]
    assert shown(CAR, CAR | {"connector": "DC#2"}) == ["$.cars[1].name: another car has it"]
    late = "$.cars[1].at: the car before it at this connector needs an until before it"
    assert shown(CAR, CAR | {"name": "b", "at": "09:00"}) == [late]
    assert shown(CAR | {"until": "09:00"}, CAR | {"name": "b", "at": "09:00"}) == [late]


def test_cars_come_in_the_order_of_their_arrival() -> None:
    read = parse_day({"cars": [CAR | {"at": "09:00"}, CAR | {"name": "b", "until": "08:30"}]}, STATION)
    assert [each.name for each in read if isinstance(each, Visit)] == ["b", "a"]


def day_of(station: Station, *cars: dict[str, object]) -> Figures:
    read = parse_day({"cars": list(cars)}, station)
    visits = tuple(each for each in read if isinstance(each, Visit))
    assert len(visits) == len(read), read
    return run(station, visits)


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
    assert table(Figures("S", {"a": car}, {"grid": RowFigures(None)}, limits=3)) == [
        "grid: most drawn 0, most booked 0 unlimited, full for 0 min",
        "a at DC#1: 08:00, not charged, 4.5 of 10 kWh, at most 7.4 kW, paused for 2 min",
        "0 of 1 cars charged, 3 limits sent",
        "never above a capacity",
    ]
    assert clock(30 * HOUR_MS + 90_000) == "30:01"


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
