"""The second pass: what is left goes to cars that draw all that they may (ALLOCATOR.md §5 point 5)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from csms.core.events import ConnectorStatus
from csms.core.grid_terms import CapacityWindow
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import Circuit, Station
from tests.unit.core.driving import KW, Drive, charger, station
from tests.unit.core.keeping import Keeping

HALL = Circuit("hall", None, 60 * KW)


def site(grid_kw: int = 100, circuit: str | None = None) -> Station:
    chargers = (charger("A", 90, circuit=circuit), charger("B", 90), charger("C", 90, circuit=circuit))
    return station(grid_kw, *chargers, circuits=(HALL,) if circuit else ())


def plug(drive: Drive, *names: str) -> None:
    for name in names:
        drive.start(name)
        drive.status(name, 1, ConnectorStatus.CHARGING)
    drive.accept()


def unplug(drive: Drive, name: str) -> None:
    views = drive.engine.all_changes().sessions.values()
    transaction_id = next(view.transaction_id for view in views if view is not None and view.charger_id == name)
    assert transaction_id is not None
    drive.stop(name, transaction_id)
    drive.status(name, 1, ConnectorStatus.AVAILABLE)
    drive.accept()


def go(drive: Drive, seconds: int, wants_kw: Mapping[str, float]) -> list[tuple[int, str, float]]:
    """Let cars draw what they want and may, metered each 10 s; return which limits were told, when, kW."""
    begun_s, told = drive.now_ms // 1_000, []
    for _ in range(seconds // 10):
        drive.wait(10)
        for name, most_kw in wants_kw.items():
            drive.sample(name, 1, min(int(most_kw * KW), drive.engine.booked_w(ConnectorKey(ChargerId(name), 1))))
        drive.accept()
        told += [(drive.now_ms // 1_000 - begun_s, name, power_w / KW) for name, _, power_w in drive.limits()]
    return told


def preconditioning(drive: Drive) -> Drive:
    """Return a station at which A takes 10 kW, and has given what it had above its head room to B, which has gone."""
    drive.bring_up("A", "B", "C")
    plug(drive, "A", "B")
    go(drive, 300, {"A": 10, "B": 90})
    assert drive.k_kw("A") == 14
    unplug(drive, "B")
    assert go(drive, 120, {"A": 10}) == [], "it would draw no more"
    return drive


def test_a_car_that_begins_to_take_more_has_all_that_is_left_with_one_limit() -> None:
    drive = preconditioning(Drive(site()))
    assert go(drive, 300, {"A": 90}) == [(20, "A", 90)]


def test_what_is_left_is_shared_by_those_who_could_take_it() -> None:
    drive = Drive(site(130))
    drive.bring_up("A", "B", "C")
    plug(drive, "A", "B", "C")
    go(drive, 300, {"A": 10, "B": 90, "C": 10})
    assert [drive.k_kw(name) for name in "AC"] == [14, 14]
    unplug(drive, "B")
    go(drive, 60, {"A": 10, "C": 10})
    told = go(drive, 300, {"A": 90, "C": 90})
    assert [drive.k_kw(name) for name in "AC"] == [65, 65]
    assert len(told) <= 6, told
    assert max(at_s for at_s, _, _ in told) <= 80


def test_what_was_spread_is_taken_back_for_who_is_short_and_not_given_again() -> None:
    drive = preconditioning(Drive(site()))
    go(drive, 60, {"A": 30})
    assert drive.k_kw("A") == 90
    plug(drive, "B")
    told = go(drive, 600, {"A": 30, "B": 90})
    assert drive.k_kw("A") + drive.k_kw("B") <= 100
    assert drive.k_kw("B") >= 63
    assert len(told) <= 6, told
    assert not [each for each in told if each[0] > 120], "nothing moves any more"


def test_a_cap_holds_and_a_circuit_does() -> None:
    drive = preconditioning(Drive(site(circuit="hall")))
    assert go(drive, 300, {"A": 90}) == [(20, "A", 60)]


@pytest.mark.parametrize(("keeps", "limit_kw"), [("AB", 90), ("", 30)])
def test_above_its_firm_share_only_who_lets_limits_expire(keeps: str, limit_kw: int) -> None:
    evening = (CapacityWindow(20 * 60, 21 * 60, 30 * KW),)
    drive = Keeping(replace(site(), capacity_schedule=evening))
    drive.keeps_expiry = {ChargerId(each) for each in keeps}
    drive.bring_up("A", "B", "C")
    plug(drive, "A", "B")
    go(drive, 300, {"A": 5, "B": 90})
    unplug(drive, "B")
    go(drive, 120, {"A": 5})
    go(drive, 300, {"A": 90})
    assert drive.k_kw("A") == limit_kw
