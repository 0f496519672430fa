"""A simulated charger without its socket: what it knows, does and has to say.

Theory of operation. Everything happens in three ways, and each leaves the charger consistent: somebody acts at it
(`plug`, `unplug`, `swipe`), the central system asks something of it (`remote`, through the methods here), or time
passes (`step`). Nothing here blocks or does I/O: what has to be said waits in the outbox until `link` takes it away.

Statuses are told when they change, and again after a boot; while offline they are kept back, and the present one is
told on the return (§4.9). Installed profiles and availability survive a reboot (errata 3.37, §5.2), transactions do
not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from simulators.car import Car
from simulators.certificates import TrustStore
from simulators.clock import Clock, rfc3339
from simulators.configuration import Configuration
from simulators.connector import Connector, Status
from simulators.flow import Hardware, PowerFlow
from simulators.local_list import LocalList
from simulators.outbox import OFFLINE, Message, Outbox
from simulators.profiles import Capabilities, Profile
from simulators.registration import Identity, Registration
from simulators.sessions import Sessions
from simulators.traits import WELL_BEHAVED, Happens, Offer, Traits
from simulators.upkeep import Upkeep
from simulators.vendor import call, enums

REBOOT_MS = 2_000
"""How long a reboot takes."""
FLUSH_MS = 5_000
"""A soft reset waits so long for its StopTransactions to be confirmed."""


class Charger:
    """One charger with its connectors.

    `default_car` makes the car that a RemoteStartTransaction finds at a connector where nobody has plugged in;
    without it the charger waits for somebody to come. `traits` say where it differs from the well-behaved charger.
    """

    def __init__(
        self,
        identity: Identity,
        hardware: Hardware,
        configuration: Configuration,
        capabilities: Capabilities,
        clock: Clock,
        *,
        tell: Callable[[str], None] = lambda _: None,
        default_car: Callable[[Connector], Car] | None = None,
        traits: Traits = WELL_BEHAVED,
    ) -> None:
        self.traits = traits
        self.identity = identity
        self.hardware = hardware
        self.configuration = configuration
        self.clock = clock
        self.default_car = default_car
        self.operative = True
        """Availability of the charger as a whole (connector 0)."""
        self.connectors: Sequence[Connector] = tuple(
            Connector(idx, hardware.supply, min(hardware.connector_max_w, hardware.max_w))
            for idx in range(1, hardware.connectors + 1)
        )
        self.profiles = traits.book(capabilities)
        self.local_list = LocalList()
        self.outbox = Outbox(self._queued)
        self.flow = PowerFlow(hardware, self.connectors, self.profiles, clock.now_ms(), traits.obey)
        self.registration = Registration(identity, configuration, self.outbox, clock, self.tell, traits)
        self.sessions = Sessions(
            self.connectors, self.profiles, configuration, self.outbox, self.registration, clock, self.tell, traits
        )
        self.upkeep = Upkeep(self.connectors, self.outbox, clock, self._update)
        self.roots = TrustStore()
        self.awaits_certificate = False
        """It has asked for a certificate of its own, and the central system has taken that."""
        self.registration.on_accepted = self._accepted
        self.sessions.changed = self._tell_changed_statuses
        self._print = tell
        self._told: dict[int, Status] = {}
        self._shown: dict[int, Status] = {}
        self._offline_until_ms = 0
        self._reset_by_ms: int | None = None
        self._happens(traits.built)

    def tell(self, text: str) -> None:
        """Report something to the person who watches."""
        self._print(f"{self.identity.charger_id}: {text}")

    def connector(self, idx: int) -> Connector | None:
        """Return a connector by its number, counted from 1; None for 0 and for numbers it does not have."""
        return self.connectors[idx - 1] if 1 <= idx <= len(self.connectors) else None

    # --- the connection, as `link` sees it --------------------------------------------------------------------------

    @property
    def link_wanted(self) -> bool:
        """Return whether there should be a socket now (the network is up and no reboot is going on)."""
        return self.clock.now_ms() >= self._offline_until_ms

    def connected(self) -> None:
        """Take note of a new socket; without a boot, tell what has changed meanwhile."""
        self.registration.connected()
        self._tell_changed_statuses()
        self._happens(self.traits.connected)

    def disconnected(self) -> None:
        """Take note that the socket is gone."""
        self.registration.disconnected()
        self.outbox.disconnect()

    def drop(self, duration_ms: int) -> None:
        """Let the network fail for a while."""
        self._offline_until_ms = self.clock.now_ms() + duration_ms

    def _accepted(self) -> None:
        self._tell_all_statuses()
        self._happens(self.traits.accepted)

    def _happens(self, effects: Iterable[Happens]) -> None:
        for effect in effects:
            effect(self)

    def _queued(self, message: Message) -> Iterable[Message]:
        """Return what is kept for sending in place of a message."""
        messages = [message]
        for queue in self.traits.queue:
            messages = [kept for one in messages for kept in queue(self, one)]
        return messages

    def next_message(self) -> Message | None:
        """Return what may be sent now, or None."""
        if not self.registration.online:
            return None
        return self.outbox.next(self.clock.now_ms(), registered=self.registration.accepted)

    def confirmed(self, message: Message, answer: Any) -> None:
        """Take the answer to a message."""
        self.registration.heard()
        self.outbox.confirm(message, answer)

    def refused(self, message: Message, reason: str) -> None:
        """Take note that the central system could not process a message."""
        self.tell(f"{message.action} failed: {reason}")
        self.outbox.refuse(
            message,
            reason,
            self.clock.now_ms(),
            attempts=self.configuration.integer("TransactionMessageAttempts"),
            retry_interval_ms=self.configuration.integer("TransactionMessageRetryInterval") * 1000,
        )

    # --- time -------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let time pass until now."""
        self.flow.step(self.clock.now_ms())
        self.sessions.step()
        self.registration.step()
        self.upkeep.step()
        self._reset_if_due()
        self._happens(self.traits.stepped)

    def _update(self, version: str) -> None:
        """Boot with other firmware."""
        self.identity = replace(self.identity, firmware_version=version)
        self.registration.identity = self.identity
        self.reset(enums.Reason.reboot, wait_for_stops=False)

    def reset(self, reason: str, *, wait_for_stops: bool) -> None:
        """Stop every transaction, then reboot: at once, or when the stops are confirmed (§5.14)."""
        for connector in self.connectors:
            connector.authorized = None
            if connector.transaction is not None:
                self.sessions.stop(connector, reason)
        self._tell_changed_statuses()
        self._reset_by_ms = self.clock.now_ms() + (FLUSH_MS if wait_for_stops else 0)

    def _reset_if_due(self) -> None:
        if self._reset_by_ms is None:
            return
        now_ms = self.clock.now_ms()
        if now_ms >= self._reset_by_ms or not self.outbox.kept:
            self._reset_by_ms = None
            self.tell("reboots")
            self.registration.reboot()
            self.configuration.reboot()
            self._told.clear()
            self._offline_until_ms = max(self._offline_until_ms, now_ms + REBOOT_MS)
            for connector in self.connectors:
                connector.finished = False
            self._happens(self.traits.rebooted)

    # --- charging profiles ------------------------------------------------------------------------------------------

    def take_profile(self, offer: Offer) -> str | None:
        """Install a profile; return why it was refused, or None."""
        for refuse in self.traits.refuse:
            reason = refuse(self, offer)
            if reason is not None:
                return reason
        kept: Profile | None = offer.profile
        for keep in self.traits.keep:
            if kept is not None:
                kept = keep(self, Offer(offer.connector_id, kept))
        if kept is None:
            return None
        refused = self.profiles.install(offer.connector_id, kept)
        return None if refused is None else refused.reason

    # --- statuses ---------------------------------------------------------------------------------------------------

    def statuses(self) -> dict[int, Status]:
        """Return the present status by connector number; 0 is the charger as a whole."""
        whole = Status.AVAILABLE if self.operative else Status.UNAVAILABLE
        return {0: whole} | {connector.idx: connector.status for connector in self.connectors}

    def send_status(self, idx: int) -> None:
        """Queue a StatusNotification with the present status of a connector or, with 0, of the charger."""
        status = self.statuses()[idx]
        self._told[idx] = status
        payload = call.StatusNotification(
            connector_id=idx,
            error_code=enums.ChargePointErrorCode.no_error,
            status=status.value,
            timestamp=rfc3339(self.clock.now_ms()),
        )
        self.outbox.put(
            Message("StatusNotification", lambda: payload, failed=lambda why: self._untold(idx, status, why))
        )

    def _untold(self, idx: int, status: Status, why: str) -> None:
        """Tell it again on the next connection; what the central system refused is not repeated."""
        if why == OFFLINE and self._told.get(idx) is status:
            del self._told[idx]

    def _tell_all_statuses(self) -> None:
        self._told.clear()
        self._tell_changed_statuses()

    def _tell_changed_statuses(self) -> None:
        for idx, status in self.statuses().items():
            if idx and self._shown.get(idx) is not status:
                self._shown[idx] = status
                self.tell(f"connector {idx}: {status}")
            if self.registration.working and self._told.get(idx) is not status:
                self.send_status(idx)
