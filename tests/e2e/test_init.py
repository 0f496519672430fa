"""`csms init` without a terminal: flags alone, and what each wrong one is told."""

import json
from pathlib import Path

import pytest

from tests.e2e.test_cli import csms

pytestmark = pytest.mark.e2e

FLAGS = ("--grid", "63A", "--charger", "CP 1,power=22kW,connectors=2", "--time-zone", "Europe/Paris")


def test_flags_alone(tmp_path: Path) -> None:
    ran = csms("init", *FLAGS, "--fail-safe", "reserve", folder=tmp_path, CSMS_OCPP_PORT="9100")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "written and valid: station STATION, 43.47 kW, 1 charger, 2 connectors" in ran.stdout
    assert "it sets 8.28 kW (2 × 4.14 kW) of the grid connection aside" in ran.stdout
    assert "while this server is away: a car that charges goes on" in ran.stdout
    assert ":9100/CP%201  (the last part is its id)" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "next: csms serve --config station.json --ocpp-host 0.0.0.0"
    assert csms("config", "check", "station.json", folder=tmp_path).returncode == 0


def test_a_file_that_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "station.json").write_text("mine")
    ran = csms("init", *FLAGS, folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "station.json exists" in ran.stderr
    assert (tmp_path / "station.json").read_text() == "mine"
    assert csms("init", *FLAGS, "--force", folder=tmp_path).returncode == 0
    assert json.loads((tmp_path / "station.json").read_text())["failSafe"] == "closed"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "--grid: is missing"),
        (("--grid", "63"), 2, "--grid: must be a number with its unit"),
        (("--grid", "63A"), 2, "--charger: is missing"),
        ((*FLAGS, "--charger", "B"), 2, "--charger: B: power is missing"),
        ((*FLAGS, "--charger", "B,power=7kW,circuit=x"), 2, "--circuit x=…: is missing"),
        ((*FLAGS, "--circuit", "x"), 2, "--circuit: must be NAME=63A"),
        ((*FLAGS, "--fail-safe", "open"), 2, "--fail-safe: must be closed, reserve, expire"),
        ((*FLAGS, "--time-zone", "Paris"), 2, "--time-zone: must be an IANA name"),
        ((*FLAGS, "--charger", "cp 1,power=22kW"), 1, "$.chargers[1].id"),
        (("--grid", "1kW", "--charger", "A,power=22kW", "--fail-safe", "reserve"), 1, "$.gridCapacity: leaves 1 kW"),
        (("absent/station.json", *FLAGS), 1, "No such file or directory"),
    ],
)
def test_what_cannot_be_used(arguments: tuple[str, ...], status: int, said: str, tmp_path: Path) -> None:
    ran = csms("init", *arguments, folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == [], "nothing is written"
