import json
from typing import Any

import pytest
from ocpp.v16.enums import (  # type: ignore[import-untyped]
    Location,
    Measurand,
    Phase,
    ReadingContext,
    UnitOfMeasure,
)

from csms.core.events import DRAWN_MA, Sample
from csms.ocpp16 import frames
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
        ("7.4", "kW", 7_400),
        ("7.", "kW", 7_000),
        ("7.4001", "kW", 7_401),
        ("48250.0", "W", 48_250),
        ("48250.01", "W", 48_251),
        ("7.x", "kW", None),
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
        ("1,234", "W", None),
        ("123,456", None, None),
        ("0,234", "W", 1),
        ("1234,567", "W", 1_235),
        ("1,234", "kW", 1_234),
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
        (ENERGY | {"value": "1,234"}, None),
        ({"value": "5", "measurand": " energy.active.import.REGISTER "}, 5),
        ({"value": "5", "measurand": ""}, 5),
        ({"value": "5", "measurand": "energy.active.export.register"}, None),
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
        ([("L1", None, 7300), ("L2", None, ""), ("L3", None, 7300)], None),
        ([("L1", None, 7300), ("L2", None, "NaN"), ("L3", None, 7300)], None),
        ([(None, None, 21900), ("L1", None, 7300), ("L2", None, "")], 21900),
        ([("L1", "Inlet", ""), ("L1", None, 7), ("L2", None, 8)], 15),
    ],
)
def test_total_phases_and_locations(
    values: list[tuple[str | None, str | None, float | str]], power_w: int | None
) -> None:
    items = [
        POWER
        | {"value": str(value)}
        | ({} if phase is None else {"phase": phase})
        | ({} if location is None else {"location": location})
        for phase, location, value in values
    ]
    assert sample(*items)[0] == power_w


@pytest.mark.parametrize(
    ("values", "power_w", "contradicted"),
    [
        ([(None, None, 0), ("L1", None, 3_600), ("L2", None, 0), ("L3", None, 0)], 3_600, True),
        ([(None, "Outlet", 0), ("L1-N", "Outlet", 3_600), ("L2-N", None, 3_600)], 7_200, True),
        ([(None, None, 0), ("L1", None, 99)], 0, False),
        ([(None, None, 0), ("L1", None, 100)], 100, True),
        ([(None, None, 0), ("L1", "Inlet", 3_600)], 0, False),
        ([(None, None, 0), ("L1", None, 3_600), ("L2", None, -3_600)], 0, False),
        ([(None, None, 1), ("L1", None, 3_600)], 1, False),
        ([(None, None, -5), ("L1", None, 3_600)], 0, False),
        ([("L1", None, 0), ("L2", None, 0)], 0, False),
        ([(None, None, 0)], 0, False),
    ],
)
def test_a_total_of_0_beside_phases_that_draw(
    values: list[tuple[str | None, str | None, float]], power_w: int, *, contradicted: bool
) -> None:
    items = [
        POWER
        | {"value": str(value)}
        | ({} if phase is None else {"phase": phase})
        | ({} if location is None else {"location": location})
        for phase, location, value in values
    ]
    (only,) = samples(json.dumps([{"timestamp": STAMP, "sampledValue": items}]).encode())
    assert (only.power_w, only.zero_contradicted) == (power_w, contradicted)


CURRENT = {"measurand": "Current.Import"}
PHASES = [
    # caption, currents as phase, value and what else | phases that draw
    ("three", [("L1", "16.1", {}), ("L2", "16", {}), ("L3", "15.9", {"unit": "A"})], 3),
    ("one, and placeholders", [("L1", "6.0", {}), ("L2", "0.00", {}), ("L3", "0.5", {})], 1),
    ("to neutral, and neutral", [("L1-N", "6", {}), ("L2-N", "6", {}), ("L3-N", "0", {}), ("N", "1", {})], 2),
    ("none", [("L1", "0", {}), ("L2", "0", {}), ("L3", "0", {})], 0),
    ("one told", [("L1", "6", {})], None),
    ("two told", [("L1", "6", {}), ("L2", "0", {})], None),
    ("a total", [(None, "6", {})], None),
    ("of the inlet", [(line, "6", {"location": "Inlet"}) for line in ("L1", "L2", "L3")], None),
    ("one is no number", [("L1", "6", {}), ("L2", "", {}), ("L3", "0", {})], None),
    ("in another unit", [(line, "600", {"unit": "mA"}) for line in ("L1", "L2", "L3")], None),
    ("exported", [("L1", "6", {}), ("L2", "-6", {}), ("L3", "0", {})], None),
]


@pytest.mark.parametrize(("currents", "phases"), [row[1:] for row in PHASES], ids=[row[0] for row in PHASES])
def test_phases_that_draw(currents: list[tuple[str | None, str, dict[str, str]]], phases: int | None) -> None:
    items = [
        CURRENT | {"value": value} | ({} if line is None else {"phase": line}) | fields
        for line, value, fields in currents
    ]
    (only,) = samples(json.dumps([{"timestamp": STAMP, "sampledValue": items}]).encode())
    drawing = None if only.current_ma is None else sum(each_ma > DRAWN_MA for each_ma in only.current_ma)
    assert drawing == phases


PHASE_POWERS = [
    # caption, powers as phase, value and what else | W of L1 to L3, W in all
    ("three", [("L1", "3680.2", {}), ("L2", "3680", {}), ("L3", "3.6", {"unit": "kW"})], (3_681, 3_680, 3_600), 10_961),
    ("one, and placeholders", [("L1", "3680", {}), ("L2", "0.00", {}), ("L3", "0", {})], (3_680, 0, 0), 3_680),
    ("to neutral", [("L1-N", "5", {}), ("L2-N", "6", {}), ("L3-N", "7", {}), ("N", "1", {})], (5, 6, 7), 18),
    ("beside a total", [(None, "9", {}), ("L1", "9", {}), ("L2", "0", {}), ("L3", "0", {})], (9, 0, 0), 9),
    ("zeros", [("L1", "0", {}), ("L2", "0", {}), ("L3", "0", {})], (0, 0, 0), 0),
    ("one told", [("L1", "6", {})], None, 6),
    ("a total", [(None, "6", {})], None, 6),
    ("line to line", [("L1-L2", "6", {}), ("L2-L3", "6", {}), ("L3-L1", "6", {})], None, None),
    ("of the inlet", [(line, "6", {"location": "Inlet"}) for line in ("L1", "L2", "L3")], None, 18),
    ("one is no number", [("L1", "6", {}), ("L2", "", {}), ("L3", "0", {})], None, None),
    ("one exports", [("L1", "6", {}), ("L2", "-6", {}), ("L3", "0", {})], None, 0),
]


@pytest.mark.parametrize(
    ("powers", "phase_w", "power_w"), [row[1:] for row in PHASE_POWERS], ids=[row[0] for row in PHASE_POWERS]
)
def test_powers_of_phases(
    powers: list[tuple[str | None, str, dict[str, str]]], phase_w: tuple[int, int, int] | None, power_w: int | None
) -> None:
    items = [
        POWER | {"value": value} | ({} if line is None else {"phase": line}) | fields for line, value, fields in powers
    ]
    (only,) = samples(json.dumps([{"timestamp": STAMP, "sampledValue": items}]).encode())
    assert (only.phase_w, only.power_w) == (phase_w, power_w)


def test_one_bad_value_does_not_spoil_the_others() -> None:
    assert sample(POWER | {"value": ["x"]}, 5, None, POWER | {"value": "7"}) == (7, None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[]", 0),
        ("null", 0),
        ("5", 0),
        ("[5,null]", 0),
        ("{}", 0),
        ("[{}]", 0),
        ('{"timestamp":"x","sampledValue":{"value":"5"}}', 1),
        ('[{"sampledValue":[]},{"sampledValue":5}]', 1),
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
    new = '{"timestamp" : "2026-01-01T00:00:10Z","sampledValue":[{"value":"","x":[]}]}'
    old = '{"timestamp":"2026-01-01T00:00:00Z", "sampledValue":[{"value":"é"}]}'
    found = samples(f"[{new},{old}]".encode())
    assert [(one.at_ms, one.raw_json) for one in found] == [(T, old), (T + 10_000, new)]


# --- every word of the vocabulary (§7.31, §7.33, §7.34, §7.41, §7.43, §7.45) ------------------------------------------

MEASURANDS = [str(member.value) for member in Measurand]
UNITS = [str(member.value) for member in UnitOfMeasure]
CONSUMPTION = {"Power.Active.Import": (5, None), "Energy.Active.Import.Register": (None, 5)}
SCALED = {
    ("Power.Active.Import", "W"): (5, None),
    ("Power.Active.Import", "kW"): (5_000, None),
    ("Energy.Active.Import.Register", "Wh"): (None, 5),
    ("Energy.Active.Import.Register", "kWh"): (None, 5_000),
}


@pytest.mark.parametrize("measurand", MEASURANDS)
def test_power_and_energy_import_alone_are_consumption(measurand: str) -> None:
    """Neither Power.Offered nor Current.Offered, no interval, no reactive power, no export."""
    assert sample({"value": "5", "measurand": measurand}) == CONSUMPTION.get(measurand, (None, None))


@pytest.mark.parametrize("measurand", MEASURANDS)
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_that_is_not_the_measurands_own_says_nothing(measurand: str, unit: str) -> None:
    expected = SCALED.get((measurand, unit), (None, None))
    assert sample({"value": "5", "measurand": measurand, "unit": unit}) == expected


@pytest.mark.parametrize("phase", [str(member.value) for member in Phase])
def test_every_phase(phase: str) -> None:
    of_a_line = phase in {"L1", "L2", "L3", "L1-N", "L2-N", "L3-N"}
    assert sample(POWER | {"value": "5", "phase": phase})[0] == (5 if of_a_line else None)


@pytest.mark.parametrize("context", [str(member.value) for member in ReadingContext])
def test_every_context_is_a_measurement(context: str) -> None:
    assert sample(POWER | {"value": "5", "context": context}, {"value": "7", "context": context}) == (5, 7)


@pytest.mark.parametrize("location", [str(member.value) for member in Location])
def test_every_location_is_better_than_none(location: str) -> None:
    assert sample(POWER | {"value": "5", "location": location}) == (5, None)
    beside = POWER | {"value": "7", "location": location}
    assert sample(beside, POWER | {"value": "5"}) == (7 if location == "Outlet" else 5, None)


DIRT = [
    # caption, values by name and phase | W, Wh
    ("zero placeholders on one phase", "P:L1=3600 P:L2=0 P:L3=0", (3_600, None)),
    ("empty placeholders", "P:L1=3600 P:L2= P:L3=NaN", (3_600, None)),
    ("phases of energy, no total", "E:L1=5 E:L2=6 E:L3=7", (None, 18)),
    ("currents and voltages alone tell no power", "I:L1=16 U:L1-N=230", (None, None)),
    ("current contradicts power: power", "P=11000 I:L1=3.3 I:L2=0", (11_000, None)),
    ("in kW without a unit: 31 A at 232 V", "P=7.2 I=31 U=232", (7_200, None)),
    ("in kW without a unit: three phases", "P=11 I:L1=16 I:L2=16 I:L3=16 I=48", (11_000, None)),
    ("in kW without a unit: the current of each phase once", "P=11.04 I=16", (11_040, None)),
    ("7 W beside a current of standby", "P=7 I=0.05", (7, None)),
    ("7 W without any current", "P=7", (7, None)),
    ("7 W beside a current that fits neither", "P=7 I=4", (7, None)),
    ("7 W beside a current of the neutral", "P=7 I:N=31", (7, None)),
    ("0 W beside a current", "P=0 I=16", (0, None)),
    ("0 W beside phases in kW", "P=0 P:L1=2.4 P:L2=2.4 P:L3=2.4 I:L1=10.4 I:L2=10.4 I:L3=10.4", (7_200, None)),
    ("0 W beside noise on phases", "P=0 P:L1=2.4 P:L2=0 P:L3=0 I:L1=0.01 I:L2=0 I:L3=0", (0, None)),
    ("0 W beside less than 100 W in kW", "P=0 P:L1=0.09 I:L1=0.4", (0, None)),
]
NAMES = {"P": "Power.Active.Import", "E": "Energy.Active.Import.Register", "I": "Current.Import", "U": "Voltage"}


@pytest.mark.parametrize(("values", "read"), [row[1:] for row in DIRT], ids=[row[0] for row in DIRT])
def test_what_chargers_send(values: str, read: tuple[int | None, int | None]) -> None:
    items = []
    for name, value in (item.split("=") for item in values.split()):
        short, _, phase = name.partition(":")
        items.append({"measurand": NAMES[short], "value": value} | ({"phase": phase} if phase else {}))
    assert sample(*items) == read


@pytest.mark.parametrize("unit", ["W", "kW"])
def test_a_power_with_its_unit_beside_a_current(unit: str) -> None:
    current = {"measurand": "Current.Import", "value": "31"}
    assert sample(POWER | {"value": "7.2", "unit": unit}, current)[0] == 7_200, "W said, kW meant; and kW"


@pytest.mark.parametrize(
    ("value", "unit", "step_wh"),
    [
        ("12340", "Wh", 1),
        ("12340", None, 1),
        ("12", "kWh", 1_000),
        ("12.3", "kWh", 100),
        ("12,34", "kWh", 10),
        ("12.340", "kWh", 1),
        ("12.345", "kWh", 1),
        ("12.3456", "kWh", 1),
    ],
)
def test_the_digits_of_a_register_tell_how_fine_it_is(value: str, unit: str | None, step_wh: int) -> None:
    fields = ENERGY | {"value": value} | ({} if unit is None else {"unit": unit})
    (only,) = samples(json.dumps([{"timestamp": STAMP, "sampledValue": [fields]}]).encode())
    assert only.energy_step_wh == step_wh


SIGNED = (
    '{ "sampledValue" :[\n{"format":"SignedData","value":"OCMF|{\\"FV\\":\\"1.0\\",\\"\\u00e9\\":\\"\\/é\\"}|\\u0000"'
    ' , "value":"7"},\t{"unit":"kWh","value":1.50e0}] ,"timestamp":"2026-01-01T00:00:00+00:00","custom":{"a":[1 ,2]} }'
)


@pytest.mark.parametrize("action", ["MeterValues", "StopTransaction"])
def test_signed_values_come_through_byte_for_byte(action: str) -> None:
    stop = '"transactionId":1,"meterStop":5,"transactionData"'
    rest = '"connectorId":1,"meterValue"' if action == "MeterValues" else stop
    frame = frames.decode(f'[2, "id", "{action}", {{{rest}: [ {SIGNED} ,{SIGNED}] }} ]')
    assert isinstance(frame, frames.Call)
    decoded = decode_hot(action, frame.payload)
    assert isinstance(decoded, Decoded)
    assert [one.raw_json for one in samples_of(decoded.readings, RECEIVED)] == [SIGNED, SIGNED]
