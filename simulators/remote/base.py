"""The socket's end of a charger: frames in and out through the package's ChargePoint.

Two rules are added to the package's loop. What an answer of ours promises happens after the answer has left (`_later`).
And frames take effect in the order in which they came: the package hands an answer to the waiting call through a queue
and a thread, so without `exchange` a SetChargingProfile right behind a StartTransaction.conf would be looked at before
the transaction id that it names is known.
"""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

from simulators.charger import Charger
from simulators.connector import Connector
from simulators.outbox import Message
from simulators.vendor import CALL_FAILURES, ChargePoint, PropertyConstraintViolationError, quiet_logger

CALL_TIMEOUT_S = 30
_CALL = 2


class Base(ChargePoint):  # type: ignore[misc]  # the package is not typed
    """One connection of a charger, without any handler yet."""

    def __init__(self, charger: Charger, connection: Any, *, frames: bool = False) -> None:
        super().__init__(
            charger.identity.charger_id, connection, response_timeout=CALL_TIMEOUT_S, logger=quiet_logger(frames=frames)
        )
        self._charger = charger
        self._effects: list[Callable[[], None]] = []
        self._awaited_id = ""
        self._taken = asyncio.Event()

    async def exchange(self, message: Message) -> None:
        """Make one CALL and give what comes of it to the charger, before any later frame is looked at."""
        self._awaited_id = str(uuid.uuid4())
        self._taken.clear()
        try:
            answer = await self.call(message.build(), suppress=False, unique_id=self._awaited_id)
        except CALL_FAILURES as error:
            self._charger.refused(message, str(error))
        except TimeoutError:
            self._charger.refused(message, "no answer")
        else:
            self._charger.confirmed(message, answer)
        finally:
            self._taken.set()

    async def route_message(self, raw_msg: str) -> None:
        """Handle one frame and everything that follows from it."""
        self._charger.registration.heard()
        try:
            await super().route_message(raw_msg)
            if self._is_awaited(json.loads(raw_msg)):
                await self._taken.wait()
        except (TypeError, ValueError, RecursionError) as error:
            # The package lets these out for frames like [2,"1",{},{}]; such a frame cannot be answered.
            self._charger.tell(f"unreadable frame ignored: {error}")
        finally:
            effects, self._effects = self._effects, []
            for effect in effects:
                effect()

    def _is_awaited(self, frame: Any) -> bool:
        """Return whether the frame answers the CALL that is under way."""
        return isinstance(frame, list) and len(frame) > 1 and frame[0] != _CALL and frame[1] == self._awaited_id

    def _later(self, effect: Callable[[], None]) -> None:
        self._effects.append(effect)

    def _connector(self, idx: int) -> Connector:
        connector = self._charger.connector(idx)
        if connector is None:
            raise PropertyConstraintViolationError(details={"cause": f"there is no connector {idx}"})
        return connector
