"""The battery of an allocation document: `bess`, `grid_cap_w` and `static_load_w`, and what comes of them.

With a battery, the capacity of the root is what these three give (ALLOCATOR.md §7). Where a document says that
capacity too, or what the battery can give, it must be right: a document that contradicts itself is not computed.
"""

from dataclasses import dataclass

from csms.core.battery import PERCENT_PPM, available_w, discharge_w, root_capacity_w
from csms.core.configuration.reading import Fields, whole
from csms.core.station import Battery

BATTERY_KEYS = frozenset(
    {
        "avail_discharge_w",
        "capacity_wh",
        "eta_charge_pct",
        "eta_discharge_pct",
        "horizon_s",
        "max_charge_w",
        "max_discharge_w",
        "max_soc_pct",
        "reserve_soc_pct",
        "soc_pct_x100",
    }
)
SITE_KEYS = frozenset({"bess", "grid_cap_w", "static_load_w"})

MAX_NUMBER = 10**18
"""Greatest power in W and energy in Wh."""

_amount = whole(0, MAX_NUMBER)
_percent = whole(0, 100)
_efficiency = whole(1, 100)
_horizon = whole(1, 86_400)
_hundredths = whole(0, 10_000)


@dataclass(frozen=True, slots=True)
class Site:
    """What is behind the root: the grid connection, the load that is always there, and the battery as it stands."""

    grid_capacity_w: int
    static_load_w: int
    battery: Battery
    soc_ppm: int

    @property
    def available_w(self) -> int:
        """Return what the battery can give, W."""
        return available_w(self.battery, self.soc_ppm)

    @property
    def root_capacity_w(self) -> int:
        """Return what all sessions together may draw, W."""
        return root_capacity_w(self.grid_capacity_w, self.static_load_w, self.available_w)

    def flows(self, cars_w: int) -> dict[str, object]:
        """Return what the battery can give, what it gives, and what the grid meter shows then, W."""
        from_battery_w = discharge_w(self.grid_capacity_w, self.static_load_w, cars_w, self.available_w)
        return {
            "avail_discharge_w": self.available_w,
            "grid_w": cars_w + self.static_load_w - from_battery_w,
            "bess_discharge_w": from_battery_w,
        }


def parse_site(document: Fields) -> Site | None:
    """Return the site of a document; None, with faults noted, when it has no battery or a wrong one."""
    if "bess" not in document:
        for name in sorted(SITE_KEYS):
            if name in document:
                document.fault(name, "needs bess beside it")
        return None
    grid_capacity_w = document.need("grid_cap_w", _amount, 0)
    static_load_w = document.take("static_load_w", _amount, 0)
    fields = document.child("bess", BATTERY_KEYS)
    if fields is None:
        return None
    power_w = fields.need("max_discharge_w", _amount, 0)
    battery = Battery(
        capacity_wh=fields.need("capacity_wh", _amount, 0),
        power_w=power_w,
        charge_power_w=fields.take("max_charge_w", _amount, power_w),
        reserve_percent=fields.take("reserve_soc_pct", _percent, 10),
        full_percent=fields.take("max_soc_pct", _percent, 100),
        efficiency_charge_percent=fields.take("eta_charge_pct", _efficiency, 100),
        efficiency_discharge_percent=fields.take("eta_discharge_pct", _efficiency, 100),
        horizon_s=fields.take("horizon_s", _horizon, 900),
    )
    soc_ppm = fields.need("soc_pct_x100", _hundredths, 0) * PERCENT_PPM // 100
    if not (fields.sound and document.sound):
        return None
    site = Site(grid_capacity_w, static_load_w, battery, soc_ppm)
    if fields.take("avail_discharge_w", _amount, site.available_w) != site.available_w:
        fields.fault("avail_discharge_w", f"must be {site.available_w}, as the rest says, or left out")
    return site
