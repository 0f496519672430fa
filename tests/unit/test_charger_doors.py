"""What start-up says of the chargers' door: who can come in, what to type, and who may charge."""

import pytest

from csms.core.ids import ChargerId
from csms.core.station import Charger, Station
from csms.doors import Doors, DoorShutError, doors_text

STATION = Station("S", 22_000, (Charger(ChargerId("CP 1"), 22_000, 1),))
WHO = "chargers with a key need it; those without come in from private addresses alone"
EITHER = "each charger with its key or its certificate"
HERE, THERE = "127.0.0.1", "10.0.0.7"


@pytest.mark.parametrize(
    ("doors", "id_tags", "lines"),
    [
        (
            Doors(HERE, 3000, HERE, 9000),
            "open",
            [
                "OCPP  ws://127.0.0.1:9000  (this machine only)",
                "      type into a charger: ws://127.0.0.1:9000/CP%201  (the last part is its id)",
                "cards that are not listed: all may charge",
            ],
        ),
        (
            Doors(HERE, 3000, THERE, 9000, tls_port=9443),
            "listed",
            [
                f"OCPP  ws://10.0.0.7:9000  ({WHO})",
                "      wss://10.0.0.7:9443  (each charger with its key; from public addresses, too)",
                "      type into a charger: wss://10.0.0.7:9443/CP%201  (the last part is its id)",
                "cards that are not listed: none may charge (--id-tags open lets all)",
            ],
        ),
        (
            Doors(HERE, 3000, HERE, 9000, tls_port=9443, asks_certificates=True),
            "tags.txt",
            [
                "OCPP  ws://127.0.0.1:9000  (this machine only)",
                f"      wss://127.0.0.1:9443  ({EITHER}; from public addresses, too)",
                "      type into a charger: wss://127.0.0.1:9443/CP%201  (the last part is its id)",
                "cards that are not listed: those of tags.txt may charge",
            ],
        ),
    ],
)
def test_who_can_come_in_and_who_may_charge(doors: Doors, id_tags: str, lines: list[str]) -> None:
    text = doors_text(doors, STATION, id_tags).splitlines()
    assert text[2:] == [*lines, "ready"]


@pytest.mark.parametrize(
    ("flag", "hint"), [("--ocpp-port", "--ocpp-host"), ("--ocpp-tls-port", "--ocpp-host"), ("--port", "--host")]
)
def test_a_door_that_cannot_be_opened_names_the_options_that_there_are(flag: str, hint: str) -> None:
    shut = DoorShutError("OCPP", THERE, 9443, flag, OSError(99, "Cannot assign requested address"))
    assert shut.lines[1] == f"is it an address of this machine? choose another with {hint}"
