"""What a charger shows to programs: one line of JSON a second, on the second, so that sums over processes add up."""

import json
from typing import Any, TextIO

from simulators.charger import Charger
from simulators.connector import Connector


def report_line(charger: Charger, at_ms: int) -> str:
    """Return the report of a charger as one line: powers in W by its own meters, energies in Wh.

    `energy_wh` is what the present or the last car of a connector has got; `limit_w` what profiles and hardware leave
    to the connector, sharing with its neighbours apart.
    """
    document = {
        "at_ms": at_ms,
        "charger_id": charger.identity.charger_id,
        "online": charger.registration.working,
        "connectors": [_connector(charger, connector, at_ms) for connector in charger.connectors],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _connector(charger: Charger, connector: Connector, at_ms: int) -> dict[str, Any]:
    car, transaction = connector.car, connector.transaction
    return {
        "idx": connector.idx,
        "power_w": connector.power_w,
        "energy_wh": connector.session_wh,
        "limit_w": charger.flow.limit_w(connector, at_ms),
        "status": connector.status.value,
        "car": None if car is None else car.model.name,
        "transaction_id": None if transaction is None else transaction.transaction_id,
        "soc": None if car is None else car.soc_percent,
    }


def write_line(out: TextIO, text: str) -> None:
    """Write a line at once and as one piece: several chargers may share one pipe, and `print` may write two."""
    out.write(f"{text}\n")
    out.flush()


def status_lines(charger: Charger) -> list[str]:
    """Return the present state of a charger for a person, one line per connector after one for the charger."""
    standing = "online" if charger.registration.working else "offline"
    kept = charger.outbox.kept
    lines = [f"{charger.identity.charger_id}: {standing}, {kept} transaction messages waiting"]
    now_ms = charger.clock.now_ms()
    for connector in charger.connectors:
        limit_kw = charger.flow.limit_w(connector, now_ms) / 1000
        words = [f"  {connector.idx} {connector.status:<13}", f"{connector.power_w / 1000:7.1f} of {limit_kw:.1f} kW"]
        if connector.car is not None:
            words.append(f"{connector.session_wh / 1000:6.2f} kWh  {connector.car.soc_percent} %")
            words.append(connector.car.model.name)
        if connector.transaction is not None:
            words.append(f"transaction {connector.transaction.transaction_id or '…'}")
        lines.append("  ".join(words))
    return lines
