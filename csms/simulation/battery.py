"""A battery of the world: energy, losses, a set-point that it follows a moment later, and what may become of it.

Written from ALLOCATOR.md §7, without the core's formulas. Energy is counted in W·ms, so that nothing is lost in
rounding. It knows no reserve: what it is told it gives until it is empty. Without a word for as long as it was told it
gives nothing, sooner it takes nothing, and then it has acknowledged nothing.
"""

from dataclasses import dataclass, field

from csms.core.battery import BatteryReading
from csms.core.commands import SetBattery
from csms.core.station import Battery

MS_PER_HOUR = 3_600_000
WHOLE_PPM = 1_000_000


@dataclass(slots=True)
class BatteryModel:
    """One battery; powers W, what flows out of it is positive.

    Attributes:
        power_w: what flows now.
        told: what it follows, since `told_ms`, once `lag_ms` have passed; None: nothing of ours.
        refuses_until_ms, trips_until_ms, weak_until_ms: what it does until then; weak_percent: it gives so much then.
        given, taken: all that has flowed, W·ms; jumped: what its charge has jumped by.
    """

    battery: Battery
    lag_ms: int
    hold_ms: int
    stored: int
    power_w: int = 0
    told: SetBattery | None = None
    told_ms: int = 0
    refuses_until_ms: int = 0
    trips_until_ms: int = 0
    weak_until_ms: int = 0
    weak_percent: int = 100
    given: int = 0
    taken: int = 0
    jumped: int = 0
    _coming: list[tuple[int, SetBattery]] = field(default_factory=list)
    _follows: SetBattery | None = None
    _first: int = field(init=False)

    def __post_init__(self) -> None:
        self._first = self.stored

    @property
    def whole(self) -> int:
        """Return its usable energy, W·ms."""
        return self.battery.capacity_wh * MS_PER_HOUR

    @property
    def soc_ppm(self) -> int:
        """Return its state of charge."""
        return self.stored * WHOLE_PPM // self.whole

    def tell(self, command: SetBattery, now_ms: int) -> None:
        """Hear a set-point: another one, or the same once more."""
        if command != self.told:
            self._coming.append((now_ms + self.lag_ms, command))
        self.told, self.told_ms = command, now_ms

    def run(self, now_ms: int, elapsed_ms: int) -> None:
        """Let time pass: what flowed until now is taken from its energy, or added, and it follows what it was told."""
        if self.power_w > 0:
            self.given += self.power_w * elapsed_ms
            self._store(self.stored - self.power_w * elapsed_ms * 100 // self.battery.efficiency_discharge_percent)
        elif self.power_w < 0:
            self.taken -= self.power_w * elapsed_ms
            self._store(self.stored - self.power_w * elapsed_ms * self.battery.efficiency_charge_percent // 100)
        self._listen(now_ms)
        self.power_w = self._flow_w(now_ms)

    def _store(self, energy: int) -> None:
        """Have so much energy, as far as there can be: what flows beyond that within a moment is nowhere."""
        self.stored = max(0, min(self.whole, energy))
        self.jumped += self.stored - energy

    def _listen(self, now_ms: int) -> None:
        if self.told is not None and (now_ms - self.told_ms > self._holds_ms or now_ms < self.refuses_until_ms):
            self.told = self._follows = None
            self._coming.clear()
        while self._coming and self._coming[0][0] <= now_ms:
            _, self._follows = self._coming.pop(0)

    @property
    def _holds_ms(self) -> int:
        """Return for how long what it was told holds: to give for as long as that, to take for as long as it likes."""
        return self.hold_ms if self.told is None or self.told.power_w <= 0 else 1_000 * self.told.valid_s

    def _flow_w(self, now_ms: int) -> int:
        if self._follows is None or now_ms < self.trips_until_ms:
            return 0
        wanted_w = self._follows.power_w
        if wanted_w > 0:
            gives_w = min(wanted_w, self.battery.power_w, self._follows.permit_w) if self.stored else 0
            return gives_w * self.weak_percent // 100 if now_ms < self.weak_until_ms else gives_w
        has_room = self.stored < self.whole * self.battery.full_percent // 100
        return -min(-wanted_w, self.battery.most_charge_w) if has_room else 0

    def jump(self, soc_ppm: int) -> None:
        """Have another state of charge, as if it had been counted wrong."""
        before, self.stored = self.stored, self.whole * soc_ppm // WHOLE_PPM
        self.jumped += self.stored - before

    def reading(self, now_ms: int) -> BatteryReading:
        """Return what it says of itself."""
        battery, is_well = self.battery, now_ms >= self.trips_until_ms
        return BatteryReading(
            soc_ppm=self.soc_ppm,
            power_w=self.power_w,
            available_discharge_w=battery.power_w if is_well and self.stored else 0,
            available_charge_w=battery.most_charge_w if is_well else 0,
            permitted_w=0 if self._follows is None else min(self._follows.permit_w, battery.power_w),
            set_point_w=None if self._follows is None else self._follows.power_w,
        )

    def unaccounted(self) -> tuple[int, int]:
        """Return its energy less what should be in it by all that has flowed, and how much rounding may be, W·ms."""
        battery = self.battery
        least = self.given * 100 // battery.efficiency_discharge_percent
        should = self._first + self.jumped + self.taken * battery.efficiency_charge_percent // 100 - least
        return self.stored - should, battery.power_w * 2_000 + battery.most_charge_w * 2_000
