"""Characters of transactions: which of their messages come, how often, in which order, and under which id."""

import json
import string
from collections.abc import Callable, Iterable
from typing import Any

from simulators.characters.character import Character, Family
from simulators.characters.tools import drops_after_start, fields, never_sends, running
from simulators.charger import Charger
from simulators.clock import rfc3339
from simulators.connector import Connector, Transaction
from simulators.outbox import Message
from simulators.traits import Asked, Happens, Traits
from simulators.vendor import call

MAX_INT64 = 2**63 - 1
STOP_HELD_MS = 15_000
OUTAGE_AFTER_MS = 20_000
OUTAGE_MS = 5_000
ALLOWED_TAG = set(string.hexdigits)


def _repeats_starts(*, obeys_verdict: bool) -> Happens:
    """Return what sends the StartTransaction of each running transaction again, with its original time stamp."""

    def connected(charger: Charger) -> None:
        for connector in running(charger):
            assert connector.transaction is not None, "it runs"
            if connector.transaction.transaction_id is not None:
                charger.outbox.put_transactional(_start_again(charger, connector, connector.transaction, obeys_verdict))

    return connected


def _start_again(charger: Charger, connector: Connector, transaction: Transaction, obeys_verdict: bool) -> Message:  # noqa: FBT001 - passed on
    payload = call.StartTransaction(
        connector_id=connector.idx,
        id_tag=transaction.id_tag,
        meter_start=transaction.meter_start_wh,
        timestamp=rfc3339(transaction.started_ms),
    )

    def answered(answer: Any) -> None:
        transaction.transaction_id = answer.transaction_id
        refused = answer.id_tag_info["status"] != "Accepted"
        if refused and obeys_verdict and connector.transaction is transaction:
            charger.sessions.stop(connector, "DeAuthorized")

    return Message("StartTransaction", lambda: payload, answered)


def _twice(text: str) -> Iterable[str]:
    """Send a StartTransaction twice at once, under two ids."""
    yield text
    frame = json.loads(text)
    if frame[0] == 2 and frame[2] == "StartTransaction":  # noqa: PLR2004 - a CALL
        yield json.dumps([2, f"{frame[1]}-2"[-36:], *frame[2:]])


def _stops_late(charger: Charger, message: Message) -> Iterable[Message]:
    if message.action == "StopTransaction":
        message.not_before_ms = charger.clock.now_ms() + STOP_HELD_MS
    return (message,)


class _OnlyStops:
    """Forgets the start and the samples of a transaction that began offline."""

    def __init__(self) -> None:
        self._offline: set[int] = set()
        """Connectors whose transaction began offline."""

    def queue(self, charger: Charger, message: Message) -> Iterable[Message]:
        if message.action == "StartTransaction":
            idx = message.build().connector_id
            self._offline.discard(idx)
            if not charger.registration.online:
                self._offline.add(idx)
                message.failed("forgotten")
                return ()
        if message.action == "MeterValues" and message.build().connector_id in self._offline:
            return ()
        return (message,)


def _only_hex_tags(_: Charger, asked: Asked) -> dict[str, str] | None:
    if asked.action != "RemoteStartTransaction" or set(str(asked.payload.get("idTag"))) <= ALLOWED_TAG:
        return None
    return {"status": "Rejected"}


def _long_tags(charger: Charger, _: str, payload: Any) -> Any:
    """Write tags longer than the 20 characters that are allowed, made of the serial number."""
    if not isinstance(payload, dict) or "idTag" not in payload:
        return payload
    return payload | {"idTag": f"{charger.identity.charger_id}-{payload['idTag']}".ljust(26, "0")}


def _one(name: str, does: str, source: str, make: Callable[[], Traits]) -> Character:
    return Character(name, Family.TRANSACTIONS, does, source, make)


def _reconnecting(*, obeys_verdict: bool) -> Traits:
    return Traits(
        connected=(_repeats_starts(obeys_verdict=obeys_verdict),),
        stepped=(drops_after_start(OUTAGE_AFTER_MS, OUTAGE_MS),),
    )


CHARACTERS = (
    _one(
        "int64_transaction_id",
        "Names 9223372036854775807 as the transactionId of StopTransaction.",
        "C24; mobilityhouse #617",
        lambda: Traits(calls=(fields("StopTransaction", transactionId=MAX_INT64),)),
    ),
    _one(
        "stops_minus_1",
        "Names -1 as the transactionId of StopTransaction.",
        "C25; libocpp #495, go-eCharger #106, ocpp-rpc #82, evcc #30247",
        lambda: Traits(calls=(fields("StopTransaction", transactionId=-1),)),
    ),
    _one(
        "stops_0",
        "Names 0 as the transactionId of StopTransaction.",
        "C25; libocpp #495, go-eCharger #106, ocpp-rpc #82, evcc #30247",
        lambda: Traits(calls=(fields("StopTransaction", transactionId=0),)),
    ),
    _one(
        "stops_nameless",
        "Sends StopTransaction without a transactionId.",
        "D",
        lambda: Traits(calls=(fields("StopTransaction", transactionId=None),)),
    ),
    _one(
        "no_meter_start",
        "Sends StartTransaction without a meterStart.",
        "D",
        lambda: Traits(calls=(fields("StartTransaction", meterStart=None),)),
    ),
    _one(
        "never_stops",
        "Sends no StopTransaction; its status alone tells that the car has gone.",
        "C25; libocpp #495, go-eCharger #106, ocpp-rpc #82, evcc #30247",
        lambda: Traits(queue=(never_sends("StopTransaction"),)),
    ),
    _one(
        "stops_late",
        f"Sends StopTransaction {STOP_HELD_MS // 1000} s late, after Available when the car leaves at once.",
        "C26; lbbrhzn #1777",
        lambda: Traits(queue=(_stops_late,)),
    ),
    _one(
        "repeats_start",
        "Loses its network in each transaction and then sends StartTransaction again with the original time stamp.",
        "C27; mobilityhouse #186, steve #81",
        lambda: _reconnecting(obeys_verdict=False),
    ),
    _one(
        "starts_twice",
        "Sends every StartTransaction twice at once, under two message ids.",
        "C28; MicroOcpp #237",
        lambda: Traits(texts=(_twice,)),
    ),
    _one(
        "only_stop_of_offline",
        "Sends of a transaction that began offline its StopTransaction only, with transactionId -1.",
        "C30; MicroOcpp #454",
        lambda: Traits(queue=(_OnlyStops().queue,)),
    ),
    _one(
        "reauthorizes",
        "Loses its network in each transaction, sends StartTransaction again, and stops with DeAuthorized "
        "unless that is accepted.",
        "C48; MicroOcpp #237",
        lambda: _reconnecting(obeys_verdict=True),
    ),
    _one(
        "hex_tags_only",
        "Answers Rejected to a RemoteStartTransaction whose idTag is not hexadecimal.",
        "C46; lbbrhzn #514",
        lambda: Traits(instead=(_only_hex_tags,)),
    ),
    _one(
        "long_tags",
        "Sends tags of 26 characters and more, made of its serial number.",
        "C46; lbbrhzn #514",
        lambda: Traits(calls=(_long_tags,)),
    ),
)
