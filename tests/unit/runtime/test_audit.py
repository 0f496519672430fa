"""The audit: written before and after an act, and never a reason to change what was done."""

import pytest

from csms.core.audit import ActOutcome, AuditEntry
from csms.core.ids import ChargerId
from csms.ports import StoreError
from csms.runtime.audit import Answered, AuditBook
from tests.unit.runtime.audit_doubles import FakeAuditLedger
from tests.unit.runtime.tag_doubles import NOW_MS, FixedClock

CP = ChargerId("CP001")
DONE = Answered(ActOutcome.ACCEPTED, 200, changes=("a: 1 → 2",), made={"commandId": "c"})


async def test_an_act_is_durable_before_it_is_done_and_again_with_its_answer() -> None:
    ledger, clock = FakeAuditLedger(), FixedClock()
    book = AuditBook(ledger, clock)
    entry = await book.begin("192.0.2.1", "POST /x", "/x", CP)
    asked = AuditEntry(1, NOW_MS, "192.0.2.1", "POST /x", "/x", CP)
    assert ledger.written == [asked]
    assert asked.outcome is ActOutcome.UNKNOWN
    clock.wall_ms += 7
    await book.end(entry, DONE)
    (ended,) = ledger.entries
    assert (ended.audit_id, ended.asked_ms, ended.answered_ms) == (1, NOW_MS, NOW_MS + 7)
    assert (ended.charger_id, ended.outcome, ended.status) == (CP, ActOutcome.ACCEPTED, 200)
    assert (ended.changes, ended.made) == (("a: 1 → 2",), {"commandId": "c"})


async def test_ids_go_on_after_the_newest_that_is_stored() -> None:
    ledger = FakeAuditLedger()
    ledger.newest = 41
    book = AuditBook(ledger, FixedClock())
    await book.load()
    assert [(await book.begin("", "POST /x", "/x")).audit_id for _ in range(2)] == [42, 43]


async def test_what_cannot_be_written_down_is_refused() -> None:
    ledger = FakeAuditLedger()
    ledger.refuses_from = 0
    with pytest.raises(StoreError):
        await AuditBook(ledger, FixedClock()).begin("", "POST /x", "/x")


async def test_an_answer_that_cannot_be_written_down_leaves_the_act_unknown() -> None:
    ledger = FakeAuditLedger()
    book = AuditBook(ledger, FixedClock())
    entry = await book.begin("", "POST /x", "/x")
    ledger.refuses_from = 1
    await book.end(entry, DONE)
    assert ledger.entries == [entry]
