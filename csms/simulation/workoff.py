"""How long a row may stay overfull after facts have overbooked it, and what must have been let go by then.

A row is *opened* by a change of the configuration (a capacity cut, somebody more under it), by a charger that begins to
count on it (its first connection), and by one that boots and does not take its default within 15 s (§4: it may
have lost it, and is booked at its maximum), and by a new process that books more than the one before (a client may not
have heard its last answer). LEDGER.md §3 gives 25 s to work that off: 5 s until the cut is on the
wire, 15 until it is answered or timed out, 25 until it is settled. After that everything is held against the
controller but

- what somebody has who cannot be told: out of reach, removed and draining (LEDGER.md §2), or never provisioned and
  without a limit of its own. Others have to make room for it, down to the least that they may be told;
- what a charger goes on with although it was told less: the CALL was lost, late or refused. It counts with what it was
  told, and nobody has to make room for it as long as it is not known that it does not obey;
- one that counts as not obeying since less than 50 s: what may hide its limit is cleared first, in 25 s, and then it is
  told the least (§6); until then others make room for it;
- one that has refused limits three times, or for whose connection two fight, may be one that is told nothing more: it
  is enough if others make room for it, or if it was told less itself;
- the default of a connector at which a REST client charges its car, whether it is in reach or not: nobody else can be
  plugged in there, and what runs there from before us is that car. The client itself is told no less than the default
  that its charger has from us. When it goes, or a transaction with a limit of its own has ended, the default counts
  again, and a row that is still open has its 25 s again;
- one that has fallen silent on a connection that stays, until two CALLs to it have timed out and 25 s have passed: only
  that shows it (§3), and until then it counts as one whose CALL was lost. When its connection ends, that is known; and
  likewise on a new one before its first word: it is told nothing so long, as the core knows, and others make room;
- whoever came into reach or went out of it in the last 25 s, and what is longer waited for one that answers slowly,
  and REST clients that have not asked since this was over, nor since somebody on their row was convicted: they are not
  counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from csms.core.commands import Command, LimitForm, RateUnit, SetLimit
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import Charger, Control
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.currents import Currents, wiring_of
from csms.simulation.heard import HeardCharger, HeardSend
from csms.simulation.host import Controller
from csms.simulation.outlet import Outlet
from csms.simulation.rows import Rows, opened_by
from csms.simulation.trace import demand
from csms.simulation.truth import Truth
from csms.simulation.wiring import Amperes

LEAST_CURRENT_A = 6
DC_LEAST_W = 1_000
"""What is told, where 0 is refused or never resumed from (LEDGER.md §4): the smallest that can be."""

WORK_OFF_MS = 25_000
"""LEDGER.md §3: on the wire, answered, settled."""

USUAL_MS, LONGEST_MS = 10_000, 60_000
"""LEDGER.md §3: the time-out of a CALL with nothing learnt, and the longest that may be learnt; that comes on top."""

JUDGED_MS = 2 * WORK_OFF_MS
"""LEDGER.md §6: what may hide a limit that is not obeyed is cleared, and then the least is told."""


CANNOT_BE_TOLD = "somebody cannot be told less"
WAS_TOLD_LESS = "somebody was told less, or has just come into reach"


class Reach(StrEnum):
    """Whether a charger can be told anything, and whether that shows."""

    HERE = "here"
    SILENT = "silent"
    """It hears or says nothing, and the central system still has a connection to it."""
    AWAY = "away"
    """There is no connection, or it has said nothing on it yet: it is told nothing."""


@dataclass(slots=True)
class Load:
    """What is on a row after the time to work it off, W, on a phase sixths of a watt."""

    steered_w: int = 0
    least_w: int = 0
    held_w: int = 0

    def leaves_w(self, capacity_w: int) -> int:
        """Return what those may have who are told what to do, W: what others leave, or the least."""
        return max(capacity_w - self.held_w, self.least_w)

    def is_let_go(self, capacity_w: int) -> bool:
        """Return whether they have no more."""
        return self.steered_w <= self.leaves_w(capacity_w)


@dataclass(slots=True)
class WorkOff:
    """What opened rows, who was told what, and who can be told."""

    truth: Truth
    _opened_ms: dict[str, int] = field(default_factory=dict)
    _closed_ms: dict[str, int] = field(default_factory=dict)
    _moved_ms: dict[str, int] = field(default_factory=dict)
    _defaults_w: dict[ConnectorKey, int] = field(default_factory=dict)
    _own_w: dict[ConnectorKey, tuple[int, int]] = field(default_factory=dict)
    _decided_w: dict[ConnectorKey, tuple[int, int]] = field(default_factory=dict)
    _reach: dict[ChargerId, tuple[Reach, int]] = field(default_factory=dict)
    _counting: tuple[ChargerId, ...] = ()
    _provisioned: dict[ChargerId, int] = field(default_factory=dict)
    _had_w: dict[ChargerId, tuple[int, int]] = field(default_factory=dict)
    _driven: set[ConnectorKey] = field(default_factory=set)
    _limited: set[ConnectorKey] = field(default_factory=set)
    _convicted_ms: dict[ConnectorKey, int] = field(default_factory=dict)
    currents: Currents = field(init=False)
    _rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self._rows = self.truth.rows
        self.currents = Currents(self.truth)

    # --- what happens ------------------------------------------------------------------------------------------------

    def decided(self, commands: Iterable[Command]) -> None:
        """Take commands that leave as soon as they are durable: nobody has to make room for whom they are for."""
        for command in commands:
            if isinstance(command, SetLimit) and command.transaction_id is not None:
                key = ConnectorKey(command.charger_id, command.idx)
                self._decided_w[key] = (command.transaction_id, _as_told(command.limit_w, command.form))

    def left(self, command: Command) -> None:
        """Take a command as it leaves the process."""
        if not isinstance(command, SetLimit):
            return
        key = ConnectorKey(command.charger_id, command.idx)
        self._decided_w.pop(key, None)
        limit_w = _as_told(command.limit_w, command.form)
        if command.transaction_id is not None:
            self._own_w[key] = (command.transaction_id, limit_w)
        else:
            self._defaults_w[key] = limit_w

    def count(self) -> None:
        """Take who counts now: a row is opened by whoever joins, and by a change of the configuration."""
        now_ms, rows = self.truth.now_ms, self.truth.rows
        if rows is not self._rows:
            self._opened_ms |= dict.fromkeys(opened_by(self._rows, rows), now_ms)
            self._rows = rows
        counting = self.truth.counting
        if counting is not self._counting:
            for charger_id in set(counting).difference(self._counting):
                self._opened_ms |= dict.fromkeys(rows.of(charger_id), now_ms)
            self._counting = counting
        self._lose_defaults()
        driven = {client.key for client in self.truth.clients if not client.is_gone}
        if driven != self._driven:
            self._left_to_default(self._driven - driven)
            self._driven = driven
        if self._opened_ms:
            limited = {
                key for key, (transaction_id, _w) in self._own_w.items() if self._heard_id(key) == transaction_id
            }
            self._left_to_default(self._limited - limited)
            self._limited = limited

    def recovered(self, engine: Controller, bounds: Mapping[str, RowBound]) -> None:
        """Take that a new process books more than the one before: an answer that a client may never have heard."""
        self._decided_w.clear()
        for row, capacity_w in self.truth.rows.capacities_w.items():
            was_w = bounds[row].possible_w if row in bounds else 0
            if capacity_w is not None and engine.node_booked_w(row) > max(capacity_w, was_w):
                self._opened_ms[row] = self.truth.now_ms
        booked = engine.phases_booked() if self.truth.rows.phases else {}
        for row, capacity in self.truth.rows.phases.items():
            if booked[row] > capacity:
                self._opened_ms[row] = self.truth.now_ms

    def fell(self, row: str) -> None:
        """Take that a row carries less than before: a battery, a meter, or a time of day."""
        self._opened_ms[row] = self.truth.now_ms

    def _lose_defaults(self) -> None:
        """Take that connectors are not provisioned any more: they are booked at all that their charger has."""
        for charger_id, known in self.truth.mirror.chargers.items():
            before, now = self._provisioned.get(charger_id, 0), len(known.provisioned)
            if before != now:
                self._provisioned[charger_id] = now
                if now < before:
                    self._opened_ms |= dict.fromkeys(self._rows.of(charger_id), self.truth.now_ms)

    def _heard_id(self, key: ConnectorKey) -> int | None:
        known = self.truth.mirror.chargers.get(key.charger_id)
        heard = None if known is None else known.connectors.get(key.idx)
        return None if heard is None else heard.open_id

    def _left_to_default(self, connectors: set[ConnectorKey]) -> None:
        """Take that REST clients or transactions have gone: others make room for the defaults, on rows still open."""
        for key in connectors:
            for row in self._rows.of(key.charger_id):
                if row in self._opened_ms:
                    self._opened_ms[row] = self.truth.now_ms

    def close(self, row: str) -> None:
        """Take that a row is not overbooked any more."""
        if self._opened_ms.pop(row, None) is not None:
            self._closed_ms[row] = self.truth.now_ms

    def tick(self) -> None:
        """Note who is in reach, and who is not counted on any more: until then others may have their part as well."""
        now_ms = self.truth.now_ms
        for charger_id, model in self.truth.chargers.items():
            for key in (ConnectorKey(charger_id, outlet.idx) for outlet in model.outlets):
                self._convict(key)
        for charger_id in self.truth.mirror.chargers:
            self._default_w(charger_id)
        for charger_id, model in self.truth.chargers.items():
            reach = self._reach_of(charger_id, model)
            before, since_ms = self._reach.get(charger_id, (None, now_ms))
            newly_heard = model.heard_since_ms is not None and model.heard_since_ms > since_ms
            if before is not reach or newly_heard:
                self._reach[charger_id] = (reach, now_ms)
                self._moved_ms |= dict.fromkeys(self._rows.of(charger_id), now_ms + self._learnt_ms(charger_id))

    def _convict(self, key: ConnectorKey) -> None:
        """Note since when a connector counts as not obeying; from its conviction others have room to make again.

        Whoever is no liar had been told what it may: others had its room until then, and have it back when it obeys.
        """
        is_convicted = self.truth.is_convicted(key)
        if is_convicted == (key in self._convicted_ms):
            return
        if is_convicted:
            self._convicted_ms[key] = self.truth.now_ms
        else:
            del self._convicted_ms[key]
        if is_convicted or key.charger_id in self.truth.liars:
            self._moved_ms |= dict.fromkeys(self._rows.of(key.charger_id), self.truth.now_ms)

    # --- what is held against the controller -------------------------------------------------------------------------

    def opened_ms(self, row: str) -> int | None:
        """Return when a row was opened last, or None where nobody has since it fitted."""
        return self._opened_ms.get(row)

    def closed_ms(self, row: str) -> int:
        """Return when a row that had been opened was worked off last."""
        return self._closed_ms.get(row, 0)

    def begins_ms(self, row: str, since_ms: int) -> int:
        """Return from when an excess since `since_ms` counts: nobody can work off anything without a process."""
        stalled_ms = self.truth.around.faults.stalled_until_ms
        return max(since_ms, self._opened_ms.get(row, 0), self.truth.up_since_ms, stalled_ms)

    def demand_let_go(
        self,
        oracle: str,
        row: str,
        capacity_w: int,
        watts_of: Mapping[ChargerId, Sequence[int]],
        client_w: Callable[[RestClient], int],
        since_ms: int,
    ) -> str:
        """Demand that whoever is told what to do leaves room for the rest, or is down to the least.

        REST clients only when they have asked after `since_ms`, when everybody knew. Return who has what is too much.
        """
        told_since_ms = max(since_ms, self._opened_ms.get(row, 0), self._moved_ms.get(row, 0) + WORK_OFF_MS)
        clients = [client for client in self.truth.clients if client.told_ms > told_since_ms]
        known_ms = since_ms - WORK_OFF_MS
        told = self._load(row, watts_of, clients, client_w, known_ms, is_told=True, by_draw=oracle == "C")
        held = self._load(row, watts_of, clients, client_w, known_ms, is_told=False, by_draw=oracle == "C")
        demand(
            told.is_let_go(capacity_w) or held.is_let_go(capacity_w),
            "{}: {} has {} W of {} and {} W are held, so that {} W may stay",
            oracle,
            row,
            told.steered_w,
            capacity_w,
            told.held_w,
            told.leaves_w(capacity_w),
        )
        return CANNOT_BE_TOLD if held.held_w + held.steered_w > capacity_w else WAS_TOLD_LESS

    def _load(
        self,
        row: str,
        watts_of: Mapping[ChargerId, Sequence[int]],
        clients: Sequence[RestClient],
        client_w: Callable[[RestClient], int],
        known_ms: int,
        *,
        is_told: bool,
        by_draw: bool,
    ) -> Load:
        """Add up what a row has of each connector and client; `is_told`: who may be told nothing more is told it.

        `known_ms`: since when it could be known that there is too much: a CALL may have found out who is silent.
        `by_draw`: what is drawn is added up; else limits, those of a liar that nobody could know as far as it was told.
        """
        load, line = Load(), self._rows.lines.get(row)
        left_w = {
            charger_id: model.hardware_w if line is None else wiring_of(model).most(model.hardware_w)
            for charger_id, model in self.truth.chargers.items()
        }
        for charger_id in self.truth.counting:
            if row not in self._rows.of(charger_id):
                continue
            own = self._share(charger_id, watts_of[charger_id], known_ms, line, is_told=is_told, by_draw=by_draw)
            held_w = min(own.held_w, left_w[charger_id])
            steered_w = min(own.steered_w, left_w[charger_id] - held_w)
            left_w[charger_id] -= held_w + steered_w
            load.held_w += held_w
            load.steered_w += steered_w
            load.least_w += own.least_w
        for client in clients:
            charger_id = client.key.charger_id
            if charger_id in self.truth.mirror.chargers and row in self._rows.of(charger_id):
                watts = min(client_w(client), left_w[charger_id])
                left_w[charger_id] -= watts
                load.steered_w += watts
                load.least_w += min(watts, self._on(line, charger_id, client.key.idx, self._default_w(charger_id)))
        return load

    def _on(self, line: int | None, charger_id: ChargerId, idx: int, limit_w: int) -> int:
        """Return what a limit, W, at a connector is on a row: of watts (`line` None), or of a phase."""
        return limit_w if line is None else self.currents.of_limit(charger_id, idx, limit_w)[line]

    def _default_w(self, charger_id: ChargerId) -> int:
        """Return the most that our default at a charger may be, W, or was a moment ago: nobody is told less."""
        now_ms = self.truth.now_ms
        defaults = self.truth.mirror.chargers[charger_id].defaults
        default_w = max((_as_told(send.limit_w, send.form) for send in defaults), default=0)
        before_w, seen_ms = self._had_w.get(charger_id, (0, 0))
        if default_w < before_w and now_ms - seen_ms <= WORK_OFF_MS:
            return before_w
        self._had_w[charger_id] = default_w, now_ms
        return default_w

    def _share(
        self,
        charger_id: ChargerId,
        watts: Sequence[int],
        known_ms: int,
        line: int | None,
        *,
        is_told: bool,
        by_draw: bool,
    ) -> Load:
        known = self.truth.mirror.chargers[charger_id]

        def on(outlet: Outlet, limit_w: int) -> int:
            return self._on(line, charger_id, outlet.idx, limit_w)

        def has(outlet: Outlet, power_w: int) -> int:
            is_draw = by_draw and line is not None
            return self.currents.of_draw(charger_id, outlet)[line or 0] if is_draw else on(outlet, power_w)

        if known.charger.control is Control.NONE:
            outlets = self.truth.chargers[charger_id].outlets
            return Load(held_w=sum(has(outlet, power_w) for outlet, power_w in zip(outlets, watts, strict=True)))
        reach, since_ms = self._reach.get(charger_id, (Reach.AWAY, self.truth.now_ms))
        if since_ms + self._learnt_ms(charger_id) > self.truth.now_ms - WORK_OFF_MS:
            return Load()
        with_cars = [
            (outlet, power_w)
            for outlet, power_w in zip(self.truth.chargers[charger_id].outlets, watts, strict=True)
            if (outlet.transaction is not None and not outlet.transaction.is_foreign)
            or ConnectorKey(charger_id, outlet.idx) not in self._driven
        ]
        is_doubtful = known.is_two or charger_id in self.truth.trouble.chargers
        is_found_out = (
            reach is Reach.SILENT and self._found_out_ms(charger_id, max(since_ms, known_ms)) < self.truth.now_ms
        )
        is_fixed = reach is Reach.AWAY or is_found_out or known.is_draining
        lies = charger_id in self.truth.liars and (by_draw or self.truth.is_measured(charger_id))
        if is_fixed or lies or (is_doubtful and not is_told):
            return Load(held_w=sum(has(outlet, power_w) for outlet, power_w in with_cars))
        load = Load()
        for outlet, power_w in with_cars:
            key = ConnectorKey(charger_id, outlet.idx)
            told_w = self._told_w(known, outlet)
            is_new = self._convicted_ms.get(key, -JUDGED_MS) > self.truth.now_ms - JUDGED_MS
            if told_w is None or is_new:
                load.held_w += has(outlet, power_w)
            else:
                load.steered_w += min(has(outlet, power_w), on(outlet, told_w))
                least_w = max(
                    _smallest_w(
                        known.charger,
                        is_tried=power_w > told_w or key in self._convicted_ms,
                        sends=known.connectors[outlet.idx].sends if outlet.idx in known.connectors else [],
                    ),
                    self._default_w(charger_id),
                )
                fail_safe_w = known.charger.fail_safe_power_w
                load.least_w += max(on(outlet, fail_safe_w), min(on(outlet, told_w), on(outlet, least_w)))
        return load

    def _learnt_ms(self, charger_id: ChargerId) -> int:
        """Return how much longer than usual it takes to find out that a charger which seems to be there is not, ms."""
        known = self.truth.mirror.chargers.get(charger_id)
        if known is None or self._reach.get(charger_id, (Reach.AWAY, 0))[0] is not Reach.SILENT:
            return 0
        return max(0, self._patience_ms(charger_id) - USUAL_MS)

    def _found_out_ms(self, charger_id: ChargerId, from_ms: int) -> int:
        """Return when others have made room for one that is silent, told something since: two time-outs show it."""
        return from_ms + 2 * self._patience_ms(charger_id) + WORK_OFF_MS

    def _patience_ms(self, charger_id: ChargerId) -> int:
        return min(self.truth.patience_ms(charger_id), LONGEST_MS)

    def _told_w(self, known: HeardCharger, outlet: Outlet) -> int | None:
        """Return what counts of all that a connector was told; None when it may have all that its charger has.

        The limit of a transaction counts until its end, or the start of the next one, has been heard.
        """
        key = ConnectorKey(known.charger.charger_id, outlet.idx)
        own, running = self._decided_w.get(key, self._own_w.get(key)), outlet.transaction
        heard_id = self._heard_id(key)
        running_id = None if running is None else running.transaction_id
        if own is not None and own[0] == (heard_id if running_id is None else running_id):
            return own[1]
        if outlet.idx not in known.provisioned:
            return None
        return self._defaults_w.get(key, self._defaults_w.get(ConnectorKey(known.charger.charger_id, 0)))

    def _reach_of(self, charger_id: ChargerId, model: ChargerModel) -> Reach:
        known = self.truth.mirror.chargers.get(charger_id)
        is_heard = model.link is not None and model.heard_since_ms is not None and model.is_up
        if known is None or known.connection is None or not known.has_spoken:
            return Reach.AWAY
        return Reach.HERE if is_heard and self.truth.now_ms >= model.silent_until_ms else Reach.SILENT


def _smallest_w(charger: Charger, sends: Sequence[HeardSend], *, is_tried: bool) -> int:
    """Return what may be told instead of 0; one that does not obey is tried at the least power (docs/adr/0010, 4).

    Of a DC charger that is told amperes, six of them, as of any other.
    """
    in_amperes = not charger.is_dc or (bool(sends) and sends[-1].form.unit is RateUnit.A)
    phases = charger.phases or (sends[-1].form.phases if sends else 0)
    least_w = LEAST_CURRENT_A * charger.voltage_v * phases if in_amperes else DC_LEAST_W
    return max(charger.min_power_w, least_w if charger.is_dc else DC_LEAST_W) if is_tried else least_w


def _as_told(limit_w: int, form: LimitForm) -> int:
    """Return a limit, W, that knows whether it was told in amperes."""
    return Amperes(limit_w, form.phases) if form.unit is RateUnit.A else limit_w
