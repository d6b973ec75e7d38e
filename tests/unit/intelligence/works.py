"""Work for a pool's processes; some of it ends them."""

import ctypes
import os
import re
import signal
import threading
import time
from pathlib import Path

_kept: list[bytearray] = []


class Panic(BaseException):
    """As native code raises it."""


def nothing() -> None:
    """A start without a model to load."""


def double(number: int) -> int:
    return 2 * number


def process() -> int:
    return os.getpid()


def crash() -> None:
    """Reads invalid memory, like broken native code."""
    ctypes.string_at(0)


def hang() -> None:
    threading.Event().wait()


def spin() -> None:
    """Native code that never ends, like a parser's may."""
    re.match("(a+)+b", "a" * 60)


def fill(size: int = 2**40) -> str:
    bytearray(size)
    return "done"


def keep(size: int) -> str:
    """Keeps memory, like a leak."""
    _kept.append(bytearray(size))
    return "done"


def rest(seconds: float) -> str:
    """Takes time without using the processor."""
    time.sleep(seconds)
    return "done"


def wait_for(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.01)
    return "done"


def once(path: str) -> str:
    """Dies the first time."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def by_name(name: str) -> str:
    """The possible outcomes for a document: success, error, panic, crash, hang, spin or full memory."""
    if name == "fail":
        raise ValueError("a secret of the document")
    if name == "panic":
        raise Panic("a secret of the document")
    if name in {"crash", "hang", "spin", "fill"}:
        {"crash": crash, "hang": hang, "spin": spin, "fill": fill}[name]()
    return name
