"""Keys in memory, and a store of them that does as it is told."""

from dataclasses import replace

from csms.core.access import AccessKey, Role, digest_of, key_text
from csms.ports import StoreError
from tests.unit.runtime.tag_doubles import NOW_MS

SALT = "a0" * 16


def key_of(name: str, role: Role = Role.VIEWER, number: int = 1) -> tuple[AccessKey, str]:
    """Return a key as it is kept and as it is shown."""
    key_id, secret = f"{number:012x}", f"{number:064x}"
    return AccessKey(key_id, name, role, SALT, digest_of(SALT, secret), NOW_MS), key_text(key_id, secret)


class FakeKeyMemory:
    """Keeps keys by their names; raises `fault` instead of reading them."""

    def __init__(self, *keys: AccessKey) -> None:
        self.keys = {key.name: key for key in keys}
        self.fault: StoreError | None = None
        self.readings = 0

    async def load_access_keys(self) -> tuple[AccessKey, ...]:
        self.readings += 1
        if self.fault is not None:
            raise self.fault
        return tuple(self.keys.values())

    def revoke(self, name: str) -> None:
        """Have a key revoked, as another process would."""
        self.keys[name] = replace(self.keys[name], revoked_ms=NOW_MS)
