"""What the oracles know of a world besides what the engine says: its people, its configuration, who has come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from csms.core.ids import ChargerId, ConnectorKey
from csms.core.station import GRID, Control
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.host import Controller
from csms.simulation.mirror import Mirror
from csms.simulation.rows import Rows
from csms.simulation.surroundings import Surroundings
from csms.simulation.trouble import Trouble

Obeyed = Mapping[ChargerId, list[int]]
"""The limit in force at each connector of each charger, W."""


@dataclass(slots=True)
class Truth:
    """One world as it is.

    Attributes:
        live: chargers that have ever connected; liars: by charger, its longest time between two samples, ms.
        up_since_ms: when the process that runs now started.
        counting: chargers that are on their rows with what they obey over OCPP, or draw by themselves.
        is_convicted: whether a connector counts as one that obeys no limit: it is tried at the least power.
        is_measured: whether more was measured of a charger than it was told.
        patience_ms: for how long an answer of a charger is waited for.
        root_w: what the grid connection has for the chargers, where that is not its configured capacity.
        booked_w: of every connector, after the last step of the last process; charger_booked_w: of every charger;
            phases_booked: on every row of a phase.
    """

    around: Surroundings
    chargers: dict[ChargerId, ChargerModel]
    clients: list[RestClient]
    mirror: Mirror
    live: set[ChargerId] = field(default_factory=set)
    liars: dict[ChargerId, int] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)
    up_since_ms: int = 0
    counting: tuple[ChargerId, ...] = ()
    booked_w: dict[ConnectorKey, int] = field(default_factory=dict)
    charger_booked_w: dict[ChargerId, int] = field(default_factory=dict)
    phases_booked: Mapping[str, int] = field(default_factory=dict)
    is_convicted: Callable[[ConnectorKey], bool] = lambda _key: False
    is_measured: Callable[[ChargerId], bool] = lambda _charger_id: False
    patience_ms: Callable[[ChargerId], int] = lambda _charger_id: 0
    root_w: int | None = None
    _rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self._rows = Rows(self.mirror.station)

    @property
    def now_ms(self) -> int:
        """Return the time."""
        return self.around.clock.now_ms

    @property
    def rows(self) -> Rows:
        """Return the rows of the configuration that the engine has taken in."""
        if self._rows.station is not self.mirror.station:
            self._rows = Rows(self.mirror.station)
            if self.root_w is not None:
                self._rows.capacities_w[GRID] = self.root_w
        return self._rows

    def hold_root(self, power_w: int) -> bool:
        """Have the grid connection carry so much from now on, W; return whether that is less than before."""
        before_w, self.root_w = self.rows.capacities_w[GRID], power_w
        self.rows.capacities_w[GRID] = power_w
        return before_w is not None and power_w < before_w

    def obeyed(self) -> Obeyed:
        """Return the limit that is in force at each connector."""
        return {cid: [model.obeyed_w(each.idx) for each in model.outlets] for cid, model in self.chargers.items()}

    def in_force_w(self, obeyed: Obeyed) -> dict[ChargerId, int]:
        """Return the most that each charger may give under the limits that are in force, W.

        An idle connector counts with its default: who is plugged in falls under it. LEDGER.md §1 counts nothing for a
        charger with `control: auto` before it first connects, for one that is removed and drained, and for OCPP limits
        of one that is driven over REST alone. A declared lie counts with what is booked for it (that is oracle C's to
        judge), and so does a client whose last answer may have been lost. One connector has one car, driven over OCPP
        or over REST.
        """
        sums_w: dict[ChargerId, int] = {}
        for charger_id in self.counting:
            charger = self.mirror.chargers[charger_id].charger
            is_free = charger.control is Control.NONE
            sums_w[charger_id] = (
                charger.uncontrolled_power_w if is_free else self._charger_w(charger_id, obeyed[charger_id])
            )
        for client in self.clients:
            charger_id = client.key.charger_id
            known_here = self.mirror.chargers.get(charger_id)
            if known_here is not None and not known_here.is_drained and known_here.charger.control is not Control.NONE:
                watts = client.obeyed_w if client.is_sure else min(client.obeyed_w, self.booked_w.get(client.key, 0))
                beside_w = obeyed[charger_id][client.key.idx - 1] if charger_id in sums_w else 0
                together_w = sums_w.get(charger_id, 0) + max(0, watts - beside_w)
                sums_w[charger_id] = min(together_w, self.chargers[charger_id].hardware_w)
        return sums_w

    def stepped(self, engine: Controller) -> None:
        """Note what a step has changed."""
        known = self.mirror.chargers
        self.counting = tuple(
            charger_id
            for charger_id, each in known.items()
            if (charger_id in self.live or each.charger.control in {Control.OCPP, Control.NONE}) and not each.is_drained
        )
        keys = (
            ConnectorKey(charger_id, idx)
            for charger_id, each in known.items()
            if each.charger.control is not Control.NONE
            for idx in each.connectors
        )
        self.booked_w = {key: engine.booked_w(key) for key in keys}
        self.charger_booked_w = {each: engine.charger_booked_w(each) for each in known}
        self.phases_booked = engine.phases_booked() if self.rows.phases else {}

    def keeps_tx(self, charger_id: ChargerId) -> bool:
        """Return whether a charger keeps TxProfiles of ended transactions: a lie until its make was seen to."""
        return self.chargers[charger_id].obedience.profiles.keeps_tx

    def liars_on(self, row: str) -> dict[ChargerId, int]:
        """Return who lies on a row, each with its longest time without a sample, ms.

        Who keeps a profile lies until its make is seen to, as soon as more was measured of it than it was told.
        """
        return {
            charger_id: self.liars.get(charger_id, model.habits.longest_period_ms)
            for charger_id, model in self.chargers.items()
            if row in self.rows.of(charger_id) and self.lies(charger_id)
        }

    def lies(self, charger_id: ChargerId) -> bool:
        """Return whether a charger lies, for life or as long as it shows that it keeps a profile."""
        return charger_id in self.liars or self._shows_kept(charger_id) or self._has_switched(charger_id)

    def _has_switched(self, charger_id: ChargerId) -> bool:
        """Return whether a car there has gone over to other phases than those that it began with."""
        cars = (outlet.car for outlet in self.chargers[charger_id].outlets)
        return any(car is not None and car.has_switched for car in cars)

    def _shows_kept(self, charger_id: ChargerId) -> bool:
        known = self.mirror.chargers.get(charger_id)
        return (
            known is not None
            and self.keeps_tx(charger_id)
            and any(
                send.accepted_ms is not None and send.above_ms >= send.accepted_ms
                for idx, heard in known.connectors.items()
                if not known.is_seen_to(idx)
                for send in heard.sends
            )
        )

    def _charger_w(self, charger_id: ChargerId, obeyed_w: list[int]) -> int:
        model, known = self.chargers[charger_id], self.mirror.chargers[charger_id]
        most_w = model.hardware_w
        if charger_id in self.liars or self.keeps_tx(charger_id):
            most_w = min(most_w, self.charger_booked_w.get(charger_id, 0))
            is_liar = charger_id in self.liars
            obeyed_w = [
                min(watts, self.booked_w.get(ConnectorKey(charger_id, idx), 0))
                if is_liar or (idx in known.connectors and not known.is_seen_to(idx))
                else watts
                for idx, watts in enumerate(obeyed_w, 1)
            ]
        return min(sum(obeyed_w), most_w)

    def believable(self, obeyed: Obeyed) -> Obeyed:
        """Return the limits in force as far as somebody can know of them: those of liars up to what is booked."""
        return {
            charger_id: self._booked_at_most(charger_id, limits_w) if charger_id in self.liars else limits_w
            for charger_id, limits_w in obeyed.items()
        }

    def _booked_at_most(self, charger_id: ChargerId, limits_w: list[int]) -> list[int]:
        booked_w = [self.booked_w.get(ConnectorKey(charger_id, idx), 0) for idx in range(1, len(limits_w) + 1)]
        return list(map(min, limits_w, booked_w))


def booked_on(engine: Controller, row: str) -> int:
    """Return what is booked on a row, W or sixths of a watt."""
    return engine.phases_booked()[row] if "/" in row else engine.node_booked_w(row)
