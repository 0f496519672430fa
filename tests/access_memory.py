"""What a store would keep of how chargers prove who they are."""

from csms.core.charger_access import ChargerAccess
from csms.core.ids import ChargerId
from csms.ports import StoreError


class AccessInMemory:
    """Keeps what is written, unless it is told to fail."""

    def __init__(self) -> None:
        self.kept: dict[ChargerId, ChargerAccess] = {}
        self.failure: StoreError | None = None
        self.writes = 0

    async def load_charger_access(self) -> tuple[ChargerAccess, ...]:
        self._fail()
        return tuple(self.kept.values())

    async def write_charger_access(self, kept: ChargerAccess) -> None:
        self._fail()
        self.writes += 1
        self.kept[kept.charger_id] = kept

    async def forget_charger_access(self, charger_id: ChargerId) -> None:
        self._fail()
        self.kept.pop(charger_id, None)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
