import json
from typing import Any

import pytest

from csms.ocpp16.merging import Value, merged

T = 1_767_225_600_000
STAMP = "2026-01-01T00:00:00Z"
FULL = Value(T, STAMP, "Energy.Active.Import.Register", "", "Sample.Periodic", "Outlet", "Raw", "", "5")


def element(*values: dict[str, Any], stamp: str = STAMP) -> str:
    return json.dumps({"timestamp": stamp, "sampledValue": list(values)})


SAME = [
    # caption, another value beside {"value": "5"} of the same time | values in all
    ("the same", {"value": "5"}, 1),
    ("the defaults written out", {"value": "5", "measurand": "Energy.Active.Import.Register", "location": "Outlet"}, 1),
    ("the defaults written out", {"value": "5", "context": "Sample.Periodic", "format": "Raw", "unit": "Wh"}, 1),
    ("another value of the same", {"value": "6"}, 1),
    ("another measurand", {"value": "5", "measurand": "Power.Active.Import"}, 2),
    ("another phase", {"value": "5", "phase": "L1"}, 2),
    ("another context", {"value": "5", "context": "Transaction.End"}, 2),
    ("another location", {"value": "5", "location": "Inlet"}, 2),
    ("its signed twin", {"value": "OCMF|…", "format": "SignedData"}, 2),
]


@pytest.mark.parametrize(("other", "count"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
@pytest.mark.parametrize("apart", [False, True])
def test_what_makes_two_values_the_same(other: dict[str, Any], count: int, *, apart: bool) -> None:
    five = {"value": "5"}
    elements = [element(five), element(other)] if apart else [element(five, other)]
    found = list(merged(elements))
    assert len(found) == count
    assert found[0] == FULL, "the first one counts"


@pytest.mark.parametrize(
    ("stamp", "count"),
    [(STAMP, 1), ("2026-01-01T01:00:00+01:00", 1), ("2026-01-01T00:00:00.0Z", 1), ("2026-01-01T00:00:01Z", 2), ("", 2)],
)
def test_the_same_time_however_it_is_written(stamp: str, count: int) -> None:
    assert len(list(merged([element({"value": "5"}), element({"value": "5"}, stamp=stamp)]))) == count


@pytest.mark.parametrize("stamp", ["", "1970-01-01T00:00:00Z", "yesterday"])
def test_without_a_usable_time_values_that_differ_are_two(stamp: str) -> None:
    told = [element({"value": value}, stamp=stamp) for value in ("5", "6", "5")]
    assert [value.value for value in merged(told)] == ["5", "6"]


@pytest.mark.parametrize("stamp", [STAMP, ""])
def test_signed_values_that_differ_are_two(stamp: str) -> None:
    told = [element({"value": value, "format": "SignedData"}, stamp=stamp) for value in ("OCMF|a", "OCMF|b", "OCMF|a")]
    assert [value.value for value in merged(told)] == ["OCMF|a", "OCMF|b"]


def test_a_list_of_elements_that_were_not_read_holds_values_like_any_other() -> None:
    unread = f"[{element({'value': '5'})},{element({'value': '6', 'phase': 'L1'})}]"
    assert [value.value for value in merged([unread, element({"value": "7"})])] == ["5", "6"]


def test_in_the_order_in_which_they_came() -> None:
    stamps = ["1970-01-01T00:00:00Z", "2026-01-01T00:00:09Z", STAMP]
    found = merged([element({"value": str(n)}, stamp=stamp) for n, stamp in enumerate(stamps)])
    assert [value.value for value in found] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ("{}", []),
        ("[]", []),
        ('{"sampledValue":{"value":5}}', ["5"]),
        ('{"sampledValue":[5,null,{"value":" 7,5 "},{"value":null,"phase":"L1"}]}', ["7,5", ""]),
        ('{"sampledValue":[{"value":"a","context":7}]}', ["a"]),
        ('{"sampledValue":[{"value":"ab\\ud83d","format":"SignedData"},{"value":"7"}]}', ["ab\ufffd", "7"]),
        ('{"sampledValue":[{"value":" a\\u00e9\\/\\n","format":"SignedData"},{"value":" 7 "}]}', [" aé/\n", "7"]),
        ('{"timestamp":"\\ud83d","sampledValue":[{"value":"7","unit":"k\\ud83d"}]}', ["7"]),
    ],
)
def test_odd_shapes(raw: str, values: list[str]) -> None:
    assert [value.value for value in merged([raw])] == values


def test_a_signed_value_is_whole_however_long_it_is() -> None:
    signed = "x" * 50_000
    (only,) = merged([element({"value": signed, "format": "SignedData"})])
    assert only.value == signed
