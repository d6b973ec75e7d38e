"""In: an unexpected error. Out: one line for people, and a file with the full traceback."""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

DEBUG: Final = "ENRICH_DEBUG"
"""If set in the environment, the traceback goes to stderr."""


def message_of(error: BaseException) -> str:
    """The text to print. Writes the log file, unless debugging; disk errors never raise."""
    whole = "".join(traceback.format_exception(error))
    if os.environ.get(DEBUG):
        return whole
    reason = " ".join(str(error).split())
    head = f"error: {type(error).__name__}{f': {reason}' if reason else ''}"
    file = _written(whole)
    return f"{head} (details: {file})" if file else f"{head} ({DEBUG}=1 shows where)"


def _written(whole: str) -> Path | None:
    now = datetime.now(UTC)
    head = f"{now.isoformat()} archon-enrichment {version('archon-enrichment')} {' '.join(sys.argv[:2])}\n"
    name = f"enrich-{now:%Y%m%dT%H%M%S}-{os.getpid()}.log"
    for directory in _directories():
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(directory / name, flags, 0o600), "w", errors="backslashreplace") as file:
                file.write(head + whole)
        except OSError:
            continue
        return directory / name
    return None


def _directories() -> Iterator[Path]:
    """The user's state directory (XDG base directories), then the directory for temporary files."""
    state = os.environ.get("XDG_STATE_HOME")
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never raises, where Path.home may
    yield (Path(state) if state else home / ".local" / "state") / "archon-enrichment"
    yield Path(tempfile.gettempdir())
