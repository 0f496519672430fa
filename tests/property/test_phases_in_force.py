"""No phase carries more than its fuse, whatever the rotations of the chargers and the phases that cars use.

The oracle knows what the core does not: how every charger is really rotated, which phases every car uses, and what the
newest limit that each charger was told lets it draw there. A charger told watts gives a car all of them on the phases
that it uses, as far as a third of its maximum goes; one told amperes gives them on each. A car draws what it may, and
lets go at once. Cars change their phases never; what is overbooked by a fact (a charger comes back) is left out.
"""

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from csms.core.capabilities import RATE_UNIT_KEY
from csms.core.commands import Purpose, RateUnit, SetLimit
from csms.core.events import ConnectorStatus
from csms.core.station import Charger, Circuit, Lines, PhaseLimit, Station
from tests.unit.core.driving import Drive, charger, station

V = 230
ROTATIONS: tuple[Lines, ...] = ((1, 2, 3), (2, 3, 1), (3, 1, 2), (1, 3, 2), (2, 1, 3), (3, 2, 1))
USES = ((1,), (1,), (1, 2), (1, 2, 3), (2,))


class Site:
    """A random site, and the truth of it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.true_rotations: dict[str, Lines] = {}
        self.uses: dict[str, tuple[int, ...]] = {}
        self.obeyed: dict[str, SetLimit] = {}
        self.transactions: dict[str, int] = {}
        chargers = tuple(self._charger(f"C{number}") for number in range(rng.randint(2, 5)))
        circuit = Circuit("K", None, None, PhaseLimit(self._fuse())) if rng.random() < 0.5 else None
        circuits = () if circuit is None else (replace(circuit, capacity_w=circuit.phase_limit.power_w),)  # type: ignore[union-attr]
        limit = PhaseLimit(self._fuse())
        if circuits:
            chargers = tuple(replace(c, circuit=rng.choice((None, "K"))) for c in chargers)
        site = station(1, *chargers, circuits=circuits)
        self.station: Station = replace(site, grid_capacity_w=limit.power_w, phase_limit=limit)
        self.drive = Drive(self.station, keys={RATE_UNIT_KEY: rng.choice(("Current", "Power"))})

    def _fuse(self) -> Lines:
        if self.rng.random() < 0.5:
            return (self.rng.choice((20_000, 35_000, 63_000)),) * 3
        on_l1, on_l2, on_l3 = [self.rng.randint(12_000, 63_000) for _ in range(3)]
        return on_l1, on_l2, on_l3

    def _charger(self, name: str) -> Charger:
        phases, amperes = self.rng.choice((0, 1, 1, 3, 3, 3)), self.rng.choice((16, 32))
        self.true_rotations[name] = rotation = self.rng.choice(ROTATIONS)
        config = replace(charger(name, 1, phases=phases), max_power_w=amperes * V * (phases or 3))
        known = rotation if self.rng.random() < 0.7 else None
        return replace(config, rotation=known, min_power_w=6 * V * phases)

    def run(self) -> None:
        """Let cars come, charge and go."""
        names = [c.charger_id for c in self.station.chargers]
        self.drive.bring_up(*names)
        for _ in range(14):
            name = self.rng.choice(names)
            if name not in self.transactions:
                self.uses[name] = self._use(name)
                self.transactions[name] = self.drive.start(name)
                self.drive.status(name, 1, ConnectorStatus.CHARGING)
            elif self.rng.random() < 0.2:
                self.drive.stop(name, self.transactions.pop(name))
                self.obeyed.pop(name, None)
                self.drive.status(name, 1, ConnectorStatus.AVAILABLE)
            self._obey()
            self.drive.wait(10)
            for each in self.transactions:
                self._sample(each)
            self._obey()

    def _use(self, name: str) -> tuple[int, ...]:
        phases = next(c.phases for c in self.station.chargers if c.charger_id == name)
        if phases == 3:
            return self.rng.choice(USES)
        return (1,) if phases == 1 else (1, 2, 3)

    def _obey(self) -> None:
        """Have every charger take what it is told, one by one, and look at the fuses after each."""
        for _ in range(200):
            if not self.drive.open_calls:
                return
            call = self.drive.open_calls[0]
            if isinstance(call, SetLimit) and call.purpose is Purpose.TX:
                self.obeyed[call.charger_id] = call
                self.check()
            self.drive.answer(call)
            if isinstance(call, SetLimit) and call.charger_id in self.transactions:
                self._sample(call.charger_id)
        raise AssertionError("there is no end to the CALLs")

    def drawn_a(self, name: str) -> tuple[Fraction, Fraction, Fraction]:
        """Return what the car at a charger draws from the charger's own L1, L2 and L3, A."""
        limit = self.obeyed.get(name)
        if limit is None or name not in self.transactions:
            return Fraction(0), Fraction(0), Fraction(0)
        config = next(c for c in self.station.chargers if c.charger_id == name)
        used = self.uses[name]
        shared_by = limit.form.phases if limit.form.unit is RateUnit.A and not config.is_dc else len(used)
        each_a = min(Fraction(limit.limit_w, V * shared_by), Fraction(config.max_power_w, V * (config.phases or 3)))
        on_l1, on_l2, on_l3 = [each_a if line in used else Fraction(0) for line in (1, 2, 3)]
        return on_l1, on_l2, on_l3

    def _sample(self, name: str) -> None:
        drawn_a = self.drawn_a(name)
        on_l1, on_l2, on_l3 = [int(a * 1_000) for a in drawn_a]
        power_w = int(sum(drawn_a, Fraction(0)) * V)
        self.drive.sample(name, 1, power_w, current_ma=(on_l1, on_l2, on_l3))

    def check(self) -> None:
        """Assert that no phase of any fuse carries too much."""
        limits = {"grid": self.station.phase_limit} | {c.circuit_id: c.phase_limit for c in self.station.circuits}
        carried = {(row, line): Fraction(0) for row in limits for line in (1, 2, 3)}
        for config in self.station.chargers:
            for own, each_a in enumerate(self.drawn_a(config.charger_id), 1):
                line = self.true_rotations[config.charger_id][own - 1]
                for row in ("grid", config.circuit):
                    if row is not None:
                        carried[row, line] += each_a
        for (row, line), drawn_a in carried.items():
            limit = limits[row]
            assert limit is not None
            assert drawn_a <= Fraction(limit.current_ma[line - 1], 1_000), f"{float(drawn_a)} A on {row}/L{line}"


@pytest.mark.parametrize("seed", range(8))
def test_no_phase_carries_more_than_its_fuse(seed: int) -> None:
    site = Site(seed)
    site.run()
    in_amperes = site.drive.keys[RATE_UNIT_KEY] == "Current"
    assert site.obeyed or not site.transactions or not in_amperes, "somebody charges"
