"""A station file that somebody has spoilt: a station, or faults by their JSON path, never a traceback.

The whole way of `csms config check` and `csms allocate`, from the bytes of a file to what is printed.
"""

import copy
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

import pytest

from api.examples import STATION, STATION_WITH_OPTIONS
from csms.cli import allocating, checking
from csms.cli.status import ExitStatus
from csms.core.configuration import load_document, parse_station, station_document
from csms.core.station import Station
from tests.fuzz.seeds import with_seeds
from tests.fuzz.spoiling import ordered, spoilt_bytes
from tests.property import mutations

RUNS: Final = 2
FILES: Final = 800
ZONES: Final = available_timezones()
FAULT: Final = re.compile(r"  (\$[^ ]*): \S.*")
"""As every line of a fault is printed."""
PLACE: Final = re.compile(r"\$(\.[A-Za-z_$][A-Za-z0-9_]{0,31}|\[\d+\])*")
PROBLEM: Final[dict[str, Any]] = {
    "nodes": [{"id": "grid", "cap_w": 100_000}, {"id": "hall", "parent": "grid", "cap_w": 40_000}],
    "sessions": [
        {"id": "a", "node": "hall", "min_w": 4_140, "max_w": 50_000},
        {"id": "b", "node": "grid", "min_w": 0, "max_w": 80_000, "weight": 2, "priority": 1},
    ],
    "voltage": 230,
}
PROBLEM_WITH_OPTIONS: Final[dict[str, Any]] = {
    "nodes": [{"id": "grid", "phase_a": [63, 63, 63]}, {"id": "hall", "parent": "grid", "phase_a": [16, 20.5, 16]}],
    "sessions": [
        {"id": "a", "node": "hall", "min_w": 1_380, "max_w": 7_360, "phases": [1]},
        {"id": "b", "node": "grid", "min_w": 0, "max_w": 22_080, "weight": 3},
    ],
    "voltage": 230,
    "grid_cap_w": 30_000,
    "static_load_w": 2_000,
    "bess": {"capacity_wh": 50_000, "max_discharge_w": 20_000, "soc_pct_x100": 5_000, "horizon_s": 600},
}


def spoilt(rng: random.Random, document: Any) -> bytes:
    """Return the bytes of a document with some things changed: values, fields, and now and then any byte."""
    value = ordered(document)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        mutations.mutate(rng, value)
    data = mutations.dump(value).encode()
    if rng.random() < 0.25:
        data = spoilt_bytes(rng, data)
    if rng.random() < 0.03:
        data = rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00")) + data
    return data


@pytest.mark.timeout(600)
def test_station_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "available_timezones", lambda: ZONES)  # each time it looks through its folder anew
    file = tmp_path / "station.json"
    statuses: list[int] = []

    def run(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(FILES):
            data = spoilt(rng, rng.choice((STATION, STATION_WITH_OPTIONS)))
            file.write_bytes(data)
            statuses.append(checking.run(str(file)))
            printed = capsys.readouterr()
            assert printed.err == "", data
            check_printed(statuses[-1], printed.out.splitlines(), data)
            assert file.read_bytes() == data

    with_seeds(run, RUNS)
    assert {ExitStatus.DONE, ExitStatus.NO} == set(statuses)
    assert min(statuses.count(ExitStatus.DONE), statuses.count(ExitStatus.NO)) > len(statuses) / 10


def check_printed(status: int, lines: list[str], data: bytes) -> None:
    """Check what `config check` has printed of a file."""
    if status == ExitStatus.DONE:
        station = parse_station(load_document(data))
        assert isinstance(station, Station), data
        assert parse_station(station_document(station)) == station, data
        return
    assert status == ExitStatus.NO, data
    headline, *faults = lines
    assert headline.endswith((" fault", " faults")), headline
    assert int(headline.split()[-2]) == len(faults) > 0, lines
    for line in faults:
        match = FAULT.fullmatch(line)
        assert match is not None, (line, data)
        assert PLACE.fullmatch(match[1]), (line, data)


def test_allocation_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, rng, statuses = tmp_path / "problem.json", random.Random(1), set[int]()
    for _ in range(400):
        data = spoilt(rng, copy.deepcopy(rng.choice((PROBLEM, PROBLEM_WITH_OPTIONS))))
        file.write_bytes(data)
        status = allocating.run(str(file))
        printed = capsys.readouterr()
        statuses.add(status)
        if status == ExitStatus.DONE:
            json.loads(printed.out)
        else:
            assert status == ExitStatus.NO, data
            assert all(FAULT.fullmatch(line) for line in printed.err.splitlines()[1:]), printed.err
    assert statuses == {ExitStatus.DONE, ExitStatus.NO}


def test_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    """What is printed of it goes to a terminal or a file that takes UTF-8 alone."""
    name = b"station-\xff.json"
    (Path(tmp_path) / name.decode("utf-8", "surrogateescape")).write_text('{"stationId":7}')
    command = [sys.executable.encode(), b"-m", b"csms", b"config", b"check"]
    for file, status in ((name, ExitStatus.NO), (b"absent-\xff", ExitStatus.USAGE), (b"x" * 3_000, ExitStatus.USAGE)):
        strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
        ran = subprocess.run([*command, file], cwd=tmp_path, env=strict, capture_output=True, check=False)
        assert ran.returncode == status, ran.stderr
        assert b"Traceback" not in ran.stderr
        (ran.stdout + ran.stderr).decode()
