"""Every option that a seed has drawn is printed: a field that is added to what is drawn cannot be forgotten."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from csms.core.engine import Engine
from csms.simulation.car import Car
from csms.simulation.client import ClientsCar
from csms.simulation.drawn import arrival_line
from csms.simulation.faults import Kind, Profile
from csms.simulation.run import Options, drawn_of, simulate
from csms.simulation.surroundings import Switches
from csms.simulation.world import World

PARTS = {
    "Drawn",
    "DrawnCharger",
    "Fate",
    "Odds",
    "Station",
    "Charger",
    "Circuit",
    "Terms",
    "Manners",
    "Habits",
    "Nature",
    "Pen",
    "ProfileMemory",
}


def dataclasses_in(value: object) -> Iterator[object]:
    """Yield a dataclass and all that are in it."""
    if isinstance(value, tuple):
        for each in value:
            yield from dataclasses_in(each)
    elif is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in fields(value):
            yield from dataclasses_in(getattr(value, field.name))


def test_every_field_of_what_is_drawn_is_printed_with_its_value() -> None:
    seen: set[str] = set()
    for seed in range(6):
        world = World(seed, Engine, Switches(odd=True), choice=Profile.STORM, chargers_count=4)
        drawn = drawn_of(world, 300_000, 600_000)
        text = " ".join(drawn.lines()).replace("(", " ").replace(")", " ")
        for part in dataclasses_in(drawn):
            seen.add(type(part).__name__)
            for name, value in values_of(part):
                assert f" {name}=" in text, f"{type(part).__name__}.{name} is not printed"
                is_number = isinstance(value, int) and not isinstance(value, bool)
                assert not is_number or f" {name}={value} " in f"{text} ", f"{name} is printed with another value"
    assert seen == PARTS


def values_of(part: object) -> Iterator[tuple[str, object]]:
    """Yield the fields whose value is not a part that is looked for by itself."""
    for field in fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if not is_dataclass(value) and not isinstance(value, tuple):
            yield field.name, value


def test_every_car_is_printed_with_all_that_was_drawn_of_it_when_it_comes() -> None:
    world = World(2, Engine, Switches(odd=True), choice=Profile.STORM, chargers_count=6)
    world.run(300_000, 0)
    cars = [arrival.car for arrival in world.around.arrivals]
    assert {type(car) for car in cars} == {Car, ClientsCar}
    for arrival in world.around.arrivals:
        line = arrival_line(arrival)
        assert line.startswith(f"car at_ms={arrival.at_ms} charger_id={arrival.charger_id} idx={arrival.idx} stay_ms=")
        for field in fields(arrival.car):  # type: ignore[arg-type]
            if not field.name.startswith("_"):
                assert f"{field.name}={getattr(arrival.car, field.name)}" in line


def test_faults_that_come_along_are_named() -> None:
    late = simulate(Options(3, hours=0.1, chargers=4, faults=frozenset({Kind.UNORDERED_QUEUE})))
    assert "also={late-queue, reset}" in late.drawn[0]
    alone = simulate(Options(3, hours=0.1, chargers=4, faults=frozenset({Kind.OFFLINE_STOP, Kind.REBOOT})))
    assert "also={}" in alone.drawn[0]
