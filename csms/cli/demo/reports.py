"""What a simulated charger says of itself: one line of JSON a second on its standard output."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectorReport:
    """One connector at one instant, as the charger's own meter has it; W and Wh.

    Attributes:
        energy_wh: what the present or last car has taken.
        limit_w: what profiles and hardware leave to the connector.
        car: the name of the car that is plugged in, if any.
        soc_percent: its state of charge.
    """

    idx: int
    power_w: int
    energy_wh: int
    limit_w: int
    status: str
    car: str | None
    transaction_id: int | None
    soc_percent: int | None


@dataclass(frozen=True, slots=True)
class ChargerReport:
    """One charger at one instant; `at_ms` is UTC."""

    charger_id: str
    at_ms: int
    connectors: tuple[ConnectorReport, ...]

    @property
    def power_w(self) -> int:
        """Return what all its connectors draw together, W."""
        return sum(connector.power_w for connector in self.connectors)


def parse_report(line: str) -> ChargerReport | None:
    """Return the report that a line holds; None for a line that is none (a charger may also print messages)."""
    try:
        document = json.loads(line)
        return ChargerReport(
            charger_id=document["charger_id"],
            at_ms=document["at_ms"],
            connectors=tuple(
                ConnectorReport(
                    idx=connector["idx"],
                    power_w=connector["power_w"],
                    energy_wh=connector["energy_wh"],
                    limit_w=connector["limit_w"],
                    status=connector["status"],
                    car=connector["car"],
                    transaction_id=connector["transaction_id"],
                    soc_percent=connector["soc"],
                )
                for connector in document["connectors"]
            ),
        )
    except (ValueError, KeyError, TypeError):
        return None
