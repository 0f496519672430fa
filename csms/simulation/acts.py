"""What operators of a world do beside the configuration: caps, and closings of transactions that are over.

Caps lower what cars may have and are taken away again, so the calm begins without any. A closing is an operator's word
that nobody can check (LEDGER.md I5): here it is true, said of a transaction that is over and whose stop its charger has
not been able to tell yet.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from csms.core.capping import CLEAR, SET
from csms.core.caps import CapPurpose
from csms.core.events import CommandRequested, TransactionCloseRequested
from csms.core.ids import ChargerId, CommandId
from csms.core.records import Driver, SessionStored
from csms.core.replies import Outcome
from csms.core.station import Charger
from csms.simulation.faults import Kind
from csms.simulation.frames import Payload, time_text
from csms.simulation.scene import Scene

AGAIN_MS = 5_000


@dataclass(slots=True)
class Acts:
    """One operator's acts."""

    scene: Scene

    def act(self) -> None:
        """Cap something, take the caps of a charger away, or close a transaction."""
        rng = self.scene.around.acts_rng
        die = rng.random()
        if die < 0.3:
            self._close(rng)
        elif self.scene.station.chargers and self.scene.around.faults.strike(Kind.OPERATOR_CAP):
            charger = rng.choice(self.scene.station.chargers)
            body = {} if die < 0.45 else self._profile(rng, charger)
            self._command(charger.charger_id, SET if body else CLEAR, body, lambda _outcome: None)

    def uncap(self) -> None:
        """Take every cap away, and ask again where no answer comes: the process may be about to start."""
        if self.scene.around.odds.acts_ms:
            for charger in self.scene.station.chargers:
                self._uncap(charger.charger_id)

    def _uncap(self, charger_id: ChargerId) -> None:
        answers: list[Outcome] = []
        self._command(charger_id, CLEAR, {}, answers.append)

        def again() -> None:
            if not answers:
                self._uncap(charger_id)

        self.scene.around.clock.after(AGAIN_MS, again)

    def _running(self) -> list[SessionStored]:
        rows = self.scene.store.sessions.values()
        return [row for row in rows if row.driver is Driver.OCPP and row.ended_ms is None and row.transaction_id]

    def _close(self, rng: random.Random) -> None:
        over = [row for row in self._running() if self._is_over(row)]
        if over and self.scene.around.faults.strike(Kind.OPERATOR_CLOSING):
            transaction_id = rng.choice(over).transaction_id
            assert transaction_id is not None, "it was chosen among those that have one"
            self.scene.host.ask(
                lambda request: TransactionCloseRequested(request, transaction_id, "broken"), lambda _outcome: None
            )

    def _is_over(self, row: SessionStored) -> bool:
        """Return whether no car charges at a connector any more whose charger is away."""
        model = self.scene.chargers[row.charger_id]
        here = row.idx <= len(model.outlets) and model.outlets[row.idx - 1].transaction is None
        return here and model.link is None

    def _profile(self, rng: random.Random, charger: Charger) -> Payload:
        """Return a SetChargingProfile.req with one to three periods, from now on or from a time within minutes."""
        mine = [row for row in self._running() if row.charger_id == charger.charger_id]
        purpose = rng.choice(list(CapPurpose))
        idx = rng.randint(0, charger.connectors)
        profile: Payload = {
            "chargingProfileId": rng.randint(1, 5),
            "stackLevel": rng.randint(0, 2),
            "chargingProfilePurpose": purpose.value,
            "chargingProfileKind": "Absolute",
        }
        if purpose is CapPurpose.CHARGER:
            idx = 0
        elif purpose is CapPurpose.TX and mine:
            chosen = rng.choice(mine)
            idx, profile["transactionId"] = chosen.idx, chosen.transaction_id
        elif purpose is CapPurpose.TX:
            profile["chargingProfilePurpose"] = CapPurpose.DEFAULT.value
        starts_s = (0, *sorted(rng.sample(range(10, 300), rng.randint(0, 2))))
        periods = [{"startPeriod": at_s, "limit": rng.randint(0, charger.max_power_w)} for at_s in starts_s]
        schedule: Payload = {"chargingRateUnit": "W", "chargingSchedulePeriod": periods}
        now_ms = self.scene.around.wall_ms() + self.scene.around.server_ahead_ms
        if idx and rng.random() < 0.3:
            profile["chargingProfileKind"] = "Relative"
        elif rng.random() < 0.5:
            schedule["startSchedule"] = time_text(now_ms + rng.randint(-60_000, 120_000))
        if rng.random() < 0.5:
            schedule["duration"] = rng.randint(30, 600)
        if rng.random() < 0.3:
            profile["validTo"] = time_text(now_ms + rng.randint(10_000, 600_000))
        return {"connectorId": idx, "csChargingProfiles": profile | {"chargingSchedule": schedule}}

    def _command(self, charger_id: ChargerId, action: str, body: Payload, told: Callable[[Outcome], None]) -> None:
        command_id = CommandId(f"act{self.scene.around.number('act')}")
        self.scene.host.ask(
            lambda request: CommandRequested(request, command_id, charger_id, action, json.dumps(body), "operator"),
            told,
        )
