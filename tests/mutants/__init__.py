"""Mutants: small dangerous mistakes in the core, each of which the simulated worlds must find (`make mutants`)."""
