"""Loopback ranges for pods: each cluster, and each node that joins another one, claims one of its own on this machine."""

from __future__ import annotations

import errno
import random
import socket

CLAIM_PORT = 65_001


class AllRangesTaken(Exception):  # reads as what happened
    """Every range is held by another cluster or node of this machine."""


def claim_range(kept: int | None = None) -> tuple[int, socket.socket | None]:
    """Return the second number of a range 127.N.0.0/16 that nobody else on this machine holds, and the claim on it.

    The claim is a bound datagram socket in the range; where such addresses cannot be bound at all (macOS) there is none.

    Args:
        kept: the number to try first.

    Raises:
        AllRangesTaken: none is left.
    """
    numbers = list(range(32, 128))
    random.shuffle(numbers)
    for second in [kept, *numbers] if kept else numbers:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"127.{second}.255.254", CLAIM_PORT))
        except OSError as error:
            claim.close()
            if isinstance(error, PermissionError) or error.errno == errno.EADDRNOTAVAIL:
                return second, None
            continue
        return second, claim
    raise AllRangesTaken(
        "all loopback ranges are taken by other clusters and nodes of this machine: stop one of them"
    )
