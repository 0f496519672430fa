"""The documented JSON configuration ↔ `csms.core.station.Station`.

A document from outside becomes a `Station` in one step and as a whole, or a list of everything that is wrong with it,
each with its JSON path; nothing changes before the list is empty. Kilowatts, camelCase and optional keys exist only in
the document; the station has watts and every value filled in. `station_document` is the way back, and reading what it
wrote gives the same station. `decoding` turns text into the values that `parsing` takes, for files and for REST alike.
"""

from csms.core.configuration.advice import Notice, notices
from csms.core.configuration.battery import battery_text
from csms.core.configuration.comparing import difference
from csms.core.configuration.decoding import load_document
from csms.core.configuration.fail_safe import explain_fail_safe
from csms.core.configuration.parsing import parse_station
from csms.core.configuration.quantities import MAX_KILO, kilowatts, watts
from csms.core.configuration.site_meter import site_meter_text
from csms.core.configuration.writing import station_document

__all__ = [
    "MAX_KILO",
    "Notice",
    "battery_text",
    "difference",
    "explain_fail_safe",
    "kilowatts",
    "load_document",
    "notices",
    "parse_station",
    "site_meter_text",
    "station_document",
    "watts",
]
