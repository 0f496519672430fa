"""The allocator against its definition, watt by watt on small numbers, and against the certificate on large ones.

Everything here is written from ALLOCATOR.md §2–4 alone and shares nothing with the allocator but its input and output.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from csms.core.allocator import Claim, Node, allocate, fill, fill_headroom

Problem = tuple[list[Node], list[Claim]]
Rooms = dict[str, int | None]


# --- the definition ---------------------------------------------------------------------------------------------------


def paths(nodes: Sequence[Node]) -> dict[str, list[str]]:
    """Return for each node itself and its ancestors, upwards."""
    parents = {node.node_id: node.parent for node in nodes}
    found = {}
    for node in nodes:
        path: list[str] = []
        name: str | None = node.node_id
        while name is not None:
            path.append(name)
            name = parents[name]
        found[node.node_id] = path
    return found


def take(rooms: Rooms, path: Sequence[str], amount: int) -> bool:
    """Take `amount` from every row of the path if all of them have it; return whether they had."""
    having = [(row, room) for row in path if (room := rooms[row]) is not None]
    if any(room < amount for _, room in having):
        return False
    rooms.update({row: room - amount for row, room in having})
    return True


def admission(nodes: Sequence[Node], claims: Sequence[Claim]) -> tuple[list[bool], Rooms]:
    """Return who is admitted, and what the minima leave of each cap (§2)."""
    above = paths(nodes)
    rooms: Rooms = {node.node_id: node.cap_w for node in nodes}
    admitted = [False] * len(claims)
    for i in sorted(range(len(claims)), key=lambda i: (-claims[i].priority, claims[i].rank)):
        claim = claims[i]
        admitted[i] = claim.max_w >= claim.min_w and take(rooms, above[claim.node], claim.min_w)
    return admitted, rooms


def loop(
    nodes: Sequence[Node], claims: Sequence[Claim], base: Sequence[int], upper: Sequence[int], rooms: Rooms
) -> list[int]:
    """Return §3's loop, watt by watt; `rooms` is what the rows can take on top of the base, if anything."""
    above = paths(nodes)
    rooms = {row: None if room is None else max(room, 0) for row, room in rooms.items()}
    levels = list(base)
    raisable = [i for i in range(len(claims)) if base[i] < upper[i]]
    while raisable:
        i = min(raisable, key=lambda i: (Fraction(levels[i], claims[i].weight), claims[i].rank))
        if take(rooms, above[claims[i].node], 1):
            levels[i] += 1
        else:
            raisable.remove(i)
        if levels[i] == upper[i] and i in raisable:
            raisable.remove(i)
    return levels


def left_of(nodes: Sequence[Node], claims: Sequence[Claim], amounts: Sequence[int]) -> Rooms:
    """Return cap − Σ amounts below, per row."""
    above = paths(nodes)
    return {
        node.node_id: None
        if node.cap_w is None
        else node.cap_w - sum(w for w, claim in zip(amounts, claims, strict=True) if node.node_id in above[claim.node])
        for node in nodes
    }


# --- small problems ---------------------------------------------------------------------------------------------------


def small_problem(rng: random.Random) -> Problem:
    """Return up to 6 rows and 7 sessions with numbers so small that every watt is a corner case."""
    count = rng.randint(1, 6)
    nodes = []
    for i in range(count):
        parent = None if not i or rng.random() < 0.1 else f"n{rng.randrange(i)}"
        cap_w = (
            None if rng.random() < 0.25 else rng.choice([rng.randint(0, 60), rng.randint(0, 25), rng.randint(0, 12)])
        )
        nodes.append(Node(f"n{i}", parent, 0 if rng.random() < 0.03 else cap_w))
    rng.shuffle(nodes)
    weight_max = rng.choice([1, 1, 2, 5, 30, 100])
    claims = [
        Claim(
            session_id=f"s{i}",
            node=f"n{rng.randrange(count)}",
            min_w=rng.choice([0, 0, rng.randint(0, 12)]),
            max_w=rng.randint(0, rng.choice([10, 45])),
            weight=rng.randint(1, weight_max),
            priority=rng.choice([0, 0, 1, -1]),
            rank=rank,
        )
        for i, rank in enumerate(rng.sample(range(-5, 20), rng.randint(0, 7)))
    ]
    return nodes, claims


@pytest.mark.parametrize("block", range(4))
def test_allocate_is_the_definition(block: int) -> None:
    for seed in range(block * 2_000, block * 2_000 + 2_000):
        nodes, claims = small_problem(random.Random(seed))
        admitted, rooms = admission(nodes, claims)
        minima = [claim.min_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
        maxima = [claim.max_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
        allocation = allocate(nodes, claims)
        assert list(allocation.admitted) == admitted, f"seed {seed}"
        assert list(allocation.alloc_w) == loop(nodes, claims, minima, maxima, rooms), f"seed {seed}"
        check_reasons(nodes, claims, allocation.alloc_w, allocation.admitted, allocation.limited_by)


@pytest.mark.parametrize("block", range(4))
def test_fill_is_the_definition(block: int) -> None:
    for seed in range(block * 2_000, block * 2_000 + 2_000):
        rng = random.Random(seed)
        nodes, claims = small_problem(rng)
        base = [rng.randint(0, 20) for _ in claims]
        upper = [rng.randint(0, 45) for _ in claims]
        rooms = left_of(nodes, claims, base)
        assert list(fill(nodes, claims, base, upper)) == loop(nodes, claims, base, upper, rooms), f"seed {seed}"


@pytest.mark.parametrize("block", range(4))
def test_fill_headroom_is_the_definition(block: int) -> None:
    for seed in range(block * 2_000, block * 2_000 + 2_000):
        rng = random.Random(seed)
        nodes, claims = small_problem(rng)
        base = [rng.randint(0, 20) for _ in claims]
        upper = [rng.randint(0, 45) for _ in claims]
        rooms: Rooms = {node.node_id: rng.choice([None, rng.randint(-3, 8), rng.randint(0, 60)]) for node in nodes}
        filled = fill_headroom(nodes, claims, base, upper, rooms)
        assert list(filled) == loop(nodes, claims, base, upper, rooms), f"seed {seed}"


# --- the certificate, on numbers as large as a station's --------------------------------------------------------------


def check_reasons(
    nodes: Sequence[Node],
    claims: Sequence[Claim],
    alloc_w: Sequence[int],
    admitted: Sequence[bool],
    limited_by: Sequence[str],
) -> None:
    """Check §4 word by word: feasible, paused = 0, and each reason is the first row that qualifies."""
    above = paths(nodes)
    left = left_of(nodes, claims, alloc_w)
    assert all(room is None or room >= 0 for room in left.values())
    share = [Fraction(x, claim.weight) for x, claim in zip(alloc_w, claims, strict=True)]
    before = [Fraction(x - 1, claim.weight) for x, claim in zip(alloc_w, claims, strict=True)]
    for i, claim in enumerate(claims):
        if not admitted[i]:
            assert alloc_w[i] == 0
            assert limited_by[i] == ("below_minimum" if claim.max_w < claim.min_w else "no_room")
            continue
        assert claim.min_w <= alloc_w[i] <= claim.max_w
        qualifying = [
            node.node_id
            for node in nodes
            if node.node_id in above[claim.node]
            and left[node.node_id] == 0
            and all(
                before[j] <= share[i]
                for j, other in enumerate(claims)
                if node.node_id in above[other.node] and alloc_w[j] > other.min_w
            )
        ]
        assert limited_by[i] == ("vehicle" if alloc_w[i] == claim.max_w else qualifying[0])


def check_filled(
    nodes: Sequence[Node],
    claims: Sequence[Claim],
    base: Sequence[int],
    upper: Sequence[int],
    rooms: Mapping[str, int | None],
    filled: Sequence[int],
) -> None:
    """Check that `filled` is what the loop ends with, without running it.

    The steps of the loop are the bases of a laminar matroid, and the loop picks the first in its order. A set of steps
    is that one exactly if it is feasible and whoever could still be raised comes after the last step of everybody in
    the lowest full row above him.
    """
    above = paths(nodes)
    below = {row: [i for i, claim in enumerate(claims) if row in above[claim.node]] for row in above}
    left: Rooms = {}
    for row, room in rooms.items():
        gained = sum(filled[i] - base[i] for i in below[row])
        left[row] = None if room is None else max(room, 0) - gained
        assert gained == 0 or room is None or gained <= room
    next_step = [(Fraction(filled[i], claim.weight), claim.rank) for i, claim in enumerate(claims)]
    last_step = [(Fraction(filled[i] - 1, claim.weight), claim.rank) for i, claim in enumerate(claims)]
    for i, claim in enumerate(claims):
        assert base[i] <= filled[i] <= max(base[i], upper[i])
        if filled[i] < upper[i]:
            lowest = next(row for row in above[claim.node] if left[row] == 0)
            assert all(last_step[j] < next_step[i] for j in below[lowest] if filled[j] > base[j])


def large_problem(rng: random.Random) -> Problem:
    """Return a station of up to 14 rows and 40 sessions, in watts, sometimes one long chain."""
    count = rng.randint(1, 14)
    chain = rng.random() < 0.2
    nodes = []
    for i in range(count):
        parent = None if not i or rng.random() < 0.05 else f"n{i - 1 if chain else rng.randrange(i)}"
        cap_w = None if rng.random() < 0.2 else rng.choice([rng.randint(0, 3_000_000), rng.randint(0, 400_000)])
        nodes.append(Node(f"n{i}", parent, 0 if rng.random() < 0.03 else cap_w))
    rng.shuffle(nodes)
    sessions = rng.randint(0, 40)
    ranks = rng.sample(range(100), sessions)
    weight_max = rng.choice([1, 1, 2, 7, 100])
    weight_unit = rng.choice([1, 100 // weight_max])
    least_w = rng.choice([0, 4_140, 30_000])
    claims = [
        Claim(
            session_id=f"s{i}",
            node=f"n{rng.randrange(count)}",
            min_w=rng.choice([0, least_w, rng.randint(0, least_w)]),
            max_w=rng.choice([0, 11_040, 50_000, 150_000, rng.randint(0, 350_000)]),
            weight=rng.randint(1, weight_max) * weight_unit,
            priority=rng.choice([0, 0, 0, 1, 5]),
            rank=ranks[i],
        )
        for i in range(sessions)
    ]
    return nodes, claims


@pytest.mark.parametrize("block", range(4))
def test_certificate_on_large_numbers(block: int) -> None:
    for seed in range(block * 500, block * 500 + 500):
        nodes, claims = large_problem(random.Random(seed))
        admitted, rooms = admission(nodes, claims)
        allocation = allocate(nodes, claims)
        assert list(allocation.admitted) == admitted, f"seed {seed}"
        check_reasons(nodes, claims, allocation.alloc_w, allocation.admitted, allocation.limited_by)
        minima = [claim.min_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
        maxima = [claim.max_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
        check_filled(nodes, claims, minima, maxima, rooms, allocation.alloc_w)


@pytest.mark.parametrize("block", range(4))
def test_fill_on_large_numbers(block: int) -> None:
    for seed in range(block * 500, block * 500 + 500):
        rng = random.Random(seed)
        nodes, claims = large_problem(rng)
        base = [rng.choice([0, 4_140, rng.randint(0, 200_000)]) for _ in claims]
        upper = [rng.choice([0, 50_000, rng.randint(0, 350_000)]) for _ in claims]
        rooms = left_of(nodes, claims, base)
        check_filled(nodes, claims, base, upper, rooms, fill(nodes, claims, base, upper))


def test_the_certificate_can_fail() -> None:
    nodes = [Node("grid", None, 100)]
    claims = [Claim("a", "grid", 0, 99, rank=0), Claim("b", "grid", 0, 99, rank=1)]
    check_filled(nodes, claims, [0, 0], [99, 99], {"grid": 100}, [50, 50])
    for unfair in ([51, 49], [49, 51], [50, 49], [51, 50]):
        with pytest.raises((AssertionError, StopIteration)):
            check_filled(nodes, claims, [0, 0], [99, 99], {"grid": 100}, unfair)
    check_filled(nodes, claims, [0, 0], [99, 99], {"grid": 99}, [50, 49])
    with pytest.raises(AssertionError):
        check_filled(nodes, claims, [0, 0], [99, 99], {"grid": 99}, [49, 50])


# --- what does not matter ---------------------------------------------------------------------------------------------


def test_the_order_of_the_lists_does_not_matter() -> None:
    for seed in range(500):
        rng = random.Random(seed)
        nodes, claims = large_problem(rng)
        allocation = allocate(nodes, claims)
        order = rng.sample(range(len(claims)), len(claims))
        permuted = allocate(nodes, [claims[i] for i in order])
        assert permuted.alloc_w == tuple(allocation.alloc_w[i] for i in order), f"seed {seed}"
        assert permuted.admitted == tuple(allocation.admitted[i] for i in order), f"seed {seed}"
        assert permuted.limited_by == tuple(allocation.limited_by[i] for i in order), f"seed {seed}"
        turned = allocate(nodes[::-1], claims)
        assert (turned.alloc_w, turned.admitted) == (allocation.alloc_w, allocation.admitted), f"seed {seed}"


def test_the_same_input_gives_the_same_output() -> None:
    for seed in range(200):
        nodes, claims = large_problem(random.Random(seed))
        copies = [replace(node) for node in nodes], [replace(claim) for claim in claims]
        assert allocate(nodes, claims) == allocate(*copies), f"seed {seed}"


def test_a_common_factor_of_the_weights_does_not_matter() -> None:
    for seed in range(200):
        nodes, claims = large_problem(random.Random(seed))
        heavier = [replace(claim, weight=3 * claim.weight) for claim in claims]
        assert allocate(nodes, claims) == allocate(nodes, heavier), f"seed {seed}"


def test_without_minima_allocate_is_fill_from_nothing() -> None:
    for seed in range(200):
        nodes, claims = large_problem(random.Random(seed))
        claims = [replace(claim, min_w=0) for claim in claims]
        filled = fill(nodes, claims, [0] * len(claims), [claim.max_w for claim in claims])
        assert allocate(nodes, claims).alloc_w == filled, f"seed {seed}"
