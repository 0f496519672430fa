"""What the central system says about its sessions, read over its own REST API: what a car wants, and what limits it."""

import asyncio
from dataclasses import dataclass

import httpx2


@dataclass(frozen=True, slots=True)
class Told:
    """One session as `GET /station/status` shows it."""

    wants_kw: float
    limited_by: str


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

    async def sessions(self) -> dict[tuple[str, int], Told]:
        """Return the active sessions by connector; none while the system does not answer."""
        try:
            answer = await self._client.get("/station/status")
        except httpx2.TransportError:
            return {}
        if not answer.is_success:
            return {}
        return {
            (session["connectorId"]["chargerId"], session["connectorId"]["idx"]): Told(
                wants_kw=session["vehicleMaxPower"],
                limited_by=session.get("limitedBy", ""),
            )
            for session in answer.json()["sessions"].values()
        }

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
