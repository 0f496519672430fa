"""Whether a power of 0 is believed beside the register of its meter: late, seldom and coarse ones among them."""

from collections.abc import Callable

import pytest

from csms.core.zeros import Window, Zeros

Register = Callable[[int], int]


def told(power_w: int, *, batch_s: int = 1, step_wh: int = 1, until_s: int = 100_000) -> Register:
    """Return a register, Wh by s, brought up to date every `batch_s`, of a power that flows until `until_s`."""

    def read_wh(at_s: int) -> int:
        return min(at_s // batch_s * batch_s, until_s) * power_w // 3_600 // step_wh * step_wh

    return read_wh


def late(power_w: int, late_s: int) -> Register:
    """Return a register that runs late; the power was paused when 0 was first told."""
    return lambda at_s: min(at_s, late_s) * power_w // 3_600


FOUND_OUT = [
    # caption, register, its step Wh, s between samples | after how many s the 0 is known to lie; None: never
    ("20 kW, each reading", told(20_000), 1, 10, 180),
    ("20 kW, every 20 s", told(20_000, batch_s=20), 1, 10, 180),
    ("20 kW, every 60 s", told(20_000, batch_s=60), 1, 10, 180),
    ("20 kW, every 60 s, a little late", lambda s: told(20_000, batch_s=60)(max(0, s - 1)), 1, 10, 190),
    ("20 kW, every 65 s", told(20_000, batch_s=65), 1, 10, 200),
    ("20 kW, in 0.1 kWh", told(20_000, step_wh=100), 100, 10, 200),
    ("20 kW, in kWh", told(20_000, step_wh=1_000), 1_000, 10, 540),
    ("20 kW, told every 5 min", told(20_000), 1, 300, 900),
    ("1.1 kW", told(1_100), 1, 10, 180),
    ("its own consumption", told(900), 1, 10, None),
    ("its own consumption, in 0.1 kWh", told(900, step_wh=100), 100, 10, None),
    ("its own consumption, in kWh", told(900, step_wh=1_000), 1_000, 10, None),
    ("nothing", told(0), 1, 10, None),
    ("40 s late", late(20_000, 40), 1, 10, None),
    ("60 s late", late(20_000, 60), 1, 10, None),
    ("120 s late", late(20_000, 120), 1, 10, None),
    ("paused in the second window", told(20_000, until_s=110), 1, 10, None),
]


@pytest.mark.parametrize(
    ("register_wh", "step_wh", "period_s", "after_s"), [row[1:] for row in FOUND_OUT], ids=[row[0] for row in FOUND_OUT]
)
def test_after_how_long_a_zero_is_known_to_lie(
    register_wh: Register, step_wh: int, period_s: int, after_s: int | None
) -> None:
    zeros, found_s = Zeros(), None
    for at_s in range(0, 36_001, period_s):
        zeros.read(register_wh(at_s), at_s * 1_000, step_wh)
        found_s = at_s if zeros.lie and found_s is None else found_s
    assert found_s == after_s


def windows(register_wh: Register, until_s: int, step_wh: int = 1) -> list[tuple[int, Window]]:
    """Return when each window was told, s, and what it tells."""
    zeros = Zeros()
    found = [(s, zeros.read(register_wh(s), s * 1_000, step_wh)) for s in range(0, until_s + 1, 10)]
    return [(at_s, window) for at_s, window in found if window is not None]


def test_a_window_from_rise_to_rise_tells_the_power() -> None:
    assert windows(told(18_000, batch_s=20), 200) == [(120, Window(18_000, 60_000)), (180, Window(18_000, 60_000))]


def test_windows_of_a_coarse_register_begin_and_end_at_its_steps() -> None:
    assert windows(told(18_000, step_wh=1_000), 700, 1_000) == [
        (400, Window(18_000, 200_000)),
        (600, Window(18_000, 200_000)),
    ]


def test_a_register_that_stands_still_for_two_minutes_tells_0() -> None:
    assert windows(told(18_000, until_s=60), 320) == [(180, Window(0, 120_000)), (300, Window(0, 120_000))]
    assert windows(told(18_000, until_s=90), 220)[-1] == (210, Window(0, 150_000)), "two minutes after it last rose"


def test_a_coarse_register_may_stand_still_for_longer() -> None:
    assert windows(told(0), 400, 100) == [(360, Window(0, 360_000))], "1 kW needs so long for 0.1 kWh"


@pytest.mark.parametrize("back", ["register", "clock"])
def test_a_register_that_falls_and_a_clock_that_is_set_back_begin_a_new_judgement(back: str) -> None:
    zeros = Zeros()
    for n in range(3):
        zeros.read(n * 1_000, n * 60_000, 1)
    at_ms, energy_wh = (180_000, 10) if back == "register" else (-10_000, 3_000)
    assert zeros.read(energy_wh, at_ms, 1) is None
    for n in range(1, 4):
        assert not zeros.lie
        zeros.read(energy_wh + n * 1_000, at_ms + n * 60_000, 1)
    assert zeros.lie


def test_readings_that_rise_each_time_tell_the_power_between_them() -> None:
    zeros = Zeros()
    for at_s, energy_wh, rises in ((0, 0, True), (10, 50, True), (20, 50, False), (80, 90, False), (90, 120, True)):
        zeros.read(energy_wh, at_s * 1_000, 1)
        assert zeros.rises_with_each(at_s * 1_000) is rises
