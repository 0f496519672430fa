"""The table of cases: each is played once, the page says the same, and what remarks say is true."""

import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.conformance.cases import BY_NUMBER, CASES, COUNTED, Result
from tests.conformance.page import page
from tests.conformance.world import COMMANDS, TAG, Place, standing
from tests.virtual.loop import VirtualClock, run_virtually

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = re.compile(r"@scripted\nasync def test_(tc_\w+)\(")
FOREIGN: Final = 77

REFUSED: Final[tuple[tuple[str, dict[str, Any], int], ...]] = (
    ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"}, 409),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "00112233445566778899aabbccddeeff"}, 409),
    ("ChangeConfiguration", {"key": "SecurityProfile", "value": "1"}, 409),
    ("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1, "chargingProfile": {}}, 422),
    ("ClearChargingProfile", {}, 422),
)
"""What the remarks say is refused, and how; nothing of it reaches the charger."""


def test_every_case_has_one_number_and_every_group_its_count() -> None:
    assert len(BY_NUMBER) == len(CASES) == 77
    assert Counter(case.profile for case in CASES) == COUNTED


def test_every_case_is_played_once() -> None:
    scripts = [found for path in Path(__file__).parent.glob("test_*.py") for found in SCRIPT.findall(path.read_text())]
    assert sorted(number.upper() for number in scripts) == sorted(BY_NUMBER)


def test_what_does_not_pass_says_why() -> None:
    assert [case.number for case in CASES if case.result is not Result.PASSED and not case.remark] == []


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8") == page(), "run: make docs"


def test_what_the_remarks_say_of_commands_is_true() -> None:
    async def ask(clock: VirtualClock) -> None:
        async with standing(clock) as at:
            await at.boot()
            await others_profiles_are_cleared(at)
            before = len(at.charger.heard)
            for action, body, status in REFUSED:
                assert (await at.rest.post(f"{COMMANDS}/{action}", json=body)).status_code == status, action
            await at.wait(10)
            assert at.charger.heard[before:] == []

    run_virtually(ask)


async def others_profiles_are_cleared(at: Place) -> None:
    """Look that this system has cleared by purpose and level what may stand, and that an operator can by an id."""
    asked = [payload for action, payload in at.charger.heard if action == "ClearChargingProfile"]
    assert {each["chargingProfilePurpose"] for each in asked} == {"TxDefaultProfile"}
    assert all("stackLevel" in each and "id" not in each for each in asked)
    assert await at.cleared({"id": FOREIGN}) == {"id": FOREIGN}
