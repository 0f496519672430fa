"""The calm end of a run, and what must have come of it (LEDGER.md I10).

Every car wants all it can get, nobody comes or goes, every charger is connected and polite. After H + 30 s and the
settling of each hop every car must have its fair share, nothing may stand idle, and limits must have stopped moving.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from csms.core.commands import Purpose
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.records import Driver, SessionStored
from csms.core.station import GRID, Charger, Control, Station
from csms.core.terms import Terms, standing
from csms.simulation.car import Car
from csms.simulation.charger import ChargerModel
from csms.simulation.faults import Kind
from csms.simulation.host import Controller
from csms.simulation.judge import Change, Judge
from csms.simulation.reference import Claim, fair_shares
from csms.simulation.stopped import (
    TRIM_STEPS,
    check_stopped,
    dead_band_w,
    key_of,
    limit_of_w,
    may_be_conditional,
    shows_what_it_wants,
    step_of_w,
)
from csms.simulation.supplies import Supplies
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import ViolationError
from csms.simulation.workoff import WORK_OFF_MS

TOLD_MS = (20_000, 60_000, 180_000)
"""So long after the weather a charger that takes no trigger tells its statuses: nobody can ask it."""

LATE = (Kind.LATE_EXECUTION, Kind.LATE_ANSWER, Kind.LATE_DELIVERY)

QUIET_END_MS = 60_000
"""Limits must not have moved for so long at the end of the calm."""

RESTED_MS = 150_000
"""H + 30 s and a minute: so long what a site has must have been about the same."""


def begin(around: Surroundings, models: list[ChargerModel]) -> None:
    """Turn the weather off: every car becomes hungry; those that slept or came before us go, some come."""
    around.calm = True
    for model in models:
        model.meter_mute_until_ms = model.silent_until_ms = 0
        if not model.can_be_triggered:
            for told_ms in TOLD_MS:
                around.clock.after(told_ms, model.tell_statuses)
        for outlet in model.outlets:
            is_foreign = outlet.transaction is not None and outlet.transaction.is_foreign
            if is_foreign or (outlet.car is not None and outlet.car.has_slept):
                model.unplug(outlet.idx)
            elif outlet.car is not None:
                outlet.car.wants_w = model.hardware_w
        free = [outlet.idx for outlet in model.outlets if outlet.transaction is None]
        for idx in free:
            if around.chance(0.5):
                delay_ms = around.rng.randint(5_000, 20_000)
                car = Car(model.hardware_w, model.hardware_w // 3 + 1, model.hardware_w // 5 + 1)
                around.clock.after(delay_ms, _plug(model, idx, car, around))


def _plug(model: ChargerModel, idx: int, car: Car, around: Surroundings) -> Callable[[], None]:
    return lambda: model.plug(idx, car, f"Tag{around.number('tag')}")


def check(judge: Judge, engine: Controller, now_ms: int, troubled: set[ChargerId]) -> int:
    """Judge the end of the calm; return how many sessions were compared with their fair share."""
    if not judge.turns.are_settled(now_ms):
        return 0
    station = judge.mirror.station
    troubled = troubled | _excused(judge) | judge.trouble.worn
    rows = _rows(station, station.chargers)
    sessions = [
        row
        for row in judge.store.sessions.values()
        if row.ended_ms is None and row.driver is Driver.OCPP and row.charger_id in judge.live
    ]
    everyone = [
        _claim(row, charger, rows[charger.charger_id], judge)
        for row in sessions
        if (charger := station.charger(row.charger_id)) is not None
    ]
    claims = [claim for claim in everyone if claim.rows[0] not in troubled]
    if judge.supplies is not None:
        return _check_supplied(judge, judge.supplies, engine, station, everyone, claims)
    claimed = {claim.rows[0] for claim in claims}
    if judge.truth.rows.phases:
        check_stopped([each for each in claims if shows_what_it_wants(each, judge)], judge, engine, station)
        return _settled(judge, engine, station, troubled, claimed, now_ms, len(claims))
    draining = [known.charger for known in judge.mirror.chargers.values() if known.is_draining]
    rows |= _rows(station, draining)
    among_all, apart = (_shares(each, judge, engine, rows) for each in (everyone, claims))
    others = [claim for claim in everyone if claim not in claims]
    # What one in trouble holds of the others' shares is missing to them, who are not cut for each other.
    is_missing = any(engine.booked_w(key_of(claim)) > among_all[claim.name] for claim in others)
    unsteered = {each.charger_id for each in station.chargers if each.control in {Control.REST, Control.NONE}}
    full = _overbooked_by(troubled | unsteered, rows, engine)
    for claim in claims:
        shares_w = (among_all[claim.name], apart[claim.name])
        lowest_w = 0 if is_missing or not full.isdisjoint(claim.rows) else min(shares_w)
        beside = [c for c in everyone if c is not claim and not set(c.rows).isdisjoint(claim.rows)]
        more_w = [limit_of_w(judge, key_of(other)) - among_all[other.name] for other in beside]
        short_w, over_w = sum(-min(0, watts) for watts in more_w), sum(max(0, watts) for watts in more_w)
        least_w = max(0, lowest_w - over_w - _trimmed_w(judge, station, rows, claim))
        _compare(claim, least_w, max(shares_w) + short_w, judge, engine, station)
    claimed -= {claim.rows[0] for claim in claims if _trimmed_w(judge, station, rows, claim)}
    return _settled(judge, engine, station, troubled, claimed, now_ms, len(claims))


def _check_supplied(
    judge: Judge, supplies: Supplies, engine: Controller, station: Station, everyone: list[Claim], claims: list[Claim]
) -> int:
    """Judge a site whose capacity has rested: none of it is left beside one who waits, and all that is given is shared.

    Those that were not seen to let limits expire share what is firm; they count with what they have.
    """
    if judge.truth.now_ms - supplies.moved_ms < RESTED_MS:
        return 0
    rows = _rows(station, station.chargers)
    free = [claim for claim in claims if may_be_conditional(supplies, judge, key_of(claim))]
    given_w = {claim.name: limit_of_w(judge, key_of(claim)) for claim in everyone}
    counted = [c if c in free else replace(c, min_w=0, max_w=given_w[c.name], held_w=0) for c in everyone]
    shares = _shares(counted, judge, engine, rows, sum(given_w.values()))
    more_w = {name: watts - shares[name] for name, watts in given_w.items()}
    check_stopped([c for c in claims if not _trimmed_w(judge, station, rows, c)], judge, engine, station)
    for claim in free:
        beside = [c.name for c in everyone if c is not claim and not set(c.rows).isdisjoint(claim.rows)]
        over_w, short_w = (sum(max(0, sign * more_w[name]) for name in beside) for sign in (1, -1))
        least_w = max(0, shares[claim.name] - over_w - _trimmed_w(judge, station, rows, claim))
        _compare(claim, least_w, shares[claim.name] + short_w, judge, engine, station)
    return len(claims)


def _settled(
    judge: Judge,
    engine: Controller,
    station: Station,
    troubled: set[ChargerId],
    claimed: set[str],
    now_ms: int,
    count: int,
) -> int:
    """Judge that nothing is kept for nobody and that limits have come to rest; return the count."""
    _idle(judge, engine, station, troubled)
    moved = _moved([each for each in judge.changes if each.key.charger_id in claimed], now_ms - QUIET_END_MS)
    if _swing(list(moved.values())):
        raise ViolationError(f"I10: limits still move: {moved}")
    return count


def _trimmed_w(judge: Judge, station: Station, rows: dict[str, tuple[str, ...]], claim: Claim) -> int:
    """Return what may be taken off the rows of a claim for what others draw beyond what they were told, W.

    That is trimmed in steps, given back after a minute, and drawn again (LEDGER.md §6).
    """
    trimmed_w = 0
    for charger in station.chargers:
        shared = set(rows[charger.charger_id]).intersection(claim.rows)
        over_w = _overdrawn_w(judge, charger)
        if over_w and shared:
            caps_w = [cap_w for row in shared if (cap_w := judge.truth.rows.capacities_w.get(row)) is not None]
            trimmed_w += over_w + max(caps_w, default=0) // TRIM_STEPS
    return trimmed_w


def _overdrawn_w(judge: Judge, charger: Charger) -> int:
    """Return the most that is drawn at a charger beyond its limits, W: by one that rounds up, and by cars."""
    model = judge.chargers[charger.charger_id]
    rounds_up = model.obedience.character is Kind.ROUNDS_UP
    rounded_w = charger.connectors * charger.voltage_v * charger.phases if rounds_up else 0
    cars = ((outlet.limit_w, outlet.car) for outlet in model.outlets if outlet.car is not None)
    return rounded_w + sum(limit_w * max(car.overdraw, car.surge) // 1_000 for limit_w, car in cars)


def _moved(changes: Sequence[Change], from_ms: int) -> dict[ConnectorKey, list[int]]:
    """Return the limits that connectors were told since a time, W, each after what it had been told before."""
    moved: dict[ConnectorKey, list[int]] = {}
    for change in changes:
        if change.at_ms > from_ms:
            before = [each.limit_w for each in changes if each.key == change.key and each.at_ms <= from_ms]
            moved.setdefault(change.key, before[-1:] or [change.limit_w]).append(change.limit_w)
    return moved


def _swing(limits_w: Sequence[Sequence[int]]) -> bool:
    """Return whether limits go up and down, or on and on, or fall again with nobody who rises.

    One raise in steps, as others let go, is none; nor are the steps by which they let go to one that has woken late.
    """
    within = [[after - before for before, after in pairwise(each[1:]) if after != before] for each in limits_w]
    rises = any(each[-1] > each[0] for each in limits_w)
    return any(len(steps) > 1 for steps in within) or (
        not rises and any(step < 0 for steps in within for step in steps)
    )


def _overbooked_by(troubled: set[ChargerId], rows: dict[str, tuple[str, ...]], engine: Controller) -> set[str]:
    """Return the rows that are overbooked with one in trouble, or that nobody steers, under them: none is raised there.

    What was steered over OCPP once and is not any more may stay booked at its maximum: nobody knows what it lets flow.
    """
    theirs = {row for charger_id in troubled for row in rows.get(charger_id, ())}
    caps_w = {row: engine.node_capacity_w(row) for row in theirs}
    return {row for row, cap_w in caps_w.items() if cap_w is not None and engine.node_booked_w(row) > cap_w}


def _shares(
    claims: list[Claim],
    judge: Judge,
    engine: Controller,
    rows: dict[str, tuple[str, ...]],
    grid_w: int | None = None,
) -> dict[str, int]:
    """Return the fair share of each claim in what the chargers without claims leave, W; `grid_w`: at the root."""
    station = judge.mirror.station
    room_w = _room(station, engine, rows, {claim.rows[0] for claim in claims})
    _keep_fail_safe(station, engine, claims, room_w)
    if grid_w is not None:
        room_w[GRID] = grid_w
    return fair_shares(claims, room_w)


def _excused(judge: Judge) -> set[ChargerId]:
    """Return the chargers that lawfully hold more than their limits (`holds_more`, LEDGER.md §6), or less."""
    more = {
        charger_id
        for charger_id, heard in judge.mirror.chargers.items()
        if any(connector.holds_more for connector in heard.connectors.values())
    }
    more |= {charger_id for charger_id in judge.live if _is_held_lower(judge, charger_id)}
    stored = judge.store.chargers.values()
    return more | {row.charger_id for row in stored if any(each.not_obeying for each in row.evidence.values())}


def _claim(row: SessionStored, charger: Charger, rows: tuple[str, ...], judge: Judge) -> Claim:
    """Return what a session claims: it cannot be told less than its charger's default.

    That is the fail-safe power where it had room, and the least power where 0 W is refused.
    """
    default_w = max((send.limit_w for send in judge.mirror.chargers[row.charger_id].defaults), default=0)
    most_w = max(min(charger.max_power_w, row.declared_w), default_w)
    terms = (Terms(row.weight, row.priority), Terms(row.tag_weight, row.tag_priority), charger.terms_at(row.idx))
    weight, priority = standing(*terms, charger.terms)
    return Claim(
        f"{row.charger_id}#{row.idx}",
        rows,
        max(charger.min_power_w, default_w),
        most_w,
        row.rank,
        default_w,
        weight,
        (-priority, judge.turns.order(row.session_id)),
    )


def _start_w(judge: Judge, key: ConnectorKey) -> int:
    """Return the power to start with that may be in force at a connector, W: it stays until somebody needs it."""
    sends = judge.mirror.chargers[key.charger_id].connectors[key.idx].sends
    starts = (send.limit_w for send in sends if send.purpose is Purpose.DEFAULT and send.transaction_id is None)
    return max(starts, default=0)


def _keep_fail_safe(station: Station, engine: Controller, claims: list[Claim], room_w: dict[str, int]) -> None:
    """Take off what idle connectors of chargers with claims have reserved."""
    names = {claim.name for claim in claims}
    rows = {claim.name.partition("#")[0]: claim.rows for claim in claims}
    for charger in station.chargers:
        for key in charger.connector_keys():
            if f"{key.charger_id}#{key.idx}" in names or key.charger_id not in rows:
                continue
            for row in rows[key.charger_id]:
                if row in room_w:
                    room_w[row] = max(0, room_w[row] - engine.booked_w(key))


def _compare(claim: Claim, lowest_w: int, highest_w: int, judge: Judge, engine: Controller, station: Station) -> None:
    """Judge one session by its share among all, and among those that nothing is wrong with.

    A troubled charger may hold more than its share, which is missing to the others, or take less, which waits for it.
    Nobody is cut for others who are short by less than their dead bands (LEDGER.md §2): what those miss together,
    `highest_w` allows for, and what others have within theirs, `lowest_w`.
    """
    key = key_of(claim)
    charger = next(each for each in station.chargers if each.charger_id == key.charger_id)
    limit_w = limit_of_w(judge, key)
    step_w = step_of_w(judge, key, charger) + 10
    booked_w = engine.booked_w(key)
    if limit_w < lowest_w - dead_band_w(charger, lowest_w) - step_w:
        raise ViolationError(f"I10: {claim.name} has a limit of {limit_w} W, its fair share is {lowest_w} W")
    if highest_w and limit_w > highest_w + dead_band_w(charger, highest_w) + step_w:
        raise ViolationError(f"I10: {claim.name} has a limit of {limit_w} W, its fair share is {highest_w} W")
    if booked_w > max(_before_w(judge, key), limit_w, charger.fail_safe_power_w, _start_w(judge, key)) + step_w:
        raise ViolationError(f"I10: {claim.name} is booked {booked_w} W at a limit of {limit_w} W")
    connector = judge.mirror.chargers[charger.charger_id].connectors[key.idx]
    last = connector.sends[-1] if connector.sends else None
    told = [each.at_ms for each in judge.changes if (each.key, each.transaction_id) == (key, connector.open_id)]
    if last is None or last.transaction_id != connector.open_id or not told:
        return  # what was lost for the transaction before goes with this one
    if told[-1] > judge.truth.now_ms - WORK_OFF_MS:
        return  # it has not had the time to settle: whether limits still move is judged beside this
    if not any(send.settled for send in connector.sends if send.limit_w == last.limit_w):  # it may just be renewed
        raise ViolationError(f"I10: the last limit of {claim.name}, {last.limit_w} W, was never settled")
    if any(send.purpose is not last.purpose for send in connector.sends):
        return  # a TxProfile prevails over the default that was said since, also when it is lower
    model = judge.chargers[charger.charger_id]
    obeyed_w = model.obeyed_w(key.idx)
    if obeyed_w + step_of_w(judge, key, charger) < min(last.limit_w, model.hardware_w):
        raise ViolationError(f"I10: {claim.name} obeys {obeyed_w} W, its limit is {last.limit_w} W")


def _idle(judge: Judge, engine: Controller, station: Station, troubled: set[ChargerId]) -> None:
    """Judge that where nothing runs nothing stays booked but the fail-safe power and what a car may start with."""
    for charger in station.chargers:
        is_steered = charger.control in {Control.AUTO, Control.OCPP} and charger.charger_id in judge.live
        if not is_steered or charger.charger_id in troubled:
            continue
        for idx, connector in judge.mirror.chargers[charger.charger_id].connectors.items():
            key = ConnectorKey(charger.charger_id, idx)
            booked_w, most_w = engine.booked_w(key), max(charger.fail_safe_power_w, _start_w(judge, key))
            if idx <= charger.connectors and connector.open_id is None and booked_w > most_w:
                raise ViolationError(f"I10: {charger.charger_id}#{idx} is idle and booked {booked_w} W")


def _before_w(judge: Judge, key: ConnectorKey) -> int:
    """Return what a connector was told before a cut that has not had the time to settle, W: it is booked until then."""
    changes = [each for each in judge.changes if each.key == key]
    last = [before.limit_w for before, cut in pairwise(changes) if cut.at_ms > judge.truth.now_ms - WORK_OFF_MS]
    return max(last, default=0)


def _is_held_lower(judge: Judge, charger_id: ChargerId) -> bool:
    """Return whether a lower limit that was executed late, or for a whim, may be in force: nothing tells of it."""
    model, station = judge.chargers[charger_id], judge.mirror.station
    if model.obedience.character is None and not any(judge.around.faults.struck[kind] for kind in LATE):
        return False
    charger = station.charger(charger_id)
    return charger is not None and any(
        model.obeyed_w(key.idx) + step_of_w(judge, key, charger) < min(limit_of_w(judge, key), model.hardware_w)
        for key in charger.connector_keys()
        if judge.mirror.chargers[charger_id].connectors[key.idx].open_id is not None
    )


def _rows(station: Station, chargers: Sequence[Charger]) -> dict[str, tuple[str, ...]]:
    parents = {circuit.circuit_id: circuit.parent for circuit in station.circuits}
    rows: dict[str, tuple[str, ...]] = {}
    for charger in chargers:
        path: list[str] = [charger.charger_id]
        node = charger.circuit
        while node is not None:
            path.append(node)
            node = parents[node]
        rows[charger.charger_id] = (*path, GRID)
    return rows


def _room(station: Station, engine: Controller, rows: dict[str, tuple[str, ...]], claimed: set[str]) -> dict[str, int]:
    room_w: dict[str, int] = {charger.charger_id: charger.max_power_w for charger in station.chargers}
    room_w |= {each.circuit_id: each.capacity_w for each in station.circuits if each.capacity_w is not None}
    room_w[GRID] = station.grid_capacity_w - station.static_load_w
    for charger_id in rows:
        if charger_id in claimed:
            continue
        fixed_w = engine.charger_booked_w(ChargerId(charger_id))
        for row in rows[charger_id][1:]:
            if row in room_w:
                room_w[row] -= fixed_w
    return {row: max(0, watts) for row, watts in room_w.items()}
