"""`csms` on a disk that takes nothing: `python -m tests.e2e.no_room full|read-only serve …`.

*Full*: the kernel lets this process write no file beyond its first bytes. *Read-only*: root loses the right to write
what is marked read-only, as nobody else has it. Either lasts as long as the process.
"""

import ctypes
import os
import resource
import sys
from typing import Final

FIRST_BYTES: Final = 4_096
"""Room for the words with which a program ends; a database needs more."""
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def main() -> None:
    """Run `csms` on such a disk."""
    kind, *arguments = sys.argv[1:]
    if kind == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (FIRST_BYTES, FIRST_BYTES))
    elif os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0, "root may give it up"
    os.execv(sys.executable, [sys.executable, "-m", "csms", *arguments])  # noqa: S606 - our own program


if __name__ == "__main__":
    main()
