"""The allocation document: what it means, and every fault by its path."""

import json
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
    read = 0
    for case in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]:
        if case["kind"] != "allocate" or "bess" in case or any("phase_a" in each for each in case["nodes"]):
            continue
        problem = parse_problem({"nodes": case["nodes"], "sessions": case["sessions"]})
        assert isinstance(problem, Problem), case["id"]
        expected = {name: case["expect"][name] for name in ("alloc_w", "admitted", "limited_by")}
        assert solution_document(problem) == expected, case["id"]
        read += 1
    assert read == 21


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
    ("node: phases", node(phase_a=[32, 32, 32]), ["$.nodes[1].phase_a: is not supported yet"]),
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
    ("session: phases", session(phases=[1, 2, 3]), ["$.sessions[0].phases: is not supported yet"]),
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
