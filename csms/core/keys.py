"""Which configuration keys an operator may change, and what is known of them (OCPP 1.6 §9).

refused   those that access or signed meter values rest on: each with its reason
steered   those that this system sets by itself (`csms.core.tuning`), where it does
harmless  those of the specification that have nothing to do with power
unknown   all others: nobody knows what they do to the limits in force (LEDGER.md §4)
"""

from collections.abc import Mapping

from csms.core.commands import SETTINGS

_SIGNED = "meter values at the end of a transaction may be signed; they would be lost"
_ACCESS = "access rests on it"
_STEERS = "this system sets it by itself, as `configure` of the charger says: `auto`"

REFUSED: Mapping[str, str] = {
    "stoptxnsampleddata": _SIGNED,
    "stoptxnaligneddata": _SIGNED,
    "authorizationkey": _ACCESS,
    "securityprofile": _ACCESS,
}
"""Why a key is not changed, by its name in lower case."""

STEERED = frozenset(name for names in SETTINGS.values() for name in names)
"""Names in lower case of the keys that this system may set by itself."""

STARTS_REFUSED = ("stoptxn",)
"""So a vendor's key for the same may begin."""

HARMLESS = frozenset(
    name.lower()
    for name in (
        "AllowOfflineTxForUnknownId",
        "AuthorizationCacheEnabled",
        "AuthorizeRemoteTxRequests",
        "BlinkRepeat",
        "ClockAlignedDataInterval",
        "ConnectionTimeOut",
        "HeartbeatInterval",
        "LightIntensity",
        "LocalAuthListEnabled",
        "LocalAuthorizeOffline",
        "LocalPreAuthorize",
        "MaxEnergyOnInvalidId",
        "MeterValuesAlignedData",
        "MinimumStatusDuration",
        "ResetRetries",
        "StopTransactionOnEVSideDisconnect",
        "StopTransactionOnInvalidId",
        "TransactionMessageAttempts",
        "TransactionMessageRetryInterval",
        "UnlockConnectorOnEVSideDisconnect",
    )
)
"""ConnectorPhaseRotation and the keys of smart charging are not among them: limits are told by what they say."""


def why_refused(key: str, *, is_tuned: bool) -> str | None:
    """Return why a key of a charger is not changed, or None; `is_tuned`: this system sets some by itself."""
    name = key.strip().lower()
    if name.startswith(STARTS_REFUSED):
        return _SIGNED
    if is_tuned and name in STEERED:
        return _STEERS
    return REFUSED.get(name)


def may_disturb(key: str) -> bool:
    """Return whether a change of a key may change what limits are in force."""
    return key.strip().lower() not in HARMLESS
