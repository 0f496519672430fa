"""The allocation document: what it means, and every fault by its path."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from csms.core.allocate_document import Problem, parse_problem, solution_document
from csms.core.allocator import Claim, Node
from csms.core.faults import Fault

GOLDEN = Path(__file__).parents[2] / "golden" / "allocator.json"


def document(**changes: Any) -> dict[str, Any]:
    """Return a valid document with top-level fields replaced."""
    return {
        "nodes": [{"id": "grid", "parent": None, "cap_w": 330_000}, {"id": "A", "parent": "grid", "cap_w": 200_000}],
        "sessions": [
            {"id": "e1", "node": "A", "min_w": 0, "max_w": 80_000},
            {"id": "e2", "node": "A", "min_w": 0, "max_w": 150_000},
            {"id": "e3", "node": "grid", "min_w": 0, "max_w": 150_000},
        ],
    } | changes


def node(**fields: Any) -> dict[str, Any]:
    """Return a document whose second node has these fields instead, or added."""
    return document(nodes=[{"id": "grid"}, {"id": "A", "parent": "grid"} | fields])


def session(**fields: Any) -> dict[str, Any]:
    """Return a document whose only session has these fields instead, or added."""
    return document(sessions=[{"id": "e1", "node": "A", "min_w": 0, "max_w": 9} | fields])


BESS = {
    "capacity_wh": 200_000,
    "max_discharge_w": 200_000,
    "soc_pct_x100": 10_000,
}


def battery(**fields: Any) -> dict[str, Any]:
    """Return a document with a battery that has these fields instead, or added."""
    return document(
        nodes=[{"id": "grid"}, {"id": "A", "parent": "grid"}],
        grid_cap_w=400_000,
        static_load_w=3_000,
        bess=BESS | fields,
    )


def without(value: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    """Return the document without field `name` of its last `kind`."""
    del value[kind][-1][name]
    return value


def test_defaults() -> None:
    assert parse_problem(
        {
            "nodes": [{"id": "grid"}, {"id": "A", "parent": "grid", "cap_w": None, "phase_a": None}],
            "sessions": [
                {"id": "e1", "node": "A", "min_w": 1, "max_w": 2},
                {"id": "e2", "node": "A", "min_w": 3, "max_w": 0, "weight": 100, "priority": -2, "rank": 7},
            ],
            "voltage": 230,
        }
    ) == Problem(
        nodes=(Node("grid", None, None), Node("A", "grid", None)),
        claims=(Claim("e1", "A", 1, 2, weight=1, priority=0, rank=0), Claim("e2", "A", 3, 0, 100, -2, 7)),
    )


def test_the_worked_example() -> None:
    problem = parse_problem(document())
    assert isinstance(problem, Problem)
    assert solution_document(problem) == {
        "alloc_w": [80_000, 120_000, 130_000],
        "admitted": [True, True, True],
        "limited_by": ["vehicle", "A", "grid"],
    }


def test_golden_documents_are_read_as_they_stand() -> None:
    read = with_battery = 0
    for case in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]:
        if case["kind"] != "allocate":
            continue
        problem = parse_problem({name: case[name] for name in case.keys() - {"id", "kind", "note", "expect"}})
        assert isinstance(problem, Problem), case["id"]
        expected = {name: case["expect"][name] for name in ("alloc_w", "admitted", "limited_by")}
        if "bess" in case:
            expected |= {name: case["expect"][name] for name in ("grid_w", "bess_discharge_w")}
            expected |= {"avail_discharge_w": case["bess"]["avail_discharge_w"]}
            with_battery += 1
        assert solution_document(problem) == expected, case["id"]
        read += 1
    assert (read, with_battery) == (27, 3)


@pytest.mark.parametrize(
    ("phase_a", "phase_ma"),
    [
        ([16, 32, 0], (16_000, 32_000, 0)),
        ([Decimal("12.345"), Decimal("0.001"), 6.5], (12_345, 1, 6_500)),
        (None, None),
    ],
)
def test_amperes_are_kept_to_the_milliampere(phase_a: object, phase_ma: tuple[int, int, int] | None) -> None:
    problem = parse_problem(node(phase_a=phase_a) | {"voltage": 120})
    assert isinstance(problem, Problem)
    assert problem.nodes[1] == Node("A", "grid", None, phase_ma, 120)


@pytest.mark.parametrize(
    ("phases", "loads"), [([1], (6, 0, 0)), ([3, 1], (3, 0, 3)), ([2, 3], (0, 3, 3)), ([3, 2, 1], (2, 2, 2))]
)
def test_a_session_loads_the_phases_that_it_names(phases: list[int], loads: tuple[int, int, int]) -> None:
    problem = parse_problem(session(phases=phases))
    assert isinstance(problem, Problem)
    assert problem.claims[0].loads == loads


def test_one_phase_of_a_car_park() -> None:
    problem = parse_problem(
        {
            "nodes": [{"id": "grid", "phase_a": [35, 35, 35]}],
            "sessions": [
                {"id": "e1", "node": "grid", "min_w": 1_380, "max_w": 7_360, "phases": [1]},
                {"id": "e2", "node": "grid", "min_w": 1_380, "max_w": 7_360, "phases": [1]},
                {"id": "e3", "node": "grid", "min_w": 4_140, "max_w": 11_040},
            ],
        }
    )
    assert isinstance(problem, Problem)
    assert solution_document(problem) == {
        "alloc_w": [3_335, 3_335, 4_140],
        "admitted": [True, True, True],
        "limited_by": ["grid/L1", "grid/L1", "grid/L1"],
    }


@pytest.mark.parametrize(
    ("fields", "flows", "alloc_w"),
    [
        # 80 + 150 + 150 kW are wanted, 397 are there without the battery
        ({}, {"avail_discharge_w": 200_000, "grid_w": 383_000, "bess_discharge_w": 0}, [80_000, 150_000, 150_000]),
        (
            {"grid_cap_w": 330_000},
            {"avail_discharge_w": 200_000, "grid_w": 330_000, "bess_discharge_w": 53_000},
            [80_000, 150_000, 150_000],
        ),
        # (10.5 % − 10 %) of 200 kWh in a quarter of an hour
        (
            {"grid_cap_w": 330_000, "bess": BESS | {"soc_pct_x100": 1_050}},
            {"avail_discharge_w": 4_000, "grid_w": 330_000, "bess_discharge_w": 4_000},
            [80_000, 125_500, 125_500],
        ),
        # a load alone that is above grid and battery leaves nothing, and the meter shows what is too much
        (
            {"grid_cap_w": 10_000, "static_load_w": 300_000},
            {"avail_discharge_w": 200_000, "grid_w": 100_000, "bess_discharge_w": 200_000},
            [0, 0, 0],
        ),
    ],
)
def test_what_comes_from_the_battery(fields: dict[str, Any], flows: dict[str, int], alloc_w: list[int]) -> None:
    problem = parse_problem(battery() | fields)
    assert isinstance(problem, Problem)
    solution = solution_document(problem)
    assert {name: solution[name] for name in flows} == flows
    assert solution["alloc_w"] == alloc_w


def test_a_battery_unless_told_otherwise() -> None:
    told = {"max_charge_w": 200_000, "reserve_soc_pct": 10, "max_soc_pct": 100, "eta_charge_pct": 100}
    told |= {"eta_discharge_pct": 100, "horizon_s": 900, "avail_discharge_w": 200_000}
    problem = parse_problem(battery())
    assert isinstance(problem, Problem)
    assert problem == parse_problem(battery(**told))
    assert problem.nodes[0].cap_w == 597_000


def test_an_empty_station_is_a_problem_too() -> None:
    problem = parse_problem({"nodes": [], "sessions": []})
    assert isinstance(problem, Problem)
    assert solution_document(problem) == {"alloc_w": [], "admitted": [], "limited_by": []}


def test_numbers_beyond_64_bit_floats_stay_exact() -> None:
    cap_w = 2**53 + 1
    sessions = [{"id": f"e{i}", "node": "grid", "min_w": 0, "max_w": 10**18} for i in range(2)]
    problem = parse_problem({"nodes": [{"id": "grid", "cap_w": cap_w}], "sessions": sessions})
    assert isinstance(problem, Problem)
    assert solution_document(problem)["alloc_w"] == [2**52 + 1, 2**52]


WATTS = "must be a whole number from 0 to 1000000000000000000"
ORDER = "must be a whole number from -1000000000000000000 to 1000000000000000000"
WEIGHT = "must be a whole number from 1 to 100"
PERCENT = "must be a whole number from 0 to 100"
AMPERES = "must be a list of three numbers of A, for L1, L2 and L3, or null"
LINES = "must be a list of the phases that it uses: 1, 2 or 3, each once"
NAME = "must be text, not empty"
RING = [{"id": "c", "parent": "a"}, {"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}, {"id": "d", "parent": "c"}]

FAULTS = [
    ("no object", [], ["$: must be an object"]),
    ("nothing in it", {}, ["$.nodes: is missing", "$.sessions: is missing"]),
    ("not lists", {"nodes": {}, "sessions": 3}, ["$.nodes: must be a list", "$.sessions: must be a list"]),
    ("unknown field", document(extra=1), ["$.extra: unknown field"]),
    ("voltage", document(voltage="230"), ["$.voltage: must be a whole number from 1 to 1000"]),
    ("voltage 0", document(voltage=0), ["$.voltage: must be a whole number from 1 to 1000"]),
    ("node is no object", document(nodes=["grid"], sessions=[]), ["$.nodes[0]: must be an object"]),
    ("node: unknown field", node(cap=1), ["$.nodes[1].cap: unknown field"]),
    ("node: amperes as one number", node(phase_a=32), [f"$.nodes[1].phase_a: {AMPERES}"]),
    ("node: amperes of two phases", node(phase_a=[32, 32]), [f"$.nodes[1].phase_a: {AMPERES}"]),
    ("node: amperes text", node(phase_a=[32, "32", 32]), ["$.nodes[1].phase_a: L2 must be a number"]),
    ("node: amperes true", node(phase_a=[32, 32, True]), ["$.nodes[1].phase_a: L3 must be a number"]),
    ("node: amperes null", node(phase_a=[None, 32, 32]), ["$.nodes[1].phase_a: L1 must be a number"]),
    ("node: amperes negative", node(phase_a=[-1, 2, 3]), ["$.nodes[1].phase_a: L1 must be from 0 to 1000000"]),
    ("node: amperes fine", node(phase_a=[1, 0.0001, 3]), ["$.nodes[1].phase_a: L2 must have at most three decimals"]),
    (
        "node: called like a phase of another",
        document(nodes=[{"id": "A/L2"}, {"id": "A", "phase_a": [1, 1, 1]}], sessions=[]),
        ["$.nodes[0].id: is the name of L2 of $.nodes[1]"],
    ),
    ("node: id missing", document(nodes=[{}], sessions=[]), ["$.nodes[0].id: is missing"]),
    ("node: id empty", document(nodes=[{"id": ""}], sessions=[]), [f"$.nodes[0].id: {NAME}"]),
    ("node: id number", document(nodes=[{"id": 1}], sessions=[]), [f"$.nodes[0].id: {NAME}"]),
    ("node: cap text", node(cap_w="9"), [f"$.nodes[1].cap_w: {WATTS}"]),
    ("node: cap true", node(cap_w=True), [f"$.nodes[1].cap_w: {WATTS}"]),
    ("node: cap float", node(cap_w=9.0), [f"$.nodes[1].cap_w: {WATTS}"]),
    ("node: cap negative", node(cap_w=-1), [f"$.nodes[1].cap_w: {WATTS}"]),
    ("node: cap huge", node(cap_w=10**18 + 1), [f"$.nodes[1].cap_w: {WATTS}"]),
    ("node: parent number", node(parent=0), [f"$.nodes[1].parent: {NAME}"]),
    ("node: parent unknown", node(parent="X"), ['$.nodes[1].parent: unknown node "X"']),
    ("node: its own parent", node(parent="A"), ["$.nodes[1].parent: leads back to this node"]),
    ("node: a ring, named once", document(nodes=RING, sessions=[]), ["$.nodes[1].parent: leads back to this node"]),
    (
        "node: two rings",
        document(nodes=[{"id": n, "parent": p} for n, p in ("ab", "ba", "cc")], sessions=[]),
        ["$.nodes[0].parent: leads back to this node", "$.nodes[2].parent: leads back to this node"],
    ),
    (
        "node: same id",
        document(nodes=[{"id": "A"}, {"id": "B", "parent": "A"}, {"id": "A", "parent": "B"}], sessions=[]),
        ["$.nodes[2].id: is the same as $.nodes[0].id"],
    ),
    ("session is no object", document(sessions=[None]), ["$.sessions[0]: must be an object"]),
    ("session: unknown field", session(cap_w=1), ["$.sessions[0].cap_w: unknown field"]),
    ("session: no phase", session(phases=[]), [f"$.sessions[0].phases: {LINES}"]),
    ("session: a phase as a number", session(phases=1), [f"$.sessions[0].phases: {LINES}"]),
    ("session: phase 4", session(phases=[1, 4]), [f"$.sessions[0].phases: {LINES}"]),
    ("session: phase 0", session(phases=[0]), [f"$.sessions[0].phases: {LINES}"]),
    ("session: a phase twice", session(phases=[2, 2]), [f"$.sessions[0].phases: {LINES}"]),
    ("session: phase true", session(phases=[True]), [f"$.sessions[0].phases: {LINES}"]),
    ("session: phase L1", session(phases=["L1"]), [f"$.sessions[0].phases: {LINES}"]),
    ("session: phases null", session(phases=None), [f"$.sessions[0].phases: {LINES}"]),
    ("battery: no object", document(bess=[], grid_cap_w=0), ["$.bess: must be an object"]),
    (
        "battery: nothing in it",
        document(bess={}),
        [
            "$.grid_cap_w: is missing",
            "$.bess.max_discharge_w: is missing",
            "$.bess.capacity_wh: is missing",
            "$.bess.soc_pct_x100: is missing",
        ],
    ),
    (
        "battery: none, but what goes with it",
        document(grid_cap_w=1, static_load_w=1),
        ["$.grid_cap_w: needs bess beside it", "$.static_load_w: needs bess beside it"],
    ),
    ("battery: unknown field", battery(soc=50), ["$.bess.soc: unknown field"]),
    ("battery: grid text", battery() | {"grid_cap_w": "9"}, [f"$.grid_cap_w: {WATTS}"]),
    ("battery: load negative", battery() | {"static_load_w": -1}, [f"$.static_load_w: {WATTS}"]),
    ("battery: power null", battery(max_discharge_w=None), [f"$.bess.max_discharge_w: {WATTS}"]),
    ("battery: charge float", battery(max_charge_w=1.0), [f"$.bess.max_charge_w: {WATTS}"]),
    ("battery: reserve 101", battery(reserve_soc_pct=101), [f"$.bess.reserve_soc_pct: {PERCENT}"]),
    ("battery: full -1", battery(max_soc_pct=-1), [f"$.bess.max_soc_pct: {PERCENT}"]),
    ("battery: efficiency 0", battery(eta_charge_pct=0), [f"$.bess.eta_charge_pct: {WEIGHT}"]),
    ("battery: efficiency 101", battery(eta_discharge_pct=101), [f"$.bess.eta_discharge_pct: {WEIGHT}"]),
    ("battery: horizon 0", battery(horizon_s=0), ["$.bess.horizon_s: must be a whole number from 1 to 86400"]),
    (
        "battery: over-full",
        battery(soc_pct_x100=10_001),
        ["$.bess.soc_pct_x100: must be a whole number from 0 to 10000"],
    ),
    (
        "battery: gives what it cannot",
        battery(avail_discharge_w=200_001),
        ["$.bess.avail_discharge_w: must be 200000, as the rest says, or left out"],
    ),
    (
        "battery: the root has another capacity",
        battery() | {"nodes": [{"id": "A", "parent": "grid"}, {"id": "grid", "cap_w": 400_000}]},
        ["$.nodes[1].cap_w: must be 597000, as grid, static load and bess say, or left out"],
    ),
    (
        "battery: two roots",
        battery() | {"nodes": [{"id": "A"}, {"id": "grid"}]},
        ["$.bess: needs exactly one node without a parent, which it feeds"],
    ),
    (
        "battery: no root",
        battery() | {"nodes": [], "sessions": []},
        ["$.bess: needs exactly one node without a parent, which it feeds"],
    ),
    ("session: id missing", without(session(), "sessions", "id"), ["$.sessions[0].id: is missing"]),
    ("session: node missing", without(session(), "sessions", "node"), ["$.sessions[0].node: is missing"]),
    ("session: min missing", without(session(), "sessions", "min_w"), ["$.sessions[0].min_w: is missing"]),
    ("session: max missing", without(session(), "sessions", "max_w"), ["$.sessions[0].max_w: is missing"]),
    ("session: node unknown", session(node="X"), ['$.sessions[0].node: unknown node "X"']),
    ("session: node unprintable", session(node="\x1b[2J"), ['$.sessions[0].node: unknown node "\\u001b[2J"']),
    ("session: node a list", session(node=["A"]), [f"$.sessions[0].node: {NAME}"]),
    ("session: min negative", session(min_w=-1), [f"$.sessions[0].min_w: {WATTS}"]),
    ("session: max null", session(max_w=None), [f"$.sessions[0].max_w: {WATTS}"]),
    ("session: max NaN", session(max_w=float("nan")), [f"$.sessions[0].max_w: {WATTS}"]),
    ("session: weight 0", session(weight=0), [f"$.sessions[0].weight: {WEIGHT}"]),
    ("session: weight 101", session(weight=101), [f"$.sessions[0].weight: {WEIGHT}"]),
    ("session: weight float", session(weight=1.5), [f"$.sessions[0].weight: {WEIGHT}"]),
    ("session: priority text", session(priority="high"), [f"$.sessions[0].priority: {ORDER}"]),
    ("session: rank false", session(rank=False), [f"$.sessions[0].rank: {ORDER}"]),
    (
        "session: same id, and a given rank that is another's position",
        document(
            sessions=[
                {"id": "e", "node": "A", "min_w": 0, "max_w": 1, "rank": 1},
                {"id": "e", "node": "A", "min_w": 0, "max_w": 1},
            ]
        ),
        [
            "$.sessions[1].id: is the same as $.sessions[0].id",
            "$.sessions[1].rank: 1 is also the rank of $.sessions[0]",
        ],
    ),
    (
        "all of them at once",
        {"nodes": [{"id": "A", "cap_w": -5}], "sessions": [{"id": "e", "node": "B", "min_w": 0.5, "max_w": 1, "w": 2}]},
        [
            f"$.nodes[0].cap_w: {WATTS}",
            "$.sessions[0].w: unknown field",
            '$.sessions[0].node: unknown node "B"',
            f"$.sessions[0].min_w: {WATTS}",
        ],
    ),
]


@pytest.mark.parametrize(("value", "faults"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_faults(value: object, faults: list[str]) -> None:
    found = parse_problem(value)
    assert not isinstance(found, Problem)
    assert all(isinstance(fault, Fault) for fault in found)
    assert [str(fault) for fault in found] == faults
