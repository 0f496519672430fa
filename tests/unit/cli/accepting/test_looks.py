"""What the last messages of a charger tell."""

from typing import Any

import pytest

from csms.cli.accepting.looks import (
    Json,
    Look,
    clock_errors_ms,
    limits_told,
    metered,
    phases_metered,
    utc_ms,
)

AT = "2026-11-27T10:00:{:02}.000Z"


def frame(second: int, direction: str, *message: Any, action: str | None = None) -> Json:
    return {"at": AT.format(second), "direction": direction, "message": list(message), "action": action}


def meter(second: int, idx: object, stamp: str, *samples: Json) -> Json:
    values = [{"timestamp": stamp, "sampledValue": list(samples)}]
    return frame(second, "received", 2, f"m{second}", "MeterValues", {"connectorId": idx, "meterValue": values})


def current(phase: str, ampere: object) -> Json:
    return {"measurand": "Current.Import", "phase": phase, "value": ampere}


def limit(second: int, name: str, idx: int, watt: float) -> Json:
    schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watt}]}
    profile = {
        "chargingProfileId": 3001,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    body = {"connectorId": idx, "csChargingProfiles": profile}
    return frame(second, "sent", 2, name, "SetChargingProfile", body, action="SetChargingProfile")


def answer(second: int, kind: int, name: str, said: Any) -> Json:
    return frame(second, "received", kind, name, said, action="SetChargingProfile")


UNREADABLE: Json = {"at": AT.format(1), "direction": "received", "text": "[2,", "cut": False}


def test_limits_are_told_with_their_answers() -> None:
    frames = [
        limit(1, "a", 1, 6_900.0),
        answer(2, 3, "a", {"status": "Accepted"}),
        limit(3, "b", 1, 0.0),
        answer(33, 4, "b", "InternalError"),
        limit(34, "c", 0, 5.0),
        limit(35, "d", 2, 5.0),
        UNREADABLE,
    ]
    told = limits_told(frames, 1)
    assert [(one.limit, one.answer, one.idx) for one in told] == [
        (6_900.0, "Accepted", 1),
        (0.0, "InternalError", 1),
        (5.0, "", 0),
    ]
    answered_ms = [None if one.answered_ms is None else one.answered_ms - one.at_ms for one in told]
    assert answered_ms == [1_000, 30_000, None]


def test_readings_are_of_the_connector_however_it_writes_its_number() -> None:
    stamp = AT.format(1)
    frames = [meter(1, 1, stamp), meter(2, "1", stamp), meter(3, " 1 ", stamp), meter(4, 2, stamp), UNREADABLE]
    assert [at_ms - (utc_ms(AT.format(0)) or 0) for at_ms in metered(frames, 1)] == [1_000, 2_000, 3_000]


@pytest.mark.parametrize(
    ("samples", "phases"),
    [
        ([current("L1", "16"), current("L2", "16.1"), current("L3", "15.9")], 3),
        ([current("L1-N", "16"), current("L2-N", "0"), current("L3-N", "0.9")], 1),
        ([current("L1", 16), current("L2", "")], 1),
        ([current("N", "16")], None),
        ([{"value": "5"}], None),
        ([current("L1", "0")], None),
    ],
)
def test_phases_show_in_currents(samples: list[Json], phases: int | None) -> None:
    assert phases_metered([meter(1, 1, AT.format(1), *samples)], 1) == phases


def test_clocks_are_compared_by_every_time_stamp_that_can_be_read() -> None:
    status = {"connectorId": 1, "timestamp": "2026-11-27T10:00:00"}
    frames = [
        frame(2, "received", 2, "s", "StatusNotification", status),
        frame(3, "received", 2, "h", "Heartbeat", {}),
        meter(5, 1, "2026-11-27T12:00:05+02:00"),
        meter(6, 1, "2026-11-27T10:00:16Z"),
        meter(7, 1, "yesterday"),
        frame(8, "sent", 2, "x", "StatusNotification", status),
        UNREADABLE,
    ]
    assert clock_errors_ms(frames) == [2_000, 0, -10_000]


def test_a_look_without_a_server_shows_nothing() -> None:
    look = Look(0, 1)
    assert (look.charger, look.connector, look.session, look.alarms) == ({}, {}, {}, ())
    assert (look.connected_since, look.transaction_id, look.power_w, look.told_w) == (None, None, None, None)


def test_a_look_shows_the_connector_and_what_stands_about_it() -> None:
    session = {"transactionId": 7, "consumedPowerW": 6_880, "allocatedPowerW": 6_900}
    charger = {"connection": {"since": AT.format(0)}, "connectors": [{"idx": 1}, {"idx": 2, "session": session}]}
    alarms = [{"kind": "b", "connector": 2}, {"kind": "a"}, {"kind": "c", "connector": 1}]
    look = Look(0, 2, {"charger": charger, "alarms": alarms})
    assert (look.transaction_id, look.power_w, look.told_w) == (7, 6_880, 6_900)
    assert look.alarms == ("a", "b")
    assert Look(0, 1, look.known).session == {}
