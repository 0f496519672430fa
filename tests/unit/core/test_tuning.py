import pytest

from csms.core.capabilities import Capabilities, capabilities_of, items
from csms.core.commands import VALUE_CHARS_MAX
from csms.core.tuning import (
    ENERGY,
    MEASURANDS,
    POWER,
    TUNED,
    measurand_lists,
    not_taken,
    ping_interval,
    sample_interval,
    wanted_value,
)

SAMPLED = "MeterValuesSampledData"
BOTH = f"{POWER},{ENERGY}"


@pytest.mark.parametrize(
    ("present_s", "written"),
    [
        ("0", "10"),
        ("1", None),
        ("10", None),
        ("15", None),
        ("16", "10"),
        ("900", "10"),
        ("undefined", None),
        ("", None),
        ("-5", None),
        (None, None),
    ],
)
def test_the_sample_interval(present_s: str | None, written: str | None) -> None:
    assert sample_interval(capabilities_of({"MeterValueSampleInterval": present_s})) == written


@pytest.mark.parametrize(
    ("present_s", "attempts", "retry_s", "written"),
    [
        (20, 3, 20, None),
        (59, 3, 20, None),
        (60, 3, 20, "30"),
        (240, 3, 20, "30"),
        (240, 3, 90, None),
        (300, 3, 90, "30"),
        (54, 3, 10, "15"),
        (54, 1, 2, "1"),
        (54, 1, 1, None),
        (0, 3, 20, None),
        (None, 3, 20, None),
        (240, None, 20, None),
        (240, 3, None, None),
        (240, 0, 20, None),
        (240, 3, 0, None),
    ],
)
def test_the_ping_interval(
    present_s: int | None, attempts: int | None, retry_s: int | None, written: str | None
) -> None:
    said = Capabilities(ping_interval_s=present_s, message_attempts=attempts, message_retry_s=retry_s)
    assert ping_interval(said) == written


LISTS = [
    # present | at most | not supported | tried, in this order
    ("", None, (), [BOTH, POWER, ENERGY, ""]),
    (ENERGY, None, (), [f"{ENERGY},{POWER}", ENERGY]),
    (POWER, None, (), [BOTH, POWER]),
    (BOTH, None, (), [BOTH]),
    (
        "energy.active.import.register,POWER.ACTIVE.IMPORT",
        None,
        (),
        ["energy.active.import.register,POWER.ACTIVE.IMPORT"],
    ),
    ("Voltage", None, (), [f"Voltage,{BOTH}", f"Voltage,{POWER}", f"Voltage,{ENERGY}", "Voltage"]),
    ("Voltage", 3, (), [f"Voltage,{BOTH}", f"Voltage,{POWER}", f"Voltage,{ENERGY}", "Voltage"]),
    ("Voltage", 2, (), [f"Voltage,{POWER}", f"Voltage,{ENERGY}", "Voltage"]),
    ("Voltage", 1, (), ["Voltage"]),
    ("Voltage,SoC", 1, (), ["Voltage,SoC"]),
    ("Voltage", None, (ENERGY,), [f"Voltage,{POWER}", "Voltage"]),
    ("Voltage", None, (POWER,), [f"Voltage,{ENERGY}", "Voltage"]),
    ("Voltage", None, MEASURANDS, ["Voltage"]),
    (f"{POWER}.L1,{POWER}.L2,{POWER}.L3", None, (ENERGY,), [f"{POWER}.L1,{POWER}.L2,{POWER}.L3"]),
    ("Power.Active.Export", None, (ENERGY,), [f"Power.Active.Export,{POWER}", "Power.Active.Export"]),
]


@pytest.mark.parametrize(("present", "at_most", "unsupported", "tried"), LISTS)
def test_measurand_lists(present: str, at_most: int | None, unsupported: tuple[str, ...], tried: list[str]) -> None:
    said = Capabilities(sampled=items(present), sampled_max=at_most)
    assert list(measurand_lists(present, said, unsupported)) == tried


def test_no_list_is_longer_than_a_value_may_be() -> None:
    present = ",".join(f"Measurand{i:02}" + "x" * 48 for i in range(8))
    assert len(present) + len(POWER) + 1 <= VALUE_CHARS_MAX < len(present) + len(ENERGY) + 1
    said = capabilities_of({SAMPLED: present})
    assert list(measurand_lists(present, said, ())) == [f"{present},{POWER}", present]


@pytest.mark.parametrize("present", ["undefined", "Unknown", "a b"])
def test_a_list_that_cannot_be_read_is_left_alone(present: str) -> None:
    assert list(measurand_lists(present, capabilities_of({SAMPLED: present}), ())) == []


@pytest.mark.parametrize(
    ("taken", "refused", "unsupported"),
    [
        (f"A,{POWER}", [f"A,{BOTH}"], (ENERGY,)),
        (f"A,{ENERGY}", [f"A,{BOTH}", f"A,{POWER}"], (POWER,)),
        ("A", [f"A,{BOTH}", f"A,{POWER}", f"A,{ENERGY}"], MEASURANDS),
        (f"A,{BOTH}", [], ()),
        ("A", ["A,B"], ()),
    ],
)
def test_what_a_refusal_and_an_acceptance_show(taken: str, refused: list[str], unsupported: tuple[str, ...]) -> None:
    assert not_taken(taken, refused) == unsupported


BISECTION = [
    # refused so far, the last answer was a refusal | written next; V: Voltage, which is there; P: power; E: energy
    ([], False, "VPE"),
    (["VPE"], True, "VP"),
    (["VPE", "VP"], True, "VE"),
    (["VPE", "VP", "VE"], True, "V"),
    (["VPE", "VP", "VE"], False, None),
    (["VPE", "VP", "VE", "V"], True, None),
    (["EPV"], True, "VP"),
]


@pytest.mark.parametrize(("refused", "in_doubt", "written"), BISECTION)
def test_the_parts_of_a_refused_list_are_tried_once_and_then_the_old_list(
    refused: list[str],
    in_doubt: bool,  # noqa: FBT001 - a column
    written: str | None,
) -> None:
    names = {"V": "Voltage", "P": POWER, "E": ENERGY}
    gone = [",".join(names[letter] for letter in text) for text in refused]
    wanted = wanted_value(SAMPLED, "Voltage", capabilities_of({SAMPLED: "Voltage"}), (), gone, in_doubt=in_doubt)
    assert wanted == (None if written is None else ",".join(names[letter] for letter in written))


@pytest.mark.parametrize("key", TUNED)
def test_a_refused_value_is_never_wanted_again(key: str) -> None:
    values = {
        "MeterValueSampleInterval": "60",
        "MeterValuesSampledData": ENERGY,
        "WebSocketPingInterval": "300",
        "TransactionMessageAttempts": "3",
        "TransactionMessageRetryInterval": "20",
    }
    said = capabilities_of(values)
    wanted = wanted_value(key, values[key], said, (), (), in_doubt=False)
    assert wanted is not None
    assert wanted_value(key, values[key], said, (), (wanted,), in_doubt=False) is None
