"""A charger that says what a script has it say: a bare WebSocket client, every frame of it held against OCPP's schemas.

It knows nothing of `simulators`. What the central system asks is answered at once out of a table and kept until the
script takes it; frames of both directions must be valid by the JSON schemas of OCPP 1.6, ours with nothing extra in
them (`tests.contract.conformance`). A frame that is not ends the reader, and with it whatever waits for a frame.
"""

import asyncio
import contextlib
import itertools
import json
import ssl
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.contract.conformance import assert_conforms, assert_payload
from tests.virtual.loop import VirtualClock

CALL, RESULT, ERROR = 2, 3, 4
PATIENCE_S: Final = 60
"""So long a script waits for one frame."""

Json = dict[str, Any]
Answer = Mapping[str, Any] | Callable[[Json], Mapping[str, Any]]
T = TypeVar("T")

KEYS: Final = {
    "AuthorizeRemoteTxRequests": "true",
    "ChargeProfileMaxStackLevel": "8",
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ChargingScheduleMaxPeriods": "24",
    "ConnectionTimeOut": "60",
    "HeartbeatInterval": "60",
    "LocalAuthListEnabled": "true",
    "LocalAuthListMaxLength": "100",
    "MaxChargingProfilesInstalled": "8",
    "MeterValueSampleInterval": "10",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
    "NumberOfConnectors": "2",
    "ReserveConnectorZeroSupported": "true",
    "SendLocalListMaxLength": "20",
    "SupportedFeatureProfiles": "Core,FirmwareManagement,LocalAuthListManagement,RemoteTrigger,Reservation,"
    "SmartCharging",
}
"""Its configuration keys (§9)."""


def configuration(asked: Json) -> Json:
    """Answer a GetConfiguration: the keys that are asked for, all when none is (§5.8)."""
    wanted = asked.get("key", list(KEYS))
    known = [{"key": key, "readonly": False, "value": KEYS[key]} for key in wanted if key in KEYS]
    return {"configurationKey": known, "unknownKey": [key for key in wanted if key not in KEYS]}


POLITE: Final[Mapping[str, Answer]] = {
    "ChangeConfiguration": {"status": "Accepted"},
    "ClearChargingProfile": {"status": "Unknown"},
    "GetCompositeSchedule": {"status": "Rejected"},
    "GetConfiguration": configuration,
    "GetInstalledCertificateIds": {"status": "NotFound"},
    "SetChargingProfile": {"status": "Accepted"},
    "TriggerMessage": {"status": "Accepted"},
}
"""How it answers what the central system asks by itself; what an operator has it asked, a script answers."""


class SilentError(AssertionError):
    """The central system has not said what a script waits for."""


@dataclass(slots=True)
class ScriptedCharger:
    """The charger.

    Attributes:
        answers: how it answers the CALLs of each action.
        heard: the CALLs that it was sent, in order.
        meter_wh: what its register shows.
        tls: with what it connects over TLS; None: without.
        password: what it shows as its own, if it has one.
    """

    charger_id: str
    url: str
    clock: VirtualClock
    answers: dict[str, Answer] = field(default_factory=lambda: dict(POLITE))
    heard: list[tuple[str, Json]] = field(default_factory=list)
    meter_wh: int = 1_000
    tls: ssl.SSLContext | None = None
    password: str | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _waiting: dict[str, tuple[str, asyncio.Future[Json]]] = field(default_factory=dict)
    _untaken: defaultdict[str, asyncio.Queue[Json]] = field(default_factory=lambda: defaultdict(asyncio.Queue))
    _socket: ClientConnection | None = None
    _reader: "asyncio.Task[None] | None" = None

    # --- the wire -----------------------------------------------------------------------------------------------------

    async def connect(self, *versions: str) -> str | None:
        """Connect, offering these subprotocols (`ocpp1.6` alone when none is named); return the one that was chosen."""
        self._socket = await connect(
            f"{self.url}/{quote(self.charger_id, safe='')}",
            subprotocols=[Subprotocol(version) for version in versions or ("ocpp1.6",)],
            compression=None,
            proxy=None,
            ssl=self.tls,
            additional_headers=self._proof(),
        )
        self._reader = asyncio.create_task(self._read(self._socket))
        return self._socket.subprotocol

    def _proof(self) -> dict[str, str]:
        """Return what shows who it is, where it is to (W 2.3: its id, and its password as raw bytes)."""
        if self.password is None:
            return {}
        pair = self.charger_id.encode() + b":" + bytes.fromhex(self.password)
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}

    async def refused(self) -> int:
        """Try to connect, which is to be refused, and return with which status."""
        try:
            await self.connect()
        except InvalidStatus as refused:
            return refused.response.status_code
        raise AssertionError("it was let in")

    @property
    def is_connected(self) -> bool:
        """Return whether it is connected."""
        return self._socket is not None

    async def drop(self) -> None:
        """Let go of the connection, as with power or network gone; raise what was wrong with a frame."""
        if self._socket is not None and self._reader is not None:
            await self._socket.close()
            await self._reader
            self._socket = self._reader = None

    async def closed(self) -> int | None:
        """Wait until the central system has closed the connection, and return its code."""
        assert self._socket is not None, "connected"
        await self._within(asyncio.ensure_future(self._socket.wait_closed()))
        return self._socket.close_code

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                frame = json.loads(text)
                assert_conforms(frame, {number: action for number, (action, _) in self._waiting.items()})
                match frame:
                    case [2, str(message_id), str(action), dict(payload)]:
                        await self._answer(socket, message_id, action, payload)
                    case [3, str(message_id), dict(payload)]:
                        self._waiting.pop(message_id)[1].set_result(payload)
                    case _:
                        raise AssertionError(frame)  # a conforming charger is given no reason for a CALLERROR

    async def _answer(self, socket: ClientConnection, message_id: str, action: str, payload: Json) -> None:
        answer = self.answers[action]
        answered = dict(answer(payload) if callable(answer) else answer)
        assert_payload(f"{action}Response", answered)
        self.heard.append((action, payload))
        await socket.send(json.dumps([RESULT, message_id, answered]))
        self._untaken[action].put_nowait(payload)

    async def _within(self, wanted: "asyncio.Future[T]") -> T:
        """Wait for a frame; raise what ended the reader, should that come first."""
        assert self._reader is not None, "connected"
        either: set[asyncio.Future[Any]] = {wanted, self._reader}
        await asyncio.wait(either, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        wanted.cancel()
        if self._reader.done():
            self._reader.result()
        raise SilentError(f"no frame within {PATIENCE_S} s; heard {self.heard}")

    async def call(self, action: str, payload: Mapping[str, Any]) -> Json:
        """Make a CALL and return the payload of its CALLRESULT."""
        assert_payload(action, dict(payload))
        assert self._socket is not None, "connected"
        message_id = f"scripted-{next(self._numbers)}"
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = (action, answer)
        await self._socket.send(json.dumps([CALL, message_id, action, payload]))
        return await self._within(answer)

    async def asked(self, action: str) -> Json:
        """Return the next CALL of that action that was not taken yet, when it has come and is answered."""
        return await self._within(asyncio.ensure_future(self._untaken[action].get()))

    def forget(self, action: str) -> None:
        """Have `asked` return only what comes from now on."""
        self._untaken.pop(action, None)

    # --- what a charger says ------------------------------------------------------------------------------------------

    def now(self) -> str:
        """Return the present time as it tells it."""
        return stamp(self.clock.now_ms())

    async def boot(self, firmware: str = "1.0", connectors: int = 2) -> Json:
        """Say that it has booted, and how its connectors are; return what the former is answered."""
        about = {"chargePointVendor": "Conformance", "chargePointModel": "Script", "firmwareVersion": firmware}
        booted = await self.call("BootNotification", about)
        for idx in range(connectors + 1):
            await self.status(idx, "Available")
        return booted

    async def status(self, idx: int, status: str, error: str = "NoError") -> None:
        """Tell the status of a connector, and have it confirmed."""
        told = {"connectorId": idx, "status": status, "errorCode": error, "timestamp": self.now()}
        assert await self.call("StatusNotification", told) == {}

    async def authorize(self, tag: str) -> str:
        """Ask about a tag and return its status."""
        return str((await self.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"])

    async def start(self, tag: str, idx: int = 1, *, at: str | None = None, reservation: int | None = None) -> Json:
        """Say that a transaction has begun, now or at that time, and return what that is answered."""
        told = {"connectorId": idx, "idTag": tag, "meterStart": self.meter_wh, "timestamp": at or self.now()}
        return await self.call(
            "StartTransaction", told | ({} if reservation is None else {"reservationId": reservation})
        )

    async def sample(self, transaction_id: int, power_w: int, idx: int = 1) -> None:
        """Tell the register and the power of a transaction, and have it confirmed."""
        values = [
            {"value": str(self.meter_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": str(power_w), "measurand": "Power.Active.Import", "unit": "W"},
        ]
        told = {
            "connectorId": idx,
            "transactionId": transaction_id,
            "meterValue": [{"timestamp": self.now(), "sampledValue": values}],
        }
        assert await self.call("MeterValues", told) == {}

    async def stop(self, transaction_id: int, reason: str, *, at: str | None = None, tag: str | None = None) -> Json:
        """Say that a transaction has ended, and return what that is answered."""
        self.meter_wh += 500
        told = {
            "transactionId": transaction_id,
            "meterStop": self.meter_wh,
            "timestamp": at or self.now(),
            "reason": reason,
            **({} if tag is None else {"idTag": tag}),
        }
        return await self.call("StopTransaction", told)


def stamp(wall_ms: int) -> str:
    """Return an instant as OCPP writes it."""
    return datetime.fromtimestamp(wall_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
