"""The socket's end of a charger: frames in through the package's ChargePoint, effects after the answers."""

from collections.abc import Callable
from typing import Any

from simulators.charger import Charger
from simulators.connector import Connector
from simulators.vendor import ChargePoint, PropertyConstraintViolationError, quiet_logger

CALL_TIMEOUT_S = 30


class Base(ChargePoint):  # type: ignore[misc]  # the package is not typed
    """One connection of a charger, without any handler yet."""

    def __init__(self, charger: Charger, connection: Any, *, frames: bool = False) -> None:
        super().__init__(
            charger.identity.charger_id, connection, response_timeout=CALL_TIMEOUT_S, logger=quiet_logger(frames=frames)
        )
        self._charger = charger
        self._effects: list[Callable[[], None]] = []

    async def route_message(self, raw_msg: str) -> None:
        """Handle one frame, then let the effects happen that had to wait for its answer."""
        self._charger.registration.heard()
        try:
            await super().route_message(raw_msg)
        except (TypeError, ValueError, RecursionError) as error:
            # The package lets these out for frames like [2,"1",{},{}]; such a frame cannot be answered.
            self._charger.tell(f"unreadable frame ignored: {error}")
        finally:
            effects, self._effects = self._effects, []
            for effect in effects:
                effect()

    def _later(self, effect: Callable[[], None]) -> None:
        self._effects.append(effect)

    def _connector(self, idx: int) -> Connector:
        connector = self._charger.connector(idx)
        if connector is None:
            raise PropertyConstraintViolationError(details={"cause": f"there is no connector {idx}"})
        return connector
