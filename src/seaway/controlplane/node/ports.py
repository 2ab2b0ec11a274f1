"""Connect to a port of a pod as from inside it: on its own address, or on the machine's loopback where a program of the pod listens.

Pods share the machine's network, so what listens on 127.0.0.1 may be anybody's: it is connected to if it is the pod's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seaway.controlplane.node.shim import files

if TYPE_CHECKING:
    from seaway.controlplane.node.measuring import Key

_LOOPBACK = ("127.0.0.1", "::1")


async def connect(
    address: str, port: int, uid: str, running: Callable[[], Iterable[Key]]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to a pod's port.

    Args:
        address: of the pod.
        port: its number.
        uid: of the pod.
        running: the node's running containers.

    Raises:
        OSError: nothing of the pod listens there.
    """
    try:
        return await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        folders = [key.folder for key in running() if key.uid == uid]
        host = await asyncio.to_thread(listening, folders, port)
        if host is None:
            raise
    return await asyncio.open_connection(host, port)


def listening(folders: Iterable[Path], port: int) -> str | None:
    """Return the loopback address on which a program of these containers listens, None where none does."""
    import psutil  # late: few pods are asked on a port that is not on their own address

    for folder in folders:
        with suppress(FileNotFoundError, psutil.Error):  # it ended meanwhile
            shim = psutil.Process(files.read_json(str(folder / files.STATE))["shim"])
            for process in shim.children(recursive=True):
                with suppress(psutil.Error):
                    for one in process.net_connections("tcp"):
                        if (
                            one.status == psutil.CONN_LISTEN
                            and one.laddr.port == port
                            and one.laddr.ip in _LOOPBACK
                        ):
                            return str(one.laddr.ip)
    return None
