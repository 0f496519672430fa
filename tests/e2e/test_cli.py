"""The `csms` command as a person meets it: started as a process, judged by what it prints and its exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

GOOD = {"stationId": "S", "gridCapacity": 100, "chargers": [{"id": "CP001", "maxPower": 50, "connectors": 2}]}


def csms(*arguments: str, folder: Path, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("CSMS_")}
    return subprocess.run(
        [sys.executable, "-m", "csms", *arguments],
        check=False,
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment | {"COLUMNS": "100", "NO_COLOR": "1"} | variables,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["serve", "allocate", "demo", "config"]),
        (["-h"], ["serve"]),
        (["serve", "--help"], ["--ocpp-port", "[default: 9000]", "CSMS_OCPP_PORT", "--replace-config"]),
        (["config", "check", "--help"], ["FILE", "JSON path"]),
        (["makes", "export", "--help"], ["FILE", "--url"]),
        (["makes", "import", "--help"], ["FILE", "replaces"]),
        (["allocate", "--help"], ["limited_by"]),
        (["demo", "--help"], ["--minutes", "Exit status 1"]),
    ],
)
def test_help(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    ran = csms(*arguments, folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [word for word in words if word not in ran.stdout] == []


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from csms.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print(sorted({'pydantic', 'fastapi', 'sqlalchemy', 'ocpp', 'websockets', 'structlog'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (["--port", "http"], {}, "--port: must be a valid integer"),
        (["--port", "65536"], {}, "--port: must be less than or equal to 65535"),
        ([], {"CSMS_PORT": "tcp://10.0.0.1:3000"}, "CSMS_PORT: must be a valid integer"),
        (["--config", "absent.json"], {}, "--config: no such file: absent.json"),
        (["--id-tags", "absent.txt"], {}, "--id-tags: no such file: absent.txt"),
        (["--database", "mysql://me:hush@db/csms"], {}, "--database: must be sqlite:///PATH"),
        (["--database", "postgresql://me:hush@hush@db/csms"], {}, "--database: write @ / ? # : in a password as %40"),
        ([], {"CSMS_DATABASE": "postgresql://me:hush@db"}, "CSMS_DATABASE: names no database"),
        (["--replace-config"], {}, "--replace-config needs --config"),
        (["--port", "0", "--port", "-5"], {}, "--port: must be greater than or equal to 0"),
        (["--log-format", "xml"], {}, "--log-format: must be 'auto', 'console' or 'json'"),
        (["--nonsense"], {}, "--nonsense"),
        (["--config"], {}, "--config"),
    ],
)
def test_serve_refuses_a_bad_setting(
    arguments: list[str], variables: dict[str, str], said: str, tmp_path: Path
) -> None:
    ran = csms("serve", *arguments, folder=tmp_path, **variables)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "hush" not in ran.stderr
    assert list(tmp_path.iterdir()) == [], "a server that never started leaves nothing behind"


def test_a_misspelt_variable_is_pointed_out(tmp_path: Path) -> None:
    ran = csms("serve", "--port", "x", folder=tmp_path, CSMS_PROT="3000")
    assert "CSMS_PROT is set but is no setting" in ran.stderr


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["config", "nonsense"], ["config", "check"], ["allocate"]])
def test_a_wrong_call_is_explained(arguments: list[str], tmp_path: Path) -> None:
    ran = csms(*arguments, folder=tmp_path)
    assert ran.returncode == 2
    assert "Usage: csms" in ran.stdout + ran.stderr


def test_config_check_of_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "station.json").write_text(json.dumps(GOOD), encoding="utf-8")
    ran = csms("config", "check", "station.json", folder=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    first, mode, experience, choice, *notices = ran.stdout.splitlines()
    assert first == "station.json: valid: station S, 100 kW, 1 charger, 2 connectors"
    assert mode == "  every charger: failSafe closed: it sets no power aside"
    assert experience.endswith("gets no power until the server is back")
    assert "to choose, write it" in choice, "nobody has chosen: what else there is, and what it would cost"
    assert [line.rpartition(" ")[2] for line in notices] == ["(fail_safe_not_chosen)"]


def test_config_check_names_every_fault_by_its_path(tmp_path: Path) -> None:
    bad = GOOD | {
        "gridCapacity": "100",
        "chargers": [{"id": "CP001", "maxPower": 50, "connectors": 2}, {"id": "CP001", "connectors": True}],
    }
    ran = csms("config", "check", "-", folder=tmp_path, stdin=json.dumps(bad))
    assert ran.returncode == 1
    first, *faults = ran.stdout.splitlines()
    assert first == "standard input: 4 faults"
    assert [line.strip().partition(": ")[0] for line in faults] == [
        "$.gridCapacity",
        "$.chargers[1].id",
        "$.chargers[1].maxPower",
        "$.chargers[1].connectors",
    ]


@pytest.mark.parametrize("content", ["", "{", '{"stationId": NaN}', "[" * 5000, "\ufeff[]", "7"])
def test_config_check_of_what_is_no_configuration(content: str, tmp_path: Path) -> None:
    ran = csms("config", "check", "-", folder=tmp_path, stdin=content)
    assert ran.returncode == 1
    assert ran.stdout.splitlines()[0] == "standard input: 1 fault"
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", [["config", "check"], ["allocate"]])
@pytest.mark.parametrize("file", ["absent.json", "."])
def test_a_file_that_cannot_be_read(command: list[str], file: str, tmp_path: Path) -> None:
    ran = csms(*command, file, folder=tmp_path)
    assert ran.returncode == 2
    assert f"cannot read {file}: " in ran.stderr
    assert "Traceback" not in ran.stderr


PROBLEM = {
    "nodes": [
        {"id": "grid", "parent": None, "cap_w": 330_000},
        {"id": "CP001", "parent": "grid", "cap_w": 200_000},
        {"id": "CP002", "parent": "grid", "cap_w": 200_000},
    ],
    "sessions": [
        {"id": "a", "node": "CP001", "min_w": 0, "max_w": 80_000, "rank": 0},
        {"id": "b", "node": "CP001", "min_w": 0, "max_w": 150_000, "rank": 1},
        {"id": "c", "node": "CP002", "min_w": 0, "max_w": 150_000, "rank": 2},
    ],
}


def test_allocate(tmp_path: Path) -> None:
    ran = csms("allocate", "-", folder=tmp_path, stdin=json.dumps(PROBLEM))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {
        "alloc_w": [80_000, 120_000, 130_000],
        "admitted": [True, True, True],
        "limited_by": ["vehicle", "CP001", "grid"],
    }


def test_allocate_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(PROBLEM), encoding="utf-8")
    assert json.loads(csms("allocate", "problem.json", folder=tmp_path).stdout)["alloc_w"] == [80_000, 120_000, 130_000]


def test_allocate_names_every_fault_by_its_path(tmp_path: Path) -> None:
    bad = {"nodes": [{"id": "grid", "cap_w": -1}], "sessions": [{"id": "a", "node": "moon", "min_w": 0, "max_w": 1.5}]}
    ran = csms("allocate", "-", folder=tmp_path, stdin=json.dumps(bad))
    assert (ran.returncode, ran.stdout) == (1, "")
    first, *faults = ran.stderr.splitlines()
    assert first == "csms allocate: standard input: 3 faults"
    assert sorted(line.strip().partition(": ")[0] for line in faults) == [
        "$.nodes[0].cap_w",
        "$.sessions[0].max_w",
        "$.sessions[0].node",
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [("absent.json", "cannot read absent.json"), ("bad.json", "bad.json is faulty"), ("-", "name a station")],
)
def test_demo_of_what_is_no_station(config: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    ran = csms("demo", "--config", config, "--minutes", "1", folder=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr


def test_makes_without_a_server_say_what_to_start(tmp_path: Path) -> None:
    ran = csms("makes", "export", "--url", "http://127.0.0.1:9", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("csms makes export: --url http://127.0.0.1:9: no answer from a central system there")
    assert "is `csms serve` running?" in ran.stderr


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ('{"makes": [{"vendor": "V", "model": 7}]}', 1, "makes.json: 1 fault\n  $.makes[0].model: must be text of"),
        (
            json.dumps({"makes": [{"vendor": "V", "model": str(n)} for n in range(1_001)]}),
            1,
            "makes.json: 1 fault\n  $.makes: must have at most 1000 items",
        ),
        ("nonsense", 1, "makes.json: 1 fault\n  $: line 1, column 1: not JSON"),
        (None, 2, "csms makes import: "),
    ],
)
def test_a_faulty_file_of_makes_is_not_sent(text: str | None, status: int, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "makes.json").write_text(text)
    ran = csms("makes", "import", "makes.json", "--url", "http://127.0.0.1:9", folder=tmp_path)
    assert (ran.returncode, (ran.stdout + ran.stderr).startswith(said)) == (status, True), ran
    assert "Traceback" not in ran.stderr
