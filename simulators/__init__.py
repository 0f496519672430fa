"""An independent second implementation of the charger side of OCPP 1.6-J, on the `ocpp` package.

It exists to disagree with the central system: it shares no code with it (import-linter checks that), reads the
specification for itself, and its meters tell what the limits really did. The physics and the behaviour are pure
(`car`, `meter`, `profiles`, `schedule`, `connector`, `charge_point`); `link` alone owns the socket, `clock` the time.
"""
