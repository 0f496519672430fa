"""A client of the central system's own REST API: reads what a car wants, what limits it and what the battery does.

It also tells the central system what the site's meter shows.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import httpx2

from csms.cli.demo.surroundings import BatteryTold


@dataclass(frozen=True, slots=True)
class Told:
    """One session as `GET /station/status` shows it."""

    wants_kw: float
    limited_by: str


@dataclass(frozen=True, slots=True)
class Status:
    """The active sessions by connector, and the battery; None while it is not known, or there is none."""

    sessions: dict[tuple[str, int], Told]
    battery: BatteryTold | None = None


UNKNOWN = Status({})


class Watcher:
    """A client of the central system's REST API."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.AsyncClient(base_url=url, timeout=2.0, trust_env=False)

    async def wait_until_healthy(self, interval_s: float = 0.1) -> None:
        """Return once `GET /health` answers 200; waits for ever."""
        while True:
            try:
                if (await self._client.get("/health")).is_success:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(interval_s)

    async def tell_meter(self, power_w: int) -> None:
        """Say what the site's meter shows; a reading that does not arrive is lost, as a real one is."""
        with contextlib.suppress(httpx2.TransportError):
            await self._client.put("/station/meter", json={"power": power_w / 1000})

    async def status(self) -> Status:
        """Return what is shown of the station; `UNKNOWN` while the system does not answer."""
        try:
            answer = await self._client.get("/station/status")
        except httpx2.TransportError:
            return UNKNOWN
        if not answer.is_success:
            return UNKNOWN
        told = answer.json()
        sessions = {
            (session["connectorId"]["chargerId"], session["connectorId"]["idx"]): Told(
                wants_kw=session["vehicleMaxPower"],
                limited_by=session.get("limitedBy", ""),
            )
            for session in told["sessions"].values()
        }
        battery = told.get("battery")
        if battery is None:
            return Status(sessions)
        return Status(sessions, BatteryTold(round(battery["power"] * 1000), battery["stateOfCharge"]))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
