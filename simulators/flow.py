"""Where the power goes: limits, hardware and cars, once per step.

A connector offers its car the least of what its charging profiles leave, what its own hardware can give and its share
of what all connectors may take together (the charger's maximum and the ChargePointMaxProfile). Shares are max-min fair
over what the cars would draw. Without a transaction nothing flows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.connector import Connector
from simulators.electrical import Supply, share_out
from simulators.profiles import ProfileBook
from simulators.schedule import CompositePeriod, charger_limit_w, composite, limit_w
from simulators.traits import Obey

MAX_STEP_MS = 1_000
"""A longer pause is walked through in steps of this length."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the charger is built of; powers in W."""

    connectors: int
    max_w: int
    connector_max_w: int
    supply: Supply

    def __post_init__(self) -> None:
        assert self.connectors > 0, "a charger has connectors"
        assert self.max_w > 0, "a charger has some power"
        assert self.connector_max_w > 0, "so has each connector"


class PowerFlow:
    """Moves energy through the connectors of one charger; `obey` tells how it follows its limits."""

    def __init__(
        self,
        hardware: Hardware,
        connectors: Sequence[Connector],
        profiles: ProfileBook,
        now_ms: int,
        obey: Sequence[Obey] = (),
    ) -> None:
        self._hardware = hardware
        self._connectors = connectors
        self._profiles = profiles
        self._flowed_ms = now_ms
        self._obey = obey

    def step(self, now_ms: int) -> None:
        """Let power flow until `now_ms`."""
        while self._flowed_ms < now_ms:
            dt_ms = min(MAX_STEP_MS, now_ms - self._flowed_ms)
            self._flow(dt_ms)
            self._flowed_ms += dt_ms

    def _flow(self, dt_ms: int) -> None:
        at_ms = self._flowed_ms
        allowances_w = [self._allowance_w(connector, at_ms) for connector in self._connectors]
        wants_w = [c.wants_w(w) for c, w in zip(self._connectors, allowances_w, strict=True)]
        floors_w = [connector.floor_w for connector in self._connectors]
        shares_w = share_out(self.charger_limit_w(at_ms), wants_w, floors_w)
        for connector, allowance_w, want_w, share_w in zip(
            self._connectors, allowances_w, wants_w, shares_w, strict=True
        ):
            # To a car that wants nothing the whole allowance is on offer: it is the car that suspends.
            offered_w = share_w if want_w else allowance_w
            connector.flow(dt_ms, offered_w if offered_w >= connector.floor_w else 0)

    def _allowance_w(self, connector: Connector, at_ms: int) -> int:
        if connector.transaction is None or not connector.transaction.energy_allowed:
            return 0
        return self.limit_w(connector, at_ms)

    def limit_w(self, connector: Connector, at_ms: int) -> int:
        """Return what profiles and hardware leave to one connector, W, sharing with its neighbours apart."""
        transaction = connector.transaction
        profile_w = limit_w(
            self._profiles.installed,
            connector.idx,
            at_ms,
            None if transaction is None else transaction.for_profiles(),
            connector.supply,
            connector.phases_used,
        )
        hardware_w = min(connector.max_w, self._hardware.max_w)
        return self._obeyed_w(connector, at_ms, hardware_w if profile_w is None else min(profile_w, hardware_w))

    def charger_limit_w(self, at_ms: int) -> int:
        """Return what all connectors may take together, W."""
        supply = self._hardware.supply
        profile_w = charger_limit_w(self._profiles.installed, at_ms, supply, supply.phases)
        hardware_w = self._hardware.max_w
        return self._obeyed_w(None, at_ms, hardware_w if profile_w is None else min(profile_w, hardware_w))

    def _obeyed_w(self, connector: Connector | None, at_ms: int, limit_w: int) -> int:
        hardware_w = self._hardware.max_w if connector is None else min(connector.max_w, self._hardware.max_w)
        for obey in self._obey:
            limit_w = obey(connector, at_ms, limit_w, hardware_w)
        return limit_w

    def composite(self, connector: Connector, now_ms: int, duration_s: int) -> list[CompositePeriod]:
        """Return the composite schedule of one connector (§5.7)."""
        transaction = connector.transaction
        return composite(
            self._profiles.installed,
            connector.idx,
            now_ms,
            duration_s,
            None if transaction is None else transaction.for_profiles(),
            connector.supply,
            connector.phases_used,
            min(connector.max_w, self._hardware.max_w),
        )

    def composite_of_charger(self, now_ms: int, duration_s: int) -> list[CompositePeriod]:
        """Return the composite schedule of connector 0: what the charger expects to take from the grid (§5.7)."""
        schedules = [self.composite(connector, now_ms, duration_s) for connector in self._connectors]
        starts = sorted({period.start_s for schedule in schedules for period in schedule})
        periods: list[CompositePeriod] = []
        for start_s in starts:
            total_w = sum([p for p in schedule if p.start_s <= start_s][-1].limit_w for schedule in schedules)
            value_w = min(total_w, self.charger_limit_w(now_ms + start_s * 1000))
            if not periods or periods[-1].limit_w != value_w:
                periods.append(CompositePeriod(start_s, value_w))
        return periods
