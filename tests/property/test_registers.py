"""One wrong reading of the register, anywhere, changes nothing of the energy of a session whose meterStop is told.

The session's start tells no register (`csms.core.registers`), so that readings are all that there is to begin at. The
wrong one is any number, but as the very first one not from where the car could have come to the readings behind it:
nobody can tell such a one from a true one. A restart in between forgets what was read but for where it begins: then it
may be less than what was used, never more.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.events import ConnectorStatus
from tests.unit.core.driving import Drive, charger, station
from tests.unit.core.test_registers import energy, stop

MOST_WH = 1_000_000
"""More than a connector of 100 kW can deliver in the minutes of such a session, whatever is allowed for."""

BIT_WH = 1_600
"""At most so much a minute."""


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[int], int, int, int, int]:
    """Return true readings, meterStop, a wrong reading, its place among them, and the reading before a restart."""
    start_wh = draw(st.sampled_from([0, 500, 1_234_567, 10**9]))
    rises = draw(st.lists(st.integers(1, BIT_WH), min_size=1, max_size=6))
    readings = [start_wh + sum(rises[:n]) for n in range(len(rises))]
    stop_wh = start_wh + sum(rises)
    place = draw(st.integers(0, len(readings)))
    anything = st.one_of(st.just(0), st.just(10**12), st.integers(0, 10**12), st.integers(start_wh, stop_wh + 20_000))
    following_wh = [*readings, stop_wh][1]
    wrong_wh = draw(anything.filter(lambda wh: place > 0 or not start_wh - MOST_WH <= wh <= following_wh))
    return readings, stop_wh, wrong_wh, place, draw(st.integers(1, 6))


def told(readings: list[int], stop_wh: int, restart: int | None) -> tuple[int | None, int | None]:
    drive = Drive(station(300, charger("A", 100)))
    drive.bring_up("A")
    drive.wait(1_000)
    one = drive.start("A", meter_wh=None)
    drive.status("A", 1, ConnectorStatus.CHARGING)
    for n, reading_wh in enumerate(readings):
        if restart == n:
            drive.recover()
            drive.connect("A")
        drive.wait(60)
        drive.sample("A", 1, None, transaction_id=one, energy_wh=reading_wh)
    drive.wait(60)
    stop(drive, one, stop_wh)
    return energy(drive, one)


@given(sessions())
@settings(max_examples=200, deadline=None)
def test_one_wrong_reading_changes_nothing(drawn: tuple[list[int], int, int, int, int]) -> None:
    readings, stop_wh, wrong_wh, place, _ = drawn
    glitched = [*readings[:place], wrong_wh, *readings[place:]]
    assert told(glitched, stop_wh, None) == (stop_wh, stop_wh - readings[0])


@given(sessions())
@settings(max_examples=100, deadline=None)
def test_one_wrong_reading_and_a_restart_make_it_never_more(drawn: tuple[list[int], int, int, int, int]) -> None:
    readings, stop_wh, wrong_wh, place, restart = drawn
    end_wh, energy_wh = told([*readings[:place], wrong_wh, *readings[place:]], stop_wh, restart)
    assert end_wh == stop_wh
    assert energy_wh is not None
    assert 0 <= energy_wh <= stop_wh - readings[0]
