"""Cars coming and going: plugging in, authorizing, starting, sampling, stopping (OCPP 1.6 §3.5, §4.1, §4.7-4.10).

Theory of operation. A transaction starts when a car is plugged in and somebody is authorized, in either order; it ends
with the swipe of its tag, a remote stop, the car's leaving, or the central system's refusal. Its messages go through
the lane of the outbox that survives being offline, with the time stamps and readings of the moment; only its id is
filled in when they leave, because it may not have been known before.
"""

from collections.abc import Callable, Sequence
from typing import Any

from simulators.car import Car
from simulators.clock import Clock, rfc3339
from simulators.configuration import Configuration
from simulators.connector import Authorized, Connector, Transaction
from simulators.meter import sampled_values
from simulators.outbox import Message, Outbox
from simulators.profiles import ProfileBook
from simulators.registration import Registration
from simulators.traits import WELL_BEHAVED, Traits
from simulators.vendor import call, enums

UNDELIVERED_ID = -1
"""Stands for the id of a transaction whose start the central system never took (errata 3.18)."""


class Sessions:
    """Moves the connectors' facts and queues the messages that tell of it."""

    def __init__(
        self,
        connectors: Sequence[Connector],
        profiles: ProfileBook,
        configuration: Configuration,
        outbox: Outbox,
        registration: Registration,
        clock: Clock,
        tell: Callable[[str], None],
        traits: Traits = WELL_BEHAVED,
    ) -> None:
        self._connectors = connectors
        self._profiles = profiles
        self._configuration = configuration
        self._outbox = outbox
        self._registration = registration
        self._clock = clock
        self._tell = tell
        self._traits = traits
        self.changed: Callable[[], None] = lambda: None
        """Called after each change of facts, so that statuses are told in their order."""

    # --- people at the charger --------------------------------------------------------------------------------------

    def plug(self, connector: Connector, car: Car, stays_ms: int | None = None) -> None:
        """Plug a car into a free connector; `stays_ms` after its transaction it leaves by itself, None: never."""
        assert connector.car is None, "one car at a time"
        connector.car = car
        connector.begin_session()
        connector.stays_ms = stays_ms
        connector.leaves_at_ms = None
        connector.finished = False
        self.changed()
        if connector.authorized is not None:
            self._start(connector, connector.authorized.id_tag)

    def unplug(self, connector: Connector) -> None:
        """Take the car out; its transaction ends with it (StopTransactionOnEVSideDisconnect is true)."""
        if connector.transaction is not None:
            self.stop(connector, enums.Reason.ev_disconnected)
        connector.car = None
        connector.finished = False
        connector.leaves_at_ms = None
        connector.power_w = 0
        self.changed()

    def swipe(self, id_tag: str, connector: Connector) -> None:
        """Present a tag: it stops its own transaction, otherwise it asks to start one."""
        running = connector.transaction
        if running is not None:
            if running.id_tag.lower() == id_tag.lower():
                self.stop(connector, enums.Reason.local, id_tag)
            else:
                self._tell(f"connector {connector.idx}: in use by another tag")
            return
        if not connector.takes_sessions:
            self._refuse(connector, "out of order")
            return
        self.authorize(connector, id_tag)

    def authorize(self, connector: Connector, id_tag: str) -> None:
        """Ask the central system whether `id_tag` may charge; offline the configuration decides (§3.5)."""
        connector.finished = False
        self.changed()

        def answered(answer: Any) -> None:
            status = answer.id_tag_info["status"]
            if status == enums.AuthorizationStatus.accepted:
                self.admit(connector, id_tag)
            else:
                self._refuse(connector, f"tag {id_tag} is {status}")

        def failed(reason: str) -> None:
            if self._registration.online:
                self._refuse(connector, f"tag {id_tag} could not be authorized ({reason})")
            else:
                self._admit_offline(connector, id_tag)

        if not self._registration.working:
            self._admit_offline(connector, id_tag)
            return
        self._outbox.put(Message("Authorize", lambda: call.Authorize(id_tag=id_tag), answered, failed))

    def _admit_offline(self, connector: Connector, id_tag: str) -> None:
        if self._configuration.flag("AllowOfflineTxForUnknownId"):
            self._tell(f"connector {connector.idx}: offline, tag {id_tag} is let in")
            self.admit(connector, id_tag)
        else:
            self._refuse(connector, f"offline, tag {id_tag} is not known here")

    def _refuse(self, connector: Connector, why: str) -> None:
        """Let nobody in; a profile that came with the request goes too (§5.16.2)."""
        self._profiles.transaction_ended(connector.idx)
        self._tell(f"connector {connector.idx}: {why}")

    def admit(self, connector: Connector, id_tag: str) -> None:
        """Start a transaction, or wait for the car for ConnectionTimeOut seconds."""
        if connector.transaction is not None:
            return
        if not connector.takes_sessions:
            self._refuse(connector, "out of order")
            return
        if connector.car is not None:
            self._start(connector, id_tag)
            return
        until_ms = self._clock.now_ms() + self._configuration.integer("ConnectionTimeOut") * 1000
        connector.authorized = Authorized(id_tag, until_ms)
        self.changed()

    # --- transactions -----------------------------------------------------------------------------------------------

    def _start(self, connector: Connector, id_tag: str) -> None:
        now_ms = self._clock.now_ms()
        transaction = Transaction(id_tag, now_ms, connector.meter.energy_wh, sampled_ms=now_ms)
        connector.transaction = transaction
        connector.begin_session()
        connector.authorized = None
        connector.finished = False
        payload = call.StartTransaction(
            connector_id=connector.idx,
            id_tag=id_tag,
            meter_start=transaction.meter_start_wh,
            timestamp=rfc3339(now_ms),
        )

        def answered(answer: Any) -> None:
            transaction.transaction_id = answer.transaction_id
            status = answer.id_tag_info["status"]
            self._tell(f"connector {connector.idx}: transaction {answer.transaction_id}, tag {status}")
            if status != enums.AuthorizationStatus.accepted:
                self._deauthorized(connector, transaction)

        def failed(reason: str) -> None:
            transaction.transaction_id = UNDELIVERED_ID
            self._tell(f"connector {connector.idx}: the central system never took the start ({reason})")

        self._outbox.put_transactional(Message("StartTransaction", lambda: payload, answered, failed))
        self.changed()

    def _deauthorized(self, connector: Connector, transaction: Transaction) -> None:
        """Obey a StartTransaction.conf that does not accept the tag (§4.8, StopTransactionOnInvalidId)."""
        if connector.transaction is not transaction:
            return
        if self._configuration.flag("StopTransactionOnInvalidId"):
            self.stop(connector, enums.Reason.de_authorized)
        else:
            transaction.energy_allowed = False

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the connector's transaction; its TxProfiles cease with it (§7.10)."""
        transaction = connector.transaction
        assert transaction is not None, "only a running transaction stops"
        connector.open_contactor()
        connector.transaction = None
        connector.finished = connector.car is not None
        self._profiles.transaction_ended(connector.idx)
        now_ms = self._clock.now_ms()
        if connector.stays_ms is not None:
            connector.leaves_at_ms = now_ms + connector.stays_ms
        meter_stop_wh = connector.meter.energy_wh

        def build() -> Any:
            return call.StopTransaction(
                meter_stop=meter_stop_wh,
                timestamp=rfc3339(now_ms),
                transaction_id=UNDELIVERED_ID if transaction.transaction_id is None else transaction.transaction_id,
                reason=reason,
                id_tag=id_tag,
            )

        self._outbox.put_transactional(Message("StopTransaction", build))
        taken_wh = meter_stop_wh - transaction.meter_start_wh
        self._tell(f"connector {connector.idx}: transaction stopped ({reason}), {taken_wh / 1000:.3f} kWh")
        self.changed()

    def find(self, transaction_id: int) -> Connector | None:
        """Return the connector whose running transaction has that id."""
        return next(
            (c for c in self._connectors if c.transaction and c.transaction.transaction_id == transaction_id), None
        )

    # --- time -------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Do what has become due: samples, cars leaving, an authorization that nobody used."""
        now_ms = self._clock.now_ms()
        for connector in self._connectors:
            self._sample_if_due(connector, now_ms)
            if connector.car is not None and connector.car.satisfied and connector.transaction is not None:
                self.stop(connector, enums.Reason.local, connector.transaction.id_tag)
                connector.leaves_at_ms = now_ms + (connector.stays_ms or 0)
            if connector.leaves_at_ms is not None and now_ms >= connector.leaves_at_ms:
                self.unplug(connector)
            if connector.authorized is not None and now_ms >= connector.authorized.until_ms:
                self._refuse(connector, f"no car came for tag {connector.authorized.id_tag}")
                connector.authorized = None
                self.changed()
            # After the end of its use was told: from Preparing the way to Unavailable is through Available (§4.9).
            connector.take_on_availability()
        self.changed()

    def _sample_if_due(self, connector: Connector, now_ms: int) -> None:
        transaction = connector.transaction
        interval_ms = self._configuration.integer("MeterValueSampleInterval") * 1000
        if transaction is None or not interval_ms or now_ms - transaction.sampled_ms < interval_ms:
            return
        # Stay on the grid of intervals since the start, but never answer a long pause with a burst.
        transaction.sampled_ms += (now_ms - transaction.sampled_ms) // interval_ms * interval_ms
        message = self._meter_values(connector, enums.ReadingContext.sample_periodic)
        if message is not None:
            self._outbox.put_transactional(message)

    def send_triggered_sample(self, connector: Connector) -> None:
        """Queue a MeterValues with context Trigger (§5.17)."""
        message = self._meter_values(connector, enums.ReadingContext.trigger)
        if message is not None:
            self._outbox.put(message)

    def _meter_values(self, connector: Connector, context: str) -> Message | None:
        """Return the present readings as a message, or None when none of the chosen measurands can be read."""
        measurands = self._configuration.items("MeterValuesSampledData")
        reading = connector.reading
        for read in self._traits.read:
            reading = read(connector, reading)
        values = sampled_values(measurands, reading, connector.supply, str(context))
        if not values:
            return None
        meter_value = [{"timestamp": rfc3339(self._clock.now_ms()), "sampled_value": values}]
        transaction = connector.transaction

        def build() -> Any:
            return call.MeterValues(
                connector_id=connector.idx,
                meter_value=meter_value,
                transaction_id=None if transaction is None else transaction.transaction_id,
            )

        return Message("MeterValues", build)
