"""The charger's configuration keys (OCPP 1.6 §9) and the answers of GetConfiguration and ChangeConfiguration.

Every key is one row of a table: its first value, and what may be written to it. A key without a check is read-only.
Only what the simulated charger really does is offered: there is, for instance, no authorization cache and no
clock-aligned data, so those keys say so and cannot be changed to say otherwise.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from simulators.electrical import RateUnit
from simulators.local_list import CHUNK_MAX, LIST_MAX
from simulators.meter import Measurand
from simulators.profiles import Capabilities
from simulators.vendor import enums

MAX_KEYS_PER_REQUEST = 50
_UNIT_WORDS = {RateUnit.A: "Current", RateUnit.W: "Power"}


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key.

    Attributes:
        name, value: as the charger itself uses them.
        accepts: whether a text may be written to it; None for a read-only key.
        wire_name: its name for the central system when that is another one; empty: it is not shown at all.
        at_reboot: what is written counts after the next reboot only (§5.3, RebootRequired).
        write_only: nobody can read its value, and it is not listed (security whitepaper §7).
    """

    name: str
    value: str
    accepts: Callable[[str], bool] | None = None
    wire_name: str | None = None
    at_reboot: bool = False
    write_only: bool = False

    @property
    def readonly(self) -> bool:
        """Return whether ChangeConfiguration is refused."""
        return self.accepts is None

    @property
    def shown_as(self) -> str:
        """Return the name under which the central system finds it."""
        return self.name if self.wire_name is None else self.wire_name


def _boolean(text: str) -> bool:
    return text.lower() in {"true", "false"}


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10  # noqa: PLR2004 - fits an int32


def _positive(text: str) -> bool:
    return _whole(text) and int(text) > 0


def _secret(text: str) -> bool:
    """Accept 16 to 20 bytes as hex digits (security whitepaper A00.FR.205)."""
    return re.fullmatch("(?:[0-9A-Fa-f]{2}){16,20}", text) is not None


def _measurands(text: str) -> bool:
    """Accept a comma-separated list only if every item is supported (§3.16.4)."""
    known = {measurand.value for measurand in Measurand}
    return all(item.strip() in known for item in text.split(","))


def default_keys(
    *, connectors: int, phases: int, capabilities: Capabilities, meter_interval_s: int, heartbeat_s: int
) -> list[Key]:
    """Return the table of keys of a charger with so many connectors."""
    sampled = [Measurand.ENERGY, Measurand.POWER, Measurand.SOC if phases == 0 else Measurand.CURRENT]
    rotation = ",".join(f"{idx}.{'RST' if phases == 3 else 'NotApplicable'}" for idx in range(1, connectors + 1))  # noqa: PLR2004 - three phases
    units = ",".join(_UNIT_WORDS[unit] for unit in sorted(capabilities.units))
    return [
        Key("AllowOfflineTxForUnknownId", "true", _boolean),
        Key("AuthorizationKey", "", _secret, write_only=True),
        Key("AuthorizeRemoteTxRequests", "true", _boolean),
        Key("ChargeProfileMaxStackLevel", str(capabilities.max_stack_level)),
        Key("ChargingScheduleAllowedChargingRateUnit", units),
        Key("ChargingScheduleMaxPeriods", str(capabilities.max_periods)),
        Key("ClockAlignedDataInterval", "0"),
        Key("ConnectionTimeOut", "60", _positive),
        Key("ConnectorPhaseRotation", rotation),
        Key("ConnectorSwitch3to1PhaseSupported", "false"),
        Key("GetConfigurationMaxKeys", str(MAX_KEYS_PER_REQUEST)),
        Key("HeartbeatInterval", str(heartbeat_s), _positive),
        Key("LocalAuthListEnabled", "true"),
        Key("LocalAuthListMaxLength", str(LIST_MAX)),
        Key("LocalAuthorizeOffline", "true"),
        Key("LocalPreAuthorize", "false"),
        Key("MaxChargingProfilesInstalled", str(capabilities.max_installed)),
        Key("MeterValueSampleInterval", str(meter_interval_s), _whole),
        Key("MeterValuesAlignedData", ""),
        Key("MeterValuesSampledData", ",".join(sampled), _measurands),
        Key("MeterValuesSampledDataMaxLength", str(len(Measurand))),
        Key("NumberOfConnectors", str(connectors)),
        Key("ResetRetries", "0"),
        Key("SendLocalListMaxLength", str(CHUNK_MAX)),
        Key("StopTransactionOnEVSideDisconnect", "true"),
        Key("StopTransactionOnInvalidId", "true", _boolean),
        Key("StopTxnAlignedData", ""),
        Key("StopTxnSampledData", ""),
        Key("SupportedFeatureProfiles", "Core,LocalAuthListManagement,SmartCharging,RemoteTrigger"),
        Key("TransactionMessageAttempts", "3", _positive),
        Key("TransactionMessageRetryInterval", "20", _whole),
        Key("UnlockConnectorOnEVSideDisconnect", "true"),
        Key("WebSocketPingInterval", "20", _whole),
    ]


class Configuration:
    """The present values of the keys; names are compared as written, as the specification does."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.name: key for key in keys}
        self._names = {key.shown_as: key.name for key in self._keys.values() if key.shown_as}
        """The charger's own name of each key that the central system can see."""
        self._at_reboot: dict[str, str] = {}

    def text(self, name: str) -> str:
        """Return a key's value."""
        return self._keys[name].value

    def integer(self, name: str) -> int:
        """Return the value of a numeric key."""
        return int(self._keys[name].value)

    def flag(self, name: str) -> bool:
        """Return the value of a boolean key."""
        return self._keys[name].value.lower() == "true"

    def items(self, name: str) -> list[str]:
        """Return the value of a comma-separated key."""
        return [item.strip() for item in self._keys[name].value.split(",") if item.strip()]

    def password(self) -> bytes:
        """Return what HTTP Basic is done with, as bytes; empty: the charger has none."""
        key = self._keys.get("AuthorizationKey")
        return b"" if key is None else bytes.fromhex(key.value)

    def set(self, name: str, value: str) -> None:
        """Set a known key, read-only or not: for the charger itself (a heartbeat interval from BootNotification)."""
        self._keys[name] = replace(self._keys[name], value=value)

    def reboot(self) -> None:
        """Let what was written for the next reboot count."""
        for name, value in self._at_reboot.items():
            self.set(name, value)
        self._at_reboot.clear()

    def read(self, names: Iterable[str] | None) -> tuple[list[dict[str, object]], list[str]]:
        """Answer GetConfiguration: rows of the known keys, and the unknown names; no names means all (§5.8)."""
        wanted = list(names or (name for name in self._names if not self._keys[self._names[name]].write_only))
        known = [self._keys[self._names[name]] for name in wanted if name in self._names]
        rows: list[dict[str, object]] = [
            {"key": key.shown_as, "readonly": key.readonly} | ({} if key.write_only else {"value": key.value})
            for key in known
        ]
        return rows, [name for name in wanted if name not in self._names]

    def change(self, name: str, value: str) -> str:
        """Answer ChangeConfiguration (§5.3), and set the value if it is accepted."""
        key = self._keys.get(self._names.get(name, ""))
        if key is None:
            return str(enums.ConfigurationStatus.not_supported.value)
        if key.accepts is None or not key.accepts(value):
            return str(enums.ConfigurationStatus.rejected.value)
        if key.at_reboot:
            self._at_reboot[key.name] = value
            return str(enums.ConfigurationStatus.reboot_required.value)
        self.set(key.name, value)
        return str(enums.ConfigurationStatus.accepted.value)
