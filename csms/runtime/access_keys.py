"""The keys of the REST API in memory, and how they are kept up with those in the store.

Keys are created and revoked by another process (`csms keys`), which writes them into the store. They are read again
when one is used and the last reading is a second old, and before anybody is refused: so a key that was revoked lets
nobody in a second later, and one that was just created lets its holder in. However many ask, the store is read once a
second; who waits for that waits a second at the most, and longer only where the store itself is slow.

While the store does not answer, the keys hold that were read last: whoever has one may go on looking. Changing anything
needs the store anyway (`csms.runtime.audit`).
"""

import asyncio
from secrets import token_hex

import structlog

from csms.core.access import SALT_BYTES, SECRET_BYTES, AccessKey, NoEntry, Role, read_key
from csms.ports import Clock, KeyMemory, StoreError

READ_EVERY_S = 1.0
PATIENCE_S = 3.0
"""So long a request waits for the store to be read; then the keys that were read last are believed."""

_log = structlog.get_logger()


class KeyRing:
    """The keys that let somebody in."""

    def __init__(self, memory: KeyMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._keys: dict[str, AccessKey] = {}
        self._decoy = AccessKey("", "", Role.VIEWER, token_hex(SALT_BYTES), token_hex(SECRET_BYTES), 0)
        self._read_s = -READ_EVERY_S
        self._reading: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read the keys for the first time; raise StoreError."""
        self._take(await self._memory.load_access_keys())

    @property
    def lets_somebody_in(self) -> bool:
        """Return whether there is a key that is neither revoked nor expired."""
        now_ms = self._clock.now().wall_ms
        return any(key.why_not(now_ms) is None for key in self._keys.values())

    def judge(self, text: str) -> AccessKey | NoEntry:
        """Return the key that a text is, by what was read last, or why it is none.

        What is compared takes as long for an id that does not exist.
        """
        shown = read_key(text)
        if shown is None:
            return NoEntry.MALFORMED
        known = self._keys.get(shown.key_id)
        fits = (self._decoy if known is None else known).fits(shown.secret)
        if known is None:
            return NoEntry.UNKNOWN
        return (known.why_not(self._clock.now().wall_ms) or known) if fits else NoEntry.WRONG

    @property
    def is_old(self) -> bool:
        """Return whether the last reading is so old that a key may have been revoked since."""
        return asyncio.get_running_loop().time() - self._read_s >= READ_EVERY_S

    async def look_again(self) -> None:
        """Read the keys again, when the last reading is a second old; who asks meanwhile shares it."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="keys")
        await asyncio.wait({self._reading}, timeout=PATIENCE_S)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._read_s + READ_EVERY_S - loop.time()))
        try:
            self._take(await self._memory.load_access_keys())
        except StoreError as error:
            self._read_s = loop.time()
            _log.warning("access_keys.not_read", error=str(error))

    def _take(self, keys: tuple[AccessKey, ...]) -> None:
        self._keys = {key.key_id: key for key in keys}
        self._read_s = asyncio.get_running_loop().time()
