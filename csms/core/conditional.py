"""Conditional power: what a row can carry now and cannot carry firmly (LEDGER.md I11).

Theory of operation. A row whose capacity may fall while this process is not there (a battery, a meter, a time of day)
has two capacities: what it carries now, and what it carries *firmly*. Limits are given by the first, and each of them
says itself what is left of it five minutes after it was last said: its *firm share*. So every connector is booked
twice: K as ever, and K when all that expires has. Σ of the first stays within the capacity, Σ of the second within the
firm one, and a raise of either needs room that others have really given back.

    firm target   the same allocation on the firm capacities
    firm grant    the same filling, from what is booked firmly, within the firm head room

A car may have all its power conditionally at once, and its firm share later, when others that have more were told less.
Who cannot be told a limit that expires (it was not seen to keep one) gets firm power alone. Who has more already when
that is not known yet, after a restart or when a lower capacity was told of, keeps it until it has shown it, but not for
long. A REST client is told what it falls back to when it hears nothing for a minute, and is taken by its word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from csms.core.allocator import Allocation, Claim, fill_headroom
from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.demand import dead_band_w
from csms.core.expiry import SEEN_WITHIN_MS, is_to_be_seen, may_be_conditional, may_be_trusted
from csms.core.ladder import least_w
from csms.core.records import Driver, SendState
from csms.core.session import Session
from csms.core.state import State
from csms.core.station import FailSafe
from csms.core.terms import PRIORITY_MAX

Part = tuple[ChargerState, Connector, Session]


@dataclass(frozen=True, slots=True)
class Firm:
    """What a session has and should have when all limits that expire have, W.

    Attributes:
        booked_w: K of its connector then.
        target_w: its share of the firm capacity.
        grant_w: what may be booked for it firmly now; not below `booked_w`.
    """

    booked_w: int
    target_w: int
    grant_w: int

    @property
    def next_w(self) -> int:
        """Return what should be left of a limit that is said now."""
        return self.target_w if self.target_w < self.booked_w else self.grant_w


def is_conditional(part: Part) -> bool:
    """Return whether a session may be told power that it has to give back by itself."""
    charger, connector, session = part
    return session.driver is Driver.REST or may_be_conditional(charger, connector)


def within_firm(part: Part, claim: Claim, firm_w: int, now_ms: int) -> Claim:
    """Return what a session may ask of the capacity that there is now, its share of the firm one being `firm_w`."""
    charger, connector, _ = part
    unseen = is_unseen(part)
    if claim.max_w <= firm_w or (is_conditional(part) and not unseen):
        return claim
    booked_w, is_seen = charger.connector_booked_w(connector), _is_being_seen(part, now_ms)
    kept_w = booked_w if is_seen else 0
    least_w = least_to_see_w(part, claim) if unseen else 0
    if not is_seen and booked_w >= least_w:
        least_w = 0  # it has had it, and did not show it
    return replace(claim, max_w=min(claim.max_w, max(firm_w, kept_w, least_w)))


def least_to_see_w(part: Part, claim: Claim) -> int:
    """Return what a session is told at least for its charger to show that it expires, W: more than its default.

    A limit does not fall below that.
    """
    charger, _, _ = part
    default_w = charger.defaults.power_w
    beyond_w = default_w + dead_band_w(charger.config, default_w) if default_w else 0
    return min(claim.max_w, max(claim.min_w, least_w(charger.config, charger.manner.form), beyond_w))


def is_unseen(part: Part) -> bool:
    """Return whether it is not known whether a session's limits expire; of a client over REST it is."""
    charger, connector, session = part
    return session.driver is not Driver.REST and is_to_be_seen(charger, connector)


def trusted(state: State, parts: Sequence[Part], claims: Sequence[Claim], grants: Sequence[int]) -> int | None:
    """Return which of those who take part is to be told more than is firm, to show that it expires; None: nobody now.

    The first of them that has nothing; `grants`: what could be booked for each now.
    """
    if any(charger.shows_expiry for charger in state.chargers.values()):
        return None
    for i, (part, claim, grant_w) in enumerate(zip(parts, claims, grants, strict=True)):
        charger, connector, _ = part
        if (
            is_unseen(part)
            and may_be_trusted(charger)
            and grant_w >= least_to_see_w(part, claim) > charger.connector_booked_w(connector)
        ):
            return i
    return None


def _is_being_seen(part: Part, now_ms: int) -> bool:
    """Return whether it is to show soon that its limits expire: within 90 s of the first one that does."""
    charger, connector, session = part
    last = connector.limits.last_of(session.transaction_id)
    if last is None or last.state is SendState.REFUSED or not is_to_be_seen(charger, connector):
        return False
    asked_ms = charger.provisioning.asked_ms
    return asked_ms is None or now_ms < asked_ms + SEEN_WITHIN_MS


def firm_claim(part: Part, claim: Claim) -> Claim:
    """Return what a session asks of what is firm: before others, if it can have nothing else, where not all minima fit.

    So a charger whose limits were not seen to expire yet is told one, which shows it. What cannot be paused goes first.
    What falls to the fail-safe power when it expires (mode `expire`) has no use for more.
    """
    charger, _, session = part
    if session.driver is Driver.OCPP and is_conditional(part) and charger.config.fail_safe is FailSafe.EXPIRE:
        claim = replace(claim, max_w=min(claim.max_w, max(claim.min_w, charger.config.fail_safe_power_w)))
    first = 2 if claim.priority > PRIORITY_MAX else 0 if is_conditional(part) else 1
    return replace(claim, priority=claim.priority % (PRIORITY_MAX + 1) + first * (PRIORITY_MAX + 1))


def firm_shares(
    state: State, parts: Sequence[Part], claims: Sequence[Claim], firm: Allocation, fixed_w: dict[str, int]
) -> tuple[Firm, ...]:
    """Return the firm side of each session; `fixed_w`: what is taken off each row that is for nobody yet."""
    booked = [charger.connector_firm_w(connector) for charger, connector, _ in parts]
    targets = list(firm.alloc_w)
    taken_w = state.tree.firm_booked_w(state.chargers.values())
    # No phase has conditional power: there a limit that may be given now may be given for good.
    rooms_w: dict[str, int | None] = dict.fromkeys((*state.tree.caps_w, *state.tree.phase_caps))
    for node, firm_w in state.tree.firm_w.items():
        rooms_w[node] = max(0, firm_w - taken_w[node] - fixed_w.get(node, 0))
    for charger in state.chargers.values():
        if charger.is_asserting:
            rooms_w |= {node: 0 for node in state.tree.paths[charger.charger_id] if node in state.tree.firm_w}
    upper = [max(booked_w, target_w) for booked_w, target_w in zip(booked, targets, strict=True)]
    grants = fill_headroom(state.tree.nodes, list(claims), booked, upper, rooms_w)
    return tuple(Firm(*each) for each in zip(booked, targets, grants, strict=True))
