import pytest

from csms.core.ids import ChargerId, Token
from csms.core.records import (
    ChargerForgotten,
    ChargerStored,
    Record,
    SendForgotten,
    SendState,
    SendStored,
    SessionStored,
    StationStored,
    StopCorrected,
)
from csms.store import codec, schema
from csms.store.changes import Changes
from tests.unit.store import samples

SITE = "main"
OPEN = samples.send(1)
SETTLED = samples.send(1, state=SendState.SETTLED)
CHARGER = ChargerId("CP001")


@pytest.mark.parametrize(
    ("records", "last"),
    [
        ([OPEN], OPEN),
        ([OPEN, OPEN], OPEN),
        ([OPEN, SETTLED], SETTLED),
        ([SETTLED, OPEN], OPEN),
        ([OPEN, SendForgotten(Token(1))], None),
        ([SendForgotten(Token(1)), OPEN], OPEN),
        ([OPEN, SendForgotten(Token(1)), SETTLED], SETTLED),
    ],
)
@pytest.mark.parametrize("split", [0, 1, 2])
def test_the_last_record_of_a_key_counts(records: list[Record], last: SendStored | None, split: int) -> None:
    changes = Changes(SITE, records[:split])
    changes.merge(Changes(SITE, records[split:]))
    assert dict(changes.states[schema.send]) == {1: None if last is None else codec.send_row(SITE, last)}
    assert changes.rows == 1


RUNNING, ENDED = samples.session("s1"), samples.ended("s1", end_reason="Superseded")
TRUE_END, TRUER_END = (
    StopCorrected(RUNNING.session_id, ended_ms, 9_500, "Local", ("superseded",)) for ended_ms in (7, 8)
)


@pytest.mark.parametrize(
    ("records", "row", "correction"),
    [
        ([TRUE_END], None, TRUE_END),
        ([TRUE_END, TRUER_END], None, TRUER_END),
        ([ENDED, TRUE_END], ENDED, TRUE_END),
        ([TRUE_END, ENDED], ENDED, None),
        ([RUNNING, TRUE_END, ENDED], ENDED, None),
        ([ENDED, TRUE_END, TRUER_END], ENDED, TRUER_END),
    ],
)
@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_a_corrected_end_is_written_after_what_it_corrects(
    records: list[Record], row: SessionStored | None, correction: StopCorrected | None, split: int
) -> None:
    changes = Changes(SITE, records[:split])
    changes.merge(Changes(SITE, records[split:]))
    expected = {} if row is None else {"s1": codec.session_row(SITE, row)}
    assert changes.states[schema.session] == expected
    assert changes.corrections == ({} if correction is None else {"s1": codec.correction_row(correction)})
    assert changes.rows == len(expected) + (correction is not None)


def test_every_kind_of_record_has_its_table() -> None:
    changes = Changes(
        SITE,
        [
            StationStored(samples.STATION),
            samples.CHARGER,
            samples.send(1),
            samples.session("s1"),
            samples.COUNTERS,
            samples.sample(),
            samples.sample(),
            samples.logged(),
        ],
    )
    assert {table.name: list(rows) for table, rows in changes.states.items()} == {
        "station": [SITE],
        "charger": ["CP001"],
        "send": [1],
        "session": ["s1"],
        "counter": [SITE],
    }
    assert {table.name: len(rows) for table, rows in changes.histories.items()} == {"meter_sample": 2, "event_log": 1}
    assert changes.rows == 8


def test_a_forgotten_charger_keeps_nothing_but_its_key() -> None:
    changes = Changes(SITE, [samples.CHARGER, ChargerForgotten(CHARGER)])
    assert {table.name: rows for table, rows in changes.states.items()} == {"charger": {CHARGER: None}}


def test_a_record_changed_by_its_owner_after_the_call_is_stored_as_it_was() -> None:
    charger = ChargerStored(CHARGER, 1, 1, configuration={"key": "before"})
    changes = Changes(SITE, [charger])
    charger.configuration["key"] = "after"
    assert '{"key":"before"}' in (changes.states[schema.charger][CHARGER] or ())
