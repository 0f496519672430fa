"""The documentation's examples as data: every fenced `console` block of a Markdown file.

A line that starts with `$ ` is a command (`> ` continues it), the lines below it are what it prints; no lines: what it
prints is not shown. `…` stands for anything within a line, a line of `…` alone for any lines. In front of a block may
stand

- `<!-- not run: reason -->`: the block is not executed;
- `<!-- exits with N -->`: its last command ends with that status instead of 0.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"^(?P<indent> *)```console\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (?:not run: (?P<reason>.+?)|exits with (?P<status>\d+)) -->\s*\Z")


@dataclass(slots=True)
class Command:
    """One command, the output shown below it (None: not shown), and the exit status it should have."""

    line: int
    text: str
    shown: list[str] | None = None
    status: int = 0


@dataclass(slots=True)
class Block:
    """One block; `reason` says why it is not run, None when it is."""

    line: int
    reason: str | None
    commands: list[Command] = field(default_factory=list)


def documents() -> list[Path]:
    """Return the README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str) -> list[Block]:
    """Return the console blocks of a Markdown text, in order."""
    found = []
    for match in _BLOCK.finditer(text):
        mark = _MARK.search(text, 0, match.start())
        line = text.count("\n", 0, match.start()) + 1
        block = Block(line, mark["reason"] if mark else None)
        indent = match["indent"]
        for number, raw in enumerate(match["body"].splitlines(), line + 1):
            _read_line(block, number, raw.removeprefix(indent))
        if mark and mark["status"] and block.commands:
            block.commands[-1].status = int(mark["status"])
        found.append(block)
    return found


def _read_line(block: Block, number: int, line: str) -> None:
    if line.startswith("$ "):
        block.commands.append(Command(number, line[2:]))
    elif line.startswith("> ") and block.commands and block.commands[-1].shown is None:
        block.commands[-1].text += "\n" + line[2:]
    elif line.strip() and block.commands:
        command = block.commands[-1]
        command.shown = [*(command.shown or []), line.rstrip()]
    elif line.strip():
        raise ValueError(f"line {number}: output without a command: {line}")


def pattern(shown: list[str]) -> re.Pattern[str]:
    """Return what matches a whole output that looks as shown."""
    parts = []
    for line in shown:
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(part) for part in line.split("…")) + r"[ \t]*\n")
    return re.compile("".join(parts))
