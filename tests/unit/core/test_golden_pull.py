"""The golden pull sequences: what REST clients are told, in whole kilowatts (API.md)."""

import json
from pathlib import Path
from typing import Any

import pytest

from csms.core.replies import SessionView
from csms.core.station import Control
from tests.unit.core.driving import KW, Drive, charger, station

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "allocator.json").read_text("utf-8"))
CASES = [case for case in GOLDEN["cases"] if case["kind"] == "sequence-pull"]
BETWEEN_CALLS_S = 1


class Pull:
    """Plays one sequence: each session takes the first free connector of its charger."""

    def __init__(self, grid_kw: int, chargers_kw: dict[str, int]) -> None:
        chargers = [charger(name, kw, 2, control=Control.REST) for name, kw in chargers_kw.items()]
        self.drive = Drive(station(grid_kw, *chargers))
        self.sessions: dict[str, SessionView] = {}

    def play(self, step: dict[str, Any]) -> SessionView | None:
        """Make the call of one step and return what the client is shown."""
        self.drive.wait(BETWEEN_CALLS_S)
        name = step["id"]
        if step["op"] == "start":
            shown = self.drive.rest_start(step["charger"], self._free(step["charger"]), step["vehicleMaxPower"])
        elif step["op"] == "power-update":
            shown = self.drive.update(self.sessions[name].session_id, step["consumedPower"])
        else:
            assert step["op"] == "stop"
            self.drive.rest_stop(self.sessions.pop(name).session_id)
            return None
        self.sessions[name] = shown
        return shown

    def _free(self, charger_id: str) -> int:
        taken = {each.idx for each in self.sessions.values() if each.charger_id == charger_id}
        return next(idx for idx in (1, 2) if idx not in taken)


def test_there_are_pull_sequences() -> None:
    assert {case["id"][:3] for case in CASES} >= {"Q01", "Q02", "Q03", "Q05", "Q06"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_pull_sequence(case: dict[str, Any]) -> None:
    pull = Pull(case["gridCapacity"], case["chargers"])
    for number, step in enumerate(case["steps"]):
        shown = pull.play(step)
        expected = step.get("expect")
        if expected is None:
            assert shown is None
            continue
        assert shown is not None
        told = {"allocatedPower": shown.allocated_w // KW, "vehicleMaxPower": shown.vehicle_max_w // KW}
        assert told == expected, f"step {number}: {step['op']} {step['id']}"
        assert shown.booked_w == shown.allocated_w, "exactly what was told is booked"
