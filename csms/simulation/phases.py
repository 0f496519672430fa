"""The least that the law lets anyone book on the phases of a charger: what the mirror makes of what it has heard.

Of each connector the most of all sends that may be in force counts on each phase that its car may use, each send in the
form in which it was told (docs/adr/0042): in amperes its part of one phase, in watts all of it, or as much as is on
each of the phases that the car has shown to use. A car has shown that when three samples of one connection have, over
20 s, of which no other need be heard: where the law leaves room, and where a car has shown several, the least counts.
Everything is in sixths of a watt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from csms.core.commands import LimitForm, RateUnit
from csms.core.events import Sample
from csms.core.ids import ConnectionId
from csms.core.station import Charger, Control
from csms.simulation.wiring import BALANCED, NOTHING, SIXTHS, Amounts, Own

DRAWS_MA, CHARGES_MA = 500, 5_000
ENOUGH_SAMPLES, ENOUGH_MS = 3, 20_000
SLACK_W = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """The phases that drew in one sample; on which connection, and when it was heard, ms."""

    used: Own
    connection: ConnectionId | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Told:
    """A limit that may be in force, W, and its form; None: nobody knows how it is kept."""

    limit_w: int
    form: LimitForm | None


def shown_by(sample: Sample, charger: Charger, connection: ConnectionId | None, now_ms: int) -> Shown | None:
    """Return what a sample shows of a car's phases; None where nothing, or what may be untrue."""
    if sample.current_ma is None or charger.phases <= 1 or max(sample.current_ma) < CHARGES_MA:
        return None
    power_w = sum(sample.current_ma) * charger.voltage_v // 1000
    if sample.power_w and not power_w * 3 // 4 - SLACK_W <= sample.power_w <= power_w * 5 // 4 + SLACK_W:
        return None
    return Shown(tuple(own for own, ma in enumerate(sample.current_ma, 1) if ma > DRAWS_MA), connection, now_ms)


def learnt(shown: Sequence[Shown], connection: ConnectionId | None) -> list[Own]:
    """Return each set of phases that samples of a connection have shown for long enough."""
    found: list[Own] = []
    for used in {each.used: None for each in shown}:
        times = [each.at_ms for each in shown if each.used == used and each.connection == connection is not None]
        if len(times) >= ENOUGH_SAMPLES and times[-1] - times[0] >= ENOUGH_MS:
            found.append(used)
    return found


def of_connector(charger: Charger, most_w: int, told: Iterable[Told], used: Sequence[Own]) -> Amounts:
    """Return the least that a connector is booked at, of all that it was told; `used`: what its car has shown."""
    phases = max((len(each) for each in used), default=1)
    each = max((_amount(charger, most_w, one, phases) for one in told), default=0)
    if not each:
        return NOTHING
    own = set[int]({1} if charger.phases == 1 else {1, 2, 3}).intersection(*used)
    return _on_grid(charger, each, own)


def of_all(charger: Charger, most_w: int, watts: int) -> Amounts:
    """Return what a charger is booked at in one, while nobody can tell it anything."""
    each = _amount(charger, most_w, Told(watts, None), 1)
    return _on_grid(charger, each, {1} if charger.phases == 1 else {1, 2, 3})


def at_most(charger: Charger, most_w: int, amounts: Amounts) -> Amounts:
    """Return amounts of which none is more than a charger of `most_w` carries on a phase."""
    most = most_w * (SIXTHS if charger.phases == 1 else BALANCED)
    return min(amounts[0], most), min(amounts[1], most), min(amounts[2], most)


def added(amounts: Amounts, more: Amounts) -> Amounts:
    """Return the sums."""
    return amounts[0] + more[0], amounts[1] + more[1], amounts[2] + more[2]


def highest(amounts: Amounts, others: Amounts) -> Amounts:
    """Return the higher of the two on each phase."""
    return max(amounts[0], others[0]), max(amounts[1], others[1]), max(amounts[2], others[2])


def is_unsteered(charger: Charger) -> bool:
    """Return whether a charger is booked at its reserved power always."""
    return charger.control is Control.NONE


def _amount(charger: Charger, most_w: int, told: Told, phases: int) -> int:
    if told.form is not None and told.form.unit is RateUnit.A:
        each = SIXTHS // told.form.phases
    elif charger.is_dc:
        each = BALANCED
    else:
        each = SIXTHS if charger.phases == 1 else SIXTHS // phases
    return at_most(charger, most_w, (each * told.limit_w,) * 3)[0]


def _on_grid(charger: Charger, each: int, own: set[int]) -> Amounts:
    """Return an amount on the phases that a charger's own ones hang on: on each where nobody says which."""
    if charger.is_dc or len(own) == 3 or charger.rotation is None:
        return (each,) * 3 if own else NOTHING
    lines = {charger.rotation[line - 1] for line in own}
    on_l1, on_l2, on_l3 = [each if line in lines else 0 for line in (1, 2, 3)]
    return on_l1, on_l2, on_l3
