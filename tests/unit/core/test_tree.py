import pytest

from csms.core.charger import new_charger
from csms.core.ids import ChargerId
from csms.core.station import GRID, Circuit, Control, PhaseLimit, Station
from csms.core.tree import Root, build_tree, circuit_path, with_root
from tests.unit.core.driving import charger, station

CIRCUITS = (Circuit("Z", "Y", None), Circuit("X", None, 100_000), Circuit("Y", "X", 60_000))
SITE = station(
    400,
    charger("A", 50, circuit="Z", control=Control.NONE),
    charger("B", 70, circuit="X", control=Control.NONE, reserved_kw=20),
    charger("C", 90, control=Control.NONE),
    circuits=CIRCUITS,
    static_kw=150,
)


@pytest.mark.parametrize(
    ("circuit_id", "path"), [(None, (GRID,)), ("X", ("X", GRID)), ("Y", ("Y", "X", GRID)), ("Z", ("Z", "Y", "X", GRID))]
)
def test_the_way_up(circuit_id: str | None, path: tuple[str, ...]) -> None:
    assert circuit_path(SITE, circuit_id) == path


def test_the_root_of_a_station_in_amperes_over_time() -> None:
    """Its phases say it all, until less than they carry may be taken; a base load beyond what was said is on any."""
    limit = PhaseLimit((35_000, 35_000, 16_000))
    tree = build_tree(Station("S", limit.power_w, (), static_load_w=1_000, phase_limit=limit), ())
    full_w, on_l3 = limit.power_w - 1_000, 6 * (16 * 230 - 1_000)
    assert (tree.caps_w["grid"], tree.phase_caps["grid/L3"]) == (None, on_l3)
    full = with_root(tree, Root(full_w, full_w, full_w))
    assert (full.nodes, full.caps_w, full.phase_caps) == (tree.nodes, tree.caps_w, tree.phase_caps)
    assert with_root(full, Root(full_w, full_w, full_w)) is full
    lower = with_root(full, Root(10_000, 10_000, 10_000, beyond_w=500))
    assert (lower.caps_w["grid"], lower.phase_caps["grid/L3"]) == (10_000, on_l3 - 3_000)
    assert with_root(lower, Root(full_w, full_w, full_w)) == full


def test_rows_capacities_and_what_is_booked_on_them() -> None:
    chargers = [new_charger(config) for config in SITE.chargers]
    tree = build_tree(SITE, chargers)
    assert tree.caps_w == {
        GRID: 250_000,  # less the static load
        "X": 100_000,
        "Y": 60_000,
        "Z": None,
        "A": 50_000,
        "B": 70_000,
        "C": 90_000,
    }
    order = [node.node_id for node in tree.nodes]
    assert all(node.parent is None or order.index(node.parent) < order.index(node.node_id) for node in tree.nodes)
    booked = {GRID: 160_000, "X": 70_000, "Y": 50_000, "Z": 50_000, "A": 50_000, "B": 20_000, "C": 90_000}
    assert tree.booked_w(chargers) == booked


def test_a_static_load_above_the_connection_leaves_nothing() -> None:
    assert build_tree(station(100, static_kw=150), []).caps_w == {GRID: 0}


def test_a_draining_charger_has_no_capacity_of_its_own() -> None:
    draining = new_charger(charger("OLD", 80, circuit="Y"))
    draining.draining = True
    tree = build_tree(SITE, [draining])
    assert tree.caps_w["OLD"] is None
    assert tree.paths[ChargerId("OLD")] == ("OLD", "Y", "X", GRID)
