"""The golden push sequences: what is sent to whom, when, and what is booked (settling takes no time, no spacing)."""

import json
from pathlib import Path
from typing import Any

import pytest

from csms.core.commands import Purpose, SetLimit
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import GRID
from csms.core.timings import Timings
from tests.unit.core.driving import KW, Drive, charger, station

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "allocator.json").read_text("utf-8"))
CASES = [case for case in GOLDEN["cases"] if case["kind"] == "sequence-push"]
TIMELESS = Timings(settle_ms=0, raise_spacing_ms=0, dead_band_delay_ms=0, gather_ms=0)


class Push:
    """Plays one sequence: its `e1`, `e2`, … are the sessions, each alone on its charger."""

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        grid_kw = next(node["cap_w"] for node in nodes if node["id"] == GRID) // KW
        chargers = [charger(node["id"], node["cap_w"] // KW) for node in nodes if node["parent"] == GRID]
        self.drive = Drive(station(grid_kw, *chargers), TIMELESS)
        self.drive.bring_up(*(each.charger_id for each in chargers))
        self.drive.take()
        self.chargers: dict[str, str] = {}
        self.transactions: dict[str, int] = {}

    def play(self, step: dict[str, Any]) -> None:
        name = step["id"]
        if step["op"] == "start":
            self.chargers[name] = step["charger"]
            self.transactions[name] = self.drive.start(step["charger"], tag=name)
        elif step["op"] == "ack":
            self.drive.answer(self.drive.open_limit(self.chargers[name]))
        else:
            assert step["op"] == "stop"
            self.drive.stop(self.chargers[name], self.transactions[name])

    def messages(self) -> list[list[str | int]]:
        """Return the limits of transactions sent since the last time, by session."""
        sessions = {charger_id: name for name, charger_id in self.chargers.items()}
        sent = [c for c in self.drive.take() if isinstance(c, SetLimit) and c.purpose is Purpose.TX]
        return [[sessions[c.charger_id], c.limit_w] for c in sent]

    def booked_w(self, names: list[str]) -> dict[str, int]:
        return {name: self.drive.engine.booked_w(ConnectorKey(ChargerId(self.chargers[name]), 1)) for name in names}


def test_there_are_push_sequences() -> None:
    assert {case["id"][:3] for case in CASES} >= {"P01", "P02"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_push_sequence(case: dict[str, Any]) -> None:
    push = Push(case["nodes"])
    for number, step in enumerate(case["steps"]):
        push.play(step)
        assert push.messages() == step["expect_messages"], f"step {number}: {step['op']} {step['id']}"
        expected = step["expect_committed_w"]
        assert push.booked_w(list(expected)) == expected, f"step {number}: {step['op']} {step['id']}"
