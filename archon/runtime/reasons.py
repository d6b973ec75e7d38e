"""In: addresses from settings, and errors of clients and validations. Out: readable text without secrets,
with the cause in words.

Clients wrap network errors several times, each in its own way; an operator needs the innermost one.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

_LONGEST: Final = 300
_PLACE: Final = re.compile(r"(?: at)? \S+ \([A-Z_]+\)")
_MEMBER: Final = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""Python's form of an enumeration member; a client needs only its value."""
_NOT_BLANK: Final = r"\S"
_REFUSED: Final = "connection refused"
_NO_HOST: Final = "no such host"
_NO_ROUTE: Final = "no route to the host"
_SILENT: Final = "no answer in time"
_KINDS: Final = (
    (ConnectionRefusedError, _REFUSED),
    (socket.gaierror, _NO_HOST),
    (TimeoutError | httpx.TimeoutException, _SILENT),
    (ConnectionResetError | BrokenPipeError, "the connection was closed"),
)
_TEXTS: Final = (
    (re.compile(r"connection refused|errno 111\b|errno 61\b", re.IGNORECASE), _REFUSED),
    (re.compile(r"no route to host|unreachable|errno 113\b|errno 101\b", re.IGNORECASE), _NO_ROUTE),
    (
        re.compile(
            r"name or service not known|lookup address|nodename nor servname|name resolution|cannot resolve",
            re.IGNORECASE,
        ),
        _NO_HOST,
    ),
    (re.compile(r"tcp connect error|transport error", re.IGNORECASE), "no connection"),
    (re.compile(r"timed out|timeout|deadline", re.IGNORECASE), _SILENT),
)
"""Messages of native clients, which have no other information."""


def address(url: str) -> str:
    """An address without user, password, query and fragment."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url.rpartition("@")[2]
    parts = urlsplit(f"x://{rest}")
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def place(url: str, setting: str) -> str:
    """An address and its setting: what to check if nothing answers there."""
    return f"{address(url)} ({setting.upper()})"


def without_places(reason: str) -> str:
    """A reason without the addresses that `place` added, for readers who may not see them."""
    return _PLACE.sub("", reason).replace("::", ":")


def in_words(error: BaseException) -> str:
    """Why a call failed, such as `connection refused`; otherwise the error's text on one line."""
    causes = list(_causes(error))
    for each in reversed(causes):
        if (reason := _reason(each)) is not None:
            return reason
    for each in causes:
        for pattern, reason in _TEXTS:
            if pattern.search(str(each)):
                return reason
    name, text = type(error).__name__, " ".join(str(error).split())
    # aiokafka's errors start with their class name; our own may contain a reason.
    shown = text.removeprefix(f"{name}: ") if text.startswith(name) else f"{name}: {text}".removesuffix(": ")
    return shown[:_LONGEST]


def wrong(error: Mapping[str, Any]) -> str:
    """One entry of pydantic's ValidationError.errors(), in words."""
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == _NOT_BLANK:
        return "is empty or blank"
    return _MEMBER.sub(r"\1", str(error["msg"]).removeprefix("Value error, "))


def _reason(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {getattr(error, 'verify_message', error)}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {getattr(error, 'reason', None) or error}"
    return next((reason for kinds, reason in _KINDS if isinstance(error, kinds)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, the innermost last."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # qdrant-client keeps the cause in `source`, aiohttp in `os_error`.
        waiting += [each.__cause__, each.__context__, getattr(each, "source", None)]
        waiting += [getattr(each, "os_error", None), *each.args, *getattr(each, "exceptions", ())]
