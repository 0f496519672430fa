"""The history of the schema, oldest first; run by `csms.store.migrate`."""
