"""Oracles A and G: the limits that chargers really have in force, added up on every row, with a server and without.

A: Σ of what chargers may give under what they obey fits every row at every instant. More is there only where facts have
opened the row (`workoff`) or evidence has raised what a liar is booked at, or one that keeps profiles of ended
transactions, and is worked off in the time of LEDGER.md §3. That the engine calls the row overbooked excuses nothing.

G: without a server, for as long as it stays away, Σ fits every row, after every expiry. Where the row was overbooked
when the process died, it stays within what was booked then.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from csms.core.firm import RowBound
from csms.core.ids import ChargerId
from csms.simulation.asked import Asked
from csms.simulation.client import RestClient
from csms.simulation.host import Controller
from csms.simulation.trace import demand
from csms.simulation.truth import Obeyed, Truth, booked_on
from csms.simulation.wiring import NOTHING
from csms.simulation.workoff import WORK_OFF_MS, WorkOff


@dataclass(slots=True)
class Limits:
    """The limits in force in one world.

    Attributes:
        over_ms: for how long each row had more in force than its capacity; longest_ms: at a stretch, of any row, while
            it had to be worked off.
    """

    truth: Truth
    workoff: WorkOff
    asked: Asked
    over_ms: dict[str, int] = field(default_factory=dict)
    longest_ms: int = 0
    _since_ms: dict[str, int] = field(default_factory=dict)
    _evidence_ms: dict[str, int] = field(default_factory=dict)
    _lies_w: dict[ChargerId, int] = field(default_factory=dict)

    def with_server(self, engine: Controller, obeyed: Obeyed) -> None:
        """Judge every row (A)."""
        truth = self.truth
        sums_w = truth.in_force_w(obeyed)
        self.workoff.count()
        self._note_evidence(sums_w)
        rows = truth.rows
        for row, watts in (self._on_rows(sums_w) | self.workoff.currents.in_force(obeyed)).items():
            capacity_w = rows.capacity(row)
            if capacity_w is None:
                continue
            self.asked.compared["A"] += 1
            if watts > capacity_w:
                self._over(row, watts, capacity_w, obeyed)
            else:
                self._fits(engine, row, capacity_w)

    def without_server(self, bounds: Mapping[str, RowBound], obeyed: Obeyed) -> None:
        """Judge every row (G), and every charger by what was booked for it when the process died (B)."""
        rows = self.truth.rows
        sums_w = self.truth.in_force_w(obeyed)
        for row, watts in (self._on_rows(sums_w) | self.workoff.currents.in_force(obeyed)).items():
            capacity_w = rows.capacity(row)
            if capacity_w is None:
                continue
            self.asked.compared["G"] += 1
            if watts <= capacity_w:
                continue
            if row in rows.phases and self.truth.liars_on(row):
                self.asked.excuse("G", "a liar on the phase")
                continue
            bound_w = self.truth.phases_booked[row] if row in rows.phases else bounds[row].possible_w
            was_fine = bound_w <= capacity_w
            demand(not was_fine, "G: {} has limits of {} W in force, its capacity is {} W", row, watts, capacity_w)
            self.asked.excuse("G", "overbooked when the server died")
            demand(watts <= bound_w, "G: {} has limits of {} W, bound {} W", row, watts, bound_w)
        for charger_id, watts in sums_w.items():
            self.asked.compared["B"] += 1
            booked_w = self.truth.charger_booked_w.get(charger_id, 0)
            demand(watts <= booked_w, "I2: {} obeys {} without a server, booked {}", charger_id, watts, booked_w)

    def tick(self, elapsed_ms: int) -> None:
        """Add `elapsed_ms` to every row that has more in force than its capacity."""
        for row in self._since_ms:
            self.over_ms[row] = self.over_ms.get(row, 0) + elapsed_ms

    def _on_rows(self, sums_w: Mapping[ChargerId, int]) -> dict[str, int]:
        rows = self.truth.rows
        total_w: dict[str, int] = {}
        for charger_id, watts in sums_w.items():
            for row in rows.nodes_of(charger_id):
                total_w[row] = total_w.get(row, 0) + watts
        return total_w

    def _note_evidence(self, sums_w: Mapping[ChargerId, int]) -> None:
        """Note where what counts of a liar, or of one that keeps profiles, has risen: something was measured of it."""
        truth = self.truth
        for charger_id in truth.chargers:
            if not truth.lies(charger_id):
                continue
            watts = sums_w.get(charger_id, 0)
            if watts > self._lies_w.get(charger_id, 0):
                self._evidence_ms |= dict.fromkeys(truth.rows.of(charger_id), truth.now_ms)
            self._lies_w[charger_id] = watts

    def _more_w(self, client: RestClient, obeyed: Obeyed) -> int:
        """Return what a client may take beyond what is in force over OCPP at its connector, W: there is one car."""
        charger_id, idx = client.key
        is_beside = self.truth.chargers[charger_id].outlets[idx - 1].transaction is not None
        beside_w = obeyed[charger_id][idx - 1] if is_beside and charger_id in self.truth.counting else 0
        return max(0, client.obeyed_w - beside_w)

    def _more_on(self, row: str, obeyed: Obeyed) -> Callable[[RestClient], int]:
        """Return how what a client may take beyond what is in force over OCPP counts on a row."""
        line = self.truth.rows.lines.get(row)
        if line is None:
            return lambda client: self._more_w(client, obeyed)

        def more(client: RestClient) -> int:
            charger_id, idx = client.key
            is_beside = self.truth.chargers[charger_id].outlets[idx - 1].transaction is not None
            counts = is_beside and charger_id in self.truth.counting
            beside = self.workoff.currents.of_limit(charger_id, idx, obeyed[charger_id][idx - 1]) if counts else NOTHING
            return self.workoff.currents.client_beyond(client, client.obeyed_w, beside)[line]

        return more

    def _fits(self, engine: Controller, row: str, capacity_w: int) -> None:
        """Take that a row has room for its limits; with what is booked it fits as well, nothing has overbooked it."""
        self._since_ms.pop(row, None)
        is_opened = row in self._evidence_ms or self.workoff.opened_ms(row) is not None
        if is_opened and booked_on(engine, row) <= capacity_w:
            self.workoff.close(row)
            self._evidence_ms.pop(row, None)

    def _over(self, row: str, watts: int, capacity_w: int, obeyed: Obeyed) -> None:
        now_ms, workoff = self.truth.now_ms, self.workoff
        if row in self.truth.rows.phases and self.truth.liars_on(row):
            self.asked.excuse("A", "a liar on the phase")  # what it has on a phase, and shall have, is told by C alone
            return
        since_ms = self._since_ms.setdefault(row, now_ms)
        evidence_ms = self._evidence_ms.get(row)
        is_opened = workoff.opened_ms(row) is not None or evidence_ms is not None
        demand(is_opened, "A: {} has limits of {} W in force, its capacity is {} W", row, watts, capacity_w)
        begun_ms = max(workoff.begins_ms(row, since_ms), evidence_ms or 0)
        self.longest_ms = max(self.longest_ms, now_ms - begun_ms)
        known_ms = begun_ms
        if evidence_ms is not None:  # one sample is no verdict
            known_ms += max(self.truth.liars_on(row).values(), default=0)
        if now_ms - known_ms <= WORK_OFF_MS:
            self.asked.excuse("A", "just overbooked")
            return
        known = self.truth.believable(obeyed)
        why = workoff.demand_let_go("A", row, capacity_w, known, self._more_on(row, obeyed), known_ms + WORK_OFF_MS)
        self.asked.excuse("A", why)
