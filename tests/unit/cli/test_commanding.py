"""`csms command`: what goes to the server, what is printed as it comes, and the exit status of every end."""

import io
from pathlib import Path
from typing import Any

import pytest

from api.problems import Kind
from csms.cli import commanding
from csms.cli.asking import No, _kind
from csms.cli.commanding import Asked, actions, explain, run
from csms.cli.status import ExitStatus

RESET = Asked(("type=Soft",))
HEAD = "CP 001 Reset: "


def command(state: str, **more: Any) -> dict[str, Any]:
    return {
        "command": {
            "id": "c-1",
            "chargerId": "CP 001",
            "action": "Reset",
            "body": {"type": "Soft"},
            "askedAt": "2026-11-27T08:00:00.000Z",
            "askedBy": "192.0.2.10",
            "forced": False,
            "state": state,
        }
        | more
    }


class Server:
    """Answers one after the other, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any] | No) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._answers = list(answers)
        monkeypatch.setattr(commanding, "ask", self._ask)
        monkeypatch.setattr(commanding, "PAUSE_S", 0)

    def _ask(self, _url: str, *call: object) -> dict[str, Any] | No:
        self.calls.append(call)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize(
    ("asked", "path", "body"),
    [
        (RESET, "", {"type": "Soft"}),
        (Asked(("type=Soft",), force=True), "?force=true", {"type": "Soft"}),
        (
            Asked((), queue_until="2026-11-27T16:00:00+01:00"),
            "?queueUntil=2026-11-27T16%3A00%3A00%2B01%3A00",
            {},
        ),
        (Asked(body="-"), "", b'{"type": "Hard"}'),
        (Asked(body="body.json"), "", b"nonsense, which the server refuses"),
    ],
)
def test_what_is_asked_of_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: Asked, path: str, body: object
) -> None:
    server = Server(monkeypatch, command("accepted"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"type": "Hard"}')))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "body.json").write_bytes(b"nonsense, which the server refuses")
    assert run("http://site", "CP 001", "Reset", asked, 0) is ExitStatus.DONE
    assert server.calls == [("POST", f"/chargers/CP%20001/commands/Reset{path}", body)]


def test_each_state_is_printed_once_and_a_good_end_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    boot = {"what": "boot", "state": "awaited"}
    server = Server(
        monkeypatch,
        command("queued"),
        command("queued"),
        command("sent"),
        command("accepted", answer="Accepted", outcome=boot),
        command("accepted", answer="Accepted", outcome=boot | {"state": "happened"}, answerBody={"more": "\x1b"}),
    )
    assert run("http://site", "CP 001", "Reset", RESET, 60) is ExitStatus.DONE
    said = ["command c-1", "queued; it has not left yet", "sent; no answer yet"]
    said += ["accepted; awaited: its next boot", "accepted, and it has booted"]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [*(f"{HEAD}{line}" for line in said), "  more: ?"]
    assert (printed.err, server.calls[1:]) == ("", [("GET", "/commands/c-1")] * 4)


@pytest.mark.parametrize(
    ("end", "said", "hint"),
    [
        (command("rejected", answer="Rejected"), "rejected", "the charger has refused"),
        (command("not_supported", answer="NotImplemented"), "not supported: NotImplemented", "GetConfiguration"),
        (command("failed", answer="InternalError"), "answered with an error: InternalError", "csms bundle 'CP 001'"),
        (command("timed_out"), "no answer in time", "csms commands c-1"),
        (command("queued"), "queued; it has not left yet", "the wait is over"),
    ],
)
def test_any_other_end_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: dict[str, Any], said: str, hint: str
) -> None:
    Server(monkeypatch, end)
    assert run("http://site", "CP 001", "Reset", RESET, 0) is ExitStatus.NO
    printed = capsys.readouterr()
    assert (printed.out.splitlines()[-1], hint in printed.err) == (f"{HEAD}{said}", True)


def test_a_key_that_needs_a_reboot_is_a_good_end_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Server(monkeypatch, command("accepted", answer="RebootRequired"))
    assert run("http://site", "CP 001", "Reset", RESET, 0) is ExitStatus.DONE
    printed = capsys.readouterr()
    assert ("csms command 'CP 001' Reset type=Soft" in printed.out, printed.err) == (True, "")


def test_a_server_that_is_lost_after_it_took_the_command_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Server(monkeypatch, command("sent"), No("no answer"))
    assert run("http://site", "CP 001", "Reset", RESET, 60) is ExitStatus.NO
    said = "csms command: no answer\nit is taken in and durable; what comes of it: csms commands c-1\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("kind", "action", "hint"),
    [
        ("charger-offline", "Reset", "add --queue-until 20"),
        ("no-headroom", "Reset", "with --force others are cut"),
        ("command-refused", "UpdateFirmware", "--force does it all the same"),
        ("under-maintenance", "ReserveNow", "csms chargers maintenance 'CP 001' --end"),
        ("unknown-charger", "Reset", "csms chargers list"),
        ("not-yet", "Reset", "csms commands --charger 'CP 001'"),
        ("invalid", "Reset", "for example: csms command CP001 Reset type=Soft"),
    ],
)
def test_why_it_is_not_taken_in_is_told_with_what_helps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, action: str, hint: str
) -> None:
    Server(monkeypatch, No("so", kind))
    assert run("http://site", "CP 001", action, Asked(), 60) is ExitStatus.NO
    printed = capsys.readouterr()
    assert (printed.out, printed.err.splitlines()[0], hint in printed.err) == ("", "csms command: so", True)


@pytest.mark.parametrize(("kind", "action"), [("command-refused", "ChangeConfiguration"), ("", "Reset")])
def test_no_hint_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, action: str
) -> None:
    Server(monkeypatch, No("so", kind))
    assert run("http://site", "CP 001", action, Asked(), 60) is ExitStatus.NO
    assert capsys.readouterr().err == "csms command: so\n"


def test_every_hint_is_about_a_problem_that_the_server_has() -> None:
    known = {kind.anchor.removeprefix("problem-") for kind in Kind}
    assert {*commanding.REFUSALS, "invalid", "command-refused"} - known == set()


@pytest.mark.parametrize(
    ("document", "kind"),
    [({"type": "/docs#problem-charger-offline"}, "charger-offline"), ({"type": 5}, ""), ({}, ""), ([], "")],
)
def test_the_kind_of_a_problem_is_read_from_its_type(document: object, kind: str) -> None:
    assert _kind(document) == kind


@pytest.mark.parametrize(
    ("action", "asked", "said"),
    [
        ("reset", RESET, "reset is no action; did you mean Reset? All of them: csms command ID"),
        ("\x1bzzz", RESET, "?zzz is no action; All of them: csms command ID"),
        ("Reset", Asked(("Soft",)), "'Soft': must be FIELD=VALUE, such as connectorId=1"),
        ("Reset", Asked(("type=Soft",), body="-"), "--body is the whole payload: no FIELD=VALUE beside it"),
        ("Reset", Asked(body="/nowhere/x"), "[Errno 2] No such file or directory: '/nowhere/x'"),
    ],
)
def test_what_is_asked_wrongly_goes_to_no_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], action: str, asked: Asked, said: str
) -> None:
    server = Server(monkeypatch, command("accepted"))
    assert run("http://site", "CP 001", action, asked, 0) is ExitStatus.USAGE
    assert (capsys.readouterr().err, server.calls) == (f"csms command: {said}\n", [])


def test_actions_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert actions() is ExitStatus.DONE
    assert "\nUnlockConnector             let go of a cable that is stuck (§6.53)\n" in capsys.readouterr().out
    assert explain("Reset") is ExitStatus.DONE
    assert capsys.readouterr().out.splitlines() == [
        "Reset: boot again; Soft ends transactions first (§6.31)",
        "  field  value",
        "  type   Hard|Soft  needed",
        "  for example: csms command CP001 Reset type=Soft",
    ]
    assert explain("ClearCache") is ExitStatus.DONE
    assert "  it takes no fields\n" in capsys.readouterr().out
    assert explain("Cache") is ExitStatus.USAGE
