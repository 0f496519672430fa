"""Chargers' keys over REST: told once, kept as hashes, rotated, sent, forgotten, and never shown again."""

import asyncio
import json
import re
from typing import Any

import pytest

from api import examples
from api.problems import Kind
from csms.core.charger_access import ChargerAccess, Grade, Profile
from csms.core.ids import ChargerId
from csms.ports import StoreError, StoreUnreachableError
from csms.runtime.charger_access import KeyTold
from tests.contract.test_rest import World, assert_problem, charger_view, faults_in, world

__all__ = ["world"]  # the fixture

CP = ChargerId("CP001")
PATH = "/chargers/CP001/key"


@pytest.fixture
async def site(world: World) -> World:
    world.desk.view.chargers[CP] = charger_view("CP001", online=True)
    return world


async def made(site: World, query: str = "") -> dict[str, Any]:
    answer = await site.client.post(f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()["key"]
    return found


def opens(site: World, key: str) -> Grade:
    return site.access.find(CP).grade(bytes.fromhex(key))


async def test_a_key_is_20_bytes_told_once_and_kept_as_a_salted_hash(site: World) -> None:
    key = await made(site)
    assert key == {
        "chargerId": "CP001",
        "authorizationKey": key["authorizationKey"],
        "userName": "CP001",
        "before": "nothing else opens",
    }
    secret = key["authorizationKey"]
    assert re.fullmatch("[0-9a-f]{40}", secret)
    assert opens(site, secret) is Grade.CURRENT
    assert site.kept.kept[CP] == site.access.find(CP), "durable before it was said"
    shown = await site.client.get(PATH)
    assert shown.json()["key"].keys() == {"chargerId", "madeAt", "securityProfile"}
    (act,) = site.audit.entries
    assert (act.operation, act.charger_id, act.changes) == ("POST /chargers/{chargerId}/key", CP, ("a key was made",))
    told = f"{site.kept.kept}{shown.text}{site.audit.entries}{(await site.client.get('/audit')).text}"
    assert secret not in told
    assert str(bytes.fromhex(secret)) not in told


async def test_another_one_only_if_it_is_asked_for_and_then_both_open(site: World) -> None:
    first = await made(site)
    assert_problem(await site.client.post(PATH), Kind.HAS_KEY)
    assert opens(site, first["authorizationKey"]) is Grade.CURRENT
    second = await made(site, "?rotate=true")
    assert second["before"] == "the key of before opens, too"
    assert opens(site, first["authorizationKey"]) is Grade.CURRENT
    assert opens(site, second["authorizationKey"]) is Grade.NEXT
    for query in ("?rotate=true", "?rotate=true&send=true"):
        assert_problem(await site.client.post(f"{PATH}{query}"), Kind.KEY_UNDECIDED)
    assert site.charger.heard == []
    assert opens(site, second["authorizationKey"]) is Grade.NEXT, "which may be typed in already"
    third = await made(site, "?rotate=true&giveUp=true")
    assert opens(site, first["authorizationKey"]) is Grade.CURRENT, "which may be in use"
    assert opens(site, second["authorizationKey"]) is Grade.WRONG, "which was given up"
    assert opens(site, third["authorizationKey"]) is Grade.NEXT
    given_up = "a key was made, and the one that had not been used was given up"
    assert site.audit.entries[0].changes == (given_up,)


@pytest.mark.parametrize("says", [KeyTold.AT_BOOT, KeyTold.UNANSWERED])
async def test_a_key_whose_answer_is_open_opens_until_it_is_used_or_given_up(site: World, says: KeyTold) -> None:
    old = await made(site)
    site.charger.says = says
    sent = await made(site, "?rotate=true&send=true")
    site.charger.says = KeyTold.REFUSED
    assert_problem(await site.client.post(f"{PATH}?rotate=true&send=true"), Kind.KEY_UNDECIDED)
    assert [key for _, key in site.charger.heard] == [sent["authorizationKey"]], "no other was sent"
    assert opens(site, sent["authorizationKey"]) is Grade.NEXT, "which the charger may hold"
    assert opens(site, old["authorizationKey"]) is Grade.CURRENT


async def test_while_a_charger_is_being_told_a_key_no_other_is_made(site: World) -> None:
    old = await made(site)
    site.charger.answers = asyncio.Event()
    first = asyncio.create_task(site.client.post(f"{PATH}?rotate=true&send=true"))
    await site.charger.asked.wait()
    for query in ("?rotate=true&send=true", "?rotate=true&send=true&giveUp=true", "?rotate=true&giveUp=true"):
        refused = await site.client.post(f"{PATH}{query}")
        told = assert_problem(refused, Kind.KEY_UNDECIDED)["error"]
        assert told == "The charger is being told a key; go on when it has answered."
    site.charger.answers.set()
    new = (await first).json()["key"]
    assert [key for _, key in site.charger.heard] == [new["authorizationKey"]]
    assert opens(site, new["authorizationKey"]) is Grade.CURRENT
    assert opens(site, old["authorizationKey"]) is Grade.WRONG
    site.charger.says = KeyTold.NOT_SENT
    assert_problem(await site.client.post(f"{PATH}?rotate=true&send=true"), Kind.CHARGER_OFFLINE)
    assert opens(site, new["authorizationKey"]) is Grade.CURRENT, "what was not sent is decided"


async def test_a_key_that_is_forgotten_while_the_charger_is_told_it_is_not_said_to_open(site: World) -> None:
    site.charger.answers = asyncio.Event()
    first = asyncio.create_task(site.client.post(f"{PATH}?send=true"))
    await site.charger.asked.wait()
    assert (await site.client.delete(PATH)).status_code == 204
    site.charger.answers.set()
    assert (await first).json()["key"]["before"] == "its keys were forgotten meanwhile: it is asked for none"
    assert site.access.find(CP) == ChargerAccess(CP)


@pytest.mark.parametrize(
    ("says", "sent", "before", "grade"),
    [
        (KeyTold.TAKEN, "Accepted", "nothing else opens", Grade.CURRENT),
        (KeyTold.AT_BOOT, "RebootRequired", "the charger comes in without one, too", Grade.NEXT),
        (KeyTold.UNANSWERED, "no answer", "the charger comes in without one, too", Grade.NEXT),
    ],
)
async def test_a_first_key_that_is_sent_is_asked_for_when_it_was_taken_or_used(
    site: World, says: KeyTold, sent: str, before: str, grade: Grade
) -> None:
    site.charger.says = says
    key = await made(site, "?send=true")
    assert (key["sent"], key["before"], opens(site, key["authorizationKey"])) == (sent, before, grade)
    assert site.charger.heard == [(CP, key["authorizationKey"])]
    assert site.access.find(CP).may_come_without is (grade is Grade.NEXT)


@pytest.mark.parametrize(
    ("says", "kind"), [(KeyTold.REFUSED, Kind.CHARGER_REFUSED), (KeyTold.NOT_SENT, Kind.CHARGER_OFFLINE)]
)
async def test_a_key_that_the_charger_has_not_taken_opens_nothing(site: World, says: KeyTold, kind: Kind) -> None:
    old = await made(site)
    site.charger.says = says
    answer = await site.client.post(f"{PATH}?rotate=true&send=true")
    assert_problem(answer, kind)
    ((_, new),) = site.charger.heard
    assert new not in answer.text
    assert opens(site, new) is Grade.WRONG
    assert opens(site, old["authorizationKey"]) is Grade.CURRENT
    assert site.audit.entries[0].changes[-1] == "the charger has not taken it: what opened before opens alone"


async def test_what_the_charger_has_taken_ends_the_key_of_before(site: World) -> None:
    old = await made(site)
    new = await made(site, "?rotate=true&send=true")
    assert (opens(site, old["authorizationKey"]), opens(site, new["authorizationKey"])) == (Grade.WRONG, Grade.CURRENT)


async def test_nothing_is_sent_to_who_is_away_observed_or_released(site: World) -> None:
    for changed, kind in (
        ({"online": False}, Kind.CHARGER_OFFLINE),
        ({"observed": True}, Kind.COMMAND_REFUSED),
    ):
        site.desk.view.chargers[CP] = charger_view("CP001", **changed)
        assert_problem(await site.client.post(f"{PATH}?send=true"), kind)
    assert site.charger.heard == []
    assert site.access.find(CP) == ChargerAccess(CP)


async def test_what_is_known_is_shown(site: World) -> None:
    await made(site)
    await site.access.used(site.access.find(CP), Profile.PASSWORD_TLS, Grade.CURRENT, "192.168.7.4")
    await made(site, "?rotate=true")
    shown = (await site.client.get(PATH)).json()["key"]
    assert shown.keys() == examples.CHARGER_ACCESS.keys()
    assert (shown["securityProfile"], shown["lastAddress"]) == (2, "192.168.7.4")
    assert shown["madeAt"] == shown["nextMadeAt"] == "2026-01-01T00:00:00.000Z"


async def test_keys_and_profile_are_forgotten_and_the_profile_alone(site: World) -> None:
    key = await made(site)
    await site.access.used(site.access.find(CP), Profile.PASSWORD_TLS, Grade.CURRENT, "192.168.7.4")
    for _ in range(2):
        assert (await site.client.delete("/chargers/CP001/security-profile")).status_code == 204
    assert site.access.find(CP).profile is Profile.NONE
    assert opens(site, key["authorizationKey"]) is Grade.CURRENT
    assert [act.changes for act in site.audit.entries[:2]] == [(), ("security profile 2 → none held to",)]
    for _ in range(2):
        assert (await site.client.delete(PATH)).status_code == 204
    assert site.access.find(CP) == ChargerAccess(CP)
    assert site.kept.kept == {}
    forgotten = "its keys and its security profile were forgotten"
    assert [act.changes for act in site.audit.entries[:2]] == [(), (forgotten,)]


async def test_a_charger_that_is_not_there_has_no_key_but_may_have_had_one(site: World) -> None:
    await made(site)
    del site.desk.view.chargers[CP]
    for method, path in (("POST", PATH), ("GET", PATH), ("DELETE", "/chargers/CP001/security-profile")):
        assert_problem(await site.client.request(method, path), Kind.UNKNOWN_CHARGER)
    assert (await site.client.delete(PATH)).status_code == 204
    assert_problem(await site.client.delete(PATH), Kind.UNKNOWN_CHARGER)


async def test_flags_are_true_or_false(site: World) -> None:
    assert faults_in(await site.client.post(f"{PATH}?rotate=1")) == ["?rotate: must be true or false"]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(StoreError("full"), Kind.STORE_UNAVAILABLE), (StoreUnreachableError("away"), Kind.NOT_YET)],
)
async def test_what_cannot_be_kept_is_not_done(site: World, failure: StoreError, kind: Kind) -> None:
    key = await made(site)
    before = site.access.find(CP)
    for method, path in (
        ("POST", f"{PATH}?rotate=true"),
        ("POST", f"{PATH}?rotate=true&send=true"),
        ("DELETE", PATH),
    ):
        site.kept.failure = failure
        answer = await site.client.request(method, path)
        site.kept.failure = None
        await settled(site)
        assert_problem(answer, kind)
        assert site.access.find(CP) == before
    assert site.charger.heard == []
    assert json.dumps(key["authorizationKey"]) not in answer.text


async def settled(site: World) -> None:
    """Let a book that has to be read again be read."""
    reading = site.access._turns.reading_again
    if reading is not None:
        await reading
