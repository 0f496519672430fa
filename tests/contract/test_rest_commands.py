"""Operators' commands over REST: what is refused before anybody is asked, what is handed on, what is answered."""

import json
from typing import Any

import pytest

from api.command_schemas import EXAMPLES, SetChargingProfile
from api.security_schemas import CERTIFICATE, DeleteCertificate, GetLog, SignedUpdateFirmware
from csms.core.events import CommandRequested, CommandWatched
from csms.core.ids import ChargerId, CommandId
from csms.core.records import CommandState
from csms.core.replies import CommandShown, NothingAwaited, Refusal, Refused
from csms.ocpp16 import vendor
from csms.ports import CommandPosition
from tests.contract.test_rest import NEW_ID, World, world
from tests.unit.store import samples as stored

__all__ = ["world"]  # the fixture

PATH = "/chargers/CP001/commands"
SENT = stored.command(NEW_ID, state=CommandState.SENT)
DONE = stored.command(NEW_ID, state=CommandState.REJECTED, answer="Rejected", answer_json='{"status":"Rejected"}')


@pytest.mark.parametrize(("model", "body"), EXAMPLES.items(), ids=lambda each: getattr(each, "__name__", ""))
async def test_a_body_is_handed_on_as_ocpp_has_it(world: World, model: Any, body: dict[str, Any]) -> None:
    world.tell(CommandShown(SENT))
    answer = await world.post(f"{PATH}/{model.__name__}", body)
    assert answer.status_code == 202
    (fact,) = world.desk.facts
    assert isinstance(fact, CommandRequested)
    assert (fact.charger_id, fact.action, json.loads(fact.body_json)) == ("CP001", model.__name__, body)
    assert (fact.queue_until_ms, fact.forced, fact.command_id) == (None, False, CommandId(NEW_ID))
    assert vendor.check_call(model.__name__, fact.body_json.encode()) is None, "by the schema of OCPP"


def cap(changes: dict[str, object], schedule: dict[str, object], connector: int = 1) -> dict[str, object]:
    """Return the example of a cap with some fields changed; None takes one away."""
    body: dict[str, Any] = json.loads(json.dumps(EXAMPLES[SetChargingProfile]))
    profile = body["csChargingProfiles"]
    profile |= changes
    profile["chargingSchedule"] |= schedule
    return body | {"connectorId": connector}


AT = "csChargingProfiles"
PERIODS = f"{AT}.chargingSchedule.chargingSchedulePeriod"
TIME = "2026-11-27T10:00:00Z"
WRONG_CAPS: list[tuple[dict[str, object], str]] = [
    ({"connectorId": 1}, AT),
    (cap({"chargingProfilePurpose": "ChargePointMaxProfile"}, {}), "connectorId"),
    (cap({"chargingProfilePurpose": "TxProfile"}, {}, connector=0), "connectorId"),
    (cap({"transactionId": 1}, {}), f"{AT}.transactionId"),
    (
        cap({"chargingProfilePurpose": "ChargePointMaxProfile", "chargingProfileKind": "Relative"}, {}, connector=0),
        f"{AT}.chargingProfileKind",
    ),
    (cap({"chargingProfileKind": "Recurring"}, {"startSchedule": TIME}), f"{AT}.recurrencyKind"),
    (cap({"recurrencyKind": "Daily"}, {}), f"{AT}.recurrencyKind"),
    (cap({"validFrom": TIME, "validTo": TIME}, {}), f"{AT}.validTo"),
    (cap({"chargingProfileKind": "Relative"}, {"startSchedule": TIME}), f"{AT}.chargingSchedule.startSchedule"),
    (
        cap({"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}, {}),
        f"{AT}.chargingSchedule.startSchedule",
    ),
    (cap({}, {"duration": 0}), f"{AT}.chargingSchedule.duration"),
    (cap({}, {"minChargingRate": 6}), f"{AT}.chargingSchedule.minChargingRate"),
    (cap({}, {"chargingSchedulePeriod": []}), PERIODS),
    (cap({}, {"chargingSchedulePeriod": [{"startPeriod": 1, "limit": 1}]}), f"{PERIODS}[0].startPeriod"),
    (
        cap({}, {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1}, {"startPeriod": 0, "limit": 2}]}),
        f"{PERIODS}[1].startPeriod",
    ),
    (cap({}, {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1.25}]}), f"{PERIODS}[0].limit"),
    (cap({}, {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1}]}), f"{PERIODS}[0].limit"),
    (cap({}, {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": True}]}), f"{PERIODS}[0].limit"),
    (
        cap({}, {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1, "numberPhases": 3}]}),
        f"{PERIODS}[0].numberPhases",
    ),
]


LOG: dict[str, Any] = EXAMPLES[GetLog]
SIGNED: dict[str, Any] = EXAMPLES[SignedUpdateFirmware]
HASHES: dict[str, Any] = EXAMPLES[DeleteCertificate]["certificateHashData"]
KEY_PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"
NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n"


def log(**changes: object) -> dict[str, Any]:
    return LOG | {"log": LOG["log"] | changes}


def firmware(**changes: object) -> dict[str, Any]:
    return SIGNED | {"firmware": SIGNED["firmware"] | changes}


def root(certificate: object) -> dict[str, Any]:
    return {"certificateType": "ManufacturerRootCertificate", "certificate": certificate}


def hashes(**changes: object) -> dict[str, Any]:
    return {"certificateHashData": HASHES | changes}


WRONG_SECURITY: list[tuple[str, dict[str, Any], str]] = [
    ("ExtendedTriggerMessage", {"requestedMessage": "DiagnosticsStatusNotification"}, "$.requestedMessage"),
    ("ExtendedTriggerMessage", {"requestedMessage": "Heartbeat", "connectorId": 0}, "$.connectorId"),
    ("GetLog", LOG | {"logType": "Log"}, "$.logType"),
    ("GetLog", LOG | {"requestId": "1"}, "$.requestId"),
    ("GetLog", LOG | {"requestId": -1}, "$.requestId"),
    ("GetLog", {name: value for name, value in LOG.items() if name != "requestId"}, "$.requestId"),
    ("GetLog", LOG | {"log": {}}, "$.log.remoteLocation"),
    ("GetLog", log(remoteLocation="files.example"), "$.log.remoteLocation"),
    ("GetLog", log(remoteLocation="ftp://x/" + "x" * 505), "$.log.remoteLocation"),
    ("GetLog", log(oldestTimestamp="2026-11-26"), "$.log.oldestTimestamp"),
    ("GetLog", log(latestTimestamp="2026-11-25T23:59:59Z"), "$.log.latestTimestamp"),
    ("SignedUpdateFirmware", firmware(retrieveDateTime="now"), "$.firmware.retrieveDateTime"),
    ("SignedUpdateFirmware", firmware(retrieveDate=TIME), "$.firmware.retrieveDate"),
    ("SignedUpdateFirmware", firmware(installDateTime="2026-11-27T01:59:59Z"), "$.firmware.installDateTime"),
    ("SignedUpdateFirmware", firmware(signature="not Base64"), "$.firmware.signature"),
    ("SignedUpdateFirmware", firmware(signature="AAAA" * 201), "$.firmware.signature"),
    ("SignedUpdateFirmware", firmware(signingCertificate=NO_CERTIFICATE), "$.firmware.signingCertificate"),
    ("SignedUpdateFirmware", firmware(location=1), "$.firmware.location"),
    ("InstallCertificate", root(CERTIFICATE) | {"certificateType": "V2GRootCertificate"}, "$.certificateType"),
    ("InstallCertificate", root(""), "$.certificate"),
    ("InstallCertificate", root("MIIB"), "$.certificate"),
    ("InstallCertificate", root(NO_CERTIFICATE), "$.certificate"),
    ("InstallCertificate", root(CERTIFICATE * 2), "$.certificate"),
    ("InstallCertificate", root(CERTIFICATE + KEY_PEM), "$.certificate"),
    ("InstallCertificate", root(CERTIFICATE + "\n" * 5_000), "$.certificate"),
    ("GetInstalledCertificateIds", {}, "$.certificateType"),
    ("DeleteCertificate", hashes(hashAlgorithm="SHA1"), "$.certificateHashData.hashAlgorithm"),
    ("DeleteCertificate", hashes(issuerNameHash="ab" * 31), "$.certificateHashData.issuerNameHash"),
    ("DeleteCertificate", hashes(issuerKeyHash="ab" * 48), "$.certificateHashData.issuerKeyHash"),
    ("DeleteCertificate", hashes(issuerKeyHash="xy" * 32), "$.certificateHashData.issuerKeyHash"),
    ("DeleteCertificate", hashes(serialNumber="1" * 41), "$.certificateHashData.serialNumber"),
    ("DeleteCertificate", hashes(serialNumber=1), "$.certificateHashData.serialNumber"),
    ("CertificateSigned", {"certificateChain": CERTIFICATE + NO_CERTIFICATE}, "$.certificateChain"),
    ("CertificateSigned", {"certificateChain": KEY_PEM}, "$.certificateChain"),
    ("CertificateSigned", {"certificateChain": CERTIFICATE * 20}, "$.certificateChain"),
]


@pytest.mark.parametrize(
    ("action", "body", "path"),
    [
        ("Reset", {}, "$.type"),
        ("Reset", {"type": "soft"}, "$.type"),
        ("Reset", {"type": "Soft", "force": True}, "$.force"),
        ("UnlockConnector", {"connectorId": 0}, "$.connectorId"),
        ("UnlockConnector", {"connectorId": "1"}, "$.connectorId"),
        ("UnlockConnector", {"connectorId": True}, "$.connectorId"),
        ("TriggerMessage", {"requestedMessage": "Heartbeat", "connectorId": None}, "$.connectorId"),
        ("GetConfiguration", {"key": ["x" * 51]}, "$.key[0]"),
        ("ChangeConfiguration", {"key": "K", "value": "x" * 501}, "$.value"),
        ("RemoteStartTransaction", {"idTag": "x" * 21}, "$.idTag"),
        ("RemoteStopTransaction", {"transactionId": 2**31}, "$.transactionId"),
        ("UpdateFirmware", {"location": "x", "retrieveDate": "tomorrow"}, "$.retrieveDate"),
        ("UpdateFirmware", {"location": "x", "retrieveDate": "2026-11-26T10:00:00"}, "$.retrieveDate"),
        ("SendLocalList", {"listVersion": 0, "updateType": "Full"}, "$.listVersion"),
        (
            "SendLocalList",
            {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{"idTag": "a b"}]},
            "$.localAuthorizationList[0].idTag",
        ),
        ("ClearChargingProfile", {}, "$.id"),
        ("ClearChargingProfile", {"id": 1, "connectorId": 0}, "$.connectorId"),
        ("ClearChargingProfile", {"chargingProfilePurpose": "Other"}, "$.chargingProfilePurpose"),
        *WRONG_SECURITY,
        *(("SetChargingProfile", body, f"$.{path}") for body, path in WRONG_CAPS),
    ],
)
async def test_what_is_not_valid_is_told_by_its_path(world: World, action: str, body: object, path: str) -> None:
    answer = await world.post(f"{PATH}/{action}", body)
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["faults"]] == [path]
    assert world.desk.facts == []


@pytest.mark.parametrize(
    "query", ["wait=61", "wait=-1", "wait=x", "queueUntil=soon", "force=yes", "queueUntil=2026-11-26T10:00:00"]
)
async def test_a_query_that_is_not_valid(world: World, query: str) -> None:
    answer = await world.post(f"{PATH}/ClearCache?{query}", {})
    assert answer.status_code == 422
    assert world.desk.facts == []


async def test_times_are_sent_in_utc_and_the_query_is_ours(world: World) -> None:
    world.tell(CommandShown(SENT))
    body = {"location": "ftp://u:secret@x/f", "retrieveDate": "2026-11-26T12:00:00.5+02:00"}
    await world.post(f"{PATH}/UpdateFirmware?force=true&queueUntil=2026-11-26T10:00:01Z", body)
    (fact,) = world.desk.facts
    assert isinstance(fact, CommandRequested)
    assert json.loads(fact.body_json)["retrieveDate"] == "2026-11-26T10:00:00Z"
    assert (fact.forced, fact.queue_until_ms) == (True, 1_795_687_201_000)


@pytest.mark.parametrize("action", ["reset", "BootNotification"])
async def test_other_actions_are_not_offered(world: World, action: str) -> None:
    assert (await world.post(f"{PATH}/{action}", {})).status_code == 404


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal.UNKNOWN_CHARGER, 404),
        (Refusal.UNKNOWN_CONNECTOR, 404),
        (Refusal.COMMAND_REFUSED, 409),
        (Refusal.NO_HEADROOM, 409),
        (Refusal.CHARGER_OFFLINE, 503),
    ],
)
async def test_refusals(world: World, refusal: Refusal, status: int) -> None:
    world.tell(Refused(refusal, "no room on grid"))
    answer = await world.post(f"{PATH}/ClearCache", {})
    assert answer.status_code == status


async def test_who_waits_is_answered_when_it_is_final(world: World) -> None:
    world.tell(CommandShown(SENT), NothingAwaited())
    world.store.commands[CommandId(NEW_ID)] = DONE
    answer = await world.post(f"{PATH}/ClearCache?wait=5", {})
    assert answer.status_code == 200
    watched = world.desk.facts[1]
    assert isinstance(watched, CommandWatched)
    assert watched.command_id == CommandId(NEW_ID)
    shown = answer.json()["command"]
    assert (shown["state"], shown["answer"], shown["answerBody"]) == ("rejected", "Rejected", {"status": "Rejected"})


async def test_passwords_in_locations_are_not_shown(world: World) -> None:
    body_json = '{"location":"ftp://user:secret@files.example/x"}'
    world.store.commands[CommandId("c1")] = stored.command(action="GetDiagnostics", body_json=body_json)
    answer = await world.client.get("/commands/c1")
    assert answer.json()["command"]["body"] == {"location": "ftp://***@files.example/x"}


async def test_passwords_in_locations_within_are_not_shown_either(world: World) -> None:
    for name, action, within in (("c1", "GetLog", "log"), ("c2", "SignedUpdateFirmware", "firmware")):
        field = "remoteLocation" if within == "log" else "location"
        body_json = json.dumps({within: {field: "ftp://user:secret@files.example/x"}})
        world.store.commands[CommandId(name)] = stored.command(name, action=action, body_json=body_json)
        answer = await world.client.get(f"/commands/{name}")
        assert answer.json()["command"]["body"] == {within: {field: "ftp://***@files.example/x"}}


@pytest.mark.parametrize(
    ("action", "body", "sentence"),
    [
        ("InstallCertificate", root(NO_CERTIFICATE), "is no X.509 certificate"),
        ("InstallCertificate", root(CERTIFICATE + KEY_PEM), "holds a private key, which is sent to nobody"),
        ("InstallCertificate", root(CERTIFICATE * 2), "must be 1 certificate, these are 2"),
        (
            "CertificateSigned",
            {"certificateChain": CERTIFICATE + NO_CERTIFICATE},
            "is no X.509 certificate in its block 2",
        ),
        (
            "DeleteCertificate",
            hashes(issuerKeyHash="ab" * 48),
            "must have 64 hexadecimal digits, as a hash of SHA256 has",
        ),
        (
            "SignedUpdateFirmware",
            firmware(installDateTime="2026-11-27T01:00:00Z"),
            "must not be before retrieveDateTime",
        ),
    ],
)
async def test_the_reason_is_told(world: World, action: str, body: object, sentence: str) -> None:
    answer = await world.post(f"{PATH}/{action}", body)
    assert [fault["error"] for fault in answer.json()["faults"]] == [sentence]


async def test_a_chain_is_handed_on_as_it_was_written(world: World) -> None:
    world.tell(CommandShown(SENT))
    chain = "\n" + CERTIFICATE.replace("\n", "\r\n") + CERTIFICATE
    assert (await world.post(f"{PATH}/CertificateSigned", {"certificateChain": chain})).status_code == 202
    (fact,) = world.desk.facts
    assert isinstance(fact, CommandRequested)
    assert json.loads(fact.body_json) == {"certificateChain": chain}


async def test_lists_are_filtered_and_paged(world: World) -> None:
    world.store.commands[CommandId("c1")] = stored.DONE_COMMAND
    answer = await world.client.get("/commands?charger=CP001&state=accepted&limit=1&cursor=7-abc")
    assert answer.status_code == 200, answer.text
    assert world.store.listed == [(ChargerId("CP001"), CommandState.ACCEPTED, CommandPosition(7, "abc"), 1)]
    assert answer.json()["nextCursor"] == "1700000000000-c1"
    (shown,) = answer.json()["commands"]
    assert "answerBody" not in shown
    assert shown["outcome"] == {"what": "boot", "state": "awaited", "until": "2023-11-14T22:18:20.000Z"}


@pytest.mark.parametrize("query", ["state=done", "limit=0", "limit=501", "cursor=7", "cursor=x-1"])
async def test_lists_refuse_what_they_do_not_know(world: World, query: str) -> None:
    assert (await world.client.get(f"/commands?{query}")).status_code == 422


async def test_unknown_commands_and_a_broken_store(world: World) -> None:
    assert (await world.client.get("/commands/never")).status_code == 404
    assert (await world.client.get("/commands/a%20b")).status_code == 404
    world.store.broken = True
    assert (await world.client.get("/commands/never")).status_code == 503
    assert (await world.client.get("/commands")).status_code == 503
