"""In: a pipe from the parent and a command. Out: the command's exit code; the command never outlives the
parent.

Runs as a separate script (`python guard.py FD COMMAND...`) and leads a process group that a terminal's Ctrl-C
does not reach. The pipe closes when the parent ends, for whatever reason. On Linux, the end of the guard
itself also ends the command.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    pipe, command = int(arguments[0]), arguments[1:]
    child = subprocess.Popen(command, preexec_fn=die_with_parent)  # noqa: PLW1509  no thread runs yet
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_end_with_parent, args=(pipe, child), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def die_with_parent() -> None:
    """Ends this process with its parent, even when that is killed (man 2 prctl)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent(pipe: int, child: subprocess.Popen[bytes]) -> None:
    os.read(pipe, 1)
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    finally:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
