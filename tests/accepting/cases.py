"""Which steps of the acceptance test catch which simulated character: what is not named here passes every step.

Who passes is not like any other; it is met by the server in its own way (docs/chargers.md), and what the test shows of
it is true. Two lie where nothing comes of it:
    each_connector_alone   at ChargePointMaxProfiles with more cars than one: the server never sends one, which is held
                           against every frame of every test here (docs/reference/acceptance.md)
    rounds_amperes_up      at tenths of an ampere; reading back has shown it before: the server tells it whole ones, and
                           the report warns
"""

from typing import Final

AC_FAILS: Final[dict[str, tuple[str, ...]]] = {
    # handshake
    "no_subprotocol": ("connection",),
    "no_connection_header": ("connection",),
    # frames
    "deaf": ("staircase", "pause"),
    "unknown_measurand": ("meter",),
    "empty_transaction_id": ("charging",),
    "empty_array_element": ("charging",),
    "echoes_wrong_id": ("form",),
    "optional_not_implemented": ("fail_safe",),
    "optional_not_supported": ("fail_safe",),
    # boot
    "accepted_long_ago": ("identity",),
    "never_boots": ("identity", "fail_safe", "charging", "clock", "offline"),
    # transactions
    "int64_transaction_id": ("offline",),
    "stops_minus_1": ("offline",),
    "stops_0": ("offline",),
    "stops_nameless": ("offline",),
    "no_meter_start": ("meter", "offline"),
    "never_stops": ("offline",),
    "only_stop_of_offline": ("offline",),
    # meter values
    "no_sampled_values": ("charging",),
    "kilowatts_without_unit": ("meter",),
    "samples_out_of_order": ("meter",),
    "odd_energies": ("meter",),
    # clock
    "local_time_as_utc": ("clock",),
    "never_set_clock": ("clock", "offline"),
    # limits
    "charge_point_max_only": ("fail_safe", "staircase", "pause", "offline"),
    "refuses_zero": ("pause",),
    "no_resume_from_zero": ("charging",),
    "rejects_every_profile": ("fail_safe", "staircase", "pause", "offline"),
    "ignores_profiles": ("staircase", "pause", "offline"),
    "ignores_default": ("offline",),
    "forgets_default": ("offline",),
    "late_rejection": ("form",),
    "random_power": ("staircase",),
}

DC_FAILS: Final[dict[str, tuple[str, ...]]] = {
    "forgets_default": ("offline",),
    "charge_point_max_only": ("fail_safe", "staircase", "pause", "offline"),
    "refuses_zero": ("pause",),
    "no_resume_from_zero": ("charging",),
    "ignores_profiles": ("staircase", "pause", "offline"),
    "ignores_default": ("offline",),
    "random_power": ("meter", "staircase"),
}

SAID: Final[dict[str, tuple[str, str]]] = {
    "ignores_profiles": ("staircase", "draws 22080 W 59 s after it was told 16560 W"),
    "rejects_every_profile": ("staircase", "the charger has accepted no limit of 16560 W"),
    "deaf": ("staircase", "no answer"),
    "random_power": ("staircase", "wanders from"),
    "refuses_zero": ("pause", "4140 W stay (zero_refused)"),
    "no_resume_from_zero": ("charging", "SuspendedEVSE (does_not_pause"),
    "late_rejection": ("form", "a limit was answered after 30.1 s"),
    "local_time_as_utc": ("clock", "7199.9 s ahead of the server's"),
    "kilowatts_without_unit": ("meter", "its register counted 0 Wh where its power makes 184 Wh"),
    "only_stop_of_offline": ("offline", "no transaction of that time has come"),
    "ignores_default": ("offline", "where 0 W of fail-safe power are 7"),
}
"""Of some of them: what the step says of it."""

FOUND: Final[dict[str, tuple[str, str]]] = {"rounds_amperes_up": ("form", "whole amperes only")}
"""Of some that pass: what the step says of how they are met."""

WARNED: Final[dict[str, dict[str, str]]] = {"rounds_amperes_up": {"form": "draws more than it was told"}}
"""All that are warned of, and of what; AC."""
