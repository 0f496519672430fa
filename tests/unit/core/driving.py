"""Drives an engine by hand: facts in words of the field (kW, seconds), chargers that answer when they are told to.

Every step is checked on the way: what was commanded is durable or a cut below what is, recovery at this very moment
would book the same or more on every row (I7), and an engine that was just stepped does not ask to be stepped at once.
"""

from collections.abc import Mapping
from dataclasses import replace

from csms.core.commands import (
    Call,
    ChangeConfiguration,
    ClearLimits,
    Command,
    Purpose,
    ReadConfiguration,
    ReadSchedule,
    SetLimit,
)
from csms.core.engine import Engine, Step
from csms.core.events import (
    BootInfo,
    CallAnswered,
    CallErrored,
    CallSent,
    CallTimedOut,
    CallUnsent,
    ChargerBooted,
    ChargerConnected,
    ChargerDisconnected,
    ChargerHeard,
    ConfigurationRead,
    ConnectorStatus,
    Fact,
    KnownTransaction,
    MeterSampled,
    PowerUpdated,
    Sample,
    ScheduleRead,
    SessionRequested,
    SessionStopRequested,
    StartKey,
    StationConfigured,
    StatusNotified,
    TagStatus,
    TransactionCloseRequested,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, ConnectorKey, Now, RequestId, SessionId, TransactionId
from csms.core.records import EventLogged, SessionStored
from csms.core.replies import Outcome, SessionShown, SessionView, StartConfirmed
from csms.core.station import GRID, Charger, Circuit, Control, Mode, Station
from csms.core.timings import LAW, Timings
from tests.unit.core.memory import Memory

KW = 1_000
T0_WALL_MS = 1_800_000_000_000
"""The wall clock at the start; the monotonic one starts at 1000 s."""
T0_MONO_MS = 1_000_000
KEYS = {"ChargingScheduleAllowedChargingRateUnit": "Power", "ChargeProfileMaxStackLevel": "1"}
BOOT = BootInfo("Vendor", "Model")
MOST_STEPS = 500


def charger(
    charger_id: str,
    max_kw: int,
    connectors: int = 1,
    *,
    control: Control = Control.OCPP,
    circuit: str | None = None,
    min_w: int = 0,
    reserved_kw: int | None = None,
    phases: int = 0,
    mode: Mode = Mode.CONTROL,
) -> Charger:
    """Return a charger of the configuration; DC unless it has phases."""
    reserved_w = None if reserved_kw is None else reserved_kw * KW
    return Charger(
        ChargerId(charger_id),
        max_kw * KW,
        connectors,
        control,
        circuit,
        min_w,
        reserved_power_w=reserved_w,
        phases=phases,
        mode=mode,
    )


def station(
    grid_kw: int,
    *chargers: Charger,
    circuits: tuple[Circuit, ...] = (),
    static_kw: int = 0,
    rest_timeout_s: int = 86_400,
) -> Station:
    """Return a station whose fail-safe mode was chosen."""
    return Station(
        "SITE",
        grid_kw * KW,
        chargers,
        circuits,
        static_kw * KW,
        fail_safe_chosen=True,
        rest_session_timeout_s=rest_timeout_s,
    )


class Drive:
    """One engine, its memory, and a hand on every charger.

    Attributes:
        commands: everything commanded so far, in order.
        open_calls: CALLs that were handed to the socket and not answered.
        last: the last step.
        clock_ms: how far our own clock has been set ahead since the start.
        is_recovered: each step is followed by a recovery that is compared with what goes on; dear, where hours pass.
    """

    def __init__(self, site: Station, timings: Timings = LAW, keys: Mapping[str, str] = KEYS) -> None:
        self.memory = Memory(site)
        self.timings = timings
        self.keys = dict(keys)
        self.now_ms = self.clock_ms = 0
        self.engine = Engine(self.memory.snapshot(), self.now, timings)
        self.commands: list[Command] = []
        self.open_calls: list[Call] = []
        self.hand_over = True
        self.is_recovered = True
        self.read_back_tenths_a: int | None = None
        self.outcomes: dict[RequestId, Outcome] = {}
        self.connections: dict[str, ConnectionId] = {}
        self.published = dict(self.engine.all_changes().chargers)
        self._numbers = 0
        self.last = self.do()

    @property
    def now(self) -> Now:
        return Now(T0_MONO_MS + self.now_ms, T0_WALL_MS + self.now_ms + self.clock_ms)

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    # --- steps --------------------------------------------------------------------------------------------------------

    def do(self, *facts: Fact) -> Step:
        """Step with `facts` now, check the step, and hand its CALLs over to their sockets."""
        step = self.engine.step(facts, self.now)
        self.last = step
        self.memory.apply(step.records)
        for reply in step.replies:
            assert reply.request not in self.outcomes, f"request {reply.request} was answered twice"
            self.outcomes[reply.request] = reply.outcome
        self._check()
        commands = [*step.at_once, *step.after_commit]
        self.commands += commands
        calls = [command for command in commands if hasattr(command, "token")]
        self.open_calls += calls  # type: ignore[arg-type]
        if calls and self.hand_over:
            self.do(*(CallSent(call.token) for call in calls))
            self.last = step
        return step

    def _check(self) -> None:
        for charger_id, view in self.last.changes.chargers.items():
            self.published.pop(charger_id, None) if view is None else self.published.update({charger_id: view})
        assert self.published == self.engine.all_changes().chargers, "what is published of chargers is not what is"
        due_ms = self.engine.next_due_ms()
        assert due_ms is None or due_ms > self.now.mono_ms, "the engine asks to be stepped again at once"
        if self.is_recovered:
            self._check_recovery()

    def _check_recovery(self) -> None:
        recovered = self.recovered()
        for node in (GRID, *(c.circuit_id for c in self.engine.station.circuits), *self.memory_chargers()):
            before_w, after_w = self.engine.node_booked_w(node), recovered.node_booked_w(node)
            assert after_w >= before_w, f"recovery would book {after_w} W on {node}, {before_w} W are booked"
        recovered_phases = recovered.phases_booked()
        for row, before in self.engine.phases_booked().items():
            assert recovered_phases[row] >= before, (
                f"recovery would book {recovered_phases[row]} on {row}, not {before}"
            )

    def recovered(self) -> Engine:
        """Return what a crash now and a restart would make of what is durable."""
        return Engine(self.memory.snapshot(), self.now, self.timings)

    def memory_chargers(self) -> list[str]:
        return [c.charger_id for c in self.engine.station.chargers]

    def wait(self, seconds: float) -> None:
        """Let time pass, with a step whenever one is due."""
        until_ms = self.now_ms + int(seconds * 1_000)
        for _ in range(MOST_STEPS):
            due_ms = self.engine.next_due_ms()
            if due_ms is None or due_ms - T0_MONO_MS > until_ms:
                break
            self.now_ms = due_ms - T0_MONO_MS
            self.do()
        else:
            raise AssertionError(f"more than {MOST_STEPS} steps in {seconds} s without a fact")
        self.now_ms = until_ms

    def recover(self, *, safe: bool = False) -> None:
        """Crash and start again from what is durable; every connection is gone."""
        self.engine = Engine(self.memory.snapshot(), self.now, self.timings, safe=safe)
        self.published = dict(self.engine.all_changes().chargers)
        self.open_calls.clear()
        self.connections.clear()
        self.do()

    # --- our CALLs ----------------------------------------------------------------------------------------------------

    def take(self) -> list[Command]:
        """Return the commands since the last time."""
        taken, self.commands = self.commands, []
        return taken

    def limits(self) -> list[tuple[str, int, int]]:
        """Return the limits of transactions commanded since the last time, questions aside: charger, connector, W."""
        sent = [c for c in self.take() if isinstance(c, SetLimit) and c.purpose is Purpose.TX and not c.probing]
        return [(c.charger_id, c.idx, c.limit_w) for c in sent]

    def open_limit(self, charger_id: str, idx: int = 1) -> SetLimit:
        """Return the newest unanswered limit of a connector (0: the charger's default)."""
        at = ConnectorKey(ChargerId(charger_id), idx)
        calls = [c for c in self.open_calls if isinstance(c, SetLimit) and (c.charger_id, c.idx) == at]
        assert calls, f"no limit is out for {charger_id}#{idx}"
        return calls[-1]

    def answer(self, call: Call, status: str = "Accepted") -> Step:
        """Have the charger answer one CALL."""
        self.open_calls.remove(call)
        if isinstance(call, ReadConfiguration):
            return self.do(ConfigurationRead(call.token, dict(self.keys)))
        if isinstance(call, ReadSchedule):
            return self.do(ScheduleRead(call.token, self.read_back_tenths_a))
        if isinstance(call, ChangeConfiguration) and status == "Accepted":
            self.keys[call.name] = call.value
        return self.do(CallAnswered(call.token, status))

    def accept(self, charger_id: str | None = None) -> None:
        """Have chargers accept what is out, and what that brings, until nothing is out."""
        for _ in range(MOST_STEPS):
            mine = [c for c in self.open_calls if charger_id in {None, c.charger_id}]
            if not mine:
                return
            self.answer(mine[0])
        raise AssertionError("there is no end to the CALLs")

    def accept_limits(self) -> None:
        """Have chargers accept the limits that are out now, and nothing else."""
        for call in [c for c in self.open_calls if isinstance(c, SetLimit)]:
            self.answer(call)

    def error(self, call: Call, code: str = "InternalError") -> Step:
        self.open_calls.remove(call)
        return self.do(CallErrored(call.token, code))

    def time_out(self, call: Call) -> Step:
        """Let a CALL time out; it stays open, because its answer may still come."""
        return self.do(CallTimedOut(call.token))

    def unsent(self, call: Call) -> Step:
        self.open_calls.remove(call)
        return self.do(CallUnsent(call.token))

    def clears(self) -> list[tuple[int | None, int | None]]:
        return [(c.idx, c.stack_level) for c in self.take() if isinstance(c, ClearLimits)]

    # --- chargers -----------------------------------------------------------------------------------------------------

    def connect(
        self, charger_id: str, *, heard: bool = True, address: str = "", takes_over: bool = False
    ) -> ConnectionId:
        connection = ConnectionId(self.number())
        self.open_calls = [c for c in self.open_calls if c.charger_id != charger_id]
        self.connections[charger_id] = connection
        facts: list[Fact] = [ChargerConnected(ChargerId(charger_id), connection, address, takes_over=takes_over)]
        if heard:
            facts.append(ChargerHeard(ChargerId(charger_id), connection))
        self.do(*facts)
        return connection

    def disconnect(self, charger_id: str) -> None:
        self.open_calls = [c for c in self.open_calls if c.charger_id != charger_id]
        self.do(ChargerDisconnected(ChargerId(charger_id), self.connections.pop(charger_id)))

    def boot(self, charger_id: str, firmware: str = "") -> None:
        boot = replace(BOOT, firmware_version=firmware)
        self.do(ChargerBooted(ChargerId(charger_id), self.connections[charger_id], boot))

    def status(self, charger_id: str, idx: int, status: ConnectorStatus) -> None:
        self.do(StatusNotified(ChargerId(charger_id), idx, status))

    def bring_up(self, *charger_ids: str) -> None:
        """Connect, boot, report every connector Available, and accept everything: they are provisioned."""
        for charger_id in charger_ids:
            config = self.engine.station.charger(ChargerId(charger_id))
            assert config is not None, charger_id
            self.connect(charger_id)
            self.boot(charger_id)
            for key in config.connector_keys():
                self.status(charger_id, key.idx, ConnectorStatus.AVAILABLE)
            self.accept(charger_id)
            assert self.provisioned(charger_id), charger_id

    def start(
        self,
        charger_id: str,
        idx: int = 1,
        *,
        tag: str = "TAG",
        verdict: TagStatus = TagStatus.ACCEPTED,
        ago_s: float = 0,
        meter_wh: int | None = 0,
        exclusive: bool = False,
    ) -> int:
        """Start a transaction and return its id."""
        key = StartKey(ChargerId(charger_id), idx, tag, self.now.wall_ms - int(ago_s * 1_000), meter_wh)
        return self.start_again(key, verdict, exclusive=exclusive).transaction_id

    def start_again(
        self,
        key: StartKey,
        verdict: TagStatus = TagStatus.ACCEPTED,
        *,
        known: KnownTransaction | None = None,
        exclusive: bool = False,
    ) -> StartConfirmed:
        """Send a StartTransaction of that very identity."""
        number = self.number()
        request = RequestId(number)
        session_id = SessionId(f"s{number}")
        self.do(TransactionStarted(key, verdict, session_id, known=known, exclusive=exclusive, request=request))
        outcome = self.outcomes[request]
        assert isinstance(outcome, StartConfirmed)
        return outcome

    def stop(
        self,
        charger_id: str,
        transaction_id: int,
        meter_wh: int | None = 1_000,
        *,
        ago_s: float = 0,
        tag: str | None = None,
        known: KnownTransaction | None = None,
    ) -> None:
        number = self.number()
        self.do(
            TransactionStopped(
                ChargerId(charger_id),
                transaction_id,
                meter_wh,
                self.now.wall_ms - int(ago_s * 1_000),
                SessionId(f"s{number}"),
                id_tag=tag,
                tag_status=None if tag is None else TagStatus.ACCEPTED,
                known=known,
                request=RequestId(number),
            )
        )
        assert RequestId(number) in self.outcomes, "a stop is always confirmed"

    def sample(
        self,
        charger_id: str,
        idx: int,
        power_w: int | None,
        *,
        transaction_id: int | None = None,
        energy_wh: int | None = None,
        ago_s: float = 0,
        current_ma: tuple[int, int, int] | None = None,
        phase_w: tuple[int, int, int] | None = None,
    ) -> None:
        at_ms = self.now.wall_ms - int(ago_s * 1_000)
        sample = Sample(at_ms, power_w, energy_wh, current_ma=current_ma, phase_w=phase_w)
        self.do(MeterSampled(ChargerId(charger_id), idx, transaction_id, (sample,)))

    def draws(self, kw: Mapping[tuple[str, int], float], seconds: int, period_s: int = 10) -> None:
        """Let cars draw steadily for a while, each metered every `period_s`, and chargers accept every limit."""
        for _ in range(seconds // period_s):
            self.wait(period_s)
            for (charger_id, idx), power_kw in kw.items():
                self.sample(charger_id, idx, int(power_kw * KW))
            self.accept()

    # --- REST ---------------------------------------------------------------------------------------------------------

    def post(self, charger_id: str, idx: int, max_kw: float, tag: str = "VIRTUAL") -> RequestId:
        """`POST /sessions`; its outcome is in `outcomes` as soon as there is one."""
        number = self.number()
        self.do(
            SessionRequested(
                RequestId(number), ChargerId(charger_id), idx, int(max_kw * KW), tag, SessionId(f"s{number}")
            )
        )
        return RequestId(number)

    def rest_start(self, charger_id: str, idx: int, max_kw: float) -> SessionView:
        """Start a REST-driven session and return what the client is shown."""
        return self.shown(self.post(charger_id, idx, max_kw))

    def update(self, session_id: SessionId, consumed_kw: float, echo_kw: float | None = None) -> SessionView:
        request = RequestId(self.number())
        echo_w = None if echo_kw is None else int(echo_kw * KW)
        self.do(PowerUpdated(request, session_id, int(consumed_kw * KW), echo_w))
        return self.shown(request)

    def rest_stop(self, session_id: str, *, ended_before: bool = False) -> RequestId:
        request = RequestId(self.number())
        self.do(SessionStopRequested(request, SessionId(session_id), ended_before))
        return request

    def close(self, transaction_id: int, meter_wh: int | None = None) -> Outcome:
        """`POST /transactions/{transactionId}/close`."""
        request = RequestId(self.number())
        self.do(TransactionCloseRequested(request, TransactionId(transaction_id), "it is gone", meter_wh))
        return self.outcomes[request]

    def shown(self, request: RequestId) -> SessionView:
        outcome = self.outcomes[request]
        assert isinstance(outcome, SessionShown), outcome
        return outcome.session

    def configure(self, site: Station) -> None:
        request = RequestId(self.number())
        self.do(StationConfigured(site, request))
        assert request in self.outcomes, "a configuration is always answered"

    # --- what is so ---------------------------------------------------------------------------------------------------

    def k_kw(self, charger_id: str, idx: int | None = None) -> float:
        """Return K of a charger, or of one of its connectors, kW."""
        if idx is None:
            return self.engine.charger_booked_w(ChargerId(charger_id)) / KW
        return self.engine.booked_w(ConnectorKey(ChargerId(charger_id), idx)) / KW

    def row_kw(self, node: str = GRID) -> float:
        return self.engine.node_booked_w(node) / KW

    def view(self, transaction_id: int) -> SessionView:
        views = [v for v in self.engine.all_changes().sessions.values() if v and v.transaction_id == transaction_id]
        assert views, f"transaction {transaction_id} is not open"
        return views[0]

    def open_transactions(self) -> list[int]:
        return [v.transaction_id for v in self.engine.all_changes().sessions.values() if v and v.transaction_id]

    def record(self, transaction_id: int) -> SessionStored:
        return next(r for r in self.memory.sessions.values() if r.transaction_id == transaction_id)

    def provisioned(self, charger_id: str) -> bool:
        shown = self.engine.all_changes().chargers[ChargerId(charger_id)]
        assert shown is not None
        return shown.provisioned

    def notices(self) -> set[str]:
        return set(self.engine.all_changes().notices or {})

    def events(self, kind: str) -> list[EventLogged]:
        return [event for event in self.memory.events if event.kind == kind]
