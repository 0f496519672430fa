"""`mode: observe`: nothing is written, what a charger would get is shown, and it is booked as one nobody steers."""

import random
from dataclasses import replace

import pytest

from csms.core.commands import (
    AbortConnection,
    ChangeAvailability,
    ChangeConfiguration,
    ClearLimits,
    Command,
    LimitForm,
    Purpose,
    RateUnit,
    ReadConfiguration,
    RemoteStop,
    SetLimit,
    Trigger,
)
from csms.core.engine import Engine
from csms.core.errors import InvariantError
from csms.core.events import CommandRequested, ConnectorStatus
from csms.core.ids import ChargerId, CommandId, ConnectionId, RequestId, Token, TransactionId
from csms.core.observing import check_nothing_written
from csms.core.recovery import rebuild
from csms.core.replies import Refusal, Refused, SessionView
from csms.core.station import Control, FailSafe, Mode, Station
from tests.unit.core.driving import Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING
A, B = charger("A", 100), charger("B", 100)
A_OBSERVED = replace(A, mode=Mode.OBSERVE)
READS = (ReadConfiguration, Trigger)


def observed(grid_kw: int = 300) -> Drive:
    """Return A, which is observed, and B, which is steered; both are there and have answered all they were asked."""
    drive = Drive(station(grid_kw, A_OBSERVED, B))
    drive.bring_up("B")
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(100)
    return drive


def to_a(drive: Drive) -> list[Command]:
    """Return what A was commanded since the last time."""
    return [command for command in drive.take() if command.charger_id == "A"]


def session(drive: Drive, charger_id: str) -> SessionView:
    return next(s for s in drive.engine.all_changes().sessions.values() if s is not None and s.charger_id == charger_id)


# --- nothing is written -----------------------------------------------------------------------------------------------


def test_from_its_first_connection_to_the_end_of_a_charge_it_is_only_read() -> None:
    drive = observed()
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.draws({("A", 1): 60}, 60)
    drive.wait(200)
    drive.accept()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.wait(200)
    sent = to_a(drive)
    assert {type(command) for command in sent} <= set(READS)
    assert any(isinstance(command, ReadConfiguration) for command in sent), "its configuration may be read"
    assert any(isinstance(command, Trigger) for command in sent), "a silent meter is asked"


def test_a_setting_that_should_be_another_is_shown_and_not_written() -> None:
    keys = {"MeterValueSampleInterval": "0", "MeterValuesSampledData": "Energy.Active.Import.Register"}
    drive = Drive(station(300, A_OBSERVED), keys=keys)
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(1_000)
    assert drive.keys == keys
    assert {"configuration_suggested:A", "observed:A"} <= drive.notices()


def test_one_that_ignores_its_limits_is_not_stopped_once_it_is_observed() -> None:
    drive = Drive(station(120, A, B))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.draws({("A", 1): 100, ("B", 1): 60}, 100)
    assert "not_obeying:A#1" in drive.notices()
    drive.configure(station(60, A_OBSERVED, B))
    drive.take()
    drive.draws({("A", 1): 100, ("B", 1): 60}, 1_000)
    assert {type(command) for command in to_a(drive)} <= set(READS)
    assert "not_obeying:A#1" in drive.notices(), "it was seen to ignore limits, and nothing has been seen since"


def test_what_an_operator_asks_for_is_sent() -> None:
    drive = observed()
    drive.take()
    drive.do(
        CommandRequested(
            RequestId(900), CommandId("c"), ChargerId("A"), "UnlockConnector", '{"connectorId":1}', "operator"
        )
    )
    assert [type(command).__name__ for command in to_a(drive)] == ["Operate"]


def test_a_client_may_stop_a_session_and_start_none() -> None:
    drive = observed()
    refused = drive.outcomes[drive.post("A", 1, 50)]
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NOT_CONTROLLED
    drive.start("A")
    drive.take()
    drive.rest_stop(session(drive, "A").session_id)
    assert [type(command) for command in to_a(drive)] == [RemoteStop]


def test_a_remote_start_that_waits_for_its_limit_is_answered_when_its_charger_becomes_observed() -> None:
    drive = Drive(station(300, A, B))
    drive.bring_up("A")
    drive.wait(100)
    request = drive.post("A", 1, 50)
    (call,) = drive.open_calls
    drive.answer(call)
    drive.configure(station(300, A_OBSERVED, B))
    assert request not in drive.outcomes
    drive.start("A", tag="VIRTUAL")
    assert drive.shown(request).observed


CONNECTION, CHARGER = ConnectionId(1), ChargerId("A")
FORM = LimitForm(RateUnit.W, 3, 230)


@pytest.mark.parametrize(
    ("command", "is_written"),
    [
        (SetLimit(Token(1), CONNECTION, CHARGER, 0, Purpose.DEFAULT, 0, FORM, None, False, ""), True),
        (ClearLimits(Token(1), CONNECTION, CHARGER, None, 0), True),
        (
            ChangeConfiguration(
                Token(1), CONNECTION, CHARGER, "MeterValueSampleInterval", "MeterValueSampleInterval", "5"
            ),
            True,
        ),
        (ChangeAvailability(Token(1), CONNECTION, CHARGER, 1, operative=True), True),
        (RemoteStop(Token(1), CONNECTION, CHARGER, TransactionId(1), urgent=True), True),
        (RemoteStop(Token(1), CONNECTION, CHARGER, TransactionId(1)), False),
        (ReadConfiguration(Token(1), CONNECTION, CHARGER, ()), False),
        (Trigger(Token(1), CONNECTION, CHARGER, "MeterValues", 1), False),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("mode", Mode)
def test_the_gate(command: Command, *, is_written: bool, mode: Mode) -> None:
    drive = Drive(station(300, replace(A, mode=mode)))
    state = rebuild(drive.memory.snapshot(), drive.now)
    if is_written and mode is Mode.OBSERVE:
        with pytest.raises(InvariantError, match="A is observed"):
            check_nothing_written(state, [command])
    else:
        check_nothing_written(state, [command])


# --- what is booked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("control", [Control.AUTO, Control.OCPP])
@pytest.mark.parametrize(("reserved_kw", "booked_kw"), [(None, 100), (30, 30)])
def test_it_books_its_maximum_or_what_is_reserved_from_the_start(
    control: Control, reserved_kw: int | None, booked_kw: int
) -> None:
    drive = Drive(station(300, charger("A", 100, 2, control=control, reserved_kw=reserved_kw, mode=Mode.OBSERVE)))
    assert drive.k_kw("A") == booked_kw
    drive.connect("A")
    drive.boot("A")
    for idx in (1, 2):
        drive.status("A", idx, AVAILABLE)
    drive.accept()
    drive.wait(100)
    assert drive.k_kw("A") == booked_kw
    assert not drive.engine.all_changes().chargers[ChargerId("A")].provisioned  # type: ignore[union-attr]


def test_others_get_what_it_leaves() -> None:
    drive = observed(grid_kw=150)
    drive.start("A")
    drive.start("B")
    drive.draws({("A", 1): 40, ("B", 1): 50}, 100)
    assert session(drive, "B").allocated_w == 50_000
    assert drive.row_kw() == 150


def test_what_is_measured_above_what_is_reserved_is_booked_until_nothing_flows() -> None:
    drive = Drive(station(300, charger("A", 100, 2, reserved_kw=30, mode=Mode.OBSERVE), B))
    drive.connect("A")
    drive.boot("A")
    drive.accept()
    transactions = [drive.start("A", idx) for idx in (1, 2)]
    for idx in (1, 2):
        drive.status("A", idx, CHARGING)
    drive.draws({("A", 1): 20}, 20)
    assert drive.k_kw("A") == 30
    drive.draws({("A", 1): 20, ("A", 2): 25}, 20)
    assert drive.k_kw("A") == 45
    drive.draws({("A", 1): 5, ("A", 2): 5}, 60)
    assert drive.k_kw("A") == 45, "a low meter frees nothing"
    assert not {n for n in drive.notices() if n.startswith("not_obeying")}, "it was told nothing"
    for idx, transaction_id in enumerate(transactions, 1):
        drive.stop("A", transaction_id)
        drive.status("A", idx, AVAILABLE)
    assert drive.k_kw("A") == 30


def test_what_is_measured_above_its_maximum_is_booked() -> None:
    drive = observed()
    drive.start("A")
    drive.draws({("A", 1): 110}, 20)
    assert drive.k_kw("A") == 110
    assert "max_power_wrong:A" in drive.notices()


def test_what_was_sent_before_stays_booked_beside_what_is_reserved() -> None:
    drive = Drive(station(300, charger("A", 100, reserved_kw=30), B))
    drive.bring_up("A", "B")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.draws({("A", 1): 100}, 60)
    assert drive.k_kw("A") == 100
    drive.take()
    drive.configure(station(300, charger("A", 100, reserved_kw=30, mode=Mode.OBSERVE), B))
    drive.wait(300)
    assert drive.k_kw("A") == 100, "the limit of its transaction may be in force"
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.wait(100)
    assert drive.k_kw("A") == 30
    assert {type(command) for command in to_a(drive)} <= set(READS)


def test_a_lowered_reserve_frees_nothing_while_a_car_charges() -> None:
    drive = observed()
    transaction_id = drive.start("A")
    drive.configure(station(300, replace(A_OBSERVED, reserved_power_w=30_000), B))
    drive.wait(100)
    assert drive.k_kw("A") == 100
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.wait(1)
    assert drive.k_kw("A") == 30


# --- from one mode to the other ---------------------------------------------------------------------------------------


def test_observed_while_it_charges_it_books_its_maximum_and_others_are_cut_for_it() -> None:
    drive = Drive(station(120, A, B))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.start("B")
    drive.draws({("A", 1): 60, ("B", 1): 60}, 100)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (60, 60)
    drive.take()
    drive.configure(station(120, A_OBSERVED, B))
    drive.draws({("A", 1): 60, ("B", 1): 20}, 60)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (100, 20)
    drive.wait(1_000)
    assert {type(command) for command in to_a(drive)} <= set(READS)
    shown = drive.engine.all_changes().chargers[ChargerId("A")]
    assert shown is not None
    assert (shown.observed, shown.provisioned, shown.fail_safe_w, shown.connectors[0].confirmed_w) == (
        True,
        False,
        None,
        None,
    )


def test_steered_again_it_is_provisioned_and_its_session_is_told_its_limit() -> None:
    drive = observed(grid_kw=150)
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.start("B")
    drive.draws({("A", 1): 100, ("B", 1): 50}, 100)
    drive.take()
    drive.configure(station(150, A, B))
    sent = to_a(drive)
    drive.accept()
    drive.draws({("A", 1): 75, ("B", 1): 75}, 100)
    sent += to_a(drive)
    purposes = {command.purpose for command in sent if isinstance(command, SetLimit)}
    assert purposes == {Purpose.DEFAULT, Purpose.TX}
    assert any(isinstance(command, ClearLimits) for command in sent), "others may have left something"
    assert drive.provisioned("A")
    assert (drive.k_kw("A"), drive.k_kw("B"), drive.row_kw()) == (75, 75, 150)
    assert "observed:A" not in drive.notices()


def test_back_and_forth_everything_is_said_anew() -> None:
    drive = Drive(station(300, A, B))
    drive.bring_up("A")
    drive.wait(100)
    drive.configure(station(300, A_OBSERVED, B))
    assert drive.k_kw("A") == 100
    drive.take()
    drive.configure(station(300, A, B))
    drive.wait(60)
    drive.accept()
    sent = to_a(drive)
    assert any(isinstance(command, SetLimit) and command.purpose is Purpose.DEFAULT for command in sent)
    assert any(isinstance(command, ClearLimits) for command in sent)
    assert (drive.provisioned("A"), drive.k_kw("A")) == (True, 0)


def test_one_that_refused_every_limit_is_not_called_refusing_while_it_is_observed() -> None:
    drive = Drive(station(300, A, B))
    drive.connect("A")
    drive.boot("A")
    for _ in range(60):
        drive.wait(5)
        for call in list(drive.open_calls):
            drive.answer(call, "Rejected" if isinstance(call, SetLimit) else "Accepted")
    assert "uncontrollable:A" in drive.notices()
    drive.configure(station(300, A_OBSERVED, B))
    drive.wait(2_000)
    assert "uncontrollable:A" not in drive.notices()


def test_the_mode_survives_a_restart() -> None:
    drive = Drive(station(300, A, B))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.accept()
    drive.configure(station(300, A_OBSERVED, B))
    drive.recover()
    drive.take()
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(1_000)
    assert {type(command) for command in to_a(drive)} <= set(READS)
    assert drive.k_kw("A") == 100
    assert session(drive, "A").observed


# --- what it would get ------------------------------------------------------------------------------------------------


def test_it_is_shown_what_it_would_get_if_it_were_steered() -> None:
    drive = observed(grid_kw=150)
    drive.start("A")
    drive.start("B")
    drive.draws({("A", 1): 100, ("B", 1): 50}, 100)
    shown = session(drive, "A")
    assert (shown.allocated_w, shown.limited_by, shown.observed) == (75_000, "grid", True)
    other = session(drive, "B")
    assert (other.allocated_w, other.observed) == (50_000, False), "it gets what is left, whatever A would get"


def test_a_car_that_takes_less_would_get_what_it_takes() -> None:
    drive = observed()
    drive.start("A")
    drive.draws({("A", 1): 20}, 200)
    assert session(drive, "A").allocated_w == 24_000
    assert session(drive, "A").limited_by == "vehicle"


@pytest.mark.parametrize(("fail_safe", "kw"), [(FailSafe.CLOSED, 100), (FailSafe.RESERVE, 90)])
def test_its_idle_connectors_would_take_their_fail_safe_power_and_no_more(fail_safe: FailSafe, kw: int) -> None:
    power_w = 10_000 if fail_safe is FailSafe.RESERVE else 0
    two = replace(charger("A", 100, 2, mode=Mode.OBSERVE), fail_safe=fail_safe, fail_safe_power_w=power_w)
    drive = Drive(station(300, two))
    drive.connect("A")
    drive.boot("A")
    drive.accept()
    drive.start("A")
    drive.draws({("A", 1): 100}, 60)
    assert session(drive, "A").allocated_w == kw * 1_000


def test_in_safe_mode_nothing_is_written_either() -> None:
    drive = observed()
    drive.start("A")
    drive.recover(safe=True)
    drive.take()
    drive.connect("A")
    drive.boot("A")
    drive.wait(100)
    assert isinstance(drive.engine, Engine)
    assert not [c for c in to_a(drive) if not isinstance(c, READS)]


# --- anything in any order --------------------------------------------------------------------------------------------


class Walk:
    """Three chargers that change their modes while cars come and go, links break and the process restarts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        reserved_kw = [self.random.choice([None, 20]) for _ in "ABC"]
        self.chargers = {
            name: charger(name, 100, self.random.choice([1, 2]), reserved_kw=kw)
            for name, kw in zip("ABC", reserved_kw, strict=True)
        }
        self.modes = {name: self.random.choice(list(Mode)) for name in self.chargers}
        self.grid_kw = self.random.choice([120, 200, 250])
        self.transactions: dict[tuple[str, int], int] = {}
        self.drive = Drive(self.site())
        self.everybody_comes()

    def site(self) -> Station:
        return station(self.grid_kw, *(replace(c, mode=self.modes[name]) for name, c in self.chargers.items()))

    def everybody_comes(self) -> None:
        for name in self.chargers:
            self.drive.connect(name)
            self.drive.boot(name)

    def go(self) -> None:
        """Do one thing."""
        name = self.random.choice(list(self.chargers))
        weights = {
            self.change_mode: 3,
            self.plug: 3,
            self.meter: 6,
            self.answer: 6,
            self.wait: 5,
            self.break_link: 1,
            self.restart: 1,
        }
        (act,) = self.random.choices(list(weights), list(weights.values()))
        act(name)

    def change_mode(self, name: str) -> None:
        self.modes[name] = Mode.OBSERVE if self.modes[name] is Mode.CONTROL else Mode.CONTROL
        self.drive.configure(self.site())

    def plug(self, name: str) -> None:
        place = name, self.random.randint(1, self.chargers[name].connectors)
        if name not in self.drive.connections:
            return
        if place in self.transactions:
            self.drive.stop(name, self.transactions.pop(place))
            self.drive.status(*place, AVAILABLE)
        else:
            self.transactions[place] = self.drive.start(*place)
            self.drive.status(*place, CHARGING)

    def meter(self, _: str) -> None:
        for name, idx in self.transactions:
            if name in self.drive.connections:
                self.drive.sample(name, idx, self.random.randint(0, 110) * 1_000)

    def answer(self, _: str) -> None:
        for call in list(self.drive.open_calls):
            if call not in self.drive.open_calls:
                continue
            if self.random.random() < 0.8:
                self.drive.answer(call, self.random.choice(["Accepted"] * 9 + ["Rejected"]))
            elif self.random.random() < 0.5:
                self.drive.time_out(call)

    def wait(self, _: str) -> None:
        self.drive.wait(self.random.choice([1, 5, 10, 30, 70]))

    def break_link(self, name: str) -> None:
        if name in self.drive.connections:
            self.drive.disconnect(name)
        else:
            self.drive.connect(name)
            self.drive.boot(name)

    def restart(self, _: str) -> None:
        self.drive.recover()
        self.everybody_comes()


@pytest.mark.parametrize("first", range(0, 20, 5))
def test_whatever_happens_nothing_is_written_to_who_is_observed(first: int) -> None:
    """The engine asserts I1 and I3 at each step, the drive that recovery books the same or more (I7)."""
    for seed in range(first, first + 5):
        walk, steered = Walk(seed), 0
        for _ in range(120):
            walk.drive.take()
            walk.go()
            for command in walk.drive.take():
                is_read = isinstance(command, (*READS, AbortConnection))
                assert is_read or walk.modes[command.charger_id] is Mode.CONTROL, f"seed {seed}: {command}"
                steered += not is_read
        assert steered, "somebody was steered"
