"""In: nothing. Out: `prometheus` and `promtool`, from the PATH or, without root, from Debian's package."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_UNPACKED: Final = Path(sys.prefix) / "prometheus"
"""Next to this interpreter's packages, so that removing those removes it too."""
_ADVICE: Final = (
    "install Prometheus, so that `prometheus` and `promtool` are on the PATH"
    " (Debian and Ubuntu: apt-get update && apt-get install prometheus; macOS: brew install prometheus)"
)


class PrometheusMissingError(Exception):
    """Neither installed nor available; the message says what to install."""


def prometheus() -> Path:
    """The server. Raises PrometheusMissingError."""
    return _find("prometheus")


def promtool() -> Path:
    """The tool that checks rules. Raises PrometheusMissingError."""
    return _find("promtool")


def _find(name: str) -> Path:
    if on_path := shutil.which(name):
        return Path(on_path)
    unpacked = _UNPACKED / "usr" / "bin" / name
    if not unpacked.exists():
        _unpack()
    return unpacked


def _unpack() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise PrometheusMissingError(_ADVICE)
    with tempfile.TemporaryDirectory() as folder:
        download = ("apt-get", "-q", "download", "prometheus")
        try:
            _run(*download, directory=folder)
        except PrometheusMissingError:
            # A new machine has no package lists yet.
            _run("apt-get", "-q", "update", directory=folder)
            _run(*download, directory=folder)
        (package,) = Path(folder).glob("*.deb")
        _run("dpkg-deb", "-x", str(package), str(_UNPACKED), directory=folder)


def _run(*command: str, directory: str) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PrometheusMissingError(f"{_ADVICE}; {command[0]} said: {done.stderr.strip()[-300:]}")
