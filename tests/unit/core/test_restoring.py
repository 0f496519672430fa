from dataclasses import replace

import pytest

from csms.core.commands import Operate
from csms.core.events import CommandAnswered, CommandRequested, ConnectorStatus
from csms.core.ids import ChargerId, CommandId, RequestId, TransactionId
from csms.core.records import CommandOutcome, CommandState, CommandStored, CountersStored
from csms.core.restoring import GAP, GAP_PER_S, LAST_ID, NewEpoch, new_epoch
from csms.core.station import Control
from tests.unit.core.driving import T0_WALL_MS, Drive, charger, station

NOBODY: frozenset[ChargerId] = frozenset()
HOUR_MS = 3_600_000
CHARGING = ConnectorStatus.CHARGING


def restore(drive: Drive, *, rest_driven: frozenset[ChargerId] = NOBODY) -> NewEpoch:
    """Let the engine crash and start again from its present memory as if that were a backup of an hour ago."""
    wall_ms = drive.now.wall_ms
    found = new_epoch(drive.memory.snapshot(), rest_driven, wall_ms - HOUR_MS, wall_ms)
    assert isinstance(found, NewEpoch), found
    drive.memory.apply(found.records)
    drive.recover()
    return found


def one_charging(grid_kw: int = 100) -> tuple[Drive, int]:
    drive = Drive(station(grid_kw, charger("A", 100), charger("B", 100)))
    drive.bring_up("A", "B")
    transaction_id = drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(20)
    return drive, transaction_id


def test_every_charger_is_booked_at_its_maximum() -> None:
    drive, _ = one_charging()
    assert (drive.k_kw("A"), drive.k_kw("B")) == (100, 0)
    restore(drive)
    assert (drive.k_kw("A"), drive.k_kw("B")) == (100, 100)
    assert not drive.provisioned("A")
    assert not drive.provisioned("B")


def test_a_status_of_the_backup_makes_nothing_provisioned() -> None:
    """It was Available then; since, a car may have begun of which we know nothing."""
    drive, _ = one_charging()
    restore(drive)
    drive.connect("B")
    drive.accept()
    drive.wait(300)
    assert (drive.provisioned("B"), drive.k_kw("B")) == (False, 100)


def test_what_may_have_been_said_since_is_booked_until_60_s_after_the_start() -> None:
    drive, _ = one_charging()
    restore(drive)
    drive.connect("B")
    drive.status("B", 1, ConnectorStatus.AVAILABLE)
    drive.accept()
    drive.wait(30)
    assert (drive.provisioned("B"), drive.k_kw("B")) == (True, 100)
    drive.wait(31)
    drive.accept()
    drive.wait(1)
    assert drive.k_kw("B") == 0


def test_the_open_transaction_goes_on_and_its_limit_is_trusted_again_in_the_end() -> None:
    drive, transaction_id = one_charging(150)
    restore(drive)
    assert drive.open_transactions() == [transaction_id]
    for charger_id, status in (("A", CHARGING), ("B", ConnectorStatus.AVAILABLE)):
        drive.connect(charger_id)
        drive.status(charger_id, 1, status)
    drive.accept()
    drive.draws({("A", 1): 50}, 30)
    assert drive.k_kw("A") == 100
    for _ in range(4):
        drive.accept()
        drive.draws({("A", 1): 50}, 30)
    drive.accept()
    assert drive.provisioned("A")
    assert drive.k_kw("B") == 0


def test_ids_go_on_behind_all_that_may_have_been_issued() -> None:
    drive, transaction_id = one_charging()
    found = restore(drive)
    assert found.next_transaction_id == transaction_id + 1 + GAP + 3_600 * GAP_PER_S
    drive.connect("B")
    assert drive.start("B") == found.next_transaction_id


def test_the_same_backup_restored_twice_gives_other_ids() -> None:
    """Also when the first life was short: a begun second counts as a whole one."""
    snapshot = Drive(station(100, charger("A", 100))).memory.snapshot()
    firsts = []
    for now_ms in (1, 1_001, 10 * HOUR_MS):
        found = new_epoch(snapshot, NOBODY, T0_WALL_MS, T0_WALL_MS + now_ms)
        assert isinstance(found, NewEpoch)
        firsts.append(found.next_transaction_id)
    assert firsts == [1 + GAP + GAP_PER_S, 1 + GAP + 2 * GAP_PER_S, 1 + GAP + 36_000 * GAP_PER_S]


def test_what_was_done_is_kept_in_the_log() -> None:
    drive, _ = one_charging()
    found = restore(drive)
    (told,) = [event for event in drive.memory.events if event.kind == "store.restored"]
    assert told.detail == {
        "backup_made_ms": drive.now.wall_ms - HOUR_MS,
        "next_transaction_id": str(found.next_transaction_id),
    }


def test_a_clock_before_the_backup_is_refused() -> None:
    snapshot = Drive(station(100, charger("A", 100))).memory.snapshot()
    refused = new_epoch(snapshot, NOBODY, T0_WALL_MS, T0_WALL_MS - 1)
    assert isinstance(refused, str)
    assert "clock" in refused


def test_ids_that_chargers_cannot_keep_are_refused() -> None:
    snapshot = Drive(station(100, charger("A", 100))).memory.snapshot()
    counters = snapshot.counters
    full = CountersStored(TransactionId(LAST_ID - 2 * GAP + 1), counters.next_token, counters.next_rank)
    assert isinstance(new_epoch(replace(snapshot, counters=full), NOBODY, 0, 0), str)
    fits = replace(full, next_transaction_id=TransactionId(LAST_ID - 2 * GAP))
    assert isinstance(new_epoch(replace(snapshot, counters=fits), NOBODY, 0, 0), NewEpoch)


@pytest.mark.parametrize(
    ("control", "rest_driven", "booked_kw"),
    [(Control.AUTO, False, 100), (Control.AUTO, True, 0), (Control.OCPP, False, 100), (Control.REST, False, 0)],
)
def test_a_charger_that_had_never_connected(control: Control, *, rest_driven: bool, booked_kw: int) -> None:
    drive = Drive(station(100, charger("A", 100, control=control)))
    found = restore(drive, rest_driven=frozenset({ChargerId("A")} if rest_driven else ()))
    assert drive.k_kw("A") == booked_kw
    assert found.booked == ((ChargerId("A"),) if control is Control.AUTO and not rest_driven else ())


def test_a_rest_client_may_obey_what_it_was_answered_since() -> None:
    drive = Drive(station(100, charger("A", 100, control=Control.REST)))
    session_id = drive.rest_start("A", 1, 30).session_id
    restore(drive)
    assert drive.k_kw("A") == 100
    drive.update(session_id, 30)
    drive.update(session_id, 30)
    assert drive.k_kw("A") == 30


def ask(drive: Drive, action: str, body_json: str, queue_s: int | None = None) -> None:
    request = RequestId(drive.number())
    until_ms = None if queue_s is None else drive.now.wall_ms + queue_s * 1_000
    drive.do(CommandRequested(request, CommandId(action), ChargerId("B"), action, body_json, "test", until_ms))


def command(drive: Drive, action: str) -> CommandStored:
    return drive.memory.commands[CommandId(action)]


@pytest.mark.parametrize("online", [True, False], ids=["sent", "queued"])
def test_a_command_that_may_have_left_since_is_unknown_and_never_sent(*, online: bool) -> None:
    drive, _ = one_charging(300)
    if not online:
        drive.disconnect("B")
    ask(drive, "Reset", '{"type": "Hard"}', HOUR_MS)
    assert command(drive, "Reset").state is (CommandState.SENT if online else CommandState.QUEUED)
    restore(drive)
    drive.take()
    drive.connect("B")
    drive.status("B", 1, ConnectorStatus.AVAILABLE)
    drive.accept()
    assert command(drive, "Reset").state is CommandState.UNKNOWN
    assert not drive.provisioned("B"), "it may be carried out yet"
    drive.wait(61)
    drive.accept()
    drive.wait(1)
    assert not [sent for sent in drive.take() if isinstance(sent, Operate)]
    assert (command(drive, "Reset").state, command(drive, "Reset").ended_ms is None) == (CommandState.UNKNOWN, False)
    assert drive.provisioned("B")


def test_what_was_to_follow_from_a_command_is_awaited_on() -> None:
    drive, _ = one_charging(300)
    ask(drive, "Reset", '{"type": "Soft"}')
    (call,) = [call for call in drive.open_calls if isinstance(call, Operate)]
    drive.do(CommandAnswered(call.token, "Accepted", '{"status": "Accepted"}'))
    restore(drive)
    assert command(drive, "Reset").outcome is CommandOutcome.AWAITED
    drive.connect("B")
    drive.boot("B")
    assert command(drive, "Reset").outcome is CommandOutcome.HAPPENED
