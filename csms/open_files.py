"""How many files this process may hold open: each charger's connection is one, and systems allow few by default.

The soft limit is a default that a process may raise by itself up to the hard one, which is the administrator's; on many
systems they are 1,024 and a million. With all of them taken, chargers that come in wait in the kernel's queue and are
not answered, and neither is REST. So the limit is raised when the process starts, and whenever a configuration comes
into force that does not fit below it, the log says so.
"""

import contextlib
import resource

import structlog

from csms.core.station import Control, Station

OTHERS = 200
"""Files for everything but chargers: the database, REST clients, guests, handshakes, what the interpreter holds."""

PLENTY = 1_048_576
"""What to ask for where the hard limit is none: Linux refuses more unless it was told otherwise."""

_log = structlog.get_logger()


def raise_limit() -> int | None:
    """Raise the soft limit as far as this process may; return it, or None where there is none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = PLENTY if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # the kernel may have a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            _log.info("open_files.limit_raised", before=soft, now=wanted)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def check_limit(limit: int | None, station: Station) -> bool:
    """Return whether all chargers of a station can be connected at once; log what to do when they cannot."""
    connecting = sum(charger.control in {Control.AUTO, Control.OCPP} for charger in station.chargers)
    if limit is None or connecting + OTHERS <= limit:
        return True
    _log.error(
        "open_files.limit_too_low",
        limit=limit,
        needed=connecting + OTHERS,
        chargers=connecting,
        to_do="raise the hard limit: LimitNOFILE= of the service, --ulimit nofile= of the container, or ulimit -Hn",
    )
    return False
