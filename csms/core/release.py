"""What a release has to undo at one charger, and how far it has come (`csms.core.releasing` carries it out).

A `Release` is a document in its charger's row: it is durable with what has been done, and as long as it is there
nothing is written to the charger of our own accord. The stage of the step that is under way is not durable and begins
anew after a restart: whatever a release asks may be asked twice.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from csms.core.certificates import Named
from csms.core.ids import Token
from csms.core.station import Charger, Control, Mode


class ReleaseState(StrEnum):
    """How far a release has come."""

    RELEASING = "releasing"
    RELEASED = "released"
    """Everything was undone, and that was seen."""
    INCOMPLETE = "incomplete"
    """Nothing more is done: something was not undone, or could not be seen to be."""


class Trace(StrEnum):
    """What this system may have left in a charger."""

    PROFILE = "profile"
    LIMIT = "limit"
    """Not a thing of its own: what a connector says is in force, once the profiles are gone."""
    RESERVATION = "reservation"
    LOCAL_LIST = "local_list"
    KEY = "key"
    CONNECTOR = "connector"
    """It was told to be Inoperative, because nothing else had an effect."""
    CERTIFICATE = "certificate"
    """An operator's command has installed it, or deleted one that was there before."""
    FOREIGN_PROFILE = "foreign_profile"
    """What another central system had left, and this one has cleared: nobody can put it back."""


class StepState(StrEnum):
    """What became of one trace."""

    OPEN = "open"
    UNDONE = "undone"
    UNVERIFIED = "unverified"
    """The charger says that it has done it, and cannot be seen to have."""
    NOT_UNDONE = "not_undone"


@dataclass(frozen=True, slots=True)
class Installed:
    """A certificate that an operator's command has installed: for which use, as text, and what was there before."""

    use: str
    pem: str
    before: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """One trace that is undone.

    Attributes:
        name: of the key, the number of the profile, reservation or connector, a certificate's use and serial number;
            empty for the local list.
        before: of a key: the value to be put back.
        detail: what there is to say about how it ended.
        installed: of a certificate: what is to be taken out.
    """

    trace: Trace
    name: str = ""
    before: str | None = None
    state: StepState = StepState.OPEN
    detail: str = ""
    installed: Installed | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A charger that is taken out, or was. Times UTC ms.

    Attributes:
        unanswered: something that undoes was sent and not answered: it may be executed for some time yet.
        ended_ms: nothing more is done.
    """

    asked_by: str
    asked_ms: int
    forced: bool
    steps: tuple[ReleaseStep, ...]
    state: ReleaseState = ReleaseState.RELEASING
    unanswered: bool = False
    ended_ms: int | None = None

    @property
    def is_under_way(self) -> bool:
        """Return whether something is still to be done."""
        return self.state is ReleaseState.RELEASING

    def count(self, *states: StepState) -> int:
        """Return how many of its steps are in one of those states."""
        return sum(step.state in states for step in self.steps)

    def with_step(self, number: int, step: ReleaseStep) -> "Release":
        """Return it with one of its steps changed."""
        return replace(self, steps=(*self.steps[:number], step, *self.steps[number + 1 :]))


@dataclass(slots=True)
class Progress:
    """Where the step stands that is under way; times monotonic ms.

    Attributes:
        pending: the CALL whose answer is awaited.
        stage: questions of the step that were answered; tries: how often the present one was not.
        told: what the charger told in an earlier stage: a key's value, the version of its local list, what it calls a
            certificate.
        needs_boot: it answered RebootRequired.
        retry_ms: nothing is asked before; harmless_ms: what was not answered may be executed until then.
    """

    pending: Token | None = None
    stage: int = 0
    tries: int = 0
    told: str = ""
    needs_boot: bool = False
    retry_ms: int = 0
    harmless_ms: int = 0

    def next_step(self) -> None:
        """Begin with another step."""
        self.stage = self.tries = self.retry_ms = 0
        self.told, self.needs_boot = "", False


def steered(config: Charger, release: Release | None) -> Charger:
    """Return a charger as control is to see it: a released one is observed, whatever its configuration says."""
    if release is None or config.control not in {Control.AUTO, Control.OCPP}:
        return config
    return replace(config, mode=Mode.OBSERVE)
