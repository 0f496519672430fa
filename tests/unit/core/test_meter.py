"""What is believed of a meter (OCPP 1.6 §4.7, §7.31): never what cannot be, never what is not of now."""

import pytest

from csms.core.events import Sample
from csms.core.meter import SAMPLES_REMEMBERED, Meter, Reading, most_energy_wh, most_power_w
from csms.core.records import Doubt
from tests.unit.core.driving import charger

MOST = 500_000

READINGS: list[tuple[str, list[tuple[int, int | None, int | None]], list[int | None]]] = [
    # caption, samples (charger's time s, W, Wh) | power told by each, W
    ("Power.Active.Import is taken as it is", [(0, 7_000, None)], [7_000]),
    ("0 W is a measurement", [(0, 0, None)], [0]),
    ("a register alone tells nothing yet", [(0, None, 1_000)], [None]),
    ("1 kWh in 60 s are 60 kW", [(0, None, 1_000), (60, None, 2_000)], [None, 60_000]),
    ("rounded up: 1 Wh in 7 s", [(0, None, 0), (7, None, 1)], [None, 515]),
    ("power goes before the register", [(0, 5_000, 1_000), (60, 5_000, 2_000)], [5_000, 5_000]),
    ("power once, then registers only", [(0, 5_000, 1_000), (60, None, 1_500)], [5_000, 30_000]),
    ("the register stands still: 0 W", [(0, None, 1_000), (60, None, 1_000)], [None, 0]),
    ("stepped back: a new register", [(0, None, 1_000), (60, None, 10), (120, None, 1_010)], [None, None, 60_000]),
    ("closer than 5 s: kept for the next", [(0, None, 0), (4, None, 4), (10, None, 10)], [None, None, 3_600]),
    ("the same time stamp twice", [(0, None, 0), (0, None, 5), (60, None, 1_000)], [None, None, 60_000]),
    ("time stepped back", [(60, None, 0), (0, None, 5), (60, None, 1_005)], [None, None, 60_000]),
    ("nothing usable", [(0, None, None)], [None]),
]


@pytest.mark.parametrize(("samples", "powers_w"), [row[1:] for row in READINGS], ids=[row[0] for row in READINGS])
def test_power_from_samples(samples: list[tuple[int, int | None, int | None]], powers_w: list[int | None]) -> None:
    meter = Meter()
    told = [
        meter.read(Sample(at_s * 1_000, power_w, energy_wh), at_s * 1_000, MOST) for at_s, power_w, energy_wh in samples
    ]
    assert [reading.power_w for reading in told] == powers_w


def test_a_zero_that_lies_is_not_believed_in_the_next_transaction_either() -> None:
    meter = lying()
    meter.end(190_000)
    meter.begin(200_000)
    assert meter.read(Sample(210_000, 0, 0), 210_000, MOST) == Reading(None, Doubt.ZERO_CONTRADICTED)
    assert meter.read(Sample(220_000, 0, 100), 220_000, MOST) == Reading(36_000, Doubt.ZERO_CONTRADICTED)
    meter.read(Sample(230_000, 5_000, 150), 230_000, MOST)
    assert meter.read(Sample(240_000, 0, 250), 240_000, MOST) == Reading(0, None), "it has told another power"


def test_a_zero_that_is_not_believed_takes_nothing_back_that_speaks_against() -> None:
    meter = lying()
    meter.suspect(50_000, 185_000, MOST)
    assert meter.read(Sample(190_000, 0, None), 190_000, MOST) == Reading(None, Doubt.ZERO_CONTRADICTED)
    assert meter.above_ms(40_000) == 185_000


def test_a_false_reading_begins_the_judgement_of_a_zero_anew() -> None:
    meter = lying(170)
    assert meter.read(Sample(180_000, 0, 1_000_000), 180_000, MOST) == Reading(0, Doubt.REGISTER_JUMPED)
    for at_s in (190, 250, 310):
        told = meter.read(Sample(at_s * 1_000, 0, 1_000_000 + at_s * 10), at_s * 1_000, MOST)
        assert told == Reading(0, None)
    assert meter.read(Sample(370_000, 0, 1_003_700), 370_000, MOST).doubt is Doubt.ZERO_CONTRADICTED


def test_a_meter_knows_of_what_time_its_power_is_the_mean() -> None:
    meter = Meter()
    for sample, span_ms in (
        (Sample(0, 7_000, 0), 0),
        (Sample(10_000, None, 100), 10_000),
        (Sample(30_000, None, 300), 20_000),
        (Sample(40_000, 7_000, 400), 0),
    ):
        meter.read(sample, sample.at_ms, MOST)
        assert meter.span_ms == span_ms


def lying(until_s: int = 180) -> Meter:
    """Return a meter that has told 0 W for so long while its register rose by 36 kW with each reading."""
    meter = Meter()
    for at_s in range(0, until_s + 1, 10):
        meter.read(Sample(at_s * 1_000, 0, at_s * 10), at_s * 1_000, MOST)
    return meter


@pytest.mark.parametrize(("age_s", "fresh_w"), [(0, 7_000), (15, 7_000), (16, None)])
def test_a_sample_is_fresh_for_15_s(age_s: int, fresh_w: int | None) -> None:
    meter = Meter()
    assert meter.fresh_w(0, 15_000) is None
    meter.read(Sample(0, 7_000, None), 100_000, MOST)
    assert meter.fresh_w(100_000 + age_s * 1_000, 15_000) == fresh_w


@pytest.mark.parametrize(
    ("doubtful_w", "limit_w", "above_ms"),
    [(9_000, 8_000, 5_000), (9_000, 6_000, 5_000), (100, 8_000, None), (100, 6_000, 0)],
    ids=["speaks against", "both are above", "neither is above", "not for: the sure one is above"],
)
def test_a_sample_of_doubtful_age(doubtful_w: int, limit_w: int, above_ms: int | None) -> None:
    meter = Meter()
    meter.read(Sample(0, 7_000, None), 0, MOST)
    meter.suspect(doubtful_w, 5_000, MOST)
    assert meter.above_ms(limit_w) == above_ms
    assert meter.fresh_w(5_000, 15_000) == 7_000


def test_a_sure_sample_ends_the_doubt() -> None:
    meter = Meter()
    meter.suspect(9_000, 0, MOST)
    meter.read(Sample(1, 7_000, None), 1_000, MOST)
    assert meter.above_ms(8_000) is None


def test_a_sample_is_new_once() -> None:
    meter = Meter()
    assert meter.is_new(Sample(0, 7_000, None))
    assert not meter.is_new(Sample(0, 7_000, None))
    assert meter.is_new(Sample(0, 7_001, None))


def test_only_the_newest_samples_are_remembered() -> None:
    meter = Meter()
    for at_ms in range(SAMPLES_REMEMBERED + 1):
        assert meter.is_new(Sample(at_ms, 7_000, None))
    assert not any(meter.is_new(Sample(at_ms, 7_000, None)) for at_ms in range(1, SAMPLES_REMEMBERED + 1))
    assert meter.is_new(Sample(0, 7_000, None)), "it was the oldest"


@pytest.mark.parametrize(
    ("at_s", "overtaken"),
    [(100, False), (99, True), (41, True), (40, False), (101, False)],
    ids=["the same second", "a second late", "59 s late", "60 s: the clock stepped back", "newer"],
)
def test_a_sample_that_a_newer_one_has_overtaken(*, at_s: int, overtaken: bool) -> None:
    meter = Meter()
    meter.read(Sample(100_000, 7_000, None), 0, MOST)
    assert meter.is_overtaken(Sample(at_s * 1_000, 5_000, None)) is overtaken


MOST_POWER = [
    # caption, maxPower kW, phases | kW that a connector of it may be metered at
    ("AC of 11 kW: 63 A on three phases, and a quarter", 11, 3, 54.337),
    ("AC of 7 kW: it may be wired for more than is configured", 7, 1, 54.337),
    ("AC of 80 kW in all: half as much again", 80, 3, 120),
    ("DC of 50 kW: what CCS carries", 50, 0, 500),
    ("DC of 400 kW: half as much again", 400, 0, 600),
]


@pytest.mark.parametrize(("max_kw", "phases", "most_kw"), [r[1:] for r in MOST_POWER], ids=[r[0] for r in MOST_POWER])
def test_only_what_no_connector_carries_is_impossible(max_kw: int, phases: int, most_kw: float) -> None:
    assert most_power_w(charger("A", max_kw, phases=phases)) == int(most_kw * 1_000)


@pytest.mark.parametrize(("lasted_s", "most_wh"), [(3_600, 12_000), (60, 1_183), (0, 1_000), (-60, 1_000)])
def test_the_most_energy_is_the_most_power_for_so_long_and_a_little(lasted_s: int, most_wh: int) -> None:
    assert most_energy_wh(11_000, lasted_s * 1_000) == most_wh


NOTHING = Reading(None, None)
JUMPED, FELL = Reading(None, Doubt.REGISTER_JUMPED), Reading(None, Doubt.REGISTER_FELL)
IMPOSSIBLE = Reading(None, Doubt.IMPOSSIBLE_POWER)

DIRT: list[tuple[str, list[tuple[int, int | None, int | None]], list[Reading]]] = [
    # caption, samples (s, W, Wh) of a connector that carries 54 kW | what each tells
    ("the most is believed", [(0, 54_000, None)], [Reading(54_000, None)]),
    ("1 W more is not", [(0, 54_001, None)], [IMPOSSIBLE]),
    ("W for kW", [(0, 7_000, None), (10, 7_000_000, None)], [Reading(7_000, None), IMPOSSIBLE]),
    (
        "an impossible power beside a good register: the register",
        [(0, 7_000_000, 0), (60, 7_000_000, 100)],
        [IMPOSSIBLE, Reading(6_000, Doubt.IMPOSSIBLE_POWER)],
    ),
    (
        "a spike of the register",
        [(0, None, 5_000), (10, None, 9_000_000), (20, None, 5_020), (30, None, 5_040)],
        [NOTHING, JUMPED, FELL, Reading(7_200, None)],
    ),
    (
        "kWh between Wh: never a difference across the two",
        [(0, None, 12_000), (10, None, 12), (20, None, 12_040), (30, None, 12), (40, None, 12_080)],
        [NOTHING, FELL, JUMPED, FELL, JUMPED],
    ),
    (
        "absolute and session-relative in turn",
        [(0, None, 2_000_000), (10, None, 20), (20, None, 2_000_040), (30, None, 60)],
        [NOTHING, FELL, JUMPED, FELL],
    ),
    (
        "a register that catches up once a minute: over a longer time it is true",
        [(0, None, 0), (10, None, 180), (70, None, 210)],
        [NOTHING, NOTHING, Reading(10_800, None)],
    ),
    (
        "power is believed while its register falls",
        [(0, 5_000, 100), (10, 6_000, 10)],
        [Reading(5_000, None), Reading(6_000, Doubt.REGISTER_FELL)],
    ),
]


@pytest.mark.parametrize(("samples", "told"), [row[1:] for row in DIRT], ids=[row[0] for row in DIRT])
def test_what_cannot_be_tells_nothing(samples: list[tuple[int, int | None, int | None]], told: list[Reading]) -> None:
    meter = Meter()
    assert [meter.read(Sample(s * 1_000, power_w, wh), s * 1_000, 54_000) for s, power_w, wh in samples] == told


STEPS = [
    # caption, least difference shown Wh, s between readings | W told by 1 kWh more
    ("Wh: 5 s are enough", 1, 80, 45_000),
    ("10 Wh: 49 s are not", 10, 49, None),
    ("10 Wh: 50 s are", 10, 80, 45_000),
    ("whole kWh: an hour is not", 1_000, 3_600, None),
    ("whole kWh: 5000 s are", 1_000, 5_000, 720),
]


@pytest.mark.parametrize(("step_wh", "span_s", "power_w"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS])
def test_a_coarse_register_is_read_over_a_longer_time(step_wh: int, span_s: int, power_w: int | None) -> None:
    meter = Meter()
    meter.read(Sample(0, None, 0, energy_step_wh=step_wh), 0, MOST)
    told = meter.read(Sample(span_s * 1_000, None, 1_000, energy_step_wh=step_wh), 0, MOST)
    assert told == Reading(power_w, None)


def test_the_finest_digits_seen_are_those_of_the_register() -> None:
    meter = Meter()
    meter.read(Sample(0, None, 12_340, energy_step_wh=10), 0, MOST)
    told = meter.read(Sample(60_000, None, 13_000, energy_step_wh=1_000), 0, MOST)
    assert told == Reading(39_600, None), "12.34 kWh, then 13 kWh"


def test_a_new_transaction_may_have_another_register_and_is_not_spoken_for_by_what_came_before() -> None:
    meter = Meter()
    meter.read(Sample(0, None, 500_000), 0, MOST)
    meter.begin(30_900)
    assert meter.is_overtaken(Sample(29_999, 9_000, None))
    assert not meter.is_overtaken(Sample(30_000, 9_000, None))
    assert meter.read(Sample(40_000, None, 0), 0, MOST) == NOTHING


def test_an_impossible_power_speaks_against_a_car_that_has_let_go_once() -> None:
    meter = Meter()
    meter.read(Sample(0, 7_000, None), 0, MOST)
    for ms in (1_000, 2_000, 3_000):
        meter.read(Sample(ms, MOST + 1, None), ms, MOST)
        assert (meter.above_ms(8_000), meter.fresh_w(ms, 15_000)) == (1_000, 7_000)
    meter.read(Sample(4_000, 7_000, None), 4_000, MOST)
    assert meter.above_ms(8_000) is None
    meter.read(Sample(5_000, MOST + 1, None), 5_000, MOST)
    assert meter.above_ms(8_000) == 5_000
