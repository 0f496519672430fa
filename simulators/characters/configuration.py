"""Characters of the configuration: which keys exist, how they are written, and what a change brings about."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulators.characters.character import Character, Family
from simulators.characters.tools import answers, only_unit, with_key
from simulators.charger import Charger
from simulators.configuration import Key
from simulators.electrical import RateUnit
from simulators.traits import AlterAnswer, Answer, Asked, Traits

UNIT_KEY = "ChargingScheduleAllowedChargingRateUnit"
FEW_MEASURANDS = ("Energy.Active.Import.Register", "Power.Active.Import")


def _rows(alter: Callable[[dict[str, Any]], dict[str, Any]]) -> AlterAnswer:
    """Return what alters every row of the answer to GetConfiguration."""

    def answer(_: Charger, asked: Asked, given: Answer) -> Answer:
        match given.frame:
            case [3, _, {"configurationKey": list(rows)} as payload] if asked.action == "GetConfiguration":
                altered = payload | {"configurationKey": [alter(row) for row in rows]}
                return Answer([*given.frame[:2], altered], given.delay_ms)
        return given

    return answer


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Write numbers and booleans as such, and the boolean as a text."""
    text = row["value"]
    value: Any = {"true": True, "false": False}.get(text, text)
    return row | {"value": int(text) if text.isdecimal() else value, "readonly": str(row["readonly"]).lower()}


def _without_value(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "value"}


def _all_at_reboot(keys: list[Key]) -> list[Key]:
    return [replace(key, at_reboot=not key.readonly) for key in keys]


def _reboots_on_writing(charger: Charger, asked: Asked, given: Answer) -> Answer:
    if asked.action == "ChangeConfiguration" and given.frame[-1] == {"status": "Accepted"}:
        charger.reset("Reboot", wait_for_stops=False)
    return given


def _few_measurands(text: str) -> bool:
    return all(item.strip() in FEW_MEASURANDS for item in text.split(","))


def _one(name: str, does: str, source: str, make: Callable[[], Traits]) -> Character:
    return Character(name, Family.CONFIGURATION, does, source, make)


def _answers(name: str, does: str, source: str, *answer: AlterAnswer) -> Character:
    return _one(name, does, source, lambda: Traits(answers=answer))


CHARACTERS = (
    _one(
        "unit_key_missing",
        "Has no ChargingScheduleAllowedChargingRateUnit; takes limits in A only.",
        "C34; D; evcc #3891, lbbrhzn #1837",
        lambda: Traits(capabilities=(only_unit(RateUnit.A),), keys=(with_key(UNIT_KEY, wire_name=""),)),
    ),
    _one(
        "unit_key_a",
        'Writes "A" where "Current" is meant, and takes limits in A only.',
        "C34; evcc #3891, lbbrhzn #1837",
        lambda: Traits(capabilities=(only_unit(RateUnit.A),), keys=(with_key(UNIT_KEY, value="A"),)),
    ),
    _one(
        "unit_key_w",
        'Writes "W" where "Power" is meant, and takes limits in W only.',
        "C34; evcc #3891, lbbrhzn #1837",
        lambda: Traits(capabilities=(only_unit(RateUnit.W),), keys=(with_key(UNIT_KEY, value="W"),)),
    ),
    _one(
        "watts_only_unsaid",
        "Takes limits in W only and has no key that says so.",
        "C35; lbbrhzn set_charge_rate",
        lambda: Traits(capabilities=(only_unit(RateUnit.W),), keys=(with_key(UNIT_KEY, wire_name=""),)),
    ),
    _one(
        "spaced_feature_profiles",
        "Writes SupportedFeatureProfiles with spaces, also inside the names.",
        "C34; evcc #3891",
        lambda: Traits(keys=(with_key("SupportedFeatureProfiles", value="Core, Smart Charging , Remote Trigger"),)),
    ),
    _answers(
        "typed_values",
        "Writes the values of configuration keys as JSON numbers and booleans, and readonly as a text.",
        "C43; lbbrhzn #1499, #599",
        _rows(_typed),
    ),
    _answers(
        "unknown_values",
        'Writes "Unknown" as the value of every configuration key.',
        "C43; lbbrhzn #1499, #599",
        _rows(lambda row: row | {"value": "Unknown"}),
    ),
    _one(
        "empty_configuration",
        "Answers GetConfiguration with empty lists.",
        "C43; lbbrhzn #1499, #599",
        lambda: Traits(instead=(answers("GetConfiguration", configurationKey=[], unknownKey=[]),)),
    ),
    _answers("no_values", "Names its configuration keys without their values.", "D", _rows(_without_value)),
    _answers(
        "undefined_values",
        'Writes "undefined" as the value of every configuration key that cannot be written.',
        "D",
        _rows(lambda row: row | {"value": "undefined"} if row["readonly"] else row),
    ),
    _one(
        "misspelt_key",
        "Calls MeterValueSampleInterval MeterValuesSampleInterval.",
        "D",
        lambda: Traits(keys=(with_key("MeterValueSampleInterval", wire_name="MeterValuesSampleInterval"),)),
    ),
    _one(
        "few_measurands",
        "Supports the energy register and the power only, and answers Rejected to a list with anything else.",
        "D",
        lambda: Traits(
            keys=(with_key("MeterValuesSampledData", value=",".join(FEW_MEASURANDS), accepts=_few_measurands),)
        ),
    ),
    _one(
        "reboot_required",
        "Answers RebootRequired to every change of a key and takes it on at the next reboot.",
        "D",
        lambda: Traits(keys=(_all_at_reboot,)),
    ),
    _answers(
        "reboots_on_writing",
        "Reboots after every change of a key that it accepted.",
        "C44; lbbrhzn #1036, #1096, #1099, #1153",
        _reboots_on_writing,
    ),
)
