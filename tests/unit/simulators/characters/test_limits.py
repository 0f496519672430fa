"""Characters of limits: what is answered to profiles, and what the car gets to draw."""

from typing import Any

import pytest

from simulators.build import Wanted
from tests.unit.simulators.characters.central import AC, BOTH_UNITS, DC, THREE_PHASES, Bench, bench, limit_of


@pytest.mark.parametrize(
    ("character", "offers"),
    [
        ("watts_only", [(limit_of(9_000), "Accepted"), (limit_of(10, unit="A"), "Rejected")]),
        ("amperes_only", [(limit_of(9_000), "Rejected"), (limit_of(10, unit="A"), "Accepted")]),
        (
            "default_only",
            [
                (limit_of(9_000), "Rejected"),
                (limit_of(9_000, 0, purpose="ChargePointMaxProfile"), "Rejected"),
                (limit_of(9_000, purpose="TxDefaultProfile"), "Accepted"),
            ],
        ),
        (
            "no_charge_point_max",
            [
                (limit_of(9_000), "Accepted"),
                (limit_of(9_000, 0, purpose="ChargePointMaxProfile"), "Rejected"),
                (limit_of(9_000, 0, purpose="TxDefaultProfile"), "Accepted"),
            ],
        ),
        (
            "charge_point_max_only",
            [
                (limit_of(9_000), "Rejected"),
                (limit_of(9_000, 0, purpose="ChargePointMaxProfile"), "Accepted"),
                (limit_of(9_000, 0, purpose="TxDefaultProfile"), "Rejected"),
            ],
        ),
        (
            "needs_transaction_id",
            [
                (limit_of(9_000), "Rejected"),
                (limit_of(9_000, transaction_id=1), "Accepted"),
                (limit_of(9_000, 2, transaction_id=1), "Rejected"),  # no transaction there
                (limit_of(9_000, purpose="TxDefaultProfile"), "Accepted"),
            ],
        ),
        (
            "refuses_transaction_id",
            [(limit_of(9_000), "Accepted"), (limit_of(9_000, transaction_id=1), "Rejected")],
        ),
        (
            "refuses_highest_level",
            [(limit_of(9_000, stack_level=10), "Rejected"), (limit_of(9_000, stack_level=9), "Accepted")],
        ),
        ("refuses_level_0", [(limit_of(9_000, stack_level=0), "Rejected"), (limit_of(9_000), "Accepted")]),
        ("refuses_number_phases", [(limit_of(9_000, phases=3), "Rejected"), (limit_of(9_000), "Accepted")]),
        ("refuses_relative", [(limit_of(9_000, kind="Relative"), "Rejected"), (limit_of(9_000), "Accepted")]),
        ("refuses_zero", [(limit_of(0), "Rejected"), (limit_of(9_000), "Accepted")]),
        (
            "rejects_every_profile",
            [(limit_of(9_000), "Rejected"), (limit_of(9_000, 0, purpose="TxDefaultProfile"), "Rejected")],
        ),
        (
            "foreign_transaction_id",
            [(limit_of(9_000, transaction_id=77), "Accepted"), (limit_of(9_000, 2, transaction_id=1), "Rejected")],
        ),
    ],
)
async def test_what_is_taken(character: str, offers: list[tuple[dict[str, Any], str]]) -> None:
    async with bench(character, wanted=BOTH_UNITS) as b:
        await b.start(THREE_PHASES)
        for offer, status in offers:
            assert await b.status("SetChargingProfile", offer) == status, offer


@pytest.mark.parametrize(
    ("character", "limit_w", "before_w", "after_w"),
    [
        ("no_charge_point_max", 40_000, 150_000, 40_000),
        ("foreign_transaction_id", 40_000, 150_000, 40_000),
        ("rejects_every_profile", 40_000, 150_000, 150_000),
        ("ignores_profiles", 40_000, 150_000, 150_000),
        ("steered_by_default_only", 40_000, 150_000, 150_000),
        ("waits_for_profile", 40_000, 0, 40_000),
        ("refuses_zero", 0, 150_000, 150_000),
    ],
)
async def test_what_is_drawn_before_and_after_a_tx_profile(
    character: str, limit_w: int, before_w: int, after_w: int
) -> None:
    async with bench(character) as b:
        await b.start()
        await b.run(20)
        assert b.power_w() == before_w
        await b.limit(limit_w, transaction_id=77 if character == "foreign_transaction_id" else 1)
        await b.run(20)
        assert b.power_w() == after_w


@pytest.mark.parametrize(
    ("character", "expected_w"),
    [("default_only", 30_000), ("ignores_default", 150_000), ("forgets_default", 30_000), ("waits_for_profile", 0)],
)
async def test_what_is_drawn_under_a_default_that_came_before(character: str, expected_w: int) -> None:
    async with bench(character) as b:
        assert await b.limit(30_000, 0, purpose="TxDefaultProfile") == "Accepted"
        await b.start()
        await b.run(20)
        assert b.power_w() == expected_w


@pytest.mark.parametrize(
    ("character", "purpose"), [("steered_by_default_only", "TxDefaultProfile"), ("default_only", "TxDefaultProfile")]
)
async def test_a_default_steers_a_running_transaction(character: str, purpose: str) -> None:
    async with bench(character) as b:
        await b.start()
        assert await b.limit(25_000, purpose=purpose) == "Accepted"
        await b.run(20)
        assert b.power_w() == 25_000


async def test_a_charger_that_takes_the_whole_limit_only_shares_it() -> None:
    async with bench("charge_point_max_only") as b:
        await b.start()
        await b.start(idx=2)
        await b.limit(50_000, 0, purpose="ChargePointMaxProfile")
        await b.run(20)
        assert (b.power_w(1), b.power_w(2)) == (25_000, 25_000)


async def test_ignored_profiles_are_reported_as_if_they_were_in_force() -> None:
    async with bench("ignores_profiles") as b:
        await b.start()
        assert await b.limit(40_000) == "Accepted"
        answer = (await b.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 60}))[2]
        assert answer["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 40_000}]
        await b.run(20)
        assert b.power_w() == 150_000


async def test_a_default_is_forgotten_at_a_reboot() -> None:
    async with bench("forgets_default") as b:
        await b.limit(30_000, 0, purpose="TxDefaultProfile")
        await b.ask("Reset", {"type": "Hard"})
        await b.run(1)
        await b.connected()
        await b.start()
        await b.run(20)
        assert b.power_w() == 150_000


async def test_who_stopped_at_zero_never_resumes() -> None:
    async with bench("no_resume_from_zero") as b:
        await b.start()
        await b.run(20)
        assert await b.limit(0) == "Accepted"
        await b.run(20)
        assert b.power_w() == 0
        await b.limit(60_000)
        await b.run(20)
        assert b.power_w() == 0
        assert b.central.statuses(1)[-1] == "SuspendedEVSE"
        # The next transaction charges.
        b.charger.sessions.unplug(b.driven.connector())
        await b.start()
        await b.run(20)
        assert b.power_w() == 150_000


async def test_the_first_answer_is_late_and_wrong() -> None:
    async with bench("late_rejection") as b:
        await b.start()
        await b.run(20)
        await b.central.send(2, "limit", "SetChargingProfile", limit_of(40_000))
        # Whoever sees the answer to this one knows that the profile before it was looked at.
        assert (await b.ask("ClearCache"))[1] == "c1"
        await b.run(29.75)
        assert b.power_w() == 40_000
        assert [frame[1] for frame in b.central.answers] == ["c1"]
        await b.run(0.25)
        assert await b.central.answer() == [3, "limit", {"status": "Rejected"}]
        assert await b.limit(50_000) == "Accepted"


async def test_power_is_random_below_the_limit() -> None:
    async with bench("random_power") as b:
        await b.start()
        await b.limit(100_000)
        await b.run(20)
        seen = []
        for _ in range(12):
            await b.run(5)
            seen.append(b.power_w())
        assert len(set(seen)) > 6
        assert 40_000 <= min(seen) < 60_000
        assert 80_000 < max(seen) <= 100_000


@pytest.mark.parametrize(("limit_a", "expected_w"), [(9.1, 6_900), (9, 6_210), (6, 4_140)])
async def test_amperes_are_rounded_up(limit_a: float, expected_w: int) -> None:
    async with bench("rounds_amperes_up", wanted=AC) as b:
        await b.start(THREE_PHASES)
        assert await b.limit(limit_a, unit="A") == "Accepted"
        await b.run(20)
        assert b.power_w() == expected_w


async def test_each_connector_takes_what_was_meant_for_all() -> None:
    async with bench("each_connector_alone") as b:
        await b.start()
        await b.start(idx=2)
        await b.limit(60_000, 0, purpose="ChargePointMaxProfile")
        await b.run(20)
        assert (b.power_w(1), b.power_w(2)) == (60_000, 60_000)


@pytest.mark.parametrize("character", ["each_connector_alone", "surplus_fields"])
@pytest.mark.parametrize("idx", [0, 1])
async def test_it_is_as_honest_as_others_where_no_limit_is_one_of_all(character: str, idx: int) -> None:
    """So the acceptance test cannot see it: this system tells no ChargePointMaxProfile."""
    async with bench(character) as b:
        await b.start()
        await b.start(idx=2)
        await b.limit(60_000, idx, purpose="TxDefaultProfile")
        await b.limit(40_000, 2)
        await b.run(20)
        assert (b.power_w(1), b.power_w(2)) == (60_000, 40_000)


async def second_transaction(b: Bench) -> None:
    await b.start()
    assert await b.limit(40_000, transaction_id=1) == "Accepted"
    await b.run(1)
    b.charger.sessions.unplug(b.driven.connector())
    await b.start()
    await b.run(20)


async def test_the_next_transaction_obeys_the_profile_of_the_last() -> None:
    async with bench("keeps_tx_profile") as b:
        await second_transaction(b)
        assert b.power_w() == 40_000
        await b.limit(70_000, transaction_id=2)
        await b.run(20)
        assert b.power_w() == 70_000


async def test_clearing_removes_the_profile_that_was_kept() -> None:
    async with bench("keeps_tx_profile") as b:
        await second_transaction(b)
        criteria = {"connectorId": 1, "chargingProfilePurpose": "TxProfile"}
        assert await b.status("ClearChargingProfile", criteria) == "Accepted"
        await b.run(20)
        assert b.power_w() == 150_000


@pytest.mark.parametrize("wanted", [DC, BOTH_UNITS])
async def test_a_well_behaved_charger_does_none_of_this(wanted: Wanted) -> None:
    async with bench(wanted=wanted) as b:
        await b.start(THREE_PHASES)
        assert await b.limit(9_000, transaction_id=77) == "Rejected"
        assert await b.limit(9_000, stack_level=10) == "Accepted"
        assert await b.limit(0) == "Accepted"
