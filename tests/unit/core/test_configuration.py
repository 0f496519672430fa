"""The documented configuration, read field by field: what is accepted, what it means, and every fault by its path."""

import copy
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from csms.core.configuration import (
    battery,
    capacity,
    chargers,
    circuits,
    difference,
    explain_fail_safe,
    kilowatts,
    load_document,
    notices,
    parse_station,
    parsing,
    site_meter,
    station_document,
    watts,
)
from csms.core.configuration.reading import Wrong
from csms.core.ids import ChargerId
from csms.core.station import Battery, Charger, Circuit, Configure, Control, FailSafe, Mode, Station

DOCUMENTED: dict[str, Any] = {
    "stationId": "ELECTRA_PARIS_15",
    "gridCapacity": 400,
    "chargers": [
        {"id": "CP001", "maxPower": 200, "connectors": 2},
        {"id": "CP002", "maxPower": 200, "connectors": 2},
        {"id": "CP003", "maxPower": 300, "connectors": 2},
    ],
    "battery": {"initialCapacity": 200, "power": 100},
}
ZONES = {"UTC", "Europe/Paris"}


def document(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(DOCUMENTED) | changes


def with_charger(**changes: Any) -> dict[str, Any]:
    return document(chargers=[{"id": "CP001", "maxPower": 200, "connectors": 2} | changes])


def charger(charger_id: str, **changes: Any) -> dict[str, Any]:
    return {"id": charger_id, "maxPower": 50, "connectors": 1} | changes


def station_of(value: object) -> Station:
    station = parse_station(value, ZONES)
    assert isinstance(station, Station), station
    return station


def faults_of(value: object) -> list[str]:
    faults = parse_station(value, ZONES)
    assert not isinstance(faults, Station)
    return [str(fault) for fault in faults]


def test_the_documented_file_as_it_stands() -> None:
    assert station_of(DOCUMENTED) == Station(
        station_id="ELECTRA_PARIS_15",
        grid_capacity_w=400_000,
        chargers=(
            Charger(ChargerId("CP001"), 200_000, 2),
            Charger(ChargerId("CP002"), 200_000, 2),
            Charger(ChargerId("CP003"), 300_000, 2),
        ),
        battery=Battery(200_000, 100_000),
    )


def test_every_optional_key() -> None:
    station = station_of(
        {
            "stationId": "Gare de l’Est",
            "gridCapacity": 43.5,
            "timeZone": "Europe/Paris",
            "staticLoad": 3.25,
            "failSafe": "closed",
            "restSessionTimeoutS": 3600,
            "circuits": [
                {"id": "hall", "parent": "grid", "capacity": 30},
                {"id": "row 1", "parent": "hall", "capacity": 11.001},
                {"id": "row 2", "parent": "hall"},
            ],
            "chargers": [
                {
                    "id": "RDAM 123",
                    "maxPower": 22,
                    "connectors": 1,
                    "control": "ocpp",
                    "mode": "observe",
                    "circuit": "row 1",
                    "minPower": 1.38,
                    "phases": 1,
                    "voltage": 240,
                    "reservedPower": 7.4,
                    "configure": "never",
                    "needsStartPower": False,
                    "assumeOcpp16": True,
                }
            ],
        }
    )
    assert station == Station(
        station_id="Gare de l’Est",
        grid_capacity_w=43_500,
        chargers=(
            Charger(
                charger_id=ChargerId("RDAM 123"),
                max_power_w=22_000,
                connectors=1,
                control=Control.OCPP,
                circuit="row 1",
                min_power_w=1_380,
                reserved_power_w=7_400,
                phases=1,
                voltage_v=240,
                assume_ocpp16=True,
                configure=Configure.NEVER,
                mode=Mode.OBSERVE,
            ),
        ),
        circuits=(Circuit("hall", None, 30_000), Circuit("row 1", "hall", 11_001), Circuit("row 2", "hall", None)),
        static_load_w=3_250,
        fail_safe_chosen=True,
        time_zone="Europe/Paris",
        rest_session_timeout_s=3_600,
    )


@pytest.mark.parametrize(
    ("charger", "phases", "min_power_w"),
    [
        ({"maxPower": 44}, 3, 4_140),
        ({"maxPower": 44.001}, 0, 0),
        ({"maxPower": 22, "phases": 1}, 1, 1_380),
        ({"maxPower": 22, "phases": 0}, 0, 0),
        ({"maxPower": 22, "voltage": 240}, 3, 4_320),
        ({"maxPower": 4.14}, 3, 4_140),
        ({"maxPower": 150, "phases": 3}, 3, 4_140),
        ({"maxPower": 22, "minPower": 0}, 3, 0),
        ({"maxPower": 200, "minPower": 10}, 0, 10_000),
        ({"maxPower": 1, "control": "rest"}, 3, 1_000),
        ({"maxPower": 0, "control": "none"}, 3, 0),
    ],
)
def test_phases_and_least_power_unless_told(charger: dict[str, Any], phases: int, min_power_w: int) -> None:
    found = station_of(with_charger(**charger)).chargers[0]
    assert (found.phases, found.min_power_w) == (phases, min_power_w)


def test_no_charger_yet_is_a_configuration() -> None:
    assert station_of(document(chargers=[])).chargers == ()


@pytest.mark.parametrize(
    ("kilo", "expected_w"),
    [
        (0, 0),
        (-0.0, 0),
        (Decimal("-0.0"), 0),
        (150, 150_000),
        (33.333, 33_333),
        (0.001, 1),
        (Decimal("33.3330"), 33_333),
        (Decimal("1.5e2"), 150_000),
        (149.25, 149_250),
        (0.29, 290),
        (1_000_000, 1_000_000_000),
        (999_999.999, 999_999_999),
    ],
)
def test_kilowatts_are_kept_to_the_watt(kilo: object, expected_w: int) -> None:
    assert watts(kilo) == expected_w


@pytest.mark.parametrize(
    ("kilo", "error"),
    [
        (33.3333, "must have at most three decimals"),
        (Decimal("1." + "0" * 60 + "1"), "must have at most three decimals"),
        (Decimal("1e-999999"), "must have at most three decimals"),
        (-1, "must be from 0 to 1000000"),
        (-0.001, "must be from 0 to 1000000"),
        (1_000_001, "must be from 0 to 1000000"),
        (1_000_000.001, "must be from 0 to 1000000"),
        (float("inf"), "must be from 0 to 1000000"),
        (float("nan"), "must be from 0 to 1000000"),
        (Decimal("sNaN"), "must be from 0 to 1000000"),
        (Decimal("1e999999"), "must be from 0 to 1000000"),
        (10**400, "must be from 0 to 1000000"),
        (True, "must be a number"),
        ("150", "must be a number"),
        (None, "must be a number"),
        ([], "must be a number"),
        ({}, "must be a number"),
    ],
)
def test_what_is_no_kilowatt(kilo: object, error: str) -> None:
    assert watts(kilo) == Wrong(error)


def test_kilowatts_are_integers_when_whole() -> None:
    assert [(type(kw), kw) for kw in map(kilowatts, (0, 150_000, 149_250, 33_333))] == [
        (int, 0),
        (int, 150),
        (float, 149.25),
        (float, 33.333),
    ]


ID_RULE = "must do without / \\ ? # % (it is part of a URL)"
TEXT_RULE = "must be printable text without spaces at its ends"


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        # the whole
        (None, ["$: must be an object"]),
        ([], ["$: must be an object"]),
        ({}, ["$.stationId: is missing", "$.gridCapacity: is missing", "$.chargers: is missing"]),
        (document(gridcapacity=1), ["$.gridcapacity: unknown field, gridCapacity is meant"]),
        (document(static_load=1), ["$.static_load: unknown field, staticLoad is meant"]),
        (document(surprise=1), ["$.surprise: unknown field"]),
        (document(**{"<script>": 1}), ["$: unknown field"]),
        (document(**{"x" * 33: 1}), ["$: unknown field"]),
        # stationId
        (document(stationId=15), ["$.stationId: must be text"]),
        (document(stationId=""), ["$.stationId: must have 1 to 64 characters"]),
        (document(stationId="x" * 65), ["$.stationId: must have 1 to 64 characters"]),
        (document(stationId="a\nb"), ["$.stationId: " + TEXT_RULE]),
        (document(stationId=" a"), ["$.stationId: " + TEXT_RULE]),
        (document(stationId="\ud800"), ["$.stationId: " + TEXT_RULE]),
        # numbers
        (document(gridCapacity="400"), ["$.gridCapacity: must be a number"]),
        (document(gridCapacity=None), ["$.gridCapacity: must be a number"]),
        (document(staticLoad=-1), ["$.staticLoad: must be from 0 to 1000000"]),
        # chargers
        (document(chargers={}), ["$.chargers: must be a list"]),
        (document(chargers=[1]), ["$.chargers[0]: must be an object"]),
        (
            document(chargers=[{}]),
            [
                "$.chargers[0].id: is missing",
                "$.chargers[0].maxPower: is missing",
                "$.chargers[0].connectors: is missing",
            ],
        ),
        (document(chargers=[0] * 10_001), ["$.chargers: must have at most 10000 items"]),
        (with_charger(id=1), ["$.chargers[0].id: must be text"]),
        (with_charger(id="x" * 49), ["$.chargers[0].id: must have 1 to 48 characters"]),
        (with_charger(id="a/b"), ["$.chargers[0].id: " + ID_RULE]),
        (with_charger(id="CP001#1"), ["$.chargers[0].id: " + ID_RULE]),
        (with_charger(id="CP%201"), ["$.chargers[0].id: " + ID_RULE]),
        (with_charger(id=".."), ["$.chargers[0].id: " + ID_RULE]),
        (with_charger(id="a\u202eb"), ["$.chargers[0].id: " + TEXT_RULE]),
        (with_charger(id="grid"), ["$.chargers[0].id: is a reserved word"]),
        (with_charger(id="no_room"), ["$.chargers[0].id: is a reserved word"]),
        (with_charger(connectors=0), ["$.chargers[0].connectors: must be a whole number from 1 to 64"]),
        (with_charger(connectors=65), ["$.chargers[0].connectors: must be a whole number from 1 to 64"]),
        (with_charger(connectors=2.0), ["$.chargers[0].connectors: must be a whole number from 1 to 64"]),
        (with_charger(connectors=True), ["$.chargers[0].connectors: must be a whole number from 1 to 64"]),
        (with_charger(connectors=[1, 2]), ["$.chargers[0].connectors: must be a whole number from 1 to 64"]),
        (with_charger(control="manual"), ['$.chargers[0].control: must be "auto" or "ocpp" or "rest" or "none"']),
        (with_charger(control=[]), ['$.chargers[0].control: must be "auto" or "ocpp" or "rest" or "none"']),
        (with_charger(phases=2), ["$.chargers[0].phases: must be 1 or 3 for AC, 0 for DC"]),
        (with_charger(phases=True), ["$.chargers[0].phases: must be 1 or 3 for AC, 0 for DC"]),
        (with_charger(voltage=24), ["$.chargers[0].voltage: must be a whole number from 100 to 1000"]),
        (with_charger(assumeOcpp16="yes"), ["$.chargers[0].assumeOcpp16: must be true or false"]),
        (with_charger(minPower=200.001), ["$.chargers[0].minPower: is above maxPower"]),
        (with_charger(reservedPower=201), ["$.chargers[0].reservedPower: is above maxPower"]),
        (with_charger(maxPower="200", minPower=201), ["$.chargers[0].maxPower: must be a number"]),
        (
            with_charger(maxPower=3.7),
            ["$.chargers[0].maxPower: is below 4.14 kW, 6 A on each phase: set phases (1, or 0 for DC) or minPower"],
        ),
        (with_charger(circuit="nowhere"), ["$.chargers[0].circuit: no circuit has this id"]),
        # of later versions
        (document(failSafe="open"), ['$.failSafe: must be "closed" or "reserve" or "expire"']),
        (with_charger(mode="watch"), ['$.chargers[0].mode: must be "control" or "observe"']),
        *(
            (
                with_charger(mode="observe", control=control),
                [f'$.chargers[0].mode: "observe" is for chargers that connect over OCPP, control is "{control}"'],
            )
            for control in ("rest", "none")
        ),
        (with_charger(configure="yes"), ['$.chargers[0].configure: must be "auto" or "suggest" or "never"']),
        (with_charger(needsStartPower=True, phases=3), ["$.chargers[0].needsStartPower: is for DC chargers"]),
        (with_charger(weight=0), ["$.chargers[0].weight: must be a whole number from 1 to 100"]),
        (with_charger(priority=True), ["$.chargers[0].priority: must be a whole number from 0 to 9"]),
        (
            with_charger(connectorSettings=[{"idx": 9}, {"weight": 101}, 1]),
            [
                "$.chargers[0].connectorSettings[0].idx: must be a whole number from 1 to 2",
                "$.chargers[0].connectorSettings[1].idx: is missing",
                "$.chargers[0].connectorSettings[1].weight: must be a whole number from 1 to 100",
                "$.chargers[0].connectorSettings[2]: must be an object",
            ],
        ),
        (
            with_charger(connectorSettings=[{"idx": 1}, {"idx": 1}]),
            ["$.chargers[0].connectorSettings[1].idx: is said of this connector already"],
        ),
        (with_charger(needsStartPower=1), ["$.chargers[0].needsStartPower: must be true or false"]),
        # fail-safe
        (
            with_charger(failSafePower=4),
            ['$.chargers[0].failSafePower: is for failSafe "reserve" and "expire"; with "closed" it is 0'],
        ),
        (
            with_charger(failSafe="reserve", failSafePower=0),
            ['$.chargers[0].failSafePower: must be above 0; that is failSafe "closed"'],
        ),
        (
            with_charger(failSafe="reserve", failSafePower=4.1, maxPower=22),
            ["$.chargers[0].failSafePower: is below 4.14 kW, 6 A on each phase"],
        ),
        (
            with_charger(failSafe="reserve", failSafePower=4, control="none"),
            ["$.chargers[0].failSafePower: is for chargers that are steered over OCPP"],
        ),
        (
            document(failSafe="reserve", gridCapacity=62.5, staticLoad=2.501),
            ["$.gridCapacity: leaves 59.999 kW for fail-safe power, and its connectors have 60 kW of that"],
        ),
        (
            document(
                failSafe="reserve",
                circuits=[{"id": "hall", "capacity": 60}, {"id": "row", "parent": "hall", "capacity": 30}],
                chargers=[
                    charger("A", circuit="row", control="none", reservedPower=10),
                    charger("B", circuit="row", failSafePower=10),
                    charger("C", circuit="row", failSafe="closed"),
                    charger("D", circuit="hall", failSafePower=40.002),
                ],
            ),
            ["$.circuits[0].capacity: leaves 50 kW for fail-safe power, and its connectors have 50.002 kW of that"],
        ),
        (
            with_charger(failSafe="reserve", maxPower=50, failSafePower=25.001),
            ["$.chargers[0].maxPower: leaves 50 kW for fail-safe power, and its connectors have 50.002 kW of that"],
        ),
        (
            document(circuits=[{"id": "hall", "maxCurrent": 63, "phases": 3}]),
            ["$.circuits[0].maxCurrent: unknown field", "$.circuits[0].phases: unknown field"],
        ),
        # battery, time
        (document(battery=None), ["$.battery: must be an object"]),
        (
            document(battery={"power": "1"}),
            ["$.battery.initialCapacity: is missing", "$.battery.power: must be a number"],
        ),
        (document(battery={"initialCapacity": 1, "power": 1, "soc": 1}), ["$.battery.soc: unknown field"]),
        (document(timeZone="Europe/Pariss"), ["$.timeZone: is not a known IANA time zone"]),
        (document(timeZone="../../etc"), ["$.timeZone: must be an IANA time zone such as Europe/Paris"]),
        (document(timeZone=1), ["$.timeZone: must be an IANA time zone such as Europe/Paris"]),
        (
            document(restSessionTimeoutS=59),
            ["$.restSessionTimeoutS: must be a whole number from 60 to 2592000"],
        ),
        # several at once, in one answer
        (
            document(gridCapacity=-1, chargers=[{"id": "A", "maxPower": "x", "connectors": 0}, {"id": "A"}]),
            [
                "$.gridCapacity: must be from 0 to 1000000",
                "$.chargers[0].maxPower: must be a number",
                "$.chargers[0].connectors: must be a whole number from 1 to 64",
                "$.chargers[1].id: is the same as $.chargers[0].id",
                "$.chargers[1].maxPower: is missing",
                "$.chargers[1].connectors: is missing",
            ],
        ),
    ],
)
def test_faults(value: object, faults: list[str]) -> None:
    assert faults_of(value) == faults


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"chargers": [charger("A"), charger("A")]}, ["$.chargers[1].id: is the same as $.chargers[0].id"]),
        (
            {"chargers": [charger("cp1"), charger("CP1")]},
            ["$.chargers[1].id: differs only by case from $.chargers[0].id"],
        ),
        (
            {"circuits": [{"id": "A"}], "chargers": [charger("A")]},
            ["$.chargers[0].id: is the same as $.circuits[0].id"],
        ),
        ({"circuits": [{"id": "A"}, {"id": "A"}]}, ["$.circuits[1].id: is the same as $.circuits[0].id"]),
        ({"circuits": [{"id": "grid"}]}, ["$.circuits[0].id: is a reserved word"]),
        ({"circuits": [{}]}, ["$.circuits[0].id: is missing"]),
        ({"circuits": "A"}, ["$.circuits: must be a list"]),
        ({"circuits": [{"id": "A", "parent": "B"}]}, ["$.circuits[0].parent: no circuit has this id"]),
        (
            {"circuits": [{"id": "A", "parent": "B"}, {"id": 1}]},
            ["$.circuits[1].id: must be text"],
        ),
        (
            {"circuits": [{"id": "A", "parent": "A"}]},
            ["$.circuits[0].parent: is a cycle: the circuit would be its own ancestor"],
        ),
        (
            {
                "circuits": [
                    {"id": "A", "parent": "B"},
                    {"id": "B", "parent": "A"},
                    {"id": "under both", "parent": "A"},
                ]
            },
            [
                "$.circuits[0].parent: is a cycle: the circuit would be its own ancestor",
                "$.circuits[1].parent: is a cycle: the circuit would be its own ancestor",
            ],
        ),
        (
            {"circuits": [{"id": "c0"}] + [{"id": f"c{n}", "parent": f"c{n - 1}"} for n in range(1, 17)]},
            ["$.circuits[16].parent: is more than 15 circuits from the grid connection"],
        ),
    ],
)
def test_the_tree_of_limits(changes: dict[str, Any], faults: list[str]) -> None:
    assert faults_of(document(**changes)) == faults


NONE_20 = {"control": "none", "reservedPower": 20}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"gridCapacity": 40, "chargers": [charger("A", **NONE_20), charger("B", **NONE_20)]}, []),
        (
            {"gridCapacity": 39.999, "chargers": [charger("A", **NONE_20), charger("B", **NONE_20)]},
            ["$.gridCapacity: is below staticLoad and the 40 kW reserved for chargers with control none"],
        ),
        (
            {"gridCapacity": 40, "staticLoad": 0.5, "chargers": [charger("A", **NONE_20), charger("B", **NONE_20)]},
            ["$.gridCapacity: is below staticLoad and the 40 kW reserved for chargers with control none"],
        ),
        (
            {"gridCapacity": 40, "chargers": [charger("A", control="none")]},
            ["$.gridCapacity: is below staticLoad and the 50 kW reserved for chargers with control none"],
        ),
        ({"gridCapacity": 40, "chargers": [charger("A", control="ocpp", reservedPower=50)]}, []),
        (
            {"gridCapacity": 1, "staticLoad": 2, "chargers": []},
            ["$.gridCapacity: is below staticLoad and the 0 kW reserved for chargers with control none"],
        ),
        (
            {
                "circuits": [{"id": "hall", "capacity": 30}, {"id": "row", "parent": "hall", "capacity": 19}],
                "chargers": [charger("A", circuit="row", **NONE_20), charger("B", circuit="hall", **NONE_20)],
            },
            [
                "$.circuits[0].capacity: is below the 40 kW reserved for chargers with control none",
                "$.circuits[1].capacity: is below the 20 kW reserved for chargers with control none",
            ],
        ),
    ],
)
def test_constant_loads_fit_under_every_fuse(changes: dict[str, Any], faults: list[str]) -> None:
    found = parse_station(document(**changes))
    assert [str(fault) for fault in found] == faults if isinstance(found, tuple) else faults == []


def test_an_object_full_of_unknown_fields_is_one_mistake() -> None:
    faults = faults_of({f"k{n}": 0 for n in range(100_000)})
    assert len(faults) == 20 + 1 + 3
    assert "$: has more unknown fields" in faults


def test_faults_never_contain_values() -> None:
    canary = "canary-" * 3
    faults = faults_of(
        {
            "stationId": [canary],
            "gridCapacity": canary,
            "chargers": [{"id": canary + "/", "maxPower": canary, "connectors": canary, "control": canary, canary: 1}],
            "circuits": [{"id": canary, "parent": canary + "?"}, {"id": canary.upper()}],
            "battery": canary,
            "timeZone": canary,
            "failSafe": canary,
        }
    )
    assert len(faults) > 9
    assert not [fault for fault in faults if "canary" in fault.casefold()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, Decimal("2.5"), True, None, "x"]}),
        ("\ufeff{}", {}),
        (b"\xef\xbb\xbf{}", {}),
        ('"\u00e9"'.encode(), "é"),
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('{"a": {"a": "NaN [["}}', {"a": {"a": "NaN [["}}),
        ("33.333", Decimal("33.333")),
        pytest.param("9" * 5000, 10**18, id="5000 digits"),
        pytest.param("-" + "9" * 5000, -(10**18), id="minus 5000 digits"),
        ("1e99999999999999999999", Decimal("Infinity")),
        ("[" * 32 + "]" * 32, None),
    ],
)
def test_json_text(text: str | bytes, value: object) -> None:
    found = load_document(text)
    assert not isinstance(found, tuple), found
    assert value is None or found == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1,\n "b" 2}', "$: line 2, column 6: not JSON: Expecting ':' delimiter"),
        ("", "$: line 1, column 1: not JSON: Expecting value"),
        ("{} {}", "$: line 1, column 4: not JSON: Extra data"),
        ('{"a": 1,\n "a": 2}', "$.a: line 2, column 2: the same key a second time in one object"),
        ('{"a": 1, "\\u0061": 2}', "$.a: line 1, column 10: the same key a second time in one object"),
        (
            '[1, {"x": [], "y": {"x": 1}, "x": 2}]',
            "$[1].x: line 1, column 30: the same key a second time in one object",
        ),
        ('{"a": NaN}', "$.a: line 1, column 7: NaN is not a JSON number"),
        ('["NaN", -Infinity]', "$[1]: line 1, column 9: -Infinity is not a JSON number"),
        (
            '{"a": [1, {"b": []}, {"c": [{}, NaN]}], "d": NaN}',
            "$.a[2].c[1]: line 1, column 33: NaN is not a JSON number",
        ),
        ('{"a b": {"c": Infinity}}', "$: line 1, column 15: Infinity is not a JSON number"),
        ('{"a": {"<b>": 1, "<b>": 2}}', "$.a: line 1, column 18: the same key a second time in one object"),
        ("NaN", "$: line 1, column 1: NaN is not a JSON number"),
        ("[" * 33, "$: line 1, column 33: nested more than 32 deep"),
        pytest.param('{"a":' * 100_000, "$: line 1, column 161: nested more than 32 deep", id="100000 deep"),
        pytest.param(
            '"' + '\\"' * 200_000, "$: line 1, column 1: not JSON: Unterminated string starting at", id="200000 quotes"
        ),
        (b'{\n"a": "\xff"}', "$: line 2: not UTF-8 text"),
        ('{"a": 1}'.encode("utf-16"), "$: line 1: not UTF-8 text"),
    ],
)
def test_what_is_no_json(text: str | bytes, fault: str) -> None:
    found = load_document(text)
    assert isinstance(found, tuple)
    assert [str(one) for one in found] == [fault]


def test_the_documented_file_comes_back_as_it_was() -> None:
    assert station_document(station_of(DOCUMENTED)) == DOCUMENTED
    assert list(station_document(station_of(DOCUMENTED))) == list(DOCUMENTED)


def test_difference_names_each_change_by_its_path() -> None:
    old = station_of(DOCUMENTED)
    new = station_of(
        {
            "stationId": "ELECTRA_PARIS_15",
            "gridCapacity": 350,
            "staticLoad": 3.5,
            "circuits": [{"id": "hall", "capacity": 63}],
            "chargers": [
                {"id": "CP003", "maxPower": 300, "connectors": 2},
                {"id": "CP001", "maxPower": 180.5, "connectors": 2, "control": "rest"},
                {"id": "CP004", "maxPower": 22, "connectors": 1},
            ],
        }
    )
    assert difference(old, new) == [
        "$.gridCapacity: 400 → 350",
        '$.battery: {"initialCapacity": 200, "power": 100} → default',
        "$.staticLoad: default → 3.5",
        '$.chargers["CP001"].maxPower: 200 → 180.5',
        '$.chargers["CP001"].control: default → "rest"',
        '$.chargers["CP002"]: removed',
        '$.chargers["CP004"]: added {"id": "CP004", "maxPower": 22, "connectors": 1}',
        "$.chargers: the order has changed",
        '$.circuits["hall"]: added {"id": "hall", "capacity": 63}',
    ]
    assert difference(old, old) == []


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["$.failSafe fail_safe_not_chosen", "$.battery battery_computed"]),
        ({"failSafe": "closed"}, ["$.battery battery_computed"]),
        (
            {"failSafe": "closed", "chargers": []},
            ["$.battery battery_computed", "$.chargers no_chargers"],
        ),
        (
            {
                "failSafe": "closed",
                "chargers": [charger("A", control="none"), charger("B", control="none", reservedPower=1)],
            },
            ["$.battery battery_computed", "$.chargers[0].reservedPower booked_at_max_power"],
        ),
        (
            {
                "failSafe": "closed",
                "gridCapacity": 50,
                "chargers": [charger("A", mode="observe"), charger("B", mode="observe", reservedPower=1)],
            },
            [
                "$.battery battery_computed",
                "$.chargers[0].reservedPower booked_at_max_power",
                "$.gridCapacity overbooked_at_start",
            ],
        ),
        (
            {
                "failSafe": "closed",
                "gridCapacity": 80,
                "circuits": [{"id": "hall", "capacity": 99}, {"id": "row", "parent": "hall", "capacity": 60}],
                "chargers": [charger(name, control="ocpp", circuit="row") for name in "AB"],
            },
            [
                "$.battery battery_computed",
                "$.gridCapacity overbooked_at_start",
                "$.circuits[0].capacity overbooked_at_start",
                "$.circuits[1].capacity overbooked_at_start",
            ],
        ),
    ],
)
def test_notices(changes: dict[str, Any], kinds: list[str]) -> None:
    assert [f"{notice.path} {notice.kind}" for notice in notices(station_of(document(**changes)))] == kinds


@pytest.mark.parametrize(
    ("station", "of_charger", "mode", "power_w"),
    [
        ({}, {}, FailSafe.CLOSED, 0),
        ({"failSafe": "closed"}, {"failSafe": "reserve"}, FailSafe.RESERVE, 10_000),
        ({"failSafe": "reserve"}, {"failSafe": "closed"}, FailSafe.CLOSED, 0),
        ({"failSafe": "reserve"}, {}, FailSafe.RESERVE, 10_000),
        ({"failSafe": "reserve"}, {"minPower": 20}, FailSafe.RESERVE, 20_000),
        ({"failSafe": "reserve"}, {"maxPower": 22}, FailSafe.RESERVE, 4_140),
        ({"failSafe": "reserve"}, {"maxPower": 7.4, "phases": 1}, FailSafe.RESERVE, 1_380),
        ({"failSafe": "reserve"}, {"maxPower": 22, "voltage": 240}, FailSafe.RESERVE, 4_320),
        ({"failSafe": "reserve"}, {"failSafePower": 0.5}, FailSafe.RESERVE, 500),
        ({"failSafe": "expire"}, {"maxPower": 22}, FailSafe.EXPIRE, 4_140),
        ({"failSafe": "expire"}, {"control": "none"}, FailSafe.EXPIRE, 0),
        ({"failSafe": "reserve"}, {"control": "rest"}, FailSafe.RESERVE, 0),
        ({"failSafe": "reserve"}, {"control": "none"}, FailSafe.RESERVE, 0),
    ],
)
def test_fail_safe_power_of_each_connector(
    station: dict[str, Any], of_charger: dict[str, Any], mode: FailSafe, power_w: int
) -> None:
    found = station_of(with_charger(**of_charger) | station)
    assert found.fail_safe_chosen == ("failSafe" in station)
    assert (found.chargers[0].fail_safe, found.chargers[0].fail_safe_power_w) == (mode, power_w)


AWAY = "  while this server is away: a car that charges goes on with its last limit; one that is plugged in then gets "
CLOSED_SAYS = AWAY + "no power until the server is back"
REST_SAYS = AWAY.partition("; ")[0] + "; one that comes then is given none"
ASIDE = " of the grid connection aside, also where no car is"
CHOOSE = (
    'the file does not say "failSafe" for the station, and "closed" is the default; to choose, write it: "closed" '
    'keeps it so, with "reserve" or "expire" '
)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"failSafe": "closed"}, ["every charger: failSafe closed: it sets no power aside", CLOSED_SAYS]),
        (
            {},
            [
                "every charger: failSafe closed: it sets no power aside",
                CLOSED_SAYS,
                CHOOSE + "60 kW would be set aside for new cars, 340 kW left to share",
            ],
        ),
        (
            {"gridCapacity": 50},
            [
                "every charger: failSafe closed: it sets no power aside",
                CLOSED_SAYS,
                CHOOSE + "60 kW would have to be set aside, more than fits: choose a lower failSafePower",
            ],
        ),
        (
            {"failSafe": "expire"},
            [
                f"every charger: failSafe expire: it sets 20 kW (2 × 10 kW){ASIDE}",
                AWAY.replace("limit;", "limit for 5 min, then with what a new one gets;") + "10 kW",
                "together: 60 kW are set aside, 340 kW are left to share",
            ],
        ),
        (
            {"failSafe": "reserve", "staticLoad": 50},
            [
                f"every charger: failSafe reserve: it sets 20 kW (2 × 10 kW){ASIDE}",
                AWAY + "10 kW",
                "together: 60 kW are set aside, 290 kW are left to share",
            ],
        ),
        (
            {
                "chargers": [
                    charger("A"),
                    charger("B", failSafe="reserve"),
                    charger("C", maxPower=22, connectors=1, failSafe="reserve"),
                    charger("D", control="none"),
                    charger("E", control="rest"),
                    charger("F"),
                ],
            },
            [
                "A, F: failSafe closed: it sets no power aside",
                CLOSED_SAYS,
                f"B: failSafe reserve: it sets 10 kW{ASIDE}",
                AWAY + "10 kW",
                f"C: failSafe reserve: it sets 4.14 kW{ASIDE}",
                AWAY + "4.14 kW",
                "D: control none: failSafe is not for it, 50 kW are booked always",
                "  while this server is away: cars charge as they always do",
                "E: control rest: failSafe is not for it, nothing is set aside",
                REST_SAYS,
                "together: 14.14 kW are set aside, 335.86 kW are left to share",
                CHOOSE + "34.14 kW would be set aside for new cars, 315.86 kW left to share",
            ],
        ),
        (
            {
                "failSafe": "reserve",
                "chargers": [charger("A"), charger("B", mode="observe", reservedPower=30, failSafePower=5)],
            },
            [
                f"A: failSafe reserve: it sets 10 kW{ASIDE}",
                AWAY + "10 kW",
                "B: mode observe: failSafe is not for it, 30 kW are booked always",
                "  while this server is away: cars charge as they always do",
                "together: 10 kW are set aside, 360 kW are left to share",
            ],
        ),
        ({"failSafe": "reserve", "chargers": []}, []),
        (
            {"chargers": [charger("A", control="rest")]},
            ["every charger: control rest: failSafe is not for it, nothing is set aside", REST_SAYS],
        ),
    ],
)
def test_what_the_fail_safe_mode_of_each_charger_costs_and_what_a_driver_experiences(
    changes: dict[str, Any], lines: list[str]
) -> None:
    assert list(explain_fail_safe(station_of(document(**changes)))) == lines


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("## The station", parsing.KEYS),
        ("## `battery`", battery.BATTERY_KEYS),
        ("## `chargers[]`", chargers.KEYS),
        ("## `circuits[]`", circuits.KEYS),
        ("## `capacitySchedule[]`", capacity.WINDOW_KEYS),
        ("## `gridOperator`", capacity.OPERATOR_KEYS),
        ("## `capacityTariff`", capacity.TARIFF_KEYS),
        ("## `battery.modbus`", battery.MODBUS_KEYS),
        ("## `siteMeter`", site_meter.METER_KEYS),
        ("## `siteMeter.modbus`", site_meter.MODBUS_KEYS),
    ],
)
def test_the_reference_page_has_exactly_the_keys_that_are_read(heading: str, keys: frozenset[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    _, _, rest = page.partition(heading + "\n")
    section = rest.partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == keys
