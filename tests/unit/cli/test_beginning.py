"""`csms init` asked at a terminal: each question, each wrong answer asked again, and the file that comes of it."""

import json
from pathlib import Path

import pytest

from csms.cli.beginning import Given, local_zone, run, write_whole


def test_asked_at_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter(
        [
            ("name of the station", "YARD"),
            ("volts", ""),
            ("phases of the grid", "2"),
            ("phases of the grid", ""),
            ("grid connection", "lots"),
            ("grid connection", "63A"),
            ("id of a charger", ""),
            ("phases", "1"),
            ("maximum", "32A"),
            ("connectors", "2"),
            ("circuit", "north"),
            ("id of a charger", ""),
            ("fuse of circuit north", "32A"),
            ("closed, reserve", "reserve"),
            ("time zone", "Europe/Paris"),
        ]
    )

    def ask(question: str, default: str | None) -> str:
        expected, answer = next(answers)
        assert expected in question
        return answer or default or ""

    file = tmp_path / "station.json"
    assert run(str(file), Given(), replace=False, ask=ask) == 0
    assert json.loads(file.read_text("utf-8")) == {
        "stationId": "YARD",
        "gridCapacity": 43.47,
        "timeZone": "Europe/Paris",
        "failSafe": "reserve",
        "circuits": [{"id": "north", "capacity": 22.08}],
        "chargers": [{"id": "CP001", "maxPower": 7.36, "connectors": 2, "phases": 1, "circuit": "north"}],
    }
    assert next(answers, None) is None
    said = capsys.readouterr().out
    assert "must be 1 or 3, not '2'" in said
    assert "not 'lots'" in said
    assert "reserve  a little" in said, "each mode is explained before it is chosen"


def test_who_was_faster_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "station.json"
    file.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        write_whole(file, b"ours", replace=False)
    assert file.read_bytes() == b"theirs"
    write_whole(file, b"ours", replace=True)
    assert file.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"


def test_the_zone_of_a_machine_that_does_not_name_it(tmp_path: Path) -> None:
    (tmp_path / "localtime").write_bytes(b"TZif")
    assert local_zone(tmp_path / "localtime") == "UTC"
    assert local_zone(tmp_path / "absent") == "UTC"
