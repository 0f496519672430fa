"""K of a charger on each phase: what it may be drawing there on current evidence (LEDGER.md §1, docs/adr/0042).

Theory of operation. On a phase is booked what in watts is: of each connector the most of all sends that may be in
force, each in the form in which it was sent (`csms.core.phases`), of a client over REST, of what was measured; all
connectors that are not provisioned count once, at the charger's maximum or its `reservedPower`; and no charger more
than a third of its maximum, or all of it with one phase. Nothing falls here that does not in watts, with one exception:
the session of a car that has shown which phases it uses counts on those alone (`csms.core.phase_use`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from csms.core.charger import ChargerState
from csms.core.commands import LimitForm, RateUnit
from csms.core.connector import Connector
from csms.core.ids import ConnectorKey
from csms.core.phases import BALANCED, EVERYWHERE, OnLines, amount_of, lines_of, load_of, most_sixths
from csms.core.records import Driver
from csms.core.session import Session
from csms.core.state import State
from csms.core.station import Control, Lines

NOBODY: frozenset[ConnectorKey] = frozenset()
NOTHING: Mapping[int, int] = {}


def used_by(charger: ChargerState, connector: Connector) -> frozenset[int] | None:
    """Return the charger's own phases that the car at a connector has shown to use; None: any."""
    session = connector.session
    if session is None or charger.connection is None or session.phase_use.connection != charger.connection:
        return None  # without a connection another car may have come
    return session.phase_use.lines


def as_told_w(charger: ChargerState, connector: Connector, power_w: int) -> int:
    """Return a power measured at a connector, W, as a limit of it is counted: in amperes on every installed phase.

    A car that uses one of three phases draws a third of a limit that it takes all of.
    """
    used = used_by(charger, connector)
    if used is None or charger.manner.form.unit is not RateUnit.A:
        return power_w
    return power_w * charger.manner.form.phases // len(used)


def worth(charger: ChargerState, connector: Connector) -> int:
    """Return the inverse of what flows of 1 W of a limit, times 2: 2 where all of it does, 6 where a third does."""
    used = used_by(charger, connector)
    if used is None or charger.manner.form.unit is not RateUnit.A:
        return BALANCED
    return BALANCED * charger.manner.form.phases // len(used)


def booked_phases(
    charger: ChargerState,
    without: AbstractSet[ConnectorKey] = NOBODY,
    told: Mapping[int, int] = NOTHING,
    default: int = 0,
) -> Lines:
    """Return K of a charger on L1, L2 and L3, sixths of a watt.

    `without` some connectors: the part that cannot be cut now. `told`: as if connectors, by number, had been told so
    much more; `default`: as if all had.
    """
    config, is_unsteered = charger.config, charger.config.control is Control.NONE
    default = max(default, _defaults(charger))
    known, unknown, doubts = [0, 0, 0], [0, 0, 0], is_unsteered
    for connector in charger.connectors.values():
        if connector.key in without and not is_unsteered:
            continue
        amount = max(_told(charger, connector), told.get(connector.key.idx, 0))
        if is_unsteered or (charger.unknown_default and not connector.provisioned):
            doubts, sums = True, unknown
        else:
            sums = known
        amount = amount if is_unsteered else max(amount, default)
        for line, is_on in enumerate(lines_of(config, used_by(charger, connector))):
            sums[line] += amount if is_on else 0
    reserved = amount_of(config, charger.max_booked_w, charger.uncontrolled_booked_w, None, None) if doubts else 0
    most = most_sixths(config, charger.max_booked_w)
    everywhere: OnLines = lines_of(config, None)
    on_l1, on_l2, on_l3 = [
        min(most, known[line] + max(unknown[line], reserved if everywhere[line] else 0)) for line in range(3)
    ]
    return on_l1, on_l2, on_l3


def _defaults(charger: ChargerState) -> int:
    config, max_w = charger.config, charger.max_booked_w
    return max([amount_of(config, max_w, s.limit_w, s.form, None) for s in charger.defaults.sends], default=0)


def _told(charger: ChargerState, connector: Connector) -> int:
    """Return what a connector was told, or was measured to draw, on each phase in use, sixths of a watt."""
    config, max_w, used = charger.config, charger.max_booked_w, used_by(charger, connector)
    wild_w = max(connector.rest_w, connector.evidence.measured_w, connector.closed_w)
    amounts = [amount_of(config, max_w, send.limit_w, send.form, used) for send in connector.limits.sends]
    return max(amounts, default=0) if wild_w == 0 else max(*amounts, amount_of(config, max_w, wild_w, None, used), 0)


def booked_on_rows(state: State) -> dict[str, int]:
    """Return Σ K on every row of a phase, sixths of a watt; nothing where no phase has a limit."""
    if not state.tree.phase_caps:
        return {}
    booked = dict.fromkeys(state.tree.phase_caps, 0)
    for charger in state.chargers.values():
        amounts = booked_phases(charger)
        for row, line in state.tree.phase_paths[charger.charger_id]:
            booked[row] += amounts[line]
    return booked


def loads_of_session(state: State, charger: ChargerState, connector: Connector, session: Session) -> Lines:
    """Return what 1 W of a session's limit will be on L1, L2 and L3, sixths of a watt."""
    used = used_by(charger, connector)
    form = None if session.driver is Driver.REST else charger.manner.form
    load = load_of(charger.config, form, used)
    settled = charger.defaults.settled
    if settled is not None and settled.limit_w > 0:
        load = max(load, load_of(charger.config, settled.form, used))
    lines = lines_of(charger.config, used)
    present = state.tree.lines.get(charger.charger_id, EVERYWHERE)
    on_l1, on_l2, on_l3 = [load if lines[line] and present[line] else 0 for line in range(3)]
    return on_l1, on_l2, on_l3


def fits(
    state: State, booked: Mapping[str, int], charger: ChargerState, told: Mapping[int, int], default: int = 0
) -> bool:
    """Return whether no phase would be over its limit, or fuller where it is, if connectors were told so much more.

    `booked`: Σ K on the rows; `told` and `default`: sixths of a watt on each phase, as in `booked_phases`.
    """
    rows = state.tree.phase_paths.get(charger.charger_id, ())
    if not rows:
        return True
    now, then = booked_phases(charger), booked_phases(charger, NOBODY, told, default)
    return all(
        booked[row] - now[line] + then[line] <= max(state.tree.phase_caps[row], booked[row]) for row, line in rows
    )


def room_w(
    state: State,
    booked: Mapping[str, int],
    charger: ChargerState,
    connector: Connector,
    form: LimitForm | None,
    most_w: int,
) -> int:
    """Return the most up to `most_w` that a connector can be told without a raise on a phase that is full, W."""
    if not state.tree.phase_paths.get(charger.charger_id):
        return most_w
    used = used_by(charger, connector)

    def is_free(power_w: int) -> bool:
        amount = amount_of(charger.config, charger.max_booked_w, power_w, form, used)
        return fits(state, booked, charger, {connector.key.idx: amount})

    if is_free(most_w):
        return most_w
    least, first_too_much = 0, most_w
    while first_too_much - least > 1:
        middle = (least + first_too_much) // 2
        least, first_too_much = (middle, first_too_much) if is_free(middle) else (least, middle)
    return least
