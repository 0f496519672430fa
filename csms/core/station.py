"""The station's configuration as the core sees it: frozen, in watts, already valid.

`csms.core.configuration` parses the documented JSON into these classes and finds every fault; nothing else builds a
`Station` from outside data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from csms.core.grid_terms import CapacityTariff, CapacityWindow, GridOperator
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.site_meter import SiteMeter
from csms.core.terms import UNSAID, Terms

GRID = "grid"
"""Id of the root of every station's tree of limits."""

Lines = tuple[int, int, int]
"""One whole number for each of L1, L2 and L3."""


@dataclass(frozen=True, slots=True)
class PhaseLimit:
    """What each of L1, L2 and L3 carries at most, mA, at `voltage_v` between phase and neutral, V.

    A phase of 0 mA is not there: nothing hangs on it.
    """

    current_ma: Lines
    voltage_v: int = 230

    @property
    def power_w(self) -> int:
        """Return what all phases together carry, W, rounded down."""
        return sum(self.current_ma) * self.voltage_v // 1000


class Control(StrEnum):
    """Who steers a charger (DESIGN.md §6)."""

    AUTO = "auto"
    """OCPP from the first time it connects, REST until then."""
    OCPP = "ocpp"
    REST = "rest"
    NONE = "none"


class Mode(StrEnum):
    """Whether a charger that connects over OCPP is steered (docs/adr/0028)."""

    CONTROL = "control"
    OBSERVE = "observe"
    """Nothing is written to it of our own accord: it is shown what it would get."""


class Configure(StrEnum):
    """Whether the settings of a charger that control depends on may be changed (`csms.core.tuning` has the list)."""

    AUTO = "auto"
    SUGGEST = "suggest"
    """Nothing is written: a notice shows what should be."""
    NEVER = "never"


class FailSafe(StrEnum):
    """What a charger does while this server is away (LEDGER.md §7)."""

    CLOSED = "closed"
    """Running cars go on; nobody new can charge."""
    RESERVE = "reserve"
    """Every new car gets the fail-safe power, which is booked on every connector always."""
    EXPIRE = "expire"
    """The same, and limits above it expire: after some minutes running cars get no more than a new one."""


@dataclass(frozen=True, slots=True)
class ConnectorTerms:
    """What the configuration says of the sessions at one connector, beside what it says of all at its charger."""

    idx: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Charger:
    """One charger as configured.

    Attributes:
        max_power_w: the hardware's maximum, all connectors together.
        connectors: their number; they are numbered from 1.
        circuit: id of the circuit it hangs on; None for the grid connection itself.
        min_power_w: least power a running OCPP session gets.
        reserved_power_w: what is booked while it cannot be steered; None means `max_power_w`.
        phases: 1 or 3 for AC, 0 for DC.
        voltage_v: nominal phase voltage.
        assume_ocpp16: accept its handshake although it offers no subprotocol.
        configure: whether its own settings may be changed.
        needs_start_power: DC: its cars end the session when they are offered 0 W.
        fail_safe: what it does while this server is away.
        fail_safe_power_w: F, what each connector falls back to then; 0 where `closed` or not steered over OCPP.
        mode: whether it is steered, or observed only.
        phase_limit: the most that it takes from each phase, where that was given in amperes.
        rotation: the phases of the grid connection that its own L1, L2 and L3 hang on; None: nobody knows.
        terms: weight and priority of its sessions, unless `connector_terms`, their id tag or they themselves say more.
    """

    charger_id: ChargerId
    max_power_w: int
    connectors: int
    control: Control = Control.AUTO
    circuit: str | None = None
    min_power_w: int = 0
    reserved_power_w: int | None = None
    phases: int = 0
    voltage_v: int = 230
    assume_ocpp16: bool = False
    configure: Configure = Configure.AUTO
    needs_start_power: bool = False
    fail_safe: FailSafe = FailSafe.CLOSED
    fail_safe_power_w: int = 0
    mode: Mode = Mode.CONTROL
    phase_limit: PhaseLimit | None = None
    rotation: Lines | None = None
    terms: Terms = UNSAID
    connector_terms: tuple[ConnectorTerms, ...] = ()

    @property
    def is_dc(self) -> bool:
        """Return whether it is a DC charger."""
        return self.phases == 0

    @property
    def is_observed(self) -> bool:
        """Return whether nothing is written to it of our own accord."""
        return self.mode is Mode.OBSERVE

    @property
    def is_tuned(self) -> bool:
        """Return whether its own settings are changed where control needs it."""
        is_steered = self.control in {Control.AUTO, Control.OCPP} and not self.is_observed
        return self.configure is Configure.AUTO and is_steered

    @property
    def uncontrolled_power_w(self) -> int:
        """Return what is booked while nobody steers it, W."""
        return self.max_power_w if self.reserved_power_w is None else self.reserved_power_w

    def terms_at(self, idx: int) -> Terms:
        """Return what is said of the sessions at one connector alone."""
        return next((each.terms for each in self.connector_terms if each.idx == idx), UNSAID)

    def connector_keys(self) -> Iterator[ConnectorKey]:
        """Yield its connectors in order."""
        for idx in range(1, self.connectors + 1):
            yield ConnectorKey(self.charger_id, idx)


@dataclass(frozen=True, slots=True)
class Circuit:
    """A fuse between the grid connection and some chargers; `parent` None hangs it on the grid connection."""

    circuit_id: str
    parent: str | None
    capacity_w: int | None
    phase_limit: PhaseLimit | None = None


@dataclass(frozen=True, slots=True)
class BatteryModbus:
    """Where a battery is read and told over Modbus TCP (`csms.energy.modbus_battery` has the register map).

    Attributes:
        unit_id: its unit identifier; gateways tell the devices behind them apart by it.
        register: address of the first register of the map, counted from 0.
    """

    host: str
    port: int = 502
    unit_id: int = 1
    register: int = 0


@dataclass(frozen=True, slots=True)
class Battery:
    """The documented battery (`csms.core.supply` says how it takes part).

    Attributes:
        capacity_wh: usable energy.
        power_w: the most that it gives.
        charge_power_w: the most that it takes; None is as much as it gives.
        reserve_percent: state of charge below which it gives nothing.
        full_percent: state of charge above which it takes nothing.
        efficiency_charge_percent: part of what it takes that is stored.
        efficiency_discharge_percent: part of what is stored that it gives.
        horizon_s: what it offers it can keep up for so long.
        pushed: its controller tells how it stands, and is answered with what it is to do (`PUT /station/battery`).
        modbus: where it is read and told; without either it is computed.
    """

    capacity_wh: int
    power_w: int
    charge_power_w: int | None = None
    reserve_percent: int = 10
    full_percent: int = 100
    efficiency_charge_percent: int = 100
    efficiency_discharge_percent: int = 100
    horizon_s: int = 900
    pushed: bool = False
    modbus: BatteryModbus | None = None

    @property
    def is_computed(self) -> bool:
        """Return whether nothing of it is measured."""
        return not self.pushed and self.modbus is None

    @property
    def way(self) -> tuple[bool, BatteryModbus | None]:
        """Return how it is read and told: by another way another battery may answer."""
        return self.pushed, self.modbus

    @property
    def most_charge_w(self) -> int:
        """Return the most that it takes, W."""
        return self.power_w if self.charge_power_w is None else self.charge_power_w


@dataclass(frozen=True, slots=True)
class Station:
    """One site behind one grid connection.

    Attributes:
        static_load_w: configured maximum of everything else behind the grid connection.
        fail_safe_chosen: whether the file says `failSafe`; unset means `closed`, with a notice.
        fail_safe: the choice for every charger that has none of its own.
        time_zone: IANA name.
        rest_session_timeout_s: a REST-driven session silent for so long is ended.
        phase_limit: the most that each phase of the grid connection carries, where that was given in amperes.
        static_phases: what `static_load_w` is on each phase; None: any one phase may carry all of it.
        capacity_schedule: hours in which the grid connection may be loaded with less.
        grid_operator: who tells limits at run time; None: nobody.
        capacity_tariff: how power is paid for; None: its highest means are not.
        site_meter: what measures the load that is not ours; None: it counts as `static_load_w` always.
    """

    station_id: str
    grid_capacity_w: int
    chargers: tuple[Charger, ...]
    circuits: tuple[Circuit, ...] = ()
    static_load_w: int = 0
    battery: Battery | None = None
    fail_safe_chosen: bool = False
    fail_safe: FailSafe = FailSafe.CLOSED
    time_zone: str = "UTC"
    rest_session_timeout_s: int = 86_400
    phase_limit: PhaseLimit | None = None
    static_phases: PhaseLimit | None = None
    capacity_schedule: tuple[CapacityWindow, ...] = ()
    grid_operator: GridOperator | None = None
    capacity_tariff: CapacityTariff | None = None
    site_meter: SiteMeter | None = None

    def charger(self, charger_id: ChargerId) -> Charger | None:
        """Return the charger of that id, or None."""
        return next((c for c in self.chargers if c.charger_id == charger_id), None)
