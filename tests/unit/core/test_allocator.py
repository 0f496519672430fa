"""The allocator in numbers: the golden cases, and tables small enough to check by eye."""

import json
from pathlib import Path
from typing import Any

import pytest

from csms.core.allocator import Allocation, Claim, Node, Tree, allocate, fill, fill_headroom

GOLDEN = Path(__file__).parents[2] / "golden" / "allocator.json"


def watt_tree_cases() -> list[dict[str, Any]]:
    """Return the golden cases of one allocation on watt limits alone."""
    cases: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
    return [
        case
        for case in cases
        if case["kind"] == "allocate" and "bess" not in case and not any("phase_a" in node for node in case["nodes"])
    ]


def test_no_golden_case_is_dropped() -> None:
    assert len(watt_tree_cases()) == 21


@pytest.mark.parametrize("case", watt_tree_cases(), ids=lambda case: case["id"])
def test_golden(case: dict[str, Any]) -> None:
    nodes = [Node(node["id"], node["parent"], node["cap_w"]) for node in case["nodes"]]
    claims = [
        Claim(
            each["id"],
            each["node"],
            each["min_w"],
            each["max_w"],
            each.get("weight", 1),
            each.get("priority", 0),
            each.get("rank", position),
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


def test_nobody_to_serve() -> None:
    assert allocate([], []) == Allocation((), (), ())
    assert allocate([Node("grid", None, 5)], []) == Allocation((), (), ())
    assert fill([], [], [], []) == ()
    assert fill_headroom([Node("grid", None, 5)], [], [], [], {"grid": 5}) == ()


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
