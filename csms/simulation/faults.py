"""The faults of the world: every kind by its name, and the profiles that choose among them.

A kind is injected through `Faults.strike`, which says whether it may happen in this run and counts it. How often one
is tried is drawn from the seed (`fate`, `manners`, `stations`); a profile switches kinds off, or makes every kind
frequent.
"""

from collections import Counter
from collections.abc import Callable, Mapping
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
    LATE_DELIVERY = "late-delivery"
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
    CHARGER_CLOCK_STEP = "charger-clock-step"
    SERVER_CLOCK = "server-clock"
    SERVER_CRASH = "server-crash"
    SERVER_GONE = "server-gone"
    LOST_COMMIT = "lost-commit"
    SLOW_COMMIT = "slow-commit"
    CONFIGURATION_CHANGE = "configuration-change"
    CAPACITY_CUT = "capacity-cut"
    CHARGER_REMOVED = "charger-removed"
    LOST_REST_ANSWER = "lost-rest-answer"
    SILENT_REST_CLIENT = "silent-rest-client"
    FIRST_CONNECTION = "first-connection"
    FIRST_CONNECTION_FULL = "first-connection-full"
    JITTER = "jitter"
    STALL_IN = "stall-in"
    STALL_OUT = "stall-out"
    STALL_BOTH = "stall-both"
    HALF_CLOSE = "half-close"
    DUPLICATE_CONNECTION = "duplicate-connection"
    SILENT_CONNECTED = "silent-connected"
    MESSAGE_IDS_AGAIN = "message-ids-again"
    LATE_QUEUE = "late-queue"
    UNORDERED_QUEUE = "unordered-queue"
    CRASH_BEFORE_CUTS = "crash-before-cuts"
    CRASH_AFTER_CUTS = "crash-after-cuts"
    CRASH_BEFORE_WRITE = "crash-before-write"
    CRASH_AFTER_WRITE = "crash-after-write"
    CRASH_AFTER_ANSWERS = "crash-after-answers"
    CRASH_AFTER_SENDS = "crash-after-sends"
    CRASH_IN_RECOVERY = "crash-in-recovery"
    FAILING_DISK = "failing-disk"
    FULL_DISK = "full-disk"
    LOOP_STALL = "loop-stall"
    METER_FROZEN = "meter-frozen"
    METER_NAN = "meter-nan"
    METER_JUMPING = "meter-jumping"
    METER_NEGATIVE = "meter-negative"
    METER_ABSENT = "meter-absent"
    WAKING_SURGE = "waking-surge"
    OVERDRAW = "overdraw"
    LEAVES_AT_ZERO = "leaves-at-zero"
    SLOW_WAKE = "slow-wake"
    MINIMUM_CURRENT = "minimum-current"
    BASE_LOAD = "base-load"
    PHASES_SWITCHED = "phases-switched"
    PHASES_FROZEN = "phases-frozen"
    PHASES_GARBAGE = "phases-garbage"
    OPERATOR_CAP = "operator-cap"
    OPERATOR_CLOSING = "operator-closing"
    REFUSES_ALL = "refuses-all"
    REFUSES_ZERO = "refuses-zero"
    REJECTS_BUT_APPLIES = "rejects-but-applies"
    ANSWERS_LATE = "answers-late"
    DEFAULT_ONLY = "default-only"
    FORGETS_SUSPENDED = "forgets-suspended"
    IGNORES = "ignores"
    APPLIES_LATE = "applies-late"
    ONE_FOR_ALL = "one-for-all"
    FORGETS_AT_REBOOT = "forgets-at-reboot"
    ROUNDS_UP = "rounds-up"
    RESUMES_UNLIMITED = "resumes-unlimited"
    EXECUTES_AFTER_H = "executes-after-h"
    BATTERY_SILENT = "battery-silent"
    BATTERY_WEAK = "battery-weak"
    BATTERY_REFUSES = "battery-refuses"
    BATTERY_TRIPS = "battery-trips"
    BATTERY_JUMPS = "battery-jumps"
    SITE_METER_FROZEN = "site-meter-frozen"
    SITE_METER_ABSENT = "site-meter-absent"
    SITE_METER_ABSURD = "site-meter-absurd"
    CAPACITY_EVENT = "capacity-event"
    CAPACITY_EVENT_AT_ONCE = "capacity-event-at-once"
    OPERATOR_SILENT = "grid-operator-silent"


MEANINGS: Mapping[Kind, str] = {
    Kind.RESET: "a connection ends, and both sides know it",
    Kind.HALF_OPEN: "a charger comes back on a second connection before the first is known to be gone",
    Kind.LOST_CALL: "a CALL never arrives",
    Kind.SLOW_ANSWER: "a CALL takes effect and is answered within 9 s",
    Kind.LATE_ANSWER: "a CALL takes effect, and is answered after it, up to 72 s after it left",
    Kind.LATE_DELIVERY: "a CALL arrives 3 to 60 s after it left, also after newer ones",
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
    Kind.CHARGER_CLOCK_STEP: "a charger's clock is stepped by up to 5 min while it goes on",
    Kind.SERVER_CLOCK: "the server's wall clock is stepped by up to 2 h",
    Kind.SERVER_CRASH: "the central system's process is killed",
    Kind.SERVER_GONE: "after the storm the central system dies and never returns",
    Kind.LOST_COMMIT: "a step that a crash took away before it was durable",
    Kind.SLOW_COMMIT: "a commit takes 0.1 to 6 s",
    Kind.CONFIGURATION_CHANGE: "the operator changes a charger, or brings a removed one back",
    Kind.CAPACITY_CUT: "the operator lowers the capacity of the grid connection",
    Kind.CHARGER_REMOVED: "the operator removes a charger, which may be charging",
    Kind.LOST_REST_ANSWER: "a REST client does not get its answer",
    Kind.SILENT_REST_CLIENT: "a REST client says nothing for 60 to 120 s",
    Kind.FIRST_CONNECTION: "a charger connects for the first time while the station is busy",
    Kind.FIRST_CONNECTION_FULL: "a charger connects for the first time while a fuse of it is booked to its capacity",
    Kind.JITTER: "for 10 to 60 s frames of a connection are under way for up to 3 s, in order",
    Kind.STALL_IN: "for 2 to 30 s nothing that a charger says arrives, then all of it at once",
    Kind.STALL_OUT: "for 2 to 30 s nothing that a charger is told arrives, then all of it at once",
    Kind.STALL_BOTH: "for 2 to 30 s nothing arrives in either direction, then all of it at once",
    Kind.HALF_CLOSE: "a connection has ended for the server, and its charger notices 5 to 40 s later",
    Kind.DUPLICATE_CONNECTION: "somebody connects with the id of a charger that is connected, from elsewhere",
    Kind.SILENT_CONNECTED: "a charger neither says nor hears anything for 20 to 120 s, and stays connected",
    Kind.MESSAGE_IDS_AGAIN: "a charger begins its message ids anew after a reboot",
    Kind.LATE_QUEUE: "transaction messages wait for 5 to 90 s after a reconnection",
    Kind.UNORDERED_QUEUE: "a transaction message is told before one that is older",
    Kind.CRASH_BEFORE_CUTS: "the process is killed after a decision, before its cuts leave",
    Kind.CRASH_AFTER_CUTS: "the process is killed when cuts have left, before anything of them is written",
    Kind.CRASH_BEFORE_WRITE: "the process is killed when commands and answers wait for a write",
    Kind.CRASH_AFTER_WRITE: "the process is killed after a write, before anything that waited for it leaves",
    Kind.CRASH_AFTER_ANSWERS: "the process is killed after the answers, before the commands of that step",
    Kind.CRASH_AFTER_SENDS: "the process is killed when commands have left after their write",
    Kind.CRASH_IN_RECOVERY: "the process is killed again after its start, before its first write",
    Kind.FAILING_DISK: "a write fails, and all that waits with it",
    Kind.FULL_DISK: "every write fails for 3 to 30 s",
    Kind.LOOP_STALL: "the process does nothing for 1 to 10 s, and then all at once",
    Kind.METER_FROZEN: "for 30 to 180 s a charger tells the meter values that it told last",
    Kind.METER_NAN: "for 30 to 180 s its meter values are NaN",
    Kind.METER_JUMPING: "for 30 to 180 s its meter values are far too high or too low",
    Kind.METER_NEGATIVE: "for 30 to 180 s its meter values are negative",
    Kind.METER_ABSENT: "for 30 to 180 s its meter values have neither power nor energy",
    Kind.WAKING_SURGE: "a car that wakes draws up to 10 % above its limit for 2 s",
    Kind.OVERDRAW: "a car that draws 2 % above its limit",
    Kind.LEAVES_AT_ZERO: "a car ends its session when it is offered 0 W",
    Kind.SLOW_WAKE: "a car that needs 5 to 60 s to wake when it is offered power after none",
    Kind.MINIMUM_CURRENT: "a car that draws nothing below its own minimum: 6 A a phase, DC 0.5 to 3 kW",
    Kind.BASE_LOAD: "the base load is above its configured maximum for 10 to 60 s",
    Kind.PHASES_SWITCHED: "a car goes over to other phases while it charges, e.g. from one to three",
    Kind.PHASES_FROZEN: "for 30 to 180 s a charger tells the currents of its phases that it told last, and true powers",
    Kind.PHASES_GARBAGE: "for 30 to 180 s a charger tells any currents of its phases, and true powers",
    Kind.OPERATOR_CAP: "an operator caps a charger, a connector or a transaction, or takes the caps away",
    Kind.OPERATOR_CLOSING: "an operator closes a transaction that is over, whose charger is away",
    Kind.REFUSES_ALL: "a charger that rejects every profile",
    Kind.REFUSES_ZERO: "a charger that rejects every limit of 0",
    Kind.REJECTS_BUT_APPLIES: "a charger that answers Rejected to every limit, and applies it",
    Kind.ANSWERS_LATE: "a charger that answers every limit 12 to 40 s later",
    Kind.DEFAULT_ONLY: "a charger that accepts TxProfiles, and heeds only TxDefaultProfiles",
    Kind.FORGETS_SUSPENDED: "a charger that forgets the TxProfile of a suspended transaction",
    Kind.IGNORES: "a charger that accepts limits and ignores them",
    Kind.APPLIES_LATE: "a charger that accepts limits and applies them 30 s later",
    Kind.ONE_FOR_ALL: "a charger that applies the limit of one connector to all",
    Kind.FORGETS_AT_REBOOT: "a charger that forgets every profile at a reboot",
    Kind.ROUNDS_UP: "a charger that rounds limits up to whole amperes",
    Kind.RESUMES_UNLIMITED: "a charger that resumes from 0 without a limit",
    Kind.EXECUTES_AFTER_H: "a charger that executes some limits later than H after their time-out",
    Kind.BATTERY_SILENT: "for 5 to 150 s the battery is neither heard nor told anything",
    Kind.BATTERY_WEAK: "for 20 to 120 s the battery gives a part of what it is told, and says nothing of it",
    Kind.BATTERY_REFUSES: "for 20 to 120 s the battery is not controlled from here, and gives and takes nothing",
    Kind.BATTERY_TRIPS: "the battery gives nothing from one moment to the next, for 20 to 120 s",
    Kind.BATTERY_JUMPS: "the battery's state of charge becomes another one",
    Kind.SITE_METER_FROZEN: "for 10 to 90 s the site's meter shows what it showed last",
    Kind.SITE_METER_ABSENT: "for 10 to 90 s the site's meter cannot be read",
    Kind.SITE_METER_ABSURD: "for 10 to 90 s the site's meter shows what cannot be",
    Kind.CAPACITY_EVENT: "the grid operator tells a limit that begins 30 to 90 s later",
    Kind.CAPACITY_EVENT_AT_ONCE: "the grid operator tells a limit that is in force already",
    Kind.OPERATOR_SILENT: "nothing is heard of the grid operator for 30 to 200 s",
}

CHARACTERS = (
    Kind.REFUSES_ALL,
    Kind.REFUSES_ZERO,
    Kind.REJECTS_BUT_APPLIES,
    Kind.ANSWERS_LATE,
    Kind.DEFAULT_ONLY,
    Kind.FORGETS_SUSPENDED,
)
"""What a charger may be for its whole life without making anything that is booked untrue."""

LIES = (
    Kind.IGNORES,
    Kind.APPLIES_LATE,
    Kind.ONE_FOR_ALL,
    Kind.FORGETS_AT_REBOOT,
    Kind.ROUNDS_UP,
    Kind.RESUMES_UNLIMITED,
    Kind.EXECUTES_AFTER_H,
)
"""What a charger may be for its whole life against the assumptions of the ledger (I2): declared lies."""

OF_ENERGY = (
    Kind.BATTERY_SILENT,
    Kind.BATTERY_WEAK,
    Kind.BATTERY_REFUSES,
    Kind.BATTERY_TRIPS,
    Kind.BATTERY_JUMPS,
    Kind.SITE_METER_FROZEN,
    Kind.SITE_METER_ABSENT,
    Kind.SITE_METER_ABSURD,
    Kind.CAPACITY_EVENT,
    Kind.CAPACITY_EVENT_AT_ONCE,
    Kind.OPERATOR_SILENT,
)
"""What happens to battery, meter and capacity of a site: in worlds with energy alone (`csms.simulation.site`)."""

CRASH_POINTS = (
    Kind.CRASH_BEFORE_CUTS,
    Kind.CRASH_AFTER_CUTS,
    Kind.CRASH_BEFORE_WRITE,
    Kind.CRASH_AFTER_WRITE,
    Kind.CRASH_AFTER_ANSWERS,
    Kind.CRASH_AFTER_SENDS,
)

METERS = (
    Kind.METER_FROZEN,
    Kind.METER_NAN,
    Kind.METER_JUMPING,
    Kind.METER_NEGATIVE,
    Kind.METER_ABSENT,
)
"""What may become of a meter."""

OF_PHASES = (Kind.PHASES_SWITCHED, Kind.PHASES_FROZEN, Kind.PHASES_GARBAGE)
"""What happens only where fuses are limited on each phase."""

STAMPS_DOUBTED_MS = 120_000
"""For so long after our own clock or a charger's was stepped a charger's stamps may be taken for old ones."""

_LOSES_CONNECTION = (
    Kind.RESET,
    Kind.HALF_OPEN,
    Kind.HALF_CLOSE,
    Kind.DUPLICATE_CONNECTION,
    Kind.REBOOT,
    Kind.SERVER_CRASH,
    *CRASH_POINTS,
)
_KILLS_SERVER = (Kind.SERVER_CRASH, *CRASH_POINTS)

CARRIERS: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.FORGOTTEN_CALLS: (Kind.REBOOT,),
    Kind.LOST_PROFILE: (Kind.REBOOT,),
    Kind.LOST_TRANSACTION: (Kind.REBOOT,),
    Kind.MESSAGE_IDS_AGAIN: (Kind.REBOOT,),
    Kind.FORGETS_AT_REBOOT: (Kind.REBOOT,),
    Kind.UNCALLED_BOOT: _LOSES_CONNECTION,
    Kind.SILENT_RECONNECT: _LOSES_CONNECTION,
    Kind.OFFLINE_START: _LOSES_CONNECTION,
    Kind.OFFLINE_STOP: _LOSES_CONNECTION,
    Kind.LATE_METER_VALUES: _LOSES_CONNECTION,
    Kind.LATE_QUEUE: _LOSES_CONNECTION,
    Kind.UNORDERED_QUEUE: (Kind.LATE_QUEUE,),
    Kind.LOST_COMMIT: _KILLS_SERVER,
    Kind.CRASH_IN_RECOVERY: _KILLS_SERVER,
    Kind.FIRST_CONNECTION_FULL: (Kind.FIRST_CONNECTION,),
}
"""Kinds that happen only when another does: one of those, and the first where none of them is chosen."""

LONGEST_STALL_MS = 10_000
"""So long the process may stand still."""


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
    if text in profiles:
        return profiles[text]
    kinds = read_kinds(text)
    return f"{kinds}; profiles: {', '.join(profiles)}" if isinstance(kinds, str) else kinds


def read_kinds(text: str) -> frozenset[Kind] | str:
    """Return the kinds named in `text`, separated by commas; else a sentence that says what is wrong."""
    kinds = {kind.value: kind for kind in Kind}
    names = text.split(",")
    unknown = [name for name in names if name not in kinds]
    if unknown:
        return f"{unknown[0]!r} is no fault; kinds: {', '.join(kinds)}"
    return frozenset(kinds[name] for name in names)


def choice_text(choice: Choice) -> str:
    """Return the text that `read_choice` reads as this choice."""
    return choice.value if isinstance(choice, Profile) else kinds_text(choice)


def kinds_text(kinds: frozenset[Kind]) -> str:
    """Return the text that `read_kinds` reads as these."""
    return ",".join(sorted(kind.value for kind in kinds))


def allowed(choice: Choice) -> frozenset[Kind]:
    """Return the kinds that may happen."""
    match choice:
        case Profile.DRAWN | Profile.STORM:
            return frozenset(Kind)
        case Profile.NONE:
            return frozenset()
        case frozenset():
            return choice | carriers(choice)
        case _:
            assert_never(choice)


def carriers(chosen: frozenset[Kind]) -> frozenset[Kind]:
    """Return the kinds without which some of those chosen would never happen, and none of which is chosen."""
    missing = {CARRIERS[kind][0] for kind in chosen if kind in CARRIERS and chosen.isdisjoint(CARRIERS[kind])}
    return frozenset(missing | carriers(chosen | missing)) if missing else frozenset()


@dataclass(slots=True)
class Faults:
    """What may happen in one run, and how often it did."""

    allowed: frozenset[Kind] = frozenset(Kind)
    struck: Counter[Kind] = field(default_factory=Counter)
    now_ms: Callable[[], int] = lambda: 0
    stalled_until_ms: int = 0
    """Until then the process may do nothing, so that nobody is told anything."""
    doubted_until_ms: int = 0
    """Until then the stamps of all chargers may be taken for old ones."""

    def strike(self, kind: Kind) -> bool:
        """Return whether a fault that is due may happen; it is counted then."""
        if kind not in self.allowed:
            return False
        self.struck[kind] += 1
        if kind is Kind.SERVER_CLOCK:
            self.doubted_until_ms = self.now_ms() + STAMPS_DOUBTED_MS
        elif kind is Kind.LOOP_STALL:
            self.stalled_until_ms = self.now_ms() + LONGEST_STALL_MS
        return True
