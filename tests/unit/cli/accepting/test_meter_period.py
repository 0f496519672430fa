"""How often a meter tells, against what is configured, as a table."""

import pytest

from csms.cli.accepting.first_steps import Metered, meter_judged
from csms.cli.accepting.machine import Case
from csms.core.ids import ChargerId
from csms.core.station import Charger


@pytest.mark.parametrize(
    ("configured_s", "each_ms", "verdict"),
    [
        (1, 1_000, "passed"),
        (1, 2_000, "passed"),  # stamps of whole seconds
        (1, 2_001, "failed"),
        (2, 3_000, "passed"),
        (2, 3_001, "failed"),
        (10, 15_000, "passed"),
        (10, 15_001, "failed"),
        (None, 60_000, "passed"),
        (None, 60_001, "failed"),
    ],
)
def test_how_often_a_meter_has_to_tell(configured_s: int | None, each_ms: int, verdict: str) -> None:
    case = Case(Charger(ChargerId("CP001"), 11_000, 1), 1, "/chargers/CP001")
    at_ms = [each_ms * number for number in range(4)]
    registers_wh: list[int | None] = [11 * each // 3_600 for each in at_ms]
    outcome = meter_judged(case, Metered(at_ms, [11_000] * 4, registers_wh), configured_s)
    assert (outcome.verdict.value, case.period_ms) == (verdict, each_ms)
