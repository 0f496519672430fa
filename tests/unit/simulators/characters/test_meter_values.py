"""Characters of meter values, as they are on the wire."""

from typing import Any

import pytest

from simulators.build import Wanted
from tests.unit.simulators.characters.central import AC, CAR, DC, ONE_PHASE, THREE_PHASES, bench

ENERGY, POWER, CURRENT = "Energy.Active.Import.Register", "Power.Active.Import", "Current.Import"
ONE_PHASE_AC = Wanted(connectors=1, max_w=7_400, phases=1, meter_interval_s=10)


async def samples_of(character: str, wanted: Wanted = DC, seconds: float = 60) -> list[Any]:
    """Return the payloads of MeterValues of one transaction at full power."""
    async with bench(character, wanted=wanted) as b:
        await b.start({DC: CAR, AC: THREE_PHASES, ONE_PHASE_AC: ONE_PHASE}[wanted])
        await b.run(seconds)
        assert b.central.unreadable == []
        return b.central.of("MeterValues")


def values_of(payloads: list[Any], measurand: str) -> list[dict[str, Any]]:
    return [
        value
        for payload in payloads
        for element in payload["meterValue"]
        for value in element["sampledValue"]
        if value["measurand"] == measurand
    ]


@pytest.mark.parametrize(
    ("character", "measurand", "expected"),
    [
        ("kilo_units", POWER, {"value": "150.0", "unit": "kW"}),
        ("kilo_units", ENERGY, {"value": "1.39", "unit": "kWh"}),
        ("no_units", POWER, {"value": "150000", "unit": None}),
        ("no_units", ENERGY, {"value": "1390", "unit": None}),
        ("kilowatts_without_unit", POWER, {"value": "150.0", "unit": None}),
        ("kilowatts_without_unit", ENERGY, {"value": "1.39", "unit": None}),
        ("numbers_for_texts", POWER, {"value": 150_000, "unit": "W"}),
        ("numbers_for_texts", ENERGY, {"value": 1_390, "unit": "Wh"}),
    ],
)
async def test_units_and_types(character: str, measurand: str, expected: dict[str, Any]) -> None:
    payloads = await samples_of(character, seconds=40)
    last = values_of(payloads, measurand)[-1]
    assert {name: last.get(name) for name in expected} == expected


async def test_numbers_where_texts_belong_and_the_reverse() -> None:
    payload = (await samples_of("numbers_for_texts"))[-1]
    assert (payload["connectorId"], payload["transactionId"]) == ("1", "1")
    assert payload["meterValue"][0]["sampledValue"][-1]["value"] == 21.0  # the state of charge


async def test_an_object_instead_of_an_array() -> None:
    payload = (await samples_of("object_for_array"))[-1]
    assert set(payload["meterValue"]) == {"timestamp", "sampledValue"}


async def test_no_sampled_values() -> None:
    payloads = await samples_of("no_sampled_values")
    assert len(payloads) == 6
    assert [element["sampledValue"] for payload in payloads for element in payload["meterValue"]] == [[]] * 6


async def test_dirty_values() -> None:
    payloads = await samples_of("dirty_values", seconds=70)
    powers = [value["value"] for value in values_of(payloads, POWER)]
    assert powers == ["", "  150000 ", "150000,0", "NaN", "150000", "", "  150000 "]
    assert values_of(payloads, ENERGY)[-1]["value"] == "2640"


async def test_odd_energies() -> None:
    payloads = await samples_of("odd_energies")
    energies = [(value["value"], value["unit"]) for value in values_of(payloads, ENERGY)]
    assert energies[:4] == [("140.4", "Wh"), ("0.557", "kWh"), ("0.9729999999999999", "kWh"), ("", "Wh")]
    assert energies[4][0].startswith('OCMF|{"FV": "1.0", "RD": [{"RV": "1807"')
    assert energies[5] == ("2223", "Wh")


async def test_the_register_of_a_session_starts_at_zero() -> None:
    async with bench("session_register") as b:
        await b.start(target_wh=1_000)
        await b.run(60)
        assert b.central.of("StartTransaction")[0]["meterStart"] == 1_234_567
        assert b.central.of("StopTransaction")[0]["meterStop"] == 1_235_567
        assert b.central.values(ENERGY) == ["140", "557", "973"]


@pytest.mark.parametrize(
    ("wanted", "powers", "currents"),
    [
        (
            AC,
            {"L1": "3666", "L2": "3666", "L3": "3666"},
            {"L1-N": "15.9", "L2-N": "15.9", "L3-N": "15.9"},
        ),
        (ONE_PHASE_AC, {"L1": "7400"}, {"L1-N": "32.1"}),
        (DC, {"L1": "150000"}, {}),
    ],
)
async def test_phases_without_a_total(wanted: Wanted, powers: dict[str, str], currents: dict[str, str]) -> None:
    last = (await samples_of("phases_only", wanted))[-1:]
    assert {value.get("phase"): value["value"] for value in values_of(last, POWER)} == powers
    assert {value.get("phase"): value["value"] for value in values_of(last, CURRENT)} == currents
    assert {value.get("phase") for value in values_of(last, ENERGY)} == set(powers)


async def test_zeros_for_phases_that_are_not_there() -> None:
    last = (await samples_of("zero_placeholders", ONE_PHASE_AC))[-1:]
    assert [(value.get("phase"), value["value"]) for value in values_of(last, POWER)] == [
        (None, "7400"),
        ("L1", "7400"),
        ("L2", "0"),
        ("L3", "0"),
    ]
    assert [(value["phase"], value["value"]) for value in values_of(last, CURRENT)] == [
        ("L1", "32.1"),
        ("L2", "0"),
        ("L3", "0"),
    ]


@pytest.mark.parametrize(
    ("character", "ids"),
    [("transaction_id_0", {0}), ("no_transaction_id", {None}), ("kilo_units", {1})],
)
async def test_transaction_ids(character: str, ids: set[int | None]) -> None:
    assert {payload.get("transactionId") for payload in await samples_of(character)} == ids


async def test_random_transaction_ids() -> None:
    ids = [payload["transactionId"] for payload in await samples_of("random_transaction_id")]
    assert len(set(ids)) == 6
    assert 1 not in ids


async def test_samples_in_swapped_pairs_and_one_after_the_stop() -> None:
    async with bench("samples_out_of_order") as b:
        await b.start()
        await b.run(50)
        b.charger.sessions.unplug(b.driven.connector())
        await b.driven.settle()
        seconds = [m["meterValue"][0]["timestamp"][17:19] for m in b.central.of("MeterValues")]
        # From 22:13:20 on, a sample each 10 s.
        assert seconds == ["40", "30", "00", "50", "10"]
        assert b.central.actions()[-2:] == ["StopTransaction", "MeterValues"]


async def test_current_contradicts_power() -> None:
    payloads = await samples_of("current_contradicts_power", AC)
    assert {value["value"] for value in values_of(payloads, CURRENT)} == {"1.3"}
    assert values_of(payloads, POWER)[-1]["value"] == "11000"
