"""The energy meter of a connector, and what it says in MeterValues (OCPP 1.6 §3.16, §4.7).

The register counts millijoules (W·ms), so it adds up exactly; watt-hours are shown rounded down and never go back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from simulators.car import MJ_PER_WH
from simulators.electrical import Supply


class Measurand(StrEnum):
    """The measurands that the simulated charger can report (§7.31)."""

    ENERGY = "Energy.Active.Import.Register"
    POWER = "Power.Active.Import"
    POWER_OFFERED = "Power.Offered"
    CURRENT = "Current.Import"
    CURRENT_OFFERED = "Current.Offered"
    VOLTAGE = "Voltage"
    SOC = "SoC"


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be read off one connector at one instant; `soc_percent` is None when the car does not say (AC)."""

    energy_wh: int
    power_w: int
    offered_w: int
    phases_used: int
    soc_percent: int | None


class Meter:
    """A register of imported energy."""

    def __init__(self, register_wh: int = 0) -> None:
        self._register_mj = register_wh * MJ_PER_WH

    @property
    def energy_wh(self) -> int:
        """Return the register, Wh, rounded down."""
        return self._register_mj // MJ_PER_WH

    def count(self, power_w: int, dt_ms: int) -> None:
        """Add `power_w` drawn for `dt_ms`."""
        assert power_w >= 0, "cars do not feed back"
        assert dt_ms >= 0, "time goes forward"
        self._register_mj += power_w * dt_ms


def sampled_values(measurands: Iterable[str], reading: Reading, supply: Supply, context: str) -> list[dict[str, str]]:
    """Return SampledValue payloads (§7.43) for the measurands; AC voltages and currents once per phase.

    What cannot be read is left out: a state of charge on AC, and currents and voltages on DC, where only power is
    metered. The list may thus be empty.
    """
    return [
        {
            **value,
            "measurand": measurand,
            "context": context,
            "location": "EV" if measurand == Measurand.SOC else "Outlet",
        }
        for measurand in measurands
        for value in _values(Measurand(measurand), reading, supply)
    ]


def _values(measurand: Measurand, reading: Reading, supply: Supply) -> list[dict[str, str]]:
    offered_a = _amperes(supply, reading.offered_w, reading.phases_used)
    drawn_a = _amperes(supply, reading.power_w, reading.phases_used)
    phases = range(1, supply.phases + 1)
    values = {
        Measurand.ENERGY: [{"value": str(reading.energy_wh), "unit": "Wh"}],
        Measurand.POWER: [{"value": str(reading.power_w), "unit": "W"}],
        Measurand.POWER_OFFERED: [{"value": str(reading.offered_w), "unit": "W"}],
        Measurand.CURRENT: [
            {"value": drawn_a if phase <= reading.phases_used else "0.0", "unit": "A", "phase": f"L{phase}"}
            for phase in phases
        ],
        Measurand.CURRENT_OFFERED: [] if supply.is_dc else [{"value": offered_a, "unit": "A"}],
        Measurand.VOLTAGE: [{"value": str(supply.voltage_v), "unit": "V", "phase": f"L{phase}-N"} for phase in phases],
        Measurand.SOC: (
            [] if reading.soc_percent is None else [{"value": str(reading.soc_percent), "unit": "Percent"}]
        ),
    }
    return values[measurand]


def _amperes(supply: Supply, power_w: int, phases_used: int) -> str:
    """Write the current per phase in amperes with one decimal, rounded down."""
    deci = supply.current_per_phase_ma(power_w, phases_used) // 100
    return f"{deci // 10}.{deci % 10}"
