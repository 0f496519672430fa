"""Oracle C: what every row carries, against 1.02 × its capacity.

A car lets go within 5 s of its limit; for longer a row carries too much only within a window that is opened by

- a liar under the row: its real sample period and 25 s, while it can be heard and believed; where what is too much is
  less than a limit may be exceeded by without evidence (LEDGER.md §6) it is told less first, and has let go of that;
- a capacity cut, and likewise whatever else facts put on a row (`workoff`): 25 s.

After its window whoever can be told must have made room. The base load opens none here: what our chargers draw is held
to our part of the connection even while it is exceeded by others; what the grid meter may show meanwhile is told in
`grid`. A liar can neither be heard nor believed while its link is disturbed, its meter broken, a CALL to it lost, late
or refused, or stamps doubted because a clock was stepped: no core could know better.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from csms.core.demand import tolerance_w
from csms.core.firm import RowBound
from csms.core.ids import ChargerId
from csms.simulation.asked import Asked
from csms.simulation.client import RestClient
from csms.simulation.currents import DRAW_BY_THEMSELVES, wiring_of
from csms.simulation.host import Controller
from csms.simulation.trace import demand
from csms.simulation.truth import Truth, booked_on
from csms.simulation.wiring import NOTHING, SIXTHS
from csms.simulation.workoff import WORK_OFF_MS, WorkOff

CLOCK_DOUBT_MS = 60_000
CLOCK_STEP_MS = 120_000
"""Stamps of a clock that is so wrong are believed so long after a connection was made (`csms.core.stamps`)."""

TRIM_MS = 40_000
"""A mean of 10 s is taken off the row (`csms.core.trimming`), and the slowest car has let go of that after 30 s."""

RAMP_MS = 6_000
"""A fuse may carry a car's ramp for so long: a car lets go within 5 s, and time is cut into whole seconds.

Likewise after a row was worked off: a REST client hears what is booked for it when that is durable.
"""


@dataclass(slots=True)
class Fuses:
    """The fuses of one world.

    Attributes:
        longest_ms: for how long any carried too much while its window was open, or after it for what is held.
        carried_w: what each row carried when it was judged last.
    """

    truth: Truth
    workoff: WorkOff
    asked: Asked
    longest_ms: int = 0
    carried_w: dict[str, int] = field(default_factory=dict)
    _since_ms: dict[str, int] = field(default_factory=dict)

    def tick(self, engine: Controller) -> None:
        """Judge every row."""
        draws_w = self._draws_w()
        rows = self.truth.rows
        self.carried_w = self.drawn_w(draws_w)
        for row, watts in (self.carried_w | self.workoff.currents.drawn()).items():
            capacity_w = rows.capacity(row)
            if capacity_w is None:
                continue
            self.asked.compared["C"] += 1
            if watts <= capacity_w + capacity_w // 50:
                self._since_ms.pop(row, None)
            else:
                self._over(engine, row, watts, capacity_w, draws_w)

    def without_server(self, bounds: Mapping[str, RowBound]) -> None:
        """Compare what each row carries with what the server said, before it died, that it may carry without it (I11).

        A client that had not heard its last answer then goes on with the one before (API.md).
        """
        truth = self.truth
        unheard_w: Counter[str] = Counter()
        for client in truth.clients:
            if not client.is_sure and client.key.charger_id in truth.mirror.chargers:
                unheard = max(0, client.obeyed_w - truth.booked_w.get(client.key, 0))
                for row in truth.rows.of(client.key.charger_id):
                    line = truth.rows.lines.get(row)
                    unheard_w[row] += (
                        unheard if line is None else self.workoff.currents.of_client(client, unheard)[line]
                    )
        lying = {row for charger_id in truth.liars for row in truth.rows.of(charger_id)}
        lying |= {row for row in truth.rows.phases if truth.liars_on(row)}
        self.carried_w = self.drawn_w(self._draws_w())
        for row, watts in (self.carried_w | self.workoff.currents.drawn()).items():
            if row in lying:
                continue
            is_phase = row in truth.rows.phases
            possible_w = (truth.phases_booked[row] if is_phase else bounds[row].possible_w) + unheard_w[row]
            if watts <= possible_w + possible_w // 50:
                self._since_ms.pop(row, None)
                continue
            since_ms = self._since_ms.setdefault(row, truth.now_ms)
            is_ramp = truth.now_ms - since_ms <= RAMP_MS
            demand(is_ramp, "I11: {} carries {}, bound {} W", row, watts, possible_w)

    def _draws_w(self) -> Mapping[ChargerId, Sequence[int]]:
        return {cid: [outlet.draw_w for outlet in model.outlets] for cid, model in self.truth.chargers.items()}

    def more_w(self, client: RestClient) -> int:
        """Return what a client draws beyond what is drawn at its connector over OCPP, W: there is one car."""
        charger_id, idx = client.key
        charger = self.truth.mirror.chargers.get(charger_id)
        counts = charger_id in self.truth.live or (
            charger is not None and charger.charger.control in DRAW_BY_THEMSELVES
        )
        beside_w = self.truth.chargers[charger_id].outlets[idx - 1].draw_w if counts else 0
        return max(0, client.draw_w - beside_w)

    def _more_on(self, row: str) -> Callable[[RestClient], int]:
        """Return how what a client draws beyond what is drawn over OCPP at its connector counts on a row."""
        line = self.truth.rows.lines.get(row)
        if line is None:
            return self.more_w

        def more(client: RestClient) -> int:
            charger_id, idx = client.key
            outlet, beside = self.truth.chargers[charger_id].outlets[idx - 1], NOTHING
            if self.workoff.currents.counts(charger_id):
                beside = self.workoff.currents.of_draw(charger_id, outlet)
            return self.workoff.currents.client_beyond(client, client.draw_w, beside)[line]

        return more

    def _as_power_w(self, charger_id: ChargerId, row: str, amount: int) -> int:
        """Return what an amount on a row is as a power of one charger, W."""
        if row not in self.truth.rows.phases:
            return amount
        return amount * (wiring_of(self.truth.chargers[charger_id]).phases or 3) // SIXTHS

    def drawn_w(self, draws_w: Mapping[ChargerId, Sequence[int]]) -> dict[str, int]:
        """Return what each row carries, W."""
        truth = self.truth
        drawn: dict[str, int] = {}
        clients_w: dict[ChargerId, int] = {}
        for client in truth.clients:
            clients_w[client.key.charger_id] = clients_w.get(client.key.charger_id, 0) + self.more_w(client)
        for charger_id, known in truth.mirror.chargers.items():
            if known.is_drained:
                continue
            watts = clients_w.get(charger_id, 0)
            if charger_id in truth.live or known.charger.control in DRAW_BY_THEMSELVES:
                watts += sum(draws_w[charger_id])
            watts = min(watts, truth.chargers[charger_id].hardware_w)
            for row in truth.rows.nodes_of(charger_id):
                drawn[row] = drawn.get(row, 0) + watts
        return drawn

    def _over(
        self, engine: Controller, row: str, watts: int, capacity_w: int, draws_w: Mapping[ChargerId, Sequence[int]]
    ) -> None:
        now_ms = self.truth.now_ms
        since_ms = self._since_ms.setdefault(row, now_ms)
        if now_ms - max(since_ms, self.workoff.closed_ms(row)) <= RAMP_MS:
            self.asked.excuse("C", "a car's ramp")
            return
        liars = self.truth.liars_on(row)
        is_opened = bool(liars) or self.workoff.opened_ms(row) is not None
        demand(is_opened, "C: {} carries {} of {} W", row, watts, capacity_w)
        begun_ms = max(self.workoff.begins_ms(row, since_ms), *map(self._believed_ms, liars), 0)
        window_ms = WORK_OFF_MS + max(
            (self._unknown_ms(*each, self._as_power_w(each[0], row, watts - capacity_w)) for each in liars.items()),
            default=0,
        )
        self.longest_ms = max(self.longest_ms, now_ms - begun_ms)
        if now_ms - begun_ms <= window_ms:
            self.asked.excuse("C", "a liar" if liars else "just overbooked")
            return
        most_w = capacity_w + capacity_w // 50
        more = self._more_on(row)
        why = self.workoff.demand_let_go("C", row, most_w, draws_w, more, begun_ms + window_ms)
        booked_w = booked_on(engine, row)
        demand(booked_w > capacity_w, "C: {} carries {} of {} W, booked {}", row, watts, capacity_w, booked_w)
        self.asked.excuse("C", why)

    def _unknown_ms(self, liar: ChargerId, period_ms: int, over_w: int) -> int:
        """Return for how long nobody can know that it is this liar which draws so much too much, W."""
        known = self.truth.mirror.chargers.get(liar)
        if known is None:
            return period_ms
        is_within = over_w <= known.charger.connectors * tolerance_w(known.charger, 0)
        return 2 * period_ms + TRIM_MS if is_within else period_ms

    def _believed_ms(self, charger_id: ChargerId) -> int:
        """Return since when what a liar tells is taken for now: not yet, while it is away or disturbed.

        Of one whose clock is behind the server's, or was stepped, that is two minutes after it has come, or after the
        process has started, with which all timers restart (LEDGER.md §1): until then it may be its queue that speaks.
        """
        truth = self.truth
        model, now_ms = truth.chargers[charger_id], truth.now_ms
        is_known = all(o.transaction is None or o.transaction.transaction_id is not None for o in model.outlets)
        if model.heard_since_ms is None or not is_known or truth.mirror.chargers[charger_id].is_two:
            return now_ms
        blind_ms = max(model.meter_fault_until_ms, model.meter_mute_until_ms, model.silent_until_ms)
        is_behind = model.skew_ms - truth.around.server_ahead_ms < -CLOCK_DOUBT_MS or model.stepped_ms != 0
        from_ms = max(model.heard_since_ms, truth.up_since_ms)
        believed_ms = from_ms + (CLOCK_STEP_MS if is_behind else 0)
        delayed_ms = truth.around.delayed_until_ms.get(charger_id, 0)
        disturbed_ms = max(model.disturbed_until_ms, delayed_ms, truth.around.faults.doubted_until_ms)
        return min(now_ms, max(believed_ms, blind_ms, disturbed_ms))
