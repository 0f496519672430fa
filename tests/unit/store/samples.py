"""Records to store: one plain example of each, and strategies that make all there can be."""

from typing import Any

from hypothesis import strategies as st

from csms.core.commands import LimitForm, ProfileKind, Purpose, RateUnit
from csms.core.events import BootInfo, ConnectorStatus, StartKey, TagStatus
from csms.core.ids import ChargerId, SessionId, Token, TransactionId
from csms.core.records import (
    ChargerStored,
    CountersStored,
    Driver,
    EventLogged,
    SampleStored,
    SendState,
    SendStored,
    SessionStored,
)
from csms.core.station import Battery, Charger, Circuit, Control, Station

STATION = Station(
    station_id="ELECTRA_PARIS_15",
    grid_capacity_w=400_000,
    chargers=(
        Charger(ChargerId("CP001"), 200_000, 2),
        Charger(
            ChargerId("CP002"),
            22_000,
            1,
            control=Control.OCPP,
            circuit="garage",
            min_power_w=4_140,
            reserved_power_w=11_000,
            phases=3,
            assume_ocpp16=True,
        ),
    ),
    circuits=(Circuit("garage", None, 100_000), Circuit("corner", "garage", None)),
    static_load_w=5_000,
    battery=Battery(200_000, 100_000),
    fail_safe_chosen=True,
    time_zone="Europe/Paris",
    rest_session_timeout_s=3_600,
)

CHARGER = ChargerStored(
    charger_id=ChargerId("CP001"),
    max_booked_w=200_000,
    uncontrolled_booked_w=150_000,
    ever_connected=True,
    boot=BootInfo("Vendor", "Model", firmware_version="1.2"),
    provisioned=(True, False),
    configuration={"MeterValueSampleInterval": "10", "ChargeProfileMaxStackLevel": None},
    statuses={0: ConnectorStatus.AVAILABLE, 1: ConnectorStatus.SUSPENDED_EVSE},
    draining=Charger(ChargerId("CP001"), 200_000, 2, circuit="garage"),
)

W_FORM = LimitForm(RateUnit.W, phases=0, voltage_v=230)


def send(token: int, limit_w: int = 11_000, state: SendState = SendState.OPEN) -> SendStored:
    return SendStored(
        token=Token(token),
        charger_id=ChargerId("CP001"),
        idx=1,
        purpose=Purpose.TX,
        limit_w=limit_w,
        form=W_FORM,
        transaction_id=TransactionId(7),
        state=state,
        sent_wall_ms=1_700_000_000_000,
    )


def session(name: str, transaction_id: int | None = 1, **changed: Any) -> SessionStored:
    fields: dict[str, Any] = {
        "session_id": SessionId(name),
        "driver": Driver.OCPP,
        "charger_id": ChargerId("CP001"),
        "idx": 1,
        "transaction_id": None if transaction_id is None else TransactionId(transaction_id),
        "id_tag": "TAG1",
        "tag_status": TagStatus.ACCEPTED,
        "rank": transaction_id or 0,
        "created_ms": 1_700_000_000_500,
        "started_ms": 1_700_000_000_000,
        "meter_start_wh": 1_000,
        "declared_w": 150_000,
        "estimate_w": 150_000,
        "id_tag_raw": "tag1",
    }
    return SessionStored(**(fields | changed))


def ended(name: str, transaction_id: int | None = 1, **changed: Any) -> SessionStored:
    end = {"ended_ms": 1_700_000_600_000, "meter_stop_wh": 9_000, "end_reason": "Local", "last_energy_wh": 9_000}
    return session(name, transaction_id, **(end | changed))


def start_key(record: SessionStored) -> StartKey:
    """Return the key of the StartTransaction that opened a session."""
    return StartKey(record.charger_id, record.idx, record.id_tag_raw, record.started_ms, record.meter_start_wh)


def sample(at_ms: int = 1_700_000_010_000, **changed: Any) -> SampleStored:
    fields: dict[str, Any] = {
        "charger_id": ChargerId("CP001"),
        "idx": 1,
        "session_id": SessionId("s1"),
        "transaction_id": 1,
        "at_ms": at_ms,
        "received_ms": at_ms + 20,
        "power_w": 11_000,
        "energy_wh": 1_234,
        "raw_json": '{"sampledValue":[{"value":"11"}]}',
    }
    return SampleStored(**(fields | changed))


def logged(kind: str = "charger.booted") -> EventLogged:
    return EventLogged(1_700_000_000_000, kind, ChargerId("CP001"), 1, {"vendor": "é", "n": 1, "ok": True, "no": None})


COUNTERS = CountersStored(TransactionId(42), Token(17), 9)

int64 = st.integers(-(2**63), 2**63 - 1)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
anything = st.text(st.characters(), max_size=20)
"""Text as chargers may send it: surrogates and NULs too."""


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


configured = st.builds(
    Charger,
    charger_id=words,
    max_power_w=int64,
    connectors=int64,
    control=st.sampled_from(Control),
    circuit=maybe(words),
    min_power_w=int64,
    reserved_power_w=maybe(int64),
    phases=int64,
    voltage_v=int64,
    assume_ocpp16=st.booleans(),
)

stations = st.builds(
    Station,
    station_id=words,
    grid_capacity_w=int64,
    chargers=st.lists(configured, max_size=3).map(tuple),
    circuits=st.lists(
        st.builds(Circuit, circuit_id=words, parent=maybe(words), capacity_w=maybe(int64)), max_size=3
    ).map(tuple),
    static_load_w=int64,
    battery=maybe(st.builds(Battery, capacity_wh=int64, power_w=int64)),
    fail_safe_chosen=st.booleans(),
    time_zone=words,
    rest_session_timeout_s=int64,
)

boots = st.builds(BootInfo, **dict.fromkeys(BootInfo.__dataclass_fields__, words))

chargers = st.builds(
    ChargerStored,
    charger_id=words,
    max_booked_w=int64,
    uncontrolled_booked_w=int64,
    ever_connected=st.booleans(),
    boot=maybe(boots),
    provisioned=st.lists(st.booleans(), max_size=4).map(tuple),
    configuration=st.dictionaries(words, maybe(words), max_size=4),
    statuses=st.dictionaries(int64, st.sampled_from(ConnectorStatus), max_size=4),
    draining=maybe(configured),
)

sends = st.builds(
    SendStored,
    token=int64,
    charger_id=words,
    idx=int64,
    purpose=st.sampled_from(Purpose),
    limit_w=int64,
    form=st.builds(
        LimitForm,
        unit=st.sampled_from(RateUnit),
        phases=int64,
        voltage_v=int64,
        kind=st.sampled_from(ProfileKind),
        stack_level=int64,
    ),
    transaction_id=maybe(int64),
    state=st.sampled_from(SendState),
    sent_wall_ms=int64,
)

sessions = st.builds(
    SessionStored,
    session_id=words,
    driver=st.sampled_from(Driver),
    charger_id=words,
    idx=int64,
    transaction_id=maybe(int64),
    id_tag=words,
    tag_status=st.sampled_from(TagStatus),
    rank=int64,
    created_ms=int64,
    started_ms=int64,
    meter_start_wh=int64,
    declared_w=int64,
    estimate_w=int64,
    answered_w=int64,
    id_tag_raw=words,
    reservation_id=maybe(int64),
    last_energy_wh=maybe(int64),
    ended_ms=maybe(int64),
    meter_stop_wh=maybe(int64),
    end_reason=maybe(words),
    flags=st.lists(words, max_size=3).map(tuple),
)

counters = st.builds(CountersStored, next_transaction_id=int64, next_token=int64, next_rank=int64)
