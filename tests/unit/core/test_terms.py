"""Weights and priorities: who says them, and what they do in a plan."""

from dataclasses import replace

import pytest

from csms.core.events import StartKey, TagStatus, TermsRequested, TransactionStarted
from csms.core.ids import ChargerId, RequestId, SessionId
from csms.core.learnt import Learnt
from csms.core.replies import Refused, SessionShown, SessionView
from csms.core.station import Charger, ConnectorTerms
from csms.core.terms import UNSAID, Standing, Terms, standing
from tests.unit.core.driving import KW, Drive, charger, station


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), Standing(1, 0)),
        ((UNSAID, UNSAID), Standing(1, 0)),
        ((Terms(weight=3), Terms(2, 5)), Standing(3, 5)),
        ((Terms(priority=0), Terms(2, 5)), Standing(2, 0)),
    ],
)
def test_the_first_who_says_it_counts(said: tuple[Terms, ...], expected: Standing) -> None:
    assert standing(*said) == expected


def terms(drive: Drive, name: str, said: Terms) -> SessionView:
    """`PUT /sessions/{id}/share`."""
    request = RequestId(drive.number())
    drive.do(TermsRequested(request, SessionId(name), said))
    outcome = drive.outcomes[request]
    assert isinstance(outcome, SessionShown)
    return outcome.session


def begun(drive: Drive, charger_id: str, said: Terms = UNSAID, idx: int = 1) -> str:
    """Start a transaction with a tag of which something is listed, and return the name of its session."""
    number = drive.number()
    key = StartKey(ChargerId(charger_id), idx, f"TAG{number}", drive.now.wall_ms, 0)
    request, name = RequestId(number), f"s{number}"
    drive.do(TransactionStarted(key, TagStatus.ACCEPTED, SessionId(name), request=request, tag_terms=said))
    return name


def two(first: Charger, second: Charger, grid_kw: int = 90) -> Drive:
    drive = Drive(station(grid_kw, first, second))
    drive.bring_up("A", "B")
    return drive


def shares_kw(drive: Drive) -> tuple[float, float]:
    return drive.k_kw("A", 1), drive.k_kw("B", 1)


def test_shares_are_in_the_proportion_of_the_weights() -> None:
    drive = two(replace(charger("A", 100), terms=Terms(weight=2)), charger("B", 100))
    begun(drive, "A")
    begun(drive, "B")
    drive.draws({("A", 1): 60, ("B", 1): 30}, 60)
    assert shares_kw(drive) == (60, 30)


def test_the_session_comes_before_its_tag_before_its_connector_before_its_charger() -> None:
    config = replace(charger("A", 100), terms=Terms(5, 5), connector_terms=(ConnectorTerms(1, Terms(weight=4)),))
    drive = two(config, charger("B", 100))
    name = begun(drive, "A", Terms(weight=3))
    assert (terms(drive, name, UNSAID).weight, terms(drive, name, UNSAID).priority) == (3, 5)
    shown = terms(drive, name, Terms(weight=2))
    assert (shown.weight, shown.priority) == (2, 5)
    plain = begun(drive, "B")
    assert (terms(drive, plain, UNSAID).weight, terms(drive, plain, UNSAID).priority) == (1, 0)


def test_what_was_said_of_a_session_is_known_after_a_restart() -> None:
    drive = two(charger("A", 100), charger("B", 100))
    name = begun(drive, "A", Terms(3, 2))
    terms(drive, name, Terms(weight=2))
    drive.recover()
    assert (terms(drive, name, Terms(weight=2)).weight, terms(drive, name, UNSAID).weight) == (2, 3)
    assert terms(drive, name, UNSAID).priority == 2


def test_terms_may_change_while_the_cars_charge() -> None:
    drive = two(charger("A", 100), charger("B", 100))
    begun(drive, "A")
    second = begun(drive, "B")
    drive.draws({("A", 1): 45, ("B", 1): 45}, 60)
    assert shares_kw(drive) == (45, 45)
    terms(drive, second, Terms(weight=2))
    drive.draws({("A", 1): 30, ("B", 1): 45}, 30)
    drive.draws({("A", 1): 30, ("B", 1): 60}, 30)
    assert shares_kw(drive) == (30, 60)


def test_who_has_priority_is_let_in_and_another_is_paused_for_it() -> None:
    drive = two(charger("A", 100, min_w=50 * KW), charger("B", 100, min_w=50 * KW))
    begun(drive, "A")
    drive.draws({("A", 1): 90}, 60)
    second = begun(drive, "B")
    drive.draws({("A", 1): 90}, 60)
    assert shares_kw(drive) == (90, 0)
    terms(drive, second, Terms(priority=1))
    drive.draws({("A", 1): 0, ("B", 1): 90}, 60)
    assert shares_kw(drive) == (0, 90)


def test_what_cannot_be_paused_comes_before_any_priority() -> None:
    drive = two(charger("A", 100, min_w=50 * KW), charger("B", 100, min_w=50 * KW))
    first = begun(drive, "A")
    drive.draws({("A", 1): 90}, 60)
    drive.engine._state.chargers[ChargerId("A")].learnt = Learnt(pauses=False)
    second = begun(drive, "B")
    terms(drive, second, Terms(priority=9))
    drive.draws({("A", 1): 90}, 60)
    assert shares_kw(drive)[1] == 0
    assert terms(drive, first, UNSAID).priority == 0


def test_nobody_else_has_terms() -> None:
    drive = two(charger("A", 100), charger("B", 100))
    drive.do(TermsRequested(RequestId(77), SessionId("none"), Terms(weight=2)))
    assert isinstance(drive.outcomes[RequestId(77)], Refused)
