"""Tables from OCPP 1.6 edition 2 §3.13 and errata 3.7, 3.8, 3.43-3.45. Times in seconds after T0, a midnight in UTC."""

from dataclasses import replace

import pytest

from simulators.electrical import RateUnit, Supply
from simulators.profiles import Installed, Kind, Period, Profile, Purpose
from simulators.schedule import (
    CompositePeriod,
    RunningTransaction,
    charger_limit_w,
    composite,
    composite_payload,
    limit_w,
    period_in_force,
)

T0 = 1_700_006_400_000
HOUR, DAY, WEEK = 3_600, 86_400, 7 * 86_400
MAX, DEFAULT, TX = Purpose.CHARGE_POINT_MAX, Purpose.TX_DEFAULT, Purpose.TX
ABSOLUTE, RELATIVE, RECURRING = Kind.ABSOLUTE, Kind.RELATIVE, Kind.RECURRING
DC = Supply(0)


def ms(seconds: float | None) -> int | None:
    return None if seconds is None else T0 + int(seconds * 1000)


def profile(
    *periods: tuple[int, int],
    purpose: Purpose = DEFAULT,
    kind: Kind = ABSOLUTE,
    level: int = 0,
    start: int | None = 0,
    duration: int | None = None,
    recurrency: int | None = None,
    valid_from: int | None = None,
    valid_to: int | None = None,
    transaction_id: int | None = None,
) -> Profile:
    return Profile(
        profile_id=hash((purpose, level)),
        stack_level=level,
        purpose=purpose,
        kind=kind,
        unit=RateUnit.W,
        periods=tuple(Period(start_s * 1000, power_w * 10) for start_s, power_w in periods),
        transaction_id=transaction_id,
        recurrency_ms=None if recurrency is None else recurrency * 1000,
        valid_from_ms=ms(valid_from),
        valid_to_ms=ms(valid_to),
        start_ms=ms(start),
        duration_ms=None if duration is None else duration * 1000,
    )


STEPS = ((0, 11), (100, 6), (200, 3))
DAILY = ((0, 11), (8 * HOUR, 6), (20 * HOUR, 11))


@pytest.mark.parametrize(
    ("shown", "charging_since", "at_s_to_w"),
    [
        # Absolute: from startSchedule; the last period goes on (§7.13).
        (profile(*STEPS), 50, {-1: None, 0: 11, 99: 11, 100: 6, 199: 6, 200: 3, 10**6: 3}),
        # Absolute without startSchedule: from the start of charging.
        (profile(*STEPS, start=None), 50, {49: None, 50: 11, 149: 11, 150: 6, 250: 3}),
        # Relative: from the start of charging, whatever startSchedule says.
        (profile(*STEPS, kind=RELATIVE, start=0), 50, {49: None, 50: 11, 150: 6, 250: 3, 10**6: 3}),
        # duration ends it; periods behind it are not executed (§5.16.4).
        (profile(*STEPS, duration=150), 0, {0: 11, 149: 6, 150: None, 250: None}),
        # duration longer than the periods: the last one holds until it ends.
        (profile(*STEPS, duration=300), 0, {250: 3, 299: 3, 300: None}),
        # validFrom and validTo cut, the schedule's start stays.
        (profile(*STEPS, valid_from=50, valid_to=150), 0, {49: None, 50: 11, 100: 6, 149: 6, 150: None}),
        # Recurring daily: the example of §3.13.7.
        (
            profile(*DAILY, kind=RECURRING, recurrency=DAY, duration=DAY),
            0,
            {
                0: 11,
                8 * HOUR - 1: 11,
                8 * HOUR: 6,
                20 * HOUR - 1: 6,
                20 * HOUR: 11,
                DAY: 11,
                9 * DAY + 12 * HOUR: 6,
                -1: None,
            },
        ),
        # Recurring, started days ago at 06:00; shorter than the day: no limit for the rest of it (errata 3.43).
        (
            profile((0, 5), (HOUR, 4), kind=RECURRING, recurrency=DAY, duration=2 * HOUR, start=-3 * DAY + 6 * HOUR),
            0,
            {6 * HOUR - 1: None, 6 * HOUR: 5, 7 * HOUR: 4, 8 * HOUR: None, DAY + 7 * HOUR: 4},
        ),
        # Recurring with a period beyond the day: never reached (errata 3.44).
        (
            profile((0, 5), (30 * HOUR, 1), kind=RECURRING, recurrency=DAY, duration=2 * DAY),
            0,
            {23 * HOUR: 5, 29 * HOUR: 5, 31 * HOUR: 5},
        ),
        (profile((0, 5), (DAY, 7), kind=RECURRING, recurrency=WEEK), 0, {0: 5, DAY: 7, 6 * DAY: 7, WEEK: 5}),
    ],
)
def test_the_period_in_force(shown: Profile, charging_since: int, at_s_to_w: dict[int, int | None]) -> None:
    for at_s, power_w in at_s_to_w.items():
        period = period_in_force(shown, T0 + at_s * 1000, T0 + charging_since * 1000)
        assert (None if period is None else period.limit_tenths // 10) == power_w, at_s


TX_7 = RunningTransaction(7, T0)
UNANSWERED = RunningTransaction(None, T0)


def on_0(one: Profile) -> Installed:
    return Installed(0, one)


def on_1(one: Profile) -> Installed:
    return Installed(1, one)


def on_2(one: Profile) -> Installed:
    return Installed(2, one)


@pytest.mark.parametrize(
    ("caption", "installed", "transaction", "expected"),
    [
        ("nothing installed: unlimited", [], TX_7, None),
        ("a default for all", [on_0(profile((0, 50)))], TX_7, 50),
        ("a default for another connector", [on_2(profile((0, 50)))], TX_7, None),
        (
            "a default on the connector replaces the one for all",
            [on_0(profile((0, 50))), on_1(profile((0, 80)))],
            TX_7,
            80,
        ),
        (
            "but of another stack level it stacks",
            [on_0(profile((0, 50), level=1)), on_1(profile((0, 80)))],
            TX_7,
            50,
        ),
        ("the highest stack level prevails", [on_0(profile((0, 50), level=1)), on_0(profile((0, 20)))], TX_7, 50),
        (
            "an ended duration uncovers the lower level",
            [on_0(profile((0, 50), level=1, duration=9)), on_0(profile((0, 20)))],
            TX_7,
            20,
        ),
        (
            "a level not valid yet does not hide the lower one",
            [on_0(profile((0, 50), level=1, valid_from=11)), on_0(profile((0, 20)))],
            TX_7,
            20,
        ),
        ("an ended duration with nothing below: unlimited", [on_0(profile((0, 50), duration=9))], TX_7, None),
        (
            "TxProfile overrules the default, even upwards",
            [on_0(profile((0, 50))), on_1(profile((0, 90), purpose=TX, transaction_id=7))],
            TX_7,
            90,
        ),
        (
            "an ended TxProfile gives way to the default",
            [on_0(profile((0, 50))), on_1(profile((0, 90), purpose=TX, transaction_id=7, duration=9))],
            TX_7,
            50,
        ),
        (
            "a TxProfile of another transaction does not count",
            [on_0(profile((0, 50))), on_1(profile((0, 90), purpose=TX, transaction_id=8))],
            TX_7,
            50,
        ),
        (
            "nor one with an id while the transaction has none",
            [on_0(profile((0, 50))), on_1(profile((0, 90), purpose=TX, transaction_id=8))],
            UNANSWERED,
            50,
        ),
        ("a TxProfile without an id does", [on_1(profile((0, 90), purpose=TX))], UNANSWERED, 90),
        ("a TxProfile on another connector does not", [on_2(profile((0, 90), purpose=TX))], TX_7, None),
        ("without a transaction no TxProfile counts", [on_1(profile((0, 90), purpose=TX))], None, None),
        (
            "ChargePointMax caps the TxProfile",
            [on_0(profile((0, 40), purpose=MAX)), on_1(profile((0, 90), purpose=TX))],
            TX_7,
            40,
        ),
        (
            "ChargePointMax above it changes nothing",
            [on_0(profile((0, 400), purpose=MAX)), on_1(profile((0, 90), purpose=TX))],
            TX_7,
            90,
        ),
        ("ChargePointMax alone", [on_0(profile((0, 40), purpose=MAX))], TX_7, 40),
        ("zero is a limit", [on_0(profile((0, 50))), on_1(profile((0, 0), purpose=TX))], TX_7, 0),
        ("a relative default counts from now without a transaction", [on_0(profile(*STEPS, kind=RELATIVE))], None, 11),
    ],
)
def test_the_limit_after_ten_seconds(
    caption: str, installed: list[Installed], transaction: RunningTransaction | None, expected: int | None
) -> None:
    assert limit_w(installed, 1, T0 + 10_000, transaction, DC, 0) == expected, caption


def test_the_charger_s_own_limit_is_of_one_purpose_only() -> None:
    installed = [
        on_0(profile((0, 50))),
        on_0(profile((0, 40), purpose=MAX, level=1)),
        on_0(profile((0, 30), purpose=MAX)),
    ]
    assert charger_limit_w(installed, T0, DC, 0) == 40
    assert charger_limit_w(installed[:1], T0, DC, 0) is None


def test_units_are_converted_before_the_minimum_is_taken() -> None:
    in_amperes = replace(profile((0, 10), purpose=TX), unit=RateUnit.A, periods=(Period(0, 100, 3),))
    installed = [on_0(profile((0, 5_000), purpose=MAX)), on_1(in_amperes)]
    three = Supply(3)
    assert limit_w(installed, 1, T0, TX_7, three, 3) == 5_000
    assert limit_w(installed[1:], 1, T0, TX_7, three, 3) == 6_900
    # A car on one phase: 10 A, and a third of the 5 kW that count for three phases.
    assert limit_w(installed[1:], 1, T0, TX_7, three, 1) == 2_300
    assert limit_w(installed, 1, T0, TX_7, three, 1) == 1_666


@pytest.mark.parametrize(
    ("caption", "installed", "transaction", "expected"),
    [
        ("the hardware is the ceiling", [], TX_7, [(0, 200)]),
        (
            "steps of a transaction that runs for 10 s",
            [on_1(profile(*STEPS, purpose=TX, kind=RELATIVE, start=None))],
            TX_7,
            [(0, 11), (90, 6), (190, 3)],
        ),
        (
            "without a transaction from now",
            [on_0(profile(*STEPS, kind=RELATIVE, start=None))],
            None,
            [(0, 11), (100, 6), (200, 3)],
        ),
        ("no TxProfile without a transaction", [on_1(profile((0, 5), purpose=TX))], None, [(0, 200)]),
        (
            "an end uncovers what is below",
            [
                on_1(profile((0, 90), purpose=TX, duration=60)),
                on_0(profile((0, 50))),
                on_0(profile(*STEPS, purpose=MAX)),
            ],
            TX_7,
            [(0, 11), (90, 6), (190, 3)],
        ),
        (
            "minimum of two over time",
            [on_1(profile((0, 90), (100, 5), purpose=TX)), on_0(profile((0, 50), (250, 1), purpose=MAX))],
            TX_7,
            [(0, 50), (90, 5), (240, 1)],
        ),
        ("validTo", [on_0(profile((0, 50), valid_to=40))], TX_7, [(0, 50), (30, 200)]),
        ("no boundary beyond the duration", [on_0(profile((0, 50), (310, 1)))], TX_7, [(0, 50)]),
        ("equal neighbours are one period", [on_0(profile((0, 50), (50, 50), (60, 40)))], TX_7, [(0, 50), (50, 40)]),
        (
            "recurrences",
            [on_0(profile((0, 9), (60, 8), kind=RECURRING, recurrency=120))],
            TX_7,
            [(0, 9), (50, 8), (110, 9), (170, 8), (230, 9), (290, 8)],
        ),
    ],
)
def test_composite(
    caption: str,
    installed: list[Installed],
    transaction: RunningTransaction | None,
    expected: list[tuple[int, int]],
) -> None:
    periods = composite(installed, 1, T0 + 10_000, 300, transaction, DC, 0, 200)
    assert periods == [CompositePeriod(*pair) for pair in expected], caption


def test_the_composite_agrees_with_the_limit_at_every_second() -> None:
    installed = [
        on_0(profile(*STEPS, level=1, duration=180)),
        on_0(profile((0, 70), (130, 60), kind=RELATIVE, valid_to=290)),
        on_0(profile((0, 65), purpose=MAX, valid_from=150)),
        on_1(profile((0, 80), (33, 20), purpose=TX, kind=RECURRING, recurrency=100, duration=77, transaction_id=7)),
    ]
    now_ms = T0 + 10_000
    periods = composite(installed, 1, now_ms, 400, TX_7, DC, 0, 200)
    for second in range(400):
        expected = limit_w(installed, 1, now_ms + second * 1000, TX_7, DC, 0)
        shown = [period.limit_w for period in periods if period.start_s <= second][-1]
        assert shown == (200 if expected is None else expected), second


def test_the_composite_s_payload() -> None:
    periods = [CompositePeriod(0, 11_040), CompositePeriod(60, 5_000)]
    assert composite_payload(periods, 120, RateUnit.A, Supply(3), 3) == {
        "duration": 120,
        "charging_rate_unit": "A",
        "charging_schedule_period": [
            {"start_period": 0, "limit": 16, "number_phases": 3},
            {"start_period": 60, "limit": 7.2, "number_phases": 3},
        ],
    }
    assert composite_payload(periods[:1], 120, RateUnit.W, DC, 0) == {
        "duration": 120,
        "charging_rate_unit": "W",
        "charging_schedule_period": [{"start_period": 0, "limit": 11_040}],
    }
