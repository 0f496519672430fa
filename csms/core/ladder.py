"""The ways to tell a charger a limit, in the order in which they are tried (OCPP16.md B5, C34 to C41).

Chargers differ in the unit that they take, in the kind of profile, in whether they read numberPhases, in the stack
level and in the purpose that they obey, and many advertise something else. So every limit is said in the way that was
Accepted last by a charger of the make, else in the likeliest one, and a refusal moves on to the next rung. There are
two ladders:

    attempts   the fail-safe default (TxDefaultProfile on connector 0): every form with the configured power (mode
               `reserve`), and every form with 0 W and with the least that can be told where 0 is refused
    manners    the limit of a running transaction: TxProfile in every form, and TxDefaultProfile of the connector, one
               stack level above the fail-safe default, which is in force again when it is gone

ChargePointMaxProfile is on no ladder: it limits the charger as a whole and is kept in flash (DESIGN.md §5).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from csms.core.capabilities import Capabilities
from csms.core.commands import MIN_CURRENT_A, LimitForm, ProfileKind, Purpose, RateUnit
from csms.core.station import Charger

OUR_LEVEL = 0
DC_LEAST_W = 1_000
"""Least power that a DC charger which refuses 0 is offered instead."""


class Attempt(NamedTuple):
    """One way to say our default: its form and its value, W per connector."""

    form: LimitForm
    limit_w: int


class Manner(NamedTuple):
    """One way to say the limit of a running transaction."""

    purpose: Purpose
    form: LimitForm


def forms(charger: Charger, capabilities: Capabilities) -> tuple[LimitForm, ...]:
    """Return the forms to try, best first.

    AC in amperes if it may be, DC in watts; then the other unit, an absolute profile, those without numberPhases, and
    one at the next stack level.
    """
    return _forms(charger, capabilities.rate_units, capabilities.stack_level_max)


@lru_cache(maxsize=4096)
def _forms(charger: Charger, advertised: tuple[RateUnit, ...], highest: int | None) -> tuple[LimitForm, ...]:
    preferred = RateUnit.W if charger.is_dc else RateUnit.A
    unit = preferred if preferred in advertised or not advertised else advertised[0]
    other = RateUnit.A if unit is RateUnit.W else RateUnit.W
    phases = charger.phases or 3
    first = LimitForm(unit, phases, charger.voltage_v, stack_level=OUR_LEVEL)
    ways = [first, replace(first, unit=other), replace(first, kind=ProfileKind.ABSOLUTE)]
    if RateUnit.A in advertised or not advertised:
        ways.append(replace(first, unit=RateUnit.A, number_phases=False))
    if charger.phases == 1 and (RateUnit.W in advertised or not advertised):
        ways.append(replace(first, unit=RateUnit.W, number_phases=False))
    if highest != OUR_LEVEL:
        ways.append(replace(first, stack_level=OUR_LEVEL + 1))
    return tuple(ways)


def least_w(charger: Charger, form: LimitForm) -> int:
    """Return the least power above 0 that can be told in a form, W per connector."""
    wanted_w = DC_LEAST_W if charger.is_dc else MIN_CURRENT_A * charger.voltage_v * charger.phases
    return max(form.round_down(wanted_w), MIN_CURRENT_A * form.ampere_w if form.unit is RateUnit.A else wanted_w)


def attempts(charger: Charger, capabilities: Capabilities, *, pauses: bool = True) -> tuple[Attempt, ...]:
    """Return the ways to say the fail-safe default, in the order in which they are tried.

    Where a charger never resumes from 0 W, the least that can be told comes before that: its cars begin under the
    default. In mode `reserve` the ways of mode `closed` come last: for where its power is refused, or has no room yet.
    """
    ways: list[Attempt] = []
    for form in forms(charger, capabilities):
        both = Attempt(form, 0), Attempt(form, least_w(charger, form))
        ways += both if pauses else reversed(both)
    reserved = [Attempt(form, fail_safe_w(charger, form)) for form in forms(charger, capabilities)]
    first = [way for way in reserved if way.limit_w > 0]
    return (*first, *(way for way in ways if way not in first))


def fail_safe_w(charger: Charger, form: LimitForm) -> int:
    """Return the configured fail-safe power in a form, W per connector; 0 in mode `closed`."""
    return form.round_down(charger.fail_safe_power_w)


def manners(
    charger: Charger, capabilities: Capabilities, default_form: LimitForm | None, *, tenths: bool = False
) -> tuple[Manner, ...]:
    """Return the ways to limit a running transaction; `default_form`: that of the default which was Accepted.

    `tenths`: amperes are told to the tenth. The connector's own default is third: a charger counts as refusing after
    three (LEDGER.md §3).
    """
    return _manners(forms(charger, capabilities), capabilities.stack_level_max, default_form, tenths)


@lru_cache(maxsize=4096)
def _manners(
    known: tuple[LimitForm, ...],
    highest: int | None,
    default_form: LimitForm | None,
    tenths: bool,  # noqa: FBT001 - keywords would not be cached alike
) -> tuple[Manner, ...]:
    first = known[0] if default_form is None else like(known, default_form) or known[0]
    others = [form for form in known if form != first]
    above = first.stack_level + 1 if highest is None or first.stack_level < highest else first.stack_level
    ways = [Manner(Purpose.TX, form) for form in (first, *others)]
    ways.insert(2, Manner(Purpose.DEFAULT, replace(first, stack_level=above)))
    fine = tenths and first.phases > 0
    return tuple(Manner(purpose, replace(form, tenths=fine and form.unit is RateUnit.A)) for purpose, form in ways)


def like(known: Sequence[LimitForm], form: LimitForm | None) -> LimitForm | None:
    """Return the form among `known` that is written as `form` is, maybe for other phases or another voltage."""
    if form is None:
        return None
    return next((one for one in known if _written_alike(one, form)), None)


def _written_alike(one: LimitForm, other: LimitForm) -> bool:
    return replace(other, phases=one.phases, voltage_v=one.voltage_v, tenths=one.tenths) == one


def likeliest_attempt(
    ladder: Sequence[Attempt], present: Attempt | None, learnt: LimitForm | None, *, pauses: bool = True
) -> int:
    """Return the rung on which a charger stands: its own one, else where its make was last understood, else the first.

    Its own one may be of another time: the keys that the charger tells, its configuration, or what is known of its make
    may have changed since.
    """
    if present is not None:
        form = like([one.form for one in ladder], present.form)
        above_0 = present.limit_w > 0 or not pauses
        alike = [i for i, one in enumerate(ladder) if one.form == form and (one.limit_w > 0) == above_0]
        if alike:
            return next((i for i in alike if ladder[i].limit_w == present.limit_w), alike[0])
    form = like([one.form for one in ladder], learnt)
    return next((i for i, one in enumerate(ladder) if one.form == form), 0)


def likeliest_manner(ladder: Sequence[Manner], present: Manner | None, learnt: Manner | None) -> int:
    """Return the same for running transactions."""
    for wanted in (present, learnt):
        if wanted is not None:
            form = like([one.form for one in ladder if one.purpose is wanted.purpose], wanted.form)
            for i, one in enumerate(ladder):
                if one == (wanted.purpose, form):
                    return i
    return 0
