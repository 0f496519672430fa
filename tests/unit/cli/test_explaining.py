"""What `csms explain` prints of an explanation, and how it finds the session that is meant."""

from typing import Any

import pytest

from api import examples
from csms.cli import explaining
from csms.cli.asking import No
from csms.cli.explaining import lines, run
from csms.cli.status import ExitStatus

WAITS: dict[str, Any] = examples.EXPLANATION_WAITS["explanation"]
VEHICLE: dict[str, Any] = examples.EXPLANATION_VEHICLE["explanation"]


def test_a_session_that_waits() -> None:
    assert lines(WAITS) == [
        WAITS["sentence"],
        "kW: target 100, limit 0, booked 0, consumed ?",
        "can take 150 of at most 150 (declared)",
        "waits for CP001/1: 100 above its target, until: answer",
        "grid carries 200: 0 not shared, 200 shared",
        "1 kW more there would give it 0.5",
        "who shares it  target  limit  booked",
        "CP003/2        100     0      0",
        "CP001/1        100     100    200",
    ]


def test_a_session_that_no_row_limits() -> None:
    assert lines(VEHICLE | {"until": "cut"}) == [
        VEHICLE["sentence"],
        "kW: target 54, limit 54, booked 54, consumed 50",
        "can take 54 of at most 200 (below_limit)",
        "its own booked power hangs on: cut",
    ]


def test_what_is_not_shared_and_who_is_not_named() -> None:
    node = WAITS["node"] | {"notShared": 50, "trimmed": 1, "sessions": 102}
    node["loads"] = [{"chargerId": "CP\x1b[2J", "power": 50}]
    assert lines(WAITS | {"node": node, "waitsFor": []})[3:] == [
        "grid carries 200: 50 not shared, 1 taken off for what is drawn beyond it, 200 shared",
        "not shared at CP?[2J: 50",
        "1 kW more there would give it 0.5",
        "who shares it  target  limit  booked",
        "CP003/2        100     0      0",
        "CP001/1        100     100    200",
        "… and 100 more",
    ]


@pytest.mark.parametrize(
    ("name", "asked", "status", "said"),
    [
        ("a session", ["/sessions/a%20session/explain"], ExitStatus.DONE, WAITS["sentence"]),
        ("CP&1/2", ["/sessions?charger=CP%261", "/sessions/s2/explain"], ExitStatus.DONE, WAITS["sentence"]),
        ("CP&1/3", ["/sessions?charger=CP%261"], ExitStatus.NO, "csms explain: no car charges at CP&1/3"),
        ("gone", ["/sessions/gone/explain"], ExitStatus.NO, "csms explain: it has ended"),
        ("away/1", ["/sessions?charger=away"], ExitStatus.NO, "csms explain: nobody answers"),
    ],
)
def test_which_session_is_meant(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    asked: list[str],
    status: ExitStatus,
    said: str,
) -> None:
    """The server has cars at connectors 1 and 2 of one charger, and none that is gone."""
    paths: list[str] = []

    def ask(url: str, method: str, path: str) -> object:
        assert (url, method) == ("http://here", "GET")
        paths.append(path)
        if "gone" in path or "away" in path:
            return No("it has ended" if "gone" in path else "nobody answers")
        cars = [{"sessionId": f"s{idx}", "connectorId": {"chargerId": "CP&1", "idx": idx}} for idx in (1, 2)]
        return {"explanation": WAITS} if path.endswith("/explain") else {"sessions": cars}

    monkeypatch.setattr(explaining, "ask", ask)
    assert run("http://here", name) == status
    printed = capsys.readouterr()
    assert (printed.out + printed.err).splitlines()[0] == said
    assert paths == asked
