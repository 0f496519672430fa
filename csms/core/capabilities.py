"""What a charger says of itself in its configuration keys (OCPP 1.6 §9), read for what it must mean.

Keys are misspelt, values are missing, "undefined", "Unknown", of the wrong type or padded (OCPP16.md C34, C43 and D).
What cannot be read is None here, like what was never told: nothing is guessed, and every reader has a rule for None.
Names of keys are compared without regard to case, as CiString wants it, and known misspellings are taken for
the key that they mean.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from csms.core.commands import RateUnit

RATE_UNIT_KEY: Final = "ChargingScheduleAllowedChargingRateUnit"
STACK_LEVEL_KEY: Final = "ChargeProfileMaxStackLevel"
MAX_KEYS_KEY: Final = "GetConfigurationMaxKeys"
SAMPLE_INTERVAL_KEY: Final = "MeterValueSampleInterval"
SAMPLED_KEY: Final = "MeterValuesSampledData"
SAMPLED_MAX_KEY: Final = "MeterValuesSampledDataMaxLength"
PING_KEY: Final = "WebSocketPingInterval"
ATTEMPTS_KEY: Final = "TransactionMessageAttempts"
RETRY_KEY: Final = "TransactionMessageRetryInterval"

LIMIT_KEYS = (
    RATE_UNIT_KEY,
    STACK_LEVEL_KEY,
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "SupportedFeatureProfiles",
    "NumberOfConnectors",
    MAX_KEYS_KEY,
)
"""What has to be known before the first limit is said, and how much may be asked at once: asked for first (§9.4)."""

OTHER_KEYS = (
    "ConnectorSwitch3to1PhaseSupported",
    SAMPLE_INTERVAL_KEY,
    SAMPLED_KEY,
    SAMPLED_MAX_KEY,
    PING_KEY,
    ATTEMPTS_KEY,
    RETRY_KEY,
    "HeartbeatInterval",
    "ConnectionTimeOut",
    "StopTxnSampledData",
    "StopTxnAlignedData",
)
"""What is asked for once limits can be said (§9.1)."""

KEYS = LIMIT_KEYS + OTHER_KEYS

MISSPELT: Mapping[str, tuple[str, ...]] = {SAMPLE_INTERVAL_KEY: ("MeterValuesSampleInterval",)}
"""Other names under which a key was seen; they are asked for when the right one is not known."""

MAX_LEVEL = 10
"""A higher ChargeProfileMaxStackLevel is beyond all reason."""

_MEANT = {key.lower(): key for key in KEYS} | {name.lower(): key for key, names in MISSPELT.items() for name in names}
_NOTHING = frozenset({"undefined", "unknown", "null", "none", "nil", "nan", "n/a"})
_WHOLE = re.compile(r"\+?(\d{1,9})(?:\.0*)?(?: ?s)?", re.ASCII)
_ITEM = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a charger can do and how it is set; None: not told, or not readable. Times in seconds.

    Attributes:
        rate_units: units of limits in the order in which it names them; empty: not told.
        stack_level_max: ChargeProfileMaxStackLevel.
        periods_max, profiles_max: periods of one schedule; profiles that can be installed.
        feature_profiles: lower case and without spaces.
        connectors: how many it counts.
        switches_phases: ConnectorSwitch3to1PhaseSupported.
        keys_max: keys that may be asked for at once.
        sampled, sampled_max: measurands in MeterValues, and how many there may be.
        sample_interval_s: 0 is none at all.
        ping_interval_s: 0 is none at all.
        message_attempts, message_retry_s: how often and after how long it repeats a transaction message.
        connection_timeout_s: how long it waits for the plug.
        stop_sampled, stop_aligned: measurands in StopTransaction.
    """

    rate_units: tuple[RateUnit, ...] = ()
    stack_level_max: int | None = None
    periods_max: int | None = None
    profiles_max: int | None = None
    feature_profiles: frozenset[str] | None = None
    connectors: int | None = None
    switches_phases: bool | None = None
    keys_max: int | None = None
    sampled: tuple[str, ...] | None = None
    sampled_max: int | None = None
    sample_interval_s: int | None = None
    ping_interval_s: int | None = None
    heartbeat_interval_s: int | None = None
    message_attempts: int | None = None
    message_retry_s: int | None = None
    connection_timeout_s: int | None = None
    stop_sampled: tuple[str, ...] | None = None
    stop_aligned: tuple[str, ...] | None = None


UNTOLD = Capabilities()
"""Of a charger that has told nothing."""


def capabilities_of(values: Mapping[str, str | None]) -> Capabilities:
    """Return what the values of configuration keys, by their right names, mean."""
    profiles = values.get("SupportedFeatureProfiles")
    level = whole(values.get(STACK_LEVEL_KEY))
    return Capabilities(
        rate_units=rate_units(values.get(RATE_UNIT_KEY)),
        stack_level_max=level if level is not None and level <= MAX_LEVEL else None,
        periods_max=_positive(values.get("ChargingScheduleMaxPeriods")),
        profiles_max=_positive(values.get("MaxChargingProfilesInstalled")),
        feature_profiles=_feature_profiles(profiles),
        connectors=_positive(values.get("NumberOfConnectors")),
        switches_phases=_flag(values.get("ConnectorSwitch3to1PhaseSupported")),
        keys_max=_positive(values.get(MAX_KEYS_KEY)),
        sampled=items(values.get(SAMPLED_KEY)),
        sampled_max=_positive(values.get(SAMPLED_MAX_KEY)),
        sample_interval_s=whole(values.get(SAMPLE_INTERVAL_KEY)),
        ping_interval_s=whole(values.get(PING_KEY)),
        heartbeat_interval_s=whole(values.get("HeartbeatInterval")),
        message_attempts=whole(values.get(ATTEMPTS_KEY)),
        message_retry_s=whole(values.get(RETRY_KEY)),
        connection_timeout_s=whole(values.get("ConnectionTimeOut")),
        stop_sampled=items(values.get("StopTxnSampledData")),
        stop_aligned=items(values.get("StopTxnAlignedData")),
    )


def meant_by(name: str) -> str | None:
    """Return the key that a charger means by a name; None for one that nothing here asks for."""
    return _MEANT.get(name.strip().lower())


def rate_units(advertised: str | None) -> tuple[RateUnit, ...]:
    """Return the units that a charger says it takes, from any of the spellings seen in the field."""
    words = {word.strip().lower() for word in (advertised or "").replace(";", ",").split(",")}
    current = bool(words & {"current", "a", "amp", "amps", "ampere", "amperes"})
    power = bool(words & {"power", "w", "watt", "watts"})
    return ((RateUnit.A,) if current else ()) + ((RateUnit.W,) if power else ())


def whole(said: str | None) -> int | None:
    """Return a whole number of 0 or more; None for anything else."""
    match = None if said is None else _WHOLE.fullmatch(said.strip())
    return None if match is None else int(match[1])


def items(said: str | None) -> tuple[str, ...] | None:
    """Return the items of a comma-separated list as they are written; None when it is no such list."""
    if said is None or said.strip().lower() in _NOTHING:
        return None
    found = tuple(item for part in said.split(",") if (item := part.strip()))
    return found if all(_ITEM.fullmatch(item) for item in found) else None


def _positive(said: str | None) -> int | None:
    return whole(said) or None


def _flag(said: str | None) -> bool | None:
    return None if said is None else _FLAGS.get(said.strip().lower())


def _feature_profiles(said: str | None) -> frozenset[str] | None:
    if said is None or said.strip().lower() in _NOTHING:
        return None
    return frozenset(_words(said.replace(";", ",").split(",")))


def _words(parts: Iterable[str]) -> Iterable[str]:
    for part in parts:
        word = "".join(part.split()).lower()
        if word:
            yield word
