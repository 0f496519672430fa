"""Write the reference pages that are made from the code, or (`--check`) say which of them no longer is what it says."""

# ruff: noqa: INP001, T201, S603  (a script, no package; it talks to a person; it starts only what it names itself)

import json
import os
import subprocess
import sys
from enum import Enum
from pathlib import Path

from csms.cli.accepting.report import SCHEMA
from csms.cli.accepting.steps import STEPS
from csms.core.alarms import KINDS, Severity
from csms.ocpp16.differences import DIFFERENCES
from csms.settings import ENV_PREFIX, Settings
from tests.conformance.page import page as conformance_page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
COMMANDS = (
    (),
    ("serve",),
    ("init",),
    ("config", "check"),
    ("doctor",),
    ("accept",),
    ("bundle",),
    ("explain",),
    ("knocking",),
    ("chargers", "list"),
    ("chargers", "add"),
    ("chargers", "remove"),
    ("chargers", "maintenance"),
    ("command",),
    ("commands",),
    ("campaigns", "list"),
    ("campaigns", "show"),
    ("campaigns", "start"),
    ("campaigns", "resume"),
    ("campaigns", "stop"),
    ("chargers", "key"),
    ("release",),
    ("keys", "create"),
    ("keys", "list"),
    ("keys", "revoke"),
    ("makes", "export"),
    ("makes", "import"),
    ("backup",),
    ("restore",),
    ("allocate",),
    ("demo",),
    ("simulate",),
)
NOTE = "<!-- made by `make docs` from the code: change it there -->"


def main() -> int:
    """Write or check every page; return the exit status."""
    pages = {
        "reference/settings.md": settings_page(),
        "reference/cli.md": cli_page(),
        "reference/verdicts.md": verdicts_page(),
        "reference/alarms.md": alarms_page(),
        "reference/acceptance.md": acceptance_page(),
        "conformance.md": conformance_page(),
    }
    if sys.argv[1:] == ["--check"]:
        stale = [name for name, text in pages.items() if text != read(DOCS / name)]
        for name in stale:
            print(f"docs/{name} is not what the code says; run: make docs", file=sys.stderr)
        return 1 if stale else 0
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


def read(page: Path) -> str:
    """Return the page's text; empty when there is none yet."""
    return page.read_text(encoding="utf-8") if page.exists() else ""


def settings_page() -> str:
    """Return the page of settings, from the fields of `Settings` and their documentation."""
    lines = [
        "# Settings of `csms serve`",
        NOTE,
        "",
        "Each can be given as a flag or as an environment variable; the flag wins, and an empty variable counts as not",
        "set. A bad value is refused with exit status 2, naming the flag or the variable. What belongs to the station",
        "(capacities, chargers) is in the [configuration](configuration.md).",
        "",
        "| flag | variable | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default.value if isinstance(field.default, Enum) else field.default
        shown = {None: "–", "": "–", True: "yes", False: "no"}.get(default, f"`{default}`")
        meaning = " ".join((field.description or "").split())
        lines.append(f"| `--{name.replace('_', '-')}` | `{ENV_PREFIX}{name.upper()}` | {shown} | {meaning} |")
    lines += [
        "",
        "In Kubernetes a service called `csms` makes variables of its own such as `CSMS_PORT=tcp://…`, which are",
        "refused: set `enableServiceLinks: false`.",
    ]
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return the page of commands: what `--help` says."""
    lines = ["# The `csms` command", NOTE, ""]
    lines += ["Exit status: 0 done; 1 the answer is no (a faulty file, a broken promise), or something outside is in"]
    lines += ["the way (a taken port); 2 asked wrongly; 3 the server stopped itself after repeated internal faults,"]
    lines += ["4 it stood still and ended itself."]
    for command in COMMANDS:
        name = " ".join(("csms", *command))
        lines += ["", f"## `{name}`", "```text", help_text(command), "```"]
    return "\n".join(lines) + "\n"


def verdicts_page() -> str:
    """Return the page of verdicts on what chargers send, from the table of deliberate differences."""
    lines = [
        "# Verdicts on what chargers send",
        NOTE,
        "",
        "Every payload of a charger is judged by the JSON schemas of OCPP 1.6 (2019-12). BootNotification, Heartbeat,",
        "StatusNotification, Authorize, StartTransaction, MeterValues and StopTransaction are answered all the same",
        "whenever the fields that the answer needs can be read; the event `payload.deviated` then says what was wrong.",
        "All other actions are refused when the schema refuses them. Fields that it does not know are always ignored.",
        "",
        "For the seven actions the verdict is the schema's, shown on 20,000 mutated messages each, except here:",
        "",
        "| here | what | why | reference | in |",
        "|---|---|---|---|---|",
    ]
    for row in DIFFERENCES:
        actions = ", ".join(sorted(row.actions))
        here = "conforms" if row.lane == "accepts" else "does not conform"
        lines.append(f"| {here} | {row.what} | {row.reason} | {row.reference} | {actions} |")
    lines += ["", "§ is OCPP 1.6 edition 2, J its JSON part, JE the errata of that."]
    return "\n".join(lines) + "\n"


def alarms_page() -> str:
    """Return the page of alarms and notices, from the table of their kinds."""
    lines = [
        "# Alarms and notices",
        NOTE,
        "",
        "What somebody should see, at `GET /alarms` and in the log (`notice.raised`, `notice.cleared`). An *alarm*",
        "asks for somebody now: power is booked that cannot be steered or trusted. A *notice* can wait. Each is raised",
        "and cleared by evidence. Those marked † only say that nothing is heard: under maintenance they are notices.",
    ]
    for severity in Severity:
        rows = [(name, kind) for name, kind in KINDS.items() if kind.severity is severity]
        lines += ["", f"## {severity.capitalize()}s", "| id | what it means | what to do |", "|---|---|---|"]
        for name, kind in rows:
            subject = f":{kind.subject.upper()}" if kind.subject else ""
            mark = " †" if kind.excused else ""
            lines.append(f"| `{name}{subject}`{mark} | {kind.meaning} | {kind.to_do} |")
    return "\n".join(lines) + "\n"


def acceptance_page() -> str:
    """Return the page of the acceptance test: its steps, and the schema of its report."""
    lines = [
        "# The acceptance test and its report",
        NOTE,
        "",
        "What `csms accept` does ([how to](../how-to/accept-a-charger.md)), step by step, and what its JSON",
        "report is. The verdict is `passed`, `failed` or `not_done`; the whole has passed when every step has.",
        "",
        "| step | what it shows | not done unless these have passed |",
        "|---|---|---|",
    ]
    for step in STEPS:
        needs = ", ".join(f"`{need}`" for need in step.needs)
        lines.append(f"| `{step.name}` | {step.shows} | {needs} |")
    lines += [
        "",
        "## What it does not show",
        "A step may pass with a `warning`: the charger does something that this server makes up for. There is one,",
        "of `form`: a charger that rounds amperes up draws more than it was told wherever it is told tenths.",
        "Reading back has shown it, so it is told whole amperes and keeps to them; here it is no failure,",
        "elsewhere it would be one.",
        "",
        "How connectors share a limit of the whole charger is not tested. That would show only where a",
        "ChargePointMaxProfile is told, and this system tells none, neither of its own (TxDefaultProfile and",
        "TxProfile count for each connector by itself, OCPP 1.6 §3.13.1; their sum is what is booked) nor as an",
        "operator's command, which is a cap on what it allocates. Tests hold this against all that is sent. A",
        "charger that gets this wrong, like the simulated `each_connector_alone`, so does all that it is told",
        "here, and passes.",
    ]
    schema = json.dumps(SCHEMA, indent=2, ensure_ascii=False)
    lines += ["", "## Schema of the report", "```json", schema, "```"]
    return "\n".join(lines) + "\n"


def help_text(command: tuple[str, ...]) -> str:
    """Return what `csms COMMAND --help` prints on a terminal of fixed width."""
    environment = os.environ | {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    arguments = [sys.executable, "-m", "csms", *command, "--help"]
    ran = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    return "\n".join(line.rstrip() for line in ran.stdout.strip().splitlines())


if __name__ == "__main__":
    sys.exit(main())
