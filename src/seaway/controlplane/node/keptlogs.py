"""Logs of pods that are gone from the API, kept for a while: whoever records them may have seen less than all of it.

The kubelet removes a pod's log with its object. Here what the containers wrote stays readable below
`nodes/NODE/proxy/containerLogs`, by the pod's uid, until it is too old or too much.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from seaway.controlplane.node.logs import log_files
from seaway.controlplane.node.processes import log_path

KEEP_SECONDS, KEEP_BYTES = 600.0, 1 << 30
"""How long, and how much of all of them: beyond it the oldest go."""
_LOOK_SECONDS = 30.0


class KeptLogs:
    """The logs of pods that are gone.

    Args:
        folder: holds them, on the disk on which the containers' folders lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._looked = folder, 0.0
        self._began: float | None = None
        """When this process first had something to keep: what an earlier one left is kept from then on, for nobody may have
        been there to read it."""

    def path(self, uid: str, container: str, number: int) -> Path:
        """Return where the log of a container's start lies, if it is kept."""
        return log_path(self._folder / uid / container / str(number))

    def keep(self, uid: str, pod_folder: Path, now: float) -> None:
        """Take the logs out of a pod's folder, which is to be removed; remove others that are too old. Blocks.

        Args:
            uid: of the pod.
            pod_folder: its files.
            now: seconds since the epoch.
        """
        self._began = now if self._began is None else self._began
        for attempt in pod_folder.glob("containers/*/*"):
            files = log_files(log_path(attempt))
            there = self._folder / uid / attempt.parent.name / attempt.name
            if files:
                there.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in files:
                file.rename(there / file.name)
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._remove_old(now - KEEP_SECONDS if now - self._began >= KEEP_SECONDS else 0.0)

    def _remove_old(self, before: float) -> None:
        room = KEEP_BYTES
        for folder in sorted(self._pods(), key=lambda path: path.stat().st_mtime, reverse=True):
            room -= sum(file.stat().st_size for file in folder.glob("*/*/*"))
            if room < 0 or folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)

    def _pods(self) -> Iterator[Path]:
        return self._folder.iterdir() if self._folder.exists() else iter(())
