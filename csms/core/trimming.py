"""Trimming: a fleet that draws a little more than it was told is told a little less (LEDGER.md §6).

Theory of operation. A car may draw 2 % more than its limit and obeys it: no evidence, nothing to book. But fifty such
cars draw 2 % more than the fuse. So the excess of each row, Σ measured − Σ K, is taken off the row's capacity in the
targets T. It is never booked: the row is not overbooked by it, and nothing is alarmed.

    measured      of sessions whose meter is not silent, against K of their connector when the sample came
    not measured  idle connectors, silent meters, what is booked at its maximum: they exceed nothing
    mean          over 10 s, each sample holding until the next one

On the rows of phases all this is in sixths of a watt, an excess being where its session is.

What is taken off follows the excess upwards in steps of 0.5 % of the row's capacity, so that the noise of meters does
not become limits, and falls only when less was enough for a minute: a car that is paused for its own excess is not let
back in at once.
"""

from collections.abc import Iterator

from csms.core.charger import ChargerState
from csms.core.connector import Connector
from csms.core.evidence import meter_silent_ms
from csms.core.ids import Now
from csms.core.part import Alarm
from csms.core.phase_booking import loads_of_session
from csms.core.records import Driver
from csms.core.session import Session
from csms.core.state import State
from csms.core.timings import Timings
from csms.core.trim import Trim

STEPS = 200
"""A trim is a whole number of steps, each this part of its row's capacity."""


def renew_trims(state: State, now: Now, timings: Timings, alarm: Alarm) -> None:
    """Bring what is taken off every row up to date with what its sessions are measured to draw."""
    caps: dict[str, int | None] = {**state.tree.caps_w, **state.tree.phase_caps}
    excess_w = dict.fromkeys(caps, 0)
    for charger, connector, session in _measured(state):
        if session.overdraw.latest_w is None or now.mono_ms >= meter_silent_ms(charger, connector, session, timings):
            continue
        mean_w = session.overdraw.mean_w(now.mono_ms, timings.excess_mean_ms)
        if max(mean_w, session.overdraw.latest_w) > 0:
            alarm.at(now.mono_ms + timings.excess_mean_ms)
        for node in state.tree.paths[charger.charger_id]:
            excess_w[node] += mean_w
        for row, load in _loaded(state, charger, connector, session):
            excess_w[row] += load * mean_w
    state.trims = {
        node: trim
        for node, cap_w in caps.items()
        if cap_w is not None
        and (trim := _renewed(state.trims.get(node), cap_w, excess_w[node], now, timings, alarm)).power_w > 0
    }


def _measured(state: State) -> Iterator[tuple[ChargerState, Connector, Session]]:
    for charger in state.chargers.values():
        for connector in charger.connectors.values():
            session = connector.session
            if session is not None and session.driver is Driver.OCPP and connector.provisioned:
                yield charger, connector, session


def _loaded(state: State, charger: ChargerState, connector: Connector, session: Session) -> Iterator[tuple[str, int]]:
    """Yield the rows of phases that a session loads, each with what 1 W of it is there, sixths of a watt."""
    rows = state.tree.phase_paths.get(charger.charger_id, ())
    loads = loads_of_session(state, charger, connector, session) if rows else (0, 0, 0)
    yield from ((row, loads[line]) for row, line in rows)


def _renewed(before: Trim | None, cap_w: int, excess_w: int, now: Now, timings: Timings, alarm: Alarm) -> Trim:
    """Return what is taken off a row now: what is needed, or what was needed within the last minute."""
    step_w = max(1, cap_w // STEPS)
    needed_w = min(cap_w, -(-max(0, excess_w) // step_w) * step_w)
    if before is None or needed_w >= before.power_w:
        return Trim(needed_w, now.mono_ms)
    held = not alarm.reached(before.needed_ms + timings.trim_hold_ms, now)
    return before if held else Trim(needed_w, now.mono_ms)
