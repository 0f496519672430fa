"""The local authorization list of a charger (OCPP 1.6 §3.5.2): tags by their keys, under one version.

Kept over a reboot, as in the memory of a real one. It is answered for, and not consulted: whether a car may charge is
asked of the central system.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from simulators.vendor import enums

LIST_MAX = 200
CHUNK_MAX = 20


class LocalList:
    """The list and its version; 0: it is empty."""

    def __init__(self) -> None:
        self._version = 0
        self.tags: dict[str, Mapping[str, Any]] = {}
        """What each tag is listed with, by the tag in upper case."""

    @property
    def version(self) -> int:
        """Return what GetLocalListVersion tells (§5.10)."""
        return self._version if self.tags else 0

    def update(self, version: int, update_type: str, rows: Sequence[Mapping[str, Any]]) -> str:
        """Take a SendLocalList in whole or not at all, and return its status (§5.15)."""
        status = enums.UpdateStatus
        is_full = update_type == enums.UpdateType.full
        if not is_full and version <= self._version:
            return str(status.version_mismatch.value)
        tags = {} if is_full else dict(self.tags)
        for row in rows:
            key, info = row["id_tag"].upper(), row.get("id_tag_info")
            if info is not None:
                tags[key] = info
            elif is_full:  # what is to be listed has to say as what
                return str(status.failed.value)
            else:
                tags.pop(key, None)
        if len(rows) > CHUNK_MAX or len(tags) > LIST_MAX or version <= 0:
            return str(status.failed.value)
        self._version, self.tags = version, tags
        return str(status.accepted.value)
