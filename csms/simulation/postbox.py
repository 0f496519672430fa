"""A charger's transaction messages: each is sent until it is answered (OCPP 1.6 §3.7).

One at a time, in order, over reconnects and restarts of the central system; a reply that comes after its message was
sent again is ignored.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from csms.simulation.faults import Kind
from csms.simulation.frames import Payload, Told, time_text
from csms.simulation.outlet import Transaction
from csms.simulation.surroundings import Surroundings

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
        self, around: Surroundings, say: Callable[[str, Payload, Told], None], is_online: Callable[[], bool]
    ) -> None:
        self.completed: list[Stop] = []
        self._around = around
        self._say = say
        self._is_online = is_online
        self._queue: deque[Transaction | Stop] = deque()
        self._asked = 0
        self._held_until_ms = 0
        self._is_shuffled = False

    def hold(self, until_ms: int) -> None:
        """Send nothing before `until_ms`, and then in any order that the protocol allows."""
        self._held_until_ms, self._is_shuffled = until_ms, True
        self._around.clock.at(until_ms, self.pump)

    def _next(self) -> Transaction | Stop:
        """Return what is sent next: the oldest, or any whose transaction has its id.

        Starts of one connector keep their order: one of the last minute counts as the newer one, whatever it says.
        """
        may_go: list[Transaction | Stop] = []
        starts: set[int] = set()
        for each in self._queue:
            if isinstance(each, Stop):
                may_go += [each] if each.transaction.transaction_id else []
            elif each.key.idx not in starts:
                starts.add(each.key.idx)
                may_go.append(each)
        if not self._is_shuffled or self._around.calm or len(may_go) < 2:
            return self._queue[0]
        chosen = self._around.odd_rng.choice(may_go)
        if chosen is self._queue[0] or not self._around.faults.strike(Kind.UNORDERED_QUEUE):
            return self._queue[0]
        return chosen

    def add(self, message: Transaction | Stop) -> None:
        """Put the start of a transaction, or its stop, at the end of the queue."""
        self._queue.append(message)

    def lost(self) -> None:
        """Notice that the connection is gone: what waits for a reply will be sent again."""
        self._asked = 0

    def pump(self) -> None:
        """Send the first message if there is a connection and nothing waits for its reply."""
        if self._asked or not self._queue or not self._is_online() or self._around.clock.now_ms < self._held_until_ms:
            return
        self._asked = asked = self._around.number("asked")
        head = self._next()

        def told(payload: Payload) -> None:
            if self._asked == asked:
                self._confirmed(head, payload)

        self._say(*self._message(head), told)
        self._around.clock.after(RESEND_MS, lambda: self._resend(asked))

    def _resend(self, asked: int) -> None:
        if self._asked == asked:
            self._asked = 0
            self.pump()

    def _message(self, head: Transaction | Stop) -> tuple[str, Payload]:
        if isinstance(head, Transaction):
            key = head.key
            return "StartTransaction", {
                "connectorId": key.idx,
                "idTag": key.id_tag,
                "meterStart": key.meter_start_wh,
                "timestamp": time_text(key.started_ms),
            }
        assert head.transaction.transaction_id is not None, "a start is confirmed before its stop is sent"
        return "StopTransaction", {
            "transactionId": head.transaction.transaction_id,
            "meterStop": head.meter_stop_wh,
            "timestamp": time_text(head.stopped_ms),
            "reason": head.reason,
        }

    def _confirmed(self, head: Transaction | Stop, payload: Payload) -> None:
        self._asked = 0
        self._queue.remove(head)
        self._is_shuffled = self._is_shuffled and bool(self._queue)
        if isinstance(head, Stop):
            self.completed.append(head)
        else:
            head.transaction_id = payload["transactionId"]
            self._around.start_confirmed(head.key, payload["transactionId"])
        self.pump()
