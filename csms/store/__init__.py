"""The station's memory: SQL tables behind the `Store` port, one writer, commits shared by those who queue."""

from csms.store.database import NotOpened
from csms.store.store import SITE, SqlStore, open_store

__all__ = ["SITE", "NotOpened", "SqlStore", "open_store"]
