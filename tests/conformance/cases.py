"""The certification cases of an OCPP 1.6 central system: by what number each is known, what it is about, how it ends.

The numbers, and what each case is about, are those of the public lists. The scripts are written from the specification,
and the titles are our own words: a re-implementation, not a certification. What the central system does not do is said
here with its reason; the script of such a case is expected to fail (`scripted`), so that the day on which it no longer
does is noticed.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pytest

from tests.conformance.charger import SilentError
from tests.conformance.world import Place, standing
from tests.virtual.loop import VirtualClock, run_virtually


class Profile(StrEnum):
    """The group that a case is counted in, most of them feature profiles (§3.3)."""

    CORE = "Core"
    LOCAL_LIST = "Local authorization list"
    FIRMWARE = "Firmware and diagnostics"
    RESERVATION = "Reservation"
    TRIGGER = "Remote trigger"
    SMART = "Smart charging"
    SECURITY = "Security"


class By(StrEnum):
    """Who begins."""

    CHARGER = "charger"
    OPERATOR = "operator"
    SYSTEM = "system"


class Result(StrEnum):
    """How a case ends."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `sections`: where in the specification it comes from (the page says which document is which).

    `remark`: why it fails, or what is to be known of how it passes.
    """

    number: str
    profile: Profile
    title: str
    sections: str
    by: By
    result: Result = Result.PASSED
    remark: str = ""


CORE, LISTS, FIRMWARE, RESERVATION, TRIGGER, SMART, SECURITY = Profile
CHARGER, OPERATOR, SYSTEM = By

TUNED: Final = (
    "At a charger with `configure: suggest`; where this system sets this key by itself (`auto`), an operator's change"
    " is refused with 409."
)

CASES: Final = (
    Case("TC_001", CORE, "A charger boots, tells its connectors and says that it is there", "§4.2 §4.6 §4.9", CHARGER),
    Case("TC_003", CORE, "A charge: the cable first, then the tag", "§4.1 §4.8 §4.9", CHARGER),
    Case("TC_004_1", CORE, "A charge: the tag first, then the cable", "§4.1 §4.8 §4.9", CHARGER),
    Case("TC_004_2", CORE, "A tag, and nobody plugs a car in", "§4.1 §4.9 §9.1.6", CHARGER),
    Case("TC_005_1", CORE, "The cable is pulled at the car, which ends the charge", "§4.9 §4.10 §7.36", CHARGER),
    Case("TC_007", CORE, "A charge with a tag that the charger remembers", "§3.5.1 §4.8", CHARGER),
    Case("TC_010", CORE, "A remote start with the cable plugged in", "§5.11 §4.1 §4.8", OPERATOR),
    Case("TC_011_1", CORE, "A remote start before the cable is plugged in", "§5.11 §4.1 §4.8", OPERATOR),
    Case("TC_011_2", CORE, "A remote start, and nobody plugs a car in", "§5.11 §9.1.6 E3.32", OPERATOR),
    Case("TC_012", CORE, "A remote stop", "§5.12 §4.10 E3.33", OPERATOR),
    Case("TC_013", CORE, "A hard reset", "§5.14 §4.2 E3.36", OPERATOR),
    Case("TC_014", CORE, "A soft reset, which ends the charge first", "§5.14 §4.2 §4.10", OPERATOR),
    Case("TC_017_1", CORE, "An idle connector lets go of its cable", "§5.18", OPERATOR),
    Case("TC_017_2", CORE, "An idle connector whose cable is fixed has nothing to unlock", "§5.18 §7.46", OPERATOR),
    Case("TC_018_1", CORE, "Unlocking ends a charge", "§5.18 §4.10 §7.36", OPERATOR),
    Case("TC_019_1", CORE, "All configuration keys are read", "§5.8", OPERATOR),
    Case("TC_019_2", CORE, "One configuration key is read", "§5.8", OPERATOR),
    Case(
        *("TC_021", CORE, "A configuration key is changed: MeterValueSampleInterval", "§5.3 §9.1.19", OPERATOR),
        Result.PASSED,
        TUNED,
    ),
    Case("TC_023_1", CORE, "A tag that nobody knows", "§4.1 §7.2", CHARGER),
    Case("TC_023_2", CORE, "A tag whose time is over", "§4.1 §7.2 §7.27", CHARGER),
    Case("TC_023_3", CORE, "A tag that is blocked", "§4.1 §7.2", CHARGER),
    Case("TC_024", CORE, "A connector cannot lock its cable", "§4.9 §7.6", CHARGER),
    Case("TC_026", CORE, "A remote start is refused", "§5.11 §7.39", OPERATOR),
    Case("TC_028", CORE, "A remote stop is refused", "§5.12 §7.39", OPERATOR),
    Case("TC_030", CORE, "Unlocking fails", "§5.18 §7.46", OPERATOR),
    Case("TC_031", CORE, "Unlocking a connector that the charger does not have", "§5.18 E3.85", OPERATOR),
    Case("TC_032_1", CORE, "Power comes back, and the charge that it ended is told", "§4.2 §4.10 §7.36", CHARGER),
    Case("TC_037_1", CORE, "A charge that began offline goes on", "§3.7 §4.8", CHARGER),
    Case("TC_037_3", CORE, "A charge that began offline with a tag that may not charge", "§3.5.4 §4.8 E3.17", CHARGER),
    Case("TC_039", CORE, "A charge that began and ended offline", "§3.7 §4.8 §4.10", CHARGER),
    Case("TC_040_1", CORE, "A configuration key that the charger does not have", "§5.3 §7.22", OPERATOR),
    Case(
        *("TC_040_2", CORE, "A value that MeterValueSampleInterval cannot have", "§5.3 §7.22", OPERATOR, Result.PASSED),
        TUNED,
    ),
    Case("TC_061", CORE, "The charger forgets the tags that it remembers", "§5.4", OPERATOR),
    Case("TC_064", CORE, "Data of a vendor that nobody knows here", "§4.3 §7.23", CHARGER),
    Case("TC_042_1", LISTS, "A charger without a local list tells the version of it", "§5.10 §6.28", OPERATOR),
    Case("TC_042_2", LISTS, "A charger with an empty local list tells the version of it", "§5.10 §6.28", OPERATOR),
    Case("TC_043_1", LISTS, "A local list for a charger that takes none", "§5.15 §7.47", OPERATOR),
    Case("TC_043_3", LISTS, "A local list that a charger cannot take in", "§5.15 §7.47", OPERATOR),
    Case("TC_043_4", LISTS, "A whole local list", "§5.15 §6.41 E3.52", OPERATOR),
    Case("TC_043_5", LISTS, "A local list is told what has changed", "§5.15 §6.41", OPERATOR),
    Case("TC_044_1", FIRMWARE, "New firmware, to its end", "§5.19 §4.5 E3.47", OPERATOR),
    Case("TC_044_2", FIRMWARE, "New firmware that cannot be fetched", "§5.19 §4.5 §7.25", OPERATOR),
    Case("TC_044_3", FIRMWARE, "New firmware that cannot be installed", "§5.19 §4.5 §7.25", OPERATOR),
    Case("TC_045_1", FIRMWARE, "Diagnostics, to their end", "§5.9 §4.4", OPERATOR),
    Case("TC_045_2", FIRMWARE, "Diagnostics that cannot be sent", "§5.9 §4.4 §7.24", OPERATOR),
    Case("TC_046", RESERVATION, "A connector is reserved, and used by whom it was kept for", "§5.13 §4.8", OPERATOR),
    Case("TC_047", RESERVATION, "A reservation that nobody uses", "§5.13 §4.9", OPERATOR),
    Case("TC_048_1", RESERVATION, "No reservation: the connector is out of order", "§5.13 §7.40", OPERATOR),
    Case("TC_048_2", RESERVATION, "No reservation: a car is there", "§5.13 §7.40", OPERATOR),
    Case("TC_048_3", RESERVATION, "No reservation: the connector is out of service", "§5.13 §5.2 §7.40", OPERATOR),
    Case("TC_048_4", RESERVATION, "No reservation: the charger takes none", "§5.13 §7.40", OPERATOR),
    Case("TC_049", RESERVATION, "A reservation of any connector is used", "§5.13 §4.8 §6.37", OPERATOR),
    Case("TC_051", RESERVATION, "A reservation is cancelled", "§5.1 §4.9", OPERATOR),
    Case("TC_052", RESERVATION, "A reservation that the charger does not have is cancelled", "§5.1 §7.5", OPERATOR),
    Case("TC_053", RESERVATION, "A reservation is used by another tag of its group", "§3.10 §5.13 §4.1", OPERATOR),
    Case(
        *("TC_054", TRIGGER, "The charger is asked to say something, and says it", "§5.17 §7.32", OPERATOR),
        Result.PASSED,
        "BootNotification is not asked of a charger that was accepted (E3.40): 409.",
    ),
    Case("TC_055", TRIGGER, "The charger is asked to say something, and will not", "§5.17 §7.44", OPERATOR),
    Case(
        *("TC_056", SMART, "An operator gives transactions to come a default limit", "§5.16.4 §3.13.1 §7.8", OPERATOR),
        Result.FAILED,
        "An operator's SetChargingProfile caps the allocation and is sent to no charger (decision 0030). The default of"
        " every charger is the fail-safe power, which this system says by itself after each boot, Relative and without"
        " an end.",
    ),
    Case(
        *("TC_057", SMART, "A transaction that runs has a limit of its own", "§5.16.1 §5.16.3 §7.8", SYSTEM),
        Result.PASSED,
        "Said by itself with each start and change of the allocation. An operator's TxProfile caps the allocation: its"
        " limit is what the charger is then told, in a profile of this system.",
    ),
    Case(
        *("TC_059", SMART, "A remote start that carries a limit", "§5.16.2 §6.33 E3.41", OPERATOR, Result.FAILED),
        "Remote starts never carry a profile: its limit would be one that the ledger does not know (ledger §4). The"
        " limit of the transaction follows its start at once (TC_057). `chargingProfile` is refused with 422.",
    ),
    Case("TC_066", SMART, "The charger tells the limits that are in force", "§5.7 §6.21", OPERATOR),
    Case(
        *("TC_067", SMART, "Limits are cleared: by id, by what they are for, and all", "§5.5 §6.13 E3.25", OPERATOR),
        Result.FAILED,
        "An operator's profiles are caps of the allocation (decision 0030), so no ChargePointMaxProfile is sent and"
        " clearing one stays here; clearing everything would take away the fail-safe power, and is refused with 422."
        " By its id a profile of somebody else's is cleared, and by purpose and stack level this system clears what"
        " others have left.",
    ),
    Case(
        *("TC_073", SECURITY, "A charger is given a new password", "W A01", OPERATOR),
        Result.PASSED,
        "By `POST /chargers/{chargerId}/key?rotate=true&send=true`, which makes the password here; a password that "
        "somebody chose is refused as a ChangeConfiguration with 409 (decision 0037).",
    ),
    Case(
        *("TC_074", SECURITY, "A charger is given a new certificate of its own", "W A02", OPERATOR),
        Result.PASSED,
        "This system is no authority: an operator has the request signed and sends the certificate (decision 0032).",
    ),
    Case("TC_075_1", SECURITY, "A root certificate of the manufacturer is installed", "W M05 M03", OPERATOR),
    Case("TC_075_2", SECURITY, "A root certificate of the central system is installed", "W M05 M03", OPERATOR),
    Case("TC_076", SECURITY, "A root certificate is deleted, by hashes of each kind", "W M04 M03", OPERATOR),
    Case("TC_077", SECURITY, "A charger reports that its new certificate is not valid", "W A02 A04", OPERATOR),
    Case("TC_078", SECURITY, "A charger reports that a root certificate is not valid", "W M05 A04", OPERATOR),
    Case("TC_079", SECURITY, "The security log is fetched", "W N01", OPERATOR),
    Case("TC_080", SECURITY, "Signed firmware, to its end", "W L01 A04", OPERATOR),
    Case("TC_081", SECURITY, "Signed firmware whose signature is wrong", "W L01 A04", OPERATOR),
    Case(
        *("TC_083", SECURITY, "A charger goes over to a higher security profile", "W A05", OPERATOR, Result.FAILED),
        "The profile is set in the charger: a change of SecurityProfile is refused with 409. A charger that cannot "
        "reach us with its new profile could be told nothing any more. Once it has come with a higher profile, it is "
        "held to that one (TC_086, TC_087).",
    ),
    Case("TC_085", SECURITY, "A charger connects with its name and password", "W 2.3", CHARGER),
    Case("TC_086", SECURITY, "A charger connects over TLS", "W 2.4", CHARGER),
    Case("TC_087", SECURITY, "A charger connects over TLS with a certificate of its own", "W 2.5", CHARGER),
    Case("TC_088", SECURITY, "The version of OCPP is agreed upon", "J3.1.2 J3.2", CHARGER),
)
"""By profile, in the order of the public lists."""

BY_NUMBER: Final = {case.number: case for case in CASES}

COUNTED: Final = {CORE: 34, LISTS: 6, FIRMWARE: 5, RESERVATION: 10, TRIGGER: 2, SMART: 5, SECURITY: 15}
"""How many cases a central system has in each group."""

Script = Callable[[Place], Coroutine[None, None, None]]


def scripted(script: Script) -> Callable[[], None]:
    """Return the test that plays a case at a server of its own; the script's name says which one it is.

    A case that is said to fail must, and by what the central system does not say.
    """
    case = BY_NUMBER[script.__name__.removeprefix("test_").upper()]

    async def play(clock: VirtualClock) -> None:
        async with standing(clock) as place:
            await script(place)

    def test() -> None:
        run_virtually(play)

    test.__name__, test.__module__, test.__doc__ = script.__name__, script.__module__, case.title
    if case.result is Result.FAILED:
        return pytest.mark.xfail(strict=True, raises=SilentError, reason=case.remark)(test)
    return test
