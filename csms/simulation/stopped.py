"""Who has less than it wants in the calm has it because a row above it is full (LEDGER.md I10).

That is judged where fair shares are not computed anew: with fuses that are limited on each phase, and of the grid
connection in worlds with energy, whose capacity rests on a battery, a meter and the hour. There a charger that was not
seen to let limits expire may have what is firm alone.
"""

from collections import Counter
from collections.abc import Sequence

from csms.core.commands import Purpose, RateUnit
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import GRID, Charger, Station
from csms.simulation.host import Controller
from csms.simulation.judge import Judge
from csms.simulation.reference import Claim
from csms.simulation.supplies import Supplies
from csms.simulation.trace import ViolationError
from csms.simulation.truth import booked_on
from csms.simulation.wiring import BALANCED, SIXTHS

TRIM_STEPS = 100
"""A trim is taken off in steps of 0.5 % of its row, and may be given back one step late."""

HELD_PERCENT = 15
"""While a battery's energy runs short, targets count on 0.9 of its power, in steps of 5 % (ALLOCATOR.md §7)."""


def key_of(claim: Claim) -> ConnectorKey:
    """Return the connector of a claim."""
    charger_id, idx = claim.name.split("#")
    return ConnectorKey(ChargerId(charger_id), int(idx))


def limit_of_w(judge: Judge, key: ConnectorKey) -> int:
    """Return the limit of what runs at a connector, W: the last one of its own, else the default."""
    charger = judge.mirror.chargers[key.charger_id]
    connector = charger.connectors[key.idx]
    own = [each.limit_w for each in judge.changes if (each.key, each.transaction_id) == (key, connector.open_id)]
    defaults = [send.limit_w for send in charger.defaults]
    return [0, *defaults, *own][-1]


def dead_band_w(charger: Charger, power_w: int) -> int:
    """Return by how much less than its share nobody is raised for, W (LEDGER.md §2)."""
    return max(3_000, power_w * 3 // 100) if charger.is_dc else charger.voltage_v * charger.phases // 2


def step_of_w(judge: Judge, key: ConnectorKey, charger: Charger) -> int:
    """Return a step of rounding at a connector, W: a whole ampere where it is told amperes."""
    known = judge.mirror.chargers[key.charger_id]
    sends = (*known.connectors[key.idx].sends, *known.defaults)
    in_amperes = any(send.form.unit is RateUnit.A for send in sends)
    return charger.voltage_v * charger.phases if in_amperes else 1


def shows_what_it_wants(claim: Claim, judge: Judge) -> bool:
    """Return whether the core can know of a car that it draws all that it may.

    One that uses fewer phases than its charger has draws a part of each limit, as one does that wants little: its
    charger has to tell its phases, and it has to keep to them.
    """
    key = key_of(claim)
    model = judge.chargers[key.charger_id]
    car = model.outlets[key.idx - 1].car
    return car is None or model.phased is None or car.used == model.phased.wiring.own or model.tells_phases(car)


def _beyond_thirds(row: str, judge: Judge, station: Station) -> int:
    """Return what limits and defaults in watts at chargers of three phases are on a phase beyond what can flow there.

    They are shared out as if a car could have all of them on one phase (docs/adr/0042), a third of its charger's
    maximum and more.
    """
    beyond = 0
    for charger in station.chargers:
        if row in judge.truth.rows.phases_of(charger.charger_id) and charger.phases > 1:
            known = judge.mirror.chargers[charger.charger_id]
            told_w = 0
            for connector in known.connectors.values():
                sends = [send for send in (*connector.sends[-1:], *known.defaults) if send.form.unit is RateUnit.W]
                told_w += max((send.limit_w for send in sends), default=0)
            beyond += max(0, SIXTHS * told_w - BALANCED * charger.max_power_w)
    return beyond


def check_stopped(claims: Sequence[Claim], judge: Judge, engine: Controller, station: Station) -> None:
    """Judge that who has less than it wants has it because a row above it is full, of watts or of a phase.

    What a limit is on a phase depends on what is known of its car: shares there are not computed anew, but room that is
    left for one who waits is found. A row is full when it has no room for the dead bands and steps of rounding of all
    that wait there, who share it, or for the least of one that has nothing.
    """
    together = Counter[tuple[str, bool]]()
    for claim in claims:
        key, is_free = key_of(claim), _is_free(claim, judge)
        for row in judge.truth.rows.of(key.charger_id):
            together[row, is_free] += _needed_w(claim, judge, station) * _weight_of(row, key, judge, station)
    for claim in claims:
        key, needed_w = key_of(claim), _needed_w(claim, judge, station)
        starves = limit_of_w(judge, key) < claim.min_w
        booked: dict[str, list[tuple[int, int]]] = {}
        full = not needed_w
        for row in judge.truth.rows.of(key.charger_id):
            own = needed_w * _weight_of(row, key, judge, station)
            needed = own if starves else together[row, _is_free(claim, judge)]
            booked[row] = _loads_of(row, key, judge, engine, station)
            full = full or any(taken + needed + has // TRIM_STEPS > has for taken, has in booked[row])
        if not full:
            told = f"{claim.name} has a limit of {limit_of_w(judge, key)} of {claim.max_w} W"
            raise ViolationError(f"I10: {told}, and there is room: {booked}")


def _is_free(claim: Claim, judge: Judge) -> bool:
    return judge.supplies is not None and may_be_conditional(judge.supplies, judge, key_of(claim))


def _loads_of(row: str, key: ConnectorKey, judge: Judge, engine: Controller, station: Station) -> list[tuple[int, int]]:
    """Return what is taken of a row for a connector, and what it carries, W or sixths of a watt; nothing: anything."""
    if row == GRID and judge.supplies is not None:
        is_free = may_be_conditional(judge.supplies, judge, key)
        return _of_the_grid_w(judge.supplies, engine, is_free=is_free)
    capacity = judge.truth.rows.capacity(row)
    return [] if capacity is None else [(booked_on(engine, row) + _beyond_thirds(row, judge, station), capacity)]


def _weight_of(row: str, key: ConnectorKey, judge: Judge, station: Station) -> int:
    """Return what 1 W at a connector is on a row: 1, or sixths of a watt on the row of a phase."""
    if row not in judge.truth.rows.phases:
        return 1
    charger, sends = _charger(key, station), judge.mirror.chargers[key.charger_id].connectors[key.idx].sends
    in_amperes = any(send.form.unit is RateUnit.A for send in sends) or charger.is_dc
    return BALANCED if in_amperes and charger.phases != 1 else SIXTHS


def _charger(key: ConnectorKey, station: Station) -> Charger:
    return next(each for each in station.chargers if each.charger_id == key.charger_id)


def _needed_w(claim: Claim, judge: Judge, station: Station) -> int:
    """Return what has to be free for one to be raised, W; 0 where it has what it wants."""
    key = key_of(claim)
    charger = _charger(key, station)
    limit_w, step_w = limit_of_w(judge, key), step_of_w(judge, key, charger) + 10
    needed_w = dead_band_w(charger, claim.max_w) + step_w
    if limit_w + needed_w >= claim.max_w:
        return 0
    return claim.min_w - limit_w + step_w if limit_w < claim.min_w else needed_w


def may_be_conditional(supplies: Supplies, judge: Judge, key: ConnectorKey) -> bool:
    """Return whether a connector may have more than what is firm: its charger was seen to let such limits expire."""
    sends = judge.mirror.chargers[key.charger_id].connectors[key.idx].sends
    return key.charger_id in supplies.keeping and bool(sends) and sends[-1].purpose is Purpose.TX


def _of_the_grid_w(supplies: Supplies, engine: Controller, *, is_free: bool) -> list[tuple[int, int]]:
    """Return what is taken of the grid connection, and what of it a charger may have, W: now, and firmly.

    What a battery takes is not: it takes what no car needs. What its energy is held back for may be left.
    """
    root, now, bound = supplies.root, supplies.now, engine.firm_bounds()[GRID]
    assert root is not None, "the server is up"
    held_w = root.granted_w(now) * HELD_PERCENT // 100
    loads = [(engine.node_booked_w(GRID) - root.taking_w, (engine.node_capacity_w(GRID) or 0) - held_w)]
    if not is_free and bound.expired_w is not None:
        loads.append((bound.expired_w - root.taking_w, root.firm_w(now)))
    return loads
