"""`csms bundle ID`: what a running central system knows of one charger, in one file to be sent to somebody who helps.

Everything in it is what REST shows, as JSON in a zip, gone through once more for secrets: id tags are shortened, keys,
passwords, certificates and addresses of files are masked, in the values of configuration keys too.
"""

import json
import os
import platform
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import typer

import csms
from csms.cli.asking import Json, ask
from csms.cli.status import ExitStatus
from csms.obs.redaction import redacted

PAGE = 200
READ_ME = """What `csms bundle` has found out about charger {charger_id}. Times are UTC.

  charger.json        as it is now: connectors, limits, what it told, what was changed in it, what its make has shown
  configuration.json  how it is configured here
  messages.json       the last frames on its wire
  alarms.json         what stands now, of the whole station
  commands.json       what operators asked of it, the newest first
  transactions.json   its newest transactions
  program.json        versions

Id tags are shortened, and keys, passwords and certificates masked (***). Look through it before you send it.
"""


def run(url: str, charger_id: str, file: str | None, *, replace: bool) -> int:
    """Write the bundle of one charger; return the exit status."""
    target = Path(file or f"{_plain(charger_id)}.zip")
    if target.exists() and not replace:
        typer.echo(f"csms bundle: {target} exists: name another file, or replace it with --force", err=True)
        return ExitStatus.USAGE
    parts = dict(_parts(url, charger_id))
    if isinstance(parts["charger.json"], str):
        typer.echo(f"csms bundle: {parts['charger.json']}", err=True)
        return ExitStatus.NO
    try:
        _write(target, charger_id, parts)
    except OSError as error:
        typer.echo(f"csms bundle: {target}: {error.strerror}", err=True)
        return ExitStatus.NO
    size_kb = target.stat().st_size / 1e3
    typer.echo(f"{target}: {len(parts) + 1} files, {size_kb:.0f} kB; secrets are masked, look before you send it")
    return ExitStatus.DONE


def _plain(charger_id: str) -> str:
    """Return a name of a file for an id, which may hold what a file name may not."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in charger_id) or "charger"


def _parts(url: str, charger_id: str) -> Iterator[tuple[str, Json | str]]:
    """Yield the files by their names; a text says why one is not there."""
    path, named = f"/chargers/{quote(charger_id, safe='')}", quote(charger_id, safe="")
    yield "charger.json", ask(url, "GET", path)
    yield "configuration.json", _configured(ask(url, "GET", "/station/config"), charger_id)
    yield "messages.json", ask(url, "GET", f"{path}/messages?limit={PAGE}")
    yield "alarms.json", ask(url, "GET", "/alarms")
    yield "commands.json", ask(url, "GET", f"/commands?charger={named}&limit={PAGE}")
    yield "transactions.json", ask(url, "GET", f"/transactions?charger={named}&limit={PAGE}")
    yield "program.json", {"csms": csms.__version__, "python": platform.python_version(), "system": platform.system()}


def _configured(station: Json | str, charger_id: str) -> Json | str:
    if isinstance(station, str):
        return station
    chargers = [charger for charger in station["chargers"] if charger["id"] == charger_id]
    return station | {"chargers": chargers}


def _write(target: Path, charger_id: str, parts: dict[str, Json | str]) -> None:
    """Write the file whole or not at all, readable by its owner alone."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened, zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("README.txt", READ_ME.format(charger_id=charger_id))
            for name, content in parts.items():
                safe = {"missing": content} if isinstance(content, str) else redacted(content)
                bundle.writestr(name, json.dumps(safe, indent=2, ensure_ascii=False))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
