"""Characters of frames: broken JSON, odd ids, surplus fields, and CALLs that get the wrong answer or none."""

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any

from simulators.characters.character import Character, Family
from simulators.characters.tools import answers, each_value, fails, with_key
from simulators.charger import Charger
from simulators.traits import Answer, Asked, Traits

DEAF_AFTER_MS = 60_000
FOR_EVER_MS = 10 * 365 * 86_400_000
WRONG_EACH = 3
"""Every third answer carries a wrong id."""
OPTIONAL = (
    "CancelReservation",
    "ClearCache",
    "ClearChargingProfile",
    "DataTransfer",
    "GetCompositeSchedule",
    "GetLocalListVersion",
    "ReserveNow",
    "SendLocalList",
    "TriggerMessage",
    "UnlockConnector",
)


class _Deaf:
    """Takes no CALL any more from some time after each connection on."""

    def __init__(self) -> None:
        self._since_ms = 0

    def connected(self, charger: Charger) -> None:
        self._since_ms = charger.clock.now_ms() + DEAF_AFTER_MS

    def hear(self, charger: Charger, frame: list[Any]) -> bool:
        return frame[:1] != [2] or charger.clock.now_ms() < self._since_ms


class _EchoesWrongId:
    """Gives every third answer the id of the answer before."""

    def __init__(self) -> None:
        self._count = 0
        self._last_id = "0"

    def answer(self, _: Charger, asked: Asked, answer: Answer) -> Answer:
        self._count += 1
        wrong_id, self._last_id = self._last_id, asked.unique_id
        if self._count % WRONG_EACH:
            return answer
        return Answer([answer.frame[0], wrong_id, *answer.frame[2:]], answer.delay_ms)


class _CountedIds:
    """Counts its message ids from 1 after each reboot."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def next(self) -> str:
        return str(next(self._ids))

    def rebooted(self, _: Charger) -> None:
        self._ids = itertools.count(1)


def _counted() -> Traits:
    ids = _CountedIds()
    return Traits(new_id=ids.next, rebooted=(ids.rebooted,))


def _deaf() -> Traits:
    deaf = _Deaf()
    return Traits(connected=(deaf.connected,), hear=(deaf.hear,))


def _one_id() -> str:
    return "531531"


def _surplus(_: Charger, _action: str, payload: Any) -> Any:
    return payload | {"vendorData": {"uptime": 17}, "customField": None} if isinstance(payload, dict) else payload


def _renamed_energy(value: dict[str, Any]) -> dict[str, Any]:
    known = value.get("measurand") == "Energy.Active.Import.Register"
    return value | {"measurand": "Request.Energy", "vendorUnit": "raw"} if known else value


def _empty_transaction_id(text: str) -> Iterable[str]:
    """Leave out the number behind "transactionId":, but not its comma."""
    if '"MeterValues"' in text:
        text = re.sub(r',"transactionId":-?\d+', "", text)
        text = re.sub(r'("connectorId":\d+)', r'\1,"transactionId":', text)
    return (text,)


def _empty_element(text: str) -> Iterable[str]:
    """Begin the list of sampled values with a comma."""
    return (text.replace('"sampledValue":[', '"sampledValue":[,'),)


def _null_heartbeat(_: Charger, action: str, payload: Any) -> Any:
    return None if action == "Heartbeat" else payload


def _dies_of_errors(charger: Charger, frame: list[Any]) -> bool:
    if frame[:1] == [4]:
        charger.tell("got an error answer and ends")
        charger.drop(FOR_EVER_MS)
    return True


def _one(name: str, does: str, source: str, make: Callable[[], Traits]) -> Character:
    return Character(name, Family.FRAMES, does, source, make)


def _garbles(garble: Callable[[str], Iterable[str]]) -> Traits:
    # Such chargers do not insist: what could not be read is not sent again.
    return Traits(texts=(garble,), keys=(with_key("TransactionMessageAttempts", value="1"),))


CHARACTERS = (
    _one(
        "deaf",
        f"Takes no CALL from {DEAF_AFTER_MS // 1000} s after each connection on, though its own messages go on.",
        "C8; mobilityhouse #338, #626",
        _deaf,
    ),
    _one(
        "surplus_fields",
        "Sends fields that nobody knows in every CALL.",
        "C14; lbbrhzn #361",
        lambda: Traits(calls=(_surplus,)),
    ),
    _one(
        "unknown_measurand",
        'Calls its energy register "Request.Energy".',
        "C14; mobilityhouse #54",
        lambda: Traits(calls=(each_value(_renamed_energy),)),
    ),
    _one(
        "empty_transaction_id",
        'Sends MeterValues with "transactionId":, which is no JSON.',
        "C15; lbbrhzn #2032",
        lambda: _garbles(_empty_transaction_id),
    ),
    _one(
        "empty_array_element",
        "Sends sampled values as [,{...}], which is no JSON.",
        "C15; lbbrhzn #1078",
        lambda: _garbles(_empty_element),
    ),
    _one(
        "echoes_wrong_id",
        "Gives every third answer the message id of the answer before.",
        "C45; mobilityhouse #297",
        lambda: Traits(answers=(_EchoesWrongId().answer,)),
    ),
    _one(
        "triggers_rejected",
        "Answers Rejected to every TriggerMessage.",
        "C47; go-eCharger #134, evcc #19026",
        lambda: Traits(instead=(answers("TriggerMessage", status="Rejected"),)),
    ),
    _one(
        "triggers_not_implemented",
        "Answers NotImplemented to every TriggerMessage.",
        "C47; go-eCharger #134, evcc #19026",
        lambda: Traits(instead=(answers("TriggerMessage", status="NotImplemented"),)),
    ),
    _one(
        "optional_not_implemented",
        "Answers every optional CALL with the CALLERROR NotImplemented.",
        "D",
        lambda: Traits(instead=(fails("NotImplemented", *OPTIONAL),)),
    ),
    _one(
        "optional_not_supported",
        "Answers every optional CALL with the CALLERROR NotSupported.",
        "D",
        lambda: Traits(instead=(fails("NotSupported", *OPTIONAL),)),
    ),
    _one("counted_ids", 'Counts its message ids, from "1" after each reboot.', "D", _counted),
    _one(
        "one_message_id",
        'Gives every CALL of its own the message id "531531".',
        "D; MicroOcpp",
        lambda: Traits(new_id=_one_id),
    ),
    _one(
        "null_heartbeat",
        "Sends Heartbeat with the payload null, and ends for good on any error answer.",
        "D",
        lambda: Traits(calls=(_null_heartbeat,), hear=(_dies_of_errors,)),
    ),
)
