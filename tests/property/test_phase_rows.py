"""The allocator with limits per phase: against the certificate of x*, and the loop of whole watts one by one.

Everything here is written from ALLOCATOR.md §1–4 alone and shares nothing with the allocator but its input and output.
The certificate needs no solver: shares that are feasible, and of which each that is below its maximum is among the
highest in a row that is full, are the weighted max-min shares, and there is one such vector only.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest

from csms.core.allocator import Claim, Node, allocate, exact_shares, fill, fill_headroom, loads_of

Problem = tuple[list[Node], list[Claim]]
Loads = list[int]
Table = dict[str, tuple[int, Loads]]
"""Every limited row by its name, in the order of naming: what it carries, and what 1 W of each session is on it."""

BLOCKS = range(4)
LINES = ([1], [2], [3], [1, 2], [1, 3], [2, 3], [1, 2, 3], [1, 2, 3])


def table_of(nodes: Sequence[Node], claims: Sequence[Claim]) -> Table:
    """Return all rows of §1."""
    parents = {node.node_id: node.parent for node in nodes}

    def is_under(claim: Claim, row: str) -> bool:
        name: str | None = claim.node
        while name not in {None, row}:
            name = parents[name]
        return name == row

    table: Table = {}
    for node in nodes:
        below = [is_under(claim, node.node_id) for claim in claims]
        if node.cap_w is not None:
            table[node.node_id] = node.cap_w, [int(each) for each in below]
        for line, current_ma in enumerate(node.phase_ma or ()):
            loads = [claim.loads[line] * each for claim, each in zip(claims, below, strict=True)]
            table[f"{node.node_id}/L{line + 1}"] = int(Fraction(6 * node.voltage_v * current_ma, 1000)), loads
    return table


def used(loads: Loads, amounts: Sequence[int | Fraction]) -> int | Fraction:
    """Return what the amounts are on a row."""
    return sum((load * amount for load, amount in zip(loads, amounts, strict=True)), 0)


def admission(table: Table, claims: Sequence[Claim]) -> list[bool]:
    """Return who is admitted (§2)."""
    minima = [0] * len(claims)
    admitted = [False] * len(claims)
    for i in sorted(range(len(claims)), key=lambda i: (-claims[i].priority, claims[i].rank)):
        tried = [*minima[:i], claims[i].min_w, *minima[i + 1 :]]
        fits = all(used(loads, tried) <= cap for cap, loads in table.values())
        if fits and claims[i].max_w >= claims[i].min_w:
            minima, admitted[i] = tried, True
    return admitted


def binding(table: Table, shares: Sequence[Fraction], weights: Sequence[int], base: Sequence[int], i: int) -> list[str]:
    """Return the rows that are full and in which nobody who was raised stands higher than session i (§4)."""
    return [
        name
        for name, (cap, loads) in table.items()
        if loads[i]
        and used(loads, shares) == cap
        and all(
            not loads[j] or shares[j] == base[j] or shares[j] / weights[j] <= shares[i] / weights[i]
            for j in range(len(shares))
        )
    ]


def loop(
    table: Table, weights: Sequence[int], ranks: Sequence[int], start: Sequence[int], upper: Sequence[int]
) -> list[int]:
    """Return what raising by 1 W, smallest (x/weight, rank) first, ends with (§3)."""
    amounts = list(start)
    raisable = {i for i in range(len(start)) if start[i] < upper[i]}
    while raisable:
        i = min(raisable, key=lambda i: (Fraction(amounts[i], weights[i]), ranks[i]))
        raised = [*amounts[:i], amounts[i] + 1, *amounts[i + 1 :]]
        if all(not loads[i] or used(loads, raised) <= cap for cap, loads in table.values()):
            amounts = raised
        else:
            raisable.remove(i)
        if amounts[i] == upper[i]:
            raisable.discard(i)
    return amounts


def small_problem(rng: random.Random) -> Problem:
    """Return up to 5 nodes and 6 sessions, with limits of a few watts and of odd numbers of sixths."""
    nodes = []
    for i in range(rng.randint(1, 5)):
        cap_w = rng.choice([None, None, rng.randint(0, 60), rng.randint(0, 25)])
        most_ma = rng.choice([2_000, 9_000, 30_000])
        phase_ma = None if i and rng.random() < 0.3 else (rng.randint(0, most_ma), most_ma, rng.randint(0, most_ma))
        parent = f"n{rng.randrange(i)}" if i and rng.random() < 0.95 else None
        nodes.append(Node(f"n{i}", parent, cap_w, phase_ma, rng.choice([1, 1, 3])))
    rng.shuffle(nodes)
    weight_max = rng.choice([1, 1, 2, 5, 100])
    claims = [
        Claim(
            session_id=f"s{i}",
            node=f"n{rng.randrange(len(nodes))}",
            min_w=rng.choice([0, 0, rng.randint(0, 8)]),
            max_w=rng.randint(0, rng.choice([8, 45])),
            weight=rng.randint(1, weight_max),
            priority=rng.choice([0, 0, 1]),
            rank=rank,
            loads=rng.choice([loads_of(rng.choice(LINES)), (6, 6, 6), (0, 6, 6)])
            if rng.random() < 0.2
            else loads_of(rng.choice(LINES)),
        )
        for i, rank in enumerate(rng.sample(range(-5, 20), rng.randint(1, 6)))
    ]
    return nodes, claims


def large_problem(rng: random.Random) -> Problem:
    """Return a site of up to 9 nodes and 14 cars in amperes and watts as they are, at 230 V."""
    nodes = [Node("n0", None, rng.choice([None, 150_000]), (rng.choice([63_000, 160_000]),) * 3)]
    for i in range(1, rng.randint(1, 9)):
        phase_ma = rng.choice([None, (32_000,) * 3, (16_000, 20_000, 16_000), (125_000,) * 3])
        nodes.append(Node(f"n{i}", f"n{rng.randrange(i)}", rng.choice([None, 22_080, 60_000]), phase_ma))
    weight_max = rng.choice([1, 1, 3, 100])
    claims = [
        Claim(
            session_id=f"s{i}",
            node=f"n{rng.randrange(len(nodes))}",
            min_w=230 * rng.choice([0, 6 * len(lines)]),
            max_w=rng.choice([230 * 32 * len(lines), rng.randint(0, 22_080)]),
            weight=rng.randint(1, weight_max),
            rank=i,
            loads=loads_of(lines),
        )
        for i, lines in enumerate(rng.choice(LINES) for _ in range(rng.randint(1, 14)))
    ]
    return nodes, claims


def check(nodes: Sequence[Node], claims: Sequence[Claim], where: str) -> None:
    """Check admission, x* by its certificate, the loop of whole watts from there, and each reason."""
    table = table_of(nodes, claims)
    admitted = admission(table, claims)
    allocation, shares = allocate(nodes, claims), exact_shares(nodes, claims)
    assert list(allocation.admitted) == admitted, where
    base = [claim.min_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
    upper = [claim.max_w if runs else 0 for claim, runs in zip(claims, admitted, strict=True)]
    weights, ranks = [claim.weight for claim in claims], [claim.rank for claim in claims]

    assert all(used(loads, shares) <= cap for cap, loads in table.values()), where
    assert all(low <= share <= high for low, share, high in zip(base, shares, upper, strict=True)), where
    certified = [binding(table, shares, weights, base, i) for i in range(len(claims))]
    assert all(rows or share == high for rows, share, high in zip(certified, shares, upper, strict=True)), where

    least = min([weight for weight, runs in zip(weights, admitted, strict=True) if runs], default=1)
    start = [
        max(low, ceil(share - Fraction(weight, least)))
        for low, share, weight in zip(base, shares, weights, strict=True)
    ]
    assert list(allocation.alloc_w) == loop(table, weights, ranks, start, upper), where

    for i, reason in enumerate(allocation.limited_by):
        refusing = [
            name
            for name, (cap, loads) in table.items()
            if loads[i] and used(loads, allocation.alloc_w) + loads[i] > cap
        ]
        if not admitted[i]:
            assert reason == ("below_minimum" if claims[i].max_w < claims[i].min_w else "no_room"), where
        elif allocation.alloc_w[i] == upper[i]:
            assert reason == "vehicle", where
        else:
            assert refusing, f"{where}: not maximal"
            assert reason == (certified[i] if shares[i] < upper[i] else refusing)[0], where


@pytest.mark.parametrize("block", BLOCKS)
def test_small_numbers(block: int) -> None:
    for seed in range(block * 400, block * 400 + 400):
        check(*small_problem(random.Random(seed)), f"seed {seed}")


@pytest.mark.parametrize("block", BLOCKS)
def test_a_site_in_amperes(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        nodes, claims = large_problem(random.Random(seed))
        check(nodes, claims, f"seed {seed}")
        shares, least = exact_shares(nodes, claims), min(claim.weight for claim in claims)
        for claim, share, power_w in zip(claims, shares, allocate(nodes, claims).alloc_w, strict=True):
            assert share - Fraction(claim.weight, least) <= power_w < share + 3, f"seed {seed}: the interval of §3"


def test_the_certificate_can_fail() -> None:
    # a car on L1 and one on all three, 60 sixths on each phase: 7.5 each, and nothing else is certified
    nodes = [Node("grid", None, None, (10_000, 10_000, 10_000), 1)]
    claims = [Claim("a", "grid", 0, 99, rank=0, loads=(6, 0, 0)), Claim("b", "grid", 0, 99, rank=1)]
    table = table_of(nodes, claims)
    for on_a, certified in ((Fraction(15, 2), True), (Fraction(7), False), (Fraction(8), False)):
        shares = [on_a, (60 - 6 * on_a) / 2]
        assert all(binding(table, shares, [1, 1], [0, 0], i) for i in (0, 1)) is certified
    assert not binding(table, [Fraction(7), Fraction(7)], [1, 1], [0, 0], 0), "a row that is not full"


@pytest.mark.parametrize("block", BLOCKS)
def test_fill_is_an_allocation_from_its_base(block: int) -> None:
    """Rooms, caps less the base and headrooms are one thing; over a cap it takes no more."""
    for seed in range(block * 200, block * 200 + 200):
        rng = random.Random(seed)
        nodes, claims = small_problem(rng)
        base, upper = [rng.randint(0, 9) for _ in claims], [rng.randint(0, 45) for _ in claims]
        table = table_of(nodes, claims)
        rooms = {name: cap - int(used(loads, base)) for name, (cap, loads) in table.items()}
        unlimited: dict[str, int | None] = {node.node_id: None for node in nodes if node.cap_w is None}
        filled = fill(nodes, claims, base, upper)
        assert fill_headroom(nodes, claims, base, upper, unlimited | rooms) == filled, f"seed {seed}"
        for name, (cap, loads) in table.items():
            assert used(loads, filled) <= max(cap, used(loads, base)), f"seed {seed}: {name}"
        for i, (low, high) in enumerate(zip(base, upper, strict=True)):
            assert low <= filled[i] <= max(low, high)
            refusing = [cap for cap, loads in table.values() if loads[i] and used(loads, filled) + loads[i] > cap]
            assert refusing or filled[i] >= high, f"seed {seed}: not maximal"
        wide = {name: room + 9 * 10**6 for name, room in rooms.items()}
        assert fill_headroom(nodes, claims, base, upper, unlimited | wide) == tuple(
            max(low, high) for low, high in zip(base, upper, strict=True)
        )
        # from bases that are minima it is the allocation
        runs = [replace(c, min_w=low, max_w=max(low, high)) for c, low, high in zip(claims, base, upper, strict=True)]
        allocation = allocate(nodes, runs)
        if all(allocation.admitted):
            assert allocation.alloc_w == filled, f"seed {seed}"


def test_phases_that_never_bind_change_no_watt() -> None:
    """The same numbers from the tree of watts and from rows: two ways to compute them that share nothing."""
    for seed in range(400):
        nodes, claims = small_problem(random.Random(seed))
        watts = [replace(node, phase_ma=None) for node in nodes]
        wide = [replace(node, phase_ma=(10**6, 10**6, 10**6)) for node in nodes]
        on_tree, on_rows = allocate(watts, claims), allocate(wide, claims)
        assert (on_rows.alloc_w, on_rows.admitted) == (on_tree.alloc_w, on_tree.admitted), f"seed {seed}"


def test_the_order_of_the_lists_does_not_matter() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        nodes, claims = rng.choice([small_problem, large_problem])(rng)
        allocation, shares = allocate(nodes, claims), exact_shares(nodes, claims)
        order = rng.sample(range(len(claims)), len(claims))
        permuted = allocate(nodes, [claims[i] for i in order])
        assert permuted.alloc_w == tuple(allocation.alloc_w[i] for i in order), f"seed {seed}"
        assert permuted.limited_by == tuple(allocation.limited_by[i] for i in order), f"seed {seed}"
        assert exact_shares(nodes, [claims[i] for i in order]) == tuple(shares[i] for i in order), f"seed {seed}"
        turned = allocate(nodes[::-1], claims)
        assert (turned.alloc_w, turned.admitted) == (allocation.alloc_w, allocation.admitted), f"seed {seed}"
        heavier = allocate(nodes, [replace(claim, weight=3 * claim.weight) for claim in claims])
        assert heavier == allocation, f"seed {seed}: a common factor of the weights"
