"""Reading a station configuration as far as its chargers go.

The documented JSON: `{"stationId", "gridCapacity", "chargers": [{"id", "maxPower", "connectors", …}], "battery"}`, in
kW. Read here for itself, without the central system's code: only what a charger has to know is looked at. As
documented, a charger is AC with `phases` 1 or 3 and DC with 0; without it, up to 44 kW means three phases. One field is
the simulators' own: `character`, a name or a list of names out of `python -m simulators characters`.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulators.characters import Unusable, traits_named

AC_MAX_W = 44_000
MIN_KW = Decimal("0.001")
MAX_KW = 1_000_000
MAX_CONNECTORS = 1_000
CONTROLS = ("auto", "ocpp", "rest", "none")


@dataclass(frozen=True, slots=True)
class ChargerEntry:
    """One charger of the station, in W."""

    charger_id: str
    max_w: int
    connectors: int
    phases: int
    voltage_v: int
    over_ocpp: bool
    """Whether it connects over OCPP: its `control` is neither rest nor none."""
    characters: tuple[str, ...] = ()
    """Ways in which it differs from the well-behaved charger (`simulators.characters`)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The file cannot be used; `reason` names the place and what is wrong there."""

    reason: str


def read_station(path: Path) -> tuple[ChargerEntry, ...] | Unreadable:
    """Return the chargers of a station configuration file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        return Unreadable(f"{path}: {error.strerror}")
    except (ValueError, RecursionError) as error:
        return Unreadable(f"{path} is not JSON: {error}")
    parsed = parse_station(document)
    return Unreadable(f"{path}: {parsed.reason}") if isinstance(parsed, Unreadable) else parsed


def parse_station(document: Any) -> tuple[ChargerEntry, ...] | Unreadable:
    """Return the chargers of a parsed configuration, or the first thing that is wrong with them."""
    chargers = document.get("chargers") if isinstance(document, dict) else None
    if not isinstance(chargers, list) or not chargers:
        return Unreadable("$.chargers must be a list of chargers")
    entries: list[ChargerEntry] = []
    for i, raw in enumerate(chargers):
        entry = _parse_charger(raw)
        if isinstance(entry, Unreadable):
            return Unreadable(f"$.chargers[{i}]{entry.reason}")
        if entry.charger_id in {other.charger_id for other in entries}:
            return Unreadable(f"$.chargers[{i}].id is there twice")
        entries.append(entry)
    return tuple(entries)


def _parse_charger(raw: Any) -> ChargerEntry | Unreadable:
    if not isinstance(raw, dict):
        return Unreadable(" must be an object")
    charger_id: Any = raw.get("id")
    max_power: Any = raw.get("maxPower")
    connectors: Any = raw.get("connectors")
    phases: Any = raw.get("phases")
    voltage_v: Any = raw.get("voltage", 230)
    control: Any = raw.get("control", "auto")
    characters = _characters(raw.get("character", []))
    faults = (
        (not isinstance(charger_id, str) or not charger_id, ".id must be a text"),
        (
            not _is_number(max_power) or not MIN_KW <= max_power <= MAX_KW,
            ".maxPower must be a number of kW, 1 W or more",
        ),
        (
            not _is_whole(connectors) or not 1 <= connectors <= MAX_CONNECTORS,
            ".connectors must be a whole number from 1",
        ),
        (phases is not None and (not _is_whole(phases) or phases not in {0, 1, 3}), ".phases must be 0 (DC), 1 or 3"),
        (not _is_whole(voltage_v) or voltage_v <= 0, ".voltage must be a whole number of volts above 0"),
        (not isinstance(control, str) or control not in CONTROLS, f".control must be one of {', '.join(CONTROLS)}"),
    )
    for wrong, reason in faults:
        if wrong:
            return Unreadable(reason)
    if isinstance(characters, Unreadable):
        return characters
    max_w = int(max_power * 1000)
    if phases is None:
        phases = 3 if max_w <= AC_MAX_W else 0
    over_ocpp = control in {"auto", "ocpp"}
    return ChargerEntry(charger_id, max_w, connectors, phases, voltage_v, over_ocpp, characters)


def _characters(raw: Any) -> tuple[str, ...] | Unreadable:
    """Read the name of a character, or a list of names; they must go together."""
    names = [raw] if isinstance(raw, str) else raw
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return Unreadable(".character must be a name or a list of names")
    traits = traits_named(names)
    return Unreadable(f".character: {traits.reason}") if isinstance(traits, Unusable) else tuple(names)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, Decimal)
