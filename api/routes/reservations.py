"""Reservations that chargers keep: those that ReserveNow has made, and that were not used, cancelled or lost yet."""

import json

from fastapi import FastAPI
from starlette.responses import Response

from api import examples
from api.answers import json_answer
from api.openapi import fails, gives
from api.problems import Kind, problem
from api.queries import ChargerFilter
from api.schemas import ConnectorIdAnswer, ReservationBody, ReservationsAnswer
from api.services import Services
from csms.core.ids import ChargerId
from csms.core.records import CommandStored
from csms.ports import StoreError


class ReservationRoutes:
    """`GET /reservations`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        app.add_api_route(
            "/reservations",
            self.list,
            methods=["GET"],
            summary="Reservations that stand",
            tags=["commands"],
            response_model=None,
            responses=gives(ReservationsAnswer, "In the order in which they were asked for.", one=examples.RESERVATIONS)
            | fails(Kind.INVALID, Kind.STORE_UNAVAILABLE),
        )

    async def list(self, charger: ChargerFilter = None) -> Response:
        """List what ReserveNow has reserved and nobody has used: it ends with its start, CancelReservation or time."""
        try:
            found = await self._services.store.read_reservations(None if charger is None else ChargerId(charger))
        except StoreError:
            return problem(Kind.STORE_UNAVAILABLE, "The stored commands cannot be read now; try again.")
        return json_answer(ReservationsAnswer(reservations=[_reservation(each) for each in found]))


def _reservation(command: CommandStored) -> ReservationBody:
    body = json.loads(command.body_json)
    return ReservationBody(
        reservation_id=body["reservationId"],
        connector_id=ConnectorIdAnswer(charger_id=command.charger_id, idx=body["connectorId"]),
        id_tag=body["idTag"],
        parent_id_tag=body.get("parentIdTag"),
        expiry_date=body["expiryDate"],
        command_id=command.command_id,
    )
