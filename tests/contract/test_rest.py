"""The documented REST API, call by call, over a desk that answers as it is told."""

import asyncio
import gc
import json
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from api import examples
from api.app import create_app
from api.gate import UNGUARDED, Door
from api.problems import FAULTS_MAX, Kind
from api.routes import transactions
from api.services import Services, SessionMemory
from api.turns import Turns
from csms.core.actions import ACTIONS
from csms.core.alarms import KINDS, Alarm
from csms.core.capabilities import Capabilities
from csms.core.configuration import parse_station
from csms.core.events import (
    BootInfo,
    ConnectorStatus,
    Fact,
    MakesTaught,
    PowerUpdated,
    SessionRequested,
    SessionStopRequested,
    StationConfigured,
    TermsRequested,
    TransactionCloseRequested,
)
from csms.core.ids import CampaignId, ChargerId, CommandId, RequestId, SessionId, TransactionId
from csms.core.learnt import Learnt, Make
from csms.core.records import (
    CampaignStored,
    CertificateRequest,
    CommandState,
    CommandStored,
    Driver,
    SessionStored,
)
from csms.core.replies import (
    ChargerView,
    ConnectorView,
    MakesShown,
    Outcome,
    Refusal,
    Refused,
    SessionEnded,
    SessionShown,
    SessionView,
    StationShown,
)
from csms.core.settings import Answer, Change
from csms.core.station import Station
from csms.core.terms import Terms
from csms.ocpp16.merging import Value
from csms.ports import (
    CampaignPosition,
    CommandPosition,
    SamplePosition,
    SamplesPage,
    StoreError,
    TransactionFilter,
    TransactionPosition,
)
from csms.runtime.charger_access import AccessBook, KeyTold
from csms.runtime.id_tags import TagBook
from csms.runtime.local_lists import LocalLists
from csms.runtime.messages import FRAMES, Messages
from csms.runtime.view import StationView
from csms.store import SqlStore, open_store
from tests.access_memory import AccessInMemory
from tests.certificates import CSR
from tests.contract.test_rest_openapi import OPENAPI
from tests.unit.runtime.audit_doubles import FakeAuditLedger, audit_book
from tests.unit.runtime.list_doubles import FakeListMemory
from tests.unit.runtime.tag_doubles import NOW_MS, FakeTagMemory, FixedClock
from tests.unit.store import samples as stored

NEW_ID = SessionId("00000000-0000-4000-8000-000000000001")
OLD_ID = SessionId("00000000-0000-4000-8000-000000000002")


def station_of(document: object) -> Station:
    station = parse_station(document)
    assert isinstance(station, Station)
    return station


def rest_session(session_id: SessionId = NEW_ID, **changes: Any) -> SessionView:
    values: dict[str, Any] = {
        "session_id": session_id,
        "driver": Driver.REST,
        "charger_id": ChargerId("CP001"),
        "idx": 1,
        "transaction_id": None,
        "allocated_w": 100_000,
        "target_w": 100_000,
        "vehicle_max_w": 150_000,
        "booked_w": 100_000,
        "consumed_w": None,
        "limited_by": "grid",
        "energy_wh": None,
        "started_ms": 1_700_000_000_000,
    }
    return SessionView(**values | changes)


def ocpp_session(**changes: Any) -> SessionView:
    values: dict[str, Any] = {
        "driver": Driver.OCPP,
        "transaction_id": TransactionId(4711),
        "allocated_w": 33_999,
        "vehicle_max_w": 149_250,
        "booked_w": 34_500,
        "consumed_w": 33_000,
    }
    return rest_session(OLD_ID, **values | changes)


REST_BODY = {
    "sessionId": NEW_ID,
    "connectorId": {"chargerId": "CP001", "idx": 1},
    "allocatedPower": 100,
    "vehicleMaxPower": 150,
}
OCPP_BODY = {
    "sessionId": OLD_ID,
    "connectorId": {"chargerId": "CP001", "idx": 1},
    "allocatedPower": 33,
    "vehicleMaxPower": 149.25,
    "allocatedPowerW": 33_999,
    "bookedPowerW": 34_500,
    "consumedPowerW": 33_000,
    "transactionId": 4711,
    "limitedBy": "grid",
}


class FakeDesk:
    """Notes every fact and answers with the next outcome told; with none told, it never answers."""

    def __init__(self) -> None:
        self.view = StationView(station_of(examples.STATION))
        self.facts: list[Fact] = []
        self.outcomes: deque[Outcome | Exception] = deque()
        self.open: list[asyncio.Future[Outcome]] = []
        self.asked = asyncio.Event()
        self.broken = False
        self.safe_mode_ends = 0

    def end_safe_mode(self) -> None:
        self.safe_mode_ends += 1

    def submit(self, fact: Fact) -> None:
        self.facts.append(fact)

    def ask(self, make_fact: Callable[[RequestId], Fact]) -> "asyncio.Future[Outcome]":
        if self.broken:
            raise RuntimeError("canary of an exception")
        self.facts.append(make_fact(RequestId(len(self.facts))))
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.open.append(answer)
        self.asked.set()
        if self.outcomes:
            outcome = self.outcomes.popleft()
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
        return answer


class FakeStore:
    """Knows which sessions ever existed."""

    def __init__(self) -> None:
        self.sessions: set[SessionId] = set()
        self.transactions: dict[int, SessionStored] = {}
        self.pages: list[SamplesPage] = []
        self.commands: dict[CommandId, CommandStored] = {}
        self.campaigns: dict[CampaignId, CampaignStored] = {}
        self.campaigns_listed: list[tuple[CampaignPosition | None, int]] = []
        self.listed: list[tuple[ChargerId | None, CommandState | None, CommandPosition | None, int]] = []
        self.asked: list[tuple[SamplePosition | None, int]] = []
        self.wanted: list[tuple[TransactionFilter, TransactionPosition | None, int]] = []
        self.broken = False

    async def find_session(self, session_id: SessionId) -> bool:
        if self.broken:
            raise StoreError
        return session_id in self.sessions

    async def read_command(self, command_id: CommandId) -> CommandStored | None:
        if self.broken:
            raise StoreError
        return self.commands.get(command_id)

    async def read_commands(
        self,
        charger_id: ChargerId | None,
        state: CommandState | None,
        before: CommandPosition | None,
        commands_max: int,
    ) -> tuple[CommandStored, ...]:
        if self.broken:
            raise StoreError
        self.listed.append((charger_id, state, before, commands_max))
        return tuple(self.commands.values())[:commands_max]

    async def read_reservations(self, charger_id: ChargerId | None) -> tuple[CommandStored, ...]:
        if self.broken:
            raise StoreError
        return tuple(each for each in self.commands.values() if charger_id in {None, each.charger_id})

    async def read_campaign(self, campaign_id: CampaignId) -> CampaignStored | None:
        if self.broken:
            raise StoreError
        return self.campaigns.get(campaign_id)

    async def read_campaigns(self, before: CampaignPosition | None, campaigns_max: int) -> tuple[CampaignStored, ...]:
        if self.broken:
            raise StoreError
        self.campaigns_listed.append((before, campaigns_max))
        return tuple(self.campaigns.values())[:campaigns_max]

    async def read_transaction(self, transaction_id: int) -> SessionStored | None:
        if self.broken:
            raise StoreError
        return self.transactions.get(transaction_id)

    async def read_transactions(
        self, wanted: TransactionFilter, before: TransactionPosition | None, transactions_max: int
    ) -> tuple[SessionStored, ...]:
        if self.broken:
            raise StoreError
        self.wanted.append((wanted, before, transactions_max))
        newest = sorted(self.transactions.values(), key=lambda s: (s.started_ms, s.transaction_id or 0), reverse=True)
        following = [
            s
            for s in newest
            if (before is None or (s.started_ms, s.transaction_id) < before)
            and (wanted.from_ms is None or s.started_ms >= wanted.from_ms)
            and (wanted.to_ms is None or s.started_ms < wanted.to_ms)
        ]
        return tuple(following[:transactions_max])

    async def read_samples(
        self, session: SessionStored, after: SamplePosition | None, elements_max: int
    ) -> SamplesPage:
        assert session in self.transactions.values()
        self.asked.append((after, elements_max))
        if not self.pages:
            raise StoreError
        return self.pages.pop(0)


@dataclass(frozen=True)
class Refusal1:
    charger_id: str = "CP009"
    remote: str = "192.0.2.17"
    path: str = "/ocpp/CP009"
    reason: str = "not configured"
    first_ms: int = 1_740_816_000_000
    last_ms: int = 1_740_816_300_007
    count: int = 6
    boot: BootInfo | None = None


class FakeCharger:
    """Hears its next key, and says of it what it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[ChargerId, str]] = []
        self.says = KeyTold.TAKEN
        self.asked = asyncio.Event()
        self.answers: asyncio.Event | None = None

    async def change_key(self, charger_id: ChargerId, key: str) -> KeyTold:
        self.heard.append((charger_id, key))
        self.asked.set()
        if self.answers is not None:
            await self.answers.wait()
        return self.says


@dataclass
class World:
    desk: FakeDesk
    store: FakeStore
    knocks: list[Refusal1]
    messages: Messages
    audit: FakeAuditLedger
    tags: TagBook
    lists: FakeListMemory
    access: AccessBook
    kept: AccessInMemory
    charger: FakeCharger
    client: httpx2.AsyncClient

    def tell(self, *outcomes: Outcome | Exception) -> None:
        self.desk.outcomes.extend(outcomes)

    async def post(self, path: str, body: object = None) -> httpx2.Response:
        return await self.client.post(path, json=body)

    async def post_text(self, path: str, text: str | bytes) -> httpx2.Response:
        return await self.client.post(path, content=text, headers={"Content-Type": "application/json"})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = FakeStore()
    async with world_of(store, store) as whole:
        yield whole


@asynccontextmanager
async def world_of(memory: SessionMemory, store: FakeStore, door: Door = UNGUARDED) -> AsyncIterator[World]:
    desk, knocks, messages, audit = FakeDesk(), [Refusal1()], Messages(), FakeAuditLedger()
    tags, lists = TagBook(FakeTagMemory(), FixedClock()), FakeListMemory()
    local_lists = LocalLists(lists, desk, tags, FixedClock(), lambda: NEW_ID)
    kept, charger = AccessInMemory(), FakeCharger()
    access = AccessBook(kept, FixedClock())
    services = Services(
        desk=desk,
        store=memory,
        knocking=lambda: knocks,
        new_id=lambda: NEW_ID,
        end_safe_mode=desk.end_safe_mode,
        virtual_tag="5E450001",
        time_zones={"UTC", "Europe/Paris"},
        id_tags=tags,
        messages=messages,
        audit=audit_book(audit),
        local_lists=local_lists,
        charger_access=access,
        change_key=charger.change_key,
        wall_ms=lambda: NOW_MS,
        wait_s=0,
    )
    app = create_app(services, door)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://station") as client:
        yield World(desk, store, knocks, messages, audit, tags, lists, access, kept, charger, client)
    await local_lists.close()


def assert_problem(answer: httpx2.Response, kind: Kind, status: int | None = None) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert answer.status_code == body["status"] == (status or kind.status), body
    assert body["type"] == kind.type
    assert body["title"] == kind.title
    assert body["error"] == body["detail"]
    assert 0 < len(body["error"]) < 120
    assert ("faults" in body) == (kind is Kind.INVALID)
    return body


def faults_in(answer: httpx2.Response) -> list[str]:
    return [f"{fault['path']}: {fault['error']}" for fault in assert_problem(answer, Kind.INVALID)["faults"]]


# --- what each call gives ---------------------------------------------------------------------------------------------


async def test_the_sessions_that_run_are_listed_and_shown(world: World) -> None:
    rest, ocpp = rest_session(), ocpp_session(charger_id=ChargerId("CP002"))
    world.desk.view.sessions.update({rest.session_id: rest, ocpp.session_id: ocpp})
    status = (await world.client.get("/station/status")).json()["sessions"]
    listed = (await world.client.get("/sessions")).json()["sessions"]
    assert listed == list(status.values())
    of_one = (await world.client.get("/sessions", params={"charger": ocpp.charger_id})).json()["sessions"]
    assert [each["sessionId"] for each in of_one] == [ocpp.session_id]
    assert (await world.client.get(f"/sessions/{rest.session_id}")).json() == {"session": status[rest.session_id]}
    assert_problem(await world.client.get("/sessions/none"), Kind.UNKNOWN_SESSION)


async def test_reservations_that_stand_are_listed(world: World) -> None:
    body = {"connectorId": 2, "expiryDate": "2026-11-27T08:00:00Z", "idTag": "TAG", "reservationId": 3}
    made = stored.command("c1", action="ReserveNow", body_json=json.dumps(body))
    world.store.commands[made.command_id] = made
    answer = await world.client.get("/reservations", params={"charger": made.charger_id})
    assert answer.json() == {
        "reservations": [
            {
                "reservationId": 3,
                "connectorId": {"chargerId": made.charger_id, "idx": 2},
                "idTag": "TAG",
                "expiryDate": "2026-11-27T08:00:00Z",
                "commandId": "c1",
            }
        ]
    }
    assert (await world.client.get("/reservations", params={"charger": "none"})).json() == {"reservations": []}
    world.store.broken = True
    assert_problem(await world.client.get("/reservations"), Kind.STORE_UNAVAILABLE)


async def test_health(world: World) -> None:
    answer = await world.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_configuration_is_shown_as_documented(world: World) -> None:
    answer = await world.client.get("/station/config")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == examples.STATION


async def test_a_configuration_is_stored_and_comes_back(world: World) -> None:
    stored = station_of(examples.STATION_WITH_OPTIONS)
    world.tell(StationShown(stored))
    answer = await world.post("/station/config", examples.STATION_WITH_OPTIONS)
    assert (answer.status_code, answer.json()) == (200, examples.STATION_WITH_OPTIONS)
    assert world.desk.facts == [StationConfigured(stored, RequestId(0))]


async def test_a_faulty_configuration_changes_nothing_and_every_fault_is_named(world: World) -> None:
    charger = {"id": "CP001", "maxPower": 200, "connectors": 2}
    answer = await world.post(
        "/station/config", {"stationId": "S", "gridCapacity": -1, "chargers": [charger, charger], "battery": {}}
    )
    assert faults_in(answer) == [
        "$.gridCapacity: must be from 0 to 1000000",
        "$.chargers[1].id: is the same as $.chargers[0].id",
        "$.battery.initialCapacity: is missing",
        "$.battery.power: is missing",
    ]
    assert answer.json()["error"] == "The request has 4 faults; nothing was changed."
    assert world.desk.facts == []


async def test_the_list_of_faults_is_bounded(world: World) -> None:
    answer = await world.post("/station/config", {"stationId": "S", "gridCapacity": 1, "chargers": [1] * 9_000})
    assert len(faults_in(answer)) == FAULTS_MAX
    assert (
        answer.json()["error"] == "The request has 9000 faults, of which the first 100 are listed; nothing was changed."
    )


async def test_time_zones_are_those_of_this_machine(world: World) -> None:
    answer = await world.post("/station/config", examples.STATION | {"timeZone": "Europe/Nowhere"})
    assert faults_in(answer) == ["$.timeZone: is not a known IANA time zone"]


async def test_status_shows_active_sessions_by_id(world: World) -> None:
    assert (await world.client.get("/station/status")).json() == {"sessions": {}}
    world.desk.view.sessions = {NEW_ID: rest_session(), OLD_ID: ocpp_session()}
    answer = await world.client.get("/station/status")
    assert answer.json() == {"sessions": {NEW_ID: REST_BODY, OLD_ID: OCPP_BODY}}


async def test_a_session_that_is_only_observed_says_so(world: World) -> None:
    world.desk.view.sessions[OLD_ID] = ocpp_session(observed=True)
    answer = await world.client.get("/station/status")
    assert answer.json() == {"sessions": {OLD_ID: OCPP_BODY | {"mode": "observe"}}}


async def test_a_session_over_rest_has_the_documented_fields_and_no_other(world: World) -> None:
    world.tell(SessionShown(rest_session()))
    answer = await world.post("/sessions", examples.SESSION_REQUEST)
    assert (answer.status_code, answer.json()) == (200, {"session": REST_BODY})
    assert world.desk.facts == [SessionRequested(RequestId(0), ChargerId("CP001"), 1, 150_000, "5E450001", NEW_ID)]


async def test_a_session_over_ocpp_has_watts_too(world: World) -> None:
    world.tell(SessionShown(ocpp_session()))
    answer = await world.post("/sessions", examples.SESSION_REQUEST_WITH_TAG)
    assert (answer.status_code, answer.json()) == (200, {"session": OCPP_BODY})
    (fact,) = world.desk.facts
    assert isinstance(fact, SessionRequested)
    assert fact.id_tag == "04A2B3C4D5E680"


async def test_what_is_not_known_of_a_session_is_left_out(world: World) -> None:
    world.tell(SessionShown(ocpp_session(transaction_id=None, consumed_w=None, allocated_w=0, limited_by="no_room")))
    body = (await world.post("/sessions", examples.SESSION_REQUEST)).json()["session"]
    assert not {"transactionId", "consumedPowerW"} & set(body)
    assert (body["allocatedPower"], body["allocatedPowerW"], body["limitedBy"]) == (0, 0, "no_room")


@pytest.mark.parametrize(
    ("allocated_w", "vehicle_max_w", "shown"),
    [
        (133_333, 133_333, "133 133.333"),
        (133_999, 150_000, "133 150"),
        (999, 999, "0 0.999"),
        (0, 0, "0 0"),
        (1_000_000_000, 1_000_000_000, "1000000 1000000"),
    ],
)
async def test_kilowatts_of_an_allocation_are_rounded_down(
    world: World, allocated_w: int, vehicle_max_w: int, shown: str
) -> None:
    world.tell(SessionShown(rest_session(allocated_w=allocated_w, vehicle_max_w=vehicle_max_w)))
    session = (await world.post("/sessions", examples.SESSION_REQUEST)).json()["session"]
    assert f"{session['allocatedPower']} {session['vehicleMaxPower']}" == shown


@pytest.mark.parametrize(
    ("body", "consumed_w", "echo_w"),
    [
        ({"consumedPower": 150}, 150_000, None),
        ({"consumedPower": 98.4}, 98_400, None),
        ({"consumedPower": 33.333}, 33_333, None),
        ({"consumedPower": 0}, 0, None),
        ({"consumedPower": 98.4, "allocatedPower": 100}, 98_400, 100_000),
        ({"consumedPower": 0, "allocatedPower": 0}, 0, 0),
    ],
)
async def test_a_power_update(world: World, body: dict[str, Any], consumed_w: int, echo_w: int | None) -> None:
    world.tell(SessionShown(rest_session(OLD_ID)))
    answer = await world.post(f"/sessions/{OLD_ID}/power-update", body)
    assert answer.status_code == 200
    assert answer.json()["session"]["sessionId"] == OLD_ID
    assert world.desk.facts == [PowerUpdated(RequestId(0), OLD_ID, consumed_w, echo_w)]


async def test_stopping_an_active_session(world: World) -> None:
    world.desk.view.sessions = {OLD_ID: rest_session(OLD_ID)}
    world.store.broken = True  # the core knows it: nobody else is asked
    world.tell(SessionEnded())
    answer = await world.client.post(f"/sessions/{OLD_ID}/stop")
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.desk.facts == [SessionStopRequested(RequestId(0), OLD_ID, ended_before=False)]


@pytest.mark.parametrize("ended_before", [True, False])
async def test_stopping_a_session_that_the_core_no_longer_knows(world: World, *, ended_before: bool) -> None:
    world.store.sessions = {OLD_ID} if ended_before else set()
    outcome = SessionEnded() if ended_before else Refused(Refusal.UNKNOWN_SESSION, "canary")
    world.tell(outcome)
    answer = await world.client.post(f"/sessions/{OLD_ID}/stop")
    assert answer.status_code == (204 if ended_before else 404)
    assert world.desk.facts == [SessionStopRequested(RequestId(0), OLD_ID, ended_before)]


async def test_the_terms_of_a_session_are_said_and_shown(world: World) -> None:
    world.desk.view.sessions[OLD_ID] = ocpp_session()
    world.tell(SessionShown(ocpp_session(weight=2, priority=5)))
    answer = await world.client.put(f"/sessions/{OLD_ID}/share", json=examples.SHARE_REQUEST)
    assert (answer.status_code, answer.json()) == (200, {"session": OCPP_BODY | {"weight": 2, "priority": 5}})
    assert world.desk.facts == [TermsRequested(RequestId(0), OLD_ID, Terms(2, 5))]
    assert_problem(await world.client.put(f"/sessions/{NEW_ID}/share", json={}), Kind.UNKNOWN_SESSION)


async def test_the_terms_of_a_new_session_are_its_own_and_those_of_its_tag(world: World) -> None:
    world.tell(SessionShown(rest_session()))
    await world.post("/sessions", examples.SESSION_REQUEST | {"weight": 3})
    (fact,) = world.desk.facts
    assert isinstance(fact, SessionRequested)
    assert (fact.terms, fact.tag_terms) == (Terms(weight=3), Terms())


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"weight": 0}, "$.weight: must be a whole number from 1 to 100"),
        ({"weight": 101}, "$.weight: must be a whole number from 1 to 100"),
        ({"weight": None}, "$.weight: must be a whole number from 1 to 100"),
        ({"priority": -1}, "$.priority: must be a whole number from 0 to 9"),
        ({"priority": "1"}, "$.priority: must be a whole number from 0 to 9"),
        ({"share": 1}, "$.share: unknown field"),
    ],
)
async def test_terms_that_cannot_be(world: World, body: dict[str, Any], fault: str) -> None:
    assert faults_in(await world.client.put(f"/sessions/{OLD_ID}/share", json=body)) == [fault]
    assert not world.desk.facts


async def test_who_knocks(world: World) -> None:
    world.knocks.append(Refusal1(charger_id="\udcff<b>", path="/\x1b[2J", count=1))
    boot = BootInfo("V\udcff", "M", "SN", firmware_version="1.2", iccid="8949", imsi="26201", meter_serial_number="7")
    world.knocks += [Refusal1(boot=boot), Refusal1(boot=BootInfo("", "M", charge_box_serial_number="BOX"))]
    answer = await world.client.get("/chargers/knocking")
    first, second, third, fourth = answer.json()["knocking"]
    assert first == {
        "chargerId": "CP009",
        "remote": "192.0.2.17",
        "path": "/ocpp/CP009",
        "reason": "not configured",
        "firstSeen": "2025-03-01T08:00:00.000Z",
        "lastSeen": "2025-03-01T08:05:00.007Z",
        "count": 6,
    }
    assert (second["chargerId"], second["path"]) == ("?<b>", "/\x1b[2J")
    said = {"vendor": "V?", "model": "M", "serialNumber": "SN", "firmwareVersion": "1.2"}
    assert third == first | said, "of the SIM card and the meter nothing is shown"
    assert fourth == first | {"model": "M", "serialNumber": "BOX"}
    assert answer.headers["content-type"] == "application/json"


async def test_safe_mode_is_ended_by_an_operator(world: World) -> None:
    answer = await world.client.post("/station/safe-mode/end")
    assert (answer.status_code, answer.content, world.desk.safe_mode_ends) == (204, b"", 1)


async def test_what_stands_alarms_first(world: World) -> None:
    assert (await world.client.get("/alarms")).json() == {"alarms": []}
    since_ms = 1_740_816_000_000
    standing = (
        Alarm("battery_not_used", "", "a battery", since_ms - 5),
        Alarm("overbooked", "grid", "2 W are booked of 1 W", since_ms + 7),
        Alarm("not_obeying", "A#2", "80 kW", since_ms, ChargerId("A"), 2),
    )
    world.desk.view.notices = {alarm.alarm_id: alarm for alarm in standing}
    first, second, third = (await world.client.get("/alarms")).json()["alarms"]
    assert [one["id"] for one in (first, second, third)] == ["not_obeying:A#2", "overbooked:grid", "battery_not_used"]
    assert first == {
        "id": "not_obeying:A#2",
        "kind": "not_obeying",
        "severity": "alarm",
        "since": "2025-03-01T08:00:00.000Z",
        "chargerId": "A",
        "connector": 2,
        "subject": "A#2",
        "cause": "80 kW",
        "meaning": KINDS["not_obeying"].meaning,
        "toDo": KINDS["not_obeying"].to_do,
    }
    assert second.keys() == first.keys() - {"chargerId", "connector"}
    assert third.keys() == second.keys() - {"subject"}


# --- what can go wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal.UNKNOWN_CONNECTOR, 404),
        (Refusal.CONNECTOR_IN_USE, 409),
        (Refusal.NOT_CONTROLLED, 409),
        (Refusal.UNKNOWN_SESSION, 404),
        (Refusal.CHARGER_OFFLINE, 503),
        (Refusal.CHARGER_REFUSED, 502),
        (Refusal.CHARGER_SILENT, 504),
        (Refusal.TOO_MANY_MAKES, 409),
    ],
)
async def test_refusals(world: World, refusal: Refusal, status: int) -> None:
    calls = ("/sessions", examples.SESSION_REQUEST), (f"/sessions/{OLD_ID}/stop", None)
    for path, body in calls:
        world.tell(Refused(refusal, "The core's own sentence."))
        problem = assert_problem(await world.post(path, body), Kind[refusal.name], status)
        own_words = refusal in {Refusal.UNKNOWN_CONNECTOR, Refusal.UNKNOWN_SESSION}
        assert problem["error"] == (Kind[refusal.name].meaning if own_words else "The core's own sentence.")


@pytest.mark.parametrize(
    ("detail", "error"),
    [
        ("the charger is offline", "The charger is offline."),
        ("the charger answered with error \udcff", "The charger answered with error ?."),
        ("x" * 5_000, "X" + "x" * 299 + "."),
    ],
)
async def test_the_reason_of_a_refusal_is_a_sentence_that_can_be_sent(world: World, detail: str, error: str) -> None:
    world.tell(Refused(Refusal.CHARGER_REFUSED, detail))
    answer = await world.post("/sessions", examples.SESSION_REQUEST)
    assert (answer.status_code, answer.json()["error"]) == (502, error)


CHANGES = [
    ("/station/config", examples.STATION),
    ("/sessions", examples.SESSION_REQUEST),
    (f"/sessions/{OLD_ID}/power-update", examples.POWER_UPDATE),
    (f"/sessions/{OLD_ID}/stop", None),
]


@pytest.mark.parametrize(("path", "body"), CHANGES)
async def test_what_could_not_be_stored_did_not_happen(world: World, path: str, body: object) -> None:
    world.tell(StoreError())
    assert_problem(await world.post(path, body), Kind.STORE_UNAVAILABLE, 503)


async def test_a_store_that_cannot_be_asked(world: World) -> None:
    world.store.broken = True
    assert_problem(await world.post(f"/sessions/{OLD_ID}/stop"), Kind.STORE_UNAVAILABLE)
    assert world.desk.facts == []


@pytest.mark.parametrize(("path", "body"), CHANGES)
async def test_giving_up_waiting_leaves_the_request_with_the_core(world: World, path: str, body: object) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    assert_problem(await world.post(path, body), Kind.NOT_YET, 504)
    (late,) = world.desk.open
    assert not late.done()
    late.set_exception(StoreError())
    await asyncio.sleep(0)
    world.desk.open.clear()
    del late
    gc.collect()
    assert complaints == []


async def test_a_client_may_wait_longer(world: World) -> None:
    request = asyncio.create_task(world.post("/sessions?wait=300", examples.SESSION_REQUEST))
    await world.desk.asked.wait()
    for _ in range(20):  # with the server's own wait of 0 s it would have been answered by now
        await asyncio.sleep(0)
    assert not request.done()
    world.desk.open[0].set_result(SessionShown(ocpp_session()))
    assert (await request).status_code == 200


@pytest.mark.parametrize("wait", ["0", "301", "-1", "soon", "1.5", "", "1e2", "NaN", "%D9%A3", "9999999999"])
@pytest.mark.parametrize(("path", "body"), [CHANGES[1], CHANGES[3]])
async def test_a_wait_that_is_none(world: World, path: str, body: object, wait: str) -> None:
    answer = await world.post(f"{path}?wait={wait}", body)
    assert faults_in(answer) == ["?wait: must be a whole number of seconds from 1 to 300"]
    assert world.desk.facts == []


async def test_a_fault_of_ours_is_logged_and_not_told(world: World) -> None:
    world.desk.broken = True
    with structlog.testing.capture_logs() as lines:
        answer = await world.post("/sessions", examples.SESSION_REQUEST)
    assert "canary" not in answer.text
    assert_problem(answer, Kind.INTERNAL, 500)
    (line,) = lines
    assert (line["event"], line["method"], line["path"]) == ("request.failed", "POST", "/sessions")
    assert line["exc_info"]


@pytest.mark.parametrize(
    ("method", "path", "kind", "allow"),
    [
        ("GET", "/", Kind.NOT_FOUND, None),
        ("GET", "/nothing/here", Kind.NOT_FOUND, None),
        ("GET", "/station/config/", Kind.NOT_FOUND, None),
        ("GET", "/redoc", Kind.NOT_FOUND, None),
        ("POST", "/sessions//stop", Kind.NOT_FOUND, None),
        ("POST", "/sessions/a%2Fb/stop", Kind.NOT_FOUND, None),
        ("DELETE", "/sessions", Kind.METHOD_NOT_ALLOWED, "GET, POST"),
        ("DELETE", "/station/config", Kind.METHOD_NOT_ALLOWED, "GET, POST"),
        ("POST", "/health", Kind.METHOD_NOT_ALLOWED, "GET"),
        ("GET", f"/sessions/{OLD_ID}/stop", Kind.METHOD_NOT_ALLOWED, "POST"),
        ("POST", "/sessions/%00/stop", Kind.UNKNOWN_SESSION, None),
        ("POST", "/sessions/%ff/stop", Kind.UNKNOWN_SESSION, None),
        ("POST", f"/sessions/{'a' * 65}/stop", Kind.UNKNOWN_SESSION, None),
        ("POST", "/sessions/canary;drop/stop", Kind.UNKNOWN_SESSION, None),
    ],
)
async def test_paths_and_methods(world: World, method: str, path: str, kind: Kind, allow: str | None) -> None:
    answer = await world.client.request(method, path)
    assert_problem(answer, kind)
    assert answer.headers.get("allow") == allow
    assert "canary" not in answer.text
    assert world.desk.facts == []


# --- bodies -----------------------------------------------------------------------------------------------------------


def session_request(**changes: Any) -> dict[str, Any]:
    return examples.SESSION_REQUEST | changes


KILO = "must be from 0 to 1000000"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ('{"vehicleMaxPower": "150"}', ["$.connectorId: is missing", "$.vehicleMaxPower: must be a number"]),
        ("{}", ["$.connectorId: is missing", "$.vehicleMaxPower: is missing"]),
        ("[]", ["$: must be an object"]),
        ("null", ["$: must be an object"]),
        ('"x"', ["$: must be an object"]),
        *(
            (json.dumps(session_request()).replace("150", number), [f"$.vehicleMaxPower: {error}"])
            for number, error in [
                ('"150"', "must be a number"),
                ("true", "must be a number"),
                ("null", "must be a number"),
                ("[150]", "must be a number"),
                ("-1", KILO),
                ("-0.001", KILO),
                ("1000001", KILO),
                ("1000000.001", KILO),
                ("1e999", KILO),
                ("-1e999", KILO),
                ("1e99999999999999999999", KILO),
                ("9" * 400, KILO),
                ("33.3333", "must have at most three decimals"),
            ]
        ),
        *(
            (json.dumps(session_request()).replace('"idx": 1', f'"idx": {idx}'), [f"$.connectorId.idx: {error}"])
            for idx, error in [
                ('"1"', "must be a whole number"),
                ("true", "must be a whole number"),
                ("1.5", "must be a whole number"),
                ("1.0", "must be a whole number"),
                ("null", "must be a whole number"),
            ]
        ),
        (json.dumps(session_request(connectorId="CP001")), ["$.connectorId: must be an object"]),
        (json.dumps(session_request(connectorId=None)), ["$.connectorId: must be an object"]),
        (
            json.dumps(session_request(connectorId={"chargerId": 1, "idx": 1})),
            ["$.connectorId.chargerId: must be text"],
        ),
        (
            json.dumps(session_request(connectorId={"chargerId": "", "idx": 1, "x": 1})),
            ["$.connectorId.chargerId: must have 1 to 48 characters", "$.connectorId.x: unknown field"],
        ),
        (json.dumps(session_request(surprise=1)), ["$.surprise: unknown field"]),
        (json.dumps(session_request(idtag="A")), ["$.idtag: unknown field, idTag is meant"]),
        (json.dumps(session_request(**{"<b>": 1})), ["$: unknown field"]),
        *(
            (
                json.dumps(session_request(idTag=tag)),
                ["$.idTag: must be 1 to 20 printable ASCII characters without spaces"],
            )
            for tag in ["", "x" * 21, "a b", "é", "a\n", 1, None, "\ud800"]
        ),
        ('{"vehicleMaxPower": NaN}', ["$.vehicleMaxPower: line 1, column 21: NaN is not a JSON number"]),
        ('{"vehicleMaxPower": -Infinity}', ["$.vehicleMaxPower: line 1, column 21: -Infinity is not a JSON number"]),
        ('{"a": 1, "a": 1}', ["$.a: line 1, column 10: the same key a second time in one object"]),
        ('{"connectorId": ', ["$: line 1, column 17: not JSON: Expecting value"]),
        ("", ["$: line 1, column 1: not JSON: Expecting value"]),
        ("[" * 5_000, ["$: line 1, column 33: nested more than 32 deep"]),
    ],
)
async def test_bodies_are_strict(world: World, text: str, faults: list[str]) -> None:
    answer = await world.post_text("/sessions", text)
    assert faults_in(answer) == faults
    assert world.desk.facts == []


async def test_a_body_that_is_not_utf8(world: World) -> None:
    answer = await world.post_text("/sessions", b'{"idTag": "\xff"}')
    assert faults_in(answer) == ["$: line 1: not UTF-8 text"]


@pytest.mark.parametrize("idx", [0, -1, 3, 10**17, 10**400, -(10**400)])
async def test_a_connector_that_is_a_number_but_not_there_is_for_the_core_to_refuse(world: World, idx: int) -> None:
    world.tell(Refused(Refusal.UNKNOWN_CONNECTOR, "canary"))
    answer = await world.post("/sessions", session_request(connectorId={"chargerId": "CP001", "idx": idx}))
    assert "canary" not in answer.text
    assert_problem(answer, Kind.UNKNOWN_CONNECTOR, 404)
    (fact,) = world.desk.facts
    assert isinstance(fact, SessionRequested)
    assert fact.idx == max(-(10**18), min(10**18, idx))


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, ["$.consumedPower: is missing"]),
        ({"consumedPower": "150"}, ["$.consumedPower: must be a number"]),
        ({"consumedPower": False}, ["$.consumedPower: must be a number"]),
        ({"consumedPower": -1}, [f"$.consumedPower: {KILO}"]),
        ({"consumedPower": 1, "vehicleMaxPower": 1}, ["$.vehicleMaxPower: unknown field"]),
        *(
            (
                {"consumedPower": 1, "allocatedPower": echo},
                ["$.allocatedPower: must be a whole number from 0 to 1000000"],
            )
            for echo in ["100", 1.5, 99.0, -1, 1_000_001, True, None]
        ),
    ],
)
async def test_power_updates_are_strict(world: World, body: object, faults: list[str]) -> None:
    assert faults_in(await world.post(f"/sessions/{OLD_ID}/power-update", body)) == faults
    assert world.desk.facts == []


@pytest.mark.parametrize(("path", "body"), CHANGES[:3])
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json-seq"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
async def test_only_json_is_read(world: World, path: str, body: object, headers: dict[str, str]) -> None:
    answer = await world.client.post(path, content=json.dumps(body).encode(), headers=headers)
    assert_problem(answer, Kind.UNSUPPORTED_MEDIA_TYPE, 415)
    assert world.desk.facts == []


async def test_json_may_say_its_character_set(world: World) -> None:
    world.tell(SessionShown(rest_session()))
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    content = json.dumps(examples.SESSION_REQUEST).encode()
    assert (await world.client.post("/sessions", content=content, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("path", "kibibytes"),
    [("/sessions", 64), (f"/sessions/{OLD_ID}/power-update", 64), ("/station/config", 1024)],
)
async def test_bodies_are_bounded_while_they_stream_in(world: World, path: str, kibibytes: int) -> None:
    def padded(size: int) -> bytes:
        return b" " * (size - 2) + b"{}"

    fits, too_large = padded(kibibytes * 1024), padded(kibibytes * 1024 + 1)
    assert faults_in(await world.post_text(path, fits))
    assert_problem(await world.post_text(path, too_large), Kind.BODY_TOO_LARGE, 413)

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024

    answer = await world.client.post(path, content=endless(), headers={"Content-Type": "application/json"})
    assert_problem(answer, Kind.BODY_TOO_LARGE, 413)
    assert sent == (kibibytes + 1) * 1024
    assert world.desk.facts == []


@pytest.mark.parametrize("length", ["-1", "x", "9" * 5000, "65537"])
async def test_announced_lengths(world: World, length: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": length}
    answer = await world.client.post("/sessions", content=b"{}", headers=headers)
    assert_problem(answer, Kind.BODY_TOO_LARGE, 413)


@pytest.mark.parametrize(("path", "body"), CHANGES[:3])
async def test_the_input_is_never_echoed(world: World, path: str, body: dict[str, Any]) -> None:
    canary = "canary & <canary>"
    for key in body:
        answer = await world.post(path, body | {key: canary, canary: canary})
        assert answer.status_code == 422
        assert "canary" not in answer.text


# --- documentation ----------------------------------------------------------------------------------------------------


async def test_the_documentation_needs_no_other_request(world: World) -> None:
    answer = await world.client.get("/docs")
    page = answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert re.findall(r"<script|<link|<img|<iframe|\bsrc=|@import|url\(|\sstyle=|\son\w+=", page) == []
    targets = set(re.findall(r'href="([^"]*)"', page))
    assert {target for target in targets if not target.startswith("#")} == {"/openapi.json"}
    identifiers = re.findall(r'id="([^"]*)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert {target[1:] for target in targets if target.startswith("#")} <= set(identifiers)
    assert {kind.type for kind in Kind} <= {f"/docs#{identifier}" for identifier in identifiers}
    for path, methods in OPENAPI["paths"].items():
        assert all(f">{method.upper()}</span> <code>{path}</code>" in page for method in methods)


async def test_the_documentation_covers_the_documented_calls(world: World) -> None:
    served = (await world.client.get("/openapi.json")).json()
    assert served == OPENAPI
    assert {(method, path) for path, methods in served["paths"].items() for method in methods} == {
        ("get", "/health"),
        ("get", "/station/config"),
        ("post", "/station/config"),
        ("get", "/station/status"),
        ("get", "/sessions"),
        ("get", "/sessions/{id}"),
        ("get", "/sessions/{id}/explain"),
        ("post", "/station/simulate"),
        ("get", "/reservations"),
        ("post", "/sessions"),
        ("post", "/sessions/{id}/power-update"),
        ("put", "/sessions/{id}/share"),
        ("post", "/sessions/{id}/stop"),
        ("get", "/transactions"),
        ("get", "/transactions/export"),
        ("get", "/transactions/{transactionId}"),
        ("post", "/transactions/{transactionId}/close"),
        ("get", "/id-tags"),
        ("get", "/id-tags/export"),
        ("post", "/id-tags/import"),
        ("get", "/id-tags/{idTag}"),
        ("put", "/id-tags/{idTag}"),
        ("delete", "/id-tags/{idTag}"),
        ("post", "/chargers/{chargerId}/key"),
        ("get", "/chargers/{chargerId}/key"),
        ("delete", "/chargers/{chargerId}/key"),
        ("delete", "/chargers/{chargerId}/security-profile"),
        ("get", "/chargers/knocking"),
        ("get", "/chargers"),
        ("get", "/chargers/{chargerId}"),
        ("get", "/chargers/{chargerId}/messages"),
        ("put", "/chargers/{chargerId}/maintenance"),
        ("delete", "/chargers/{chargerId}/maintenance"),
        ("put", "/chargers/{chargerId}/connectors/{idx}/maintenance"),
        ("delete", "/chargers/{chargerId}/connectors/{idx}/maintenance"),
        ("post", "/chargers/{chargerId}/local-list"),
        ("get", "/chargers/{chargerId}/local-list"),
        ("delete", "/chargers/{chargerId}/local-list"),
        ("get", "/reports/energy-continuity"),
        ("post", "/station/safe-mode/end"),
        ("get", "/station/capacity-events"),
        ("put", "/station/capacity-events/{id}"),
        ("delete", "/station/capacity-events/{id}"),
        ("post", "/station/grid-operator/heartbeat"),
        ("get", "/station/meter"),
        ("put", "/station/meter"),
        ("put", "/station/battery"),
        ("get", "/alarms"),
        ("get", "/makes"),
        ("post", "/makes"),
        ("get", "/commands"),
        ("get", "/commands/{id}"),
        ("post", "/campaigns"),
        ("get", "/audit"),
        ("get", "/campaigns"),
        ("get", "/campaigns/{id}"),
        ("post", "/campaigns/{id}/stop"),
        ("post", "/campaigns/{id}/resume"),
        *((method, "/chargers/{chargerId}/release") for method in ("post", "get", "delete")),
        *(("post", f"/chargers/{{chargerId}}/commands/{action}") for action in (*ACTIONS, "SetChargingProfile")),
    }


# --- chargers ---------------------------------------------------------------------------------------------------------

BOOT = BootInfo("Vendor\ud800", "Model", "SN1", firmware_version="2")


def charger_view(charger_id: str, **changes: Any) -> ChargerView:
    values: dict[str, Any] = {"online": False, "served": True, "provisioned": True, "booked_w": 0}
    return ChargerView(ChargerId(charger_id), **values | changes)


async def test_a_charger_with_all_that_is_known_of_it(world: World) -> None:
    view = world.desk.view
    view.sessions[OLD_ID] = ocpp_session()
    common: dict[str, Any] = {"provisioned": True, "not_obeying": False, "out_of_service": False}
    one = ConnectorView(1, ConnectorStatus.CHARGING, 1_700_000_000_000, OLD_ID, 34_500, 33_999, **common)
    two = ConnectorView(2, None, None, None, 0, None, **common)
    view.chargers[ChargerId("CP001")] = charger_view(
        "CP001",
        online=True,
        booked_w=34_500,
        boot=BOOT,
        connected_ms=1_700_000_000_000,
        address="192.0.2.1",
        connectors=(one, two),
        fail_safe_w=0,
        settings={"NumberOfConnectors": "2", "Bare": None},
        capabilities=Capabilities(connectors=2, feature_profiles=frozenset({"core"})),
        changes={"MeterValueSampleInterval": Change("60", "10", Answer.ACCEPTED)},
        certificate_request=CertificateRequest(CSR, 1_700_000_000_000),
    )
    view.makes[Make("Vendor\ud800", "Model", "2")] = Learnt(pauses=False)
    view.notices["uncommanded:CP001#1"] = Alarm("uncommanded", "CP001#1", "1 W", 7, ChargerId("CP001"), 1)
    view.notices["never_seen:CP002"] = Alarm("never_seen", "CP002", "1 W", 7, ChargerId("CP002"))
    shown = (await world.client.get("/chargers/CP001")).json()
    assert [alarm["kind"] for alarm in shown.pop("alarms")] == ["uncommanded"]
    flags = {"provisioned": True, "notObeying": False, "outOfService": False}
    assert shown == {
        "charger": {
            "chargerId": "CP001",
            "maxPower": 200,
            "boot": {"vendor": "Vendor?", "model": "Model", "serialNumber": "SN1", "firmwareVersion": "2"},
            "connection": {"since": "2023-11-14T22:13:20.000Z", "address": "192.0.2.1"},
            "connectors": [
                {
                    "idx": 1,
                    "status": "Charging",
                    "statusSince": "2023-11-14T22:13:20.000Z",
                    "session": OCPP_BODY,
                    "bookedPower": 34.5,
                    "confirmedPower": 33.999,
                    **flags,
                },
                {"idx": 2, "bookedPower": 0, **flags},
            ],
            "bookedPower": 34.5,
            "failSafePower": 0,
            "provisioned": True,
            "draining": False,
            "identityConflict": False,
            "refusing": False,
            "caps": [],
            "mode": "control",
        },
        "capabilities": {"connectors": 2, "featureProfiles": ["core"]},
        "settings": {"NumberOfConnectors": "2", "Bare": ""},
        "changedSettings": {"MeterValueSampleInterval": {"before": "60", "value": "10", "answer": "accepted"}},
        "learnt": {"vendor": "Vendor?", "model": "Model", "firmwareVersion": "2", "pauses": False},
        "certificateRequest": {"askedAt": "2023-11-14T22:13:20.000Z", "csr": CSR},
    }
    assert_problem(await world.client.get("/chargers/CP999"), Kind.UNKNOWN_CHARGER)


async def test_chargers_come_in_pages_by_their_ids(world: World) -> None:
    for charger_id in ("CP003", "CP001", "GONE"):
        world.desk.view.chargers[ChargerId(charger_id)] = charger_view(charger_id, draining=charger_id == "GONE")
    first = (await world.client.get("/chargers?limit=2")).json()
    assert ([one["chargerId"] for one in first["chargers"]], first["nextCursor"]) == (["CP001", "CP003"], "CP003")
    second = (await world.client.get("/chargers?limit=2&cursor=CP003")).json()
    assert [(one["chargerId"], "maxPower" in one) for one in second["chargers"]] == [("GONE", False)]
    assert "nextCursor" not in second
    assert_problem(await world.client.get("/chargers?limit=501"), Kind.INVALID)


async def test_the_last_messages_of_a_charger_without_secrets(world: World) -> None:
    charger_id = ChargerId("CP001")
    world.desk.view.chargers[charger_id] = charger_view("CP001")
    assert (await world.client.get("/chargers/CP001/messages")).json() == {"messages": []}
    world.messages.record(charger_id, "received", '[2,"1","Authorize",{"idTag":"ABCD12345678","x":null}]', 7)
    world.messages.record(charger_id, "sent", '[3,"1",{"idTagInfo":{"status":"Accepted"}}]', 1008)
    world.messages.record(charger_id, "received", '{"csr":"x\ud800', 1009)
    first, second, third = (await world.client.get("/chargers/CP001/messages")).json()["messages"]
    assert first == {
        "at": "1970-01-01T00:00:00.007Z",
        "direction": "received",
        "action": "Authorize",
        "message": [2, "1", "Authorize", {"idTag": "ABCD***", "x": None}],
        "sizeBytes": 53,
        "cut": False,
    }
    assert (second["direction"], second["action"]) == ("sent", "Authorize")
    assert (third["text"], "message" in third, "action" in third) == ('{"csr":"***"', False, False)
    answer = await world.client.get("/chargers/CP001/messages?limit=2")
    assert answer.json()["messages"] == [second, third]
    assert_problem(await world.client.get(f"/chargers/CP001/messages?limit={FRAMES + 1}"), Kind.INVALID)
    assert_problem(await world.client.get("/chargers/CP999/messages"), Kind.UNKNOWN_CHARGER)


async def test_the_energy_of_a_day_that_belongs_to_nobody(world: World) -> None:
    begun = {"started_ms": 1_700_000_900_000, "meter_start_wh": 9_420}
    for row in (stored.ended("s7", 7), stored.ended("s8", 8, **begun)):
        world.store.transactions[row.transaction_id or 0] = row
    report = (await world.client.get("/reports/energy-continuity?day=2023-11-14")).json()
    assert report == {
        "day": "2023-11-14",
        "timeZone": "UTC",
        "unaccountedWh": 420,
        "connectors": [
            {
                "connectorId": {"chargerId": "CP001", "idx": 1},
                "transactions": 2,
                "breaks": [
                    {
                        "kind": "gap",
                        "differenceWh": 420,
                        "before": {"transactionId": 7, "at": "2023-11-14T22:23:20.000Z", "registerWh": 9_000},
                        "after": {"transactionId": 8, "at": "2023-11-14T22:28:20.000Z", "registerWh": 9_420},
                    }
                ],
            }
        ],
    }
    for query in ("", "?day=", "?day=2023-11-31", "?day=2023-1-1", "?day=0001-01-01", "?day=9999-12-31"):
        assert_problem(await world.client.get(f"/reports/energy-continuity{query}"), Kind.INVALID)
    world.store.broken = True
    assert_problem(await world.client.get("/reports/energy-continuity?day=2023-11-14"), Kind.STORE_UNAVAILABLE)


# --- makes ------------------------------------------------------------------------------------------------------------


async def test_makes_are_taught_and_shown(world: World) -> None:
    document = {"makes": [{"vendor": "V", "model": "M", "firmwareVersion": "1", "pauses": False}]}
    assert (await world.client.get("/makes")).json() == {"makes": []}
    makes = {Make("V", "M", "1"): Learnt(pauses=False)}
    world.tell(MakesShown(makes))
    taught = await world.post("/makes", document)
    assert (taught.status_code, taught.json()) == (200, document)
    (fact,) = world.desk.facts
    assert isinstance(fact, MakesTaught)
    assert fact.makes == makes
    world.desk.view.makes = makes
    assert (await world.client.get("/makes")).json() == document


async def test_more_makes_than_can_be_remembered_are_refused(world: World) -> None:
    world.tell(Refused(Refusal.TOO_MANY_MAKES, "at most 1000 makes are remembered: 999 are; nothing was changed"))
    answer = await world.post("/makes", {"makes": [{"vendor": "V", "model": "M"}, {"vendor": "V", "model": "N"}]})
    assert (answer.status_code, answer.json()["title"]) == (409, "Too many makes")
    assert answer.json()["error"] == "At most 1000 makes are remembered: 999 are; nothing was changed."


async def test_a_faulty_make_teaches_nothing(world: World) -> None:
    answer = await world.post("/makes", {"makes": [{"vendor": "V", "model": "M", "tenths": "yes"}]})
    assert answer.status_code == 422
    assert answer.json()["faults"] == [{"path": "$.makes[0].tenths", "error": "must be true or false"}]
    assert world.desk.facts == []


# --- one transaction --------------------------------------------------------------------------------------------------

STAMP, AT = "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"
PLAIN = {"measurand": "Energy.Active.Import.Register", "context": "Sample.Periodic", "location": "Outlet"}
SIGNED = ' OCMF|{"a":"\\/é"}\n'


def element(*values: dict[str, Any], stamp: str = STAMP) -> str:
    return json.dumps({"timestamp": stamp, "sampledValue": list(values)})


async def test_a_transaction_that_has_ended(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7, flags=("superseded",))
    power = {"value": "7,5", "measurand": "Power.Active.Import", "unit": "kW", "phase": "L1"}
    signed = {"value": SIGNED, "format": "SignedData", "context": "Transaction.End"}
    pages = [element({"value": " 5 "}, power), element(signed, {"value": "5"}), element({"value": "6"}, stamp="1970")]
    world.store.pages = [SamplesPage((tuple(pages),), None)]
    answer = await world.client.get("/transactions/7")
    assert answer.status_code == 200
    assert answer.json() == {
        "transaction": {
            "transactionId": 7,
            "sessionId": "s7",
            "connectorId": {"chargerId": "CP001", "idx": 1},
            "idTag": "tag1",
            "idTagStatus": "Accepted",
            "startedAt": "2023-11-14T22:13:20.000Z",
            "stoppedAt": "2023-11-14T22:23:20.000Z",
            "meterStartWh": 1_000,
            "meterStopWh": 9_000,
            "energyWh": 8_000,
            "endReason": "Local",
            "flags": ["superseded"],
        },
        "samples": [
            {"at": AT, **PLAIN, "value": "5"},
            {"at": AT, **PLAIN, "measurand": "Power.Active.Import", "phase": "L1", "unit": "kW", "value": "7,5"},
            {**PLAIN, "value": "6"},
        ],
        "signedData": [{"at": AT, **PLAIN, "context": "Transaction.End", "value": SIGNED}],
    }


@pytest.mark.parametrize(
    ("row", "view_wh", "energy_wh"),
    [
        (stored.session("s7", 7), None, None),
        (stored.session("s7", 7, last_energy_wh=1_300), None, 300),
        (stored.session("s7", 7, last_energy_wh=1_300), 450, 450),
        (stored.ended("s7", 7, meter_stop_wh=None), None, 8_000),
        (stored.ended("s7", 7, meter_stop_wh=None, last_energy_wh=None), None, None),
        (stored.session("s7", 7, flags=("register_unknown",), meter_start_wh=0), None, None),
        (stored.ended("s7", 7, meter_start_wh=-5, meter_stop_wh=2**63 - 1), None, 2**63 - 1),
        (stored.ended("s7", 7, meter_start_wh=2**63 - 1, meter_stop_wh=-(2**63)), None, -(2**63)),
    ],
)
async def test_what_a_transaction_has_used(
    world: World, row: SessionStored, view_wh: int | None, energy_wh: int | None
) -> None:
    world.store.transactions[7] = row
    world.store.pages = [SamplesPage((), None)]
    if view_wh is not None:
        world.desk.view.sessions[row.session_id] = ocpp_session(energy_wh=view_wh)
    shown = (await world.client.get("/transactions/7")).json()["transaction"]
    assert shown.get("energyWh") == energy_wh
    assert ("stoppedAt" in shown) is (row.ended_ms is not None)
    assert ("meterStartWh" in shown) is ("register_unknown" not in row.flags)


async def test_a_page_is_filled_by_several_visits_and_says_where_to_go_on(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    places = [SamplePosition(n, 2**63 - 1) for n in (1, 2)]
    world.store.pages = [
        SamplesPage(((element({"value": "1"}),),), places[0]),
        SamplesPage((), places[1]),
        SamplesPage(((element({"value": "2"}, stamp="2026-01-01T00:00:01Z"),),), SamplePosition(5, 6)),
    ]
    answer = (await world.client.get("/transactions/7?limit=2&cursor=0-9")).json()
    assert [one["value"] for one in answer["samples"]] == ["1", "2"]
    assert answer["nextCursor"] == "5-6"
    assert world.store.asked == [(SamplePosition(0, 9), 2), (places[0], 2), (places[1], 2)]


async def test_what_would_not_fit_whole_is_left_to_the_next_page(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    one, two, three = (element({"value": n}, stamp=f"2026-01-01T00:00:0{n}Z") for n in "123")
    world.store.pages = [
        SamplesPage(((one,),), SamplePosition(4, 4)),
        SamplesPage(((two,), (three,)), SamplePosition(5, 5)),
    ]
    answer = (await world.client.get("/transactions/7?limit=2")).json()
    assert [one["value"] for one in answer["samples"]] == ["1"]
    assert answer["nextCursor"] == "4-4"


async def test_what_is_no_character_spoils_no_answer(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    signed = '{"value":"a\\ud83d\\u0000","format":"SignedData"}'
    odd = f'{{"timestamp":"\\ud83d","sampledValue":[{signed},{{"unit":"\\udfff"}},5]}}'
    world.store.pages = [SamplesPage(((odd, "[]", "5", '{"sampledValue":"\\ud83d"}'),), None)]
    answer = (await world.client.get("/transactions/7")).json()
    assert answer["samples"] == [{**PLAIN, "unit": "\ufffd", "value": ""}]
    assert answer["signedData"] == [{**PLAIN, "value": "a\ufffd\0"}]


@pytest.mark.parametrize("chars", [10, 300_000])
async def test_the_work_for_one_page_is_bounded(world: World, chars: int) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    position = SamplePosition(1, 1)
    world.store.pages = [SamplesPage(((element({"value": "1" * chars}),),), position)] * 99
    answer = (await world.client.get("/transactions/7?limit=500")).json()
    assert answer["nextCursor"] == "1-1"
    assert len(world.store.asked) == (50 if chars == 10 else 1)


@pytest.mark.parametrize("transaction_id", ["8", "0", "-1", "9" * 30])
async def test_a_transaction_that_never_was(world: World, transaction_id: str) -> None:
    assert_problem(await world.client.get(f"/transactions/{transaction_id}"), Kind.UNKNOWN_TRANSACTION)


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("seven", "{transactionId}: must be a whole number"),
        ("7.0", "{transactionId}: must be a whole number"),
        ("\u0667", "{transactionId}: must be a whole number"),
        ("9" * 31, "{transactionId}: must be a whole number"),
        ("7?limit=0", "?limit: must be a whole number from 1 to 500"),
        ("7?limit=501", "?limit: must be a whole number from 1 to 500"),
        ("7?limit=ten", "?limit: must be a whole number from 1 to 500"),
        ("7?cursor=", "?cursor: must be a nextCursor of an answer before"),
        ("7?cursor=1-2-3", "?cursor: must be a nextCursor of an answer before"),
    ],
)
async def test_what_is_wrong_with_a_question_for_a_transaction_is_said(world: World, target: str, fault: str) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    assert faults_in(await world.client.get(f"/transactions/{target}")) == [fault]


async def test_a_store_that_cannot_be_read_is_told(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    for broken in (False, True):
        world.store.broken = broken
        body = assert_problem(await world.client.get("/transactions/7"), Kind.STORE_UNAVAILABLE)
        assert body["error"] == "The stored transactions cannot be read now; try again."


async def values_by_pages(client: httpx2.AsyncClient, limit: int) -> dict[str, list[Any]]:
    """Return the values of transaction 7, read page by page."""
    found: dict[str, list[Any]] = {"samples": [], "signedData": []}
    cursor: str | None = ""
    while cursor is not None:
        where = f"/transactions/7?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        answer = (await client.get(where)).json()
        for name in found:
            found[name] += answer[name]
        cursor = answer.get("nextCursor")
    return found


async def test_every_size_of_page_shows_the_same_values(tmp_path: Path) -> None:
    first, second = "2023-11-14T22:13:30Z", "2023-11-14T22:13:31Z"
    first_ms = 1_700_000_010_000
    power, signed = {"value": "7", "measurand": "Power.Active.Import"}, {"value": SIGNED, "format": "SignedData"}
    said = [
        (first_ms, element({"value": "5"}, stamp=first)),
        (first_ms, element({"value": "5"}, power, stamp=first)),
        (first_ms, element(signed, {"value": "5"}, power, stamp=first)),
        (first_ms, element(signed, stamp=first)),
        (first_ms + 1_000, element({"value": "6"}, stamp=second)),
        (first_ms + 1_000, element(power, {"value": "6"}, stamp=second)),
        (first_ms + 1_500, element({"value": "8"}, stamp="1970-01-01T00:00:00Z")),
        (first_ms + 9_000, element({"value": "8"}, {"value": "9"}, stamp="1970-01-01T00:00:00Z")),
        (first_ms + 50_000_000, element({"value": "10"}, stamp="2023-11-15T12:06:50Z")),
    ]
    kept = [stored.sample(at, raw_json=raw, received_ms=first_ms, session_id=SessionId("s7")) for at, raw in said]
    store = await open_store(f"sqlite:///{tmp_path / 'site.sqlite3'}")
    assert isinstance(store, SqlStore)
    await store.commit([stored.ended("s7", 7), *kept])
    async with world_of(store, FakeStore()) as world:
        whole = await values_by_pages(world.client, 500)
        for limit in (1, 2, 3, 4):
            assert await values_by_pages(world.client, limit) == whole
    await store.close()
    assert [one["value"] for one in whole["samples"]] == ["5", "7", "6", "7", "8", "8", "9", "10"]
    assert [one["value"] for one in whole["signedData"]] == [SIGNED]


async def test_many_values_are_made_beside_the_loop_a_few_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    many = [{"value": str(n), "measurand": f"M{n}"} for n in range(27_000)]
    world.store.pages = [SamplesPage(((element(*many), element(*many)),), None)]
    slices: list[tuple[int, int]] = []
    make = transactions._slice

    def noted(values: Iterator[Value]) -> list[tuple[bool, str]]:
        made = make(values)
        slices.append((threading.get_ident(), len(made)))
        return made

    monkeypatch.setattr(transactions, "_slice", noted)
    answer = (await world.client.get("/transactions/7")).json()
    assert [one["value"] for one in answer["samples"]] == [one["value"] for one in many]
    assert {made for _, made in slices[:-1]} == {transactions.SLICE_VALUES}
    assert threading.get_ident() not in {thread for thread, _ in slices}


class Slow(FakeStore):
    """Answers when it is let, and counts who waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.let, self.asked_by, self.answered = asyncio.Event(), 0, 0
        self.most = 0

    async def read_transaction(self, transaction_id: int) -> SessionStored | None:
        self.asked_by += 1
        self.most = max(self.most, self.asked_by - self.answered)
        await self.let.wait()
        self.answered += 1
        return self.transactions.get(transaction_id)


async def close(world: World, body: object, path: str = "/transactions/7/close") -> httpx2.Response:
    return await world.post(path, body)


async def test_a_transaction_is_given_up(world: World) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    world.tell(SessionEnded())
    answer = await close(world, {"reason": "gone", "meterStopWh": 12})
    assert answer.json()["transaction"]["transactionId"] == 7
    assert world.desk.facts == [TransactionCloseRequested(RequestId(0), TransactionId(7), "gone", 12)]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal.TRANSACTION_ENDED, Kind.TRANSACTION_ENDED),
        (Refusal.CHARGER_CONNECTED, Kind.CHARGER_CONNECTED),
        (Refusal.METER_STOP_TOO_LOW, Kind.METER_STOP_TOO_LOW),
    ],
)
async def test_why_a_transaction_is_not_given_up(world: World, refusal: Refusal, kind: Kind) -> None:
    world.store.transactions[7] = stored.ended("s7", 7)
    world.tell(Refused(refusal, "so it is"))
    assert assert_problem(await close(world, {"reason": "gone"}), kind)["error"] == "So it is."


async def test_what_no_closing_is(world: World) -> None:
    for body in (
        {},
        {"reason": " "},
        {"reason": "x" * 201},
        {"reason": "x", "meterStopWh": -1},
        {"reason": "x", "a": 1},
    ):
        assert_problem(await close(world, body), Kind.INVALID)
    assert_problem(await close(world, {"reason": "x"}, "/transactions/one/close"), Kind.INVALID)
    assert_problem(await close(world, {"reason": "x"}), Kind.UNKNOWN_TRANSACTION)
    world.store.broken = True
    assert_problem(await close(world, {"reason": "x"}), Kind.STORE_UNAVAILABLE)
    assert world.desk.facts == []


async def test_few_transactions_are_looked_at_at_once_and_who_comes_too_late_is_told_when() -> None:
    store = Slow()
    async with world_of(store, store) as world:
        room = transactions.AT_ONCE + transactions.WAITING_MAX
        asking = [asyncio.create_task(world.client.get("/transactions/7")) for _ in range(room + 3)]
        refused, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        answer = refused.pop().result()
        assert_problem(answer, Kind.BUSY)
        assert answer.headers["Retry-After"] == str(transactions.RETRY_S)
        assert (await world.client.get("/health")).status_code == 200
        store.let.set()
        statuses = sorted([(await one).status_code for one in asking])
        assert statuses == [404] * room + [503] * 3
        assert store.most == transactions.AT_ONCE
        assert (await world.client.get("/transactions/7")).status_code == 404, "there is room again"


async def test_turns_are_had_in_the_order_of_coming_and_given_back_by_who_gives_up() -> None:
    turns = Turns(1, 2)
    had: list[int] = []

    async def have(n: int) -> None:
        async with turns.take():
            had.append(n)

    async with turns.take():
        waiting = [asyncio.create_task(have(n)) for n in range(2)]
        await asyncio.wait(waiting, timeout=0)
        assert turns.are_gone
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
        waiting.append(asyncio.create_task(have(2)))
        await asyncio.wait(waiting[1:], timeout=0)
    await asyncio.gather(*waiting[1:])
    assert had == [1, 2]
