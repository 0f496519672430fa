import pytest

from csms.core.connector import MEANING, Meter
from csms.core.events import ConnectorStatus, Sample

STATUSES = [
    # status | power may flow, a car is there
    ("Available", False, False),
    ("Preparing", False, True),
    ("Charging", True, True),
    ("SuspendedEVSE", True, True),
    ("SuspendedEV", True, True),
    ("Finishing", False, True),
    ("Reserved", False, False),
    ("Unavailable", False, False),
    ("Faulted", False, False),
]


@pytest.mark.parametrize(("status", "flows", "car"), STATUSES)
def test_what_a_status_tells(status: str, flows: bool, car: bool) -> None:  # noqa: FBT001 - columns
    assert MEANING[ConnectorStatus(status)] == (flows, car)


def test_every_status_has_a_meaning() -> None:
    assert [s.value for s in ConnectorStatus] == [row[0] for row in STATUSES]


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
    told = [meter.read(Sample(at_s * 1_000, power_w, energy_wh), at_s * 1_000) for at_s, power_w, energy_wh in samples]
    assert told == powers_w


@pytest.mark.parametrize(("age_s", "fresh_w"), [(0, 7_000), (15, 7_000), (16, None)])
def test_a_sample_is_fresh_for_15_s(age_s: int, fresh_w: int | None) -> None:
    meter = Meter()
    assert meter.fresh_w(0, 15_000) is None
    meter.read(Sample(0, 7_000, None), 100_000)
    assert meter.fresh_w(100_000 + age_s * 1_000, 15_000) == fresh_w


@pytest.mark.parametrize(
    ("doubtful_w", "limit_w", "above_ms"),
    [(9_000, 8_000, 5_000), (9_000, 6_000, 5_000), (100, 8_000, None), (100, 6_000, 0)],
    ids=["speaks against", "both are above", "neither is above", "not for: the sure one is above"],
)
def test_a_sample_of_doubtful_age(doubtful_w: int, limit_w: int, above_ms: int | None) -> None:
    meter = Meter()
    meter.read(Sample(0, 7_000, None), 0)
    meter.suspect(doubtful_w, 5_000)
    assert meter.above_ms(limit_w) == above_ms
    assert meter.fresh_w(5_000, 15_000) == 7_000


def test_a_sure_sample_ends_the_doubt() -> None:
    meter = Meter()
    meter.suspect(9_000, 0)
    meter.read(Sample(1, 7_000, None), 1_000)
    assert meter.above_ms(8_000) is None


def test_a_sample_is_new_once() -> None:
    meter = Meter()
    assert meter.is_new(Sample(0, 7_000, None))
    assert not meter.is_new(Sample(0, 7_000, None))
    assert meter.is_new(Sample(0, 7_001, None))


@pytest.mark.parametrize(
    ("at_s", "overtaken"),
    [(100, False), (99, True), (41, True), (40, False), (101, False)],
    ids=["the same second", "a second late", "59 s late", "60 s: the clock stepped back", "newer"],
)
def test_a_sample_that_a_newer_one_has_overtaken(*, at_s: int, overtaken: bool) -> None:
    meter = Meter()
    meter.read(Sample(100_000, 7_000, None), 0)
    assert meter.is_overtaken(Sample(at_s * 1_000, 5_000, None)) is overtaken
