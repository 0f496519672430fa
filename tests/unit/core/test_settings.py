"""A charger's settings through the whole engine: what is read, written, refused, forgotten, and kept over restarts."""

import random
from dataclasses import replace

import pytest

from csms.core.commands import ChangeConfiguration, Command, ReadConfiguration
from csms.core.engine import Step
from csms.core.errors import InvariantError
from csms.core.events import CallAnswered, CallErrored, ConfigurationRead, ConnectorStatus
from csms.core.ids import ChargerId, ConnectionId, Token
from csms.core.replies import ChargerView
from csms.core.settings import Answer, Change
from csms.core.station import Configure, Control
from csms.core.tuning import ENERGY, POWER, Wish
from tests.unit.core.driving import Drive, charger, station

INTERVAL, SAMPLED, PING = "MeterValueSampleInterval", "MeterValuesSampledData", "WebSocketPingInterval"
AVAILABLE = ConnectorStatus.AVAILABLE
BOTH = f"{POWER},{ENERGY}"
LEVEL = {"ChargeProfileMaxStackLevel": "0", "ChargingScheduleAllowedChargingRateUnit": "Power"}
FINE = {INTERVAL: "10", SAMPLED: BOTH, PING: "20", "TransactionMessageAttempts": "3"} | {
    "TransactionMessageRetryInterval": "20"
}
MIN, HOUR = 60, 3_600


class Field(Drive):
    """Chargers whose configuration is in `keys`; they answer what they are asked for, no more.

    Attributes:
        answers: what a key's next writes are answered, first first; Accepted when there is nothing left.
        knows: measurands of which a list may consist; None for any.
        keeps: whether what was Accepted is kept.
    """

    def __init__(self, keys: dict[str, str], *, configure: Configure = Configure.AUTO, chargers: str = "A") -> None:
        self.answers: list[str] = []
        self.knows: set[str] | None = None
        self.keeps = True
        self.readonly: tuple[str, ...] = ()
        configs = (replace(charger(name, 100, control=Control.AUTO), configure=configure) for name in chargers)
        super().__init__(station(100, *configs), keys=LEVEL | keys)

    def answer(self, call: Command, status: str = "Accepted") -> Step:
        if isinstance(call, ReadConfiguration):
            self.open_calls.remove(call)
            told = {key: value for key, value in self.keys.items() if key in call.keys}
            unknown = tuple(key for key in call.keys if key not in told)
            return self.do(ConfigurationRead(call.token, told, unknown, self.readonly))
        if isinstance(call, ChangeConfiguration):
            self.open_calls.remove(call)
            word = self.answers.pop(0) if self.answers else self._judge(call)
            if word == "Accepted" and self.keeps:
                self.keys[call.name] = call.value
            if word.startswith("CALLERROR "):
                return self.do(CallErrored(call.token, word.removeprefix("CALLERROR ")))
            return self.do(CallAnswered(call.token, word))
        return super().answer(call, status)  # type: ignore[arg-type]

    def _judge(self, call: ChangeConfiguration) -> str:
        listed = {item for item in call.value.split(",") if item}
        known = call.key != SAMPLED or self.knows is None or listed <= self.knows
        return "Accepted" if known else "Rejected"

    def arrive(self, name: str = "A", firmware: str = "1") -> None:
        self.connect(name)
        self.boot(name, firmware)
        self.status(name, 1, AVAILABLE)
        self.accept()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with every CALL answered as it comes."""
        until_ms = self.now_ms + int(seconds * 1_000)
        while self.now_ms < until_ms:
            due_ms = self.engine.next_due_ms()
            left_s = (until_ms - self.now_ms) / 1_000
            self.wait(left_s if due_ms is None else min(left_s, max(0.001, (due_ms - self.now.mono_ms) / 1_000)))
            self.accept()

    def writes(self) -> list[tuple[str, str]]:
        """Return what was written since the last time: key and value."""
        return [(c.name, c.value) for c in self.take() if isinstance(c, ChangeConfiguration)]

    def reads(self) -> list[tuple[str, ...]]:
        return [c.keys for c in self.take() if isinstance(c, ReadConfiguration)]

    def shown(self, name: str = "A") -> ChargerView:  # type: ignore[override]
        view = self.engine.all_changes().chargers[ChargerId(name)]
        assert view is not None
        return view

    def change(self, key: str, name: str = "A") -> Change:
        return self.shown(name).changes[key]


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({}, []),
        ({INTERVAL: "60"}, [(INTERVAL, "10")]),
        ({INTERVAL: "0"}, [(INTERVAL, "10")]),
        ({SAMPLED: "Voltage"}, [(SAMPLED, f"Voltage,{BOTH}")]),
        ({SAMPLED: "Voltage", "MeterValuesSampledDataMaxLength": "2"}, [(SAMPLED, f"Voltage,{POWER}")]),
        ({SAMPLED: ""}, [(SAMPLED, BOTH)]),
        ({PING: "240"}, [(PING, "30")]),
        ({INTERVAL: "undefined", SAMPLED: "Unknown", PING: "240"}, [(PING, "30")]),
        (
            {INTERVAL: "900", SAMPLED: ENERGY, PING: "60"},
            [(INTERVAL, "10"), (SAMPLED, f"{ENERGY},{POWER}"), (PING, "30")],
        ),
    ],
)
def test_only_what_does_not_do_is_written_once(told: dict[str, str], written: list[tuple[str, str]]) -> None:
    drive = Field(FINE | told)
    drive.arrive()
    drive.pass_time(HOUR)
    assert drive.writes() == written
    drive.disconnect("A")
    drive.arrive()
    drive.pass_time(HOUR)
    assert drive.writes() == [], "after a boot it is as it should be"


def test_a_charger_that_tells_nothing_is_left_alone() -> None:
    drive = Field({})
    drive.arrive()
    drive.pass_time(HOUR)
    assert drive.writes() == []


def test_a_misspelt_key_is_written_by_the_charger_s_own_name() -> None:
    drive = Field({"MeterValuesSampleInterval": "60"})
    drive.arrive()
    drive.pass_time(MIN)
    assert drive.writes() == [("MeterValuesSampleInterval", "10")]
    assert drive.shown().capabilities.sample_interval_s == 10, "it was read back"


def test_a_read_only_key_is_left_alone_also_after_a_restart() -> None:
    drive = Field({INTERVAL: "60"})
    drive.readonly = (INTERVAL,)
    drive.arrive()
    drive.recover()
    drive.connect("A")
    drive.pass_time(HOUR)
    assert drive.writes() == []


@pytest.mark.parametrize("key", ["StopTxnSampledData", "StopTxnAlignedData", "AuthorizationKey", "HeartbeatInterval"])
def test_no_other_key_can_be_written(key: str) -> None:
    where = (Token(1), ConnectionId(1), ChargerId("A"))
    for written, name in ((key, key), (INTERVAL, key), (key, INTERVAL)):
        with pytest.raises(InvariantError, match="is never written"):
            ChangeConfiguration(*where, written, name, "1")
    with pytest.raises(InvariantError, match="too long"):
        ChangeConfiguration(*where, INTERVAL, INTERVAL, "1" * 501)


@pytest.mark.parametrize("control", [Control.NONE, Control.REST])
def test_a_charger_that_is_not_steered_over_ocpp_is_left_alone(control: Control) -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.start("A")
    drive.accept()
    drive.sample("A", 1, 10_000)
    drive.configure(station(100, charger("A", 100, control=control)))
    drive.pass_time(MIN)
    assert drive.writes() == []


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_charger_is_left_in_peace_for_half_a_minute_after_it_came() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.pass_time(29)
    assert drive.writes() == []
    drive.boot("A", "1")
    drive.accept()
    drive.pass_time(29)
    assert drive.writes() == []
    drive.pass_time(1)
    assert drive.writes() == [(INTERVAL, "10")]


def test_in_a_boot_loop_nothing_is_written() -> None:
    drive = Field({INTERVAL: "60"})
    for _ in range(20):
        drive.arrive()
        drive.pass_time(20)
        drive.disconnect("A")
    assert drive.writes() == []


def test_one_write_at_a_time_and_each_is_read_back() -> None:
    drive = Field({INTERVAL: "60", SAMPLED: ENERGY})
    drive.arrive()
    drive.take()
    drive.wait(30)
    said: list[object] = []
    while drive.open_calls:
        (call,) = drive.open_calls
        said.append(call.keys if isinstance(call, ReadConfiguration) else getattr(call, "name", None))
        drive.answer(call)
    assert said == [INTERVAL, (INTERVAL,), SAMPLED, (SAMPLED,)]


def test_a_write_waits_for_the_limit_of_a_session() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.wait(25)
    drive.start("A")
    limit = drive.open_limit("A")
    drive.wait(10)
    assert drive.writes() == []
    drive.time_out(limit)
    drive.wait(1)
    assert drive.writes() == [], "it is said again"
    drive.answer(drive.open_limit("A"))
    assert drive.writes() == [(INTERVAL, "10")]


def test_a_paused_session_holds_nothing_back() -> None:
    drive = Field({INTERVAL: "60"}, chargers="AB")
    drive.configure(station(10, charger("A", 10, min_w=6_000), charger("B", 10, min_w=6_000)))
    drive.arrive("A")
    drive.arrive("B")
    drive.start("A")
    drive.start("B")
    drive.accept()
    drive.keys[INTERVAL] = "60"
    drive.pass_time(MIN)
    assert [c.charger_id for c in drive.take() if isinstance(c, ChangeConfiguration)] == ["A", "B"]


# --- what is answered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "left", "writes"),
    [
        (["Rejected"], Answer.REFUSED, 1),
        (["Maybe"], Answer.REFUSED, 1),
        (["CALLERROR InternalError"], Answer.REFUSED, 1),
        (["CALLERROR Unreadable"], Answer.REFUSED, 1),
        (["NotSupported"], Answer.NOT_SUPPORTED, 1),
        (["CALLERROR NotImplemented"], Answer.NOT_SUPPORTED, 1),
        (["RebootRequired"], Answer.REBOOT_REQUIRED, 1),
        (["Accepted"], Answer.ACCEPTED, 1),
    ],
)
def test_every_answer_is_the_last_word(answers: list[str], left: Answer, writes: int) -> None:
    drive = Field({INTERVAL: "60"})
    drive.answers = answers
    drive.arrive()
    drive.pass_time(HOUR)
    assert (len(drive.writes()), drive.change(INTERVAL).answer) == (writes, left)
    assert drive.change(INTERVAL).before == "60"
    drive.recover()
    drive.connect("A")
    drive.pass_time(30 * HOUR)
    assert drive.writes() == []
    assert drive.change(INTERVAL).before == "60"


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported"])
def test_another_firmware_is_asked_anew_and_the_old_value_is_still_the_first_one(answer: str) -> None:
    drive = Field({INTERVAL: "60"})
    drive.answers = [answer]
    drive.arrive()
    drive.pass_time(MIN)
    drive.disconnect("A")
    drive.take()
    drive.keys[INTERVAL] = "30"
    drive.arrive(firmware="2")
    drive.pass_time(MIN)
    assert drive.writes() == [(INTERVAL, "10")]
    assert drive.change(INTERVAL) == Change("60", "10", Answer.ACCEPTED)


def test_a_rejection_that_was_not_true_is_found_by_reading_back() -> None:
    drive = Field({INTERVAL: "60"})
    drive.answers = ["Rejected"]
    drive.arrive()
    drive.wait(30)
    drive.keys[INTERVAL] = "10"
    drive.accept()
    assert drive.shown().capabilities.sample_interval_s == 10
    assert drive.shown().suggested == ()


def test_a_charger_that_wants_a_reboot_gets_none_and_a_notice_until_it_boots() -> None:
    drive = Field({INTERVAL: "60"})
    drive.answers = ["RebootRequired"]
    drive.arrive()
    drive.pass_time(MIN)
    assert "reboot_required:A" in drive.notices()
    drive.recover()
    assert "reboot_required:A" in drive.notices()
    drive.keys[INTERVAL] = "10"
    drive.take()
    drive.arrive()
    drive.pass_time(MIN)
    assert "reboot_required:A" not in drive.notices()
    assert drive.writes() == []


FORGOTTEN_S = [30, 10 * MIN, HOUR, 6 * HOUR, 24 * HOUR, 24 * HOUR]


def test_what_is_forgotten_at_once_is_written_ever_more_rarely() -> None:
    drive = Field({INTERVAL: "60"})
    drive.keeps = False
    drive.arrive()
    for pause_s in FORGOTTEN_S:
        drive.pass_time(pause_s - 1)
        assert drive.writes() == []
        drive.pass_time(1)
        assert drive.writes() == [(INTERVAL, "10")], f"after {pause_s} s"


def test_a_charger_that_reboots_whenever_it_is_written_to_and_forgets_it_is_left_in_peace() -> None:
    drive = Field({INTERVAL: "60"})
    drive.keeps = False
    written = 0
    for _ in range(60):
        drive.arrive()
        drive.pass_time(MIN)
        written += len(drive.writes())
        drive.disconnect("A")
    assert written == 2, "within the hour"


# --- no answer --------------------------------------------------------------------------------------------------------


def test_after_a_time_out_it_is_read_before_it_is_written_again_and_that_is_later() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.wait(30)
    (call,) = drive.open_calls
    drive.take()
    drive.open_calls.remove(call)
    drive.time_out(call)
    drive.pass_time(9 * MIN)
    assert drive.reads() == [(INTERVAL,)]
    drive.pass_time(MIN)
    assert drive.writes() == [(INTERVAL, "10")]


def test_a_late_answer_counts_for_its_own_write_only() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.wait(30)
    (call,) = drive.open_calls
    drive.time_out(call)
    drive.do(CallAnswered(call.token, "NotSupported"))
    drive.open_calls.remove(call)
    assert drive.change(INTERVAL).answer is Answer.NOT_SUPPORTED
    drive.pass_time(HOUR)
    assert len(drive.writes()) == 1


def test_a_connection_lost_with_the_write_costs_a_pause_and_one_reading() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.wait(30)
    drive.disconnect("A")
    drive.take()
    drive.wait(5)
    drive.connect("A")
    drive.accept()
    drive.pass_time(9 * MIN)
    assert drive.reads() == [(INTERVAL,)]
    drive.pass_time(MIN)
    assert drive.writes() == [(INTERVAL, "10")]


def test_a_write_that_never_left_is_no_try() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.wait(30)
    (call,) = drive.open_calls
    drive.unsent(call)
    drive.accept()
    assert drive.writes() == [(INTERVAL, "10"), (INTERVAL, "10")]
    assert drive.change(INTERVAL) == Change("60", "10", Answer.ACCEPTED)


def test_after_a_crash_the_write_in_flight_is_read_back_and_its_intent_was_durable() -> None:
    drive = Field({INTERVAL: "60"})
    drive.arrive()
    drive.wait(30)
    assert drive.writes() == [(INTERVAL, "10")]
    drive.recover()
    assert drive.change(INTERVAL) == Change("60", "10")
    drive.keys[INTERVAL] = "10"
    drive.connect("A")
    drive.pass_time(HOUR)
    assert [c.keys for c in drive.commands if isinstance(c, ReadConfiguration)] == [(INTERVAL,)]
    assert drive.writes() == []


def test_a_charger_that_never_answers_readings_is_provisioned_and_not_aborted_for_it() -> None:
    drive = Field({INTERVAL: "60"})
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, AVAILABLE)
    reads = 0
    for _ in range(60):
        for call in list(drive.open_calls):
            if isinstance(call, ReadConfiguration):
                drive.open_calls.remove(call)
                drive.time_out(call)
                reads += 1
            else:
                drive.answer(call)
        drive.wait(5)
    assert (drive.k_kw("A"), reads) == (0, 3)


# --- lists that are refused -------------------------------------------------------------------------------------------

SMALL = f"Voltage,{ENERGY}"


@pytest.mark.parametrize(
    ("knows", "written"),
    [
        ({"Voltage", POWER, ENERGY}, [f"Voltage,{BOTH}"]),
        ({"Voltage", POWER}, [f"Voltage,{BOTH}", f"Voltage,{POWER}"]),
        ({"Voltage", ENERGY}, [f"Voltage,{BOTH}", f"Voltage,{POWER}", f"Voltage,{ENERGY}"]),
        ({"Voltage"}, [f"Voltage,{BOTH}", f"Voltage,{POWER}", f"Voltage,{ENERGY}", "Voltage"]),
        (set[str](), [f"Voltage,{BOTH}", f"Voltage,{POWER}", f"Voltage,{ENERGY}", "Voltage"]),
    ],
    ids=["all", "no energy", "no power", "neither", "nothing"],
)
def test_bisection_ends_with_what_was_taken_and_the_next_of_its_make_gets_that_at_once(
    knows: set[str], written: list[str]
) -> None:
    drive = Field({SAMPLED: "Voltage"}, chargers="AB")
    drive.knows = knows
    drive.arrive("A")
    drive.pass_time(2 * HOUR)
    assert drive.writes() == [(SAMPLED, value) for value in written]
    assert drive.keys[SAMPLED] == (written[-1] if knows else "Voltage")
    drive.recover()
    drive.connect("A")
    drive.pass_time(48 * HOUR)
    assert drive.writes() == [], "once, and over a restart"
    taken = drive.keys[SAMPLED]
    drive.keys[SAMPLED] = "Voltage"
    drive.arrive("B")
    drive.pass_time(2 * HOUR)
    first = [(SAMPLED, taken)] if taken != "Voltage" else []
    assert drive.writes() == (first if knows else [(SAMPLED, value) for value in written]), "a locked one shows nothing"


def test_a_refusal_that_was_applied_ends_the_bisection() -> None:
    drive = Field({SAMPLED: "Voltage"})
    drive.answers = ["Rejected"]
    drive.arrive()
    drive.wait(30)
    drive.keys[SAMPLED] = f"Voltage,{BOTH}"
    drive.accept()
    drive.pass_time(HOUR)
    assert len(drive.writes()) == 1


def test_a_list_that_has_become_too_long_to_write_is_left_alone() -> None:
    drive = Field({SAMPLED: "Voltage"})
    drive.answers = ["Rejected"] * 9
    drive.arrive()
    drive.wait(30)
    drive.keys[SAMPLED] = ",".join(f"Vendor.Measurand{i:03}" for i in range(30))
    drive.accept()
    drive.pass_time(HOUR)
    assert len(drive.writes()) == 1


# --- lists that are taken and not kept as they are --------------------------------------------------------------------


class Shuffler(Field):
    """Accepts every list, keeps `most` of those that it knows, and tells them in another order each time."""

    def __init__(self, keys: dict[str, str], knows: set[str], most: int = 99, chargers: str = "A") -> None:
        super().__init__(keys, chargers=chargers)
        self.keeps = False
        self.has, self.most = knows, most
        self.order = random.Random(1)

    def answer(self, call: Command, status: str = "Accepted") -> Step:
        if isinstance(call, ChangeConfiguration):
            known = [item for item in call.value.upper().split(",") if item in {each.upper() for each in self.has}]
            self.keys[call.name] = ",".join(known[: self.most])
        elif isinstance(call, ReadConfiguration) and SAMPLED in call.keys:
            listed = self.keys[SAMPLED].split(",")
            self.order.shuffle(listed)
            self.keys[SAMPLED] = ",".join(listed)
        return super().answer(call, status)


LONG = "Voltage,Temperature,SoC,Current.Import"


@pytest.mark.parametrize("most", [99, 5])
def test_a_list_that_is_reordered_and_reduced_is_written_once_and_the_make_is_known(most: int) -> None:
    """Power is kept, the register is not: because it is not supported, or because the list is full."""
    has = {*LONG.split(","), POWER} | ({ENERGY} if most < 99 else set())
    drive = Shuffler({SAMPLED: LONG}, has, most, chargers="AB")
    drive.arrive("A")
    drive.pass_time(48 * HOUR)
    assert drive.writes() == [(SAMPLED, drive.change(SAMPLED).value)]
    assert set(drive.change(SAMPLED).value.upper().split(",")) == {*f"{LONG},{BOTH}".upper().split(",")}
    drive.recover()
    drive.connect("A")
    drive.pass_time(48 * HOUR)
    assert drive.writes() == [], "also over a restart"
    drive.keys[SAMPLED] = LONG
    drive.arrive("B")
    drive.pass_time(48 * HOUR)
    ((_, value),) = drive.writes()
    assert POWER in value
    assert ENERGY not in value


def test_a_list_that_is_reordered_only_is_written_once() -> None:
    drive = Shuffler({SAMPLED: LONG}, {*LONG.split(","), POWER, ENERGY})
    drive.arrive()
    drive.pass_time(48 * HOUR)
    assert len(drive.writes()) == 1


def test_a_list_of_which_nothing_is_kept_is_written_twice_and_says_nothing_of_the_make() -> None:
    drive = Shuffler({SAMPLED: f"{LONG},{POWER}"}, {*LONG.split(","), POWER}, chargers="AB")
    drive.arrive("A")
    drive.pass_time(10 * MIN)
    assert len(drive.writes()) == 1
    drive.pass_time(48 * HOUR)
    assert len(drive.writes()) == 1, "in the order in which it stands now: the same list"
    drive.pass_time(48 * HOUR)
    assert drive.writes() == []
    drive.has.add(ENERGY)
    drive.arrive("B")
    drive.pass_time(48 * HOUR)
    assert len(drive.writes()) == 1
    assert ENERGY.upper() in drive.keys[SAMPLED]


def test_what_is_forgotten_at_a_boot_was_kept_before_it() -> None:
    drive = Field({SAMPLED: "Voltage"})
    for _ in range(5):
        drive.keys[SAMPLED] = "Voltage"
        drive.arrive()
        drive.pass_time(48 * HOUR)
        assert drive.writes() == [(SAMPLED, f"Voltage,{BOTH}")]
        drive.disconnect("A")


def test_who_takes_a_measurand_out_of_a_list_that_was_kept_is_not_the_firmware() -> None:
    drive = Field({SAMPLED: "Voltage"}, chargers="AB")
    drive.arrive("A")
    drive.pass_time(HOUR)
    drive.keys[SAMPLED] = f"Voltage,{POWER}"
    drive.disconnect("A")
    drive.arrive("A")
    drive.pass_time(HOUR)
    assert drive.writes() == [(SAMPLED, f"Voltage,{BOTH}")] * 2


# --- suggest, never ---------------------------------------------------------------------------------------------------


def test_suggest_shows_the_difference_and_writes_nothing() -> None:
    drive = Field({INTERVAL: "60", SAMPLED: ENERGY}, configure=Configure.SUGGEST)
    drive.arrive()
    drive.pass_time(HOUR)
    assert drive.writes() == []
    assert "configuration_suggested:A" in drive.notices()
    assert drive.shown().suggested == (Wish(INTERVAL, "60", "10"), Wish(SAMPLED, ENERGY, f"{ENERGY},{POWER}"))
    drive.keys |= {INTERVAL: "10", SAMPLED: BOTH}
    drive.boot("A", "1")
    assert "configuration_suggested:A" in drive.notices(), "until it is read"
    drive.accept()
    assert "configuration_suggested:A" not in drive.notices()


def test_never_does_neither() -> None:
    drive = Field({INTERVAL: "60"}, configure=Configure.NEVER)
    drive.arrive()
    drive.pass_time(HOUR)
    assert drive.writes() == []
    assert not any(notice.startswith("configuration_suggested") for notice in drive.notices())


@pytest.mark.parametrize(("to", "writes"), [(Configure.AUTO, 1), (Configure.NEVER, 0)])
def test_a_suggestion_is_taken_up_when_the_configuration_says_so(to: Configure, writes: int) -> None:
    drive = Field({INTERVAL: "60"}, configure=Configure.SUGGEST)
    drive.arrive()
    drive.pass_time(MIN)
    drive.configure(station(100, replace(charger("A", 100, control=Control.AUTO), configure=to)))
    drive.accept()
    assert len(drive.writes()) == writes


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_what_was_read_and_changed_is_shown_and_survives() -> None:
    drive = Field(FINE | {INTERVAL: "60", "HeartbeatInterval": "undefined"})
    drive.arrive()
    drive.pass_time(MIN)
    for _ in range(2):
        shown = drive.shown()
        assert dict(shown.settings) == LEVEL | FINE | {INTERVAL: "10", "HeartbeatInterval": "undefined"}
        assert shown.capabilities.message_attempts == 3
        assert dict(shown.changes) == {INTERVAL: Change("60", "10", Answer.ACCEPTED)}
        drive.recover()


def test_only_keys_that_are_asked_for_are_kept_of_a_full_dump() -> None:
    drive = Field({})
    drive.connect("A")
    (call,) = drive.open_calls
    drive.open_calls.remove(call)
    dump = {f"Vendor{i}": "x" for i in range(1_000)} | {"numberOFconnectors": "1", INTERVAL: "60"}
    drive.do(ConfigurationRead(call.token, dump))
    assert dict(drive.shown().settings) == {"NumberOfConnectors": "1", INTERVAL: "60"}


def test_a_key_that_is_known_no_more_is_forgotten_and_one_that_is_not_told_is_not() -> None:
    drive = Field({INTERVAL: "5", SAMPLED: BOTH})
    drive.arrive()
    del drive.keys[INTERVAL]
    drive.wait(60)
    drive.boot("A", "1")
    drive.accept()
    assert INTERVAL not in drive.shown().settings
    drive.wait(60)
    drive.boot("A", "1")
    for _ in range(10):
        for call in list(drive.open_calls):
            if isinstance(call, ReadConfiguration):
                drive.open_calls.remove(call)
                drive.do(ConfigurationRead(call.token))
            else:
                drive.answer(call)
    assert drive.shown().settings[SAMPLED] == BOTH
