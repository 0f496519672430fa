"""The calm end of a run, and what must have come of it (LEDGER.md I10).

Every car wants all it can get, nobody comes or goes, every charger is connected and polite. After H + 30 s and the
settling of each hop every car must have its fair share, nothing may stand idle, and limits must have stopped moving.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from csms.core.commands import Purpose, RateUnit
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
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import ViolationError
from csms.simulation.truth import booked_on
from csms.simulation.wiring import BALANCED, SIXTHS
from csms.simulation.workoff import WORK_OFF_MS

TOLD_MS = (20_000, 60_000, 180_000)
"""So long after the weather a charger that takes no trigger tells its statuses: nobody can ask it."""

LATE = (Kind.LATE_EXECUTION, Kind.LATE_ANSWER, Kind.LATE_DELIVERY)

QUIET_END_MS = 60_000
"""Limits must not have moved for so long at the end of the calm."""

TRIM_STEPS = 100
"""A trim is taken off in steps of 0.5 % of its row, and may be given back one step late."""


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
    claimed = {claim.rows[0] for claim in claims}
    if judge.truth.rows.phases:
        for claim in [each for each in claims if _shows_what_it_wants(each, judge)]:
            _is_stopped_by_a_row(claim, judge, engine, station)
        return _settled(judge, engine, station, troubled, claimed, now_ms, len(claims))
    draining = [known.charger for known in judge.mirror.chargers.values() if known.is_draining]
    rows |= _rows(station, draining)
    among_all, apart = (_shares(each, judge, engine, rows) for each in (everyone, claims))
    others = [claim for claim in everyone if claim not in claims]
    # What one in trouble holds of the others' shares is missing to them, who are not cut for each other.
    is_missing = any(engine.booked_w(_key(claim)) > among_all[claim.name] for claim in others)
    unsteered = {each.charger_id for each in station.chargers if each.control in {Control.REST, Control.NONE}}
    full = _overbooked_by(troubled | unsteered, rows, engine)
    for claim in claims:
        shares_w = (among_all[claim.name], apart[claim.name])
        lowest_w = 0 if is_missing or not full.isdisjoint(claim.rows) else min(shares_w)
        beside = [c for c in everyone if c is not claim and not set(c.rows).isdisjoint(claim.rows)]
        more_w = [_limit_w(judge, _key(other)) - among_all[other.name] for other in beside]
        short_w, over_w = sum(-min(0, watts) for watts in more_w), sum(max(0, watts) for watts in more_w)
        least_w = max(0, lowest_w - over_w - _trimmed_w(judge, station, rows, claim))
        _compare(claim, least_w, max(shares_w) + short_w, judge, engine, station)
    claimed -= {claim.rows[0] for claim in claims if _trimmed_w(judge, station, rows, claim)}
    return _settled(judge, engine, station, troubled, claimed, now_ms, len(claims))


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


def _shows_what_it_wants(claim: Claim, judge: Judge) -> bool:
    """Return whether the core can know of a car that it draws all that it may.

    One that uses fewer phases than its charger has draws a part of each limit, as one does that wants little: its
    charger has to tell its phases, and it has to keep to them.
    """
    key = _key(claim)
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


def _is_stopped_by_a_row(claim: Claim, judge: Judge, engine: Controller, station: Station) -> None:
    """Judge that who has less than it wants has it because a row above it is full, of watts or of a phase.

    What a limit is on a phase depends on what is known of its car: shares there are not computed anew, but room that is
    left for one who waits is found. A row is full when it has no room for the dead band and a step of rounding, or for
    the least of one that has nothing.
    """
    key = _key(claim)
    charger = next(each for each in station.chargers if each.charger_id == key.charger_id)
    limit_w, step_w = _limit_w(judge, key), _step_w(judge, key, charger) + 10
    needed_w = _dead_band_w(charger, claim.max_w) + step_w
    if limit_w + needed_w >= claim.max_w:
        return
    if limit_w < claim.min_w:
        needed_w = claim.min_w - limit_w + step_w
    rows, sends = judge.truth.rows, judge.mirror.chargers[key.charger_id].connectors[key.idx].sends
    in_amperes = any(send.form.unit is RateUnit.A for send in sends) or charger.is_dc
    load = BALANCED if in_amperes and charger.phases != 1 else SIXTHS
    for row in rows.of(key.charger_id):
        capacity = rows.capacity(row)
        needed = needed_w * load if row in rows.phases else needed_w
        taken = booked_on(engine, row) + _beyond_thirds(row, judge, station)
        if capacity is not None and taken + needed + capacity // TRIM_STEPS > capacity:
            return
    booked = {row: (booked_on(engine, row), rows.capacity(row)) for row in rows.of(key.charger_id)}
    raise ViolationError(f"I10: {claim.name} has a limit of {limit_w} of {claim.max_w} W, and there is room: {booked}")


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


def _shares(claims: list[Claim], judge: Judge, engine: Controller, rows: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the fair share of each claim in what the chargers without claims leave, W."""
    station = judge.mirror.station
    room_w = _room(station, engine, rows, {claim.rows[0] for claim in claims})
    _keep_fail_safe(station, engine, claims, room_w)
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


def _key(claim: Claim) -> ConnectorKey:
    charger_id, idx = claim.name.split("#")
    return ConnectorKey(ChargerId(charger_id), int(idx))


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
    key = _key(claim)
    charger = next(each for each in station.chargers if each.charger_id == key.charger_id)
    limit_w = _limit_w(judge, key)
    step_w = _step_w(judge, key, charger) + 10
    booked_w = engine.booked_w(key)
    if limit_w < lowest_w - _dead_band_w(charger, lowest_w) - step_w:
        raise ViolationError(f"I10: {claim.name} has a limit of {limit_w} W, its fair share is {lowest_w} W")
    if highest_w and limit_w > highest_w + _dead_band_w(charger, highest_w) + step_w:
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
    if obeyed_w + _step_w(judge, key, charger) < min(last.limit_w, model.hardware_w):
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


def _limit_w(judge: Judge, key: ConnectorKey) -> int:
    """Return the limit of what runs at a connector, W: the last one of its own, else the default."""
    charger = judge.mirror.chargers[key.charger_id]
    connector = charger.connectors[key.idx]
    own = [each.limit_w for each in judge.changes if (each.key, each.transaction_id) == (key, connector.open_id)]
    defaults = [send.limit_w for send in charger.defaults]
    return [0, *defaults, *own][-1]


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
        model.obeyed_w(key.idx) + _step_w(judge, key, charger) < min(_limit_w(judge, key), model.hardware_w)
        for key in charger.connector_keys()
        if judge.mirror.chargers[charger_id].connectors[key.idx].open_id is not None
    )


def _dead_band_w(charger: Charger, power_w: int) -> int:
    return max(3_000, power_w * 3 // 100) if charger.is_dc else charger.voltage_v * charger.phases // 2


def _step_w(judge: Judge, key: ConnectorKey, charger: Charger) -> int:
    known = judge.mirror.chargers[key.charger_id]
    sends = (*known.connectors[key.idx].sends, *known.defaults)
    in_amperes = any(send.form.unit is RateUnit.A for send in sends)
    return charger.voltage_v * charger.phases if in_amperes else 1


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
