"""Programmer errors of the core.

A fact from the world never raises. When one of our own commands would break the law, the step raises
`InvariantError`: the station's loop ends, nothing of the step leaves the process, and the loop recovers from the store.
It is not a plain `assert`, so that it stays on under `python -O`.
"""


class InvariantError(AssertionError):
    """A command of ours would break an invariant of LEDGER.md §5; the message names it and the numbers."""


def check(condition: bool, message: str) -> None:  # noqa: FBT001 - reads like assert
    """Raise `InvariantError` with `message` unless `condition` holds."""
    if not condition:
        raise InvariantError(message)
