"""What we send, held against the specification to the letter: OCPP-J §4.2, table 7, and the schemas with nothing extra.

Every frame that a test's charger receives goes through here.
"""

import re
from functools import cache
from typing import Any

import jsonschema_rs

from csms.ocpp16 import vendor

CODES = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""§3.14, without a fraction: some chargers read no other form."""


@cache
def validator(schema: str) -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(vendor.load_schema(schema), validate_formats=True)


def assert_conforms(frame: Any, asked: dict[Any, str]) -> None:
    """Check one frame of ours; `asked` knows the action behind the ids of the charger's CALLs."""
    assert isinstance(frame, list), frame
    match frame:
        case [2, str(message_id), str(action), dict(payload)]:
            assert 0 < len(message_id) <= 36, frame
            assert_payload(action, payload)
        case [3, message_id, dict(payload)]:
            if message_id in asked:
                assert_payload(f"{asked[message_id]}Response", payload)
        case [4, _, str(code), str(description), dict(details)]:
            assert code in CODES, frame
            assert len(description) <= 255, frame
            assert details == {}, frame
        case _:
            raise AssertionError(frame)


def assert_payload(schema: str, payload: dict[str, Any]) -> None:
    errors = [f"{error.instance_path}: {error.message}" for error in validator(schema).iter_errors(payload)]
    assert errors == [], (schema, payload)
    for key, value in fields(payload):
        if key in {"currentTime", "expiryDate", "startSchedule", "validFrom", "validTo"}:
            assert TIME.fullmatch(value), (key, value)


def fields(value: Any) -> list[tuple[str, Any]]:
    """Return every field within `value`."""
    if isinstance(value, dict):
        return [*value.items(), *(inner for one in value.values() for inner in fields(one))]
    return [inner for one in value for inner in fields(one)] if isinstance(value, list) else []
