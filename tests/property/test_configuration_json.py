"""Configurations drawn at random: what is written reads back the same, and nothing that JSON can say breaks reading."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.configuration import difference, load_document, parse_station, station_document
from csms.core.faults import Fault
from csms.core.station import Station

NAMES = st.text(alphabet="abcDEF019-_. é", min_size=1, max_size=6)
KILO = st.integers(0, 1_000_000_000).map(lambda w: w // 1000 if w % 1000 == 0 else w / 1000)
AMPERES = st.fixed_dictionaries(
    {"amperes": st.one_of(st.integers(60, 600), st.lists(st.sampled_from([63, 80.5, 250]), min_size=3, max_size=3))},
    optional={"power": st.sampled_from([20, 43.5]), "voltage": st.sampled_from([230, 230, 240])},
)
SOME_KILO = st.one_of(st.sampled_from([0, 1, 3.7, 7.4, 22, 44, 44.001, 50, 150, 200, 350]), KILO)


def optional(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


CHARGERS = st.builds(
    lambda required, more: required | more,
    st.fixed_dictionaries(
        {
            "id": NAMES,
            "maxPower": st.one_of(
                SOME_KILO, SOME_KILO, st.fixed_dictionaries({"amperes": st.sampled_from([16, 32.5])})
            ),
            "connectors": st.integers(1, 4),
        }
    ),
    optional(
        control=st.sampled_from(["auto", "ocpp", "rest", "none"]),
        mode=st.sampled_from(["control", "observe"]),
        circuit=st.sampled_from(["grid", "c0", "c1", "c2"]),
        minPower=st.sampled_from([0, 1.38, 4.14, 10, {"amperes": 6.001}, {"amperes": 6, "phases": 1}]),
        phases=st.sampled_from([0, 1, 3]),
        phaseRotation=st.sampled_from(["RST", "STR", "TSR"]),
        voltage=st.integers(200, 260),
        reservedPower=st.sampled_from([0, 0.5, 3, {"amperes": 5, "voltage": 240}]),
        assumeOcpp16=st.booleans(),
        needsStartPower=st.booleans(),
        configure=st.sampled_from(["auto", "suggest", "never"]),
        failSafe=st.sampled_from(["closed", "reserve"]),
        failSafePower=st.sampled_from([1, 5, 10, {"amperes": 7}]),
        weight=st.integers(1, 100),
        priority=st.integers(0, 9),
        connectorSettings=st.lists(
            st.integers(1, 4).flatmap(lambda idx: optional(weight=st.integers(1, 100)).map({"idx": idx}.__or__)),
            max_size=2,
        ),
    ),
)
CIRCUITS = st.lists(
    optional(parent=st.sampled_from(["grid", "c0", "c1", "c2"]), capacity=st.one_of(SOME_KILO, SOME_KILO, AMPERES)),
    max_size=3,
).map(lambda circuits: [{"id": f"c{index}"} | circuit for index, circuit in enumerate(circuits)])
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
WINDOWS = st.builds(
    lambda required, more: required | more,
    st.fixed_dictionaries({"from": TIMES, "to": TIMES | st.just("24:00"), "capacity": SOME_KILO}),
    optional(days=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1).map(list)),
)
DOCUMENTS = st.builds(
    lambda required, more: required | more,
    st.fixed_dictionaries(
        {
            "stationId": NAMES,
            "gridCapacity": st.one_of(SOME_KILO, SOME_KILO, AMPERES),
            "chargers": st.lists(CHARGERS, max_size=3),
        }
    ),
    optional(
        battery=st.fixed_dictionaries({"initialCapacity": KILO, "power": KILO}),
        timeZone=st.sampled_from(["UTC", "Europe/Paris", "Etc/GMT+5"]),
        staticLoad=st.sampled_from([0, 0.001, 2, {"amperes": 1.001}, {"amperes": [0, 1, 0]}]),
        circuits=CIRCUITS,
        failSafe=st.sampled_from(["closed", "reserve"]),
        restSessionTimeoutS=st.integers(60, 100_000),
        capacitySchedule=st.lists(WINDOWS, max_size=3),
        gridOperator=st.builds(
            lambda required, more: required | more,
            st.fixed_dictionaries({"failSafeCapacity": SOME_KILO}),
            optional(silentAfterS=st.integers(10, 86_400)),
        ),
        capacityTariff=optional(target=KILO, windowMinutes=st.sampled_from([15, 30, 60])),
        siteMeter=optional(
            measures=st.sampled_from(["baseLoad", "grid"]),
            maxAgeS=st.integers(2, 300),
            margin=SOME_KILO,
            modbus=st.builds(
                lambda required, more: required | more,
                st.fixed_dictionaries({"host": st.just("meter"), "register": st.integers(0, 65_534)}),
                optional(
                    unitId=st.integers(0, 255),
                    type=st.sampled_from(["int16", "float32"]),
                    scale=st.sampled_from([-1, 0.1, 1_000]),
                    periodS=st.sampled_from([0.1, 1]),
                ),
            ),
        ),
    ),
)
STATIONS = DOCUMENTS.map(parse_station).filter(lambda found: isinstance(found, Station))
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=300)
@given(STATIONS)
def test_what_is_written_reads_back_the_same(station: Station) -> None:
    document = station_document(station)
    assert parse_station(document) == station
    assert parse_station(load_document(json.dumps(document))) == station


@settings(max_examples=200)
@given(STATIONS, STATIONS)
def test_a_difference_is_shown_exactly_when_there_is_one(old: Station, new: Station) -> None:
    assert bool(difference(old, new)) == (old != new)


PLACES: list[tuple[str | int, ...]] = [
    (),
    *(("stationId",), ("gridCapacity",), ("chargers",), ("battery",), ("circuits",), ("timeZone",), ("failSafe",)),
    *(("chargers", 0), ("chargers", 0, "id"), ("chargers", 0, "maxPower"), ("chargers", 0, "phases")),
    *(("capacitySchedule",), ("capacitySchedule", 0), ("capacitySchedule", 0, "from"), ("capacitySchedule", 0, "days")),
    *(("gridOperator",), ("gridOperator", "silentAfterS"), ("capacityTariff",), ("capacityTariff", "windowMinutes")),
    *(("siteMeter",), ("siteMeter", "measures"), ("siteMeter", "modbus"), ("siteMeter", "modbus", "scale")),
    *(("chargers", 0, "control"), ("chargers", 0, "circuit"), ("circuits", 0), ("circuits", 0, "parent")),
]


@settings(max_examples=400)
@given(st.sampled_from(PLACES), JSON_VALUES)
def test_any_value_anywhere_gives_a_station_or_faults_there(place: tuple[str | int, ...], value: object) -> None:
    document: Any = {
        "stationId": "S",
        "gridCapacity": 100,
        "chargers": [{"id": "A", "maxPower": 50, "connectors": 1}],
        "circuits": [{"id": "hall"}],
        "capacitySchedule": [{"from": "17:00", "to": "20:00", "capacity": 90}],
        "gridOperator": {"failSafeCapacity": 60},
        "capacityTariff": {},
        "staticLoad": 20,
        "siteMeter": {"modbus": {"host": "meter", "register": 40}},
    }
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    if place:
        holder[place[-1]] = value
    else:
        document = value
    found = parse_station(document)
    if isinstance(found, Station):
        return
    root = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    assert found
    assert [fault for fault in found if not fault.path.startswith(root)] == []


@settings(max_examples=400)
@given(st.one_of(st.text(), st.binary(), JSON_VALUES.map(json.dumps), st.text(alphabet='{}[]",:\\10eE.-NaInfity ')))
def test_any_text_gives_values_or_one_fault(source: str | bytes) -> None:
    found = load_document(source)
    if isinstance(found, tuple):
        (fault,) = found
        assert isinstance(fault, Fault)
