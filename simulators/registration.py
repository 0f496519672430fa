"""The charger's standing with the central system: connection, BootNotification, heartbeats (OCPP 1.6 §4.2, §4.6).

| state | may leave | next |
|---|---|---|
| offline | nothing | connected: as it was before |
| online, not accepted | BootNotification only | Accepted, or again after the interval given |
| online, accepted | everything | a reboot; a lost socket alone changes nothing (OCPP-J §5.4) |
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.clock import Clock
from simulators.configuration import Configuration
from simulators.outbox import Message, Outbox
from simulators.traits import WELL_BEHAVED, Boots, Traits
from simulators.vendor import call, enums

DEFAULT_MODEL = "Simulated charger"
DEFAULT_RETRY_S = 30
"""Wait before the next BootNotification when the central system named no interval (§4.2: the charger chooses)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the charger says of itself in BootNotification (§6.3)."""

    charger_id: str
    vendor: str = "Electra SEMS simulators"
    model: str = DEFAULT_MODEL
    firmware_version: str = "1.0"


class Registration:
    """Knows whether the charger may talk, and keeps the connection from falling silent."""

    def __init__(
        self,
        identity: Identity,
        configuration: Configuration,
        outbox: Outbox,
        clock: Clock,
        tell: Callable[[str], None],
        traits: Traits = WELL_BEHAVED,
    ) -> None:
        self.online = False
        self.accepted = False
        self.on_accepted: Callable[[], None] = lambda: None
        self.identity = identity
        self._configuration = configuration
        self._outbox = outbox
        self._clock = clock
        self._tell = tell
        self._traits = traits
        self._boot_at_ms = 0
        self._heard_ms = clock.now_ms()

    @property
    def working(self) -> bool:
        """Return whether anything but BootNotification may be sent now."""
        return self.online and self.accepted

    def connected(self) -> None:
        """Take note of a new socket; the charger boots on it only if it was not accepted before."""
        self.online = True
        self.heard()
        self._boot_at_ms = self._clock.now_ms() + self._traits.boot_delay_ms
        self.step()

    def disconnected(self) -> None:
        """Take note that the socket is gone."""
        self.online = False
        if self._traits.boots is Boots.EACH_CONNECTION:
            self.accepted = False

    def reboot(self) -> None:
        """Forget that the central system ever accepted this charger."""
        self.accepted = False

    def boot_now(self) -> None:
        """Send the next BootNotification without waiting for its time."""
        self._boot_at_ms = 0
        self.step()

    def heard(self) -> None:
        """Take note of any exchange: it counts as a heartbeat (§9.1.10)."""
        self._heard_ms = self._clock.now_ms()

    def step(self) -> None:
        """Queue the BootNotification or the Heartbeat that is due."""
        now_ms = self._clock.now_ms()
        if not self.online:
            return
        if not self.accepted:
            if self._traits.boots is Boots.NEVER:
                return
            if now_ms >= self._boot_at_ms and not self._outbox.is_waiting("BootNotification"):
                self._outbox.put(Message("BootNotification", self._boot_payload, self._booted, self._boot_failed))
        elif now_ms - self._heard_ms >= self._configuration.integer("HeartbeatInterval") * 1000:
            self.send_heartbeat()

    def send_heartbeat(self) -> None:
        """Queue a Heartbeat unless one is waiting."""
        if not self._outbox.is_waiting("Heartbeat"):
            self._outbox.put(Message("Heartbeat", call.Heartbeat))

    def _boot_payload(self) -> Any:
        return call.BootNotification(
            charge_point_vendor=self.identity.vendor[:20],
            charge_point_model=self.identity.model[:20],
            charge_point_serial_number=self.identity.charger_id[:25],
            firmware_version=self.identity.firmware_version,
        )

    def _booted(self, answer: Any) -> None:
        if answer.status == enums.RegistrationStatus.accepted:
            self.accepted = True
            if answer.interval > 0:
                self._configuration.set("HeartbeatInterval", str(answer.interval))
            self._tell(f"accepted by the central system, heartbeat every {answer.interval} s")
            self.on_accepted()
            return
        self._try_again(answer.interval, f"the central system answered {answer.status} to BootNotification")

    def _boot_failed(self, reason: str) -> None:
        self._try_again(0, f"BootNotification failed ({reason})")

    def _try_again(self, interval_s: int, why: str) -> None:
        wait_s = interval_s if interval_s > 0 else DEFAULT_RETRY_S
        self._boot_at_ms = self._clock.now_ms() + wait_s * 1000
        if self.online:
            self._tell(f"{why}; trying again in {wait_s} s")
