"""`csms accept` catches each lying character: its steps at every simulated charger, against one table."""

from dataclasses import replace

import jsonschema_rs
import pytest

from csms.cli.accepting.caps import PROFILE_ID
from csms.cli.accepting.looks import Look
from csms.cli.accepting.machine import Act, Outcome, Verdict, overall
from csms.cli.accepting.report import SCHEMA, Held, page, report
from csms.cli.accepting.steps import NAMES, STEPS
from simulators.characters import CHARACTERS
from tests.accepting.cases import AC_FAILS, DC_FAILS, FOUND, SAID, WARNED
from tests.accepting.world import AC, DC, Ground, Place, accept, standing
from tests.characters.rig import Rig
from tests.virtual.loop import VirtualClock, run_virtually

SCHEMA_OF_REPORTS = jsonschema_rs.validator_for(SCHEMA)
RESERVE = replace(AC, fail_safe_w=4_140)
FLOWS_WH = 60


def failing(outcomes: list[Outcome]) -> tuple[str, ...]:
    return tuple(one.step for one in outcomes if one.verdict is Verdict.FAILED)


def held(ground: Ground, *characters: str) -> list[Outcome]:
    """Hold the test; whatever the charger is like, no limit of the test stays, nothing is logged as an error."""

    async def hold(clock: VirtualClock) -> list[Outcome]:
        async with standing(clock, ground, *characters) as place:
            first = await place.look()
            outcomes = await accept(place)
            last = await place.look()
            assert [cap for cap in last.charger["caps"] if cap["profileId"] == PROFILE_ID] == []
            assert place.errors == []
            assert place.begun == list(NAMES)
            _reported(first, last, outcomes)
            assert place.rig is not None
            assert purposes_sent(place.rig) <= {"TxProfile", "TxDefaultProfile"}, "no limit is one of all connectors"
            if outcomes[-1].verdict is Verdict.PASSED:
                _energy_is_true(outcomes[-1], place)
            return outcomes

    return run_virtually(hold)


def purposes_sent(rig: Rig) -> set[str]:
    """Return the purposes of all limits that the charger was told."""
    limits = [asked.payload for asked in rig.asked.values() if asked.action == "SetChargingProfile"]
    return {limit["csChargingProfiles"]["chargingProfilePurpose"] for limit in limits}


def _reported(first: Look, last: Look, outcomes: list[Outcome]) -> None:
    document = report(Held("CHARGER 1", 1, {"id": "CHARGER 1"}, 0, 1, first, last, outcomes))
    SCHEMA_OF_REPORTS.validate(document)
    assert page(document).count("<tr>") == 1 + len(NAMES)


def _energy_is_true(outcome: Outcome, place: Place) -> None:
    """Compare what the test says of the charge while offline with the meter itself."""
    assert place.rig is not None
    truth = place.rig.truths[-1]
    (told,) = outcome.facts["transactions"]
    assert (told["meterStartWh"], told["meterStopWh"]) == (truth.meter_start_wh, truth.meter_stop_wh)


def needs_explain(outcomes: list[Outcome]) -> bool:
    """Return whether everything that was not done needs something that did not pass."""
    missed = {one.step for one in outcomes if one.verdict is not Verdict.PASSED}
    needs = {step.name: set(step.needs) for step in STEPS}
    return all(needs[one.step] & missed for one in outcomes if one.verdict is Verdict.NOT_DONE)


@pytest.mark.characters
@pytest.mark.parametrize("name", [character.name for character in CHARACTERS])
def test_character(name: str) -> None:
    outcomes = held(AC, name)
    assert failing(outcomes) == AC_FAILS.get(name, ())
    assert needs_explain(outcomes)
    assert overall(outcomes) is (Verdict.FAILED if name in AC_FAILS else Verdict.PASSED)
    warned = {one.step: one.warning for one in outcomes if one.warning}
    expected = WARNED.get(name, {})
    assert warned.keys() == expected.keys()
    assert all(words in warned[step] for step, words in expected.items())
    for step, words in [table[name] for table in (SAID, FOUND) if name in table]:
        (said,) = (one.said for one in outcomes if one.step == step)
        assert words in said


@pytest.mark.characters
@pytest.mark.parametrize("name", DC_FAILS)
def test_character_at_dc(name: str) -> None:
    assert failing(held(DC, name)) == DC_FAILS[name]


@pytest.mark.parametrize("ground", [AC, DC], ids=["AC", "DC"])
def test_an_honest_charger_passes(ground: Ground) -> None:
    outcomes = {one.step: one for one in held(ground)}
    assert overall(list(outcomes.values())) is Verdict.PASSED
    stairs = [stair["powerW"] for stair in outcomes["staircase"].facts["stairs"]]
    assert stairs == sorted(stairs, reverse=True)
    assert stairs[-1] == ground.min_w
    assert outcomes["form"].facts["unit"] == ("A" if ground.phases else "W")


def test_with_a_fail_safe_power_a_charge_offline_has_energy_and_no_pause_is_shown() -> None:
    outcomes = {one.step: one for one in held(RESERVE)}
    assert overall(list(outcomes.values())) is Verdict.NOT_DONE
    assert {step for step, one in outcomes.items() if one.verdict is not Verdict.PASSED} == {"pause", "resume"}
    (told,) = outcomes["offline"].facts["transactions"]
    assert told["meterStopWh"] - told["meterStartWh"] >= FLOWS_WH


def test_the_person_is_asked_once_for_each_thing() -> None:
    async def asked(clock: VirtualClock) -> list[Act]:
        async with standing(clock, AC) as place:
            await accept(place)
            return place.asked

    outage = [Act.PULL_NETWORK, Act.RESTORE_NETWORK]
    assert run_virtually(asked) == [
        *(Act.START, *outage, Act.RESTART_SERVER, Act.END),
        *(Act.PULL_NETWORK, Act.POWER_CYCLE, Act.CHARGE_OFFLINE, Act.RESTORE_NETWORK),
    ]


def test_what_is_expected_is_expected_of_a_character() -> None:
    names = {character.name for character in CHARACTERS}
    assert AC_FAILS.keys() | DC_FAILS.keys() <= names
    assert SAID.keys() <= AC_FAILS.keys()
    assert not FOUND.keys() & AC_FAILS.keys()
    assert WARNED.keys() <= names
