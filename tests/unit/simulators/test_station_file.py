import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulators.station_file import ChargerEntry, Unreadable, parse_station, read_station

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "station_config.json"


def charger(**changes: Any) -> dict[str, Any]:
    return {"id": "CP001", "maxPower": 200, "connectors": 2} | changes


def test_the_example_is_the_documented_one() -> None:
    assert read_station(EXAMPLE) == (
        ChargerEntry("CP001", 200_000, 2, 0, 230, over_ocpp=True),
        ChargerEntry("CP002", 200_000, 2, 0, 230, over_ocpp=True),
        ChargerEntry("CP003", 300_000, 2, 0, 230, over_ocpp=True),
    )
    document = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert (document["stationId"], document["gridCapacity"]) == ("ELECTRA_PARIS_15", 400)
    assert document["battery"] == {"initialCapacity": 200, "power": 100}


@pytest.mark.parametrize(
    ("changes", "phases", "voltage_v", "over_ocpp"),
    [
        ({}, 0, 230, True),
        ({"maxPower": 22}, 3, 230, True),
        ({"maxPower": 44}, 3, 230, True),
        ({"maxPower": Decimal("44.001")}, 0, 230, True),
        ({"maxPower": 22, "phases": 1, "voltage": 240}, 1, 240, True),
        ({"phases": 3}, 3, 230, True),
        ({"control": "auto"}, 0, 230, True),
        ({"control": "ocpp"}, 0, 230, True),
        ({"control": "rest"}, 0, 230, False),
        ({"control": "none"}, 0, 230, False),
    ],
)
def test_defaults(changes: dict[str, Any], phases: int, voltage_v: int, over_ocpp: bool) -> None:  # noqa: FBT001 - a row's value
    entries = parse_station({"chargers": [charger(**changes)]})
    assert not isinstance(entries, Unreadable)
    assert (entries[0].phases, entries[0].voltage_v, entries[0].over_ocpp) == (phases, voltage_v, over_ocpp)


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("no_zone", ("no_zone",)),
        (["no_zone", "kilo_units"], ("no_zone", "kilo_units")),
        ([], ()),
    ],
)
def test_characters(character: Any, expected: tuple[str, ...]) -> None:
    entries = parse_station({"chargers": [charger(character=character), charger(id="CP002")]})
    assert not isinstance(entries, Unreadable)
    assert [entry.characters for entry in entries] == [expected, ()]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "$.chargers must be a list"),
        ({"chargers": []}, "$.chargers must be a list"),
        ({"chargers": {}}, "$.chargers must be a list"),
        ({"chargers": [charger(), 5]}, "$.chargers[1] must be an object"),
        ({"chargers": [charger(id="")]}, "$.chargers[0].id"),
        ({"chargers": [charger(id=5)]}, "$.chargers[0].id"),
        ({"chargers": [charger(), charger()]}, "$.chargers[1].id is there twice"),
        ({"chargers": [charger(maxPower="200")]}, "$.chargers[0].maxPower"),
        ({"chargers": [charger(maxPower=True)]}, "$.chargers[0].maxPower"),
        ({"chargers": [charger(maxPower=0)]}, "$.chargers[0].maxPower"),
        ({"chargers": [charger(maxPower=Decimal("0.0001"))]}, "$.chargers[0].maxPower"),
        ({"chargers": [charger(connectors=0)]}, "$.chargers[0].connectors"),
        ({"chargers": [charger(connectors=True)]}, "$.chargers[0].connectors"),
        ({"chargers": [charger(connectors=[1])]}, "$.chargers[0].connectors"),
        ({"chargers": [charger(phases=2)]}, "$.chargers[0].phases"),
        ({"chargers": [charger(phases=True)]}, "$.chargers[0].phases"),
        ({"chargers": [charger(phases=[])]}, "$.chargers[0].phases"),
        ({"chargers": [charger(voltage=0)]}, "$.chargers[0].voltage"),
        ({"chargers": [charger(control=[])]}, "$.chargers[0].control"),
        ({"chargers": [charger(character=5)]}, "$.chargers[0].character must be a name or a list of names"),
        ({"chargers": [charger(character=["no_zone", 5])]}, "$.chargers[0].character must be a name"),
        (
            {"chargers": [charger(character="no_zones")]},
            "$.chargers[0].character: no character is called 'no_zones'; did you mean no_zone",
        ),
        (
            {"chargers": [charger(character=["id_twice", "encoded_id"])]},
            "$.chargers[0].character: encoded_id does not go with id_twice",
        ),
    ],
)
def test_what_is_wrong_is_named(document: Any, reason: str) -> None:
    parsed = parse_station(document)
    assert isinstance(parsed, Unreadable)
    assert parsed.reason.startswith(reason)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"chargers": [{"maxPower": NaN}]}', "\ufeff"])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "station.json"
    path.write_text(text, encoding="utf-8")
    assert isinstance(read_station(path), Unreadable)
    assert isinstance(read_station(tmp_path), Unreadable)
    assert isinstance(read_station(tmp_path / "nothing.json"), Unreadable)
