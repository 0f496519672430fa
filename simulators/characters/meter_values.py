"""Characters of meter values: how they are written, what they claim to be, and when they come."""

import json
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import cycle
from typing import Any

from simulators.characters.character import Character, Family
from simulators.characters.tools import each_value, fields, sampled
from simulators.charger import Charger
from simulators.connector import Connector
from simulators.meter import Meter, Reading
from simulators.outbox import Message
from simulators.traits import AlterCall, Traits

ENERGY, POWER, CURRENT = "Energy.Active.Import.Register", "Power.Active.Import", "Current.Import"
OLD_REGISTER_WH = 1_234_567
"""What the register of a charger shows that has been in use for years."""
THREE_PHASES = ("L1", "L2", "L3")

Values = list[dict[str, Any]]


def _phases_used(values: Values) -> int:
    """Return on how many phases current flows, 1 where no currents are told."""
    return sum(value.get("measurand") == CURRENT and float(value["value"]) > 0 for value in values) or 1


def _kilo(value: dict[str, Any]) -> dict[str, Any]:
    """Write Wh as kWh and W as kW, with the digits that binary fractions give."""
    if value.get("unit") not in {"Wh", "W"}:
        return value
    return value | {"value": str(int(value["value"]) / 1000), "unit": f"k{value['unit']}"}


def _without_unit(value: dict[str, Any]) -> dict[str, Any]:
    return {name: text for name, text in value.items() if name != "unit"}


def _only_phases(_: Charger, values: Values) -> Values:
    """Split energy and power over the phases in use, and name the phases of currents L1-N and so on."""
    count = _phases_used(values)
    told: Values = []
    for value in values:
        if value["measurand"] == CURRENT:
            told.append(value | {"phase": f"{value['phase']}-N"})
        elif value["measurand"] in {ENERGY, POWER}:
            share = int(value["value"]) // count
            told += [value | {"value": str(share), "phase": phase} for phase in THREE_PHASES[:count]]
        else:
            told.append(value)
    return told


def _zero_placeholders(_: Charger, values: Values) -> Values:
    """Tell power, current and voltage of three phases, zeros where nothing is connected."""
    told: Values = []
    for value in values:
        if value["measurand"] == POWER:
            told += [value] + [
                value | {"value": value["value"] if phase == "L1" else "0", "phase": phase} for phase in THREE_PHASES
            ]
        elif value.get("phase", "L1")[:2] == "L1" and value["measurand"] in {CURRENT, "Voltage"}:
            suffix = value.get("phase", "L1")[2:]
            told += [
                value | {"value": value["value"] if phase == "L1" else "0", "phase": f"{phase}{suffix}"}
                for phase in THREE_PHASES
            ]
        elif value["measurand"] not in {CURRENT, "Voltage"}:
            told.append(value)
    return told


def _contradictory(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"value": "1.3"} if value.get("measurand") == CURRENT else value


def _in_turn(measurand: str, forms: Iterable[Callable[[str], dict[str, str]]]) -> AlterCall:
    """Return what writes the values of a measurand in another form each time."""
    turns = cycle(forms)

    def alter(value: dict[str, Any]) -> dict[str, Any]:
        return value | next(turns)(value["value"]) if value.get("measurand") == measurand else value

    return each_value(alter)


def _blob(text: str) -> str:
    """Write a value as signed data, the way calibrated meters do."""
    reading = json.dumps({"FV": "1.0", "RD": [{"RV": text, "RI": "1-b:1.8.0", "RU": "Wh"}]})
    return f"OCMF|{reading}|" + json.dumps({"SD": "6E6F742061207369676E6174757265"})


DIRTY: tuple[Callable[[str], dict[str, str]], ...] = (
    lambda _: {"value": ""},
    lambda text: {"value": f"  {text} "},
    lambda text: {"value": f"{text},0"},
    lambda _: {"value": "NaN"},
    lambda text: {"value": text},
)
ODD: tuple[Callable[[str], dict[str, str]], ...] = (
    lambda text: {"value": f"{text}.4"},
    lambda text: {"value": f"{int(text) / 1000:.3f}", "unit": "kWh"},
    # The nearest binary fraction, as programs print it that add up kilowatt-hours.
    lambda text: {"value": str(math.nextafter(int(text) / 1000, 0)), "unit": "kWh"},
    lambda _: {"value": ""},
    lambda text: {"value": _blob(text), "format": "SignedData"},
    lambda text: {"value": text},
)


def _old_register(charger: Charger) -> None:
    for connector in charger.connectors:
        connector.meter = Meter(OLD_REGISTER_WH)
        connector.begin_session()


def _since_session(connector: Connector, reading: Reading) -> Reading:
    return replace(reading, energy_wh=connector.session_wh)


def _random_transaction() -> AlterCall:
    chance = random.Random("transaction ids")

    def alter(_: Charger, action: str, payload: Any) -> Any:
        return payload | {"transactionId": chance.randint(1, 2**31 - 1)} if action == "MeterValues" else payload

    return alter


def _object_for_array(_: Charger, action: str, payload: Any) -> Any:
    return payload | {"meterValue": payload["meterValue"][0]} if action == "MeterValues" else payload


def _numbers(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"value": float(value["value"])}


def _identifiers_as_text(_: Charger, action: str, payload: Any) -> Any:
    if action != "MeterValues":
        return payload
    return {name: str(value) if isinstance(value, int) else value for name, value in payload.items()}


class _PairsSwapped:
    """Holds every other periodic sample back until the next one has gone."""

    def __init__(self) -> None:
        self._held: dict[int, Message] = {}

    def queue(self, _: Charger, message: Message) -> Iterable[Message]:
        if not message.lasting:
            return (message,)
        if message.action != "MeterValues":
            # Even a stop overtakes what is held.
            held = list(self._held.values())
            self._held.clear()
            return (message, *held)
        idx = message.build().connector_id
        if idx in self._held:
            return (message, self._held.pop(idx))
        self._held[idx] = message
        return ()


def _swaps() -> Traits:
    return Traits(queue=(_PairsSwapped().queue,))


def _meter(name: str, does: str, source: str, *calls: Callable[[], AlterCall]) -> Character:
    return Character(
        name, Family.METER_VALUES, does, source, lambda: Traits(calls=tuple(make_call() for make_call in calls))
    )


def _plain(name: str, does: str, source: str, make: Callable[[], Traits]) -> Character:
    return Character(name, Family.METER_VALUES, does, source, make)


CHARACTERS = (
    _meter(
        "numbers_for_texts",
        "Sends sampled values as JSON numbers, and the connector's and the transaction's number as texts.",
        "C16; mobilityhouse #377, #353, lbbrhzn #210, #466, #1144",
        lambda: each_value(_numbers),
        lambda: _identifiers_as_text,
    ),
    _meter(
        "object_for_array",
        "Sends meterValue as one object instead of an array.",
        "C16; mobilityhouse #377, #353, lbbrhzn #210, #466, #1144",
        lambda: _object_for_array,
    ),
    _meter(
        "no_sampled_values",
        "Sends MeterValues whose sampledValue is empty.",
        "C16; mobilityhouse #377, #353, lbbrhzn #210, #466, #1144",
        lambda: sampled(lambda *_: []),
    ),
    _meter(
        "dirty_values",
        "Sends power as an empty text, padded, with a decimal comma, as NaN and properly, in turn.",
        "C17; lbbrhzn on_meter_values, evcc TrimSpace",
        lambda: _in_turn(POWER, DIRTY),
    ),
    _meter(
        "no_units",
        "Leaves the unit out of every sampled value.",
        "C18; lbbrhzn #1989",
        lambda: each_value(_without_unit),
    ),
    _meter(
        "kilowatts_without_unit",
        "Sends power in kW and energy in kWh, without saying so.",
        "C18; lbbrhzn #1989",
        lambda: each_value(_kilo),
        lambda: each_value(_without_unit),
    ),
    _meter(
        "kilo_units", "Sends energy in kWh and power in kW.", "C19; lbbrhzn get_energy_kwh", lambda: each_value(_kilo)
    ),
    _plain(
        "session_register",
        "Counts the energy of MeterValues from 0 in each transaction, while meterStart and meterStop are absolute.",
        "C20; MicroOcpp #66",
        lambda: Traits(built=(_old_register,), read=(_since_session,)),
    ),
    _meter(
        "phases_only",
        "Sends energy and power per phase and no total, and currents of L1-N, L2-N and L3-N.",
        "C21; evcc phaseMeasurements, lbbrhzn _avg_l123",
        lambda: sampled(_only_phases),
    ),
    _meter(
        "zero_placeholders",
        "Sends power, current and voltage of three phases on one, zeros for L2 and L3.",
        "C22; lbbrhzn #2117",
        lambda: sampled(_zero_placeholders),
    ),
    _meter(
        "transaction_id_0",
        "Sends MeterValues with transactionId 0.",
        "C23; mobilityhouse #478, citrineos #1025, lbbrhzn #609",
        lambda: fields("MeterValues", transactionId=0),
    ),
    _meter(
        "no_transaction_id",
        "Sends MeterValues without transactionId.",
        "C23; mobilityhouse #478, citrineos #1025, lbbrhzn #609",
        lambda: fields("MeterValues", transactionId=None),
    ),
    _meter(
        "random_transaction_id",
        "Sends MeterValues with a random transactionId each time.",
        "C23; mobilityhouse #478, citrineos #1025, lbbrhzn #609",
        _random_transaction,
    ),
    _plain(
        "samples_out_of_order",
        "Sends every other sample after the next one, the last one even after the stop.",
        "D",
        _swaps,
    ),
    _meter(
        "odd_energies",
        "Sends energy as a fraction of Wh, as kWh, with a binary tail, as an empty text and a signed blob, in turn.",
        "D",
        lambda: _in_turn(ENERGY, ODD),
    ),
    _meter(
        "current_contradicts_power",
        "Sends a Current.Import that has nothing to do with its power.",
        "D",
        lambda: each_value(_contradictory),
    ),
)
