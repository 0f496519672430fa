"""Worlds whose fuses are limited in amperes on each phase: no oracle breaks, and each sees what happens on a phase."""

from collections import Counter
from collections.abc import Sequence

import pytest

from csms.core import tree
from csms.core.engine import Engine
from csms.core.station import Lines, PhaseLimit
from csms.simulation.faults import OF_PHASES, Kind, Profile
from csms.simulation.judge import Judge
from csms.simulation.limits import Limits
from csms.simulation.run import Options, Outcome, simulate
from csms.simulation.surroundings import Switches
from csms.simulation.trace import ViolationError
from csms.simulation.world import World
from tests.simulation.dead import DEAD_MS

pytestmark = pytest.mark.timeout(900)
STORM_MS = 600_000
PHASED = Switches(odd=True, phases=True)


def held(options: Options) -> Outcome:
    outcome = simulate(options)
    if outcome.violation is not None:
        pytest.fail(f"{outcome.violation}\ncsms simulate {options.text}", pytrace=False)
    return outcome


def broken(seed: int) -> str:
    """Return what a storm breaks; "" when it breaks nothing."""
    try:
        World(seed, Engine, PHASED, choice=Profile.STORM, chargers_count=4).run(STORM_MS, 0)
    except ViolationError as violation:
        return str(violation).splitlines()[0].removeprefix("ViolationError: ")
    return ""


def test_a_quiet_day_has_fair_shares_and_full_phases() -> None:
    outcomes = [held(Options(seed, 0.1, 3, Profile.NONE, phases=True)) for seed in range(3)]
    assert all(outcome.asked.compared["F"] for outcome in outcomes), "cars charge in the calm"
    assert not any(outcome.asked.excused_by("C") for outcome in outcomes)


def test_what_befalls_phases_breaks_no_oracle_and_all_of_it_happens() -> None:
    struck = Counter[Kind]()
    for seed in range(3):
        struck += Counter(held(Options(seed, 0.1, 6, frozenset(OF_PHASES))).struck)
    assert struck.keys() == set(OF_PHASES)


def test_a_world_without_phases_has_nothing_of_them() -> None:
    outcome = held(Options(3, 0.1, 4, Profile.STORM))
    assert not any(outcome.struck.get(kind) for kind in OF_PHASES)
    assert "phase_limit=None" in " ".join(outcome.drawn)
    assert " phased=None" in " ".join(outcome.drawn)


def test_cars_are_told_amperes_and_their_phases_are_learnt() -> None:
    learnt = 0
    for seed in range(2):
        world = World(seed, Engine, PHASED, choice=Profile.NONE, chargers_count=4)
        world.run(STORM_MS, 0)
        mirror = world.judge.mirror
        shown = [each.shown for known in mirror.chargers.values() for each in known.connectors.values()]
        learnt += sum(len(each) >= 3 for each in shown)
    assert learnt, "cars show which phases they use"


def test_a_server_that_never_returns_leaves_every_phase_within_its_bound() -> None:
    for seed in range(2):
        world = World(seed, Engine, Switches(crashes=False, odd=True, phases=True), choice=Profile.STORM)
        world.run_to_death(STORM_MS // 2, DEAD_MS)
        assert world.judge.asked.compared["G"], "somebody looks while it is away"


# --- what each oracle sees --------------------------------------------------------------------------------------------


def too_much(limit: PhaseLimit) -> Lines:
    on_l1, on_l2, on_l3 = [6 * limit.voltage_v * each_ma // 500 for each_ma in limit.current_ma]
    return on_l1, on_l2, on_l3


def silence(patch: pytest.MonkeyPatch, *oracles: tuple[type, str]) -> None:
    for oracle, name in oracles:
        patch.setattr(oracle, name, lambda *_given, **_named: None)


BOOKS = ((Judge, "_i1_i3"), (Judge, "_i1_on_phases"))


@pytest.mark.parametrize(
    ("silenced", "oracle"),
    [((), "I1"), (BOOKS, "A"), ((*BOOKS, (Limits, "with_server")), "C")],
    ids=["booked", "in force", "drawn"],
)
def test_a_core_that_takes_fuses_for_twice_as_large_is_found(
    silenced: Sequence[tuple[type, str]], oracle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "limit_sixths", too_much)
    silence(monkeypatch, *silenced)
    found = next(filter(None, map(broken, range(20))), "")
    assert found.startswith(oracle), found
    assert "/L" in found, "on the row of a phase"
