"""One single-writer loop per station: facts are queued, stepped through the core, made durable, and only then said."""
