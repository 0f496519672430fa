"""Driving one charger by typed commands, from a terminal or a script on standard input.

Each command is one row of a table: its name, its arguments, one line of help, and what it does. Commands answer with
text; what follows later (a status, a transaction) is told by the charger itself.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from simulators.car import Car
from simulators.cars import CarModel, NoSuchCar, catalogue, find_car
from simulators.charger import Charger
from simulators.connector import Connector
from simulators.report import status_lines
from simulators.vendor import enums

FIRST_ACCEPT_S = 15
"""A script's first command waits so long for the central system to accept the charger."""
MAX_WAIT_S = 86_400


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the terminal."""

    usage: str
    help: str
    run: Callable[[list[str]], str]


class Terminal:
    """Understands the commands for one charger; `default_car` is plugged in when none is named."""

    def __init__(self, charger: Charger, default_car: CarModel) -> None:
        self.charger = charger
        self.default_car = default_car
        self.quits = False
        self.wait_s = 0.0
        """How long the next command has to wait."""
        self.commands = {
            "plug": Command("plug IDX [CAR] [KWH]", "plug a car in, e.g. plug 1 ioniq 5 3.5", self._plug),
            "unplug": Command("unplug IDX", "take the car out; its transaction ends", self._unplug),
            "swipe": Command("swipe TAG [IDX]", "present a tag: start, or stop what it started", self._swipe),
            "drop": Command("drop [SECONDS]", "let the network fail for a while (20 s)", self._drop),
            "boot": Command("boot", "stop transactions and reboot the charger", self._boot),
            "status": Command("status", "show the connectors", lambda _: "\n".join(status_lines(self.charger))),
            "cars": Command("cars [TEXT]", "list the cars whose name contains TEXT", self._cars),
            "wait": Command("wait SECONDS", "wait before the next command (for scripts)", self._wait),
            "help": Command("help", "this list", lambda _: self.help()),
            "quit": Command("quit", "unplug everything and end", self._quit),
        }

    def help(self) -> str:
        """Return the list of commands."""
        width = max(len(command.usage) for command in self.commands.values())
        return "\n".join(f"{command.usage:<{width}}  {command.help}" for command in self.commands.values())

    def execute(self, line: str) -> str:
        """Do what one line says and return what is to be said about it, empty for nothing."""
        words = line.split("#", 1)[0].split()
        if not words:
            return ""
        command = self.commands.get(words[0].lower())
        if command is None:
            return f"unknown command {words[0]!r}; `help` lists them"
        return command.run(words[1:])

    def _plug(self, words: list[str]) -> str:
        connector = self._connector(words[:1])
        if isinstance(connector, str):
            return connector
        if connector.car is not None:
            return f"there is a {connector.car.model.name} at connector {connector.idx}"
        chosen = self._car_and_energy(words[1:])
        if isinstance(chosen, str):
            return chosen
        model, target_wh = chosen
        car = Car(model, connector.supply, target_wh=target_wh)
        self.charger.sessions.plug(connector, car)
        return f"{model.name}, {car.soc_percent} %, at connector {connector.idx}; swipe a tag to start"

    def _car_and_energy(self, words: list[str]) -> tuple[CarModel, int | None] | str:
        """Read "[CAR] [KWH]": all of it as a car's name, else the last word as the energy."""
        if not words:
            return self.default_car, None
        whole = find_car(" ".join(words))
        if isinstance(whole, CarModel):
            return whole, None
        energy_wh = _watt_hours(words[-1])
        if energy_wh is None:
            return whole.reason
        named = find_car(" ".join(words[:-1])) if words[:-1] else self.default_car
        return named.reason if isinstance(named, NoSuchCar) else (named, energy_wh)

    def _unplug(self, words: list[str]) -> str:
        connector = self._connector(words)
        if isinstance(connector, str):
            return connector
        if connector.car is None:
            return f"there is no car at connector {connector.idx}"
        self.charger.sessions.unplug(connector)
        return ""

    def _swipe(self, words: list[str]) -> str:
        if not words or len(words[0]) > enums.CiStringType.ci_string_20:
            return "swipe needs a tag of 1 to 20 characters"
        tag = words[0]
        if words[1:]:
            named = self._connector(words[1:])
            if isinstance(named, str):
                return named
            self.charger.sessions.swipe(tag, named)
            return ""
        connectors = self.charger.connectors
        by_preference = (
            [c for c in connectors if c.transaction is not None and c.transaction.id_tag.lower() == tag.lower()]
            + [c for c in connectors if c.car is not None and c.transaction is None]
            + [c for c in connectors if not c.in_use and c.takes_sessions]
        )
        if not by_preference:
            return "every connector is in use"
        self.charger.sessions.swipe(tag, by_preference[0])
        return ""

    def _drop(self, words: list[str]) -> str:
        seconds = _seconds(words) if words else 20.0
        if seconds is None:
            return f"drop needs seconds from 0 to {MAX_WAIT_S}"
        self.charger.drop(int(seconds * 1000))
        return f"the network is down for {seconds:g} s"

    def _boot(self, _: list[str]) -> str:
        self.charger.reset(enums.Reason.reboot, wait_for_stops=True)
        return ""

    def _cars(self, words: list[str]) -> str:
        wanted = " ".join(words).lower()
        names = [
            f"{car.name}: {car.battery_wh / 1000:g} kWh, DC up to {car.dc_max_w / 1000:g} kW, "
            f"AC {car.ac_max_w / 1000:g} kW on {car.ac_phases} phases"
            for car in catalogue()
            if wanted in car.name.lower()
        ]
        return "\n".join(names) or f"no car is called {wanted!r}"

    def _wait(self, words: list[str]) -> str:
        seconds = _seconds(words)
        if seconds is None:
            return f"wait needs seconds from 0 to {MAX_WAIT_S}"
        self.wait_s = seconds
        return ""

    def _quit(self, _: list[str]) -> str:
        self.quits = True
        return ""

    def _connector(self, words: list[str]) -> Connector | str:
        count = len(self.charger.connectors)
        idx = words[0] if words else ""
        connector = self.charger.connector(int(idx)) if idx.isascii() and idx.isdecimal() and len(idx) < 5 else None  # noqa: PLR2004 - digits
        return connector or f"name a connector from 1 to {count}"


def _seconds(words: list[str]) -> float | None:
    number = _number(words[0]) if words else None
    return float(number) if number is not None and 0 <= number <= MAX_WAIT_S else None


def _watt_hours(word: str) -> int | None:
    """Return "3.5" or "3.5kWh" in Wh, or None."""
    number = _number(word.lower().removesuffix("kwh"))
    return int(number * 1000) if number is not None and Decimal("0.001") <= number <= 1000 else None  # noqa: PLR2004 - kWh


def _number(word: str) -> Decimal | None:
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


async def drive(terminal: Terminal, say: Callable[[str], None]) -> int:
    """Execute the lines of standard input until `quit` and return exit status 0; after its end, wait for ever."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    # A thread of its own, since a read of a terminal cannot be cancelled and must not delay the end.
    threading.Thread(target=_read_lines, args=(loop, lines), daemon=True).start()
    await _accepted(terminal.charger)
    while not terminal.quits:
        line = await lines.get()
        said = terminal.execute(line)
        if said:
            say(said)
        await asyncio.sleep(terminal.wait_s)
        terminal.wait_s = 0.0
    return 0


def _read_lines(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str]") -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)


async def _accepted(charger: Charger) -> None:
    """Wait a while for the central system, so that a script's first lines are not spoken into the void."""
    for _ in range(FIRST_ACCEPT_S * 10):
        if charger.registration.working:
            return
        await asyncio.sleep(0.1)
