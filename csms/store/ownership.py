"""One owner per station in a database that many processes can reach: a number that only grows (the fencing epoch).

Who becomes the owner of a station's records raises its epoch; every later transaction of that owner first looks whether
the epoch is still its own. So a process that was taken for dead (stopped, cut off, its connection lost) and comes back
finds a higher number, and can neither commit nor read any more: it ends (`OwnershipLostError`).

A transaction that writes holds the row, shared, until it has ended, and to raise the epoch needs the row alone. So a
new owner waits for a commit that is under way, and reads what it wrote; a commit that comes later is refused. To keep a
second process from raising the epoch while the owner lives is another matter, and the database's
(`csms.store.postgres`).
"""

import os
import socket

from sqlalchemy import Connection, insert, inspect, select, update

from csms.ports import StoreError
from csms.store.schema import ownership

UNKNOWN = "another process"


class OwnershipLostError(StoreError):
    """Another process has become the owner of the station's records; this one can never commit again."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder} has taken over this station's records; this process may not write any more")
        self.holder = holder


def this_process() -> str:
    """Return how this process is called in messages to others."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def holder(connection: Connection, station_id: str) -> str:
    """Return what is known of the owner, also of a database that has no tables yet."""
    with connection.begin():
        if not inspect(connection).has_table(ownership.name):
            return UNKNOWN
        found = connection.scalar(select(ownership.c.holder).where(ownership.c.station_id == station_id))
        return found or UNKNOWN


def claim(connection: Connection, station_id: str) -> int:
    """Make this process the owner, whoever was it before; return its epoch."""
    mine = {"epoch": ownership.c.epoch + 1, "holder": this_process()}
    raised = connection.scalar(
        update(ownership).where(ownership.c.station_id == station_id).values(mine).returning(ownership.c.epoch)
    )
    if raised is None:
        connection.execute(insert(ownership).values(station_id=station_id, epoch=1, holder=this_process()))
    return raised or 1


def confirm(connection: Connection, station_id: str, epoch: int, *, until_the_end: bool) -> None:
    """Check that the epoch is the owner's, and keep it so until the transaction has ended if that is asked for.

    Raises:
        OwnershipLostError: somebody else became the owner.
    """
    question = select(ownership.c.epoch, ownership.c.holder).where(ownership.c.station_id == station_id)
    found = connection.execute(question.with_for_update(read=True) if until_the_end else question).one_or_none()
    if found is None or found.epoch != epoch:
        raise OwnershipLostError(UNKNOWN if found is None else found.holder)
