"""The one door to the `ocpp` package: its JSON schemas, for the rare actions and for what we send (tests).

Only the package's schema files are read; its message loop is not used and its modules are not imported. Validators are
compiled on first use. Fields that a schema does not know are ignored in what chargers send (the 2019-12 schema set
forbids them only in *our* messages).
"""

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.half_pairs import mended
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.readers import read_any

_CODES: Mapping[str, ErrorCode] = {
    "required": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "minItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
}
"""Schema keyword → code (OCPP-J 1.6 table 7, errata 5.1 and 5.2); every other keyword is a property constraint."""


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None, "ocpp is a dependency"
    assert spec.origin is not None, "ocpp is a regular package"
    return Path(spec.origin).parent / "v16" / "schemas"


@cache
def known_actions() -> frozenset[str]:
    """Return every action of OCPP 1.6 and its security extension, in both directions."""
    names = {path.stem for path in _folder().glob("*.json")}
    return frozenset(name for name in names if not name.endswith("Response"))


def load_schema(name: str) -> dict[str, Any]:
    """Return the schema `name` ("StartTransaction", "StartTransactionResponse") as the package ships it."""
    schema: dict[str, Any] = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8-sig"))
    return schema


def _tolerant(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _tolerant(value) for key, value in schema.items() if key != "additionalProperties"}
    if isinstance(schema, list):
        return [_tolerant(value) for value in schema]
    return schema


@cache
def _validator(action: str) -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(_tolerant(load_schema(action)), validate_formats=False)


def check_call(action: str, payload: bytes) -> PayloadFault | None:
    """Check the payload of a charger's CALL; `action` is one of `known_actions()`."""
    instance = read_any(mended(payload))
    if not isinstance(instance, dict):
        return PayloadFault(ErrorCode.FORMATION_VIOLATION, "the payload is not a readable object")
    try:
        error = next(iter(_validator(action).iter_errors(instance)), None)
    except ValueError:  # a field of the schema holds what is nested more than 255 deep
        return PayloadFault(ErrorCode.FORMATION_VIOLATION, "the payload is nested too deeply")
    if error is None:
        return None
    code = _CODES.get(error.kind.name, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
    where = ".".join(str(step) for step in error.instance_path) or "payload"
    return PayloadFault(code, f"{where}: {error.message}")
