"""What becomes of our CALLs: answers, late answers, errors, time-outs, aborts, refusing chargers (LEDGER.md §3)."""

import pytest

from csms.core.commands import AbortConnection, ProfileKind, Purpose, RateUnit, SetLimit
from csms.core.events import CallAnswered, CallErrored, CallTimedOut, ConfigurationRead, ConnectorStatus
from csms.core.ids import Token
from csms.core.records import SendState
from tests.unit.core.driving import Drive, charger, station

CHARGING, AVAILABLE = ConnectorStatus.CHARGING, ConnectorStatus.AVAILABLE
A, W = RateUnit.A, RateUnit.W


def site(phases: int = 0) -> Drive:
    """Return A and B of 100 kW on 100 kW; A charges, and its cut to 50 kW for B is out."""
    drive = Drive(station(100, charger("A", 100, phases=phases), charger("B", 100, phases=phases)))
    drive.bring_up("A", "B")
    for charger_id in "AB":
        drive.start(charger_id)
        drive.status(charger_id, 1, CHARGING)
        if charger_id == "A":
            drive.accept()
            drive.sample("A", 1, 90_000)
    drive.take()
    return drive


def state(drive: Drive, token: Token) -> SendState | None:
    row = drive.memory.sends.get(token)
    return None if row is None else row.state


ANSWERS = [
    # caption, what comes | state of the cut
    ("nothing", [], SendState.OPEN),
    ("Accepted", ["Accepted"], SendState.ACCEPTED),
    ("Accepted with blanks", [" Accepted "], SendState.ACCEPTED),
    ("Rejected", ["Rejected"], SendState.REFUSED),
    ("NotSupported", ["NotSupported"], SendState.REFUSED),
    ("something unheard of", ["Perhaps"], SendState.REFUSED),
    ("a CALLERROR", ["error"], SendState.REFUSED),
    ("a time-out", ["time-out"], SendState.LOST),
    ("a time-out and a late Accepted", ["time-out", "Accepted"], SendState.ACCEPTED),
    ("a time-out and a late Rejected", ["time-out", "Rejected"], SendState.REFUSED),
    ("the end of the connection", ["gone"], SendState.LOST),
    ("the end of the connection, then Accepted", ["gone", "Accepted"], SendState.LOST),
    ("a newer connection, then Accepted for the old one", ["replaced", "Accepted"], SendState.LOST),
    ("answered twice", ["Rejected", "Accepted"], SendState.REFUSED),
    ("unsent", ["unsent"], None),
]


@pytest.mark.parametrize(("comes", "then"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_what_an_answer_makes_of_a_send(comes: list[str], then: SendState | None) -> None:
    drive = site()
    call = drive.open_limit("A")
    for word in comes:
        if word == "error":
            drive.do(CallErrored(call.token, "InternalError"))
        elif word == "time-out":
            drive.time_out(call)
        elif word == "gone":
            drive.disconnect("A")
        elif word == "replaced":
            drive.connect("A")
        elif word == "unsent":
            drive.unsent(call)
        else:
            drive.do(CallAnswered(call.token, word))
    assert state(drive, call.token) is then
    assert drive.k_kw("A") == 100


@pytest.mark.parametrize(
    "fact",
    [
        CallAnswered(Token(999), "Accepted"),
        CallErrored(Token(999), "x"),
        CallTimedOut(Token(999)),
        ConfigurationRead(Token(999)),
    ],
)
def test_answers_to_nothing_change_nothing(fact: CallAnswered | CallErrored | CallTimedOut | ConfigurationRead) -> None:
    drive = site()
    step = drive.do(fact)
    assert (step.records, step.at_once, step.after_commit) == ((), (), ())


def test_tokens_are_never_given_twice() -> None:
    drive = site()
    drive.recover()
    for charger_id in "AB":
        drive.connect(charger_id)
        drive.accept()
    tokens = [c.token for c in drive.commands if not isinstance(c, AbortConnection)]
    before = max(drive.memory.sends)
    assert len(set(tokens)) == len(tokens)
    assert drive.engine.next_token > before


# --- time-outs and aborts ---------------------------------------------------------------------------------------------


def aborts(drive: Drive) -> int:
    return sum(isinstance(c, AbortConnection) for c in drive.take())


def test_the_second_time_out_running_aborts_the_socket() -> None:
    drive = site()
    drive.time_out(drive.open_limit("A"))
    assert aborts(drive) == 0
    drive.time_out(drive.open_limit("A"))
    assert [c.charger_id for c in drive.last.at_once if isinstance(c, AbortConnection)] == ["A"]


def test_an_answer_in_between_begins_the_count_anew() -> None:
    drive = site()
    drive.time_out(drive.open_limit("A"))
    drive.answer(drive.open_limit("A"))
    drive.wait(11)
    drive.configure(station(60, charger("A", 100), charger("B", 100)))
    drive.time_out(drive.open_limit("A"))
    assert aborts(drive) == 0


def test_after_the_third_abort_in_an_hour_it_is_left_connected_and_counted_as_refusing() -> None:
    drive = Drive(station(100, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.take()
    for n in range(3):
        drive.connect("A")
        drive.boot("A")
        assert "uncontrollable:A" not in drive.notices(), f"before abort {n + 1}"
        for _ in range(2):
            drive.wait(31)
            drive.time_out(drive.open_limit("A", 0))
        assert aborts(drive) == 1
        if n < 2:
            drive.disconnect("A")
    drive.wait(1)
    assert "uncontrollable:A" in drive.notices()
    assert drive.k_kw("A") == 100, "booked at its maximum, whatever it was told before"
    drive.disconnect("A")
    drive.connect("A")
    drive.boot("A")
    drive.wait(1_000)
    for _ in range(3):
        drive.wait(601)
        drive.time_out(drive.open_limit("A", 0))
    assert aborts(drive) == 0


# --- refusing ---------------------------------------------------------------------------------------------------------


def ways_said(drive: Drive) -> list[tuple[Purpose, RateUnit, ProfileKind]]:
    said = [c for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"]
    return [(c.purpose, c.form.unit, c.form.kind) for c in said]


REL = ProfileKind.RELATIVE
TX, DEFAULT = Purpose.TX, Purpose.DEFAULT


@pytest.mark.parametrize(
    ("phases", "ways"),
    [(phases, [(TX, W, REL), (TX, W, REL), (TX, A, REL), (DEFAULT, W, REL)]) for phases in (0, 3)],
    ids=["DC", "AC, Power"],
)
@pytest.mark.parametrize("how", ["Rejected", "error"])
def test_a_running_limit_is_tried_in_three_ways_and_then_it_is_refusing(
    phases: int, ways: list[tuple[Purpose, RateUnit, ProfileKind]], how: str
) -> None:
    drive = Drive(station(100, charger("A", 100, phases=phases), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.take()
    drive.start("A")
    drive.status("A", 1, CHARGING)
    said = ways_said(drive)
    for _ in range(4):  # the form that the default was accepted in is tried twice
        assert "uncontrollable:A" not in drive.notices()
        drive.error(drive.open_limit("A")) if how == "error" else drive.answer(drive.open_limit("A"), "Rejected")
        drive.wait(10)
        said += ways_said(drive)
    assert said[:4] == ways
    assert "uncontrollable:A" in drive.notices()
    assert (drive.k_kw("A"), drive.provisioned("A")) == (100, False)


def refusing() -> Drive:
    drive = Drive(station(200, charger("A", 100), charger("B", 100)))
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    for tried in range(8):  # four forms, each with 0 W and with the least that can be told
        assert drive.notices() == ({"uncontrollable:A"} if tried > 4 else set()), f"three forms are enough: {tried}"
        drive.answer(drive.open_limit("A", 0), "Rejected")
        drive.wait(31)
    assert drive.notices() == {"uncontrollable:A"}
    drive.take()
    return drive


def test_a_refusing_charger_gets_one_try_every_ten_minutes() -> None:
    drive = refusing()
    refused_ms = drive.now_ms - 31_000
    tries: list[int] = []
    for _ in range(3):
        while not ways_said(drive):
            drive.wait(1)
        tries.append((drive.now_ms - refused_ms) // 1_000)
        drive.answer(drive.open_limit("A", 0), "Rejected")
        refused_ms = drive.now_ms
    assert tries == [600, 600, 600]
    assert drive.k_kw("A") == 100


def test_a_try_that_is_accepted_ends_it() -> None:
    drive = refusing()
    drive.wait(600)
    drive.accept()
    assert (drive.notices(), drive.k_kw("A")) == (set(), 0), "the first way was due again"
    assert len(drive.events("charger.obeys_again")) == 1


def test_nothing_is_sent_to_a_session_of_a_refusing_charger_and_its_room_is_not_given_away() -> None:
    drive = refusing()
    drive.configure(station(150, charger("A", 100), charger("B", 100)))
    drive.connect("B")
    drive.status("B", 1, AVAILABLE)
    drive.accept("B")
    drive.take()
    drive.start("A")
    drive.start("B")
    assert (drive.k_kw("A"), drive.limits()) == (100, [("B", 1, 50_000)])


def test_a_late_accepted_also_ends_it() -> None:
    drive = Drive(station(200, charger("A", 100), charger("B", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    first = drive.open_limit("A")
    drive.time_out(first)
    for _ in range(3):
        drive.wait(31)
        drive.answer(drive.open_limit("A"), "Rejected")
    assert "uncontrollable:A" in drive.notices()
    drive.answer(first)
    assert "uncontrollable:A" not in drive.notices()
    assert state(drive, first.token) is SendState.ACCEPTED
