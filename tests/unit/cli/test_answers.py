"""What is answered to `csms init` becomes watts and the documented keys, or a reason."""

import pytest

from csms.cli.answers import ChargerAnswer, Refused, charger_document, read_charger, read_power_w


@pytest.mark.parametrize(
    ("text", "phases", "voltage_v", "power_w"),
    [("63A", 3, 230, 43_470), ("63 a", 1, 230, 14_490), ("400kW", 3, 230, 400_000), ("43.125 KW", 1, 230, 43_125)],
)
def test_power(text: str, phases: int, voltage_v: int, power_w: int) -> None:
    assert read_power_w(text, phases, voltage_v) == power_w


@pytest.mark.parametrize("text", ["", "63", "kW", "-5kW", "0A", "1e3kW", "9999999kW", "1.2345kW", "63 Ω", "٣A"])
def test_no_power(text: str) -> None:
    assert isinstance(read_power_w(text, 3, 230), Refused)


def test_amperes_of_dc_mean_nothing() -> None:
    assert isinstance(read_power_w("32A", 0, 230), Refused)


def test_a_charger_in_amperes_is_ac() -> None:
    answer = read_charger("CP 1, power=125A, connectors=2, circuit=north")
    assert answer == ChargerAnswer("CP 1", "125A", 2, None, "north")
    assert isinstance(answer, ChargerAnswer)
    document = {"id": "CP 1", "maxPower": 86.25, "connectors": 2, "phases": 3, "circuit": "north"}
    assert charger_document(answer, 230) == document, "above 44 kW it would be taken for DC by default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begin with the charger's id"),
        ("power=3kW", "begin with the charger's id"),
        ("A", "A: power is missing"),
        ("A,power=3kW,power=4kW", "each once"),
        ("A,colour=red", "'colour=red'"),
        ("A,power=3kW,connectors=65", "A: connectors must be a whole number from 1 to 64"),
        ("A,power=3kW,phases=2", "A: phases must be 0 or 1 or 3"),
    ],
)
def test_no_charger(text: str, said: str) -> None:
    answer = read_charger(text)
    assert isinstance(answer, Refused)
    assert said in answer.reason
