"""`csms campaigns`: firmware for many chargers, a few at a time; begin one, watch it, stop it, let it go on.

A campaign is the server's and durable there: whoever watches it may go away.
"""

import time
from urllib.parse import quote

import typer

from csms.cli.asking import Json, No, ask, shown, table
from csms.cli.status import ExitStatus

PAUSE_S = 0.5
UNDER_WAY = frozenset({"asked", "downloading", "installing"})


def list_(url: str, limit: int) -> int:
    """Print the newest campaigns; return the exit status."""
    page = ask(url, "GET", f"/campaigns?limit={limit}")
    if isinstance(page, No):
        return _failed("list", page)
    head = ("id", "asked at", "name", "state", "chargers")
    for line in table(head, [_row(campaign) for campaign in page["campaigns"]]):
        typer.echo(line)
    if "nextCursor" in page:
        typer.echo("older ones are not shown: more with --limit", err=True)
    return ExitStatus.DONE


def _row(campaign: Json) -> tuple[str, ...]:
    told = (campaign["id"], campaign["askedAt"], campaign.get("name", ""), campaign["state"], _counts(campaign))
    return tuple(map(shown, told))


def show(url: str, campaign_id: str, *, follow: bool) -> int:
    """Print a campaign charger by charger, and with `follow` what becomes of it; return the exit status."""
    answer = ask(url, "GET", _path(campaign_id))
    return _told(url, "show", answer, follow=follow)


def start(url: str, body: Json, *, follow: bool) -> int:
    """Begin a campaign; return the exit status."""
    if ("chargers" in body) is ("make" in body):
        return _usage("start", "name chargers by their ids, or by --vendor, --model and --firmware-version")
    return _told(url, "start", ask(url, "POST", "/campaigns", body), follow=follow)


def resume(url: str, campaign_id: str, *, follow: bool) -> int:
    """Let a halted campaign go on; return the exit status."""
    return _told(url, "resume", ask(url, "POST", f"{_path(campaign_id)}/resume"), follow=follow)


def stop(url: str, campaign_id: str) -> int:
    """Begin with no other charger, for good; return the exit status."""
    return _told(url, "stop", ask(url, "POST", f"{_path(campaign_id)}/stop"), follow=False)


def _told(url: str, command: str, answer: Json | No, *, follow: bool) -> int:
    """Print a campaign, follow it if wanted, and return the exit status."""
    if isinstance(answer, No):
        return _failed(command, answer)
    campaign: Json = answer["campaign"]
    for line in _lines(campaign):
        typer.echo(line)
    if not follow:
        _say_next(campaign)
        return ExitStatus.DONE
    ended = _followed(url, campaign)
    if isinstance(ended, No):
        return _failed(command, f"{ended}\nit goes on; to watch it: csms campaigns show {campaign['id']} --follow")
    typer.echo(_headline(ended))
    _say_next(ended)
    return ExitStatus.DONE if is_good(ended) else ExitStatus.NO


def _followed(url: str, campaign: Json) -> Json | No:
    """Print what changes charger by charger; return the campaign when nothing more comes without an operator."""
    while not is_over(campaign):
        time.sleep(PAUSE_S)
        answer = ask(url, "GET", _path(campaign["id"]))
        if isinstance(answer, No):
            return answer
        for line in changes(campaign, answer["campaign"]):
            typer.echo(line)
        campaign = answer["campaign"]
    return campaign


def is_over(campaign: Json) -> bool:
    """Return whether it has ended, or is halted and those under way have come to their end."""
    states = {one["state"] for one in campaign["chargers"]}
    return "endedAt" in campaign or (campaign["state"] == "halted" and not states & UNDER_WAY)


def is_good(campaign: Json) -> bool:
    """Return whether every charger has installed."""
    return all(one["state"] == "installed" for one in campaign["chargers"])


def changes(before: Json, now: Json) -> list[str]:
    """Return what is new, a line each; the last line, once it is over, is not among them."""
    known = {one["chargerId"]: _charger(one) for one in before["chargers"]}
    lines = [_line(one) for one in now["chargers"] if known.get(one["chargerId"]) != _charger(one)]
    return lines if before["state"] == now["state"] or is_over(now) else [*lines, _headline(now)]


def _charger(one: Json) -> tuple[str, str]:
    return one["state"], one.get("reason", "")


def _line(one: Json) -> str:
    state, reason = _charger(one)
    return shown(f"{one['changedAt']}  {one['chargerId']}: {state}{': ' if reason else ''}{reason}")


def _lines(campaign: Json) -> list[str]:
    """Return a campaign: what it is, then its chargers."""
    told = {"firmware": campaign["body"].get("location"), "not before": campaign.get("retrieveDate")}
    head = ("charger", "state", "since", "reason", "command")
    rows = [
        (one["chargerId"], one["state"], one["changedAt"], one.get("reason", ""), (one["commandIds"] or [""])[-1])
        for one in campaign["chargers"]
    ]
    return [
        _headline(campaign),
        *(f"  {name}: {shown(value)}" for name, value in told.items() if value is not None),
        *table(head, [tuple(map(shown, row)) for row in rows]),
    ]


def _headline(campaign: Json) -> str:
    name = f" ({campaign['name']})" if "name" in campaign else ""
    why = f": {campaign['halted']['reason']}" if "halted" in campaign else ""
    state = f"{campaign['state']}{why}; {campaign['atATime']} at a time: {_counts(campaign)}"
    return shown(f"campaign {campaign['id']}{name}: {state}")


def _counts(campaign: Json) -> str:
    return ", ".join(f"{count} {state}" for state, count in campaign["counts"].items())


def _say_next(campaign: Json) -> None:
    """Print what an operator does now where it is his turn."""
    name = campaign["id"]
    if campaign["state"] == "halted":
        typer.echo("look at the charger that has failed; then the others follow, or are skipped for good:", err=True)
        typer.echo(f"  csms campaigns resume {name}\n  csms campaigns stop {name}", err=True)
    elif not is_over(campaign):
        typer.echo(f"to watch it: csms campaigns show {name} --follow", err=True)


def _path(campaign_id: str) -> str:
    return f"/campaigns/{quote(campaign_id, safe='')}"


def _failed(command: str, why: str) -> int:
    typer.echo(f"csms campaigns {command}: {why}", err=True)
    return ExitStatus.NO


def _usage(command: str, why: str) -> int:
    typer.echo(f"csms campaigns {command}: {why}", err=True)
    return ExitStatus.USAGE
