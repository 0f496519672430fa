from dataclasses import replace

import pytest

from csms.core.commands import LimitForm, Purpose, RateUnit
from csms.core.ids import ChargerId, ConnectionId, Token, TransactionId
from csms.core.limits import (
    Book,
    Send,
    accept,
    lose,
    refuse,
    restore,
    settle,
)
from csms.core.records import SendState

H_MS = 60_000
TX, NEXT_TX = TransactionId(7), TransactionId(8)
AT_LEVEL_1 = LimitForm(RateUnit.W, 3, 230, stack_level=1)


def send(token: int, limit_kw: int, at_s: float, transaction_id: TransactionId | None = TX) -> Send:
    return Send(
        Token(token),
        ChargerId("A"),
        1,
        Purpose.TX,
        limit_kw * 1_000,
        LimitForm(RateUnit.W, 3, 230),
        transaction_id,
        transaction_id,
        ConnectionId(1),
        int(at_s * 1_000),
        0,
    )


def told(*happenings: tuple[float, str]) -> Book:
    """Return the book after what happened, oldest first: (seconds, words).

    `send 1 100` (token, kW), `Accepted 1`, `Rejected 1`, `lost 1` (time-out or abort), `settled 1`, `unsent 1`;
    rule (b) is applied after each.
    """
    book = Book()
    sends: dict[str, Send] = {}
    for at_s, words in happenings:
        word, token, *limit = words.split()
        now_ms = int(at_s * 1_000)
        if word == "send":
            sends[token] = send(int(token), int(limit[0]), at_s)
            sends[token].handed = True
            book.sends.append(sends[token])
        elif word == "unsent":
            book.drop_unsent(sends[token].token)
        elif word == "lost":
            lose(sends[token], now_ms)
        elif word == "settled":
            settle(sends[token])
        else:
            if sends[token].lost_ms is not None:
                book.answered_late(sends[token])
            if word == "Accepted":
                accept(sends[token], now_ms)
            else:
                refuse(sends[token])
        book.drop_superseded(H_MS)
    return book


RULES: list[tuple[str, list[tuple[float, str]], int]] = [
    ("nothing sent, nothing booked", [], 0),
    ("sent and not answered: it may be in force", [(0, "send 1 100")], 100),
    ("Accepted and settled: in force", [(0, "send 1 100"), (1, "Accepted 1"), (1, "settled 1")], 100),
    ("Rejected proves nothing", [(0, "send 1 100"), (1, "Rejected 1")], 100),
    ("lost proves nothing, however long ago", [(0, "send 1 100"), (10, "lost 1")], 100),
    ("(a) none of its bytes left", [(0, "send 1 100"), (0, "unsent 1")], 0),
    ("(a) frees that one alone", [(0, "send 1 40"), (1, "Accepted 1"), (2, "send 2 90"), (2, "unsent 2")], 40),
    ("a cut on its way frees nothing", [(0, "send 1 100"), (1, "Accepted 1"), (2, "send 2 50")], 100),
    ("nor when it is Accepted", [(0, "send 1 100"), (1, "Accepted 1"), (2, "send 2 50"), (3, "Accepted 2")], 100),
    (
        "(b) the car has let go",
        [(0, "send 1 100"), (1, "Accepted 1"), (2, "send 2 50"), (3, "Accepted 2"), (4, "settled 2")],
        50,
    ),
    (
        "(b) frees what was Rejected before as well",
        [(0, "send 1 100"), (1, "Rejected 1"), (2, "send 2 50"), (3, "Accepted 2"), (4, "settled 2")],
        50,
    ),
    (
        "(b) a refused cut settles nothing",
        [(0, "send 1 100"), (1, "Accepted 1"), (2, "send 2 50"), (3, "Rejected 2"), (4, "settled 2")],
        100,
    ),
    (
        "(b) lost at 10, the later one left at 69: too early",
        [(0, "send 1 100"), (10, "lost 1"), (69, "send 2 50"), (70, "Accepted 2"), (71, "settled 2")],
        100,
    ),
    (
        "(b) lost at 10, the later one left at 70 = 10 + H",
        [(0, "send 1 100"), (10, "lost 1"), (70, "send 2 50"), (71, "Accepted 2"), (72, "settled 2")],
        50,
    ),
    (
        "(b) a late answer before the later one left is an answer",
        [
            *[(0, "send 1 100"), (10, "lost 1"), (11, "Accepted 1")],
            *[(12, "send 2 50"), (13, "Accepted 2"), (14, "settled 2")],
        ],
        50,
    ),
    (
        "(b) a late answer after it left may tell of an execution after it",
        [
            *[(0, "send 1 100"), (10, "lost 1"), (11, "send 2 50"), (12, "Accepted 2"), (13, "settled 2")],
            *[(14, "Accepted 1")],
        ],
        100,
    ),
    (
        "(b) … and the next one to settle frees it",
        [
            *[(0, "send 1 100"), (10, "lost 1"), (11, "send 2 50"), (12, "Accepted 2"), (13, "settled 2")],
            *[(14, "Accepted 1"), (15, "send 3 50"), (16, "Accepted 3"), (17, "settled 3")],
        ],
        50,
    ),
    (
        "(b) an earlier settled send frees no later one",
        [(0, "send 1 50"), (1, "Accepted 1"), (1, "settled 1"), (2, "send 2 100"), (12, "lost 2")],
        100,
    ),
    (
        "a raise is booked with its intent, the limit before with it",
        [(0, "send 1 50"), (1, "Accepted 1"), (1, "settled 1"), (2, "send 2 80")],
        80,
    ),
]


@pytest.mark.parametrize(("happenings", "booked_kw"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_what_is_booked(happenings: list[tuple[float, str]], booked_kw: int) -> None:
    assert told(*happenings).power_w == booked_kw * 1_000


ENDS = [
    # answered, lost at s, now s, other transaction still runs | kept kW
    ("answered: out of force at once", True, None, 0, False, 0),
    ("never answered: it may still be executed", False, None, 500, False, 100),
    ("lost at 10, now 69", False, 10, 69, False, 100),
    ("lost at 10, now 70 = 10 + H", False, 10, 70, False, 0),
    ("the send of another transaction stays", True, None, 0, True, 100),
]


@pytest.mark.parametrize(
    ("answered", "lost_s", "now_s", "other", "kept_kw"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS]
)
def test_rule_c_at_the_end_of_a_transaction(
    answered: bool,  # noqa: FBT001 - a column of the table
    lost_s: int | None,
    now_s: int,
    other: bool,  # noqa: FBT001 - a column of the table
    kept_kw: int,
) -> None:
    one = send(1, 100, 0, NEXT_TX if other else TX)
    if answered:
        accept(one, 1_000)
    if lost_s is not None:
        lose(one, lost_s * 1_000)
    book = Book([one])
    gone = book.drop_ended(frozenset({TX}), now_s * 1_000, H_MS)
    assert book.power_w == kept_kw * 1_000
    assert gone == ([] if kept_kw else [one])


@pytest.mark.parametrize(("now_ms", "next_ms"), [(0, 70_000), (69_999, 70_000), (70_000, 80_000), (80_000, None)])
def test_when_the_next_lost_send_becomes_harmless(now_ms: int, next_ms: int | None) -> None:
    book = told((0, "send 1 100"), (10, "lost 1"), (11, "send 2 90"), (20, "lost 2"))
    assert book.next_harmless_ms(now_ms, H_MS) == next_ms
    assert told((0, "send 1 100"), (1, "Accepted 1")).next_harmless_ms(now_ms, H_MS) is None


@pytest.mark.parametrize(
    ("state", "happening", "then"),
    [
        (SendState.OPEN, "Accepted", SendState.ACCEPTED),
        (SendState.OPEN, "Rejected", SendState.REFUSED),
        (SendState.OPEN, "lost", SendState.LOST),
        (SendState.OPEN, "settled", SendState.OPEN),
        (SendState.ACCEPTED, "Accepted", SendState.ACCEPTED),
        (SendState.ACCEPTED, "Rejected", SendState.ACCEPTED),
        (SendState.ACCEPTED, "lost", SendState.ACCEPTED),
        (SendState.ACCEPTED, "settled", SendState.SETTLED),
        (SendState.LOST, "Accepted", SendState.ACCEPTED),
        (SendState.LOST, "Rejected", SendState.REFUSED),
        (SendState.LOST, "lost", SendState.LOST),
        (SendState.LOST, "settled", SendState.LOST),
        (SendState.REFUSED, "Accepted", SendState.REFUSED),
        (SendState.REFUSED, "lost", SendState.REFUSED),
        (SendState.REFUSED, "settled", SendState.REFUSED),
        (SendState.SETTLED, "Accepted", SendState.SETTLED),
        (SendState.SETTLED, "Rejected", SendState.SETTLED),
        (SendState.SETTLED, "lost", SendState.SETTLED),
    ],
)
def test_the_states_of_one_send(state: SendState, happening: str, then: SendState) -> None:
    one = send(1, 100, 0)
    one.state = state
    changed = {
        "Accepted": lambda: accept(one, 5),
        "Rejected": lambda: refuse(one),
        "lost": lambda: lose(one, 5),
        "settled": lambda: settle(one),
    }[happening]()
    assert one.state is then
    assert changed == (then is not state)


RECOVERED = [
    # state stored             | state after, answered (for rule b)
    (SendState.OPEN, SendState.LOST),
    (SendState.LOST, SendState.LOST),
    (SendState.REFUSED, SendState.REFUSED),
    (SendState.ACCEPTED, SendState.ACCEPTED),
    (SendState.SETTLED, SendState.SETTLED),
]


@pytest.mark.parametrize(("stored", "then"), RECOVERED)
def test_a_recovered_send_counts_as_lost_at_that_moment(stored: SendState, then: SendState) -> None:
    before = send(1, 100, 0)
    before.state = stored
    one = restore(before.stored(), 500_000)
    assert (one.state, one.answered, one.lost_ms, one.connection) == (then, False, 500_000, None)
    assert (one.limit_w, one.token, one.transaction_id) == (100_000, 1, TX)
    for left_s, kept in ((559, True), (560, False)):
        later = send(2, 50, left_s)
        accept(later, left_s * 1_000)
        settle(later)
        book = Book([one, later])
        book.drop_superseded(H_MS)
        assert (one in book.sends) is kept, f"a settled send that left at {left_s} s"


def test_what_a_book_says_of_its_sends() -> None:
    book = told((0, "send 1 100"), (1, "Accepted 1"), (1, "settled 1"), (2, "send 2 50"), (3, "Accepted 2"))
    assert book.last is not None
    assert book.settled is not None
    assert (book.last.limit_w, book.settled.limit_w, book.accepted_w(TX)) == (50_000, 100_000, 50_000)
    assert book.waits_for_meter
    assert not told((0, "send 1 100")).waits_for_meter
    assert (Book().last, Book().settled, Book().accepted_w(TX)) == (None, None, None)


@pytest.mark.parametrize(
    ("events", "least_w"),
    [
        ([], None),
        ([(2, "send 2 0")], 0),
        ([(2, "send 2 0"), (3, "Rejected 2")], 0),
        ([(2, "send 2 0"), (12, "lost 2")], 0),
        ([(2, "send 2 20"), (12, "lost 2"), (13, "send 3 40")], 20_000),
        ([(2, "send 2 0"), (12, "lost 2"), (13, "send 3 40"), (14, "Accepted 3")], None),
    ],
    ids=["nothing", "in flight", "refused", "lost", "the least of two", "said again and Accepted"],
)
def test_what_was_told_after_the_limit_accepted_may_be_in_force_whatever_was_answered(
    events: list[tuple[int, str]], least_w: int | None
) -> None:
    book = told((0, "send 1 100"), (1, "Accepted 1"), (1, "settled 1"), *events)
    assert (book.told_since_w(TX), book.told_since_w(NEXT_TX)) == (least_w, None)


def test_a_level_is_not_cleared_while_the_newest_default_may_stand_at_it() -> None:
    one = replace(send(1, 4, 0, None), purpose=Purpose.DEFAULT, form=AT_LEVEL_1, state=SendState.REFUSED)
    two = replace(send(2, 0, 1, None), purpose=Purpose.DEFAULT, state=SendState.SETTLED)
    three = replace(send(3, 1, 2, None), purpose=Purpose.DEFAULT, form=AT_LEVEL_1, state=SendState.ACCEPTED)
    assert Book([one, two]).prevailing() == [one]
    assert Book([one, two, three]).prevailing() == []


def test_clearing_defaults_leaves_tx_profiles_of_that_level() -> None:
    tx = replace(send(1, 4, 0, None), form=AT_LEVEL_1, state=SendState.SETTLED)
    default = replace(send(2, 0, 1, None), purpose=Purpose.DEFAULT, state=SendState.SETTLED)
    book = Book([tx, default])
    assert (book.executed_at(1, 100_000, H_MS), book.prevailing()) == (frozenset(), [])
    assert Book([default, tx]).prevailing() == []


def test_a_limit_of_the_transaction_before_says_nothing_of_the_next_one() -> None:
    """Its car may be held at the fail-safe default: what it does not draw then is not what it does not want."""
    book = told((0, "send 1 100"), (1, "Accepted 1"), (1, "settled 1"))
    assert (book.accepted_w(TX), book.accepted_w(NEXT_TX)) == (100_000, None)


def test_a_default_that_is_said_later_is_no_limit_of_the_transaction() -> None:
    book = told((0, "send 1 100"), (1, "Accepted 1"), (1, "settled 1"))
    default = replace(send(2, 0, 2, None), purpose=Purpose.DEFAULT, state=SendState.SETTLED)
    book.sends.append(default)
    assert (book.last, book.last_of(TX), book.last_of(NEXT_TX), book.last_of(None)) == (
        default,
        book.sends[0],
        None,
        None,
    )
    assert (book.accepted_w(TX), book.accepted_w(NEXT_TX)) == (100_000, 0)
    assert [book.has_settled(*which) for which in ((TX, Purpose.TX), (TX, Purpose.DEFAULT), (None, *Purpose))] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("first", "second", "cleared_after_s", "booked_kw"),
    [
        (0, 0, None, 50),
        (0, 1, None, 50),
        (1, 0, None, 100),
        (1, 0, 69, 100),
        (1, 0, 70, 50),
        (1, 1, None, 50),
    ],
    ids=[
        "the same level",
        "a higher level prevails",
        "a lower one does not",
        "cleared too early: it may be executed after that",
        "cleared when it can no longer be executed",
        "both high",
    ],
)
def test_a_send_at_a_higher_stack_level_goes_only_when_that_was_cleared(
    first: int, second: int, cleared_after_s: int | None, booked_kw: int
) -> None:
    high, low = send(1, 100, 0), send(2, 50, 80)
    high.form, low.form = replace(high.form, stack_level=first), replace(low.form, stack_level=second)
    high.purpose = low.purpose = Purpose.DEFAULT
    book = Book([high, low])
    lose(high, 10_000)
    accept(low, 81_000)
    settle(low)
    if cleared_after_s is not None:
        for level in {0, first}:
            book.level_cleared(book.executed_at(level, cleared_after_s * 1_000, H_MS))
    book.drop_superseded(H_MS)
    assert book.power_w == booked_kw * 1_000


def test_rule_d_a_clearing_takes_what_was_said_before_it() -> None:
    book = told((0, "send 1 100"), (1, "Accepted 1"), (2, "send 2 50"), (3, "Accepted 2"))
    default = replace(send(3, 30, 4), purpose=Purpose.DEFAULT)
    book.sends += [default, send(5, 20, 6)]
    assert [one.token for one in book.drop_cleared(Token(4))] == [1, 2]
    assert [one.token for one in book.sends] == [3, 5], "neither a default nor what was said after it"
