"""Drives an engine whose chargers show, when they are asked, whether they let limits expire."""

from collections.abc import Mapping

from csms.core.commands import EXPIRY_S, Call, Purpose, RateUnit, ReadSchedule, SetLimit
from csms.core.engine import Step
from csms.core.events import Fact, ScheduleRead
from csms.core.station import Station
from csms.core.timings import LAW, Timings
from tests.unit.core.driving import KEYS, Drive


class Keeping(Drive):
    """A drive whose chargers let limits expire, those named in `keeps_expiry`.

    Attributes:
        answers_schedules: they answer when they are asked which limits they will keep.
        said: the newest limit of a transaction at each connector, and when it was said.
    """

    def __init__(self, site: Station, timings: Timings = LAW, keys: Mapping[str, str] = KEYS) -> None:
        self.keeps_expiry = {charger.charger_id for charger in site.chargers}
        self.answers_schedules = True
        self.said: dict[tuple[str, int], tuple[int, SetLimit]] = {}
        super().__init__(site, timings, keys)

    def do(self, *facts: Fact) -> Step:
        step = super().do(*facts)
        for command in (*step.at_once, *step.after_commit):
            if isinstance(command, SetLimit) and command.purpose is Purpose.TX:
                self.said[command.charger_id, command.idx] = self.now_ms, command
        return step

    def answer(self, call: Call, status: str = "Accepted") -> Step:
        if not isinstance(call, ReadSchedule) or call.duration_s != 2 * EXPIRY_S:
            return super().answer(call, status)
        self.open_calls.remove(call)
        if not self.answers_schedules:
            return self.last
        at_ms, limit = self.said[call.charger_id, call.idx]
        if call.charger_id not in self.keeps_expiry or limit.expires_to_w is None:
            return self.do(ScheduleRead(call.token, None, limit.limit_w))
        left_s = limit.expires_s - (self.now_ms - at_ms) // 1_000
        if limit.form.unit is RateUnit.A:
            tenths, next_tenths = [
                10 * power_w // limit.form.ampere_w for power_w in (limit.limit_w, limit.expires_to_w)
            ]
            return self.do(ScheduleRead(call.token, tenths, None, left_s, next_tenths))
        return self.do(ScheduleRead(call.token, None, limit.limit_w, left_s, None, limit.expires_to_w))
