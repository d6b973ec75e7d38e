"""In: nothing, or a wanted port. Out: free TCP ports on loopback, or an error if the port is taken."""

import contextlib
import random
import socket

from archon.contracts.errors import ArchonError

HOST = "127.0.0.1"
_RANGE = range(20_000, 32_768)
"""Below the ephemeral ports of Linux and macOS: one of those may be taken before a server listens."""


class PortTakenError(ArchonError):
    """Another process listens on the port."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that are free now."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            break
        with contextlib.suppress(PortTakenError):
            require_free(port, "anybody")
            found.append(port)
    return found


def require_free(port: int, what: str) -> None:
    """Raises PortTakenError, which names port and purpose."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(
                f"port {port}, wanted by {what}, is taken; is another stack running?"
            ) from error
