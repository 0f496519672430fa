import pytest

from csms.core.connector import MEANING
from csms.core.events import ConnectorStatus

STATUSES = [
    # status | power may flow, a car is there
    ("Available", False, False),
    ("Preparing", False, True),
    ("Charging", True, True),
    ("SuspendedEVSE", True, True),
    ("SuspendedEV", True, True),
    ("Finishing", False, True),
    ("Reserved", False, False),
    ("Unavailable", False, False),
    ("Faulted", False, False),
]


@pytest.mark.parametrize(("status", "flows", "car"), STATUSES)
def test_what_a_status_tells(status: str, flows: bool, car: bool) -> None:  # noqa: FBT001 - columns
    assert MEANING[ConnectorStatus(status)] == (flows, car)


def test_every_status_has_a_meaning() -> None:
    assert [s.value for s in ConnectorStatus] == [row[0] for row in STATUSES]
