"""`csms makes export` and `import`: what a running central system has learnt of makes, as a file.

The work is the server's (`GET` and `POST /makes`); here it is only fetched, written, read and handed over.
"""

import json
from pathlib import Path
from typing import Any

import typer

from csms.cli.asking import ask
from csms.cli.source import STANDARD_INPUT, read_source
from csms.cli.status import ExitStatus
from csms.core.configuration import load_document
from csms.core.makes_document import parse_makes


def export(url: str, file: str) -> int:
    """Write what the server at `url` has learnt to a file or standard output; return the exit status."""
    answer = ask(url, "GET", "/makes")
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
    answer = ask(url, "POST", "/makes", content)
    if isinstance(answer, str):
        typer.echo(f"csms makes import: {answer}", err=True)
        return ExitStatus.NO
    typer.echo(f"taught {len(makes)}; the server now knows {_count(answer)}")
    return ExitStatus.DONE


def _count(document: dict[str, Any]) -> str:
    count = len(document["makes"])
    return f"{count} make{'' if count == 1 else 's'}"
