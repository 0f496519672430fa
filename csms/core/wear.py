"""How often a charger may be told what it keeps in flash memory (OCPP 1.6 §3.13: default profiles outlive a reboot).

Each TxDefaultProfile may be a write; a TxProfile need not be. A charger that is steered by its defaults is told a new
one with each change of a limit, and its memory wears. So there is a budget: the time of `timings.wear_day_ms` is paid
out evenly over `timings.wear_writes` writes, what was not used is saved up to one day, and each write takes its part.

What a cut, the first power of a car, the end of a transaction, a reconnect or a boot needs is counted and never held
back. Raises wait for the budget: then what is right at that time is told, and all that would have come before is in it.
"""

from dataclasses import dataclass

from csms.core.timings import Timings


@dataclass(slots=True)
class Wear:
    """The budget of one charger: paid up to `paid_ms`, monotonic; that is in the future while it is used."""

    paid_ms: int = 0

    def written(self, now_ms: int, timings: Timings) -> None:
        """Count a write; what was never held back overdraws the budget by one more day at most."""
        part_ms = timings.wear_day_ms // timings.wear_writes
        self.paid_ms = min(max(self.paid_ms, now_ms) + part_ms, now_ms + 2 * timings.wear_day_ms)

    def free_ms(self, timings: Timings) -> int:
        """Return from when on there is budget for one more write, monotonic ms."""
        return self.paid_ms - timings.wear_day_ms + timings.wear_day_ms // timings.wear_writes
