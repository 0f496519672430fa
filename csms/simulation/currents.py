"""What there is on every row of a phase, from the chargers alone: what their limits let flow, and what their cars draw.

The car at a connector counts on the phases that it really uses, which no core knows at first; an idle connector counts
with what its default lets any car draw. A charger carries no more on a phase than a third of what it can, or all of it
with one phase. The car of a REST client uses the first phase of its charger, and is told watts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from csms.core.ids import ChargerId
from csms.core.station import Control
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.outlet import Outlet
from csms.simulation.truth import Obeyed, Truth
from csms.simulation.wiring import NOTHING, Amounts, Own, Wiring

FIRST: Own = (1,)
DRAW_BY_THEMSELVES = frozenset({Control.OCPP, Control.NONE})
"""Cars of such chargers draw whether they have ever connected or not."""


@dataclass(frozen=True, slots=True)
class Currents:
    """The phases of one world; sixths of a watt."""

    truth: Truth

    def in_force(self, obeyed: Obeyed) -> dict[str, int]:
        """Return what limits let flow on each row of a phase.

        Clients whose last answer may have been lost count with what is booked for them.
        """
        truth = self.truth
        if not truth.rows.phases:
            return {}
        sums: dict[ChargerId, Amounts] = {}
        for charger_id in truth.counting:
            is_free = truth.mirror.chargers[charger_id].charger.control is Control.NONE
            model = truth.chargers[charger_id]
            wiring = wiring_of(model)
            if is_free:
                sums[charger_id] = wiring.of_limit(model.hardware_w, None, model.hardware_w)
            else:
                each = [self.of_limit(charger_id, idx, watts) for idx, watts in enumerate(obeyed[charger_id], 1)]
                sums[charger_id] = capped(_sum(each), wiring.most(model.hardware_w))
        for client in truth.clients:
            charger_id = client.key.charger_id
            known = truth.mirror.chargers.get(charger_id)
            if known is not None and not known.is_drained and known.charger.control is not Control.NONE:
                watts = client.obeyed_w if client.is_sure else min(client.obeyed_w, truth.booked_w.get(client.key, 0))
                beside = NOTHING
                if charger_id in sums:
                    beside = self.of_limit(charger_id, client.key.idx, obeyed[charger_id][client.key.idx - 1])
                more = _beyond(self.of_client(client, watts), beside)
                most = wiring_of(truth.chargers[charger_id]).most(truth.chargers[charger_id].hardware_w)
                sums[charger_id] = capped(_sum((sums.get(charger_id, NOTHING), more)), most)
        return self._on_rows(sums)

    def drawn(self) -> dict[str, int]:
        """Return what cars draw on each row of a phase."""
        truth = self.truth
        if not truth.rows.phases:
            return {}
        sums: dict[ChargerId, Amounts] = {}
        for charger_id, known in truth.mirror.chargers.items():
            if known.is_drained:
                continue
            model = truth.chargers[charger_id]
            draws = self.counts(charger_id)
            at = {outlet.idx: self.of_draw(charger_id, outlet) if draws else NOTHING for outlet in model.outlets}
            own = [*at.values()]
            clients = (client for client in truth.clients if client.key.charger_id == charger_id)
            own += [_beyond(self.of_client(client, client.draw_w), at[client.key.idx]) for client in clients]
            sums[charger_id] = capped(_sum(own), wiring_of(model).most(model.hardware_w))
        return self._on_rows(sums)

    def of_limit(self, charger_id: ChargerId, idx: int, limit_w: int) -> Amounts:
        """Return what a limit lets flow at a connector: to the car that charges there, else to any."""
        model = self.truth.chargers[charger_id]
        return wiring_of(model).of_limit(limit_w, used_at(model.outlets[idx - 1]), model.hardware_w)

    def of_draw(self, charger_id: ChargerId, outlet: Outlet) -> Amounts:
        """Return what the car at a connector draws."""
        used = used_at(outlet)
        return NOTHING if used is None else wiring_of(self.truth.chargers[charger_id]).of_draw(outlet.draw_w, used)

    def of_client(self, client: RestClient, watts: int) -> Amounts:
        """Return what a power is at the car of a client."""
        model = self.truth.chargers[client.key.charger_id]
        wiring = wiring_of(model)
        used = FIRST if wiring.phases else wiring.own
        return capped(wiring.of_draw(watts, used), wiring.most(model.hardware_w))

    def client_beyond(self, client: RestClient, watts: int, beside: Amounts) -> Amounts:
        """Return what the car of a client takes beyond what counts over OCPP at its connector: there is one car."""
        return _beyond(self.of_client(client, watts), beside)

    def counts(self, charger_id: ChargerId) -> bool:
        """Return whether what cars draw at a charger over OCPP counts: not before it first comes, for some."""
        known = self.truth.mirror.chargers[charger_id]
        return charger_id in self.truth.live or known.charger.control in DRAW_BY_THEMSELVES

    def _on_rows(self, sums: Mapping[ChargerId, Amounts]) -> dict[str, int]:
        rows = self.truth.rows
        total = dict.fromkeys(rows.phases, 0)
        for charger_id, amounts in sums.items():
            for row in rows.phases_of(charger_id):
                total[row] += amounts[rows.lines[row]]
        return total


def wiring_of(model: ChargerModel) -> Wiring:
    """Return how a charger is wired, in a world of phases."""
    assert model.phased is not None, "its world has phases"
    return model.phased.wiring


def used_at(outlet: Outlet) -> Own | None:
    """Return the phases that the car at a connector uses; None: none charges there, and any may come."""
    return outlet.car.used if outlet.transaction is not None and outlet.car is not None else None


def capped(amounts: Amounts, most: int) -> Amounts:
    """Return amounts of which none is above `most`."""
    return min(amounts[0], most), min(amounts[1], most), min(amounts[2], most)


def _sum(each: "list[Amounts] | tuple[Amounts, ...]") -> Amounts:
    return sum(a[0] for a in each), sum(a[1] for a in each), sum(a[2] for a in each)


def _beyond(amounts: Amounts, beside: Amounts) -> Amounts:
    l1, l2, l3 = [max(0, amount - other) for amount, other in zip(amounts, beside, strict=True)]
    return l1, l2, l3
