import pytest

from simulators.configuration import Configuration, default_keys
from simulators.electrical import RateUnit
from simulators.profiles import Capabilities


def configuration(phases: int = 0, units: str = "AW") -> Configuration:
    capabilities = Capabilities(units=frozenset(RateUnit(unit) for unit in units))
    return Configuration(
        default_keys(connectors=2, phases=phases, capabilities=capabilities, meter_interval_s=10, heartbeat_s=300)
    )


@pytest.mark.parametrize(
    ("phases", "units", "name", "value"),
    [
        (0, "AW", "ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
        (0, "W", "ChargingScheduleAllowedChargingRateUnit", "Power"),
        (0, "A", "ChargingScheduleAllowedChargingRateUnit", "Current"),
        (0, "AW", "ConnectorPhaseRotation", "1.NotApplicable,2.NotApplicable"),
        (3, "AW", "ConnectorPhaseRotation", "1.RST,2.RST"),
        (0, "AW", "MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import,SoC"),
        (3, "AW", "MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import,Current.Import"),
        (0, "AW", "NumberOfConnectors", "2"),
        (0, "AW", "SupportedFeatureProfiles", "Core,LocalAuthListManagement,SmartCharging,RemoteTrigger"),
    ],
)
def test_first_values(phases: int, units: str, name: str, value: str) -> None:
    assert configuration(phases, units).text(name) == value


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("HeartbeatInterval", "60", "Accepted"),
        ("HeartbeatInterval", "0", "Rejected"),
        ("HeartbeatInterval", "sixty", "Rejected"),
        ("HeartbeatInterval", "٦٠", "Rejected"),
        ("HeartbeatInterval", "99999999999", "Rejected"),
        ("MeterValueSampleInterval", "0", "Accepted"),
        ("MeterValueSampleInterval", "1.5", "Rejected"),
        ("StopTransactionOnInvalidId", "False", "Accepted"),
        ("StopTransactionOnInvalidId", "no", "Rejected"),
        ("MeterValuesSampledData", "Power.Active.Import, Voltage", "Accepted"),
        ("MeterValuesSampledData", "Power.Active.Import,Temperature", "Rejected"),
        ("ChargeProfileMaxStackLevel", "3", "Rejected"),
        ("ClockAlignedDataInterval", "900", "Rejected"),
        ("heartbeatinterval", "60", "NotSupported"),
    ],
)
def test_changes(name: str, value: str, status: str) -> None:
    changed = configuration()
    before = changed.read(None)
    assert changed.change(name, value) == status
    if status == "Accepted":
        assert changed.text(name) == value
    else:
        assert changed.read(None) == before


def test_reading_named_and_all_keys() -> None:
    rows, unknown = configuration().read(["HeartbeatInterval", "NoSuchKey"])
    assert rows == [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
    assert unknown == ["NoSuchKey"]
    everything, none_unknown = configuration().read([])
    assert len(everything) == 32
    assert none_unknown == []


def test_typed_views() -> None:
    changed = configuration()
    assert changed.change("MeterValuesSampledData", "SoC , Voltage") == "Accepted"
    assert changed.items("MeterValuesSampledData") == ["SoC", "Voltage"]
    assert changed.integer("HeartbeatInterval") == 300
    assert changed.flag("AllowOfflineTxForUnknownId") is True
    assert changed.change("AllowOfflineTxForUnknownId", "FALSE") == "Accepted"
    assert changed.flag("AllowOfflineTxForUnknownId") is False
