import pytest

from csms.core.demand import Demand, StatedDemand, dead_band_w, half_ampere_w, tolerance_w
from csms.core.ids import ChargerId
from csms.core.station import Charger
from csms.core.timings import LAW
from tests.unit.core.driving import charger

DC = Charger(ChargerId("DC"), 200_000, 1)
AC = Charger(ChargerId("AC"), 22_000, 1, phases=3)
AC1 = Charger(ChargerId("AC1"), 7_400, 1, phases=1)

BANDS = [
    # charger, near W | 0.5 A W, dead band W
    (DC, 50_000, 115, 3_000),
    (DC, 100_000, 115, 3_000),
    (DC, 150_000, 115, 4_500),
    (AC, 22_000, 345, 345),
    (AC1, 7_400, 115, 115),
]


@pytest.mark.parametrize(("charger", "power_w", "half_w", "band_w"), BANDS)
def test_half_an_ampere_and_the_dead_band(charger: Charger, power_w: int, half_w: int, band_w: int) -> None:
    assert half_ampere_w(charger) == half_w
    assert dead_band_w(charger, power_w) == band_w


METERED: list[tuple[str, Charger, int, int, int, list[tuple[int, int]], int]] = [
    # caption, charger, declared kW, estimate kW, limit kW, samples (s, W) | estimate W
    ("ramp-up is not judged: 10 s", DC, 150, 150, 100, [(2, 0), (5, 8_000), (9, 20_000)], 150_000),
    ("full power within 10 s is not judged", DC, 150, 20, 50, [(2, 50_000), (9, 50_000)], 20_000),
    ("the 30 s begin after the 10", DC, 150, 150, 100, [(2, 60_000), (9, 60_000), (39, 60_000)], 150_000),
    ("one sample alone says nothing", DC, 150, 20, 100, [(20, 100_000)], 20_000),
    ("saturated: 1.25 M + 5 kW", DC, 150, 20, 50, [(20, 50_000), (30, 50_000)], 67_500),
    ("saturated: within 1 kW", DC, 150, 20, 40, [(20, 39_000), (30, 39_000)], 53_750),
    ("saturated: within 2 %", DC, 150, 20, 100, [(20, 98_000), (30, 98_000)], 127_500),
    ("not saturated: just below 2 %", DC, 150, 20, 100, [(20, 97_999), (30, 97_999)], 20_000),
    ("never above what was declared", DC, 100, 20, 100, [(20, 100_000), (30, 100_000)], 100_000),
    ("saturation lowers nothing", DC, 150, 150, 50, [(20, 50_000), (30, 50_000)], 150_000),
    ("below its limit for 20 s: not yet", DC, 150, 150, 100, [(20, 60_000), (30, 60_000), (50, 60_000)], 150_000),
    ("below for 30 s: M + 4 kW", DC, 150, 150, 100, [(20, 60_000), (30, 60_000), (60, 60_000)], 64_000),
    ("below for 30 s: M + 5 %", DC, 200, 200, 150, [(20, 100_000), (30, 100_000), (60, 100_000)], 105_000),
    ("two samples agree: the higher counts", DC, 150, 150, 100, [(20, 60_000), (30, 60_000), (60, 50_000)], 64_000),
    ("a lone high sample does not raise", DC, 150, 64, 100, [(20, 60_000), (30, 100_000)], 64_000),
    ("a lone low sample does not end the 30 s", DC, 150, 150, 100, [(20, 60_000), (30, 60_000), (59, 0)], 150_000),
    ("noise below a quarter of the head room", DC, 150, 64, 100, [(20, 60_500), (30, 60_500), (60, 60_500)], 64_000),
    ("AC saturated: within 0.5 A", AC, 22, 11, 11, [(20, 10_655), (30, 10_655)], 18_318),
    ("AC below: M + 2 A", AC, 22, 22, 22, [(20, 7_000), (30, 7_000), (60, 7_000)], 8_380),
    ("a car that takes nothing keeps the probe", DC, 150, 150, 100, [(20, 0), (30, 0), (60, 0)], 4_000),
]


@pytest.mark.parametrize(
    ("charger", "declared_kw", "estimate_kw", "limit_kw", "samples", "then_w"),
    [row[1:] for row in METERED],
    ids=[row[0] for row in METERED],
)
def test_metered_demand(
    charger: Charger, declared_kw: int, estimate_kw: int, limit_kw: int, samples: list[tuple[int, int]], then_w: int
) -> None:
    demand = Demand(declared_kw * 1_000, estimate_kw * 1_000)
    demand.limit_changed(0, LAW)
    for at_s, power_w in samples:
        demand.sampled(power_w, limit_kw * 1_000, charger, at_s * 1_000, LAW)
    assert demand.estimate_w == then_w


def test_a_car_that_draws_an_ampere_less_than_it_may_is_raised_by_whole_amperes_until_it_has_what_it_wants() -> None:
    """It takes 0.9 A less than it is offered, and at most 28 A; limits are told in whole amperes (of 230 V)."""
    demand = Demand(7_360, 3_680)
    limit_a, at_s, told = 16, 0, [16]
    for _ in range(200):
        at_s += 10
        drawn_w = int(230 * min(limit_a - 0.9, 28))
        if demand.sampled(drawn_w, limit_a * 230, AC1, at_s * 1_000, LAW) and demand.estimate_w // 230 != limit_a:
            limit_a = demand.estimate_w // 230
            told.append(limit_a)
            demand.limit_changed(at_s * 1_000, LAW)
    assert told == list(range(16, 31)), "28 A and the head room"


def test_saturation_begins_the_30_s_anew() -> None:
    demand = Demand(150_000, 150_000)
    demand.limit_changed(0, LAW)
    for at_s, power_kw in ((20, 60), (30, 60), (40, 100), (50, 100), (60, 60), (70, 60), (89, 60)):
        assert not demand.sampled(power_kw * 1_000, 100_000, DC, at_s * 1_000, LAW), f"{at_s} s"
    assert demand.sampled(60_000, 100_000, DC, 100_000, LAW)
    assert demand.estimate_w == 64_000


HELD: list[tuple[str, list[tuple[int, int]], int]] = [
    # caption, samples (s, kW) under 100 kW Accepted and 40 kW that was said since and not Accepted | estimate W; D 150
    ("it may be held at the lower one", [(20, 40), (40, 40), (80, 40)], 150_000),
    ("nearly all of the lower one", [(20, 39), (40, 39), (80, 39)], 150_000),
    ("between the two, letting go", [(20, 90), (40, 60), (80, 60)], 150_000),
    ("below both for 30 s", [(20, 20), (40, 20), (80, 20)], 24_000),
    ("the 30 s begin anew after it", [(20, 20), (40, 40), (60, 20), (80, 20)], 150_000),
    ("all of the one Accepted", [(20, 100), (40, 100)], 150_000),
]


@pytest.mark.parametrize(("samples", "then_w"), [row[1:] for row in HELD], ids=[row[0] for row in HELD])
def test_a_car_that_a_lower_limit_may_hold_is_not_judged_by_the_one_accepted(
    samples: list[tuple[int, int]], then_w: int
) -> None:
    demand = Demand(150_000, 150_000)
    demand.limit_changed(0, LAW)
    for at_s, power_kw in samples:
        demand.sampled(power_kw * 1_000, 100_000, DC, at_s * 1_000, LAW, least_w=40_000)
    assert demand.estimate_w == then_w


@pytest.mark.parametrize(
    ("period_s", "judged_from_s"),
    [(0, 10), (5, 10), (10, 20), (30, 60)],
)
def test_no_judgement_for_two_meter_periods_after_a_change(period_s: int, judged_from_s: int) -> None:
    demand = Demand(150_000, 150_000, period_ms=period_s * 1_000)
    demand.limit_changed(0, LAW)
    assert demand.judged_from_ms == judged_from_s * 1_000


STATED: list[tuple[str, list[tuple[int, int, int]], list[int]]] = [
    # caption, updates (s, consumed kW, returned before kW) | maximum after each, kW; declared 100
    ("using all of it changes nothing", [(10, 50, 50)], [100]),
    ("using more changes nothing", [(10, 60, 50)], [100]),
    ("using less is the new maximum at once", [(10, 30, 50)], [30]),
    ("0 is a maximum too", [(10, 0, 50)], [0]),
    ("using less again lowers again", [(10, 30, 50), (20, 25, 30)], [30, 25]),
    ("using less than returned, more than the maximum", [(10, 30, 50), (20, 40, 50)], [30, 30]),
    ("probed from 60 s after, not before", [(10, 30, 50), (69, 30, 30)], [30, 30]),
    ("probed by 5 kW when 10 % is less", [(10, 30, 50), (70, 30, 30)], [30, 35]),
    ("probed by 10 % when that is more", [(10, 80, 90), (70, 80, 80)], [80, 88]),
    ("probed at each such update", [(10, 30, 50), (70, 30, 30), (71, 35, 35), (72, 40, 40)], [30, 35, 40, 45]),
    ("never above what was declared", [(10, 97, 100), (70, 97, 97), (71, 100, 100)], [97, 100, 100]),
    (
        "lowered during the probe: 60 s begin anew",
        [(10, 30, 50), (70, 30, 30), (75, 32, 35), (80, 32, 32)],
        [30, 35, 32, 32],
    ),
]


@pytest.mark.parametrize(("updates", "maxima_kw"), [row[1:] for row in STATED], ids=[row[0] for row in STATED])
def test_stated_demand_of_a_rest_client(updates: list[tuple[int, int, int]], maxima_kw: list[int]) -> None:
    stated = StatedDemand(100_000, 100_000)
    seen = []
    for at_s, consumed_kw, returned_kw in updates:
        stated.consumed(consumed_kw * 1_000, returned_kw * 1_000, at_s * 1_000, LAW)
        seen.append(stated.maximum_w // 1_000)
    assert seen == maxima_kw


TOLERANCES = [
    # limit W, phases (0: DC) | W from the limit that still count as obeying
    (100_000, 0, 2_000),
    (40_000, 0, 1_000),
    (50_000, 0, 1_000),
    (60_000, 0, 1_200),
    (0, 0, 1_000),
    (11_040, 3, 345),
    (22_080, 3, 441),
    (3_680, 1, 115),
    (0, 3, 345),
]


@pytest.mark.parametrize(("limit_w", "phases", "allowed_w"), TOLERANCES)
def test_tolerance(limit_w: int, phases: int, allowed_w: int) -> None:
    assert tolerance_w(charger("A", 100, phases=phases), limit_w) == allowed_w
