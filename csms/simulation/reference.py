"""What a fair share is, computed in the most obvious way: one level rises, full rows freeze their members.

Independent of the allocator: levels are found by bisection in whole watts, off by less than a watt for each session.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One session: its rows, innermost first, its least and most power, its rank; `is_held`: cannot be told 0."""

    name: str
    rows: tuple[str, ...]
    min_w: int
    max_w: int
    rank: int
    is_held: bool = False


def fair_shares(claims: Sequence[Claim], room_w: Mapping[str, int]) -> dict[str, int]:
    """Return each session's max-min fair share, W; rows that `room_w` does not name are unlimited."""
    admitted: list[Claim] = []
    for claim in sorted(claims, key=lambda each: (not each.is_held, each.rank)):
        tried = [*admitted, claim]
        if claim.max_w >= claim.min_w and _fits({each.name: each.min_w for each in tried}, tried, room_w):
            admitted = tried
    shares = {claim.name: 0 for claim in claims}
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


def _at(admitted: Sequence[Claim], frozen: Mapping[str, int], level: int) -> dict[str, int]:
    return {each.name: frozen.get(each.name, min(max(level, each.min_w), each.max_w)) for each in admitted}


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
