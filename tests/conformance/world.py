"""Where a case is played: the real server with its REST, and one scripted charger, in this process on virtual time."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from csms.core.id_tags import IdTag
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from csms.gateway.id_tags import KnownTags, ListedTags, TagPolicy
from csms.gateway.tls import Certificates
from csms.runtime.id_tags import TagBook
from csms.store import SqlStore
from tests.conformance.charger import Json, ScriptedCharger
from tests.tls import Authority
from tests.virtual.loop import VirtualClock
from tests.virtual.rest import rest_beside
from tests.virtual.site import Site, errors_logged, memory_folder, running

CHARGER: Final = ChargerId("CP001")
TAG: Final = "04A1B2C3D4"
"""May charge."""
UNKNOWN_TAG: Final = "04FFFFFFFF"
"""Nobody has listed it."""
COMMANDS: Final = f"/chargers/{CHARGER}/commands"
OK: Final = frozenset({200, 202})
STATION: Final = Station(
    "CONFORMANCE", 100_000, (Charger(CHARGER, 22_080, connectors=2, control=Control.OCPP, phases=3),)
)
BEAT_S: Final = 60
"""Its heartbeat interval."""
LOOK_S: Final = 1
QUIET_S: Final = 30
"""After a boot the central system has set the charger up within that time."""
TRIES: Final = 60


@dataclass(frozen=True, slots=True)
class Told:
    """What the charger was asked for by an operator, and what its answer has made of that."""

    command_id: str
    asked: Json
    state: str
    answer: str
    whole: Json


@dataclass(slots=True)
class Place:
    """A running server and a charger."""

    clock: VirtualClock
    site: Site
    rest: httpx2.AsyncClient
    charger: ScriptedCharger
    authority: Authority

    # --- time ---------------------------------------------------------------------------------------------------------

    async def wait(self, seconds: int) -> None:
        """Let time pass; the charger, if it is connected, says in its interval that it is there."""
        whole, rest = divmod(seconds, BEAT_S)
        for each in [BEAT_S] * whole + [rest]:
            await asyncio.sleep(each)
            if each == BEAT_S and self.charger.is_connected:
                await self.charger.call("Heartbeat", {})

    # --- what an operator does ----------------------------------------------------------------------------------------

    async def ask(self, method: str, path: str, body: Json | None = None, *, status: int = 200) -> Json:
        """Make one request, which is to be answered with that status, and return its answer."""
        answer = await self.rest.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    async def command(self, action: str, body: Json | None = None) -> Told:
        """Have the charger asked for something, and return how it was asked and what came of that."""
        self.charger.forget(action)
        given = await self.ask("POST", f"{COMMANDS}/{action}", body or {}, status=202)
        asked = await self.charger.asked(action)
        command_id = given["command"]["id"]
        for _ in range(TRIES):
            shown = await self.shown(command_id)
            await asyncio.sleep(LOOK_S)  # what is durable is shown everywhere a moment later
            if shown["state"] not in {"queued", "sent"}:
                return Told(command_id, asked, shown["state"], shown.get("answer", ""), shown.get("answerBody", {}))
        raise AssertionError(shown)

    async def configure(self, choice: str) -> None:
        """Have the configuration say whether this system changes the charger's own settings."""
        station = await self.ask("GET", "/station/config")
        chargers = [{**charger, "configure": choice} for charger in station["chargers"]]
        await self.ask("POST", "/station/config", {**station, "chargers": chargers})

    async def shown(self, command_id: str) -> Json:
        """Return a command as REST shows it."""
        found: Json = (await self.ask("GET", f"/commands/{command_id}"))["command"]
        return found

    async def outcome(self, told: Told) -> tuple[str, str]:
        """Return what a command is to lead to, and how that stands."""
        found = (await self.shown(told.command_id))["outcome"]
        return found["what"], found["state"]

    async def ended(self, command_id: str) -> str:
        """Return how what a command is to lead to stands, or has turned out."""
        return str((await self.shown(command_id))["outcome"]["state"])

    async def cleared(self, body: Json) -> Json:
        """Have an operator clear limits, and return what the charger is asked for."""
        self.charger.forget("ClearChargingProfile")
        answer = await self.rest.post(f"{COMMANDS}/ClearChargingProfile", json=body)
        assert answer.status_code in OK, answer.text
        return await self.charger.asked("ClearChargingProfile")

    async def connector(self, idx: int = 1) -> Json:
        """Return a connector as REST shows it."""
        found: Json = (await self.ask("GET", f"/chargers/{CHARGER}"))["charger"]["connectors"][idx - 1]
        return found

    async def transaction(self, transaction_id: int) -> Json:
        """Return a transaction as REST shows it."""
        found: Json = (await self.ask("GET", f"/transactions/{transaction_id}"))["transaction"]
        return found

    async def transactions(self) -> list[Json]:
        """Return all transactions, the newest first."""
        found: list[Json] = (await self.ask("GET", "/transactions"))["transactions"]
        return found

    async def reservations(self) -> list[Any]:
        """Return what is reserved."""
        found: list[Any] = (await self.ask("GET", "/reservations"))["reservations"]
        return found

    async def limit_of(self, transaction_id: int) -> Json:
        """Return the profile that the charger is told next for a transaction."""
        while True:
            profile: Json = (await self.charger.asked("SetChargingProfile"))["csChargingProfiles"]
            if profile.get("transactionId") == transaction_id:
                return profile

    # --- who the charger is -------------------------------------------------------------------------------------------

    async def new_password(self, *, sent: bool = False) -> str:
        """Have the charger's password made, or another one, told to the charger if it is to be; return it."""
        told = await self.ask("POST", f"/chargers/{CHARGER}/key?rotate=true{'&send=true' if sent else ''}")
        assert told["key"].get("sent") == ("Accepted" if sent else None), told
        return str(told["key"]["authorizationKey"])

    async def profile(self) -> int:
        """Return the security profile that the charger is held to."""
        return int((await self.ask("GET", f"/chargers/{CHARGER}/key"))["key"]["securityProfile"])

    def over_tls(self, *, as_whom: str | None = None) -> None:
        """Have the charger come over TLS from now on, with a certificate of that name, if any."""
        pair = None if as_whom is None else self.authority.issue(common_name=as_whom)
        self.charger.url = f"wss://127.0.0.1:{self.site.tls_port}"
        self.charger.tls = self.authority.client(pair)

    # --- how a case begins --------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Have the charger connect and boot, and the central system set it up."""
        await self.charger.connect()
        assert (await self.charger.boot())["status"] == "Accepted"
        await asyncio.sleep(QUIET_S)

    async def charging(self, tag: str = TAG, idx: int = 1) -> int:
        """Have a car charge, and return the id of its transaction."""
        assert await self.charger.authorize(tag) == "Accepted"
        await self.charger.status(idx, "Preparing")
        return await self.started(tag, idx)

    async def started(self, tag: str = TAG, idx: int = 1, *, reservation: int | None = None) -> int:
        """Have a transaction begin, accepted, and current flow; return its id."""
        started = await self.charger.start(tag, idx, reservation=reservation)
        assert started["idTagInfo"]["status"] == "Accepted"
        await self.charger.status(idx, "Charging")
        transaction_id: int = started["transactionId"]
        assert transaction_id > 0
        return transaction_id

    async def left(self, idx: int = 1) -> None:
        """Have a car leave whose transaction has ended."""
        await self.charger.status(idx, "Finishing")
        await self.charger.status(idx, "Available")


@dataclass(slots=True)
class _Tags:
    """The listed tags, made when the store is there."""

    clock: VirtualClock
    book: TagBook | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def policy(self, store: SqlStore) -> TagPolicy:
        self.book = TagBook(store, self.clock)
        return KnownTags(self.book, ListedTags({}))

    def new_id(self) -> str:
        return f"id-{next(self.numbers)}"


@contextlib.asynccontextmanager
async def standing(clock: VirtualClock) -> AsyncIterator[Place]:
    """Run a server at which one tag may charge, and a charger that has yet to connect; nothing may log an error.

    It speaks TLS at a second port, and asks chargers for certificates there.
    """
    tags = _Tags(clock)
    with errors_logged() as errors, memory_folder() as folder:
        authority = Authority(folder)
        served = running(
            *(STATION, clock, folder / "csms.sqlite3", errors),
            new_id=tags.new_id,
            policy=tags.policy,
            certificates=Certificates(authority.files(client_ca=authority.file), clock),
        )
        async with served as site:
            assert tags.book is not None, "made with the store"
            await tags.book.put(IdTag(TAG, TAG))
            async with rest_beside(site, clock, tags.book, tags.new_id) as rest:
                charger = ScriptedCharger(CHARGER, site.url, clock)
                yield Place(clock, site, rest, charger, authority)
                await charger.drop()
        assert errors == []
