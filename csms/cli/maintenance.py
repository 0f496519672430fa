"""`csms chargers maintenance`: mark a charger, or one of its connectors, while somebody works there."""

from urllib.parse import quote

import typer

from csms.cli.asking import Json, ask, shown
from csms.cli.status import ExitStatus

_COMMAND = "csms chargers maintenance"


def run(url: str, charger_id: str, connector: int | None, body: Json, *, end: bool) -> int:
    """Say what `body` says of a charger or connector, or end it; return the exit status."""
    wrong = _wrong(body, end=end)
    if wrong is not None:
        typer.echo(f"{_COMMAND}: {wrong}", err=True)
        return ExitStatus.USAGE
    place = f"/connectors/{connector}" if connector is not None else ""
    path = f"/chargers/{quote(charger_id, safe='')}{place}/maintenance"
    answer = ask(url, "DELETE", path) if end else ask(url, "PUT", path, body)
    if isinstance(answer, str):
        typer.echo(f"{_COMMAND}: {answer}", err=True)
        return ExitStatus.NO
    where = shown(charger_id) if connector is None else f"{shown(charger_id)} connector {connector}"
    typer.echo(f"{where}: {_told(answer)}")
    return ExitStatus.DONE


def _wrong(body: Json, *, end: bool) -> str | None:
    """Return what is wrong with how it was asked, or None."""
    if end:
        return "--end stands alone: it takes no --reason, --until or --inoperative" if body else None
    return None if "reason" in body else "tell why with --reason, or --end it"


def _told(answer: Json) -> str:
    """Return in words what is said of it now."""
    said: Json | None = answer.get("maintenance")
    if said is None:
        return "not under maintenance"
    until = f" until {said['until']}" if "until" in said else ""
    availability = said.get("availability")
    told = "" if availability is None else f"; {availability['type']}: {availability['state']}"
    return f"under maintenance{until}: {shown(said['reason'])}{told}"
