"""`csms doctor`: what is well with this installation, what is not, and what to do about it.

It changes nothing and may run beside the server. What the server knows it is asked for; where none answers, what can be
seen from outside is looked at: settings, ports, database, clock and the configuration file.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import quote

import typer

from csms.cli.asking import Json, ask, shown
from csms.cli.checking import read_station, summary
from csms.cli.status import ExitStatus
from csms.core.configuration import battery_text, explain_fail_safe, kilowatts, notices, site_meter_text
from csms.core.station import Charger, Control, Station
from csms.doors import DoorShutError, listening_socket
from csms.gateway.tls import TlsFiles, TlsFilesError, ending_soon, new_context
from csms.settings import Settings, read_settings, unknown_variables
from csms.store import NotOpened
from csms.store.examining import Examined, examine
from csms.store.migrate import head

CLOCK_AHEAD_MS = 60_000
"""So far the newest record may be in the future before the clock counts as set back."""

FREE_BYTES_LEAST = 1_000_000_000
OLDEST_MS = 1_735_689_600_000
"""2025: no machine's clock stands before this program was written."""

AT_ONCE = 8
ASKED_S = 15
OFFLINE_KEYS = (
    "AllowOfflineTxForUnknownId",
    "LocalAuthorizeOffline",
    "AuthorizationCacheEnabled",
    "LocalAuthListEnabled",
)
"""Who may start without the server is the charger's to decide, by these (OCPP 1.6 §9)."""


class Level(StrEnum):
    """How a finding is."""

    OK = "ok"
    NOTE = "note"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `to_do` where somebody should do something."""

    level: Level
    what: str
    said: str
    to_do: str = ""


def run(given: Mapping[str, object]) -> int:
    """Look at everything and print it; return the exit status, 1 when something is wrong."""
    settings = read_settings(given)
    if not isinstance(settings, Settings):
        for fault in settings:
            typer.echo(f"csms doctor: {fault}", err=True)
        return ExitStatus.USAGE
    found = list(_findings(settings))
    for finding in found:
        typer.echo(f"{finding.level.value:<5}  {finding.what:<13}  {shown(finding.said)}")
        if finding.to_do:
            typer.echo(f"{'':<22}→ {finding.to_do}")
    faults = sum(finding.level is Level.FAULT for finding in found)
    typer.echo(f"{len(found)} things looked at, {faults} at fault")
    return ExitStatus.NO if faults else ExitStatus.DONE


def _findings(settings: Settings) -> Iterator[Finding]:
    yield from _environment()
    examined = examine(settings.database)
    yield from _database(examined)
    yield _clock(time.time_ns() // 1_000_000, None if isinstance(examined, NotOpened) else examined.newest_ms)
    url = _url(settings)
    health = ask(url, "GET", "/health")
    if isinstance(health, str):
        yield Finding(Level.NOTE, "server", f"none answers at {url}", "start it with csms serve, and ask again")
        yield from _ports(settings)
        yield from _tls(settings, time.time_ns() // 1_000_000)
        yield from _file(settings.config)
    else:
        yield Finding(Level.OK, "server", f"answers at {url}")
        yield from _tls(settings, time.time_ns() // 1_000_000)
        yield from _running(url)


# --- without the server -----------------------------------------------------------------------------------------------


def _environment() -> Iterator[Finding]:
    for name in unknown_variables():
        yield Finding(Level.FAULT, "environment", f"{name} is set but is no setting", "correct its name, or unset it")


def _database(examined: Examined | NotOpened) -> Iterator[Finding]:
    if isinstance(examined, NotOpened):
        yield Finding(Level.FAULT, "database", examined.reason, "see --database, and whether its folder can be written")
        return
    newest = head()
    if examined.revision is None:
        yield Finding(Level.NOTE, "database", f"{examined.where}: holds nothing yet; csms serve makes it")
    elif examined.revision == newest:
        used = {True: ", in use", False: ", not in use", None: ""}[examined.in_use]
        yield Finding(Level.OK, "database", f"{examined.where}: schema {newest}{used}")
    else:
        said = f"{examined.where}: schema {examined.revision}, this program's is {newest}"
        yield Finding(
            Level.NOTE, "database", said, "csms serve brings an older one up to date, and keeps a copy of a file"
        )
    if examined.free_bytes is not None:
        low = examined.free_bytes < FREE_BYTES_LEAST
        said = f"{examined.free_bytes / 1e9:.1f} GB are free"
        yield (
            Finding(Level.FAULT, "disk", said, "make room: nothing is answered that cannot be stored")
            if low
            else Finding(Level.OK, "disk", said)
        )


def _clock(now_ms: int, newest_ms: int | None) -> Finding:
    to_do = "set the clock, and have it kept by NTP: chargers take their time from it"
    if now_ms < OLDEST_MS:
        return Finding(Level.FAULT, "clock", "it stands before 2025", to_do)
    if newest_ms is not None and newest_ms > now_ms + CLOCK_AHEAD_MS:
        behind_s = (newest_ms - now_ms) // 1_000
        return Finding(Level.FAULT, "clock", f"it stands {behind_s} s before the newest record of the database", to_do)
    return Finding(Level.OK, "clock", "not before the newest record of the database")


def _url(settings: Settings) -> str:
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    host = everywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _ports(settings: Settings) -> Iterator[Finding]:
    doors = [
        ("REST", settings.host, settings.port, "--port"),
        ("OCPP", settings.ocpp_host, settings.ocpp_port, "--ocpp-port"),
    ]
    if settings.ocpp_tls_cert:
        doors.append(("OCPP/TLS", settings.ocpp_host, settings.ocpp_tls_port, "--ocpp-tls-port"))
    for name, host, port, flag in doors:
        try:
            listening_socket(name, host, port, flag).close()
        except DoorShutError as shut:
            yield Finding(Level.FAULT, f"{name} port", shut.lines[0], shut.lines[1])
        else:
            yield Finding(Level.OK, f"{name} port", f"{host} port {port} is free")


def _tls(settings: Settings, now_ms: int) -> Iterator[Finding]:
    """Look at the certificates for chargers as the server would read them now."""
    if not settings.ocpp_tls_cert:
        return
    files = TlsFiles(tuple(zip(settings.ocpp_tls_cert, settings.ocpp_tls_key, strict=True)), settings.ocpp_client_ca)
    try:
        new_context(files)
    except TlsFilesError as error:
        yield Finding(Level.FAULT, "certificates", str(error), "a running server goes on with those of before")
        return
    soon = ending_soon(files, now_ms)
    for file, left_ms in soon:
        days = left_ms // 86_400_000
        said = f"{file}: ends in {days} days" if left_ms > 0 else f"{file}: has ended"
        level = Level.NOTE if left_ms > 0 else Level.FAULT
        yield Finding(level, "certificates", said, "put a new one in its place: it is taken up within a minute")
    if not soon:
        yield Finding(Level.OK, "certificates", "can be used, and hold for more than 30 days")


def _file(path: Path | None) -> Iterator[Finding]:
    if path is None:
        yield Finding(Level.NOTE, "configuration", "what is stored is looked at while the server runs")
        return
    try:
        station = read_station(path.read_bytes())
    except OSError as error:
        yield Finding(Level.FAULT, "configuration", f"{path}: {error.strerror}", "see --config")
        return
    if isinstance(station, Station):
        yield from _station(station, str(path))
        return
    for fault in station:
        yield Finding(Level.FAULT, "configuration", f"{path}: {fault}", "csms config check FILE tells all of it")


def _station(station: Station, source: str) -> Iterator[Finding]:
    yield Finding(Level.OK, "configuration", f"{source}: valid: {summary(station)}")
    for line in explain_fail_safe(station):
        yield Finding(Level.OK, "fail-safe", line.strip())
    for line in battery_text(station):
        yield Finding(Level.OK, "battery", line.removeprefix("battery: "))
    for line in site_meter_text(station):
        yield Finding(Level.OK, "site meter", line.removeprefix("siteMeter: "))
    for notice in notices(station):
        yield Finding(Level.NOTE, "configuration", str(notice))


# --- with the server --------------------------------------------------------------------------------------------------


def _running(url: str) -> Iterator[Finding]:
    document = ask(url, "GET", "/station/config")
    if isinstance(document, str):
        said, *hints = document.splitlines()
        yield Finding(Level.FAULT, "configuration", said, " ".join(hint.strip() for hint in hints))
        return
    station = read_station(json.dumps(document).encode())
    if not isinstance(station, Station):
        yield Finding(
            Level.FAULT, "configuration", str(document), "is the server of another version than this program?"
        )
        return
    yield from _station(station, "stored")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(partial(_charger, url), station.chargers)
    yield from _alarms(url)


def _charger(url: str, config: Charger) -> Finding:
    """Say whether a car can start at a charger while the server is away, and why."""
    path = f"/chargers/{quote(config.charger_id, safe='')}"
    known = ask(url, "GET", path)
    if isinstance(known, str):
        return Finding(Level.FAULT, config.charger_id, known)
    who = ""
    if "connection" in known["charger"] and config.control in {Control.AUTO, Control.OCPP} and not config.is_observed:
        who = who_may_start(_offline_keys(url, path))
    return Finding(*_without_server(config, known["charger"], who))


def _without_server(config: Charger, charger: Json, who: str) -> tuple[Level, str, str]:
    """Return level, id and sentence; `who`: whose card is accepted then, as far as it was told."""
    name, away = config.charger_id, "while the server is away"
    if config.control is Control.NONE:
        kilowatts_booked = kilowatts(config.uncontrolled_power_w)
        return Level.OK, name, f"a car starts {away} as always: it is not steered, {kilowatts_booked} kW are booked"
    if "release" in charger:
        booked = charger["bookedPower"]
        return Level.OK, name, f"a car starts {away} as always: the charger was released, {booked} kW are booked"
    if config.is_observed:
        booked = charger["bookedPower"]
        return Level.OK, name, f"a car starts {away} as always: it is only observed, {booked} kW are booked"
    if config.control is Control.REST:
        return Level.OK, name, f"a car gets no power {away}: its REST client has nobody to ask"
    if "boot" not in charger and "connection" not in charger:
        return Level.NOTE, name, f"whether a car can start {away} is not known: it has never connected"
    if not charger["provisioned"]:
        booked = charger["bookedPower"]
        return (
            Level.NOTE,
            name,
            f"a car may get all that it has {away}: its limits are not ours yet, {booked} kW are booked",
        )
    power_kw = charger.get("failSafePower", 0)
    gets = f"gets {power_kw} kW" if power_kw else "gets no power until the server is back"
    return Level.OK, name, f"a car that is plugged in {away} {gets}{f'; {who}' if who else ''}"


def _offline_keys(url: str, path: str) -> dict[str, str]:
    """Ask a charger who may start without the server; what it does not tell is absent."""
    asked = ask(url, "POST", f"{path}/commands/GetConfiguration?wait={ASKED_S}", {"key": list(OFFLINE_KEYS)})
    body = {} if isinstance(asked, str) else asked["command"].get("answerBody", {})
    told = body.get("configurationKey") if isinstance(body, dict) else None
    keys = told if isinstance(told, list) else []
    return {
        str(key.get("key", "")).lower(): str(key.get("value", "")).strip().lower()
        for key in keys
        if isinstance(key, dict)
    }


def who_may_start(told: Mapping[str, str]) -> str:
    """Return whose card a charger accepts without the server, by the keys it told (lower case)."""
    unknown, local, cache, listed = (told.get(key.lower()) for key in OFFLINE_KEYS)
    if unknown == "true":
        return "any card is accepted (AllowOfflineTxForUnknownId is true)"
    if local == "false":
        return "no card is accepted (LocalAuthorizeOffline is false)"
    if local != "true":
        return "which cards are accepted it does not tell (LocalAuthorizeOffline)"
    sources = [
        name for name, value in (("those it has seen", cache), ("those of its local list", listed)) if value == "true"
    ]
    return (
        f"cards are accepted: {' and '.join(sources)}"
        if sources
        else "no card is accepted: it keeps neither cache nor list"
    )


def _alarms(url: str) -> Iterator[Finding]:
    document = ask(url, "GET", "/alarms")
    alarms: Sequence[Json] = () if isinstance(document, str) else document["alarms"]
    if not alarms:
        yield Finding(Level.OK, "alarms", "none stands")
    for alarm in alarms:
        level = Level.FAULT if alarm["severity"] == "alarm" else Level.NOTE
        subject = f" {alarm['subject']}" if "subject" in alarm else ""
        yield Finding(level, "alarm", f"{alarm['kind']}{subject}: {alarm['cause']}", shown(alarm["toDo"]))
