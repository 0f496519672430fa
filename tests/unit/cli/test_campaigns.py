"""`csms campaigns`: what goes to the server, what is printed as a campaign comes on, and how it ends."""

from typing import Any

import pytest
from typer.testing import CliRunner

from api.campaign_schemas import CampaignRequest
from csms.cli import app, campaigns
from csms.cli.asking import No
from csms.cli.status import ExitStatus

AT = "2026-11-27T02:00:00.000Z"
LATER = "2026-11-27T02:10:00.000Z"
ID = "k-1"
BODY: dict[str, Any] = {"location": "ftp://x/fw.bin", "atATime": 1, "chargers": ["CP001", "CP002"]}
ENDED = {"endedAt": LATER}
HALTED = {"halted": {"chargerId": "CP001", "reason": "CP001: it \x1bfailed"}}


def campaign(state: str, first: str, second: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the campaign of two chargers, in these states; the first with a reason."""
    told = {} if reason is None else {"reason": reason}
    chargers = [
        {"chargerId": "CP001", "state": first, "changedAt": AT, "commandIds": ["k-1-1-1"]} | told,
        {"chargerId": "CP002", "state": second, "changedAt": LATER, "commandIds": []},
    ]
    counts: dict[str, int] = {}
    for one in (first, second):
        counts[one] = counts.get(one, 0) + 1
    whole = {"id": ID, "name": "2.2", "askedAt": AT, "state": state, "atATime": 1, "counts": counts}
    return {"campaign": whole | {"body": {"location": "ftp://x/fw.bin"}, "chargers": chargers} | more}


class Server:
    """Answers one after the other, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any] | No) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._answers = list(answers)
        monkeypatch.setattr(campaigns, "ask", self._ask)
        monkeypatch.setattr(campaigns, "PAUSE_S", 0)

    def _ask(self, _url: str, *call: object) -> dict[str, Any] | No:
        self.calls.append(call)
        return self._answers.pop(0)


WAITS = campaign("running", "asked", "waiting")


def test_a_campaign_is_begun_and_shown_charger_by_charger(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(monkeypatch, campaign("running", "waiting_for_cars", "waiting", "a car", retrieveDate=AT))
    assert campaigns.start("http://site", BODY, follow=False) is ExitStatus.DONE
    assert server.calls == [("POST", "/campaigns", BODY)]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "campaign k-1 (2.2): running; 1 at a time: 1 waiting_for_cars, 1 waiting",
        "  firmware: ftp://x/fw.bin",
        f"  not before: {AT}",
        "charger  state             since                     reason  command",
        f"CP001    waiting_for_cars  {AT}  a car   k-1-1-1",
        f"CP002    waiting           {LATER}",
    ]
    assert printed.err == "to watch it: csms campaigns show k-1 --follow\n"


@pytest.mark.parametrize("extra", [{"make": {"model": "X"}}, {"chargers": None}])
def test_chargers_are_named_in_one_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], extra: dict[str, Any]
) -> None:
    monkeypatch.setattr(campaigns, "ask", pytest.fail)
    body = {name: value for name, value in (BODY | extra).items() if value is not None}
    assert campaigns.start("http://site", body, follow=False) is ExitStatus.USAGE
    said = "csms campaigns start: name chargers by their ids, or by --vendor, --model and --firmware-version\n"
    assert capsys.readouterr().err == said


def test_what_changes_is_printed_until_all_have_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(
        monkeypatch,
        WAITS,
        WAITS,
        campaign("running", "installing", "waiting"),
        campaign("running", "installed", "downloading"),
        campaign("done", "installed", "installed", **ENDED),
    )
    assert campaigns.show("http://site", "k/1", follow=True) is ExitStatus.DONE
    assert server.calls[:2] == [("GET", "/campaigns/k%2F1"), ("GET", "/campaigns/k-1")]
    printed = capsys.readouterr()
    assert printed.out.splitlines()[5:] == [
        f"{AT}  CP001: installing",
        f"{AT}  CP001: installed",
        f"{LATER}  CP002: downloading",
        f"{LATER}  CP002: installed",
        "campaign k-1 (2.2): done; 1 at a time: 2 installed",
    ]
    assert printed.err == ""


def test_the_first_failure_ends_the_watching_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Server(monkeypatch, WAITS, campaign("halted", "failed", "waiting", "it \x1bfailed", **HALTED))
    assert campaigns.resume("http://site", ID, follow=True) is ExitStatus.NO
    printed = capsys.readouterr()
    headline = "campaign k-1 (2.2): halted: CP001: it ?failed; 1 at a time: 1 failed, 1 waiting"
    assert printed.out.splitlines()[5:] == [f"{AT}  CP001: failed: it ?failed", headline]
    assert printed.err.splitlines()[1:] == ["  csms campaigns resume k-1", "  csms campaigns stop k-1"]


@pytest.mark.parametrize(
    ("told", "over", "good"),
    [
        (campaign("running", "installed", "waiting"), False, False),
        (campaign("done", "installed", "installed", **ENDED), True, True),
        (campaign("halted", "failed", "downloading"), False, False),
        (campaign("halted", "failed", "waiting"), True, False),
        (campaign("stopped", "installing", "skipped"), False, False),
        (campaign("stopped", "installed", "skipped", **ENDED), True, False),
    ],
)
def test_when_nothing_more_comes(told: dict[str, Any], over: bool, good: bool) -> None:  # noqa: FBT001 - columns
    assert (campaigns.is_over(told["campaign"]), campaigns.is_good(told["campaign"])) == (over, good)


def test_a_server_that_is_lost_meanwhile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Server(monkeypatch, WAITS, No("no answer"))
    assert campaigns.start("http://site", BODY, follow=True) is ExitStatus.NO
    said = "csms campaigns start: no answer\nit goes on; to watch it: csms campaigns show k-1 --follow\n"
    assert capsys.readouterr().err == said


def test_stop_and_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = campaign("stopped", "installed", "skipped", **ENDED)
    server = Server(monkeypatch, stopped, {"campaigns": [stopped["campaign"]], "nextCursor": "x"}, No("503"))
    assert campaigns.stop("http://site", ID) is ExitStatus.DONE
    assert capsys.readouterr().err == ""
    assert campaigns.list_("http://site", 1) is ExitStatus.DONE
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1] == f"k-1  {AT}  2.2   stopped  1 installed, 1 skipped"
    assert printed.err == "older ones are not shown: more with --limit\n"
    assert campaigns.list_("http://site", 20) is ExitStatus.NO
    assert server.calls == [
        ("POST", "/campaigns/k-1/stop"),
        ("GET", "/campaigns?limit=1"),
        ("GET", "/campaigns?limit=20"),
    ]


FLAGS = [
    "--location",
    "ftp://x/fw.bin",
    "--retrieve-date",
    AT,
    "--retries",
    "0",
    "--retry-interval",
    "60",
    "--name",
    "2.2",
]
TOLD = {"location": "ftp://x/fw.bin", "retrieveDate": AT, "retries": 0, "retryInterval": 60, "name": "2.2"}
MAKE = ["--vendor", "V", "--model", "M", "--firmware-version", "2.1", "--at-a-time", "3"]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["CP001", "CP002", *FLAGS], TOLD | {"atATime": 1, "chargers": ["CP001", "CP002"]}),
        ([*FLAGS, *MAKE], TOLD | {"atATime": 3, "make": {"vendor": "V", "model": "M", "firmwareVersion": "2.1"}}),
    ],
)
def test_flags_are_what_the_server_wants(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], body: dict[str, Any]
) -> None:
    server = Server(monkeypatch, WAITS)
    assert CliRunner().invoke(app, ["campaigns", "start", *arguments]).exit_code == ExitStatus.DONE
    assert server.calls == [("POST", "/campaigns", body)]
    CampaignRequest.model_validate(body)
