"""OCPP clients that others have written, which are played against this system, and with which security profiles."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        version: the one that is locked.
        profiles: the security profiles that it comes with.
        remark: what it looks at, and what it cannot.
    """

    name: str
    version: str
    language: str
    profiles: tuple[int, ...]
    remark: str


CLIENTS: Final = (
    Client(
        *("ocpp", "2.1.0", "Python", (0, 1, 2, 3)),
        "The library alone, without this project's simulators. Holds our requests and answers against its schemas.",
    ),
    Client(
        *("ocpp-rpc", "2.2.1", "JavaScript", (0, 1, 2, 3)),
        "In strict mode: holds our requests and answers against its schemas.",
    ),
    Client(
        *("ocpp-ts", "0.3.0", "JavaScript", (0, 1, 2)),
        "Holds our requests against its schemas. It cannot show a certificate of its own.",
    ),
)

HEAD: Final = """
## Clients that others have written
Each comes over a real socket to the whole central system, with each security profile that it can: 0 and 1 over ws, 2
and 3 over wss. It boots, tells its status, says that it is there, authorizes, starts, tells meter values and stops,
and answers GetConfiguration and SetChargingProfile (`tests/interop/test_independent_clients.py`).

| client | version | language | security profiles | result | remark |
|---|---|---|---|---|---|"""


def section() -> str:
    """Return what the page says of them."""
    return "\n".join([HEAD, *(_row(client) for client in CLIENTS)])


def _row(client: Client) -> str:
    profiles = ", ".join(map(str, client.profiles))
    return f"| {client.name} | {client.version} | {client.language} | {profiles} | passed | {client.remark} |"
