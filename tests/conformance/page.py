"""The page of the certification cases, made of their table (`make docs`)."""

from collections import Counter
from typing import Final

from tests.conformance.cases import CASES, Case, Profile
from tests.interop.others import section

NOTE: Final = "<!-- made by `make docs` from tests/conformance/cases.py: change it there -->"

INTRO: Final = f"""\
# Certification cases of OCPP 1.6
{NOTE}

The certification of a central system for OCPP 1.6 consists of 77 cases, each known by its number. All of them are
played in its tests, each written from the specification's text. The page is about
**our own re-implementation, not a certification**: that takes the Open Charge Alliance's tool and a test laboratory.

Each is played at the real central system (gateway, protocol, control, SQLite, REST) in one process on virtual time, by
a charger of the test's own over a real socket. Every frame of either is held against the JSON schemas of OCPP 1.6,
and nothing that happens may be logged as an error. A case that fails is expected to, so that the day on which it no
longer does is noticed (`tests/conformance`). TC_073 and TC_085 are played with security profile 1, TC_086 with 2 and
TC_087 with 3, over TLS with certificates that are made for the test; the others of security with none.

*Begun by*: who acts first, the charger, an operator over REST, or this system by itself. § is OCPP 1.6 edition 2, E its
errata 4.0, J its JSON part, W its security whitepaper edition 2 (use cases as there; a number is a section).
"""

HEAD: Final = "| case | what happens | from | begun by | result | remark |\n|---|---|---|---|---|---|"


def page() -> str:
    """Return the page."""
    parts = [INTRO, _summary()]
    for profile in Profile:
        parts += [f"\n## {profile.value}\n", HEAD]
        parts += [_row(case) for case in CASES if case.profile is profile]
    return "\n".join([*parts, section()]) + "\n"


def _summary() -> str:
    """Return how many cases of each group end how."""
    lines = ["| | cases | passed | failed |", "|---|---|---|---|"]
    for profile in Profile:
        counts = Counter(case.result.value for case in CASES if case.profile is profile)
        lines.append(_counted(profile.value, counts))
    lines.append(_counted("all", Counter(case.result.value for case in CASES)))
    return "\n".join(lines)


def _counted(name: str, counts: Counter[str]) -> str:
    return f"| {name} | {counts.total()} | {counts['passed']} | {counts['failed']} |"


def _row(case: Case) -> str:
    result = case.result.value if case.result.value == "passed" else f"**{case.result.value}**"
    return f"| {case.number} | {case.title} | {case.sections} | {case.by.value} | {result} | {case.remark} |"
