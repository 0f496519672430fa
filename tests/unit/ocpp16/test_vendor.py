import pytest

from csms.ocpp16 import vendor


@pytest.mark.parametrize(
    ("action", "text", "code"),
    [
        ("DataTransfer", '{"vendorId":"v","messageId":"m","data":"d"}', None),
        ("DataTransfer", '{"vendorId":"v","unknown":{}}', None),
        ("DataTransfer", "{}", "OccurenceConstraintViolation"),
        ("DataTransfer", '{"vendorId":5}', "TypeConstraintViolation"),
        ("DataTransfer", '{"vendorId":"' + "v" * 256 + '"}', "PropertyConstraintViolation"),
        ("DataTransfer", '{"vendorId":' + "9" * 5000 + "}", "FormationViolation"),
        ("DataTransfer", '{"vendorId":"v","data":' + "[" * 300 + "]" * 300 + "}", "FormationViolation"),
        ("DataTransfer", '{"vendorId":"v","unknown":' + "[" * 300 + "]" * 300 + "}", None),
        ("FirmwareStatusNotification", '{"status":"Idle"}', None),
        ("FirmwareStatusNotification", '{"status":"Sleeping"}', "PropertyConstraintViolation"),
        ("DiagnosticsStatusNotification", '{"status":"Uploaded"}', None),
        ("LogStatusNotification", '{"status":"Idle"}', None),
        ("SignedFirmwareStatusNotification", '{"status":"Idle","requestId":1}', None),
        ("SecurityEventNotification", '{"type":"x","timestamp":"yesterday"}', None),
        ("SecurityEventNotification", '{"type":"x"}', "OccurenceConstraintViolation"),
        ("SignCertificate", '{"csr":"x"}', None),
    ],
)
def test_the_schema_lane(action: str, text: str, code: str | None) -> None:
    fault = vendor.check_call(action, text.encode())
    assert (None if fault is None else fault.code.value) == code


def test_known_actions_of_both_directions() -> None:
    actions = vendor.known_actions()
    assert {"Heartbeat", "Reset", "SecurityEventNotification", "SetChargingProfile"} <= actions
    assert "TransactionEvent" not in actions
    assert "HeartbeatResponse" not in actions
