"""What a limit is on each phase: the one place where watts of a charger become currents (docs/adr/0042).

Theory of operation. Phases are counted in sixths of a watt (ALLOCATOR.md §1), which is a current at the nominal
voltage. What a limit of P watts lets a car draw from one phase depends on how it is told:

    in amperes       P = I · V · n, and no phase carries more than I: 6/n sixths of P, however few the car uses
    in watts, DC     the rectifier is balanced: 2 sixths of P
    in watts, AC     a car may draw all of it from one phase: 6 sixths; 6/k once the k phases that it uses are known

A three-phase charger carries no more on one phase than a third of the maximum that is configured for it. On which
phases: a single-phase charger, and a car that is known to use some, are on those that `phaseRotation` says; where that
is not configured they may be on any, and count on each of them.
"""

from csms.core.commands import LimitForm, RateUnit
from csms.core.rows import SIXTHS
from csms.core.station import Charger, Lines, PhaseLimit

BALANCED = 2
"""Sixths on each phase of 1 W that is drawn from all three alike."""

OnLines = tuple[bool, bool, bool]
"""Whether something is on L1, L2 and L3."""

EVERYWHERE: OnLines = (True, True, True)
ALL_LINES = frozenset({1, 2, 3})


def limit_sixths(limit: PhaseLimit) -> Lines:
    """Return what the phases carry, sixths of a watt, rounded down."""
    on_l1, on_l2, on_l3 = [SIXTHS * limit.voltage_v * each_ma // 1000 for each_ma in limit.current_ma]
    return on_l1, on_l2, on_l3


def static_sixths(limit: PhaseLimit | None, load_w: int) -> Lines:
    """Return what a load takes from each phase, sixths of a watt, rounded up: where nobody says, all of it from any."""
    if limit is None:
        return (SIXTHS * load_w,) * 3
    on_l1, on_l2, on_l3 = [-(-SIXTHS * limit.voltage_v * each_ma // 1000) for each_ma in limit.current_ma]
    return on_l1, on_l2, on_l3


def lines_of(config: Charger, used: frozenset[int] | None) -> OnLines:
    """Return on which phases of the grid connection a car at a charger may be.

    `used`: the charger's own phases, 1 to 3, that it is known to use; None: any.
    """
    own = frozenset({1}) if config.phases == 1 else used or ALL_LINES
    if config.is_dc or own == ALL_LINES or config.rotation is None:
        return EVERYWHERE
    theirs = {config.rotation[line - 1] for line in own}
    on_l1, on_l2, on_l3 = [line in theirs for line in (1, 2, 3)]
    return on_l1, on_l2, on_l3


def most_sixths(config: Charger, max_w: int) -> int:
    """Return what a charger of `max_w` carries on one phase at most, sixths of a watt."""
    return (SIXTHS if config.phases == 1 else BALANCED) * max_w


def load_of(config: Charger, form: LimitForm | None, used: frozenset[int] | None) -> int:
    """Return what 1 W of a limit is on each phase in use, sixths of a watt.

    `form` None: it was not told in any, so nobody knows how it is kept.
    """
    if form is not None and form.unit is RateUnit.A:
        return SIXTHS // form.phases
    if config.is_dc:
        return BALANCED
    return SIXTHS if config.phases == 1 or used is None else SIXTHS // len(used)


def amount_of(config: Charger, max_w: int, power_w: int, form: LimitForm | None, used: frozenset[int] | None) -> int:
    """Return what a limit, or a measured power, may be on each phase in use, sixths of a watt.

    `max_w`: the most that the charger has by what is known. A power above that refutes it.
    """
    amount = load_of(config, form, used) * power_w
    return amount if power_w > max_w else min(amount, most_sixths(config, max_w))
