"""Every character of simulated chargers against the real central system, in one process and on virtual time."""
