"""`csms serve`: from flags and environment to settings, and on to the composition root."""

from collections.abc import Mapping

import typer

from csms.cli.status import ExitStatus
from csms.settings import Settings, read_settings, unknown_variables


def run(given: Mapping[str, object]) -> int:
    """Run the server with the command line's values by field name; return the exit status."""
    for name in unknown_variables():
        typer.echo(f"csms serve: {name} is set but is no setting; is it misspelt?", err=True)
    settings = read_settings(given)
    if not isinstance(settings, Settings):
        for fault in settings:
            typer.echo(f"csms serve: {fault}", err=True)
        return ExitStatus.USAGE
    from csms.main import serve  # noqa: PLC0415  # the whole server: only once the settings are known to be good

    return serve(settings)
