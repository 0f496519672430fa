from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus
from csms.core.firm import RowBound
from csms.core.station import Circuit, Control, FailSafe, Station
from tests.unit.core.driving import KW, Drive, charger, station


def bounds_kw(drive: Drive) -> dict[str, tuple[float, float | None]]:
    """Return what each row may carry without the server, and what it has, kW."""
    return {
        node: (bound.possible_w / KW, None if bound.firm_w is None else bound.firm_w / KW)
        for node, bound in drive.engine.firm_bounds().items()
    }


HALL, FREE = Circuit("hall", None, 60 * KW), Circuit("free", "hall", None)


def site(fail_safe_power_w: int) -> Station:
    mode = FailSafe.RESERVE if fail_safe_power_w else FailSafe.CLOSED
    a, b = charger("A", 50, 2, circuit="free"), charger("B", 50)
    chosen = [replace(c, fail_safe=mode, fail_safe_power_w=fail_safe_power_w) for c in (a, b)]
    return station(100, *chosen, circuits=(HALL, FREE), static_kw=5)


@pytest.mark.parametrize(
    ("fail_safe_power_w", "idle_kw", "charging_kw"),
    [(0, (0, 0, 0), (50, 50, 50)), (5_000, (15, 10, 10), (55, 50, 50))],
)
def test_what_may_be_drawn_without_the_server(
    fail_safe_power_w: int, idle_kw: tuple[int, int, int], charging_kw: tuple[int, int, int]
) -> None:
    drive = Drive(site(fail_safe_power_w))
    drive.bring_up("A", "B")
    firm_kw = {"grid": 95, "hall": 60, "free": None, "A": 50, "B": 50}

    def bound(grid: int, hall: int, a: int) -> dict[str, tuple[float, float | None]]:
        b = fail_safe_power_w / KW
        possible = {"grid": grid, "hall": hall, "free": hall, "A": a, "B": b}
        return {node: (possible[node], firm_kw[node]) for node in firm_kw}

    assert bounds_kw(drive) == bound(*idle_kw)
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    assert bounds_kw(drive) == bound(*charging_kw)


def test_a_charger_that_was_never_provisioned_may_give_all_it_has() -> None:
    drive = Drive(station(60, charger("A", 50), charger("B", 50), charger("C", 50, control=Control.AUTO)))
    assert bounds_kw(drive) == {"grid": (100, 60), "A": (50, 50), "B": (50, 50), "C": (0, 50)}
    assert [node for node, bound in drive.engine.firm_bounds().items() if not bound.holds] == ["grid"]


def test_a_lowered_capacity_is_firm_at_once_and_what_was_given_is_not_gone() -> None:
    drive = Drive(station(100, charger("A", 100)))
    drive.bring_up("A")
    drive.start("A")
    drive.accept()
    drive.configure(station(30, charger("A", 40)))
    assert drive.engine.firm_bounds() == {"grid": RowBound(100 * KW, 30 * KW), "A": RowBound(100 * KW, 40 * KW)}
    drive.accept()
    drive.wait(60)
    assert all(bound.holds for bound in drive.engine.firm_bounds().values())
