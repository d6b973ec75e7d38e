"""In: an address from a setting. Out: the address, or a ValueError that shows it without secrets and gives an
example."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from archon.runtime.reasons import address

_MOST: Final = 65535


def url(*schemes: str, example: str, login: str = "") -> Callable[[str], str]:
    """A validator of URLs: scheme, host and port. `login`: names of the settings for user and password, if
    the URL must not contain them."""

    def check(value: str) -> str:
        scheme, _, rest = value.partition("://")
        if login and "@" in rest:
            raise ValueError(f"{address(value)!r} must not contain a user or a password: set {login}")
        if scheme not in schemes or not _host_and_port(rest.partition("/")[0]) or _has_space(value):
            raise ValueError(f"{address(value)!r} is not an address such as {example}")
        return value

    return check


def http(login: str = "") -> Callable[[str], str]:
    """A validator of HTTP addresses."""
    return url("http", "https", example="http://host:8080", login=login)


def host_ports(*, several: bool, example: str) -> Callable[[str], str]:
    """A validator of `host:port`, or of several separated by commas."""

    def check(value: str) -> str:
        found = [each.strip() for each in value.split(",")] if several else [value]
        if not all("://" not in each and _host_and_port(each) and not _has_space(each) for each in found):
            raise ValueError(f"{address(value)!r} is not an address such as {example}")
        return value

    return check


def _host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(f"x://{text}")
        return bool(parts.hostname) and (parts.port is None or 0 < parts.port <= _MOST)
    except ValueError:  # the port is not a number or too large, or brackets do not match
        return False


def _has_space(text: str) -> bool:
    return any(each.isspace() for each in text)
