"""Faults chosen by name: each of them happens, with what it needs, and what is left out does not."""

import itertools

import pytest

from csms.simulation.faults import CARRIERS, Kind, carriers
from csms.simulation.run import Options, simulate
from tests.simulation.test_seeds import held

pytestmark = pytest.mark.timeout(900)
LATER = (Kind.SLOW_WAKE, Kind.MINIMUM_CURRENT, Kind.CHARGER_CLOCK_STEP, Kind.LATE_DELIVERY, Kind.BASE_LOAD)
BESIDE = {Kind.LOST_COMMIT: (Kind.SLOW_COMMIT,)}
"""A commit is seldom on its way when the process dies, unless the disk is slow."""
FIRST_SEED, MOST_SEEDS = 20, 80


@pytest.mark.parametrize("kind", [*CARRIERS, *LATER], ids=lambda kind: kind.value)
def test_a_fault_chosen_alone_happens_with_what_it_needs(kind: Kind) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + MOST_SEEDS):
        chosen = frozenset({kind, *BESIDE.get(kind, ())})
        outcome = held(Options(seed, 0.1, 4, chosen))
        struck = {each for each, count in outcome.struck.items() if count}
        assert struck <= chosen | carriers(chosen)
        if kind in struck:
            return
    pytest.fail(f"{kind.value} never happened")


def test_what_is_needed_and_chosen_is_not_chosen_again() -> None:
    assert carriers(frozenset({Kind.UNORDERED_QUEUE})) == {Kind.LATE_QUEUE, Kind.RESET}
    assert carriers(frozenset({Kind.OFFLINE_STOP, Kind.HALF_CLOSE})) == frozenset()
    for kind, alternatives in CARRIERS.items():
        assert kind not in carriers(frozenset({kind, *alternatives}))


def test_a_kind_that_is_left_out_does_not_happen() -> None:
    whole = Options(5, 0.1, 4, frozenset({Kind.RESET, Kind.REFUSED}))
    assert simulate(whole).struck[Kind.REFUSED]
    outcome = held(Options(5, 0.1, 4, whole.faults, frozenset({Kind.REFUSED})))
    assert outcome.struck[Kind.RESET]
    assert not outcome.struck[Kind.REFUSED]


def test_leaving_out_what_came_later_makes_the_world_what_it_was() -> None:
    """Seeds 15 and 340 have some of it, and were kept before it was there."""
    later = frozenset({*LATER, Kind.FIRST_CONNECTION_FULL} - {Kind.BASE_LOAD})
    for seed, other in itertools.product((15, 340), (None, later)):
        outcome = held(Options(seed, without=other or frozenset()))
        assert any(outcome.struck[kind] for kind in later) == (other is None)
