"""Each operation once where it can be done: with the examples of the OpenAPI document, or what stands here instead.

The drawn requests come in any order, and most find nothing that is in the right state. So before them the operations
come in the document's order, and each of its ids is tried until one is there to be done it to.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

from api import examples
from api.command_schemas import EXAMPLES as COMMANDS
from api.security_schemas import SignedUpdateFirmware
from tests.fuzz.rest_raw import HOST, JSON, Json, Request

DRIVEN: Final = "REST1"
"""A charger that is driven over REST: no charger has to agree to what is done there."""
AWAY: Final = "AWAY1"
"""A charger that has begun a transaction and gone."""
STATION: Final[Json] = examples.STATION | {
    "chargers": [
        *examples.STATION["chargers"],
        {"id": DRIVEN, "maxPower": 22, "connectors": 2, "control": "rest"},
        {"id": AWAY, "maxPower": 22, "connectors": 1},
    ],
    "staticLoad": 50,
    "siteMeter": {},
    "gridOperator": {"failSafeCapacity": 400},
}
SESSIONS: Final[list[Json | None]] = [
    {"connectorId": {"chargerId": DRIVEN, "idx": idx}, "vehicleMaxPower": 22} for idx in (1, 2)
]
SIGNED_UPDATE: Final[Json] = COMMANDS[SignedUpdateFirmware]
INSTEAD: Final[dict[str, tuple[str, list[Json | None]]]] = {
    # The documented station has no place for what the other operations are about.
    "POST /station/config": ("/station/config", [STATION]),
    # A charger that is steered over OCPP may refuse.
    "POST /sessions": ("/sessions", SESSIONS),
    # At CP001 there are commands and a campaign under way.
    "POST /chargers/{chargerId}/release": ("/chargers/CP003/release?force=true", [None]),
    "GET /chargers/{chargerId}/release": ("/chargers/CP003/release", [None]),
    "DELETE /chargers/{chargerId}/release": ("/chargers/CP003/release", [None]),
    # It has been asked for an update without a signature.
    "POST /chargers/{chargerId}/commands/SignedUpdateFirmware": (
        "/chargers/CP002/commands/SignedUpdateFirmware",
        [SIGNED_UPDATE],
    ),
    # The documented one is over on most days.
    "PUT /station/capacity-events/{id}": (
        "/station/capacity-events/e1",
        [examples.CAPACITY_EVENT_REQUEST | {"from": "2098-11-27T16:00:00Z", "to": "2098-11-27T19:00:00Z"}],
    ),
    "DELETE /station/capacity-events/{id}": ("/station/capacity-events/e1", [None]),
    # Its day has no example.
    "GET /reports/energy-continuity": ("/reports/energy-continuity?day=2026-01-01", [None]),
}
"""Path, query and bodies of what is done by another than the document's first example."""
LAST: Final = ("POST /campaigns/{id}/resume", "POST /campaigns/{id}/stop", "POST /campaigns")
"""The document begins a campaign first, but a charger is in one already."""
FAILS: Final[tuple[str, Json]] = ("FirmwareStatusNotification", {"status": "DownloadFailed"})
"""By a charger of a campaign, before one is resumed: only one that is halted can be."""


def firsts(document: Json) -> Iterator[tuple[str, list[Request]]]:
    """Yield the operations, each with the requests of which one is to be done."""
    found = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for label in sorted(found, key=lambda one: LAST.index(one) if one in LAST else -1):
        yield label, list(_requests(label, found[label]))


def _requests(label: str, operation: Json) -> Iterator[Request]:
    method, _, path = label.partition(" ")
    if label in INSTEAD:
        target, bodies = INSTEAD[label]
        yield from (_request(method, target, JSON, body) for body in bodies)
        return
    parameters = [one for one in operation.get("parameters", ()) if one["in"] == "path"]
    for values in itertools.product(*(one["schema"]["examples"] for one in parameters)):
        target = path
        for one, value in zip(parameters, values, strict=True):
            target = target.replace(f"{{{one['name']}}}", value)
        if "requestBody" not in operation:
            yield _request(method, target, "", None)
            continue
        ((media_type, content),) = operation["requestBody"]["content"].items()
        yield _request(method, target, media_type, next(iter(content["examples"].values()))["value"])


def _request(method: str, target: str, media_type: str, value: Any) -> Request:
    path, _, query = target.partition("?")
    if value is None:
        return Request(method, path.encode(), query.encode())
    body = (value if isinstance(value, str) else json.dumps(value)).encode()
    headers = (HOST, (b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode()))
    return Request(method, path.encode(), query.encode(), headers, body)
