"""What happens in a world while it is stormy: cars, faults, crashes, operators; each at its own random times."""

from collections.abc import Callable
from functools import partial

from csms.core.events import SessionRequested, SessionStopRequested
from csms.core.ids import ConnectorKey
from csms.core.records import Driver
from csms.core.station import Control
from csms.simulation.car import change_mind, random_car
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.fate import Fate
from csms.simulation.faults import Kind
from csms.simulation.operator import Operator
from csms.simulation.scene import Scene


class Weather:
    """The processes of one run."""

    def __init__(self, scene: Scene, operator: Operator, fate: Fate) -> None:
        self._scene = scene
        self._operator = operator
        self._fate = fate

    def begin(self) -> None:
        """Start every process; in the calm each ends by itself."""
        fate = self._fate
        for model in self._scene.chargers.values():
            self._every(fate.arrival_ms, partial(self._arrive, model))
            self._every(fate.change_ms, partial(self._change, model))
            self._every(fate.drop_ms, partial(self._drop, model))
            self._every(fate.reboot_ms, partial(self._reboot, model))
            self._every(fate.mute_ms, partial(self._mute, model))
            self._stay_connected(model)
        self._every(fate.configure_ms, self._operator.configure)
        self._every(fate.wall_ms, self._step_wall_clock)
        self._every(fate.remote_ms, self._remote)
        self._every(fate.foreign_stop_ms, self._stop_foreign)
        if self._scene.around.switches.crashes:
            self._every(fate.crash_ms, self._crash)

    def _every(self, mean_ms: int, action: Callable[[], object]) -> None:
        if not mean_ms:
            return
        delay_ms = int(self._scene.around.rng.expovariate(1 / mean_ms)) + 100

        def act() -> None:
            if not self._scene.around.calm:
                action()
                self._every(mean_ms, action)

        self._scene.around.clock.after(delay_ms, act)

    def _stay_connected(self, model: ChargerModel) -> None:
        model.connect()
        longest_ms = 3_000 if self._scene.around.calm else self._fate.reconnect_ms
        self._scene.around.clock.after(
            self._scene.around.rng.randint(500, longest_ms), lambda: self._stay_connected(model)
        )

    def _arrive(self, model: ChargerModel) -> None:
        rng = self._scene.around.rng
        charger = self._scene.station.charger(model.charger_id)
        outlet = rng.choice(model.outlets)
        key = ConnectorKey(model.charger_id, outlet.idx)
        if charger is None or any(client.key == key and not client.is_gone for client in self._scene.clients):
            return
        stay_ms = rng.randint(5_000, self._fate.longest_stay_ms)
        by_rest = charger.control is Control.REST or (
            charger.control is Control.AUTO and model.charger_id not in self._scene.judge.live and model.link is None
        )
        if by_rest:
            vehicle_max_w = rng.randint(1, 200) * 1_000
            client = RestClient(
                self._scene.around, self._scene.host, key, vehicle_max_w, echoes=self._scene.around.chance(0.6)
            )
            self._scene.clients[:] = [
                each for each in self._scene.clients if not each.is_gone or each.session_id is not None
            ]
            self._scene.clients.append(client)
            client.start()
            self._scene.around.clock.after(stay_ms, client.stop)
        elif outlet.transaction is None:
            model.plug(outlet.idx, random_car(rng, model.hardware_w), f"Tag{self._scene.around.number('tag')}")
            transaction = outlet.transaction
            self._scene.around.clock.after(stay_ms, lambda: self._depart(model, outlet.idx, transaction))

    def _depart(self, model: ChargerModel, idx: int, transaction: object) -> None:
        outlet = model.outlets[idx - 1]
        if model.link is None and not self._scene.around.faults.strike(Kind.OFFLINE_STOP):
            return
        if transaction is not None and outlet.transaction is transaction and not self._scene.around.calm:
            model.unplug(idx)

    def _change(self, model: ChargerModel) -> None:
        for outlet in model.outlets:
            if outlet.car is not None:
                change_mind(self._scene.around.rng, outlet.car, model.hardware_w)
        for client in self._scene.clients:
            if client.key.charger_id == model.charger_id and not client.is_gone:
                client.wants_w = self._scene.around.rng.randint(0, 200_000)

    def _drop(self, model: ChargerModel) -> None:
        link = model.link
        strike = self._scene.around.faults.strike
        if link is None:
            return
        if self._scene.around.chance(0.7):
            if strike(Kind.RESET):
                model.drop()
            return
        if not strike(Kind.HALF_OPEN):
            return
        link.is_deaf = True  # the charger comes back before the gateway knows that it is gone
        model.lost()
        if self._scene.around.chance(0.5):
            model.connect()
            link.close()
        else:
            link.close()
            model.connect()

    def _reboot(self, model: ChargerModel) -> None:
        if not self._scene.around.faults.strike(Kind.REBOOT):
            return
        model.reboot(self._scene.around.rng.randint(3_000, 40_000))

    def _mute(self, model: ChargerModel) -> None:
        if not self._scene.around.faults.strike(Kind.METER_SILENT):
            return
        model.meter_mute_until_ms = self._scene.around.clock.now_ms + self._scene.around.rng.randint(10_000, 60_000)

    def _crash(self) -> None:
        if self._scene.host.engine is None or not self._scene.around.faults.strike(Kind.SERVER_CRASH):
            return
        self.kill()
        self._scene.around.clock.after(self._scene.around.rng.randint(200, 20_000), self._scene.host.boot)

    def kill(self) -> None:
        """Have the server die, and everybody lose it."""
        self._scene.host.kill()
        for model in self._scene.chargers.values():
            if model.link is not None:
                model.link.die()
                model.lost()
        for client in self._scene.clients:
            client.server_died()

    def _step_wall_clock(self) -> None:
        if not self._scene.around.faults.strike(Kind.SERVER_CLOCK):
            return
        self._scene.host.wall_offset_ms = self._scene.around.rng.randint(-7_200_000, 7_200_000)

    def _stop_foreign(self) -> None:
        ids = [row.transaction_id for row in self._scene.store.sessions.values() if row.transaction_id is not None]
        if not ids:
            return
        transaction_id = self._scene.around.rng.choice(ids)
        row = self._scene.store.find_transaction(transaction_id)
        others = [
            model for model in self._scene.chargers.values() if row is not None and model.charger_id != row.charger_id
        ]
        if others and self._scene.around.faults.strike(Kind.FOREIGN_STOP):
            self._scene.around.rng.choice(others).stop_foreign(transaction_id)

    def _remote(self) -> None:
        rng = self._scene.around.rng
        live = [c for c in self._scene.station.chargers if c.charger_id in self._scene.judge.live]
        running = [
            row for row in self._scene.store.sessions.values() if row.driver is Driver.OCPP and row.ended_ms is None
        ]
        if running and self._scene.around.chance(0.5):
            session_id = rng.choice(running).session_id
            self._scene.host.ask(lambda request: SessionStopRequested(request, session_id), lambda _outcome: None)
        elif live:
            charger = rng.choice(live)
            idx = rng.randint(1, charger.connectors)
            new_session_id = self._scene.around.session_id()
            self._scene.host.ask(
                lambda request: SessionRequested(request, charger.charger_id, idx, 50_000, "5E450001", new_session_id),
                lambda _outcome: None,
            )
