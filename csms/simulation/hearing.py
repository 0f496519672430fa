"""What a charger says unasked becomes facts, by the real decoders; as `csms.gateway.answers`, without waiting.

The store is asked at once: in virtual time it always knows. Every id tag is accepted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from csms.core.events import (
    ChargerBooted,
    Fact,
    KnownTransaction,
    MeterSampled,
    StartKey,
    StatusNotified,
    TagStatus,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, RequestId, SessionId
from csms.core.replies import Confirmed, Outcome, StartConfirmed, StopConfirmed
from csms.ocpp16 import payloads, translate, typed_lane
from csms.ocpp16.measurands import samples_of
from csms.ocpp16.peer import CallReceived
from csms.ocpp16.times import format_time, parse_time_ms
from csms.simulation.trace import ViolationError

MakeFact = Callable[[RequestId], Fact]
HEARTBEAT_S = 60


@dataclass(frozen=True, slots=True)
class Desk:
    """What hearing needs of the rest of the process."""

    wall_ms: Callable[[], int]
    new_session_id: Callable[[], SessionId]
    find_start: Callable[[StartKey], KnownTransaction | None]
    find_transaction: Callable[[int], KnownTransaction | None]


def fact_of(
    call: CallReceived,
    charger_id: ChargerId,
    connection: ConnectionId,
    desk: Desk,
    named: dict[int, KnownTransaction | None],
) -> MakeFact | None:
    """Return what makes the fact of a CALL, once it has its request; None when it is answered at once.

    `named` remembers the transactions that meter values have named on this connection.
    """
    decoded = typed_lane.decode_hot(call.action, call.payload)
    if not isinstance(decoded, typed_lane.Decoded) or decoded.verdict:
        raise ViolationError(f"a charger's message is not taken as it is: {call.action} {decoded}")
    payload, wall_ms = decoded.payload, desk.wall_ms()
    match payload:
        case payloads.BootNotification():
            return partial(ChargerBooted, charger_id, connection, translate.boot_info(payload))
        case payloads.StatusNotification():
            status = translate.connector_status(payload.status)
            assert status is not None, "a status of OCPP 1.6"
            at_ms = parse_time_ms(payload.timestamp)
            return lambda request: StatusNotified(
                charger_id, payload.connector_id, status, at_ms=at_ms, request=request
            )
        case payloads.MeterValues():
            samples, name = samples_of(decoded.readings, wall_ms), payload.transaction_id
            if name and name not in named:
                found = desk.find_transaction(name)
                named[name] = found if found is not None and found.ended else None
            ended = named[name] if name else None
            return lambda request: MeterSampled(charger_id, payload.connector_id, name, samples, request, ended)
        case payloads.StartTransaction():
            key = translate.start_key(charger_id, payload, wall_ms)
            new_session_id, known = desk.new_session_id(), desk.find_start(key)
            return lambda request: TransactionStarted(
                key, TagStatus.ACCEPTED, new_session_id, known=known, request=request
            )
        case payloads.StopTransaction():
            stopped_ms = parse_time_ms(payload.timestamp)
            assert stopped_ms is not None, "a readable time"
            return partial(
                _stopped,
                TransactionStopped(
                    charger_id,
                    payload.transaction_id,
                    payload.meter_stop,
                    stopped_ms,
                    desk.new_session_id(),
                    translate.stop_reason(payload.reason),
                    known=desk.find_transaction(payload.transaction_id),
                ),
            )
        case payloads.Heartbeat():
            return None
        case payloads.Authorize():
            raise ViolationError(f"no charger of this world says {call.action}")


def confirmation_of(action: str, outcome: Outcome, wall_ms: int) -> Mapping[str, object]:
    """Return the payload that tells a charger the outcome."""
    match outcome:
        case StartConfirmed():
            return {"transactionId": outcome.transaction_id, "idTagInfo": {"status": outcome.tag_status.value}}
        case Confirmed() if action == "BootNotification":
            return {"status": "Accepted", "currentTime": format_time(wall_ms), "interval": HEARTBEAT_S}
        case Confirmed() | StopConfirmed():
            return {}
        case _:
            raise ViolationError(f"{action} is answered with {outcome}")


def _stopped(stop: TransactionStopped, request: RequestId) -> Fact:
    return replace(stop, request=request)
