"""`/id-tags`, call by call, over a store that does as it is told."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from api import bodies, id_tags_csv
from api.app import create_app
from api.gate import UNGUARDED
from api.problems import Kind
from api.routes import id_tags as routes
from api.services import Services
from csms.core.id_tags import IdTag
from csms.ports import StoreError
from csms.runtime import id_tags as runtime
from csms.runtime.id_tags import TagBook
from csms.runtime.messages import Messages
from tests.contract.test_rest import assert_problem, faults_in
from tests.unit.runtime.audit_doubles import audit_book
from tests.unit.runtime.tag_doubles import NOW_MS, FakeTagMemory, FixedClock

HEADER = "idTag,parentIdTag,expiryDate,blocked,concurrent,note,weight,priority"
BARE = {"idTag": "Anna", "status": "Accepted", "blocked": False, "concurrent": False, "note": "", "version": 1}


@dataclass
class World:
    tags: TagBook
    memory: FakeTagMemory
    client: httpx2.AsyncClient

    async def put(self, tag: str, **body: Any) -> httpx2.Response:
        return await self.client.put(f"/id-tags/{tag}", json=body)

    async def get(self, path: str = "", **query: str | int) -> httpx2.Response:
        return await self.client.get(f"/id-tags{path}", params=query)

    async def take_in(self, text: str | bytes, replace: str | None = None, **headers: str) -> httpx2.Response:
        query = {} if replace is None else {"replace": replace}
        sent = {"Content-Type": "text/csv"} | headers
        return await self.client.post("/id-tags/import", content=text, params=query, headers=sent)

    async def listed(self) -> list[str]:
        return [tag["idTag"] for tag in (await self.get()).json()["idTags"]]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    memory = FakeTagMemory()
    nobody: Any = None
    tags = TagBook(memory, FixedClock())
    services = Services(nobody, nobody, tuple, nobody, nobody, "TAG", (), tags, Messages(), audit_book(), *[nobody] * 4)
    transport = httpx2.ASGITransport(create_app(services, UNGUARDED))
    async with httpx2.AsyncClient(transport=transport, base_url="http://station") as client:
        yield World(tags, memory, client)


# --- one tag ----------------------------------------------------------------------------------------------------------


async def test_a_tag_is_listed_shown_changed_and_removed(world: World) -> None:
    assert (await world.put("Anna")).json() == BARE
    full = {
        "parentIdTag": "Fleet",
        "expiryDate": "2026-01-01T01:00:00.750+01:00",
        "blocked": True,
        "concurrent": True,
        "note": "Zoë",
        "weight": 100,
        "priority": 0,
    }
    shown = BARE | full | {"idTag": "ANNA", "status": "Blocked", "version": 2, "expiryDate": "2026-01-01T00:00:00.000Z"}
    assert (await world.put("ANNA", **full)).json() == shown
    assert (await world.get("/anna")).json() == shown
    assert (await world.put("anna", expiryDate="2026-01-01T00:00:00Z")).json()["status"] == "Expired"
    assert (await world.client.delete("/id-tags/aNNa")).status_code == 204
    assert_problem(await world.client.delete("/id-tags/anna"), Kind.UNKNOWN_ID_TAG)
    assert_problem(await world.get("/anna"), Kind.UNKNOWN_ID_TAG)


@pytest.mark.parametrize("tag", ["a/b", "=1+1", "?x", "#", "%", "!~", "export", "x" * 20])
async def test_any_printable_tag_can_be_named(world: World, tag: str) -> None:
    path = "".join(f"%{ord(char):02X}" for char in tag)
    assert (await world.put(path)).json()["idTag"] == tag
    upper = "".join(f"%{ord(char):02X}" for char in tag.upper())
    assert (await world.get(f"/{upper}")).json()["idTag"] == tag
    assert (await world.client.delete(f"/id-tags/{path}")).status_code == 204


@pytest.mark.parametrize("tag", ["x" * 21, "a%20b", "%C3%A9", "%00", "a%0A", "%0Aa", "a%0Ab"])
async def test_what_no_tag_can_be(world: World, tag: str) -> None:
    told = ["{idTag}: must be 1 to 20 printable ASCII characters without spaces"]
    for answer in (await world.put(tag), await world.get(f"/{tag}"), await world.client.delete(f"/id-tags/{tag}")):
        assert faults_in(answer) == told
    assert len(world.tags) == 0


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"parentIdTag": ""}, "$.parentIdTag: must be 1 to 20 printable ASCII characters without spaces"),
        ({"parentIdTag": None}, "$.parentIdTag: must be 1 to 20 printable ASCII characters without spaces"),
        ({"expiryDate": "soon"}, "$.expiryDate: must be an ISO 8601 time from 2020 to 2099"),
        ({"expiryDate": 1}, "$.expiryDate: must be an ISO 8601 time from 2020 to 2099"),
        ({"blocked": "true"}, "$.blocked: must be true or false"),
        ({"concurrent": 1}, "$.concurrent: must be true or false"),
        ({"weight": 0}, "$.weight: must be a whole number from 1 to 100"),
        ({"priority": 10}, "$.priority: must be a whole number from 0 to 9"),
        ({"priority": True}, "$.priority: must be a whole number from 0 to 9"),
        ({"note": "x" * 201}, "$.note: must have 1 to 200 characters"),
        ({"note": "two\nlines"}, "$.note: must be printable text without spaces at its ends"),
        ({"version": "1"}, "$.version: must be a whole number"),
        ({"status": "Accepted"}, "$.status: unknown field"),
        ({"parent_id_tag": "F"}, "$.parent_id_tag: unknown field, parentIdTag is meant"),
    ],
)
async def test_a_body_with_a_fault_changes_nothing(world: World, body: dict[str, Any], fault: str) -> None:
    assert faults_in(await world.put("Anna", **body)) == [fault]
    assert len(world.tags) == 0


async def test_two_who_change_the_same_tag(world: World) -> None:
    await world.put("Anna")
    assert (await world.put("Anna", note="first", version=1)).json()["version"] == 2
    assert_problem(await world.put("Anna", note="second", version=1), Kind.ID_TAG_CHANGED)
    assert (await world.get("/Anna")).json()["note"] == "first"


async def test_failures_of_the_store_and_of_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.put("Anna")
    world.memory.fault = StoreError("disk full")
    assert_problem(await world.put("Ben"), Kind.STORE_UNAVAILABLE)
    assert_problem(await world.client.delete("/id-tags/Anna"), Kind.STORE_UNAVAILABLE)
    assert_problem(await world.take_in("idTag\nBen\n"), Kind.STORE_UNAVAILABLE)
    world.memory.fault = None
    monkeypatch.setattr(runtime, "TAGS_MAX", 1)
    assert_problem(await world.put("Ben"), Kind.TOO_MANY_ID_TAGS)
    assert_problem(await world.take_in("idTag\nBen\n"), Kind.TOO_MANY_ID_TAGS)
    assert await world.listed() == ["Anna"]


# --- pages ------------------------------------------------------------------------------------------------------------

LIST = [
    IdTag("A1", "a1", parent="Fleet"),
    IdTag("A2", "a2", blocked=True, parent="fleet"),
    IdTag("B1", "b1", expires_ms=NOW_MS),
    IdTag("B2", "b2"),
    IdTag("C1", "c1", parent="Other", expires_ms=NOW_MS + 1),
]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("looked_at", [1, 2, 5_000])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["a1", "a2", "b1", "b2", "c1"]),
        ({"status": "Accepted"}, ["a1", "b2", "c1"]),
        ({"status": "Blocked"}, ["a2"]),
        ({"status": "Expired"}, ["b1"]),
        ({"parentIdTag": "FLEET"}, ["a1", "a2"]),
        ({"parentIdTag": "fleet", "status": "Accepted"}, ["a1"]),
        ({"parentIdTag": "nobody"}, []),
    ],
)
async def test_pages_hold_what_is_wanted_and_end(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    looked_at: int,
    wanted: dict[str, str],
    expected: list[str],
) -> None:
    monkeypatch.setattr(routes, "LOOKED_AT_MAX", looked_at)
    await world.tags.take_in(LIST, whole=True)
    found: list[str] = []
    query: dict[str, str] = {"limit": str(limit), **wanted}
    for _ in range(len(LIST) + 1):
        page = (await world.get(**query)).json()
        assert len(page["idTags"]) <= limit
        found += [tag["idTag"] for tag in page["idTags"]]
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]
    else:
        pytest.fail("it never ends")
    assert found == expected


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"limit": "0"}, "?limit: must be a whole number from 1 to 1000"),
        ({"limit": "1001"}, "?limit: must be a whole number from 1 to 1000"),
        ({"cursor": "Anna"}, "?cursor: must be a nextCursor of an answer before"),
        ({"cursor": "ff"}, "?cursor: must be a nextCursor of an answer before"),
        ({"status": "Invalid"}, "?status: must be Accepted or Blocked or Expired"),
        ({"parentIdTag": ""}, "?parentIdTag: must be 1 to 20 printable ASCII characters without spaces"),
    ],
)
async def test_a_question_with_a_fault(world: World, query: dict[str, str], fault: str) -> None:
    assert faults_in(await world.get(**query)) == [fault]


# --- CSV --------------------------------------------------------------------------------------------------------------


async def test_a_list_comes_back_as_it_went(world: World) -> None:
    text = (
        "\ufeffnote,idTag,blocked,concurrent,expiryDate,parentIdTag,priority,weight\r\n"
        'plain,anna,,,,,,\r\n"a, ""b""",Ben,TRUE,yes,2027-01-01T01:00:00+01:00,Fleet,9,2\r\n\r\n,carl,0,1,,,0,\r\n'
    )
    assert (await world.take_in(text)).json() == {"added": 3, "changed": 0, "removed": 0, "unchanged": 0}
    answer = await world.get("/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="id-tags.csv"'
    assert list(csv.reader(io.StringIO(answer.text))) == [
        HEADER.split(","),
        ["anna", "", "", "false", "false", "plain", "", ""],
        ["Ben", "Fleet", "2027-01-01T00:00:00Z", "true", "true", 'a, "b"', "2", "9"],
        ["carl", "", "", "false", "true", "", "", "0"],
    ]
    unchanged = {"added": 0, "changed": 0, "removed": 0, "unchanged": 3}
    assert (await world.take_in(answer.text, "true")).json() == unchanged


async def test_a_list_is_added_to_what_is_listed_or_replaces_it(world: World) -> None:
    await world.put("Anna", note="old")
    await world.put("Ben")
    only_ben = "idTag;note\nben;new\n"
    assert (await world.take_in(only_ben)).json() == {"added": 0, "changed": 1, "removed": 0, "unchanged": 0}
    assert await world.listed() == ["Anna", "ben"]
    assert (await world.take_in("idTag\nCarl\n", "true")).json() == {
        "added": 1,
        "changed": 0,
        "removed": 2,
        "unchanged": 0,
    }
    assert await world.listed() == ["Carl"]
    assert faults_in(await world.take_in(only_ben, "maybe")) == ["?replace: must be true or false"]


@pytest.mark.parametrize("note", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "'quoted'", "''", "a;=1+1", "=HYPERLINK(0)"])
async def test_no_cell_is_a_formula_and_each_comes_back(world: World, note: str) -> None:
    await world.put("%3Dtag", note=note, parentIdTag="@group")
    text = (await world.get("/export")).text
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert (await world.take_in(text, "true")).json()["unchanged"] == 1


TAG_FAULT = "must be 1 to 20 printable ASCII characters without spaces"
COLUMNS_FAULT = "must be one of idTag, parentIdTag, expiryDate, blocked, concurrent, note, weight, priority"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["line 1: must name the columns, of which idTag is one"]),
        ("\n", ["line 1: must name the columns, of which idTag is one"]),
        (
            "04A2\n04A3\n",
            [f"line 1, column 1: {COLUMNS_FAULT}", "line 1: must name the columns, of which idTag is one"],
        ),
        ("idTag,name\nAnna,x\n", [f"line 1, column 2: {COLUMNS_FAULT}"]),
        ("idTag,note,note\nAnna,x,y\n", ["line 1, column 3: is a second column note"]),
        ("idTag,note\nAnna\n", ["line 2: has 1 cells where the header has 2"]),
        (
            "idTag,blocked,expiryDate\n,,\nAnna,perhaps,soon\n,true,\nBen,,\n" + "x" * 21 + ",,\n",
            [
                "line 3, column blocked: must be true or false",
                "line 3, column expiryDate: must be an ISO 8601 time from 2020 to 2099",
                f"line 4, column idTag: {TAG_FAULT}",
                f"line 6, column idTag: {TAG_FAULT}",
            ],
        ),
        ("idTag\nAnna\nBen\naNNA\n", ["line 4, column idTag: is the tag of line 2, whatever its case"]),
        (
            'idTag,note\nAnna,"two\nlines"\nx y,\n',
            [
                "line 2, column note: must be printable text without spaces at its ends",
                f"line 4, column idTag: {TAG_FAULT}",
            ],
        ),
        ('idTag\n"Anna\n', ["line 2: is no CSV: unexpected end of data"]),
        (b"idTag\nAnna\n\xff\n", ["line 3: is not UTF-8 text"]),
    ],
)
async def test_every_fault_is_named_and_nothing_changed(world: World, text: str | bytes, faults: list[str]) -> None:
    await world.put("Ben")
    assert faults_in(await world.take_in(text, "true")) == faults
    assert await world.listed() == ["Ben"]
    assert len(world.memory.audits) == 1


async def test_a_list_of_another_kind_is_not_read_to_its_end(world: World) -> None:
    told = assert_problem(await world.take_in("idTag\n" + "x y\n" * 50_000), Kind.INVALID)
    assert told["error"] == "The request has 1001 faults, of which the first 100 are listed; nothing was changed."
    wide = "idTag" + "," * 100_000 + "\n"
    assert_problem(await world.take_in(wide * 3), Kind.INVALID)


async def test_a_list_that_is_too_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_tags_csv, "TAGS_MAX", 2)
    assert faults_in(await world.take_in("idTag\na\nb\n\nc\n")) == ["line 5: is one tag too many: at most 2 are listed"]
    monkeypatch.setattr(routes, "ID_TAGS_BODY_BYTES_MAX", 10)
    assert_problem(await world.take_in("idTag\nanna\n"), Kind.BODY_TOO_LARGE)


@pytest.mark.parametrize("headers", [{"Content-Type": "application/json"}, {"Content-Encoding": "gzip"}])
async def test_what_is_no_csv(world: World, headers: dict[str, str]) -> None:
    assert_problem(await world.take_in("idTag\nAnna\n", **headers), Kind.NOT_CSV)


async def test_a_hundred_thousand_tags_in_one_change(world: World) -> None:
    rows = "".join(
        f"04A2B3C4{number:06X},Fleet,2027-01-01T00:00:00Z,false,false,number {number},,\n" for number in range(100_000)
    )
    text = f"{HEADER}\n{rows}"
    assert len(text) < bodies.ID_TAGS_BODY_BYTES_MAX
    assert (await world.take_in(text)).json()["added"] == 100_000
    assert len(world.memory.audits) == 1
    exported = (await world.get("/export")).text
    assert (await world.take_in(exported, "true")).json()["unchanged"] == 100_000
