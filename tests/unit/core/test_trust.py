"""Who is asked with more than is firm, and for how long; what limits that expire do while nobody is short."""

from dataclasses import replace

import pytest

from csms.core.capabilities import RATE_UNIT_KEY
from csms.core.commands import SetLimit
from csms.core.events import CapacityEventSet, ConnectorStatus
from csms.core.grid_terms import CapacityEvent, CapacityWindow
from csms.core.ids import ChargerId, ConnectorKey, RequestId
from csms.core.station import GRID, Control, FailSafe, PhaseLimit, Station
from tests.unit.core.driving import KEYS, KW, T0_WALL_MS, Drive, charger, station
from tests.unit.core.keeping import Keeping

NOTHING_FIRM = replace(
    station(200, charger("A", 150, min_w=5_000), charger("B", 80)),
    capacity_schedule=(CapacityWindow(20 * 60, 21 * 60, 0),),
)


def plug(drive: Drive, *names: str) -> None:
    for name in names:
        drive.start(name)
        drive.status(name, 1, ConnectorStatus.CHARGING)
    drive.accept()


def last_w(drive: Drive, name: str) -> int:
    """Return what a charger was told last for its transaction; what is booked for it where that was nothing yet."""
    said = (
        c.limit_w for c in reversed(drive.commands) if isinstance(c, SetLimit) and (c.charger_id, c.idx) == (name, 1)
    )
    return next(said, drive.engine.booked_w(ConnectorKey(ChargerId(name), 1)))


def go(drive: Drive, seconds: int, wants_kw: dict[str, float], step_s: int = 5) -> list[tuple[str, float]]:
    """Let cars draw what they want and may; return who was told another limit, and how much, kW."""
    told: list[tuple[str, float]] = []
    limits_w = {name: last_w(drive, name) for name in wants_kw}
    for _ in range(0, seconds, step_s):
        drive.take()
        drive.wait(step_s)
        for name, want_kw in wants_kw.items():
            may_w = min(last_w(drive, name), drive.engine.booked_w(ConnectorKey(ChargerId(name), 1)))
            drive.sample(name, 1, min(int(want_kw * KW), may_w))
        drive.accept()
        for sent in drive.take():
            if isinstance(sent, SetLimit) and sent.idx == 1 and limits_w.get(sent.charger_id) != sent.limit_w:
                limits_w[sent.charger_id] = sent.limit_w
                told.append((sent.charger_id, sent.limit_w / KW))
    return told


def test_on_trust_a_car_has_its_least_alone_however_much_it_draws() -> None:
    drive = Keeping(NOTHING_FIRM)
    drive.answers_schedules = False
    drive.bring_up("A", "B")
    plug(drive, "A")
    for _ in range(17):
        drive.wait(5)
        drive.sample("A", 1, 5 * KW)
        drive.accept()
        assert drive.k_kw("A") == 5
    go(drive, 30, {"A": 0})
    assert drive.k_kw("A") == 0


@pytest.mark.parametrize("mode", [FailSafe.RESERVE, FailSafe.EXPIRE])
def test_who_has_its_fail_safe_power_anyway_is_asked_with_a_little_more(mode: FailSafe) -> None:
    """The 20 kW of the evening are what both defaults take: a limit of no more shows nothing."""
    both = (replace(charger(name, 150), fail_safe=mode, fail_safe_power_w=10 * KW) for name in "AB")
    drive = Keeping(replace(station(200, *both), capacity_schedule=(CapacityWindow(20 * 60, 21 * 60, 20 * KW),)))
    drive.bring_up("A", "B")
    plug(drive, "A", "B")
    for _ in range(30):
        drive.wait(10)
        for name in "AB":
            drive.sample(name, 1, drive.engine.booked_w(ConnectorKey(ChargerId(name), 1)))
        drive.accept()
    assert [drive.k_kw(name) for name in "AB"] == [100, 100]


def test_a_link_that_breaks_while_a_charger_is_trusted_is_no_verdict() -> None:
    drive = Keeping(NOTHING_FIRM)
    drive.bring_up("A")
    plug_in = drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept_limits()
    drive.wait(3)
    drive.disconnect("A")
    drive.wait(120)
    assert drive.engine.firm_bounds()[GRID].expired_w == 5 * KW + 80 * KW, "A's least counts in full; B never came"
    drive.connect("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.accept()
    assert plug_in in drive.open_transactions()
    go(drive, 120, {"A": 150}, 10)
    assert drive.k_kw("A") == 120


def test_who_never_shows_it_keeps_what_it_has_for_90_s_however_often_it_reconnects() -> None:
    drive = Keeping(station(100, charger("A", 80), charger("B", 80)))
    drive.answers_schedules = False
    drive.bring_up("A", "B")
    plug(drive, "A", "B")
    event = CapacityEvent("e1", T0_WALL_MS + 36_000_000, None, 20 * KW, "DSO")
    drive.do(CapacityEventSet(RequestId(900), event))
    drive.accept()
    for _ in range(6):
        go(drive, 80, {"A": 80, "B": 80}, 10)
        drive.disconnect("A")
        drive.wait(1)
        drive.connect("A")
        drive.status("A", 1, ConnectorStatus.CHARGING)
        drive.accept()
    assert [drive.k_kw(name) for name in "AB"] == [10, 10]
    assert drive.engine.firm_bounds()[GRID].holds


def site_in_the_evening(evening_kw: int | None) -> Station:
    site = station(200, charger("A", 80), charger("B", 80))
    if evening_kw is None:
        return site
    return replace(site, capacity_schedule=(CapacityWindow(20 * 60, 21 * 60, evening_kw * KW),))


@pytest.mark.parametrize("evening_kw", [None, 30])
def test_limits_that_expire_are_said_again_as_they_are_while_nobody_is_short(evening_kw: int | None) -> None:
    drive = Keeping(site_in_the_evening(evening_kw))
    drive.bring_up("A", "B")
    plug(drive, "A", "B")
    go(drive, 120, {"A": 80, "B": 80})
    assert [last_w(drive, name) for name in "AB"] == [80 * KW, 80 * KW]
    changes = [change for wants_kw in (5, 80, 5, 80) for change in go(drive, 300, {"A": wants_kw, "B": 5})]
    assert changes == []


def test_the_second_pass_waits_for_a_client_that_has_not_called_yet() -> None:
    """C leaves; B's client calls late: what is spread to A meanwhile would be taken back in the same second."""
    drive = Drive(station(200, charger("A", 150), charger("B", 120, control=Control.REST), charger("C", 190)))
    drive.bring_up("A", "C")
    plug(drive, "A", "C")
    b = drive.rest_start("B", 1, 120).session_id
    for _ in range(6):
        go(drive, 50, {"A": 5, "C": 190})
        drive.update(b, drive.k_kw("B"))
    drive.stop("C", drive.open_transactions()[-1])
    drive.status("C", 1, ConnectorStatus.AVAILABLE)
    drive.accept()
    told = [limit_kw for name, limit_kw in go(drive, 50, {"A": 60}) if name == "A"]
    drive.update(b, drive.k_kw("B"))
    told += [limit_kw for name, limit_kw in go(drive, 50, {"A": 60}) if name == "A"]
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] >= 64


def test_where_the_phases_say_it_all_watts_are_not_lent() -> None:
    """Six cars on one phase of three are booked 132 kW of 55: watts that cannot flow; no battery has to give them."""
    limit = PhaseLimit((80_000,) * 3)
    names, rotations = "ABCDEF", ((1, 2, 3), (2, 3, 1), (3, 1, 2)) * 2
    each = [
        replace(charger(n, 22, phases=3, min_w=4_140), rotation=r, max_power_w=22_080)
        for n, r in zip(names, rotations, strict=True)
    ]
    site = replace(station(1, *each), grid_capacity_w=limit.power_w, phase_limit=limit)
    drive = Keeping(
        replace(site, capacity_schedule=(CapacityWindow(20 * 60, 21 * 60, 27_600),)),
        keys={**KEYS, RATE_UNIT_KEY: "Current"},
    )
    drive.bring_up(*names)
    plug(drive, *names)
    for _ in range(60):
        drive.wait(10)
        for name in names:
            amperes = drive.engine.booked_w(ConnectorKey(ChargerId(name), 1)) // 690
            drive.sample(name, 1, amperes * 230, current_ma=(amperes * 1_000, 0, 0))
        drive.accept()
    drive.take()
    assert drive.row_kw() > limit.power_w / KW, "more watts are booked than there are"
    causes = {c.cause for c in drive.commands if isinstance(c, SetLimit)}
    assert not {cause for cause in causes if "battery" in cause}
