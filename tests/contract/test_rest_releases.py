"""Releases over REST: what is handed on, what is answered, who is refused."""

import json
from dataclasses import replace

import pytest

from api import examples
from api.command_schemas import EXAMPLES
from api.problems import Kind
from api.routes.releases import PAGE
from api.security_schemas import InstallCertificate
from csms.core.events import ReleaseRequested, ReleaseUndoRequested
from csms.core.ids import ChargerId, CommandId
from csms.core.records import CommandState, CommandStored
from csms.core.release import Release, ReleaseState, ReleaseStep, StepState, Trace
from csms.core.replies import Confirmed, Refusal, Refused, ReleaseShown
from csms.ports import CommandPosition, StoreError
from tests.contract.test_rest import World, assert_problem, charger_view, faults_in, world

__all__ = ["world"]  # the fixture

AT_MS = 1_795_770_000_000
PATH = "/chargers/CP001/release"
RESERVE = '{"connectorId":1,"expiryDate":"2026-11-27T09:00:00Z","idTag":"T","reservationId":%d}'
STEPS = (
    ReleaseStep(Trace.PROFILE, "3001", state=StepState.UNDONE, detail="it was not there"),
    ReleaseStep(Trace.PROFILE, "2001", state=StepState.UNDONE, detail="it was not there"),
    ReleaseStep(Trace.PROFILE, "2000", state=StepState.UNDONE),
    ReleaseStep(Trace.LIMIT, "1", state=StepState.UNDONE, detail="it says that 22000 W are in force"),
    ReleaseStep(
        Trace.KEY,
        "MeterValueSampleInterval",
        "60",
        StepState.NOT_UNDONE,
        "ChangeConfiguration: Rejected; it has 10",
    ),
    ReleaseStep(Trace.KEY, "WebSocketPingInterval", "300", StepState.UNDONE),
)
ENDED = Release("192.0.2.10", AT_MS, forced=False, steps=STEPS, state=ReleaseState.INCOMPLETE, ended_ms=AT_MS + 1_480)
BEGUN = Release("", AT_MS, forced=True, steps=(ReleaseStep(Trace.LOCAL_LIST),))


def known(world: World, release: Release | None, *, online: bool = True) -> None:
    view = replace(charger_view("CP001"), release=release, online=online)
    world.desk.view.chargers[ChargerId("CP001")] = view


def command(number: int, action: str, body_json: str, state: CommandState) -> tuple[CommandId, CommandStored]:
    name = CommandId(f"c{number}")
    return name, CommandStored(name, ChargerId("CP001"), action, body_json, "", AT_MS - number, state=state)


async def test_what_operators_have_set_is_handed_on(world: World) -> None:
    set_to = '{"key":"%s","value":"%s"}'
    world.store.commands = dict(
        [
            command(1, "ChangeConfiguration", set_to % ("LightIntensity", "50"), CommandState.ACCEPTED),
            command(2, "ChangeConfiguration", set_to % ("LightIntensity", "10"), CommandState.ACCEPTED),
            command(3, "ChangeConfiguration", set_to % ("A", "1"), CommandState.REJECTED),
            command(4, "ChangeConfiguration", set_to % ("B", "1"), CommandState.TIMED_OUT),
            command(5, "ChangeConfiguration", set_to % ("C", "1"), CommandState.UNKNOWN),
            command(6, "ChangeConfiguration", set_to % ("D", "1"), CommandState.EXPIRED),
            command(7, "SendLocalList", "{}", CommandState.UNKNOWN),
            command(8, "Reset", "{}", CommandState.ACCEPTED),
            command(9, "ReserveNow", RESERVE % 5, CommandState.TIMED_OUT),
            command(10, "ReserveNow", RESERVE % 6, CommandState.REJECTED),
            command(11, "InstallCertificate", json.dumps(EXAMPLES[InstallCertificate]), CommandState.ACCEPTED),
        ]
    )
    world.tell(ReleaseShown(BEGUN))
    answer = await world.post(f"{PATH}?force=true")
    (fact,) = world.desk.facts
    assert isinstance(fact, ReleaseRequested)
    assert (fact.charger_id, fact.asked_by, fact.forced, fact.local_list) == ("CP001", "127.0.0.1", True, True)
    assert fact.changed_keys == {"LightIntensity": "50", "B": "1", "C": "1"}
    assert fact.reservations == {5: AT_MS}
    assert [(each.trace, each.state) for each in fact.certificates] == [(Trace.CERTIFICATE, StepState.NOT_UNDONE)]
    assert (answer.status_code, answer.json()["release"]["state"]) == (202, "releasing")
    assert world.store.listed == [("CP001", None, None, PAGE)]


async def test_nothing_set_and_not_forced(world: World) -> None:
    world.tell(ReleaseShown(ENDED))
    answer = await world.post(PATH)
    (fact,) = world.desk.facts
    assert isinstance(fact, ReleaseRequested)
    assert (fact.forced, fact.changed_keys, fact.local_list) == (False, {}, False)
    assert answer.status_code == 200


async def test_all_pages_of_commands_are_looked_through(world: World) -> None:
    world.store.commands = dict(command(number, "Reset", "{}", CommandState.ACCEPTED) for number in range(PAGE))
    world.tell(ReleaseShown(BEGUN))
    await world.post(PATH)
    assert world.store.listed[1] == ("CP001", None, CommandPosition(AT_MS - PAGE + 1, f"c{PAGE - 1}"), PAGE)


async def test_one_is_shown_as_the_example_says(world: World) -> None:
    known(world, ENDED)
    answer = await world.client.get(PATH)
    assert (answer.status_code, answer.json()) == (200, {"release": examples.RELEASE})
    shown = (await world.client.get("/chargers/CP001")).json()["charger"]
    assert shown["release"] == "incomplete"


@pytest.mark.parametrize(("online", "waits"), [(True, None), (False, "the charger is offline")])
async def test_one_that_waits_says_for_what(world: World, online: bool, waits: str | None) -> None:  # noqa: FBT001 - a column
    known(world, BEGUN, online=online)
    release = (await world.client.get(PATH)).json()["release"]
    assert release.get("waitsFor") == waits
    assert release["steps"] == [{"what": "local_list", "state": "open"}]
    assert {"askedBy", "endedAt"}.isdisjoint(release)


async def test_what_a_charger_has_said_is_text_that_can_be_sent(world: World) -> None:
    step = ReleaseStep(Trace.KEY, "K", "1", StepState.NOT_UNDONE, "it has \ud800")
    known(world, replace(ENDED, steps=(step,)))
    answer = await world.client.get(PATH)
    assert answer.status_code == 200
    assert answer.json()["release"]["steps"][0]["detail"].startswith("it has")


async def test_none_is_told_apart_from_an_unknown_charger(world: World) -> None:
    known(world, None)
    assert_problem(await world.client.get(PATH), Kind.NOT_RELEASED)
    assert_problem(await world.client.get("/chargers/CP009/release"), Kind.UNKNOWN_CHARGER)
    assert "release" not in (await world.client.get("/chargers/CP001")).json()["charger"]


async def test_one_is_taken_in_again(world: World) -> None:
    world.tell(Confirmed())
    answer = await world.client.delete(PATH)
    (fact,) = world.desk.facts
    assert isinstance(fact, ReleaseUndoRequested)
    assert (fact.charger_id, answer.status_code, answer.content) == ("CP001", 204, b"")


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal.UNKNOWN_CHARGER, Kind.UNKNOWN_CHARGER),
        (Refusal.NOT_CONTROLLED, Kind.NOT_CONTROLLED),
        (Refusal.CHARGER_OFFLINE, Kind.CHARGER_OFFLINE),
        (Refusal.RELEASE_REFUSED, Kind.RELEASE_REFUSED),
        (Refusal.NO_HEADROOM, Kind.NO_HEADROOM),
        (Refusal.NOT_RELEASED, Kind.NOT_RELEASED),
    ],
)
async def test_refusals(world: World, refusal: Refusal, kind: Kind) -> None:
    world.tell(Refused(refusal, "a car charges there"), Refused(refusal, "a car charges there"))
    for answer in (await world.post(PATH), await world.client.delete(PATH)):
        assert assert_problem(answer, kind)["error"] == "A car charges there."


async def test_without_the_store_nothing_is_begun(world: World) -> None:
    world.store.broken = True
    assert_problem(await world.post(PATH), Kind.STORE_UNAVAILABLE)
    assert world.desk.facts == []
    world.store.broken = False
    world.tell(StoreError("full"))
    assert_problem(await world.post(PATH), Kind.STORE_UNAVAILABLE)


async def test_what_is_not_valid_is_told(world: World) -> None:
    (fault,) = faults_in(await world.post(f"{PATH}?force=perhaps"))
    assert fault.startswith("force") or "force" in fault
    assert world.desk.facts == []
