"""How a charger treats a CALL: when it takes effect, and when and what it answers.

Everything here is allowed by the ledger: effects up to H after our time-out or abort, answers lost, late or negative
although the limit was applied. An answer never comes before the effect it speaks of.
"""

import random
from dataclasses import dataclass
from enum import Enum

from csms.simulation.faults import Kind


class Word(Enum):
    """What the answer says."""

    TRUTH = "truth"
    REJECTED = "Rejected"
    ERROR = "CALLERROR"


@dataclass(frozen=True, slots=True)
class Handling:
    """Fate of one CALL, delays after its bytes were handed over; None is never."""

    execute_ms: int | None
    answer_ms: int | None
    word: Word = Word.TRUTH
    fault: Kind | None = None


@dataclass(frozen=True, slots=True)
class Manners:
    """Shares of CALLs, in percent, that a charger treats badly.

    Attributes:
        slow: takes effect and is answered within the time-out, but slowly.
        lost: never arrives.
        mute: takes effect at some time up to H after the time-out and is never answered.
        late: takes effect late and is answered after that.
        refused: answered Rejected or CALLERROR without effect.
        liar: answered Rejected or CALLERROR although it took effect.
    """

    slow: int = 0
    lost: int = 0
    mute: int = 0
    late: int = 0
    refused: int = 0
    liar: int = 0

    def handle(self, rng: random.Random) -> Handling:
        """Draw the fate of one CALL."""
        negative = Word.REJECTED if rng.random() < 0.6 else Word.ERROR
        prompt_ms = rng.randint(5, 900)
        fates = (
            (self.slow, _answered(rng, 9_000, Kind.SLOW_ANSWER)),
            (self.lost, Handling(None, None, fault=Kind.LOST_CALL)),
            (self.mute, Handling(rng.randint(0, 72_000), None, fault=Kind.LATE_EXECUTION)),
            (self.late, _answered(rng, 72_000, Kind.LATE_ANSWER)),
            (self.refused, Handling(None, prompt_ms, negative, Kind.REFUSED)),
            (
                self.liar,
                Handling(prompt_ms, prompt_ms + rng.randint(0, 12_000), negative, Kind.REFUSED_BUT_APPLIED),
            ),
        )
        die = rng.random() * 100
        for share, fate in fates:
            if die < share:
                return fate
            die -= share
        return Handling(prompt_ms, prompt_ms + rng.randint(0, 400))


def _answered(rng: random.Random, most_ms: int, fault: Kind) -> Handling:
    first, second = sorted(rng.randint(0, most_ms) for _ in range(2))
    return Handling(first, second, fault=fault)


POLITE = Manners()
"""Prompt and truthful: the manners of the calm at the end of a run."""


AWFUL = Manners(slow=15, lost=8, mute=12, late=12, refused=6, liar=8)


def random_manners(rng: random.Random) -> Manners:
    """Return the manners of one charger: half of them are harmless, some are awful."""
    die = rng.random()
    if die < 0.35:
        return POLITE
    if die < 0.7:
        return Manners(slow=15, lost=2, mute=2, late=3, refused=2, liar=2)
    return AWFUL
