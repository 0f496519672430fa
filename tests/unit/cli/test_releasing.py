"""How `csms release` is asked wrongly, and what it tells of what is left."""

from typing import Any

import pytest

from csms.cli.fleet import _released
from csms.cli.releasing import _told, run
from csms.cli.status import ExitStatus

STEPS: list[dict[str, Any]] = [
    {"what": "profile", "name": "2000", "state": "undone"},
    {"what": "profile", "name": "2001", "state": "unverified", "detail": "it says \x1b[2J"},
    {"what": "limit", "name": "1", "state": "not_undone", "detail": "0 W"},
    {"what": "local_list", "state": "open"},
    {"what": "key", "name": "HeartbeatInterval", "before": "300", "state": "not_undone", "detail": "Rejected"},
]
LEFT = [
    "  profile 2001: not seen to be undone: it says ?[2J",
    "  limit at connector 1: not undone: 0 W",
    "  local list: not undone yet",
    "  key HeartbeatInterval (it was 300): not undone: Rejected",
]


@pytest.mark.parametrize(
    ("ids", "everything", "force", "undo", "said"),
    [
        ([], False, False, False, "name chargers, or all of them with --all"),
        (["CP001"], True, False, False, "name chargers, or all of them with --all"),
        (["CP001"], False, True, True, "--force says nothing with --undo"),
    ],
)
def test_what_is_asked_wrongly_is_told_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str],
    ids: list[str],
    everything: bool,  # noqa: FBT001 - a column, as the next two
    force: bool,  # noqa: FBT001
    undo: bool,  # noqa: FBT001
    said: str,
) -> None:
    status = run("http://127.0.0.1:1", ids, everything=everything, force=force, undo=undo, wait_s=0)
    assert (status, capsys.readouterr().err) == (ExitStatus.USAGE, f"csms release: {said}\n")


@pytest.mark.parametrize(
    ("state", "waits", "said", "lines"),
    [
        ("released", {}, "CP001: released; nothing of this system is left in it (5 traces were looked for)", []),
        ("incomplete", {}, "CP001: released, but not everything could be undone", LEFT),
        ("releasing", {}, "CP001: it is left alone, and the release goes on; ask again to see it", LEFT),
        (
            "releasing",
            {"waitsFor": "the charger is offline"},
            "CP001: it is left alone, and the release goes on: the charger is offline; ask again to see it",
            LEFT,
        ),
    ],
)
def test_what_is_told_of_a_release(
    capsys: pytest.CaptureFixture[str], state: str, waits: dict[str, str], said: str, lines: list[str]
) -> None:
    done = _told("CP001", {"release": {"state": state, "steps": STEPS} | waits})
    assert (done, capsys.readouterr().out.splitlines()) == (state == "released", [said, *lines])


def test_why_one_is_refused_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _told("CP001", "a car charges there") is False
    assert capsys.readouterr().err == "csms release: CP001: a car charges there\n"


@pytest.mark.parametrize(("charger", "said"), [({}, ""), ({"release": "incomplete"}, " (incomplete)")])
def test_the_list_of_chargers_says_who_is_released(charger: dict[str, str], said: str) -> None:
    assert _released(charger) == said
