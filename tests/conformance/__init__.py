"""The certification cases of an OCPP 1.6 central system, re-implemented from the specification by their numbers."""
