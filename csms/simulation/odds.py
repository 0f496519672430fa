"""How often odd things happen in one run: what came later than the rest of the weather, from dice of its own.

A world has them or has none (`Switches.odd`, `random_odds`), and they never touch the dice of the world: so every seed
without them means what it always meant. What came later still (`with_later`) has dice of its own again, and half of the
drawn worlds have some of that.
"""

import random
from dataclasses import dataclass, replace

from csms.simulation.faults import CHARACTERS, LIES, Choice, Kind, Profile, allowed


@dataclass(frozen=True, slots=True)
class Odds:
    """Mean times in ms, 0 for never; shares of 1. Defaults: nothing odd.

    Attributes:
        link_ms: jitter and stalls, of each charger; half_close_ms, twin_ms, silent_ms: of each charger, too.
        meter_ms: a meter goes wrong, of each charger.
        point_ms: a crash at one of the named points; recovery: share of all starts that die before their first write.
        disk_ms: a write fails, or all do for a while; loop_ms: the event loop stands still; base_ms: base load.
        queue: share of the reconnections after which transaction messages come late and in another order.
        cars: share of the cars that overdraw, and as many surge; leaving: share of those that go when offered 0 W.
        characters, lies: share of the chargers that have one.
        gone: the server never returns after the storm.
        waking: share of the cars that are slow to wake; least: share of those that draw nothing below a minimum.
        clock_ms: a charger's clock steps, of each charger; delivery: share of the CALLs that arrive late.
        full: share of the first connections that wait until a fuse is booked to its capacity.
        acts_ms: an operator caps or closes something.
        phases_ms: what a charger tells of its phases goes wrong, or a car changes them, of each charger.
    """

    link_ms: int = 0
    half_close_ms: int = 0
    twin_ms: int = 0
    silent_ms: int = 0
    meter_ms: int = 0
    point_ms: int = 0
    recovery: float = 0.0
    disk_ms: int = 0
    loop_ms: int = 0
    base_ms: int = 0
    queue: float = 0.0
    cars: float = 0.0
    characters: float = 0.0
    lies: float = 0.0
    leaving: float = 0.0
    gone: bool = False
    waking: float = 0.0
    least: float = 0.0
    clock_ms: int = 0
    delivery: float = 0.0
    full: float = 0.0
    acts_ms: int = 0
    phases_ms: int = 0


NOTHING_ODD = Odds()
ALL_ODD = Odds(
    link_ms=60_000,
    half_close_ms=240_000,
    twin_ms=400_000,
    silent_ms=300_000,
    meter_ms=150_000,
    point_ms=60_000,
    recovery=0.15,
    disk_ms=120_000,
    loop_ms=90_000,
    base_ms=120_000,
    queue=0.3,
    cars=0.2,
    characters=0.25,
    leaving=0.1,
    waking=0.3,
    least=0.3,
    clock_ms=200_000,
    delivery=0.03,
    full=0.5,
)
"""All of it, often, but for lies."""
LYING_SHARE = 0.35
"""Share of the chargers that lie, in worlds with lies."""
GONE_SHARE = 0.1
"""Share of the worlds with odd things whose server never returns after the storm."""


def random_odds(rng: random.Random, choice: Choice) -> Odds:
    """Return what a run has: three worlds in ten have some of it, every storm all of it, a third of those have lies."""
    lies = LYING_SHARE if rng.random() < 1 / 3 else 0.0
    match choice:
        case Profile.NONE:
            return NOTHING_ODD
        case Profile.STORM:
            return replace(ALL_ODD, lies=lies, gone=rng.random() < GONE_SHARE)
        case Profile.DRAWN:
            return _some(rng, lies) if rng.random() < 0.3 else NOTHING_ODD
        case _:
            return _named(allowed(choice))


def with_later(rng: random.Random, odds: Odds, choice: Choice) -> Odds:
    """Return the odds with what came later than the rest: drawn worlds have some of it or none."""
    if choice is not Profile.DRAWN or rng.random() < 0.5:
        return odds
    return replace(
        odds,
        waking=rng.choice((0.0, 0.3, 0.8)),
        least=rng.choice((0.0, 0.3, 0.8)),
        clock_ms=rng.choice((0, rng.randint(100, 600) * 1_000)),
        delivery=rng.choice((0.0, 0.01, 0.05)),
        full=rng.choice((0.0, 0.7)),
    )


def with_acts(rng: random.Random, odds: Odds, choice: Choice) -> Odds:
    """Return the odds with what operators do beside the configuration: in a third of the drawn worlds."""
    match choice:
        case Profile.NONE:
            return odds
        case Profile.DRAWN:
            return replace(odds, acts_ms=rng.randint(40, 300) * 1_000) if rng.random() < 1 / 3 else odds
        case _:
            return replace(odds, acts_ms=90_000)


def with_phases(rng: random.Random, odds: Odds, choice: Choice) -> Odds:
    """Return the odds with what befalls phases, where fuses are limited on each: in half of the drawn worlds."""
    match choice:
        case Profile.NONE:
            return odds
        case Profile.DRAWN:
            return replace(odds, phases_ms=rng.randint(60, 400) * 1_000) if rng.random() < 0.5 else odds
        case _:
            return replace(odds, phases_ms=120_000)


def _named(kinds: frozenset[Kind]) -> Odds:
    """Return all that is odd, with most chargers being what was asked for."""
    lies, characters = kinds.intersection(LIES), kinds.intersection(CHARACTERS)
    most = 0.35 if lies and characters else 0.7
    return replace(ALL_ODD, lies=most if lies else 0.0, characters=most if characters else 0.0, gone=True)


def drawn_character(rng: random.Random, odds: Odds, possible: frozenset[Kind], *, is_dc: bool) -> Kind | None:
    """Return what one charger is for its whole life; DC is not told amperes, which could be rounded."""
    lies = [kind for kind in LIES if kind in possible and not (is_dc and kind is Kind.ROUNDS_UP)]
    characters = [kind for kind in CHARACTERS if kind in possible]
    die = rng.random()
    if die < odds.lies:
        return rng.choice(lies) if lies else None
    if die < odds.lies + odds.characters:
        return rng.choice(characters) if characters else None
    return None


def _some(rng: random.Random, lies: float) -> Odds:
    def maybe(least_s: int, most_s: int) -> int:
        return rng.randint(least_s, most_s) * 1_000 if rng.random() < 0.4 else 0

    return Odds(
        link_ms=maybe(60, 300),
        half_close_ms=maybe(120, 600),
        twin_ms=maybe(300, 900),
        silent_ms=maybe(200, 600),
        meter_ms=maybe(100, 500),
        point_ms=maybe(60, 300),
        recovery=rng.choice((0.0, 0.2)),
        disk_ms=maybe(100, 500),
        loop_ms=maybe(60, 300),
        base_ms=maybe(100, 500),
        queue=rng.choice((0.0, 0.3)),
        cars=rng.choice((0.0, 0.2)),
        characters=rng.choice((0.0, 0.3)),
        lies=lies,
        leaving=rng.choice((0.0, 0.1)),
        gone=rng.random() < GONE_SHARE,
    )
