"""Exit statuses of the `csms` command."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command's exit status says."""

    DONE = 0
    NO = 1
    """The answer is no (a faulty file, a broken promise), or something outside is in the way (a taken port)."""
    USAGE = 2
    """It was asked wrongly: a bad value, a file that cannot be read."""
