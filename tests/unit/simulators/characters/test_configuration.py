"""Characters of the configuration: what GetConfiguration shows, and what a change does."""

from typing import Any

import pytest

from tests.unit.simulators.characters.central import BOTH_UNITS, bench, limit_of

UNIT = "ChargingScheduleAllowedChargingRateUnit"
INTERVAL = "MeterValueSampleInterval"


def row(key: str, value: Any = None, *, readonly: Any = True) -> dict[str, Any]:
    return {"key": key, "readonly": readonly} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("character", "key", "rows", "unknown"),
    [
        ("unit_key_missing", UNIT, [], [UNIT]),
        ("unit_key_a", UNIT, [row(UNIT, "A")], []),
        ("unit_key_w", UNIT, [row(UNIT, "W")], []),
        ("watts_only_unsaid", UNIT, [], [UNIT]),
        ("watts_only", UNIT, [row(UNIT, "Power")], []),
        ("amperes_only", UNIT, [row(UNIT, "Current")], []),
        (
            "spaced_feature_profiles",
            "SupportedFeatureProfiles",
            [row("SupportedFeatureProfiles", "Core, Smart Charging , Remote Trigger")],
            [],
        ),
        ("typed_values", INTERVAL, [row(INTERVAL, 10, readonly="false")], []),
        (
            "typed_values",
            "LocalPreAuthorize",
            [row("LocalPreAuthorize", value=False, readonly="true")],
            [],
        ),
        ("unknown_values", INTERVAL, [row(INTERVAL, "Unknown", readonly=False)], []),
        ("empty_configuration", INTERVAL, [], []),
        ("no_values", INTERVAL, [row(INTERVAL, readonly=False)], []),
        ("undefined_values", INTERVAL, [row(INTERVAL, "10", readonly=False)], []),
        ("undefined_values", "NumberOfConnectors", [row("NumberOfConnectors", "undefined")], []),
        ("misspelt_key", INTERVAL, [], [INTERVAL]),
        (
            "misspelt_key",
            "MeterValuesSampleInterval",
            [row("MeterValuesSampleInterval", "10", readonly=False)],
            [],
        ),
        (
            "few_measurands",
            "MeterValuesSampledData",
            [row("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import", readonly=False)],
            [],
        ),
    ],
)
async def test_what_is_shown(character: str, key: str, rows: list[Any], unknown: list[str]) -> None:
    async with bench(character) as b:
        answer = (await b.ask("GetConfiguration", {"key": [key]}))[2]
        assert answer == {"configurationKey": rows, "unknownKey": unknown}


@pytest.mark.parametrize(
    ("character", "watts", "amperes"),
    [
        ("unit_key_missing", "Rejected", "Accepted"),
        ("unit_key_a", "Rejected", "Accepted"),
        ("unit_key_w", "Accepted", "Rejected"),
        ("watts_only_unsaid", "Accepted", "Rejected"),
    ],
)
async def test_which_unit_is_taken(character: str, watts: str, amperes: str) -> None:
    async with bench(character, wanted=BOTH_UNITS) as b:
        for unit, status in (("W", watts), ("A", amperes)):
            offer = limit_of(16, 0, unit=unit, purpose="TxDefaultProfile")
            assert await b.status("SetChargingProfile", offer) == status


async def test_a_list_without_keys_shows_everything_but_what_is_hidden() -> None:
    async with bench("unit_key_missing") as b:
        rows = (await b.ask("GetConfiguration"))[2]["configurationKey"]
        assert len(rows) == 31
        assert UNIT not in {row["key"] for row in rows}


@pytest.mark.parametrize(
    ("character", "key", "value", "status"),
    [
        ("misspelt_key", INTERVAL, "5", "NotSupported"),
        ("misspelt_key", "MeterValuesSampleInterval", "5", "Accepted"),
        ("few_measurands", "MeterValuesSampledData", "Power.Active.Import", "Accepted"),
        ("few_measurands", "MeterValuesSampledData", "Power.Active.Import,Current.Import", "Rejected"),
        ("reboot_required", INTERVAL, "5", "RebootRequired"),
        ("reboot_required", INTERVAL, "-5", "Rejected"),
        ("reboot_required", "NumberOfConnectors", "5", "Rejected"),
    ],
)
async def test_what_a_change_is_answered(character: str, key: str, value: str, status: str) -> None:
    async with bench(character) as b:
        assert await b.status("ChangeConfiguration", {"key": key, "value": value}) == status


async def test_a_misspelt_key_works() -> None:
    async with bench("misspelt_key") as b:
        await b.ask("ChangeConfiguration", {"key": "MeterValuesSampleInterval", "value": "5"})
        await b.start()
        await b.run(20)
        assert len(b.central.of("MeterValues")) == 4


async def interval(b: Any) -> str:
    answer = (await b.ask("GetConfiguration", {"key": [INTERVAL]}))[2]
    value: str = answer["configurationKey"][0]["value"]
    return value


async def test_a_change_counts_after_the_reboot() -> None:
    async with bench("reboot_required") as b:
        await b.ask("ChangeConfiguration", {"key": INTERVAL, "value": "5"})
        assert await interval(b) == "10"
        await b.ask("Reset", {"type": "Soft"})
        await b.run(1)
        await b.connected()
        assert await interval(b) == "5"


async def test_it_reboots_after_every_change_that_it_took() -> None:
    async with bench("reboots_on_writing") as b:
        assert await b.status("ChangeConfiguration", {"key": INTERVAL, "value": "-5"}) == "Rejected"
        await b.run(1)
        assert len(b.central.sockets) == 1
        assert await b.status("ChangeConfiguration", {"key": INTERVAL, "value": "5"}) == "Accepted"
        await b.run(1)
        await b.connected()
        assert b.central.actions().count("BootNotification") == 2
        assert await interval(b) == "5"
