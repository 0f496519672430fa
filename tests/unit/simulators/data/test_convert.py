import json
from pathlib import Path

import pytest

from simulators.cars import parse_catalogue
from simulators.data.convert import CSV_NAME, main


def entry(**changes: object) -> dict[str, object]:
    return {
        "brand": "Audi",
        "model": "e-tron",
        "variant": "55",
        "release_year": 2019,
        "vehicle_type": "car",
        "usable_battery_size": 86.5,
        "ac_charger": {"max_power": 11.0, "usable_phases": 3},
        "dc_charger": {
            "is_default_charging_curve": False,
            "charging_curve": [{"percentage": 100, "power": 50.0}, {"percentage": 0, "power": 137.5}],
        },
    } | changes


def test_only_measured_curves_of_cars_are_taken_and_points_sorted(tmp_path: Path) -> None:
    default = {"is_default_charging_curve": True, "charging_curve": []}
    document = {
        "data": [
            entry(),
            entry(brand="Aiways", variant="", release_year=None),
            entry(model="default", dc_charger=default),
            entry(model="no dc", dc_charger=None),
            entry(model="motorbike", vehicle_type="motorbike"),
        ]
    }
    source = tmp_path / "ev-data.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    assert main([str(source), str(tmp_path)]) == 0
    text = (tmp_path / CSV_NAME).read_text(encoding="utf-8")
    assert text.splitlines()[1:] == [
        "Aiways e-tron,86.5,11,3,0,137.5",
        "Aiways e-tron,86.5,11,3,100,50",
        "Audi e-tron 55 (2019),86.5,11,3,0,137.5",
        "Audi e-tron 55 (2019),86.5,11,3,100,50",
    ]
    assert [car.dc_max_w for car in parse_catalogue(text)] == [137_500, 137_500]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"data": [{"vehicle_type": "car", "dc_charger": {"x": 1}}]}'])
def test_what_is_not_the_source_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    source = tmp_path / "ev-data.json"
    source.write_text(text, encoding="utf-8")
    assert main([str(source), str(tmp_path)]) == 1
    assert "is not open-ev-data's JSON" in capsys.readouterr().err


def test_a_missing_source_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing.json"), str(tmp_path)]) == 1
    assert "cannot convert" in capsys.readouterr().err
