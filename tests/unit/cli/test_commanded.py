"""`csms commands`: the newest commands as a table, and one in full."""

from typing import Any

import pytest

from csms.cli import commanded
from csms.cli.asking import No
from csms.cli.commanded import run
from csms.cli.status import ExitStatus


def command(state: str, **more: Any) -> dict[str, Any]:
    told = {"id": "c-1", "chargerId": "CP 001", "action": "Reset", "body": {"type": "Soft"}, "state": state}
    asked = {"askedAt": "2026-11-27T08:00:00.000Z", "askedBy": "192.0.2.10", "forced": False}
    return {"command": told | asked | more}


class Server:
    """Gives the same answer always, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | No) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._answer = answer
        monkeypatch.setattr(commanded, "ask", self._ask)

    def _ask(self, _url: str, *call: object) -> dict[str, Any] | No:
        self.calls.append(call)
        return self._answer


def test_the_newest_commands_as_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    boot = {"what": "boot", "state": "not_seen"}
    page = [
        command("accepted", answer="Accepted", outcome=boot)["command"],
        command("expired", reason="off\x1bline")["command"],
    ]
    server = Server(monkeypatch, {"commands": page, "nextCursor": "x"})
    assert run("http://site", None, "CP 001", "expired", 2) is ExitStatus.DONE
    assert server.calls == [("GET", "/commands?limit=2&charger=CP+001&state=expired")]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "id   asked at                  charger  action  state                    answer, or reason",
        "c-1  2026-11-27T08:00:00.000Z  CP 001   Reset   accepted, boot not_seen  Accepted",
        "c-1  2026-11-27T08:00:00.000Z  CP 001   Reset   expired                  off?line",
    ]
    assert printed.err == "older ones are not shown: more with --limit\n"


def test_one_command_in_full(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    times = {"queueUntil": "T1", "sentAt": "T2", "answeredAt": "T3", "body": {"type": "Soft", "more": {"a": True}}}
    server = Server(
        monkeypatch, command("rejected", answer="Rejected", answerBody={"status": "Rejected", "x": 1}, **times)
    )
    assert run("http://site", "c/1", None, None, 20) is ExitStatus.DONE
    assert server.calls == [("GET", "/commands/c%2F1")]
    assert capsys.readouterr().out.splitlines() == [
        "CP 001 Reset: rejected",
        "command   c-1",
        "asked     2026-11-27T08:00:00.000Z by 192.0.2.10",
        "may wait  T1",
        "sent      T2",
        "answered  T3",
        "payload",
        "  type: Soft",
        '  more: {"a": true}',
        "answer",
        "  x: 1",
        "the charger has refused; how it stands now: csms chargers list",
    ]


def test_one_that_is_still_under_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Server(monkeypatch, command("sent", forced=True, body={}))
    assert run("http://site", "c-1", None, None, 20) is ExitStatus.DONE
    assert capsys.readouterr().out.splitlines() == [
        "CP 001 Reset: sent; no answer yet",
        "command   c-1",
        "asked     2026-11-27T08:00:00.000Z by 192.0.2.10, forced",
    ]


def test_what_cannot_be_shown_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Server(monkeypatch, No("404"))
    assert run("http://site", "c-1", None, None, 20) is ExitStatus.NO
    assert run("http://site", None, None, None, 20) is ExitStatus.NO
    assert capsys.readouterr().err == "csms commands: 404\n" * 2


@pytest.mark.parametrize(("charger_id", "state"), [("CP001", None), (None, "sent")])
def test_an_id_stands_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], charger_id: str | None, state: str | None
) -> None:
    server = Server(monkeypatch, command("sent"))
    assert run("http://site", "c-1", charger_id, state, 20) is ExitStatus.USAGE
    said = "csms commands: the ID of a command stands alone: no --charger and no --state beside it\n"
    assert (capsys.readouterr().err, server.calls) == (said, [])
