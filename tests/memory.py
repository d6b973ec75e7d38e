"""In: a stack's data directory. Out: its vectors are kept in memory, where there is room for them.

Making a collection flushes some two hundred files: seconds on a busy disk, and tests make hundreds of them.
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
    """As long as the block lasts. Before the server is started."""
    with ExitStack() as stack:
        if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
            place = stack.enter_context(TemporaryDirectory(prefix="archon-test-", dir=_MEMORY))
            (data_dir / "vectors").symlink_to(place)
        return stack.pop_all()
