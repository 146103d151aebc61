"""Which TCP ports are free, and which are taken."""

import errno
import secrets
import socket
from collections.abc import Collection

_CHOICE = range(20_000, 30_000)
"""Below every system's ephemeral range, so that no outgoing connection takes the port of a child while it restarts."""


def free_ports(count: int, besides: Collection[int] = ()) -> list[int]:
    """That many different ports nobody listens on at 127.0.0.1, none of them among those `besides`."""
    chosen: list[int] = []
    while len(chosen) < count:
        port = secrets.choice(_CHOICE)
        if port not in {*chosen, *besides} and not is_taken("127.0.0.1", port):
            chosen.append(port)
    return chosen


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens there already; raises OSError for an address that nobody could listen at."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    refusals = [_refusal(family, address) for family, _, _, _, address in addresses]
    if any(refusal is not None and refusal.errno == errno.EADDRINUSE for refusal in refusals):
        return True
    # `localhost` also means ::1, which is no loss on a machine without IPv6.
    if all(refusals) and refusals[0] is not None:
        raise refusals[0]
    return False


def _refusal(family: int, address: tuple[object, ...]) -> OSError | None:
    with socket.socket(family, socket.SOCK_STREAM) as candidate:
        # As servers do: the closed connections of an earlier run, which linger for a minute, are no obstacle.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(address)
            candidate.listen()
        except OSError as error:
            return error
    return None
