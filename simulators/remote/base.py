"""The socket's end of a charger: frames in and out through the package's ChargePoint.

Two rules are added to the package's loop. What an answer of ours promises happens after the answer has left (`_later`).
And frames take effect in the order in which they came: the package hands an answer to the waiting call through a queue
and a thread, so without `exchange` a SetChargingProfile right behind a StartTransaction.conf would be looked at before
the transaction id that it names is known.

The charger's traits act on frames here and nowhere else, each frame being checked by the package before: an outgoing
one is altered as late as possible (`_send`), an incoming one looked at as early as possible (`route_message`).
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from websockets.exceptions import ConnectionClosed

from simulators.charger import Charger
from simulators.connector import Connector
from simulators.outbox import Message
from simulators.traits import Answer, Asked, Failure
from simulators.vendor import CALL_FAILURES, ChargePoint, PropertyConstraintViolationError, quiet_logger

CALL_TIMEOUT_S = 30
_CALL, _CALLRESULT, _CALLERROR = 2, 3, 4


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
        self.was_addressed = False
        """A frame has come."""
        self._asked: dict[str, Asked] = {}
        """CALLs of the central system that were not answered yet, by id."""
        self.delayed: set[asyncio.Task[None]] = set()
        """Answers that are held back."""

    async def exchange(self, message: Message) -> None:
        """Make one CALL and give what comes of it to the charger, before any later frame is looked at."""
        self._awaited_id = self._charger.traits.new_id()
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
        self.was_addressed = True
        self._charger.registration.heard()
        try:
            frame = json.loads(raw_msg)
            if not await self._is_dropped(frame):
                await super().route_message(raw_msg)
                if self._is_awaited(frame):
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

    async def _is_dropped(self, frame: Any) -> bool:
        """Return whether a frame is not handled as usual, because a trait drops it or has answered it."""
        charger = self._charger
        if not isinstance(frame, list):
            return False  # the package says what is wrong with it
        if not all(hear(charger, frame) for hear in charger.traits.hear):
            return True
        match frame:
            case [2, str(unique_id), str(action), payload]:
                asked = self._asked[unique_id] = Asked(unique_id, action, payload)
            case _:
                return False
        answers = (instead(charger, asked) for instead in charger.traits.instead)
        answer = next((answer for answer in answers if answer is not None), None)
        if answer is None:
            return False
        if isinstance(answer, Failure):
            await self._send(_text([_CALLERROR, unique_id, answer.code, "", {}]))
        else:
            await self._send(_text([_CALLRESULT, unique_id, answer]))
        return True

    async def _send(self, message: str) -> None:
        """Send a frame as the traits make it."""
        frame = json.loads(message)
        asked = None if frame[0] == _CALL else self._asked.pop(frame[1], None)
        if asked is None:
            await self._send_texts(self._altered_call(message, frame))
            return
        answer: Answer | None = Answer(frame)
        for alter in self._charger.traits.answers:
            if answer is not None:
                answer = alter(self._charger, asked, answer)
        if answer is None:
            return
        text = message if answer.frame is frame else _text(answer.frame)
        if answer.delay_ms:
            self._send_delayed(text, answer.delay_ms)
        else:
            await self._send_texts(text)

    def _altered_call(self, message: str, frame: list[Any]) -> str:
        """Return a CALL, or what answers no CALL, as the traits make it."""
        alterations = self._charger.traits.calls
        if frame[0] != _CALL or not alterations:
            return message
        _, unique_id, action, payload = frame
        for alter in alterations:
            payload = alter(self._charger, action, payload)
        return _text([_CALL, unique_id, action, payload])

    async def _send_texts(self, text: str) -> None:
        texts: Iterable[str] = (text,)
        for alter in self._charger.traits.texts:
            texts = [made for one in texts for made in alter(one)]
        for one in texts:
            await super()._send(one)

    def _send_delayed(self, text: str, delay_ms: int) -> None:
        clock = self._charger.clock

        async def send() -> None:
            await clock.sleep_until_ms(clock.now_ms() + delay_ms)
            with contextlib.suppress(ConnectionClosed):
                await self._send_texts(text)

        task = asyncio.create_task(send(), name="delayed answer")
        self.delayed.add(task)
        task.add_done_callback(self.delayed.discard)

    def _later(self, effect: Callable[[], None]) -> None:
        self._effects.append(effect)

    def _connector(self, idx: int) -> Connector:
        connector = self._charger.connector(idx)
        if connector is None:
            raise PropertyConstraintViolationError(details={"cause": f"there is no connector {idx}"})
        return connector


def _text(frame: list[Any]) -> str:
    """Write a frame the way the package does."""
    return json.dumps(frame, separators=(",", ":"))
