"""The person at the terminal: what is asked, what an answer means, and what is shown."""

import sys
import time
from dataclasses import replace

import pytest
import typer

from csms.cli import accepting
from csms.cli.accepting import Terminal, run
from csms.cli.accepting.machine import Act, Begun, Ended, Please, Say, failed, passed
from csms.cli.accepting.steps import STEPS

PLUG = Please(Act.PULL_NETWORK, "Pull the plug.")


@pytest.mark.parametrize(("typed", "done"), [("", True), ("y", True), ("n", False), (" No", False)])
def test_enter_means_done_and_n_that_it_cannot_be(
    typed: str, *, done: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: typed)
    assert Terminal("", asks_nobody=False).please(PLUG) is done
    assert "→ Pull the plug." in capsys.readouterr().out


def test_nobody_is_asked_and_time_is_given_for_a_charge_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(typer, "prompt", pytest.fail)
    terminal = Terminal("", asks_nobody=True)
    assert terminal.please(PLUG)
    assert terminal.please(Please(Act.CHARGE_OFFLINE, "Charge."))
    assert slept == [accepting.OFFLINE_CHARGE_S]


def test_what_a_stranger_says_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal("", asks_nobody=True)
    terminal.show(Begun(STEPS[0], 1, 13))
    terminal.show(Say("\x1b[2J12 readings"))
    terminal.show(Ended(failed("clock", "ahead\x07", "set \x1bit")))
    terminal.show(Ended(passed("clock", "0.1 s behind")))
    terminal.show(Ended(replace(passed("form", "in A"), warning="it rounds\x07 up")))
    assert capsys.readouterr().out.splitlines() == [
        "[ 1/13] Connection: It is connected, under the id that is configured.",
        "        ?[2J12 readings",
        "        FAILED: ahead?",
        "        → set ?it",
        "        passed: 0.1 s behind",
        "        passed: in A",
        "        warning: it rounds? up",
    ]


def test_who_gives_up_at_a_question_gets_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    charger = {"id": "CP001", "maxPower": 22, "connectors": 1, "phases": 3}
    station = {"stationId": "S", "gridCapacity": 50, "chargers": [charger]}
    shown = {"connection": {"since": "2026-11-27T10:00:00.000Z"}, "connectors": [{"idx": 1}], "caps": []}
    answers = {
        "/station/config": station,
        "/chargers/CP001": {"charger": shown, "alarms": [], "capabilities": {}},
        "/chargers/CP001/messages": {"messages": []},
    }

    def give_up(*_: object, **__: object) -> str:
        raise typer.Abort

    monkeypatch.setattr(accepting, "ask", lambda _, __, path, ___=None: answers[path.partition("?")[0]])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", give_up)
    skipped = ["identity", "fail_safe"]
    assert run("", "CP001", 1, skipped, f"{tmp_path}/here", asks_nobody=False, replace=False) == 1
    assert "interrupted" in capsys.readouterr().err
