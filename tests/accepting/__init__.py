"""The acceptance test against every simulated character, on virtual time."""
