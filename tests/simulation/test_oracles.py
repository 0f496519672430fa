"""Oracles A, C and G are asked, and each finds a controller that no other oracle finds in the same world.

Each mistake is put into the real core; the same world is then run once more with that oracle silenced.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from csms.core import evidence, steering
from csms.core.charger import ChargerState
from csms.core.engine import Engine
from csms.core.ladder import Manner
from csms.core.planning import Plan, Steered
from csms.core.state import State
from csms.core.station import Charger, Control, FailSafe, Station
from csms.ocpp16 import peer
from csms.simulation import weather, world
from csms.simulation.asked import ORACLES, Asked
from csms.simulation.faults import Kind, Profile
from csms.simulation.fuses import Fuses
from csms.simulation.limits import Limits
from csms.simulation.run import Options, simulate
from csms.simulation.stations import random_station
from csms.simulation.surroundings import Switches
from csms.simulation.trace import ViolationError
from csms.simulation.world import World
from tests.simulation.dead import DEAD_MS
from tests.simulation.test_odd import DeafToMeters

pytestmark = pytest.mark.timeout(900)

STORM_MS = 900_000
CUT = frozenset({Kind.CAPACITY_CUT})
WITH_FAULTS = frozenset(
    {
        *(Kind.IGNORES, Kind.RESET, Kind.REFUSED, Kind.LOST_CALL, Kind.REBOOT, Kind.SERVER_CRASH),
        *(Kind.OFFLINE_START, Kind.CAPACITY_CUT, Kind.CONFIGURATION_CHANGE),
    }
)


def broken(run: Callable[[], None]) -> str:
    """Return the oracle that a run breaks; "" when it breaks none."""
    try:
        run()
    except ViolationError as violation:
        return str(violation).removeprefix("ViolationError: ").split(":")[0]
    return ""


def first_broken(run: Callable[[int], None], oracle: str, seeds: range) -> int:
    """Return the first world that breaks an oracle: which one that is changes with whatever draws a number more."""
    return next(seed for seed in seeds if broken(partial(run, seed)) == oracle)


def silence(patch: pytest.MonkeyPatch, oracle: type[Limits | Fuses], name: str) -> None:
    patch.setattr(oracle, name, lambda *_given: None)


# --- A and C: a row that is overbooked has to be worked off ----------------------------------------------------


def only_for_the_short(plan: Plan, state: State, steered: Steered) -> bool:
    """A cut is due when somebody wants the power, and not because a row is overbooked."""
    path = set(state.tree.paths[steered.charger.charger_id])
    return not path.isdisjoint(plan.wanted | plan.overdrawn)


def cut_capacity(seed: int) -> None:
    World(seed, Engine, Switches(odd=True), choice=CUT, chargers_count=3).run(STORM_MS, 0)


def test_limits_that_stay_above_a_cut_capacity_are_found_by_a_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cars of this world do not draw what their limits allow, so that no fuse carries too much."""
    monkeypatch.setattr(Plan, "cut_is_due", only_for_the_short)
    seed = first_broken(cut_capacity, "A", range(1, 100))
    silence(monkeypatch, Limits, "_over")
    assert broken(partial(cut_capacity, seed)) == ""


def test_cars_that_draw_more_than_a_cut_capacity_are_found_by_c_where_nobody_looks_at_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Plan, "cut_is_due", only_for_the_short)
    silence(monkeypatch, Limits, "_over")
    seed = first_broken(cut_capacity, "C", range(60, 250))
    silence(monkeypatch, Fuses, "_over")
    assert broken(partial(cut_capacity, seed)) == ""


def test_a_liar_that_is_not_seen_is_found_by_c_alone_although_faults_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """One world in three has a liar whose cars draw enough for it."""

    def run(seed: int) -> None:
        switches = Switches(odd=True, mirror=False)
        World(seed, DeafToMeters, switches, choice=WITH_FAULTS, chargers_count=6).run(STORM_MS, 0)

    seed = first_broken(run, "C", range(1, 60))
    silence(monkeypatch, Fuses, "_over")
    assert broken(partial(run, seed)) == ""


# --- what excuses a charger is judged itself ----------------------------------------------------


def with_liars(seed: int) -> None:
    World(seed, Engine, Switches(odd=True, mirror=False), choice=WITH_FAULTS, chargers_count=3).run(300_000, 0)


def test_a_conviction_by_a_single_sample_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "SAMPLES_TO_CONVICT", 1)
    seed = first_broken(with_liars, "evidence", range(40))
    monkeypatch.undo()
    assert broken(partial(with_liars, seed)) == ""


def test_a_peer_that_waits_ten_times_too_long_for_an_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer.Peer, "timeout_ms", property(lambda _peer: 100_000))
    seed = first_broken(with_liars, "wait", range(40))
    monkeypatch.undo()
    assert broken(partial(with_liars, seed)) == ""


def test_a_cut_that_waits_ten_times_too_long_behind_a_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "URGENT_WAIT_MS", 50_000)
    seed = first_broken(with_liars, "wait", range(40))
    monkeypatch.undo()
    assert broken(partial(with_liars, seed)) == ""


# --- G: without a server ----------------------------------------------------


def expiring_station(rng: random.Random, count: int | None = None) -> Station:
    """Return a station whose limits fall to the fail-safe power without their server."""
    station = random_station(rng, count)
    return replace(station, chargers=tuple(_expiring(charger) for charger in station.chargers))


def _expiring(charger: Charger) -> Charger:
    power_w = 10_000 if charger.is_dc else 6 * 230 * charger.phases
    mode = FailSafe.EXPIRE
    return replace(charger, control=Control.OCPP, reserved_power_w=None, fail_safe=mode, fail_safe_power_w=power_w)


def dies_while_all_sleep(seed: int) -> None:
    """Run a quiet world whose server dies for ever, and whose cars want nothing from then on."""
    dying = World(seed, Engine, Switches(crashes=False), choice=Profile.NONE, chargers_count=3)
    kill = dying.host.kill

    def fall_asleep(arrives: float = 0.3) -> None:
        for outlet in (outlet for model in dying.chargers.values() for outlet in model.outlets):
            if outlet.car is not None:
                outlet.car.wants_w = 0
        kill(arrives)

    dying.host.kill = fall_asleep  # type: ignore[method-assign]
    dying.run_to_death(240_000, DEAD_MS)


def test_limits_that_expire_to_more_than_the_fail_safe_power_are_found_by_g_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(world, "random_station", expiring_station)
    monkeypatch.setattr(weather, "change_mind", lambda *_given: None)
    right = steering._expires_to_w

    def to_the_maximum(charger: ChargerState, manner: Manner, limit_w: int, firm_w: int) -> int | None:
        falls = right(charger, manner, limit_w, firm_w) is not None
        return manner.form.round_down(charger.config.max_power_w) if falls else None

    assert broken(lambda: dies_while_all_sleep(2)) == ""
    monkeypatch.setattr(steering, "_expires_to_w", to_the_maximum)
    assert broken(lambda: dies_while_all_sleep(2)) == "G"
    silence(monkeypatch, Limits, "without_server")
    assert broken(lambda: dies_while_all_sleep(2)) == ""


def test_a_server_that_dies_at_any_instant_for_ever_leaves_limits_that_fit() -> None:
    asked = Asked()
    for seed in range(12):
        instant_ms = random.Random(f"death {seed}").randint(1_000, 600_000)
        dying = World(seed, Engine, Switches(crashes=False, odd=True), choice=Profile.STORM, chargers_count=4)
        dying.run_to_death(instant_ms, DEAD_MS)
        asked.add(dying.judge.asked)
    assert asked.compared["G"] > 10 * asked.excused_by("G") > 0, list(asked.lines())


# --- none is vacuous ----------------------------------------------------


def test_every_oracle_is_asked_and_seldom_excused() -> None:
    asked = Asked()
    for seed in range(20):
        asked.add(simulate(Options(seed)).asked)
    told = list(asked.lines())
    least = {"A": 60_000, "B": 30_000, "C": 30_000, "D": 500, "E": 100, "F": 4, "G": 500}
    assert {*least, "H"} == ORACLES.keys()
    assert all(asked.compared[oracle] >= count for oracle, count in least.items()), told
    for oracle, share in {"A": 0.02, "B": 0.1, "C": 0.01, "D": 0, "E": 0, "F": 0, "G": 0.1}.items():
        assert asked.excused_by(oracle) <= share * asked.compared[oracle], told
