"""Two chargers under one identity (LEDGER.md §6): raises frozen, booked as is."""

import pytest

from csms.core.commands import SetLimit
from csms.core.events import ConnectorStatus
from csms.core.identity import Identity
from tests.unit.core.driving import Drive, charger, station

NOTICE = "identity_conflict:A"


def pair() -> tuple[Drive, int]:
    """Return two chargers of 100 kW behind 120 kW, a car at each, 60 kW told to both, drawn and settled."""
    drive = Drive(station(120, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    first = drive.start("A")
    drive.start("B")
    for charger_id in ("A", "B"):
        drive.status(charger_id, 1, ConnectorStatus.CHARGING)
    drive.accept()
    drive.draws({("A", 1): 60, ("B", 1): 60}, 60)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (60, 60)
    drive.connect("A", address="one")
    drive.accept()
    drive.wait(60)
    drive.draws({("A", 1): 60, ("B", 1): 60}, 30)
    drive.take()
    return drive, first


def fight(drive: Drive, takeovers: int, every_s: float = 5) -> None:
    """Let another charger and the first one throw each other out."""
    for number in range(takeovers):
        drive.wait(every_s)
        drive.connect("A", address="one" if number % 2 else "other", takes_over=True)


@pytest.mark.parametrize(
    ("takeovers", "every_s", "conflict"), [(3, 5, False), (4, 5, True), (4, 20, True), (4, 20.1, False), (9, 21, False)]
)
def test_more_than_three_takeovers_a_minute(takeovers: int, every_s: float, conflict: bool) -> None:  # noqa: FBT001 - a column
    drive, _ = pair()
    fight(drive, takeovers, every_s)
    assert (NOTICE in drive.notices()) is conflict


def test_one_address_is_one_charger_and_a_reconnect_is_no_takeover() -> None:
    identity = Identity()
    shown = [identity.connected("one", at_ms, 60_000, takes_over=True) for at_ms in range(10)]
    shown += [identity.connected(f"{at_ms}", at_ms, 60_000, takes_over=False) for at_ms in range(10, 20)]
    assert (any(shown), identity.in_conflict) == (False, False)


def test_nothing_is_told_to_it_and_what_is_booked_stays() -> None:
    drive, transaction = pair()
    fight(drive, 4)
    drive.take()
    drive.boot("A")
    drive.stop("A", transaction)
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.draws({("B", 1): 60}, 300)
    assert [c for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"] == []
    assert (drive.k_kw("A"), drive.k_kw("B")) == (60, 60), "the stop frees nothing: the other one may still charge"


def test_a_boot_under_a_conflict_freezes_nobody_else() -> None:
    drive = Drive(station(200, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    drive.connect("A", address="one")
    fight(drive, 4)
    drive.boot("A")
    drive.start("B")
    drive.status("B", 1, ConnectorStatus.CHARGING)
    drive.accept("B")
    drive.draws({("B", 1): 100}, 20)
    assert drive.k_kw("B") == 100


def test_it_is_over_after_ten_quiet_minutes_and_is_then_as_after_a_boot() -> None:
    drive, transaction = pair()
    fight(drive, 4)
    drive.stop("A", transaction)
    drive.status("A", 1, ConnectorStatus.AVAILABLE)
    drive.wait(599)
    assert (NOTICE in drive.notices(), drive.k_kw("A")) == (True, 60)
    drive.take()
    drive.wait(1)
    assert NOTICE not in drive.notices()
    assert [c.idx for c in drive.take() if isinstance(c, SetLimit) and c.charger_id == "A"] == [0], "its default first"
    drive.accept()
    drive.wait(60)
    assert drive.k_kw("A") == 0
    assert [event.kind for event in drive.events("charger.identified")] == ["charger.identified"]


def test_another_takeover_begins_the_ten_minutes_again() -> None:
    drive, _ = pair()
    fight(drive, 4)
    drive.wait(500)
    fight(drive, 1, 0)
    assert NOTICE in drive.notices(), "a takeover from the other address"
    drive.wait(599)
    assert NOTICE in drive.notices()
    drive.wait(1)
    assert NOTICE not in drive.notices()
