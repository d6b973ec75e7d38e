"""In: a stack's data directory. Out: its vectors in memory, if there is room.

Creating a collection flushes about two hundred files: seconds on a busy disk, and tests create hundreds of
them.
"""

import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 2 * 2**30
"""Bytes; a container often has 64 MB."""


def vectors_in_memory(data_dir: Path) -> ExitStack:
    """During the block. Call before the server starts."""
    with ExitStack() as stack:
        if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
            place = stack.enter_context(TemporaryDirectory(prefix="archon-test-", dir=_MEMORY))
            (data_dir / "vectors").symlink_to(place)
        return stack.pop_all()
