"""`csms chargers key`: what is asked of the server, and what is said of its answers."""

from typing import Any

import pytest

from csms.cli import charger_key as keys
from csms.cli.charger_key import Wish
from csms.cli.status import ExitStatus

KEY = "0123456789abcdef0123456789abcdef01234567"
MADE = {"chargerId": "CP 001", "authorizationKey": KEY, "userName": "CP 001", "before": "nothing else opens"}
KNOWN = {"chargerId": "CP 001", "securityProfile": 0}
AT = "/chargers/CP%20001"


@pytest.mark.parametrize(
    ("wish", "asked", "answer", "said"),
    [
        (
            Wish(),
            ("POST", f"{AT}/key"),
            {"key": MADE},
            [
                f"AuthorizationKey {KEY} (shown this once)",
                "user name, where the charger asks for one: CP 001",
                "until it is first used: nothing else opens",
            ],
        ),
        (
            Wish(rotate=True, send=True),
            ("POST", f"{AT}/key?rotate=true&send=true"),
            {"key": MADE | {"sent": "Accepted"}},
            [
                f"AuthorizationKey {KEY} (shown this once)",
                "user name, where the charger asks for one: CP 001",
                "until it is first used: nothing else opens",
                "the charger was told: Accepted",
            ],
        ),
        (
            Wish(rotate=True, give_up=True),
            ("POST", f"{AT}/key?rotate=true&giveUp=true"),
            {"key": MADE},
            [
                f"AuthorizationKey {KEY} (shown this once)",
                "user name, where the charger asks for one: CP 001",
                "until it is first used: nothing else opens",
            ],
        ),
        (Wish(remove=True), ("DELETE", f"{AT}/key"), {}, ["it is asked for no key any more"]),
        (
            Wish(reset_profile=True),
            ("DELETE", f"{AT}/security-profile"),
            {},
            ["it may come with a lower profile until it rises"],
        ),
        (Wish(show=True), ("GET", f"{AT}/key"), {"key": KNOWN}, ["asked for no key; security profile 0"]),
        (
            Wish(show=True),
            ("GET", f"{AT}/key"),
            {"key": KNOWN | {"madeAt": "A", "nextMadeAt": "B", "securityProfile": 2, "lastAddress": "1\x1b"}},
            ["key made A, another one made B and not used yet; security profile 2, last from 1?"],
        ),
    ],
)
def test_what_is_asked_and_said(
    wish: Wish,
    asked: tuple[str, str],
    answer: dict[str, Any],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[tuple[str, ...]] = []

    def ask(_: str, *call: str) -> dict[str, Any]:
        calls.append(call)
        return answer

    monkeypatch.setattr(keys, "ask", ask)
    assert keys.run("http://server", "CP 001", wish) is ExitStatus.DONE
    assert calls == [asked]
    assert capsys.readouterr().out.splitlines() == [f"CP 001: {line}" for line in said]


@pytest.mark.parametrize(
    "wish",
    [
        Wish(rotate=True, remove=True),
        Wish(give_up=True, show=True),
        Wish(send=True, show=True),
        Wish(remove=True, reset_profile=True),
    ],
)
def test_what_is_asked_wrongly_goes_to_no_server(
    wish: Wish, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keys, "ask", pytest.fail)
    assert keys.run("http://nobody", "CP001", wish) is ExitStatus.USAGE
    assert capsys.readouterr().err == "csms chargers key: --show, --remove and --reset-profile stand alone\n"


def test_what_the_server_refuses_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(keys, "ask", lambda *_: "the server answered 409")
    assert keys.run("http://server", "CP001", Wish()) is ExitStatus.NO
    assert capsys.readouterr().err == "csms chargers key: the server answered 409\n"
