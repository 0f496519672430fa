"""What if: who would get how much at a station as configured, with these cars at it.

Theory of operation. A state is made up in which nothing is left to wait for: every charger that may be steered over
OCPP is connected, set up and obeys, also a limit that expires; its fail-safe power is in force, nothing of an earlier
life is booked, and every car has been there for a while. Then the question of the plan is asked of it
(`csms.core.planning`), so the answer is what the plan would be. No running state is read, and none comes of it; caps of
operators are not in it.

The grid connection has what it would have at a moment: by the schedule, and by the limits that a grid operator has
told; he himself counts as heard. A capacity tariff holds it at its target. The battery does what it is told and has the
charge that is asked about: full, where nothing is said of it. What it takes makes way for cars, so it is not in it. The
base load is the configured maximum, unless what its meter shows is asked about, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from csms.core.base_load import in_steps_w
from csms.core.battery import PERCENT_PPM, BatteryReading
from csms.core.charger import ChargerState, new_charger
from csms.core.commands import Purpose
from csms.core.configuration import Notice, notices
from csms.core.demand import Demand, StatedDemand
from csms.core.events import BatteryReported, TagStatus
from csms.core.grid_root import hold_grid
from csms.core.grid_terms import CapacityEvent
from csms.core.ids import ChargerId, ConnectionId, ConnectorKey, Now, SessionId, Token
from csms.core.ladder import fail_safe_w
from csms.core.limits import Send
from csms.core.metering import new_base_load
from csms.core.part import Alarm
from csms.core.phase_booking import booked_phases
from csms.core.phase_use import PhaseUse
from csms.core.planning import Question, loaded_rows, question_of, reason_of, uncut_w
from csms.core.provisioning import Seen
from csms.core.records import Driver, SendState
from csms.core.replies import SessionView
from csms.core.rows import SIXTHS
from csms.core.session import Phase, Session
from csms.core.state import State
from csms.core.station import GRID, Battery, Charger, Control, Station
from csms.core.supply import able_w, take_reading
from csms.core.terms import UNSAID, Terms
from csms.core.timings import LAW
from csms.core.tree import build_tree

NO_CONNECTOR = "the station has no such connector"
NOT_STEERED = "this charger is not steered: its cars take what they want, and what is booked for it is never shared"
SECOND_CAR = "another car is at this connector"
NOT_OVER_OCPP = "is for chargers that are steered over OCPP"
NO_AC = "is for AC chargers"
ONE_PHASE = "this charger has phase 1 alone"


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is asked for (UTC ms), the rules of the station's clock, and how the site is then.

    Attributes:
        events: the limits that were told by then.
        soc_ppm: the charge of the battery, parts per million of its usable energy; None: it is full.
        base_load_w: what counts as base load where it is measured; None: the configured maximum.
    """

    wall_ms: int
    zone: tzinfo = UTC
    events: tuple[CapacityEvent, ...] = ()
    soc_ppm: int | None = None
    base_load_w: int | None = None


@dataclass(frozen=True, slots=True)
class Car:
    """A car at a connector, and the most that it can take, W.

    Attributes:
        terms: what is said of it alone, or of its id tag.
        phases: those of its charger that it is known to use, 1 to 3; None: any.
    """

    charger_id: ChargerId
    idx: int
    max_w: int
    terms: Terms = UNSAID
    phases: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class CarShare:
    """What a car would get, W, and what limits it."""

    car: Car
    power_w: int
    limited_by: str


@dataclass(frozen=True, slots=True)
class CarLeftOut:
    """A car, by its place among those given, that cannot be where it is said to be, and why."""

    place: int
    why: str


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """What would be booked on a row, and what it can carry, W (the root's less the static load); None: anything."""

    node_id: str
    load_w: int
    capacity_w: int | None


@dataclass(frozen=True, slots=True)
class BatteryShare:
    """What the battery would give and could give, W, with a charge of so many parts per million."""

    soc_ppm: int
    power_w: int
    available_w: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer: shares in the order of the cars, rows with parents before children.

    `base_load_w` is what counts of everything else on the site, `battery` None where there is none.
    """

    shares: tuple[CarShare, ...]
    left_out: tuple[CarLeftOut, ...]
    nodes: tuple[NodeLoad, ...]
    notices: tuple[Notice, ...]
    base_load_w: int = 0
    battery: BatteryShare | None = None


def what_if(station: Station, cars: Sequence[Car], moment: Moment) -> WhatIf:
    """Return who would get how much at a moment, the cars having come in the order given."""
    chargers = {config.charger_id: _settled(config) for config in station.chargers}
    state = State(station, build_tree(station, chargers.values()), chargers, 1, 1, 1, zones=lambda _: moment.zone)
    state.capacity_events = {event.event_id: event for event in moment.events}
    state.operator_heard_ms = 0
    now = Now(0, moment.wall_ms)
    _put_base_load(state, moment, now)
    _put_battery(state, moment, now)
    hold_grid(state, now, Alarm())
    state.governed_w = None if station.capacity_tariff is None else station.capacity_tariff.target_w
    placed: list[Car] = []
    left_out: list[CarLeftOut] = []
    for place, car in enumerate(cars):
        why = _why_not(chargers, car)
        if why is None:
            _plug_in(state, car)
            placed.append(car)
        else:
            left_out.append(CarLeftOut(place, why))
    question = question_of(state, 0, LAW)
    allocation = question.answer(state, question.nodes(state))
    powers_w = [max(powers) for powers in zip(question.floors_w, allocation.alloc_w, strict=True)]
    shares = tuple(
        CarShare(car, power_w, reason_of(*part, claim, limited_by))
        for car, power_w, part, claim, limited_by in zip(
            placed, powers_w, question.parts, question.claims, allocation.limited_by, strict=True
        )
    )
    nodes = _loads(state, question, powers_w)
    battery = None if station.battery is None else _battery_share(state, station.battery, nodes[0].load_w, now)
    return WhatIf(shares, tuple(left_out), nodes, notices(station), state.counted_w, battery)


def _put_base_load(state: State, moment: Moment, now: Now) -> None:
    """Have so much count as is asked about; without a meter that is the configured maximum always."""
    state.base_load = new_base_load(state.station, now)
    if moment.base_load_w is not None:
        state.base_load.counted_w = moment.base_load_w


def _put_battery(state: State, moment: Moment, now: Now) -> None:
    """Have the battery heard, at rest, and ready to do all that it can."""
    battery = state.station.battery
    if battery is None:
        return
    soc_ppm = battery.full_percent * PERCENT_PPM if moment.soc_ppm is None else moment.soc_ppm
    most_w = battery.power_w
    reading = BatteryReading(soc_ppm, 0, most_w, battery.most_charge_w, most_w, 0, computed=battery.is_computed)
    take_reading(state, BatteryReported(reading, now.mono_ms), now)


def _battery_share(state: State, battery: Battery, load_w: int, now: Now) -> BatteryShare:
    """Return what the battery gives beside the grid connection, on which so much is booked (`csms.core.dispatch`)."""
    assert state.supply.reading is not None, "it was put there"
    available_w = able_w(state, battery, now)
    lacking_w = load_w - (state.tree.without_battery_w - state.withheld_w)
    return BatteryShare(state.supply.reading.soc_ppm, max(0, min(lacking_w, available_w)), available_w)


def running_car(session: SessionView) -> Car:
    """Return the car of a running session as it is now."""
    return Car(session.charger_id, session.idx, session.vehicle_max_w, session.terms, session.phases)


def phases_fault(config: Charger | None, car: Car) -> str | None:
    """Return why a car cannot be known to use some phases of its charger; None where it can."""
    if config is None or car.phases is None:
        return None
    if config.control is Control.REST:
        return NOT_OVER_OCPP
    if config.is_dc:
        return NO_AC
    return ONE_PHASE if config.phases == 1 and car.phases != {1} else None


def counts_w(station: Station, shown_w: int) -> int | None:
    """Return what counts as base load when that much of it is measured, W; None: the station has no meter."""
    meter = station.site_meter
    if meter is None:
        return None
    return in_steps_w(shown_w, meter.margin_w, station.static_load_w, station.grid_capacity_w)


def _settled(config: Charger) -> ChargerState:
    """Return a charger that is connected, set up and lets limits expire, if it may be.

    What is driven over REST never connects.
    """
    charger = new_charger(config)
    if not _is_steered(config) or config.control is Control.REST:
        return charger
    charger.ever_connected = charger.heard = True
    charger.provisioning.expiry = Seen.KEPT
    charger.connection = ConnectionId(1)
    for connector in charger.connectors.values():
        connector.provisioned = True
    form = charger.manner.form
    default = Send(
        Token(0),
        config.charger_id,
        0,
        Purpose.DEFAULT,
        fail_safe_w(config, form),
        form,
        None,
        None,
        charger.connection,
        0,
        0,
        SendState.SETTLED,
    )
    charger.defaults.sends.append(default)
    return charger


def _is_steered(config: Charger) -> bool:
    return config.control is not Control.NONE and not config.is_observed


def _why_not(chargers: Mapping[ChargerId, ChargerState], car: Car) -> str | None:
    """Return why a car cannot be where it is said to be; None where it can."""
    charger = chargers.get(car.charger_id)
    connector = None if charger is None else charger.connectors.get(car.idx)
    if charger is None or connector is None:
        return NO_CONNECTOR
    if not _is_steered(charger.config):
        return NOT_STEERED
    return None if connector.session is None else SECOND_CAR


def _plug_in(state: State, car: Car) -> None:
    """Begin the session of a car, driven as its charger is; phases that this does not have count no more."""
    charger = state.chargers[car.charger_id]
    over_ocpp = charger.steered_over_ocpp
    most_w = min(car.max_w, charger.config.max_power_w)
    rank = state.take_rank()
    phases = car.phases if phases_fault(charger.config, car) is None else None
    session = Session(
        session_id=SessionId(f"car {rank}"),
        driver=Driver.OCPP if over_ocpp else Driver.REST,
        key=ConnectorKey(car.charger_id, car.idx),
        rank=rank,
        id_tag="",
        id_tag_raw="",
        tag_status=TagStatus.ACCEPTED,
        created_ms=0,
        started_ms=0,
        meter_start_wh=0,
        phase=Phase.RUNNING,
        demand=Demand(most_w, most_w),
        stated=None if over_ocpp else StatedDemand(car.max_w, car.max_w),
        own_terms=car.terms,
        phase_use=PhaseUse(phases, charger.connection),
    )
    charger.connectors[car.idx].session = session
    state.sessions[session.session_id] = session


def _loads(state: State, question: Question, powers_w: Sequence[int]) -> tuple[NodeLoad, ...]:
    """Return what every row would carry: what nobody shares, and what the cars get."""
    keys = {connector.key for _, connector, _ in question.parts}
    at_w = {charger_id: uncut_w(charger, keys) for charger_id, charger in state.chargers.items()}
    for (charger, _, _), power_w in zip(question.parts, powers_w, strict=True):
        at_w[charger.charger_id] += power_w
    loads_w = dict.fromkeys(state.tree.caps_w, 0)
    for charger_id, power_w in at_w.items():
        for node in state.tree.paths[charger_id]:
            loads_w[node] += power_w
    caps_w = dict(state.tree.caps_w)
    root_w = caps_w[GRID]
    caps_w[GRID] = None if root_w is None else root_w - state.withheld_w - state.tree.held_w
    nodes = tuple(NodeLoad(n.node_id, loads_w[n.node_id], caps_w[n.node_id]) for n in state.tree.nodes)
    return nodes + _phase_loads(state, question, powers_w)


def _phase_loads(state: State, question: Question, powers_w: Sequence[int]) -> tuple[NodeLoad, ...]:
    """Return what every phase with a limit would carry, in watts of this phase."""
    keys = {connector.key for _, connector, _ in question.parts}
    loads = dict.fromkeys(state.tree.phase_caps, 0)
    for charger_id, charger in state.chargers.items() if loads else ():
        amounts = booked_phases(charger, keys)
        for row, line in state.tree.phase_paths[charger_id]:
            loads[row] += amounts[line]
    for claim, power_w in zip(question.claims, powers_w, strict=True):
        for row, load in loaded_rows(state, claim):
            loads[row] += load * power_w
    return tuple(NodeLoad(row, -(-loads[row] // SIXTHS), cap // SIXTHS) for row, cap in state.tree.phase_caps.items())
