"""The strokes with which characters are drawn: small makers of functions for `Traits`.

Payloads are those of the wire, with camel-case keys. Nothing is changed in place: an altered frame is a new one.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from simulators.charger import Charger
from simulators.clock import rfc3339
from simulators.configuration import Key
from simulators.connector import Connector
from simulators.electrical import RateUnit
from simulators.outbox import Message
from simulators.profiles import Capabilities, parse_time_ms
from simulators.traits import AlterCall, AnswerInstead, Asked, Failure, Happens, Queue
from simulators.vendor import call

STAMP = "timestamp"
_STAMP_IN_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def fields(*actions: str, **values: Any) -> AlterCall:
    """Return what sets fields in its own CALLs of some actions; None takes the field out."""

    def alter(_: Charger, action: str, payload: Any) -> Any:
        if action not in actions:
            return payload
        return {name: value for name, value in (payload | values).items() if value is not None}

    return alter


def sampled(alter_values: Callable[[Charger, list[dict[str, Any]]], Any]) -> AlterCall:
    """Return what alters the list of sampled values of each element of MeterValues."""

    def alter(charger: Charger, action: str, payload: Any) -> Any:
        if action != "MeterValues":
            return payload
        elements = [
            element | {"sampledValue": alter_values(charger, element["sampledValue"])}
            for element in payload["meterValue"]
        ]
        return payload | {"meterValue": elements}

    return alter


def each_value(alter_value: Callable[[dict[str, Any]], dict[str, Any]]) -> AlterCall:
    """Return what alters every sampled value by itself."""
    return sampled(lambda _, values: [alter_value(value) for value in values])


def stamps(write: Callable[[Charger, int], str | None]) -> AlterCall:
    """Return what writes every time stamp of its CALLs in another way; None leaves it out."""

    def altered(charger: Charger, node: Any) -> Any:
        if isinstance(node, list):
            return [altered(charger, one) for one in node]
        if not isinstance(node, dict):
            return node
        new = {name: altered(charger, one) for name, one in node.items()}
        if isinstance(new.get(STAMP), str) and _STAMP_IN_TEXT.fullmatch(new[STAMP]):
            written = write(charger, parse_time_ms(new.pop(STAMP)))
            if written is not None:
                new[STAMP] = written
        return new

    return lambda charger, _, payload: altered(charger, payload)


def answers(action: str, **payload: Any) -> AnswerInstead:
    """Return what gives all CALLs of an action the same answer, unhandled."""

    def instead(_: Charger, asked: Asked) -> dict[str, Any] | None:
        return dict(payload) if asked.action == action else None

    return instead


def fails(code: str, *actions: str) -> AnswerInstead:
    """Return what answers CALLs of some actions with a CALLERROR."""

    def instead(_: Charger, asked: Asked) -> Failure | None:
        return Failure(code) if asked.action in actions else None

    return instead


def never_sends(*actions: str) -> Queue:
    """Return what drops its own CALLs of some actions before they are kept."""

    def queue(_: Charger, message: Message) -> Iterable[Message]:
        return () if message.action in actions else (message,)

    return queue


def old_transaction(charger: Charger, connector_idx: int, started_ms: int, *, samples: int, each_ms: int) -> None:
    """Queue the messages of a transaction of the past, as a charger keeps them that was offline then."""
    ids: list[int] = []
    meter_wh = 1_000

    def sample(at_ms: int, energy_wh: int) -> Callable[[], Any]:
        value = {"value": str(energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        element = {STAMP: rfc3339(at_ms), "sampled_value": [value]}
        return lambda: call.MeterValues(connector_idx, [element], transaction_id=ids[0] if ids else -1)

    start = call.StartTransaction(connector_idx, "OLD0001", meter_wh, rfc3339(started_ms))
    charger.outbox.put_transactional(
        Message("StartTransaction", lambda: start, lambda answer: ids.append(answer.transaction_id))
    )
    for nth in range(1, samples + 1):
        build = sample(started_ms + nth * each_ms, meter_wh + nth * 10)
        charger.outbox.put_transactional(Message("MeterValues", build))
    stopped_ms = started_ms + (samples + 1) * each_ms

    def stop() -> Any:
        return call.StopTransaction(
            meter_stop=meter_wh + samples * 10,
            timestamp=rfc3339(stopped_ms),
            transaction_id=ids[0] if ids else -1,
            reason="Local",
        )

    charger.outbox.put_transactional(Message("StopTransaction", stop))


def drops_after_start(after_ms: int, duration_ms: int) -> Happens:
    """Return what lets the network fail once in every transaction, some time after its start."""
    failed: set[tuple[int, int]] = set()

    def stepped(charger: Charger) -> None:
        for connector in charger.connectors:
            transaction = connector.transaction
            if transaction is None or transaction.transaction_id is None:
                continue
            key = (connector.idx, transaction.started_ms)
            if key not in failed and charger.clock.now_ms() - transaction.started_ms >= after_ms:
                failed.add(key)
                charger.drop(duration_ms)

    return stepped


def running(charger: Charger) -> list[Connector]:
    """Return the connectors with a transaction."""
    return [connector for connector in charger.connectors if connector.transaction is not None]


def with_key(name: str, **changes: Any) -> Callable[[list[Key]], list[Key]]:
    """Return what changes one configuration key."""

    def alter(keys: list[Key]) -> list[Key]:
        assert any(key.name == name for key in keys), f"there is no key {name}"
        return [replace(key, **changes) if key.name == name else key for key in keys]

    return alter


def only_unit(unit: RateUnit) -> Callable[[Capabilities], Capabilities]:
    """Return what leaves a charger one charging rate unit."""
    return lambda capabilities: replace(capabilities, units=frozenset({unit}))
