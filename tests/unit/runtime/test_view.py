from dataclasses import replace

from csms.core.alarms import Alarm
from csms.core.engine import Changes
from csms.core.ids import ChargerId, SessionId
from csms.core.learnt import Learnt, Make
from csms.core.records import Driver
from csms.core.replies import ChargerView, SessionView
from csms.core.station import Station
from csms.runtime.view import StationView, apply_changes

SITE, NEW_SITE = Station("S", 100_000, ()), Station("S", 50_000, ())
NOTHING = Changes({}, {}, None, None, None)
ONE, TWO, THREE = (SessionId(name) for name in ("s1", "s2", "s3"))
A, B = ChargerId("A"), ChargerId("B")


def session(session_id: SessionId, allocated_kw: int = 0) -> SessionView:
    return SessionView(session_id, Driver.REST, A, 1, None, allocated_kw * 1_000, 0, 0, 0, None, "vehicle", None, 0)


def charger(charger_id: ChargerId, booked_kw: int = 0) -> ChargerView:
    return ChargerView(charger_id, online=True, provisioned=False, booked_w=booked_kw * 1_000, served=True)


NEVER_SEEN = Alarm("never_seen", "B", "it may draw 1 W", 7, B)


def view() -> StationView:
    return StationView(
        SITE, {ONE: session(ONE), TWO: session(TWO)}, {A: charger(A), B: charger(B)}, {"never_seen:B": NEVER_SEEN}
    )


def test_no_change_changes_nothing() -> None:
    shown = view()
    apply_changes(shown, NOTHING)
    assert shown == view()


def test_what_changed_stays_in_its_place_and_what_is_new_comes_last() -> None:
    shown = view()
    apply_changes(shown, replace(NOTHING, sessions={THREE: session(THREE), ONE: session(ONE, 50)}))
    assert list(shown.sessions.values()) == [session(ONE, 50), session(TWO), session(THREE)]


def test_what_ended_or_was_never_there_goes() -> None:
    shown = view()
    apply_changes(shown, replace(NOTHING, sessions={ONE: None, THREE: None}, chargers={A: None, ChargerId("X"): None}))
    assert (list(shown.sessions), list(shown.chargers)) == ([TWO], [B])


def test_station_notices_and_makes_are_replaced() -> None:
    shown = view()
    makes = {Make("V", "M", "1"): Learnt(pauses=False)}
    apply_changes(shown, replace(NOTHING, station=NEW_SITE, notices={}, makes=makes))
    assert (shown.station, shown.notices, shown.makes) == (NEW_SITE, {}, makes)


def test_the_whole_view_forgets_what_it_does_not_name() -> None:
    shown = view()
    apply_changes(shown, Changes({TWO: session(TWO, 9)}, {B: charger(B, 5)}, NEW_SITE, {}, {}), whole=True)
    assert shown == StationView(NEW_SITE, {TWO: session(TWO, 9)}, {B: charger(B, 5)}, {})
