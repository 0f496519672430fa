"""Who comes in over REST, what each role may do, and what the others are told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api.access import OPEN, READING, ROLES, role_of
from api.app import create_app
from api.auditing import AuditedRoute
from api.boundary import HEADERS
from api.gate import CHALLENGE, UNGUARDED, WRONG_KEYS, Door
from api.names import LOOPBACK_NAMES, Names
from api.problems import Kind
from csms.core.access import MASKED, Role
from csms.core.audit import ActOutcome
from csms.ports import AuditFilter
from csms.runtime import access_keys
from csms.runtime.access_keys import KeyRing
from tests.contract.test_rest import FakeStore, World, assert_problem, world_of
from tests.contract.test_rest_audit import call, have_chargers, the_act
from tests.contract.test_rest_openapi import OPENAPI, SCHEMAS, services
from tests.unit.runtime.key_doubles import FakeKeyMemory, key_of
from tests.unit.runtime.tag_doubles import NOW_MS, FixedClock

KEYS = {role: key_of(f"key-of-{role.value}", role, number) for number, role in enumerate(Role, 1)}
SHOWN = {role: shown for role, (_, shown) in KEYS.items()}
REVOKED, REVOKED_SHOWN = key_of("revoked", number=8)
EXPIRED, EXPIRED_SHOWN = key_of("expired", number=9)
UNKNOWN_SHOWN = key_of("unknown", number=10)[1]
WRONG_SHOWN = SHOWN[Role.ADMIN][:-1] + "f"
ANY_NAME = Names(any_name=True)
OPERATIONS = [f"{method.upper()} {path}" for path, methods in OPENAPI["paths"].items() for method in methods]


@pytest.fixture(autouse=True)
def _read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have keys read at each use, so that no test waits for a second to pass."""
    monkeypatch.setattr(access_keys, "READ_EVERY_S", 0.0)


@pytest.fixture
def memory() -> FakeKeyMemory:
    stored = [key for key, _ in KEYS.values()]
    return FakeKeyMemory(*stored, replace(REVOKED, revoked_ms=1), replace(EXPIRED, expires_ms=NOW_MS))


@pytest.fixture
async def world(memory: FakeKeyMemory) -> AsyncIterator[World]:
    keys = KeyRing(memory, FixedClock())
    await keys.load()
    async with entered_by(Door(keys, ANY_NAME, 0)) as whole:
        yield whole


@asynccontextmanager
async def entered_by(door: Door) -> AsyncIterator[World]:
    store = FakeStore()
    async with world_of(store, store, door) as whole:
        yield whole


def show(world: World, key: str) -> None:
    """Have the client show a key from now on."""
    world.client.headers["Authorization"] = f"Bearer {key}"


def routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of everything that the application serves."""
    for route in create_app(services(), UNGUARDED).routes:
        assert isinstance(route, AuditedRoute), "every route is of the class that knows its role"
        for method in route.methods or ():
            yield method, route.path_format


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_route_has_its_role_and_no_role_is_of_a_route_that_is_not() -> None:
    served = {f"{method} {path}" for method, path in routes() if path not in OPEN}
    assert served == set(ROLES)


def test_what_is_open_is_only_read() -> None:
    assert {path for _, path in routes()} >= OPEN
    assert {method for method, path in routes() if path in OPEN} == {"GET"}


def test_what_is_not_in_the_table_needs_the_highest_role() -> None:
    assert role_of("POST /novelties") is Role.ADMIN


def test_who_only_looks_changes_nothing() -> None:
    assert {name for name, role in ROLES.items() if role is Role.VIEWER and name.split()[0] not in READING} == set()


@pytest.mark.parametrize("operation", [name for name, role in ROLES.items() if role is Role.VIEWER])
def test_a_viewer_sees_no_id_tag(operation: str) -> None:
    """Nothing that a viewer may ask for has a field in which one could stand."""
    method, path = operation.split()
    answer = OPENAPI["paths"][path][method.lower()]["responses"]["200"]
    fields = set(fields_of(answer["content"]["application/json"]["schema"], set()))
    assert not fields & {"idTag", "parentIdTag"}
    assert fields


def fields_of(schema: Any, seen: set[str]) -> Iterator[str]:
    """Yield the names of all fields of a schema and of those that it refers to."""
    if isinstance(schema, list):
        for each in schema:
            yield from fields_of(each, seen)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        seen.add(name)
        yield from fields_of(SCHEMAS[name], seen)
    yield from schema.get("properties", ())
    for each in schema.values():
        yield from fields_of(each, seen)


def test_the_document_says_which_role_each_operation_needs() -> None:
    for operation in OPERATIONS:
        method, path = operation.split()
        declared = OPENAPI["paths"][path][method.lower()]
        if path in OPEN:
            assert "security" not in declared
            assert not {"401", "403"} & set(declared["responses"])
        else:
            assert declared["security"] == [{"key": [ROLES[operation].value]}]
            assert {"401", "403", "421", "429"} <= set(declared["responses"])
    assert OPENAPI["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


# --- keys and roles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
async def test_each_role_may_do_what_the_table_says_and_nothing_else(world: World, role: Role) -> None:
    have_chargers(world)
    show(world, SHOWN[role])
    for operation in OPERATIONS:
        method, path = operation.split()
        _, answer = await call(world.client, method, path)
        if path in OPEN or role.reaches(ROLES[operation]):
            assert answer.status_code not in {401, 403}, operation
            continue
        error = assert_problem(answer, Kind.FORBIDDEN)["error"]
        assert error == f"This needs the role {ROLES[operation].value}, and this key has {role.value}.", operation


async def test_without_a_key_nothing_is_done_or_told_but_what_is_open(world: World) -> None:
    have_chargers(world)
    for operation in OPERATIONS:
        method, path = operation.split()
        _, answer = await call(world.client, method, path)
        assert (answer.status_code == 401) is (path not in OPEN), operation
    assert (world.desk.facts, world.desk.safe_mode_ends, world.audit.written) == ([], 0, [])
    for path in ("/nowhere", "/docs/", "//health", "/health/../audit", "/audit?x=/health"):
        assert_problem(await world.client.get(path), Kind.UNAUTHENTICATED)
    assert_problem(await world.client.post("/health"), Kind.UNAUTHENTICATED)


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_what_is_open_tells_no_more_than_the_source(world: World, path: str) -> None:
    answer = await world.client.get(path)
    assert answer.status_code == 200
    assert "CP001_SECRET" not in answer.text
    assert path != "/health" or answer.json() == {"status": "ok"}


AUTHORIZATIONS = {
    "none": None,
    "empty": "",
    "of another scheme": f"Basic {SHOWN[Role.ADMIN]}",
    "without a scheme": SHOWN[Role.ADMIN],
    "malformed": "Bearer hush",
    "cut": f"Bearer {SHOWN[Role.ADMIN][:-1]}",
    "of two": f"Bearer {SHOWN[Role.ADMIN]} {SHOWN[Role.ADMIN]}",
    "unknown": f"Bearer {UNKNOWN_SHOWN}",
    "wrong": f"Bearer {WRONG_SHOWN}",
    "revoked": f"Bearer {REVOKED_SHOWN}",
    "expired": f"Bearer {EXPIRED_SHOWN}",
}


async def test_no_answer_says_what_was_wrong_with_a_key(world: World) -> None:
    answers = []
    for authorization in AUTHORIZATIONS.values():
        headers = {} if authorization is None else {"Authorization": authorization}
        answers.append(await world.client.get("/station/status", headers=headers))
    assert_problem(answers[0], Kind.UNAUTHENTICATED)
    assert {answer.headers["www-authenticate"] for answer in answers} == {CHALLENGE["WWW-Authenticate"]}
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
async def test_the_scheme_is_read_as_http_has_it(world: World, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {SHOWN[Role.VIEWER]}"}
    assert (await world.client.get("/station/status", headers=headers)).status_code == 200


async def test_keys_come_and_go_while_it_runs(world: World, memory: FakeKeyMemory) -> None:
    key, shown = key_of("late", Role.OPERATOR, 20)
    show(world, shown)
    assert (await world.client.get("/commands")).status_code == 401
    memory.keys["late"] = key
    assert (await world.client.get("/commands")).status_code == 200
    memory.revoke("late")
    assert (await world.client.get("/commands")).status_code == 401


async def test_a_route_that_nobody_guards_lets_nobody_in() -> None:
    """Should the boundary ever be left out, its routes stay shut."""
    app = create_app(services(), UNGUARDED)
    app.user_middleware.clear()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://station") as client:
        assert_problem(await client.get("/station/status"), Kind.UNAUTHENTICATED)
        assert (await client.get("/health")).status_code == 200


async def test_a_route_that_is_added_later_needs_an_admin(world: World) -> None:
    transport = world.client._transport
    assert isinstance(transport, httpx2.ASGITransport)
    assert isinstance(transport.app, FastAPI)

    async def novelty(_request: Request) -> Response:
        return Response(status_code=299)

    transport.app.add_api_route("/novelties", novelty, methods=["GET"], include_in_schema=False)
    show(world, SHOWN[Role.OPERATOR])
    assert_problem(await world.client.get("/novelties"), Kind.FORBIDDEN)
    show(world, SHOWN[Role.ADMIN])
    assert (await world.client.get("/novelties")).status_code == 299


# --- the audit --------------------------------------------------------------------------------------------------------


async def test_an_act_says_whose_key_it_was_asked_for_with(world: World) -> None:
    show(world, SHOWN[Role.OPERATOR])
    await world.client.put("/id-tags/A1B2", json={})
    assert [entry.key_name for entry in world.audit.written] == ["key-of-operator"] * 2
    show(world, SHOWN[Role.ADMIN])
    (act,) = (await world.client.get("/audit")).json()["audit"]
    assert act["by"] == {"address": "127.0.0.1", "key": "key-of-operator"}


async def test_what_a_role_does_not_reach_is_an_act_that_was_refused(world: World) -> None:
    show(world, SHOWN[Role.VIEWER])
    assert (await world.client.put("/id-tags/A1B2", json={"note": "hush"})).status_code == 403
    act = the_act(world)
    assert (act.key_name, act.outcome, act.status, act.body_json) == ("key-of-viewer", ActOutcome.REFUSED, 403, None)
    assert act.reason == "This needs the role operator, and this key has viewer."
    assert world.tags.find("A1B2") is None


async def test_strangers_cannot_fill_the_audit(world: World) -> None:
    await world.client.put("/id-tags/A1B2", json={})
    show(world, WRONG_SHOWN)
    await world.client.put("/id-tags/A1B2", json={})
    assert world.audit.written == []
    assert await world.audit.read_audit(AuditFilter(), None, 9) == ()


async def test_a_key_that_was_typed_in_the_wrong_place_is_in_no_answer_and_no_act(world: World) -> None:
    secret = SHOWN[Role.ADMIN]
    show(world, secret)
    with structlog.testing.capture_logs() as logged:
        answers = [
            await world.client.put("/id-tags/A1B2", json={"note": f"key {secret}"}),
            await world.client.post(f"/sessions/{secret}/stop?key={secret}"),
            await world.client.post("/chargers/CP001/commands/Reset", json={"type": secret}),
            await world.client.get(f"/{secret}"),
        ]
    assert secret not in f"{world.audit.written} {logged} {[answer.text for answer in answers[1:]]}"
    assert MASKED in repr(world.audit.written)


# --- brute force ------------------------------------------------------------------------------------------------------


async def statuses(world: World, key: str, times: int) -> list[int]:
    """Return the statuses of so many requests with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    return [(await world.client.get("/station/status", headers=headers)).status_code for _ in range(times)]


@pytest.mark.parametrize("shown", [WRONG_SHOWN, UNKNOWN_SHOWN, REVOKED_SHOWN, "hush"])
async def test_after_some_wrong_keys_all_are_too_many_and_all_ids_look_the_same(world: World, shown: str) -> None:
    expected = [401] * WRONG_KEYS.burst + [429] * 3
    assert await statuses(world, shown, len(expected)) == expected
    answer = await world.client.get("/station/status", headers={"Authorization": f"Bearer {shown}"})
    assert_problem(answer, Kind.TOO_MANY_REQUESTS)
    assert int(answer.headers["retry-after"]) >= 1


async def test_who_shows_wrong_secrets_of_a_key_does_not_keep_its_holder_out(world: World) -> None:
    assert (await statuses(world, WRONG_SHOWN, WRONG_KEYS.burst + 1))[-1] == 429
    assert await statuses(world, SHOWN[Role.ADMIN], 3) == [200] * 3
    assert await statuses(world, WRONG_SHOWN, 1) == [429], "a right one in between is no pardon"


async def test_a_new_key_lets_all_in_that_use_it_first_at_once(world: World, memory: FakeKeyMemory) -> None:
    key, shown = key_of("new", number=11)
    memory.keys[key.name] = key
    seen = await asyncio.gather(*(statuses(world, shown, 1) for _ in range(2 * WRONG_KEYS.burst)))
    assert seen == [[200]] * (2 * WRONG_KEYS.burst)


async def test_who_shows_another_key_from_the_same_address_is_not_kept_out(world: World) -> None:
    await statuses(world, WRONG_SHOWN, WRONG_KEYS.burst + 1)
    await statuses(world, UNKNOWN_SHOWN, WRONG_KEYS.burst + 1)
    assert await statuses(world, SHOWN[Role.OPERATOR], 3) == [200] * 3


async def test_many_at_once_are_not_more_than_one_after_the_other(world: World) -> None:
    guesses = [SHOWN[Role.ADMIN][:-2] + f"{number:02x}" for number in range(0x40, 0x80)]
    seen = await asyncio.gather(*(statuses(world, guess, 1) for guess in guesses))
    assert seen.count([401]) == WRONG_KEYS.burst
    assert seen.count([429]) == len(guesses) - WRONG_KEYS.burst


async def test_refused_keys_are_logged_seldom_counted_and_never_shown(world: World) -> None:
    with structlog.testing.capture_logs() as logged:
        await statuses(world, WRONG_SHOWN, 5)
    (line,) = logged
    assert (line["event"], line["remote"], line["why"]) == ("rest.key_refused", "127.0.0.1", "wrong")
    assert line["key_id"] == KEYS[Role.ADMIN][0].key_id
    assert WRONG_SHOWN not in repr(line)


# --- hosts, pages, headers, rates -------------------------------------------------------------------------------------


async def test_another_name_than_ours_is_refused_before_anything_else() -> None:
    async with entered_by(Door(None, Names(LOOPBACK_NAMES), 0)) as world:
        for path in ("/health", "/docs", "/station/status", "/nowhere"):
            assert_problem(await world.client.get(path), Kind.WRONG_HOST)
            assert_problem(await world.client.post(path), Kind.WRONG_HOST)
        answer = await world.client.get("/station/status", headers={"Host": "localhost:3000"})
        assert answer.status_code == 200
        assert world.audit.written == []


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_page_of_another_site_changes_nothing(headers: dict[str, str]) -> None:
    async with entered_by(Door(None, ANY_NAME, 0)) as world:
        for operation in OPERATIONS:
            method, path = operation.split()
            if method not in READING:
                assert_problem(await world.client.request(method, path, headers=headers), Kind.CROSS_SITE)
        assert (world.desk.facts, world.audit.written) == ([], [])
        assert (await world.client.get("/station/status", headers=headers)).status_code == 200, "nobody can read it"
        same = {"Origin": "http://station", "Sec-Fetch-Site": "same-origin"}
        assert (await world.client.put("/id-tags/A1B2", json={}, headers=same)).status_code == 200


async def test_every_answer_carries_what_keeps_browsers_from_harm(world: World) -> None:
    show(world, SHOWN[Role.VIEWER])
    world.desk.broken = True
    answers = [await world.client.get(path) for path in ("/health", "/station/status", "/nowhere", "/audit")]
    answers.append(await world.client.delete("/health"))
    show(world, "hush")
    answers.append(await world.client.get("/audit"))
    assert [answer.status_code for answer in answers] == [200, 200, 404, 403, 405, 401]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "access-control-allow-origin" not in answer.headers
    docs = await world.client.get("/docs")
    assert "style-src" in docs.headers["content-security-policy"], "the page's own"
    assert docs.headers["x-frame-options"] == "DENY"


async def test_a_fault_of_ours_carries_it_too() -> None:
    async with entered_by(UNGUARDED) as world:
        world.desk.broken = True
        answer = await world.client.post("/chargers/CP001/commands/ClearCache", json={})
        assert_problem(answer, Kind.INTERNAL)
        assert answer.headers["cache-control"] == "no-store"


async def test_too_many_requests_of_one_address_are_told_when_to_go_on() -> None:
    async with entered_by(Door(None, ANY_NAME, 1)) as world:
        answers = [await world.client.get("/health") for _ in range(10)]
        assert {answer.status_code for answer in answers} == {200}
        while answers[-1].status_code == 200:
            answers.append(await world.client.get("/health"))
        assert_problem(answers[-1], Kind.TOO_MANY_REQUESTS)
        assert answers[-1].headers["retry-after"] == "1"
        elsewhere = httpx2.ASGITransport(_app(world), client=("192.0.2.9", 1))
        async with httpx2.AsyncClient(transport=elsewhere, base_url="http://station") as other:
            assert (await other.get("/health")).status_code == 200, "others have their own"


def _app(world: World) -> Any:
    transport = world.client._transport
    assert isinstance(transport, httpx2.ASGITransport)
    return transport.app
