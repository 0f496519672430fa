"""The documented REST API as a client sees it: each call returns what came back, or that nothing did."""

import os
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

TIMEOUT_S = 45.0
"""Longer than the 30 s in which `POST /sessions` may wait for a charger."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is the parsed JSON, None when there is none."""

    status: int
    body: Any

    def brief(self) -> str:
        """Return the answer in a few words, for a person."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return f"HTTP {self.status}{f': {error}' if error else ''}"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The server could not be asked."""

    reason: str

    def brief(self) -> str:
        """Return why."""
        return self.reason


class RestApi:
    """A connection to the REST API at `url`; `transport` replaces the network in tests.

    The key of CSMS_API_KEY is shown, if there is one.
    """

    def __init__(self, url: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.url = url
        key = os.environ.get("CSMS_API_KEY", "").strip()
        self._client = httpx2.AsyncClient(
            base_url=url,
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=False,
            headers={"Authorization": f"Bearer {key}"} if key else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: Any = None) -> Answer | NoAnswer:
        try:
            response = await self._client.request(method, path, json=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return NoAnswer(f"no REST API at {self.url}: {str(error) or type(error).__name__}")
        try:
            return Answer(response.status_code, response.json() if response.content else None)
        except ValueError:
            return Answer(response.status_code, None)

    async def configuration(self) -> Answer | NoAnswer:
        """`GET /station/config`."""
        return await self._ask("GET", "/station/config")

    async def configure(self, document: Any) -> Answer | NoAnswer:
        """`POST /station/config`."""
        return await self._ask("POST", "/station/config", document)

    async def sessions(self) -> dict[str, dict[str, Any]] | NoAnswer:
        """Return the active sessions by id, of `GET /station/status`."""
        answer = await self._ask("GET", "/station/status")
        if isinstance(answer, NoAnswer):
            return answer
        sessions = answer.body.get("sessions") if isinstance(answer.body, dict) else None
        if answer.status != httpx2.codes.OK or not isinstance(sessions, dict):
            return NoAnswer(f"GET /station/status: {answer.brief()}")
        return sessions

    async def battery(self) -> dict[str, Any] | NoAnswer:
        """Return how the battery stands, of `GET /station/status`; empty while there is none, or none was read."""
        answer = await self._ask("GET", "/station/status")
        if isinstance(answer, NoAnswer) or not isinstance(answer.body, dict):
            return NoAnswer(f"GET /station/status: {answer.brief()}")
        battery = answer.body.get("battery", {})
        return battery if isinstance(battery, dict) else NoAnswer("GET /station/status: battery is no object")

    async def start(self, charger_id: str, idx: int, vehicle_max_kw: int) -> Answer | NoAnswer:
        """`POST /sessions`."""
        connector = {"chargerId": charger_id, "idx": idx}
        return await self._ask("POST", "/sessions", {"connectorId": connector, "vehicleMaxPower": vehicle_max_kw})

    async def update(self, session_id: str, consumed_kw: float) -> Answer | NoAnswer:
        """`POST /sessions/{id}/power-update`."""
        return await self._ask("POST", f"/sessions/{session_id}/power-update", {"consumedPower": consumed_kw})

    async def stop(self, session_id: str) -> Answer | NoAnswer:
        """`POST /sessions/{id}/stop`."""
        return await self._ask("POST", f"/sessions/{session_id}/stop")


def kilowatts(value: Any) -> str:
    """Write a power of the REST API for the table, e.g. "133 kW"."""
    return f"{value:g} kW" if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)
