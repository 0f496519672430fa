"""How the demo looks: a live table on a terminal, plain lines elsewhere, and the account at the end."""

from rich.table import Table

from csms.cli.demo.tally import Row, Tally
from csms.cli.demo.watching import Told

_DASH = "–"


def table(tally: Tally, told: dict[tuple[str, int], Told]) -> Table:
    """Return the live table: one line per connector, and the sum against the grid connection."""
    grid = tally.rows[0]
    drawn_w = tally.drawn_w + grid.constant_w
    found = Table(
        title="What each car gets",
        caption=(
            f"Σ drawn {_kw(drawn_w)} of {_kw(grid.capacity_w)} kW, highest so far {_kw(grid.highest_w)} kW;  "
            f"{tally.completed} cars served, {tally.running} plugged in, {_kw(tally.energy_wh)} kWh delivered"
        ),
        caption_style="bold" if grid.is_kept else "bold red",
    )
    for column in ("Connector", "Car"):
        found.add_column(column, no_wrap=True)
    for column in ("SoC %", "Wants kW", "Limit kW", "Drawn kW", "Energy kWh"):
        found.add_column(column, justify="right", no_wrap=True)
    found.add_column("Limited by", no_wrap=True)
    for charger_id in sorted(tally.latest):
        for connector in tally.latest[charger_id].connectors:
            session = told.get((charger_id, connector.idx))
            idle = connector.transaction_id is None
            found.add_row(
                f"{charger_id} #{connector.idx}",
                connector.car or f"[dim]{connector.status}[/dim]",
                _DASH if connector.soc_percent is None else str(connector.soc_percent),
                _DASH if session is None else f"{session.wants_kw:.1f}",
                _kw(connector.limit_w),
                _kw(connector.power_w),
                _DASH if idle else f"{connector.energy_wh / 1000:.2f}",
                _DASH if session is None else session.limited_by,
            )
        found.add_section()
    return found


def lines(tally: Tally, told: dict[tuple[str, int], Told], elapsed_s: int) -> list[str]:
    """Return the same in plain lines: the sum, then each connector with a car."""
    grid = tally.rows[0]
    sums = f"Σ {_kw(tally.drawn_w + grid.constant_w)} of {_kw(grid.capacity_w)} kW"
    cars = f"{tally.completed} served, {tally.running} plugged in, {_kw(tally.energy_wh)} kWh"
    found = [f"{elapsed_s:4d} s  {sums}, {cars}"]
    for charger_id in sorted(tally.latest):
        for connector in tally.latest[charger_id].connectors:
            if connector.transaction_id is None:
                continue
            session = told.get((charger_id, connector.idx))
            wants = "" if session is None else f" wants {session.wants_kw:.1f}, limited by {session.limited_by};"
            drawn = f"limit {_kw(connector.limit_w)}, draws {_kw(connector.power_w)} kW"
            found.append(f"        {charger_id} #{connector.idx}:{wants} {drawn}, {connector.energy_wh / 1000:.2f} kWh")
    return found


def account(tally: Tally, elapsed_s: int) -> list[str]:
    """Return what is said at the end: who was served, and the highest metered sums against the capacities."""
    sessions = f"{tally.completed} sessions completed, {tally.running} running"
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
