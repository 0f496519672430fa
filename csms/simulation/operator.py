"""The operator of a world: changes the configuration, and with it which chargers may connect."""

from csms.core.configuration.loads import check_constant_loads
from csms.core.configuration.phase_checks import check_phases
from csms.core.events import StationConfigured
from csms.core.ids import ChargerId
from csms.core.station import GRID, Charger, Control, Station
from csms.simulation.ampere_stations import in_amperes_again
from csms.simulation.faults import Kind
from csms.simulation.host import Controller
from csms.simulation.scene import Scene
from csms.simulation.stations import changed_station, with_charger

FULL_W = 3_000
"""A row with less room than the dead band of a DC charger is full."""


class Operator:
    """One operator; `late` holds chargers that do not come before a certain time, `patient` those that wait for more.

    Those come when a fuse of theirs is booked to its capacity, so that there is no room for what they may draw.
    """

    def __init__(self, scene: Scene, late: dict[ChargerId, int], patient: frozenset[ChargerId]) -> None:
        self.late = late
        self._patient = patient
        self._scene = scene
        self._station = scene.station
        self._removed: list[Charger] = []
        self._met: set[ChargerId] = set()

    def may_connect(self, charger_id: ChargerId) -> bool:
        """Judge a handshake: unknown and drained chargers are refused, and `control: rest|none` (API.md)."""
        if charger_id in self.late and charger_id not in self._met:
            is_full = self._is_full(charger_id)
            if self._scene.around.clock.now_ms < self.late[charger_id] or (charger_id in self._patient and not is_full):
                return False
            self._met.add(charger_id)
            self._scene.around.faults.strike(Kind.FIRST_CONNECTION)
            if is_full:
                self._scene.around.faults.strike(Kind.FIRST_CONNECTION_FULL)
        charger = self._scene.station.charger(charger_id)
        if charger is not None:
            return charger.control in {Control.AUTO, Control.OCPP}
        known = self._scene.judge.mirror.chargers.get(charger_id)
        return known is not None and not known.is_let_go

    def _is_full(self, charger_id: ChargerId) -> bool:
        """Return whether a fuse above a charger has no room left that would be worth giving to anybody."""
        engine = self._scene.host.engine
        if engine is None:
            return False
        station = self._scene.station
        charger, parents = station.charger(charger_id), {each.circuit_id: each.parent for each in station.circuits}
        node_id = GRID if charger is None else charger.circuit
        while node_id is not None and not self._has_no_room(engine, node_id):
            node_id = parents.get(node_id)
        return node_id is not None or self._has_no_room(engine, GRID)

    @staticmethod
    def _has_no_room(engine: Controller, node_id: str) -> bool:
        capacity_w = engine.node_capacity_w(node_id)
        return capacity_w is not None and engine.node_booked_w(node_id) > capacity_w - FULL_W

    def configure(self) -> None:
        """Change something, or bring back a charger that was removed."""
        station, strike = self._scene.station, self._scene.around.faults.strike
        if self._removed and self._scene.around.chance(0.6):
            if not strike(Kind.CONFIGURATION_CHANGE):
                return
            grown = with_charger(station, self._removed.pop())
            if not check_constant_loads(grown) and not check_phases(grown):  # else the API would refuse it
                self._post_station(grown)
            return
        changed = in_amperes_again(station, changed_station(self._scene.around.rng, station))
        if not strike(_kind_of(station, changed)):
            return
        self._removed += [c for c in station.chargers if changed.charger(c.charger_id) is None]
        self._post_station(changed)

    def _post_station(self, station: Station) -> None:
        self._scene.host.ask(lambda request: StationConfigured(station, request), lambda _outcome: self._done(station))

    def _done(self, station: Station) -> None:
        """Let the hardware become as strong as was configured, now that it is durable."""
        for charger in station.chargers:
            model, newest = self._scene.chargers[charger.charger_id], self._scene.station.charger(charger.charger_id)
            if charger.control is not Control.NONE and newest is not None:
                model.hardware_w = max(model.hardware_w, min(charger.max_power_w, newest.max_power_w))

    def configured(self, fact: StationConfigured) -> None:
        """Let the hardware follow what was configured: a charger is never stronger than the operator ever said."""
        known = {charger.charger_id: charger for charger in self._station.chargers}
        for charger in fact.station.chargers:
            model = self._scene.chargers[charger.charger_id]
            if charger.control is Control.NONE:
                continue
            stays = charger.charger_id in known and charger.charger_id in self._scene.judge.live
            if not stays:
                model.hardware_w = min(model.hardware_w, charger.max_power_w)
        self._station = fact.station
        self._scene.around.clock.after(1_000, self._close_removed)

    def _close_removed(self) -> None:
        for model in self._scene.chargers.values():
            if model.link is not None and not self.may_connect(model.charger_id):
                model.drop()


def _kind_of(station: Station, changed: Station) -> Kind:
    if len(changed.chargers) < len(station.chargers):
        return Kind.CHARGER_REMOVED
    if changed.grid_capacity_w < station.grid_capacity_w:
        return Kind.CAPACITY_CUT
    return Kind.CONFIGURATION_CHANGE
