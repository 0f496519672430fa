import pytest

from simulators.cli import main
from simulators.electrical import RateUnit
from simulators.options import parse


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("charger --id CP001", {"max_w": 200_000, "phases": 0, "connectors": 2, "meter_interval": 10}),
        ("charger --id CP001 --max-kw 22", {"max_w": 22_000, "phases": 3}),
        ("charger --id CP001 --max-kw 22 --phases 1 --unit a", {"phases": 1, "unit": frozenset({RateUnit.A})}),
        ("charger --id CP001", {"unit": frozenset(RateUnit), "url": "ws://127.0.0.1:9000"}),
        ("station --config x.json", {"only": [], "minutes": None, "min_wh": 1_000, "max_wh": 6_000, "seed": 1}),
        ("station --config x --only A --only B --min-kwh 0.5 --max-kwh 0.5", {"only": ["A", "B"], "min_wh": 500}),
        ("charger --id CP001", {"character": []}),
        (
            "charger --id CP001 --character refuses-zero --character no_zone",
            {"character": ["refuses_zero", "no_zone"]},
        ),
        (
            "station --config x --character A=no_zone --character A=kilo-units",
            {"character": [("A", "no_zone"), ("A", "kilo_units")]},
        ),
        ("characters", {"family": None, "json": False}),
        ("characters --family limits --json", {"family": "limits", "json": True}),
        ("scenarios --scenario 2 --url http://h:1/", {"scenario": 2, "url": "http://h:1", "over_ocpp": None}),
    ],
)
def test_what_is_understood(words: str, expected: dict[str, object]) -> None:
    args = vars(parse(words.split()))
    assert {name: args[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "required: COMMAND"),
        ("charger", "required: --id"),
        ("charger --id CP001 --max-kw many", "--max-kw: 'many' is not a number"),
        ("charger --id CP001 --max-kw -1", "--max-kw: '-1' is not between"),
        ("charger --id CP001 --max-kw NaN", "--max-kw: 'NaN' is not a number"),
        ("charger --id CP001 --connectors 0", "--connectors: '0' is not a whole number from 1"),
        ("charger --id CP001 --connectors 1.5", "--connectors: '1.5' is not a whole number"),
        ("charger --id CP001 --phases 2", "--phases: invalid choice"),
        ("charger --id CP001 --unit V", "--unit: 'V' is neither W nor A"),
        ("charger --id CP001 --url http://h", "--url: 'http://h' does not begin with ws://"),
        ("charger --id CP001 --car trabant", "--car: no car is called 'trabant'"),
        ("charger --id CP001 --meter-interval -5", "--meter-interval: '-5' is not a whole number"),
        (
            "charger --id CP001 --character refuse_zero",
            "--character: no character is called 'refuse_zero'; did you mean refuses_zero",
        ),
        (
            "charger --id CP001 --character id_twice --character encoded_id",
            "--character: encoded_id does not go with id_twice: both decide address",
        ),
        ("station --config x --character no_zone", "--character: 'no_zone' is not ID=NAME"),
        ("station --config x --character A=no_zones", "--character: no character is called 'no_zones'; did you mean"),
        ("characters --family wings", "--family: invalid choice"),
        ("station", "required: --config"),
        ("station --config x --min-kwh 3 --max-kwh 2", "--max-kwh: less than --min-kwh"),
        ("station --config x --minutes 0", "--minutes: '0' is not above 0"),
        ("scenarios --scenario 4", "--scenario: invalid choice"),
        (
            "scenarios --scenario 1 --over-ocpp 127.0.0.1:9000",
            "--over-ocpp: '127.0.0.1:9000' does not begin with ws://",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_option(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["charger", "station", "characters", "scenarios"])
def test_help_teaches_by_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m simulators {command}" in capsys.readouterr().out.split("examples:")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["station", "--config", "/nonexistent/x.json"], "No such file"),
        (["station", "--config", "examples/station_config.json", "--only", "CP009"], "no charger CP009"),
        (
            ["station", "--config", "examples/station_config.json", "--character", "CP009=no_zone"],
            "no charger CP009 in examples/station_config.json",
        ),
        (
            [
                *("station", "--config", "examples/station_config.json"),
                *("--character", "CP001=id_twice", "--character", "CP001=encoded_id"),
            ],
            "CP001: encoded_id does not go with id_twice",
        ),
    ],
)
def test_an_unusable_station_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err
