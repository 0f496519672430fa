"""What a person answers `csms init` ↔ the station file: texts such as `63 A` become the documented JSON.

Each reader returns its value, or Refused with the end of a sentence. Amperes are turned into watts here and nowhere
else: amperes of one phase × phases × volts between a phase and neutral, rounded down.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from csms.core.configuration import MAX_KILO, kilowatts

VOLTAGE_V = 230
THREE_PHASES = 3
Json = dict[str, object]

_POWER = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(kw|a)", re.IGNORECASE | re.ASCII)
_CHARGER_KEYS = ("power", "connectors", "phases", "circuit")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an answer cannot be used, as the end of a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChargerAnswer:
    """One charger as it was answered; `phases` None where nothing was said of them."""

    charger_id: str
    power: str
    connectors: int = 1
    phases: int | None = None
    circuit: str = ""


def read_power_w(text: str, phases: int, voltage_v: int) -> int | Refused:
    """Return W of a text in A (per phase) or kW."""
    found = _POWER.fullmatch(text.strip())
    if found is None:
        return Refused(f"must be a number with its unit, A or kW, such as 63A or 43.5kW, not {text.strip()!r}")
    is_kilowatts = found[2].lower() == "kw"
    if not is_kilowatts and phases == 0:
        return Refused("must be in kW for DC (phases 0): amperes say nothing without their voltage")
    scale = 1_000 if is_kilowatts else voltage_v * phases
    power_w = int(Decimal(found[1]) * scale)
    if power_w == 0:
        return Refused("must be above 0")
    return Refused(f"must be at most {MAX_KILO} kW") if power_w > MAX_KILO * 1_000 else power_w


def read_whole(text: str, least: int, most: int) -> int | Refused:
    """Return a whole number within its bounds."""
    if not re.fullmatch(r"[0-9]{1,6}", text.strip()) or not least <= int(text) <= most:
        return Refused(f"must be a whole number from {least} to {most}, not {text.strip()!r}")
    return int(text)


def read_phases(text: str, allowed: tuple[int, ...]) -> int | Refused:
    """Return a number of phases."""
    names = {str(phases): phases for phases in allowed}
    if text.strip() not in names:
        return Refused(f"must be {' or '.join(names)}, not {text.strip()!r}")
    return names[text.strip()]


def read_charger(text: str) -> ChargerAnswer | Refused:
    """Return a charger of `ID,power=11kW[,connectors=2][,phases=1][,circuit=NAME]`."""
    charger_id, *rest = (part.strip() for part in text.split(","))
    given: dict[str, str] = {}
    for part in rest:
        key, found, value = part.partition("=")
        if not found or key not in _CHARGER_KEYS or key in given:
            return Refused(f"{part!r} must be one of {', '.join(f'{name}=…' for name in _CHARGER_KEYS)}, each once")
        given[key] = value.strip()
    if not charger_id or "=" in charger_id:
        return Refused("must begin with the charger's id, such as CP001,power=22kW")
    if "power" not in given:
        return Refused(f"{charger_id}: power is missing, such as {charger_id},power=22kW")
    connectors = read_whole(given.get("connectors", "1"), 1, 64)
    if isinstance(connectors, Refused):
        return Refused(f"{charger_id}: connectors {connectors.reason}")
    phases = read_phases(given["phases"], (0, 1, 3)) if "phases" in given else None
    if isinstance(phases, Refused):
        return Refused(f"{charger_id}: phases {phases.reason}")
    return ChargerAnswer(charger_id, given["power"], connectors, phases, given.get("circuit", ""))


def charger_document(answer: ChargerAnswer, voltage_v: int) -> Json | Refused:
    """Return a charger as it stands in the station file."""
    power_w = read_power_w(answer.power, THREE_PHASES if answer.phases is None else answer.phases, voltage_v)
    if isinstance(power_w, Refused):
        return Refused(f"{answer.charger_id}: power {power_w.reason}")
    in_amperes = answer.power.strip().lower().endswith("a")
    phases = THREE_PHASES if in_amperes and answer.phases is None else answer.phases
    document: Json = {"id": answer.charger_id, "maxPower": kilowatts(power_w), "connectors": answer.connectors}
    if phases is not None:
        document["phases"] = phases
    if voltage_v != VOLTAGE_V:
        document["voltage"] = voltage_v
    if answer.circuit:
        document["circuit"] = answer.circuit
    return document
