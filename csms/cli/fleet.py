"""`csms chargers list | add | remove` and `csms knocking`: which chargers a running central system has, and who asks.

The work is the server's: its configuration is fetched, changed by one charger, and put in force as a whole, so that
everything that would be wrong with it is told by its JSON path and changes nothing.
"""

import shlex
import sys
from collections.abc import Callable
from urllib.parse import quote

import typer

from csms.cli.answers import Refused, charger_document, read_charger, read_power_w
from csms.cli.asking import Json, ask, shown, table
from csms.cli.status import ExitStatus

PAGE = 500
_CONFIG = "/station/config"
_MAY_BE_ADDED = frozenset({"unknown_charger", "pending", "rejected"})

Question = Callable[[str], str]
"""Puts a question to a person and returns what was answered."""


def list_(url: str) -> int:
    """Print the chargers as they are now; return the exit status."""
    chargers: list[Json] = []
    path: str | None = f"/chargers?limit={PAGE}"
    while path is not None:
        page = ask(url, "GET", path)
        if isinstance(page, str):
            return _failed("csms chargers list", page)
        chargers += page["chargers"]
        path = f"/chargers?limit={PAGE}&cursor={quote(page['nextCursor'])}" if "nextCursor" in page else None
    head = ("charger", "max kW", "connection", "connectors", "booked kW", "provisioned")
    for line in table(head, [_row(charger) for charger in chargers]):
        typer.echo(line)
    return ExitStatus.DONE


def _row(charger: Json) -> tuple[str, ...]:
    connection = charger.get("connection")
    state = "away" if connection is None else f"since {connection.get('since', 'now')}"
    if connection is None and "boot" not in charger:
        state = "never seen"
    statuses = ", ".join(
        f"{one['idx']} {one.get('status', 'unknown')}{_maintenance(one)}" for one in charger["connectors"]
    )
    return (
        charger["chargerId"]
        + (" (draining)" if charger["draining"] else "")
        + _released(charger)
        + _maintenance(charger),
        str(charger.get("maxPower", "-")),
        state,
        shown(statuses),
        str(charger["bookedPower"]),
        "yes" if charger["provisioned"] else "no",
    )


def _maintenance(place: Json) -> str:
    """Return the mark of a charger or connector where somebody works."""
    return " (maintenance)" if "maintenance" in place and "endedAt" not in place["maintenance"] else ""


def _released(charger: Json) -> str:
    return f" ({charger['release']})" if "release" in charger else ""


def add(url: str, text: str, voltage_v: int, question: Question | None = None) -> int:
    """Add a charger of `ID[,power=22kW][,connectors=2][,phases=1][,circuit=NAME]`; return the exit status.

    `question` None: what is missing is asked for on a terminal only.
    """
    if question is None and sys.stdin.isatty():
        question = typer.prompt
    answer = read_charger(_completed(text, voltage_v, question))
    document = answer if isinstance(answer, Refused) else charger_document(answer, voltage_v)
    if isinstance(document, Refused):
        typer.echo(f"csms chargers add: {document.reason}", err=True)
        return ExitStatus.USAGE
    station = ask(url, "GET", _CONFIG)
    if isinstance(station, str):
        return _failed("csms chargers add", station)
    if any(charger["id"] == document["id"] for charger in station["chargers"]):
        return _failed("csms chargers add", f"{document['id']} is a charger of this station already")
    stored = ask(url, "POST", _CONFIG, station | {"chargers": [*station["chargers"], document]})
    if isinstance(stored, str):
        return _failed("csms chargers add", stored)
    typer.echo(f"{document['id']}: added with {document['maxPower']} kW; it may connect now")
    known = ask(url, "GET", f"/chargers/{quote(str(document['id']), safe='')}")
    if isinstance(known, dict) and "release" in known["charger"]:
        typer.echo("  it was released before and is left alone still: `csms release --undo` takes it in again")
    return ExitStatus.DONE


def _completed(text: str, voltage_v: int, question: Question | None) -> str:
    """Ask for the power and the connectors of a charger of which only the id is told."""
    if question is None or "," in text:
        return text
    while isinstance(
        read_power_w(power := question("its maximum, such as 32A (per phase) or 22kW"), 3, voltage_v), Refused
    ):
        typer.echo("  must be a number with its unit, such as 32A or 22kW")
    return f"{text},power={power},connectors={question('connectors, such as 1')}"


def remove(url: str, charger_id: str) -> int:
    """Remove a charger; return the exit status."""
    station = ask(url, "GET", _CONFIG)
    if isinstance(station, str):
        return _failed("csms chargers remove", station)
    rest = [charger for charger in station["chargers"] if charger["id"] != charger_id]
    if len(rest) == len(station["chargers"]):
        return _failed("csms chargers remove", f"{shown(charger_id)} is no charger of this station")
    stored = ask(url, "POST", _CONFIG, station | {"chargers": rest})
    if isinstance(stored, str):
        return _failed("csms chargers remove", stored)
    drains = isinstance(ask(url, "GET", f"/chargers/{quote(charger_id, safe='')}"), dict)
    told = "; it stays booked as long as what it was told may be in force" if drains else ""
    typer.echo(f"{charger_id}: removed{told}")
    return ExitStatus.DONE


def knocking(url: str) -> int:
    """Print who asked to connect and was not let in, and how to let a charger in; return the exit status."""
    document = ask(url, "GET", "/chargers/knocking")
    if isinstance(document, str):
        return _failed("csms knocking", document)
    knocks: list[Json] = document["knocking"]
    if not knocks:
        typer.echo("nobody has asked to connect and was not let in since the server started")
        return ExitStatus.DONE
    head = ("charger", "reason", "times", "last seen", "from", "says that it is")
    for line in table(head, [_knock(knock) for knock in knocks]):
        typer.echo(line)
    new = dict.fromkeys(knock["chargerId"] for knock in knocks if _may_be_added(knock))
    if new:
        typer.echo("to let one in (it asks for its maximum, in kW or in A per phase):")
    for charger_id in new:
        typer.echo(f"  csms chargers add {'-- ' if charger_id.startswith('-') else ''}{shlex.quote(charger_id)}")
    return ExitStatus.DONE


def _may_be_added(knock: Json) -> bool:
    charger_id = knock["chargerId"]
    return knock["reason"] in _MAY_BE_ADDED and charger_id == shown(charger_id) and "," not in charger_id


def _knock(knock: Json) -> tuple[str, ...]:
    itself = [knock[name] for name in ("vendor", "model", "firmwareVersion", "serialNumber") if name in knock]
    told = (knock["chargerId"], knock["reason"], knock["count"], knock["lastSeen"], knock["remote"], " ".join(itself))
    return tuple(map(shown, told))


def _failed(command: str, why: str) -> int:
    typer.echo(f"{command}: {why}", err=True)
    return ExitStatus.NO
