import re
from pathlib import Path

import pytest

from csms.core import notices as module
from csms.core.alarms import KINDS, Alarm
from csms.core.events import ChargerHeard, ConnectorStatus
from csms.core.ids import ChargerId
from csms.core.station import Battery, Control, Station
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station

BY_THE_LOOP = "nothing_stored"
BY_THE_DOOR = "unproven"
"""The one that no state can tell (`tests/unit/runtime/test_controller.py`)."""


@pytest.mark.parametrize(
    ("chosen", "battery", "notices"),
    [
        (True, None, set()),
        (False, None, {"fail_safe_not_chosen"}),
        (True, Battery(200_000, 100_000), {"battery_not_used"}),
        (False, Battery(200_000, 100_000), {"fail_safe_not_chosen", "battery_not_used"}),
    ],
)
def test_what_the_configuration_leaves_open(chosen: bool, battery: Battery | None, notices: set[str]) -> None:  # noqa: FBT001 - a column
    drive = Drive(Station("S", 100_000, (), battery=battery, fail_safe_chosen=chosen))
    assert drive.notices() == notices
    assert {str(event.detail["notice"]) for event in drive.events("notice.raised")} == notices
    drive.configure(station(100))
    assert drive.notices() == set()
    assert {str(event.detail["notice"]) for event in drive.events("notice.cleared")} == notices


def test_a_charger_never_seen_is_shown_as_soon_as_the_station_is_live_over_ocpp() -> None:
    drive = Drive(station(400, charger("A", 100, control=Control.AUTO), charger("B", 100, control=Control.AUTO)))
    assert drive.notices() == set()
    drive.connect("A")
    assert drive.notices() == {"never_seen:B"}
    drive.connect("B")
    assert drive.notices() == set()


@pytest.mark.parametrize("control", [Control.REST, Control.NONE, Control.OCPP])
def test_only_control_auto_can_be_never_seen(control: Control) -> None:
    drive = Drive(station(400, charger("A", 100, control=Control.AUTO), charger("B", 100, control=control)))
    drive.connect("A")
    assert drive.notices() == set()


def test_a_row_overbooked_for_10_s_raises_an_alarm_and_clears_it() -> None:
    drive = Drive(station(150, charger("A", 100), charger("B", 100)))
    drive.wait(9.999)
    assert drive.notices() == set()
    drive.wait(0.001)
    assert drive.notices() == {"overbooked:grid"}
    standing = drive.engine.all_changes().notices or {}
    cause = "200000 W are booked of 150000 W"
    assert standing == {"overbooked:grid": Alarm("overbooked", "grid", cause, T0_WALL_MS + 10_000)}
    drive.bring_up("A")
    assert drive.notices() == set()


def test_overbooked_for_less_than_10_s_raises_none() -> None:
    drive = Drive(station(150, charger("A", 100), charger("B", 100)))
    drive.wait(5)
    drive.bring_up("A")
    drive.wait(60)
    assert drive.events("notice.raised") == []


def test_a_notice_is_raised_once_and_again_after_a_restart() -> None:
    drive = Drive(Station("S", 100_000, (charger("A", 50),)))
    drive.connect("A")
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.wait(100)
    assert len(drive.events("notice.raised")) == 1
    drive.recover()
    assert drive.notices() == {"fail_safe_not_chosen"}


def test_a_car_at_a_connector_that_a_rest_session_holds_is_told() -> None:
    drive = Drive(station(100, charger("A", 60, control=Control.AUTO)))
    session_id = drive.shown(drive.post("A", 1, 60)).session_id
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    assert "held_over_rest:A#1" not in drive.notices()
    drive.status("A", 1, ConnectorStatus.SUSPENDED_EVSE)
    assert "held_over_rest:A#1" in drive.notices()
    drive.rest_stop(session_id)
    assert "held_over_rest:A#1" not in drive.notices()


def test_a_connected_charger_that_says_nothing_for_three_minutes_is_shown_until_it_does() -> None:
    drive = Drive(station(400, charger("A", 100)))
    drive.bring_up("A")
    connection = drive.connect("A", heard=False)
    drive.wait(179.999)
    assert "silent:A" not in drive.notices()
    drive.wait(0.001)
    assert "silent:A" in drive.notices()
    drive.do(ChargerHeard(ChargerId("A"), connection))
    assert "silent:A" not in drive.notices()
    drive.connect("A", heard=False)
    drive.disconnect("A")
    drive.wait(600)
    assert "silent:A" not in drive.notices(), "it is not connected at all"


def test_a_charger_that_has_been_away_for_ten_minutes_is_an_alarm_until_it_is_back() -> None:
    drive = Drive(station(400, charger("A", 100), charger("B", 100)))
    drive.bring_up("A")
    drive.disconnect("A")
    drive.wait(599.999)
    assert drive.notices() == set()
    drive.wait(0.001)
    assert drive.notices() == {"offline:A"}, "B was never there"
    drive.connect("A")
    assert drive.notices() == set()
    drive.disconnect("A")
    drive.recover()
    drive.wait(599.999)
    assert drive.notices() == set(), "since the start nobody knows how long it has been away"
    drive.wait(0.001)
    assert drive.notices() == {"offline:A"}


def test_a_charger_that_was_removed_is_not_missed() -> None:
    drive = Drive(station(400, charger("A", 100), charger("B", 100)))
    drive.bring_up("A")
    drive.disconnect("A")
    drive.configure(station(400, charger("B", 100)))
    drive.wait(600)
    assert "offline:A" not in drive.notices()


def test_every_kind_says_what_it_means_and_what_to_do() -> None:
    for name, kind in KINDS.items():
        for words in (kind.meaning, kind.to_do):
            assert words[0].isupper(), name
            assert words.endswith("."), name


def test_every_kind_that_is_raised_is_in_the_list_and_the_other_way_round() -> None:
    source = Path(module.__file__).read_text(encoding="utf-8")
    raised = re.findall(r'(?:Sign|at_charger|at_connector|at_place)\("(\w+)"', source)
    assert sorted([*raised, BY_THE_LOOP, BY_THE_DOOR]) == sorted(KINDS)
