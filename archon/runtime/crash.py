"""In: the name of a point in a code path. Out: nothing, or this process's end by SIGKILL.

For rehearsing crashes: off unless ARCHON_CRASH_AT names the point. ARCHON_CRASH_MARK is a file that tells
that the point was reached.
"""

import os
import signal
from pathlib import Path
from typing import Final

CRASH_AT: Final = "ARCHON_CRASH_AT"
CRASH_MARK: Final = "ARCHON_CRASH_MARK"


def crash_point(name: str) -> None:
    """End this process at once, as a power cut would, if `name` is where it is to crash."""
    if os.environ.get(CRASH_AT) != name:
        return
    if mark := os.environ.get(CRASH_MARK):
        Path(mark).write_text(name)
    os.kill(os.getpid(), signal.SIGKILL)
