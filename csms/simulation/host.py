"""The runtime around the engine: an inbox, one step at a time, commits in order, crashes, recovery.

Cuts and aborts leave with the step; everything else and every reply wait for the commit that holds the step's records.
Later steps may run while a commit is under way. A crash loses the inbox, the replies and every step not yet committed.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from csms.core.commands import AbortConnection, Command, SetBattery, SetLimit
from csms.core.events import (
    CallAnswered,
    CallErrored,
    CallUnsent,
    ChargerConnected,
    Fact,
    MeterSampled,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.firm import RowBound
from csms.core.ids import ChargerId, ConnectionId, ConnectorKey, Now, RequestId, Token
from csms.core.records import Record, Snapshot
from csms.core.replies import Outcome, Reply
from csms.ocpp16.peer import Peer
from csms.simulation.faults import Kind
from csms.simulation.hearing import Desk
from csms.simulation.line import Line, Take
from csms.simulation.link import Link, Process
from csms.simulation.store import Store
from csms.simulation.surroundings import Surroundings
from csms.simulation.trace import ViolationError


class StepLike(Protocol):
    """What one step gives."""

    @property
    def at_once(self) -> Sequence[Command]:
        """Return what leaves before the commit."""
        ...

    @property
    def after_commit(self) -> Sequence[Command]:
        """Return what leaves with the commit."""
        ...

    @property
    def records(self) -> Sequence[Record]:
        """Return what has to be durable."""
        ...

    @property
    def replies(self) -> Sequence[Reply]:
        """Return what leaves with the commit, to those who asked."""
        ...

    @property
    def battery(self) -> SetBattery | None:
        """Return what the battery is told at once; None: nothing else than before."""
        ...


class Controller(Protocol):
    """The engine, or something that pretends to be one."""

    def step(self, facts: Sequence[Fact], now: Now) -> StepLike:
        """Take facts in."""
        ...

    def next_due_ms(self) -> int | None:
        """Return when it wants to be called again, monotonic ms."""
        ...

    @property
    def next_token(self) -> int:
        """Return the token that its next command will have."""
        ...

    def booked_w(self, key: ConnectorKey) -> int:
        """Return a connector's booked power, W."""
        ...

    def charger_booked_w(self, charger_id: ChargerId) -> int:
        """Return a charger's booked power, W."""
        ...

    def node_booked_w(self, node_id: str) -> int:
        """Return a row's booked power, W."""
        ...

    def rows_booked_w(self) -> Mapping[str, int]:
        """Return the booked power of every row, W."""
        ...

    def node_capacity_w(self, node_id: str) -> int | None:
        """Return a row's capacity, W; None when it has none."""
        ...

    def phases_booked(self) -> Mapping[str, int]:
        """Return what is booked on every row of a phase, sixths of a watt."""
        ...

    def firm_bounds(self) -> Mapping[str, RowBound]:
        """Return what every row may carry without this process."""
        ...


MakeController = Callable[[Snapshot, Now], Controller]


class Observer(Protocol):
    """Who watches the host: the oracles."""

    def stepped(self, engine: Controller, facts: Sequence[Fact], step: StepLike, now_ms: int) -> None:
        """Watch one step."""
        ...

    def repeated(self, engine: Controller, facts: Sequence[Fact], step: StepLike) -> None:
        """Watch a step of facts that were all taken before."""
        ...

    def committed(self, serial: int, store: Store) -> None:
        """Watch a step's records become durable."""
        ...

    def recovered(self, engine: Controller, store: Store, now_ms: int) -> None:
        """Watch a fresh process."""
        ...

    def replied(self, reply: Reply) -> None:
        """Watch a reply leave."""
        ...

    def left(self, command: Command) -> None:
        """Watch a command leave the process."""
        ...


@dataclass(frozen=True, slots=True)
class Pending:
    """One step on its way to the disk."""

    serial: int
    records: tuple[Record, ...]
    commands: tuple[Command, ...]
    replies: tuple[Reply, ...]


IDENTIFIED = (TransactionStarted, TransactionStopped, CallAnswered, CallErrored, MeterSampled)
MOST_IDLE_STEPS = 100
LATEST_DELIVERY_MS = 60_000
STORE_PAUSE_MS = 1_000
"""As in `csms.runtime.controller`: after a failed write it waits so long before it rebuilds its core."""


class Host:
    """One central system process after another."""

    def __init__(self, around: Surroundings, make: MakeController, store: Store, observer: Observer) -> None:
        self.engine: Controller | None = None
        self.steps = 0
        self._around = around
        self._make = make
        self._store = store
        self._observer = observer
        self._inbox: list[Fact] = []
        self._told: dict[RequestId, Callable[[Outcome], None]] = {}
        self._pending: deque[Pending] = deque()
        desk = Desk(self._wall_ms, around.session_id, store.find_start, store.find_transaction)
        self._process = Process(
            around.clock,
            around.trace,
            self.post,
            self.ask,
            desk,
            lambda: self.stalled_until_ms,
            around.odd_rng,
            self._late_ms,
        )
        self._life = 0
        self._started_ms = 0
        self._due: int | None = None
        self._idle_steps = 0
        self._idle_at_ms = 0
        self._woken = False
        self._links: dict[ChargerId, Link] = {}
        self._peers: dict[ChargerId, Peer] = {}
        self.slow_commits = 0.0
        self.stalled_until_ms = 0
        self.disk_fails_until_ms = 0
        self.disk_fault: Kind | None = None
        self.doom: Kind | None = None
        self.dies: Callable[[], None] = self.kill
        self.turned_away: Callable[[], None] = lambda: None
        self._first_commit_due = False
        self._has_failed = False
        self.may_connect: Callable[[ChargerId], bool] = lambda _charger_id: True
        self.aborted: Callable[[ChargerId], None] = lambda _charger_id: None
        self.tells_battery: Callable[[SetBattery], None] = lambda _command: None

    # --- the way in -----------------------------------------------------------------------------------------------

    def post(self, fact: Fact) -> None:
        """Queue a fact; lost while the process is down."""
        if self.engine is None:
            return
        self._around.trace.add("fact", fact)
        self._inbox.append(fact)
        if not self._woken:
            self._woken = True
            self._wake_soon()

    def _wake_soon(self) -> None:
        life = self._life
        delay_ms = self._around.rng.choice((0, 0, 1, 5, 40, 200))
        self._around.clock.after(delay_ms, lambda: self._run(life))

    def ask(self, make_fact: Callable[[RequestId], Fact], told: Callable[[Outcome], None]) -> None:
        """Queue a fact with a request; `told` hears the reply if the process lives."""
        if self.engine is None:
            return
        request = RequestId(self._around.number("request"))
        self._told[request] = told
        self.post(make_fact(request))

    def admit(self, charger_id: ChargerId) -> ConnectionId | None:
        """Judge a handshake: unknown ids are refused, and `control: rest|none` (API.md)."""
        if self.engine is None or not self.may_connect(charger_id):
            return None
        return ConnectionId(self._around.number("connection"))

    def enter(
        self, charger_id: ChargerId, connection: ConnectionId, take: Take, timeout_ms: int, address: str = ""
    ) -> Line:
        """Make a connection that was admitted the charger's current one, with a peer that knows its slowest answer."""
        before = self._peers.get(charger_id)
        slowest_ms = 0 if before is None else before.slowest_answer_ms
        peer = Peer(f"{connection}-", timeout_ms, slowest_ms)
        old = self._links.get(charger_id)
        takes_over = bool(address) and old is not None and old.is_open
        link = Link(charger_id, connection, peer, self._process, take)
        self._links[charger_id], self._peers[charger_id] = link, peer
        self.post(ChargerConnected(charger_id, connection, address, takes_over=takes_over))
        return link

    def patience_ms(self, charger_id: ChargerId) -> int:
        """Return for how long an answer of a charger is waited for, by what was learnt of it, ms; 0: it never came."""
        peer = self._peers.get(charger_id)
        return 0 if peer is None else peer.timeout_ms

    def _late_ms(self, charger_id: ChargerId) -> int:
        """Return how much later than the rest a CALL to a charger arrives that leaves now."""
        around = self._around
        if not around.is_later(around.odds.delivery) or not around.faults.strike(Kind.LATE_DELIVERY):
            return 0
        late_ms = around.later_rng.randint(3_000, LATEST_DELIVERY_MS)
        around.delayed_until_ms[charger_id] = max(
            around.delayed_until_ms.get(charger_id, 0), around.clock.now_ms + late_ms
        )
        return late_ms

    # --- life and death --------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start the process: recover from what is durable."""
        self._life += 1
        self._started_ms = self._around.clock.now_ms - 1_000  # the monotonic clock of each process has its own zero
        self._due = None
        self._around.trace.add("server", "starts")
        self.engine = self._make(self._store.snapshot(), self._now())
        self._observer.recovered(self.engine, self._store, self._around.clock.now_ms)
        self._first_commit_due = self._around.is_odd(self._around.odds.recovery)
        self._arrange()

    def kill(self, arrives: float = 0.3) -> None:
        """End the process at once; a random part of what was on its way to the disk arrives."""
        self._around.trace.add("server", "dies")
        while self._pending and arrives and self._around.chance(arrives):
            pending = self._pending.popleft()
            self._store.apply(pending.records)
            self._observer.committed(pending.serial, self._store)
        self.engine = None
        for _ in self._pending:
            self._around.faults.strike(Kind.LOST_COMMIT)
        self._pending.clear()
        self._inbox.clear()
        self._told.clear()
        self._links.clear()
        self._peers.clear()
        self._woken = False
        self.stalled_until_ms = self.disk_fails_until_ms = 0
        self.disk_fault = self.doom = None
        self._has_failed = False

    def stall(self, until_ms: int) -> None:
        """Do nothing before `until_ms`: sockets, timers and commits wait, too."""
        self.stalled_until_ms = until_ms
        for link in self._links.values():
            link.stall(inwards=True, until_ms=until_ms)

    def _dies_at(self, point: Kind) -> bool:
        """Return whether the process was killed, because its doom was to come at this point."""
        if self.doom is not point or self._around.calm:
            return False
        self.doom = None
        if not self._around.faults.strike(point):
            return False
        self.dies()
        return True

    def _fail(self) -> None:
        """Go on after a write that failed, as the runtime: whoever waits is turned away, the core is rebuilt.

        Commands that have left stay with their connections, which announce themselves again. What is still queued is
        taken by the new core.
        """
        around, old = self._around, self.engine
        assert old is not None, "a process that lives"
        around.trace.add("server", "could not write")
        self._pending.clear()
        queued = {getattr(fact, "request", None) for fact in self._inbox}
        self._told = {request: told for request, told in self._told.items() if request in queued}
        self.turned_away()
        self._life += 1
        self._due = None
        snapshot = self._store.snapshot()
        token = Token(max(snapshot.counters.next_token, old.next_token))
        snapshot = replace(snapshot, counters=replace(snapshot.counters, next_token=token))
        self.engine = self._make(snapshot, self._now())
        self._observer.recovered(self.engine, self._store, around.clock.now_ms)
        live = [link for link in self._links.values() if link.is_open]
        self._inbox[:0] = [fact for link in live for fact in link.announcements()]
        for fact in self._inbox:
            around.trace.add("fact", fact)
        self._woken = True
        self._wake_soon()
        self._arrange()

    # --- the loop ----------------------------------------------------------------------------------------------------

    def _now(self) -> Now:
        now_ms = self._around.clock.now_ms
        return Now(now_ms - self._started_ms, self._wall_ms())

    def _wall_ms(self) -> int:
        return self._around.wall_ms() + self._around.server_ahead_ms

    @property
    def started_ms(self) -> int:
        """Return where the monotonic clock of this process has its zero, ms of the world."""
        return self._started_ms

    def _run(self, life: int) -> None:
        if self.engine is None or life != self._life or self._has_failed:
            return
        now_ms = self._around.clock.now_ms
        if now_ms < self.stalled_until_ms:
            self._woken = True
            self._around.clock.at(self.stalled_until_ms, lambda: self._run(life))
            return
        self._woken = False
        facts, self._inbox = self._inbox, []
        self._count_idle(facts)
        engine = self.engine
        step = self._step(engine, facts)
        if self.engine is not engine:
            return
        self._observer.stepped(self.engine, facts, step, self._around.clock.now_ms)
        again = [fact for fact in facts if isinstance(fact, IDENTIFIED)]
        due = again and self._around.switches.faults and self._around.chance(0.04)
        if due and self._around.faults.strike(Kind.REPEATED_MESSAGE):
            self._repeat(self.engine, again)
        self._arrange()

    def _count_idle(self, facts: Sequence[Fact]) -> None:
        now_ms = self._around.clock.now_ms
        same_instant = not facts and now_ms == self._idle_at_ms
        self._idle_steps = self._idle_steps + 1 if same_instant else 0
        self._idle_at_ms = now_ms
        if self._idle_steps > MOST_IDLE_STEPS:
            raise ViolationError("I9: the engine wants to be called again and again at one instant")

    def _repeat(self, engine: Controller, facts: Sequence[Fact]) -> None:
        fresh = [self._said_again(fact) for fact in facts]
        self._around.trace.add("again", tuple(fresh))
        step = self._step(engine, fresh)
        if self.engine is engine:
            self._observer.repeated(engine, fresh, step)

    def _said_again(self, fact: Fact) -> Fact:
        """Return a fact as a message that is sent twice makes it: with a request and a session id of its own."""
        if isinstance(fact, TransactionStarted | TransactionStopped):
            fact = replace(fact, new_session_id=self._around.session_id())
        if isinstance(fact, TransactionStarted | TransactionStopped | MeterSampled) and fact.request is not None:
            fact = replace(fact, request=RequestId(self._around.number("request")))
        return fact

    def _step(self, engine: Controller, facts: Sequence[Fact]) -> StepLike:
        self.steps += 1
        step = engine.step(facts, self._now())
        cuts = any(isinstance(command, SetLimit) for command in step.at_once)
        if cuts and self._dies_at(Kind.CRASH_BEFORE_CUTS):
            return step
        for command in step.at_once:
            self._around.trace.add("at once", command)
            self._submit(command)
        if cuts and self._dies_at(Kind.CRASH_AFTER_CUTS):
            return step
        if step.battery is not None:
            self._around.trace.add("battery", step.battery)
            self.tells_battery(step.battery)
        for command in step.after_commit:
            self._around.trace.add("decided", command)
        records, commands = tuple(step.records), tuple(step.after_commit)
        self._pending.append(Pending(self.steps, records, commands, tuple(step.replies)))
        life = self._life
        delay_ms = self._around.rng.choice((0, 1, 5, 20))
        is_slow = self._around.chance(self.slow_commits) and not self._around.calm
        if is_slow and self._around.faults.strike(Kind.SLOW_COMMIT):
            delay_ms = self._around.rng.randint(100, 6_000)
        self._around.clock.after(delay_ms, lambda: self._commit(life))
        return step

    def _commit(self, life: int) -> None:
        if self.engine is None or life != self._life or not self._pending:
            return
        now_ms = self._around.clock.now_ms
        if now_ms < self.stalled_until_ms:
            self._around.clock.at(self.stalled_until_ms, lambda: self._commit(life))
            return
        if self._cannot_write():
            return
        pending = self._pending.popleft()
        self._store.apply(pending.records)
        self._observer.committed(pending.serial, self._store)
        waited = pending.replies or pending.commands
        if waited and self._dies_at(Kind.CRASH_AFTER_WRITE):
            return
        for reply in pending.replies:
            self._observer.replied(reply)
            told = self._told.pop(reply.request, None)
            if told is not None:
                told(reply.outcome)
        if pending.replies and pending.commands and self._dies_at(Kind.CRASH_AFTER_ANSWERS):
            return
        for command in pending.commands:
            self._submit(command)
        if pending.commands:
            self._dies_at(Kind.CRASH_AFTER_SENDS)

    def _cannot_write(self) -> bool:
        """Return whether the oldest step did not become durable, because the process is dead or its disk fails."""
        oldest = self._pending[0]
        is_first, self._first_commit_due = self._first_commit_due, False
        if is_first and not self._around.calm and self._around.faults.strike(Kind.CRASH_IN_RECOVERY):
            self.dies()
            return True
        if (oldest.replies or oldest.commands) and self._dies_at(Kind.CRASH_BEFORE_WRITE):
            return True
        fault = self.disk_fault
        if fault is None or not oldest.records:
            return False
        if self._around.clock.now_ms >= self.disk_fails_until_ms:
            self.disk_fault = None
        if self._around.calm or not self._around.faults.strike(fault):
            return False
        self._pause_then_rebuild()
        return True

    def _pause_then_rebuild(self) -> None:
        """Wait as the runtime does before it reads the store again; steps that were decided meanwhile are lost, too."""
        life = self._life
        self._pending.clear()
        self._has_failed = True

        def rebuild() -> None:
            if self.engine is not None and life == self._life:
                self._has_failed = False
                self._fail()

        self._around.clock.after(STORE_PAUSE_MS, rebuild)

    def _submit(self, command: Command) -> None:
        self._observer.left(command)
        link = self._links.get(command.charger_id)
        is_current = link is not None and link.connection == command.connection
        if isinstance(command, AbortConnection):
            self._around.trace.add("aborted", command)
            if link is not None and is_current:
                self.abort(link)
        elif link is None or not is_current:
            self.post(CallUnsent(command.token))
        else:
            link.submit(command)

    def abort(self, link: Link) -> None:
        """Close a link from our side."""
        link.close()
        self.aborted(link.charger_id)

    def _arrange(self) -> None:
        if self.engine is None:
            return
        due = self.engine.next_due_ms()
        if due is None or due == self._due:
            return
        self._due = due
        life = self._life
        self._around.clock.at(self._started_ms + due, lambda: self._wake(life, due))

    def _wake(self, life: int, due: int) -> None:
        if self.engine is None or life != self._life or self.engine.next_due_ms() != due:
            return
        self._due = None
        self._run(life)
