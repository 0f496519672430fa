"""`csms makes export` and `import`: what a running central system has learnt of makes, as a file.

The work is the server's (`GET` and `POST /makes`); here it is only fetched, written, read and handed over.
"""

import json
from pathlib import Path
from typing import Any

import httpx2
import typer

from csms.cli.source import STANDARD_INPUT, read_source
from csms.cli.status import ExitStatus
from csms.core.configuration import load_document
from csms.core.makes_document import parse_makes

TIMEOUT_S = 35.0
"""Longer than a request waits in the server."""


def export(url: str, file: str) -> int:
    """Write what the server at `url` has learnt to a file or standard output; return the exit status."""
    answer = _ask(url, "GET", None)
    if isinstance(answer, str):
        typer.echo(f"csms makes export: {answer}", err=True)
        return ExitStatus.NO
    text = json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
    if file == STANDARD_INPUT:
        typer.echo(text, nl=False)
        return ExitStatus.DONE
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        typer.echo(f"csms makes export: {file}: {error.strerror}", err=True)
        return ExitStatus.NO
    typer.echo(f"{file}: {_count(answer)}")
    return ExitStatus.DONE


def import_(url: str, file: str) -> int:
    """Teach the server at `url` what a file says; return the exit status."""
    content = read_source(file)
    if isinstance(content, str):
        typer.echo(f"csms makes import: {content}", err=True)
        return ExitStatus.USAGE
    document = load_document(content)
    makes = document if isinstance(document, tuple) else parse_makes(document)
    if isinstance(makes, tuple):
        typer.echo(f"{file}: {len(makes)} {'fault' if len(makes) == 1 else 'faults'}")
        for fault in makes:
            typer.echo(f"  {fault}")
        return ExitStatus.NO
    answer = _ask(url, "POST", content)
    if isinstance(answer, str):
        typer.echo(f"csms makes import: {answer}", err=True)
        return ExitStatus.NO
    typer.echo(f"taught {len(makes)}; the server now knows {_count(answer)}")
    return ExitStatus.DONE


def _count(document: dict[str, Any]) -> str:
    count = len(document["makes"])
    return f"{count} make{'' if count == 1 else 's'}"


def _ask(url: str, method: str, body: bytes | None) -> dict[str, Any] | str:
    """Return the server's document, or in one sentence why there is none."""
    headers = {"Content-Type": "application/json"}
    try:
        with httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.request(method, "/makes", content=body, headers=headers if body is not None else None)
            document = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return f"--url {url}: no answer from a central system there ({type(error).__name__}); is `csms serve` running?"
    if answer.status_code != httpx2.codes.OK or not isinstance(document, dict):
        said = document.get("error", "") if isinstance(document, dict) else ""
        return f"--url {url}: the server answered {answer.status_code} {said}".rstrip()
    return document
