"""A station back to its documented JSON: required keys always, optional ones where they say more than the default."""

from csms.core.configuration.amperes import DEFAULT_VOLTAGE_V, PHASES, charger_limit_document, limit_document
from csms.core.configuration.battery import battery_document
from csms.core.configuration.capacity import capacity_document
from csms.core.configuration.chargers import ROTATIONS, ac_minimum_w, default_min_power_w, default_phases
from csms.core.configuration.fail_safe import default_fail_safe_power_w
from csms.core.configuration.parsing import DEFAULT_REST_SESSION_TIMEOUT_S, DEFAULT_TIME_ZONE
from csms.core.configuration.quantities import kilowatts
from csms.core.configuration.site_meter import site_meter_document
from csms.core.station import Charger, Circuit, Configure, Control, Mode, Station
from csms.core.terms import Terms

Json = dict[str, object]


def station_document(station: Station) -> Json:
    """Return the documented JSON object (kW, kWh) that `parse_station` reads as this very station."""
    document: Json = {
        "stationId": station.station_id,
        "gridCapacity": limit_document(station.grid_capacity_w, station.phase_limit),
        "chargers": [_charger_document(charger, station) for charger in station.chargers],
    }
    document |= battery_document(station)
    if station.time_zone != DEFAULT_TIME_ZONE:
        document["timeZone"] = station.time_zone
    if station.static_load_w or station.static_phases is not None:
        document["staticLoad"] = limit_document(station.static_load_w, station.static_phases, up=True)
    if station.circuits:
        document["circuits"] = [_circuit_document(circuit) for circuit in station.circuits]
    if station.fail_safe_chosen:
        document["failSafe"] = station.fail_safe.value
    if station.rest_session_timeout_s != DEFAULT_REST_SESSION_TIMEOUT_S:
        document["restSessionTimeoutS"] = station.rest_session_timeout_s
    return document | capacity_document(station) | site_meter_document(station)


def _circuit_document(circuit: Circuit) -> Json:
    document: Json = {"id": circuit.circuit_id}
    if circuit.parent is not None:
        document["parent"] = circuit.parent
    if circuit.capacity_w is not None:
        document["capacity"] = limit_document(circuit.capacity_w, circuit.phase_limit)
    return document


def _says_its_least_power(charger: Charger) -> bool:
    """Return whether `minPower` must stand: it is not the default, or the default would be refused."""
    usual_w = default_min_power_w(charger.max_power_w, charger.phases, charger.voltage_v)
    return charger.min_power_w != usual_w or ac_minimum_w(charger.phases, charger.voltage_v) > charger.max_power_w


def _charger_document(charger: Charger, station: Station) -> Json:
    document: Json = {
        "id": charger.charger_id,
        "maxPower": charger_limit_document(
            charger.max_power_w, charger.phase_limit, 1 if charger.phases == 1 else PHASES
        ),
        "connectors": charger.connectors,
    } | _who_steers(charger)
    if charger.circuit is not None:
        document["circuit"] = charger.circuit
    if _says_its_least_power(charger):
        document["minPower"] = kilowatts(charger.min_power_w)
    document |= _phases_document(charger)
    if charger.reserved_power_w is not None:
        document["reservedPower"] = kilowatts(charger.reserved_power_w)
    if charger.needs_start_power:
        document["needsStartPower"] = True
    if charger.assume_ocpp16:
        document["assumeOcpp16"] = True
    if charger.configure is not Configure.AUTO:
        document["configure"] = charger.configure.value
    document |= _terms_document(charger.terms)
    if charger.connector_terms:
        document["connectorSettings"] = [
            {"idx": each.idx} | _terms_document(each.terms) for each in charger.connector_terms
        ]
    return document | _fail_safe_document(charger, station)


def _phases_document(charger: Charger) -> Json:
    document: Json = {}
    if charger.phases != default_phases(charger.max_power_w):
        document["phases"] = charger.phases
    if charger.rotation is not None:
        document["phaseRotation"] = next(word for word, lines in ROTATIONS.items() if lines == charger.rotation)
    if charger.voltage_v != DEFAULT_VOLTAGE_V:
        document["voltage"] = charger.voltage_v
    return document


def _terms_document(terms: Terms) -> Json:
    told: Json = {"weight": terms.weight, "priority": terms.priority}
    return {key: value for key, value in told.items() if value is not None}


def _who_steers(charger: Charger) -> Json:
    document: Json = {}
    if charger.control is not Control.AUTO:
        document["control"] = charger.control.value
    if charger.mode is not Mode.CONTROL:
        document["mode"] = charger.mode.value
    return document


def _fail_safe_document(charger: Charger, station: Station) -> Json:
    document: Json = {}
    if charger.fail_safe is not station.fail_safe:
        document["failSafe"] = charger.fail_safe.value
    if charger.fail_safe_power_w != default_fail_safe_power_w(charger):
        document["failSafePower"] = kilowatts(charger.fail_safe_power_w)
    return document
