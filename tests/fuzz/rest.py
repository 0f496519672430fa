"""Requests of schemathesis to the REST API of a whole system, for as long as wanted: `python -m tests.fuzz.rest`.

schemathesis makes them of the application's own OpenAPI document: requests that its schemas allow, at every border that
they name and drawn, and requests that they do not. What it cannot send is made by `tests.fuzz.rest_raw`. The
application serves a system in this process, on virtual time, whose chargers answer. So schemathesis makes requests and
checks answers, and the way between them is here.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NotSet
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api import examples
from csms.core.configuration import parse_station
from csms.core.station import Station
from csms.runtime.id_tags import TagBook
from tests.fuzz.charger import BEAT, WireCharger, frame
from tests.fuzz.rest_firsts import AWAY, FAILS, STATION, firsts
from tests.fuzz.rest_judge import CONFIG, Case, Judge, Operation
from tests.fuzz.rest_raw import HOST, Json, Request, raw_request
from tests.fuzz.texts import Texts
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.network import NetworkLoop
from tests.virtual.rest import app_beside
from tests.virtual.site import Site, serving

URL: Final = "http://server"
SAID: Final[tuple[tuple[str, Json], ...]] = (
    ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
    ("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}),
    ("StartTransaction", {"connectorId": 1, "idTag": "5E450001", "meterStart": 5, "timestamp": "2026-01-01T00:00:00Z"}),
)
"""By each charger, so that there is something to ask for; the last two alone charge."""
BEGUN: Final = (
    ("PUT /id-tags/{idTag}", "/id-tags", "idTag"),
    ("POST /sessions", "/sessions", "sessionId"),
    ("POST /chargers/{chargerId}/commands/TriggerMessage", "/commands", "id"),
    ("POST /campaigns", "/campaigns", "id"),
    ("GET /transactions", "/transactions", "transactionId"),
)
"""What is asked for before everything else, and where the ids of such are found then."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How many requests of each operation.

    Attributes:
        valid, invalid: of those at the borders that the schemas name, at the most; None: all that there are.
        drawn: by Hypothesis, valid and invalid ones, of every third operation; of all when `everywhere`.
        raw: what no client sends.
        least: in all; what is missing is drawn, and is raw where nothing else can be drawn.
    """

    valid: int | None
    invalid: int | None
    drawn: int
    raw: int
    least: int
    everywhere: bool = False


LATER_S: Final = 90
"""What is refused for what is under way is tried again after so long."""
ALL: Final = Amount(None, None, 30, 20, 50, everywhere=True)
LAST: Final = "POST /station/config"
"""What is taken may leave nothing of what the other requests are about."""
Asked = tuple[str, str, int]
"""Of one request: its operation, whether it was `first`, `positive`, `negative` or `raw`, the status of the answer."""


def fuzz_rest(number: int, amount: Amount) -> Counter[Asked]:
    """Send so many requests; raise when an answer is not right; `number` draws all that is drawn."""
    station = parse_station(STATION)
    assert isinstance(station, Station)

    async def main(clock: VirtualClock) -> Counter[Asked]:
        answers, rng, ids = random.Random(number), random.Random(number), itertools.count(1)
        async with serving(station, clock) as site, chargers(site, Texts(answers, "c")) as there:
            tags = TagBook(site.store, clock)
            await tags.load()
            app = await app_beside(site, clock, tags, lambda: f"00000000-0000-4000-8000-{next(ids):012}")
            before = await with_what_is_there(app)
            run = _Run(site, app, Judge(schema_of(before)))
            await run.send_firsts(before, there[0])
            schema = schema_of(await with_what_is_there(app))
            return await run.send(_requests(rng, schema, amount))

    return run_virtually(main, partial(NetworkLoop, f"rest {number}"))


class _Run:
    """One system, and what was asked of it."""

    def __init__(self, site: Site, app: FastAPI, judge: Judge) -> None:
        self._site = site
        self._app = app
        self._judge = judge
        self._asked: Counter[Asked] = Counter()

    async def send_firsts(self, document: Json, charger: WireCharger) -> None:
        """Have each operation done once, if any of its examples can be."""
        operations = {one.label: one for one in operations_of(schema_of(document))}
        for label, tries in firsts(document):
            if label == "POST /campaigns/{id}/resume":
                charger.write(frame(json.dumps([2, "fails", *FAILS]).encode()))
            for number, request in enumerate(tries * 2):
                await asyncio.sleep(2 if number < len(tries) else LATER_S)
                answer = await ask(self._app, request)
                assert self._site.errors == [], (request, self._site.errors)
                self._judge.judge_raw(operations[label], request, answer)
                self._asked[label, "first", answer.status_code] += 1
                if answer.status_code < 300:
                    break

    async def send(self, all_: list[tuple[Operation, Case | Request]]) -> Counter[Asked]:
        """Send these requests, each when the one before is answered."""
        for operation, what in all_:
            before = self._site.view.station
            request = what if isinstance(what, Request) else written(what)
            answer = await ask(self._app, request)
            assert self._site.errors == [], (request, self._site.errors)
            assert answer.status_code < 400 or self._site.view.station == before, ("changed all the same", request)
            if isinstance(what, Request):
                self._judge.judge_raw(operation, request, answer)
                kind = "raw"
            else:
                assert what.meta is not None
                kind = what.meta.generation.mode.value
                self._judge.judge(what, request, answer)
            self._asked[operation.label, kind, answer.status_code] += 1
        return self._asked


# --- requests ---------------------------------------------------------------------------------------------------------


def schema_of(document: Json) -> OpenApiSchema:
    """Return the document as schemathesis takes it; its door stands open."""
    document = json.loads(json.dumps(document))
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    del document["components"]["securitySchemes"]
    return schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(CONFIG))


def operations_of(schema: OpenApiSchema) -> list[Operation]:
    """Return every operation of a document."""
    results = list(schema.get_all_operations())
    found = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(found) == len(results), "one is not described as OpenAPI wants it"
    return found


def _requests(rng: random.Random, schema: OpenApiSchema, amount: Amount) -> list[tuple[Operation, Case | Request]]:
    found: list[tuple[Operation, Case | Request]] = []
    for number, operation in enumerate(operations_of(schema), rng.randrange(3)):
        of_it: list[Case | Request] = []
        valid, invalid = cases_at_borders(schema, operation)
        for cases, most in ((valid, amount.valid), (invalid, amount.invalid)):
            of_it += rng.sample(cases, min(len(cases), most or len(cases)))
        wanted = amount.drawn if amount.everywhere or number % 3 == 0 else 0
        of_it += _drawn(operation, rng.randrange(2**32), max(wanted, amount.least - amount.raw - len(of_it)))
        raw = operation.definition.raw
        for _ in range(max(amount.raw, amount.least - len(of_it))):
            of_it.append(raw_request(rng, operation.method, operation.path, raw))
        found += ((operation, one) for one in of_it)
    rng.shuffle(found)
    found.sort(key=lambda one: one[0].label == LAST)
    return found


def cases_at_borders(schema: OpenApiSchema, operation: Operation) -> tuple[list[Case], list[Case]]:
    """Return the cases of schemathesis' phase "coverage", the valid ones and the others."""
    config = schema.config.generation_for(operation=operation, phase="coverage")
    both = list(GenerationMode)  # with one alone, no part of an invalid request would be right
    cases = schema.iter_coverage_cases(operation=operation, generation_modes=both, generation_config=config)
    valid: list[Case] = []
    invalid: list[Case] = []
    for case in sorted(cases, key=_in_order):
        assert case.meta is not None
        (valid if case.meta.generation.mode.is_positive else invalid).append(case)
    return valid, invalid


def _in_order(case: Case) -> str:
    """Return what to sort by: schemathesis makes some in the order of a set, another one in each process."""
    body = None if isinstance(case.body, NotSet) else case.body
    assert case.meta is not None
    parts = (case.method, case.path_parameters, case.query, case.headers, body, case.meta.phase.data.description)
    return repr(parts)


def _drawn(operation: Operation, number: int, most: int) -> list[Case]:
    if most < 1:
        return []
    cases: list[Case] = []

    @seed(number)
    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # what fails is shown whole, with its seed
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]))
    def draw(case: Case) -> None:
        cases.append(case)

    draw()
    return [case for case in cases if not _is_mangled(case)]


def _is_mangled(case: Case) -> bool:
    """Return whether a valid case is none: schemathesis takes a drawn `%FD` in a path for a byte, and writes another.

    What a schema without a pattern allows is allowed still.
    """
    patterns = {
        one["name"]: one["schema"].get("pattern", "") for one in case.operation.definition.raw.get("parameters", ())
    }
    values = {name: unquote(str(value)) for name, value in (case.path_parameters or {}).items()}
    assert case.meta is not None
    return case.meta.generation.mode.is_positive and not all(re.search(patterns[name], values[name]) for name in values)


# --- from schemathesis to the application and back --------------------------------------------------------------------


def written(case: Case) -> Request:
    """Return a case byte by byte; whole numbers without a point: 2.0 is one to a schema, and none to this API."""
    if not isinstance(case.body, NotSet):
        case.body = _whole(case.body)
    prepared = requests.Request(**case.as_transport_kwargs(base_url=URL)).prepare()
    assert prepared.method is not None
    assert prepared.url is not None
    url = urlsplit(prepared.url)
    headers = [(_bytes(name.lower()), _bytes(value)) for name, value in prepared.headers.items()]
    return Request(
        prepared.method, _bytes(url.path or "/"), _bytes(url.query), (HOST, *headers), _bytes(prepared.body or b"")
    )


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


async def ask(app: FastAPI, request: Request) -> schemathesis.Response:
    """Hand a request to the application as the server does: the path decoded, and as it came."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path.decode("latin-1")),
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
    headers: dict[str, list[str]] = {}
    for name, value in sent[0]["headers"]:
        headers.setdefault(name.decode(), []).append(value.decode())
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return response_of(request.method, sent[0]["status"], headers, body)


def response_of(method: str, status: int, headers: dict[str, list[str]], body: bytes) -> schemathesis.Response:
    """Return an answer as schemathesis takes it."""
    asked = requests.Request(method, URL).prepare()
    return schemathesis.Response(status, headers, body, asked, elapsed=0.0, verify=False)


# --- the system -------------------------------------------------------------------------------------------------------


async def with_what_is_there(app: FastAPI) -> Json:
    """Begin one of each; return the document of the API with their ids as the examples of ids."""
    document: Json = json.loads(json.dumps(app.openapi()))
    requests = dict(firsts(document))
    ids: dict[str, list[str]] = {}
    for label, list_, key in BEGUN:
        await ask(app, requests[label][0])
        listed = (await ask(app, Request("GET", list_.encode(), b""))).json()
        ids[list_] = [str(one[key]) for one in listed[list_.strip("/").replace("id-tags", "idTags")]]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for one in operation.get("parameters", ()):
                list_ = path.partition("/{")[0]
                if one["in"] == "path" and list_ in ids:
                    one["schema"]["examples"] = ids[list_]
    return document


@contextlib.asynccontextmanager
async def chargers(site: Site, texts: Texts) -> AsyncIterator[list[WireCharger]]:
    """Have every charger there that is steered over OCPP, and have it answer what it is asked; one goes again."""
    port = urlsplit(site.url).port
    assert port is not None
    names = [*(one["id"] for one in examples.STATION["chargers"]), AWAY]
    there = [await WireCharger.connect(f"10.0.0.{number}", port, name) for number, name in enumerate(names, 1)]
    for number, (action, payload) in enumerate(SAID):
        for charger in there[-2:] if action == "StartTransaction" else there:
            charger.write(frame(json.dumps([2, f"said{number}", action, payload]).encode()))
    await asyncio.sleep(5)
    there.pop().hang_up()

    async def answer() -> None:
        for turn in itertools.count():
            for charger in there:
                if turn % 60 == 0:
                    charger.write(frame(BEAT % b"beat%d" % turn))
                for text in charger.texts():
                    if text.startswith("[2"):
                        _, message_id, action, _ = json.loads(text)
                        charger.write(frame(texts.proper_answer(message_id, action).encode()))
            await asyncio.sleep(0.5)

    answering = asyncio.create_task(answer())
    try:
        yield there
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.rest", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long to go on for")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first one")
    given_ = parser.parse_args()
    ends, number, count = time.monotonic() + 60 * given_.minutes, given_.seed, 0
    while time.monotonic() < ends:
        print(f"seed {number}, {count} requests so far", flush=True)
        count += fuzz_rest(number, ALL).total()
        number += 1
    print(f"nothing was wrong with {count} requests")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
