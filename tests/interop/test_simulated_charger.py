"""The simulated charger against a small central system made with the `ocpp` package, on a real socket.

Time is the test's: `Driven.run` moves a manual clock tick by tick and lets every message through before the next tick.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from ocpp.charge_point import snake_to_camel_case  # type: ignore[import-untyped]
from ocpp.exceptions import NotImplementedError as NotImplementedOcppError  # type: ignore[import-untyped]
from ocpp.exceptions import PropertyConstraintViolationError
from ocpp.routing import on  # type: ignore[import-untyped]
from ocpp.v16 import ChargePoint as CentralChargePoint  # type: ignore[import-untyped]
from ocpp.v16 import call, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from simulators.build import Wanted
from simulators.cars import CarModel, flat_car
from simulators.clock import ManualClock
from simulators.driven import DEFAULT_TAG as TAG
from simulators.driven import Driven, driven
from simulators.electrical import RateUnit

TIME = "2026-01-01T00:00:00Z"


class Log:
    """Everything the central system was told, over all connections."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.boot_status = "Accepted"
        self.tag_status = "Accepted"
        self.next_transaction_id = 1
        self.refuse_starts = 0
        self.lose_answers_to_starts = 0
        self.profile_after_start: dict[str, Any] | None = None
        self.profile_answers: asyncio.Queue[str] = asyncio.Queue()

    def of(self, action: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.messages if name == action]

    def actions(self) -> list[str]:
        return [name for name, _ in self.messages]

    def statuses(self, connector_id: int) -> list[str]:
        return [m["status"] for m in self.of("StatusNotification") if m["connector_id"] == connector_id]

    def samples(self, measurand: str) -> list[str]:
        return [
            value["value"]
            for message in self.of("MeterValues")
            for element in message["meter_value"]
            for value in element["sampled_value"]
            if value["measurand"] == measurand
        ]


class Central(CentralChargePoint):  # type: ignore[misc]  # the package is not typed
    """The central system's end of one connection: notes what comes and says yes."""

    def __init__(self, charger_id: str, connection: ServerConnection, log: Log) -> None:
        super().__init__(charger_id, connection, response_timeout=10)
        self.log = log

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, **payload: Any) -> Any:
        self.log.messages.append(("BootNotification", payload))
        return call_result.BootNotification(current_time=TIME, interval=300, status=self.log.boot_status)

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self, **payload: Any) -> Any:
        self.log.messages.append(("Heartbeat", payload))
        return call_result.Heartbeat(current_time=TIME)

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def on_status(self, **payload: Any) -> Any:
        self.log.messages.append(("StatusNotification", payload))
        return call_result.StatusNotification()

    @on("Authorize")  # type: ignore[untyped-decorator]
    def on_authorize(self, **payload: Any) -> Any:
        self.log.messages.append(("Authorize", payload))
        return call_result.Authorize(id_tag_info={"status": self.log.tag_status})

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **payload: Any) -> Any:
        self.log.messages.append(("StartTransaction", payload))
        if self.log.refuse_starts:
            self.log.refuse_starts -= 1
            raise RuntimeError("the store is full")
        if self.log.lose_answers_to_starts:
            self.log.lose_answers_to_starts -= 1
            self._connection.transport.abort()
        transaction_id = self.log.next_transaction_id
        self.log.next_transaction_id += 1
        return call_result.StartTransaction(transaction_id=transaction_id, id_tag_info={"status": self.log.tag_status})

    async def _send(self, message: str) -> None:
        """Send a frame, and right behind the answer to a start, in the same breath, its profile."""
        await super()._send(message)
        if self.log.profile_after_start is not None and '"transactionId"' in message:
            payload = {"connectorId": 1, "csChargingProfiles": self.log.profile_after_start}
            await super()._send(json.dumps([2, "behind", "SetChargingProfile", payload]))

    async def route_message(self, raw_msg: str) -> None:
        frame = json.loads(raw_msg)
        if frame[:2] == [3, "behind"]:
            self.log.profile_answers.put_nowait(frame[2]["status"])
        else:
            await super().route_message(raw_msg)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_meter_values(self, **payload: Any) -> Any:
        self.log.messages.append(("MeterValues", payload))
        return call_result.MeterValues()

    @on("FirmwareStatusNotification")  # type: ignore[untyped-decorator]
    def on_firmware_status(self, **payload: Any) -> Any:
        self.log.messages.append(("FirmwareStatusNotification", payload))
        return call_result.FirmwareStatusNotification()

    @on("SignedFirmwareStatusNotification")  # type: ignore[untyped-decorator]
    def on_signed_firmware_status(self, **payload: Any) -> Any:
        self.log.messages.append(("SignedFirmwareStatusNotification", payload))
        return call_result.SignedFirmwareStatusNotification()

    @on("LogStatusNotification")  # type: ignore[untyped-decorator]
    def on_log_status(self, **payload: Any) -> Any:
        self.log.messages.append(("LogStatusNotification", payload))
        return call_result.LogStatusNotification()

    @on("SecurityEventNotification")  # type: ignore[untyped-decorator]
    def on_security_event(self, **payload: Any) -> Any:
        self.log.messages.append(("SecurityEventNotification", payload))
        return call_result.SecurityEventNotification()

    @on("SignCertificate")  # type: ignore[untyped-decorator]
    def on_sign_certificate(self, **payload: Any) -> Any:
        self.log.messages.append(("SignCertificate", payload))
        return call_result.SignCertificate(status="Accepted")

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, **payload: Any) -> Any:
        self.log.messages.append(("StopTransaction", payload))
        return call_result.StopTransaction()


class Bench(Driven):
    """A charger driven by hand, and its central system."""

    def __init__(self, here: Driven, log: Log) -> None:
        super().__init__(here.charger, here.link, here.clock)
        self.log = log
        self.centrals: asyncio.Queue[Central] = asyncio.Queue()
        self.closed: asyncio.Queue[None] = asyncio.Queue()
        self.central: Central | None = None

    async def connected(self) -> None:
        """Wait until the charger has a socket and has said what it has to say on it."""
        self.central = await self.centrals.get()
        await self.link.up()
        await self.link.idle()

    async def reconnected(self) -> None:
        """Let the charger's pauses pass until it is back."""
        await self.until(self.connected())

    async def ask(self, payload: Any) -> Any:
        """Make a CALL of the central system and let its consequences happen."""
        assert self.central is not None
        answer = await self.central.call(payload, suppress=False)
        await self.settle()
        return answer


@asynccontextmanager
async def bench(wanted: Wanted, log: Log | None = None) -> AsyncIterator[Bench]:
    log = log or Log()
    made: asyncio.Future[Bench] = asyncio.get_running_loop().create_future()

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == "/ocpp/CP%201"
        here = await made
        central = Central("CP 1", connection, log)
        here.centrals.put_nowait(central)
        try:
            await central.start()
        except ConnectionClosed:
            here.closed.put_nowait(None)

    async with serve(handle, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None) as server:  # type: ignore[list-item]
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ocpp/"
        async with driven("CP 1", wanted, url, ManualClock()) as bare:
            here = Bench(bare, log)
            made.set_result(here)
            await here.connected()
            yield here


DC = Wanted(connectors=2, max_w=200_000, phases=0, meter_interval_s=10)
AC = Wanted(connectors=2, max_w=22_000, phases=3, units=frozenset({RateUnit.A}), meter_interval_s=10)


def tx_profile(
    limit: float, *, unit: str = "W", transaction_id: int | None = 1, purpose: str = "TxProfile", **more: Any
) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "charging_profile_id": 1,
        "stack_level": 0,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Relative",
        "charging_schedule": {
            "charging_rate_unit": unit,
            "charging_schedule_period": [{"start_period": 0, "limit": limit}],
        },
    }
    if transaction_id is not None:
        profile["transaction_id"] = transaction_id
    return profile | more


async def test_boot_tells_every_status_once() -> None:
    async with bench(DC) as b:
        assert b.log.of("BootNotification")[0]["charge_point_serial_number"] == "CP 1"
        assert [(m["connector_id"], m["status"]) for m in b.log.of("StatusNotification")] == [
            (0, "Available"),
            (1, "Available"),
            (2, "Available"),
        ]


async def test_a_whole_transaction() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000), target_wh=2_000)
        await b.run(70)
        assert b.log.statuses(1) == ["Available", "Preparing", "SuspendedEV", "Charging", "Finishing", "Available"]
        start, stop = b.log.of("StartTransaction")[0], b.log.of("StopTransaction")[0]
        assert (start["connector_id"], start["id_tag"], start["meter_start"]) == (1, TAG, 0)
        assert (stop["transaction_id"], stop["id_tag"], stop["reason"]) == (1, TAG, "Local")
        # 3 s to wake up, 7.5 s in steps of 5 kW to 150 kW (161.46 Wh), 44.125 s at 150 kW for the rest of 2 kWh.
        assert (start["timestamp"], stop["timestamp"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:14:14.750Z")
        assert stop["meter_stop"] == 2_000
        assert b.log.samples("Power.Active.Import")[:3] == ["140000", "150000", "150000"]
        assert b.log.samples("Energy.Active.Import.Register")[:2] == ["140", "557"]
        assert b.log.of("MeterValues")[0]["transaction_id"] == 1


@pytest.mark.parametrize(
    ("installed", "expected_w"),
    [
        ([], 150_000),
        ([(0, tx_profile(50_000, purpose="TxDefaultProfile", transaction_id=None))], 50_000),
        ([(1, tx_profile(80_000))], 80_000),
        # TxProfile overrules the default, even upwards.
        (
            [
                (0, tx_profile(50_000, purpose="TxDefaultProfile", transaction_id=None, charging_profile_id=9)),
                (1, tx_profile(90_000.5)),
            ],
            90_000,
        ),
        ([(1, tx_profile(0))], 0),
    ],
)
async def test_profiles_are_obeyed(installed: list[tuple[int, dict[str, Any]]], expected_w: int) -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000))
        await b.run(30)
        for connector_id, profile in installed:
            answer = await b.ask(call.SetChargingProfile(connector_id, profile))
            assert answer.status == "Accepted"
        await b.run(20)
        assert b.power_w() == expected_w


async def test_a_higher_stack_level_prevails_and_clearing_returns_to_the_lower() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000))
        low = tx_profile(100_000, purpose="TxDefaultProfile", transaction_id=None)
        await b.ask(call.SetChargingProfile(0, low))
        await b.ask(call.SetChargingProfile(0, low | {"stack_level": 3, "charging_profile_id": 2} | limit_w(30_000)))
        await b.run(20)
        assert b.power_w() == 30_000
        assert (await b.ask(call.ClearChargingProfile(stack_level=3, connector_id=1))).status == "Unknown"
        assert (await b.ask(call.ClearChargingProfile(stack_level=3, connector_id=0))).status == "Accepted"
        await b.run(20)
        assert b.power_w() == 100_000


def limit_w(power_w: float) -> dict[str, Any]:
    return {
        "charging_schedule": {
            "charging_rate_unit": "W",
            "charging_schedule_period": [{"start_period": 0, "limit": power_w}],
        }
    }


@pytest.mark.parametrize(
    ("connector_id", "profile", "status"),
    [
        (1, tx_profile(1_000, transaction_id=7), "Rejected"),  # a foreign transaction
        (2, tx_profile(1_000), "Rejected"),  # no transaction there
        (0, tx_profile(1_000), "Rejected"),  # a TxProfile is for one connector
        (1, tx_profile(1_000, purpose="ChargePointMaxProfile", transaction_id=None), "Rejected"),
        (1, tx_profile(1_000, stack_level=11), "Rejected"),
        (1, tx_profile(1_000, recurrency_kind="Daily"), "Rejected"),
        (1, tx_profile(1_000, charging_profile_kind="Recurring"), "Rejected"),
        (1, tx_profile(-1), "Rejected"),
        (1, tx_profile(1_000, transaction_id=None), "Accepted"),
        (1, tx_profile(1_000), "Accepted"),
    ],
)
async def test_what_is_refused(connector_id: int, profile: dict[str, Any], status: str) -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000))
        assert (await b.ask(call.SetChargingProfile(connector_id, profile))).status == status


async def test_an_unknown_connector_is_a_property_constraint_violation() -> None:
    async with bench(DC) as b:
        with pytest.raises(PropertyConstraintViolationError):
            await b.ask(call.SetChargingProfile(3, tx_profile(1_000, purpose="TxDefaultProfile")))


@pytest.mark.parametrize(
    ("units", "unit", "status"),
    [("W", "W", "Accepted"), ("W", "A", "Rejected"), ("A", "A", "Accepted"), ("A", "W", "Rejected")],
)
async def test_only_the_advertised_unit_is_taken(units: str, unit: str, status: str) -> None:
    wanted = Wanted(connectors=1, max_w=22_000, phases=3, units=frozenset({RateUnit(units)}))
    async with bench(wanted) as b:
        rows = (await b.ask(call.GetConfiguration(["ChargingScheduleAllowedChargingRateUnit"]))).configuration_key
        assert rows == [
            {
                "key": "ChargingScheduleAllowedChargingRateUnit",
                "readonly": True,
                "value": {"W": "Power", "A": "Current"}[units],
            }
        ]
        profile = tx_profile(10, unit=unit, purpose="TxDefaultProfile", transaction_id=None)
        assert (await b.ask(call.SetChargingProfile(0, profile))).status == status


ONE_PHASE = CarModel("one phase", 50_000, 7_400, 1, ((0, 50_000), (1_000_000, 50_000)))
THREE_PHASES = CarModel("three phases", 50_000, 11_000, 3, ((0, 50_000), (1_000_000, 50_000)))


@pytest.mark.parametrize(
    ("car", "limit_a", "expected_w", "currents"),
    [
        (THREE_PHASES, 16, 11_000, ["15.9", "15.9", "15.9"]),
        (THREE_PHASES, 10, 6_900, ["10.0", "10.0", "10.0"]),
        (THREE_PHASES, 6, 4_140, ["6.0", "6.0", "6.0"]),
        (THREE_PHASES, 5.9, 0, ["0.0", "0.0", "0.0"]),
        (ONE_PHASE, 10, 2_300, ["10.0", "0.0", "0.0"]),
        (ONE_PHASE, 32, 7_360, ["32.0", "0.0", "0.0"]),
    ],
)
async def test_amperes_are_per_phase(car: CarModel, limit_a: float, expected_w: int, currents: list[str]) -> None:
    async with bench(AC) as b:
        await b.start(car)
        await b.ask(call.SetChargingProfile(1, tx_profile(limit_a, unit="A")))
        await b.run(20)
        assert b.power_w() == expected_w
        assert b.log.samples("Current.Import")[-3:] == currents
        assert b.log.statuses(1)[-1] == ("Charging" if expected_w else "SuspendedEVSE")


async def test_two_cars_share_their_charger_and_its_maximum_profile() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000), idx=1)
        await b.start(flat_car(60_000), idx=2)
        await b.run(20)
        assert (b.power_w(1), b.power_w(2)) == (140_000, 60_000)
        whole = tx_profile(80_000, purpose="ChargePointMaxProfile", transaction_id=None)
        absolute = {"charging_profile_kind": "Absolute"}
        assert (await b.ask(call.SetChargingProfile(0, whole | absolute))).status == "Accepted"
        await b.run(20)
        assert (b.power_w(1), b.power_w(2)) == (40_000, 40_000)


async def test_offline_messages_are_kept_and_come_in_order_with_their_own_times() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000), target_wh=2_000)
        await b.ask(call.SetChargingProfile(1, tx_profile(60_000)))
        await b.run(10)
        before = len(b.log.messages)
        b.charger.drop(170_000)
        b.link.nudge()
        await b.closed.get()
        await b.run(160)
        # Offline it keeps its TxProfile (§3.13.6), finishes, and another car starts.
        assert b.power_w() == 0
        assert len(b.log.messages) == before
        await b.start(flat_car(50_000))
        await b.reconnected()
        late = b.log.messages[before:]
        assert "BootNotification" not in [name for name, _ in late]
        transactional = [(name, p) for name, p in late if name not in {"StatusNotification", "Heartbeat"}]
        names = [name for name, _ in transactional]
        samples = names.count("MeterValues")
        assert samples > 10
        stop_at = names.index("StopTransaction")
        assert names[:stop_at] == ["MeterValues"] * stop_at
        assert names[stop_at + 1] == "StartTransaction"
        times = [p.get("timestamp") or p["meter_value"][0]["timestamp"] for _, p in transactional]
        assert times == sorted(times)
        # 2 kWh at 60 kW take about two minutes; the message came later, the time stamp did not.
        assert transactional[stop_at][1]["timestamp"].startswith("2023-11-14T22:15:2")
        assert transactional[stop_at][1]["transaction_id"] == 1
        assert transactional[stop_at + 1][1]["timestamp"] == "2023-11-14T22:16:10.000Z"
        # Its samples were taken before the id was known, and carry it all the same.
        await b.run(30)
        assert b.log.of("MeterValues")[-1]["transaction_id"] == 2


async def test_a_profile_right_behind_the_start_s_answer_finds_its_transaction() -> None:
    log = Log()
    async with bench(Wanted(connectors=1, meter_interval_s=0), log) as b:
        for transaction_id in range(1, 11):
            log.profile_after_start = snake_to_camel_case(tx_profile(40_000, transaction_id=transaction_id))
            await b.start(flat_car(50_000))
            assert await log.profile_answers.get() == "Accepted"
            b.charger.sessions.unplug(b.charger.connectors[0])


async def test_a_start_that_could_not_be_processed_is_repeated_unchanged() -> None:
    log = Log()
    log.refuse_starts = 2
    async with bench(DC, log) as b:
        await b.start(flat_car(50_000))
        await b.run(30)
        assert len(log.of("StartTransaction")) == 2  # after 20 s once more
        await b.run(60)
        starts = log.of("StartTransaction")
        assert len(starts) == 3
        assert starts[0] == starts[1] == starts[2]
        assert b.charger.connectors[0].transaction is not None
        assert b.charger.connectors[0].transaction.transaction_id == 1


async def test_a_start_whose_answer_was_lost_is_repeated_unchanged() -> None:
    log = Log()
    log.lose_answers_to_starts = 1
    async with bench(DC, log) as b:
        b.plug(flat_car(50_000))
        b.charger.sessions.swipe(TAG, b.charger.connectors[0])
        b.link.nudge()
        await b.closed.get()
        await b.reconnected()
        starts = log.of("StartTransaction")
        assert len(starts) == 2
        assert starts[0] == starts[1]
        assert "BootNotification" not in log.actions()[1:]


async def test_a_start_that_is_never_taken_leaves_minus_one() -> None:
    log = Log()
    log.refuse_starts = 3
    async with bench(DC, log) as b:
        await b.start(flat_car(150_000), target_wh=1_000)
        await b.run(120)
        assert len(log.of("StartTransaction")) == 3
        assert [m["transaction_id"] for m in log.of("StopTransaction")] == [-1]


async def test_a_lost_socket_alone_brings_no_boot_and_only_what_changed() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000))
        await b.run(15)
        assert b.central is not None
        del b.log.messages[:]
        await b.central._connection.close()
        await b.closed.get()
        await b.reconnected()
        assert b.log.of("BootNotification") == []
        assert b.log.of("StatusNotification") == []
        assert (await b.ask(call.SetChargingProfile(1, tx_profile(70_000)))).status == "Accepted"


@pytest.mark.parametrize("seconds", [0.25, 1, 5, 60])
async def test_after_a_drop_it_comes_back_once_and_stays(seconds: float) -> None:
    async with bench(DC) as b:
        b.charger.drop(int(seconds * 1000))
        b.link.nudge()
        await b.closed.get()
        assert isinstance(b.clock, ManualClock)
        while not b.charger.link_wanted:
            await b.clock.slept_on()
            await b.run(0.25)
        await b.reconnected()
        await b.run(10)
        assert b.closed.empty()
        assert b.centrals.empty()
        assert (await b.ask(call.ClearCache())).status == "Rejected"


async def test_remote_start_and_stop_with_the_default_car() -> None:
    async with bench(DC) as b:
        answer = await b.ask(call.RemoteStartTransaction(id_tag="5E450001", connector_id=2))
        assert answer.status == "Accepted"
        assert b.log.actions()[-4:] == ["StatusNotification", "Authorize", "StatusNotification", "StartTransaction"]
        await b.run(20)
        assert b.power_w(2) == 150_000
        assert (await b.ask(call.RemoteStartTransaction(id_tag="5E450001", connector_id=2))).status == "Rejected"
        assert (await b.ask(call.RemoteStopTransaction(transaction_id=99))).status == "Rejected"
        assert (await b.ask(call.RemoteStopTransaction(transaction_id=1))).status == "Accepted"
        await b.run(10)
        assert b.log.of("StopTransaction")[0]["reason"] == "Remote"
        assert b.log.statuses(2)[-3:] == ["Charging", "Finishing", "Available"]


async def test_remote_start_may_bring_its_profile() -> None:
    async with bench(DC) as b:
        profile = tx_profile(40_000, transaction_id=None)
        answer = await b.ask(call.RemoteStartTransaction(id_tag=TAG, connector_id=1, charging_profile=profile))
        assert answer.status == "Accepted"
        await b.run(20)
        assert b.power_w() == 40_000
        with_id = tx_profile(40_000, transaction_id=5)
        answer = await b.ask(call.RemoteStartTransaction(id_tag=TAG, connector_id=2, charging_profile=with_id))
        assert answer.status == "Rejected"


async def test_a_tag_that_is_refused_starts_nothing() -> None:
    log = Log()
    log.tag_status = "Blocked"
    async with bench(DC, log) as b:
        await b.start(flat_car(150_000))
        await b.run(10)
        assert log.of("StartTransaction") == []
        assert log.statuses(1)[-1] == "Preparing"


async def test_a_start_answered_invalid_stops_at_once() -> None:
    log = Log()
    async with bench(DC, log) as b:
        await b.ask(call.ChangeConfiguration("AuthorizeRemoteTxRequests", "false"))
        log.tag_status = "Invalid"
        await b.ask(call.RemoteStartTransaction(id_tag=TAG, connector_id=1))
        assert log.of("StopTransaction")[0]["reason"] == "DeAuthorized"


async def test_reset_stops_reboots_and_keeps_its_default_profile() -> None:
    async with bench(DC) as b:
        await b.ask(call.SetChargingProfile(0, tx_profile(40_000, purpose="TxDefaultProfile", transaction_id=None)))
        await b.start(flat_car(150_000))
        await b.ask(call.SetChargingProfile(1, tx_profile(90_000, charging_profile_id=2)))
        del b.log.messages[:]
        assert (await b.ask(call.Reset(type="Soft"))).status == "Accepted"
        assert b.log.of("StopTransaction")[0]["reason"] == "SoftReset"
        await b.run(1)
        await b.closed.get()
        await b.reconnected()
        assert b.log.actions()[-4:] == ["BootNotification"] + ["StatusNotification"] * 3
        assert [one.profile.purpose for one in b.charger.profiles.installed] == ["TxDefaultProfile"]


async def test_boot_is_repeated_until_accepted_and_nothing_else_is_said() -> None:
    log = Log()
    log.boot_status = "Pending"
    async with bench(DC, log) as b:
        await b.run(299)
        assert log.actions() == ["BootNotification"]
        assert (await b.ask(call.TriggerMessage(requested_message="BootNotification"))).status == "Accepted"
        assert log.actions() == ["BootNotification"] * 2
        log.boot_status = "Accepted"
        await b.run(300)
        assert log.actions()[2:] == ["BootNotification"] + ["StatusNotification"] * 3


async def test_heartbeats_after_silence_only() -> None:
    async with bench(DC) as b:
        await b.ask(call.ChangeConfiguration("HeartbeatInterval", "60"))
        await b.run(200)
        assert len(b.log.of("Heartbeat")) == 3
        await b.start(flat_car(50_000))
        await b.run(200)
        assert len(b.log.of("Heartbeat")) == 3


async def test_triggered_messages_follow_the_answer() -> None:
    async with bench(DC) as b:
        del b.log.messages[:]
        trigger = call.TriggerMessage
        assert (await b.ask(trigger(requested_message="StatusNotification"))).status == "Accepted"
        assert [m["connector_id"] for m in b.log.of("StatusNotification")] == [0, 1, 2]
        assert (await b.ask(trigger(requested_message="MeterValues", connector_id=2))).status == "Accepted"
        values = b.log.of("MeterValues")[0]["meter_value"][0]["sampled_value"]
        assert {value["context"] for value in values} == {"Trigger"}
        assert (await b.ask(trigger(requested_message="MeterValues", connector_id=3))).status == "Rejected"
        assert (await b.ask(trigger(requested_message="Heartbeat"))).status == "Accepted"
        assert b.log.actions()[-1] == "Heartbeat"
        assert (await b.ask(trigger(requested_message="BootNotification"))).status == "Rejected"
        assert (await b.ask(trigger(requested_message="FirmwareStatusNotification"))).status == "Accepted"
        assert b.log.of("FirmwareStatusNotification") == [{"status": "Idle"}]
        answer = await b.ask(trigger(requested_message="DiagnosticsStatusNotification"))
        assert answer.status == "NotImplemented"


async def test_availability_waits_for_the_car() -> None:
    async with bench(DC) as b:
        change = call.ChangeAvailability
        assert (await b.ask(change(connector_id=2, type="Inoperative"))).status == "Accepted"
        assert b.log.statuses(2)[-1] == "Unavailable"
        await b.start(flat_car(150_000), target_wh=500)
        assert (await b.ask(change(connector_id=0, type="Inoperative"))).status == "Scheduled"
        assert b.log.statuses(0)[-1] == "Unavailable"
        await b.run(40)
        assert b.log.statuses(1)[-1] == "Unavailable"
        assert (await b.ask(change(connector_id=0, type="Operative"))).status == "Accepted"
        assert [b.log.statuses(idx)[-1] for idx in (0, 1, 2)] == ["Available"] * 3


async def test_composite_schedule() -> None:
    async with bench(DC) as b:
        await b.start(flat_car(150_000))
        steps = tx_profile(90_000)
        steps["charging_schedule"]["charging_schedule_period"].append({"start_period": 60, "limit": 30_000.5})
        await b.ask(call.SetChargingProfile(1, steps))
        answer = await b.ask(call.GetCompositeSchedule(connector_id=1, duration=120))
        assert answer.charging_schedule == {
            "duration": 120,
            "charging_rate_unit": "W",
            "charging_schedule_period": [
                {"start_period": 0, "limit": 90_000},
                {"start_period": 60, "limit": 30_000},
            ],
        }
        answer = await b.ask(call.GetCompositeSchedule(connector_id=0, duration=120, charging_rate_unit="A"))
        # The charger's 200 kW cap both connectors; then 30 + 200 kW still do. 200 kW on three phases of 230 V.
        assert answer.charging_schedule["charging_schedule_period"] == [{"start_period": 0, "limit": Decimal("289.8")}]
        assert (await b.ask(call.GetCompositeSchedule(connector_id=3, duration=120))).status == "Rejected"


async def test_a_local_list_is_replaced_changed_and_told() -> None:
    info = {"status": "Accepted", "parent_id_tag": "FLEET"}
    async with bench(DC) as b:
        for version, kind, rows, status, told in (
            (4, "Full", [{"id_tag": TAG, "id_tag_info": info}, {"id_tag": "B", "id_tag_info": info}], "Accepted", 4),
            (5, "Differential", [{"id_tag": "b"}], "Accepted", 5),
            (5, "Differential", [], "VersionMismatch", 5),
            (6, "Full", [{"id_tag": f"T{n}", "id_tag_info": info} for n in range(21)], "Failed", 5),
            (6, "Full", [], "Accepted", 0),
        ):
            assert (await b.ask(call.SendLocalList(version, kind, rows))).status == status
            assert (await b.ask(call.GetLocalListVersion())).list_version == told


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (call.ClearCache(), call_result.ClearCache("Rejected")),
        (call.DataTransfer(vendor_id="x"), call_result.DataTransfer("UnknownVendorId")),
        (call.GetLocalListVersion(), call_result.GetLocalListVersion(0)),
        (call.SendLocalList(1, "Full", [{"id_tag": TAG}]), call_result.SendLocalList("Failed")),
        (call.ReserveNow(1, TIME, TAG, 1), call_result.ReserveNow("Rejected")),
        (call.CancelReservation(1), call_result.CancelReservation("Rejected")),
        (call.UnlockConnector(1), call_result.UnlockConnector("NotSupported")),
        (call.ChangeConfiguration("NumberOfConnectors", "4"), call_result.ChangeConfiguration("Rejected")),
        (call.ChangeConfiguration("MeterValueSampleInterval", "-1"), call_result.ChangeConfiguration("Rejected")),
        (call.ChangeConfiguration("MeterValueSampleInterval", "5"), call_result.ChangeConfiguration("Accepted")),
        (call.ChangeConfiguration("NoSuchKey", "5"), call_result.ChangeConfiguration("NotSupported")),
        (
            call.ChangeConfiguration("MeterValuesSampledData", "Power.Active.Import,Temperature"),
            call_result.ChangeConfiguration("Rejected"),
        ),
        (call.ClearChargingProfile(id=5), call_result.ClearChargingProfile("Unknown")),
    ],
)
async def test_honest_answers(request_: Any, answer: Any) -> None:
    async with bench(DC) as b:
        assert await b.ask(request_) == answer


async def test_what_it_does_not_know_is_not_implemented() -> None:
    async with bench(DC) as b:
        with pytest.raises(NotImplementedOcppError):
            await b.ask(call.GetDiagnostics(location="ftp://example.org/x"))


async def test_unlocking_an_ac_socket_stops_its_transaction() -> None:
    async with bench(AC) as b:
        await b.start(THREE_PHASES)
        assert (await b.ask(call.UnlockConnector(1))).status == "Unlocked"
        assert b.log.of("StopTransaction")[0]["reason"] == "UnlockCommand"


async def test_frames_that_the_package_chokes_on_do_not_end_the_connection() -> None:
    async with bench(DC) as b:
        assert b.central is not None
        for frame in ('[2,"1",{},{}]', '[2,"2","Reset",' + "[" * 5_000 + "]" * 5_000 + "]", "{}", "[]", "nonsense"):
            await b.central._connection.send(frame)
        assert (await b.ask(call.ClearCache())).status == "Rejected"
