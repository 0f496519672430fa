"""Maintenance: what it means that an operator has marked a charger or a connector (`csms.core.maintaining` does it).

What is marked takes no new session over REST, no remote start and no reservation, is left alone by campaigns, and what
merely says that nothing is heard there asks for nobody. That is all. Nothing of what may flow there is known by it, so
nothing of booking, planning or limits looks at it (LEDGER.md §1): what runs goes on, is steered as before, and what is
booked stays booked.
"""

from datetime import UTC, datetime

from csms.core.charger import ChargerState
from csms.core.records import CommandState, Maintenance


def covering(charger: ChargerState, idx: int) -> Maintenance | None:
    """Return the maintenance in force that covers a connector, its charger's or its own; of 0 the charger's alone."""
    found = (charger.maintenance.get(place) for place in (0, idx))
    return next((each for each in found if each is not None and each.ended_ms is None), None)


def anywhere(charger: ChargerState) -> tuple[int, Maintenance] | None:
    """Return where a charger is under maintenance, 0 for all of it, and that maintenance; None: nowhere."""
    for idx in sorted(charger.maintenance):
        if charger.maintenance[idx].ended_ms is None:
            return idx, charger.maintenance[idx]
    return None


def is_kept_shut(charger: ChargerState, idx: int) -> bool:
    """Return whether a maintenance in force wants a connector to be Inoperative."""
    entries = (charger.maintenance.get(place) for place in (0, idx))
    return any(each is not None and each.ended_ms is None and each.inoperative for each in entries)


def why_no_start(charger: ChargerState, idx: int) -> str | None:
    """Return why no session is begun or reserved at a connector, 0: at one of its charger's choice; or None."""
    covered = covering(charger, idx)
    if covered is not None:
        where = "the charger" if charger.maintenance.get(0) is covered else f"connector {idx}"
        return f"{where} is under maintenance: {covered.reason}"
    marked = anywhere(charger) if idx == 0 else None
    if marked is None:
        return None
    return f"name another connectorId: connector {marked[0]} is under maintenance: {marked[1].reason}"


def words(maintenance: Maintenance) -> str:
    """Return why, and until when, for a person."""
    if maintenance.until_ms is None:
        return maintenance.reason
    until = datetime.fromtimestamp(maintenance.until_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{maintenance.reason} (until {until})"


def may_be_shut(entry: Maintenance) -> bool:
    """Return whether its charger may be Inoperative by it, now or soon."""
    told = entry.told
    in_flight = told is not None and not told.operative and told.state is CommandState.SENT
    return entry.shut or in_flight
