"""An allocation problem as a JSON document: `{nodes, sessions, voltage?}` in, `{alloc_w, admitted, limited_by}` out.

The fields are those of ALLOCATOR.md §1, all in whole watts. The document is checked as a whole before anything is
computed: the allocator asserts what is found here. What a document leaves out: `parent` and `cap_w` are null, weight
is 1, priority 0, and rank is the session's position. Phase limits are known and refused until there are rows for them.
"""

import json
from dataclasses import dataclass

from csms.core.allocator import Claim, Node, allocate
from csms.core.configuration.reading import Fields, Wrong, open_object, whole
from csms.core.faults import Fault

MAX_ITEMS = 1_000_000
"""Most nodes, and most sessions, of one document."""

MAX_NUMBER = 10**18
"""Greatest power in W, and greatest priority and rank; the arithmetic has no bound of its own."""

MAX_WEIGHT = 100

_DOCUMENT = frozenset({"nodes", "sessions", "voltage"})
_NODE = frozenset({"id", "parent", "cap_w", "phase_a"})
_SESSION = frozenset({"id", "node", "min_w", "max_w", "weight", "priority", "rank"})
_SESSION_LATER = frozenset({"phases"})

_watts = whole(0, MAX_NUMBER)
_order = whole(-MAX_NUMBER, MAX_NUMBER)
_weight = whole(1, MAX_WEIGHT)
_voltage = whole(1, 1000)


@dataclass(frozen=True, slots=True)
class Problem:
    """A valid document: what `allocate` takes."""

    nodes: tuple[Node, ...]
    claims: tuple[Claim, ...]


def parse_problem(document: object) -> Problem | tuple[Fault, ...]:
    """Return the decoded JSON `document` as a problem, or everything that is wrong with it, each with its JSON path."""
    faults: list[Fault] = []
    fields = open_object(document, "$", _DOCUMENT, frozenset(), faults)
    if fields is None:
        return tuple(faults)
    fields.take("voltage", _voltage, 0)  # it will matter with phase limits only
    nodes = [_node(item, path, faults) for path, item in _required_items(fields, "nodes")]
    _same_ids([node.node_id for node in nodes], "$.nodes", faults)
    known = {node.node_id for node in nodes if node.node_id}
    _parents(nodes, known, faults)
    claims = [
        _claim(item, path, rank, known, faults) for rank, (path, item) in enumerate(_required_items(fields, "sessions"))
    ]
    _same_ids([claim.session_id for claim in claims], "$.sessions", faults)
    _same_ranks(claims, faults)
    return tuple(faults) if faults else Problem(tuple(nodes), tuple(claims))


def solution_document(problem: Problem) -> dict[str, object]:
    """Return the allocation of `problem` as a JSON document, each list in the order of the sessions."""
    allocation = allocate(problem.nodes, problem.claims)
    return {
        "alloc_w": list(allocation.alloc_w),
        "admitted": list(allocation.admitted),
        "limited_by": list(allocation.limited_by),
    }


def _required_items(fields: Fields, name: str) -> list[tuple[str, object]]:
    if name not in fields:
        fields.fault(name, "is missing")
    return fields.items(name, MAX_ITEMS) or []


def _node(item: object, path: str, faults: list[Fault]) -> Node:
    """Return a node; an id that could not be read is empty."""
    fields = open_object(item, path, _NODE, frozenset(), faults)
    if fields is None:
        return Node("", None, None)
    fields.take("phase_a", _no_phases, None)
    return Node(
        fields.need("id", _name, ""), fields.take("parent", _name_or_null, None), fields.take("cap_w", _cap, None)
    )


def _claim(item: object, path: str, position: int, known: set[str], faults: list[Fault]) -> Claim:
    """Return a claim; an id that could not be read is empty."""
    fields = open_object(item, path, _SESSION, _SESSION_LATER, faults)
    if fields is None:
        return Claim("", "", 0, 0, rank=position)
    node = fields.need("node", _name, "")
    if node and node not in known:
        fields.fault("node", f"unknown node {_quoted(node)}")
    return Claim(
        session_id=fields.need("id", _name, ""),
        node=node,
        min_w=fields.need("min_w", _watts, 0),
        max_w=fields.need("max_w", _watts, 0),
        weight=fields.take("weight", _weight, 1),
        priority=fields.take("priority", _order, 0),
        rank=fields.take("rank", _order, position),
    )


def _name(value: object) -> str | Wrong:
    return value if isinstance(value, str) and value else Wrong("must be text, not empty")


def _name_or_null(value: object) -> str | Wrong | None:
    return None if value is None else _name(value)


def _cap(value: object) -> int | Wrong | None:
    return None if value is None else _watts(value)


def _no_phases(value: object) -> Wrong | None:
    return None if value is None else Wrong("is not supported yet")


def _quoted(name: str) -> str:
    return json.dumps(name[:64])


def _same_ids(ids: list[str], path: str, faults: list[Fault]) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(ids):
        if name and first.setdefault(name, index) != index:
            faults.append(Fault(f"{path}[{index}].id", f"is the same as {path}[{first[name]}].id"))


def _same_ranks(claims: list[Claim], faults: list[Fault]) -> None:
    first: dict[int, int] = {}
    for index, claim in enumerate(claims):
        if first.setdefault(claim.rank, index) != index:
            faults.append(
                Fault(f"$.sessions[{index}].rank", f"{claim.rank} is also the rank of $.sessions[{first[claim.rank]}]")
            )


def _parents(nodes: list[Node], known: set[str], faults: list[Fault]) -> None:
    """Note parents that do not exist, and each ring of parents once."""
    position: dict[str, int] = {}
    for index, node in enumerate(nodes):
        position.setdefault(node.node_id, index)
        if node.parent is not None and node.parent not in known:
            faults.append(Fault(f"$.nodes[{index}].parent", f"unknown node {_quoted(node.parent)}"))
    walked_from: dict[int, int] = {}
    for start in range(len(nodes)):
        index = start
        while index not in walked_from:
            walked_from[index] = start
            parent = nodes[index].parent
            if parent is None or parent not in known:
                break
            index = position[parent]
        else:
            if walked_from[index] == start:
                faults.append(Fault(f"$.nodes[{index}].parent", "leads back to this node"))
