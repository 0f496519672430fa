"""Provisioning: what has to be said to a charger before its booked power may fall below its maximum (LEDGER.md §4).

One CALL at a time, in this order, each repeated with back-off until it is done:

    1  a charger that was never accepted and stays silent    → TriggerMessage(BootNotification), once
    2  nothing known of how it takes limits                  → GetConfiguration of the keys that limits need
    3  our default is not in force                           → SetChargingProfile(TxDefaultProfile, connector 0)
    4  foreign defaults may stand beside ours                → ClearChargingProfile, one for each possible place
    5  no status of some connector is known                  → TriggerMessage(StatusNotification)
    6  after a boot: the keys are read again

This module holds the agenda; `csms.core.steering` sends what it says. A refused default is tried in other forms
(`forms`): the unit that the charger advertises, the other one, an absolute profile. Where 0 is refused the least power
that can be told is tried: then that is the fail-safe power, and it is booked.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from csms.core.commands import MIN_CURRENT_A, LimitForm, ProfileKind, RateUnit
from csms.core.ids import Token
from csms.core.station import Charger

RATE_UNIT_KEY = "ChargingScheduleAllowedChargingRateUnit"
STACK_LEVEL_KEY = "ChargeProfileMaxStackLevel"
LIMIT_KEYS = (
    RATE_UNIT_KEY,
    STACK_LEVEL_KEY,
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "SupportedFeatureProfiles",
    "NumberOfConnectors",
    "MeterValueSampleInterval",
)
"""What limits need to know of a charger (OCPP 1.6 §9.1, §9.4)."""

OUR_LEVEL = 0
MAX_LEVEL = 10
DC_LEAST_W = 1_000
"""Least power that a DC charger which refuses 0 is offered instead."""


class Place(NamedTuple):
    """Where a foreign default may stand: one connector (None: any) at one stack level."""

    idx: int | None
    stack_level: int


class Attempt(NamedTuple):
    """One way to say our default: its form and its value, W per connector."""

    form: LimitForm
    limit_w: int


@dataclass(slots=True)
class Provisioning:
    """The agenda of one charger; times monotonic ms.

    Attributes:
        pending: the CALL of the agenda whose answer is awaited.
        default_due: our default has to be sent (again).
        to_clear: places still to be cleared; None until our default stands.
        read_due: the configuration keys are to be read.
        boot_asked, statuses_asked: those triggers were sent, on this connection.
        failures: CALLs of the agenda in a row that failed; retry_ms: nothing is sent before.
        attempt: which of `attempts()` says our default; refused: the forms refused since one was accepted;
            proven: the form accepted last.
    """

    pending: Token | None = None
    default_due: bool = True
    to_clear: list[Place] | None = None
    read_due: bool = True
    boot_asked: bool = False
    statuses_asked: bool = False
    failures: int = 0
    retry_ms: int = 0
    attempt: int = 0
    refused: set[LimitForm] = field(default_factory=set)
    proven: LimitForm | None = None

    @property
    def cleared(self) -> bool:
        """Return whether nothing foreign can stand beside our default."""
        return self.to_clear is not None and not self.to_clear

    def form(self, charger: Charger, configuration: dict[str, str | None]) -> LimitForm:
        """Return the form in which limits are written for this charger at present."""
        ways = attempts(charger, configuration)
        return ways[self.attempt % len(ways)].form

    def reconnected(self) -> None:
        """Start the agenda of a new connection: what was pending is lost, what was done stays done."""
        self.pending = None
        self.boot_asked = False
        self.statuses_asked = False
        self.failures = 0
        self.retry_ms = 0

    def booted(self) -> None:
        """After a boot the default is asserted again, and the keys are read again."""
        self.default_due = True
        self.read_due = True
        self.failures = 0
        self.retry_ms = 0

    def connector_added(self) -> None:
        """A connector that was configured later has places of its own to clear, and its status is not known."""
        self.to_clear = None
        self.statuses_asked = False


def rate_units(advertised: str | None) -> tuple[RateUnit, ...]:
    """Return the units that a charger says it takes, from any of the spellings seen in the field."""
    words = {word.strip().lower() for word in (advertised or "").replace(";", ",").split(",")}
    current = bool(words & {"current", "a", "amp", "amps", "ampere", "amperes"})
    power = bool(words & {"power", "w", "watt", "watts"})
    return ((RateUnit.A,) if current else ()) + ((RateUnit.W,) if power else ())


def forms(charger: Charger, configuration: dict[str, str | None]) -> tuple[LimitForm, ...]:
    """Return the forms to try, best first: AC in amperes if it may be, DC in watts, then the other, then absolute."""
    advertised = rate_units(configuration.get(RATE_UNIT_KEY))
    preferred = RateUnit.W if charger.is_dc else RateUnit.A
    unit = preferred if preferred in advertised or not advertised else advertised[0]
    other = RateUnit.A if unit is RateUnit.W else RateUnit.W
    phases = charger.phases or 3
    relative = tuple(LimitForm(u, phases, charger.voltage_v, stack_level=OUR_LEVEL) for u in (unit, other))
    absolute = LimitForm(unit, phases, charger.voltage_v, ProfileKind.ABSOLUTE, OUR_LEVEL)
    return (*relative, absolute)


def attempts(charger: Charger, configuration: dict[str, str | None]) -> tuple[Attempt, ...]:
    """Return the ways to say the fail-safe default of mode `closed`, in the order in which they are tried."""
    least_w = DC_LEAST_W if charger.is_dc else MIN_CURRENT_A * charger.voltage_v * charger.phases
    ways: list[Attempt] = []
    for form in forms(charger, configuration):
        fitting_w = max(form.round_down(least_w), MIN_CURRENT_A * form.step_w if form.unit is RateUnit.A else least_w)
        ways += [Attempt(form, 0), Attempt(form, fitting_w)]
    return tuple(ways)


def places(charger: Charger, configuration: dict[str, str | None]) -> list[Place]:
    """Return where foreign defaults may stand beside ours, last to be cleared first (the list is popped)."""
    try:
        level = int((configuration.get(STACK_LEVEL_KEY) or "").strip())
    except ValueError:
        level = MAX_LEVEL
    if not 0 <= level <= MAX_LEVEL:
        level = MAX_LEVEL
    everywhere = [Place(None, s) for s in range(level + 1) if s != OUR_LEVEL]
    beside = [Place(key.idx, OUR_LEVEL) for key in charger.connector_keys()]
    return [*everywhere, *beside][::-1]
