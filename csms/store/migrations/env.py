"""What Alembic runs to reach the revisions: on the connection, and in the transaction, of whoever migrates.

Tables are altered in batches (copy and rename), because SQLite cannot alter much in place.
"""

from alembic import context

from csms.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
