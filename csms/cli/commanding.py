"""`csms command`: ask a charger for something and follow it to what really came of it.

The work is the server's and durable there. A command is asked for once; whatever becomes of this process, of the
connection or of the server, it is at `csms commands ID`.
"""

import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import typer

from csms.cli.asking import Json, No, ask, shown, table
from csms.cli.outcomes import is_good, is_settled, next_step, state_line
from csms.cli.payloads import ACTIONS, Malformed, Model, example, fields, meaning, nearest, payload
from csms.cli.readable import answer_lines
from csms.cli.status import ExitStatus

PAUSE_S = 0.2
LATER_S = 3_600
REFUSALS: Mapping[str, str] = {
    "charger-offline": "to have it sent when the charger is back, add --queue-until {later}, or later",
    "no-headroom": "to have it wait for headroom, add --queue-until {later}, or later; with --force others are cut",
    "under-maintenance": "when the work there is over: csms chargers maintenance {charger} --end",
    "unknown-charger": "its chargers: csms chargers list",
    "unknown-connector": "its chargers: csms chargers list",
    "not-yet": "it may have been taken in; what comes of it: csms commands --charger {charger}",
    "internal": "whether it was taken in: csms commands --charger {charger}",
}
"""What to do next, by the server's problem."""
MAY_BE_FORCED = frozenset({"Reset", "UpdateFirmware", "SignedUpdateFirmware"})
"""Refused while a car charges, or while firmware is being installed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed after the action.

    Attributes:
        told: FIELD=VALUE; body: a file with the payload instead, - for standard input.
        queue_until: as typed, the server reads it; force: without headroom, or while a car charges.
    """

    told: tuple[str, ...] = ()
    body: str | None = None
    queue_until: str | None = None
    force: bool = False


def actions() -> int:
    """Print what a charger can be asked for, a line each; return the exit status."""
    for line in table(("action", "what it does"), [(name, meaning(model)) for name, model in ACTIONS.items()]):
        typer.echo(line)
    typer.echo("\nwhat one takes, with an example: csms command ID ACTION --fields")
    return ExitStatus.DONE


def explain(action: str) -> int:
    """Print what an action takes; return the exit status."""
    model = _model(action)
    if model is None:
        return ExitStatus.USAGE
    typer.echo(f"{action}: {meaning(model)}")
    for line in _takes(model):
        typer.echo(line)
    return ExitStatus.DONE


def run(url: str, charger_id: str, action: str, asked: Asked, wait_s: int) -> int:
    """Ask for a command, print what becomes of it, and return the exit status: 0 when it came to what was asked for."""
    model = _model(action)
    if model is None:
        return ExitStatus.USAGE
    try:
        body = _body(model, asked)
    except (Malformed, OSError) as error:
        return _failed(str(error), ExitStatus.USAGE)
    query = {"queueUntil": asked.queue_until, "force": "true" if asked.force else None}
    given = urlencode({name: value for name, value in query.items() if value is not None})
    path = f"/chargers/{quote(charger_id, safe='')}/commands/{action}{'?' if given else ''}{given}"
    answer = ask(url, "POST", path, body)
    if isinstance(answer, No):
        return _refused(answer, model, charger_id)
    return _ended(_followed(url, answer["command"], wait_s), answer["command"]["id"])


def _model(action: str) -> Model | None:
    """Return the model of an action; print what is wrong and return None where there is none."""
    model = ACTIONS.get(action)
    if model is None:
        near = nearest(action)
        meant = f"did you mean {near}? " if near is not None else ""
        _failed(f"{shown(action)} is no action; {meant}All of them: csms command ID")
    return model


def _body(model: Model, asked: Asked) -> Json | bytes:
    """Return the payload; raise Malformed or OSError."""
    if asked.body is None:
        return payload(model, asked.told)
    if asked.told:
        raise Malformed("--body is the whole payload: no FIELD=VALUE beside it")
    return sys.stdin.buffer.read() if asked.body == "-" else Path(asked.body).read_bytes()


def _followed(url: str, command: Json, wait_s: int) -> Json | No:
    """Print each state as it comes; return the command when it is settled, or as it is when the wait is over."""
    until_s = time.monotonic() + wait_s
    head, said = f"{shown(command['chargerId'])} {command['action']}", ""
    typer.echo(f"{head}: command {command['id']}")
    while True:
        line = state_line(command)
        if line != said:
            typer.echo(f"{head}: {line}")
            said = line
        if is_settled(command) or time.monotonic() >= until_s:
            return command
        time.sleep(PAUSE_S)
        answer = ask(url, "GET", f"/commands/{command['id']}")
        if isinstance(answer, No):
            return answer
        command = answer["command"]


def _ended(command: Json | No, name: str) -> int:
    """Print the answer and what to do next; return the exit status."""
    if isinstance(command, No):
        return _failed(f"{command}\nit is taken in and durable; what comes of it: csms commands {name}")
    for line in answer_lines(command["action"], command.get("answerBody", {})):
        typer.echo(f"  {line}")
    hint = next_step(command)
    if is_good(command):
        if hint is not None:
            typer.echo(hint)
        return ExitStatus.DONE
    if hint is not None:
        typer.echo(hint, err=True)
    return ExitStatus.NO


def _refused(no: No, model: Model, charger_id: str) -> int:
    """Print why the server takes a command not in, and what would help."""
    _failed(no)
    if no.kind == "invalid":
        for line in _takes(model):
            typer.echo(line, err=True)
    elif no.kind in REFUSALS:
        later = datetime.fromtimestamp(time.time() + LATER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        typer.echo(REFUSALS[no.kind].format(charger=shlex.quote(shown(charger_id)), later=later), err=True)
    elif no.kind == "command-refused" and model.__name__ in MAY_BE_FORCED:
        typer.echo("if it is a car or an installation that is in the way, --force does it all the same", err=True)
    return ExitStatus.NO


def _takes(model: Model) -> list[str]:
    """Return the fields of an action, and its example."""
    rows = fields(model)
    told = [f"  {line}" for line in table(("field", "value", ""), rows)] if rows else ["  it takes no fields"]
    return [*told, f"  for example: csms command CP001 {example(model)}"]


def _failed(why: str, status: ExitStatus = ExitStatus.NO) -> int:
    typer.echo(f"csms command: {why}", err=True)
    return status
