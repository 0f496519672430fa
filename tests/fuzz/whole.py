"""The whole central system under what a charger should never send: real gateway, core and store, in one process.

Theory of operation. The network is in memory and time is virtual (`tests.virtual`), so a frame costs its work alone. A
charger sends a round of frames in one go and waits until everything is answered that has to be; it answers what it is
asked, first wrongly, then properly, for who does not answer at all may be hung up on. Now and then the round goes as
WebSocket frames in pieces, or the connection is ended by breaking the rules of the WebSocket, and it comes back. A
second charger says a word of sense after each round, and must be heard.
"""

import asyncio
import contextlib
import gc
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from csms.core.events import CommandRequested
from csms.core.ids import ChargerId, CommandId
from csms.core.station import Charger, Station
from tests.fuzz.charger import BEAT, WireCharger, broken_wire, frame, in_pieces
from tests.fuzz.oracle import Ledger
from tests.fuzz.texts import Texts
from tests.virtual.loop import VirtualClock, run_virtually
from tests.virtual.network import NetworkLoop
from tests.virtual.site import Site, serving

ROUND: Final = 100
"""Frames in one go: more than the CALLs that may wait for their answers here (32)."""
STEP_S: Final = 0.25
PATIENCE: Final = 400
"""Steps until everything that has to be answered is."""
LATE: Final = 8
"""Further steps where an id was used several times: how many answers it gets is not known beforehand."""
BREAKS: Final = 12
"""Rounds from one broken connection to the next."""
ODD: Final = ChargerId("ODD")
SANE: Final = ChargerId("SANE")
STATION: Final = Station("FUZZED", 60_000, (Charger(ODD, 50_000, 2), Charger(SANE, 22_000, 1, phases=3)))

STAMP: Final = "2026-01-01T01:00:00Z"
ASKED: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("GetConfiguration", {}),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
    ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
    ("ExtendedTriggerMessage", {"requestedMessage": "LogStatusNotification"}),
    ("GetDiagnostics", {"location": "ftp://files/"}),
    ("GetLog", {"logType": "DiagnosticsLog", "requestId": 7, "log": {"remoteLocation": "ftp://files/"}}),
    ("UpdateFirmware", {"location": "ftp://files/f.bin", "retrieveDate": STAMP}),
    ("UnlockConnector", {"connectorId": 2}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
    ("ClearCache", {}),
    ("DataTransfer", {"vendorId": "V"}),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 60}),
    ("GetLocalListVersion", {}),
    ("ReserveNow", {"connectorId": 2, "expiryDate": STAMP, "idTag": "5E450001", "reservationId": 3}),
    ("CancelReservation", {"reservationId": 3}),
    ("RemoteStartTransaction", {"connectorId": 1, "idTag": "5E450001"}),
    ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
    ("Reset", {"type": "Soft"}),
)
"""What an operator asks meanwhile."""


@dataclass(slots=True)
class Tally:
    """What was sent and what came of it.

    Attributes:
        frames: texts that were sent, whole messages each; answers: those of them that answer a CALL of ours.
        readable: CALLs among them that had to be answered.
        asked: our CALLs by action.
        broken: connections ended by breaking the rules, by what was wrong.
        blocks: blocks of memory in use after the first fifth of the rounds, and after the last.
    """

    frames: int = 0
    answers: int = 0
    readable: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    blocks: list[int] = field(default_factory=list)


def fuzz(seed: int, frames: int) -> Tally:
    """Send at least so many frames to a fresh system; whatever is wrong raises."""

    async def main(clock: VirtualClock) -> Tally:
        async with fuzzed(clock, seed) as under:
            rounds = -(-frames // ROUND)
            for number in range(rounds):
                await under.round(number)
                if number + 1 in {-(-rounds // 5), rounds}:
                    under.tally.blocks.append(blocks_in_use())
            return under.tally

    return run_virtually(main, partial(NetworkLoop, f"fuzz {seed}"))


def blocks_in_use() -> int:
    """Return how many blocks of memory Python uses when all garbage is gone."""
    gc.collect()
    return sys.getallocatedblocks()


@contextlib.asynccontextmanager
async def fuzzed(clock: VirtualClock, seed: int) -> AsyncIterator["UnderFire"]:
    """Run a system with its two chargers; in the end nothing may have gone wrong inside of it."""
    raised: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(str(context)))
    async with serving(STATION, clock) as site:
        port = urlsplit(site.url).port
        assert port is not None
        odd = await WireCharger.connect("10.0.0.1", port, ODD)
        sane = await WireCharger.connect("10.0.0.2", port, SANE)
        under = UnderFire(site, port, random.Random(seed), odd, sane, raised)
        yield under
        await under.check()


class UnderFire:
    """A running system and what is sent to it.

    Args:
        raised: what the event loop was told of exceptions that nobody caught.
    """

    def __init__(
        self, site: Site, port: int, rng: random.Random, odd: WireCharger, sane: WireCharger, raised: list[str]
    ) -> None:
        self.tally = Tally()
        self._site = site
        self._port = port
        self._rng = rng
        self._odd = odd
        self._sane = sane
        self._raised = raised
        self._ledger = Ledger()
        self._texts = Texts(rng, "o")
        self._commands = 0
        self._beats = 0

    async def round(self, number: int) -> None:
        """Send a round of frames, break the connection if it is its turn, and check."""
        self._command()
        await self.send([self._texts.frame() for _ in range(ROUND)], in_parts=number % 5 == 0)
        if number % BREAKS == BREAKS - 1:
            await self._break()
        await self.check()

    async def send(self, texts: list[str], *, in_parts: bool = False) -> None:
        """Send texts, answer what is asked, and see everything answered that has to be."""
        data = bytearray()
        for text in texts:
            encoded = text.encode("utf-8", "replace")
            self._ledger.sent(encoded.decode())
            data += in_pieces(self._rng, encoded) if in_parts else frame(encoded)
        self._odd.write(bytes(data))
        for _ in range(PATIENCE):
            await asyncio.sleep(STEP_S)
            self._hear()
            if self._ledger.is_complete or self._odd.lost:
                break
        for _ in range(LATE):
            if self._odd.lost or not self._ledger.awaits_more:
                break
            await asyncio.sleep(STEP_S)
            self._hear()
        assert not self._odd.lost, ("hung up on", self._odd.close_code, self._site.errors, self._raised)
        self.tally.readable += sum(self._ledger.asked.values())
        self.tally.frames += len(texts)
        self._ledger.settle()

    async def check(self) -> None:
        """Let the other charger say something; nothing may have gone wrong inside."""
        self._beats += 1
        message_id = f"sane{self._beats}"
        self._sane.write(frame(BEAT % message_id.encode()))
        for _ in range(PATIENCE):
            await asyncio.sleep(STEP_S)
            if message_id in self._answers_to(self._sane):
                break
        else:
            raise AssertionError("another charger is not answered any more")
        assert self._site.errors == [], "\n".join(self._site.errors)
        assert self._raised == [], self._raised

    def _hear(self) -> None:
        """Take in what came; answer our CALLs."""
        for text in self._odd.texts():
            heard = self._ledger.received(text)
            if heard[0] == 2:
                _, message_id, action, _ = heard
                self.tally.asked[action] += 1
                spoilt = [self._texts.answer(message_id, action) for _ in range(self._rng.choice((0, 1, 2)))]
                for answer in (*spoilt, self._texts.proper_answer(message_id, action)):
                    encoded = answer.encode("utf-8", "replace")
                    self._ledger.sent(encoded.decode())
                    self.tally.frames += 1
                    self.tally.answers += 1
                    self._odd.write(frame(encoded))

    def _answers_to(self, charger: WireCharger) -> set[str]:
        """Answer what a sane charger is asked; return the ids of what it is answered."""
        heard = [json.loads(text) for text in charger.texts()]
        for kind, message_id, *rest in heard:
            if kind == 2:
                charger.write(frame(self._texts.proper_answer(message_id, rest[0]).encode()))
        return {message_id for kind, message_id, *_ in heard if kind != 2}

    def _command(self) -> None:
        """Ask the charger for something, as an operator would."""
        self._commands += 1
        command_id, (action, body) = CommandId(f"command-{self._commands}"), self._rng.choice(ASKED)
        self._site.controller.ask(
            lambda request: CommandRequested(request, command_id, ODD, action, json.dumps(body), "operator")
        )

    async def _break(self) -> None:
        """Break the rules of the WebSocket, be closed for it if that is due, and come back."""
        kind, data, codes = broken_wire(self._rng)
        self.tally.broken[kind] += 1
        self._odd.write(data)
        for _ in range(20):
            await asyncio.sleep(STEP_S)
            self._odd.texts()
            if self._odd.lost:
                break
        assert self._odd.close_code in codes, (kind, self._odd.close_code)
        self._odd.hang_up()
        self._odd = await WireCharger.connect("10.0.0.1", self._port, ODD)
