"""The OpenAPI document against the API itself: examples fit their schemas, requests in them are accepted, and every
schema says what is read."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx2
import jsonschema_rs
import pytest

from api import examples
from api.app import create_app
from api.gate import UNGUARDED
from api.problems import Kind
from api.services import Services
from csms.core.configuration import (
    battery,
    capacity,
    chargers,
    circuits,
    load_document,
    parse_station,
    parsing,
    site_meter,
)
from csms.core.station import Station
from tests.unit.runtime.audit_doubles import audit_book

Json = dict[str, Any]


def services() -> Services:
    """Services that no test here comes to use: a document needs none."""
    nobody: Any = None
    zones = {"UTC", "Europe/Paris"}
    return Services(
        nobody, nobody, tuple, nobody, nobody, "5E450001", zones, nobody, nobody, audit_book(), *[nobody] * 4
    )


APP = create_app(services(), UNGUARDED)
OPENAPI: Json = json.loads(json.dumps(APP.openapi()))
SCHEMAS: Json = OPENAPI["components"]["schemas"]


def contents() -> Iterator[tuple[str, Json]]:
    """Yield each content (schema and examples) with a name."""
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                for content in operation["requestBody"]["content"].values():
                    yield f"{method} {path}", content
            for status, declared in operation["responses"].items():
                response = _answer(declared)
                for content in response.get("content", {}).values():
                    yield f"{method} {path} {status}", content


def _answer(declared: Json) -> Json:
    """Return an answer that is declared in place, or once for all operations."""
    if "$ref" not in declared:
        return declared
    shared: Json = OPENAPI["components"]["responses"][declared["$ref"].rpartition("/")[2]]
    return shared


def validator(schema: Json) -> Any:
    return _validator(json.dumps(schema))


@cache
def _validator(schema: str) -> Any:
    """Return it, made once: most of a thousand contents are of the same few schemas."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema) | {"components": OPENAPI["components"]})


@pytest.mark.parametrize(("name", "content"), [pytest.param(*one, id=one[0]) for one in contents()])
def test_examples_fit_their_schemas(name: str, content: Json) -> None:
    assert content["examples"], name
    for example in content["examples"].values():
        assert list(validator(content["schema"]).iter_errors(example["value"])) == []


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_schemas_and_describe_themselves(name: str) -> None:
    jsonschema_rs.meta.validate(SCHEMAS[name])
    assert SCHEMAS[name]["description"]


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        ("StationConfiguration", parsing.KEYS),
        ("BatteryConfiguration", battery.BATTERY_KEYS),
        ("BatteryModbusConfiguration", battery.MODBUS_KEYS),
        ("ChargerConfiguration", chargers.KEYS),
        ("CapacityWindowConfiguration", capacity.WINDOW_KEYS),
        ("GridOperatorConfiguration", capacity.OPERATOR_KEYS),
        ("CapacityTariffConfiguration", capacity.TARIFF_KEYS),
        ("CircuitConfiguration", circuits.KEYS),
        ("SiteMeterConfiguration", site_meter.METER_KEYS),
        ("ModbusConfiguration", site_meter.MODBUS_KEYS),
    ],
)
def test_the_configuration_has_the_same_keys_here_and_there(schema: str, keys: frozenset[str]) -> None:
    assert set(SCHEMAS[schema]["properties"]) == keys
    assert SCHEMAS[schema]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ("SessionRequest", examples.SESSION_REQUEST, True),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": 33.333}, True),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": 999_999.999}, True),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": 33.3333}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": "150"}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": True}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": -1}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"vehicleMaxPower": 1_000_001}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"idTag": None}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"idTag": "x" * 21}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"surprise": 1}, False),
        ("SessionRequest", examples.SESSION_REQUEST | {"connectorId": {"chargerId": "A", "idx": 99}}, True),
        ("CloseRequest", {"reason": "stolen"}, True),
        ("CloseRequest", {"reason": ""}, False),
        ("MaintenanceRequest", {"reason": "new cable", "until": "2020-01-01T00:00:00Z"}, True),
        ("MaintenanceRequest", {"reason": "new cable", "until": "2019-12-31T23:59:59Z"}, False),
        ("IdTagRequest", {"expiryDate": "2099-12-31T23:59:59Z"}, True),
        ("IdTagRequest", {"expiryDate": "2100-01-01T00:00:00Z"}, False),
        ("PowerUpdate", {"consumedPower": 1, "allocatedPower": 1}, True),
        ("PowerUpdate", {"consumedPower": 1, "allocatedPower": 1.5}, False),
        ("PowerUpdate", {"consumedPower": 1, "allocatedPower": None}, False),
        ("StationConfiguration", examples.STATION | {"battery": None}, False),
        ("StationConfiguration", examples.STATION | {"failSafe": "expire"}, True),
        ("StationConfiguration", examples.STATION | {"failSafe": "reserve"}, True),
        ("StationConfiguration", examples.STATION | {"failSafe": "open"}, False),
        ("MeterReading", {"power": -20}, True),
        ("MeterReading", {"power": 38.5, "ageS": 0.25}, True),
        ("MeterReading", {"power": 38.5, "ageS": -1}, False),
        ("MeterReading", {"power": "38.5"}, False),
        ("MeterReading", {"power": 1e999}, False),
    ],
)
def test_the_schemas_mean_what_the_api_does(schema: str, value: Json, *, fits: bool) -> None:
    assert validator({"$ref": f"#/components/schemas/{schema}"}).is_valid(value) is fits


@pytest.mark.parametrize(
    ("path", "name", "value", "fits"),
    [
        ("/transactions/{transactionId}", "transactionId", "-4711", True),
        ("/transactions/{transactionId}", "transactionId", "47 11", False),
        ("/transactions/{transactionId}", "transactionId", "٣", False),
        ("/id-tags/{idTag}", "idTag", "04a2:b3", True),
        ("/id-tags/{idTag}", "idTag", "04 A2", False),
        ("/id-tags/{idTag}", "idTag", "0" * 21, False),
        ("/transactions/{transactionId}", "cursor", "1767225600000-9", True),
        ("/transactions/{transactionId}", "cursor", "", False),
        ("/audit", "cursor", "1767225600000-9-9", False),
        ("/id-tags", "cursor", "3", False),
        ("/commands", "cursor", "1767225600000-no id", False),
        ("/commands", "charger", "0" * 255, True),
        ("/commands", "charger", "0" * 256, False),
        ("/audit", "operation", "POST /station/config", True),
        ("/audit", "operation", "a POST /station/config", False),
        ("/audit", "operation", "POST /station/config\n", False),
    ],
)
async def test_parameters_are_described_as_they_are_read(path: str, name: str, value: str, *, fits: bool) -> None:
    """With nobody at the desk what was read fails behind that: a 500."""
    (declared,) = (one for one in OPENAPI["paths"][path]["get"]["parameters"] if one["name"] == name)
    assert validator(declared["schema"]).is_valid(value) is fits
    url = path.replace(f"{{{name}}}", quote(value)).replace("{transactionId}", "4711")
    params = {name: value} if declared["in"] == "query" else {}
    transport = httpx2.ASGITransport(APP)
    async with httpx2.AsyncClient(transport=transport, base_url="http://station") as client:
        answer = await client.get(url, params=params)
    assert (answer.status_code == 422) is not fits, answer.text


def test_no_parameter_may_be_null() -> None:
    schemas = [
        (path, method, parameter["name"], parameter["schema"])
        for path, methods in OPENAPI["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
    ]
    assert len(schemas) > 100
    assert [told for *told, schema in schemas if validator(schema).is_valid(None)] == []


def test_the_number_of_a_connector_is_described_as_it_is_read() -> None:
    operation = OPENAPI["paths"]["/chargers/{chargerId}/connectors/{idx}/maintenance"]["put"]
    (declared,) = (one for one in operation["parameters"] if one["name"] == "idx")
    assert [validator(declared["schema"]).is_valid(idx) for idx in ("2", "0", "two", "2.0", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_example_configurations_are_configurations() -> None:
    for example in (examples.STATION, examples.STATION_WITH_OPTIONS):
        assert isinstance(parse_station(load_document(json.dumps(example)), {"UTC", "Europe/Paris"}), Station)


def test_every_kind_of_problem_that_a_call_can_have_is_declared() -> None:
    declared = {
        example["value"]["type"]
        for name, content in contents()
        for example in content["examples"].values()
        if name[-3:].isdecimal() and name[-3:] >= "400" and "type" in example["value"]
    }
    of_no_call = {Kind.NOT_FOUND, Kind.METHOD_NOT_ALLOWED, Kind.HTTP}
    assert declared == {kind.type for kind in Kind if kind not in of_no_call}


@pytest.mark.parametrize("path", [path for path, methods in OPENAPI["paths"].items() if "post" in methods])
async def test_example_requests_are_accepted(path: str) -> None:
    """With nobody at the desk an accepted request fails after it was read: a 500, where a refused one is a 4xx."""
    operation = OPENAPI["paths"][path]["post"]
    bodies = operation.get("requestBody", {"content": {"application/json": {"examples": {"none": {"value": None}}}}})
    ((media_type, content),) = bodies["content"].items()
    transport = httpx2.ASGITransport(APP)
    async with httpx2.AsyncClient(transport=transport, base_url="http://station") as client:
        for example in content["examples"].values():
            value, headers = example["value"], {"Content-Type": media_type}
            text = value if media_type == "text/csv" else json.dumps(value)
            answer = await client.post(
                path.replace("{id}", examples.SESSION_ID).replace("{transactionId}", "4711"),
                content=text,
                headers=headers,
            )
            assert answer.status_code == 500, answer.text
