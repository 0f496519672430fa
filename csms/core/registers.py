"""Where the energy of a session is counted from whose StartTransaction told no register (meterStart).

Such a start is answered like any other, and its session is flagged: nothing is billed for it without a look. What it
shows as its energy is never counted from 0, only from a register that was told:

    first choice   the register of its connector while nothing ran there, since its charger connected; or the last one
                   of the transaction that it follows, when that is not older than a minute
    else           the first reading of its own, and the readings at the end of a transaction may hold an earlier one
    else           its meterStop: it has used nothing that anybody knows of

The first choice is kept only while it fits: its first reading must not be more than the car can have taken since the
start. A meterStop that does not fit tells the end all the same, and the start is then so much before it as was metered.
"""

from collections.abc import Iterable

from csms.core.connector import Connector, Register
from csms.core.events import Sample
from csms.core.meter import most_energy_wh
from csms.core.records import Doubt
from csms.core.session import NO_METER_START, REGISTER_UNKNOWN, RELATIVE, SUSPECT, Session
from csms.core.stamps import STALE_MS
from csms.core.units import MS_PER_HOUR


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
    """Let a reading, of now or of the past, tell where such a session began; return whether anything changed.

    `most_w`: what its car can take. Once readings are believed and metered, the matter is settled.
    """
    if NO_METER_START not in session.flags or session.last_energy_wh is not None:
        return False
    if sample.energy_wh is None or not _is_own(session, sample):
        return False
    most_wh = most_energy_wh(most_w, lasted_ms(session, sample.at_ms))
    used_wh = sample.energy_wh - session.meter_start_wh
    counts_anew = used_wh < 0 and sample.energy_wh <= most_wh
    if REGISTER_UNKNOWN not in session.flags and (0 <= used_wh <= most_wh or counts_anew):
        return False
    _begin(session, sample.energy_wh)
    return True


def jumped(session: Session, energy_wh: int) -> bool:
    """Begin such a session anew at a reading that cannot follow from the one before, if nothing was metered yet."""
    if NO_METER_START not in session.flags or RELATIVE in session.flags:
        return False
    if session.last_energy_wh != session.meter_start_wh:
        return False
    session.meter_start_wh = session.last_energy_wh = energy_wh
    return True


def read_at_end(session: Session, samples: Iterable[Sample], most_w: int) -> None:
    """Let the readings at the end of such a transaction, oldest first, tell where it began and what was metered."""
    own = [sample for sample in samples if sample.energy_wh is not None and _is_own(session, sample)]
    if session.last_energy_wh is None:
        for sample in own:
            read(session, sample, most_w)
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
    metered_wh = session.energy_wh or 0
    if told_wh < metered_wh:
        return None
    if not 0 <= told_wh - session.meter_start_wh <= most_wh:
        session.meter_start_wh = told_wh - metered_wh
    return told_wh


def _meter(session: Session, sample: Sample, most_w: int) -> None:
    energy_wh = sample.energy_wh or 0
    doubt = session.metered(energy_wh, most_energy_wh(most_w, lasted_ms(session, sample.at_ms)))
    if doubt is Doubt.REGISTER_JUMPED:
        jumped(session, energy_wh)


def _is_own(session: Session, sample: Sample) -> bool:
    """Return whether a sample is not of before its start; one of the same second is its own."""
    return session.start_words is not None or sample.at_ms >= session.started_ms // 1_000 * 1_000


def _begin(session: Session, energy_wh: int) -> None:
    session.meter_start_wh = energy_wh
    session.unflag(REGISTER_UNKNOWN)
