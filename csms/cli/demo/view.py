"""How the demo looks: a live table on a terminal, plain lines elsewhere, and the account at the end."""

from rich import box
from rich.table import Table
from rich.text import Text

from csms.cli.demo.surroundings import BatteryTold
from csms.cli.demo.tally import Row, Tally
from csms.cli.demo.watching import Status

_DASH = "–"
_OTHERS_WIDTH = 62
"""Of all columns but the car's, with their borders: the car's name is what gives way on a narrow terminal."""
_CAR_WIDTH_MIN = 8


def table(tally: Tally, status: Status, width: int) -> Table:
    """Return the live table, at most `width` wide: one line per connector, and the site under it."""
    grid, told = tally.rows[0], status.sessions
    found = Table(
        title="What each car gets (powers in kW)",
        box=box.SIMPLE_HEAD,
        caption=(
            f"{_site(tally, status.battery)}\n"
            f"grid meter {_kw(tally.grid_w)} of {_kw(grid.capacity_w)} kW, highest so far {_kw(grid.highest_w)} kW\n"
            f"{tally.completed} cars served, {tally.running} plugged in, {_kw(tally.energy_wh)} kWh delivered"
        ),
        caption_style="bold" if grid.is_kept else "bold red",
    )
    for column in ("Connector", "Car"):
        found.add_column(column, no_wrap=True)
    for column in ("SoC", "Wants", "Limit", "Drawn", "kWh"):
        found.add_column(column, justify="right", no_wrap=True, min_width=5)
    found.add_column("Limited by", no_wrap=True)
    car_width = max(_CAR_WIDTH_MIN, width - _OTHERS_WIDTH)
    for charger_id in sorted(tally.latest):
        for connector in tally.latest[charger_id].connectors:
            session = told.get((charger_id, connector.idx))
            idle = connector.transaction_id is None
            found.add_row(
                f"{charger_id} #{connector.idx}",
                Text(connector.status, "dim") if connector.car is None else _short(connector.car, car_width),
                _DASH if connector.soc_percent is None else f"{connector.soc_percent} %",
                _DASH if session is None else f"{session.wants_kw:.1f}",
                _kw(connector.limit_w),
                _kw(connector.power_w),
                _DASH if idle else f"{connector.energy_wh / 1000:.2f}",
                _DASH if session is None else session.limited_by,
            )
        found.add_section()
    return found


def lines(tally: Tally, status: Status, elapsed_s: int) -> list[str]:
    """Return the same in plain lines: the site, then each connector with a car."""
    grid, told = tally.rows[0], status.sessions
    meter = f"grid meter {_kw(tally.grid_w)} of {_kw(grid.capacity_w)} kW"
    cars = f"{tally.completed} served, {tally.running} plugged in, {_kw(tally.energy_wh)} kWh"
    found = [f"{elapsed_s:4d} s  {_site(tally, status.battery)}; {meter}; {cars}"]
    for charger_id in sorted(tally.latest):
        for connector in tally.latest[charger_id].connectors:
            if connector.transaction_id is None:
                continue
            session = told.get((charger_id, connector.idx))
            wants = "" if session is None else f" wants {session.wants_kw:.1f}, limited by {session.limited_by};"
            drawn = f"limit {_kw(connector.limit_w)}, draws {_kw(connector.power_w)} kW"
            found.append(f"        {charger_id} #{connector.idx}:{wants} {drawn}, {connector.energy_wh / 1000:.2f} kWh")
    return found


def _site(tally: Tally, battery: BatteryTold | None) -> str:
    """Return what flows at the site: to the cars, to everything else, and out of the battery, or into it."""
    found = f"Σ cars {_kw(tally.drawn_w)} kW, base load {_kw(tally.site.base_load_w)} kW"
    if battery is None:
        return found
    way = "takes" if battery.power_w < 0 else "gives"
    return f"{found}, battery {battery.charge_percent:.0f} % {way} {_kw(abs(battery.power_w))} kW"


def account(tally: Tally, elapsed_s: int) -> list[str]:
    """Return what is said at the end: who was served, and the highest metered sums against the capacities."""
    lasted = "" if tally.mean_ms is None else f" in {tally.mean_ms // 1000} s on average"
    sessions = f"{tally.completed} sessions completed{lasted}, {tally.running} running"
    found = [
        f"After {elapsed_s // 60} min {elapsed_s % 60} s: {sessions}, {tally.energy_wh / 1000:.1f} kWh delivered.",
        "Σ metered maximum, one second:",
    ]
    width = max(len(row.name) for row in tally.rows)
    found += [f"  {_against_capacity(row, width)}" for row in tally.rows]
    return found


def _against_capacity(row: Row, width: int) -> str:
    verdict = "kept" if row.is_kept else "EXCEEDED"
    return f"{row.name:<{width}}  {_kw(row.highest_w):>7} of {_kw(row.capacity_w):>7} kW  {verdict}"


def _kw(power_w: int) -> str:
    return f"{power_w / 1000:.1f}"


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
