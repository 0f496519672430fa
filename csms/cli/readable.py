"""What chargers have answered, as people read it. Nothing is taken for granted of the form of an answer."""

import json
from typing import Any

from csms.cli.asking import Json, shown, table

HASHES = ("hashAlgorithm", "serialNumber", "issuerNameHash", "issuerKeyHash")
LISTS = {-1: "it has no local list", 0: "its local list is empty"}


def answer_lines(action: str, body: Json) -> list[str]:
    """Return an answer beyond its status, which is told already, line by line; none where there is nothing more."""
    match action, body:
        case "GetConfiguration", _:
            return _configuration(body)
        case "GetCompositeSchedule", {"chargingSchedule": {"chargingSchedulePeriod": [*periods]} as schedule}:
            return _schedule(body, schedule, periods)
        case "GetInstalledCertificateIds", {"certificateHashData": [*hashes]}:
            return table(HASHES, [tuple(_cell(one, name) for name in HASHES) for one in hashes])
        case "GetInstalledCertificateIds", {"status": "NotFound"}:
            return ["it has none of this type"]
        case "GetLocalListVersion", {"listVersion": int(version)}:
            return [LISTS.get(version, f"its local list has version {version}")]
    return _others(body, ())


def _configuration(body: Json) -> list[str]:
    lines, rest = [], {"status"}
    match body.get("configurationKey"):
        case [*keys]:
            rest.add("configurationKey")
            if keys:
                lines = table(("key", "value", "read only"), [_key(key) for key in keys])
    match body.get("unknownKey"):
        case [*names]:
            rest.add("unknownKey")
            if names:
                lines.append(f"it does not know: {', '.join(map(shown, names))}")
    return lines + _others(body, rest)


def _key(key: Any) -> tuple[str, ...]:
    readonly = _cell(key, "readonly")
    return _cell(key, "key"), _cell(key, "value"), {"true": "yes", "false": "no"}.get(readonly, readonly)


def _schedule(body: Json, schedule: Json, periods: list[Any]) -> list[str]:
    unit = _cell(schedule, "chargingRateUnit")
    head = (f"connector {_cell(body, 'connectorId')}", f"from {_cell(body, 'scheduleStart')}")
    duration = (f"for {_cell(schedule, 'duration')} s",) if "duration" in schedule else ()
    names = ("startPeriod", "limit", "numberPhases")
    rows = [tuple(_cell(one, name) for name in names) for one in periods]
    return [", ".join(head + duration), *table(("from s", f"limit {unit}", "phases"), rows)]


def _cell(row: Any, name: str) -> str:
    """Return a field of a row; - where there is none."""
    return plain(row[name]) if isinstance(row, dict) and name in row else "-"


def _others(body: Json, told: set[str] | tuple[str, ...]) -> list[str]:
    return [f"{shown(name)}: {plain(value)}" for name, value in body.items() if name not in {"status", *told}]


def plain(value: Any) -> str:
    """Return a value on one line: text as it is, anything else as JSON."""
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
