import json
from inspect import get_annotations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table

from csms.core.ids import ChargerId
from csms.core.records import (
    ChargerStored,
    CountersStored,
    EventLogged,
    SampleStored,
    SendStored,
    SessionStored,
    StationStored,
)
from csms.core.station import Battery, Station
from csms.ports import StoreError
from csms.store import codec, schema
from csms.store.codec import CorruptRowError, Row, read_row, read_station
from tests.unit.store import samples, strategies

SITE = "main"

LIAR = '{"charger_id": "C", "max_power_w": 1, "connectors": 1, "power_w": 3}'
RADIO = '{"charger_id": "C", "max_power_w": 1, "connectors": 1, "control": "radio"}'


def named(table: Table, row: Row) -> dict[str, Any]:
    """Return a row with its columns' names, as the database gives it back."""
    names = [column.name for column in table.columns if column is not table.autoincrement_column]
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize(
    ("record", "table", "row"),
    [
        (ChargerStored, schema.charger, codec.charger_row(SITE, samples.CHARGER)),
        (SendStored, schema.send, codec.send_row(SITE, samples.send(3))),
        (SessionStored, schema.session, codec.session_row(SITE, samples.ended("s1"))),
        (SampleStored, schema.meter_sample, codec.sample_row(SITE, samples.sample())),
        (CountersStored, schema.counter, codec.counters_row(SITE, samples.COUNTERS)),
        (EventLogged, schema.event_log, codec.event_row(SITE, samples.logged())),
    ],
)
def test_columns_are_the_fields_of_the_record(record: type[Any], table: Table, row: Row) -> None:
    columns = set(named(table, row)) - {"station_id", "digest"}
    assert columns == set(get_annotations(record))


@given(strategies.chargers)
def test_a_charger_comes_back(record: ChargerStored) -> None:
    row = named(schema.charger, codec.charger_row(SITE, record))
    assert read_row(ChargerStored, "charger", record.charger_id, row) == record


@given(strategies.sends)
def test_a_send_comes_back(record: SendStored) -> None:
    row = named(schema.send, codec.send_row(SITE, record))
    assert read_row(SendStored, "send", record.token, row) == record


@given(strategies.sessions)
def test_a_session_comes_back(record: SessionStored) -> None:
    row = named(schema.session, codec.session_row(SITE, record))
    assert read_row(SessionStored, "session", record.session_id, row) == record


@given(strategies.counters)
def test_counters_come_back(record: CountersStored) -> None:
    row = named(schema.counter, codec.counters_row(SITE, record))
    assert read_row(CountersStored, "counter", SITE, row) == record


@given(strategies.stations)
def test_a_station_comes_back(station: Station) -> None:
    site, configuration = codec.station_row(SITE, StationStored(station))
    assert read_station(site, str(configuration)) == station


def test_a_station_is_stored_in_watts_as_the_core_has_it() -> None:
    """What is on the disk of installed stations: a change here needs a migration."""
    _, configuration = codec.station_row(SITE, StationStored(samples.STATION))
    assert json.loads(str(configuration)) == {
        "station_id": "ELECTRA_PARIS_15",
        "grid_capacity_w": 400_000,
        "chargers": [
            {
                "charger_id": "CP001",
                "max_power_w": 200_000,
                "connectors": 2,
                "control": "auto",
                "circuit": None,
                "min_power_w": 0,
                "reserved_power_w": None,
                "phases": 0,
                "voltage_v": 230,
                "assume_ocpp16": False,
                "configure": "auto",
                "needs_start_power": False,
                "fail_safe": "closed",
                "fail_safe_power_w": 0,
                "mode": "control",
                "terms": {"weight": None, "priority": None},
                "connector_terms": [],
                "phase_limit": None,
                "rotation": None,
            },
            {
                "charger_id": "CP002",
                "max_power_w": 22_000,
                "connectors": 1,
                "control": "ocpp",
                "circuit": "garage",
                "min_power_w": 4_140,
                "reserved_power_w": 11_000,
                "phases": 3,
                "voltage_v": 230,
                "assume_ocpp16": True,
                "configure": "never",
                "needs_start_power": False,
                "fail_safe": "reserve",
                "fail_safe_power_w": 4_140,
                "mode": "control",
                "terms": {"weight": None, "priority": None},
                "connector_terms": [],
                "phase_limit": None,
                "rotation": None,
            },
        ],
        "circuits": [
            {"circuit_id": "garage", "parent": None, "capacity_w": 100_000, "phase_limit": None},
            {"circuit_id": "corner", "parent": "garage", "capacity_w": None, "phase_limit": None},
        ],
        "static_load_w": 5_000,
        "battery": {
            "capacity_wh": 200_000,
            "power_w": 100_000,
            "charge_power_w": None,
            "reserve_percent": 10,
            "full_percent": 100,
            "efficiency_charge_percent": 100,
            "efficiency_discharge_percent": 100,
            "horizon_s": 900,
            "pushed": False,
            "modbus": None,
        },
        "fail_safe_chosen": True,
        "fail_safe": "closed",
        "time_zone": "Europe/Paris",
        "rest_session_timeout_s": 3_600,
        "capacity_schedule": [],
        "grid_operator": None,
        "capacity_tariff": None,
        "site_meter": None,
        "phase_limit": None,
        "static_phases": None,
    }


def test_a_field_that_a_stored_station_lacks_takes_its_default() -> None:
    assert read_station(SITE, '{"station_id": "S", "grid_capacity_w": 1000, "chargers": []}') == Station("S", 1000, ())
    battery = '"battery": {"capacity_wh": 200000, "power_w": 100000}'
    assert read_station(SITE, f'{{"station_id": "S", "grid_capacity_w": 1000, "chargers": [], {battery}}}') == Station(
        "S", 1000, (), battery=Battery(200_000, 100_000)
    )


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("", "truncated"),
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ('{"station_id": "S", "chargers": []}', "grid_capacity_w"),
        ('{"station_id": "S", "grid_capacity_w": 1.5, "chargers": []}', "$.grid_capacity_w"),
        ('{"station_id": "S", "grid_capacity_w": "1", "chargers": []}', "$.grid_capacity_w"),
        ('{"station_id": "S", "grid_capacity_w": 1, "chargers": [], "grid_w": 2}', "unknown key 'grid_w'"),
        ('{"station_id": "S", "grid_capacity_w": 1, "chargers": [{"charger_id": "C"}]}', "$.chargers[0]"),
        ('{"station_id": "S", "grid_capacity_w": 1, "chargers": [], "battery": {"power_w": 1}}', "$.battery"),
        (f'{{"station_id": "S", "grid_capacity_w": 1, "chargers": [{LIAR}]}}', "unknown key 'power_w'"),
        (f'{{"station_id": "S", "grid_capacity_w": 1, "chargers": [{RADIO}]}}', "$.chargers[0].control"),
    ],
)
def test_a_damaged_configuration_is_named(configuration: str, said: str) -> None:
    with pytest.raises(CorruptRowError) as caught:
        read_station(SITE, configuration)
    assert (caught.value.table, caught.value.key) == ("station", SITE)
    assert "configuration: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("limit_w", "much", "$.limit_w"),
        ("limit_w", None, "$.limit_w"),
        ("limit_w", 1.5, "$.limit_w"),
        ("limit_w", b"", "$.limit_w"),
        ("purpose", "max", "$.purpose"),
        ("state", "perhaps", "$.state"),
        ("form", "{", "form: "),
        ("form", 7, "form: "),
        ("form", None, "$.form"),
        ("form", "{}", "$.form"),
        ("form", '{"unit":"VA","phases":0,"voltage_v":230}', "$.form.unit"),
        ("form", '{"unit":"W","phases":0,"voltage_v":230,"amps":3}', "form: unknown key 'amps'"),
    ],
)
def test_a_damaged_row_is_named(column: str, value: object, said: str) -> None:
    row = named(schema.send, codec.send_row(SITE, samples.send(3))) | {column: value}
    with pytest.raises(StoreError) as caught:
        read_row(SendStored, "send", 3, row)
    assert isinstance(caught.value, CorruptRowError)
    assert (caught.value.table, caught.value.key) == ("send", 3)
    assert said in str(caught.value)


def test_a_missing_column_is_named() -> None:
    row = named(schema.session, codec.session_row(SITE, samples.session("s1")))
    del row["rank"]
    with pytest.raises(CorruptRowError, match=r"table session, row s1: .*rank"):
        read_row(SessionStored, "session", "s1", row)


@given(
    st.builds(
        SampleStored,
        charger_id=strategies.anything,
        idx=st.integers(),
        session_id=st.none() | strategies.anything,
        transaction_id=st.none() | st.integers(),
        at_ms=st.integers(),
        received_ms=st.integers(),
        power_w=st.none() | st.integers(),
        energy_wh=st.none() | st.integers(),
        raw_json=strategies.anything,
    )
)
def test_every_sample_makes_a_row_that_a_database_can_hold(record: SampleStored) -> None:
    for value in codec.sample_row(SITE, record):
        match value:
            case int():
                assert -(2**63) <= value < 2**63
            case str():
                assert "\0" not in value.encode().decode()
            case _:
                assert value is None


def test_the_digest_of_a_sample_stands_for_what_it_says_and_is_the_same_for_ever() -> None:
    first, again = samples.sample(raw_json="{}"), samples.sample(raw_json="{}", session_id=None, received_ms=9)
    others = [
        samples.sample(raw_json="[]"),
        samples.sample(raw_json="{}", idx=2),
        samples.sample(raw_json="{}", charger_id=ChargerId("CP002")),
    ]
    assert _digest(first) == _digest(again) == 2_633_495_873_627_332_646
    assert len({_digest(record) for record in (first, *others)} | {_digest(first, "second")}) == 5


def _digest(record: SampleStored, site: str = SITE) -> object:
    return named(schema.meter_sample, codec.sample_row(site, record))["digest"]
