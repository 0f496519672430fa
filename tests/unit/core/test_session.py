from dataclasses import replace

import pytest

from csms.core.demand import Demand, StatedDemand
from csms.core.events import TagStatus
from csms.core.ids import ChargerId, ConnectorKey, SessionId, TransactionId
from csms.core.records import Driver
from csms.core.session import Happening, Phase, Session, restore


def session(phase: Phase = Phase.RUNNING) -> Session:
    return Session(
        SessionId("s1"),
        Driver.OCPP,
        ConnectorKey(ChargerId("A"), 2),
        5,
        "TAG",
        "tag",
        TagStatus.ACCEPTED,
        1_000,
        900,
        10_000,
        phase,
        transaction_id=TransactionId(3),
        demand=Demand(150_000, 80_000),
    )


LIFE = [
    # phase, what happens | next
    ("unproven", "proven", "running"),
    ("unproven", "stopped", "ended"),
    ("running", "stopped", "ended"),
    ("historic", "stopped", "ended"),
    ("running", "proven", None),
    ("historic", "proven", "running"),
    ("ended", "proven", None),
    ("ended", "stopped", None),
]


@pytest.mark.parametrize(("phase", "happening", "following"), LIFE)
def test_life_cycle(phase: str, happening: str, following: str | None) -> None:
    one = session(Phase(phase))
    assert one.happened(Happening(happening)) is (following is not None)
    assert one.phase == (following or phase)


@pytest.mark.parametrize("status", [s for s in TagStatus if s is not TagStatus.ACCEPTED])
def test_a_tag_that_was_not_accepted_gets_nothing(status: TagStatus) -> None:
    one = session()
    assert one.max_w == 80_000
    one.tag_status = status
    assert one.max_w == 0


def test_energy_and_flags() -> None:
    assert session().energy_wh is None
    one = session()
    one.last_energy_wh = 12_500
    assert one.energy_wh == 2_500
    one.flag("suspect", "historic")
    one.flag("historic", "superseded")
    assert one.flags == ("suspect", "historic", "superseded")


def test_a_row_gives_back_what_it_was_made_from() -> None:
    one = session()
    one.answered_w, one.last_energy_wh, one.reservation_id = 60_000, 12_500, 4
    one.flag("suspect")
    row = one.stored()
    assert restore(row, 777).stored() == row
    assert restore(row, 777).start_key == one.start_key
    assert (restore(row, 777).phase, restore(row, 777).opened_ms) == (Phase.RUNNING, 777)
    assert restore(replace(row, flags=("historic",)), 0).phase is Phase.HISTORIC


def test_a_rest_session_is_stored_with_the_most_that_its_client_may_obey() -> None:
    one = session()
    one.driver, one.transaction_id = Driver.REST, None
    one.stated = StatedDemand(100_000, 40_000)
    one.unechoed_w, one.answered_w = [70_000, 30_000], 30_000
    row = one.stored()
    assert (row.declared_w, row.estimate_w, row.answered_w, row.obeyed_w) == (100_000, 40_000, 30_000, 70_000)
    again = restore(row, 500)
    assert (again.unechoed_w, again.answered_w, again.max_w, again.heard_ms) == ([70_000, 30_000], 30_000, 40_000, 500)
