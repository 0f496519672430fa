"""One run from its options to its outcome: what was drawn, what happened, and the hash of the story.

The same options give the same story, line by line, in every process: nothing in the world depends on the order of a
set, on an address or on real time. The hash is SHA-256 over the story's lines, each ended by a line feed.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from csms.core.configuration import kilowatts
from csms.core.engine import Engine
from csms.core.station import Charger
from csms.simulation.asked import Asked
from csms.simulation.charger import ChargerModel
from csms.simulation.faults import Choice, Kind, Profile, choice_text
from csms.simulation.host import MakeController
from csms.simulation.surroundings import Switches
from csms.simulation.trace import Trace, ViolationError
from csms.simulation.world import CALM_MS, World

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Options:
    """What chooses a run: the seed draws the rest.

    Attributes:
        seed: what every die is thrown from.
        hours: length of the stormy part, virtual hours, with a calm after it; None: the seed draws both.
        chargers: how many; None: the seed draws 1 to 6.
        faults: which may happen.
    """

    seed: int
    hours: float | None = None
    chargers: int | None = None
    faults: Choice = Profile.DRAWN

    @property
    def text(self) -> str:
        """Return them as one types them."""
        words = [f"--seed {self.seed}"]
        if self.hours is not None:
            words.append(f"--hours {self.hours:g}")
        if self.chargers is not None:
            words.append(f"--chargers {self.chargers}")
        if self.faults is not Profile.DRAWN:
            words.append(f"--faults {choice_text(self.faults)}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        drawn: every option that the seed has drawn, a line each.
        violation: the oracle that was broken and how; None when all held. The story ends with what broke it.
        chargers: how many there were; virtual_ms: how long the world lived.
        events: how many events of virtual time were run; steps: how often the engine was called.
        struck: how often each kind of fault was injected.
        overbooked_ms: for how long each row had more booked than its capacity.
        limits_over_ms: for how long each row had limits in force above its capacity.
        excess_ms: the longest time for which a row carried too much while what had opened it was to be worked off.
        asked: how often each oracle was asked.
        trace: the story as objects.
    """

    drawn: tuple[str, ...]
    violation: str | None
    chargers: int
    virtual_ms: int
    events: int
    steps: int
    struck: Mapping[Kind, int]
    overbooked_ms: Mapping[str, int]
    limits_over_ms: Mapping[str, int]
    excess_ms: int
    asked: Asked
    trace: Trace

    @property
    def story(self) -> tuple[str, ...]:
        """Return the trace, a line each: written out only when somebody asks."""
        return tuple(self.trace.lines())

    @property
    def trace_hash(self) -> str:
        """Return the hash of the story."""
        return hashlib.sha256("".join(f"{line}\n" for line in self.story).encode()).hexdigest()


def simulate(options: Options, make: MakeController = Engine) -> Outcome:
    """Run one world to its end, or to its first violation."""
    world = World(options.seed, make, Switches(odd=True), choice=options.faults, chargers_count=options.chargers)
    stormy_ms, calm_ms = world.length_ms()
    if options.hours is not None:
        stormy_ms, calm_ms = int(options.hours * HOUR_MS), CALM_MS
    drawn = tuple(_drawn(world, stormy_ms, calm_ms))
    violation = None
    try:
        world.run(stormy_ms, calm_ms)
    except ViolationError as error:
        violation = str(error).splitlines()[0]
    around = world.around
    return Outcome(
        drawn,
        violation,
        len(world.chargers),
        around.clock.now_ms,
        around.clock.events,
        world.host.steps,
        Counter(around.faults.struck),
        dict(world.judge.overbooked_ms),
        dict(world.judge.limits.over_ms),
        world.judge.fuses.longest_ms,
        world.judge.asked,
        around.trace,
    )


def _drawn(world: World, stormy_ms: int, calm_ms: int) -> Iterator[str]:
    yield f"storm {stormy_ms / 1000:g} s, then calm {calm_ms / 1000:g} s"
    yield f"fate {_values(world.fate)}"
    yield f"odds {_values(world.around.odds)}"
    station = world.station
    yield f"station {kilowatts(station.grid_capacity_w)} kW, static load {kilowatts(station.static_load_w)} kW"
    for circuit in station.circuits:
        yield f"circuit {circuit.circuit_id} {circuit.capacity_w} W in {circuit.parent or 'the grid connection'}"
    for charger in station.chargers:
        yield from _drawn_charger(charger, world.chargers[charger.charger_id])


def _drawn_charger(charger: Charger, model: ChargerModel) -> Iterator[str]:
    name, obedience = charger.charger_id, model.obedience
    place = charger.circuit or "the grid connection"
    kind = "DC" if charger.is_dc else f"AC with {charger.phases} phases"
    yield (
        f"{name} {kind}, {charger.connectors} × {charger.max_power_w} W in {place}, control {charger.control.value}"
        f", configure {charger.configure.value}"
    )
    if obedience.character is not None:
        yield f"{name} character {obedience.character.value}"
    yield f"{name} manners {_values(obedience.manners)}"
    yield f"{name} habits {_values(model.habits)}"
    yield f"{name} nature {_values(obedience.nature)}"
    yield f"{name} profiles {_values(obedience.profiles)}"


def _values(drawn: object) -> str:
    values = ((field.name, getattr(drawn, field.name)) for field in fields(drawn))  # type: ignore[arg-type]
    return " ".join(f"{name}={_value(value)}" for name, value in values)


def _value(value: object) -> str:
    """Return a value in an order of its own: sets have none."""
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(str(getattr(each, "value", each)) for each in value)) + "}"
    if hasattr(value, "__dataclass_fields__"):
        return f"({_values(value)})"
    return str(value)
