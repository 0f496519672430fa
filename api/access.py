"""Which role each operation needs: one table. What is not in it needs the highest.

A viewer sees what the station does, but no id tag, for with a whole one somebody could charge, no frames of the wire,
and not who has changed what from where.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from api.command_schemas import EXAMPLES as COMMANDS
from csms.core.access import Role

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

OPEN = frozenset({"/health", "/docs", "/openapi.json"})
"""Paths that are read without a key. They tell that the process runs, and what is in its source."""

_VIEWER = (
    "GET /alarms",
    "GET /campaigns",
    "GET /campaigns/{id}",
    "GET /chargers",
    "GET /chargers/knocking",
    "GET /chargers/{chargerId}",
    "GET /chargers/{chargerId}/local-list",
    "GET /chargers/{chargerId}/release",
    "GET /makes",
    "GET /reports/energy-continuity",
    "GET /sessions",
    "GET /sessions/{id}",
    "GET /sessions/{id}/explain",
    "GET /station/capacity-events",
    "GET /station/config",
    "GET /station/meter",
    "GET /station/status",
)
_OPERATOR = (
    "DELETE /chargers/{chargerId}/connectors/{idx}/maintenance",
    "DELETE /chargers/{chargerId}/local-list",
    "DELETE /chargers/{chargerId}/maintenance",
    "DELETE /id-tags/{idTag}",
    "DELETE /station/capacity-events/{id}",
    "GET /chargers/{chargerId}/messages",
    "GET /commands",
    "GET /commands/{id}",
    "GET /id-tags",
    "GET /id-tags/export",
    "GET /id-tags/{idTag}",
    "GET /reservations",
    "GET /transactions",
    "GET /transactions/export",
    "GET /transactions/{transactionId}",
    "POST /campaigns",
    "POST /campaigns/{id}/resume",
    "POST /campaigns/{id}/stop",
    *(f"POST /chargers/{{chargerId}}/commands/{model.__name__}" for model in COMMANDS),
    "POST /chargers/{chargerId}/local-list",
    "POST /id-tags/import",
    "POST /sessions",
    "POST /sessions/{id}/power-update",
    "POST /sessions/{id}/stop",
    "POST /station/grid-operator/heartbeat",
    "POST /station/simulate",
    "PUT /sessions/{id}/share",
    "POST /transactions/{transactionId}/close",
    "PUT /chargers/{chargerId}/connectors/{idx}/maintenance",
    "PUT /chargers/{chargerId}/maintenance",
    "PUT /id-tags/{idTag}",
    "PUT /station/capacity-events/{id}",
    "PUT /station/battery",
    "PUT /station/meter",
)
_ADMIN = (
    "DELETE /chargers/{chargerId}/key",
    "DELETE /chargers/{chargerId}/release",
    "DELETE /chargers/{chargerId}/security-profile",
    "GET /audit",
    "GET /chargers/{chargerId}/key",
    "POST /chargers/{chargerId}/key",
    "POST /chargers/{chargerId}/release",
    "POST /makes",
    "POST /station/config",
    "POST /station/safe-mode/end",
)

ROLES: Mapping[str, Role] = (
    dict.fromkeys(_VIEWER, Role.VIEWER) | dict.fromkeys(_OPERATOR, Role.OPERATOR) | dict.fromkeys(_ADMIN, Role.ADMIN)
)
"""The role that each operation needs, by its method and its path as documented."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a key, or, where no key is needed, anybody (`key_name` None)."""

    role: Role
    key_name: str | None = None

    def may(self, operation: str) -> bool:
        """Return whether it may do that."""
        return self.role.reaches(role_of(operation))


ANYBODY = Caller(Role.ADMIN)
"""Whoever comes to a door at which no key is asked for."""


def role_of(operation: str) -> Role:
    """Return the role that an operation needs."""
    return ROLES.get(operation, Role.ADMIN)
