"""`csms accept`: whether one charger does what control depends on, shown at the site with one car.

    machine       what a step may want, and how the steps follow each other       pure
    looks         what one look over REST shows                                    pure
    judging       whether what was metered keeps to a limit                        pure
    …_steps       the steps themselves                                             pure
    report        the outcome as JSON and as a page                                pure
    conducting    does what the steps want with what it is given
    here          the server over REST, the person at the terminal, the files

The test speaks to the running server over REST alone, like any operator: its limits are caps (docs/adr/0030), so the
allocator and the ledger steer the charger during the test exactly as they do afterwards.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import typer

from csms.cli.accepting.conducting import Conductor
from csms.cli.accepting.looks import Json
from csms.cli.accepting.machine import Act, Ask, Begun, Case, Ended, Please, Say, Verdict
from csms.cli.accepting.report import WORDS, Held, page, report
from csms.cli.accepting.steps import NAMES, STEPS
from csms.cli.asking import ask, shown
from csms.cli.checking import read_station
from csms.cli.status import ExitStatus
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station

LOOK_S = 1.0
OFFLINE_CHARGE_S = 120
"""With nobody at the terminal a car has so long to charge without the network."""


class Terminal:
    """The server over REST, and the person at the terminal; `asks_nobody`: what a person does is taken as done."""

    def __init__(self, url: str, *, asks_nobody: bool) -> None:
        self._url = url
        self._asks_nobody = asks_nobody

    def ask(self, asked: Ask) -> Json | str:
        """Make a request."""
        return ask(self._url, asked.method, asked.path, asked.body)

    def please(self, please: Please) -> bool:
        """Ask the person to do something."""
        typer.echo(f"      → {please.text}")
        if self._asks_nobody:
            if please.act is Act.CHARGE_OFFLINE:
                time.sleep(OFFLINE_CHARGE_S)
            return True
        answer: str = typer.prompt("        Enter when that is done, n if it cannot be", default="", show_default=False)
        return not answer.strip().lower().startswith("n")

    def show(self, effect: Say | Begun | Ended) -> None:
        """Print how far it has come."""
        match effect:
            case Begun(step, number, steps):
                typer.echo(f"[{number:>2}/{steps}] {step.title}: {step.shows}")
            case Say(text):
                typer.echo(f"        {shown(text)}")
            case Ended(outcome):
                typer.echo(f"        {WORDS[outcome.verdict.value]}: {shown(outcome.said)}")
                if outcome.to_do and outcome.verdict is not Verdict.PASSED:
                    typer.echo(f"        → {shown(outcome.to_do)}")
                if outcome.warning:
                    typer.echo(f"        warning: {shown(outcome.warning)}")

    def wait(self) -> None:
        """Let a moment pass."""
        time.sleep(LOOK_S)

    def now_ms(self) -> int:
        """Return the time by a clock that only runs forward."""
        return time.monotonic_ns() // 1_000_000


def run(
    url: str, charger_id: str, idx: int, skipped: Sequence[str], name: str | None, *, asks_nobody: bool, replace: bool
) -> int:
    """Hold the test and write its report; return the exit status: 0 only when every step has passed."""
    base = Path(name or f"{_plain(charger_id)}-{idx}-acceptance")
    files = [base.with_name(f"{base.name}.{kind}") for kind in ("json", "html")]
    if (wrong := _asked_wrongly(skipped, files, asks_nobody=asks_nobody, replace=replace)) is not None:
        typer.echo(f"csms accept: {wrong}", err=True)
        return ExitStatus.USAGE
    found = _configured(url, charger_id)
    if isinstance(found, str):
        typer.echo(f"csms accept: {found}", err=True)
        return ExitStatus.NO
    config, document = found
    if idx > config.connectors:
        typer.echo(f"csms accept: --connector {idx}: {shown(charger_id)} has {config.connectors}", err=True)
        return ExitStatus.USAGE
    began_ms = time.time_ns() // 1_000_000
    case = Case(config, idx, f"/chargers/{quote(charger_id, safe='')}")
    conductor = Conductor(case, Terminal(url, asks_nobody=asks_nobody))
    first = conductor.look
    try:
        outcomes = conductor.conduct(STEPS, frozenset(skipped))
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("\ncsms accept: interrupted; the test's limit is cleared, and there is no report", err=True)
        return ExitStatus.NO
    held = Held(
        charger_id, idx, document, began_ms, time.time_ns() // 1_000_000, first, conductor.look, tuple(outcomes)
    )
    return _told(report(held), files)


def _asked_wrongly(skipped: Sequence[str], files: Sequence[Path], *, asks_nobody: bool, replace: bool) -> str | None:
    unknown = [one for one in skipped if one not in NAMES]
    if unknown:
        return f"--skip {shown(unknown[0])}: is no step; the steps are {', '.join(NAMES)}"
    there = [file for file in files if file.exists()]
    if there and not replace:
        return f"{there[0]} exists: name another with --report, or replace it with --force"
    if not asks_nobody and not sys.stdin.isatty():
        return "there is no terminal to ask a person at: use --yes, and --skip for what nobody does"
    return None


def _configured(url: str, charger_id: str) -> tuple[Charger, Json] | str:
    """Return the charger as configured, or why it cannot be tested."""
    station = ask(url, "GET", "/station/config")
    if isinstance(station, str):
        return station
    read = read_station(json.dumps(station).encode())
    if not isinstance(read, Station):
        return "is the server of another version than this program? its configuration cannot be read"
    config = read.charger(ChargerId(charger_id))
    if config is None:
        return f"{shown(charger_id)} is no charger of this station: csms chargers list"
    if config.control not in {Control.AUTO, Control.OCPP}:
        return f"{shown(charger_id)} is not steered over OCPP: its control is {config.control.value}"
    return config, next(one for one in station["chargers"] if one["id"] == charger_id)


def _told(document: Json, files: Sequence[Path]) -> int:
    """Write the report and say what it says."""
    texts = (json.dumps(document, indent=2, ensure_ascii=False) + "\n", page(document))
    for file, text in zip(files, texts, strict=True):
        try:
            _write(file, text)
        except OSError as error:
            typer.echo(f"csms accept: {file}: {error.strerror}", err=True)
            return ExitStatus.NO
    verdicts = [step["verdict"] for step in document["steps"]]
    counts = ", ".join(f"{verdicts.count(one)} {word}" for one, word in WORDS.items() if one in verdicts)
    warnings = sum("warning" in step for step in document["steps"])
    counts += f", {warnings} with a warning" if warnings else ""
    typer.echo(f"{document['chargerId']}, connector {document['connector']}: {WORDS[document['verdict']]} ({counts})")
    typer.echo(f"report: {files[0]}, {files[1]}")
    return ExitStatus.DONE if document["verdict"] == Verdict.PASSED else ExitStatus.NO


def _write(target: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _plain(charger_id: str) -> str:
    """Return a name of a file for an id, which may hold what a file name may not."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in charger_id) or "charger"
