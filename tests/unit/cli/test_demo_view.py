import io

import pytest
from rich.console import Console

from csms.cli.demo import view
from csms.cli.demo.reports import ChargerReport, ConnectorReport
from csms.cli.demo.surroundings import BatteryTold
from csms.cli.demo.tally import Site, Tally
from csms.cli.demo.watching import Status, Told
from csms.core.ids import ChargerId
from csms.core.station import Charger, Station

A = ChargerId("CP001")
LONG_NAME = "A car with a name that is longer than any terminal is wide"


def tally(power_w: int = 66_666) -> Tally:
    found = Tally.of(Station("S", 100_000, (Charger(A, 200_000, 2),)))
    charging = ConnectorReport(1, power_w, 1_234, 70_000, "Charging", LONG_NAME, 7, 45)
    idle = ConnectorReport(2, 0, 0, 0, "Available", None, None, None)
    found.add(ChargerReport(A, 1_000, (charging, idle)))
    return found


TOLD = Status({(A, 1): Told(wants_kw=150.0, limited_by="grid")})


def drawn(width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, markup=False).print(view.table(tally(), TOLD, width))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_fits_the_terminal_and_only_names_give_way(width: int) -> None:
    lines = drawn(width)
    assert max(map(len, lines)) <= width
    (charging,) = [line for line in lines if "CP001 #1" in line]
    assert [word in charging for word in ("45 %", "150.0", "70.0", "66.7", "1.23", "grid")] == [True] * 6
    assert (LONG_NAME in charging) is (width == 200)
    (idle,) = [line for line in lines if "CP001 #2" in line]
    assert "Available" in idle


def test_plain_lines_say_the_same() -> None:
    assert view.lines(tally(), TOLD, 15) == [
        "  15 s  Σ cars 66.7 kW, base load 0.0 kW; grid meter 66.7 of 100.0 kW; 0 served, 1 plugged in, 1.2 kWh",
        "        CP001 #1: wants 150.0, limited by grid; limit 70.0, draws 66.7 kW, 1.23 kWh",
    ]


@pytest.mark.parametrize(
    ("battery_w", "does", "grid_kw"), [(40_000, "gives 40.0", "56.7"), (-3_300, "takes 3.3", "100.0")]
)
def test_base_load_battery_and_grid_meter_are_shown_alike(battery_w: int, does: str, grid_kw: str) -> None:
    found, status = tally(), Status(TOLD.sessions, BatteryTold(battery_w, 87.5))
    found.surrounded(2_000, Site(30_000, battery_w))
    site = f"Σ cars 66.7 kW, base load 30.0 kW, battery 88 % {does} kW"
    (line, _) = view.lines(found, status, 5)
    assert line.startswith(f"   5 s  {site}; grid meter {grid_kw} of 100.0 kW; 0 served")
    out = io.StringIO()
    Console(file=out, width=100, markup=False).print(view.table(found, status, 100))
    assert site in out.getvalue()
    assert f"grid meter {grid_kw} of 100.0 kW, highest so far" in out.getvalue()


@pytest.mark.parametrize(("power_w", "verdict"), [(100_000, "100.0 of   100.0 kW  kept"), (100_001, "EXCEEDED")])
def test_the_account_judges_each_capacity(power_w: int, verdict: str) -> None:
    found = view.account(tally(power_w), 125)
    assert found[0] == "After 2 min 5 s: 0 sessions completed, 1 running, 1.2 kWh delivered."
    assert verdict in found[2]
    assert len(found) == 4


def test_the_account_tells_how_long_sessions_lasted() -> None:
    found = tally()
    found.add(ChargerReport(A, 91_500, (ConnectorReport(1, 0, 1_234, 0, "Available", None, None, None),)))
    assert view.account(found, 95)[0].startswith("After 1 min 35 s: 1 sessions completed in 0 s on average, 0 running")
