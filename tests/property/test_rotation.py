"""Taking turns (ALLOCATOR.md §6): of any number of cars each gets its turn, and no place is empty meanwhile."""

from math import ceil

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from csms.core.events import ConnectorStatus
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.timings import LAW
from tests.unit.core.driving import KW, Drive, charger, station

LEAST_KW = 10
ROUND_S = 30
HOURS = 2
SWAP_S = 2 * ROUND_S
"""A cut, its settling, the start and what the world here takes to answer: it accepts every half minute."""


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
