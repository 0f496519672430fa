"""Guests: chargers that are not configured, and may connect all the same to say what they are (OCPP 1.6 §4.2).

A guest never enters the core: it is no fact, nothing is booked for it, and nothing but answers is sent to it. Its
BootNotification is answered Pending or Rejected, every other CALL with SecurityError (OCPP-J errata 3.8), and what it
says of itself is remembered for the operator. When it is configured its connection is closed with 1012: it comes back,
and is let in. Its frames, its silence and its flooding are judged like everybody's; the number of guests is bounded.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from websockets.frames import CloseCode

from csms.gateway.connection import ChargerConnection, Lost, Violation
from csms.gateway.pulse import Life, Pulse
from csms.gateway.quiet_log import QuietLog
from csms.ocpp16 import payloads, translate, typed_lane
from csms.ocpp16.frames import ErrorCode
from csms.ocpp16.payloads import PayloadFault
from csms.ocpp16.peer import CallReceived, FrameRefused, Peer
from csms.ocpp16.times import format_time
from csms.ports import Clock
from csms.runtime.knocking import Knock, KnockingLog
from csms.settings import UnknownChargers

MAX_GUESTS = 128
"""Guests at a time, fewer than knocks are remembered; one more is refused like any unknown charger."""

RETRY_S = 60
"""A guest is told to send its next BootNotification after so long (§4.2); silence for three times that ends it."""

FRAMES_PER_TURN = 16
"""Messages of one guest handled before others get their turn."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Host:
    """What every guest needs of the rest of the process; `policy` is not `refuse`."""

    policy: UnknownChargers
    knocks: KnockingLog
    clock: Clock

    @property
    def reason(self) -> str:
        """Return why a guest is not let in any further."""
        return "rejected" if self.policy is UnknownChargers.REJECT else "pending"


class Guest:
    """One guest on one connection."""

    def __init__(self, charger_id: str, connection: ChargerConnection, host: Host) -> None:
        self.charger_id = charger_id
        self._connection = connection
        self._host = host
        self._peer = Peer("guest-")
        self._pulse = Pulse(connection, RETRY_S, self._mono_ms, self.poll)
        self._knock = self._record()
        self._ended: str | None = None
        self._closing: asyncio.Task[None] | None = None
        self._log = _log.bind(charger_id=charger_id[:255], remote=connection.remote)
        self._quiet = QuietLog(self._log)

    async def run(self) -> None:
        """Answer it until it leaves or is sent away."""
        self._log.info("guest.opened", reason=self._host.reason, count=self._knock.count)
        self._pulse.arm(None)
        try:
            await self._read()
        except Exception:  # noqa: BLE001 - one guest's failure must end its own connection only
            self._log.exception("guest.failed")
            self._connection.abort()
        self._pulse.stop()
        if self._closing is not None:
            await self._closing
        await self._connection.wait_closed()
        self._log.info("guest.closed", reason=self._ended or "connection lost", close_code=self._connection.ended_with)

    def close(self, code: CloseCode, reason: str) -> None:
        """Send it away with a closing handshake; nothing that it says meanwhile is answered."""
        if self._ended is None:
            self._ended = reason
            self._closing = asyncio.create_task(self._connection.close(code, reason), name="guest closing")

    def abort(self, reason: str) -> None:
        """End its connection at once."""
        if self._ended is None:
            self._ended = reason
        self._connection.abort()

    async def _read(self) -> None:
        arrived = asyncio.Event()
        self._connection.listen(arrived.set)
        handled = 0
        while self._ended is None:
            message = self._connection.take()
            if message is None:
                arrived.clear()
                await arrived.wait()
                continue
            if isinstance(message, Lost):
                return
            if isinstance(message, Violation):
                self.close(message.code, message.reason)
                return
            self._receive(message)
            handled += 1
            if handled % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    def _receive(self, text: str) -> None:
        self._log.debug("frame.received", frame=text)
        for event in self._peer.receive_text(text, self._mono_ms()):
            if isinstance(event, CallReceived):
                self._answer(event)
            else:
                assert isinstance(event, FrameRefused), "a guest is asked nothing, and so answers nothing"
                self._quiet.note("frame.refused", reason=event.reason, message_id=event.message_id)
        for out in self._peer.data_to_send():
            self._connection.write_text(out.text)
            self._log.debug("frame.sent", frame=out.text)
        if self._connection.is_clogged:
            self.abort("charger does not read")

    def _answer(self, call: CallReceived) -> None:
        """Answer a BootNotification with the host's policy, anything else with SecurityError."""
        if call.action != "BootNotification":
            self._refuse(call, PayloadFault(ErrorCode.SECURITY_ERROR, "not accepted: this charger is not configured"))
            return
        decoded = typed_lane.decode_hot(call.action, call.payload)
        if isinstance(decoded, PayloadFault):
            self._refuse(call, decoded)
            return
        assert isinstance(decoded.payload, payloads.BootNotification), "it is what was decoded"
        boot, now = translate.boot_info(decoded.payload), self._host.clock.now()
        self._knock = self._host.knocks.told(self._knock, boot, wall_ms=now.wall_ms)
        self._quiet.note("guest.booted", vendor=boot.vendor, model=boot.model, firmware_version=boot.firmware_version)
        is_rejected = self._host.policy is UnknownChargers.REJECT
        self._peer.reply(
            call,
            {
                "status": "Rejected" if is_rejected else "Pending",
                "currentTime": format_time(now.wall_ms),
                "interval": RETRY_S,
            },
        )
        if is_rejected:
            # The closing handshake begins in the loop's next turn, behind the answer.
            self.close(CloseCode.POLICY_VIOLATION, "this charger is not configured")

    def _refuse(self, call: CallReceived, fault: PayloadFault) -> None:
        self._quiet.note("call.refused", action=call.action[:50], code=fault.code.value, reason=fault.description)
        self._peer.reply_error(call, fault.code, fault.description)

    def poll(self) -> None:
        """Ping it after silence; end it after too much of that."""
        life = self._pulse.check()
        if life is Life.SILENT:
            self.abort("silent")
            return
        if life is Life.QUIET:
            self._connection.write_ping()
        self._pulse.arm(None)

    def _record(self) -> Knock:
        assert self._connection.request is not None, "the handshake is over"
        return self._host.knocks.record(
            self.charger_id,
            self._connection.remote,
            self._connection.request.path,
            self._host.reason,
            wall_ms=self._host.clock.now().wall_ms,
        )

    def _mono_ms(self) -> int:
        return self._host.clock.now().mono_ms


class Guests:
    """The guests of one station, the newest connection of each.

    Args:
        host: what they need.
        is_stranger: whether a charger of that id is not configured.
    """

    def __init__(self, host: Host, is_stranger: Callable[[str], bool]) -> None:
        self._host = host
        self._is_stranger = is_stranger
        self._guests: dict[str, Guest] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def has_room_for(self, charger_id: str) -> bool:
        """Return whether one more guest, or a newer connection of one that is here, may come in."""
        return charger_id in self._guests or len(self._guests) < MAX_GUESTS

    async def serve(self, charger_id: str, connection: ChargerConnection) -> None:
        """Serve a guest on its connection until that ends."""
        before = self._guests.pop(charger_id, None)
        if before is not None:
            before.abort("replaced by a newer connection")
        guest = Guest(charger_id, connection, self._host)
        self._guests[charger_id] = guest
        try:
            await guest.run()
        finally:
            if self._guests.get(charger_id) is guest:
                del self._guests[charger_id]

    def station_changed(self) -> None:
        """Send those away who have been configured: they come back, and are let in."""
        for guest in self._guests.values():
            if not self._is_stranger(guest.charger_id):
                guest.close(CloseCode.SERVICE_RESTART, "configured now: connect again")

    def poll(self) -> None:
        """Do what is due for every guest now (its own timer does the same in time)."""
        for guest in list(self._guests.values()):
            guest.poll()
