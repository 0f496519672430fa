"""What `csms --help` lists: the commands by what one wants to do, in the order in which they are met."""

from collections.abc import Mapping
from typing import Final

from typer.core import TyperGroup

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Serve": ("init", "serve", "doctor"),
    "Look": ("explain", "knocking", "commands", "bundle"),
    "Chargers": ("chargers", "accept", "release", "makes"),
    "Commands": ("command", "campaigns"),
    "People": ("keys",),
    "Files": ("config", "backup", "restore"),
    "Try out": ("demo", "day", "simulate", "allocate"),
}


class Grouped(TyperGroup):
    """The program's commands, under headings."""

    def format_commands(self, ctx, formatter) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ARG002 - typer's
        """Write each group under its heading, all of them aligned."""
        width = max(map(len, self.commands))
        for heading, names in GROUPS.items():
            helps = [self.commands[name].get_short_help_str(formatter.width - 6 - width) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, text in zip(names, helps, strict=True)])
