"""A charger's transaction messages: each is sent until it is answered (OCPP 1.6 §3.7).

One at a time, in order, over reconnects and restarts of the central system; a reply that comes after its message was
sent again is ignored.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from csms.core.events import Fact, TagStatus, TransactionStarted, TransactionStopped
from csms.core.ids import ChargerId, RequestId
from csms.core.replies import Outcome, StartConfirmed
from csms.simulation.outlet import Transaction
from csms.simulation.surroundings import Central, Surroundings

RESEND_MS = 20_000
"""A transaction message without an answer is sent again after so long."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A StopTransaction that waits for its turn."""

    transaction: Transaction
    meter_stop_wh: int
    stopped_ms: int
    reason: str


class Postbox:
    """The queue of one charger; `completed` holds the stops that were confirmed."""

    def __init__(
        self, charger_id: ChargerId, around: Surroundings, central: Central, is_online: Callable[[], bool]
    ) -> None:
        self.completed: list[Stop] = []
        self._charger_id = charger_id
        self._around = around
        self._central = central
        self._is_online = is_online
        self._queue: deque[Transaction | Stop] = deque()
        self._asked = 0

    def add(self, message: Transaction | Stop) -> None:
        """Put the start of a transaction, or its stop, at the end of the queue."""
        self._queue.append(message)

    def lost(self) -> None:
        """Notice that the connection is gone: what waits for a reply will be sent again."""
        self._asked = 0

    def pump(self) -> None:
        """Send the first message if there is a connection and nothing waits for its reply."""
        if self._asked or not self._queue or not self._is_online():
            return
        self._asked = asked = self._around.number("asked")
        head = self._queue[0]

        def told(outcome: Outcome) -> None:
            if self._asked == asked:
                self._confirmed(head, outcome)

        self._central.ask(self._fact(head), told)
        self._around.clock.after(RESEND_MS, lambda: self._resend(asked))

    def _resend(self, asked: int) -> None:
        if self._asked == asked:
            self._asked = 0
            self.pump()

    def _fact(self, head: Transaction | Stop) -> Callable[[RequestId], Fact]:
        new_session_id = self._around.session_id()
        if isinstance(head, Transaction):
            start = TransactionStarted(
                head.key, TagStatus.ACCEPTED, new_session_id, known=self._central.find_start(head.key)
            )
            return lambda request: replace(start, request=request)
        transaction_id = head.transaction.transaction_id
        assert transaction_id is not None, "a start is confirmed before its stop is sent"
        stop = TransactionStopped(
            self._charger_id,
            transaction_id,
            head.meter_stop_wh,
            head.stopped_ms,
            new_session_id,
            head.reason,
            known=self._central.find_transaction(transaction_id),
        )
        return lambda request: replace(stop, request=request)

    def _confirmed(self, head: Transaction | Stop, outcome: Outcome) -> None:
        self._asked = 0
        self._queue.popleft()
        if isinstance(head, Stop):
            self.completed.append(head)
        elif isinstance(outcome, StartConfirmed):
            head.transaction_id = outcome.transaction_id
            self._around.start_confirmed(head.key, outcome)
        self.pump()
