"""Worlds with energy: their oracles find what they are for, each alone, in worlds where one thing goes wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from csms.core import supply
from csms.core.engine import Engine
from csms.core.ids import ChargerId, Now
from csms.core.records import Snapshot
from csms.core.station import Battery, Charger, Control, Station
from csms.simulation import world as world_module
from csms.simulation.battery import BatteryModel
from csms.simulation.drawn import values
from csms.simulation.faults import OF_ENERGY, Kind, Profile
from csms.simulation.run import Options, drawn_of, simulate
from csms.simulation.site import SiteFate
from csms.simulation.supplies import Supplies
from csms.simulation.surroundings import Switches
from csms.simulation.trace import ViolationError
from csms.simulation.world import CALM_MS, World

pytestmark = pytest.mark.timeout(900)
STORM_MS = 400_000
QUIET = (2, 3, 5)
"""Worlds whose cars soon need more than what is firm."""


def first_broken(kind: Kind, seeds: range) -> str:
    """Return the oracle that breaks first in worlds in which one kind of fault happens; "" where none does."""
    for seed in seeds:
        try:
            World(seed, Engine, Switches(energy=True), choice=frozenset({kind})).run(STORM_MS, 0)
        except ViolationError as violation:
            return str(violation).removeprefix("ViolationError: ").split(":")[0]
    return ""


def by_flow_alone(patch: pytest.MonkeyPatch) -> None:
    """Silence who reads what was told: what flows in truth is left."""

    def believe(supplies: Supplies, engine: Engine, root: object, _at: object) -> None:
        del root
        assert supplies.root is not None
        supplies.limit_w = max(0, (engine.node_capacity_w("grid") or 0) - supplies.root.taking_w)

    patch.setattr(Supplies, "_judge_root", believe)
    for name in ("_told", "_asked"):
        patch.setattr(Supplies, name, lambda *_given: None)


def count_on_silence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(supply, "STALE_MS", 600_000)


def take_its_word(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(supply, "weigh", lambda *_given: None)


@pytest.mark.parametrize(
    ("mistake", "kind", "seeds"),
    [
        (count_on_silence, Kind.BATTERY_SILENT, range(40, 60)),  # what it was told before it goes on giving
        (take_its_word, Kind.BATTERY_WEAK, range(3, 30)),
    ],
    ids=["silent", "weak"],
)
def test_a_battery_that_is_counted_on_in_vain_is_found_by_what_flows(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None], kind: Kind, seeds: range
) -> None:
    by_flow_alone(monkeypatch)
    mistake(monkeypatch)
    assert first_broken(kind, seeds) == "flow"


def test_a_second_reading_of_what_was_told_finds_a_stale_battery_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count_on_silence(monkeypatch)
    assert first_broken(Kind.BATTERY_SILENT, range(3, 30)) == "I1"


def test_quiet_worlds_with_energy_give_more_than_what_is_firm() -> None:
    above_ms = 0
    for seed in QUIET:
        world = World(seed, Engine, Switches(energy=True), choice=Profile.NONE)
        world.run(STORM_MS, 0)
        assert not world.around.faults.struck
        assert world.judge.supplies is not None
        above_ms += world.judge.supplies.above_firm_ms
    assert above_ms > 60_000


def test_without_its_server_a_site_falls_to_what_is_firm() -> None:
    above_ms = expired = 0
    for seed in QUIET:
        world = World(seed, Engine, Switches(energy=True, crashes=False), choice=Profile.NONE)
        world.run_to_death(300_000, 400_000)
        assert world.judge.supplies is not None
        assert world.judge.supplies.is_expired
        above_ms += world.judge.supplies.above_firm_ms
        expired += sum(model.obedience.expired for model in world.chargers.values())
    assert above_ms > 60_000
    assert expired > 0


@pytest.mark.parametrize(("soc_percent", "boost_w"), [(100, 150_000), (16, 25_000)], ids=["full", "emptying"])
def test_scenario_3_without_its_server_never_loads_the_grid_beyond_its_fuse(
    monkeypatch: pytest.MonkeyPatch, soc_percent: int, boost_w: int
) -> None:
    """What the battery gave it goes on giving until limits have expired, also while its energy runs out."""
    both = tuple(Charger(ChargerId(name), 300_000, 2, Control.OCPP) for name in ("C1", "C2"))
    site = Station(
        "S3", 400_000, both, (), 3_000, fail_safe_chosen=True, battery=Battery(200_000, 200_000, pushed=True)
    )
    monkeypatch.setattr(world_module, "with_site", lambda *_given: site)
    monkeypatch.setattr(world_module, "random_site", lambda *_given: SiteFate(soc_percent=soc_percent))
    monkeypatch.setattr(world_module, "as_it_would_be", lambda fate, _site: fate)
    monkeypatch.setattr(world_module, "SHOWS_SHARE", 2)
    world = World(7, Engine, Switches(energy=True, crashes=False), choice=Profile.NONE)
    read, shown = world.grid.read, list[tuple[int, int, int]]()

    def note(chargers_w: int, static_load_w: int, now_ms: int) -> int:
        house_w = read(chargers_w, static_load_w, now_ms) - chargers_w
        assert world.energy is not None
        shown.append((chargers_w, world.energy.battery_w, chargers_w + house_w - world.energy.battery_w))
        return chargers_w + house_w

    monkeypatch.setattr(world.grid, "read", note)
    world.run_to_death(240_000, 400_000)
    alive, dead = shown[:240], shown[240:]
    assert max(battery_w for _, battery_w, _ in alive[-10:]) >= boost_w
    assert max(cars_w for cars_w, _, _ in dead) > 397_000, "limits that rest on the battery are still in force"
    assert max(meter_w for _, _, meter_w in shown) <= 400_000 * 102 // 100
    assert max(cars_w for cars_w, _, _ in dead[335:]) <= 397_000


def test_a_world_with_energy_is_the_same_in_each_run_and_another_one_than_without() -> None:
    first, again, without = (
        simulate(Options(5, 0.02, 2, Profile.DRAWN, energy=True)),
        simulate(Options(5, 0.02, 2, Profile.DRAWN, energy=True)),
        simulate(Options(5, 0.02, 2, Profile.DRAWN)),
    )
    assert first.trace_hash == again.trace_hash != without.trace_hash


def test_what_a_site_is_is_printed() -> None:
    world = World(3, Engine, Switches(energy=True, odd=True), choice=Profile.STORM)
    assert world.site is not None
    drawn = list(drawn_of(world, 300_000, CALM_MS).lines())
    assert f" site=({values(world.site)})" in drawn[0]
    plain = World(3, Engine, Switches(odd=True), choice=Profile.STORM)
    assert next(drawn_of(plain, 300_000, CALM_MS).lines()).endswith(" site=None")


def test_faults_of_energy_that_are_left_out_do_not_happen() -> None:
    whole = simulate(Options(4, 0.05, 2, Profile.STORM, energy=True))
    assert any(whole.struck[kind] for kind in OF_ENERGY)
    without = simulate(Options(4, 0.05, 2, Profile.STORM, frozenset(OF_ENERGY), energy=True))
    assert not any(without.struck[kind] for kind in OF_ENERGY)


def test_energy_that_vanishes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = BatteryModel.run

    def leaks(model: BatteryModel, now_ms: int, elapsed_ms: int) -> None:
        run(model, now_ms, elapsed_ms)
        model.stored = model.stored * 9 // 10

    monkeypatch.setattr(BatteryModel, "run", leaks)
    assert first_broken(Kind.BATTERY_TRIPS, range(6)) == "battery"


def forgets(snapshot: Snapshot, now: Now) -> Engine:
    """Make an engine that knows no limit that was told before it began."""
    return Engine(replace(snapshot, capacity_events=()), now)


def test_a_restart_that_forgets_what_the_grid_operator_told_is_found() -> None:
    found = set()
    for seed in range(20):
        world = World(seed, forgets, Switches(energy=True), choice=frozenset({Kind.CAPACITY_EVENT, Kind.SERVER_CRASH}))
        try:
            world.run(STORM_MS, 0)
        except ViolationError as violation:
            found.add(str(violation).removeprefix("ViolationError: ").split(":")[0])
            break
    assert found <= {"I1", "I11"}
    assert found
