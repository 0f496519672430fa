"""Every operation of the REST API under requests made from its own OpenAPI document, over a whole system in process.

No answer is a 500, each is one that is documented for its operation and fits the documented schema, a request that is
not valid is told which field or parameter is wrong, and a configuration that is refused changes nothing.
"""

import asyncio
import contextlib
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import jsonschema_rs
import pytest
from fastapi import FastAPI

from api import examples
from api.boundary import HEADERS
from api.problems import PROBLEM_MEDIA_TYPE, Kind
from csms.core.configuration import parse_station
from csms.core.station import Station
from csms.runtime.id_tags import TagBook
from tests.fuzz.charger import WireCharger, frame
from tests.fuzz.requests import Json, Request, Requests
from tests.fuzz.seeds import with_seeds
from tests.fuzz.texts import Texts
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.network import NetworkLoop
from tests.virtual.rest import app_beside
from tests.virtual.site import Site, serving

RUNS: Final = 2
ROUNDS: Final = 15
"""Requests of each operation in a run."""
NO_ROUTE: Final = frozenset({404, 405})
"""Where what stands in the path makes it another path."""
SAID: Final[tuple[tuple[str, Json], ...]] = (
    ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
    ("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}),
    ("StartTransaction", {"connectorId": 1, "idTag": "5E450001", "meterStart": 5, "timestamp": "2026-01-01T00:00:00Z"}),
)
"""By each charger, so that there is something to ask for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """Return what it says that it is."""
        return self.headers.get("content-type", "").partition(";")[0]


async def ask(app: FastAPI, request: Request) -> Answer:
    """Hand a request to the application as the server does: the path decoded, and as it came."""
    path = request.path.decode("latin-1")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": list(request.headers),
        "client": ("127.0.0.1", 1),
        "server": ("server", 80),
    }
    sent: list[Any] = []
    unread = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Any:
        return unread.pop() if unread else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


@contextlib.asynccontextmanager
async def chargers(site: Site, texts: Texts, station: Station) -> AsyncIterator[None]:
    """Have every charger there, and have it answer what it is asked."""
    port = urlsplit(site.url).port
    assert port is not None
    there = [
        await WireCharger.connect(f"10.0.0.{number}", port, charger.charger_id)
        for number, charger in enumerate(station.chargers, 1)
    ]
    for number, (action, payload) in enumerate(SAID):
        for charger in there[-1:] if action == "StartTransaction" else there:
            charger.write(frame(json.dumps([2, f"said{number}", action, payload]).encode()))
    await asyncio.sleep(5)

    async def answer() -> None:
        while True:
            for charger in there:
                for text in charger.texts():
                    if text.startswith("[2"):
                        _, message_id, action, _ = json.loads(text)
                        charger.write(frame(texts.proper_answer(message_id, action).encode()))
            await asyncio.sleep(0.5)

    answering = asyncio.create_task(answer())
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


class Judge:
    """What the OpenAPI document says of answers."""

    def __init__(self, openapi: Json) -> None:
        self._openapi = openapi
        self._validators: dict[str, Any] = {}

    def judge(self, request: Request, answer: Answer) -> Any:
        """Check one answer; return its values, None when it holds no JSON."""
        told = (request, answer)
        assert all(name.lower() in answer.headers for name in HEADERS), told
        assert answer.status < 500 or answer.status in {502, 503, 504}, told
        operation = self._openapi["paths"][request.template][request.method.lower()]
        declared = operation["responses"].get(str(answer.status))
        if request.odd_path and (declared is None or answer.status in NO_ROUTE):
            assert answer.status in {*NO_ROUTE, 200, 204, 400, 415, 422}, told
            return None
        assert declared is not None, told
        if "$ref" in declared:
            declared = self._openapi["components"]["responses"][declared["$ref"].rpartition("/")[2]]
        if "content" not in declared:
            assert answer.body == b"", told
            return None
        content = declared["content"][answer.media_type]
        if not answer.media_type.endswith("json"):
            return None
        value = json.loads(answer.body)
        errors = [
            f"{one.instance_path}: {one.message}" for one in self._validator(content["schema"]).iter_errors(value)
        ]
        assert errors == [], (errors, *told)
        if answer.media_type == PROBLEM_MEDIA_TYPE:
            self._judge_problem(request, value, content)
        return value

    def _judge_problem(self, request: Request, value: Json, content: Json) -> None:
        told = (request, value)
        assert value["type"] in {example["value"]["type"] for example in content["examples"].values()}, told
        assert "Traceback" not in json.dumps(value), told
        if value["type"] != Kind.INVALID.type:
            return
        paths = [fault["path"] for fault in value["faults"]]
        assert paths != [], told
        assert all(paths), told
        if request.spoilt:
            place = f"$.{request.spoilt}"
            named = [
                path for path in paths if f"{path}.".startswith(f"{place}.") or path.startswith((f"{place}[", "{"))
            ]
            assert named or "$" in paths, told

    def _validator(self, schema: Json) -> Any:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = schema | {"components": self._openapi["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]


def fuzz_rest(seed: int, rounds: int) -> Counter[tuple[str, int]]:
    """Send so many requests of each operation; return the answers by operation and status."""
    station = parse_station(examples.STATION)
    assert isinstance(station, Station)

    async def main(clock: VirtualClock) -> Counter[tuple[str, int]]:
        rng, counted = random.Random(seed), Counter[tuple[str, int]]()
        numbers = itertools.count(1)
        async with serving(station, clock) as site, chargers(site, Texts(rng, "c"), station):
            tags = TagBook(site.store, clock)
            await tags.load()
            app = await app_beside(site, clock, tags, lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
            requests, judge = Requests(json.loads(json.dumps(app.openapi())), rng), Judge(app.openapi())
            for _ in range(rounds):
                operations = requests.operations()
                rng.shuffle(operations)
                for method, template in operations:
                    request = requests.make(method, template)
                    before = site.view.station
                    answer = await ask(app, request)
                    requests.learn(judge.judge(request, answer))
                    counted[f"{method} {template}", answer.status] += 1
                    assert site.errors == [], (request, site.errors)
                    assert answer.status < 400 or site.view.station == before, ("changed all the same", request)
        return counted

    return run_virtually(main, partial(NetworkLoop, f"rest {seed}"))


@pytest.mark.timeout(600)
def test_every_operation_answers_as_documented() -> None:
    counted: Counter[tuple[str, int]] = Counter()

    with_seeds(lambda seed: counted.update(fuzz_rest(seed, ROUNDS)), RUNS)
    by_operation: dict[str, set[int]] = {}
    for operation, status in counted:
        by_operation.setdefault(operation, set()).add(status)
    assert sum(counted.values()) == RUNS * ROUNDS * len(by_operation)
    assert {status for statuses in by_operation.values() for status in statuses} >= {200, 202, 204, 404, 409, 415, 422}
