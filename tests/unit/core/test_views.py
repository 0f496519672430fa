"""What operators are shown of a charger; `Drive` checks at each step that what was published is what is."""

import pytest

from csms.core import engine
from csms.core.charger import ChargerState
from csms.core.events import ConnectorStatus, StatusNotified
from csms.core.ids import ChargerId
from csms.core.replies import ChargerView
from csms.core.views import charger_view, is_shown
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station

AVAILABLE, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING


def shown(drive: Drive, charger_id: str = "A") -> ChargerView:
    view = drive.published[ChargerId(charger_id)]
    assert view is not None
    return view


def test_a_charger_that_was_never_seen() -> None:
    view = shown(Drive(station(100, charger("A", 50, 2))))
    assert (view.boot, view.connected_ms, view.address, view.fail_safe_w) == (None, None, None, None)
    assert [(c.idx, c.status, c.status_since_ms, c.confirmed_w) for c in view.connectors] == [
        (1, None, None, None),
        (2, None, None, None),
    ]


def test_a_charger_at_work() -> None:
    drive = Drive(station(100, charger("A", 50, 2)))
    drive.bring_up("A")
    drive.wait(10)
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    view = shown(drive)
    one, two = view.connectors
    assert view.connected_ms is not None
    assert view.fail_safe_w == 0
    assert (one.status, one.status_since_ms) == (CHARGING, T0_WALL_MS + drive.now_ms)
    assert one.session_id == drive.record(transaction_id).session_id
    assert (one.booked_w, one.confirmed_w, two.booked_w, two.confirmed_w) == (50_000, 50_000, 0, 0)


def test_a_status_said_again_keeps_its_time() -> None:
    drive = Drive(station(100, charger("A", 50)))
    drive.bring_up("A")
    since_ms = shown(drive).connectors[0].status_since_ms
    drive.wait(100)
    drive.disconnect("A")
    assert (shown(drive).online, shown(drive).connected_ms, shown(drive).address) == (False, None, None)
    drive.connect("A", address="192.0.2.7")
    drive.status("A", 1, AVAILABLE)
    assert shown(drive).connectors[0].status_since_ms == since_ms
    assert (shown(drive).connected_ms, shown(drive).address) == (T0_WALL_MS + drive.now_ms, "192.0.2.7")


def test_a_limit_that_was_not_accepted_is_not_confirmed() -> None:
    drive = Drive(station(100, charger("A", 50)))
    drive.bring_up("A")
    drive.start("A")
    (one,) = shown(drive).connectors
    assert (one.booked_w, one.confirmed_w) == (50_000, 0)


def test_a_charger_that_nothing_happened_to_is_not_published_again() -> None:
    drive = Drive(station(100, charger("A", 50), charger("B", 50)))
    drive.bring_up("A", "B")
    drive.start("A")
    assert set(drive.last.changes.chargers) == {ChargerId("A")}


def test_a_message_of_one_charger_has_no_other_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = Drive(station(100, charger("A", 50), charger("B", 50)))
    drive.bring_up("A", "B")
    drive.wait(600)  # nothing is left to be planned
    looked_at = Looks(monkeypatch)
    step = drive.engine.step([StatusNotified(ChargerId("A"), 1, AVAILABLE, at_ms=T0_WALL_MS)], drive.now)
    assert any(record == drive.engine._state.chargers[ChargerId("A")].stored() for record in step.records)
    assert looked_at.ids == ["A"]


def test_what_is_shown_again_is_compared_with_what_it_was_and_not_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = Drive(station(100, charger("A", 50), charger("B", 50)))
    drive.bring_up("A", "B")
    of_b = drive.engine._state.chargers[ChargerId("B")].settings
    of_b.values = dict(of_b.values)  # the same, told again
    drive.start("A")
    looked_at = Looks(monkeypatch)
    drive.engine.step([StatusNotified(ChargerId("A"), 1, CHARGING)], drive.now)
    assert "B" not in looked_at.made


class Looks:
    """Of which chargers the engine asks whether they are as shown, or makes a view."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.made: list[str] = []

        def asked(charger: ChargerState, view: ChargerView | None) -> bool:
            self.asked.append(charger.charger_id)
            return is_shown(charger, view)

        def made(charger: ChargerState) -> ChargerView:
            self.made.append(charger.charger_id)
            return charger_view(charger)

        monkeypatch.setattr(engine, "is_shown", asked)
        monkeypatch.setattr(engine, "charger_view", made)

    @property
    def ids(self) -> list[str]:
        return sorted({*self.asked, *self.made})
