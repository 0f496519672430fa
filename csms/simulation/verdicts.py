"""A mirror of LEDGER.md §6: nobody counts as not obeying before three samples, or 15 s, have spoken against it.

A conviction excuses what a connector draws, and makes others give way for it, so that it has to be earned. What speaks
against it is taken widely, as a core must not be quicker than the widest reading: every sample running on above the
least that was Accepted for its transaction, else above the least default, whether its car had the time to let go or
not. One that tells no power, or none although its register rises, may be a mean above it. Of the samples of one step
each may convict, whatever follows it in the same step. A limit in amperes is one of each phase: a car that uses one of
three is above it with a third of its watts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.commands import RateUnit
from csms.core.events import Fact, MeterSampled, Sample
from csms.core.ids import ConnectorKey
from csms.core.records import ChargerStored, Record
from csms.simulation.freeing import tolerance_w
from csms.simulation.heard import HeardCharger
from csms.simulation.mirror import Mirror
from csms.simulation.phases import learnt
from csms.simulation.store import Store
from csms.simulation.trace import demand

ENOUGH_SAMPLES = 3
ENOUGH_MS = 15_000


@dataclass(slots=True)
class Against:
    """What speaks against one connector: so many samples running, since the first of them; the newest one.

    `most`, `most_since_ms`: the same where they were most in the present step.
    """

    samples: int = 0
    since_ms: int = 0
    newest: Sample | None = None
    most: int = 0
    most_since_ms: int = 0

    def begin_step(self) -> None:
        """Begin with what spoke against it before."""
        self.most, self.most_since_ms = self.samples, self.since_ms

    def add(self, now_ms: int) -> None:
        """Count one more."""
        if not self.samples:
            self.since_ms = now_ms
        self.samples += 1
        if self.samples > self.most:
            self.most, self.most_since_ms = self.samples, self.since_ms


@dataclass(slots=True)
class Verdicts:
    """Who counts as not obeying in one world, and what was measured before."""

    convicted: set[ConnectorKey] = field(default_factory=set)
    _against: dict[ConnectorKey, Against] = field(default_factory=dict)

    def hear(self, facts: Iterable[Fact], mirror: Mirror) -> None:
        """Take the samples of one step, after the mirror has heard it."""
        for against in self._against.values():
            against.begin_step()
        for fact in facts:
            charger = mirror.chargers.get(fact.charger_id) if isinstance(fact, MeterSampled) else None
            if not isinstance(fact, MeterSampled) or charger is None:
                continue
            for idx in charger.connectors:
                if fact.idx in {None, 0, idx}:
                    against = self._against.setdefault(ConnectorKey(fact.charger_id, idx), Against())
                    for sample in fact.samples:
                        _take(against, sample, charger, idx, mirror.now_ms)

    def see(self, records: Iterable[Record], now_ms: int) -> None:
        """Judge whoever is convicted in one step."""
        for record in records:
            if isinstance(record, ChargerStored):
                for idx, found in record.evidence.items():
                    self._see(ConnectorKey(record.charger_id, idx), now_ms, not_obeying=found.not_obeying)

    def recovered(self, store: Store) -> None:
        """Take whoever counts so for a new process; what was measured before was measured."""
        rows = store.chargers.values()
        self.convicted = {
            ConnectorKey(row.charger_id, idx)
            for row in rows
            for idx, found in row.evidence.items()
            if found.not_obeying
        }

    def _see(self, key: ConnectorKey, now_ms: int, *, not_obeying: bool) -> None:
        if not_obeying == (key in self.convicted):
            return
        if not not_obeying:
            self.convicted.remove(key)
            return
        self.convicted.add(key)
        against = self._against.get(key, Against())
        lasted_ms = now_ms - against.most_since_ms if against.most else 0
        demand(
            against.most >= ENOUGH_SAMPLES or lasted_ms >= ENOUGH_MS,
            "evidence: {} counts as not obeying after {} samples in {} ms",
            f"{key.charger_id}#{key.idx}",
            against.most,
            lasted_ms,
        )


def _take(against: Against, sample: Sample, charger: HeardCharger, idx: int, now_ms: int) -> None:
    """Take one sample, each once; one that tells nothing speaks for nobody."""
    before = against.newest
    if (sample.power_w is None and sample.energy_wh is None) or (before is not None and before.at_ms == sample.at_ms):
        return
    against.newest = sample
    is_still = before is None or sample.energy_wh is None or sample.energy_wh == before.energy_wh
    power_w = sample.power_w if sample.power_w is None else _as_told_w(sample, sample.power_w, charger, idx)
    if (power_w or is_still) and power_w is not None and not _is_above(power_w, charger, idx):
        against.samples = 0
        return
    against.add(now_ms)


def _as_told_w(sample: Sample, power_w: int, charger: HeardCharger, idx: int) -> int:
    """Return the least limit in amperes, W, that lets such a power flow from the phases that a car uses."""
    config, connector = charger.charger, charger.connectors[idx]
    if config.phases <= 1 or not any(send.form.unit is RateUnit.A for send in (*connector.sends, *charger.defaults)):
        return power_w
    of_one_w = 0 if sample.current_ma is None else max(sample.current_ma) * config.voltage_v * config.phases // 1000
    least = min((len(used) for used in learnt(connector.shown, charger.connection)), default=config.phases)
    return max(power_w * config.phases // least, of_one_w)


def _is_above(power_w: int, charger: HeardCharger, idx: int) -> bool:
    """Return whether a power, W, is above the least that a connector was told for what runs there."""
    connector = charger.connectors[idx]
    accepted = [send for send in connector.sends if send.accepted_ms is not None]
    told = [send for send in accepted if send.transaction_id == connector.open_id is not None] or charger.defaults
    least = min(told, key=lambda send: send.limit_w, default=None)
    return power_w > (0 if least is None else least.limit_w + tolerance_w(charger.charger, least))
