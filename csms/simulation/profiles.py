"""What a charger remembers of charging profiles and which limit follows from it (OCPP 1.6 §3.13, errata 3.8, 3.37).

Only what a central system may rely on: TxDefaultProfile on connector 0 or n by stack level, TxProfile by connector and
stack level, one period without end. Within a purpose the highest stack level prevails; whether a connector's own
default beats that of connector 0 at a higher level is left open by the specification, so both kinds of charger exist.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ProfileMemory:
    """Profiles of one charger.

    Attributes:
        keeps_tx: a TxProfile outlives its transaction, against §7.10; heeds_tx: it has an effect.
        own_default_first: a TxDefaultProfile on connector n beats one on connector 0 whatever the stack levels.
        defaults: (connector, stack level) → W.
        tx: connector → stack level → (transaction id, W).
    """

    own_default_first: bool = False
    keeps_tx: bool = False
    heeds_tx: bool = True
    defaults: dict[tuple[int, int], int] = field(default_factory=dict)
    tx: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)

    def default_w(self, idx: int) -> int | None:
        """Return the TxDefaultProfile's limit at a connector, W, or None without one."""
        at_idx = [(level, 1, watts) for (at, level), watts in self.defaults.items() if at == idx]
        if at_idx and self.own_default_first:
            return max(at_idx)[2]
        at_zero = [(level, 0, watts) for (at, level), watts in self.defaults.items() if at == 0]
        return max(at_idx + at_zero)[2] if at_idx or at_zero else None

    def limit_w(self, idx: int, *, in_transaction: bool) -> int | None:
        """Return the limit in force at a connector, W; None is unconstrained (§3.13.3: TxProfile overrules)."""
        levels = self.tx.get(idx)
        if in_transaction and levels and self.heeds_tx:
            return levels[max(levels)][1]
        return self.default_w(idx)

    def set_default(self, idx: int, level: int, limit_w: int) -> None:
        """Install a TxDefaultProfile; it replaces one of the same connector and level."""
        self.defaults[idx, level] = limit_w

    def set_tx(self, idx: int, level: int, transaction_id: int, limit_w: int) -> None:
        """Install a TxProfile; it replaces one of the same connector and level."""
        self.tx.setdefault(idx, {})[level] = (transaction_id, limit_w)

    def clear_defaults(self, idx: int | None, level: int | None) -> bool:
        """Remove the TxDefaultProfiles that match, None matching all (§5.5); return whether there was one."""
        gone = [key for key in self.defaults if idx in {None, key[0]} and level in {None, key[1]}]
        for key in gone:
            del self.defaults[key]
        return bool(gone)

    def forget(self) -> None:
        """Forget everything."""
        self.defaults.clear()
        self.tx.clear()

    def end_transaction(self, idx: int) -> None:
        """Forget the TxProfiles of a connector: they live no longer than their transaction (§7.10), but for some."""
        if not self.keeps_tx:
            self.tx.pop(idx, None)

    def clear_tx(self, idx: int) -> bool:
        """Remove the TxProfiles of a connector (§5.5); return whether there was one."""
        return bool(self.tx.pop(idx, None))
