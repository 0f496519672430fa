"""Who the charger is, whether it charges, its clock and its meter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from csms.cli.accepting.caps import foreign
from csms.cli.accepting.looks import Json, Look, clock_errors_ms, metered, phases_metered
from csms.cli.accepting.machine import (
    Act,
    Ask,
    Case,
    Course,
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

ONLINE_WAIT_MS = 60_000
BOOT_WAIT_MS = 60_000
PROVISIONED_WAIT_MS = 120_000
CHARGES_WAIT_MS = 180_000
CLOCK_WAIT_MS = 90_000
CLOCK_OFF_MS = 30_000
"""So far a charger's clock may be off: what it tells of times is good enough for bills."""
CLOCK_MESSAGES = 10
READINGS = 4
METER_WAIT_MS = 240_000
PERIOD_MAX_MS = 60_000
"""A meter that tells more seldom is too slow to be steered by (alarm slow_meter)."""
TOO_FEW_PERCENT = 150
SECOND_MS = 1_000
"""Stamps may be of whole seconds: a reading each second may seem to come each two."""
STEADY_MS, STEADY_PERCENT = 60_000, 5
"""A car that ramps up is given so long to reach what it takes."""
ENERGY_OFF_WH, ENERGY_OFF_PERCENT = 5, 25
METER_FLAGS = frozenset({"no_meter_start", "register_unknown", "implausible_meter"})
"""What is not said of a transaction whose meter is sound."""


def connection(_: Case, look: Look) -> Course:
    """Wait until the charger is connected."""
    look = yield from wait_until(lambda one: one.connected_since is not None, look, ONLINE_WAIT_MS)
    if look.connected_since is None:
        to_do = "check the URL that was typed into it, and whether `csms knocking` lists it"
        return failed("connection", "the charger is not connected", to_do)
    if not look.connector:
        return failed("connection", f"it is configured without a connector {look.idx}", "see --connector")
    address = look.charger["connection"].get("address")
    return passed("connection", f"connected since {look.connected_since}", address=address)


def identity(case: Case, look: Look) -> Course:
    """Have it say who it is."""
    if not look.charger.get("boot"):
        ask = {"requestedMessage": "BootNotification"}
        look = yield Ask("POST", f"{case.path}/commands/TriggerMessage", ask)
        look = yield from wait_until(lambda one: one.charger.get("boot"), look, BOOT_WAIT_MS)
    boot = look.charger.get("boot")
    if not boot:
        return failed("identity", "it has never sent a BootNotification", "restart the charger")
    if look.charger.get("identityConflict"):
        return failed("identity", "more than one charger connects as this one", "give each its own id", **boot)
    who = " ".join(str(boot[key]) for key in ("vendor", "model", "firmwareVersion") if key in boot)
    if "serialNumber" in boot:
        who += f", serial number {boot['serialNumber']}"
    return passed("identity", who, **boot)


def fail_safe(case: Case, look: Look) -> Course:
    """Wait until a fail-safe limit of ours is in force, and nothing foreign above it."""
    facts: Json = {"failSafePowerW": case.config.fail_safe_power_w}
    if look.charger.get("mode") == "observe":
        to_do = "set its `mode` to `control`: a charger that is only observed is told nothing"
        return failed("fail_safe", "the charger is only observed", to_do, **facts)
    look = yield from wait_until(lambda one: one.connector.get("provisioned"), look, PROVISIONED_WAIT_MS)
    facts |= {"alarms": list(look.alarms)}
    if not look.connector.get("provisioned"):
        stands = f" ({', '.join(look.alarms)})" if look.alarms else ""
        said = f"no fail-safe limit is in force at connector {look.idx}{stands}: its maximum stays booked"
        return failed("fail_safe", said, by_alarms(look, "see whether smart charging is enabled in it"), **facts)
    return passed("fail_safe", f"without the server its cars get {case.config.fail_safe_power_w} W", **facts)


def charging(case: Case, look: Look) -> Course:
    """Have a car plugged in, and wait until it draws power steadily."""
    if look.transaction_id is None:
        look = yield Please(Act.START, f"Plug the car in at connector {case.idx} and start (present a card).")
    if not look.consents:
        return not_done("charging", "no car was plugged in")
    look = yield from wait_until(
        lambda one: one.transaction_id is not None and (one.power_w or 0) > 0, look, CHARGES_WAIT_MS
    )
    if look.transaction_id is None:
        to_do = "present a card that may charge (`GET /id-tags/{idTag}`), and see its status at `GET /chargers/{id}`"
        return failed("charging", "no transaction has begun", to_do, status=look.connector.get("status"))
    if not look.power_w:
        status = look.connector.get("status", "unknown")
        said = f"transaction {look.transaction_id} runs and no power is metered; the connector is {status}"
        said += f" ({', '.join(look.alarms)})" if look.alarms else ""
        return failed("charging", said, by_alarms(look, "see whether the car wants to charge, and its meter"))
    if (other := foreign(look)) is not None:
        said = f"an operator's cap (id {other['profileId']}) limits this very transaction"
        return failed("charging", said, f"clear it first: ClearChargingProfile {{'id': {other['profileId']}}}")
    powers_w, until_ms = [look.power_w], look.at_ms + STEADY_MS
    while not _is_steady(powers_w) and look.at_ms < until_ms:
        if (reading := case.reading(look)) is not None:
            powers_w.append(reading.power_w)
        look = yield Wait()
    case.drawn_w = max(powers_w)
    case.phases = phases_metered(look.frames, case.idx)
    facts = {"transactionId": look.transaction_id, "powerW": case.drawn_w, "phases": case.phases}
    return passed("charging", f"transaction {look.transaction_id} draws {case.drawn_w} W", **facts)


def clock(case: Case, look: Look) -> Course:
    """Compare the time stamps in what the charger sends with when it came."""
    if not clock_errors_ms(look.frames):
        ask = {"requestedMessage": "StatusNotification", "connectorId": case.idx}
        look = yield Ask("POST", f"{case.path}/commands/TriggerMessage", ask)
        look = yield from wait_until(lambda one: clock_errors_ms(one.frames), look, CLOCK_WAIT_MS)
    errors_ms = clock_errors_ms(look.frames)[-CLOCK_MESSAGES:]
    if not errors_ms:
        return failed("clock", "no message has told the charger's time", "see what it sends: csms bundle")
    error_ms = min(errors_ms)
    facts = {"behindMs": error_ms, "messages": len(errors_ms)}
    said = f"{abs(error_ms) / 1_000:.1f} s {'behind' if error_ms >= 0 else 'ahead of'} the server's"
    if abs(error_ms) > CLOCK_OFF_MS:
        to_do = "have it take its time from the server (BootNotification and Heartbeat answers) or from NTP, in UTC"
        return failed("clock", f"its clock is {said}", to_do, **facts)
    return passed("clock", said, **facts)


@dataclass(slots=True)
class Metered:
    """Readings, and what the transaction's register counted from the first of them to the last; server's UTC ms."""

    at_ms: list[int] = field(default_factory=list)
    powers_w: list[int] = field(default_factory=list)
    registers_wh: list[int | None] = field(default_factory=list)
    flags: frozenset[str] = frozenset()

    @property
    def counted_wh(self) -> int | None:
        """Return the energy that was told; None where one end of it was not."""
        first_wh, last_wh = self.registers_wh[0], self.registers_wh[-1]
        return None if first_wh is None or last_wh is None else last_wh - first_wh

    @property
    def expected_wh(self) -> float:
        """Return the energy that the readings make."""
        mean_w = sum(self.powers_w[1:]) / (len(self.powers_w) - 1)
        return mean_w * (self.at_ms[-1] - self.at_ms[0]) / 3_600_000


def meter(case: Case, look: Look) -> Course:
    """Measure the meter's real period, and whether power and energy say the same."""
    configured_s = look.known["capabilities"].get("sampleIntervalS") if look.known else None
    found, until_ms = Metered(), look.at_ms + METER_WAIT_MS
    while len(found.at_ms) < READINGS and look.at_ms < until_ms:
        if (reading := case.reading(look)) is None:
            look = yield Wait()
            continue
        found.at_ms.append(reading.at_ms)
        found.powers_w.append(reading.power_w)
        yield Say(f"{len(found.at_ms)} of {READINGS} readings: {reading.power_w} W")
        look = yield Ask("GET", f"/transactions/{look.transaction_id}?limit=1")
        document = None if look.reply is None else look.reply.document
        transaction = {} if document is None else document["transaction"]
        found.registers_wh.append(transaction.get("energyWh"))
        found.flags = frozenset(transaction.get("flags", ()))
    if len(found.at_ms) < READINGS:
        came = len(metered(look.frames, case.idx))
        said = f"{len(found.at_ms)} readings in {METER_WAIT_MS // 1_000} s ({came} MeterValues could be read)"
        to_do = "set MeterValueSampleInterval to 10 and MeterValuesSampledData to power and energy in the charger"
        return failed("meter", said, by_alarms(look, to_do), configuredS=configured_s, powersW=found.powers_w)
    return meter_judged(case, found, configured_s)


def meter_judged(case: Case, found: Metered, configured_s: int | None) -> Outcome:
    """Return what readings say of a meter of which so many seconds are configured; None: nobody knows."""
    gaps_ms = sorted(later - one for one, later in pairwise(found.at_ms))
    case.period_ms = gaps_ms[len(gaps_ms) // 2]
    counted_wh, expected_wh = found.counted_wh, found.expected_wh
    facts: Json = {"configuredS": configured_s, "periodMs": case.period_ms, "longestMs": gaps_ms[-1]}
    facts |= {"powersW": found.powers_w, "expectedWh": round(expected_wh, 1), "countedWh": counted_wh}
    said = f"a reading each {case.period_ms / 1_000:.1f} s, the longest pause {gaps_ms[-1] / 1_000:.1f} s"
    if case.period_ms > PERIOD_MAX_MS:
        return failed("meter", said, "set MeterValueSampleInterval to 10", **facts)
    if configured_s and case.period_ms > max(configured_s * 10 * TOO_FEW_PERCENT, configured_s * 1_000 + SECOND_MS):
        return failed("meter", f"{said}; configured are {configured_s} s", "see its firmware's notes", **facts)
    if bad := sorted(METER_FLAGS & found.flags):
        return failed("meter", f"{said}; its transaction is {', '.join(bad)}", "see GET /transactions/{id}", **facts)
    if counted_wh is None:
        return failed("meter", f"{said}; it tells no energy", "add Energy.Active.Import.Register", **facts)
    if abs(counted_wh - expected_wh) > max(ENERGY_OFF_WH, expected_wh * ENERGY_OFF_PERCENT / 100):
        said = f"its register counted {counted_wh} Wh where its power makes {expected_wh:.0f} Wh"
        return failed("meter", said, "one of the two is wrong: compare with the car's own display", **facts)
    return passed("meter", said, **facts)


def _is_steady(powers_w: Sequence[int]) -> bool:
    """Return whether a car has ramped up: two readings on end say the same, and there were a few before."""
    last_w, before_w = powers_w[-1], powers_w[-2:][0]
    return len(powers_w) > READINGS and abs(last_w - before_w) * 100 <= last_w * STEADY_PERCENT
