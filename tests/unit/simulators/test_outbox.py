from typing import Any

import pytest

from simulators import outbox as module
from simulators.outbox import OFFLINE, Message, Outbox


def message(action: str, log: list[tuple[str, Any]] | None = None) -> Message:
    noted = [] if log is None else log
    return Message(
        action,
        lambda: action,
        lambda answer: noted.append((action, answer)),
        lambda reason: noted.append((action, reason)),
    )


def names(outbox: Outbox, now_ms: int = 0) -> list[str]:
    order = []
    while (head := outbox.next(now_ms, registered=True)) is not None:
        order.append(head.action)
        outbox.confirm(head, None)
    return order


def test_urgent_messages_go_before_transactional_ones() -> None:
    outbox = Outbox()
    for action in ("StartTransaction", "MeterValues"):
        outbox.put_transactional(message(action))
    for action in ("StatusNotification", "Heartbeat"):
        outbox.put(message(action))
    assert names(outbox) == ["StatusNotification", "Heartbeat", "StartTransaction", "MeterValues"]


def test_before_the_registration_only_the_boot_leaves() -> None:
    outbox = Outbox()
    outbox.put(message("StatusNotification"))
    outbox.put_transactional(message("StopTransaction"))
    assert outbox.next(0, registered=False) is None
    outbox.put(message("BootNotification"))
    head = outbox.next(0, registered=False)
    assert head is not None
    assert head.action == "BootNotification"


def test_a_lost_connection_drops_the_urgent_and_keeps_the_transactional() -> None:
    log: list[tuple[str, Any]] = []
    outbox = Outbox()
    outbox.put(message("Authorize", log))
    outbox.put_transactional(message("StopTransaction", log))
    on_its_way = outbox.next(0, registered=True)
    assert on_its_way is not None
    outbox.disconnect()
    assert log == [("Authorize", OFFLINE)]
    outbox.confirm(on_its_way, "too late")  # must not remove anything else
    assert outbox.kept == 1


def test_a_failure_waits_longer_each_time_and_is_given_up() -> None:
    log: list[tuple[str, Any]] = []
    outbox = Outbox()
    outbox.put_transactional(message("StartTransaction", log))
    outbox.put_transactional(message("MeterValues", log))
    sent_at = []
    now_ms = 0
    while (head := outbox.next(now_ms, registered=True)) is None or head.action == "StartTransaction":
        if head is not None:
            sent_at.append(now_ms)
            outbox.refuse(head, "InternalError", now_ms, attempts=3, retry_interval_ms=20)
        now_ms += 1
    assert sent_at == [0, 20, 60]
    assert log == [("StartTransaction", "InternalError")]


def test_an_urgent_failure_is_given_up_at_once() -> None:
    log: list[tuple[str, Any]] = []
    outbox = Outbox()
    outbox.put(message("Authorize", log))
    head = outbox.next(0, registered=True)
    assert head is not None
    outbox.refuse(head, "InternalError", 0, attempts=3, retry_interval_ms=20)
    assert log == [("Authorize", "InternalError")]
    assert outbox.next(0, registered=True) is None


def test_too_many_kept_cost_the_oldest_samples_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 4)
    outbox = Outbox()
    for action in ("StartTransaction", "MeterValues", "MeterValues", "StopTransaction", "StartTransaction"):
        outbox.put_transactional(message(action))
    outbox.put_transactional(message("StopTransaction"))
    outbox.put_transactional(message("StartTransaction"))
    assert outbox.dropped == 2
    assert names(outbox) == ["StartTransaction", "StopTransaction"] * 2 + ["StartTransaction"]
