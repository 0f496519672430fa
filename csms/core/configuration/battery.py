"""`battery`: what it holds and gives, and how it is read and told."""

from csms.core.configuration.quantities import kilowatts, watts
from csms.core.configuration.reading import Fields, flag, whole
from csms.core.configuration.site_meter import PORT_MAX, REGISTER_MAX, UNIT_ID_MAX, host
from csms.core.station import Battery, BatteryModbus, Station

BATTERY_KEYS = frozenset({"initialCapacity", "power", "rest", "modbus"})
MODBUS_KEYS = frozenset({"host", "port", "unitId", "register"})

DEFAULT_MODBUS = BatteryModbus("")
REGISTERS = 37
"""The map takes so many from its first one on (`csms.energy.modbus_battery`)."""


def parse_battery(station: Fields) -> Battery | None:
    """Return the battery; None where there is none, or, with faults noted, it could not be read."""
    fields = station.child("battery", BATTERY_KEYS)
    if fields is None:
        return None
    capacity_wh, power_w = fields.need("initialCapacity", watts, 0), fields.need("power", watts, 0)
    pushed = fields.take("rest", flag, default=False)
    modbus = _parse_modbus(fields)
    if pushed and modbus is not None:
        fields.fault("rest", "is another way than modbus: one of them")
    station.sound = station.sound and fields.sound
    return Battery(capacity_wh, power_w, pushed=pushed, modbus=modbus)


def _parse_modbus(battery: Fields) -> BatteryModbus | None:
    fields = battery.child("modbus", MODBUS_KEYS)
    if fields is None:
        return None
    source = BatteryModbus(
        host=fields.need("host", host, ""),
        port=fields.take("port", whole(1, PORT_MAX), DEFAULT_MODBUS.port),
        unit_id=fields.take("unitId", whole(0, UNIT_ID_MAX), DEFAULT_MODBUS.unit_id),
        register=fields.take("register", whole(0, REGISTER_MAX + 1 - REGISTERS), DEFAULT_MODBUS.register),
    )
    battery.sound = battery.sound and fields.sound
    return source


def battery_document(station: Station) -> dict[str, object]:
    """Return the key of a station's document that says of its battery what is not the default."""
    battery = station.battery
    if battery is None:
        return {}
    document: dict[str, object] = {
        "initialCapacity": kilowatts(battery.capacity_wh),
        "power": kilowatts(battery.power_w),
    }
    if battery.pushed:
        document["rest"] = True
    if battery.modbus is not None:
        document["modbus"] = _modbus_document(battery.modbus)
    return {"battery": document}


def battery_text(station: Station) -> tuple[str, ...]:
    """Return in a line what the battery adds to the grid connection, and for how long; none where there is none."""
    battery = station.battery
    if battery is None:
        return ()
    how = "computed"
    if battery.pushed:
        how = "its controller calls PUT /station/battery"
    elif battery.modbus is not None:
        how = f"read and told over Modbus at {battery.modbus.host}:{battery.modbus.port}"
    left_w = max(0, station.grid_capacity_w - station.static_load_w)
    both_kw, left_kw = kilowatts(left_w + battery.power_w), kilowatts(left_w)
    percent = max(0, battery.full_percent - battery.reserve_percent) * battery.efficiency_discharge_percent
    minutes = 0 if not battery.power_w else battery.capacity_wh * percent * 60 // (10_000 * battery.power_w)
    return (f"battery: {how}; with it cars have {both_kw} kW instead of {left_kw} kW, full for {minutes} min",)


def _modbus_document(source: BatteryModbus) -> dict[str, object]:
    told: dict[str, object] = {"port": source.port, "unitId": source.unit_id, "register": source.register}
    usual = {"port": DEFAULT_MODBUS.port, "unitId": DEFAULT_MODBUS.unit_id, "register": DEFAULT_MODBUS.register}
    return {"host": source.host} | {name: value for name, value in told.items() if value != usual[name]}
