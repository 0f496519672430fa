import io
import json

import pytest

from simulators.build import Wanted, build_charger
from simulators.cars import flat_car
from simulators.clock import ManualClock
from simulators.report import report_line, status_lines, write_line
from simulators.terminal import Terminal


class Desk:
    """A terminal of an offline charger, whose words are kept."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[str] = []
        self.charger = build_charger("CP001", Wanted(connectors=2, max_w=200_000), self.clock, tell=self.told.append)
        self.terminal = Terminal(self.charger, flat_car(100_000))

    def run(self, *lines: str) -> list[str]:
        return [self.terminal.execute(line) for line in lines]

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.move(1_000)
            self.charger.step()


@pytest.mark.parametrize(
    ("line", "car", "target_wh"),
    [
        ("plug 1", "flat 100 kW", None),
        ("plug 2 3", "flat 100 kW", 3_000),
        ("PLUG 1 ioniq 5", "Hyundai Ioniq 5 (2021)", None),
        ("plug 1 ioniq 5 3.5", "Hyundai Ioniq 5 (2021)", 3_500),
        ("plug 1 ioniq 5 3.5kWh  # a comment", "Hyundai Ioniq 5 (2021)", 3_500),
        ("plug 1 polestar 2", "Polestar 2 (2020)", None),
        ("plug 1 flat 50 0.5", "flat 50 kW", 500),
    ],
)
def test_plugging_in(line: str, car: str, target_wh: int | None) -> None:
    desk = Desk()
    assert desk.run(line)[0].startswith(car)
    plugged = next(connector.car for connector in desk.charger.connectors if connector.car is not None)
    assert plugged.model.name == car
    for _ in range(1_000):
        plugged.step(1_000, 10**6)
        if target_wh is not None and plugged.satisfied:
            break
    assert target_wh is None or plugged.taken_wh in {target_wh - 1, target_wh}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["plug"], "name a connector from 1 to 2"),
        (["plug 0"], "name a connector from 1 to 2"),
        (["plug 3"], "name a connector from 1 to 2"),
        (["plug ²"], "name a connector from 1 to 2"),
        (["plug 1 trabant"], "no car is called 'trabant'"),
        (["plug 1 ioniq 5 0"], "no car is called 'ioniq 5 0'"),
        (["plug 1 ioniq 5 NaN"], "no car is called"),
        (["plug 1", "plug 1"], "there is a flat 100 kW at connector 1"),
        (["unplug 1"], "there is no car at connector 1"),
        (["swipe"], "swipe needs a tag"),
        (["swipe 123456789012345678901"], "swipe needs a tag"),
        (["swipe TAG 9"], "name a connector"),
        (["drop soon"], "drop needs seconds"),
        (["drop -1"], "drop needs seconds"),
        (["wait"], "wait needs seconds"),
        (["wait 1e9"], "wait needs seconds"),
        (["cars trabant"], "no car is called"),
        (["dance"], "unknown command 'dance'"),
        (["", "   ", "# nothing"], ""),
    ],
)
def test_what_cannot_be_done_is_said(lines: list[str], said: str) -> None:
    answer = Desk().run(*lines)[-1]
    assert answer.startswith(said)
    assert bool(answer) == bool(said)


def test_a_swipe_starts_stops_and_finds_its_connector() -> None:
    desk = Desk()
    desk.run("plug 2", "swipe TAG1")
    desk.pass_time(20)
    assert [c.transaction is not None for c in desk.charger.connectors] == [False, True]
    desk.run("plug 1", "swipe TAG2")
    assert [c.transaction is not None for c in desk.charger.connectors] == [True, True]
    assert desk.run("swipe TAG3") == ["every connector is in use"]
    desk.run("swipe tag1")  # tags are compared without regard to case
    assert [c.transaction is not None for c in desk.charger.connectors] == [True, False]
    desk.run("swipe TAG9 1")
    assert desk.told[-1] == "CP001: connector 1: in use by another tag"


def test_swiping_first_waits_for_the_car() -> None:
    desk = Desk()
    desk.run("swipe TAG1")
    assert desk.charger.connectors[0].status == "Preparing"
    desk.pass_time(61)
    assert desk.charger.connectors[0].status == "Available"
    desk.run("swipe TAG1", "plug 1")
    assert desk.charger.connectors[0].transaction is not None


def test_waiting_dropping_and_quitting() -> None:
    desk = Desk()
    desk.run("wait 2.5")
    assert desk.terminal.wait_s == 2.5
    assert desk.run("drop 3") == ["the network is down for 3 s"]
    wanted_before = desk.charger.link_wanted
    desk.pass_time(3)
    assert (wanted_before, desk.charger.link_wanted) == (False, True)
    before = desk.terminal.quits
    desk.run("quit")
    assert (before, desk.terminal.quits) == (False, True)


def test_a_boot_stops_what_is_running_and_takes_the_link_down() -> None:
    desk = Desk()
    desk.run("plug 1", "swipe TAG1")
    desk.pass_time(10)
    desk.run("boot")
    assert desk.charger.connectors[0].status == "Finishing"
    desk.pass_time(6)
    assert desk.charger.connectors[0].status == "Preparing"
    assert not desk.charger.link_wanted


def test_help_names_every_command() -> None:
    text = Desk().run("help")[0]
    assert [line.split()[0] for line in text.splitlines()] == list(Desk().terminal.commands)


def test_the_report_of_a_second() -> None:
    desk = Desk()
    desk.run("plug 1", "swipe TAG1")
    desk.pass_time(60)
    report = json.loads(report_line(desk.charger, 1_700_000_060_000))
    first = report["connectors"][0]
    taken_wh = first.pop("energy_wh")
    assert 1_400 < taken_wh < 1_600  # 100 kW for most of a minute
    assert first == {
        "idx": 1,
        "power_w": 100_000,
        "limit_w": 200_000,
        "status": "Charging",
        "car": "flat 100 kW",
        "transaction_id": None,
        "soc": 20,
    }
    assert report["connectors"][1] == {
        "idx": 2,
        "power_w": 0,
        "energy_wh": 0,
        "limit_w": 200_000,
        "status": "Available",
        "car": None,
        "transaction_id": None,
        "soc": None,
    }
    assert (report["at_ms"], report["charger_id"], report["online"]) == (1_700_000_060_000, "CP001", False)
    # Afterwards the last car's energy stays on show.
    desk.run("unplug 1")
    after = json.loads(report_line(desk.charger, 1_700_000_061_000))["connectors"][0]
    assert (after["car"], after["power_w"], after["energy_wh"]) == (None, 0, taken_wh)


def test_the_status_for_a_person() -> None:
    desk = Desk()
    desk.run("plug 1", "swipe TAG1")
    desk.pass_time(60)
    lines = status_lines(desk.charger)
    assert lines[0] == "CP001: offline, 7 transaction messages waiting"
    assert "Charging" in lines[1]
    assert "100.0 of 200.0 kW" in lines[1]
    assert "Available" in lines[2]


def test_a_line_is_written_in_one_piece() -> None:
    class Pieces(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    pieces: list[str] = []
    write_line(Pieces(), "one line")
    assert pieces == ["one line\n"]
