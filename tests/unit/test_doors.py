"""What start-up says of each door: who can come in, and that nobody overlooks one that is open to all."""

import pytest

from csms.core.ids import ChargerId
from csms.core.station import Charger, Station
from csms.doors import Doors, doors_text

STATION = Station("S", 22_000, (Charger(ChargerId("CP001"), 22_000, 1),))
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(
    ("host", "with_keys", "said"),
    [
        ("127.0.0.1", False, "(this machine only; documentation at /docs)"),
        ("127.0.0.1", True, "(this machine only, with a key, without TLS; documentation at /docs)"),
        ("10.0.0.7", True, "(everybody who can reach this address, with a key, without TLS; documentation at /docs)"),
        ("10.0.0.7", False, "(OPEN, by --rest-access open: everybody who can reach this address may do everything, "),
        (EVERYWHERE, False, "(OPEN, by --rest-access open: everybody"),
        ("::1", False, "http://[::1]:3000  (this machine only;"),
    ],
)
def test_who_can_use_rest(host: str, said: str, *, with_keys: bool) -> None:
    text = doors_text(Doors(host, 3000, "127.0.0.1", 9000, with_keys), STATION, "open")
    (line,) = [line for line in text.splitlines() if line.startswith("REST")]
    assert said in line
