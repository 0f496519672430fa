"""What a person is asked of a charger of which only the id is told, and what of a stranger's words is printed."""

import pytest

from csms.cli import fleet
from csms.cli.asking import shown, table


def test_what_is_missing_is_asked_until_it_can_be_used() -> None:
    answers = iter(["a lot", "32A", "2"])
    assert fleet._completed("CP009", 230, lambda _question: next(answers)) == "CP009,power=32A,connectors=2"


@pytest.mark.parametrize("text", ["CP009,power=22kW", "CP009,phases=1"])
def test_nothing_is_asked_where_something_was_told(text: str) -> None:
    assert fleet._completed(text, 230, pytest.fail) == text


@pytest.mark.parametrize(
    ("charger_id", "reason", "is_offered"),
    [
        ("CP009", "unknown_charger", True),
        ("CP009", "pending", True),
        ("CP009", "not_over_ocpp", False),
        ("\x1b[2J", "unknown_charger", False),
        ("A,power=1kW", "unknown_charger", False),
    ],
)
def test_which_ids_are_offered_to_be_pasted(charger_id: str, reason: str, is_offered: bool) -> None:  # noqa: FBT001 - a column
    assert fleet._may_be_added({"chargerId": charger_id, "reason": reason}) is is_offered


def test_nothing_printed_steers_a_terminal() -> None:
    assert shown("\x1b[2Jred\n\u202ename") == "?[2Jred??name"


def test_columns_are_as_wide_as_they_must_be() -> None:
    assert table(("a", "b"), [("long", "x")]) == ["a     b", "long  x"]
