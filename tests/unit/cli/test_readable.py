"""Answers of chargers as people read them, also those that are not as they should be."""

from typing import Any

import pytest

from csms.cli.readable import answer_lines

KEYS = [
    {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
    {"key": "Vendor\x1bKey", "readonly": True},
    {"key": "Odd", "readonly": "so", "value": 7},
    "nonsense",
]
SCHEDULE = {
    "status": "Accepted",
    "connectorId": 1,
    "scheduleStart": "2026-11-27T08:00:00Z",
    "chargingSchedule": {
        "duration": 60,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16.0, "numberPhases": 3},
            {"startPeriod": 30, "limit": 6},
        ],
    },
}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "9f1a", "issuerKeyHash": "4c07", "serialNumber": "3b"}


@pytest.mark.parametrize(
    ("action", "body", "lines"),
    [
        (
            "GetConfiguration",
            {"configurationKey": KEYS, "unknownKey": ["A", "B\n"]},
            [
                "key                value  read only",
                "HeartbeatInterval  60     no",
                "Vendor?Key         -      yes",
                "Odd                7      so",
                "-                  -      -",
                "it does not know: A, B?",
            ],
        ),
        ("GetConfiguration", {}, []),
        ("GetConfiguration", {"configurationKey": [], "unknownKey": []}, []),
        ("GetConfiguration", {"configurationKey": 5, "unknownKey": "x"}, ["configurationKey: 5", "unknownKey: x"]),
        (
            "GetCompositeSchedule",
            SCHEDULE,
            [
                "connector 1, from 2026-11-27T08:00:00Z, for 60 s",
                "from s  limit A  phases",
                "0       16.0     3",
                "30      6        -",
            ],
        ),
        (
            "GetCompositeSchedule",
            {"chargingSchedule": {"chargingSchedulePeriod": ["odd"]}},
            ["connector -, from -", "from s  limit -  phases", "-       -        -"],
        ),
        ("GetCompositeSchedule", {"status": "Rejected"}, []),
        ("GetCompositeSchedule", {"chargingSchedule": []}, ["chargingSchedule: []"]),
        (
            "GetInstalledCertificateIds",
            {"status": "Accepted", "certificateHashData": [HASH]},
            [
                "hashAlgorithm  serialNumber  issuerNameHash  issuerKeyHash",
                "SHA256         3b            9f1a            4c07",
            ],
        ),
        ("GetInstalledCertificateIds", {"status": "NotFound"}, ["it has none of this type"]),
        ("GetLocalListVersion", {"listVersion": 7}, ["its local list has version 7"]),
        ("GetLocalListVersion", {"listVersion": 0}, ["its local list is empty"]),
        ("GetLocalListVersion", {"listVersion": -1}, ["it has no local list"]),
        ("GetLocalListVersion", {"listVersion": "7"}, ["listVersion: 7"]),
        ("DataTransfer", {"status": "Accepted", "data": "\x1b[2J"}, ["data: ?[2J"]),
        ("DataTransfer", {"status": "Accepted"}, []),
        ("GetDiagnostics", {"fileName": "log.zip"}, ["fileName: log.zip"]),
        ("Reset", {"status": "Accepted", "customs": {"a": 1}}, ['customs: {"a": 1}']),
    ],
)
def test_an_answer_is_readable(action: str, body: dict[str, Any], lines: list[str]) -> None:
    assert answer_lines(action, body) == lines
