"""Chargers in `mode: observe`: nothing is written to them, and they are shown what they would get (docs/adr/0028).

Theory of operation. For the ledger such a charger is one that nobody steers: it is never provisioned, so it books what
a charger does that is connected and not provisioned, beside what it was sent in an earlier life and what its meters
show. The allocation of all others leaves that out. What its own sessions would get is a second allocation, in which
every observed charger counts as if it were provisioned: its sessions claim like others, its idle connectors take their
fail-safe power. Nothing follows from it but what is shown.

That nothing is written is decided where commands are made, and asserted here for every step as a whole.
"""

from collections.abc import Iterable

from csms.core.charger import ChargerState
from csms.core.commands import ChangeAvailability, ChangeConfiguration, ClearLimits, Command, RemoteStop, SetLimit
from csms.core.connector import Connector
from csms.core.errors import check
from csms.core.ids import ChargerId
from csms.core.journal import Journal
from csms.core.ladder import fail_safe_w
from csms.core.planning import (
    Question,
    awaited_defaults_w,
    claim_of,
    floor_of_w,
    kept_w,
    missing_w,
    participants,
    reason_of,
    with_loads,
)
from csms.core.records import Driver
from csms.core.session import Phase, Session
from csms.core.state import State
from csms.core.timings import Timings

WRITTEN = (SetLimit, ClearLimits, ChangeConfiguration, ChangeAvailability)
"""What changes something in a charger and is never asked for by anybody but this system."""


def check_nothing_written(state: State, commands: Iterable[Command]) -> None:
    """Assert that no command of ours changes anything in a charger that is left alone; others may ask for that."""
    for command in commands:
        writes = isinstance(command, WRITTEN) or (isinstance(command, RemoteStop) and command.urgent)
        charger = state.chargers.get(command.charger_id) if writes else None
        check(
            charger is None or not charger.is_left_alone,
            f"{command.charger_id} is observed or released: no {type(command).__name__} may be sent to it",
        )


def show_what_they_would_get(state: State, journal: Journal, now_ms: int, timings: Timings) -> None:
    """Give the running sessions of observed chargers the target that they would have, to be shown."""
    if not any(True for _ in _watched(state)):
        return
    question = question_of_observed(state, now_ms, timings)
    allocation = question.answer(state, question.nodes(state))
    for (charger, connector, session), claim, floor_w, target_w, reason in zip(
        question.parts, question.claims, question.floors_w, allocation.alloc_w, allocation.limited_by, strict=True
    ):
        if not charger.config.is_observed or session.driver is not Driver.OCPP:
            continue
        told_w = max(floor_w, charger.manner.form.round_down(target_w))
        limited_by = reason_of(charger, connector, session, claim, reason)
        session.planned = True
        if (session.target_w, session.limited_by) != (told_w, limited_by):
            session.target_w, session.limited_by = told_w, limited_by
            journal.show(session.session_id)


def question_of_observed(state: State, now_ms: int, timings: Timings) -> Question:
    """Return what the allocator would be asked if every observed charger were steered; their sessions come last."""
    steered, watched = tuple(participants(state, now_ms, timings)), tuple(_watched(state))
    keys = {connector.key for _, connector, _ in (*steered, *watched)}
    awaited_w = awaited_defaults_w(state, now_ms, keys)
    floors = [kept_w(charger, connector, awaited_w[charger.charger_id]) for charger, connector, _ in steered]
    claims = [claim_of(*part, floor_of_w(part[0], part[1], awaited_w[part[0].charger_id])) for part in steered]
    for part in watched:
        floor_w = _floor_w(part[0])
        floors.append(floor_w)
        claims.append(claim_of(*part, floor_w))
    missing = missing_w(state, awaited_w, keys)
    claims = with_loads(state, (*steered, *watched), claims)
    return Question((*steered, *watched), claims, floors, missing, _supposed_w(state))


def _watched(state: State) -> Iterable[tuple[ChargerState, Connector, Session]]:
    """Yield what would be steered if it were not observed, in order of arrival."""
    for session in state.sessions.values():
        charger = state.chargers.get(session.key.charger_id)
        connector = None if charger is None else charger.connectors.get(session.key.idx)
        if charger is None or connector is None or connector.session is not session or not charger.config.is_observed:
            continue
        if session.driver is Driver.OCPP and session.phase is Phase.RUNNING:
            yield charger, connector, session


def _supposed_w(state: State) -> dict[ChargerId, int]:
    """Return what the connectors of observed chargers that have no session would be booked at, W."""
    supposed_w: dict[ChargerId, int] = {}
    for charger in state.chargers.values():
        if charger.config.is_observed:
            idle = sum(connector.session is None for connector in charger.connectors.values())
            rest_w = sum(connector.rest_w for connector in charger.connectors.values())
            supposed_w[charger.charger_id] = min(charger.config.max_power_w, idle * _floor_w(charger) + rest_w)
    return supposed_w


def _floor_w(charger: ChargerState) -> int:
    return fail_safe_w(charger.config, charger.manner.form)
