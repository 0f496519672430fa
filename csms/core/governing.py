"""The governor of the capacity tariff: told what is drawn, and heard on what may be (`csms.core.tariff`).

Theory of operation. Each 10 seconds, and at the ends of windows, the governor is told the power at the grid connection.
What he allows is taken off what targets and raises have there, as a trim is (`csms.core.trimming`): cuts for it are due
at once, and nobody is raised above it. It is a matter of money and not of a fuse, so it is never booked: what is above
it overbooks no row, alarms nobody, and nothing hard is done for it.

A meter of the site at the grid connection (`csms.core.metering`) tells what is drawn there, as long as it is heard:
between two tellings the higher one of its two readings, and the lower one is sure. Without it the grid connection may
have been loaded with

    a session whose meter is heard     the higher one of its powers then and now
      raised since, or over REST       what is booked for it
    any other where power may flow     what is booked for it
    everything else on the site        what its meter shows; without one `staticLoad`

and what is sure of that is the lower one of the two sums that were metered, no more. A car that takes more without
having been told so is seen with the next sample of its meter.
"""

from csms.core.capacity_windows import LEAD_MS
from csms.core.charger import ChargerState
from csms.core.connector import MEANING, Connector
from csms.core.ids import Now
from csms.core.journal import Journal
from csms.core.part import Alarm
from csms.core.records import Driver
from csms.core.site_meter import Measures
from csms.core.state import State
from csms.core.station import Control
from csms.core.tariff import BURST, allowed_w, limit_w, metered, steady_w

TELL_MS = 10_000
"""The governor is told so often at least."""


def govern(state: State, journal: Journal, now: Now, alarm: Alarm) -> None:
    """Tell the governor what is drawn, and take over what he allows; nothing without a tariff."""
    tariff = state.station.capacity_tariff
    if tariff is None:
        state.governed_w = state.drawn = None
        return
    drawn = drawn_w(state, now.mono_ms)
    most_w, sure_w = drawn if state.drawn is None else (max(drawn[0], state.drawn[0]), min(drawn[1], state.drawn[1]))
    state.drawn = drawn
    tell_governor(state, most_w, journal, now, sure_w)
    limit = limit_w(state.governor, tariff)
    window = state.governor.window
    assert window is not None, "he was told"
    if limit is None:
        state.governed_w = None
    else:
        allowed = allowed_w(state.governor, tariff, BURST * limit)
        state.governed_w = steady_w(state.governed_w, allowed, limit)
    left_ms = window.end_ms - now.wall_ms
    for due_ms in (TELL_MS, left_ms - LEAD_MS, left_ms):
        if due_ms > 0:
            alarm.at(now.mono_ms + due_ms)


def tell_governor(state: State, power_w: int, journal: Journal, now: Now, sure_w: int | None = None) -> None:
    """Tell the governor the mean power at the grid connection since the last time, W; nothing without a tariff.

    `sure_w`: what of it is sure; None: all. To be told at least each 30 s, and at the ends of windows
    (`csms.core.tariff`). A higher peak is written down.
    """
    tariff = state.station.capacity_tariff
    if tariff is None:
        return
    before = state.governor.peak
    state.governor = metered(state.governor, tariff, power_w, now, state.zone, sure_w)
    if state.governor.peak != before and state.governor.peak.power_w:
        journal.peak = True


def drawn_w(state: State, now_ms: int) -> tuple[int, int]:
    """Return what may be drawn at the grid connection now, and what of it is sure, W."""
    meter, read_w = state.station.site_meter, state.base_load.read_w
    is_heard = meter is not None and not state.base_load.is_stale(meter, now_ms)
    if meter is not None and read_w is not None and is_heard and meter.measures is Measures.GRID:
        return read_w, read_w
    most_w, sure_w = (read_w, read_w) if is_heard and read_w is not None else (state.base_load_w, 0)
    for charger in state.chargers.values():
        if charger.config.control is Control.NONE:
            most_w += charger.booked_w()
            continue
        of_connectors = [_of_connector(charger, connector) for connector in charger.connectors.values()]
        charger_sure_w = sum(sure for _, sure in of_connectors)
        most_w += min(sum(most for most, _ in of_connectors), max(charger.booked_w(), charger_sure_w))
        sure_w += charger_sure_w
    return most_w, sure_w


def _of_connector(charger: ChargerState, connector: Connector) -> tuple[int, int]:
    """Return what may be drawn at a connector now, and what of it is sure, W."""
    session, booked_w = connector.session, charger.connector_booked_w(connector)
    if session is None:
        return (booked_w if _may_draw(charger, connector) else 0), 0
    consumed_w = session.consumed_w
    if consumed_w is None:
        return booked_w, 0
    raised_ms, seen_ms = session.steering.raised_ms, connector.meter.seen_ms
    is_raised = raised_ms is not None and (seen_ms is None or raised_ms >= seen_ms)
    if session.driver is Driver.REST or is_raised:
        return max(consumed_w, booked_w), consumed_w
    return consumed_w, consumed_w


def _may_draw(charger: ChargerState, connector: Connector) -> bool:
    """Return whether power may flow at a connector without a session."""
    is_told = connector.status is not None and charger.connection is not None
    return not is_told or connector.status is None or MEANING[connector.status].power_may_flow
