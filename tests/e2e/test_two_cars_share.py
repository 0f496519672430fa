"""Two cars at one charger over OCPP, and sessions that a REST client starts and stops there.

The simulated charger's hardware could give twice what the station's configuration says: nothing but the limits that it
is told keeps the sum down. What the chargers see on the wire, in its order, is what is judged.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from simulators.car import Car
from simulators.cars import flat_car
from tests.e2e.chargers import CALL, RESULT, TAG, Frame, SimulatedCharger, by_hand, simulated
from tests.e2e.programs import Server, charger, program, serving, station, until

pytestmark = pytest.mark.e2e

CHARGER_W = 200_000
SHARE_W = CHARGER_W // 2
TOLERANCE_W = 2_000
"""A cut counts as obeyed from 2 % above it on (LEDGER.md §1)."""
ONE_CHARGER = station(400, charger("CP001", CHARGER_W // 1000))


# --- two cars ---------------------------------------------------------------------------------------------------------


async def test_two_cars_end_at_half_each_and_are_never_above_the_whole(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, config=ONE_CHARGER) as server,
        simulated(server.ocpp_url, "CP001", max_w=2 * CHARGER_W) as cars,
    ):
        await cars.provisioned()
        for idx in (1, 2):
            cars.start(idx, Car(flat_car(150_000), cars.connector(idx).supply))  # it ramps as real ones do
            if idx == 1:
                await until(lambda: metered_w(cars, 1)[-1:] > [SHARE_W + TOLERANCE_W], cars.story)
        await until(lambda: all(shares(cars, idx) for idx in (1, 2)), cars.story)
        await until(lambda: all(metered_w(cars, idx)[-1:] > [SHARE_W - TOLERANCE_W] for idx in (1, 2)), cars.story)

        sessions = await server.sessions()
        assert [sessions["CP001", idx]["allocatedPower"] for idx in (1, 2)] == [100, 100]
        assert [sessions["CP001", idx]["limitedBy"] for idx in (1, 2)] == ["CP001", "CP001"]
        highest_w = max(sum(tick.powers_w.values()) for tick in cars.ticks)
        assert CHARGER_W - TOLERANCE_W < highest_w <= CHARGER_W + TOLERANCE_W, cars.story()
        assert max(metered_w(cars, 1)) + min(metered_w(cars, 2)) <= CHARGER_W + TOLERANCE_W
        check_cut_before_raise(cars)


def shares(cars: SimulatedCharger, idx: int) -> bool:
    """It may take its share, and does."""
    return cars.limit_w(idx) == SHARE_W and cars.connector(idx).power_w > SHARE_W - TOLERANCE_W


def metered_w(cars: SimulatedCharger, idx: int) -> list[int]:
    """Return the powers that a connector's MeterValues have told, in order."""
    return [
        int(value["value"])
        for frame in cars.sent("MeterValues")
        if frame.payload["connectorId"] == idx
        for element in frame.payload["meterValue"]
        for value in element["sampledValue"]
        if value["measurand"] == "Power.Active.Import"
    ]


def check_cut_before_raise(cars: SimulatedCharger) -> None:
    """In the order of the wire: the first car's cut is confirmed, the car is metered below it, the second is raised."""
    cut, raised = (limit_at(cars.frames, idx, SHARE_W) for idx in (1, 2))
    confirmed = next(
        i
        for i, frame in enumerate(cars.frames)
        if frame.is_sent and frame.kind == RESULT and frame.message_id == cars.frames[cut].message_id
    )
    assert cars.frames[confirmed].payload == {"status": "Accepted"}
    metered = [
        i
        for i, frame in enumerate(cars.frames)
        if frame.is_sent
        and (frame.kind, frame.action) == (CALL, "MeterValues")
        and frame.payload["connectorId"] == 1
        and confirmed < i < raised
    ]
    assert cut < confirmed < raised, cars.story()
    assert metered, "the raise waited for a sample of the car that was cut"
    assert metered_w_of(cars.frames[metered[-1]]) <= SHARE_W + TOLERANCE_W


def limit_at(frames: list[Frame], idx: int, limit_w: int) -> int:
    """Return where a connector is first told a limit for its transaction."""
    return next(
        i for i, f in enumerate(frames) if f.is_tx_profile and f.payload["connectorId"] == idx and f.limit == limit_w
    )


def metered_w_of(frame: Frame) -> int:
    """Return the power in one MeterValues."""
    values = frame.payload["meterValue"][0]["sampledValue"]
    return int(next(value["value"] for value in values if value["measurand"] == "Power.Active.Import"))


# --- sessions by REST -------------------------------------------------------------------------------------------------


def request(idx: int = 1, **more: Any) -> dict[str, Any]:
    """Return the body of a POST /sessions."""
    return {"connectorId": {"chargerId": "CP001", "idx": idx}, "vehicleMaxPower": 80, **more}


async def test_a_session_is_started_and_stopped_by_rest_over_ocpp(tmp_path: Path) -> None:
    async with serving(tmp_path, config=ONE_CHARGER) as server:
        words = ("charger", "--url", server.ocpp_url, "--id", "CP001", "--car", "flat 150", "--meter-interval", "1")
        async with program(tmp_path, "simulators", *words) as simulator:
            await until(lambda: logged(server, "connector.provisioned") == 2, server.story)
            answer = await server.post("/sessions", request(idTag=TAG))
            assert answer.status_code == 200, answer.text
            session = answer.json()["session"]
            assert session["allocatedPower"] == 80
            assert session["transactionId"] == 1
            await simulator.says("CP001: connector 1: TxProfile 80000 W")
            await until(lambda: consumes(server, session["sessionId"]), "a metered power")
            assert (await server.post("/sessions", request())).status_code == 409, "the connector is in use"

            stop = f"/sessions/{session['sessionId']}/stop"
            assert (await server.post(stop)).status_code == 204
            await simulator.says(r"CP001: connector 1: transaction stopped \(Remote\)")
            await until(lambda: ended(server), "the session has ended")
            assert (await server.post(stop)).status_code == 204, "204 again when it has ended"
            simulator.type("quit")
            assert (await simulator.wait()).status == 0


async def consumes(server: Server, session_id: str) -> bool:
    sessions = (await server.get("/station/status"))["sessions"]
    return bool(sessions[session_id].get("consumedPowerW", 0) > 75_000)


async def ended(server: Server) -> bool:
    return not await server.sessions()


async def test_a_session_that_finds_no_room_is_paused_and_said_so(tmp_path: Path) -> None:
    """All of the grid is booked by a charger without control, whose power is reserved always."""
    config = station(60, charger("CP001", 50, 1, minPower=5), charger("CP002", 60, 1, control="none"))
    async with (
        serving(tmp_path, config=config) as server,
        simulated(server.ocpp_url, "CP001", max_w=50_000, connectors=1) as cars,
    ):
        await cars.provisioned()
        cars.charger.sessions.plug(cars.connector(1), Car(flat_car(50_000), cars.connector(1).supply))
        answer = await server.post("/sessions", request())
        assert answer.status_code == 200, answer.text
        session = answer.json()["session"]
        assert (session["allocatedPower"], session["limitedBy"]) == (0, "no_room")
        assert cars.limit_w(1) == 0


Answers = Mapping[str, dict[str, Any] | None]

REFUSES: Answers = {name: {"status": "Rejected"} for name in ("RemoteStartTransaction", "RemoteStopTransaction")}
SILENT: Answers = {"RemoteStartTransaction": None, "RemoteStopTransaction": None}


@pytest.mark.parametrize(
    ("answers", "wait", "status", "title"),
    [
        (REFUSES, {}, 502, "Charger refused"),
        (SILENT, {"wait": "1"}, 504, "Not done yet"),
        ({}, {"wait": "1"}, 504, "Not done yet"),
    ],
    ids=["refuses", "is silent", "accepts, and nobody plugs in"],
)
async def test_a_charger_that_does_not_do_it(
    answers: Answers, wait: dict[str, str], status: int, title: str, tmp_path: Path
) -> None:
    async with serving(tmp_path, config=ONE_CHARGER) as server, by_hand(server.ocpp_url, "CP001", answers) as hand:
        await hand.boot(2)
        answer = await server.post("/sessions", request(), **wait)
        check_problem(answer, status, title)
        assert await server.sessions() == {}

        start = {"connectorId": 2, "idTag": TAG, "meterStart": 0, "timestamp": "2026-05-04T10:00:00Z"}
        await hand.status(2, "Preparing")
        await hand.call("StartTransaction", start)
        (session,) = (await server.sessions()).values()
        answer = await server.post(f"/sessions/{session['sessionId']}/stop", **wait)
        if answers:
            check_problem(answer, status, title)
        else:
            assert answer.status_code == 204, "204 once it has accepted to stop"
        assert [one["sessionId"] for one in (await server.sessions()).values()] == [session["sessionId"]]


async def test_an_offline_charger_is_503_and_an_uncontrolled_one_409(tmp_path: Path) -> None:
    config = station(400, charger("CP001", 200), charger("CP002", 50, control="none"))
    async with serving(tmp_path, config=config) as server:
        async with by_hand(server.ocpp_url, "CP001") as hand:
            await hand.boot(2)
        await until(lambda: logged(server, "charger.disconnected") > 0, server.story)
        check_problem(await server.post("/sessions", request()), 503, "Charger offline")
        body = {"connectorId": {"chargerId": "CP002", "idx": 1}, "vehicleMaxPower": 50}
        check_problem(await server.post("/sessions", body), 409, "Charger not controlled")
        for charger_id, idx in (("CP001", 3), ("CP001", 0), ("CP009", 1)):
            body = {"connectorId": {"chargerId": charger_id, "idx": idx}, "vehicleMaxPower": 50}
            check_problem(await server.post("/sessions", body), 404, "Unknown connector")
        check_problem(await server.post("/sessions/none/stop"), 404, "Unknown session")


def logged(server: Server, event: str) -> int:
    return sum(line["event"] == event for line in server.log())


def check_problem(answer: httpx2.Response, status: int, title: str) -> None:
    """The answer is a problem document that says it in one sentence."""
    body = answer.json()
    assert (answer.status_code, body["title"]) == (status, title), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["error"].endswith(".")
