from dataclasses import replace

import pytest

from csms.core.capabilities import LIMIT_KEYS, capabilities_of
from csms.core.commands import (
    ClearLimits,
    LimitForm,
    ProfileKind,
    Purpose,
    RateUnit,
    ReadConfiguration,
    SetLimit,
    Trigger,
)
from csms.core.events import ConnectorStatus, StatusNotified
from csms.core.ids import ChargerId
from csms.core.ladder import Attempt, attempts, forms, manners
from csms.core.provisioning import Place, places
from csms.core.station import FailSafe
from tests.unit.core.driving import Drive, charger, station

A, W = RateUnit.A, RateUnit.W
REL, ABS = "relative", "absolute"
TX, DEFAULT = Purpose.TX, Purpose.DEFAULT
FINISHING = ConnectorStatus.FINISHING
AVAILABLE, PREPARING, CHARGING = ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING, ConnectorStatus.CHARGING
UNIT_KEY, LEVEL_KEY = "ChargingScheduleAllowedChargingRateUnit", "ChargeProfileMaxStackLevel"

# --- how limits are written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phases", "advertised", "level", "tried"),
    [
        (3, "Current,Power", None, [(A, REL), (W, REL), (A, ABS), (A, "no phases"), (A, "level 1")]),
        (3, "Current", "5", [(A, REL), (W, REL), (A, ABS), (A, "no phases"), (A, "level 1")]),
        (3, "Power", None, [(W, REL), (A, REL), (W, ABS), (W, "level 1")]),
        (3, None, "0", [(A, REL), (W, REL), (A, ABS), (A, "no phases")]),
        (1, "Power", "0", [(W, REL), (A, REL), (W, ABS), (W, "no phases")]),
        (1, None, "0", [(A, REL), (W, REL), (A, ABS), (A, "no phases"), (W, "no phases")]),
        (1, "Current", "1", [(A, REL), (W, REL), (A, ABS), (A, "no phases"), (A, "level 1")]),
        (0, "Current,Power", "0", [(W, REL), (A, REL), (W, ABS), (A, "no phases")]),
        (0, "Power", "many", [(W, REL), (A, REL), (W, ABS), (W, "level 1")]),
        (0, None, None, [(W, REL), (A, REL), (W, ABS), (A, "no phases"), (W, "level 1")]),
        (0, "Current", "0", [(A, REL), (W, REL), (A, ABS), (A, "no phases")]),
    ],
)
def test_forms_in_the_order_in_which_they_are_tried(
    phases: int, advertised: str | None, level: str | None, tried: list[tuple[RateUnit, str]]
) -> None:
    found = forms(charger("C", 22, phases=phases), capabilities_of({UNIT_KEY: advertised, LEVEL_KEY: level}))
    assert [(form.unit, _peculiar(form)) for form in found] == tried
    assert {form.phases for form in found} == {phases or 3}


def _peculiar(form: LimitForm) -> str:
    """Return what sets a form apart from the usual one, the unit aside."""
    usual = LimitForm(form.unit, form.phases, form.voltage_v)
    peculiarities = {
        ABS: replace(usual, kind=ProfileKind.ABSOLUTE),
        "no phases": replace(usual, number_phases=False),
        "level 1": replace(usual, stack_level=1),
        REL: usual,
    }
    return next(name for name, written in peculiarities.items() if written == form)


@pytest.mark.parametrize(
    ("level", "default", "ways"),
    [
        (None, None, [(TX, A, 0), (TX, W, 0), (DEFAULT, A, 1), (TX, A, 0), (TX, A, 0), (TX, A, 1)]),
        ("0", None, [(TX, A, 0), (TX, W, 0), (DEFAULT, A, 0), (TX, A, 0), (TX, A, 0)]),
        ("3", (W, 0), [(TX, W, 0), (TX, A, 0), (DEFAULT, W, 1), (TX, A, 0), (TX, A, 0), (TX, A, 1)]),
        ("3", (A, 1), [(TX, A, 1), (TX, A, 0), (DEFAULT, A, 2), (TX, W, 0), (TX, A, 0), (TX, A, 0)]),
    ],
    ids=["nothing known", "one level only", "the default was taken in watts", "the default stands at level 1"],
)
def test_manners_begin_with_the_form_of_the_default(
    level: str | None, default: tuple[RateUnit, int] | None, ways: list[tuple[Purpose, RateUnit, int]]
) -> None:
    form = None if default is None else LimitForm(default[0], 1, 200, stack_level=default[1])
    found = manners(charger("C", 22, phases=3), capabilities_of({LEVEL_KEY: level}), form)
    assert [(one.purpose, one.form.unit, one.form.stack_level) for one in found] == ways
    assert len(set(found)) == len(found)


ROUNDED = [
    # unit, phases | W → W told
    (W, 3, 33_333, 33_333),
    (W, 3, 0, 0),
    (A, 3, 22_080, 22_080),
    (A, 3, 22_079, 21_390),
    (A, 3, 11_000, 10_350),
    (A, 3, 4_140, 4_140),
    (A, 3, 4_139, 0),
    (A, 1, 7_400, 7_360),
    (A, 1, 1_380, 1_380),
    (A, 1, 1_379, 0),
    (A, 3, 0, 0),
]


@pytest.mark.parametrize(("unit", "phases", "power_w", "told_w"), ROUNDED)
def test_limits_round_down_to_what_can_be_told(unit: RateUnit, phases: int, power_w: int, told_w: int) -> None:
    assert LimitForm(unit, phases, 230).round_down(power_w) == told_w


@pytest.mark.parametrize(
    ("phases", "said_w"),
    [
        (3, [0, 4_140, 0, 4_140, 0, 4_140, 0, 4_140, 0, 4_140]),
        (1, [0, 1_380, 0, 1_380, 0, 1_380, 0, 1_380, 0, 1_380, 0, 1_380]),
        (0, [0, 1_000, 0, 4_140, 0, 1_000, 0, 4_140, 0, 1_000]),
    ],
)
def test_the_default_is_0_or_the_least_that_can_be_told(phases: int, said_w: list[int]) -> None:
    ways = attempts(charger("C", 22, phases=phases), capabilities_of({UNIT_KEY: "Current,Power"}))
    assert [way.limit_w for way in ways] == said_w


@pytest.mark.parametrize(
    ("level", "connectors", "cleared"),
    [
        ("0", 1, [(1, 0), (None, 1)]),
        ("1", 1, [(1, 0), (None, 1)]),
        ("3", 2, [(1, 0), (2, 0), (None, 1), (None, 2), (None, 3)]),
        ("10", 1, [(1, 0), *((None, s) for s in range(1, 11))]),
        ("11", 1, [(1, 0), *((None, s) for s in range(1, 11))]),
        ("-1", 1, [(1, 0), *((None, s) for s in range(1, 11))]),
        ("many", 1, [(1, 0), *((None, s) for s in range(1, 11))]),
        (None, 1, [(1, 0), *((None, s) for s in range(1, 11))]),
    ],
)
def test_places_of_foreign_defaults(level: str | None, connectors: int, cleared: list[tuple[int | None, int]]) -> None:
    assert places(charger("C", 22, connectors), capabilities_of({LEVEL_KEY: level}))[::-1] == cleared


# --- the agenda -------------------------------------------------------------------------------------------------------


def site(connectors: int = 1, keys: dict[str, str] | None = None, phases: int = 0) -> Drive:
    return Drive(station(100, charger("A", 100, connectors, phases=phases)), keys={LEVEL_KEY: "1", **(keys or {})})


def words(drive: Drive) -> list[str]:
    """Return what was asked of the charger since the last time, in short."""
    said = []
    for call in drive.take():
        match call:
            case ReadConfiguration():
                said.append("read" if call.keys == LIMIT_KEYS else "read more")
            case SetLimit():
                said.append(f"default {call.limit_w}" if call.idx == 0 else f"limit {call.idx} {call.limit_w}")
            case ClearLimits():
                said.append(f"clear {call.idx} {call.stack_level}")
            case Trigger():
                said.append(f"trigger {call.requested}")
            case _:
                said.append(type(call).__name__)
    return said


def one_by_one(drive: Drive) -> list[str]:
    """Accept call after call; return what was asked, and check that there is never more than one."""
    said = words(drive)
    while drive.open_calls:
        assert len(drive.open_calls) == 1, "one CALL at a time"
        drive.answer(drive.open_calls[0])
        said += words(drive)
    return said


def test_the_order_of_the_agenda() -> None:
    drive = site(2)
    drive.connect("A")
    assert drive.k_kw("A") == 100
    assert one_by_one(drive) == [
        "read",
        "default 0",
        "clear 1 0",
        "clear 2 0",
        "clear None 1",
        "read more",
        "read more",
    ]
    assert drive.k_kw("A") == 100, "no status is known"
    drive.wait(5)
    assert one_by_one(drive) == ["trigger StatusNotification"]
    drive.status("A", 1, AVAILABLE)
    assert drive.k_kw("A") == 100, "of the other connector nothing is known"
    drive.status("A", 2, PREPARING)
    assert (drive.k_kw("A"), drive.provisioned("A")) == (0, True)


def test_no_status_is_asked_for_where_all_are_known() -> None:
    drive = site(1)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    assert one_by_one(drive) == ["read", "default 0", "clear 1 0", "clear None 1", "read more", "read more"]


def test_a_boot_has_the_default_said_and_the_keys_read_again_but_nothing_cleared() -> None:
    drive = site(1)
    drive.bring_up("A")
    one_by_one(drive)
    drive.wait(10)
    drive.boot("A")
    assert one_by_one(drive) == ["default 0", "read", "read more", "read more"]


BOOTS = [
    # boots at, s | what they call for is done at, s
    ([0, 10, 20], [0, 10, 20]),
    ([0, 1], [0, 10]),
    ([0, 7, 8, 9, 9], [0, 10]),
    ([0, 1, 40], [0, 10, 40]),
    ([0, 1, 39], [0, 10, 40]),
    (list(range(0, 1_600, 3)), [0, 10, 40, 100, 400, 700, 1_000, 1_300, 1_600]),
]


@pytest.mark.parametrize(("boots_at_s", "done_at_s"), BOOTS)
def test_a_charger_that_boots_too_fast_is_set_up_once_for_many_boots(
    boots_at_s: list[int], done_at_s: list[int]
) -> None:
    drive = site(1)
    drive.connect("A")
    done: dict[str, list[int]] = {"default 0": [], "read": []}
    for second in range(boots_at_s[-1] + 12):
        for _ in range(boots_at_s.count(second)):
            drive.connect("A", heard=False)
            drive.boot("A")
            drive.status("A", 1, AVAILABLE)
        for what in one_by_one(drive):
            if what in done and second not in done[what]:
                done[what].append(second)
        drive.wait(1)
    assert done == {"default 0": done_at_s, "read": done_at_s}


def test_setting_up_at_last_what_booted_too_fast_makes_it_certain_again() -> None:
    drive = site(1)
    drive.bring_up("A")
    for _ in range(4):
        drive.wait(5)
        drive.boot("A")
        one_by_one(drive)
    assert drive.k_kw("A") == 0, "its default was asserted 10 s ago"
    drive.wait(15)
    assert drive.k_kw("A") == 100, "of the boots since then nothing is certain"
    drive.wait(5)
    drive.accept()
    assert drive.k_kw("A") == 0


def test_a_reconnect_has_nothing_said_again_but_the_statuses_asked_for() -> None:
    drive = site(1)
    drive.bring_up("A")
    one_by_one(drive)
    drive.wait(1)
    drive.disconnect("A")
    drive.connect("A")
    drive.wait(4)
    assert one_by_one(drive) == []
    drive.wait(1)
    assert one_by_one(drive) == ["trigger StatusNotification"]
    assert drive.k_kw("A") == 0


def test_statuses_are_asked_for_again_when_that_call_timed_out() -> None:
    drive = site(1)
    drive.connect("A")
    one_by_one(drive)
    drive.wait(5)
    drive.time_out(drive.open_calls[0])
    drive.wait(0)
    assert words(drive) == ["trigger StatusNotification", "trigger StatusNotification"]


def test_a_known_charger_that_comes_back_and_says_nothing_is_asked_after_a_minute() -> None:
    drive = site(1)
    drive.bring_up("A")
    one_by_one(drive)
    drive.connect("A", heard=False)
    drive.wait(59)
    assert one_by_one(drive) == []
    drive.wait(1)
    assert words(drive) == ["trigger StatusNotification"]
    drive.boot("A")
    assert "default 0" in one_by_one(drive), "it may be spoken to"


def test_a_status_of_power_without_a_transaction_is_asked_about_less_and_less_often() -> None:
    drive = site(1)
    drive.bring_up("A")
    one_by_one(drive)
    drive.status("A", 1, ConnectorStatus.SUSPENDED_EV)
    asked_at_s = []
    for second in range(1_500):
        drive.wait(1)
        if "trigger StatusNotification" in one_by_one(drive):
            asked_at_s.append(second + 1)
    assert asked_at_s == [5, 35, 95, 395, 1_295]
    drive.status("A", 1, AVAILABLE)
    drive.wait(2_000)
    assert one_by_one(drive) == []


def test_a_status_that_seemed_old_has_them_asked_for_again_soon() -> None:
    drive = site(1)
    drive.bring_up("A")
    one_by_one(drive)
    drive.status("A", 1, ConnectorStatus.SUSPENDED_EV)
    for _ in range(600):
        drive.wait(1)
        one_by_one(drive)
    told = StatusNotified(ChargerId("A"), 1, ConnectorStatus.SUSPENDED_EV, at_ms=drive.now.wall_ms)
    drive.do(told)
    drive.do(replace(told, status=AVAILABLE, at_ms=drive.now.wall_ms - 200_000))
    assert one_by_one(drive) == ["trigger StatusNotification"], "its clock may have been set back"


@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported"])
def test_a_charger_that_cannot_be_asked_for_statuses_is_asked_once(code: str) -> None:
    drive = site(1)
    drive.connect("A")
    one_by_one(drive)
    drive.wait(5)
    drive.error(drive.open_calls[0], code)
    drive.wait(2_000)
    assert words(drive).count("trigger StatusNotification") == 1


def test_a_connector_that_tells_no_status_is_noticed() -> None:
    drive = site(2)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(59)
    assert "status_unknown:A#2" not in drive.notices()
    drive.wait(1)
    assert {"status_unknown:A#2"} == {n for n in drive.notices() if n.startswith("status_unknown")}
    assert drive.k_kw("A") == 100


def test_a_connector_that_the_charger_itself_does_not_count_is_not_waited_for() -> None:
    drive = site(2, {"NumberOfConnectors": "1"})
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    assert (drive.k_kw("A"), drive.provisioned("A")) == (0, True)


def test_a_charger_that_says_nothing_is_asked_for_its_boot_once_and_for_nothing_else() -> None:
    drive = site(1)
    drive.connect("A", heard=False)
    drive.wait(9)
    assert words(drive) == []
    drive.wait(1)
    assert words(drive) == ["trigger BootNotification"]
    drive.wait(600)
    assert words(drive) == []
    drive.boot("A")
    drive.time_out(drive.open_calls[0])
    drive.wait(1)
    assert words(drive) == ["read"]


BACK_OFF = [0, 5, 10, 20, 30, 30]


def test_what_fails_is_said_again_with_back_off() -> None:
    drive = site(1)
    drive.connect("A")
    drive.boot("A")
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_calls[0])
    words(drive)
    for pause_s in BACK_OFF[:-1]:
        drive.error(drive.open_calls[0])
        if pause_s:
            drive.wait(pause_s - 1)
            assert words(drive) == []
            drive.wait(1)
        assert words(drive) == ["clear 1 0"], f"after {pause_s} s"
    drive.error(drive.open_calls[0])
    drive.accept()
    drive.wait(1)
    assert ("not_clearable:A" in drive.notices(), drive.k_kw("A")) == (True, 100), "the rest does not wait for it"


def test_clearings_that_are_never_answered_do_not_end_every_connection() -> None:
    drive = site(1)
    drive.connect("A")
    drive.boot("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_calls[0])
    for _ in range(2):
        drive.time_out(drive.open_calls[0])
        drive.open_calls.pop(0)
        drive.wait(1)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    drive.wait(20)
    assert not any(isinstance(call, ClearLimits) for call in drive.open_calls)
    assert ("not_clearable:A" in drive.notices(), "uncontrollable:A" in drive.notices()) == (True, False)


@pytest.mark.parametrize(("answer", "goes_on"), [("Accepted", True), ("Unknown", True), ("Rejected", False)])
def test_a_place_is_clear_when_accepted_or_unknown(answer: str, goes_on: bool) -> None:  # noqa: FBT001 - a column
    drive = site(1)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_calls[0])
    words(drive)
    drive.answer(drive.open_calls[0], answer)
    assert words(drive) == (["clear None 1"] if goes_on else ["clear 1 0"])
    assert drive.k_kw("A") == 100


@pytest.mark.parametrize("phases", [0, 3])
def test_a_charger_that_cannot_be_read_is_provisioned_all_the_same(phases: int) -> None:
    drive = site(1, phases=phases)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.error(drive.open_calls[0], "NotSupported")
    drive.accept()
    assert drive.k_kw("A") == 0


# --- zero refused -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_cleared_is_told_and_keeps_nothing_else_waiting() -> None:
    drive = site(1)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_limit("A", 0))
    clear = drive.open_calls[0]
    assert isinstance(clear, ClearLimits)
    drive.error(clear, "NotImplemented")
    assert (drive.k_kw("A"), drive.provisioned("A")) == (100, False)
    assert not [c for c in drive.open_calls if isinstance(c, ClearLimits)]
    assert [c for c in drive.open_calls if isinstance(c, ReadConfiguration)], "the keys are read all the same"
    drive.accept()
    drive.wait(1)
    assert "not_clearable:A" in drive.notices()
    transaction_id = drive.start("A")
    drive.accept()
    drive.status("A", 1, CHARGING)
    drive.configure(station(40, charger("A", 100)))
    drive.accept()
    drive.draws({("A", 1): 40}, 20)
    drive.configure(station(400, charger("A", 100)))
    drive.accept()
    drive.draws({("A", 1): 40}, 20)
    assert drive.view(transaction_id).allocated_w == 100_000, "it is booked already"
    drive.wait(600)
    drive.accept()
    assert (drive.provisioned("A"), "not_clearable:A" in drive.notices()) == (True, False), "tried again in a while"


@pytest.mark.parametrize(
    ("phases", "unit", "k_kw"), [(3, "Current", 4.14), (3, "Power", 4.14), (1, "Current", 1.38), (0, "Power", 1.0)]
)
def test_where_0_is_refused_the_least_is_the_fail_safe_and_booked(phases: int, unit: str, k_kw: float) -> None:
    drive = site(1, {UNIT_KEY: unit}, phases)
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_limit("A", 0), "Rejected")
    drive.accept()
    assert (drive.k_kw("A"), drive.provisioned("A")) == (k_kw, True)
    assert drive.notices() == {"zero_refused:A"}
    drive.stop("A", drive.start("A"))
    drive.accept()
    assert drive.k_kw("A") > k_kw, "Accepted after the end: it may be in force for a transaction not reported yet"
    drive.status("A", 1, FINISHING)
    assert drive.k_kw("A") == k_kw, "and again after a transaction"


def test_two_connectors_book_the_least_each() -> None:
    drive = site(2, {UNIT_KEY: "Power"}, 3)
    drive.connect("A")
    for idx in (1, 2):
        drive.status("A", idx, AVAILABLE)
    drive.answer(drive.open_calls[0])
    drive.answer(drive.open_limit("A", 0), "Rejected")
    drive.accept()
    assert drive.k_kw("A") == 8.28


# --- when a connector is provisioned ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "provisioned"),
    [
        ("Available", True),
        ("Preparing", True),
        ("Finishing", True),
        ("Reserved", True),
        ("Unavailable", True),
        ("Faulted", True),
        ("Charging", False),
        ("SuspendedEV", False),
        ("SuspendedEVSE", False),
    ],
)
def test_statuses_in_which_a_connector_becomes_provisioned(status: str, provisioned: bool) -> None:  # noqa: FBT001 - a column
    drive = site(1)
    drive.connect("A")
    drive.status("A", 1, ConnectorStatus(status))
    drive.accept()
    assert drive.provisioned("A") is provisioned
    assert drive.k_kw("A") == (0 if provisioned else 100)


def test_a_running_transaction_makes_it_provisioned_when_its_limit_is_settled() -> None:
    drive = Drive(station(300, charger("A", 100)))
    drive.connect("A")
    drive.status("A", 1, CHARGING)
    drive.start("A")
    drive.accept()
    assert (drive.provisioned("A"), drive.k_kw("A")) == (False, 100), "Accepted, not settled"
    drive.sample("A", 1, 90_000)
    assert (drive.provisioned("A"), drive.k_kw("A")) == (True, 100), "T = K = 100 kW was said all the same"


def test_a_status_of_before_a_transaction_tells_nothing_of_it() -> None:
    drive = Drive(station(300, charger("A", 100)))
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.wait(1)
    drive.start("A")
    drive.accept()
    assert (drive.provisioned("A"), drive.k_kw("A")) == (False, 100), "another system's limit may be in force"
    drive.status("A", 1, PREPARING)
    assert drive.provisioned("A")


@pytest.mark.parametrize(("after_s", "provisioned"), [(59, True), (60, False)])
def test_charging_without_a_transaction_for_60_s_ends_it(after_s: int, provisioned: bool) -> None:  # noqa: FBT001 - a column
    drive = site(1)
    drive.bring_up("A")
    drive.status("A", 1, CHARGING)
    drive.wait(after_s)
    assert (drive.provisioned("A"), drive.k_kw("A")) == (provisioned, 0 if provisioned else 100)


def test_a_start_within_the_60_s_keeps_it() -> None:
    drive = site(1)
    drive.bring_up("A")
    drive.status("A", 1, CHARGING)
    drive.wait(30)
    drive.start("A")
    drive.accept()
    drive.wait(100)
    assert drive.provisioned("A")


def test_after_uncommanded_charging_available_makes_it_provisioned_again() -> None:
    drive = site(1)
    drive.bring_up("A")
    drive.status("A", 1, CHARGING)
    drive.wait(60)
    drive.status("A", 1, AVAILABLE)
    assert drive.provisioned("A")


# --- after a boot -----------------------------------------------------------------------------------------------------


def two() -> Drive:
    """Return A at 40 kW and B idle on 100 kW."""
    drive = Drive(station(100, charger("A", 40), charger("B", 60)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(20)
    drive.take()
    return drive


def test_until_a_booted_charger_is_asserted_no_raise_leaves_under_its_rows() -> None:
    drive = two()
    drive.boot("A")
    drive.start("B")
    assert [c for c in drive.limits() if c[0] == "B"] == []
    drive.accept("A")
    assert ("B", 1, 60_000) in drive.limits()


@pytest.mark.parametrize(("after_s", "k_kw"), [(14, 0), (15, 60)])
def test_a_default_not_asserted_within_15_s_books_the_maximum(after_s: int, k_kw: int) -> None:
    drive = two()
    drive.boot("B")
    drive.wait(after_s)
    assert drive.k_kw("B") == k_kw
    drive.accept()
    drive.wait(1)
    assert drive.k_kw("B") == 0, "asserted, if late"


def test_a_running_limit_not_asserted_holds_raises_back_for_15_s_and_frees_nothing() -> None:
    drive = two()
    drive.boot("A")
    drive.answer(drive.open_limit("A", 0))
    drive.start("B")
    drive.status("B", 1, CHARGING)
    drive.wait(14)
    assert [c for c in drive.limits() if c[0] == "B"] == []
    drive.wait(1)
    assert [c for c in drive.limits() if c[0] == "B"] == [("B", 1, 60_000)]
    assert drive.k_kw("A") == 40, "its default is asserted: without its limit it may draw nothing"


def test_a_paused_session_has_no_limit_to_assert() -> None:
    drive = Drive(station(10, charger("A", 10, min_w=6_000), charger("B", 10, min_w=6_000)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.accept()
    drive.start("B")
    drive.wait(10)
    drive.boot("B")
    drive.accept()
    drive.wait(30)
    assert (drive.provisioned("B"), drive.k_kw("B")) == (True, 0)


def test_a_higher_default_waits_for_room_until_the_maximum_is_booked_anyway() -> None:
    drive = Drive(station(40, charger("A", 40), charger("B", 22, phases=3)))
    drive.bring_up("A", "B")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.accept()
    drive.wait(20)
    drive.boot("B")
    drive.answer(drive.open_limit("B", 0), "Rejected")
    assert (drive.row_kw(), drive.k_kw("B")) == (40, 0), "4.14 kW have no room beside 40"
    drive.wait(15)
    assert drive.k_kw("B") == 22


# --- stack levels -----------------------------------------------------------------------------------------------------


def take_only(drive: Drive, level: int, limit_w: int) -> None:
    """Refuse every default, with all that is due, until the one that is taken has been said, and accept that."""
    for _ in range(100):
        if not drive.open_calls:
            drive.wait(30)
            continue
        call = drive.open_calls[0]
        wrong = isinstance(call, SetLimit) and (call.form.stack_level, call.limit_w) != (level, limit_w)
        drive.answer(call, "Rejected" if wrong else "Accepted")
        if isinstance(call, SetLimit) and not wrong:
            return
    raise AssertionError("it was never said")


def defaults_said(drive: Drive) -> set[tuple[int, int]]:
    return {(c.form.stack_level, c.limit_w) for c in drive.take() if isinstance(c, SetLimit) and c.idx == 0}


def test_no_default_is_said_below_the_level_of_one_that_is_in_force() -> None:
    drive = site(1, {LEVEL_KEY: "8", UNIT_KEY: "Power"})
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    take_only(drive, 1, 1_000)
    drive.accept()
    assert drive.k_kw("A") == 1
    drive.boot("A")
    drive.take()
    for _ in range(20):
        for call in list(drive.open_calls):
            drive.answer(call, "Rejected" if isinstance(call, SetLimit) else "Accepted")
        drive.wait(30)
    assert defaults_said(drive) == {(1, 0), (1, 1_000)}


def test_a_refused_default_at_a_higher_level_is_booked_until_that_level_is_cleared() -> None:
    drive = site(1, {LEVEL_KEY: "8", UNIT_KEY: "Power"})
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    drive.accept()
    assert drive.k_kw("A") == 0
    drive.boot("A")
    for _ in range(100):
        if not drive.open_calls:
            drive.wait(30)
            continue
        call = drive.open_calls[0]
        drive.answer(call, "Rejected" if isinstance(call, SetLimit) else "Accepted")
        if isinstance(call, SetLimit) and (call.form.stack_level, call.limit_w) == (1, 1_000):
            break
    take_only(drive, 0, 0)
    said = {(c.idx, c.stack_level) for c in drive.open_calls if isinstance(c, ClearLimits)}
    assert (drive.k_kw("A") >= 1, said) == (True, {(1, 0)})
    drive.accept()
    assert drive.k_kw("A") == 0


# --- a clearing that was lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True])
def test_no_default_is_said_at_a_level_that_a_lost_clearing_may_still_clear(restarts: bool) -> None:  # noqa: FBT001 - a column
    config = replace(charger("A", 100), fail_safe=FailSafe.RESERVE, fail_safe_power_w=5_000)
    drive = Drive(station(100, config))
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    while not any(isinstance(call, ClearLimits) and call.idx is None for call in drive.open_calls):
        drive.answer(drive.open_calls[0])
    if restarts:
        drive.recover()
    else:
        drive.disconnect("A")
    lost_ms = drive.now_ms
    drive.connect("A")
    drive.boot("A")
    drive.take()
    levels: list[tuple[int, bool]] = []
    for _ in range(90):
        for call in list(drive.open_calls):
            if not isinstance(call, SetLimit):
                drive.answer(call)
                continue
            levels.append((call.form.stack_level, drive.now_ms - lost_ms >= 60_000))
            drive.answer(call, "Rejected")
        drive.wait(5)
    assert (0, False) in levels
    assert (1, False) not in levels
    assert (1, True) in levels


def test_a_default_that_a_car_has_not_followed_yet_is_not_cleared() -> None:
    config = replace(charger("A", 100), fail_safe=FailSafe.RESERVE, fail_safe_power_w=5_000)
    drive = Drive(station(100, config))
    drive.bring_up("A")
    drive.start("A")
    drive.status("A", 1, CHARGING)
    drive.time_out(drive.open_limit("A"))
    drive.sample("A", 1, 5)
    drive.configure(station(100, replace(config, fail_safe_power_w=2_000)))
    drive.take()
    cleared: list[int | None] = []
    for _ in range(30):
        for call in list(drive.open_calls):
            if isinstance(call, ClearLimits) and call.purpose is Purpose.DEFAULT and call.idx is None:
                cleared.append(call.stack_level)
            is_refused = isinstance(call, SetLimit) and (call.idx, call.form.stack_level) != (0, 1)
            drive.answer(call, "Rejected" if is_refused else "Accepted")
        drive.sample("A", 1, 5_000)
        drive.wait(5)
    assert 0 in cleared
    assert 1 not in cleared, "our newest default stands there"


def test_a_late_word_of_a_default_does_not_count_when_its_level_may_have_been_cleared_since() -> None:
    drive = site(1, {LEVEL_KEY: "8", UNIT_KEY: "Power"})
    drive.bring_up("A")
    drive.wait(10)
    agenda = drive.engine._state.chargers[ChargerId("A")].provisioning
    assert agenda.way is not None
    agenda.way = Attempt(replace(agenda.way.form, stack_level=1), 0)
    drive.boot("A")
    drive.wait(1)
    late = drive.open_limit("A", 0)
    agenda.to_clear, agenda.default_due = [Place(None, 1)], False
    drive.time_out(late)
    drive.take()
    drive.wait(31)
    (clear,) = (call for call in drive.open_calls if isinstance(call, ClearLimits))
    assert (late.form.stack_level, clear.stack_level) == (1, 1)
    drive.answer(late)
    drive.answer(clear)
    drive.wait(60)
    said = {call.stack_level for call in drive.take() if isinstance(call, ClearLimits)}
    assert said <= {1}, "at level 0 the one before stands, and only that is certain"


def test_what_was_refused_above_a_default_that_is_accepted_late_is_freed_by_saying_that_again() -> None:
    drive = site(1, {UNIT_KEY: "Power"})
    drive.connect("A")
    drive.status("A", 1, AVAILABLE)
    while not any(isinstance(call, SetLimit) for call in drive.open_calls):
        drive.answer(drive.open_calls[0])
    late = drive.open_limit("A", 0)
    drive.time_out(late)
    said: list[int] = []
    while 1_000 not in said:
        for call in [call for call in drive.open_calls if call is not late]:
            is_limit = isinstance(call, SetLimit)
            said += [call.limit_w] if isinstance(call, SetLimit) else []
            drive.answer(call, "Rejected" if is_limit else "Accepted")
        drive.wait(31)
    drive.answer(late)
    for _ in range(4):
        drive.accept()
        drive.wait(31)
    assert drive.k_kw("A") == 0, "1 kW was refused, which is no evidence that it is not in force"
