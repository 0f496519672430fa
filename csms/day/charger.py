"""One charger that does as OCPP 1.6 says: it keeps profiles, obeys them at once, and answers every CALL.

Of the limits in force at a connector the transaction's own comes before the default (§3.13.1), and within a purpose
the highest stack level. AC chargers take amperes and keep tenths of them, DC chargers take watts. A car on fewer phases
than its outlet has draws its share of a limit alone. Asked which limits it will keep, a charger shows the period in
which the present one falls; limits are always said again before that.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from csms.core.commands import (
    EXPIRY_S,
    MIN_CURRENT_A,
    PROBE_TENTHS,
    Call,
    ChangeConfiguration,
    ClearLimits,
    Purpose,
    RateUnit,
    ReadConfiguration,
    ReadSchedule,
    SetLimit,
)
from csms.core.events import CallAnswered, ConfigurationRead, ConnectorStatus, Fact, ScheduleRead
from csms.core.ids import ConnectorKey, TransactionId
from csms.core.phases import ALL_LINES
from csms.core.station import Charger, Lines
from csms.day.document import Visit
from csms.day.figures import MJ_PER_WH

INTERVAL_KEY: Final = "MeterValueSampleInterval"


class Kept(NamedTuple):
    """A limit that a charger keeps, W, and where that falls `EXPIRY_S` after `said_ms`; None: it stays."""

    limit_w: int
    transaction_id: TransactionId | None
    said_ms: int
    later_w: int | None


class Outlet:
    """One connector, with the car that stands there.

    Attributes:
        power_w: what flows now.
        taken_mj: what the car has taken, W × ms; meter_mj: what the meter has counted, ever.
        kept: the limit in force; None: no profile limits it.
        status: the last that was told.
    """

    def __init__(self, key: ConnectorKey, config: Charger) -> None:
        self.key = key
        self.visit: Visit | None = None
        self.transaction_id: TransactionId | None = None
        self.power_w = 0
        self.taken_mj = 0
        self.meter_mj = 0
        self.kept: Kept | None = None
        self.status = ConnectorStatus.AVAILABLE
        self._config = config

    @property
    def missing_mj(self) -> int:
        """Return what the car still wants, W × ms; 0 without one."""
        return 0 if self.visit is None else self.visit.energy_wh * MJ_PER_WH - self.taken_mj

    @property
    def meter_wh(self) -> int:
        """Return the meter's register."""
        return self.meter_mj // MJ_PER_WH

    @property
    def allowed_w(self) -> int | None:
        """Return what the car may take, as it uses its phases; None: no profile limits it."""
        return None if self.kept is None else self._on_its_phases_w(self.kept.limit_w)

    @property
    def lines(self) -> tuple[int, ...]:
        """Return the outlet's own phases that the car uses: a rectifier uses all of them."""
        config = self._config
        if config.phases == 1:
            return (1,)
        used = len(ALL_LINES) if self.visit is None or config.is_dc else self.visit.phases
        return tuple(sorted(ALL_LINES))[:used]

    @property
    def current_ma(self) -> Lines | None:
        """Return what flows on each of the outlet's own phases, mA; a rectifier does not tell."""
        if self._config.is_dc:
            return None
        each_ma = self.power_w * 1_000 // (self._config.voltage_v * len(self.lines))
        on_l1, on_l2, on_l3 = [each_ma if line in self.lines else 0 for line in (1, 2, 3)]
        return on_l1, on_l2, on_l3

    def flow(self, dt_ms: int) -> None:
        """Let time pass at the present power, until the car has its energy."""
        energy_mj = min(self.power_w * dt_ms, self.missing_mj)
        self.taken_mj += energy_mj
        self.meter_mj += energy_mj

    def follow(self) -> None:
        """Let the car take what it may."""
        if self.visit is None or self.transaction_id is None or self.missing_mj <= 0:
            self.power_w = 0
            return
        config = self._config
        least_w = MIN_CURRENT_A * config.voltage_v * config.phases
        offered_w = config.max_power_w if self.kept is None else min(self.kept.limit_w, config.max_power_w)
        self.power_w = min(self.visit.max_power_w, self._on_its_phases_w(offered_w)) if offered_w >= least_w else 0

    def status_now(self) -> ConnectorStatus:
        """Return what a charger says of it."""
        if self.visit is None:
            return ConnectorStatus.AVAILABLE
        if self.transaction_id is None:
            return ConnectorStatus.PREPARING
        if self.power_w:
            return ConnectorStatus.CHARGING
        return ConnectorStatus.SUSPENDED_EV if self.missing_mj <= 0 else ConnectorStatus.SUSPENDED_EVSE

    def _on_its_phases_w(self, power_w: int) -> int:
        """Return what of a limit for all phases of the outlet is for those that the car uses."""
        return power_w if self._config.is_dc else power_w * len(self.lines) // self._config.phases


class SimulatedCharger:
    """A charger of the configuration with its outlets; `samples`: its next meter values are on the way."""

    def __init__(self, config: Charger) -> None:
        self.charger_id = config.charger_id
        self.samples = False
        self.outlets = {key.idx: Outlet(key, config) for key in config.connector_keys()}
        self._config = config
        self._settings = {
            "ChargingScheduleAllowedChargingRateUnit": "Current" if config.phases else "Power",
            "ChargeProfileMaxStackLevel": "10",
            "MeterValuesSampledData": "Power.Active.Import,Energy.Active.Import.Register,Current.Import",
            INTERVAL_KEY: "60",
        }
        self._limits: dict[tuple[Purpose, int, int], Kept] = {}

    @property
    def sample_ms(self) -> int:
        """Return the interval of its meter values."""
        return int(self._settings[INTERVAL_KEY]) * 1_000

    @property
    def power_w(self) -> int:
        """Return what it draws."""
        return sum(outlet.power_w for outlet in self.outlets.values())

    def answer(self, call: Call, now_ms: int) -> Fact:
        """Do what a CALL asks for and return the answer."""
        match call:
            case SetLimit():
                return CallAnswered(call.token, self._keep(call, now_ms))
            case ClearLimits():
                return CallAnswered(call.token, "Accepted" if self._clear(call) else "Unknown")
            case ReadConfiguration():
                known = {key: self._settings[key] for key in call.keys if key in self._settings}
                return ConfigurationRead(call.token, known, tuple(key for key in call.keys if key not in known))
            case ChangeConfiguration():
                self._settings[call.name] = call.value
                return CallAnswered(call.token, "Accepted")
            case ReadSchedule():
                return self._read(call, now_ms)
            case _:
                return CallAnswered(call.token, "Rejected")

    def end(self, outlet: Outlet) -> None:
        """Forget the profiles of a transaction that ends (§3.13.2)."""
        for key in [key for key in self._limits if key[0] is Purpose.TX and key[1] == outlet.key.idx]:
            del self._limits[key]
        outlet.transaction_id = None
        self.obey()

    def obey(self) -> None:
        """Bring what is in force to the outlets."""
        for outlet in self.outlets.values():
            outlet.kept = self._in_force(outlet)
            outlet.follow()

    def _keep(self, call: SetLimit, now_ms: int) -> str:
        if call.purpose is Purpose.TX and call.transaction_id != self.outlets[call.idx].transaction_id:
            return "Rejected"
        limit_w = call.limit_w
        if call.probing:
            limit_w -= PROBE_TENTHS * call.form.ampere_w // 10
        kept = Kept(limit_w, call.transaction_id, now_ms, call.expires_to_w)
        self._limits[call.purpose, call.idx, call.form.stack_level] = kept
        self.obey()
        return "Accepted"

    def _clear(self, call: ClearLimits) -> bool:
        mine = [
            key
            for key in self._limits
            if key[0] is call.purpose and call.idx in {None, key[1]} and call.stack_level in {None, key[2]}
        ]
        for key in mine:
            del self._limits[key]
        self.obey()
        return bool(mine)

    def _in_force(self, outlet: Outlet) -> Kept | None:
        for purpose in (Purpose.TX, Purpose.DEFAULT):
            found = dict(self._of(purpose, outlet))
            if found:
                return found[max(found)]
        return None

    def _of(self, purpose: Purpose, outlet: Outlet) -> Iterator[tuple[tuple[int, int], Kept]]:
        """Give the limits of one purpose at an outlet by stack level; its own come before the whole charger's."""
        for (kind, idx, level), kept in self._limits.items():
            mine = kept.transaction_id in {None, outlet.transaction_id}
            if kind is purpose and idx in {0, outlet.key.idx} and mine:
                yield (level, idx), kept

    def _read(self, call: ReadSchedule, now_ms: int) -> Fact:
        kept = self.outlets[call.idx].kept if call.idx in self.outlets else None
        if kept is None:
            return ScheduleRead(call.token, None)
        next_s = None if kept.later_w is None else EXPIRY_S - (now_ms - kept.said_ms) // 1_000
        if call.unit is RateUnit.W:
            return ScheduleRead(call.token, None, kept.limit_w, next_s, None, kept.later_w)
        later = None if kept.later_w is None else self._tenths(kept.later_w)
        return ScheduleRead(call.token, self._tenths(kept.limit_w), None, next_s, later)

    def _tenths(self, limit_w: int) -> int:
        return limit_w * 10 // (self._config.voltage_v * max(1, self._config.phases))
