"""The outputs: what the program leaves in its folder is committed when the attempt ends."""

from __future__ import annotations

from urllib.parse import quote

from seaway.runner.archive import fingerprint, pack
from seaway.runner.gateway import Gateway, GatewayError
from seaway.runner.report import StageFailed, say
from seaway.runner.task import Task


def commit_outputs(task: Task, gateway: Gateway, folder: str) -> None:
    """Send the folder as one stream; nothing where it holds no file.

    Raises:
        StageFailed: they cannot be committed.
    """
    try:
        found = fingerprint(folder)
        if not found:
            return
        path = f"/gateway/v1/runs/{quote(task.run)}/tasks/{quote(task.name)}/outputs?fence={task.fence}"
        told: set[str] = set()

        def skipped(what: str) -> None:
            if what not in told:
                told.add(what)
                say(f"outputs: {what}")

        gateway.put(path, lambda send: pack(folder, send, keep_links=False, skipped=skipped))
    except (GatewayError, OSError) as error:
        refused = isinstance(error, GatewayError) and error.refused
        message = f"the outputs cannot be committed: {error}"
        raise StageFailed("outputs", message, refused=refused) from error
