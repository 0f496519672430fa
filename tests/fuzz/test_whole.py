"""A hundred thousand spoilt frames: no handler dies, everything that can be read is answered once, memory stays."""

import json
import random
from functools import partial

import pytest

from csms.gateway.link import FRAMES_PER_TURN
from tests.fuzz.charger import MAX_BYTES, broken_wire
from tests.fuzz.oracle import Due, Ledger, judge
from tests.fuzz.seeds import with_seeds
from tests.fuzz.texts import FROM_CHARGERS, Texts
from tests.fuzz.whole import BREAKS, ROUND, Tally, fuzz, fuzzed
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.network import NetworkLoop

PARTS = 2
RUNS = 2
FRAMES = 25_000
"""Of a run: 100,000 in all."""
BLOCKS_MORE_MAX = 2_500
"""Of memory, between a fifth of the frames and all: one block kept of every eighth frame would be more."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_hundred_thousand_frames(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is remembered of ended transactions and of makes is bounded: here so low that the bounds are met at once.
    monkeypatch.setattr("csms.core.state.REMEMBERED", 50)
    monkeypatch.setattr("csms.core.links.MAKES_MAX", 20)
    tallies: list[Tally] = []

    with_seeds(lambda seed: tallies.append(fuzz(PARTS * seed + part, FRAMES)), RUNS)
    assert sum(tally.frames for tally in tallies) * PARTS >= 100_000
    for tally in tallies:
        assert tally.readable > FRAMES / 2
        assert tally.answers > FRAMES // ROUND, "CALLs of ours were answered, wrongly too"
        assert sum(tally.broken.values()) == FRAMES // ROUND // BREAKS
        first, last = tally.blocks
        assert last - first < BLOCKS_MORE_MAX, tally.blocks


@pytest.mark.parametrize("place", range(FRAMES_PER_TURN - 2, FRAMES_PER_TURN + 2))
def test_a_start_at_any_place_of_a_burst_keeps_the_connection(place: int) -> None:
    """The last message of a turn may be one that waits for the store (found here: the link failed)."""
    start = {"connectorId": 1, "idTag": "5E450001", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
    texts = [f'[2,"b{number}","Heartbeat",{{}}]' for number in range(2 * FRAMES_PER_TURN)]
    texts[place] = json.dumps([2, "start", "StartTransaction", start])

    async def main(clock: VirtualClock) -> None:
        async with fuzzed(clock, 0) as under:
            await under.send(texts)

    run_virtually(main, partial(NetworkLoop, "burst"))


# --- what this stands on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "due", "message_id"),
    [
        ('[2,"a","Heartbeat",{}]', Due.ANSWER, "a"),
        ('\ufeff [2,"a","Nonsense",null]', Due.ANSWER, "a"),
        ('[2,-0,"Heartbeat",{"a":1e400}]', Due.ANSWER, 0),
        ('[2,"a","Heartbeat"]', Due.ERROR, "a"),
        ('[2,"a",7,{}]', Due.ERROR, "a"),
        ('[2,"a","\\ud800",{}]', Due.ERROR, "a"),
        ('[2,"a","Heartbeat",{"a":NaN}]', Due.ERROR, "a"),
        ('[2,"a","Heartbeat",' + "[" * 9_000, Due.ERROR, "a"),
        (json.dumps([2, "x" * 256, "Heartbeat", {}]), Due.ERROR, "x" * 256),
        ('[2,"\\u00e9","Heartbeat",{}', Due.PERHAPS, None),
        ('[2,true,"Heartbeat",{}]', Due.NOTHING, None),
        ('[2,1.0,"Heartbeat",{}]', Due.NOTHING, None),
        ('[2.0,"a","Heartbeat",{}]', Due.NOTHING, None),
        ('[2,9223372036854775808,"Heartbeat",{}]', Due.NOTHING, None),
        ('[2,"\\ud800","Heartbeat",{}]', Due.NOTHING, None),
        ('[3,"a",{}]', Due.NOTHING, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_oracle(text: str, due: Due, message_id: str | int | None) -> None:
    judged = judge(text)
    assert (judged.due, judged.message_id) == (due, message_id)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (['[2,"a","Heartbeat",{}]'], []),
        (['[2,"a","Nonsense",{}]'], ['[4,"a","NotImplemented","",{}]'] * 2),
        (['[3,"a",{}]'], ['[4,"a","GenericError","",{}]']),
        (['[2,"a","Nonsense",{}'], ['[3,"a",{}]']),
        (['[2,"a","Authorize",{}]'], ['[3,"a",{"idTagInfo":{"status":"Well"}}]']),
        (['[2,"a","Authorize",{}]'], ['[4,"a","FormatViolation","",{}]']),
    ],
)
def test_the_oracle_sees_what_is_wrong(sent: list[str], received: list[str]) -> None:
    ledger = Ledger()
    for text in sent:
        ledger.sent(text)
    with pytest.raises(AssertionError):  # noqa: PT012 - some are seen at once, some in the end
        for text in received:
            ledger.received(text)
        ledger.settle()


def test_every_action_is_sent_and_every_kind_of_text() -> None:
    texts = Texts(random.Random(1), "o")
    judged = [judge(texts.frame()) for _ in range(3_000)]
    assert {one.due for one in judged} == set(Due)
    assert {one.action for one in judged} >= set(FROM_CHARGERS)
    share = sum(one.due is Due.ANSWER for one in judged) / len(judged)
    assert 0.5 < share < 0.95


def test_every_way_to_break_the_wire_is_drawn() -> None:
    rng = random.Random(1)
    drawn = [broken_wire(rng) for _ in range(400)]
    assert len({kind for kind, _, _ in drawn}) == 17
    assert max(len(data) for _, data, _ in drawn) > MAX_BYTES
