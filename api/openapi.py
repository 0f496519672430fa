"""OpenAPI: the pieces that routes declare, and the whole document.

Routes read their bodies themselves (bounded, strict), so what they take and give is declared here, by reference to the
models of `api.schemas` and `api.configuration_schema`, always with an example.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import examples
from api.access import OPEN, role_of
from api.battery_schemas import BatteryStands, BatteryTold
from api.campaign_schemas import CampaignRequest
from api.capacity_schemas import CapacityEventAnswer, CapacityEventRequest, CapacityEventsAnswer
from api.charger_key_schemas import ChargerAccessAnswer, NewKeyAnswer
from api.command_schemas import EXAMPLES as COMMANDS
from api.configuration_schema import StationConfiguration
from api.explanation_schemas import ExplanationAnswer
from api.makes_schema import LearntMakes
from api.meter_schemas import MeterAnswer, MeterReading
from api.problems import PROBLEM_MEDIA_TYPE, Kind
from api.schemas import (
    AlarmsAnswer,
    AuditAnswer,
    CampaignAnswer,
    CampaignsAnswer,
    ChargerAnswer,
    ChargersAnswer,
    ClosedAnswer,
    CloseRequest,
    CommandAnswer,
    CommandsAnswer,
    ContinuityAnswer,
    HealthAnswer,
    IdTagBody,
    IdTagRequest,
    IdTagsAnswer,
    IdTagsImported,
    KnockingAnswer,
    LocalListAnswer,
    MaintenanceAnswer,
    MaintenanceRequest,
    MessagesAnswer,
    PowerUpdate,
    ProblemBody,
    ReleaseAnswer,
    ReservationsAnswer,
    SessionAnswer,
    SessionRequest,
    SessionsAnswer,
    ShareRequest,
    StatusAnswer,
    TransactionAnswer,
    TransactionsAnswer,
)
from api.simulation_schemas import SimulationAnswer, SimulationRequest

Json = dict[str, Any]
Responses = dict[int | str, Json]

_REF = "#/components/schemas/{model}"
_TAKEN: tuple[type[BaseModel], ...] = (
    CapacityEventRequest,
    SessionRequest,
    PowerUpdate,
    ShareRequest,
    StationConfiguration,
    LearntMakes,
    IdTagRequest,
    CloseRequest,
    *COMMANDS,
    CampaignRequest,
    MaintenanceRequest,
    SimulationRequest,
    MeterReading,
    BatteryStands,
)
_GIVEN: tuple[type[BaseModel], ...] = (
    CapacityEventAnswer,
    CapacityEventsAnswer,
    SessionAnswer,
    SessionsAnswer,
    ShareRequest,
    ExplanationAnswer,
    SimulationAnswer,
    StatusAnswer,
    MeterAnswer,
    BatteryTold,
    TransactionAnswer,
    TransactionsAnswer,
    ContinuityAnswer,
    ClosedAnswer,
    CommandAnswer,
    CommandsAnswer,
    CampaignAnswer,
    CampaignsAnswer,
    LocalListAnswer,
    NewKeyAnswer,
    ChargerAccessAnswer,
    ChargersAnswer,
    ChargerAnswer,
    MaintenanceAnswer,
    ReleaseAnswer,
    KnockingAnswer,
    MessagesAnswer,
    AlarmsAnswer,
    ReservationsAnswer,
    AuditAnswer,
    IdTagBody,
    IdTagsAnswer,
    IdTagsImported,
    HealthAnswer,
    ProblemBody,
)

SCHEME = "key"
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `csms keys create`, where the server asks for one (`csms serve --rest-access`). Each "
    "operation names the least role that it needs: viewer, operator or admin.",
}
_AT_THE_GATE: dict[str, tuple[Kind, ...]] = {
    "WrongHost": (Kind.WRONG_HOST,),
    "TooManyRequests": (Kind.TOO_MANY_REQUESTS,),
}
_WITH_A_KEY: dict[str, tuple[Kind, ...]] = {
    "Unauthenticated": (Kind.UNAUTHENTICATED,),
    "Forbidden": (Kind.FORBIDDEN, Kind.CROSS_SITE),
}
"""How every operation can fail at the gate (`api.gate`), by the names of their answers in the document."""

CSV_MEDIA_TYPE = "text/csv"

BODY_KINDS = (Kind.INCOMPLETE_BODY, Kind.BODY_TOO_LARGE, Kind.UNSUPPORTED_MEDIA_TYPE, Kind.INVALID)
"""How a call with a body can fail before it is looked at."""


def takes(model: type[BaseModel], **shown: Json) -> Json:
    """Return the declaration of a call's body: its model, and an example by each name."""
    content = {"schema": _reference(model), "examples": _examples(shown)}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def takes_csv(**shown: str) -> Json:
    """Return the declaration of a call's body of CSV, an example by each name."""
    return {"requestBody": {"required": True, "content": {CSV_MEDIA_TYPE: _csv(shown)}}}


def gives_csv(description: str, **shown: str) -> Responses:
    """Return the declaration of a call's 200 with CSV, an example by each name."""
    return {200: {"description": description, "content": {CSV_MEDIA_TYPE: _csv(shown)}}}


def gives(model: type[BaseModel], description: str, **shown: Json) -> Responses:
    """Return the declaration of a call's 200: its model, and an example by each name."""
    content = {"schema": _reference(model), "examples": _examples(shown)}
    return {200: {"description": description, "content": {"application/json": content}}}


def fails(*kinds: Kind) -> Responses:
    """Return the declarations of a call's failures, those of one status together, each kind with its example."""
    return _failures((*kinds, Kind.INTERNAL))


def _failures(kinds: tuple[Kind, ...]) -> Responses:
    responses: Responses = {}
    for kind in kinds:
        content = {"schema": _reference(ProblemBody), "examples": {}}
        response = responses.setdefault(kind.status, {"description": "", "content": {PROBLEM_MEDIA_TYPE: content}})
        response["description"] = f"{response['description']} {kind.title}: {kind.meaning}".strip()
        response["content"][PROBLEM_MEDIA_TYPE]["examples"] |= _examples({kind.name.lower(): _example_of(kind)})
    return responses


def document(app: FastAPI) -> Json:
    """Return the whole OpenAPI document of an application built from such routes."""
    whole = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, taken = models_json_schema([(model, "validation") for model in _TAKEN], ref_template=_REF)
    _, given = models_json_schema([(model, "serialization") for model in _GIVEN], ref_template=_REF)
    schemas: Mapping[str, Json] = taken["$defs"] | given["$defs"]
    components = whole.setdefault("components", {})
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {SCHEME: _BEARER}
    components["responses"] = {
        name: _failures(kinds)[kinds[0].status] for name, kinds in (_AT_THE_GATE | _WITH_A_KEY).items()
    }
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            _guard(path, f"{method.upper()} {path}", operation)
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _never_null(parameter["schema"])
    return whole


def _never_null(schema: Json) -> Json:
    """Return the schema of a parameter that may be absent: what stands in a URL is no null."""
    kinds: list[Json] = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return kinds[0] | {key: value for key, value in schema.items() if key != "anyOf"}


def _guard(path: str, name: str, operation: Json) -> None:
    """Declare which role an operation needs, and how it fails before it has begun."""
    failures = _AT_THE_GATE
    if path not in OPEN:
        operation["security"] = [{SCHEME: [role_of(name).value]}]
        failures = failures | _WITH_A_KEY
    for component, kinds in failures.items():
        operation["responses"][str(kinds[0].status)] = {"$ref": f"#/components/responses/{component}"}


def _reference(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}


def _csv(shown: Mapping[str, str]) -> Json:
    return {"schema": {"type": "string"}, "examples": _examples(shown)}


def _examples(shown: Mapping[str, Json] | Mapping[str, str]) -> Json:
    return {name: {"summary": name.replace("_", " "), "value": value} for name, value in shown.items()}


def _example_of(kind: Kind) -> Json:
    body: Json = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
        "error": kind.meaning,
    }
    return body | {"faults": examples.FAULTS} if kind is Kind.INVALID else body
