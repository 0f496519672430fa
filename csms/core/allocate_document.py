"""An allocation problem as a JSON document: `{nodes, sessions}` in, `{alloc_w, admitted, limited_by}` out.

The fields are those of ALLOCATOR.md §1, in whole watts, and in amperes with at most three decimals. The document is
checked as a whole before anything is computed: the allocator asserts what is found here. What a document leaves out:
`parent`, `cap_w` and `phase_a` are null, weight is 1, priority 0, phases are all three, and rank is the session's
position; `voltage` is 230. With a battery (`bess`) the answer says what comes from it and what from the grid.
"""

import json
from dataclasses import dataclass, replace

from csms.core.allocator import Claim, Node, allocate, loads_of
from csms.core.battery_document import SITE_KEYS, Site, parse_site
from csms.core.configuration.quantities import milliamperes
from csms.core.configuration.reading import Fields, Wrong, open_object, whole
from csms.core.faults import Fault
from csms.core.phase_rows import phase_name
from csms.core.rows import Phases

MAX_ITEMS = 1_000_000
"""Most nodes, and most sessions, of one document."""

MAX_NUMBER = 10**18
"""Greatest power in W, and greatest priority and rank; the arithmetic has no bound of its own."""

MAX_WEIGHT = 100

LINES = (1, 2, 3)
DEFAULT_VOLTAGE_V = 230

_DOCUMENT = frozenset({"nodes", "sessions", "voltage"}) | SITE_KEYS
_NODE = frozenset({"id", "parent", "cap_w", "phase_a"})
_SESSION = frozenset({"id", "node", "min_w", "max_w", "weight", "priority", "rank", "phases"})

_watts = whole(0, MAX_NUMBER)
_order = whole(-MAX_NUMBER, MAX_NUMBER)
_weight = whole(1, MAX_WEIGHT)
_voltage = whole(1, 1000)


@dataclass(frozen=True, slots=True)
class Problem:
    """A valid document: what `allocate` takes."""

    nodes: tuple[Node, ...]
    claims: tuple[Claim, ...]
    site: Site | None = None


def parse_problem(document: object) -> Problem | tuple[Fault, ...]:
    """Return the decoded JSON `document` as a problem, or everything that is wrong with it, each with its JSON path."""
    faults: list[Fault] = []
    fields = open_object(document, "$", _DOCUMENT, frozenset(), faults)
    if fields is None:
        return tuple(faults)
    voltage_v = fields.take("voltage", _voltage, DEFAULT_VOLTAGE_V)
    nodes = [_node(item, path, voltage_v, faults) for path, item in _required_items(fields, "nodes")]
    _same_ids([node.node_id for node in nodes], "$.nodes", faults)
    _names_of_phases(nodes, faults)
    known = {node.node_id for node in nodes if node.node_id}
    _parents(nodes, known, faults)
    claims = [
        _claim(item, path, rank, known, faults) for rank, (path, item) in enumerate(_required_items(fields, "sessions"))
    ]
    _same_ids([claim.session_id for claim in claims], "$.sessions", faults)
    _same_ranks(claims, faults)
    site = parse_site(fields)
    if site is not None:
        nodes = _with_root_capacity(nodes, site.root_capacity_w, fields)
    return tuple(faults) if faults else Problem(tuple(nodes), tuple(claims), site)


def solution_document(problem: Problem) -> dict[str, object]:
    """Return the allocation of `problem` as a JSON document, each list in the order of the sessions."""
    allocation = allocate(problem.nodes, problem.claims)
    solution: dict[str, object] = {
        "alloc_w": list(allocation.alloc_w),
        "admitted": list(allocation.admitted),
        "limited_by": list(allocation.limited_by),
    }
    return solution if problem.site is None else solution | problem.site.flows(sum(allocation.alloc_w))


def _required_items(fields: Fields, name: str) -> list[tuple[str, object]]:
    if name not in fields:
        fields.fault(name, "is missing")
    return fields.items(name, MAX_ITEMS) or []


def _node(item: object, path: str, voltage_v: int, faults: list[Fault]) -> Node:
    """Return a node; an id that could not be read is empty."""
    fields = open_object(item, path, _NODE, frozenset(), faults)
    if fields is None:
        return Node("", None, None)
    return Node(
        fields.need("id", _name, ""),
        fields.take("parent", _name_or_null, None),
        fields.take("cap_w", _cap, None),
        fields.take("phase_a", _phase_caps, None),
        voltage_v,
    )


def _claim(item: object, path: str, position: int, known: set[str], faults: list[Fault]) -> Claim:
    """Return a claim; an id that could not be read is empty."""
    fields = open_object(item, path, _SESSION, frozenset(), faults)
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
        loads=loads_of(fields.take("phases", _lines, LINES)),
    )


def _name(value: object) -> str | Wrong:
    return value if isinstance(value, str) and value else Wrong("must be text, not empty")


def _name_or_null(value: object) -> str | Wrong | None:
    return None if value is None else _name(value)


def _cap(value: object) -> int | Wrong | None:
    return None if value is None else _watts(value)


def _phase_caps(value: object) -> Phases | Wrong | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != len(LINES):
        return Wrong("must be a list of three numbers of A, for L1, L2 and L3, or null")
    caps_ma: list[int] = []
    for line, item in zip(LINES, value, strict=True):
        cap_ma = milliamperes(item)
        if isinstance(cap_ma, Wrong):
            return Wrong(f"L{line} {cap_ma.error}")
        caps_ma.append(cap_ma)
    return caps_ma[0], caps_ma[1], caps_ma[2]


def _lines(value: object) -> tuple[int, ...] | Wrong:
    if isinstance(value, list) and value:
        lines = tuple([line for line in value if type(line) is int and line in LINES])  # true is an int, and 1
        if len(set(lines)) == len(value):
            return lines
    return Wrong("must be a list of the phases that it uses: 1, 2 or 3, each once")


def _quoted(name: str) -> str:
    return json.dumps(name[:64])


def _same_ids(ids: list[str], path: str, faults: list[Fault]) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(ids):
        if name and first.setdefault(name, index) != index:
            faults.append(Fault(f"{path}[{index}].id", f"is the same as {path}[{first[name]}].id"))


def _names_of_phases(nodes: list[Node], faults: list[Fault]) -> None:
    """Note each node that is called like a phase of another: both could be what limits a session."""
    of_phases = {
        phase_name(node.node_id, line): f"the name of L{line} of $.nodes[{index}]"
        for index, node in enumerate(nodes)
        if node.phase_ma is not None
        for line in LINES
    }
    for index, node in enumerate(nodes):
        if node.node_id in of_phases:
            faults.append(Fault(f"$.nodes[{index}].id", f"is {of_phases[node.node_id]}"))


def _with_root_capacity(nodes: list[Node], capacity_w: int, document: Fields) -> list[Node]:
    """Return the nodes with the capacity of the only root, noting what does not fit it."""
    roots = [index for index, node in enumerate(nodes) if node.parent is None]
    if len(roots) != 1:
        document.fault("bess", "needs exactly one node without a parent, which it feeds")
        return nodes
    root = roots[0]
    if nodes[root].cap_w not in {None, capacity_w}:
        document.fault(f"nodes[{root}].cap_w", f"must be {capacity_w}, as grid, static load and bess say, or left out")
    return [replace(node, cap_w=capacity_w) if index == root else node for index, node in enumerate(nodes)]


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
