"""In: an address as a setting has it. Out: the same, or a ValueError that shows it, without its secrets, and
how one looks."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from archon.runtime.reasons import address

_MOST: Final = 65535


def url(*schemes: str, example: str, login: str = "") -> Callable[[str], str]:
    """A check of a URL: its scheme, that it has a host, and its port. `login`: the settings for user and
    password of one that must not have them itself."""

    def check(value: str) -> str:
        scheme, _, rest = value.partition("://")
        if login and "@" in rest:
            raise ValueError(f"{address(value)!r} is to have no user and no password: set {login}")
        if scheme not in schemes or not _host_and_port(rest.partition("/")[0]) or _has_space(value):
            raise ValueError(f"{address(value)!r} is no address such as {example}")
        return value

    return check


def http(login: str = "") -> Callable[[str], str]:
    """A check of an HTTP address."""
    return url("http", "https", example="http://host:8080", login=login)


def host_ports(*, several: bool, example: str) -> Callable[[str], str]:
    """A check of `host:port`, of several with commas."""

    def check(value: str) -> str:
        found = [each.strip() for each in value.split(",")] if several else [value]
        if not all("://" not in each and _host_and_port(each) and not _has_space(each) for each in found):
            raise ValueError(f"{address(value)!r} is no address such as {example}")
        return value

    return check


def _host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(f"x://{text}")
        return bool(parts.hostname) and (parts.port is None or 0 < parts.port <= _MOST)
    except ValueError:  # a port that is no number, or too large a one; brackets that do not match
        return False


def _has_space(text: str) -> bool:
    return any(each.isspace() for each in text)
