"""What is said after a stop: chargers steered by TxDefaultProfile, and chargers that keep their TxProfiles."""

from dataclasses import replace

import pytest

from csms.core.commands import ClearLimits, LimitForm, Purpose, RateUnit, SetLimit
from csms.core.events import ConnectorStatus, MakesTaught
from csms.core.ids import ChargerId, RequestId, Token
from csms.core.ladder import Manner
from csms.core.learnt import MAKES_MAX, Learnt, Make
from csms.core.records import SendState
from csms.core.replies import MakesShown, Refusal, Refused
from csms.core.station import FailSafe
from tests.unit.core.driving import BOOT, Drive, charger, station

AVAILABLE, CHARGING, FINISHING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.FINISHING
TX, DEFAULT = Purpose.TX, Purpose.DEFAULT
MAKE = Make(BOOT.vendor, BOOT.model, BOOT.firmware_version)


def two(grid_kw: int = 100) -> Drive:
    """Return a station of two chargers of one make and 100 kW each, both provisioned."""
    drive = Drive(station(grid_kw, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.take()
    return drive


def said(drive: Drive) -> list[tuple[str, Purpose, int, int | str]]:
    """Return the limits and clearings since the last time: charger, purpose, connector, W."""
    return [
        (c.charger_id, c.purpose, -1 if c.idx is None else c.idx, c.limit_w if isinstance(c, SetLimit) else "clear")
        for c in drive.take()
        if isinstance(c, SetLimit | ClearLimits)
    ]


def open_clear(drive: Drive, charger_id: str) -> ClearLimits:
    return next(c for c in drive.open_calls if isinstance(c, ClearLimits) and c.charger_id == charger_id)


# --- steered by TxDefaultProfile ------------------------------------------------------------------------------------


def by_default(grid_kw: int = 100) -> tuple[Drive, int]:
    """Return a station whose charger A refuses TxProfile and charges at 100 kW by its connector's TxDefaultProfile."""
    drive = two(grid_kw)
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    for _ in range(3):
        drive.answer(drive.open_limit("A"), "Rejected")
        drive.wait(31)
    call = drive.open_limit("A")
    assert (call.purpose, call.idx, call.limit_w) == (DEFAULT, 1, 99_360), (
        "what the last try, in amperes, had rounded to"
    )
    assert call.form.stack_level == 1, "one above the fail-safe default, which is in force again when it is gone"
    drive.answer(call)
    drive.sample("A", 1, 99_000)
    drive.wait(11)
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 100_000)
    assert said(drive)[-1] == ("A", DEFAULT, 1, 100_000)
    return drive, transaction_id


def test_a_charger_that_refuses_tx_profiles_is_steered_by_its_connectors_default() -> None:
    drive, _ = by_default()
    assert (drive.k_kw("A", 1), drive.notices()) == (100, set())
    drive.start("B")
    assert said(drive) == [("A", DEFAULT, 1, 50_000)]
    drive.sample("A", 1, 50_000)
    drive.answer(drive.open_limit("A"))
    assert drive.k_kw("A", 1) == 100, "what was said as TxProfile was answered Rejected, which is no evidence"
    drive.stop("A", 1)
    drive.accept()
    assert drive.k_kw("A", 1) == 0


def test_a_tx_profile_that_prevails_over_the_default_is_cleared_in_its_transaction() -> None:
    drive, _ = by_default()
    drive.start("B")
    drive.sample("A", 1, 50_000)
    drive.answer(drive.open_limit("A"))
    assert (drive.k_kw("A", 1), drive.k_kw("B", 1)) == (100, 0), "a TxProfile of 100 kW was refused, and may prevail"
    clear = open_clear(drive, "A")
    assert (clear.idx, clear.purpose) == (1, TX)
    drive.answer(clear, "Unknown")
    assert (drive.k_kw("A", 1), drive.k_kw("B", 1)) == (50, 50)


def test_clearing_what_prevails_is_given_up_where_it_is_never_done() -> None:
    drive, _ = by_default()
    drive.start("B")
    drive.sample("A", 1, 50_000)
    drive.answer(drive.open_limit("A"))
    asked = 0
    for _ in range(30):
        for call in [c for c in drive.open_calls if isinstance(c, ClearLimits)]:
            drive.answer(call, "Rejected")
            asked += 1
        drive.accept_limits()
        drive.sample("A", 1, 50_000)
        drive.wait(31)
    assert (asked, drive.k_kw("A", 1)) == (3, 100)


def test_the_next_charger_of_the_make_begins_with_what_was_learnt() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.accept()
    drive.take()
    drive.start("B")
    assert said(drive) == [("B", DEFAULT, 1, 100_000)]
    learnt = drive.memory.makes[MAKE].learnt
    assert learnt.manner is not None
    assert learnt.manner.purpose is DEFAULT


def test_what_was_learnt_outlives_a_restart() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.accept()
    drive.recover()
    drive.bring_up("B")
    drive.take()
    drive.start("B")
    assert said(drive) == [("B", DEFAULT, 1, 100_000)]


def test_another_firmware_is_learnt_anew() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.accept()
    drive.connect("B")
    drive.boot("B", firmware="2.0")
    drive.status("B", 1, AVAILABLE)
    drive.accept()
    drive.take()
    drive.start("B")
    assert said(drive) == [("B", TX, 1, 100_000)]


def test_the_end_of_a_transaction_sends_the_fail_safe_first() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.accept()
    transaction_id = drive.start("A")
    drive.accept()
    drive.sample("A", 1, 90_000)
    drive.start("B")
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 50_000)
    drive.answer(drive.open_limit("B"))
    drive.wait(11)
    drive.take()
    drive.stop("A", transaction_id)
    (at_once,) = drive.last.at_once
    assert isinstance(at_once, SetLimit), "it depends on nothing, so it does not wait for the commit"
    assert (at_once.charger_id, at_once.purpose, at_once.idx, at_once.limit_w) == ("A", DEFAULT, 1, 0)
    assert drive.k_kw("A", 1) == 50, "a stop is no evidence that the connector's default is gone"
    drive.wait(5)
    assert [one for one in said(drive) if one[0] == "B"] == []
    drive.answer(at_once)
    assert (drive.k_kw("A", 1), said(drive)) == (0, [("B", DEFAULT, 1, 100_000)])


def test_a_lower_fail_safe_does_not_wait_for_the_answer_to_a_clearing() -> None:
    drive, transaction_id = by_default()
    reserving = replace(charger("A", 100), fail_safe=FailSafe.RESERVE, fail_safe_power_w=10_000)
    drive.configure(station(100, reserving, charger("B", 100)))
    drive.accept()
    drive.stop("A", transaction_id)
    drive.answer(drive.open_limit("A"))
    drive.status("A", 1, AVAILABLE)
    drive.wait(70)
    assert open_clear(drive, "A").idx == 1, "what is not answered yet"
    drive.configure(station(100, charger("A", 100), charger("B", 100)))
    drive.take()
    drive.answer(drive.open_limit("A", 0))
    drive.wait(1)
    assert ("A", DEFAULT, 1, 0) in said(drive)


def test_a_lower_fail_safe_is_said_to_a_free_connector_before_the_cars_of_others_have_followed() -> None:
    reserving = replace(charger("A", 100, 2), fail_safe=FailSafe.RESERVE, fail_safe_power_w=10_000)
    drive = Drive(station(100, reserving))
    drive.bring_up("A")
    drive.start("A", 2)
    drive.status("A", 2, CHARGING)
    drive.sample("A", 2, 10_000)
    connector = drive.engine._state.chargers[ChargerId("A")].connectors[1]
    settled = drive.engine._state.chargers[ChargerId("A")].defaults.sends[-1]
    form = replace(settled.form, stack_level=1)
    connector.limits.sends.append(replace(settled, token=Token(900), idx=1, form=form))
    drive.configure(station(100, charger("A", 100, 2)))
    drive.take()
    drive.answer(drive.open_limit("A", 0))
    drive.wait(1)
    assert drive.engine._state.chargers[ChargerId("A")].defaults.settled is settled, "its car draws 10 kW"
    assert ("A", DEFAULT, 1, 0) in said(drive)


def test_a_connectors_default_at_a_higher_level_goes_when_that_is_cleared_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drive = two()
    monkeypatch.setattr(drive, "_check", lambda: None)  # what is put in by hand is not in the store
    charger_a = drive.engine._state.chargers[ChargerId("A")]
    standing = charger_a.defaults.sends[-1]
    form = replace(standing.form, stack_level=1)
    lost = replace(standing, token=Token(0), idx=1, limit_w=50_000, form=form, state=SendState.LOST, lost_ms=0)
    charger_a.connectors[1].limits.sends = [lost, replace(standing, token=Token(1), idx=1, sent_ms=0)]
    drive.wait(61)
    (clear,) = (call for call in drive.open_calls if isinstance(call, ClearLimits))
    assert (clear.idx, clear.stack_level, drive.k_kw("A", 1)) == (1, 1, 50)
    drive.answer(clear)
    drive.wait(61)
    drive.accept()
    assert drive.k_kw("A", 1) == 0


@pytest.mark.parametrize("how", ["Rejected", "error", "time-out"])
def test_a_fail_safe_that_is_not_taken_is_said_again(how: str) -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.status("A", 1, FINISHING)
    tries = 0
    for _ in range(3):
        calls = [one for one in said(drive) if one == ("A", DEFAULT, 1, 0)]
        tries += len(calls)
        call = drive.open_limit("A")
        match how:
            case "Rejected":
                drive.answer(call, "Rejected")
            case "error":
                drive.error(call)
            case _:
                drive.time_out(call)
        drive.wait(31)
        assert drive.k_kw("A", 1) == 100, "neither a refusal nor silence frees anything"
    assert tries == 3
    drive.wait(61)
    drive.answer(drive.open_limit("A"))
    assert drive.k_kw("A", 1) == 0


def test_a_fail_safe_default_outlives_a_restart_in_the_ledger() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.recover()
    assert drive.k_kw("A", 1) == 100
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept("A")
    drive.wait(61)
    drive.accept("A")
    assert drive.k_kw("A", 1) == 0


def test_a_new_transaction_goes_on_from_what_is_booked() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.take()
    drive.start("A")
    drive.wait(1)
    assert (drive.k_kw("A", 1), said(drive)) == (100, [])
    drive.answer(drive.open_limit("A"))
    drive.wait(11)
    assert said(drive) == [("A", DEFAULT, 1, 100_000)], "the fail-safe power was taken: the next car begins from there"


def test_a_lost_default_beneath_a_running_transaction_does_not_stay_booked() -> None:
    drive, transaction_id = by_default()
    chargers = charger("A", 100), charger("B", 100)
    drive.configure(station(50, *chargers))
    drive.accept()
    drive.draws({("A", 1): 50}, 30)
    drive.configure(station(100, *chargers))
    drive.time_out(drive.open_limit("A"))
    drive.stop("A", transaction_id)
    drive.accept()
    drive.do(MakesTaught({MAKE: Learnt()}, RequestId(drive.number())))  # told by TxProfile from now on
    drive.configure(station(60, *chargers))
    drive.start("A")
    drive.accept()
    drive.draws({("A", 1): 60}, 30)
    assert drive.k_kw("A", 1) == 100, "the default that was lost may be executed yet"
    drive.take()
    drive.draws({("A", 1): 60}, 60)
    assert ("A", DEFAULT, 1, 0) in said(drive)
    assert drive.k_kw("A", 1) == 60


def test_a_new_transaction_is_told_its_own_limit_when_the_fail_safe_power_was_refused() -> None:
    drive, transaction_id = by_default()
    drive.stop("A", transaction_id)
    drive.start("A")
    drive.wait(1)
    drive.take()
    drive.answer(drive.open_limit("A"), "Rejected")
    drive.wait(1)
    assert said(drive) == [("A", DEFAULT, 1, 100_000)], "the 0 that was refused may be executed yet"


def test_clearing_foreign_defaults_says_the_running_default_again() -> None:
    drive, _ = by_default(400)
    drive.configure(station(400, charger("A", 100, 2), charger("B", 100)))
    drive.status("A", 2, AVAILABLE)
    drive.accept("A")
    assert ("A", DEFAULT, 1, 100_000) in said(drive)


def test_a_make_that_was_taught_is_spoken_to_accordingly() -> None:
    drive = two()
    manner = Manner(DEFAULT, LimitForm(RateUnit.W, 3, 230, stack_level=1))
    request = RequestId(drive.number())
    drive.do(MakesTaught({MAKE: Learnt(manner=manner, pauses=False), Make("W", "X", "1"): Learnt()}, request))
    outcome = drive.outcomes[request]
    assert isinstance(outcome, MakesShown)
    assert set(outcome.makes) == {MAKE, Make("W", "X", "1")}
    drive.start("A")
    assert said(drive) == [("A", DEFAULT, 1, 100_000)]
    drive.recover()
    assert drive.memory.makes[MAKE].learnt.pauses is False
    assert {"does_not_pause:A", "does_not_pause:B"} <= drive.notices()


def test_more_makes_than_are_remembered_are_refused_as_a_whole() -> None:
    drive = two()
    there = len(drive.memory.makes)
    full = {Make("W", f"X{n}", "1"): Learnt(pauses=True) for n in range(MAKES_MAX - there)}
    for makes, taken in ((full, True), ({**full, Make("W", "Y", "1"): Learnt(), MAKE: Learnt(pauses=False)}, False)):
        before = dict(drive.memory.makes)
        request = RequestId(drive.number())
        drive.do(MakesTaught(makes, request))
        outcome = drive.outcomes[request]
        assert isinstance(outcome, MakesShown) is taken
        if not taken:
            said = "at most 1000 makes are remembered: 1000 are, and 1 of these would be new; nothing was changed"
            assert outcome == Refused(Refusal.TOO_MANY_MAKES, said)
            assert drive.memory.makes == before
    request = RequestId(drive.number())
    drive.do(MakesTaught({MAKE: Learnt(pauses=False)}, request))
    assert isinstance(drive.outcomes[request], MakesShown), "what is known can be taught again"
    assert drive.memory.makes[MAKE].learnt.pauses is False


def test_a_firmware_that_finds_no_room_is_learnt_for_its_charger_alone() -> None:
    drive = two()
    there = len(drive.memory.makes)
    full = {Make("W", f"X{n}", "1"): Learnt() for n in range(MAKES_MAX - there)}
    drive.do(MakesTaught(full, RequestId(drive.number())))
    before = dict(drive.memory.makes)
    drive.boot("A", "another")
    drive.engine._state.chargers[ChargerId("A")].learnt.pauses = False
    assert drive.engine._state.makes[MAKE].pauses is None
    drive.recover()
    assert drive.memory.makes == before
    assert len(drive.engine._state.makes) == MAKES_MAX


# --- chargers that keep their TxProfiles ----------------------------------------------------------------------------


def charged(drive: Drive, charger_id: str = "A") -> None:
    """Let one car charge and go; every limit is Accepted, nothing said after the stop is answered."""
    drive.wait(1)
    transaction_id = drive.start(charger_id)
    drive.accept()
    drive.status(charger_id, 1, CHARGING)
    drive.sample(charger_id, 1, 90_000)
    drive.take()
    drive.stop(charger_id, transaction_id)
    drive.status(charger_id, 1, AVAILABLE)


def keeper() -> Drive:
    """Return a station of a make that was seen to keep its TxProfiles."""
    drive = two()
    charged(drive)
    drive.answer(open_clear(drive, "A"), "Accepted")
    drive.take()
    assert drive.memory.makes[MAKE].learnt.keeps_tx_profile is True
    return drive


def test_a_charger_that_turns_out_to_be_of_such_a_make_is_seen_to() -> None:
    drive = keeper()
    assert (drive.provisioned("B"), drive.k_kw("B")) == (True, 0), "nobody is cut for what others may have left there"
    drive.answer(open_clear(drive, "B"), "Unknown")
    drive.take()
    drive.wait(60)
    assert said(drive) == []


def test_a_car_that_charges_at_such_a_charger_is_not_disturbed() -> None:
    drive = two()
    transaction_id = drive.start("B")
    drive.accept()
    drive.status("B", 1, CHARGING)
    drive.sample("B", 1, 40_000)
    charged(drive)
    drive.answer(open_clear(drive, "A"), "Accepted")
    drive.accept("B")
    assert not [one for one in said(drive) if one[0] == "B" and one[3] == "clear"]
    drive.stop("B", transaction_id)
    assert said(drive)[-1] == ("B", TX, 1, "clear")


def test_the_first_stop_of_a_make_asks_whether_it_keeps_its_profiles() -> None:
    drive = two()
    charged(drive)
    assert said(drive) == [("A", TX, 1, "clear")]
    assert drive.k_kw("A", 1) == 0, "nothing speaks for it yet: rule (c) as for any charger"


@pytest.mark.parametrize(
    ("answer", "learnt"), [("Accepted", True), ("Unknown", False), ("NotSupported", None), ("Rejected", None)]
)
def test_the_answer_tells(answer: str, learnt: bool | None) -> None:  # noqa: FBT001 - a row of the table
    drive = two()
    charged(drive)
    for _ in range(1 if learnt is not None else 3):
        drive.answer(open_clear(drive, "A"), answer)
        drive.wait(10)
    assert drive.memory.makes[MAKE].learnt.keeps_tx_profile is learnt
    drive.take()
    drive.wait(120)
    assert said(drive) == [], "asked once a stop, three times where the answer tells nothing"
    charged(drive)
    assert said(drive) == ([] if learnt is False else [("A", TX, 1, "clear")])


def test_a_profile_that_was_never_accepted_tells_nothing() -> None:
    drive = two()
    transaction_id = drive.start("A")
    drive.time_out(drive.open_limit("A"))
    drive.time_out(drive.open_limit("A"))
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.wait(61)
    drive.answer(open_clear(drive, "A"), "Unknown")
    assert drive.memory.makes[MAKE].learnt.keeps_tx_profile is None


def test_where_profiles_are_kept_the_clearing_frees_and_nothing_else() -> None:
    drive = keeper()
    charged(drive)
    assert drive.k_kw("A", 1) == 100
    drive.start("B")
    drive.wait(5)
    assert drive.limits() == [], "B waits for the clearing at A"
    drive.answer(open_clear(drive, "A"), "Accepted")
    drive.wait(1)
    assert (drive.k_kw("A", 1), drive.limits()) == (0, [("B", 1, 100_000)])


def test_a_clearing_that_is_not_answered_is_asked_for_again() -> None:
    drive = keeper()
    charged(drive)
    drive.take()
    for pause_s in (0, 5):
        call = open_clear(drive, "A")
        drive.open_calls.remove(call)
        drive.time_out(call)
        drive.wait(pause_s)
        assert drive.k_kw("A", 1) == 100
        assert said(drive) == [("A", TX, 1, "clear")]
    drive.answer(open_clear(drive, "A"), "Unknown")
    assert drive.k_kw("A", 1) == 0


def test_nothing_is_cleared_while_a_lost_limit_may_still_be_executed() -> None:
    drive = keeper()
    drive.wait(1)
    transaction_id = drive.start("A")
    drive.accept()
    drive.sample("A", 1, 90_000)
    drive.start("B")
    drive.time_out(drive.open_limit("A"))
    drive.time_out(drive.open_limit("A"))
    drive.take()
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.wait(59)
    assert [one for one in said(drive) if one[3] == "clear"] == []
    drive.wait(2)
    assert ("A", TX, 1, "clear") in said(drive)


def test_a_kept_profile_is_booked_for_the_next_transaction_until_its_own_limit_has_settled() -> None:
    drive = keeper()
    charged(drive)
    drive.wait(1)
    drive.take()
    drive.start("B")
    drive.start("A")
    assert drive.k_kw("A", 1) == 100, "the kept profile is in force for it"
    drive.wait(1)
    assert drive.limits() == [("A", 1, 50_000)]
    drive.sample("A", 1, 50_000)
    drive.answer(drive.open_limit("A"))
    assert drive.k_kw("A", 1) == 50


def test_where_it_is_to_have_more_than_was_kept_it_is_told_what_is_booked_at_once() -> None:
    """The kept profile may be cleared by then: its default alone would be in force while what is booked is its own."""
    drive = keeper()
    transaction_id = drive.start("A")
    drive.accept()
    drive.start("B")
    for _ in range(12):
        drive.accept()
        drive.draws({("A", 1): 30, ("B", 1): 60}, 10)
    kept_kw = drive.k_kw("A", 1)
    assert kept_kw < 50
    drive.stop("A", transaction_id)
    drive.take()
    drive.start("A")
    drive.wait(1)
    assert (drive.k_kw("A", 1), drive.row_kw()) == (kept_kw, 100), "no raise before B has let go"
    assert ("A", 1, round(kept_kw * 1_000)) in drive.limits()


def test_a_clearing_that_overtook_the_next_start_has_its_limit_said_again() -> None:
    drive = keeper()
    charged(drive)
    clear = open_clear(drive, "A")
    drive.time_out(clear)
    drive.wait(1)
    drive.start("A")
    drive.wait(1)
    drive.answer(drive.open_limit("A"))
    drive.take()
    drive.answer(clear, "Accepted")
    assert drive.limits() == [("A", 1, 100_000)], "late: it may have cleared the newer limit"


def test_a_clearing_asked_for_after_one_stop_says_nothing_of_the_transaction_after_it() -> None:
    drive = keeper()
    charged(drive)
    clear = open_clear(drive, "A")
    drive.wait(1)
    transaction_id = drive.start("A")
    drive.wait(1)
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 90_000)
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.take()
    drive.answer(clear, "Accepted")
    assert drive.k_kw("A", 1) == 100, "its limit may have been kept after that"
    assert said(drive) == [("A", TX, 1, "clear")]
    drive.answer(open_clear(drive, "A"), "Accepted")
    assert drive.k_kw("A", 1) == 0


def test_after_a_restart_what_is_kept_is_booked_and_cleared() -> None:
    drive = keeper()
    charged(drive)
    drive.recover()
    assert drive.k_kw("A", 1) == 100
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.wait(61)
    drive.accept("A")
    assert drive.k_kw("A", 1) == 0


@pytest.mark.parametrize("how", ["taught", "boot"])
def test_what_a_make_is_known_to_keep_only_after_a_restart_is_booked_until_it_is_cleared(how: str) -> None:
    drive = two()
    transaction_id = drive.start("A")
    drive.time_out(drive.open_limit("A"))
    drive.stop("A", transaction_id)
    drive.recover()
    drive.connect("A")
    make = MAKE if how == "taught" else Make(BOOT.vendor, BOOT.model, "2")
    drive.do(MakesTaught({make: Learnt(keeps_tx_profile=True)}, RequestId(drive.number())))
    if how == "boot":
        drive.boot("A", "2")
        drive.accept("A")
    drive.status("A", 1, AVAILABLE)
    drive.wait(62)
    assert drive.k_kw("A", 1) == 100, "no end of a transaction frees what is kept"
    drive.answer(open_clear(drive, "A"), "Unknown")
    assert drive.k_kw("A", 1) == 0


def test_what_another_system_may_have_left_is_cleared_before_a_connector_is_provisioned() -> None:
    drive = keeper()
    drive.connect("B")
    drive.configure(station(100, charger("A", 100), charger("B", 100), charger("C", 100)))
    drive.connect("C")
    drive.boot("C")
    drive.status("C", 1, AVAILABLE)
    drive.take()
    for _ in range(20):
        calls = [c for c in drive.open_calls if c.charger_id == "C"]
        if not calls or (isinstance(calls[0], ClearLimits) and calls[0].purpose is TX):
            break
        drive.answer(calls[0])
    assert said(drive)[-1] == ("C", TX, 1, "clear")
    assert (drive.provisioned("C"), drive.k_kw("C")) == (False, 100)
    drive.answer(open_clear(drive, "C"), "Unknown")
    assert (drive.provisioned("C"), drive.k_kw("C")) == (True, 0)


def test_it_is_cleared_also_under_a_running_transaction_whose_limit_is_then_said_again() -> None:
    drive = keeper()
    drive.wait(1)
    drive.start("A")
    drive.accept()
    drive.sample("A", 1, 90_000)
    drive.status("A", 1, CHARGING)
    for call in [*drive.open_calls]:
        drive.answer(call)
    drive.engine._state.chargers[ChargerId("A")].distrust()
    drive.take()
    drive.wait(61)
    drive.disconnect("A")
    drive.connect("A")
    drive.accept("A")
    clears_and_limits = [one for one in said(drive) if one[1] is TX]
    assert ("A", TX, 1, "clear") in clears_and_limits
    assert clears_and_limits[-1] == ("A", TX, 1, 100_000)
    assert not drive.provisioned("A"), "what was settled before the clearing is no evidence"
    drive.wait(10)
    assert drive.provisioned("A")


def test_a_limit_accepted_after_its_transaction_is_believed_gone_in_time() -> None:
    drive = two()
    transaction_id = drive.start("A")
    limit = drive.open_limit("A")
    drive.time_out(limit)
    drive.stop("A", transaction_id)
    drive.status("A", 1, AVAILABLE)
    drive.answer(limit)
    drive.accept("A")
    drive.wait(59)
    assert drive.k_kw("A", 1) == 100, "it may be in force for a transaction that was not reported yet"
    drive.wait(2)
    drive.accept("A")
    assert drive.k_kw("A", 1) == 0, "for a minute no power has flowed"


def test_one_accepted_in_the_transaction_after_its_own_ends_with_that() -> None:
    drive = two()
    transaction_id = drive.start("A")
    late = drive.open_limit("A")
    drive.time_out(late)
    drive.stop("A", transaction_id)
    drive.wait(1)
    transaction_id = drive.start("A")
    for call in [call for call in drive.open_calls if call is not late]:
        drive.answer(call)
    drive.answer(late)
    drive.stop("A", transaction_id)
    assert drive.k_kw("A", 1) == 0, "it was for the second one from its start on, and for no other"


# --- chargers that forget their default -----------------------------------------------------------------------------


@pytest.mark.parametrize(("power_w", "forgets"), [(900, False), (1_000, False), (1_001, True), (90_000, True)], ids=str)
def test_a_draw_above_the_default_after_a_boot_marks_the_make(power_w: int, forgets: bool) -> None:  # noqa: FBT001
    drive = two()
    drive.wait(10)
    drive.connect("A")
    drive.boot("A")
    drive.sample("A", 1, power_w)
    assert ("forgets_default:A" in drive.notices()) is forgets
    assert drive.k_kw("A") == (100 if forgets else 0), "what it may draw is certain no more"
    drive.accept()
    assert drive.k_kw("A") == 0


def test_a_running_limit_that_outlives_a_boot_speaks_for_itself() -> None:
    drive = two()
    drive.start("A")
    drive.accept()
    drive.boot("A")
    drive.sample("A", 1, 99_000)
    assert drive.notices() == set()


def test_a_make_that_forgets_is_not_trusted_after_a_boot() -> None:
    drive = two(150)
    drive.wait(10)
    drive.boot("A")
    drive.sample("A", 1, 50_000)
    drive.accept()
    drive.sample("A", 1, 0)
    drive.start("B")
    drive.accept()
    assert (drive.k_kw("A"), drive.k_kw("B")) == (0, 100)
    drive.wait(10)
    drive.take()
    drive.boot("A")
    assert drive.k_kw("A") == 100, "booked until its default is in force again"
    assert drive.limits() == [("B", 1, 50_000)], "and the others are cut for it at once"
    drive.accept("A")
    assert drive.k_kw("A") == 0


def test_the_mark_outlives_a_restart() -> None:
    drive = two()
    drive.boot("A")
    drive.sample("A", 1, 50_000)
    drive.recover()
    assert "forgets_default:A" in drive.notices()
    assert drive.memory.makes[MAKE].learnt.forgets_default
