from typing import Any

import pytest

from simulators.car import Car
from simulators.cars import flat_car
from simulators.connector import STATUS_RULES, Authorized, Connector, Status, Transaction
from simulators.electrical import Supply

DC = Supply(0)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ("", Status.AVAILABLE),
        ("authorized", Status.PREPARING),
        ("car", Status.PREPARING),
        ("car finished", Status.FINISHING),
        ("car transaction", Status.SUSPENDED_EV),
        ("car transaction suspended", Status.SUSPENDED_EVSE),
        ("car transaction power", Status.CHARGING),
        ("car transaction suspended power", Status.SUSPENDED_EVSE),
        ("inoperative", Status.UNAVAILABLE),
        ("inoperative car", Status.UNAVAILABLE),
    ],
)
def test_the_status_follows_from_the_facts(facts: str, status: Status) -> None:
    connector = Connector(1, DC, 200_000)
    given: dict[str, tuple[str, Any]] = {
        "authorized": ("authorized", Authorized("TAG", 0)),
        "car": ("car", Car(flat_car(50_000), DC)),
        "finished": ("finished", True),
        "transaction": ("transaction", Transaction("TAG", 0, 0, 0)),
        "suspended": ("suspended", True),
        "power": ("power_w", 50_000),
        "inoperative": ("operative", False),
    }
    for fact in facts.split():
        setattr(connector, *given[fact])
    assert connector.status is status


def test_every_status_has_one_rule() -> None:
    assert sorted(status for status, _ in STATUS_RULES) == sorted(Status)


def test_the_session_s_energy_counts_from_its_beginning_and_stays_after_it() -> None:
    connector = Connector(1, DC, 200_000)
    connector.meter.count(1_000_000, 3_600_000)
    connector.car = Car(flat_car(50_000), DC)
    connector.begin_session()
    connector.transaction = Transaction("TAG", 0, connector.meter.energy_wh, 0)
    for _ in range(3_600):
        connector.flow(1_000, 50_000)
    assert connector.session_wh == connector.reading.energy_wh - 1_000_000
    assert 49_000 < connector.session_wh < 50_000
    taken_wh = connector.session_wh
    connector.transaction = connector.car = None
    assert connector.session_wh == taken_wh
