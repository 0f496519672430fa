"""An independent second implementation of the charger side of OCPP 1.6-J, on the `ocpp` package.

It exists to disagree with the central system: it shares no code with it (import-linter checks that), reads the
specification for itself, and its meters tell what the limits really did. The physics and the behaviour are pure
(`car`, `meter`, `profiles`, `schedule`, `connector`, `charger`); `link` alone owns the socket, `clock` the time.

It keeps to the rules. Where real chargers do not, `traits` has a place for the difference and `characters` a name.
"""
