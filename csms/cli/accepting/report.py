"""The report of an acceptance test: a JSON document with a schema, and the same as a page that needs nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import csms
from csms.cli.accepting.looks import Json, Look
from csms.cli.accepting.machine import Outcome, Verdict, overall
from csms.cli.accepting.steps import STEPS

FORMAT: Final = "electra-sems-acceptance/1"

_VERDICT: Final = {"enum": [verdict.value for verdict in Verdict]}
_TIME: Final = {"type": "string", "description": "UTC, ISO 8601, by the clock where the test ran."}
SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Report of csms accept",
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("format", "program", "chargerId", "connector", "verdict", "beganAt", "endedAt", "configuration"),
        *("learnt", "alarms", "steps"),
    ],
    "properties": {
        "format": {"const": FORMAT},
        "program": {"type": "string", "description": "Version of the program that made it."},
        "chargerId": {"type": "string"},
        "connector": {"type": "integer", "minimum": 1},
        "verdict": _VERDICT | {"description": "passed: every step has; failed: one has; else not_done."},
        "beganAt": _TIME,
        "endedAt": _TIME,
        "configuration": {"type": "object", "description": "The charger as configured, as in GET /station/config."},
        "learnt": {
            "type": "object",
            "description": "What the server had learnt of the charger's make, as in GET /makes; null: nothing.",
            "additionalProperties": False,
            "required": ["before", "after"],
            "properties": {"before": {"type": ["object", "null"]}, "after": {"type": ["object", "null"]}},
        },
        "alarms": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Kinds of what stood about the charger when the test ended.",
        },
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["step", "title", "shows", "verdict", "said", "seconds", "facts"],
                "properties": {
                    "step": {"enum": [step.name for step in STEPS]},
                    "title": {"type": "string"},
                    "shows": {"type": "string", "description": "What has to be seen for it to pass."},
                    "verdict": _VERDICT,
                    "said": {"type": "string", "description": "On what it passed, or why it did not."},
                    "toDo": {"type": "string", "description": "What to do about it."},
                    "warning": {"type": "string", "description": "What it passed in spite of: the server makes up."},
                    "seconds": {"type": "number", "minimum": 0},
                    "facts": {"type": "object", "description": "What was measured; ends in Ms, W, Wh: the unit."},
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Held:
    """One test that was held; times UTC ms.

    Attributes:
        configuration: the charger's part of the station's configuration.
        first, last: the looks before and after it.
    """

    charger_id: str
    idx: int
    configuration: Json
    began_ms: int
    ended_ms: int
    first: Look
    last: Look
    outcomes: Sequence[Outcome]


def report(held: Held) -> Json:
    """Return the report as a document that `SCHEMA` describes."""
    titles = {step.name: step for step in STEPS}
    return {
        "format": FORMAT,
        "program": csms.__version__,
        "chargerId": held.charger_id,
        "connector": held.idx,
        "verdict": overall(held.outcomes).value,
        "beganAt": _iso(held.began_ms),
        "endedAt": _iso(held.ended_ms),
        "configuration": held.configuration,
        "learnt": {"before": _learnt(held.first), "after": _learnt(held.last)},
        "alarms": list(held.last.alarms),
        "steps": [
            {
                "step": one.step,
                "title": titles[one.step].title,
                "shows": titles[one.step].shows,
                "verdict": one.verdict.value,
                "said": one.said,
                **({"toDo": one.to_do} if one.to_do else {}),
                **({"warning": one.warning} if one.warning else {}),
                "seconds": round(one.took_ms / 1_000, 1),
                "facts": one.facts,
            }
            for one in held.outcomes
        ],
    }


def _learnt(look: Look) -> Json | None:
    return None if look.known is None else look.known.get("learnt")


def _iso(utc_ms: int) -> str:
    return datetime.fromtimestamp(utc_ms // 1_000, UTC).isoformat().replace("+00:00", "Z")


WORDS: Final = {"passed": "passed", "failed": "FAILED", "not_done": "not done"}

_STYLE = """
body{font:16px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.5rem;border-top:1px solid #ccc}
.passed{color:#11632a}.failed{color:#a4161a}.not_done{color:#6b5800}b{white-space:nowrap}
small,dt{color:#555}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}
pre{overflow-x:auto;background:#f4f4f4;padding:.6rem;font-size:.85rem}
"""


def page(document: Json) -> str:
    """Return a report as one HTML page; every text in it may be a stranger's, and is escaped."""
    rows = "\n".join(_row(step) for step in document["steps"])
    boot: Json = next((one["facts"] for one in document["steps"] if one["step"] == "identity"), {})
    about = {
        "charger": f"{document['chargerId']}, connector {document['connector']}",
        **{name: value for name, value in boot.items() if isinstance(value, str)},
        "tested": f"{document['beganAt']} to {document['endedAt']}",
        "alarms": ", ".join(document["alarms"]) or "none",
        "program": document["program"],
    }
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in about.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Acceptance test of {_text(document["chargerId"])}</title><style>{_STYLE}</style></head><body>
<h1>Acceptance test: {_verdict(document["verdict"])}</h1>
<dl>{facts}</dl>
<table><thead><tr><th>step</th><th>verdict</th><th>what was seen</th></tr></thead><tbody>
{rows}
</tbody></table>
<h2>What was learnt of its make</h2>
<p>Before the test, and after it.</p>
{_json(document["learnt"]["before"])}
{_json(document["learnt"]["after"])}
<h2>As configured</h2>
{_json(document["configuration"])}
</body></html>
"""


def _row(step: Json) -> str:
    to_do = f"<br><b>To do:</b> {_text(step['toDo'])}" if step["verdict"] != "passed" and "toDo" in step else ""
    warning = f'<br><b class="failed">Warning:</b> {_text(step["warning"])}' if "warning" in step else ""
    facts = f"<details><summary>measured</summary>{_json(step['facts'])}</details>" if step["facts"] else ""
    return (
        f"<tr><td>{_text(step['title'])}<br><small>{_text(step['shows'])}</small></td>"
        f"<td>{_verdict(step['verdict'])}<br><small>{step['seconds']:g} s</small></td>"
        f"<td>{_text(step['said'])}{to_do}{warning}{facts}</td></tr>"
    )


def _verdict(verdict: str) -> str:
    return f'<b class="{_text(verdict)}">{_text(WORDS[verdict])}</b>'


def _json(value: object) -> str:
    return f"<pre>{_text(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"


def _text(value: object) -> str:
    return escape(str(value))
