"""When a send is settled and when it is freed: rules (b), (c) and §4 of LEDGER.md, as early as they allow."""

from csms.core.commands import ClearLimits, Purpose
from csms.core.events import ConnectorStatus
from csms.core.ids import Token
from csms.core.station import Charger
from csms.simulation.heard import HeardCharger, HeardConnector, HeardSend

LATE_MS = 60_000
FRESH_MS = 15_000
SETTLE_MS = 10_000
ZOMBIE_MS = 60_000
ASSERT_MS = 15_000
NO_CAR_DRAWS = frozenset(
    {
        ConnectorStatus.AVAILABLE,
        ConnectorStatus.PREPARING,
        ConnectorStatus.FINISHING,
        ConnectorStatus.RESERVED,
        ConnectorStatus.UNAVAILABLE,
        ConnectorStatus.FAULTED,
    }
)


def free_tx(charger: Charger, connector: HeardConnector, now_ms: int, *, keeps_tx: bool) -> None:
    """Settle and free the limits of one connector's transactions: rules (b) and (c).

    At a charger that keeps its TxProfiles the end of a transaction frees nothing: a clearing does (§4).
    """
    is_fresh = connector.sample_w is not None and connector.sample_ms + FRESH_MS >= now_ms
    zombie = is_zombie(connector, now_ms)
    for send in connector.sends:
        if send.accepted_ms is None or send.settled:
            continue
        low = connector.sample_w is not None and connector.sample_w <= send.limit_w + tolerance_w(charger, send)
        waited = now_ms >= max(send.accepted_ms, send.above_ms) + SETTLE_MS
        no_car = connector.open_id is None or connector.open_id in connector.ended or zombie
        send.settled = no_car or waited or (is_fresh and low) or _has_no_effect(connector, send)
    connector.limited |= {s.transaction_id for s in connector.sends if s.settled and s.transaction_id is not None}
    kept = superseded(connector.sends)
    connector.sends = [
        send
        for send in kept
        if keeps_tx
        or send.purpose is Purpose.DEFAULT
        or not ((send.transaction_id in connector.ended or zombie) and _is_harmless(send, now_ms))
    ]


def settle_defaults(charger: HeardCharger, now_ms: int) -> None:
    """Settle the Accepted defaults of a charger: one that is no cut at once, else when every car has followed it."""
    highest_w = 0
    for send in charger.defaults:
        if send.accepted_ms is not None and not send.settled:
            is_cut = send.limit_w < highest_w
            send.settled = not is_cut or all(
                _has_followed(charger.charger, connector, send, now_ms) for connector in charger.connectors.values()
            )
        highest_w = max(highest_w, send.limit_w)


def _has_followed(charger: Charger, connector: HeardConnector, default: HeardSend, now_ms: int) -> bool:
    """Return whether no car draws more than a default at a connector, or one has a limit of its own."""
    no_car = connector.open_id is None or connector.open_id in connector.ended or is_zombie(connector, now_ms)
    own = connector.open_id in connector.limited
    if no_car or own or default.accepted_ms is None:
        return True
    is_fresh = connector.sample_w is not None and connector.sample_ms + FRESH_MS >= now_ms
    low = is_fresh and (connector.sample_w or 0) <= default.limit_w + tolerance_w(charger, default)
    return low or now_ms >= default.accepted_ms + SETTLE_MS


def is_zombie(connector: HeardConnector, now_ms: int) -> bool:
    """Return whether a transaction may count as over by now because its connector is Available."""
    return connector.available_since_ms is not None and now_ms >= connector.available_since_ms + ZOMBIE_MS


def _has_no_effect(connector: HeardConnector, send: HeardSend) -> bool:
    """Return whether a default stands beside a settled TxProfile of the transaction that runs."""
    own = (o for o in connector.sends if o.purpose is Purpose.TX and o.transaction_id == connector.open_id)
    return send.purpose is Purpose.DEFAULT and any(other.settled for other in own)


def clearable(charger: HeardCharger, command: ClearLimits, now_ms: int) -> set[Token]:
    """Return the sends that a clearing takes out of force once it is answered.

    TxProfiles of a connector by rule (d); of a clearing of defaults at one stack level those at that level.
    """
    if command.purpose is Purpose.DEFAULT:
        meant = [send for idx, each in charger.connectors.items() if command.idx in {None, idx} for send in each.sends]
        meant = [*(charger.defaults if command.idx is None else ()), *meant]
        mine = (send for send in meant if send.purpose is Purpose.DEFAULT)
        return {s.token for s in mine if s.form.stack_level == command.stack_level and _is_harmless(s, now_ms)}
    connector = None if command.idx is None else charger.connectors.get(command.idx)
    if connector is None:
        return set()
    return {send.token for send in connector.sends if send.purpose is Purpose.TX and _is_harmless(send, now_ms)}


def hand_over(connector: HeardConnector, transaction_id: int, now_ms: int) -> None:
    """Bind what may still be executed to a newer transaction on the connector: it goes with that one (rule c)."""
    for send in connector.sends:
        if send.purpose is Purpose.TX and not _is_harmless(send, now_ms):
            send.transaction_id = transaction_id


def superseded(sends: list[HeardSend]) -> list[HeardSend]:
    """Return the sends that rule (b) leaves in force, oldest first."""
    if not any(send.settled for send in sends[1:]):
        return sends  # as nearly everywhere: this is asked most of all
    kept: list[HeardSend] = []
    for position, send in enumerate(sends):
        later = [other for other in sends[position + 1 :] if other.settled and other.purpose is send.purpose]
        if not any(_frees(other, send) for other in later):
            kept.append(send)
    return kept


def _is_harmless(send: HeardSend, now_ms: int) -> bool:
    return send.answered or (send.lost_ms is not None and now_ms >= send.lost_ms + LATE_MS)


def may_be_provisioned(charger: HeardCharger, connector: HeardConnector) -> bool:
    """Return whether one reading of LEDGER.md §4 calls a connector provisioned now."""
    ours = [send for send in charger.defaults if send.accepted_ms is not None]
    if not ours or charger.is_default_due:
        return False
    level = ours[-1].form.stack_level
    asked = {stack for idx, stack in charger.cleared if idx is None}
    indexed = {idx for idx, stack in charger.cleared if stack == level and idx is not None}
    levels = all(stack in asked for stack in range(charger.top_level + 1) if stack != level)
    places = all(idx in indexed for idx in charger.connectors)
    if not (levels and places) and not charger.was_cleared:
        return False
    steered = connector.open_id is not None and connector.open_id in connector.limited
    return not connector.statuses or not NO_CAR_DRAWS.isdisjoint(connector.statuses) or steered


def may_have_gone(charger: HeardCharger, default: HeardSend) -> bool:
    """Return whether a lost default may have gone with a clearing of its stack level that has left since."""
    return default.lost_ms is not None and charger.clearings.get(default.form.stack_level, 0) > default.token


def _frees(later: HeardSend, earlier: HeardSend) -> bool:
    """Return whether a settled send frees an earlier one: answered before it left, or lost H before it left.

    One at a higher stack level prevails over it as long as that level was not cleared (§3.13.2).
    """
    if earlier.form.stack_level > later.form.stack_level and not earlier.level_cleared:
        return False
    if earlier.answered_ms is not None and earlier.answered_ms <= later.left_ms:
        return True
    return earlier.lost_ms is not None and later.left_ms >= earlier.lost_ms + LATE_MS


def tolerance_w(charger: Charger, send: HeardSend) -> int:
    """Return how far above a limit a car may be metered and still count as obeying, W (LEDGER.md §6)."""
    least_w = 1_000 if charger.is_dc else charger.voltage_v * max(charger.phases, 1) // 2
    return max(send.limit_w * 2 // 100, least_w)
