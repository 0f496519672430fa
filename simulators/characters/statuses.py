"""Characters of StatusNotification: what is told, when, and in which order."""

from collections.abc import Callable, Iterable
from functools import partial

from simulators.characters.character import Character, Family
from simulators.characters.tools import fields, running
from simulators.charger import Charger
from simulators.clock import rfc3339
from simulators.connector import Status
from simulators.outbox import Message
from simulators.traits import AlterCall, Traits
from simulators.vendor import call

FLAPS = 3


def _hides_connector_0(_: Charger, message: Message) -> Iterable[Message]:
    hidden = message.action == "StatusNotification" and message.build().connector_id == 0
    return () if hidden else (message,)


def _in_its_turn(_: Charger, message: Message) -> Iterable[Message]:
    """Let statuses wait behind the messages of transactions that came before them."""
    message.lasting = message.lasting or message.action == "StatusNotification"
    return (message,)


class _Flaps:
    """Tells SuspendedEVSE and Charging in turn, all at once, at the beginning of each transaction."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def stepped(self, charger: Charger) -> None:
        for connector in running(charger):
            transaction = connector.transaction
            if transaction is None or transaction.transaction_id in (None, self._done.get(connector.idx)):
                continue
            self._done[connector.idx] = transaction.transaction_id
            for status in (Status.SUSPENDED_EVSE, Status.CHARGING) * FLAPS:
                build = partial(
                    call.StatusNotification,
                    connector_id=connector.idx,
                    error_code="NoError",
                    status=status.value,
                    timestamp=rfc3339(charger.clock.now_ms()),
                )
                charger.outbox.put(Message("StatusNotification", build))
            charger.send_status(connector.idx)


def _calls(*calls: AlterCall) -> Callable[[], Traits]:
    return lambda: Traits(calls=calls)


CHARACTERS = (
    Character(
        "error_code_error",
        Family.STATUSES,
        'Reports the errorCode "Error", which does not exist.',
        "C13; lbbrhzn #1248",
        _calls(fields("StatusNotification", errorCode="Error")),
    ),
    Character(
        "unknown_enums",
        Family.STATUSES,
        'Reports the old status "Occupied" while a car is there, and stops for the reason "UserStopped".',
        "C13; lbbrhzn #1248",
        _calls(
            lambda _, action, payload: (
                payload | {"status": "Occupied"}
                if action == "StatusNotification" and payload["status"] not in {"Available", "Unavailable"}
                else payload
            ),
            fields("StopTransaction", reason="UserStopped"),
        ),
    ),
    Character(
        "no_status_timestamp",
        Family.STATUSES,
        "Sends StatusNotification without a time stamp.",
        "D",
        _calls(fields("StatusNotification", timestamp=None)),
    ),
    Character(
        "no_connector_0",
        Family.STATUSES,
        "Never reports the status of connector 0.",
        "D",
        lambda: Traits(queue=(_hides_connector_0,)),
    ),
    Character(
        "flapping_status",
        Family.STATUSES,
        "Reports SuspendedEVSE and Charging in turn within one instant after StartTransaction.",
        "D",
        lambda: Traits(stepped=(_Flaps().stepped,)),
    ),
    Character(
        "finishing_after_stop",
        Family.STATUSES,
        "Reports Finishing after StopTransaction instead of before it.",
        "D",
        lambda: Traits(queue=(_in_its_turn,)),
    ),
)
