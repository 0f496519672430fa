"""`csms explain`: why a car has what it has, in one sentence, and the figures below it.

The server finds it out and says it; here it is only laid out.
"""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import typer

from csms.cli.asking import Json, No, ask, shown, table
from csms.cli.status import ExitStatus

COMMAND = "csms explain"
OWN = (("target", "targetPower"), ("limit", "limitPower"), ("booked", "bookedPower"), ("consumed", "consumedPower"))


def run(url: str, name: str) -> int:
    """Explain a session, or that at CHARGER/CONNECTOR; return the exit status."""
    session_id = _session_at(url, name) if "/" in name else name
    if isinstance(session_id, No):
        return _failed(session_id)
    document = ask(url, "GET", f"/sessions/{quote(session_id, safe='')}/explain")
    if isinstance(document, No):
        return _failed(document)
    for line in lines(document["explanation"]):
        typer.echo(line)
    return ExitStatus.DONE


def _session_at(url: str, place: str) -> str | No:
    """Return the id of the session at CHARGER/CONNECTOR, or why there is none."""
    charger_id, _, idx = place.rpartition("/")
    document = ask(url, "GET", f"/sessions?{urlencode({'charger': charger_id})}")
    if isinstance(document, No):
        return document
    found = (str(one["sessionId"]) for one in document["sessions"] if str(one["connectorId"]["idx"]) == idx)
    return next(found, No(f"no car charges at {shown(place)}"))


def lines(found: Json) -> list[str]:
    """Return an explanation as it is printed, powers in kW."""
    demand = found["demand"]
    own = ", ".join(f"{word} {found.get(name, '?')}" for word, name in OWN)
    told = [
        shown(found["sentence"]),
        f"kW: {own}",
        f"can take {demand['power']} of at most {demand['declaredPower']} ({demand['because']})",
    ]
    if "until" in found:
        told.append(f"its own booked power hangs on: {found['until']}")
    told += [
        f"waits for {_place(one)}: {one['power']} above its target, until: {one['until']}" for one in found["waitsFor"]
    ]
    return [*told, *_of_node(found["node"])] if "node" in found else told


def _of_node(node: Json) -> Iterator[str]:
    """Yield what limits a session, and who shares it."""
    trimmed = f", {node['trimmed']} taken off for what is drawn beyond it" if node["trimmed"] else ""
    withheld = f", {node['withheld']} held back for the capacity tariff" if node.get("withheld") else ""
    loads = f"{node['notShared']} not shared{trimmed}{withheld}, {node['shared']} shared"
    yield f"{shown(node['id'])} carries {node['capacity']}: {loads}"
    for load in node["loads"]:
        yield f"not shared at {shown(load['chargerId'])}: {load['power']}"
    yield f"1 kW more there would give it {node['oneMoreKilowattGives']}"
    head = ("who shares it", "target", "limit", "booked")
    rows: list[tuple[str, ...]] = [
        (_place(one), str(one["targetPower"]), str(one.get("limitPower", "?")), str(one["bookedPower"]))
        for one in node["sharing"]
    ]
    yield from table(head, rows)
    left_out = node["sessions"] - len(rows)
    if left_out:
        yield f"… and {left_out} more"


def _place(one: Json) -> str:
    return f"{shown(one['connectorId']['chargerId'])}/{one['connectorId']['idx']}"


def _failed(why: str) -> int:
    typer.echo(f"{COMMAND}: {why}", err=True)
    return ExitStatus.NO
