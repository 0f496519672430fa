"""What strangers write stays text: chargers in every field of every message, clients in every field of every body.

The whole central system (gateway, core, SQLite, REST) is in this process on virtual time, with the log as it is really
written. Each text is put into each field that holds one, and then everything that shows texts is looked at.
"""

import asyncio
import contextlib
import csv
import io
import itertools
import json
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from api.boundary import HEADERS
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from csms.obs.logs import configure
from csms.ocpp16 import vendor
from csms.runtime.id_tags import TagBook
from csms.settings import LogFormat, LogLevel
from tests.contract.test_rest_openapi import OPENAPI, SCHEMAS
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.rest import rest_beside
from tests.virtual.site import Site, memory_folder, running

CHARGER: Final = ChargerId("CP001")
STATION: Final = Station(
    "STRANGERS", 100_000, (Charger(CHARGER, 22_080, connectors=2, control=Control.OCPP, phases=3),)
)

TEXTS: Final = {
    "markup": "<script>alert(1)</script>",
    "a line": 'x\r\n{"event":"forged"}\n[info     ] forged.line',
    "a terminal": "\x1b[2J\x1b]0;forged\x07",
    "a formula": "=1+1",
    "SQL": "');DROP TABLE sessions;--",
    "no character": "\x00\u2028\u202e\x85\ud800",
    "a format": "%s{0}{event!r}%(x)s$(id)`id`",
    "a path": "../../../etc/passwd",
}

SENT: Final = (
    *("Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification"),
    *("FirmwareStatusNotification", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"),
    *("LogStatusNotification", "SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification"),
)
"""What a charger may ask and has a text in."""

SEEN: Final = (
    *("/station/config", "/station/status", "/chargers", f"/chargers/{CHARGER}", f"/chargers/{CHARGER}/messages"),
    *("/chargers/knocking", "/commands", "/transactions", "/transactions/export", "/transactions/1", "/sessions"),
    *("/id-tags", "/id-tags/export", "/audit", "/alarms", "/makes", "/campaigns", "/reservations", "/health"),
    *(f"/chargers/{CHARGER}/key", "/docs", "/openapi.json"),
)

Path_ = tuple[str | int, ...]


# --- what is sent -----------------------------------------------------------------------------------------------------


def whole(schema: Mapping[str, Any], named: Mapping[str, Any]) -> Any:
    """Return a value with every field that a schema knows; `named`: what it refers to."""
    match schema:
        case {"$ref": str(name)}:
            return whole(named[name.rpartition("/")[2]], named)
        case {"type": "object"}:
            return {name: whole(field, named) for name, field in schema.get("properties", {}).items()}
        case {"type": "array"}:
            return [whole(schema["items"], named)]
        case {"enum": [first, *_]}:
            return first
        case {"format": "date-time"}:
            return "2026-01-01T00:00:00Z"
        case {"type": "string"}:
            return "1"
        case {"type": "boolean"}:
            return False
    return 1


def texts_in(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield where in a value the texts are."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts_in(each, (*path, key))


def with_text(value: Any, path: Path_, text: str) -> Any:
    """Return a value with a text put in the place of another."""
    if not path:
        return text
    changed = deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = text
    return changed


def charger_payloads() -> Iterator[tuple[str, Any]]:
    """Yield each message with each text in each field."""
    for action in SENT:
        schema = vendor.load_schema(action)
        good = whole(schema, schema.get("definitions", {}))
        places = list(texts_in(good))
        assert places, action
        for path, text in itertools.product(places, TEXTS.values()):
            yield action, with_text(good, path, text)


def rest_requests() -> Iterator[tuple[str, str, Any]]:
    """Yield each request that changes something, with each text in each field of the examples of its body."""
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                for place, text in itertools.product(texts_in(example["value"]), TEXTS.values()):
                    yield method.upper(), filled(path, CHARGER), with_text(example["value"], place, text)
            for text in TEXTS.values() if "{" in path else ():
                yield method.upper(), filled(path, quote(text, safe="", errors="replace")), None


def filled(path: str, text: str) -> str:
    """Return a path with a text in the place of what varies in it."""
    return re.sub(r"\{[^}]+\}", lambda _: text, path)


# --- where it is sent -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Place:
    """The running system, a client of its REST, the log that it has written, and the tables that it began with."""

    site: Site
    rest: httpx2.AsyncClient
    log: io.StringIO
    tables: list[Any]


@contextlib.contextmanager
def written_log(log_format: LogFormat) -> Iterator[io.StringIO]:
    """Have the log written as `csms serve` does, at its most talkative."""
    root, out = logging.getLogger(), io.StringIO()
    before, handlers, level = structlog.get_config(), root.handlers, root.level
    configure(LogLevel.DEBUG, log_format, out)
    structlog.configure(cache_logger_on_first_use=False)
    root.setLevel(logging.WARNING)  # the client of REST is in this process, and talks
    try:
        yield out
    finally:
        structlog.configure(**before)
        root.handlers, root.level = handlers, level


@contextlib.asynccontextmanager
async def standing(clock: VirtualClock, log_format: LogFormat) -> AsyncIterator[Place]:
    numbers = itertools.count(1)

    def new_id() -> str:
        return f"00000000-0000-4000-8000-{next(numbers):012}"

    with written_log(log_format) as log, memory_folder() as folder:
        async with running(STATION, clock, folder / "csms.sqlite3", [], new_id=new_id) as site:
            tags = TagBook(site.store, clock)
            ticking = asyncio.create_task(tick())  # reading is a thread's work, which stands still with no time to come
            async with rest_beside(site, clock, tags, new_id) as rest:
                yield Place(site, rest, log, tables_of(site.database))
            ticking.cancel()


async def tick() -> None:
    """Have there always be a time that comes next."""
    for _ in range(100_000):
        await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def connected(place: Place) -> AsyncIterator[ClientConnection]:
    url = f"{place.site.url}/{CHARGER}"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, proxy=None) as socket:
        yield socket


async def answer_to(socket: ClientConnection, number: str) -> list[Any]:
    """Return the answer to a call; what the central system asks meanwhile is answered."""
    while True:
        frame: list[Any] = json.loads(await socket.recv())
        if frame[0] == 2:
            await socket.send(json.dumps([4, frame[1], "NotSupported", TEXTS["a line"], {"x": TEXTS["a terminal"]}]))
        elif frame[1] == number:
            return frame


# --- what is looked at ------------------------------------------------------------------------------------------------


def assert_harmless_log(log: str, log_format: LogFormat) -> None:
    """Look at a log: so many lines as there were events, each of ours, and nothing in them that steers a terminal."""
    lines = log.split("\n")
    assert lines.pop() == ""
    assert lines
    if log_format is LogFormat.JSON:
        events = [json.loads(line)["event"] for line in lines]
        assert [event for event in events if not re.fullmatch(r"[a-z_]+\.[a-z_]+", event)] == []
        assert not [letter for letter in "\x1b\x07\r\x00" if letter in log]
    else:
        assert [line for line in lines if not line.isprintable()] == []
        assert [line for line in lines if not re.match(r"\[[a-z]+ *\] (?!forged)[a-z_]+\.[a-z_]+ ", line)] == []


def assert_harmless_answer(answer: httpx2.Response) -> None:
    """Look at an answer: a kind that no browser runs, said so, and no cell of a table that is a formula."""
    kind = answer.headers.get("Content-Type", "")
    if answer.request.url.path != "/docs":  # a page of ours, in which nothing is a stranger's
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, answer.request.url
        assert kind.startswith(("application/json", "application/problem+json", "text/csv")) or not answer.content
    if kind.startswith("text/csv"):
        cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    elif "json" in kind:
        json.loads(answer.content)


def tables_of(database: Path) -> list[Any]:
    """Return the tables of a database, which is whole."""
    with contextlib.closing(sqlite3.connect(database)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return opened.execute("SELECT name, sql FROM sqlite_master").fetchall()


# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_what_a_charger_writes_into_any_field_stays_text(log_format: LogFormat) -> None:
    async def play(clock: VirtualClock) -> None:
        async with standing(clock, log_format) as place:
            async with connected(place) as socket:
                for number, (action, payload) in enumerate(charger_payloads()):
                    await socket.send(json.dumps([2, str(number), action, payload]))
                    kind, *_ = await answer_to(socket, str(number))
                    assert kind in {3, 4}, (action, payload)
                await asyncio.sleep(60)
                shown = [await place.rest.get(path) for path in SEEN]
            for text in TEXTS.values():
                with pytest.raises(InvalidStatus):
                    await connect(f"{place.site.url}/{quote(text, safe='', errors='replace')}", proxy=None)
            shown += [await place.rest.get(path) for path in SEEN]
            for answer in shown:
                assert answer.status_code == 200, answer.text
                assert_harmless_answer(answer)
            assert TEXTS["markup"] in "".join(answer.text for answer in shown), "it was kept, as text"
            assert_harmless_log(place.log.getvalue(), log_format)
            assert '"error"' not in place.log.getvalue()
            assert tables_of(place.site.database) == place.tables

    run_virtually(play)


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_what_a_client_writes_into_any_field_stays_text(log_format: LogFormat) -> None:
    async def play(clock: VirtualClock) -> None:
        async with standing(clock, log_format) as place:
            refused = 0
            for method, path, body in rest_requests():
                content = None if body is None else json.dumps(body).encode("utf-8")
                answer = await place.rest.request(
                    method, path, content=content, headers={"Content-Type": "application/json"}
                )
                assert answer.status_code != 500, (path, body, answer.text)
                assert_harmless_answer(answer)
                refused += answer.status_code >= 400
            assert refused
            for path in SEEN:
                assert_harmless_answer(await place.rest.get(path))
            assert_harmless_log(place.log.getvalue(), log_format)
            assert tables_of(place.site.database) == place.tables

    run_virtually(play)


def test_every_message_with_a_text_and_every_body_is_among_them() -> None:
    received = vendor.known_actions() - set(SENT) - {"Heartbeat"}
    assert not [name for name in received if name.endswith("Notification")], "only a charger notifies"
    bodies = {f"{method} {path}" for method, path, body in rest_requests() if body is not None}
    assert len(bodies) > 20
    assert SCHEMAS
