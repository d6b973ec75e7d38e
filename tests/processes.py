"""Whether a process still runs, and what it has started."""

import psutil


def alive(pid: int) -> bool:
    """Whether `pid` runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def below(pid: int) -> set[int]:
    """Every process that `pid` has started, and those that these have."""
    return {each.pid for each in psutil.Process(pid).children(recursive=True)}
