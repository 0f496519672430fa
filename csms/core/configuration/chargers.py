"""`chargers[]`: each charger with the defaults that its maximum power suggests."""

from dataclasses import replace

from csms.core.commands import MIN_CURRENT_A
from csms.core.configuration.amperes import DEFAULT_VOLTAGE_V, PHASES, need_charger_limit, take_power, voltage
from csms.core.configuration.fail_safe import FAIL_SAFE, default_fail_safe_power_w, fail_safe_power_error
from csms.core.configuration.names import NameSpace, node_id
from csms.core.configuration.quantities import kilowatts
from csms.core.configuration.reading import NOTHING, Fields, Wrong, choice, flag, open_object, whole
from csms.core.faults import Fault
from csms.core.ids import ChargerId
from csms.core.station import GRID, Charger, Circuit, Configure, ConnectorTerms, Control, FailSafe, Mode
from csms.core.terms import PRIORITY_MAX, WEIGHT_MAX, Terms

MAX_CHARGERS = 10_000
MAX_CONNECTORS = 64
THREE_PHASES = PHASES

AC_MAX_W = 44_000
"""Unless `phases` says otherwise a charger up to here is three-phase AC, above it DC: no AC outlet gives more."""

KEYS = frozenset(
    {
        "id",
        "maxPower",
        "connectors",
        "control",
        "mode",
        "circuit",
        "minPower",
        "needsStartPower",
        "phases",
        "phaseRotation",
        "voltage",
        "reservedPower",
        "configure",
        "assumeOcpp16",
        "failSafe",
        "failSafePower",
        "weight",
        "priority",
        "connectorSettings",
    }
)
CONNECTOR_KEYS = frozenset({"idx", "weight", "priority"})

ROTATIONS = {"RST": (1, 2, 3), "RTS": (1, 3, 2), "SRT": (2, 1, 3), "STR": (2, 3, 1), "TRS": (3, 1, 2), "TSR": (3, 2, 1)}
"""The phases of the grid connection (R: L1, S: L2, T: L3) that the charger's L1, L2 and L3 hang on (§9.1.4)."""

_CONTROLS = {control.value: control for control in Control}
_MODES = {mode.value: mode for mode in Mode}
_CONFIGURE = {configure.value: configure for configure in Configure}
_PHASES = (0, 1, THREE_PHASES)


def default_phases(max_power_w: int) -> int:
    """Return the phases of a charger that says nothing about them: 3 up to 44 kW, else 0 (DC)."""
    return THREE_PHASES if max_power_w <= AC_MAX_W else 0


def ac_minimum_w(phases: int, voltage_v: int) -> int:
    """Return the least power of an AC charger, W: 6 A on each phase (IEC 61851-1); 0 for DC."""
    return MIN_CURRENT_A * voltage_v * phases


def default_min_power_w(max_power_w: int, phases: int, voltage_v: int) -> int:
    """Return the least power of a session on a charger that says nothing about it, W; never above its maximum."""
    return min(ac_minimum_w(phases, voltage_v), max_power_w)


def parse_chargers(
    station: Fields,
    circuits: tuple[Circuit, ...] | None,
    fail_safe: FailSafe,
    names: NameSpace,
    faults: list[Fault],
) -> tuple[Charger, ...] | None:
    """Return the chargers in the document's order, or None with faults noted.

    `circuits` None: they are not known. `fail_safe`: the station's choice.
    """
    if "chargers" not in station:
        station.fault("chargers", "is missing")
    items = station.items("chargers", MAX_CHARGERS)
    if items is None:
        return None
    circuit_ids = None if circuits is None else {circuit.circuit_id for circuit in circuits}
    chargers: list[Charger] = []
    for path, item in items:
        charger = _parse_charger(item, path, fail_safe, names, faults)
        if charger is None:
            continue
        if charger.circuit is not None and circuit_ids is not None and charger.circuit not in circuit_ids:
            faults.append(Fault(f"{path}.circuit", "no circuit has this id"))
            continue
        chargers.append(charger)
    return tuple(chargers) if len(chargers) == len(items) else None


def _parse_charger(
    item: object, path: str, station_fail_safe: FailSafe, names: NameSpace, faults: list[Fault]
) -> Charger | None:
    fields = open_object(item, path, KEYS, NOTHING, faults)
    if fields is None:
        return None
    charger_id = fields.need("id", node_id, "")
    if charger_id:
        names.claim(charger_id, f"{path}.id")
    voltage_v = fields.take("voltage", voltage, DEFAULT_VOLTAGE_V)
    count = 1 if fields.raw("phases") == 1 else PHASES
    most = need_charger_limit(fields, "maxPower", count, voltage_v, faults)
    max_power_w = most.power_w
    connectors = fields.need("connectors", whole(1, MAX_CONNECTORS), 1)
    control = fields.take("control", choice(_CONTROLS), Control.AUTO)
    mode = fields.take("mode", choice(_MODES), Mode.CONTROL)
    circuit = fields.take("circuit", node_id, GRID)
    reserved_power_w = take_power(fields, "reservedPower", count, voltage_v, faults, up=True)
    phases = fields.take("phases", _phases, default_phases(max_power_w))
    rotation = fields.take("phaseRotation", choice(ROTATIONS), None)
    said_w = take_power(fields, "minPower", count, voltage_v, faults, up=True)
    min_power_w = default_min_power_w(max_power_w, phases, voltage_v) if said_w is None else said_w
    assume_ocpp16 = fields.take("assumeOcpp16", flag, default=False)
    configure = fields.take("configure", choice(_CONFIGURE), Configure.AUTO)
    fail_safe = fields.take("failSafe", FAIL_SAFE, station_fail_safe)
    fail_safe_power_w = take_power(fields, "failSafePower", count, voltage_v, faults, up=False) or 0
    connector_terms = _parse_connectors(fields, connectors, faults)
    needs_start_power = fields.take("needsStartPower", flag, default=False)
    if needs_start_power and phases:
        fields.fault("needsStartPower", "is for DC chargers")
    if mode is Mode.OBSERVE and control not in {Control.AUTO, Control.OCPP}:
        fields.fault("mode", f'"observe" is for chargers that connect over OCPP, control is "{control.value}"')
    if fields.sound:
        _check_powers(fields, max_power_w, min_power_w, reserved_power_w)
        if control in {Control.AUTO, Control.OCPP} and "minPower" not in fields:
            _check_ac_minimum(fields, max_power_w, ac_minimum_w(phases, voltage_v))
    terms = _terms(fields)
    if not fields.sound:
        return None
    charger = Charger(
        charger_id=ChargerId(charger_id),
        max_power_w=max_power_w,
        connectors=connectors,
        control=control,
        mode=mode,
        circuit=None if circuit == GRID else circuit,
        min_power_w=min_power_w,
        needs_start_power=needs_start_power,
        reserved_power_w=reserved_power_w,
        phases=phases,
        voltage_v=voltage_v,
        assume_ocpp16=assume_ocpp16,
        configure=configure,
        fail_safe=fail_safe,
        phase_limit=most.phases,
        rotation=rotation,
        terms=terms,
        connector_terms=connector_terms,
    )
    if "failSafePower" not in fields:
        return replace(charger, fail_safe_power_w=default_fail_safe_power_w(charger))
    error = fail_safe_power_error(charger, fail_safe_power_w)
    if error is not None:
        fields.fault("failSafePower", error)
        return None
    return replace(charger, fail_safe_power_w=fail_safe_power_w)


def _terms(fields: Fields) -> Terms:
    return Terms(
        fields.take("weight", whole(1, WEIGHT_MAX), None), fields.take("priority", whole(0, PRIORITY_MAX), None)
    )


def _parse_connectors(charger: Fields, connectors: int, faults: list[Fault]) -> tuple[ConnectorTerms, ...]:
    """Return what is said of single connectors; nothing, with faults noted, when any of it is wrong."""
    items = charger.items("connectorSettings", MAX_CONNECTORS)
    found: dict[int, ConnectorTerms] = {}
    for path, item in items or ():
        fields = open_object(item, path, CONNECTOR_KEYS, NOTHING, faults)
        if fields is None:
            charger.sound = False
            continue
        idx = fields.need("idx", whole(1, connectors), 0)
        said = ConnectorTerms(idx, _terms(fields))
        if idx and idx in found:
            fields.fault("idx", "is said of this connector already")
        found[idx] = said
        charger.sound = charger.sound and fields.sound
    return tuple(found.values())


def _phases(value: object) -> int | Wrong:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _PHASES:
        return Wrong("must be 1 or 3 for AC, 0 for DC")
    return value


def _check_powers(fields: Fields, max_power_w: int, min_power_w: int, reserved_power_w: int | None) -> None:
    if "minPower" in fields and min_power_w > max_power_w:
        fields.fault("minPower", "is above maxPower")
    if reserved_power_w is not None and reserved_power_w > max_power_w:
        fields.fault("reservedPower", "is above maxPower")


def _check_ac_minimum(fields: Fields, max_power_w: int, least_w: int) -> None:
    """An AC charger that cannot give 6 A on each phase would never be allowed to charge over OCPP."""
    if max_power_w < least_w:
        fields.fault(
            "maxPower",
            f"is below {kilowatts(least_w)} kW, 6 A on each phase: set phases (1, or 0 for DC) or minPower",
        )
