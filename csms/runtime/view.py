"""The snapshot that REST and metrics read: what has been committed, never what is still on its way to the disk.

Each step's changes are published here after its commit, in the order of the steps, so a reader never sees a session or
a limit that a crash could take back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """

    station: Station
    sessions: Mapping[SessionId, SessionView] = field(default_factory=dict)
    chargers: Mapping[ChargerId, ChargerView] = field(default_factory=dict)
    notices: Mapping[str, int] = field(default_factory=dict)
