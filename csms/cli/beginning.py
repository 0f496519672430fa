"""`csms init`: the first station file, asked for or given in flags.

Every question has a flag. On a terminal what no flag says is asked; elsewhere defaults hold, and what has none is a
fault that names its flag. The file is written only when `csms config check` would call it valid, and it appears whole
or not at all.
"""

import contextlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import available_timezones

import typer

from csms.cli.answers import (
    THREE_PHASES,
    VOLTAGE_V,
    ChargerAnswer,
    Json,
    Refused,
    charger_document,
    read_charger,
    read_phases,
    read_power_w,
    read_whole,
)
from csms.cli.checking import read_station, summary
from csms.cli.status import ExitStatus
from csms.core.configuration import explain_fail_safe, kilowatts, notices
from csms.core.station import GRID, FailSafe, Station
from csms.doors import url_to_type
from csms.settings import Settings, read_settings

FAIL_SAFE_TEXT: Final = """What does a car get that is plugged in while this server is away? A car that charges goes on.
  closed   nothing until the server is back; it costs nothing
  reserve  a little (AC: 6 A a phase; DC: 10 kW), which is set aside on every connector always
  expire   as reserve, and cars that charge fall to it too after five minutes; it costs the same"""

ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104 - printed for the operator, not bound
DEFAULT_OCPP_PORT: Final = 9000
MAX_CONNECTORS: Final = 64

Value = TypeVar("Value")


class AskedWronglyError(Exception):
    """An answer cannot be used; says which flag and why."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the flags say; None (or nothing) where they are silent."""

    station_id: str | None = None
    grid: str | None = None
    voltage: str | None = None
    phases: str | None = None
    chargers: Sequence[str] = ()
    circuits: Sequence[str] = ()
    fail_safe: str | None = None
    time_zone: str | None = None


Ask = Callable[[str, str | None], str]
"""Puts a question with its default to a person and returns what was answered."""


def run(file: str, given: Given, *, replace: bool, ask: Ask | None = None) -> int:
    """Ask, check, write; return the exit status. `ask` None: as `csms init` does, on a terminal only."""
    path = Path(file)
    if ask is None and sys.stdin.isatty():
        ask = _prompt
    try:
        _refuse_existing(path, replace=replace)
        document = _Questions(given, ask).document()
    except AskedWronglyError as error:
        typer.echo(f"csms init: {error}", err=True)
        return ExitStatus.USAGE
    content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    station = read_station(content)
    if not isinstance(station, Station):
        typer.echo(f"csms init: {file} is not written, for it would have {len(station)} fault(s):", err=True)
        for fault in station:
            typer.echo(f"  {fault}", err=True)
        return ExitStatus.NO
    try:
        write_whole(path, content, replace=replace)
    except OSError as error:
        typer.echo(f"csms init: {file}: {error.strerror}", err=True)
        return ExitStatus.NO
    for line in _told(file, station):
        typer.echo(line)
    return ExitStatus.DONE


def _refuse_existing(path: Path, *, replace: bool) -> None:
    """Say so before a person has answered everything; `write_whole` looks again."""
    if path.exists() and not replace:
        raise AskedWronglyError(f"{path} exists: name another file, or replace it with --force")


class _Questions:
    """The questions in their order; a fault of a flag ends them, a fault of a person asks again."""

    def __init__(self, given: Given, ask: Ask | None) -> None:
        self._given = given
        self._ask = ask

    def document(self) -> Json:
        """Return the station's document, every question answered once."""
        given = self._given
        station_id = self._answer("--station-id", given.station_id, "name of the station", "STATION", _text)
        voltage_v = self._answer(
            "--voltage", given.voltage, "volts between a phase and neutral", str(VOLTAGE_V), _voltage
        )
        phases = self._answer("--phases", given.phases, "phases of the grid connection (1 or 3)", "3", _grid_phases)
        grid_w = self._answer(
            "--grid",
            given.grid,
            "grid connection, such as 63A (per phase) or 400kW",
            None,
            lambda text: read_power_w(text, phases, voltage_v),
        )
        chargers = self._chargers(voltage_v)
        circuits = self._circuits(chargers, voltage_v)
        if self._ask is not None and given.fail_safe is None:
            typer.echo(FAIL_SAFE_TEXT)
        fail_safe = self._answer("--fail-safe", given.fail_safe, "closed, reserve or expire", "closed", _fail_safe)
        zone = self._answer("--time-zone", given.time_zone, "time zone of the site (IANA)", local_zone(), _zone)
        document: Json = {
            "stationId": station_id,
            "gridCapacity": kilowatts(grid_w),
            "timeZone": zone,
            "failSafe": fail_safe,
        }
        if circuits:
            document["circuits"] = circuits
        return document | {"chargers": chargers}

    def _answer(
        self, flag: str, said: str | None, question: str, default: str | None, read: Callable[[str], Value | Refused]
    ) -> Value:
        """Return a value from its flag, else from the person, else its default."""
        while said is None and self._ask is not None:
            value = read(self._ask(question, default))
            if not isinstance(value, Refused):
                return value
            typer.echo(f"  {value.reason}")
        text = default if said is None else said
        if text is None:
            raise AskedWronglyError(f"{flag}: is missing ({question}), and there is no terminal to ask at")
        value = read(text)
        if isinstance(value, Refused):
            raise AskedWronglyError(f"{flag}: {value.reason}")
        return value

    def _chargers(self, voltage_v: int) -> list[Json]:
        documents = []
        is_asked = self._ask is not None and not self._given.chargers
        for answer in self._asked_chargers(voltage_v) if is_asked else map(_charger, self._given.chargers):
            document = charger_document(answer, voltage_v)
            if isinstance(document, Refused):
                raise AskedWronglyError(f"--charger: {document.reason}")
            documents.append(document)
        if not documents:
            raise AskedWronglyError(
                "--charger: is missing; give it once for each, such as CP001,power=22kW,connectors=2"
            )
        return documents

    def _asked_chargers(self, voltage_v: int) -> Iterator[ChargerAnswer]:
        suggested = "CP001"
        while charger_id := self._answer("--charger", None, "id of a charger, empty for no more", suggested, _any):
            phases = self._answer("--charger", None, "  phases: 1 or 3 for AC, 0 for DC", "3", _charger_phases)
            power = self._answer(
                "--charger",
                None,
                "  maximum of all connectors together, such as 32A (per phase) or 22kW",
                None,
                partial(_power_text, phases=phases, voltage_v=voltage_v),
            )
            connectors = self._answer(
                "--charger", None, "  connectors", "1", lambda text: read_whole(text, 1, MAX_CONNECTORS)
            )
            circuit = self._answer("--charger", None, "  circuit, empty: the grid connection itself", "", _any)
            yield ChargerAnswer(charger_id, power, connectors, phases, circuit)
            suggested = ""

    def _circuits(self, chargers: Sequence[Json], voltage_v: int) -> list[Json]:
        """Return the circuits of the flags, and those that a charger names, each with its capacity."""
        capacities_w: dict[str, int] = {}
        for text in self._given.circuits:
            name, found, power = text.partition("=")
            capacity_w = read_power_w(power, THREE_PHASES, voltage_v)
            if not found or not name.strip() or name.strip() in capacities_w:
                raise AskedWronglyError(f"--circuit: must be NAME=63A or NAME=40kW, each name once, not {text!r}")
            if isinstance(capacity_w, Refused):
                raise AskedWronglyError(f"--circuit: {name.strip()} {capacity_w.reason}")
            capacities_w[name.strip()] = capacity_w
        named = dict.fromkeys(str(charger["circuit"]) for charger in chargers if charger.get("circuit", GRID) != GRID)
        for name in named:
            if name not in capacities_w:
                capacities_w[name] = self._answer(
                    f"--circuit {name}=…",
                    None,
                    f"fuse of circuit {name}, such as 63A (per phase) or 40kW",
                    None,
                    lambda text: read_power_w(text, THREE_PHASES, voltage_v),
                )
        return [{"id": name, "capacity": kilowatts(capacity_w)} for name, capacity_w in capacities_w.items()]


def _charger(text: str) -> ChargerAnswer:
    answer = read_charger(text)
    if isinstance(answer, Refused):
        raise AskedWronglyError(f"--charger: {answer.reason}")
    return answer


def _text(text: str) -> str | Refused:
    return text.strip() or Refused("must not be empty")


def _any(text: str) -> str | Refused:
    return text.strip()


def _voltage(text: str) -> int | Refused:
    return read_whole(text, 100, 1000)


def _grid_phases(text: str) -> int | Refused:
    return read_phases(text, (1, THREE_PHASES))


def _charger_phases(text: str) -> int | Refused:
    return read_phases(text, (0, 1, THREE_PHASES))


def _power_text(text: str, phases: int, voltage_v: int) -> str | Refused:
    power_w = read_power_w(text, phases, voltage_v)
    return power_w if isinstance(power_w, Refused) else text


def _fail_safe(text: str) -> str | Refused:
    modes = [mode.value for mode in FailSafe]
    return text.strip() if text.strip() in modes else Refused(f"must be {', '.join(modes)}, not {text.strip()!r}")


def _zone(text: str) -> str | Refused:
    known = text.strip() in available_timezones()
    return text.strip() if known else Refused(f"must be an IANA name such as Europe/Paris, not {text.strip()!r}")


def local_zone(link: Path = Path("/etc/localtime")) -> str:
    """Return this machine's time zone as far as it can be told by name, else UTC."""
    with contextlib.suppress(OSError):
        _, found, name = os.fspath(link.resolve()).partition("/zoneinfo/")
        if found and name in available_timezones():
            return name
    return "UTC"


def write_whole(path: Path, content: bytes, *, replace: bool) -> None:
    """Give `path` this content, durably and whole or not at all; raise OSError (FileExistsError unless `replace`)."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as part:
            part.write(content)
            part.flush()
            os.fchmod(part.fileno(), 0o644)
            os.fsync(part.fileno())
        if replace:
            Path(name).replace(path)
        else:
            os.link(name, path)  # unlike a rename it fails where somebody else was faster
    finally:
        Path(name).unlink(missing_ok=True)


def _told(file: str, station: Station) -> Iterator[str]:
    yield f"{file}: written and valid: {summary(station)}"
    yield from (f"  {line}" for line in explain_fail_safe(station))
    yield from (f"  notice: {notice}" for notice in notices(station))
    settings = read_settings({})
    port = settings.ocpp_port if isinstance(settings, Settings) else DEFAULT_OCPP_PORT
    yield f"type into a charger: {url_to_type(ALL_ADDRESSES, port, station)}  (the last part is its id)"
    yield f"next: csms serve --config {shlex.quote(file)} --ocpp-host {ALL_ADDRESSES}"


def _prompt(question: str, default: str | None) -> str:
    return str(typer.prompt(question, default=default, show_default=bool(default)))
