"""Where the energy of a session is counted from whose StartTransaction told no register (meterStart).

Such a start is answered like any other, and its session is flagged: nothing is billed for it without a look. What it
shows as its energy is never counted from 0, only from a register that was told:

    first choice   the register of its connector while nothing ran there, since its charger connected; or the last one
                   of the transaction that it follows, when that is not older than a minute
    else           the first reading of its own, and the readings at the end of a transaction may hold an earlier one
    else           its meterStop: it has used nothing that anybody knows of

One reading may be wrong, the first one too. So each that cannot follow from any start found so far is another one that
may be true (`StartRead`), and the one counts that most readings agree with: they are not below it, and no further above
it than the car can have taken since the start. Its meterStop is one more of them. As long as each has but one reading,
a later one that is higher counts, and one that is lower does not.

A meterStop that fits none tells the end all the same, and the start is then so much before it as was metered.
"""

from collections.abc import Iterable

from csms.core.connector import Connector, Register
from csms.core.events import Sample
from csms.core.meter import most_energy_wh
from csms.core.session import NO_METER_START, REGISTER_UNKNOWN, RELATIVE, SUSPECT, Session, StartRead
from csms.core.stamps import STALE_MS
from csms.core.units import MS_PER_HOUR

STARTS_MAX = 4
"""Starts that are remembered: the register of before, a true one, and two that are wrong."""


def tells_none(session: Session) -> None:
    """Mark a session whose start told no register."""
    session.flag(NO_METER_START, SUSPECT, REGISTER_UNKNOWN)


def follow(session: Session, connector: Connector) -> None:
    """Begin such a session at a register that was known at its connector before it, if there is one."""
    if REGISTER_UNKNOWN not in session.flags:
        return
    before, meter, known = connector.session, connector.meter, connector.idle
    if before is not None:
        fresh = meter.energy_wh is not None and session.started_ms - meter.energy_at_ms <= STALE_MS
        last_wh = before.last_energy_wh if fresh else None
        known = None if last_wh is None else Register(last_wh, meter.energy_at_ms)
    if known is None or known.at_ms > session.started_ms:
        return
    if known.energy_wh > 0:  # 0 after a transaction: it counts each one anew, or is not read
        _begin(session, known.energy_wh)


def lasted_ms(session: Session, at_ms: int) -> int:
    """Return how long it can have charged at a time of the charger's clock; an hour, when its start told no time."""
    return max(at_ms - session.started_ms, 0 if session.start_words is None else MS_PER_HOUR)


def read(session: Session, sample: Sample, most_w: int) -> bool:
    """Let a reading, of now or of the past, tell where such a session began; return whether that changed.

    `most_w`: what its car can take.
    """
    if NO_METER_START not in session.flags or RELATIVE in session.flags:
        return False
    if sample.energy_wh is None or not _is_own(session, sample):
        return False
    energy_wh, most_wh = sample.energy_wh, most_energy_wh(most_w, lasted_ms(session, sample.at_ms))
    _begin_list(session)
    agreeing = [start for start in session.starts_read if 0 <= energy_wh - start.wh <= most_wh]
    for start in agreeing:
        _agree(start, sample.at_ms)
    if not agreeing:
        if _counts_anew(session, energy_wh, most_wh):
            return False
        _add(session, StartRead(energy_wh, sample.at_ms))
    return _choose(session, energy_wh, is_new=not agreeing)


def _begin_list(session: Session) -> None:
    """Take what its start is known as for the first one; after a restart, how many agree with it is not known."""
    if session.starts_read or REGISTER_UNKNOWN in session.flags:
        return
    has_risen = session.last_energy_wh is not None and session.last_energy_wh > session.meter_start_wh
    session.starts_read = [StartRead(session.meter_start_wh, session.started_ms - 1, 1 + has_risen)]


def _agree(start: StartRead, at_ms: int) -> None:
    if at_ms > start.at_ms:
        start.at_ms = at_ms
        start.agreed += 1


def _counts_anew(session: Session, energy_wh: int, most_wh: int) -> bool:
    """Return whether a first reading counts from the start of the session, whose own register is known."""
    if session.last_energy_wh is not None or REGISTER_UNKNOWN in session.flags or len(session.starts_read) > 1:
        return False
    return energy_wh < session.meter_start_wh and energy_wh <= most_wh


def _add(session: Session, start: StartRead) -> None:
    """Remember a start; of too many, the oldest of those goes that fewest agree with."""
    starts = session.starts_read
    if len(starts) == STARTS_MAX:
        starts.remove(min((one for one in starts if one.wh != session.meter_start_wh), key=lambda one: one.agreed))
    starts.append(start)


def _choose(session: Session, energy_wh: int, *, is_new: bool) -> bool:
    """Begin at the start that most readings agree with; return whether it is another one than before."""
    known = REGISTER_UNKNOWN not in session.flags
    best = max(session.starts_read, key=lambda start: (start.agreed, known and start.wh == session.meter_start_wh))
    if is_new and best.agreed == 1 and (session.last_energy_wh is None or energy_wh > session.meter_start_wh):
        best = session.starts_read[-1]
    if known and best.wh == session.meter_start_wh:
        return False
    _begin(session, best.wh)
    if session.last_energy_wh is not None:
        session.last_energy_wh, session.before_last_wh = energy_wh, None
    return True


def read_at_end(session: Session, samples: Iterable[Sample], most_w: int) -> None:
    """Let the readings at the end of such a transaction, oldest first, tell where it began and what was metered."""
    own = [sample for sample in samples if sample.energy_wh is not None and _is_own(session, sample)]
    if session.last_energy_wh is None:
        for sample in own:
            _meter(session, sample, most_w)
    elif own and RELATIVE not in session.flags:
        first_wh = own[0].energy_wh or 0
        most_wh = most_energy_wh(most_w, lasted_ms(session, own[-1].at_ms))
        if 0 < first_wh < session.meter_start_wh <= first_wh + most_wh:
            session.meter_start_wh = first_wh


def meter_at_end(session: Session, samples: Iterable[Sample], most_w: int) -> None:
    """Let the readings at the end of a transaction, oldest first, tell what was metered: its stop tells no register."""
    for sample in samples:
        if sample.energy_wh is not None and _is_own(session, sample):
            _meter(session, sample, most_w)


def newest_wh(samples: Iterable[Sample]) -> int | None:
    """Return the newest reading of a register, Wh, or None."""
    told = [sample for sample in samples if sample.energy_wh is not None]
    return max(told, key=lambda sample: sample.at_ms).energy_wh if told else None


def end(session: Session, told_wh: int | None, most_wh: int) -> int | None:
    """Return the register at which such a session ended, Wh; None when nobody knows. `told_wh`: its meterStop."""
    if told_wh is None:
        return None
    if REGISTER_UNKNOWN in session.flags:
        _begin(session, told_wh)
    _choose_by_end(session, told_wh, most_wh)
    metered_wh = session.energy_wh or 0
    if told_wh < metered_wh and not _is_only_below_the_last(session, told_wh, most_wh):
        return None
    if not 0 <= told_wh - session.meter_start_wh <= most_wh:
        session.meter_start_wh = told_wh - metered_wh
    return told_wh


def _is_only_below_the_last(session: Session, told_wh: int, most_wh: int) -> bool:
    """Return whether a meterStop agrees with all that was metered but the last reading, which may be wrong."""
    if RELATIVE in session.flags or session.before_last_wh is None:
        return False
    return session.before_last_wh <= told_wh <= session.meter_start_wh + most_wh


def _choose_by_end(session: Session, told_wh: int, most_wh: int) -> None:
    """Begin at another start that was read if the meterStop agrees with that and not with the present one."""
    if RELATIVE in session.flags or 0 <= told_wh - session.meter_start_wh <= most_wh:
        return
    agreeing = [start for start in session.starts_read if 0 <= told_wh - start.wh <= most_wh]
    if agreeing:
        _begin(session, max(agreeing, key=lambda start: start.agreed).wh)
        session.last_energy_wh = session.before_last_wh = None


def _meter(session: Session, sample: Sample, most_w: int) -> None:
    read(session, sample, most_w)
    most_wh = most_energy_wh(most_w, lasted_ms(session, sample.at_ms))
    session.metered(sample.energy_wh or 0, most_wh, sample.energy_step_wh)


def _is_own(session: Session, sample: Sample) -> bool:
    """Return whether a sample is not of before its start; one of the same second is its own."""
    return session.start_words is not None or sample.at_ms >= session.started_ms // 1_000 * 1_000


def _begin(session: Session, energy_wh: int) -> None:
    session.meter_start_wh = energy_wh
    session.unflag(REGISTER_UNKNOWN)
