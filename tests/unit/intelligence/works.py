"""Work for a pool's processes, some of which ends them."""

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
    """A beginning without a model to load."""


def double(number: int) -> int:
    return 2 * number


def process() -> int:
    return os.getpid()


def crash() -> None:
    """Reads where nothing is, as broken native code does."""
    ctypes.string_at(0)


def hang() -> None:
    threading.Event().wait()


def spin() -> None:
    """Native code that comes to no end, as a parser's may."""
    re.match("(a+)+b", "a" * 60)


def fill(size: int = 2**40) -> str:
    bytearray(size)
    return "done"


def keep(size: int) -> str:
    """Leaves memory behind, as what is never given back does."""
    _kept.append(bytearray(size))
    return "done"


def rest(seconds: float) -> str:
    """Takes its time and no processor."""
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
    """What a document may do: come to its end, fail, panic, crash, hang, spin or fill the memory."""
    if name == "fail":
        raise ValueError("a secret of the document")
    if name == "panic":
        raise Panic("a secret of the document")
    if name in {"crash", "hang", "spin", "fill"}:
        {"crash": crash, "hang": hang, "spin": spin, "fill": fill}[name]()
    return name
