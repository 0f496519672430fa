"""Whole amperes until a read-back has shown tenths kept (DESIGN.md §5)."""

import pytest

from csms.core.commands import LimitForm, RateUnit, ReadSchedule, SetLimit
from csms.core.events import ConnectorStatus
from csms.core.learnt import Make
from tests.unit.core.driving import BOOT, Drive, charger, station

MAKE = Make(BOOT.vendor, BOOT.model, BOOT.firmware_version)
AMPS = {"ChargingScheduleAllowedChargingRateUnit": "Current", "ChargeProfileMaxStackLevel": "1"}


@pytest.mark.parametrize(
    ("voltage_v", "phases", "power_w", "told_w"),
    [
        (230, 3, 11_000, 10_971),  # 15.9 A
        (230, 3, 11_040, 11_040),
        (230, 1, 1_402, 1_380),
        (230, 1, 1_403, 1_403),  # 6.1 A
        (230, 1, 1_379, 0),
        (233, 1, 1_500, 1_492),  # 6.4 A are 1491.2 W: booked as the watt above
    ],
)
def test_tenths_round_down(voltage_v: int, phases: int, power_w: int, told_w: int) -> None:
    form = LimitForm(RateUnit.A, phases, voltage_v, tenths=True)
    assert form.round_down(power_w) == told_w
    assert form.round_down(told_w) == told_w, "what was rounded once stays as it is"


def charging(keys: dict[str, str] | None = None) -> Drive:
    """Return a three-phase car that is limited to 15 A, all of its 11 kW, and the question on its way."""
    drive = Drive(station(11, charger("A", 22, phases=3), charger("B", 22, phases=3)), keys=keys or AMPS)
    drive.configure(station(33, charger("A", 22, phases=3), charger("B", 22, phases=3)))
    drive.bring_up("A", "B")
    drive.configure(station(11, charger("A", 22, phases=3), charger("B", 22, phases=3)))
    drive.start("A")
    drive.status("A", 1, ConnectorStatus.CHARGING)
    drive.take()
    drive.answer(drive.open_limit("A"))
    drive.sample("A", 1, 10_000)
    drive.wait(6)
    return drive


def question(drive: Drive) -> SetLimit:
    call = drive.open_limit("A")
    assert call.probing
    return call


def test_the_question_is_told_less_and_booked_the_same() -> None:
    drive = charging()
    assert question(drive).limit_w == 15 * 690
    assert drive.k_kw("A", 1) == 10.35
    drive.answer(question(drive))
    assert [(c.charger_id, c.idx) for c in drive.open_calls if isinstance(c, ReadSchedule)] == [("A", 1)]
    assert drive.k_kw("A", 1) == 10.35, "whatever it makes of half an ampere"


@pytest.mark.parametrize(
    ("read_back_tenths_a", "kept", "limit_w"),
    [(145, True, 10_971), (150, False, 10_350), (140, False, 10_350), (320, False, 10_350), (None, False, 10_350)],
    ids=["tenths", "rounded up", "rounded down", "another one", "no schedule"],
)
def test_the_answer_tells(read_back_tenths_a: int | None, kept: bool, limit_w: int) -> None:  # noqa: FBT001
    drive = charging()
    drive.read_back_tenths_a = read_back_tenths_a
    drive.answer(question(drive))
    drive.take()
    drive.answer(next(c for c in drive.open_calls if isinstance(c, ReadSchedule)))
    assert drive.memory.makes[MAKE].learnt.tenths is kept
    assert drive.memory.makes[MAKE].learnt.rounds_up is (read_back_tenths_a == 150)
    assert drive.limits() == [("A", 1, 10_350)], "the limit itself, whole, at once"
    drive.accept()
    drive.sample("A", 1, 10_000)
    drive.wait(31)
    drive.accept()
    drive.wait(31)
    assert drive.k_kw("A", 1) * 1_000 == limit_w
    drive.take()
    drive.start("B")
    drive.wait(20)
    drive.accept()
    assert not [c for c in drive.take() if isinstance(c, SetLimit) and c.probing], "asked once a make"


@pytest.mark.parametrize("how", ["Rejected", "error"])
def test_a_refused_question_is_an_answer(how: str) -> None:
    drive = charging()
    call = question(drive)
    drive.answer(call, "Rejected") if how == "Rejected" else drive.error(call)
    assert drive.memory.makes[MAKE].learnt.tenths is False
    assert "uncontrollable:A" not in drive.notices()


@pytest.mark.parametrize("how", ["error", "time-out"])
def test_a_schedule_that_cannot_be_read_is_not_asked_for_again(how: str) -> None:
    drive = charging()
    drive.answer(question(drive))
    call = next(c for c in drive.open_calls if isinstance(c, ReadSchedule))
    drive.error(call) if how == "error" else drive.time_out(call)
    assert drive.memory.makes[MAKE].learnt.tenths is False


def test_a_cut_overtakes_the_question() -> None:
    drive = charging()
    drive.take()
    drive.start("B")
    drive.answer(question(drive))
    drive.wait(1)
    drive.accept()
    drive.wait(60)
    drive.accept()
    drive.sample("A", 1, 5_000)
    drive.wait(60)
    assert drive.k_kw("A", 1) <= 5.5 + 0.345, "both have their share, give or take the dead band"


def test_nobody_is_asked_who_takes_watts() -> None:
    drive = charging({"ChargingScheduleAllowedChargingRateUnit": "Power"})
    drive.accept()
    drive.wait(60)
    assert not [c for c in drive.take() if isinstance(c, SetLimit) and c.probing]
