"""Random stations and the chargers that stand in them."""

import random
from dataclasses import replace

from csms.core.configuration.loads import check_fail_safe
from csms.core.ids import ChargerId
from csms.core.station import Charger, Circuit, Configure, Control, FailSafe, Station
from csms.core.tuning import ENERGY, POWER
from csms.simulation.charger import Habits
from csms.simulation.keys import Pen
from csms.simulation.obedience import Nature
from csms.simulation.profiles import ProfileMemory

ADDED = (
    "needs_start_power=False, ",
    ", mode=<Mode.CONTROL: 'control'>",
    ", terms=Terms(weight=None, priority=None), connector_terms=()",
    ", capacity_schedule=()",
    ", grid_operator=None",
    ", capacity_tariff=None",
    ", site_meter=None",
    ", phase_limit=None",
    ", rotation=None",
    ", static_phases=None",
)
"""What was added to stations since their modes were drawn from them, as it is written at its default."""

CONTROLS = (Control.AUTO,) * 5 + (Control.OCPP,) * 4 + (Control.REST,) * 2 + (Control.NONE,)


def random_station(rng: random.Random, chargers_count: int | None = None) -> Station:
    """Return a station in a tree of up to two circuits, always short of power; of 1 to 6 chargers unless told."""
    circuits = _random_circuits(rng)
    drawn = rng.randint(1, 6)
    count = drawn if chargers_count is None else chargers_count
    chargers = tuple(_random_charger(rng, ChargerId(f"C{number}"), circuits) for number in range(1, count + 1))
    total_w = sum(charger.max_power_w for charger in chargers)
    circuits = tuple(
        replace(circuit, capacity_w=int(_below_w(chargers, circuits, circuit) * rng.uniform(0.5, 1.1)) + 10_000)
        for circuit in circuits
    )
    uncontrolled_w = sum(charger.uncontrolled_power_w for charger in chargers if charger.control is Control.NONE)
    static_w = rng.choice((0, 0, rng.randint(0, 20_000)))
    capacity_w = int(total_w * rng.uniform(0.3, 1.05)) + uncontrolled_w + static_w + 5_000
    return _with_fail_safe(Station("SITE", capacity_w, chargers, circuits, static_load_w=static_w))


def with_start_power(station: Station) -> Station:
    """Return the station with cars at every DC charger that end the session when they are offered 0 W."""
    return replace(station, chargers=tuple(replace(c, needs_start_power=c.is_dc) for c in station.chargers))


def changed_station(rng: random.Random, station: Station) -> Station:
    """Return the station after an operator's change: another capacity, charger or fail-safe mode, one removed."""
    changed = _changed_station(rng, station)
    return _with_fail_safe(changed)


def _with_fail_safe(station: Station) -> Station:
    """Return the station with a mode drawn for each charger; all `closed` where their fail-safe power does not fit.

    The draw depends on the station alone, so that everything else that a seed means stays as it is; what has been added
    to stations since is not in it, so that the modes stay, too.
    """
    told = repr(station)
    for added in ADDED:
        told = told.replace(added, "")
    rng = random.Random(told)
    reserves = rng.random() < 0.6
    drawn = replace(station, chargers=tuple(_drawn_fail_safe(rng, c, reserves=reserves) for c in station.chargers))
    return drawn if not check_fail_safe(drawn) else all_closed(station)


def all_closed(station: Station) -> Station:
    """Return the station with nothing for cars that come while the server is away."""
    closed = (replace(c, fail_safe=FailSafe.CLOSED, fail_safe_power_w=0) for c in station.chargers)
    return replace(station, chargers=tuple(closed))


def with_charger(station: Station, charger: Charger) -> Station:
    """Return the station with one charger that it had before; all `closed` where their fail-safe power does not fit."""
    others = (c for c in station.chargers if c.charger_id != charger.charger_id)
    grown = replace(station, chargers=(*others, charger))
    return grown if not check_fail_safe(grown) else all_closed(grown)


def _drawn_fail_safe(rng: random.Random, charger: Charger, *, reserves: bool) -> Charger:
    steered = charger.control in {Control.AUTO, Control.OCPP}
    if not reserves or not steered or rng.random() < 0.2:
        return replace(charger, fail_safe=FailSafe.CLOSED, fail_safe_power_w=0)
    power_w = rng.randint(1_000, 12_000) if charger.is_dc else 6 * 230 * charger.phases + rng.choice((0, 0, 700))
    mode = rng.choice((FailSafe.RESERVE, FailSafe.EXPIRE))
    return replace(charger, fail_safe=mode, fail_safe_power_w=power_w)


def _changed_station(rng: random.Random, station: Station) -> Station:
    die = rng.random()
    if die < 0.5 or not station.chargers:
        least_w = station.static_load_w + sum(
            charger.uncontrolled_power_w for charger in station.chargers if charger.control is Control.NONE
        )
        return replace(station, grid_capacity_w=least_w + int(station.grid_capacity_w * rng.uniform(0.4, 1.4)))
    chosen = rng.choice(station.chargers)
    if die < 0.8:
        if chosen.control is Control.NONE:
            return station
        power_w = max(chosen.min_power_w, int(chosen.max_power_w * rng.uniform(0.4, 1.5)))
        changed = replace(chosen, max_power_w=power_w)
        others = tuple(changed if charger is chosen else charger for charger in station.chargers)
        return replace(station, chargers=others)
    return replace(station, chargers=tuple(charger for charger in station.chargers if charger is not chosen))


def random_nature(rng: random.Random, charger: Charger, memory: ProfileMemory) -> Nature:
    """Return what a charger can do, and leave foreign profiles in its memory."""
    highest = rng.choice((None, 0, 1, 3, 8, 20))
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 3)):
            level = rng.randint(0, 10 if highest is None else min(10, highest))
            memory.set_default(rng.randint(0, charger.connectors), level, rng.randint(0, charger.max_power_w))
    units = frozenset({"W"})
    words: str | None = "Power"
    if not charger.is_dc:
        units, words = rng.choice(
            (
                (frozenset({"A"}), "Current"),
                (frozenset({"A", "W"}), "Current,Power"),
                (frozenset({"W"}), None),
                (frozenset({"A"}), None),
            )
        )
    configuration: dict[str, str | None] = {"NumberOfConnectors": str(charger.connectors)}
    if words is not None:
        configuration["ChargingScheduleAllowedChargingRateUnit"] = words
    if highest is not None:
        configuration["ChargeProfileMaxStackLevel"] = str(highest)
    configuration |= _random_settings(rng)
    return Nature(
        units=units,
        phases=charger.phases,
        voltage_v=charger.voltage_v,
        relative=rng.random() < 0.93,
        zero=rng.random() < 0.97,
        any_transaction=rng.random() < 0.15,
        tenths=rng.random() < 0.5,
        reads_back=rng.random() < 0.8,
        two_periods=random.Random(f"{charger.charger_id} {words} {highest}").random() < 0.85,
        tx_profiles=rng.random() < 0.93,
        triggers=rng.random() < 0.8,
        configuration=configuration,
        pen=_random_pen(rng, charger),
    )


def _random_settings(rng: random.Random) -> dict[str, str | None]:
    """Return settings of which some do and some do not."""
    told: dict[str, str | None] = {
        "MeterValueSampleInterval": rng.choice(("10", "60", "0", "900", "undefined")),
        "MeterValuesSampledData": rng.choice((f"{POWER},{ENERGY}", "Voltage", ENERGY, "", "Unknown", None)),
        "WebSocketPingInterval": rng.choice(("0", "20", "300")),
        "TransactionMessageAttempts": "3",
        "TransactionMessageRetryInterval": rng.choice(("20", "60", "")),
        "StopTxnSampledData": "SoC",
    }
    return {key: value for key, value in told.items() if rng.random() < 0.9}


def _random_pen(rng: random.Random, charger: Charger) -> Pen:
    """Return how a charger takes what is written to its keys."""
    known = rng.choice((None, {"Voltage"}, {"Voltage", POWER}, {"Voltage", ENERGY}, set[str]()))
    return Pen(
        allowed=charger.configure is Configure.AUTO,
        word=rng.choice(("Accepted",) * 5 + ("Rejected", "NotSupported", "RebootRequired")),
        measurands=None if known is None else frozenset(known),
        forgets=rng.random() < 0.1,
        reboots=rng.random() < 0.1,
        keys_max=rng.choice((None, None, None, 1, 5, 10)),
    )


def random_habits(rng: random.Random) -> Habits:
    """Return how a charger talks."""
    return Habits(
        skew_ms=rng.choice((0, 0, rng.randint(-300_000, 300_000))),
        meter_period_ms=rng.randint(5_000, 15_000),
        boots_on_reconnect=rng.random() < 0.2,
        silent_on_reconnect=rng.random() < 0.2,
        keeps_tx_profile=rng.random() < 0.6,
        resumes=rng.random() < 0.6,
        timeout_ms=rng.choice((10_000, 10_000, 20_000)),
        replays_meter=rng.random() < 0.3,
    )


def _random_circuits(rng: random.Random) -> tuple[Circuit, ...]:
    shape = rng.randint(0, 3)
    if shape <= 1:
        return ()
    second_parent = rng.choice((None, "K1"))
    return (Circuit("K1", None, 0), Circuit("K2", second_parent, 0))[: shape - 1]


def _random_charger(rng: random.Random, charger_id: ChargerId, circuits: tuple[Circuit, ...]) -> Charger:
    circuit = rng.choice((None, *(each.circuit_id for each in circuits)))
    control = rng.choice(CONTROLS)
    connectors = rng.choice((1, 1, 2, 2, 3))
    if rng.random() < 0.6:
        power_w = rng.randint(30, 300) * 1_000
        least_w = rng.choice((0, 0, 5_000, 10_000))
        charger = Charger(charger_id, power_w, connectors, control, circuit, least_w)
    else:
        phases = rng.choice((1, 3, 3))
        power_w = phases * 230 * rng.choice((16, 20, 32))
        charger = Charger(charger_id, power_w, connectors, control, circuit, 6 * 230 * phases, phases=phases)
    charger = replace(charger, configure=rng.choice((Configure.AUTO,) * 4 + (Configure.SUGGEST, Configure.NEVER)))
    if control is Control.NONE:
        return replace(charger, reserved_power_w=charger.max_power_w // rng.choice((1, 2, 4)))
    return charger


def _below_w(chargers: tuple[Charger, ...], circuits: tuple[Circuit, ...], circuit: Circuit) -> int:
    below = {circuit.circuit_id} | {each.circuit_id for each in circuits if each.parent == circuit.circuit_id}
    return sum(charger.max_power_w for charger in chargers if charger.circuit in below)
