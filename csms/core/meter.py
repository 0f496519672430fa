"""What is believed of a connector's meter (OCPP 1.6 §4.7): the power of its newest live sample.

Power.Active.Import is taken as it is; where it is missing or impossible, the mean since the register was last read. The
register is compared with itself only: after it has fallen, jumped or begun a new transaction (many count each session
from 0, others for ever, and some send both), the next reading is compared with this one. A register that shows whole
kWh is read over a longer time than one that shows Wh: its digits tell how long.

A power of 0 is evidence that nothing flows, which frees power; some meters always tell it. It is not believed beside
phases that draw, nor when the register has gone on rising while 0 was told (`csms.core.zeros`): then that counts.

Impossible is only what a connector of such a charger cannot physically carry. A power above the configured maximum is
no such thing: it may be true, and then it is the configuration that lies (LEDGER.md §6).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from csms.core.events import Sample
from csms.core.records import Doubt
from csms.core.station import Charger
from csms.core.units import MS_PER_HOUR, mean_power_w
from csms.core.zeros import REGISTER_LAG_MS, Zeros

AC_PLUG_A = 63
"""IEC 61851-1 mode 3: most current of one phase. A quarter more is still believed: voltage, rounding, poor meters."""

DC_PLUG_W = 500_000
"""CCS: 1000 V, 500 A."""

SLACK_WH = 1_000
"""Registers are read and rounded at different moments: so much more than the maximum is still believed."""

LEAST_ENERGY_SPAN_MS = 5_000
"""Registers read closer together than this, per Wh that they can show, give no usable mean power."""

OVERTAKEN_MS = 60_000
"""A sample older than the newest by less than this came late; by more, the charger's clock has stepped back."""

SAMPLES_REMEMBERED = 16


def most_power_w(charger: Charger) -> int:
    """Return the most that one connector of such a charger can physically carry, W.

    Above half as much again as configured, and above what its kind of plug carries.
    """
    plug_w = 3 * AC_PLUG_A * charger.voltage_v * 5 // 4 if charger.phases else DC_PLUG_W
    half_more_w = charger.max_power_w * 3 // 2
    return max(plug_w, half_more_w)


def most_energy_wh(most_w: int, lasted_ms: int) -> int:
    """Return the most that a register can have risen by in `lasted_ms` at `most_w`, Wh."""
    return most_w * max(lasted_ms, 0) // MS_PER_HOUR + SLACK_WH


class Reading(NamedTuple):
    """What one live sample tells: its power, W, and what about it is not believed; each may be None."""

    power_w: int | None
    doubt: Doubt | None


class Mean(NamedTuple):
    """What the register tells: its mean power, W, over a span; what about the reading is not believed."""

    power_w: int | None = None
    span_ms: int = 0
    doubt: Doubt | None = None


NO_MEAN = Mean()


@dataclass(slots=True)
class Meter:
    """The newest live sample of a connector, and the power read from it.

    Attributes:
        seen_ms: when it was received, monotonic; at_ms: the charger's own time of it.
        span_ms: the time of which its power is the mean; 0: it was told as a power.
        energy_wh, energy_at_ms: the register that the next one is compared with; step_wh: the finest that it showed.
        doubtful_w, doubtful_ms: a later sample that may be old, or the first of a run of impossible ones.
        absurd: such a run is on.
        zeros: what the register tells of powers of 0.
        taken: the last samples, so that a repeated one changes nothing.
    """

    power_w: int | None = None
    seen_ms: int | None = None
    span_ms: int = 0
    energy_wh: int | None = None
    energy_at_ms: int = 0
    step_wh: int | None = None
    at_ms: int | None = None
    doubtful_w: int | None = None
    doubtful_ms: int | None = None
    absurd: bool = False
    zeros: Zeros = field(default_factory=Zeros)
    taken: dict[tuple[int, int | None, int | None], None] = field(default_factory=dict)

    def begin(self, started_ms: int | None) -> None:
        """Begin a transaction that started at `started_ms` by the charger's clock, or nobody knows when.

        Its register may be another one, and what was measured before it says nothing of it. A sample of the same second
        is of the transaction: some chargers stamp one with milliseconds and the other without.
        """
        self._forget_register()
        if started_ms is not None:
            self.at_ms = started_ms // 1_000 * 1_000

    def end(self, ended_ms: int | None) -> None:
        """End a transaction (`ended_ms`: the charger's clock): what was measured before tells nothing of afterwards."""
        self._forget_register()
        if ended_ms is not None:
            self.at_ms = ended_ms if self.at_ms is None else max(self.at_ms, ended_ms)

    def _forget_register(self) -> None:
        self.energy_wh = None
        self.zeros.restart()

    def read(self, sample: Sample, now_ms: int, most_w: int) -> Reading:
        """Take a live sample of a connector that carries `most_w` at most."""
        power_w, doubt = sample.power_w, Doubt.ZERO_CONTRADICTED if sample.zero_contradicted else None
        mean, span_ms = NO_MEAN, 0
        if power_w is not None and power_w > most_w:
            power_w, doubt = None, Doubt.IMPOSSIBLE_POWER
        if sample.energy_wh is not None:
            mean = self._read_register(sample.energy_wh, sample, most_w)
        if sample.power_w is not None:
            mean = self._judge_zero(sample, mean, most_w)
        if power_w == 0 and self.zeros.lie:
            power_w, doubt = None, Doubt.ZERO_CONTRADICTED
        if power_w is None:
            power_w, span_ms = mean.power_w, mean.span_ms
        doubt = doubt or mean.doubt
        self.at_ms = sample.at_ms
        if power_w is not None:
            self.power_w, self.seen_ms, self.span_ms = power_w, now_ms, span_ms
            self.doubtful_w = self.doubtful_ms = None
            self.absurd = False
        elif sample.power_w:
            self.suspect(sample.power_w, now_ms, most_w)
        return Reading(power_w, doubt)

    def _judge_zero(self, sample: Sample, mean: Mean, most_w: int) -> Mean:
        """Judge a power of 0 by the register; return what this tells of the power beside a 0 that lies."""
        if sample.power_w:
            self.zeros.forget()
            return mean
        window = None
        if mean.doubt is not None:
            self.zeros.restart()
        elif sample.energy_wh is not None:
            window = self.zeros.read(sample.energy_wh, sample.at_ms, self.step_wh or 1)
        if not self.zeros.lie or self.zeros.rises_with_each(sample.at_ms):
            return mean
        if window is None or window.power_w > most_w:
            return Mean(doubt=mean.doubt)
        return Mean(window.power_w, window.span_ms)

    def _read_register(self, energy_wh: int, sample: Sample, most_w: int) -> Mean:
        """Return the mean power since the register was last read; compare the next reading with this one."""
        step_wh = sample.energy_step_wh if self.step_wh is None else min(self.step_wh, sample.energy_step_wh)
        self.step_wh = step_wh
        mean = NO_MEAN
        if self.energy_wh is not None:
            rise_wh, span_ms = energy_wh - self.energy_wh, sample.at_ms - self.energy_at_ms
            if rise_wh < 0:
                mean = Mean(doubt=Doubt.REGISTER_FELL)
            elif (rise_wh - step_wh) * MS_PER_HOUR > most_w * max(span_ms, REGISTER_LAG_MS):
                mean = Mean(doubt=Doubt.REGISTER_JUMPED)
            elif 0 <= span_ms < LEAST_ENERGY_SPAN_MS * step_wh:
                return mean
            elif span_ms > 0:
                power_w = mean_power_w(rise_wh, span_ms)
                if power_w > most_w:
                    return mean  # brought up to date with what came before: over a longer time it tells more
                mean = Mean(power_w, span_ms)
        self.energy_wh, self.energy_at_ms = energy_wh, sample.at_ms
        return mean

    def is_new(self, sample: Sample) -> bool:
        """Return whether this sample was not taken before, and remember it (LEDGER.md I7)."""
        identity = (sample.at_ms, sample.power_w, sample.energy_wh)
        if identity in self.taken:
            return False
        self.taken[identity] = None
        if len(self.taken) > SAMPLES_REMEMBERED:
            del self.taken[next(iter(self.taken))]
        return True

    def is_overtaken(self, sample: Sample) -> bool:
        """Return whether a newer sample, by the charger's own clock, came before this one."""
        return self.at_ms is not None and 0 < self.at_ms - sample.at_ms < OVERTAKEN_MS

    def suspect(self, power_w: int, now_ms: int, most_w: int) -> None:
        """Take a power that is not believed: it may speak against a car that has let go, never for it.

        An impossible one may once; a meter that tells nothing else is as good as none and holds nothing up for ever.
        """
        if power_w > most_w:
            if self.absurd:
                return
            self.absurd = True
        self.doubtful_w, self.doubtful_ms = power_w, now_ms

    def above_ms(self, power_w: int) -> int | None:
        """Return when the newest sample, or the newest doubtful one, was above `power_w`; None when neither was."""
        readings = ((self.power_w, self.seen_ms), (self.doubtful_w, self.doubtful_ms))
        return max(
            (ms for seen_w, ms in readings if seen_w is not None and ms is not None and seen_w > power_w), default=None
        )

    def fresh_w(self, now_ms: int, fresh_ms: int) -> int | None:
        """Return the power of the newest sample if it is not older than `fresh_ms`, W."""
        if self.power_w is None or self.seen_ms is None or now_ms - self.seen_ms > fresh_ms:
            return None
        return self.power_w
