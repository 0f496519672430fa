from typing import Any

import pytest

from csms.core.capabilities import KEYS, MISSPELT, UNTOLD, capabilities_of, items, meant_by, rate_units, whole
from csms.core.commands import SETTINGS, RateUnit

A, W = RateUnit.A, RateUnit.W


@pytest.mark.parametrize(
    ("advertised", "units"),
    [
        ("Current", (A,)),
        ("Power", (W,)),
        ("Current,Power", (A, W)),
        ("Power,Current", (A, W)),
        ("A", (A,)),
        ("W", (W,)),
        ("A,W", (A, W)),
        (" current ; POWER ", (A, W)),
        ("Amps", (A,)),
        ("", ()),
        (None, ()),
        ("undefined", ()),
    ],
)
def test_units_as_chargers_advertise_them(advertised: str | None, units: tuple[RateUnit, ...]) -> None:
    assert rate_units(advertised) == units


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("10", 10),
        (" 10 ", 10),
        ("+10", 10),
        ("10.0", 10),
        ("10 s", 10),
        ("0", 0),
        ("-1", None),
        ("10.5", None),
        ("ten", None),
        ("", None),
        ("undefined", None),
        ("Unknown", None),
        ("٣", None),
        ("9" * 10, None),
        (None, None),
    ],
)
def test_whole_numbers(said: str | None, number: int | None) -> None:
    assert whole(said) == number


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("A,B", ("A", "B")),
        (" A , B,", ("A", "B")),
        ("", ()),
        ("Power.Active.Import.L1", ("Power.Active.Import.L1",)),
        ("undefined", None),
        (" Unknown ", None),
        ("all of them", None),
        ("[A]", None),
        (None, None),
    ],
)
def test_lists(said: str | None, found: tuple[str, ...] | None) -> None:
    assert items(said) == found


@pytest.mark.parametrize(
    ("key", "said", "field", "meant"),
    [
        ("ChargeProfileMaxStackLevel", "3", "stack_level_max", 3),
        ("ChargeProfileMaxStackLevel", "11", "stack_level_max", None),
        ("ChargeProfileMaxStackLevel", "2147483647", "stack_level_max", None),
        ("ChargingScheduleMaxPeriods", "24", "periods_max", 24),
        ("MaxChargingProfilesInstalled", "0", "profiles_max", None),
        ("NumberOfConnectors", "2", "connectors", 2),
        ("ConnectorSwitch3to1PhaseSupported", "True", "switches_phases", True),
        ("ConnectorSwitch3to1PhaseSupported", "false", "switches_phases", False),
        ("ConnectorSwitch3to1PhaseSupported", "maybe", "switches_phases", None),
        ("GetConfigurationMaxKeys", "5", "keys_max", 5),
        ("MeterValuesSampledData", "Voltage", "sampled", ("Voltage",)),
        ("MeterValuesSampledDataMaxLength", "4", "sampled_max", 4),
        ("MeterValueSampleInterval", "0", "sample_interval_s", 0),
        ("WebSocketPingInterval", "54", "ping_interval_s", 54),
        ("HeartbeatInterval", "300", "heartbeat_interval_s", 300),
        ("TransactionMessageAttempts", "3", "message_attempts", 3),
        ("TransactionMessageRetryInterval", "20", "message_retry_s", 20),
        ("ConnectionTimeOut", "90", "connection_timeout_s", 90),
        ("StopTxnSampledData", "", "stop_sampled", ()),
        ("StopTxnAlignedData", "SoC", "stop_aligned", ("SoC",)),
        ("SupportedFeatureProfiles", "Core, Smart Charging ;x", "feature_profiles", {"core", "smartcharging", "x"}),
        ("SupportedFeatureProfiles", "undefined", "feature_profiles", None),
    ],
)
def test_what_a_key_means(key: str, said: str, field: str, meant: Any) -> None:
    assert getattr(capabilities_of({key: said}), field) == meant


@pytest.mark.parametrize("nothing", [None, "undefined", "Unknown", "null"])
def test_values_that_say_nothing_are_like_nothing_told(nothing: str | None) -> None:
    assert capabilities_of({}) == UNTOLD
    assert capabilities_of(dict.fromkeys(KEYS, nothing)) == UNTOLD


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("MeterValueSampleInterval", "MeterValueSampleInterval"),
        ("metervaluesampleinterval", "MeterValueSampleInterval"),
        (" MeterValuesSampleInterval", "MeterValueSampleInterval"),
        ("AuthorizationKey", None),
        ("", None),
    ],
)
def test_names(name: str, key: str | None) -> None:
    assert meant_by(name) == key


def test_the_settings_that_are_written_are_known_by_all_their_names() -> None:
    for key, names in SETTINGS.items():
        assert {key.lower(), *(name.lower() for name in MISSPELT.get(key, ()))} == names
