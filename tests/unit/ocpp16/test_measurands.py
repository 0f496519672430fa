import json
from typing import Any

import pytest

from csms.core.events import Sample
from csms.ocpp16.measurands import samples_of
from csms.ocpp16.typed_lane import Decoded, decode_hot

T = 1_767_225_600_000
STAMP = "2026-01-01T00:00:00Z"
RECEIVED = T + 5_000
POWER = {"measurand": "Power.Active.Import"}
ENERGY = {"measurand": "Energy.Active.Import.Register"}


def samples(meter_value: bytes) -> tuple[Sample, ...]:
    decoded = decode_hot("MeterValues", b'{"connectorId":1,"meterValue":' + meter_value + b"}")
    assert isinstance(decoded, Decoded)
    return samples_of(decoded.readings, RECEIVED)


def sample(*values: object) -> tuple[int | None, int | None]:
    element = {"timestamp": STAMP, "sampledValue": list(values)}
    (only,) = samples(json.dumps([element]).encode())
    return only.power_w, only.energy_wh


@pytest.mark.parametrize(
    ("value", "unit", "power_w"),
    [
        ("11000", "W", 11_000),
        ("11000", None, 11_000),
        ("11", "kW", 11_000),
        ("11", "KW", 11_000),
        ("0.029", "kW", 29),
        ("5.4", "W", 6),
        ("0.30002999999999996", "W", 1),
        (" 7,4 ", " kW ", 7_400),
        ("1e3", "W", 1_000),
        (7400, "W", 7_400),
        (7400.5, "W", 7_401),
        ("0", "W", 0),
        ("-500", "W", 0),
        ("", "W", None),
        ("NaN", "W", None),
        ("Infinity", "W", None),
        ("1_000", "W", None),
        ("1.234,5", "W", None),
        ("abc", "W", None),
        ("11000", "A", None),
        ("99999999", "W", None),
        ("1e99", "W", None),
        ("9" * 4000, "W", None),
        (True, "W", None),
        (None, "W", None),
    ],
)
def test_power(value: object, unit: str | None, power_w: int | None) -> None:
    unit_field = {} if unit is None else {"unit": unit}
    assert sample(POWER | {"value": value} | unit_field) == (power_w, None)


@pytest.mark.parametrize(
    ("fields", "energy_wh"),
    [
        ({"value": "12345"}, 12_345),
        ({"value": "12345.9"}, 12_345),
        (ENERGY | {"value": "12.345", "unit": "kWh"}, 12_345),
        (ENERGY | {"value": "12345", "unit": "Wh"}, 12_345),
        (ENERGY | {"value": "12345", "unit": "W"}, None),
        (ENERGY | {"value": "-1"}, None),
        (ENERGY | {"value": "123", "format": "SignedData"}, None),
        (ENERGY | {"value": '{"FV":"1.0"}'}, None),
        ({"value": "123", "measurand": "Energy.Active.Export.Register"}, None),
        ({"value": "123", "measurand": "Energy.Active.Import.Interval"}, None),
    ],
)
def test_energy(fields: dict[str, Any], energy_wh: int | None) -> None:
    assert sample(fields) == (None, energy_wh)


@pytest.mark.parametrize(
    ("values", "power_w"),
    [
        ([("L1", None, 1), ("L2", None, 2), ("L3", None, 3)], 6),
        ([("L1-N", None, 1), ("L2-N", None, 2), ("L3-N", None, 3)], 6),
        ([("L1-L2", None, 1), ("N", None, 2)], None),
        ([(None, None, 5), ("L1", None, 1), ("L2", None, 2)], 5),
        ([("L1", None, 1), ("L1-N", None, 1)], 1),
        ([(None, "Inlet", 9), (None, "Outlet", 5)], 5),
        ([(None, "Inlet", 9), (None, None, 5)], 5),
        ([(None, "Inlet", 9), ("L1", None, 5)], 5),
        ([(None, "Inlet", 9)], 9),
        ([(None, None, 5), (None, None, 7)], 7),
        ([("L1", None, 1.5), ("L2", None, 1.2)], 3),
    ],
)
def test_total_phases_and_locations(values: list[tuple[str | None, str | None, float]], power_w: int | None) -> None:
    items = [
        POWER
        | {"value": str(value)}
        | ({} if phase is None else {"phase": phase})
        | ({} if location is None else {"location": location})
        for phase, location, value in values
    ]
    assert sample(*items)[0] == power_w


def test_one_bad_value_does_not_spoil_the_others() -> None:
    assert sample(POWER | {"value": ["x"]}, 5, None, POWER | {"value": "7"}) == (7, None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[]", 0),
        ("null", 0),
        ("5", 0),
        ("[5,null]", 0),
        ("{}", 1),
        ("[{}]", 1),
        ('{"timestamp":"x","sampledValue":{"value":"5"}}', 1),
        ('[{"sampledValue":[]},{"sampledValue":5}]', 2),
    ],
)
def test_odd_shapes(text: str, count: int) -> None:
    found = samples(text.encode())
    assert len(found) == count
    assert all(one.at_ms == RECEIVED for one in found), "no usable stamp: time of receipt"


def test_an_object_stands_for_a_list_of_one() -> None:
    (one,) = samples(b'{"sampledValue":{"value":"5","measurand":"Power.Active.Import"}}')
    assert one.power_w == 5


def test_oldest_first_and_exactly_as_received() -> None:
    new = '{"timestamp" : "2026-01-01T00:00:10Z","sampledValue":[]}'
    old = '{"timestamp":"2026-01-01T00:00:00Z", "sampledValue":[{"value":"é"}]}'
    found = samples(f"[{new},{old}]".encode())
    assert [(one.at_ms, one.raw_json) for one in found] == [(T, old), (T + 10_000, new)]
