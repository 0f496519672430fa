"""What a charger sends, what the core hears of it, and what the charger is answered."""

import asyncio
from typing import Any

import pytest
from ocpp.v16 import ChargePoint, call  # type: ignore[import-untyped]
from ocpp.v16.datatypes import MeterValue, SampledValue  # type: ignore[import-untyped]
from ocpp.v16.enums import ChargePointErrorCode, ChargePointStatus, RegistrationStatus  # type: ignore[import-untyped]
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.core.events import (
    BootInfo,
    CertificateRequested,
    ChargerBooted,
    ChargerReported,
    ConnectorStatus,
    KnownTransaction,
    MeterSampled,
    StartKey,
    StatusNotified,
    TagStatus,
    TransactionStarted,
    TransactionStopped,
)
from csms.core.ids import ChargerId, ConnectionId, RequestId, SessionId, TransactionId
from csms.core.replies import Confirmed
from csms.gateway.answers import NAMED_REMEMBERED
from csms.gateway.id_tags import ListedTags, TagVerdict
from csms.ports import StoreError
from tests.certificates import CSR
from tests.contract.gateway_world import STAMP, T, gateway

CP = ChargerId("CP001")
START = {"connectorId": 1, "idTag": "5E450001", "meterStart": 100, "timestamp": STAMP}
BARE = {"sampledValue": [{"value": "1"}]}
STOP = {"transactionId": 77, "meterStop": 200, "timestamp": STAMP}
POWER = {"value": "11", "unit": "kW", "measurand": "Power.Active.Import"}


async def test_a_whole_session_with_the_ocpp_packages_charge_point() -> None:
    async with gateway() as world:
        async with connect(world.url(), subprotocols=[Subprotocol("ocpp1.6")]) as socket:
            assert socket.subprotocol == "ocpp1.6"
            charger = ChargePoint("CP001", socket)
            loop = asyncio.create_task(charger.start())
            boot = await charger.call(call.BootNotification("Model", "Vendor"))
            assert (boot.status, boot.interval, boot.current_time) == (RegistrationStatus.accepted, 60, STAMP)
            for status in (ChargePointStatus.available, ChargePointStatus.preparing):
                await charger.call(call.StatusNotification(1, ChargePointErrorCode.no_error, status))
            assert (await charger.call(call.Heartbeat())).current_time == STAMP
            assert (await charger.call(call.Authorize("tag"))).id_tag_info["status"] == "Accepted"
            start = await charger.call(call.StartTransaction(1, "tag", 100, STAMP))
            assert (start.transaction_id, start.id_tag_info) == (77, {"status": "Accepted"})
            value = MeterValue(STAMP, [SampledValue("11000", measurand="Power.Active.Import", unit="W")])
            await charger.call(call.MeterValues(1, [value], 77))
            stop = await charger.call(call.StopTransaction(200, STAMP, 77, id_tag="tag"))
            assert stop.id_tag_info == {"status": "Accepted"}
            loop.cancel()
        assert world.desk.kinds()[:8] == [
            "ChargerConnected",
            "ChargerHeard",
            "ChargerBooted",
            "StatusNotified",
            "StatusNotified",
            "TransactionStarted",
            "MeterSampled",
            "TransactionStopped",
        ]


async def test_facts_carry_all_that_was_said() -> None:
    async with gateway() as world, world.client() as client:
        await client.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "imsi": 5})
        status = {"connectorId": 2, "status": "charging", "errorCode": "Error", "info": "i", "vendorErrorCode": "v"}
        await client.call("StatusNotification", status)
        await client.call(
            "MeterValues", {"connectorId": 1, "transactionId": "7", "meterValue": {"sampledValue": [POWER]}}
        )
        await client.call("StartTransaction", START | {"reservationId": 3})
        await client.call("StopTransaction", STOP | {"transactionData": [{"sampledValue": POWER}]})
        await client.call("FirmwareStatusNotification", {"status": "Idle"})
        await client.call("SignCertificate", {"csr": CSR})
        await client.call("SignCertificate", {"csr": "x"})
        booted, status_fact, sampled, started, stopped, reported, requested, unreadable = world.desk.facts[2:]
    assert booted == ChargerBooted(CP, ConnectionId(1), BootInfo("V", "M", imsi="5"), RequestId(1))
    assert status_fact == StatusNotified(CP, 2, ConnectorStatus.CHARGING, "OtherError", "Error i v", None, RequestId(2))
    assert isinstance(sampled, MeterSampled)
    assert (sampled.idx, sampled.transaction_id) == (1, 7)
    assert [(s.at_ms, s.power_w, s.energy_wh) for s in sampled.samples] == [(T, 11_000, None)]
    assert started == TransactionStarted(
        key=StartKey(CP, 1, "5E450001", T, 100),
        tag_status=TagStatus.ACCEPTED,
        new_session_id=SessionId("new-session"),
        reservation_id=3,
        request=RequestId(4),
    )
    assert isinstance(stopped, TransactionStopped)
    assert (stopped.transaction_id, stopped.meter_stop_wh, stopped.stopped_ms) == (77, 200, T)
    assert (stopped.reason, stopped.id_tag, stopped.tag_status) == ("Local", None, None)
    assert [s.power_w for s in stopped.samples] == [11_000]
    assert reported == ChargerReported(CP, "FirmwareStatusNotification", '{"status": "Idle"}', RequestId(6))
    assert requested == CertificateRequested(CP, CSR, RequestId(7))
    assert unreadable == ChargerReported(CP, "SignCertificate", '{"csr": "x"}', RequestId(8))


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("Heartbeat", {}, {"currentTime": STAMP}),
        ("Heartbeat", None, {"currentTime": STAMP}),
        ("DataTransfer", {"vendorId": "x", "data": "secret"}, {"status": "UnknownVendorId"}),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}, {}),
        ("SecurityEventNotification", {"type": "x", "timestamp": STAMP}, {}),
        ("LogStatusNotification", {"status": "Uploaded"}, {}),
        ("SignedFirmwareStatusNotification", {"status": "Installed"}, {}),
        ("SignCertificate", {"csr": "x"}, {"status": "Rejected"}),
        ("SignCertificate", {"csr": CSR, "more": 1}, {"status": "Accepted"}),
        ("StatusNotification", {"connectorId": 1, "status": "Occupied"}, {}),
        ("MeterValues", {"connectorId": 1}, {}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": []}]}, {}),
        ("StopTransaction", STOP, {}),
        ("StopTransaction", STOP | {"idTag": "x"}, {"idTagInfo": {"status": "Accepted"}}),
        ("StopTransaction", STOP | {"transactionId": 2**63 - 1, "idTag": ""}, {}),
    ],
)
async def test_confirmed(action: str, payload: dict[str, Any] | None, answer: dict[str, Any]) -> None:
    async with gateway() as world, world.client() as client:
        assert await client.call(action, payload) == [3, "1", answer]


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("TransactionEvent", {}, "NotImplemented"),
        ("heartbeat", {}, "NotImplemented"),
        ("Reset", {"type": "Soft"}, "NotSupported"),
        ("SetChargingProfile", {}, "NotSupported"),
        ("Authorize", {"idTag": []}, "TypeConstraintViolation"),
        ("FirmwareStatusNotification", {"status": "Sleeping"}, "PropertyConstraintViolation"),
        ("Heartbeat", [], "FormationViolation"),
        ({}, {}, "FormationViolation"),
    ],
)
async def test_refused(action: Any, payload: Any, code: str) -> None:
    async with gateway() as world, world.client() as client:
        answer = await client.call(action, payload)
        assert (answer[0], answer[2], answer[4]) == (4, code, {})
        assert (await client.call("Heartbeat", {}))[0] == 3


async def test_a_repeated_start_is_one_fact_and_two_equal_answers() -> None:
    async with gateway() as world, world.client() as client:
        await client.send(2, "531531", "StartTransaction", START)
        first = await client.receive()
        await client.send(2, "531531", "StartTransaction", START)
        assert await client.receive() == first
        assert world.desk.kinds().count("TransactionStarted") == 1
        await client.send(2, "531531", "StartTransaction", START | {"connectorId": 2})
        await client.receive()
        assert world.desk.kinds().count("TransactionStarted") == 2, "the id again, but another message"


async def test_a_replayed_start_and_its_stop_bring_what_the_store_remembers() -> None:
    async with gateway() as world, world.client() as client:
        known = KnownTransaction(TransactionId(5), SessionId("s"), CP, 1, TagStatus.ACCEPTED, ended=True)
        world.memory.starts[StartKey(CP, 1, "5E450001", T, 100)] = known
        assert (await client.call("StartTransaction", START))[2]["transactionId"] == 5
        await client.call("StopTransaction", STOP | {"transactionId": 5})
        started = await world.desk.wait_for(TransactionStarted)
        stopped = await world.desk.wait_for(TransactionStopped)
        assert started.known is stopped.known is known


async def test_a_start_without_a_usable_time_asks_for_its_words() -> None:
    async with gateway() as world:
        for later_ms in (0, 30_000):
            world.clock.mono_ms += later_ms
            async with world.client() as client:
                await client.call("StartTransaction", START | {"timestamp": "1970-01-01T00:00:12Z"})
        one, two = world.memory.asked
        assert (one.words, one.started_ms, two.started_ms) == ("1970-01-01T00:00:12Z", T, T + 30_000)
        assert one.identity == two.identity


async def test_late_values_bring_the_ended_transaction_that_the_store_remembers_asked_once() -> None:
    async with gateway() as world, world.client() as client:
        ended = KnownTransaction(TransactionId(5), SessionId("s"), CP, 1, TagStatus.ACCEPTED, ended=True)
        running = KnownTransaction(TransactionId(6), SessionId("r"), CP, 1, TagStatus.ACCEPTED, ended=False)
        world.memory.starts |= {StartKey(CP, 1, "A", T, 1): ended, StartKey(CP, 1, "B", T, 1): running}
        for named in (5, 6, 7, 5, 0, None):
            payload = {"connectorId": 1, "meterValue": [BARE]}
            await client.call("MeterValues", payload if named is None else payload | {"transactionId": named})
        facts = [fact for fact in world.desk.facts if isinstance(fact, MeterSampled)]
        assert [fact.known for fact in facts] == [ended, None, None, ended, None, None]
        assert world.memory.asked_ids == [5, 6, 7]


async def test_what_is_remembered_of_meter_values_is_bounded() -> None:
    async with gateway() as world, world.client() as client:
        for named in [*range(1, NAMED_REMEMBERED + 2), 2, 1]:
            await client.call("MeterValues", {"connectorId": 1, "transactionId": named, "meterValue": [BARE]})
        assert world.memory.asked_ids == [*range(1, NAMED_REMEMBERED + 2), 1]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", START),
        ("StopTransaction", STOP),
        ("MeterValues", {"connectorId": 1, "transactionId": 5, "meterValue": [BARE]}),
    ],
)
async def test_a_store_that_cannot_read_means_try_again(action: str, payload: dict[str, Any]) -> None:
    async with gateway() as world, world.client() as client:
        world.memory.failure = StoreError("disk gone")
        assert (await client.call(action, payload))[:3] == [4, "1", "InternalError"]
        assert world.desk.kinds() == ["ChargerConnected", "ChargerHeard"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("BootNotification", {}),
        ("StartTransaction", START),
        ("StopTransaction", STOP),
        ("MeterValues", {"connectorId": 1, "meterValue": [BARE]}),
    ],
)
async def test_what_could_not_be_stored_is_answered_with_internal_error_and_may_come_again(
    action: str, payload: dict[str, Any]
) -> None:
    async with gateway() as world, world.client() as client:
        world.desk.failure = StoreError("disk full")
        await client.send(2, "same", action, payload)
        assert (await client.receive())[:3] == [4, "same", "InternalError"]
        world.desk.failure = None
        await client.send(2, "same", action, payload)
        assert (await client.receive())[0] == 3


async def test_an_outcome_that_fits_no_confirmation_is_an_internal_error() -> None:
    async with gateway() as world, world.client() as client:
        world.desk.holding = True
        await client.send(2, "start", "StartTransaction", START)
        await world.desk.wait_for(TransactionStarted)
        world.desk.asked[0][1](Confirmed())
        assert (await client.receive())[:3] == [4, "start", "InternalError"]


async def test_answers_wait_for_the_store_and_other_messages_do_not_wait_for_them() -> None:
    async with gateway() as world, world.client() as client:
        world.desk.holding = True
        await client.send(2, "start", "StartTransaction", START)
        await client.send(2, "meter", "MeterValues", {"connectorId": 1, "meterValue": [BARE]})
        await client.send(2, "beat", "Heartbeat", {})
        assert (await client.receive())[1] == "beat"
        world.desk.release()
        assert [(await client.receive())[1] for _ in range(2)] == ["start", "meter"]


async def test_a_flood_of_calls_waits_for_the_store_instead_of_being_refused() -> None:
    async with gateway() as world, world.client() as client:
        world.desk.holding = True
        for n in range(300):
            await client.send(2, str(n), "MeterValues", {"connectorId": 1, "meterValue": [BARE]})
        await world.desk.wait_for(MeterSampled, 32)
        world.desk.holding = False
        world.desk.release()
        assert [(await client.receive())[:2] for _ in range(300)] == [[3, str(n)] for n in range(300)]


async def test_listed_tags() -> None:
    tags = ListedTags(
        {
            "GOOD": TagVerdict(TagStatus.ACCEPTED, T + 60_000, "GROUP"),
            "BAD": TagVerdict(TagStatus.BLOCKED),
            "A" * 20: TagVerdict(TagStatus.ACCEPTED),
        },
    )
    async with gateway(id_tags=tags) as world, world.client() as client:
        table = {
            "good": {"status": "Accepted", "expiryDate": "2026-01-01T00:01:00Z", "parentIdTag": "GROUP"},
            "bad": {"status": "Blocked"},
            "group": {"status": "Invalid"},
            "5e450001": {"status": "Accepted"},
            "a" * 20: {"status": "Accepted"},
            "a" * 21: {"status": "Invalid"},
        }
        for tag, info in table.items():
            assert (await client.call("Authorize", {"idTag": tag}))[2] == {"idTagInfo": info}
            assert (await client.call("StartTransaction", START | {"idTag": tag}))[2]["idTagInfo"] == info
        world.clock.mono_ms += 60_000
        assert (await client.call("Authorize", {"idTag": "GOOD"}))[2]["idTagInfo"]["status"] == "Expired"


async def test_a_tag_of_the_same_parent_may_stop_what_another_started() -> None:
    """§3.10; the charger compares the parents itself, so each answer names the parent."""
    fleet = {"status": "Accepted", "parentIdTag": "FLEET"}
    tags = {
        "ONE": TagVerdict(TagStatus.ACCEPTED, None, "FLEET"),
        "TWO": TagVerdict(TagStatus.ACCEPTED, None, "FLEET"),
        "LATE": TagVerdict(TagStatus.ACCEPTED, T, "FLEET"),
    }
    late = {"status": "Expired", "expiryDate": STAMP, "parentIdTag": "FLEET"}
    async with gateway(id_tags=ListedTags(tags)) as world, world.client() as client:
        start = (await client.call("StartTransaction", START | {"idTag": "ONE"}))[2]
        assert start == {"transactionId": 77, "idTagInfo": fleet}
        for tag, info in {
            "TWO": fleet,
            "two": fleet,
            "ONE": fleet,
            "LATE": late,
            "FLEET": {"status": "Invalid"},
        }.items():
            assert (await client.call("Authorize", {"idTag": tag}))[2] == {"idTagInfo": info}, "never ConcurrentTx"
            assert (await client.call("StopTransaction", STOP | {"idTag": tag}))[2] == {"idTagInfo": info}
        assert (await client.call("StopTransaction", STOP))[2] == {}, "no tag, no word on it"
        assert world.desk.kinds().count("TransactionStopped") == 6, "whatever the verdict: the car has stopped"


WRONG_IDS = [-(2**63), -2, -1, 0, 4_711, 2**31, 2**63 - 1, 2**63, "9223372036854775807", 1e99]


@pytest.mark.parametrize("transaction_id", WRONG_IDS)
async def test_a_stop_of_whatever_id_is_confirmed(transaction_id: float | str) -> None:
    async with gateway() as world, world.client() as client:
        assert await client.call("StopTransaction", STOP | {"transactionId": transaction_id}) == [3, "1", {}]
        values: dict[str, Any] = {"connectorId": 1, "transactionId": transaction_id, "meterValue": [BARE]}
        assert await client.call("MeterValues", values) == [3, "2", {}]


STAMPS = [
    # caption, the stop's time stamp, recorded before (by its id, by its time) | a repetition
    ("neither", STAMP, False, False, False),
    ("by its time", STAMP, False, True, True),
    ("no usable time: by its id", "1970-01-01T00:00:09Z", True, False, True),
    ("no usable time, and another", "1970-01-01T00:00:09Z", False, True, False),
    ("none at all: by its id", "", True, False, True),
]


@pytest.mark.parametrize(
    ("stamp", "by_id", "by_time", "repeated"), [row[1:] for row in STAMPS], ids=[row[0] for row in STAMPS]
)
async def test_a_stop_of_no_transaction_of_ours_is_known_again(
    stamp: str, *, by_id: bool, by_time: bool, repeated: bool
) -> None:
    stop = STOP | {"transactionId": -1, "timestamp": stamp}
    async with gateway() as world, world.client() as client:
        await client.call("StopTransaction", stop)
        first = await world.desk.wait_for(TransactionStopped)
        world.memory.sessions |= {first.new_session_id} if by_id else set()
        world.memory.stops |= {(CP, T, 200)} if by_time else set()
        world.clock.mono_ms += 60_000
        await client.call("StopTransaction", stop)
        second = await world.desk.wait_for(TransactionStopped, 2)
        assert (first.repeated, second.repeated) == (False, repeated)
        assert second.new_session_id == first.new_session_id, "so its record is one, whatever the store said"
        assert first.words == second.words == (None if stamp == STAMP else stamp)
