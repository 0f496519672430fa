"""What a register did between the transactions of a connector, and the alarm of the day after."""

from typing import Any

import pytest

from csms.core.continuity import Break, breaks
from csms.core.events import EnergyReported
from csms.core.ids import ChargerId, ConnectorKey
from tests.unit.core.driving import Drive, charger, station
from tests.unit.store import samples


@pytest.mark.parametrize(
    ("before", "after", "kind", "difference_wh"),
    [
        ({}, {"meter_start_wh": 9_000}, None, None),
        ({}, {"meter_start_wh": 9_001}, Break.GAP, 1),
        ({}, {"meter_start_wh": 8_400}, Break.OVERLAP, -600),
        ({}, {"meter_start_wh": 0}, Break.RESET, -9_000),
        ({"meter_stop_wh": 900}, {"meter_start_wh": 1_500}, Break.GAP, 600),
        ({"meter_stop_wh": None}, {"meter_start_wh": 9_000}, Break.UNKNOWN, None),
        ({"flags": ("suspect",)}, {"meter_start_wh": 9_100}, Break.UNKNOWN, None),
        ({}, {"meter_start_wh": 9_100, "flags": ("no_meter_start",)}, Break.UNKNOWN, None),
        ({}, {"meter_start_wh": 0, "flags": ("no_meter_start", "register_unknown")}, Break.UNKNOWN, None),
    ],
)
def test_one_transaction_after_the_other(
    before: dict[str, Any], after: dict[str, Any], kind: Break | None, difference_wh: int | None
) -> None:
    first, second = samples.ended("S1", 1, **before), samples.ended("S2", 2, **after)
    found = [(step.kind, step.difference_wh) for step in breaks([first, second])]
    assert found == ([] if kind is None else [(kind, difference_wh)])


def test_one_alone_follows_nothing() -> None:
    assert list(breaks([samples.ended("S1")])) == []


def test_the_alarm_of_a_day_stands_until_the_next_day_is_told() -> None:
    drive = Drive(station(100, charger("A", 50, 2)))
    key = ConnectorKey(ChargerId("A"), 2)
    drive.do(EnergyReported("2026-03-01", {key: 420, ConnectorKey(ChargerId("GONE"), 1): 9_000}))
    standing = [one for one in (drive.engine.all_changes().notices or {}).values() if one.kind == "energy_gap"]
    assert [(one.charger_id, one.idx, one.cause) for one in standing] == [
        ("A", 2, "420 Wh of 2026-03-01 belong to no transaction")
    ]
    drive.do(EnergyReported("2026-03-02", {}))
    assert "energy_gap:A#2" not in drive.notices()
