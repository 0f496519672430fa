"""How chargers prove who they are: what is kept in memory, and the one place where it is changed.

Every handshake asks, so all of it is in memory. Changes take turns (`csms.runtime.turns`): they are durable first, then
in memory, and only then said: a restart knows at least what anybody was told. A key is returned once, by whoever makes
it, and kept nowhere.

It is no part of the station's core: no power depends on it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

import structlog

from csms.core.charger_access import KEY_BYTES, SALT_BYTES, ChargerAccess, Grade, HashedKey, Profile, hashed
from csms.core.ids import ChargerId
from csms.ports import ChargerAccessMemory, Clock
from csms.runtime.turns import Turns

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """A key that was made: 40 hex digits, to be told once, and as it is kept. It is never shown, lest it be logged."""

    key: str
    kept: HashedKey


class KeyTold(Enum):
    """What came of telling a charger its next key (A01.FR.03, A01.FR.04)."""

    TAKEN = auto()
    AT_BOOT = auto()
    """It will use it once it has booted again."""
    REFUSED = auto()
    UNANSWERED = auto()
    """It may have taken it."""
    NOT_SENT = auto()
    """It was not connected, and has heard nothing."""


class HasKey(Enum):
    """Why no key was made: the charger has one already. Nothing was changed."""

    HAS_KEY = auto()
    UNDECIDED = auto()
    """One that was made has not been used yet, and the charger may hold it."""


class AccessBook:
    """What is kept of all chargers; each change raises StoreError when it could not be made durable."""

    def __init__(
        self, memory: ChargerAccessMemory, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._random_bytes = random_bytes
        self._kept: dict[ChargerId, ChargerAccess] = {}
        self._turns = Turns(self.load, "charger_access", "what is kept of chargers' keys")

    async def load(self) -> None:
        """Read all of it; raise StoreError."""
        self._kept = {kept.charger_id: kept for kept in await self._memory.load_charger_access()}

    def find(self, charger_id: ChargerId) -> ChargerAccess:
        """Return what is kept of a charger; of one that was never here that nothing is."""
        return self._kept.get(charger_id) or ChargerAccess(charger_id)

    def has(self, charger_id: ChargerId) -> bool:
        """Return whether anything is kept of a charger."""
        return charger_id in self._kept

    async def make_key(
        self, charger_id: ChargerId, *, rotate: bool, until_used: bool = False, give_up: bool = False
    ) -> NewKey | HasKey:
        """Make a charger's key and return it, to be told once.

        Args:
            charger_id: whose.
            rotate: also where it has one, which then opens beside it until the new one is first used.
            until_used: a first key is asked for only once it was used; until then the charger comes in without.
            give_up: also in place of one that has not been used yet, which opens nothing from then on.
        """
        return await self._turns.take(
            lambda: self._make_key(charger_id, rotate=rotate, until_used=until_used, give_up=give_up)
        )

    async def _make_key(
        self, charger_id: ChargerId, *, rotate: bool, until_used: bool, give_up: bool
    ) -> NewKey | HasKey:
        kept = self.find(charger_id)
        has_one = kept.key is not None or kept.next_key is not None
        if has_one and not rotate:
            return HasKey.HAS_KEY
        if kept.next_key is not None and not give_up:
            return HasKey.UNDECIDED
        key = self._random_bytes(KEY_BYTES)
        made = hashed(key, self._random_bytes(SALT_BYTES), self._clock.now().wall_ms)
        await self._keep(kept.given(made, at_once=not has_one and not until_used), "charger_key.made")
        return NewKey(key.hex(), made)

    async def settle(self, charger_id: ChargerId, key: HashedKey, *, taken: bool) -> None:
        """Take note that a charger has said that it has taken a key, or that it has not, unless that is decided."""
        await self._turns.take(lambda: self._settle(charger_id, key, taken=taken))

    async def _settle(self, charger_id: ChargerId, key: HashedKey, *, taken: bool) -> None:
        kept = self.find(charger_id)
        after = kept.settled(key, taken=taken)
        if after != kept:
            await self._keep(after, "charger_key.taken" if taken else "charger_key.not_taken")

    async def remove_key(self, charger_id: ChargerId) -> bool:
        """Ask a charger for no password any more, as if it had never proven anything; return whether it had one."""
        return await self._turns.take(lambda: self._remove_key(charger_id))

    async def _remove_key(self, charger_id: ChargerId) -> bool:
        if charger_id not in self._kept:
            return False
        await self._turns.durably(self._memory.forget_charger_access(charger_id))
        del self._kept[charger_id]
        _log.warning("charger_key.removed", charger_id=charger_id)
        return True

    async def unpin(self, charger_id: ChargerId) -> None:
        """Let a charger come with a lower security profile again."""
        await self._turns.take(lambda: self._unpin(charger_id))

    async def _unpin(self, charger_id: ChargerId) -> None:
        kept = self.find(charger_id)
        if kept.profile is not Profile.NONE:
            await self._keep(replace(kept, profile=Profile.NONE), "charger_profile.unpinned")

    async def used(self, judged: ChargerAccess, profile: Profile, grade: Grade | None, address: str) -> None:
        """Take note of how a charger came in, before it is let in; what is known already is not written again.

        Args:
            judged: what was kept when it was let in. Where something else is kept since, this is no longer true of it,
                and nothing is written: it is found out again when the charger comes next.
            profile: what it has proven.
            grade: of the password that let it in, if one did.
            address: where it came from.
        """
        after = judged.used(profile, grade, address)
        if profile is not Profile.NONE and after != judged:
            await self._turns.take(lambda: self._used(judged, after))

    async def _used(self, kept: ChargerAccess, after: ChargerAccess) -> None:
        if self.find(kept.charger_id) != kept:
            return
        if after.profile > kept.profile or after.key != kept.key:
            await self._keep(after, "charger_access.proven")
        else:
            await self._write(after)

    async def _keep(self, after: ChargerAccess, event: str) -> None:
        await self._write(after)
        _log.info(
            event,
            charger_id=after.charger_id,
            profile=after.profile.value,
            has_key=after.key is not None,
            has_next_key=after.next_key is not None,
        )

    async def _write(self, after: ChargerAccess) -> None:
        await self._turns.durably(self._memory.write_charger_access(after))
        self._kept[after.charger_id] = after
