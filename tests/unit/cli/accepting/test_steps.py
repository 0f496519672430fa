"""Steps of the acceptance test at a charger that is written down: what a person is asked, what is seen, the verdict.

The charger of these tests is a few numbers. A second passes with each look, its meter tells a value every five, and
what a row of the table changes is changed in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.cli import app
from csms.cli.accepting.caps import PROFILE_ID
from csms.cli.accepting.conducting import Conductor
from csms.cli.accepting.looks import Json
from csms.cli.accepting.machine import Act, Ask, Begun, Case, Ended, Outcome, Please, Say, Verdict
from csms.cli.accepting.outage_steps import judge_replayed
from csms.cli.accepting.steps import NAMES, STEPS
from csms.core.ids import ChargerId
from csms.core.station import Charger

CONFIG = Charger(ChargerId("CP001"), 11_040, connectors=1, min_power_w=4_140, phases=3)
START_MS = 1_795_773_600_000
PERIOD_S = 5
FULL_W = 11_000


def iso(utc_ms: int) -> str:
    moment = datetime.fromtimestamp(utc_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Written:
    """A charger, its car, the server and the person, as far as REST shows them.

    Attributes:
        obeys: what the car draws at a limit, W.
        on: what happens when the person is asked to do something, beside its usual effect; False: refused.
        clock_off_ms: the charger's clock ahead of the server's.
    """

    now_ms: int = 0
    online: bool = True
    boot: Json = field(default_factory=lambda: {"vendor": "Ampere AG", "model": "Box"})
    provisioned: bool = True
    conflict: bool = False
    mode: str = "control"
    transaction: Json | None = None
    energy_wh: float = 0
    told_w: int = FULL_W
    cap_w: int | None = None
    refuses_caps: bool = False
    answer: str = "Accepted"
    answers_after_ms: int = 100
    obeys: Callable[[int], int] = lambda limit_w: min(limit_w, FULL_W)
    clock_off_ms: int = 0
    since_ms: int = START_MS
    serves: bool = True
    on: Mapping[Act, Callable[["Written"], bool]] = field(default_factory=dict)
    frames: list[Json] = field(default_factory=list)
    ended: list[Json] = field(default_factory=list)
    asked: list[Act] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    cleared: list[Json] = field(default_factory=list)
    interrupts: bool = False

    # --- what the conductor is given ---

    def now(self) -> int:
        return START_MS + self.now_ms

    def now_of_test(self) -> int:
        return self.now_ms

    def wait(self) -> None:
        if self.interrupts and self.cap_w is not None:
            raise KeyboardInterrupt
        self.now_ms += 1_000
        self.energy_wh += self.drawn_w() / 3_600
        if self.transaction is not None and self.online and self.now_ms % (PERIOD_S * 1_000) == 0:
            self.meter()

    def show(self, effect: Say | Begun | Ended) -> None:
        if isinstance(effect, Say):
            self.said.append(effect.text)

    def please(self, please: Please) -> bool:
        self.asked.append(please.act)
        if please.act in self.on:
            return self.on[please.act](self)
        match please.act:
            case Act.START:
                self.start()
            case Act.END:
                self.end()
            case Act.PULL_NETWORK:
                self.online = False
            case Act.RESTORE_NETWORK:
                self.online, self.since_ms = True, self.now()
            case Act.CHARGE_OFFLINE:
                self.now_ms += 60_000
                self.start()
                self.end()
            case Act.RESTART_SERVER:
                self.since_ms, self.frames = self.now() + 1, []
        return True

    def ask(self, ask: Ask) -> Json | str:
        if not self.serves:
            return "no answer"
        match ask.path.partition("?")[0].split("/")[1:]:
            case ["chargers", _]:
                return {"charger": self.shown(), "alarms": [], "capabilities": {"sampleIntervalS": PERIOD_S}}
            case ["chargers", _, "messages"]:
                return {"messages": list(self.frames[-200:])}
            case ["chargers", _, "commands", "SetChargingProfile"]:
                return self.take_cap(ask.body or {})
            case ["chargers", _, "commands", "ClearChargingProfile"]:
                self.cleared.append(ask.body or {})
                self.cap_w = None
                self.tell(FULL_W)
                return {"command": {}}
            case ["transactions"]:
                running = [] if self.transaction is None else [self.running()]
                return {"transactions": [*running, *reversed(self.ended)]}
            case ["transactions", _]:
                return {"transaction": self.running() if self.transaction is not None else self.ended[-1]}
        return "404"

    # --- what it does ---

    def drawn_w(self) -> int:
        return 0 if self.transaction is None else self.obeys(self.told_w)

    def start(self) -> None:
        number = 1 + len(self.ended)
        self.transaction = {"transactionId": number, "meterStartWh": int(self.energy_wh), "flags": []}
        self.tell(FULL_W)

    def end(self) -> None:
        assert self.transaction is not None
        stop_wh = int(self.energy_wh)
        energy_wh = stop_wh - self.transaction["meterStartWh"]
        gone = {"meterStopWh": stop_wh, "energyWh": energy_wh, "stoppedAt": iso(self.now())}
        self.ended.append(self.transaction | gone | {"connectorId": {"idx": 1}})
        self.transaction = None

    def running(self) -> Json:
        assert self.transaction is not None
        energy_wh = int(self.energy_wh) - self.transaction["meterStartWh"]
        return self.transaction | {"energyWh": energy_wh, "connectorId": {"idx": 1}}

    def take_cap(self, body: Json) -> Json | str:
        if self.refuses_caps:
            return "409 in safe mode"
        (period,) = body["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
        self.cap_w = round(period["limit"] * CONFIG.voltage_v * CONFIG.phases)
        self.tell(self.cap_w)
        return {"command": {"state": "accepted"}}

    def tell(self, limit_w: int) -> None:
        self.told_w, name = limit_w, f"l{self.now_ms}"
        schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_w}]}
        purpose = {"chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative", "stackLevel": 0}
        body = {"connectorId": 1, "csChargingProfiles": {**purpose, "chargingSchedule": schedule}}
        self.frame(self.now(), "sent", [2, name, "SetChargingProfile", body])
        if self.answer:
            self.frame(self.now() + self.answers_after_ms, "received", [3, name, {"status": self.answer}])

    def meter(self) -> None:
        stamp = iso(self.now() + self.clock_off_ms)
        currents = [{"measurand": "Current.Import", "phase": f"L{n}", "value": "16"} for n in (1, 2, 3)]
        values = [{"timestamp": stamp, "sampledValue": currents}]
        self.frame(self.now(), "received", [2, "m", "MeterValues", {"connectorId": 1, "meterValue": values}])

    def frame(self, at_ms: int, direction: str, message: list[Any]) -> None:
        action = message[2] if message[0] == 2 else "SetChargingProfile"
        self.frames.append({"at": iso(at_ms), "direction": direction, "message": message, "action": action})

    def shown(self) -> Json:
        session = {}
        if self.transaction is not None:
            number = self.transaction["transactionId"]
            powers = {"consumedPowerW": self.drawn_w(), "allocatedPowerW": self.told_w}
            session = {"session": {"transactionId": number, **powers}}
        caps = [] if self.cap_w is None else [{"profileId": PROFILE_ID, "purpose": "TxProfile", "connector": 1}]
        return {
            **({"boot": self.boot} if self.boot else {}),
            **({"connection": {"since": iso(self.since_ms)}} if self.online else {}),
            "connectors": [{"idx": 1, "provisioned": self.provisioned, "status": "Available", **session}],
            "identityConflict": self.conflict,
            "mode": self.mode,
            "caps": caps,
            "failSafePower": 0,
        }


class Stuck(Written):
    """Its register stands still."""

    def running(self) -> Json:
        return {"energyWh": 5, "flags": [], "connectorId": {"idx": 1}}


class _Hands:
    """`Written` as the conductor wants it: one clock for the looks."""

    def __init__(self, written: Written) -> None:
        self.ask, self.please, self.show, self.wait = written.ask, written.please, written.show, written.wait
        self.now_ms = written.now_of_test


def hold(written: Written, *only: str, config: Charger = CONFIG) -> dict[str, Outcome]:
    """Run the steps of these names, and those that they need."""
    case = Case(config, 1, "/chargers/CP001")
    conductor = Conductor(case, _Hands(written))
    outcomes = conductor.conduct(STEPS, frozenset(set(NAMES) - _with_needs(only)) if only else frozenset())
    return {outcome.step: outcome for outcome in outcomes}


def _with_needs(names: tuple[str, ...]) -> set[str]:
    steps = {step.name: step for step in STEPS}
    wanted, found = list(names), set[str]()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted += steps[name].needs
    return found


def unwilling(_: Written) -> bool:
    return False


def nothing(_: Written) -> bool:
    return True


def lost_transaction(written: Written) -> bool:
    written.end()
    written.start()
    written.since_ms, written.frames = written.now() + 1, []
    return True


def above_while_away(written: Written) -> bool:
    written.energy_wh += 500
    written.online, written.since_ms = True, written.now()
    return True


def lost_cap(written: Written) -> bool:
    written.cap_w = None
    written.since_ms, written.frames = written.now() + 1, []
    return True


def twice(written: Written) -> bool:
    for _ in range(2):
        written.now_ms += 30_000
        written.start()
        written.end()
    return True


def unlimited_offline(written: Written) -> bool:
    written.start()
    written.now_ms += 60_000
    written.energy_wh += 180
    written.end()
    return True


def test_a_sound_charger_passes_every_step_and_nothing_is_left() -> None:
    written = Written()
    outcomes = hold(written)
    assert {step: (one.verdict, one.said) for step, one in outcomes.items() if one.verdict is not Verdict.PASSED} == {}
    assert list(outcomes) == list(NAMES)
    outage = [Act.PULL_NETWORK, Act.RESTORE_NETWORK]
    assert written.asked == [
        *(Act.START, *outage, Act.RESTART_SERVER, Act.END),
        *(Act.PULL_NETWORK, Act.POWER_CYCLE, Act.CHARGE_OFFLINE, Act.RESTORE_NETWORK),
    ]
    assert written.cap_w is None
    assert all(clearing == {"id": PROFILE_ID} for clearing in written.cleared)
    stairs = outcomes["staircase"].facts["stairs"]
    assert [(stair["limit"], stair["powerW"]) for stair in stairs] == [
        *(("13.1 A", 9_039), ("10 A", 6_900)),
        *(("8 A", 5_520), ("6 A", 4_140)),
    ]


@pytest.mark.parametrize(
    ("step", "verdict", "said", "change"),
    [
        ("connection", "failed", "not connected", {"online": False}),
        ("connection", "failed", "not connected", {"serves": False}),
        ("identity", "failed", "never sent a BootNotification", {"boot": {}}),
        ("identity", "failed", "more than one charger", {"conflict": True}),
        ("fail_safe", "failed", "only observed", {"mode": "observe"}),
        ("fail_safe", "failed", "no fail-safe limit is in force", {"provisioned": False}),
        ("charging", "not_done", "no car was plugged in", {"on": {Act.START: unwilling}}),
        ("charging", "failed", "no transaction has begun", {"on": {Act.START: nothing}}),
        ("charging", "failed", "no power is metered", {"obeys": lambda _: 0}),
        ("clock", "failed", "7200.0 s ahead", {"clock_off_ms": 7_200_000}),
        ("clock", "failed", "31.0 s behind", {"clock_off_ms": -31_000}),
        ("clock", "passed", "30.0 s behind", {"clock_off_ms": -30_000}),
        ("staircase", "failed", "draws 11000 W", {"obeys": lambda _: FULL_W}),
        ("staircase", "failed", "at 6 A: draws 5520 W", {"obeys": lambda limit_w: max(limit_w, 5_520)}),
        ("staircase", "failed", "at 13.1 A: draws 9660 W", {"obeys": lambda w: min(FULL_W, -(-w // 690) * 690)}),
        (
            "staircase",
            "failed",
            "something else holds it back",
            {"obeys": lambda limit_w: min(limit_w, FULL_W) // 3 * 2},
        ),
        ("staircase", "not_done", "draws 4500 W", {"obeys": lambda limit_w: min(limit_w, 4_500)}),
        ("staircase", "failed", "accepted no limit of 9039 W: Rejected", {"answer": "Rejected"}),
        ("staircase", "failed", "accepted no limit of 9039 W: no answer", {"answer": ""}),
        ("staircase", "failed", "took no cap: 409", {"refuses_caps": True}),
        ("pause", "failed", "draws 4140 W", {"obeys": lambda limit_w: max(4_140, min(limit_w, FULL_W))}),
        ("form", "failed", "answered after 30.0 s", {"answers_after_ms": 30_000}),
        ("network", "not_done", "not cut", {"on": {Act.PULL_NETWORK: unwilling}}),
        ("network", "failed", "was still there", {"on": {Act.PULL_NETWORK: nothing}}),
        ("network", "failed", "not connected again", {"on": {Act.RESTORE_NETWORK: nothing}}),
        ("network", "failed", "its limit allows", {"on": {Act.RESTORE_NETWORK: above_while_away}}),
        ("restart", "not_done", "not restarted", {"on": {Act.RESTART_SERVER: unwilling}}),
        ("restart", "failed", "has not connected anew", {"on": {Act.RESTART_SERVER: nothing}}),
        ("restart", "failed", "cap is not there", {"on": {Act.RESTART_SERVER: lost_cap}}),
        ("restart", "failed", "does not run any more; 2 does", {"on": {Act.RESTART_SERVER: lost_transaction}}),
        ("offline", "not_done", "no car could start", {"on": {Act.CHARGE_OFFLINE: unwilling}}),
        ("offline", "failed", "no transaction of that time", {"on": {Act.CHARGE_OFFLINE: nothing}}),
        ("offline", "failed", "2 transactions have come of one", {"on": {Act.CHARGE_OFFLINE: twice}}),
        ("offline", "failed", "180 Wh in 60 s", {"on": {Act.CHARGE_OFFLINE: unlimited_offline}}),
        ("offline", "passed", "with 0 Wh; after a power cut", {}),
        ("offline", "passed", "with 0 Wh; its power was not cut", {"on": {Act.POWER_CYCLE: unwilling}}),
    ],
)
def test_a_step_says_what_is_wrong(step: str, verdict: str, said: str, change: dict[str, Any]) -> None:
    needs = ("charging",) if step == "clock" else ()
    outcome = hold(Written(**change), step, *needs)[step]
    assert (outcome.verdict, said in outcome.said) == (Verdict(verdict), True), outcome
    assert outcome.verdict is not Verdict.FAILED or outcome.to_do, "who fails is told what to do"


def test_power_that_does_not_come_back_fails_the_resume() -> None:
    paused: list[int] = []

    def obeys(limit_w: int) -> int:
        paused.extend([limit_w] if limit_w == 0 else [])
        return 0 if paused else min(limit_w, FULL_W)

    outcomes = hold(Written(obeys=obeys), "resume")
    assert outcomes["pause"].verdict is Verdict.PASSED
    assert (outcomes["resume"].verdict, outcomes["resume"].said) == (
        Verdict.FAILED,
        "0 W 120 s after it was told power again",
    )


def test_a_meter_whose_register_stands_still_fails() -> None:
    assert hold(Written(), "meter")["meter"].verdict is Verdict.PASSED
    assert "its register counted 0 Wh" in hold(Stuck(), "meter")["meter"].said


def test_with_a_fail_safe_power_nothing_is_said_of_a_pause() -> None:
    outcomes = hold(Written(), "resume", config=replace(CONFIG, fail_safe_power_w=4_140))
    assert (outcomes["pause"].verdict, "failSafe" in outcomes["pause"].to_do) == (Verdict.NOT_DONE, True)
    assert outcomes["resume"].said == "it needs pause, which did not pass"


def test_however_it_ends_the_limit_of_the_test_does_not_stay() -> None:
    written = Written(interrupts=True)
    with pytest.raises(KeyboardInterrupt):
        hold(written, "staircase")
    assert (written.cap_w, written.cleared) == (None, [{"id": PROFILE_ID}])


def test_what_needs_a_step_that_failed_is_not_done() -> None:
    outcomes = hold(Written(online=False))
    assert {name for name, one in outcomes.items() if one.verdict is Verdict.FAILED} == {"connection"}
    assert outcomes["staircase"].said == "it needs charging, which did not pass"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "one transaction, told once, with 5 Wh"),
        ({"stoppedAt": None}, "its stop has not come"),
        ({"flags": ["stop_guessed", "historic"]}, "not billable as it is: stop_guessed"),
        ({"meterStartWh": 1_101}, "it began 101 Wh from the register"),
        ({"meterStartWh": 899}, "it began -101 Wh from the register"),
        ({"energyWh": -1}, "-1 Wh in 60 s"),
        ({"energyWh": 7}, "7 Wh in 60 s"),
    ],
)
def test_what_came_of_a_charge_offline(change: Json, said: str) -> None:
    one: Json = {"transactionId": 2, "meterStartWh": 1_000, "meterStopWh": 1_005, "energyWh": 5, "flags": ["historic"]}
    one |= {"stoppedAt": iso(START_MS)} | change
    one = {name: value for name, value in one.items() if value is not None}
    outcome = judge_replayed(Case(CONFIG, 1, "", stop_wh=1_000), [one], 60_000)
    assert said in outcome.said
    assert (outcome.verdict is Verdict.PASSED) == (not change)


def test_the_names_of_steps_are_those_of_the_command_line() -> None:
    (accept,) = (one for one in app.registered_commands if getattr(one.callback, "__name__", "") == "accept")
    assert accept.callback is not None
    (skip,) = (each for each in accept.callback.__annotations__["skip"].__metadata__)
    assert ", ".join(NAMES) in skip.help


def test_every_step_says_what_it_shows() -> None:
    assert all(step.shows.endswith(".") for step in STEPS)
    assert all(STEPS.index(step) > NAMES.index(need) for step in STEPS for need in step.needs)
