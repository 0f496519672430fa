"""The snapshot that REST and metrics read: what has been committed, never what is still on its way to the disk.

Each step's changes are published here after its commit, in the order of the steps, so a reader never sees a session or
a limit that a crash could take back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from csms.core.alarms import Alarm
from csms.core.engine import Changes
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import ChargerId, SessionId
from csms.core.learnt import Learnt, Make
from csms.core.replies import BatteryView, ChargerView, SessionView
from csms.core.site_meter import SiteMeterView
from csms.core.station import Station

Id = TypeVar("Id")
Shown = TypeVar("Shown")


@dataclass(slots=True)
class StationView:
    """The station's committed state; replaced piecewise, read by anyone on the loop.

    Attributes:
        station: the configuration in force.
        sessions: active sessions in order of arrival.
        chargers: every charger that is configured or draining.
        makes: what the chargers of each make have shown.
        capacity_events: limits of the grid connection that were told, by their ids.
        battery: as it was last read; None: there is none, or it was never read.
        notices: standing alarms and notices by their ids, e.g. "overbooked:grid".
        unproven: stand for chargers that came without proving who they are; the door raises and clears them.
        unstored: stands while nothing can be stored: no commit could ever bring it here.
        site_meter: what is shown of the site's meter; None: there is none.
        watchers: called after another configuration has come into force; they do nothing but take note.
    """

    station: Station
    sessions: dict[SessionId, SessionView] = field(default_factory=dict)
    chargers: dict[ChargerId, ChargerView] = field(default_factory=dict)
    notices: dict[str, Alarm] = field(default_factory=dict)
    unproven: dict[ChargerId, Alarm] = field(default_factory=dict)
    unstored: Alarm | None = None
    makes: dict[Make, Learnt] = field(default_factory=dict)
    capacity_events: dict[str, CapacityEvent] = field(default_factory=dict)
    site_meter: SiteMeterView | None = None
    battery: BatteryView | None = None
    watchers: list[Callable[[], None]] = field(default_factory=list)

    @property
    def standing(self) -> tuple[Alarm, ...]:
        """Return all alarms and notices that stand, in no order."""
        unstored = (self.unstored,) if self.unstored else ()
        return (*self.notices.values(), *self.unproven.values(), *unstored)


def apply_changes(view: StationView, changes: Changes, *, whole: bool = False) -> None:
    """Take a committed step's changes over into the view; `whole` replaces everything in it."""
    if changes.station is not None:
        view.station = changes.station
    if changes.notices is not None:
        view.notices = changes.notices
    if changes.makes is not None:
        view.makes = changes.makes
    if changes.capacity_events is not None:
        view.capacity_events = changes.capacity_events
    view.site_meter = changes.site_meter
    view.battery = changes.battery
    if whole:
        view.sessions.clear()
        view.chargers.clear()
    _update(view.sessions, changes.sessions)
    _update(view.chargers, changes.chargers)
    if changes.station is not None:
        for watcher in view.watchers:
            watcher()


def _update(known: dict[Id, Shown], changed: Mapping[Id, Shown | None]) -> None:
    """Take over what changed; None is gone."""
    for key, shown in changed.items():
        if shown is None:
            known.pop(key, None)
        else:
            known[key] = shown
