"""What is different between two configurations, in lines that a person can check."""

import json

from csms.core.configuration.writing import Json, station_document
from csms.core.station import Station

_LISTS = ("chargers", "circuits")


def difference(old: Station, new: Station) -> list[str]:
    """Return one line per difference, by path (chargers and circuits by id); no line when the stations are equal.

    `$.gridCapacity: 400 → 350`; an optional key that stands at its default shows as `default`.
    """
    before, after = station_document(old), station_document(new)
    lines = _compare_keys("$", _without_lists(before), _without_lists(after))
    for name in _LISTS:
        lines += _compare_lists(f"$.{name}", _by_id(before, name), _by_id(after, name))
    return lines


def _without_lists(document: Json) -> Json:
    return {key: value for key, value in document.items() if key not in _LISTS}


def _by_id(document: Json, name: str) -> dict[str, Json]:
    items = document.get(name, [])
    assert isinstance(items, list), "our own document"
    return {item["id"]: item for item in items}


def _compare_keys(path: str, before: Json, after: Json) -> list[str]:
    return [
        f"{path}.{key}: {_shown(before, key)} → {_shown(after, key)}"
        for key in [*before, *(key for key in after if key not in before)]
        if _shown(before, key) != _shown(after, key)
    ]


def _compare_lists(path: str, before: dict[str, Json], after: dict[str, Json]) -> list[str]:
    lines = []
    for name, item in before.items():
        if name in after:
            lines += _compare_keys(f"{path}[{_json(name)}]", item, after[name])
        else:
            lines.append(f"{path}[{_json(name)}]: removed")
    lines += [f"{path}[{_json(name)}]: added {_json(item)}" for name, item in after.items() if name not in before]
    if [name for name in before if name in after] != [name for name in after if name in before]:
        lines.append(f"{path}: the order has changed")
    return lines


def _shown(document: Json, key: str) -> str:
    return _json(document[key]) if key in document else "default"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
