"""In: the name of a point in the code. Out: nothing, or this process killed by SIGKILL.

For crash tests: disabled unless ARCHON_CRASH_AT names the point. ARCHON_CRASH_MARK is a file that is written
when the point is reached.
"""

import os
import signal
from pathlib import Path
from typing import Final

CRASH_AT: Final = "ARCHON_CRASH_AT"
CRASH_MARK: Final = "ARCHON_CRASH_MARK"


def crash_point(name: str) -> None:
    """Ends this process at once, like a power failure, if `name` is the configured point."""
    if os.environ.get(CRASH_AT) != name:
        return
    if mark := os.environ.get(CRASH_MARK):
        Path(mark).write_text(name)
    os.kill(os.getpid(), signal.SIGKILL)
