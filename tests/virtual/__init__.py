"""A whole central system in one process on virtual time: what several kinds of tests share."""
