"""Firmware campaigns over REST: what is refused before anybody is asked, what is handed on, what is answered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from api import examples
from csms.core.campaigning import CHARGERS_MAX
from csms.core.events import BootInfo, CampaignRequested, CampaignResumeRequested, CampaignStopRequested
from csms.core.ids import CampaignId, ChargerId
from csms.core.records import CampaignState
from csms.core.replies import CampaignShown, Refusal, Refused
from csms.ocpp16 import vendor
from csms.ports import CampaignPosition
from tests.contract.test_rest import NEW_ID, World, charger_view, world
from tests.unit.store import samples as stored

__all__ = ["world"]  # the fixture

BODY: dict[str, Any] = {"location": "https://files.example/fw.bin", "atATime": 2, "chargers": ["CP002", "CP001"]}
BY_MAKE = {key: value for key, value in BODY.items() if key != "chargers"}

NO_TIME = "must be a time such as 2026-11-26T10:00:00Z, from 1970 on"


@pytest.fixture
def site(world: World) -> World:
    """Three chargers: two of one model with different firmware, one that has told nothing of itself."""
    boots = {"CP001": BootInfo("Maker", "X", firmware_version="1.0"), "CP002": BootInfo("Maker", "X"), "CP003": None}
    for name, boot in boots.items():
        world.desk.view.chargers[ChargerId(name)] = replace(charger_view(name), boot=boot)
    return world


async def begin(site: World, body: object) -> CampaignRequested:
    site.tell(CampaignShown(stored.CAMPAIGN))
    answer = await site.post("/campaigns", body)
    assert answer.status_code == 200, answer.text
    (fact,) = site.desk.facts
    assert isinstance(fact, CampaignRequested)
    return fact


async def test_what_is_asked_for_is_handed_on(site: World) -> None:
    rest = {"retries": 3, "retryInterval": 60, "retrieveDate": "2026-11-27T03:00:00+01:00", "name": "spring"}
    fact = await begin(site, BODY | rest)
    assert fact.campaign_id == CampaignId(NEW_ID)
    assert (fact.charger_ids, fact.at_a_time, fact.name) == (("CP002", "CP001"), 2, "spring")
    assert fact.retrieve_ms == 1_795_744_800_000
    payload = json.loads(fact.body_json)
    assert payload == {"location": BODY["location"], "retries": 3, "retryInterval": 60}
    whole = json.dumps(payload | {"retrieveDate": "2026-11-27T02:00:00Z"}).encode()
    assert vendor.check_call("UpdateFirmware", whole) is None, "by the schema of OCPP"


async def test_the_least_that_can_be_asked_for(site: World) -> None:
    fact = await begin(site, BODY)
    assert (fact.name, fact.retrieve_ms, json.loads(fact.body_json)) == ("", None, {"location": BODY["location"]})


@pytest.mark.parametrize(
    ("make", "chosen"),
    [
        ({"vendor": "Maker"}, ("CP001", "CP002")),
        ({"vendor": "Maker", "model": "X"}, ("CP001", "CP002")),
        ({"model": "X", "firmwareVersion": "1.0"}, ("CP001",)),
        ({"vendor": "Maker", "firmwareVersion": ""}, ("CP002",)),
    ],
)
async def test_chargers_are_chosen_by_what_they_told(
    site: World, make: dict[str, str], chosen: tuple[str, ...]
) -> None:
    assert (await begin(site, BY_MAKE | {"make": make})).charger_ids == chosen


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        (BODY | {"chargers": ["CP001", "CP009"]}, "$.chargers[1]", "the station has no such charger"),
        (BODY | {"chargers": ["CP001", "CP001"]}, "$.chargers[1]", "is named twice"),
        (BODY | {"chargers": []}, "$.chargers", None),
        (BODY | {"chargers": [""]}, "$.chargers[0]", None),
        (BODY | {"chargers": [7]}, "$.chargers[0]", None),
        (BODY | {"chargers": ["C"] * (CHARGERS_MAX + 1)}, "$.chargers", None),
        (BODY | {"chargers": None}, "$.chargers", None),
        (BY_MAKE, "$", "must have either chargers or make"),
        (BODY | {"make": {"vendor": "Maker"}}, "$", "must have either chargers or make"),
        (BY_MAKE | {"make": {}}, "$.make", "must have vendor, model or firmwareVersion"),
        (BY_MAKE | {"make": {"vendor": "Other"}}, "$.make", "no charger has told that it is of this make"),
        (BY_MAKE | {"make": {"colour": "red"}}, "$.make.colour", "unknown field"),
        (BODY | {"atATime": 0}, "$.atATime", None),
        (BODY | {"atATime": "2"}, "$.atATime", None),
        (BODY | {"atATime": True}, "$.atATime", None),
        (BODY | {"location": ""}, "$.location", "must have 1 to 1000 characters"),
        (BODY | {"retrieveDate": "tomorrow"}, "$.retrieveDate", NO_TIME),
        (BODY | {"retrieveDate": "0999-01-01T00:00:00Z"}, "$.retrieveDate", NO_TIME),
        (BODY | {"retries": -1}, "$.retries", None),
        (BODY | {"name": "x" * 101}, "$.name", None),
        (BODY | {"force": True}, "$.force", None),
        ({"chargers": ["CP001"], "atATime": 1}, "$.location", "is missing"),
    ],
)
async def test_what_is_not_valid_is_told_by_its_path(site: World, body: object, path: str, error: str | None) -> None:
    answer = await site.post("/campaigns", body)
    assert answer.status_code == 422
    (fault,) = answer.json()["faults"]
    assert fault["path"] == path
    if error is not None and path != "$.location":
        assert fault["error"] == error
    assert site.desk.facts == []


@pytest.mark.parametrize(("refusal", "status"), [(Refusal.CAMPAIGN_REFUSED, 409), (Refusal.UNKNOWN_CHARGER, 404)])
async def test_refusals(site: World, refusal: Refusal, status: int) -> None:
    site.tell(Refused(refusal, "CP001 is in another campaign that has not ended"))
    answer = await site.post("/campaigns", BODY)
    assert (answer.status_code, answer.json()["error"]) == (status, "CP001 is in another campaign that has not ended.")


async def test_one_is_shown_charger_by_charger(world: World) -> None:
    world.store.campaigns[CampaignId("k1")] = replace(
        stored.HALTED_CAMPAIGN, body_json='{"location":"ftp://user:secret@files.example/x"}'
    )
    answer = await world.client.get("/campaigns/k1")
    assert answer.status_code == 200
    shown = answer.json()["campaign"]
    assert shown == {
        "id": "k1",
        "name": "spring",
        "askedBy": "127.0.0.1",
        "askedAt": "2023-11-14T22:13:20.000Z",
        "state": "halted",
        "atATime": 2,
        "body": {"location": "ftp://***@files.example/x"},
        "retrieveDate": "2023-11-14T22:14:20.000Z",
        "halted": {"chargerId": "CP001", "reason": "CP001: é"},
        "counts": {"failed": 1, "waiting_for_cars": 1},
        "chargers": [
            {
                "chargerId": "CP001",
                "state": "failed",
                "reason": "é",
                "changedAt": "2023-11-14T22:13:20.001Z",
                "commandIds": ["k1-1-1", "k1-1-2"],
            },
            {
                "chargerId": "CP002",
                "state": "waiting_for_cars",
                "reason": "a car charges there",
                "changedAt": "2023-11-14T22:13:20.002Z",
                "commandIds": [],
            },
        ],
    }


async def test_lists_are_paged_and_short(world: World) -> None:
    world.store.campaigns[CampaignId("k1")] = stored.CAMPAIGN
    answer = await world.client.get("/campaigns?limit=1&cursor=7-abc")
    assert answer.status_code == 200, answer.text
    assert world.store.campaigns_listed == [(CampaignPosition(7, "abc"), 1)]
    assert answer.json()["nextCursor"] == "1700000000000-k1"
    (shown,) = answer.json()["campaigns"]
    assert shown["counts"] == {"waiting": 2}
    assert "chargers" not in shown
    assert "nextCursor" not in (await world.client.get("/campaigns")).json()


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=7", "cursor=x-1"])
async def test_lists_refuse_what_they_do_not_know(world: World, query: str) -> None:
    assert (await world.client.get(f"/campaigns?{query}")).status_code == 422


@pytest.mark.parametrize(("act", "fact"), [("stop", CampaignStopRequested), ("resume", CampaignResumeRequested)])
async def test_stop_and_resume(world: World, act: str, fact: type[object]) -> None:
    world.store.campaigns[CampaignId("k1")] = stored.HALTED_CAMPAIGN
    world.tell(CampaignShown(replace(stored.HALTED_CAMPAIGN, state=CampaignState.STOPPED)))
    answer = await world.post(f"/campaigns/k1/{act}", None)
    assert (answer.status_code, answer.json()["campaign"]["state"]) == (200, "stopped")
    (handed_on,) = world.desk.facts
    assert isinstance(handed_on, fact)
    world.tell(Refused(Refusal.CAMPAIGN_ENDED, "it has ended"))
    assert (await world.post(f"/campaigns/k1/{act}", None)).status_code == 409
    assert (await world.post(f"/campaigns/never/{act}", None)).status_code == 404


async def test_unknown_campaigns_and_a_broken_store(world: World) -> None:
    assert (await world.client.get("/campaigns/never")).status_code == 404
    assert (await world.client.get("/campaigns/a%20b")).status_code == 404
    world.store.broken = True
    for path in ("/campaigns", "/campaigns/never"):
        assert (await world.client.get(path)).status_code == 503
    assert (await world.post("/campaigns/never/stop", None)).status_code == 503


def test_the_example_is_what_would_be_shown() -> None:
    assert examples.CAMPAIGN["body"] == {
        key: examples.CAMPAIGN_REQUEST[key] for key in ("location", "retries", "retryInterval")
    }
