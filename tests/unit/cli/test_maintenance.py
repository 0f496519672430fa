"""`csms chargers maintenance`: what is asked wrongly, and what is said of what the server answers."""

from typing import Any

import pytest

from csms.cli import fleet, maintenance
from csms.cli.status import ExitStatus


@pytest.mark.parametrize(
    ("body", "end", "said"),
    [
        ({}, False, "csms chargers maintenance: tell why with --reason, or --end it\n"),
        ({"inoperative": True}, False, "csms chargers maintenance: tell why with --reason, or --end it\n"),
        (
            {"reason": "x"},
            True,
            "csms chargers maintenance: --end stands alone: it takes no --reason, --until or --inoperative\n",
        ),
    ],
)
def test_what_is_asked_wrongly_goes_to_no_server(
    body: dict[str, Any],
    end: bool,  # noqa: FBT001 - a column
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(maintenance, "ask", pytest.fail)
    assert maintenance.run("http://nobody", "CP001", None, body, end=end) is ExitStatus.USAGE
    assert capsys.readouterr().err == said


PLAIN = {"reason": "new\x1b cable", "since": "2026-11-27T08:00:00.000Z", "inoperative": False}
TOLD = PLAIN | {"until": "2026-11-27T16:00:00.000Z", "availability": {"type": "Inoperative", "state": "queued"}}


@pytest.mark.parametrize(
    ("connector", "end", "answer", "asked", "said"),
    [
        (
            None,
            False,
            {"maintenance": PLAIN},
            ("PUT", "/chargers/CP%20001/maintenance", {"reason": "x"}),
            "CP 001: under maintenance: new? cable\n",
        ),
        (
            2,
            False,
            {"maintenance": TOLD},
            ("PUT", "/chargers/CP%20001/connectors/2/maintenance", {"reason": "x"}),
            "CP 001 connector 2: under maintenance until 2026-11-27T16:00:00.000Z: new? cable; Inoperative: queued\n",
        ),
        (
            2,
            True,
            {},
            ("DELETE", "/chargers/CP%20001/connectors/2/maintenance"),
            "CP 001 connector 2: not under maintenance\n",
        ),
    ],
)
def test_what_is_asked_for_and_said(
    connector: int | None,
    end: bool,  # noqa: FBT001 - a column
    answer: dict[str, Any],
    asked: tuple[object, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[tuple[object, ...]] = []

    def ask(_url: str, *call: object) -> dict[str, Any]:
        seen.append(call)
        return answer

    monkeypatch.setattr(maintenance, "ask", ask)
    body = {} if end else {"reason": "x"}
    assert maintenance.run("http://site", "CP 001", connector, body, end=end) is ExitStatus.DONE
    assert (seen, capsys.readouterr().out) == ([asked], said)


def test_a_refusal_is_said_and_the_answer_is_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(maintenance, "ask", lambda *_call: "the server answered 404")
    assert maintenance.run("http://site", "CP001", None, {}, end=True) is ExitStatus.NO
    assert capsys.readouterr().err == "csms chargers maintenance: the server answered 404\n"


@pytest.mark.parametrize(
    ("place", "mark"),
    [({}, ""), ({"maintenance": PLAIN}, " (maintenance)"), ({"maintenance": PLAIN | {"endedAt": "now"}}, "")],
)
def test_the_list_marks_where_somebody_works(place: dict[str, Any], mark: str) -> None:
    assert fleet._maintenance(place) == mark
