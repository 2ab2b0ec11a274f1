"""The outputs: what the program leaves in its folder is committed when the attempt ends."""

from __future__ import annotations

import stat
from urllib.parse import quote

from seaway.runner.archive import pack, scan
from seaway.runner.gateway import PATIENCE, Gateway, GatewayError
from seaway.runner.report import MADE_SO, StageFailed, say
from seaway.runner.task import Task

_MANY = 1000
_LARGE = 256 * 1024**2
"""Files and bytes from which on it is said that they are kept: that takes a while, and the program has ended."""
_ANSWER = PATIENCE
"""Seconds that the server may take to keep them one by one, each safely on its disk, before it answers."""


def commit_outputs(task: Task, gateway: Gateway, folder: str) -> None:
    """Send the folder as one stream; nothing where it holds no file.

    Raises:
        StageFailed: they cannot be committed.
    """
    try:
        files = [entry.status for entry in scan(folder) if not stat.S_ISDIR(entry.status.st_mode)]
        if not files:
            return
        path = f"/gateway/v1/runs/{quote(task.run)}/tasks/{quote(task.name)}/outputs?fence={task.fence}"
        size = sum(status.st_size for status in files)
        if len(files) >= _MANY or size >= _LARGE:
            say(
                f"outputs: keeping {len(files):,} file{'' if len(files) == 1 else 's'} of {size / 1024**2:,.1f} MiB"
            )
        told: set[str] = set()

        def skipped(what: str) -> None:
            if what not in told:
                told.add(what)
                say(f"outputs: {what}")

        gateway.put(path, lambda send: pack(folder, send, keep_links=False, skipped=skipped), answer=_ANSWER)
    except (GatewayError, OSError) as error:
        refused = error.refused if isinstance(error, GatewayError) else isinstance(error, MADE_SO)
        message = f"the outputs cannot be committed: {error}"
        raise StageFailed("outputs", message, refused=refused) from error
