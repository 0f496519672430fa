"""`csms --help`: every command is there once, under what one wants to do."""

from collections import Counter

import typer
from typer.testing import CliRunner

from csms.cli import app
from csms.cli.grouping import GROUPS


def test_each_command_is_in_one_group() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert Counter(name for names in GROUPS.values() for name in names) == Counter(list(commands))


def test_they_are_shown_under_their_headings_and_aligned() -> None:
    lines = CliRunner().invoke(app, ["--help"]).stdout.splitlines()
    heads = [line.removesuffix(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert heads == ["Options", *GROUPS]
    shown: dict[str, list[str]] = {}
    for line in lines[lines.index("Serve:") :]:
        if line.endswith(":"):
            heading = line.removesuffix(":")
        elif line:
            shown.setdefault(heading, []).append(line.split()[0])
            assert (line[:2], line[12], line[13] == " ") == ("  ", " ", False), line
    assert shown == {heading: list(names) for heading, names in GROUPS.items()}


def test_groups_of_commands_list_theirs_as_before() -> None:
    assert "Commands:" in CliRunner().invoke(app, ["keys", "--help"]).stdout.splitlines()
