"""The faults of the world: every kind by its name, and the profiles that choose among them.

A kind is injected through `Faults.strike`, which says whether it may happen in this run and counts it. How often one
is tried is drawn from the seed (`fate`, `manners`, `stations`); a profile switches kinds off, or makes every kind
frequent.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import assert_never


class Kind(Enum):
    """One kind of fault; the value is the name under which it is switched and counted."""

    RESET = "reset"
    HALF_OPEN = "half-open"
    LOST_CALL = "lost-call"
    SLOW_ANSWER = "slow-answer"
    LATE_ANSWER = "late-answer"
    LATE_EXECUTION = "late-execution"
    REFUSED = "refused"
    REFUSED_BUT_APPLIED = "refused-but-applied"
    REPEATED_FRAME = "repeated-frame"
    REPEATED_MESSAGE = "repeated-message"
    REBOOT = "reboot"
    FORGOTTEN_CALLS = "forgotten-calls"
    LOST_PROFILE = "lost-profile"
    LOST_TRANSACTION = "lost-transaction"
    UNCALLED_BOOT = "uncalled-boot"
    SILENT_RECONNECT = "silent-reconnect"
    OFFLINE_START = "offline-start"
    OFFLINE_STOP = "offline-stop"
    FOREIGN_STOP = "foreign-stop"
    METER_SILENT = "meter-silent"
    LATE_METER_VALUES = "late-meter-values"
    CHARGER_CLOCK = "charger-clock"
    SERVER_CLOCK = "server-clock"
    SERVER_CRASH = "server-crash"
    LOST_COMMIT = "lost-commit"
    SLOW_COMMIT = "slow-commit"
    CONFIGURATION_CHANGE = "configuration-change"
    CAPACITY_CUT = "capacity-cut"
    CHARGER_REMOVED = "charger-removed"
    LOST_REST_ANSWER = "lost-rest-answer"
    SILENT_REST_CLIENT = "silent-rest-client"


MEANINGS: Mapping[Kind, str] = {
    Kind.RESET: "a connection ends, and both sides know it",
    Kind.HALF_OPEN: "a charger comes back on a second connection before the first is known to be gone",
    Kind.LOST_CALL: "a CALL never arrives",
    Kind.SLOW_ANSWER: "a CALL takes effect and is answered within 9 s",
    Kind.LATE_ANSWER: "a CALL takes effect, and is answered after it, up to 72 s after it left",
    Kind.LATE_EXECUTION: "a CALL takes effect up to 60 s after its time-out, and is never answered",
    Kind.REFUSED: "a CALL is answered Rejected or with a CALLERROR",
    Kind.REFUSED_BUT_APPLIED: "a CALL is answered Rejected or with a CALLERROR although it took effect",
    Kind.REPEATED_FRAME: "a charger sends the same CALL, with the same id, twice on a connection",
    Kind.REPEATED_MESSAGE: "starts, stops, answers and meter values reach the engine twice",
    Kind.REBOOT: "a charger loses power for 1 to 40 s",
    Kind.FORGOTTEN_CALLS: "a reboot forgets CALLs that were received and not executed",
    Kind.LOST_PROFILE: "a reboot forgets the TxProfile of a transaction that goes on",
    Kind.LOST_TRANSACTION: "a reboot ends a transaction (PowerLoss)",
    Kind.UNCALLED_BOOT: "BootNotification after a reconnection without a boot",
    Kind.SILENT_RECONNECT: "after a reconnection only changed statuses are told",
    Kind.OFFLINE_START: "a car starts to charge without a connection; the start is told later",
    Kind.OFFLINE_STOP: "a car stops charging without a connection; the stop is told later",
    Kind.FOREIGN_STOP: "a charger stops another charger's transaction",
    Kind.METER_SILENT: "no meter values for 10 to 60 s",
    Kind.LATE_METER_VALUES: "meter values of the time without a connection are told later",
    Kind.CHARGER_CLOCK: "a message of a charger whose clock is up to 5 min wrong",
    Kind.SERVER_CLOCK: "the server's wall clock is stepped by up to 2 h",
    Kind.SERVER_CRASH: "the central system's process is killed",
    Kind.LOST_COMMIT: "a step that a crash took away before it was durable",
    Kind.SLOW_COMMIT: "a commit takes 0.1 to 6 s",
    Kind.CONFIGURATION_CHANGE: "the operator changes a charger, or brings a removed one back",
    Kind.CAPACITY_CUT: "the operator lowers the capacity of the grid connection",
    Kind.CHARGER_REMOVED: "the operator removes a charger, which may be charging",
    Kind.LOST_REST_ANSWER: "a REST client does not get its answer",
    Kind.SILENT_REST_CLIENT: "a REST client says nothing for 60 to 120 s",
}


class Profile(Enum):
    """Which faults a run may have when none are named."""

    DRAWN = "drawn"
    """The seed draws which kinds happen and how often."""
    STORM = "storm"
    """Every kind, often."""
    NONE = "none"
    """A quiet day."""


Choice = Profile | frozenset[Kind]
"""A profile, or the only kinds that may happen (often)."""


def read_choice(text: str) -> Choice | str:
    """Return what `text` chooses, a profile or kinds separated by commas; else a sentence that says what is wrong."""
    profiles = {profile.value: profile for profile in Profile}
    kinds = {kind.value: kind for kind in Kind}
    if text in profiles:
        return profiles[text]
    names = text.split(",")
    unknown = [name for name in names if name not in kinds]
    if unknown:
        return f"{unknown[0]!r} is no fault; profiles: {', '.join(profiles)}; kinds: {', '.join(kinds)}"
    return frozenset(kinds[name] for name in names)


def choice_text(choice: Choice) -> str:
    """Return the text that `read_choice` reads as this choice."""
    return choice.value if isinstance(choice, Profile) else ",".join(sorted(kind.value for kind in choice))


def allowed(choice: Choice) -> frozenset[Kind]:
    """Return the kinds that may happen."""
    match choice:
        case Profile.DRAWN | Profile.STORM:
            return frozenset(Kind)
        case Profile.NONE:
            return frozenset()
        case frozenset():
            return choice
        case _:
            assert_never(choice)


@dataclass(slots=True)
class Faults:
    """What may happen in one run, and how often it did."""

    allowed: frozenset[Kind] = frozenset(Kind)
    struck: Counter[Kind] = field(default_factory=Counter)

    def strike(self, kind: Kind) -> bool:
        """Return whether a fault that is due may happen; it is counted then."""
        if kind not in self.allowed:
            return False
        self.struck[kind] += 1
        return True
