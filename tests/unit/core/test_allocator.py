"""The allocator in numbers: the golden cases, and tables small enough to check by eye."""

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from csms.core.allocator import Allocation, Claim, Node, Tree, allocate, exact_shares, fill, fill_headroom, loads_of

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "allocator.json").read_text(encoding="utf-8"))
CASES = [case for case in GOLDEN["cases"] if case["kind"] == "allocate"]


def test_no_golden_case_is_dropped() -> None:
    # sequences: test_golden_pull.py, test_golden_push.py; what a battery gives: test_allocate_document.py
    assert Counter(case["kind"] for case in GOLDEN["cases"]) == {
        "allocate": len(CASES),
        "sequence-pull": 5,
        "sequence-push": 2,
    }
    assert len(CASES) == 27


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_golden(case: dict[str, Any]) -> None:
    nodes = [
        Node(
            node["id"],
            node["parent"],
            node["cap_w"],
            None if node.get("phase_a") is None else tuple(1000 * each for each in node["phase_a"]),
            case.get("voltage", 230),
        )
        for node in case["nodes"]
    ]
    claims = [
        Claim(
            each["id"],
            each["node"],
            each["min_w"],
            each["max_w"],
            each.get("weight", 1),
            each.get("priority", 0),
            each.get("rank", position),
            loads_of(each.get("phases", [1, 2, 3])),
        )
        for position, each in enumerate(case["sessions"])
    ]
    expected = case["expect"]
    allocation = allocate(nodes, claims)
    assert list(allocation.alloc_w) == expected["alloc_w"]
    assert list(allocation.admitted) == expected["admitted"]
    assert list(allocation.limited_by) == expected["limited_by"]
    assert sum(allocation.alloc_w) == expected["total_w"]
    assert [power_w // 1000 for power_w in allocation.alloc_w] == expected["alloc_kw_floor"]
    assert exact_shares(nodes, claims) == tuple(Fraction(share) for share in expected["real_w"])


GRID_300 = (Node("grid", None, 300), Node("A", "grid", 160), Node("B", "grid", 400))


def claims_of(*rows: tuple[str, int, int, int, int, int]) -> list[Claim]:
    """Return claims from rows (node, min, max, weight, priority, rank)."""
    return [Claim(f"s{i}", *row) for i, row in enumerate(rows)]


ALLOCATIONS = [
    pytest.param(
        GRID_300,
        [("A", 0, 1, 1, 0, 0), ("A", 0, 300, 1, 0, 1), ("B", 0, 300, 1, 0, 2)],
        [1, 150, 149],
        ["vehicle", "grid", "grid"],
        id="a car that needs nothing frees its charger's share, not only its own: 149.5 each, the odd watt to rank 1",
    ),
    pytest.param(
        [Node("grid", None, 10)],
        [("grid", 0, 99, 1, 0, 2), ("grid", 0, 99, 1, 0, 1), ("grid", 0, 99, 1, 0, 0)],
        [3, 3, 4],
        ["grid"] * 3,
        id="the odd watt goes to the lowest rank, wherever it stands in the list",
    ),
    pytest.param(
        [Node("grid", None, 10)],
        [("grid", 0, 99, 3, 0, 0), ("grid", 0, 99, 2, 0, 1)],
        [6, 4],
        ["grid"] * 2,
        id="weights 3 : 2",
    ),
    pytest.param(
        [Node("grid", None, 1_000)],
        [("grid", 0, 999, 100, 0, 1), ("grid", 0, 999, 1, 0, 0)],
        [990, 10],
        ["grid"] * 2,
        id="weights 100 : 1: nine levels are 909 W, the next watt is rank 0's, then 90 for the heavy one",
    ),
    pytest.param(
        [Node("grid", None, 100)],
        [("grid", 0, 99, 50, 0, 0), ("grid", 0, 99, 50, 0, 1), ("grid", 0, 99, 50, 0, 2)],
        [34, 33, 33],
        ["grid"] * 3,
        id="equal weights are the same as weight 1",
    ),
    pytest.param(
        [Node("grid", None, 100)],
        [("grid", 60, 99, 1, 0, 0), ("grid", 0, 99, 1, 0, 1), ("grid", 0, 99, 1, 0, 2)],
        [60, 20, 20],
        ["grid"] * 3,
        id="a minimum above the fair share is kept; it never asks for more of it",
    ),
    pytest.param(
        [Node("grid", None, 100)],
        [("grid", 60, 99, 1, 0, 0), ("grid", 60, 99, 1, 1, 1), ("grid", 30, 99, 1, 0, 2)],
        [0, 60, 40],
        ["no_room", "grid", "grid"],
        id="the higher priority is admitted first; a smaller minimum behind the one that did not fit still gets in",
    ),
    pytest.param(
        [Node("grid", None, 100), Node("A", "grid", 50)],
        [("A", 30, 99, 1, 0, 0), ("A", 30, 99, 1, 0, 1), ("grid", 30, 99, 1, 0, 2)],
        [50, 0, 50],
        ["grid", "no_room", "grid"],
        id="a minimum must fit on every row; both rows are full, and the first in the order of the nodes is named",
    ),
    pytest.param(
        [Node("A", "grid", 50), Node("grid", None, 100)],
        [("A", 0, 99, 1, 0, 0), ("grid", 0, 99, 1, 0, 1)],
        [50, 50],
        ["A", "grid"],
        id="the same with the child first in the order of the nodes",
    ),
    pytest.param(
        [Node("grid", None, 100), Node("A", "grid", 20)],
        [("A", 0, 99, 1, 0, 0), ("grid", 0, 99, 1, 0, 1)],
        [20, 80],
        ["A", "grid"],
        id="the grid is full too, but who stands at 80 there is no reason for the car at 20",
    ),
    pytest.param(
        [Node("grid", None, None), Node("A", "grid", 0)],
        [("A", 0, 7, 1, 0, 0), ("A", 0, 0, 1, 0, 1), ("A", 1, 7, 1, 0, 2), ("grid", 0, 7, 1, 0, 3)],
        [0, 0, 0, 7],
        ["A", "vehicle", "no_room", "vehicle"],
        id="under a cap of 0 nobody moves, and only a minimum above 0 is refused",
    ),
    pytest.param(
        [Node("a", None, 5), Node("b", None, 9)],
        [("a", 0, 99, 1, 0, 0), ("b", 0, 99, 1, 0, 1), ("b", 6, 5, 1, 0, 2)],
        [5, 9, 0],
        ["a", "b", "below_minimum"],
        id="two roots do not know each other",
    ),
]


@pytest.mark.parametrize(("nodes", "rows", "alloc_w", "limited_by"), ALLOCATIONS)
def test_allocation(
    nodes: list[Node], rows: list[tuple[str, int, int, int, int, int]], alloc_w: list[int], limited_by: list[str]
) -> None:
    allocation = allocate(nodes, claims_of(*rows))
    assert list(allocation.alloc_w) == alloc_w
    assert list(allocation.limited_by) == limited_by
    assert list(allocation.admitted) == [reason not in {"no_room", "below_minimum"} for reason in limited_by]


def test_the_station_that_a_share_by_slices_never_finishes() -> None:
    nodes = [Node("grid", None, 400_000), Node("CP001", "grid", 201_000)]
    claims = [Claim("e1", "CP001", 0, 150_000, rank=0), Claim("e2", "CP001", 0, 150_000, rank=1)]
    assert allocate(nodes, claims).alloc_w == (100_500, 100_500)


FILLS = [
    # caption, caps of grid and A, sessions (node, weight, rank, base, upper), result
    ("from nothing", 100, None, [("A", 1, 0, 0, 80), ("A", 1, 1, 0, 80)], [50, 50]),
    ("the lower one first, until they are level", 100, None, [("A", 1, 0, 60, 80), ("A", 1, 1, 10, 80)], [60, 40]),
    ("then together, the odd watt to rank 0", 121, None, [("A", 1, 0, 60, 80), ("A", 1, 1, 10, 80)], [61, 60]),
    ("an upper below its base stays", 100, None, [("A", 1, 0, 60, 20), ("A", 1, 1, 10, 80)], [60, 40]),
    ("a row over its cap takes no more", 50, None, [("A", 1, 0, 60, 80), ("A", 1, 1, 10, 80)], [60, 10]),
    ("a charger over its cap; the others go on", 100, 60, [("A", 1, 0, 70, 80), ("grid", 1, 1, 0, 80)], [70, 30]),
    ("a charger exactly full", 100, 70, [("A", 1, 0, 70, 80), ("A", 1, 1, 0, 80), ("grid", 1, 2, 0, 80)], [70, 0, 30]),
    ("weights count from 0, not from the base", 100, None, [("A", 3, 0, 10, 99), ("A", 1, 1, 5, 99)], [75, 25]),
    ("no caps, no limit", None, None, [("A", 1, 0, 10, 99), ("A", 1, 1, 5, 7)], [99, 7]),
]


@pytest.mark.parametrize(
    ("grid_w", "charger_w", "rows", "filled"), [row[1:] for row in FILLS], ids=[r[0] for r in FILLS]
)
def test_fill(
    grid_w: int | None, charger_w: int | None, rows: list[tuple[str, int, int, int, int]], filled: list[int]
) -> None:
    nodes = [Node("grid", None, grid_w), Node("A", "grid", charger_w)]
    claims = [Claim(f"s{i}", row[0], 0, 0, weight=row[1], rank=row[2]) for i, row in enumerate(rows)]
    assert list(fill(nodes, claims, [row[3] for row in rows], [row[4] for row in rows])) == filled


def test_fill_with_headroom_reads_no_cap() -> None:
    nodes = [Node("grid", None, 1), Node("A", "grid", None)]
    claims = [Claim("s0", "A", 0, 0, rank=0), Claim("s1", "A", 0, 0, rank=1)]
    table: list[tuple[dict[str, int | None], tuple[int, int]]] = [
        ({"grid": 30, "A": None}, (45, 45)),
        ({"grid": None, "A": 7}, (40, 27)),
        ({"grid": 30, "A": 0}, (40, 20)),
        ({"grid": -1, "A": 9}, (40, 20)),
        ({"grid": None, "A": None}, (90, 60)),
    ]
    for headroom_w, filled in table:
        assert fill_headroom(nodes, claims, [40, 20], [90, 60], headroom_w) == filled


# --- limits per phase -------------------------------------------------------------------------------------------------

L1, L2, L3, ALL = (6, 0, 0), (0, 6, 0), (0, 0, 6), (2, 2, 2)
UNKNOWN = (6, 6, 6)
"""All of its power may be on any of the phases."""

MAIN_10 = Node("grid", None, None, (10_000, 10_000, 10_000))
"""A main of 10 A on each phase: 13,800 sixths of a watt, 2,300 W."""


@pytest.mark.parametrize(
    ("lines", "loads"),
    [([1], L1), ([2], L2), ([3], L3), ([2, 1], (3, 3, 0)), ({1, 3}, (3, 0, 3)), ((3, 2), (0, 3, 3)), ([1, 2, 3], ALL)],
)
def test_what_a_watt_is_on_each_phase(lines: list[int], loads: tuple[int, int, int]) -> None:
    assert loads_of(lines) == loads


@pytest.mark.parametrize("lines", [[], [0], [1, 4]])
def test_a_phase_that_there_is_not_is_a_programmers_error(lines: list[int]) -> None:
    with pytest.raises(AssertionError):
        loads_of(lines)


def test_the_cap_of_a_phase_is_in_sixths_of_a_watt_rounded_down() -> None:
    assert Node("a", None, None).phase_caps() is None
    assert Node("a", None, None, (16_000, 0, 10)).phase_caps() == (22_080, 0, 13)  # 13.8
    assert Node("a", None, None, (16_000, 1, 1_000), 120).phase_caps() == (11_520, 0, 720)


PHASE_ALLOCATIONS = [
    # caption, nodes, sessions (node, min, max, weight, priority, rank, loads), watts, limited by
    (
        "three cars on L1 have the power of one",
        [MAIN_10],
        [("grid", 0, 7_360, 1, 0, rank, L1) for rank in range(3)],
        [767, 767, 766],
        ["grid/L1"] * 3,
    ),
    (
        "one car on each phase has all of its own",
        [MAIN_10],
        [("grid", 0, 7_360, 1, 0, rank, loads) for rank, loads in enumerate((L1, L2, L3))],
        [2_300, 2_300, 2_300],
        ["grid/L1", "grid/L2", "grid/L3"],
    ),
    (
        "a car whose phase is not known is counted on all three, with a whole watt on each",
        [MAIN_10],
        [("grid", 0, 7_360, 1, 0, 0, UNKNOWN), ("grid", 0, 7_360, 1, 0, 1, L2)],
        [1_150, 1_150],
        ["grid/L2", "grid/L2"],
    ),
    (
        "who stands on a phase that is not full goes on rising",
        [MAIN_10],
        [("grid", 0, 7_360, 1, 0, 0, L1), ("grid", 0, 7_360, 1, 0, 1, L1), ("grid", 0, 7_360, 1, 0, 2, L2)],
        [1_150, 1_150, 2_300],
        ["grid/L1", "grid/L1", "grid/L2"],
    ),
    (
        "weights 2 : 1 on one phase, by watts",
        [MAIN_10],
        [("grid", 0, 7_360, 2, 0, 0, L1), ("grid", 0, 22_080, 1, 0, 1, ALL)],
        [1_971, 987],  # x* = 13,800 · (2, 1) / 14; 6 · 1,971 + 2 · 987 = 13,800
        ["grid/L1", "grid/L1"],
    ),
    (
        "the phase of a circuit holds its own cars, the main's the rest",
        [MAIN_10, Node("A", "grid", None, (4_000, 4_000, 4_000))],
        [("A", 0, 7_360, 1, 0, 0, L1), ("A", 0, 7_360, 1, 0, 1, L1), ("grid", 0, 7_360, 1, 0, 2, L1)],
        [460, 460, 1_380],
        ["A/L1", "A/L1", "grid/L1"],
    ),
    (
        "watts before phases where both are full",
        [Node("grid", None, 2_300, (10_000, 10_000, 10_000))],
        [("grid", 0, 7_360, 1, 0, 0, L1)],
        [2_300],
        ["grid"],
    ),
    (
        "the first node in the order of the nodes, whatever hangs where",
        [Node("A", "grid", None, (10_000, 9_000, 9_000)), MAIN_10],
        [("A", 0, 7_360, 1, 0, 0, L1)],
        [2_300],
        ["A/L1"],
    ),
    (
        "L1 before L2",
        [MAIN_10],
        [("grid", 0, 22_080, 1, 0, 0, ALL)],
        [6_900],
        ["grid/L1"],
    ),
    (
        "a minimum must fit on its phase beside the minima before it",
        [MAIN_10],
        [
            ("grid", 1_380, 7_360, 1, 0, 0, L1),
            ("grid", 1_380, 7_360, 1, 0, 1, L1),
            ("grid", 1_380, 7_360, 1, 0, 2, L2),
            ("grid", 1_380, 900, 1, 0, 3, L3),
        ],
        [2_300, 0, 2_300, 0],
        ["grid/L1", "no_room", "grid/L2", "below_minimum"],
    ),
    (
        "the higher priority is admitted first",
        [MAIN_10],
        [("grid", 1_380, 7_360, 1, 0, 0, L1), ("grid", 1_380, 7_360, 1, 1, 1, L1)],
        [0, 2_300],
        ["no_room", "grid/L1"],
    ),
    (
        "a minimum above the fair share is kept; it never asks for more of it",
        [MAIN_10],
        [("grid", 1_380, 7_360, 1, 0, 0, L1), ("grid", 0, 7_360, 1, 0, 1, L1), ("grid", 0, 22_080, 1, 0, 2, ALL)],
        [1_380, 690, 690],
        ["grid/L1"] * 3,
    ),
    (
        "on a phase of 0 A nobody moves",
        [Node("grid", None, None, (0, 10_000, 10_000))],
        [
            ("grid", 0, 9, 1, 0, 0, L1),
            ("grid", 0, 0, 1, 0, 1, L1),
            ("grid", 0, 9, 1, 0, 2, ALL),
            ("grid", 1, 9, 1, 0, 3, L1),
        ],
        [0, 0, 0, 0],
        ["grid/L1", "vehicle", "grid/L1", "no_room"],
    ),
    (
        "rounding leaves 5 sixths of a watt to nobody",
        [Node("grid", None, None, (1_000, 1_000, 1_000), 1), Node("A", "grid", None, (835, 1_000, 1_000), 1)],
        [("A", 0, 9, 1, 0, 0, L1), ("grid", 0, 9, 1, 0, 1, L2)],
        [0, 1],
        ["A/L1", "grid/L2"],
    ),
    (
        "who would have its maximum but for rounding is limited by the row that has no watt left",
        [Node("grid", None, None, (2_500, 9_000, 9_000), 1)],
        [("grid", 0, 1, 1, 0, 1, (6, 0, 0)), ("grid", 0, 99, 1, 0, 0, (6, 0, 0)), ("grid", 0, 1, 1, 0, 2, (3, 3, 0))],
        [1, 1, 1],
        ["vehicle", "grid/L1", "vehicle"],
    ),
]


@pytest.mark.parametrize(
    ("nodes", "rows", "alloc_w", "limited_by"),
    [row[1:] for row in PHASE_ALLOCATIONS],
    ids=[row[0] for row in PHASE_ALLOCATIONS],
)
def test_allocation_on_phases(
    nodes: list[Node],
    rows: list[tuple[str, int, int, int, int, int, tuple[int, int, int]]],
    alloc_w: list[int],
    limited_by: list[str],
) -> None:
    claims = [Claim(f"s{i}", *row) for i, row in enumerate(rows)]
    allocation = allocate(nodes, claims)
    assert list(allocation.alloc_w) == alloc_w
    assert list(allocation.limited_by) == limited_by
    assert list(allocation.admitted) == [reason not in {"no_room", "below_minimum"} for reason in limited_by]


def test_fill_on_phases_takes_the_room_above_the_base() -> None:
    nodes = [MAIN_10]
    claims = [Claim("s0", "grid", 0, 0, rank=0, loads=L1), Claim("s1", "grid", 0, 0, rank=1, loads=ALL)]
    assert fill(nodes, claims, [300, 0], [9_000, 9_000]) == (1_725, 1_725)
    assert fill(nodes, claims, [2_000, 0], [9_000, 9_000]) == (2_000, 900)
    assert fill(nodes, claims, [2_000, 1_500], [9_000, 9_000]) == (2_000, 1_500), "over the cap: it takes no more"
    assert fill(nodes, claims, [300, 500], [200, 9_000]) == (300, 6_000)


def test_fill_with_headroom_on_phases_is_in_sixths_of_a_watt() -> None:
    nodes = [MAIN_10, Node("A", "grid", 5)]
    claims = [Claim("s0", "A", 0, 0, rank=0, loads=L1), Claim("s1", "A", 0, 0, rank=1, loads=ALL)]
    room: dict[str, int | None] = {"grid": None, "grid/L1": 80, "grid/L2": None, "grid/L3": 9, "A": None}
    assert fill_headroom(nodes, claims, [0, 0], [90, 90], room) == (12, 4)
    assert fill_headroom(nodes, claims, [0, 0], [90, 90], room | {"A": 7}) == (4, 3)
    assert fill_headroom(nodes, claims, [5, 6], [90, 90], room | {"grid/L1": -1}) == (5, 6)
    with pytest.raises(KeyError, match="grid/L3"):
        fill_headroom(nodes, claims, [0, 0], [90, 90], {"grid": None, "grid/L1": 9, "grid/L2": 9, "A": 9})


def test_phases_with_nobody_under_them_change_nothing() -> None:
    nodes = [*GRID_300, Node("C", "grid", None, (0, 0, 0))]
    claims = claims_of(("A", 0, 300, 1, 0, 0), ("B", 0, 300, 1, 0, 1))
    assert allocate(nodes, claims) == allocate(GRID_300, claims)
    assert fill_headroom(nodes, claims, [0, 0], [9, 9], {"grid": 5, "A": None, "B": None, "C": None}) == (3, 2)


def test_many_roundings_below_are_given_to_who_is_above() -> None:
    # each charger leaves half a watt of its L1 unused, a sixth on it being less than the two that its car needs
    chargers = 30
    nodes = [Node("grid", None, None, (chargers * 16_001 + 87_000, 10**6, 10**6))]
    nodes += [Node(f"A{i}", "grid", None, (16_001, 16_001, 16_001)) for i in range(chargers)]
    claims = [Claim(f"s{i}", f"A{i}", 0, 22_080, rank=i) for i in range(chargers)]
    claims.append(Claim("above", "grid", 0, 99_999, rank=chargers, loads=L1))
    shares, alloc_w = exact_shares(nodes, claims), allocate(nodes, claims).alloc_w
    assert set(shares[:-1]) == {Fraction(22_081, 2)}
    assert set(alloc_w[:-1]) == {11_040}
    assert alloc_w[-1] - shares[-1] >= 4, "more than the interval of §3, and still no fuse has a watt too many"
    assert 6 * alloc_w[-1] + 2 * sum(alloc_w[:-1]) <= (nodes[0].phase_caps() or (0,))[0]


def test_names_of_rows_that_cannot_be_told_apart_are_a_programmers_error() -> None:
    with pytest.raises(AssertionError, match="name of a row"):
        allocate([MAIN_10, Node("grid/L1", "grid", 5)], [Claim("s", "grid", 0, 9)])


def test_a_negative_load_is_a_programmers_error() -> None:
    with pytest.raises(AssertionError, match="negative load"):
        allocate([MAIN_10], [Claim("s", "grid", 0, 9, loads=(6, -1, 0))])


# --- what is there for every tree -------------------------------------------------------------------------------------


def test_nobody_to_serve() -> None:
    assert allocate([], []) == Allocation((), (), ())
    assert allocate([Node("grid", None, 5)], []) == Allocation((), (), ())
    assert fill([], [], [], []) == ()
    assert fill_headroom([Node("grid", None, 5)], [], [], [], {"grid": 5}) == ()
    assert exact_shares([MAIN_10], []) == ()
    assert allocate([MAIN_10], [Claim("s", "grid", 2_301, 9_000, loads=L1)]) == Allocation((0,), (False,), ("no_room",))


def test_a_tree_can_be_compiled_once() -> None:
    tree = Tree.of(GRID_300)
    claims = claims_of(("A", 0, 300, 1, 0, 0), ("B", 0, 300, 1, 0, 1))
    assert allocate(tree, claims) == allocate(GRID_300, claims)
    assert fill(tree, claims, [3, 4], [200, 100]) == fill(GRID_300, claims, [3, 4], [200, 100])


def test_a_deep_chain_of_circuits_in_any_order() -> None:
    # every circuit has room for 10 W less than the one above it, and a car of its own
    depth = 2_000
    nodes = [Node(f"n{i}", f"n{i - 1}" if i else None, 10 * (depth - i)) for i in range(depth)]
    claims = [Claim(f"s{i}", f"n{i}", 0, 50, rank=i) for i in range(depth)]
    allocation = allocate(nodes[::-1], claims)
    assert allocation.alloc_w == (10,) * depth
    assert allocation.limited_by == tuple(f"n{i}" for i in range(depth))  # all are full, and the lowest comes first
    assert fill(nodes[::-1], claims, [10] * depth, [50] * depth) == (10,) * depth


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([Node("a", None, 1), Node("a", None, 2)], id="duplicate id"),
        pytest.param([Node("a", "b", 1)], id="unknown parent"),
        pytest.param([Node("a", "b", 1), Node("b", "a", 1)], id="a ring"),
        pytest.param([Node("a", "a", 1)], id="its own parent"),
    ],
)
def test_a_broken_tree_is_a_programmers_error(nodes: list[Node]) -> None:
    with pytest.raises(AssertionError):
        Tree.of(nodes)


def test_a_weight_of_nothing_is_a_programmers_error() -> None:
    with pytest.raises(AssertionError, match="weight"):
        allocate([Node("a", None, 1)], [Claim("s", "a", 0, 1, weight=0)])
