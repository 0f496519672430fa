"""Putting a charger together from what a person wants to say about it."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.car import Car
from simulators.charger import Charger
from simulators.clock import Clock
from simulators.configuration import Configuration, default_keys
from simulators.connector import Connector
from simulators.electrical import NOMINAL_VOLTAGE_V, RateUnit, Supply
from simulators.flow import Hardware
from simulators.profiles import Capabilities
from simulators.registration import DEFAULT_MODEL, Identity
from simulators.traits import WELL_BEHAVED, Traits


@dataclass(frozen=True, slots=True)
class Wanted:
    """A charger as a person describes it.

    Attributes:
        connectors: their number.
        max_w: what the charger can give in all; each connector can give as much alone.
        phases: 1 or 3 for AC, 0 for DC.
        voltage_v: nominal voltage between a phase and neutral.
        units: charging rate units that it accepts; profiles in the other are rejected.
        meter_interval_s: seconds between MeterValues; 0 for none.
        heartbeat_s: until BootNotification.conf names another.
        model: what it calls itself in BootNotification.
    """

    connectors: int = 2
    max_w: int = 200_000
    phases: int = 0
    voltage_v: int = NOMINAL_VOLTAGE_V
    units: frozenset[RateUnit] = frozenset(RateUnit)
    meter_interval_s: int = 10
    heartbeat_s: int = 300
    model: str = DEFAULT_MODEL


def build_charger(
    charger_id: str,
    wanted: Wanted,
    clock: Clock,
    *,
    tell: Callable[[str], None] = lambda _: None,
    default_car: Callable[[Connector], Car] | None = None,
    traits: Traits = WELL_BEHAVED,
) -> Charger:
    """Return a charger that has not been connected yet."""
    capabilities = Capabilities(units=wanted.units)
    for alter in traits.capabilities:
        capabilities = alter(capabilities)
    keys = default_keys(
        connectors=wanted.connectors,
        phases=wanted.phases,
        capabilities=capabilities,
        meter_interval_s=wanted.meter_interval_s,
        heartbeat_s=wanted.heartbeat_s,
    )
    for alter_keys in traits.keys:
        keys = alter_keys(keys)
    return Charger(
        Identity(charger_id, model=wanted.model),
        Hardware(wanted.connectors, wanted.max_w, wanted.max_w, Supply(wanted.phases, wanted.voltage_v)),
        Configuration(keys),
        capabilities,
        clock,
        tell=tell,
        default_car=default_car,
        traits=traits,
    )
