"""A charger's own settings: as it told them, as they should be, and what we have changed in them.

`csms.core.tuning` says what should be; `csms.core.agenda` writes it, one CALL at a time. What is known here decides
whether and when. A write is an intent: it is durable before it leaves, and what was there before our first one is kept,
so that a release can put it back (`csms.core.releasing`); so is what an operator's command changes, where that was
read. What a charger answers changes this:

    answer                 | then
    -----------------------+--------------------------------------------------------------------------------------
    Accepted               | read back; what it forgets is written again, ever more rarely
    RebootRequired         | a notice until it boots; nobody reboots it
    Rejected, CALLERROR    | never this value again on this firmware; of a list, the next smaller one
    NotSupported           | never this key again on this firmware
    none, connection lost  | read back; as if it had forgotten

A key is read back after every write, whatever was answered, and only then is anything concluded from its value. Lists
are compared as sets: the order is the charger's. One that was Accepted and kept in part tells what its firmware takes:
what is missing is not supported. One of which nothing was kept, twice, is not written again to this charger; a locked
one says nothing of its make.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from csms.core.capabilities import SAMPLED_KEY, UNTOLD, Capabilities, capabilities_of, meant_by
from csms.core.tuning import TUNED, Wish, is_same, keeps_some, not_kept, not_taken, wanted_value

REFUSED_MAX = 20
"""So many refused values of a key are remembered; lists that somebody else keeps changing fill no memory."""

TRIES_TO_KEEP = 2
"""A list that was Accepted so often and of which nothing was found afterwards is not written again."""


class Answer(StrEnum):
    """What a charger said to our last write of a key."""

    OPEN = "open"
    """Nothing, so far or at all."""
    ACCEPTED = "accepted"
    REBOOT_REQUIRED = "reboot_required"
    REFUSED = "refused"
    NOT_SUPPORTED = "not_supported"


ANSWERS = {
    "Accepted": Answer.ACCEPTED,
    "RebootRequired": Answer.REBOOT_REQUIRED,
    "NotSupported": Answer.NOT_SUPPORTED,
    "NotImplemented": Answer.NOT_SUPPORTED,
}
"""By status of ChangeConfiguration.conf (§5.3) or code of a CALLERROR; any other is a refusal."""


@dataclass(frozen=True, slots=True)
class Change:
    """What we have done to one key.

    Attributes:
        before: its value before our first write.
        value: what we wrote last.
        tries: how often that was written in a row.
        refused: values that the charger did not take.
        dropped: lists that it Accepted and did not keep.
        kept: the last list was once read back with everything in it: who takes something out of it later is not it.
    """

    before: str
    value: str
    answer: Answer = Answer.OPEN
    tries: int = 1
    refused: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True, slots=True)
class KeyStored:
    """One key of a charger of which more than its value is remembered.

    Attributes:
        told: the charger has told it; what we have done is kept although it tells it no more.
        name: its own name of the key, empty when that is the right one.
        change: what we have done to it.
    """

    value: str | None = None
    told: bool = True
    name: str = ""
    readonly: bool = False
    change: Change | None = None


@dataclass(slots=True)
class Settings:
    """The settings of one charger; the mappings are replaced and never changed, so views may share them.

    Attributes:
        values: what it told last, by the right name of the key.
        names: its own names of keys, where they are others.
        readonly: keys that it says cannot be written.
        changes: what we have done.
        capabilities: what the values mean.
        wishes: what should be another; renewed when `stale`.
        written_ms: when a key was last written, monotonic.
        disturbed_ms: when it last connected or booted, monotonic.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    readonly: frozenset[str] = frozenset()
    changes: Mapping[str, Change] = field(default_factory=dict)
    capabilities: Capabilities = UNTOLD
    wishes: tuple[Wish, ...] = ()
    stale: bool = False
    written_ms: dict[str, int] = field(default_factory=dict)
    disturbed_ms: int = 0

    @property
    def reboot_required(self) -> bool:
        """Return whether something that we wrote counts from its next boot on."""
        return any(change.answer is Answer.REBOOT_REQUIRED for change in self.changes.values())

    # --- what the charger tells ---------------------------------------------------------------------------------------

    def told(self, said: Mapping[str, str | None], unknown: Iterable[str], readonly: Collection[str]) -> set[str]:
        """Take an answer to GetConfiguration; return the keys that it tells of, by their right names."""
        named: dict[str, str] = {}
        for name in said:
            key = meant_by(name)
            if key is not None and (key not in named or name.lower() == key.lower()):
                named[key] = name
        gone = {key for name in unknown if (key := meant_by(name)) is not None and self.own_name(key) == name}
        kept = {key: value for key, value in self.values.items() if key not in gone}
        own = {key: name.strip() for key, name in named.items() if name.strip() != key}
        self.names = {key: name for key, name in self.names.items() if key not in named} | own
        fixed = {key for key, name in named.items() if name in readonly}
        self.readonly = (self.readonly - named.keys()) | fixed
        self.put(kept | {key: said[name] for key, name in named.items()})
        return set(named)

    def read_back(self) -> tuple[str, ...]:
        """Take the list that was read back after a write; return the measurands that it shows not to be supported."""
        change, listed = self.changes.get(SAMPLED_KEY), self.capabilities.sampled
        if change is None or change.answer is not Answer.ACCEPTED or listed is None:
            return ()
        gone = not_kept(change.value, listed)
        if not gone and not change.kept:
            self._note(SAMPLED_KEY, replace(change, kept=True))
        if not gone or change.kept or change.value in change.dropped:
            return ()
        in_part = keeps_some(change.value, listed, change.before)
        disturbed = self.disturbed_ms > self.written_ms.get(SAMPLED_KEY, 0)
        if not in_part and (disturbed or change.tries < TRIES_TO_KEEP):
            return ()
        self._note(SAMPLED_KEY, replace(change, dropped=(*change.dropped, change.value)[-REFUSED_MAX:]))
        return gone if in_part else ()

    def booted(self, now_ms: int) -> None:
        """After a boot, what was to count from the next boot on counts."""
        self.disturbed_ms = now_ms
        for key, change in self.changes.items():
            if change.answer is Answer.REBOOT_REQUIRED:
                self._note(key, replace(change, answer=Answer.ACCEPTED))

    def new_firmware(self) -> None:
        """Forget what the firmware before has told and refused; what was there before our first write is kept."""
        self.names, self.readonly = {}, frozenset()
        self.changes = {key: Change(change.before, change.value, tries=0) for key, change in self.changes.items()}
        self.put({})
        self.wishes = ()

    def own_name(self, key: str) -> str:
        """Return the charger's own name of a key."""
        return self.names.get(key, key)

    def put(self, values: Mapping[str, str | None]) -> None:
        """Take all values, by the right names of their keys."""
        self.values = values
        self.capabilities = capabilities_of(values)
        self.stale = True

    # --- what should be -----------------------------------------------------------------------------------------------

    def renew(self, unsupported: Collection[str]) -> None:
        """Work out anew what should be another; `unsupported`: measurands that its make does not have."""
        self.stale = False
        self.wishes = tuple(wish for key in TUNED if (wish := self._wish(key, unsupported)) is not None)

    def _wish(self, key: str, unsupported: Collection[str]) -> Wish | None:
        present, change = self.values.get(key), self.changes.get(key)
        if present is None or key in self.readonly:
            return None
        if change is not None and change.answer in {Answer.NOT_SUPPORTED, Answer.REBOOT_REQUIRED}:
            return None
        refused = () if change is None else (*change.refused, *change.dropped)
        in_doubt = change is not None and change.answer is Answer.REFUSED
        wanted = wanted_value(key, present, self.capabilities, unsupported, refused, in_doubt=in_doubt)
        return None if wanted is None else Wish(key, present, wanted)

    def due_ms(self, wish: Wish, backoff_ms: tuple[int, ...]) -> int:
        """Return when a wish may be written, monotonic: what was written before and is not in force waits longer."""
        change = self.changes.get(wish.key)
        if change is None or not is_same(change.value, wish.wanted) or change.tries == 0:
            return 0
        return self.written_ms.get(wish.key, 0) + backoff_ms[min(change.tries, len(backoff_ms)) - 1]

    # --- what we do ---------------------------------------------------------------------------------------------------

    def write(self, wish: Wish, now_ms: int) -> str:
        """Note that a wish is being written; return the charger's name of the key."""
        change = self.changes.get(wish.key)
        if change is None:
            change = Change(wish.present, wish.wanted)
        else:
            tries = change.tries + 1 if is_same(change.value, wish.wanted) else 1
            change = replace(change, value=wish.wanted, answer=Answer.OPEN, tries=tries, kept=False)
        self.written_ms[wish.key] = now_ms
        self._note(wish.key, change)
        return self.own_name(wish.key)

    def unsent(self, key: str) -> None:
        """Take it that the last write of a key never left."""
        change = self.changes[key]
        self._note(key, replace(change, tries=max(0, change.tries - 1)))

    def answered(self, key: str, value: str, word: str) -> tuple[str, ...]:
        """Take the status or error code that answers a write; return the measurands it shows not to be supported."""
        change = self.changes.get(key)
        if change is None:
            return ()
        answer = ANSWERS.get(word, Answer.REFUSED)
        refused = change.refused
        if answer is Answer.REFUSED and value not in refused:
            refused = (*refused, value)[-REFUSED_MAX:]
        last = answer if change.value == value else change.answer  # a late answer says nothing of a later write
        self._note(key, replace(change, answer=last, refused=refused))
        if key != SAMPLED_KEY or answer not in {Answer.ACCEPTED, Answer.REBOOT_REQUIRED}:
            return ()
        return not_taken(value, refused)

    def operated(self, name: str, value: str) -> bool:
        """Note that an operator's ChangeConfiguration is being sent; return whether what was there before is known.

        Only then it can be put back. What was there before the first change is kept.
        """
        key = meant_by(name)
        present = None if key is None else self.values.get(key)
        if key is None or present is None:
            return False
        before = self.changes[key].before if key in self.changes else present
        self._note(key, Change(before, value))
        return True

    def operation_answered(self, name: str, value: str, word: str) -> str | None:
        """Take the status or error code that answers it; return the right name of the key, None: it was not noted."""
        key = meant_by(name)
        if key is None or key not in self.changes:
            return None
        self.answered(key, value, word)
        return key

    def put_back(self, keys: Collection[str]) -> None:
        """Forget what was done to keys that are again as they were before."""
        self.changes = {key: change for key, change in self.changes.items() if key not in keys}
        self.stale = True

    def _note(self, key: str, change: Change) -> None:
        self.changes = {**self.changes, key: change}
        self.stale = True

    # --- over a restart -----------------------------------------------------------------------------------------------

    def stored(self) -> dict[str, str | KeyStored | None]:
        """Return the document in the charger's row: the value alone where there is nothing else to remember."""
        rows: dict[str, str | KeyStored | None] = dict(self.values)
        for key in sorted({*self.names, *self.readonly, *self.changes}):
            rows[key] = KeyStored(
                self.values.get(key),
                key in self.values,
                self.names.get(key, ""),
                key in self.readonly,
                self.changes.get(key),
            )
        return rows


def restored(document: Mapping[str, str | KeyStored | None], now_ms: int) -> Settings:
    """Return the settings of a charger's row; their timers begin at `now_ms`, monotonic."""
    rows = {key: row if isinstance(row, KeyStored) else KeyStored(row) for key, row in document.items()}
    changes = {key: row.change for key, row in rows.items() if row.change is not None}
    settings = Settings(
        names={key: row.name for key, row in rows.items() if row.name},
        readonly=frozenset(key for key, row in rows.items() if row.readonly),
        changes=changes,
        written_ms=dict.fromkeys(changes, now_ms),
        disturbed_ms=now_ms,
    )
    settings.put({key: row.value for key, row in rows.items() if row.told})
    return settings
