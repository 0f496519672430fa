"""`siteMeter`: what measures the load that is not ours."""

import re
from decimal import Context, Decimal

from csms.core.configuration.quantities import kilowatts, milliseconds, watts
from csms.core.configuration.reading import Fields, Wrong, choice, whole
from csms.core.faults import Fault
from csms.core.site_meter import Measures, ModbusSource, RegisterKind, RegisterType, SiteMeter, WordOrder
from csms.core.station import Station

METER_KEYS = frozenset({"measures", "maxAgeS", "margin", "modbus"})
MODBUS_KEYS = frozenset({"host", "port", "unitId", "register", "kind", "type", "wordOrder", "scale", "periodS"})

DEFAULT = SiteMeter()
DEFAULT_SOURCE = ModbusSource("")
MAX_AGE_S_MAX = 300
"""An older reading says nothing of now; half of it at most for what is read by ourselves."""
PERIOD_MS_MIN = 100
PERIOD_MS_MAX = 60_000
UNIT_ID_MAX = 255
REGISTER_MAX = 65_535
PORT_MAX = 65_535
SCALE_MAX_W = 1_000_000

_LABEL = "[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL}){{0,126}}|[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:.]{{0,38}}:[0-9A-Fa-f.]{{0,15}}")
"""A name, an address of IPv4, or one of IPv6; a longer label of a name is none (RFC 1035 §2.3.4)."""
_MICRO = Decimal("0.000001")
_EXACT = Context(prec=28)

_MEASURES = {each.value: each for each in Measures}
_KINDS = {each.value: each for each in RegisterKind}
_TYPES = {each.value: each for each in RegisterType}
_ORDERS = {each.value: each for each in WordOrder}


def parse_site_meter(station: Fields, static_load_w: int, faults: list[Fault]) -> SiteMeter | None:
    """Return the site's meter; None where there is none, or, with faults noted, it could not be read.

    `static_load_w`: what counts when it is silent; without that a meter would be no help.
    """
    fields = station.child("siteMeter", METER_KEYS)
    if fields is None:
        return None
    measures = fields.take("measures", choice(_MEASURES), DEFAULT.measures)
    max_age_s = fields.take("maxAgeS", whole(1, MAX_AGE_S_MAX), DEFAULT.max_age_s)
    margin_w = fields.take("margin", watts, DEFAULT.margin_w)
    modbus = _parse_modbus(fields)
    if fields.sound and modbus is not None and 2 * modbus.period_ms > max_age_s * 1_000:
        station.sound = False
        faults.append(Fault(f"{fields.path}.modbus.periodS", "must be at most half of maxAgeS"))
    if static_load_w == 0 and station.sound:
        station.fault("staticLoad", "must be above 0 beside siteMeter: it counts whenever the meter is silent")
    station.sound = station.sound and fields.sound
    return SiteMeter(measures, max_age_s, margin_w, modbus)


def _parse_modbus(meter: Fields) -> ModbusSource | None:
    fields = meter.child("modbus", MODBUS_KEYS)
    if fields is None:
        return None
    source = ModbusSource(
        host=fields.need("host", host, ""),
        port=fields.take("port", whole(1, PORT_MAX), DEFAULT_SOURCE.port),
        unit_id=fields.take("unitId", whole(0, UNIT_ID_MAX), DEFAULT_SOURCE.unit_id),
        register=fields.need("register", whole(0, REGISTER_MAX), 0),
        kind=fields.take("kind", choice(_KINDS), DEFAULT_SOURCE.kind),
        type=fields.take("type", choice(_TYPES), DEFAULT_SOURCE.type),
        word_order=fields.take("wordOrder", choice(_ORDERS), DEFAULT_SOURCE.word_order),
        scale_uw=fields.take("scale", scale_uw, DEFAULT_SOURCE.scale_uw),
        period_ms=fields.take("periodS", milliseconds(PERIOD_MS_MAX, PERIOD_MS_MIN), DEFAULT_SOURCE.period_ms),
    )
    if fields.sound and source.register + source.type.registers - 1 > REGISTER_MAX:
        fields.fault("register", f"{source.type.value} takes two registers, and {REGISTER_MAX} is the last")
    meter.sound = meter.sound and fields.sound
    return source


def site_meter_document(station: Station) -> dict[str, object]:
    """Return the key of a station's document that says of its meter what is not the default."""
    meter = station.site_meter
    if meter is None:
        return {}
    document: dict[str, object] = {}
    if meter.measures is not DEFAULT.measures:
        document["measures"] = meter.measures.value
    if meter.max_age_s != DEFAULT.max_age_s:
        document["maxAgeS"] = meter.max_age_s
    if meter.margin_w != DEFAULT.margin_w:
        document["margin"] = kilowatts(meter.margin_w)
    if meter.modbus is not None:
        document["modbus"] = _modbus_document(meter.modbus)
    return {"siteMeter": document}


def _modbus_document(source: ModbusSource) -> dict[str, object]:
    usual = DEFAULT_SOURCE
    told: dict[str, object] = {"host": source.host}
    if source.port != usual.port:
        told["port"] = source.port
    if source.unit_id != usual.unit_id:
        told["unitId"] = source.unit_id
    told["register"] = source.register
    for name, value, default in (
        ("kind", source.kind, usual.kind),
        ("type", source.type, usual.type),
        ("wordOrder", source.word_order, usual.word_order),
    ):
        if value is not default:
            told[name] = value.value
    if source.scale_uw != usual.scale_uw:
        whole_w, rest = divmod(source.scale_uw, 1_000_000)
        told["scale"] = source.scale_uw / 1_000_000 if rest else whole_w
    if source.period_ms != usual.period_ms:
        told["periodS"] = kilowatts(source.period_ms)
    return told


def site_meter_text(station: Station) -> tuple[str, ...]:
    """Return in a line how the base load is measured; none where it is not."""
    meter = station.site_meter
    if meter is None:
        return ()
    what = "what is behind the grid connection" if meter.measures is Measures.GRID else "the base load"
    source = meter.modbus
    how = "pushed to PUT /station/meter"
    if source is not None:
        at = f"[{source.host}]" if ":" in source.host else source.host
        how = f"read over Modbus from {at}:{source.port}, unit {source.unit_id}, register {source.register}"
    static_kw = kilowatts(station.static_load_w)
    silent = f"when nothing is heard for {meter.max_age_s} s, staticLoad counts: {static_kw} kW"
    return (f"siteMeter: {what}, {how}; {silent}",)


def scale_uw(value: object) -> int | Wrong:
    """Return a JSON number of W as µW, or what is wrong with it: not 0, at most six decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Wrong("must be a number")
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or not -SCALE_MAX_W <= exact <= SCALE_MAX_W or exact == 0:
        return Wrong(f"must be from -{SCALE_MAX_W} to {SCALE_MAX_W}, and not 0")
    to_the_step = exact.quantize(_MICRO, context=_EXACT)
    if to_the_step != exact:
        return Wrong("must have at most six decimals")
    return int(to_the_step.scaleb(6, context=_EXACT))


def host(value: object) -> str | Wrong:
    """Read the name or address of a device."""
    if not isinstance(value, str) or HOST.fullmatch(value) is None:
        return Wrong("must be a name or an address, without a port")
    return value
