"""The unmodified gateway, peer, store and simulated chargers for a day of virtual time over links that fail."""
