"""A charger that loses frames, fails, forgets and was told by others ends with the very list that was wanted.

The model is a charger as the specification has it, with memory and limits of its own, and it fails where real ones do:
before it has taken a message in, after it, in the midst of it. What the machine knows is never told to it, and the
other way round.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.id_tags import key_of
from csms.core.ids import ChargerId
from csms.core.local_list import Entry, ListState, LocalListStored
from csms.core.local_list_sending import (
    Answered,
    Ended,
    Errored,
    Fate,
    NeverLeft,
    Send,
    Silent,
    answered,
    begun,
    leaving,
    next_message,
    payload,
    resumed,
)

TROUBLES = (
    "lost",
    "answer lost",
    "failed",
    "half done",
    "error",
    "restarts",
    "others",
    "killed",
    "killed after",
    "late",
)
MESSAGES_MAX = 400


@dataclass
class ModelCharger:
    """The list of a charger: tags by their keys, and what each is listed with."""

    chunk_max: int
    entries_max: int
    version: int = 0
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)
    has_told_limits: bool = False

    def take(self, action: str, body: dict[str, Any], *, failing: str = "") -> dict[str, Any]:
        if action == "GetLocalListVersion":
            return {"listVersion": self.version}
        if action == "GetConfiguration":
            told = {"SendLocalListMaxLength": self.chunk_max, "LocalAuthListMaxLength": self.entries_max}
            return {"configurationKey": [{"key": k, "readonly": True, "value": str(v)} for k, v in told.items()]}
        return {"status": self._send(body, failing)}

    def told_by_others(self) -> None:
        """Take a list from somebody else, whose versions are ahead; were they not, nobody could know."""
        self.version, self.tags = max([self.version, *self.versions]) + 5, {"OTHER": {"status": "Accepted"}}

    def _send(self, body: dict[str, Any], failing: str) -> str:
        rows, full = body.get("localAuthorizationList", []), body["updateType"] == "Full"
        assert body["listVersion"] not in {0, -1}
        assert body["listVersion"] > max(self.versions, default=0), "versions only rise"
        self.versions.append(body["listVersion"])
        if len(rows) > self.chunk_max:
            assert not self.has_told_limits
            return "Failed"
        assert not full or all("idTagInfo" in row for row in rows)
        if failing == "failed":
            return "Failed"
        if not full and body["listVersion"] <= self.version:
            return "VersionMismatch"
        tags = {} if full else dict(self.tags)
        for row in rows[: len(rows) // 2] if failing == "half done" else rows:
            if "idTagInfo" in row:
                tags[key_of(row["idTag"])] = row["idTagInfo"]
            else:
                tags.pop(key_of(row["idTag"]), None)
        self.tags = tags
        if failing == "half done":
            return "Failed"
        assert len(tags) <= self.entries_max
        self.version = body["listVersion"]
        return "Accepted"


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from([f"tag{n}" for n in range(12)]),
        st.sampled_from([None, "Fleet"]),
        st.sampled_from([None, 1_800_000_000_000]),
    ),
    max_size=12,
    unique_by=lambda entry: key_of(entry.id_tag),
).map(tuple)


def want(before: LocalListStored | None, wanted: tuple[Entry, ...]) -> LocalListStored:
    return begun(before, LocalListStored(ChargerId("CP001"), ListState.SENDING, wanted, "", 0, 0, 0))


def say(stored: LocalListStored, charger: ModelCharger, trouble: str) -> LocalListStored:
    """Say the next message to the charger, in whose way a trouble may be."""
    message = next_message(stored)
    assert not isinstance(message, Ended)
    if trouble == "others":
        charger.told_by_others()
    if trouble == "restarts":  # and has lost its list, and this message with it
        charger.version, charger.tags = 0, {}
    stored = leaving(stored, message)
    action, text = payload(message)
    body = json.loads(text)
    if trouble == "killed":  # the intent is durable, and no byte has left
        return resumed(stored)
    if trouble == "late":
        return answered(stored, message, NeverLeft("its time was over"))
    fate: Fate
    if trouble in {"lost", "restarts"}:
        fate = Silent()
    elif trouble == "error":
        fate = Errored("InternalError")
    else:
        told = charger.take(action, body, failing=trouble)
        if trouble == "killed after":
            return resumed(stored)
        fate = Silent() if trouble == "answer lost" else Answered(told)
        charger.has_told_limits |= "configurationKey" in told and isinstance(fate, Answered)
    return answered(stored, message, fate)


def run(stored: LocalListStored, charger: ModelCharger, troubles: list[str]) -> tuple[LocalListStored, Ended]:
    """Say messages until the list is held or given up."""
    for _ in range(MESSAGES_MAX):
        message = next_message(stored)
        if isinstance(message, Ended):
            return stored, message
        stored = say(stored, charger, troubles.pop() if troubles else "")
    raise AssertionError("it never ends")


def listed(wanted: tuple[Entry, ...]) -> dict[str, dict[str, str]]:
    infos = {}
    for entry in wanted:
        info = {"status": "Accepted"}
        if entry.parent is not None:
            info["parentIdTag"] = entry.parent
        if entry.expires_ms is not None:
            info["expiryDate"] = "2027-01-15T08:00:00Z"
        infos[key_of(entry.id_tag)] = info
    return infos


@settings(max_examples=300)
@given(
    wishes=st.lists(ENTRIES, min_size=1, max_size=4),
    troubles=st.lists(st.sampled_from(("", *TROUBLES)), max_size=40),
    chunk_max=st.integers(1, 5),
)
def test_whatever_goes_wrong_a_list_that_counts_as_held_is_the_one_that_was_wanted(
    wishes: list[tuple[Entry, ...]], troubles: list[str], chunk_max: int
) -> None:
    charger = ModelCharger(chunk_max, entries_max=12)
    stored = None
    for wanted in wishes:
        stored, ended = run(want(stored, wanted), charger, troubles)
        if ended.state is ListState.HELD:
            assert charger.tags == listed(wanted)
        else:
            assert (ended.state, bool(ended.reason)) == (ListState.FAILED, True)
    assert stored is not None
    stored, ended = run(want(stored, wishes[-1]), charger, [])
    assert ended.state is ListState.HELD, "nothing is in its way any more"
    assert charger.tags == listed(wishes[-1])


@settings(max_examples=100)
@given(first=ENTRIES, second=ENTRIES, chunk_max=st.integers(1, 5), messages=st.integers(0, 6))
def test_a_wish_that_comes_in_between_is_the_one_that_counts(
    first: tuple[Entry, ...], second: tuple[Entry, ...], chunk_max: int, messages: int
) -> None:
    charger, stored = ModelCharger(chunk_max, entries_max=12), want(None, first)
    for _ in range(messages):
        if not isinstance(next_message(stored), Ended):
            stored = say(stored, charger, "")
    message = next_message(stored)
    if isinstance(message, Send):  # it is out when the other wish comes, and its answer is still to come
        stored = leaving(stored, message)
        action, text = payload(message)
        told = charger.take(action, json.loads(text))
        stored = answered(want(stored, second), message, Answered(told))
    else:
        stored = want(stored, second)
    _, ended = run(stored, charger, [])
    assert ended.state is ListState.HELD
    assert charger.tags == listed(second)
    assert len(set(charger.versions)) == len(charger.versions)


@given(wanted=ENTRIES.filter(lambda entries: len(entries) > 1))
def test_a_list_that_is_too_long_is_told_and_nothing_of_it_sent(wanted: tuple[Entry, ...]) -> None:
    charger = ModelCharger(5, entries_max=len(wanted) - 1)
    _, ended = run(want(None, wanted), charger, [])
    assert ended.state is ListState.FAILED
    assert f"LocalAuthListMaxLength of the charger is {len(wanted) - 1}" in str(ended.reason)
    assert charger.versions == []
