"""In: nothing, or a port somebody wants. Out: free TCP ports on loopback, or word that one is taken."""

import contextlib
import socket

from archon.contracts.errors import ArchonError

HOST = "127.0.0.1"


class PortTakenError(ArchonError):
    """Another process listens there."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


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
