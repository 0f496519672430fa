"""Chargers that came in without proving who they are, from beyond this machine: a notice each (`csms.core.alarms`).

It is no fact for the station's core, which no power depends on: it stands from such a connection on until the charger
has come in another way, or is not configured any more, or this process ends.
"""

import structlog

from csms.core.alarms import Alarm
from csms.core.ids import ChargerId
from csms.ports import Clock
from csms.runtime.view import StationView

_log = structlog.get_logger()

KIND = "unproven"


class Unproven:
    """Raises and clears the notices of the door."""

    def __init__(self, view: StationView, clock: Clock) -> None:
        self._view = view
        self._clock = clock

    def came(self, charger_id: ChargerId, exposed_at: str | None) -> None:
        """Take note that a charger comes in; `exposed_at`: from there, proving nothing. None: all is well."""
        known = self._view.unproven.get(charger_id)
        if exposed_at is None:
            self._clear(charger_id)
        elif known is None:
            cause = f"it came from {exposed_at} with security profile 0"
            alarm = Alarm(KIND, charger_id, cause, self._clock.now().wall_ms, charger_id)
            self._view.unproven[charger_id] = alarm
            _log.warning("notice.raised", notice=alarm.alarm_id, charger_id=charger_id, cause=cause)

    def station_changed(self) -> None:
        """Clear the notices of chargers that are not there any more."""
        for charger_id in self._view.unproven.keys() - self._view.chargers.keys():
            self._clear(charger_id)

    def _clear(self, charger_id: ChargerId) -> None:
        ended = self._view.unproven.pop(charger_id, None)
        if ended is not None:
            _log.info("notice.cleared", notice=ended.alarm_id, charger_id=charger_id)
