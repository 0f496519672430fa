from dataclasses import replace

from csms.core.events import BootInfo
from csms.runtime.knocking import Knock, KnockingLog


def test_equal_knocks_are_counted_and_the_newest_come_first() -> None:
    log = KnockingLog()
    log.record("CP9", "10.0.0.1", "/CP9", "unknown_charger", wall_ms=1)
    log.record("CP8", "10.0.0.1", "/CP8", "unknown_charger", wall_ms=2)
    latest = log.record("CP9", "10.0.0.1", "/ocpp/CP9", "unknown_charger", wall_ms=3)
    assert latest == Knock("CP9", "10.0.0.1", "/ocpp/CP9", "unknown_charger", 1, 3, 2)
    log.record("CP9", "10.0.0.1", "/CP9", "no_subprotocol", wall_ms=4)
    log.record("CP9", "10.0.0.2", "/CP9", "unknown_charger", wall_ms=5)
    assert [(k.charger_id, k.remote, k.reason, k.count) for k in log.recent()] == [
        ("CP9", "10.0.0.2", "unknown_charger", 1),
        ("CP9", "10.0.0.1", "no_subprotocol", 1),
        ("CP9", "10.0.0.1", "unknown_charger", 2),
        ("CP8", "10.0.0.1", "unknown_charger", 1),
    ]


def test_bounded_in_entries_and_in_text() -> None:
    log = KnockingLog(max_entries=3)
    for n in range(5):
        log.record(f"CP{n}", "h", "/" + "x" * 999, "unknown_charger", wall_ms=n)
    assert [knock.charger_id for knock in log.recent()] == ["CP4", "CP3", "CP2"]
    assert len(log.recent()[0].path) == 255
    assert log.record("C" * 999, "h", "", "unknown_charger", wall_ms=9).charger_id == "C" * 255


def test_nobody_who_looks_reads_a_password_that_a_charger_was_given_in_its_address() -> None:
    log = KnockingLog()
    for _ in range(2):
        knock = log.record(
            "ws://C:hush@h/" + "C" * 300, "h", "/ws%3A%2F%2FC:hush@h/CP9?token=hush", "unknown", wall_ms=1
        )
        assert log.told(knock, BootInfo("V", "M"), wall_ms=2).count == knock.count
    (kept,) = log.recent()
    assert (kept.count, kept.path) == (2, "/ws://***@h/CP9?***")
    assert kept.charger_id.startswith("ws://***@h/C")
    assert "hush" not in repr(kept)


def test_what_a_guest_says_of_itself_stays_with_its_entry() -> None:
    log = KnockingLog(max_entries=2)
    knock = log.record("CP9", "h", "/CP9", "pending", wall_ms=1)
    assert log.told(knock, BootInfo("V", "M"), wall_ms=2) == replace(knock, last_ms=2, boot=BootInfo("V", "M"))
    again = log.record("CP9", "h", "/CP9", "pending", wall_ms=3)
    assert (again.count, again.boot) == (2, BootInfo("V", "M"))
    told = log.told(again, BootInfo("V", "M2"), wall_ms=4)
    assert log.recent() == (told,)
    for n in range(2):
        log.record(f"CP{n}", "h", "/", "unknown_charger", wall_ms=5)
    log.told(told, BootInfo("V", "M3"), wall_ms=6)
    assert [(k.charger_id, k.count, k.boot) for k in log.recent()] == [
        ("CP9", 2, BootInfo("V", "M3")),
        ("CP1", 1, None),
    ]
