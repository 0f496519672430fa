"""The judge sees what is wrong: too much let through, too much drawn, and every kind of false record."""

from dataclasses import replace
from typing import Any

import pytest

from csms.core.ids import ChargerId
from csms.core.replies import ChargerView
from csms.core.station import Charger, Circuit, Control, Station
from csms.runtime.view import StationView
from simulators.build import Wanted, build_charger
from simulators.car import Car
from simulators.cars import flat_car
from simulators.clock import ManualClock
from tests.whole_day.judge import BrokenError, Judge, compare
from tests.whole_day.truth import Truth, Watched

A, B = ChargerId("A"), ChargerId("B")
MAX_W = 100_000


class Scene:
    """Two DC chargers without any limit, of which the first is in a circuit; their cars charge."""

    def __init__(self, grid_w: int, circuit_w: int = MAX_W, booked_w: int = MAX_W) -> None:
        self.clock = ManualClock()
        self.watched = [self._charging(A), self._charging(B)]
        chargers = tuple(Charger(one, MAX_W, 1, control=Control.OCPP) for one in (A, B))
        circuit = Circuit("garage", None, circuit_w)
        station = Station("JUDGED", grid_w, (replace(chargers[0], circuit="garage"), chargers[1]), (circuit,))
        views = {one: ChargerView(one, online=True, served=True, provisioned=True, booked_w=booked_w) for one in (A, B)}
        view = StationView(station, chargers=views)
        self.judge = Judge(station, self.watched, lambda: view)

    def _charging(self, charger_id: ChargerId) -> Watched:
        charger = build_charger(charger_id, Wanted(connectors=1, max_w=MAX_W), self.clock)
        (connector,) = charger.connectors
        charger.sessions.plug(connector, Car(flat_car(MAX_W), connector.supply))
        charger.sessions.admit(connector, "TAG")
        return Watched(charger, self.clock)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.move(1_000)
            for one in self.watched:
                one.charger.step()
                one.tick()


def test_what_is_within_every_row_is_well() -> None:
    scene = Scene(2 * MAX_W)
    scene.run(60)
    scene.judge.look()
    assert scene.judge.looks == 1
    assert scene.judge.fullest_ppm == {"grid": 1_000_000, "garage": 1_000_000}
    assert scene.judge.usable_w == 2 * MAX_W


@pytest.mark.parametrize(
    ("scene", "what"),
    [
        (Scene(2 * MAX_W - 1), "limits behind grid"),
        (Scene(2 * MAX_W, circuit_w=MAX_W - 1), "limits behind garage"),
        (Scene(2 * MAX_W, booked_w=MAX_W - 1), "A obeys 100000 W, booked are 99999 W"),
    ],
)
def test_limits_that_let_too_much_through_are_seen_before_anything_flows(scene: Scene, what: str) -> None:
    with pytest.raises(BrokenError, match=what):
        scene.judge.look()


@pytest.mark.parametrize(("spare_w", "holds"), [(2 * 2_000, True), (2 * 2_000 + 1, False)])
def test_cars_may_draw_two_per_cent_too_much(spare_w: int, holds: bool) -> None:  # noqa: FBT001 - a table
    scene = Scene(2 * MAX_W - spare_w)
    scene.run(60)
    for one in scene.watched:
        one.charger.connectors[0].max_w = MAX_W - 10_000  # told less now; the cars draw what they drew
    if holds:
        scene.judge.look()
    else:
        with pytest.raises(BrokenError, match="cars behind grid draw 200000 W"):
            scene.judge.look()


def test_a_circuit_that_is_full_leaves_the_rest_unused() -> None:
    assert Scene(2 * MAX_W, circuit_w=30_000).judge.usable_w == 130_000
    assert Scene(120_000, circuit_w=30_000).judge.usable_w == 120_000


# --- records ----------------------------------------------------------------------------------------------------------

TRUTH = Truth("A", 1, started_ms=1_000, meter_start_wh=10, meter_stop_wh=70)
ROW: dict[str, Any] = {
    "charger_id": "A",
    "idx": 1,
    "started_ms": 1_000,
    "meter_start_wh": 10,
    "meter_stop_wh": 70,
    "end_reason": "Local",
}


def test_a_true_record_is_true() -> None:
    assert compare([TRUTH], [ROW]) == []


@pytest.mark.parametrize(
    ("truths", "rows", "faults"),
    [
        ([TRUTH], [], ["0 times on record"]),
        ([TRUTH], [ROW, ROW], ["2 times on record"]),
        ([], [ROW], ["on record, and never was"]),
        ([TRUTH], [ROW | {"meter_stop_wh": 71}], ["stopped at 71 Wh on record"]),
        ([TRUTH], [ROW | {"meter_stop_wh": None}], ["stopped at None Wh on record"]),
        ([TRUTH], [ROW | {"end_reason": "NoStopReceived"}], ["its end was guessed"]),
        ([TRUTH], [ROW | {"meter_start_wh": 11}], ["0 times on record", "on record, and never was"]),
        ([replace(TRUTH, meter_stop_wh=None)], [ROW], ["still runs"]),
    ],
)
def test_a_false_record_is_seen(truths: list[Truth], rows: list[dict[str, Any]], faults: list[str]) -> None:
    found = compare(truths, rows)
    assert len(found) == len(faults)
    assert all(one.startswith(fault) for one, fault in zip(found, faults, strict=True))


def test_transactions_are_noted_from_start_to_stop() -> None:
    scene = Scene(2 * MAX_W)
    scene.run(60)
    charger = scene.watched[0].charger
    charger.sessions.unplug(charger.connectors[0])
    scene.run(1)
    (truth,) = scene.watched[0].truths
    assert truth.meter_stop_wh == charger.connectors[0].meter.energy_wh > 0
    assert scene.watched[1].truths[0].meter_stop_wh is None
