"""Conducting an acceptance test: doing what its steps want, until the last one has its outcome.

What it is done with (a server, a person, a clock) is given, so that a test may give others.
"""

from collections.abc import Sequence
from typing import Protocol

from csms.cli.accepting.caps import clearing
from csms.cli.accepting.looks import Json, Look, Reply
from csms.cli.accepting.machine import Ask, Begun, Case, Effect, Ended, Outcome, Please, Say, Step, Wait, whole_course


class Hands(Protocol):
    """Everything outside."""

    def ask(self, ask: Ask) -> Json | str:
        """Make a request; return the document, or in words why there is none."""
        ...

    def please(self, please: Please) -> bool:
        """Ask the person; return whether it was done."""
        ...

    def show(self, effect: Say | Begun | Ended) -> None:
        """Show how far it has come."""
        ...

    def wait(self) -> None:
        """Let a moment pass."""
        ...

    def now_ms(self) -> int:
        """Return the time by a clock that only runs forward."""
        ...


class Conductor:
    """Conducts the test of one connector; `look` is the last one."""

    def __init__(self, case: Case, hands: Hands, frames: int = 200) -> None:
        self._case = case
        self._hands = hands
        self._messages = Ask("GET", f"{case.path}/messages?limit={frames}")
        self.look = self.looked()

    def looked(self, reply: Reply | None = None, *, consents: bool = True) -> Look:
        """Look at the charger."""
        known = self._hands.ask(Ask("GET", self._case.path))
        messages = self._hands.ask(self._messages)
        frames = () if isinstance(messages, str) else tuple(messages["messages"])
        document = None if isinstance(known, str) else known
        self.look = Look(self._hands.now_ms(), self._case.idx, document, frames, reply, consents)
        return self.look

    def conduct(self, steps: Sequence[Step], skipped: frozenset[str]) -> list[Outcome]:
        """Go through the steps; however that ends, no limit of the test stays."""
        course = whole_course(self._case, steps, skipped, self.look)
        try:
            effect = next(course)
            while True:
                effect = course.send(self._perform(effect))
        except StopIteration as ended:
            outcomes: list[Outcome] = ended.value
            return outcomes
        finally:
            self.tidy()

    def tidy(self) -> None:
        """Clear the test's limit, if it stands."""
        clear = clearing(self._case.path, self.looked())
        if clear is not None:
            self._hands.ask(clear)
            self.looked()

    def _perform(self, effect: Effect) -> Look:
        match effect:
            case Wait():
                self._hands.wait()
            case Say() | Begun() | Ended():
                self._hands.show(effect)
            case Please():
                return self.looked(consents=self._hands.please(effect))
            case Ask():
                reply = self._hands.ask(effect)
                return self.looked(Reply(None, reply) if isinstance(reply, str) else Reply(reply))
        return self.looked()
