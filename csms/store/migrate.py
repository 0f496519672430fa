"""Brings the schema of an opened database to this version's: all of it in one transaction, or nothing.

The revisions are part of the package, so an installed program migrates its own database when it opens it; nobody has to
run a tool. What is no database of ours is left untouched.
"""

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

MIGRATIONS = Path(__file__).parent / "migrations"

log = structlog.get_logger(__name__)


def migrate(connection: Connection) -> str:
    """Upgrade to the newest revision; return why it was refused, or "".

    Raises:
        SQLAlchemyError: the database failed; nothing was changed.
    """
    config = configuration(connection)
    known = ScriptDirectory.from_config(config)
    with connection.begin():
        found = MigrationContext.configure(connection).get_current_revision()
        if found == known.get_current_head():
            return ""
        if found is None and inspect(connection).get_table_names():
            return "is the database of another program"
        if found is not None and found not in {script.revision for script in known.walk_revisions()}:
            return f"was written by a newer version of this program (schema {found}); install that version"
        command.upgrade(config, "head")
    log.info("schema.migrated", found=found, now=known.get_current_head())
    return ""


def pending(connection: Connection) -> tuple[str, str] | None:
    """Return the revision of a database of ours that `migrate` would change, and the one it would have then."""
    known = ScriptDirectory.from_config(configuration(connection))
    found, newest = revision(connection), known.get_current_head()
    if found is None or newest is None or found == newest:
        return None
    return (found, newest) if found in {script.revision for script in known.walk_revisions()} else None


def revision(connection: Connection) -> str | None:
    """Return the revision of a database's schema, None where it has none of ours."""
    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the revision of this program's schema."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for our revisions on this connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
