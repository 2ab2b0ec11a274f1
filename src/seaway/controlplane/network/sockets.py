"""Sockets that are bound to an address before an event loop has them.

Given the address, a loop would look it up: with threads and tables of letters that an idle cluster has no other use for.
"""

from __future__ import annotations

import socket


def bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    """Return a socket that is bound; one of TCP does not listen yet. Raises OSError.

    Args:
        kind: SOCK_STREAM for TCP, SOCK_DGRAM for UDP.
        address: an IPv4 address.
        port: 0 for a free one.
    """
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setblocking(False)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except BaseException:
        made.close()
        raise
    return made
