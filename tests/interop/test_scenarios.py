"""The scenario runner against a small REST server of the test's own, reached through a transport instead of a socket.

The server follows the documented rule for REST-driven sessions with a max-min fair share over the grid and each
charger; a `fault` makes it lie, refuse or vanish. What is shown here: right figures pass, wrong ones fail, and the
configuration that was there comes back whatever happens.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from simulators.scenarios import play_scenario
from simulators.scenarios.definitions import SCENARIOS
from simulators.scenarios.rest_api import RestApi

BEFORE = {"stationId": "MINE", "gridCapacity": 50, "chargers": [{"id": "X", "maxPower": 50, "connectors": 1}]}


class Station:
    """The REST API of a station whose chargers are all driven over REST; whole kW."""

    def __init__(self, fault: Callable[["Station", httpx2.Request], httpx2.Response | None] | None = None) -> None:
        self.configuration: dict[str, Any] = BEFORE
        self.sessions: dict[str, dict[str, Any]] = {}
        self.posted: list[str] = []
        self.fault = fault
        self.count = 0

    async def handle(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        if self.fault is not None and (answer := self.fault(self, request)) is not None:
            return answer
        path, body = request.url.path, json.loads(request.content or b"null")
        if path == "/station/config":
            if request.method == "POST":
                self.configuration = body
                self.posted.append(body["stationId"])
            return httpx2.Response(200, json=self.configuration)
        if path == "/station/status":
            return httpx2.Response(200, json={"sessions": self.sessions})
        if path == "/sessions":
            self.count += 1
            session_id = f"s{self.count}"
            self.sessions[session_id] = {
                "sessionId": session_id,
                "connectorId": body["connectorId"],
                "allocatedPower": 0,
                "vehicleMaxPower": body["vehicleMaxPower"],
            }
            return self.allocate(session_id)
        found = re.fullmatch(r"/sessions/(\w+)/(power-update|stop)", path)
        assert found is not None, path
        session_id, action = found.groups()
        if session_id not in self.sessions:
            return httpx2.Response(404, json={"error": "unknown session"})
        if action == "stop":
            del self.sessions[session_id]
            return httpx2.Response(204)
        return self.allocate(session_id)

    def allocate(self, session_id: str) -> httpx2.Response:
        """Answer with the fair share, or with less while others have not given up theirs."""
        session = self.sessions[session_id]
        others = [other for other in self.sessions.values() if other is not session]
        charger_id = session["connectorId"]["chargerId"]
        max_kw = next(c["maxPower"] for c in self.configuration["chargers"] if c["id"] == charger_id)
        there = [other for other in others if other["connectorId"]["chargerId"] == charger_id]
        grid_kw = self.configuration["gridCapacity"]
        fair_kw = min(grid_kw // (len(others) + 1), max_kw // (len(there) + 1), session["vehicleMaxPower"])
        free_kw = min(
            grid_kw - sum(other["allocatedPower"] for other in others),
            max_kw - sum(other["allocatedPower"] for other in there),
        )
        # A newcomer takes what is free, and never more than what the others leave it.
        newcomer = session["allocatedPower"] == 0
        session["allocatedPower"] = min(free_kw, session["vehicleMaxPower"] if newcomer else fair_kw)
        return httpx2.Response(200, json={"session": session})


async def play(station: Station, number: int, stop: asyncio.Event | None = None) -> tuple[int, list[str]]:
    lines: list[str] = []
    async with RestApi("http://test", httpx2.MockTransport(station.handle)) as api:
        status = await play_scenario(SCENARIOS[number], api, None, stop or asyncio.Event(), lines.append)
    return status, lines


@pytest.mark.parametrize(("number", "rows"), [(1, 7), (2, 21)])
async def test_the_documented_figures_pass(number: int, rows: int) -> None:
    station = Station()
    status, lines = await play(station, number)
    assert status == 0, "\n".join(lines)
    assert lines[-1] == f"{rows} right, 0 wrong"
    assert [line.split()[-1] for line in lines[2:-1]] == ["ok"] * rows
    assert station.configuration == BEFORE
    assert station.posted == [f"SCENARIO_{number}", "MINE"]
    assert station.sessions == {}


@pytest.mark.parametrize("number", [1, 2])
async def test_the_scenario_s_chargers_are_driven_over_rest(number: int) -> None:
    for charger in SCENARIOS[number].configuration("rest")["chargers"]:
        assert charger["control"] == "rest"
        assert charger["connectors"] == 2


def one_too_much(station: Station, request: httpx2.Request) -> httpx2.Response | None:
    if request.url.path.endswith("/power-update"):
        session = station.sessions[request.url.path.split("/")[2]]
        session["allocatedPower"] += 1
        return httpx2.Response(200, json={"session": session})
    return None


def no_starts(_: Station, request: httpx2.Request) -> httpx2.Response | None:
    return httpx2.Response(409, json={"error": "connector in use"}) if request.url.path == "/sessions" else None


def no_configuration(_: Station, request: httpx2.Request) -> httpx2.Response | None:
    if request.method == "POST" and request.url.path == "/station/config" and b"SCENARIO" in request.content:
        return httpx2.Response(422, json={"error": "faulty"})
    return None


def vanishes(_: Station, request: httpx2.Request) -> httpx2.Response | None:
    if request.url.path.endswith("/power-update"):
        raise httpx2.ConnectError("connection refused", request=request)
    return None


def answers_nonsense(_: Station, request: httpx2.Request) -> httpx2.Response | None:
    return httpx2.Response(200, content=b"<html>") if request.url.path == "/sessions" else None


def is_not_put_back(_: Station, request: httpx2.Request) -> httpx2.Response | None:
    if request.method == "POST" and b"MINE" in request.content:
        return httpx2.Response(500)
    return None


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (one_too_much, "151 kW"),
        (no_starts, "HTTP 409: connector in use"),
        (no_configuration, "HTTP 422: faulty"),
        (vanishes, "connection refused"),
        (answers_nonsense, "HTTP 200"),
    ],
)
async def test_a_wrong_figure_fails_and_the_configuration_comes_back(
    fault: Callable[[Station, httpx2.Request], httpx2.Response | None], shown: str
) -> None:
    station = Station(fault)
    status, lines = await play(station, 1)
    assert status == 1
    assert any(shown in line and line.endswith("WRONG") for line in lines), "\n".join(lines)
    assert station.configuration == BEFORE
    assert lines[-2].endswith("ok")


async def test_a_configuration_that_does_not_come_back_is_a_failure() -> None:
    status, lines = await play(Station(is_not_put_back), 1)
    assert status == 1
    assert lines[-2].startswith("the configuration that was there")
    assert lines[-2].endswith("WRONG")


async def test_an_interruption_puts_the_configuration_back() -> None:
    stop = asyncio.Event()

    def interrupts(_: Station, request: httpx2.Request) -> httpx2.Response | None:
        if request.url.path.endswith("/power-update"):
            stop.set()
        return None

    station = Station(interrupts)
    status, lines = await play(station, 2, stop)
    assert (status, lines[-1]) == (130, "interrupted")
    assert station.configuration == BEFORE
    assert station.sessions == {}


async def test_a_station_in_use_is_left_alone() -> None:
    station = Station()
    station.sessions["theirs"] = {"sessionId": "theirs"}
    status, lines = await play(station, 1)
    assert status == 2
    assert "1 cars are charging" in lines[-1]
    assert station.posted == []
    assert list(station.sessions) == ["theirs"]


async def test_no_server_is_said() -> None:
    def gone(_: Station, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused", request=request)

    status, lines = await play(Station(gone), 1)
    assert (status, lines) == (2, ["scenario 1 was not run: no REST API at http://test: connection refused"])
