"""The page about every character: one row each, made of its verdicts; no times in it, only counts and words."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from simulators.characters import CHARACTERS, WITHOUT_CHARACTER, Character, Family
from tests.characters.cases import CASES, Case, expected
from tests.characters.verdict import EVIDENCE_S, QUIET_CALLS, Met, Verdict

NOTE: Final = "<!-- made by `python -m tests.characters.report`: change the code, not the page -->"

INTRO: Final = f"""\
# Chargers
{NOTE}

Real chargers reported: 0. Everything below was observed on **simulated** chargers, each with one way in which real
ones were seen to differ: a *character* (`python -m simulators characters`). What each was seen to do, and where, is
in the columns; that we do the right thing with the real one is not shown by this, only that we do with a program that
does the same.

Each character met the whole central system (gateway, protocol, control, SQLite) over a real socket, on virtual time.
It shares a grid connection with a well-behaved neighbour, and the connection cannot feed both: 22 kW chargers with
three phases behind 30 kW, and for some families DC chargers of 100 kW behind 130 kW. Both charge; the grid is cut so
far that only one of them can (6 kW, 14 kW), comes back, the neighbour leaves, the charger reboots, both charge again,
and one car comes and goes while its network is down. Judged is what was on the wire and at the cars' meters:

- *how it is met*: the unit, the purpose and what is unusual of the limit that its car obeyed, or what became of it;
- *messages*: how many CALLs it was sent until a limit was effective, from its first connection on (limits among them).
  Most of the first dozen clear what another central system may have left;
- *notices*: what stood at some time of the day for the operator; and what is not as it should be with the record of
  its three transactions. Nothing said: each is there once, with the energy from start to stop.

For every one of them it is tested that the two cars never overload the grid by what we command, that no charger draws
more than is booked for it for longer than the evidence takes, and that the central system logs no error.
"""

FAMILIES: Final = {
    Family.HANDSHAKE: "Handshake and socket",
    Family.FRAMES: "Frames",
    Family.BOOT: "Boot",
    Family.TRANSACTIONS: "Transactions",
    Family.STATUSES: "Statuses",
    Family.METER_VALUES: "Meter values",
    Family.CLOCK: "Clock",
    Family.CONFIGURATION: "Configuration keys",
    Family.LIMITS: "Limits",
}


def page(rows: Mapping[str, str]) -> str:
    """Return the page; `rows` by the names of the characters."""
    parts = [INTRO, _summary()]
    for family in Family:
        parts += [f"\n## {FAMILIES[family]}\n", HEAD]
        parts += [rows[character.name] for character in CHARACTERS if character.family is family]
    parts += ["\n## Without a character\n"]
    parts += [f"- {quirk}: {why}" for quirk, why in WITHOUT_CHARACTER.items()]
    return "\n".join(parts) + "\n"


HEAD: Final = (
    "| character | what it does | seen | how it is met | messages | notices, record |\n|---|---|---|---|---|---|"
)


def cases_of(character: Character) -> list[Case]:
    """Return the cases of one character."""
    return [case for case in CASES if case.character is character]


def row(character: Character, verdicts: Mapping[str, Verdict]) -> str:
    """Return the row of one character; grounds on which the same was seen are named together."""
    met = [(case, verdicts[case.name]) for case in cases_of(character)]
    columns = [_column(met, words) for words in (_how, _messages, _notices)]
    cells = (f"`{character.name}`", character.does, character.source, *columns)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _column(met: Sequence[tuple[Case, Verdict]], words: Callable[[Verdict], str]) -> str:
    texts: dict[str, list[str]] = {}
    for case, verdict in met:
        where = f"{case.ground.name}, `assumeOcpp16`" if case.assume_ocpp16 else case.ground.name
        texts.setdefault(words(verdict), []).append(where)
    if len(texts) == 1:
        return next(iter(texts))
    return "; ".join(f"{', '.join(places)}: {text or '–'}" for text, places in texts.items())


def _how(verdict: Verdict) -> str:
    if verdict.met is Met.REFUSED:
        return f"refused at the door ({', '.join(verdict.refusals)}); booked at its maximum"
    if verdict.met is Met.LOST:
        return f"controlled {verdict.form} at first; then uncontrollable, booked at its maximum"
    if verdict.met not in {Met.CONTROLLED, Met.HELD}:
        return str(verdict.met)
    words = [f"controlled {verdict.form}".strip()]
    if verdict.held_w is not None:
        words.append(f"but never given more than {verdict.held_w / 1000:.1f} kW")
    if verdict.least_w:
        words.append(f"never paused: {verdict.least_w / 1000:.1f} kW at least")
    return "; ".join(words)


def _messages(verdict: Verdict) -> str:
    return "–" if verdict.calls is None else f"{verdict.calls} ({verdict.limits})"


def _notices(verdict: Verdict) -> str:
    notices = ", ".join(f"`{notice}`" for notice in verdict.notices)
    record = f"record: {verdict.record}" if verdict.record else ""
    endless = f"{verdict.quiet_calls} CALLs while nothing happens" if verdict.quiet_calls > QUIET_CALLS else ""
    above = "drew more than booked for a while" if verdict.above_s else ""
    overloaded = "**the two cars overloaded the grid**" if verdict.overloaded_s > EVIDENCE_S else ""
    return "; ".join(filter(None, (notices, above, overloaded, record, endless)))


def _summary() -> str:
    """Return how many cases end how; the tests hold every verdict against what is expected."""
    counts = Counter(expected(case) for case in CASES)
    lines = [f"{len(CHARACTERS)} characters in {len(CASES)} runs:\n"]
    lines += [f"- {counts[met]} {met}" for met in Met if counts[met]]
    return "\n".join(lines)
