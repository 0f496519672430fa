"""Strategies that make every record there can be; text and integers within what a database can hold."""

from typing import Any

from hypothesis import strategies as st

from csms.core.certificates import Named
from csms.core.commands import LimitForm, ProfileKind, Purpose, RateUnit
from csms.core.events import BootInfo, ConnectorStatus, TagStatus
from csms.core.grid_terms import CapacityTariff, CapacityWindow, GridOperator
from csms.core.records import (
    CertificateRequest,
    ChargerStored,
    CommandOutcome,
    CommandState,
    CountersStored,
    Driver,
    Maintenance,
    SendState,
    SendStored,
    SessionStored,
    Told,
)
from csms.core.release import Installed, Release, ReleaseState, ReleaseStep, StepState, Trace
from csms.core.settings import Answer, Change, KeyStored
from csms.core.site_meter import Measures, ModbusSource, RegisterKind, RegisterType, SiteMeter, WordOrder
from csms.core.station import (
    Battery,
    BatteryModbus,
    Charger,
    Circuit,
    Configure,
    ConnectorTerms,
    Control,
    FailSafe,
    Station,
)
from csms.core.terms import Terms

int64 = st.integers(-(2**63), 2**63 - 1)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
anything = st.text(st.characters(), max_size=20)
"""Text as chargers may send it: surrogates and NULs too."""


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


terms = st.builds(Terms, weight=maybe(int64), priority=maybe(int64))

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
    configure=st.sampled_from(Configure),
    needs_start_power=st.booleans(),
    fail_safe=st.sampled_from(FailSafe),
    fail_safe_power_w=int64,
    terms=terms,
    connector_terms=st.lists(st.builds(ConnectorTerms, idx=int64, terms=terms), max_size=2).map(tuple),
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
    battery=maybe(
        st.builds(
            Battery,
            capacity_wh=int64,
            power_w=int64,
            pushed=st.booleans(),
            modbus=maybe(st.builds(BatteryModbus, host=words, port=int64, unit_id=int64, register=int64)),
        )
    ),
    fail_safe_chosen=st.booleans(),
    fail_safe=st.sampled_from(FailSafe),
    time_zone=words,
    rest_session_timeout_s=int64,
    capacity_schedule=st.lists(
        st.builds(
            CapacityWindow,
            from_min=int64,
            to_min=int64,
            capacity_w=int64,
            days=st.lists(int64, max_size=3).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    grid_operator=maybe(st.builds(GridOperator, fail_safe_capacity_w=int64, silent_after_s=int64)),
    capacity_tariff=maybe(st.builds(CapacityTariff, target_w=maybe(int64), window_min=int64)),
    site_meter=maybe(
        st.builds(
            SiteMeter,
            measures=st.sampled_from(Measures),
            max_age_s=int64,
            margin_w=int64,
            modbus=maybe(
                st.builds(
                    ModbusSource,
                    host=words,
                    port=int64,
                    unit_id=int64,
                    register=int64,
                    kind=st.sampled_from(RegisterKind),
                    type=st.sampled_from(RegisterType),
                    word_order=st.sampled_from(WordOrder),
                    scale_uw=int64,
                    period_ms=int64,
                )
            ),
        )
    ),
)

boots = st.builds(BootInfo, **dict.fromkeys(BootInfo.__dataclass_fields__, words))

keys = st.builds(
    KeyStored,
    value=maybe(words),
    told=st.booleans(),
    name=words,
    readonly=st.booleans(),
    change=maybe(
        st.builds(
            Change,
            before=words,
            value=words,
            answer=st.sampled_from(Answer),
            tries=int64,
            refused=st.lists(words, max_size=3).map(tuple),
        )
    ),
)

maintenances = st.builds(
    Maintenance,
    maintenance_id=words,
    reason=words,
    asked_by=words,
    since_ms=int64,
    until_ms=maybe(int64),
    inoperative=st.booleans(),
    commands=int64,
    told=maybe(
        st.builds(
            Told,
            command_id=words,
            operative=st.booleans(),
            state=st.sampled_from(CommandState),
            outcome=maybe(st.sampled_from(CommandOutcome)),
        )
    ),
    shut=st.booleans(),
)

releases = st.builds(
    Release,
    asked_by=words,
    asked_ms=int64,
    forced=st.booleans(),
    steps=st.lists(
        st.builds(
            ReleaseStep,
            trace=st.sampled_from(Trace),
            name=words,
            before=maybe(words),
            state=st.sampled_from(StepState),
            detail=words,
            installed=maybe(
                st.builds(
                    Installed,
                    use=words,
                    pem=words,
                    before=st.lists(st.builds(Named, words, words, words, words), max_size=2).map(tuple),
                )
            ),
        ),
        max_size=4,
    ).map(tuple),
    state=st.sampled_from(ReleaseState),
    unanswered=st.booleans(),
    ended_ms=maybe(int64),
)

chargers = st.builds(
    ChargerStored,
    charger_id=words,
    max_booked_w=int64,
    uncontrolled_booked_w=int64,
    ever_connected=st.booleans(),
    boot=maybe(boots),
    provisioned=st.lists(st.booleans(), max_size=4).map(tuple),
    configuration=st.dictionaries(words, maybe(words) | keys, max_size=4),
    statuses=st.dictionaries(int64, st.sampled_from(ConnectorStatus), max_size=4),
    draining=maybe(configured),
    certificate_request=maybe(st.builds(CertificateRequest, csr=words, asked_ms=int64)),
    maintenance=st.dictionaries(int64, maintenances, max_size=2),
    release=maybe(releases),
    cleared_foreign=st.booleans(),
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
    start_words=maybe(words),
    before_last_wh=maybe(int64),
)

counters = st.builds(CountersStored, next_transaction_id=int64, next_token=int64, next_rank=int64)
