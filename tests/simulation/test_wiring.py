"""Phases of the simulated world: what flows on them, what is booked at least, and which stations there are."""

import random

import pytest

from csms.core.commands import LimitForm, RateUnit
from csms.core.configuration.loads import check_constant_loads, check_fail_safe
from csms.core.configuration.phase_checks import check_phases
from csms.core.events import Sample
from csms.core.ids import ChargerId, ConnectionId
from csms.core.station import GRID, Charger, Circuit, PhaseLimit, Station
from csms.simulation import phases
from csms.simulation.ampere_stations import in_amperes, in_amperes_again
from csms.simulation.rows import Rows, opened_by
from csms.simulation.stations import changed_station, random_station
from csms.simulation.wiring import Amounts, Amperes, Own, Wiring

V = 230
THREE = 3 * V * 32
SINGLE, DC = Wiring(1, (2, 3, 1)), Wiring(0)
ROTATED = Wiring(3, (2, 3, 1))
IN_AMPERES = LimitForm(RateUnit.A, 3, V)
IN_WATTS = LimitForm(RateUnit.W, 3, V)
FIRST, SECOND = ConnectionId(1), ConnectionId(2)


@pytest.mark.parametrize(
    ("wiring", "limit_w", "used", "amounts"),
    [
        (ROTATED, Amperes(THREE, 3), (1,), (0, 2 * THREE, 0)),
        (ROTATED, Amperes(THREE, 3), (1, 2, 3), (2 * THREE, 2 * THREE, 2 * THREE)),
        (ROTATED, Amperes(THREE // 2, 3), None, (THREE, THREE, THREE)),
        (ROTATED, 3_000, (1,), (0, 18_000, 0)),
        (ROTATED, 3_000, (1, 2), (0, 9_000, 9_000)),
        (ROTATED, 3_000, None, (18_000, 18_000, 18_000)),
        (ROTATED, THREE, (3,), (2 * THREE, 0, 0)),
        (ROTATED, Amperes(1_380, 1), (1, 2, 3), (2_760, 2_760, 2_760)),
        (SINGLE, Amperes(1_380, 1), (1,), (0, 8_280, 0)),
        (SINGLE, 1_380, None, (0, 8_280, 0)),
        (DC, 3_000, (1, 2, 3), (6_000, 6_000, 6_000)),
    ],
)
def test_what_a_limit_lets_flow_depends_on_its_form_and_on_the_car(
    wiring: Wiring, limit_w: int, used: Own | None, amounts: Amounts
) -> None:
    assert wiring.of_limit(limit_w, used, THREE) == amounts


@pytest.mark.parametrize(
    ("limit_w", "used", "flow_w"),
    [
        (Amperes(THREE, 3), (1,), THREE // 3),
        (Amperes(THREE // 2, 3), (1, 2), THREE // 3),
        (3_000, (2,), 3_000),
        (THREE, (1, 2), THREE * 2 // 3),
    ],
)
def test_a_car_draws_no_more_than_its_phases_carry(limit_w: int, used: Own, flow_w: int) -> None:
    assert ROTATED.flow_w(limit_w, used, THREE) == flow_w
    assert max(ROTATED.of_draw(flow_w, used)) <= max(ROTATED.of_limit(limit_w, used, THREE))


def test_cars_of_one_charger_share_what_it_carries_on_each_phase() -> None:
    taken = ROTATED.of_draw(THREE // 6, (1,))
    assert ROTATED.room_w((1,), taken, THREE) == THREE // 6
    assert ROTATED.room_w((2, 3), taken, THREE) == THREE * 2 // 3


# --- rows -------------------------------------------------------------------------------------------------------------


def station(amperes: int, *, power_w: int | None = None, static: PhaseLimit | None = None) -> Station:
    limit = PhaseLimit((1_000 * amperes,) * 3, V)
    known = Charger(ChargerId("S"), V * 32, 1, circuit="K", phases=1, rotation=(3, 1, 2))
    unknown = Charger(ChargerId("U"), V * 32, 1, phases=1)
    circuits = (Circuit("K", None, 10_000, PhaseLimit((20_000, 20_000, 16_000), V)),)
    return Station(
        "SITE", power_w or limit.power_w, (known, unknown), circuits, phase_limit=limit, static_phases=static
    )


def test_a_charger_counts_on_the_phases_that_it_may_hang_on() -> None:
    rows = Rows(station(35, static=PhaseLimit((1_000, 0, 5_000), V)))
    assert [*rows.of(ChargerId("S"))] == ["S", "K", GRID, "K/L3", "grid/L3"]
    assert [*rows.phases_of(ChargerId("U"))] == ["grid/L1", "grid/L2", "grid/L3"]
    assert rows.capacities_w[GRID] is None, "its phases say it all"
    assert rows.capacities_w["K"] == 10_000
    assert [rows.phases[f"grid/L{line}"] for line in (1, 2, 3)] == [6 * V * 34, 6 * V * 35, 6 * V * 30]
    assert rows.capacity("K/L3") == 6 * V * 16


def test_less_on_a_phase_opens_its_row() -> None:
    before, after = Rows(station(35)), Rows(station(25))
    assert opened_by(before, after) == {"grid/L1", "grid/L2", "grid/L3"}
    assert not opened_by(after, before)


@pytest.mark.parametrize("seed", range(20))
def test_every_station_and_what_becomes_of_it_can_be_configured(seed: int) -> None:
    rng = random.Random(seed)
    made, phased = in_amperes(rng, random_station(rng))
    assert made.phase_limit is not None
    for charger in made.chargers:
        wiring = phased[charger.charger_id].wiring
        assert wiring.phases == charger.phases
        assert charger.rotation in {None, wiring.rotation}, "what is configured is true"
    for _ in range(5):
        assert not check_phases(made), made
        assert not check_constant_loads(made)
        assert not check_fail_safe(made)
        made = in_amperes_again(made, changed_station(rng, made))


# --- what is booked at least ------------------------------------------------------------------------------------------

CHARGER = Charger(ChargerId("C"), THREE, 1, phases=3, rotation=(2, 3, 1))


def sample(power_w: int | None, *amperes: float) -> Sample:
    on_l1, on_l2, on_l3 = [int(each * 1_000) for each in amperes]
    return Sample(0, power_w, None, current_ma=(on_l1, on_l2, on_l3))


def shown(*samples: tuple[int, Sample], connection: ConnectionId = FIRST) -> list[Own]:
    each = [phases.shown_by(told, CHARGER, connection, at_ms) for at_ms, told in samples]
    return phases.learnt([one for one in each if one is not None], FIRST)


def test_three_samples_over_twenty_seconds_show_the_phases_of_a_car() -> None:
    one = sample(V * 16, 16, 0.3, 0)
    assert shown((0, one), (10_000, one), (20_000, one)) == [(1,)]
    assert not shown((0, one), (10_000, one))
    assert not shown((0, one), (5_000, one), (10_000, one))
    assert not shown((0, one), (10_000, one), (20_000, one), connection=SECOND)


def test_zeros_beside_a_power_that_needs_all_phases_show_nothing() -> None:
    placeholder = sample(3 * V * 16, 16, 0, 0)
    assert not shown((0, placeholder), (10_000, placeholder), (20_000, placeholder))
    nothing = sample(3 * V * 16, 0, 0, 0)
    assert not shown((0, nothing), (10_000, nothing), (20_000, nothing))


@pytest.mark.parametrize(
    ("form", "used", "amounts"),
    [
        (IN_AMPERES, [], (6_000, 6_000, 6_000)),
        (IN_AMPERES, [(1,)], (0, 6_000, 0)),
        (IN_AMPERES, [(1,), (1, 2, 3)], (0, 6_000, 0)),
        (IN_WATTS, [], (18_000, 18_000, 18_000)),
        (IN_WATTS, [(1,)], (0, 18_000, 0)),
        (IN_WATTS, [(1, 2)], (0, 9_000, 9_000)),
        (None, [(1, 2, 3)], (6_000, 6_000, 6_000)),
    ],
)
def test_a_limit_is_booked_in_the_form_in_which_it_was_told(
    form: LimitForm | None, used: list[Own], amounts: Amounts
) -> None:
    assert phases.of_connector(CHARGER, THREE, [phases.Told(3_000, form)], used) == amounts


def test_no_charger_is_booked_above_what_it_carries_on_a_phase() -> None:
    told = [phases.Told(THREE, IN_WATTS)]
    assert phases.of_connector(CHARGER, THREE, told, []) == (2 * THREE,) * 3
    assert phases.of_all(CHARGER, THREE, THREE) == (2 * THREE,) * 3
