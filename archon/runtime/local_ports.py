"""In: nothing, or a port somebody wants. Out: free TCP ports on loopback, or word that one is taken."""

import contextlib
import random
import socket

from archon.contracts.errors import ArchonError

HOST = "127.0.0.1"
_RANGE = range(20_000, 32_768)
"""Below the ports that Linux and macOS give to outgoing connections: one of those may be taken by the time a
server listens."""


class PortTakenError(ArchonError):
    """Another process listens there."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that were free a moment ago."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            break
        with contextlib.suppress(PortTakenError):
            require_free(port, "anybody")
            found.append(port)
    return found


def require_free(port: int, what: str) -> None:
    """Raises PortTakenError naming port and purpose."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(
                f"port {port}, wanted by {what}, is taken; is another stack running?"
            ) from error
