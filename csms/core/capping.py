"""Capping: operators' caps as they stand now, on the connectors and chargers that the plan is made for.

A cap is the row of the command that asked for it, accepted by this system itself: durable with its acceptance, in force
until that row ends. It ends when its time or its transaction is over, when another takes its place, when an operator
clears it, and with its charger.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from csms.core.caps import Cap, CapPurpose, CapView, cap_of, earliest, lowest
from csms.core.charger import ChargerState
from csms.core.commanded import Commanded
from csms.core.connector import Connector
from csms.core.ids import ChargerId, Now
from csms.core.journal import Journal
from csms.core.part import TimedPart
from csms.core.records import CommandOutcome, CommandStored, Expected
from csms.core.replies import CommandShown
from csms.core.state import State

SET = "SetChargingProfile"
CLEAR = "ClearChargingProfile"

LOOK_AGAIN_MS = 60_000
"""The wall clock that caps go by may be set: it is looked at that often at least while a change is to come."""

READ_MAX = 4_096
"""Caps that are kept read."""

CAPS_MAX = 50
"""Caps of one charger; one more is refused."""


class Capping(TimedPart):
    """Brings caps up to the present; lives for one step."""

    def run(self) -> None:
        """End the caps that are over, and show every charger those that are left."""
        caps: dict[ChargerId, list[tuple[Commanded, Cap]]] = {}
        for commanded in list(self.state.commands.values()):
            if commanded.stored.action != SET:
                continue
            cap = stored_cap(commanded.stored)
            charger = self.state.chargers.get(commanded.stored.charger_id)
            if charger is None or cap.is_over(self.now.wall_ms) or not _has_its_transaction(charger, cap):
                end_cap(self.state, commanded, CommandOutcome.HAPPENED, self.journal, self.now)
            else:
                caps.setdefault(charger.charger_id, []).append((commanded, cap))
        for charger_id in self.state.capped | caps.keys():
            charger = self.state.chargers.get(charger_id)
            if charger is not None:
                self._show(charger, caps.get(charger_id, []))
        self.state.capped = set(caps)

    def _show(self, charger: ChargerState, caps: list[tuple[Commanded, Cap]]) -> None:
        whole = [cap for _, cap in caps if cap.purpose is CapPurpose.CHARGER]
        now_ms = self.now.wall_ms
        charger.cap_w, next_ms = lowest(whole, charger.config, now_ms, now_ms)
        for connector in charger.connectors.values():
            here = [
                cap for _, cap in caps if cap.purpose is not CapPurpose.CHARGER and cap.idx in {0, connector.key.idx}
            ]
            connector.cap_w, changes_ms = lowest(here, charger.config, now_ms, _begun_ms(connector, now_ms))
            next_ms = earliest(next_ms, changes_ms)
        charger.caps = tuple(self._view(charger, commanded, cap) for commanded, cap in caps)
        next_ms = earliest(next_ms, *(cap.valid_to_ms for _, cap in caps))
        if next_ms is not None:
            self.alarm.at(self.now.mono_ms + min(LOOK_AGAIN_MS, max(1, next_ms - now_ms)))

    def _view(self, charger: ChargerState, commanded: Commanded, cap: Cap) -> CapView:
        connector = charger.connectors.get(cap.idx)
        limit_w = None
        if cap.start_ms is not None or (connector is not None and connector.session is not None):
            begun_ms = self.now.wall_ms if connector is None else _begun_ms(connector, self.now.wall_ms)
            period = cap.at(self.now.wall_ms, begun_ms).period
            limit_w = None if period is None else cap.limit_w(period, charger.config)
        return CapView(
            commanded.stored.command_id,
            cap.profile_id,
            cap.idx,
            cap.purpose,
            cap.stack_level,
            cap.transaction_id,
            limit_w,
        )


def stored_cap(stored: CommandStored) -> Cap:
    """Return the cap that a command of before has become."""
    return _read(stored.body_json, stored.asked_ms)


@lru_cache(maxsize=READ_MAX)
def _read(body_json: str, accepted_ms: int) -> Cap:
    """Return the cap of a body; each is looked at in every plan, and never changes."""
    return cap_of(json.loads(body_json), accepted_ms)


def caps_of(state: State, charger_id: ChargerId) -> list[tuple[Commanded, Cap]]:
    """Return the caps of a charger, oldest first."""
    of_it = (each for each in state.commands.values() if each.stored.charger_id == charger_id)
    return [(each, stored_cap(each.stored)) for each in of_it if each.stored.action == SET]


def cleared_by(state: State, charger_id: ChargerId, body: Mapping[str, Any]) -> list[Commanded]:
    """Return the caps of a charger that a ClearChargingProfile.req names: by id, or by all that else it tells."""
    return [
        commanded
        for commanded, cap in caps_of(state, charger_id)
        if body.get("id", cap.profile_id) == cap.profile_id
        and body.get("connectorId", cap.idx) == cap.idx
        and body.get("chargingProfilePurpose", cap.purpose) == cap.purpose
        and body.get("stackLevel", cap.stack_level) == cap.stack_level
    ]


def end_cap(state: State, commanded: Commanded, outcome: CommandOutcome, journal: Journal, now: Now) -> None:
    """Take a cap away for good."""
    stored = commanded.stored
    commanded.change(expects=Expected.CAP_ENDED, outcome=outcome, ended_ms=now.wall_ms)
    if commanded.asker is not None:
        journal.reply(commanded.asker, CommandShown(commanded.stored))
        commanded.asker = None
    del state.commands[stored.command_id]
    journal.operated[stored.command_id] = commanded
    journal.plan = True
    journal.log("cap.ended", stored.charger_id, None, command_id=stored.command_id, outcome=outcome)


def transaction_at(charger: ChargerState, idx: int) -> int | None:
    """Return the transaction that runs at a connector, or None."""
    connector = charger.connectors.get(idx)
    return None if connector is None or connector.session is None else connector.session.transaction_id


def _has_its_transaction(charger: ChargerState, cap: Cap) -> bool:
    return cap.purpose is not CapPurpose.TX or transaction_at(charger, cap.idx) == cap.transaction_id


def _begun_ms(connector: Connector, now_ms: int) -> int:
    """Return when the session of a connector began by our clock; without one, when the next would."""
    return now_ms if connector.session is None else connector.session.created_ms
