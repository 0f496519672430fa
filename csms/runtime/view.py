"""The snapshot that REST and metrics read: what has been committed, never what is still on its way to the disk.

Each step's changes are published here after its commit, in the order of the steps, so a reader never sees a session or
a limit that a crash could take back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from csms.core.engine import Changes
from csms.core.ids import ChargerId, SessionId
from csms.core.replies import ChargerView, SessionView
from csms.core.station import Station


@dataclass(slots=True)
class StationView:
    """The station's committed state; replaced piecewise, read by anyone on the loop.

    Attributes:
        station: the configuration in force.
        sessions: active sessions in order of arrival.
        chargers: every charger that is configured or draining.
        notices: standing alarms and notices by kind and subject, e.g. "overbooked:grid" → since, UTC ms.
        watchers: called after another configuration has come into force; they do nothing but take note.
    """

    station: Station
    sessions: dict[SessionId, SessionView] = field(default_factory=dict)
    chargers: dict[ChargerId, ChargerView] = field(default_factory=dict)
    notices: dict[str, int] = field(default_factory=dict)
    watchers: list[Callable[[], None]] = field(default_factory=list)


def apply_changes(view: StationView, changes: Changes, *, whole: bool = False) -> None:
    """Take a committed step's changes over into the view; `whole` replaces everything in it."""
    if changes.station is not None:
        view.station = changes.station
    if changes.notices is not None:
        view.notices = changes.notices
    if whole:
        view.sessions.clear()
        view.chargers.clear()
    for session_id, session in changes.sessions.items():
        if session is None:
            view.sessions.pop(session_id, None)
        else:
            view.sessions[session_id] = session
    for charger_id, charger in changes.chargers.items():
        if charger is None:
            view.chargers.pop(charger_id, None)
        else:
            view.chargers[charger_id] = charger
    if changes.station is not None:
        for watcher in view.watchers:
            watcher()
