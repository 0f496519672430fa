"""The examples of the documentation; tests check each against its schema and send each request to its route."""

from typing import Any

SESSION_ID = "3f0d2c5e-8a53-4d0e-9a57-0c9b7a1f2f6e"

STATION: dict[str, Any] = {
    "stationId": "ELECTRA_PARIS_15",
    "gridCapacity": 400,
    "chargers": [
        {"id": "CP001", "maxPower": 200, "connectors": 2},
        {"id": "CP002", "maxPower": 200, "connectors": 2},
        {"id": "CP003", "maxPower": 300, "connectors": 2},
    ],
    "battery": {"initialCapacity": 200, "power": 100},
}

STATION_WITH_OPTIONS: dict[str, Any] = {
    "stationId": "ELECTRA_LYON_2",
    "gridCapacity": 43.5,
    "chargers": [
        {"id": "AC01", "maxPower": 22, "connectors": 2, "circuit": "garage", "control": "ocpp", "reservedPower": 4.2},
        {"id": "DC01", "maxPower": 50, "connectors": 1, "minPower": 5},
    ],
    "timeZone": "Europe/Paris",
    "staticLoad": 3.25,
    "circuits": [{"id": "garage", "capacity": 27.7}],
    "failSafe": "closed",
    "siteMeter": {"maxAgeS": 5, "modbus": {"host": "192.0.2.10", "unitId": 2, "register": 12, "kind": "input"}},
}

BATTERY_STANDS: dict[str, Any] = {
    "stateOfCharge": 63.5,
    "power": 53.2,
    "availableDischarge": 200,
    "availableCharge": 150,
    "permitted": 200,
    "setPoint": 53.25,
}
BATTERY_STANDS_FIRST: dict[str, Any] = {
    "stateOfCharge": 63.5,
    "power": 0,
    "availableDischarge": 200,
    "availableCharge": 150,
}
BATTERY_TOLD: dict[str, Any] = {"setPoint": {"power": 53.25, "permit": 200, "validForS": 330}}
METER_READING: dict[str, Any] = {"power": 38.5}
METER_READING_OF_BEFORE: dict[str, Any] = {"power": 38.5, "ageS": 1.2}
METER: dict[str, Any] = {
    "measures": "baseLoad",
    "source": "rest",
    "power": 38.5,
    "ageS": 1,
    "stale": False,
    "baseLoad": 40,
    "staticLoad": 50,
}

SESSION_REQUEST: dict[str, Any] = {"connectorId": {"chargerId": "CP001", "idx": 1}, "vehicleMaxPower": 150}
SESSION_REQUEST_WITH_TAG: dict[str, Any] = SESSION_REQUEST | {"idTag": "04A2B3C4D5E680"}
SHARE_REQUEST: dict[str, Any] = {"weight": 2, "priority": 5}
POWER_UPDATE: dict[str, Any] = {"consumedPower": 98.4}
POWER_UPDATE_WITH_ECHO: dict[str, Any] = {"consumedPower": 98.4, "allocatedPower": 100}

REST_SESSION: dict[str, Any] = {
    "sessionId": SESSION_ID,
    "connectorId": {"chargerId": "CP001", "idx": 1},
    "allocatedPower": 100,
    "vehicleMaxPower": 150,
}
OCPP_SESSION: dict[str, Any] = {
    "sessionId": "9a8d7f1e-2b60-4f0a-8f6e-6d0f3e0a7c11",
    "connectorId": {"chargerId": "CP003", "idx": 2},
    "allocatedPower": 133,
    "vehicleMaxPower": 149.25,
    "allocatedPowerW": 133_333,
    "bookedPowerW": 133_333,
    "consumedPowerW": 131_900,
    "transactionId": 4711,
    "limitedBy": "grid",
}
STATUS: dict[str, Any] = {
    "sessions": {REST_SESSION["sessionId"]: REST_SESSION, OCPP_SESSION["sessionId"]: OCPP_SESSION}
}
SESSIONS: dict[str, Any] = {"sessions": [REST_SESSION, OCPP_SESSION]}
EXPLANATION_WAITS: dict[str, Any] = {
    "explanation": {
        "sessionId": "9a8d7f1e-2b60-4f0a-8f6e-6d0f3e0a7c11",
        "connectorId": {"chargerId": "CP003", "idx": 2},
        "sentence": "The car at connector 2 of CP003 is paused, and gets 100 kW when connector 1 of CP001 is known to "
        "have given back 100 kW.",
        "reason": "waits_for_others",
        "limitedBy": "grid",
        "targetPower": 100,
        "limitPower": 0,
        "bookedPower": 0,
        "leastPower": 0,
        "keptPower": 0,
        "weight": 1,
        "priority": 0,
        "demand": {"power": 150, "declaredPower": 150, "because": "declared"},
        "node": {
            "id": "grid",
            "capacity": 200,
            "bookedPower": 200,
            "notShared": 0,
            "trimmed": 0,
            "withheld": 0,
            "shared": 200,
            "sessions": 2,
            "targetPower": 200,
            "sharing": [
                {
                    "sessionId": "9a8d7f1e-2b60-4f0a-8f6e-6d0f3e0a7c11",
                    "connectorId": {"chargerId": "CP003", "idx": 2},
                    "limitPower": 0,
                    "targetPower": 100,
                    "bookedPower": 0,
                    "weight": 1,
                },
                {
                    "sessionId": SESSION_ID,
                    "connectorId": {"chargerId": "CP001", "idx": 1},
                    "limitPower": 100,
                    "targetPower": 100,
                    "bookedPower": 200,
                    "weight": 1,
                },
            ],
            "loads": [],
            "oneMoreKilowattGives": 0.5,
        },
        "waitsFor": [
            {
                "sessionId": SESSION_ID,
                "connectorId": {"chargerId": "CP001", "idx": 1},
                "power": 100,
                "until": "answer",
            }
        ],
        "waitsForPower": 100,
    }
}
EXPLANATION_VEHICLE: dict[str, Any] = {
    "explanation": {
        "sessionId": SESSION_ID,
        "connectorId": {"chargerId": "CP001", "idx": 1},
        "sentence": "The car at connector 1 of CP001 may take 54 kW, and nothing here holds it back: it takes less "
        "than it could have.",
        "reason": "vehicle",
        "limitedBy": "vehicle",
        "targetPower": 54,
        "limitPower": 54,
        "bookedPower": 54,
        "consumedPower": 50,
        "leastPower": 0,
        "keptPower": 0,
        "weight": 1,
        "priority": 0,
        "demand": {"power": 54, "declaredPower": 200, "because": "below_limit"},
        "waitsFor": [],
        "waitsForPower": 0,
    }
}
SIMULATION_OF_CARS: dict[str, Any] = {
    "cars": [
        {"connectorId": {"chargerId": "CP001", "idx": 1}, "vehicleMaxPower": 80},
        {"connectorId": {"chargerId": "CP001", "idx": 2}, "vehicleMaxPower": 150},
        {"connectorId": {"chargerId": "CP002", "idx": 1}, "vehicleMaxPower": 150},
    ]
}
SIMULATION_OF_STATION: dict[str, Any] = {"configuration": STATION | {"gridCapacity": 230}} | SIMULATION_OF_CARS
SIMULATION: dict[str, Any] = {
    "baseLoad": 0,
    "battery": {"stateOfCharge": 100.0, "power": 100, "availablePower": 100},
    "cars": [
        SIMULATION_OF_CARS["cars"][0] | {"allocatedPower": 80, "limitedBy": "vehicle"},
        SIMULATION_OF_CARS["cars"][1] | {"allocatedPower": 120, "limitedBy": "CP001"},
        SIMULATION_OF_CARS["cars"][2] | {"allocatedPower": 130, "limitedBy": "grid"},
    ],
    "leftOut": [],
    "nodes": [
        {"id": "grid", "load": 330, "capacity": 330},
        {"id": "CP001", "load": 200, "capacity": 200},
        {"id": "CP002", "load": 130, "capacity": 200},
        {"id": "CP003", "load": 0, "capacity": 300},
    ],
    "notices": [
        {
            "kind": "fail_safe_not_chosen",
            "path": "$.failSafe",
            "text": 'not chosen; "closed" holds: without this server running cars go on and nobody new can charge',
        },
        {
            "kind": "battery_computed",
            "path": "$.battery",
            "text": "computed, not measured; what cars get from it goes only to chargers that let limits expire",
        },
    ],
}
RESERVATIONS: dict[str, Any] = {
    "reservations": [
        {
            "reservationId": 3,
            "connectorId": {"chargerId": "CP001", "idx": 1},
            "idTag": "04A2B3C4D5E680",
            "expiryDate": "2026-11-27T08:00:00Z",
            "commandId": "8c0f0f5e-51a3-4a41-9c57-3d5cf0f3a2b1",
        }
    ]
}
TRANSACTION: dict[str, Any] = {
    "transaction": {
        "transactionId": 4711,
        "sessionId": "9a8d7f1e-2b60-4f0a-8f6e-6d0f3e0a7c11",
        "connectorId": {"chargerId": "CP003", "idx": 2},
        "idTag": "04A2B3C4D5E680",
        "idTagStatus": "Accepted",
        "startedAt": "2026-03-01T08:00:00.000Z",
        "stoppedAt": "2026-03-01T08:41:07.000Z",
        "meterStartWh": 1_234_567,
        "meterStopWh": 1_270_017,
        "energyWh": 35_450,
        "endReason": "EVDisconnected",
        "flags": [],
    },
    "samples": [
        {
            "at": "2026-03-01T08:01:00.000Z",
            "measurand": "Power.Active.Import",
            "context": "Sample.Periodic",
            "location": "Outlet",
            "unit": "W",
            "value": "51900",
        },
        {
            "at": "2026-03-01T08:01:00.000Z",
            "measurand": "Current.Import",
            "phase": "L1",
            "context": "Sample.Periodic",
            "location": "Outlet",
            "unit": "A",
            "value": "75.2",
        },
    ],
    "signedData": [
        {
            "at": "2026-03-01T08:41:07.000Z",
            "measurand": "Energy.Active.Import.Register",
            "context": "Transaction.End",
            "location": "Outlet",
            "value": 'OCMF|{"FV":"1.0","PG":"T12"}|{"SD":"304502…"}',
        }
    ],
    "nextCursor": "1772354467000-90210",
}
ALARMS: dict[str, Any] = {
    "alarms": [
        {
            "id": "not_obeying:CP001#2",
            "kind": "not_obeying",
            "severity": "alarm",
            "since": "2026-03-01T08:15:30.000Z",
            "chargerId": "CP001",
            "connector": 2,
            "subject": "CP001#2",
            "cause": "its limit was exceeded; 200000 W are booked for the charger",
            "meaning": "The charger accepts limits here and draws more. Its maximum is booked; other ways to limit it"
            " are tried.",
            "toDo": "Look for a second energy manager or a local setting that overrules ours; update the charger's"
            " firmware.",
        }
    ]
}
MAKES: dict[str, Any] = {
    "makes": [
        {
            "vendor": "Ampere AG",
            "model": "Box 22",
            "firmwareVersion": "2.1",
            "default": {"unit": "A", "kind": "Relative", "stackLevel": 0, "numberPhases": True},
            "running": {
                "purpose": "TxDefaultProfile",
                "unit": "A",
                "kind": "Relative",
                "stackLevel": 1,
                "numberPhases": True,
            },
            "keepsTxProfile": False,
            "tenths": True,
        }
    ]
}
MESSAGES: dict[str, Any] = {
    "messages": [
        {
            "at": "2025-03-01T08:00:00.000Z",
            "direction": "received",
            "action": "Authorize",
            "message": [2, "17", "Authorize", {"idTag": "04A1***"}],
            "sizeBytes": 48,
            "cut": False,
        },
        {
            "at": "2025-03-01T08:00:00.004Z",
            "direction": "sent",
            "action": "Authorize",
            "message": [3, "17", {"idTagInfo": {"status": "Accepted"}}],
            "sizeBytes": 47,
            "cut": False,
        },
    ]
}
KNOCKING: dict[str, Any] = {
    "knocking": [
        {
            "chargerId": "CP009",
            "remote": "192.0.2.17",
            "path": "/ocpp/CP009",
            "reason": "unknown_charger",
            "firstSeen": "2025-03-01T08:00:00.000Z",
            "lastSeen": "2025-03-01T08:05:00.000Z",
            "count": 6,
        },
        {
            "chargerId": "CP010",
            "remote": "192.0.2.18",
            "path": "/CP010",
            "reason": "pending",
            "firstSeen": "2025-03-01T07:59:00.000Z",
            "lastSeen": "2025-03-01T08:04:00.000Z",
            "count": 1,
            "vendor": "Example Charging",
            "model": "X 22",
            "serialNumber": "2201-000123",
            "firmwareVersion": "1.4.2",
        },
    ]
}
CHARGER: dict[str, Any] = {
    "chargerId": "CP001",
    "maxPower": 200,
    "boot": {"vendor": "Example Charging", "model": "X 200", "serialNumber": "2001-000042", "firmwareVersion": "2.1"},
    "connection": {"since": "2026-03-01T07:58:00.000Z", "address": "192.0.2.21"},
    "connectors": [
        {
            "idx": 1,
            "status": "Charging",
            "statusSince": "2026-03-01T08:00:04.000Z",
            "session": OCPP_SESSION | {"sessionId": SESSION_ID, "connectorId": {"chargerId": "CP001", "idx": 1}},
            "bookedPower": 133.333,
            "confirmedPower": 133.333,
            "provisioned": True,
            "notObeying": False,
            "outOfService": False,
        }
    ],
    "bookedPower": 133.333,
    "failSafePower": 0,
    "provisioned": True,
    "draining": False,
    "identityConflict": False,
    "refusing": False,
    "caps": [],
    "mode": "control",
}
CAPACITY_EVENT_REQUEST: dict[str, Any] = {
    "from": "2026-11-27T16:00:00Z",
    "to": "2026-11-27T19:00:00Z",
    "capacity": 250,
    "source": "Stadtnetz control room",
    "heartbeatS": 60,
}
CAPACITY_EVENT: dict[str, Any] = {
    "id": "dso-2026-117",
    "from": "2026-11-27T16:00:00.000Z",
    "to": "2026-11-27T19:00:00.000Z",
    "capacity": 250,
    "source": "Stadtnetz control room",
    "heartbeatS": 60,
    "state": "coming",
    "setBy": "192.0.2.10",
    "setAt": "2026-11-27T08:00:00.000Z",
}
CAPACITY_EVENTS: dict[str, Any] = {"events": [CAPACITY_EVENT]}
MAINTENANCE_REQUEST: dict[str, Any] = {
    "reason": "Cable of connector 2 is being replaced",
    "until": "2026-11-27T16:00:00Z",
    "inoperative": True,
}
MAINTENANCE: dict[str, Any] = {
    "reason": "Cable of connector 2 is being replaced",
    "askedBy": "192.0.2.10",
    "since": "2026-11-27T08:00:00.000Z",
    "until": "2026-11-27T16:00:00.000Z",
    "inoperative": True,
    "availability": {
        "commandId": "8c0f0f5e-51a3-4a41-9c57-3d5cf0f3a2b1-1",
        "type": "Inoperative",
        "state": "queued",
    },
}
CHARGERS: dict[str, Any] = {"chargers": [CHARGER], "nextCursor": "CP001"}
CHARGER_WITH_ALL: dict[str, Any] = {
    "charger": CHARGER,
    "capabilities": {"rateUnits": ["W"], "stackLevelMax": 3, "sampleIntervalS": 10},
    "settings": {"ChargeProfileMaxStackLevel": "3", "MeterValueSampleInterval": "10"},
    "changedSettings": {"MeterValueSampleInterval": {"before": "60", "value": "10", "answer": "accepted"}},
    "learnt": {"vendor": "Example Charging", "model": "X 200", "firmwareVersion": "2.1", "keepsTxProfile": False},
    "alarms": [],
    "certificateRequest": {
        "askedAt": "2025-03-01T08:00:00.000Z",
        "csr": (
            "-----BEGIN CERTIFICATE REQUEST-----\n"
            "MIHdMIGEAgEAMCIxEDAOBgNVBAoMB0V4YW1wbGUxDjAMBgNVBAMMBUNQMDAxMFkw\n"
            "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESefKO4wLUopt+UA6kF21MpQ06ENDprOi\n"
            "vK1JgwPe9BMbMvWPj5JOhceQM/R1deTLk3Axnk5Rz3RUffbcXfUw7aAAMAoGCCqG\n"
            "SM49BAMCA0gAMEUCIQCEljay4vxLHqLlSLYAlsz8KkS4RNFf7WFR9cGdt72CgwIg\n"
            "BRYhODg36AtiMQWBN43j3t81CwsWryNw9Rmx998+EXE=\n"
            "-----END CERTIFICATE REQUEST-----\n"
        ),
    },
}
HEALTH: dict[str, Any] = {"status": "ok"}
FAULTS: list[dict[str, str]] = [{"path": "$.chargers[1].id", "error": "is the same as $.chargers[0].id"}]

COMMAND: dict[str, Any] = {
    "id": "8c0f0f5e-51a3-4a41-9c57-3d5cf0f3a2b1",
    "chargerId": "CP001",
    "action": "Reset",
    "body": {"type": "Soft"},
    "askedBy": "192.0.2.10",
    "askedAt": "2026-11-26T10:00:00.000Z",
    "forced": False,
    "state": "accepted",
    "answer": "Accepted",
    "answerBody": {"status": "Accepted"},
    "sentAt": "2026-11-26T10:00:00.012Z",
    "answeredAt": "2026-11-26T10:00:00.154Z",
    "outcome": {"what": "boot", "state": "happened", "until": "2026-11-26T10:05:00.154Z"},
}
CAMPAIGN_REQUEST: dict[str, Any] = {
    "name": "2.2 for the garage",
    "location": "https://files.example/x200-2.2.bin",
    "retrieveDate": "2026-11-27T02:00:00Z",
    "retries": 3,
    "retryInterval": 600,
    "atATime": 2,
    "chargers": ["CP001", "CP002", "CP003"],
}
CAMPAIGN_REQUEST_BY_MAKE: dict[str, Any] = {
    "location": "https://files.example/x200-2.2.bin",
    "atATime": 1,
    "make": {"vendor": "Example Charging", "model": "X 200", "firmwareVersion": "2.1"},
}
AUDIT: dict[str, Any] = {
    "audit": [
        {
            "id": 3,
            "at": "2026-11-26T10:05:00.000Z",
            "by": {"address": "192.0.2.10"},
            "operation": "POST /station/config",
            "resource": "/station/config",
            "changes": ["$.gridCapacity: 400 → 350", '$.chargers["CP003"]: removed'],
            "outcome": "accepted",
            "status": 200,
            "answeredAt": "2026-11-26T10:05:00.009Z",
        },
        {
            "id": 2,
            "at": "2026-11-26T10:00:00.000Z",
            "by": {"address": "192.0.2.10"},
            "operation": "POST /chargers/{chargerId}/commands/Reset",
            "resource": "/chargers/CP001/commands/Reset",
            "chargerId": "CP001",
            "query": {"force": "true"},
            "body": {"type": "Soft"},
            "made": {"commandId": "8c0f0f5e-51a3-4a41-9c57-3d5cf0f3a2b1"},
            "outcome": "accepted",
            "status": 202,
            "answeredAt": "2026-11-26T10:00:00.012Z",
        },
        {
            "id": 1,
            "at": "2026-11-26T09:59:00.000Z",
            "by": {"address": "192.0.2.10"},
            "operation": "DELETE /id-tags/{idTag}",
            "resource": "/id-tags/04A2***",
            "outcome": "refused",
            "status": 404,
            "reason": "This id tag is not listed.",
            "answeredAt": "2026-11-26T09:59:00.004Z",
        },
    ],
    "nextCursor": "1795686740000-1",
}
NEW_KEY: dict[str, Any] = {
    "chargerId": "CP001",
    "authorizationKey": "0123456789abcdef0123456789abcdef01234567",
    "userName": "CP001",
    "before": "nothing else opens",
    "sent": "Accepted",
}
CHARGER_ACCESS: dict[str, Any] = {
    "chargerId": "CP001",
    "madeAt": "2026-11-26T18:00:00.000Z",
    "nextMadeAt": "2027-11-26T18:00:00.000Z",
    "securityProfile": 2,
    "lastAddress": "192.168.7.4",
}
LOCAL_LIST: dict[str, Any] = {
    "chargerId": "CP001",
    "state": "held",
    "current": True,
    "version": 3,
    "idTags": 120,
    "wantedIdTags": 120,
    "askedBy": "192.0.2.10",
    "askedAt": "2026-11-26T18:00:00.000Z",
    "settledAt": "2026-11-26T18:00:01.240Z",
    "sendLocalListMaxLength": 50,
    "localAuthListMaxLength": 500,
    "localAuthListEnabled": True,
}
CAMPAIGN: dict[str, Any] = {
    "id": "5b7d1c3e-0f7e-4d65-9d8e-6f0a4c2b9e11",
    "name": "2.2 for the garage",
    "askedBy": "192.0.2.10",
    "askedAt": "2026-11-26T18:00:00.000Z",
    "state": "halted",
    "atATime": 2,
    "body": {"location": "https://files.example/x200-2.2.bin", "retries": 3, "retryInterval": 600},
    "retrieveDate": "2026-11-27T02:00:00.000Z",
    "halted": {
        "chargerId": "CP002",
        "reason": "CP002: it reported that the download or the installation has failed",
    },
    "counts": {"installed": 1, "failed": 1, "waiting_for_cars": 1},
    "chargers": [
        {
            "chargerId": "CP001",
            "state": "installed",
            "changedAt": "2026-11-27T02:11:20.500Z",
            "commandIds": ["5b7d1c3e-0f7e-4d65-9d8e-6f0a4c2b9e11-1-1"],
        },
        {
            "chargerId": "CP002",
            "state": "failed",
            "reason": "it reported that the download or the installation has failed",
            "changedAt": "2026-11-27T02:12:03.250Z",
            "commandIds": ["5b7d1c3e-0f7e-4d65-9d8e-6f0a4c2b9e11-2-1"],
        },
        {
            "chargerId": "CP003",
            "state": "waiting_for_cars",
            "reason": "a car charges there",
            "changedAt": "2026-11-27T02:00:00.000Z",
            "commandIds": [],
        },
    ],
}
RELEASE: dict[str, Any] = {
    "chargerId": "CP001",
    "askedBy": "192.0.2.10",
    "askedAt": "2026-11-27T09:00:00.000Z",
    "forced": False,
    "state": "incomplete",
    "endedAt": "2026-11-27T09:00:01.480Z",
    "counts": {"undone": 5, "not_undone": 1},
    "steps": [
        {"what": "profile", "name": "3001", "state": "undone", "detail": "it was not there"},
        {"what": "profile", "name": "2001", "state": "undone", "detail": "it was not there"},
        {"what": "profile", "name": "2000", "state": "undone"},
        {"what": "limit", "name": "1", "state": "undone", "detail": "it says that 22000 W are in force"},
        {
            "what": "key",
            "name": "MeterValueSampleInterval",
            "before": "60",
            "state": "not_undone",
            "detail": "ChangeConfiguration: Rejected; it has 10",
        },
        {"what": "key", "name": "WebSocketPingInterval", "before": "300", "state": "undone"},
    ],
}
ID_TAG_REQUEST: dict[str, Any] = {
    "parentIdTag": "FLEET",
    "expiryDate": "2099-01-01T00:00:00Z",
    "weight": 2,
    "note": "Anna, van 7",
}
ID_TAG: dict[str, Any] = {
    "idTag": "04A2B3C4D5E680",
    "status": "Accepted",
    "parentIdTag": "FLEET",
    "expiryDate": "2099-01-01T00:00:00.000Z",
    "blocked": False,
    "concurrent": False,
    "note": "Anna, van 7",
    "weight": 2,
    "version": 1,
}
ID_TAGS: dict[str, Any] = {"idTags": [ID_TAG], "nextCursor": "3034413242334334443545363830"}
ID_TAGS_CSV = (
    '"idTag","parentIdTag","expiryDate","blocked","concurrent","note","weight","priority"\r\n'
    '"04A2B3C4D5E680","FLEET","2099-01-01T00:00:00Z","false","false","Anna, van 7","2",""\r\n'
)
ID_TAGS_IMPORTED: dict[str, Any] = {"added": 1, "changed": 0, "removed": 0, "unchanged": 0}

TRANSACTIONS: dict[str, Any] = {
    "transactions": [TRANSACTION["transaction"]],
    "nextCursor": "1772352000000-4711",
}
CONTINUITY: dict[str, Any] = {
    "day": "2026-03-01",
    "timeZone": "Europe/Paris",
    "unaccountedWh": 420,
    "connectors": [
        {
            "connectorId": {"chargerId": "CP003", "idx": 2},
            "transactions": 2,
            "breaks": [
                {
                    "kind": "gap",
                    "differenceWh": 420,
                    "before": {"transactionId": 4711, "at": "2026-03-01T08:41:07.000Z", "registerWh": 1_270_017},
                    "after": {"transactionId": 4719, "at": "2026-03-01T11:02:44.000Z", "registerWh": 1_270_437},
                }
            ],
        }
    ],
}
CLOSE: dict[str, Any] = {"reason": "charger stolen, police report 4711", "meterStopWh": 1_270_017}
CLOSED: dict[str, Any] = {
    "transaction": TRANSACTION["transaction"] | {"endReason": "ClosedByOperator", "flags": ["no_stop_received"]}
}
TRANSACTIONS_CSV = (
    '"transactionId","sessionId","chargerId","idx","idTag","idTagStatus","startedAt","stoppedAt","meterStartWh",'
    '"meterStopWh","energyWh","endReason","flags"\r\n'
    '"4711","9a8d7f1e-2b60-4f0a-8f6e-6d0f3e0a7c11","CP003","2","04A2B3C4D5E680","Accepted",'
    '"2026-03-01T08:00:00.000Z","2026-03-01T08:41:07.000Z","1234567","1270017","35450","EVDisconnected",""\r\n'
)
