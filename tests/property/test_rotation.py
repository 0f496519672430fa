"""Taking turns (ALLOCATOR.md §6): of any number of cars each gets its turn, and no place is empty meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from csms.core.events import ConnectorStatus
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import Circuit
from csms.core.timings import LAW
from tests.unit.core.driving import KW, Drive, charger, station

LEAST_KW = 10
ROUND_S = 30
HOURS = 2
SWAP_S = 2 * ROUND_S
"""A cut, its settling, the start and what the world here takes to answer: it accepts every half minute."""
RUN_S, PAUSE_S = LAW.run_least_ms // 1_000, LAW.pause_least_ms // 1_000


@settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.data())
def test_each_gets_its_turn_and_no_place_stays_empty(data: st.DataObject) -> None:
    cars = data.draw(st.integers(2, 6), "cars")
    places = data.draw(st.integers(1, cars - 1), "places")
    spare_kw = data.draw(st.integers(0, LEAST_KW - 1), "spare kW")
    wants_kw = data.draw(st.lists(st.integers(LEAST_KW, 25), min_size=cars, max_size=cars), "what each car takes")
    names = [f"C{number}" for number in range(cars)]
    drive = Drive(station(places * LEAST_KW + spare_kw, *(charger(name, 25, min_w=LEAST_KW * KW) for name in names)))
    drive.bring_up(*names)
    for name in names:
        drive.start(name)
        drive.accept()
        drive.status(name, 1, ConnectorStatus.CHARGING)
    drive.is_recovered = False
    energy_wh = dict.fromkeys(names, 0)
    paused_s = dict.fromkeys(names, 0)
    longest_s = dict.fromkeys(names, 0)
    ran: dict[str, list[int]] = {name: [0] for name in names}
    empty_s = 0
    for number in range(HOURS * 3_600 // ROUND_S):
        drive.wait(ROUND_S)
        for name, wants in zip(names, wants_kw, strict=True):
            power_w = min(wants * KW, drive.engine.booked_w(ConnectorKey(ChargerId(name), 1)))
            energy_wh[name] += power_w * ROUND_S // 3_600
            drive.sample(name, 1, power_w, energy_wh=energy_wh[name])
        drive.accept()
        running = [name for name in names if drive.k_kw(name, 1) >= LEAST_KW]
        assert len(running) <= places
        empty_s = 0 if len(running) == places else empty_s + ROUND_S
        assert empty_s <= SWAP_S, f"a place was empty in round {number}"
        for name in names:
            paused_s[name] = 0 if name in running else paused_s[name] + ROUND_S
            longest_s[name] = max(longest_s[name], paused_s[name])
            if (ran[name][-1] > 0) != (name in running):
                ran[name].append(0)
            ran[name][-1] += ROUND_S if name in running else -ROUND_S
    bound_s = ceil((cars - places) / places) * LAW.run_least_ms // 1_000 + SWAP_S
    assert max(longest_s.values()) <= bound_s
    for spans in ran.values():
        runs = [span for span in spans[1:-1] if span > 0]
        pauses = [-span for span in spans[1:-1] if span < 0]
        assert all(span >= LAW.run_least_ms // 1_000 - SWAP_S for span in runs)
        assert all(span >= LAW.pause_least_ms // 1_000 - SWAP_S for span in pauses)


@dataclass
class Site:
    """Cars behind a grid connection, the first of them behind a circuit as well, powers kW."""

    least_kw: Mapping[str, int]
    inside: int
    circuit_kw: int
    grid_kw: int
    running: set[str] = field(default_factory=set)

    def drive(self) -> Drive:
        """Return it with a car that charges at each charger."""
        chargers = [
            charger(name, 25, min_w=least_kw * KW, circuit="hall" if name in self.hall else None)
            for name, least_kw in self.least_kw.items()
        ]
        drive = Drive(station(self.grid_kw, *chargers, circuits=(Circuit("hall", None, self.circuit_kw * KW),)))
        drive.is_recovered = False
        drive.bring_up(*self.least_kw)
        for name in self.least_kw:
            drive.start(name)
            drive.accept()
            drive.status(name, 1, ConnectorStatus.CHARGING)
        return drive

    @property
    def hall(self) -> set[str]:
        return set(list(self.least_kw)[: self.inside])

    def has_room_for(self, name: str) -> bool:
        """Return whether the least of one that waits fits beside those of all that run."""
        together = self.running | {name}
        in_hall_kw = sum(self.least_kw[each] for each in together & self.hall)
        return sum(self.least_kw[each] for each in together) <= self.grid_kw and (
            name not in self.hall or in_hall_kw <= self.circuit_kw
        )


@st.composite
def sites(draw: st.DrawFn, *, equal: bool) -> Site:
    """Return a site where each car has room alone, and not all of them have it together."""
    number = draw(st.integers(3, 4), "cars")
    least = st.integers(4, 12)
    least_kw = [LEAST_KW] * number if equal else draw(st.lists(least, min_size=number, max_size=number), "least")
    inside = draw(st.integers(2, number), "behind the circuit")
    circuit_kw = draw(st.integers(max(least_kw[:inside]), sum(least_kw[:inside])), "circuit kW")
    grid_kw = draw(st.integers(max(least_kw), sum(least_kw) - 1), "grid kW")
    return Site({f"C{i}": each for i, each in enumerate(least_kw)}, inside, circuit_kw, grid_kw)


@dataclass
class Spans:
    """How long one car has run (above 0) and paused (below), s, in turn; how long it has waited beside room for it."""

    spans_s: list[int] = field(default_factory=lambda: [0])
    could_run_s: int = 0

    def note(self, *, runs: bool, could_run: bool) -> None:
        if (self.spans_s[-1] > 0) != runs:
            self.spans_s.append(0)
        self.spans_s[-1] += ROUND_S if runs else -ROUND_S
        self.could_run_s = self.could_run_s + ROUND_S if could_run else 0


@pytest.mark.parametrize("equal", [True, False], ids=["equal minima", "mixed minima"])
def test_behind_a_circuit_each_gets_its_turn_and_no_room_stays_empty(equal: bool) -> None:  # noqa: FBT001 - a parameter
    @settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(site=sites(equal=equal))
    def hour(site: Site) -> None:
        takes_turns(site, 3_600, equal=equal)

    hour()


def takes_turns(site: Site, seconds: int, *, equal: bool) -> None:
    """Run a site, and hold what ALLOCATOR.md §6 says of it."""
    drive = site.drive()
    spans = {name: Spans() for name in site.least_kw}
    energy_wh = dict.fromkeys(site.least_kw, 0)
    gave = 0
    for number in range(seconds // ROUND_S):
        drive.wait(ROUND_S)
        for name in site.least_kw:
            power_w = drive.engine.booked_w(ConnectorKey(ChargerId(name), 1))
            energy_wh[name] += power_w * ROUND_S // 3_600
            drive.sample(name, 1, power_w, energy_wh=energy_wh[name])
        gives = drive.events("session.gave_its_turn")
        for event in gives[gave:]:
            ran_s = spans[str(event.charger_id)].spans_s[-1]
            assert ran_s >= RUN_S - SWAP_S, f"{event.charger_id} gave its turn after {ran_s} s"
        gave = len(gives)
        drive.accept()
        site.running = {name for name, least_kw in site.least_kw.items() if drive.k_kw(name, 1) >= least_kw}
        for name, span in spans.items():
            runs = name in site.running
            span.note(runs=runs, could_run=not runs and site.has_room_for(name))
            assert span.could_run_s <= SWAP_S, f"{name} waits beside room in round {number}"
    assert gave > 0, "somebody always waits here"
    for name, span in spans.items():
        longest_s = -min(span.spans_s)
        assert longest_s <= (len(spans) - 1) * RUN_S + SWAP_S, f"{name}: one turn of each that may be before it"
        assert all(-each_s >= PAUSE_S - SWAP_S for each_s in span.spans_s[1:-1] if each_s < 0)
        if equal:  # else who has what is left beside a greater one makes room when that one's turn comes
            assert all(each_s >= RUN_S - SWAP_S for each_s in span.spans_s[1:-1] if each_s > 0)
