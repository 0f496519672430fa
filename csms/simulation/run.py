"""One run from its options to its outcome: what was drawn, what happened, and the hash of the story.

The same options give the same story, line by line, in every process: nothing in the world depends on the order of a
set, on an address or on real time. The hash is SHA-256 over the story's lines, each ended by a line feed.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from csms.core.engine import Engine
from csms.core.station import Charger
from csms.simulation.asked import Asked
from csms.simulation.drawn import Drawn, DrawnCharger, arrival_line
from csms.simulation.faults import OF_ENERGY, OF_PHASES, Choice, Kind, Profile, carriers, choice_text, kinds_text
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
        faults: which may happen; without: which of them may not.
        energy: the site has a battery, a meter, or a capacity that comes and goes; likewise where a fault of theirs is
            chosen by name.
        phases: fuses are limited in amperes on each phase; likewise where a fault of phases is chosen by name.
    """

    seed: int
    hours: float | None = None
    chargers: int | None = None
    faults: Choice = Profile.DRAWN
    without: frozenset[Kind] = frozenset()
    energy: bool = False
    phases: bool = False

    @property
    def has_energy(self) -> bool:
        """Return whether it is a world with energy."""
        return self.energy or (isinstance(self.faults, frozenset) and not self.faults.isdisjoint(OF_ENERGY))

    @property
    def has_phases(self) -> bool:
        """Return whether fuses are limited on each phase."""
        return self.phases or (isinstance(self.faults, frozenset) and not self.faults.isdisjoint(OF_PHASES))

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
        if self.without:
            words.append(f"--without {kinds_text(self.without)}")
        if self.energy:
            words.append("--energy")
        if self.phases:
            words.append("--phases")
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
        grid_w: the most that the meter of the grid connection has shown; house_w: the most that the house took of it.
        boosted_ms: for how long a battery gave; above_firm_ms: for how long cars drew more than what is firm.
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
    grid_w: int
    house_w: int
    boosted_ms: int
    above_firm_ms: int
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
    world = World(
        options.seed,
        make,
        Switches(odd=True, energy=options.has_energy, phases=options.has_phases),
        choice=options.faults,
        chargers_count=options.chargers,
        without=options.without,
    )
    stormy_ms, calm_ms = world.length_ms()
    if options.hours is not None:
        stormy_ms, calm_ms = int(options.hours * HOUR_MS), CALM_MS
    drawn = tuple(drawn_of(world, stormy_ms, calm_ms).lines())
    violation = None
    try:
        world.run(stormy_ms, calm_ms)
    except ViolationError as error:
        violation = str(error).splitlines()[0]
    around, supplies = world.around, world.judge.supplies
    return Outcome(
        (*drawn, *map(arrival_line, around.arrivals)),
        violation,
        len(world.chargers),
        around.clock.now_ms,
        around.clock.events,
        world.host.steps,
        Counter(around.faults.struck),
        dict(world.judge.overbooked_ms),
        dict(world.judge.limits.over_ms),
        world.judge.fuses.longest_ms,
        world.grid.most_w,
        world.grid.most_house_w,
        0 if supplies is None else supplies.boosted_ms,
        0 if supplies is None else supplies.above_firm_ms,
        world.judge.asked,
        around.trace,
    )


def drawn_of(world: World, stormy_ms: int, calm_ms: int) -> Drawn:
    """Return what a world was drawn to be, before it has begun."""
    chosen = world.choice
    return Drawn(
        storm_ms=stormy_ms,
        calm_ms=calm_ms,
        also=carriers(chosen) if isinstance(chosen, frozenset) else frozenset(),
        fate=world.fate,
        odds=world.around.odds,
        station=world.station,
        site=world.site,
        chargers=tuple(_drawn_charger(world, charger) for charger in world.station.chargers),
    )


def _drawn_charger(world: World, charger: Charger) -> DrawnCharger:
    model = world.chargers[charger.charger_id]
    return DrawnCharger(
        configured=charger,
        hardware_w=model.hardware_w,
        first_connection_ms=world.late.get(charger.charger_id, 0),
        is_patient=charger.charger_id in world.patient,
        character=model.obedience.character,
        manners=model.obedience.manners,
        habits=model.habits,
        nature=model.obedience.nature,
        profiles=model.obedience.profiles,
        phased=model.phased,
    )
