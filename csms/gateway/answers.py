"""What a charger's CALL is answered with.

Heartbeat and Authorize are answered at once. Everything else becomes a fact for the station's loop first and is
answered when that fact is durable (`Waiting`); nothing here waits for a commit. StartTransaction, StopTransaction and
the first MeterValues of a transaction ask the store what it remembers before they become facts, so that a replay keeps
its transaction id for ever and late values find their own transaction.
"""

import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, assert_never

import msgspec

from csms.core.events import (
    CertificateRequested,
    ChargerBooted,
    ChargerReported,
    Fact,
    KnownTransaction,
    MeterSampled,
    StartKey,
    StatusNotified,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, RequestId, SessionId
from csms.core.replies import Confirmed, Outcome, StartConfirmed, StopConfirmed
from csms.gateway.id_tags import TagPolicy, TagVerdict
from csms.gateway.quiet_log import QuietLog
from csms.ocpp16 import payloads, translate, typed_lane, vendor
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.half_pairs import mended
from csms.ocpp16.measurands import samples_of
from csms.ocpp16.meter_values import Reading
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.peer import CallReceived
from csms.ocpp16.readers import read_any
from csms.ocpp16.signing import is_signing_request
from csms.ocpp16.times import format_time, parse_time_ms
from csms.ports import Clock, StoreError
from csms.runtime.desk import ChargersDesk

Confirmation = dict[str, object]

ORPHANS = uuid.UUID("6f1d7c9e-5d0b-5a53-9d7e-3b1c2a4f8e60")
"""Name space of the session ids of stops that belong to no transaction."""

NAMED_REMEMBERED = 16
"""Transaction ids of meter values that are remembered for a connection; a charger has one for each connector."""

KEPT: Mapping[str, Confirmation] = {
    "DataTransfer": {"status": "UnknownVendorId"},
    "DiagnosticsStatusNotification": {},
    "FirmwareStatusNotification": {},
    "LogStatusNotification": {},
    "SecurityEventNotification": {},
    "SignCertificate": {"status": "Rejected"},
    "SignedFirmwareStatusNotification": {},
}
"""Actions that are kept and steer nothing, with their confirmation.

No vendor's DataTransfer is known here (§4.3: UnknownVendorId without data). A SignCertificate that no authority could
read is kept like this, and Rejected (security whitepaper A02.FR.12); one that can be read waits for an operator.
"""


class TransactionMemory(Protocol):
    """What the store remembers of transactions (part of `csms.ports.Store`)."""

    async def find_start(self, key: StartKey) -> KnownTransaction | None:
        """Return the transaction that this very start once opened."""
        ...

    async def find_transaction(self, transaction_id: int) -> KnownTransaction | None:
        """Return a transaction by OCPP's id."""
        ...

    async def find_stop(self, charger_id: ChargerId, stopped_ms: int, meter_stop_wh: int | None) -> bool:
        """Return whether a transaction of that charger ended at that very time with that register, None any."""
        ...

    async def find_session(self, session_id: SessionId) -> bool:
        """Return whether a session of that id ever existed."""
        ...


RecordFrame = Callable[[ChargerId, Literal["received", "sent"], str, int], None]
"""Keeps one frame of a charger for operators: which way it went, its text, when (wall ms)."""


def keep_nothing(_charger_id: ChargerId, _direction: Literal["received", "sent"], _text: str, _wall_ms: int) -> None:
    """Record no frame."""


@dataclass(frozen=True, slots=True)
class Services:
    """What every charger's link needs of the rest of the process."""

    desk: ChargersDesk
    transactions: TransactionMemory
    id_tags: TagPolicy
    clock: Clock
    new_id: Callable[[], str]
    heartbeat_interval_s: int = 60
    record_frame: RecordFrame = keep_nothing


class Waiting(msgspec.Struct, frozen=True):
    """An answer that waits for its fact to be durable; `starting` is the connector of a StartTransaction."""

    make_fact: Callable[[RequestId], Fact]
    confirmation_of: Callable[[Outcome], Confirmation | None]
    starting: int | None = None


Answer = Confirmation | PayloadFault | Waiting
LaterAnswer = Coroutine[Any, Any, Answer]
"""An answer that asks the store first what it remembers."""


class Answers:
    """Answers the CALLs of one charger on one connection."""

    __slots__ = ("_charger_id", "_connection_id", "_named", "_quiet", "_services")

    def __init__(self, charger_id: ChargerId, connection_id: ConnectionId, services: Services, quiet: QuietLog) -> None:
        self._charger_id = charger_id
        self._connection_id = connection_id
        self._services = services
        self._quiet = quiet
        self._named: OrderedDict[int, KnownTransaction | None] = OrderedDict()

    def answer(self, call: CallReceived) -> Answer | LaterAnswer:
        """Return the answer to `call`, or what has to be awaited for it."""
        if call.action in typed_lane.HOT_ACTIONS:
            return self._answer_hot(call)
        if call.action not in vendor.known_actions():
            return PayloadFault(ErrorCode.NOT_IMPLEMENTED, f"{call.action[:50]} is no action of OCPP 1.6")
        confirmation = KEPT.get(call.action)
        if confirmation is None:
            return PayloadFault(ErrorCode.NOT_SUPPORTED, f"{call.action} is not for a charge point to ask")
        fault = vendor.check_call(call.action, call.payload)
        if fault is not None:
            return fault
        csr = _signing_request(call)
        return self._keep(call, confirmation) if csr is None else self._keep_request(csr)

    def _answer_hot(self, call: CallReceived) -> Answer | LaterAnswer:
        decoded = typed_lane.decode_hot(call.action, call.payload)
        if isinstance(decoded, PayloadFault):
            return decoded
        if decoded.verdict:
            self._quiet.note("payload.deviated", action=call.action, verdict=decoded.verdict)
        payload = decoded.payload
        match payload:
            case payloads.MeterValues():
                return self._meter_values(payload, decoded.readings)
            case payloads.Heartbeat():
                return {"currentTime": self._current_time()}
            case payloads.StatusNotification():
                return self._status(call, payload)
            case payloads.Authorize():
                return {"idTagInfo": _tag_info(self._verdict(payload.id_tag))}
            case payloads.StartTransaction():
                return self._start(payload)
            case payloads.StopTransaction():
                return self._stop(payload, decoded.readings)
            case payloads.BootNotification():
                return self._boot(payload)
            case _:
                assert_never(payload)

    def _wall_ms(self) -> int:
        return self._services.clock.now().wall_ms

    def _current_time(self) -> str:
        return format_time(self._wall_ms())

    def _verdict(self, id_tag: str) -> TagVerdict:
        return self._services.id_tags.verdict(id_tag, self._wall_ms())

    def _boot(self, payload: payloads.BootNotification) -> Waiting:
        def make_fact(request: RequestId) -> Fact:
            return ChargerBooted(self._charger_id, self._connection_id, translate.boot_info(payload), request)

        def confirmation_of(outcome: Outcome) -> Confirmation | None:
            interval_s = self._services.heartbeat_interval_s
            accepted: Confirmation = {
                "status": "Accepted",
                "currentTime": self._current_time(),
                "interval": interval_s,
            }
            return accepted if isinstance(outcome, Confirmed) else None

        return Waiting(make_fact, confirmation_of)

    def _status(self, call: CallReceived, payload: payloads.StatusNotification) -> Waiting:
        status = translate.connector_status(payload.status)
        if status is None:
            return self._keep(call, {})  # §4.9: confirmed all the same; no state of OCPP 1.6 to take over

        error_code = translate.error_code(payload.error_code)
        odd_code = "" if error_code.lower() == payload.error_code.strip().lower() else payload.error_code
        info = " ".join(filter(None, (odd_code, payload.info, payload.vendor_id, payload.vendor_error_code)))

        def make_fact(request: RequestId) -> Fact:
            return StatusNotified(
                charger_id=self._charger_id,
                idx=payload.connector_id,
                status=status,
                error_code=error_code,
                info=info,
                at_ms=parse_time_ms(payload.timestamp),
                request=request,
            )

        return Waiting(make_fact, _empty)

    def _meter_values(self, payload: payloads.MeterValues, readings: tuple[Reading, ...]) -> Answer | LaterAnswer:
        if payload.transaction_id and payload.transaction_id not in self._named:
            return self._named_first(payload, payload.transaction_id, readings)
        return self._sampled(payload, readings)

    async def _named_first(
        self, payload: payloads.MeterValues, transaction_id: int, readings: tuple[Reading, ...]
    ) -> Answer:
        fault = await self._look_up(transaction_id)
        return self._sampled(payload, readings) if fault is None else fault

    async def _look_up(self, transaction_id: int) -> PayloadFault | None:
        """Ask the store, once on this connection, whether values are late ones of a transaction that has ended.

        What ends from then on, the core remembers.
        """
        try:
            known = await self._services.transactions.find_transaction(transaction_id)
        except StoreError as error:
            return _store_failed(error)
        self._named[transaction_id] = known if known is not None and known.ended else None
        if len(self._named) > NAMED_REMEMBERED:
            self._named.popitem(last=False)
        return None

    def _sampled(self, payload: payloads.MeterValues, readings: tuple[Reading, ...]) -> Answer:
        samples = samples_of(readings, self._wall_ms())
        if not samples:
            return {}  # nothing to keep; an error would only make the charger send it again
        transaction_id = payload.transaction_id
        known = self._named.get(transaction_id) if transaction_id else None

        def make_fact(request: RequestId) -> Fact:
            return MeterSampled(self._charger_id, payload.connector_id, transaction_id, samples, request, known)

        return Waiting(make_fact, _empty)

    async def _start(self, payload: payloads.StartTransaction) -> Answer:
        key = translate.start_key(self._charger_id, payload, self._wall_ms())
        verdict = self._verdict(payload.id_tag)
        try:
            known = await self._services.transactions.find_start(key)
        except StoreError as error:
            return _store_failed(error)
        new_session_id = SessionId(self._services.new_id())

        def make_fact(request: RequestId) -> Fact:
            return TransactionStarted(
                key=key,
                tag_status=verdict.status,
                new_session_id=new_session_id,
                reservation_id=payload.reservation_id,
                known=known,
                exclusive=verdict.exclusive,
                request=request,
                tag_terms=verdict.terms,
            )

        def confirmation_of(outcome: Outcome) -> Confirmation | None:
            if not isinstance(outcome, StartConfirmed):
                return None
            info = _tag_info(TagVerdict(outcome.tag_status, verdict.expiry_ms, verdict.parent))
            return {"transactionId": outcome.transaction_id, "idTagInfo": info}

        return Waiting(make_fact, confirmation_of, starting=payload.connector_id)

    async def _stop(self, payload: payloads.StopTransaction, readings: tuple[Reading, ...]) -> Answer:
        received_ms = self._wall_ms()
        stopped_ms = parse_time_ms(payload.timestamp)
        verdict = self._verdict(payload.id_tag) if payload.id_tag else None
        try:
            known = await self._services.transactions.find_transaction(payload.transaction_id)
            repeated = known is None and await self._is_repeated(payload, stopped_ms)
        except StoreError as error:
            return _store_failed(error)
        new_session_id = self._orphan_id(payload, stopped_ms)

        def make_fact(request: RequestId) -> Fact:
            return TransactionStopped(
                charger_id=self._charger_id,
                transaction_id=payload.transaction_id,
                meter_stop_wh=payload.meter_stop,
                stopped_ms=received_ms if stopped_ms is None else stopped_ms,
                new_session_id=new_session_id,
                reason=translate.stop_reason(payload.reason),
                id_tag=payload.id_tag or None,
                tag_status=None if verdict is None else verdict.status,
                samples=samples_of(readings, received_ms),
                known=known,
                repeated=repeated,
                request=request,
                words=payload.timestamp if stopped_ms is None else None,
            )

        def confirmation_of(outcome: Outcome) -> Confirmation | None:
            if not isinstance(outcome, StopConfirmed):
                return None
            if outcome.tag_status is None or verdict is None:
                return {}
            return {"idTagInfo": _tag_info(TagVerdict(outcome.tag_status, verdict.expiry_ms, verdict.parent))}

        return Waiting(make_fact, confirmation_of)

    async def _is_repeated(self, payload: payloads.StopTransaction, stopped_ms: int | None) -> bool:
        """Return whether a stop that names no transaction of ours was recorded before."""
        memory = self._services.transactions
        if stopped_ms is None or payload.transaction_id != -1:  # the same stop names the same transaction, but for −1
            return await memory.find_session(self._orphan_id(payload, stopped_ms))
        return await memory.find_stop(self._charger_id, stopped_ms, payload.meter_stop)

    def _orphan_id(self, payload: payloads.StopTransaction, stopped_ms: int | None) -> SessionId:
        """Return the session id for a stop of no transaction of ours: the same for every repetition of it."""
        at = payload.timestamp if stopped_ms is None else stopped_ms
        words = f"{self._charger_id}|{payload.transaction_id}|{at}|{payload.meter_stop}"
        return SessionId(str(uuid.uuid5(ORPHANS, words)))

    def _keep_request(self, csr: str) -> Waiting:
        """Accept a SignCertificate once it is durable: an operator finds it, and can send what an authority signs."""

        def make_fact(request: RequestId) -> Fact:
            return CertificateRequested(self._charger_id, csr, request)

        def confirmation_of(outcome: Outcome) -> Confirmation | None:
            return {"status": "Accepted" if isinstance(outcome, Confirmed) else "Rejected"}

        return Waiting(make_fact, confirmation_of)

    def _keep(self, call: CallReceived, confirmation: Confirmation) -> Waiting:
        def make_fact(request: RequestId) -> Fact:
            return ChargerReported(self._charger_id, call.action, call.payload.decode(), request)

        def confirmation_of(outcome: Outcome) -> Confirmation | None:
            return confirmation if isinstance(outcome, Confirmed) else None

        return Waiting(make_fact, confirmation_of)


def _signing_request(call: CallReceived) -> str | None:
    """Return what a SignCertificate asks to be signed, if it can be read."""
    if call.action != "SignCertificate":
        return None
    payload = read_any(mended(call.payload))
    csr = payload.get("csr") if isinstance(payload, dict) else None
    return csr if isinstance(csr, str) and is_signing_request(csr) else None


def _empty(outcome: Outcome) -> Confirmation | None:
    return {} if isinstance(outcome, Confirmed) else None


def _store_failed(error: StoreError) -> PayloadFault:
    return PayloadFault(ErrorCode.INTERNAL_ERROR, f"not stored, try again: {error}")


def _tag_info(verdict: TagVerdict) -> Confirmation:
    """Return IdTagInfo (§7.27)."""
    info: Confirmation = {"status": verdict.status.value}
    if verdict.expiry_ms is not None:
        info["expiryDate"] = format_time(verdict.expiry_ms)
    if verdict.parent is not None:
        info["parentIdTag"] = verdict.parent
    return info
