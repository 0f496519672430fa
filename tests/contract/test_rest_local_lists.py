"""Local lists over REST: what is asked for, what is shown, what is refused and why."""

from dataclasses import replace
from typing import Any

import pytest

from api import examples
from api.problems import Kind
from csms.core.events import CommandRequested
from csms.core.id_tags import IdTag
from csms.core.ids import ChargerId
from csms.core.local_list import ENTRIES_MAX, Entry, Held, ListState, LocalListStored
from csms.core.replies import CommandShown, Refusal, Refused
from csms.ports import StoreError
from tests.contract.test_rest import World, assert_problem, charger_view, faults_in, world
from tests.unit.store import samples as stored

__all__ = ["world"]  # the fixture

CP = ChargerId("CP001")
PATH = "/chargers/CP001/local-list"
ANNA = Entry("Anna")
HELD = LocalListStored(
    CP,
    ListState.HELD,
    (ANNA,),
    "192.0.2.10",
    1_795_715_999_000,
    1_795_716_000_000,
    1_795_716_000_500,
    held=Held(3, (ANNA,)),
    chunk_max=50,
    entries_max=500,
    enabled=True,
)
TAKEN = CommandShown(stored.DONE_COMMAND)


@pytest.fixture
async def site(world: World) -> World:
    world.desk.view.chargers[CP] = charger_view("CP001")
    await world.tags.put(IdTag("ANNA", "Anna"))
    return world


async def shown(site: World) -> dict[str, Any]:
    answer = await site.client.get(PATH)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["localList"]
    return found


async def test_what_is_asked_for_is_a_command_and_then_durable(site: World) -> None:
    site.tell(TAKEN)
    answer = await site.client.post(f"{PATH}?queueUntil=2026-11-27T03:00:00%2B01:00")
    assert answer.status_code == 202, answer.text
    asked = site.desk.facts[0]
    assert isinstance(asked, CommandRequested)
    assert (asked.action, asked.body_json, asked.queue_until_ms) == ("GetLocalListVersion", "{}", 1_795_744_800_000)
    assert site.lists.lists[CP].wanted == (ANNA,)
    body = answer.json()["localList"]
    assert (body["state"], body["until"], body["wantedIdTags"]) == ("sending", "2026-11-27T02:00:00.000Z", 1)
    assert body.keys() == {"chargerId", "state", "current", "wantedIdTags", "askedBy", "askedAt", "until"}
    (act,) = site.audit.entries
    assert (act.charger_id, act.changes) == (CP, ("local list: 1 id tags wanted",))


async def test_what_is_known_of_a_list(site: World) -> None:
    assert await shown(site) == {"chargerId": "CP001", "state": "off", "current": False}
    site.lists.lists[CP] = HELD
    found = await shown(site)
    assert found.keys() == examples.LOCAL_LIST.keys()
    assert (found["state"], found["current"], found["version"], found["idTags"]) == ("held", True, 3, 1)
    site.lists.lists[CP] = replace(HELD, held=Held(3, ()))
    assert (await shown(site))["current"] is False
    site.lists.lists[CP] = replace(HELD, state=ListState.FAILED, reason="why", held=None)
    found = await shown(site)
    assert (found["state"], found["reason"], found["current"], "version" in found) == ("failed", "why", False, False)
    site.lists.lists[CP] = replace(HELD, is_on=False, wanted=(), held=Held(4, ()))
    assert (await shown(site))["state"] == "off"


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Refused(Refusal.CHARGER_OFFLINE, "the charger is offline"), Kind.CHARGER_OFFLINE),
        (Refused(Refusal.UNKNOWN_CHARGER, "there is no charger of that id"), Kind.UNKNOWN_CHARGER),
        (Refused(Refusal.COMMAND_REFUSED, "in safe mode nothing is said"), Kind.COMMAND_REFUSED),
        (StoreError("full"), Kind.STORE_UNAVAILABLE),
    ],
)
async def test_a_refusal_changes_nothing(site: World, refused: Any, kind: Kind) -> None:
    site.tell(refused)
    assert_problem(await site.client.post(PATH), kind)
    site.lists.lists[CP] = HELD
    site.tell(refused)
    assert_problem(await site.client.delete(PATH), kind)
    assert site.lists.lists == {CP: HELD}


async def test_who_has_no_list_is_asked_again_only_when_told_so(site: World) -> None:
    site.lists.lists[CP] = replace(HELD, state=ListState.NOT_SUPPORTED, held=None)
    assert_problem(await site.client.post(PATH), Kind.LOCAL_LIST_UNKNOWN)
    answer = await site.client.delete(PATH)
    assert (answer.status_code, answer.json()["localList"]["state"]) == (200, "not_supported")
    assert site.desk.facts == []
    site.tell(TAKEN)
    assert (await site.client.post(f"{PATH}?again=true")).status_code == 202


async def test_a_ledger_that_does_not_answer_is_not_waited_for(site: World) -> None:
    assert_problem(await site.client.post(PATH), Kind.NOT_YET)
    assert site.lists.lists == {}


async def test_too_many_tags_are_told_by_their_number(site: World) -> None:
    await site.tags.take_in([IdTag(f"T{n}", f"T{n}") for n in range(ENTRIES_MAX)], whole=False)
    problem = assert_problem(await site.client.post(PATH), Kind.LOCAL_LIST_TOO_LONG)
    assert problem["error"] == "5001 id tags may charge, and a local list has at most 5000; nothing was sent."
    assert (site.desk.facts, site.lists.lists) == ([], {})


async def test_nothing_is_taken_away_where_nothing_was_given(site: World) -> None:
    answer = await site.client.delete(PATH)
    assert (answer.status_code, answer.json()["localList"]["state"]) == (200, "off")
    assert site.desk.facts == []
    assert_problem(await site.client.delete("/chargers/CP009/local-list"), Kind.UNKNOWN_CHARGER)
    assert_problem(await site.client.get("/chargers/CP009/local-list"), Kind.UNKNOWN_CHARGER)


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("wait=61", "?wait: must be a whole number from 0 to 60"),
        ("queueUntil=soon", "?queueUntil: must be a time such as 2026-11-26T10:00:00Z, from 1970 on"),
        ("again=1", "?again: must be true or false"),
    ],
)
async def test_what_is_wrong_with_a_query(site: World, query: str, fault: str) -> None:
    assert faults_in(await site.client.post(f"{PATH}?{query}")) == [fault]
    assert site.desk.facts == []


async def test_a_store_that_cannot_be_read_is_told(site: World) -> None:
    site.lists.broken = True
    for method in ("GET", "POST", "DELETE"):
        assert_problem(await site.client.request(method, PATH), Kind.STORE_UNAVAILABLE)
    raw = {"listVersion": 1, "updateType": "Full"}
    assert_problem(await site.post("/chargers/CP001/commands/SendLocalList", raw), Kind.STORE_UNAVAILABLE)


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({}, True),
        ({"state": ListState.SENDING}, True),
        ({"is_on": False}, False),
        ({"state": ListState.NOT_SUPPORTED}, False),
    ],
)
async def test_a_list_of_somebody_elses_is_refused_where_one_is_kept(
    site: World, changes: dict[str, Any], *, is_refused: bool
) -> None:
    site.lists.lists[CP] = replace(HELD, **changes)
    site.tell(TAKEN)
    answer = await site.post("/chargers/CP001/commands/SendLocalList", {"listVersion": 1, "updateType": "Full"})
    if is_refused:
        assert_problem(answer, Kind.COMMAND_REFUSED)
    assert bool(site.desk.facts) is not is_refused
