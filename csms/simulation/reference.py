"""What a fair share is, computed in the most obvious way: one level rises, full rows freeze their members.

Independent of the allocator: levels are found by bisection in whole watts, off by less than a watt
for each session and unit of weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One session: its rows, innermost first, its least and most power, its rank; `held_w`: it cannot be told less.

    `weight`: its share beside others; `place`: who comes before it whatever the rank.
    """

    name: str
    rows: tuple[str, ...]
    min_w: int
    max_w: int
    rank: int
    held_w: int = 0
    weight: int = 1
    place: tuple[int, ...] = ()


def fair_shares(claims: Sequence[Claim], room_w: Mapping[str, int]) -> dict[str, int]:
    """Return each session's weighted max-min fair share, W; rows that `room_w` does not name are unlimited.

    One that is not admitted takes what it cannot be told less than from all others.
    """
    stuck: list[Claim] = []
    while True:
        admitted = _admit([claim for claim in claims if claim not in stuck], room_w)
        more = [claim for claim in claims if claim.held_w and claim not in admitted and claim not in stuck]
        if not more:
            break
        stuck += more
        held = {row: sum(claim.held_w for claim in more if row in claim.rows) for row in room_w}
        room_w = {row: max(0, power_w - held[row]) for row, power_w in room_w.items()}
    shares = {claim.name: claim.held_w if claim in stuck else 0 for claim in claims}
    frozen: dict[str, int] = {}
    while len(frozen) < len(admitted):
        level = _highest_level(admitted, frozen, room_w)
        at_level = _at(admitted, frozen, level)
        above = _at(admitted, frozen, level + 1)
        full = {row for row, limit_w in room_w.items() if _sum(above, admitted, row) > limit_w}
        newly = [
            claim
            for claim in admitted
            if claim.name not in frozen and (full & set(claim.rows) or at_level[claim.name] >= claim.max_w)
        ]
        for claim in newly:
            frozen[claim.name] = at_level[claim.name]
        if not newly:
            break
    shares.update(frozen)
    return shares


def _admit(claims: Sequence[Claim], room_w: Mapping[str, int]) -> list[Claim]:
    admitted: list[Claim] = []
    for claim in sorted(claims, key=lambda each: (not each.held_w, each.place, each.rank)):
        tried = [*admitted, claim]
        if claim.max_w >= claim.min_w and _fits({each.name: each.min_w for each in tried}, tried, room_w):
            admitted = tried
    return admitted


def _at(admitted: Sequence[Claim], frozen: Mapping[str, int], level: int) -> dict[str, int]:
    shares = {each.name: min(max(level * each.weight, each.min_w), each.max_w) for each in admitted}
    return shares | dict(frozen)


def _sum(shares: Mapping[str, int], claims: Sequence[Claim], row: str) -> int:
    return sum(shares[claim.name] for claim in claims if row in claim.rows)


def _fits(shares: Mapping[str, int], claims: Sequence[Claim], room_w: Mapping[str, int]) -> bool:
    return all(_sum(shares, claims, row) <= limit_w for row, limit_w in room_w.items())


def _highest_level(admitted: Sequence[Claim], frozen: Mapping[str, int], room_w: Mapping[str, int]) -> int:
    low, high = 0, max(claim.max_w for claim in admitted)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(_at(admitted, frozen, middle), admitted, room_w):
            low = middle
        else:
            high = middle - 1
    return low
