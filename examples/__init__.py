"""Sites that can be run: each with its configuration, its day, and the figures that come of it."""
