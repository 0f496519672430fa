"""What outlasts an outage: the network plug pulled, the server restarted, a car that comes and goes while offline.

The power is cut in the last one, too, while nobody can tell the charger anything: a limit that it kept in volatile
memory is gone for as long as the network is, and an outage of both at once is what a thunderstorm brings.
"""

from collections.abc import Callable, Generator

from csms.cli.accepting.caps import PROFILE_ID, uncap
from csms.cli.accepting.judging import BELOW_PERCENT, Broken
from csms.cli.accepting.limit_steps import lowered
from csms.cli.accepting.looks import Json, Look, Reading
from csms.cli.accepting.machine import (
    Act,
    Ask,
    Case,
    Course,
    Effect,
    Outcome,
    Please,
    Say,
    Wait,
    by_alarms,
    failed,
    not_done,
    passed,
    wait_until,
)
from csms.core.demand import tolerance_w

GONE_WAIT_MS = 240_000
"""A dead connection is noticed by pings and heartbeats that are missing."""
BACK_WAIT_MS = 300_000
OUTAGE_MS = 30_000
"""So long the network stays away once that was noticed."""
READINGS_AFTER = 3
READINGS_WAIT_MS = 180_000
ENDED_WAIT_MS = 120_000
SETTLED_WAIT_MS = 120_000
REPLAYED_WAIT_MS = 180_000
TWICE_WAIT_MS = 45_000
"""A transaction that is sent a second time comes so soon after the first."""
GAP_WH = 100
"""As in the report of energy continuity: 0.1 kWh."""
BAD_FLAGS = frozenset(
    {"suspect", "no_meter_start", "register_unknown", "implausible_meter", "start_time_unknown", "no_stop_received"}
    | {"stop_guessed", "superseded", "unknown_connector"}
)
"""What a transaction that was replayed whole does not have."""

Outage = Generator[Effect, Look, Look | Outcome]
OutageStep = Callable[[Case, Look], Outage]


def network(case: Case, look: Look) -> Course:
    """Have the network plug pulled while the car charges at a limit, and see what is the same afterwards."""
    return (yield from _over("network", case, look, _unplugged))


def restart(case: Case, look: Look) -> Course:
    """Have the server restarted while the car charges at a limit, and see what is the same afterwards."""
    return (yield from _over("restart", case, look, _restarted))


def _unplugged(case: Case, look: Look) -> Outage:
    text = f"Pull the network plug of {case.config.charger_id} (or switch its router off); the car stays."
    look = yield Please(Act.PULL_NETWORK, text)
    if not look.consents:
        return not_done("network", "the network was not cut")
    begun_ms = look.at_ms
    look = yield Say("waiting until the server sees that it is gone")
    look = yield from wait_until(lambda one: one.known and one.connected_since is None, look, GONE_WAIT_MS)
    if look.connected_since is not None:
        said = f"its connection was still there {GONE_WAIT_MS // 1_000} s later"
        return failed("network", said, "was it the right plug, and has it no second way (LTE, Wi-Fi)?")
    yield Say(f"noticed after {(look.at_ms - begun_ms) / 1_000:.0f} s; it stays away for {OUTAGE_MS // 1_000} s more")
    look = yield from wait_until(lambda _: False, look, OUTAGE_MS)
    look = yield Please(Act.RESTORE_NETWORK, "Put the network plug back.")
    return (yield from _back("network", look))


def _restarted(_: Case, look: Look) -> Outage:
    before, seen = look.connected_since, [frame["at"] for frame in look.frames]
    text = "Restart the server now (for example: sudo systemctl restart csms), with the same database."
    look = yield Please(Act.RESTART_SERVER, text)
    if not look.consents:
        return not_done("restart", "the server was not restarted")
    was_away = look.known is None
    until_ms = look.at_ms + BACK_WAIT_MS
    while look.at_ms < until_ms and not (look.connected_since is not None and look.connected_since != before):
        was_away |= look.known is None
        look = yield Wait()
    if look.connected_since is None or look.connected_since == before:
        return failed("restart", "the charger has not connected anew", "was the server restarted, on the same port?")
    if not was_away and seen and look.frames and look.frames[0]["at"] <= seen[-1]:
        said = "only the charger's connection is new: the server remembers messages from before"
        return failed("restart", said, "restart the server itself, and do this step again")
    return look


def _back(step: str, look: Look) -> Outage:
    """Wait until the charger is connected again."""
    yield Say("waiting until it is connected again")
    look = yield from wait_until(lambda one: one.connected_since is not None, look, BACK_WAIT_MS)
    if look.connected_since is None:
        said = f"it has not connected again within {BACK_WAIT_MS // 1_000} s"
        return failed(step, said, "see what it shows of its connection; update its firmware")
    return look


def _over(step: str, case: Case, look: Look, outage: OutageStep) -> Course:
    """Go through an outage at a limit; afterwards transaction, limit and energy have to be as before."""
    limit_w = _middle_w(case)
    told = yield from lowered(case, look, limit_w)
    if isinstance(told, Broken):
        return failed(step, told.why, "see the staircase")
    look, _ = told
    look = yield from _readings(case, look, 2)
    transaction_id, before_ms = look.transaction_id, case.meter_at_ms
    look = yield Ask("GET", f"/transactions/{transaction_id}?limit=1")
    before = _transaction(look)
    after = yield from outage(case, look)
    if isinstance(after, Outcome):
        yield from uncap(case, look)
        return after
    look = yield from wait_until(lambda one: one.transaction_id == transaction_id, after, READINGS_WAIT_MS)
    facts: Json = {"limitW": limit_w, "transactionId": transaction_id}
    if look.transaction_id != transaction_id:
        said = f"transaction {transaction_id} does not run any more; {look.transaction_id or 'none'} does"
        return failed(step, said, "update its firmware: its transaction should outlast this", **facts)
    look = yield from _readings(case, look, READINGS_AFTER)
    powers = [look.power_w or 0]
    stands = any(one["profileId"] == PROFILE_ID for one in look.charger.get("caps", ()))
    look = yield Ask("GET", f"/transactions/{transaction_id}?limit=1")
    outcome = _as_before(step, case, look, before, (case.meter_at_ms - before_ms, limit_w), facts | {"powersW": powers})
    if outcome is None and not stands:
        outcome = failed(step, "the operator's cap is not there any more", "see GET /commands", **facts)
    yield from uncap(case, look)
    return outcome or passed(step, f"transaction {transaction_id} went on at {powers[0]} W, its energy whole", **facts)


def _middle_w(case: Case) -> int:
    """Return a limit that the car keeps to when it works, and that cannot be mistaken for none."""
    floor_w = max(case.config.min_power_w, 1)
    phases = max(1, case.config.phases)
    whole_w = case.drawn_w * phases // (case.phases or phases)
    step_w = 1_000 if case.config.is_dc else case.config.voltage_v * phases
    return max(floor_w, min((floor_w + whole_w) // 2, whole_w * BELOW_PERCENT // 100) // step_w * step_w)


def _readings(case: Case, look: Look, wanted: int) -> Generator[Effect, Look, Look]:
    """Wait for so many new readings, or until that has taken too long."""
    until_ms = look.at_ms + READINGS_WAIT_MS
    found = list[Reading]()
    while len(found) < wanted and look.at_ms < until_ms:
        if (reading := case.reading(look)) is not None:
            found.append(reading)
        if len(found) < wanted:
            look = yield Wait()
    return look


def _as_before(step: str, case: Case, look: Look, before: Json, over: tuple[int, int], facts: Json) -> Outcome | None:
    """Return what an outage has changed; None when nothing."""
    span_ms, limit_w = over
    now = _transaction(look)
    flags = sorted(BAD_FLAGS & set(now.get("flags", ())) - set(before.get("flags", ())))
    if flags or "stoppedAt" in now:
        said = f"transaction {now.get('transactionId')}: {', '.join(flags) or 'it was ended'}"
        return failed(step, said, "look at it with GET /transactions/{id}", **facts)
    highest_w = limit_w + tolerance_w(case.config, limit_w)
    if look.power_w is None or look.power_w > highest_w:
        said = f"afterwards {look.power_w} W are metered where {limit_w} W were told"
        return failed(step, said, by_alarms(look, "its limit was lost: update its firmware"), **facts)
    told_wh = (now.get("energyWh") or 0) - (before.get("energyWh") or 0)
    facts |= {"spanMs": span_ms, "toldWh": told_wh}
    if told_wh < 0:
        return failed(step, f"its register fell by {-told_wh} Wh", "have its meter looked at", **facts)
    most_wh = highest_w * (span_ms + 2 * case.period_ms) // 3_600_000 + 1
    if told_wh > most_wh:
        said = f"{told_wh} Wh were drawn meanwhile, where its limit allows {most_wh} Wh"
        return failed(step, said, "without the server it goes above its limit: see its fail-safe settings", **facts)
    return None


def offline(case: Case, look: Look) -> Course:
    """Have a car come and go while the network is away, and see its transaction told once, with its energy."""
    ended = yield from _ended(case, look)
    if isinstance(ended, Outcome):
        return ended
    case.fail_safe_w = round(ended[0].charger.get("failSafePower", 0) * 1_000)
    look, known = ended
    look = yield Please(Act.PULL_NETWORK, f"Pull the network plug of {case.config.charger_id}.")
    if not look.consents:
        return not_done("offline", "the network was not cut")
    look = yield from wait_until(lambda one: one.known and one.connected_since is None, look, GONE_WAIT_MS)
    if look.connected_since is not None:
        return failed("offline", "its connection did not end", "was it the right plug?")
    look = yield Please(
        Act.POWER_CYCLE,
        f"Switch {case.config.charger_id} off and on again (its breaker), still without the network, and wait until it "
        "shows that it is ready.",
    )
    case.power_cycled = look.consents
    begun_ms = look.at_ms
    text = (
        "Now, without the network: plug the car in (take it out first if it is in) and present a card. Let it charge "
        "for a minute, end it with the card, and take the car out."
    )
    look = yield Please(Act.CHARGE_OFFLINE, text)
    if not look.consents:
        to_do = "who may start offline the charger's keys say: csms doctor shows them"
        return not_done("offline", "no car could start without the network", to_do)
    span_ms = look.at_ms - begun_ms
    look = yield Please(Act.RESTORE_NETWORK, "Put the network plug back.")
    back = yield from _back("offline", look)
    if isinstance(back, Outcome):
        return back
    return (yield from _replayed(case, back, known, span_ms))


def _ended(case: Case, look: Look) -> Generator[Effect, Look, tuple[Look, frozenset[int]] | Outcome]:
    """Have the running transaction ended; return the look and the transactions that there are."""
    transaction_id = look.transaction_id
    if transaction_id is not None:
        look = yield Please(Act.END, f"End the charge at connector {case.idx} (card), and take the car out.")
        if not look.consents:
            return not_done("offline", "the charge was not ended")
        look = yield from wait_until(lambda one: one.known and one.transaction_id is None, look, ENDED_WAIT_MS)
        if look.transaction_id is not None:
            return failed("offline", f"transaction {transaction_id} did not end", "end it at the charger and try again")
    # What was told for the transaction that has ended may have to be cleared first: until then it is booked.
    look = yield from wait_until(_is_left_to_fail_safe, look, SETTLED_WAIT_MS)
    look = yield Ask("GET", _list_path(case))
    listed = _listed(look, case.idx)
    case.stop_wh = next((one.get("meterStopWh") for one in listed), None)
    return look, frozenset(one["transactionId"] for one in listed)


def _is_left_to_fail_safe(look: Look) -> bool:
    """Return whether the server counts on nothing but the fail-safe power at the connector."""
    return bool(look.known) and look.connector.get("bookedPower", 0) <= look.charger.get("failSafePower", 0)


def _replayed(case: Case, look: Look, known: frozenset[int], span_ms: int) -> Course:
    """Wait for the transaction of the outage, and for it to come twice."""
    until_ms, new = look.at_ms + REPLAYED_WAIT_MS, list[Json]()
    yield Say("waiting for the transaction of that time, and whether it comes twice")
    while look.at_ms < until_ms and not any("stoppedAt" in one for one in new):
        yield Wait()
        look = yield Ask("GET", _list_path(case))
        new = [one for one in _listed(look, case.idx) if one["transactionId"] not in known]
    look = yield from wait_until(lambda _: False, look, TWICE_WAIT_MS)
    look = yield Ask("GET", _list_path(case))
    new = [one for one in _listed(look, case.idx) if one["transactionId"] not in known]
    return judge_replayed(case, new, span_ms)


def judge_replayed(case: Case, new: list[Json], span_ms: int) -> Outcome:
    """Return the verdict on the transactions that an outage has left."""
    shown = [{name: one.get(name) for name in ("transactionId", "meterStartWh", "meterStopWh", "flags")} for one in new]
    facts: Json = {
        "transactions": shown,
        "registerBeforeWh": case.stop_wh,
        "spanMs": span_ms,
        "powerCycled": case.power_cycled,
    }
    if not new:
        to_do = "see whether it keeps transactions in a queue; without that nobody is billed for them"
        return failed("offline", "no transaction of that time has come", to_do, **facts)
    if len(new) > 1:
        to_do = "update its firmware; look at both before anybody is billed"
        return failed("offline", f"{len(new)} transactions have come of one charge", to_do, **facts)
    one = new[0]
    if "stoppedAt" not in one:
        return failed("offline", "its stop has not come", "see whether it keeps StopTransaction in a queue", **facts)
    flags = sorted(BAD_FLAGS & set(one["flags"]))
    if flags:
        return failed(
            "offline", f"not billable as it is: {', '.join(flags)}", "see what it sends: csms bundle", **facts
        )
    gap_wh = 0 if case.stop_wh is None else one["meterStartWh"] - case.stop_wh
    if abs(gap_wh) > GAP_WH:
        said = f"it began {gap_wh} Wh from the register at which the one before it had ended"
        return failed(
            "offline", said, "look for energy that was drawn in between: GET /reports/energy-continuity", **facts
        )
    fail_safe_w = case.fail_safe_w
    most_wh = (fail_safe_w + tolerance_w(case.config, fail_safe_w)) * span_ms // 3_600_000 + 1
    facts |= {"mostWh": most_wh}
    if not 0 <= one["energyWh"] <= most_wh:
        said = f"{one['energyWh']} Wh in {span_ms // 1_000} s, where {fail_safe_w} W of fail-safe power are {most_wh}"
        lost = "loses its fail-safe limit in a power cut, or heeds none" if case.power_cycled else "heeds no limit"
        to_do = f"it {lost} without the server: update its firmware, or lower its own maximum"
        return failed("offline", said, to_do, **facts)
    if fail_safe_w and not one["energyWh"]:
        said = f"it told no energy, where {fail_safe_w} W are its fail-safe power"
        return failed("offline", said, "see its fail-safe limit: GET /chargers/{id}", **facts)
    after = "after a power cut" if case.power_cycled else "its power was not cut"
    return passed("offline", f"one transaction, told once, with {one['energyWh']} Wh; {after}", **facts)


def _list_path(case: Case) -> str:
    return f"/transactions?charger={case.path.rpartition('/')[2]}&limit=50"


def _listed(look: Look, idx: int) -> list[Json]:
    """Return the transactions of a connector as they were listed, the newest first."""
    document = None if look.reply is None else look.reply.document
    listed = [] if document is None else document["transactions"]
    return [one for one in listed if one["connectorId"]["idx"] == idx]


def _transaction(look: Look) -> Json:
    document = None if look.reply is None else look.reply.document
    found: Json = {} if document is None else document["transaction"]
    return found
