"""Which phases a car uses, learnt from its meter (OCPP16.md B5, LEDGER.md §1, docs/adr/0042).

Theory of operation. Most cars use all phases that they are offered, many use one, some two; a car does not change that
while it charges. That is an assumption, so it is learnt late and given up at once. Where a meter tells no current of
its phases, or nothing but placeholders, their powers stand in for them, if one phase can carry that much, and may.


    a phase draws            more than 0.5 A: what stands in the place of a phase that is not used is about 0
    nothing draws            the car pauses, or these are placeholders of everything: tells nothing
    learnt                   three samples in a row, over 20 s or more, in which one phase carries 5 A or more and the
                             same phases draw; not where the power told beside them is another than they carry
    another phase draws      any phase counts again, at once and for the rest of the session: alarm `phases_changed`
    fewer phases draw, 5 A   likewise, without an alarm: in watts a charger may let one phase have all of a limit
    the connection ended     begins anew: another car may have come

It is kept for the session alone and never stored: after a restart any phase counts.
"""

from dataclasses import dataclass

from csms.core.events import DRAWN_MA
from csms.core.ids import ConnectionId
from csms.core.station import Lines

CHARGING_MA = 5_000
SAMPLES = 3
SPAN_MS = 20_000
SLACK_W = 500
"""A power may be so much off the currents told beside it, and a quarter more: they are not of the same instant."""


def in_currents(phase_w: Lines, voltage_v: int) -> Lines:
    """Return the currents that powers on each phase are at the least, mA."""
    on_l1, on_l2, on_l3 = [power_w * 1000 // voltage_v for power_w in phase_w]
    return on_l1, on_l2, on_l3


def agree(current_ma: Lines, power_w: int, voltage_v: int) -> bool:
    """Return whether a power and the currents told beside it can both be true."""
    apparent_w = sum(current_ma) * voltage_v // 1000
    return apparent_w * 3 // 4 - SLACK_W <= power_w <= apparent_w * 5 // 4 + SLACK_W


@dataclass(slots=True)
class PhaseUse:
    """What the meter has shown of one session; times monotonic ms.

    Attributes:
        lines: the charger's own phases that it uses, 1 to 3; None: any.
        connection: the one on which that was seen.
        seen: the phases that drew in the last `run` samples, the first of them at `since_ms`.
        given_up: it has changed them: nothing is learnt of it any more.
        strayed: the phases it drew from beyond those that it was learnt to use.
    """

    lines: frozenset[int] | None = None
    connection: ConnectionId | None = None
    seen: frozenset[int] = frozenset()
    run: int = 0
    since_ms: int = 0
    given_up: bool = False
    strayed: frozenset[int] = frozenset()

    def sampled(
        self, current_ma: Lines, power_w: int | None, voltage_v: int, connection: ConnectionId | None, now_ms: int
    ) -> bool:
        """Take the currents of a sample that is believed; return whether what is known of the phases has changed."""
        if connection != self.connection:
            self.lines, self.connection, self.run = None, connection, 0
        drawing = frozenset(line for line, each_ma in enumerate(current_ma, 1) if each_ma > DRAWN_MA)
        if not drawing or self.given_up:
            return False
        charges = max(current_ma) >= CHARGING_MA
        if self.lines is not None:
            return self._doubt(self.lines, drawing, charges=charges)
        if not charges or (power_w is not None and not agree(current_ma, power_w, voltage_v)):
            self.run = 0
        elif self.run == 0 or drawing != self.seen:
            self.seen, self.run, self.since_ms = drawing, 1, now_ms
        else:
            self.run += 1
            if self.run >= SAMPLES and now_ms - self.since_ms >= SPAN_MS:
                self.lines = drawing
                return True
        return False

    def _doubt(self, lines: frozenset[int], drawing: frozenset[int], *, charges: bool) -> bool:
        """Give up what was learnt if other phases draw, or only some of them; return whether it was."""
        self.strayed = drawing - lines
        if self.strayed or (charges and drawing != lines):
            self.lines, self.given_up = None, True
        return self.given_up
