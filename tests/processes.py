"""Whether a process still runs."""

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether `pid` runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended between the two checks, or this system has no /proc
        return not Path("/proc/self/stat").exists()
    return state != "Z"
