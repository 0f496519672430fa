"""`csms release CP001 … | --all`: take chargers out again without a trace, and say what could not be undone.

The work is the server's and durable there; this command asks for it, waits for what comes of it, and tells that charger
by charger. Asked again it goes on where it was, or tries again what was left.
"""

import time
from collections.abc import Iterator
from urllib.parse import quote

import typer

from csms.cli.asking import Json, ask, shown
from csms.cli.fleet import PAGE
from csms.cli.status import ExitStatus

PAUSE_S = 0.2

WORDS = {"open": "not undone yet", "unverified": "not seen to be undone", "not_undone": "not undone"}
NAMES = {"local_list": "local list", "limit": "limit at connector", "foreign_profile": "foreign profiles"}


def run(url: str, charger_ids: list[str], *, everything: bool, force: bool, undo: bool, wait_s: int) -> int:
    """Release chargers, or take them in again; return the exit status."""
    if everything is bool(charger_ids):
        typer.echo("csms release: name chargers, or all of them with --all", err=True)
        return ExitStatus.USAGE
    if force and undo:
        typer.echo("csms release: --force says nothing with --undo", err=True)
        return ExitStatus.USAGE
    chosen = _all(url, undo=undo) if everything else list(dict.fromkeys(charger_ids))
    if isinstance(chosen, str):
        typer.echo(f"csms release: {chosen}", err=True)
        return ExitStatus.NO
    done = [_taken_in(url, each) for each in chosen] if undo else _released(url, chosen, force, wait_s)
    return ExitStatus.DONE if all(done) else ExitStatus.NO


def _all(url: str, *, undo: bool) -> list[str] | str:
    """Return the chargers of which something may be to be done, or why they are not known."""
    station = ask(url, "GET", "/station/config")
    if isinstance(station, str):
        return station
    over_ocpp = {one["id"] for one in station["chargers"] if one.get("control", "auto") in {"auto", "ocpp"}}
    chosen: list[str] = []
    path: str | None = f"/chargers?limit={PAGE}"
    while path is not None:
        page = ask(url, "GET", path)
        if isinstance(page, str):
            return page
        for charger in page["chargers"]:
            name = charger["chargerId"]
            was_here = name in over_ocpp and ("boot" in charger or "connection" in charger)
            if ("release" in charger) if undo else was_here:
                chosen.append(name)
            elif not undo:
                typer.echo(f"{shown(name)}: it has never connected, or not over OCPP: there is nothing to be undone")
        path = f"/chargers?limit={PAGE}&cursor={quote(page['nextCursor'])}" if "nextCursor" in page else None
    return chosen


def _taken_in(url: str, charger_id: str) -> bool:
    answer = ask(url, "DELETE", _path(charger_id))
    if isinstance(answer, str):
        return _failed(charger_id, answer)
    typer.echo(f"{shown(charger_id)}: taken in again; it is booked at its maximum until its limits are in force")
    return True


def _released(url: str, charger_ids: list[str], force: bool, wait_s: int) -> list[bool]:  # noqa: FBT001 - of the command line
    """Ask for all, then wait for all; return for each whether everything was undone."""
    query = "?force=true" if force else ""
    asked = {name: ask(url, "POST", f"{_path(name)}{query}") for name in charger_ids}
    until_s = time.monotonic() + wait_s
    return [_told(name, _waited(url, name, answer, until_s)) for name, answer in asked.items()]


def _waited(url: str, charger_id: str, answer: Json | str, until_s: float) -> Json | str:
    """Return the release when it has ended, or as it is when the wait is over."""
    while isinstance(answer, dict) and answer["release"]["state"] == "releasing" and time.monotonic() < until_s:
        time.sleep(PAUSE_S)
        answer = ask(url, "GET", _path(charger_id))
    return answer


def _told(charger_id: str, answer: Json | str) -> bool:
    """Print what became of a release; return whether everything was undone."""
    if isinstance(answer, str):
        return _failed(charger_id, answer)
    release, name = answer["release"], shown(charger_id)
    if release["state"] == "released":
        count = len(release["steps"])
        typer.echo(f"{name}: released; nothing of this system is left in it ({count} traces were looked for)")
        return True
    if release["state"] == "releasing":
        why = f": {release['waitsFor']}" if "waitsFor" in release else ""
        typer.echo(f"{name}: it is left alone, and the release goes on{why}; ask again to see it")
    else:
        typer.echo(f"{name}: released, but not everything could be undone")
    for line in _left(release):
        typer.echo(f"  {line}")
    return False


def _left(release: Json) -> Iterator[str]:
    """Yield what is left, and why; the words may be a charger's."""
    for step in release["steps"]:
        if step["state"] == "undone":
            continue
        what = f"{NAMES.get(step['what'], step['what'])} {step.get('name', '')}".rstrip()
        before = f" (it was {step['before']})" if "before" in step else ""
        detail = f": {step['detail']}" if "detail" in step else ""
        yield shown(f"{what}{before}: {WORDS[step['state']]}{detail}")


def _path(charger_id: str) -> str:
    return f"/chargers/{quote(charger_id, safe='')}/release"


def _failed(charger_id: str, why: str) -> bool:
    typer.echo(f"csms release: {shown(charger_id)}: {why}", err=True)
    return False
