"""Which transaction a StopTransaction means that names none: its id is −1, or cannot be read.

−1 is used for a start that was never given an accepted id (errata 3.18). What such a stop tells besides is its idTag,
its time and its register. So it means

    first   the one open transaction of its charger that has its idTag, accepted or refused, if it can be that one
    else    of the refused ones, those with its idTag before the others, the latest that can have ended so

Both are guesses: the session is flagged (`stop_guessed`), and a true stop that comes later corrects it.

Without a usable time it may repeat a stop that was forgotten at a restart, and the next start begins at the register of
that one's end: only a register that has risen since a start tells that it is the one. A refused start that used nothing
is closed when its connector has been Available for long.
"""

from collections.abc import Iterable

from csms.core.events import TagStatus, TransactionStopped
from csms.core.records import Driver
from csms.core.session import REGISTER_UNKNOWN, Session


def meant(sessions: Iterable[Session], fact: TransactionStopped) -> Session | None:
    """Return the open session that such a stop means, only ever one of its own charger."""
    here = [s for s in sessions if s.key.charger_id == fact.charger_id and s.driver is Driver.OCPP]
    tag = (fact.id_tag or "").upper()
    tagged = [s for s in here if tag and s.id_tag == tag]
    if len(tagged) == 1 and _is_possible(tagged[0], fact) and (_is_refused(tagged[0]) or _can_end(tagged[0], fact)):
        return tagged[0]
    refused = [s for s in here if _is_refused(s) and _is_possible(s, fact)]
    return max(refused, key=lambda s: (s in tagged, _can_end(s, fact), s.started_ms), default=None)


def _is_refused(session: Session) -> bool:
    return session.tag_status is not TagStatus.ACCEPTED


def _is_possible(session: Session, fact: TransactionStopped) -> bool:
    return session.started_ms <= fact.stopped_ms and (fact.words is None or _has_risen(session, fact))


def _can_end(session: Session, fact: TransactionStopped) -> bool:
    return fact.meter_stop_wh is None or session.meter_start_wh <= fact.meter_stop_wh


def _has_risen(session: Session, fact: TransactionStopped) -> bool:
    if fact.meter_stop_wh is None or REGISTER_UNKNOWN in session.flags:
        return False
    return fact.meter_stop_wh > session.meter_start_wh
