import pytest

from simulators.electrical import Supply
from simulators.meter import Measurand, Meter, Reading, sampled_values

AC_READING = Reading(energy_wh=1_234, power_w=6_900, offered_w=11_040, phases_used=3, soc_percent=None)
ONE_PHASE = Reading(energy_wh=1_234, power_w=2_300, offered_w=3_680, phases_used=1, soc_percent=None)
DC_READING = Reading(energy_wh=5, power_w=150_000, offered_w=160_000, phases_used=0, soc_percent=42)


def test_the_register_counts_exactly_and_shows_whole_watt_hours() -> None:
    meter = Meter(register_wh=100)
    for _ in range(3_600):
        meter.count(999, 1_000)
    assert meter.energy_wh == 1_099
    meter.count(1, 999)
    assert meter.energy_wh == 1_099


@pytest.mark.parametrize(
    ("reading", "phases", "measurand", "expected"),
    [
        (AC_READING, 3, Measurand.ENERGY, ["1234 Wh"]),
        (AC_READING, 3, Measurand.POWER, ["6900 W"]),
        (AC_READING, 3, Measurand.POWER_OFFERED, ["11040 W"]),
        (AC_READING, 3, Measurand.CURRENT, ["10.0 A L1", "10.0 A L2", "10.0 A L3"]),
        (ONE_PHASE, 3, Measurand.CURRENT, ["10.0 A L1", "0.0 A L2", "0.0 A L3"]),
        (AC_READING, 3, Measurand.CURRENT_OFFERED, ["16.0 A"]),
        (AC_READING, 3, Measurand.VOLTAGE, ["230 V L1-N", "230 V L2-N", "230 V L3-N"]),
        (AC_READING, 3, Measurand.SOC, []),
        (DC_READING, 0, Measurand.POWER, ["150000 W"]),
        (DC_READING, 0, Measurand.SOC, ["42 Percent"]),
        (DC_READING, 0, Measurand.CURRENT, []),
        (DC_READING, 0, Measurand.CURRENT_OFFERED, []),
        (DC_READING, 0, Measurand.VOLTAGE, []),
    ],
)
def test_what_it_says(reading: Reading, phases: int, measurand: Measurand, expected: list[str]) -> None:
    values = sampled_values([measurand], reading, Supply(phases), "Sample.Periodic")
    assert [" ".join((v["value"], v["unit"], v.get("phase", ""))).strip() for v in values] == expected
    assert {v["measurand"] for v in values} <= {measurand.value}
    assert {v["location"] for v in values} <= {"EV" if measurand is Measurand.SOC else "Outlet"}
