"""Names of the things that the core talks about.

All of them are plain strings and integers on purpose: they travel through JSON, SQL and OCPP unchanged. `NewType` keeps
one from being passed for another.
"""

from typing import NamedTuple, NewType

ChargerId = NewType("ChargerId", str)
"""OCPP identity: the last, percent-decoded segment of the URL that the charger connects to."""

SessionId = NewType("SessionId", str)
"""Our UUID for one charge."""

CommandId = NewType("CommandId", str)
CampaignId = NewType("CampaignId", str)
"""UUID of one command of an operator."""

TransactionId = NewType("TransactionId", int)
"""OCPP's integer id: positive, int32, unique in the whole system for ever."""

ConnectionId = NewType("ConnectionId", int)
"""One WebSocket connection of a charger; never re-used while the process lives."""

Token = NewType("Token", int)
"""Identity of one CALL of ours from its command to its last answer."""

RequestId = NewType("RequestId", int)
"""Handle of somebody who waits for an answer (a charger's CALL, a REST request); means nothing to the core."""


class ConnectorKey(NamedTuple):
    """One connector of one charger; `idx` counts from 1, and 0 means the whole charger."""

    charger_id: ChargerId
    idx: int


class Now(NamedTuple):
    """The two times of one instant.

    `mono_ms` decides (it never steps back); `wall_ms` is UTC since the epoch and is only written into records and
    compared with the time stamps of chargers.
    """

    mono_ms: int
    wall_ms: int
