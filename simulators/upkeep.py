"""What a charger does for its upkeep: new firmware and logs, in the steps that it reports.

OCPP 1.6 §4.5; security whitepaper L01 and N01. Nothing is fetched or uploaded: a step takes its time and succeeds, but
for a signature that is too short for one. Firmware waits for the cars to leave before it is installed (L01.FR.06), and
the charger boots with it once the central system has confirmed that it is installed. What is on its way when the
connection ends is not reported again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from posixpath import basename, splitext
from typing import Any
from urllib.parse import urlsplit

from simulators.clock import Clock, rfc3339
from simulators.connector import Connector
from simulators.outbox import Message, Outbox
from simulators.vendor import call, enums

STEP_MS = 500
"""How long a step takes."""
VERSION_CHARS_MAX = 50
SIGNATURE_BYTES_MIN = 32

Status = enums.FirmwareStatus
LogStatus = enums.UploadLogStatus


@dataclass(slots=True)
class Job:
    """Something that goes on.

    Attributes:
        steps: what is still to be reported, each with the time before which it is not reached, ms.
        request_id: of the request that began it; None: that had none.
        version: what the charger calls itself once it is over.
        said: what was reported last; due_ms: when the next step is over.
    """

    steps: list[tuple[str, int]]
    request_id: int | None
    version: str
    due_ms: int
    said: str


class Upkeep:
    """The firmware and the log that are under way."""

    def __init__(
        self,
        connectors: Sequence[Connector],
        outbox: Outbox,
        clock: Clock,
        updated: Callable[[str], None],
    ) -> None:
        self._connectors = connectors
        self._outbox = outbox
        self._clock = clock
        self._updated = updated
        self.firmware: Job | None = None
        self.log: Job | None = None

    def update(self, location: str, retrieve_ms: int) -> None:
        """Begin to update the firmware, in place of what is under way (§5.19)."""
        steps = [(Status.downloading, retrieve_ms), *_at_once(Status.downloaded, Status.installing, Status.installed)]
        self.firmware = self._job(steps, None, location)

    def update_signed(self, location: str, retrieve_ms: int, install_ms: int, request_id: int, signature: bytes) -> str:
        """Begin to update the firmware; return the status of the answer (L01.FR.26, L01.FR.27)."""
        under_way = self.firmware
        if under_way is not None and under_way.said == Status.installing:
            return str(enums.UpdateFirmwareStatus.rejected)
        now_ms = self._clock.now_ms()
        steps = [(Status.download_scheduled, 0)] if retrieve_ms > now_ms else []
        steps += [(Status.downloading, retrieve_ms), (Status.downloaded, 0)]
        if len(signature) < SIGNATURE_BYTES_MIN:
            steps += _at_once(Status.invalid_signature)
        else:
            steps += _at_once(Status.signature_verified)
            steps += [(Status.install_scheduled, 0)] if install_ms > now_ms else []
            steps += [(Status.installing, install_ms), (Status.installed, 0)]
        self.firmware = self._job(steps, request_id, location)
        done = enums.UpdateFirmwareStatus
        return str((done.accepted if under_way is None else done.accepted_canceled).value)

    def upload_log(self, request_id: int) -> str:
        """Begin to upload a log; return the status of the answer (N01.FR.11)."""
        under_way, done = self.log, enums.LogStatus
        self.log = self._job(_at_once(LogStatus.uploading, LogStatus.uploaded), request_id, "")
        return str((done.accepted if under_way is None else done.accepted_canceled).value)

    def _job(self, steps: Iterable[tuple[str, int]], request_id: int | None, location: str) -> Job:
        version = splitext(basename(urlsplit(location).path))[0][:VERSION_CHARS_MAX] or "updated"
        return Job(list(steps), request_id, version, self._clock.now_ms() + STEP_MS, Status.idle)

    def step(self) -> None:
        """Report each step that has been reached by now."""
        if self.firmware is not None and self._is_due(self.firmware) and self._may_go_on(self.firmware):
            self._advance(self.firmware, self._say_firmware)
            self.firmware = self.firmware if self.firmware.steps else None
        if self.log is not None and self._is_due(self.log):
            self._advance(self.log, self._say_log)
            self.log = self.log if self.log.steps else None

    def _is_due(self, job: Job) -> bool:
        return self._clock.now_ms() >= max(job.due_ms, job.steps[0][1])

    def _may_go_on(self, job: Job) -> bool:
        return job.steps[0][0] != Status.installing or not any(c.in_use for c in self._connectors)

    def _advance(self, job: Job, say: Callable[[Job], None]) -> None:
        job.said = str(job.steps.pop(0)[0])
        job.due_ms = self._clock.now_ms() + STEP_MS
        say(job)

    def _say_firmware(self, job: Job) -> None:
        if job.request_id is None:
            self._say("FirmwareStatusNotification", call.FirmwareStatusNotification(status=job.said), job)
        else:
            payload = call.SignedFirmwareStatusNotification(status=job.said, request_id=job.request_id)
            self._say("SignedFirmwareStatusNotification", payload, job)
        if job.said == Status.invalid_signature:
            self.say_security_event("InvalidFirmwareSignature")

    def _say_log(self, job: Job) -> None:
        payload = call.LogStatusNotification(status=job.said, request_id=job.request_id)
        self._say("LogStatusNotification", payload, job)

    def _say(self, action: str, payload: Any, job: Job) -> None:
        def told(_: object) -> None:
            if job.said == Status.installed and not job.steps:
                self._updated(job.version)

        self._outbox.put(Message(action, lambda: payload, told, told))

    # --- triggered ----------------------------------------------------------------------------------------------------

    def say_firmware_status(self) -> None:
        """Report how an update stands that is not a signed one; Idle when there is none (§4.5)."""
        job = self.firmware
        said = Status.idle if job is None or job.request_id is not None else job.said
        self._put("FirmwareStatusNotification", call.FirmwareStatusNotification(status=said))

    def say_signed_firmware_status(self) -> None:
        """Report how a signed update stands; Idle, without an id, when there is none (L01.FR.28, L01.FR.29)."""
        job = self.firmware if self.firmware is not None and self.firmware.request_id is not None else None
        said, number = (Status.idle, None) if job is None else (job.said, job.request_id)
        payload = call.SignedFirmwareStatusNotification(status=said, request_id=number)
        self._put("SignedFirmwareStatusNotification", payload)

    def say_log_status(self) -> None:
        """Report how an upload stands; Idle, without an id, when there is none (N01.FR.12)."""
        said, number = (LogStatus.idle, None) if self.log is None else (self.log.said, self.log.request_id)
        self._put("LogStatusNotification", call.LogStatusNotification(status=said, request_id=number))

    def say_security_event(self, kind: str) -> None:
        """Report a security event (whitepaper §8)."""
        at = rfc3339(self._clock.now_ms())
        event = call.SecurityEventNotification(type=kind, timestamp=at, tech_info=None)
        self._put("SecurityEventNotification", event)

    def _put(self, action: str, payload: Any) -> None:
        self._outbox.put(Message(action, lambda: payload))


def _at_once(*words: str) -> list[tuple[str, int]]:
    return [(word, 0) for word in words]
