"""Electra SEMS: an OCPP 1.6-J central system that manages the energy of the station behind its chargers.

The house (inner to outer): `core` decides and is pure; `ports` names the few things it needs from the world;
`ocpp16`, `store`, `obs` are adapters without a will of their own; `runtime` runs one single-writer loop per station;
`gateway` owns the chargers' sockets; `main` is the only place where all of them are put together.
"""

__version__ = "0.1.0"
