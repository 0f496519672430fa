"""`csms allocate`: one allocation problem from a JSON document, solved and printed as JSON; nothing is started."""

import json

import typer

from csms.cli.source import name_of, read_source
from csms.cli.status import ExitStatus
from csms.core.allocate_document import Problem, parse_problem, solution_document
from csms.core.configuration import load_document


def run(file: str) -> int:
    """Solve the problem in `file` and print the solution, or every fault of the document; return the exit status."""
    content = read_source(file)
    if isinstance(content, str):
        typer.echo(f"csms allocate: {content}", err=True)
        return ExitStatus.USAGE
    document = load_document(content)
    problem = document if isinstance(document, tuple) else parse_problem(document)
    if not isinstance(problem, Problem):
        name = name_of(file)
        typer.echo(f"csms allocate: {name}: {len(problem)} {'fault' if len(problem) == 1 else 'faults'}", err=True)
        for fault in problem:
            typer.echo(f"  {fault}", err=True)
        return ExitStatus.NO
    typer.echo(json.dumps(solution_document(problem)))
    return ExitStatus.DONE
