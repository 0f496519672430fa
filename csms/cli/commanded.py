"""`csms commands`: what chargers were asked for, by whomever, and what came of it."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import typer

from csms.cli.asking import Json, No, ask, shown, table
from csms.cli.outcomes import is_settled, next_step, state_line
from csms.cli.readable import answer_lines, plain
from csms.cli.status import ExitStatus


def run(url: str, command_id: str | None, charger_id: str | None, state: str | None, limit: int) -> int:
    """Print one command in full, or the newest; return the exit status."""
    if command_id is None:
        return _list(url, charger_id, state, limit)
    if charger_id is not None or state is not None:
        return _failed("the ID of a command stands alone: no --charger and no --state beside it", ExitStatus.USAGE)
    return _show(url, command_id)


def _list(url: str, charger_id: str | None, state: str | None, limit: int) -> int:
    query = {"limit": str(limit), "charger": charger_id, "state": state}
    page = ask(url, "GET", f"/commands?{urlencode({name: told for name, told in query.items() if told is not None})}")
    if isinstance(page, No):
        return _failed(page)
    head = ("id", "asked at", "charger", "action", "state", "answer, or reason")
    for line in table(head, [_row(command) for command in page["commands"]]):
        typer.echo(line)
    if "nextCursor" in page:
        typer.echo("older ones are not shown: more with --limit", err=True)
    return ExitStatus.DONE


def _row(command: Json) -> tuple[str, ...]:
    outcome = command.get("outcome")
    state = command["state"] if outcome is None else f"{command['state']}, {outcome['what']} {outcome['state']}"
    why = ": ".join(filter(None, (command.get("answer"), command.get("reason"))))
    told = (command["id"], command["askedAt"], command["chargerId"], command["action"], state, why)
    return tuple(map(shown, told))


def _show(url: str, command_id: str) -> int:
    answer = ask(url, "GET", f"/commands/{quote(command_id, safe='')}")
    if isinstance(answer, No):
        return _failed(answer)
    command: Json = answer["command"]
    for line in _in_full(command):
        typer.echo(line)
    return ExitStatus.DONE


def _in_full(command: Json) -> Sequence[str]:
    by = f" by {shown(command['askedBy'])}" if "askedBy" in command else ""
    lines = [
        f"{shown(command['chargerId'])} {command['action']}: {state_line(command)}",
        f"command   {command['id']}",
        f"asked     {command['askedAt']}{by}{', forced' if command['forced'] else ''}",
    ]
    times = (("may wait", "queueUntil"), ("sent", "sentAt"), ("answered", "answeredAt"))
    lines += [f"{word:<9} {command[name]}" for word, name in times if name in command]
    lines += _block("payload", [f"{shown(name)}: {plain(value)}" for name, value in command["body"].items()])
    lines += _block("answer", answer_lines(command["action"], command.get("answerBody", {})))
    hint = next_step(command) if is_settled(command) else None
    return lines if hint is None else [*lines, hint]


def _block(head: str, lines: Sequence[str]) -> list[str]:
    return [head, *(f"  {line}" for line in lines)] if lines else []


def _failed(why: str, status: ExitStatus = ExitStatus.NO) -> int:
    typer.echo(f"csms commands: {why}", err=True)
    return status
