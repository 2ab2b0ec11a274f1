"""The checkpoint: a folder that every attempt finds as the one before left it."""

# ruff: noqa: PTH105, PTH108, PTH110
# ruff: noqa: PTH118, PTH123, PTH208
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import time
from collections.abc import Callable
from urllib.parse import quote

from seaway.runner.archive import fingerprint, pack, unpack
from seaway.runner.blocks import Blocks, line_of, missing, name_of, split
from seaway.runner.files import make_folder, remove_tree
from seaway.runner.gateway import PATIENCE, Gateway, GatewayError
from seaway.runner.reading import Reading
from seaway.runner.report import MADE_SO, StageFailed, say
from seaway.runner.task import Task

_BASE_MISSING = 412
_QUIET_SECONDS = 1.0
"""While the program runs, a folder is saved only when nothing in it was written for so long."""
_PATIENCE_OF_PROGRAM = 60.0
"""Seconds that a program which asks for a save waits for a server that is away."""
_TRIES = 3
_BUSY_LOOKS = 2
"""After so many looks in a row at a folder that is being written to it is said that it is not saved."""


class Checkpoint:
    """A task's checkpoint folder and its copy on the server."""

    def __init__(self, task: Task, gateway: Gateway, folder: str, spare: str) -> None:
        self._gateway = gateway
        self._path = f"/gateway/v1/runs/{quote(task.run)}/tasks/{quote(task.name)}/checkpoint"
        self._fence = task.fence
        self._folder = folder
        self._spare = spare
        self._saved: object = ()
        self._base: list[tuple[str, int]] = []
        """The blocks of what the server has."""
        self._reading: Reading | None = None
        self._busy = 0
        """Looks in a row that found it being written to."""
        self._refused = False
        self._asked = False
        """The program itself says when the folder is whole: in between it may not be."""

    def restore(self) -> None:
        """Fill the folder with what the last attempt saved.

        Raises:
            StageFailed: there is a checkpoint, but it cannot be restored.
        """
        make_folder(self._folder)
        sent, archive, unfinished = self._spare + ".blocks", self._spare + ".tar", self._spare
        try:
            if self._fetch(sent, archive):
                self._place(archive, unfinished)
        except OSError as error:
            raise StageFailed("checkpoint", f"the checkpoint cannot be restored: {error}") from error
        finally:
            remove_tree(unfinished)
            for path in (sent, archive):
                if os.path.exists(path):
                    os.unlink(path)
        self._saved = fingerprint(self._folder)

    def _fetch(self, sent: str, archive: str) -> bool:
        """Bring the checkpoint here; return whether there is one. Raises StageFailed, OSError."""
        try:
            self._gateway.fetch(f"{self._path}?fence={self._fence}", sent)
            self._base = split(sent, archive)
        except (GatewayError, ValueError) as error:
            if isinstance(error, GatewayError) and error.status == 404:
                return False
            damaged = self._damage(sent)
            message = f"the checkpoint cannot be restored: {damaged or error}"
            raise StageFailed("checkpoint", message, damaged=bool(damaged)) from error
        return True

    def _damage(self, answer: str) -> str:
        """Ask the server whether what it keeps is damaged; return what is, "" where nothing is or it cannot be asked."""
        import json

        try:
            self._gateway.fetch(f"{self._path}/check?fence={self._fence}", answer)
            with open(answer, "rb") as file:
                return str(json.loads(file.read())["damaged"])
        except (GatewayError, ValueError, KeyError, TypeError) as error:
            say(f"checkpoint: whether it is damaged on the server is not known: {error}")
            return ""

    def _place(self, archive: str, unfinished: str) -> None:
        try:
            unpack(archive, unfinished)
        except ValueError as error:  # each block is what was saved: it will be so the next time too
            raise StageFailed(
                "checkpoint", f"the checkpoint cannot be restored: {error}", damaged=True
            ) from error
        for name in os.listdir(unfinished):
            os.replace(os.path.join(unfinished, name), os.path.join(self._folder, name))
        say(f"checkpoint: restored from the last attempt ({name_of(self._base)[:12]})")
        self._reading = Reading(self._folder)

    def save_while_running(self) -> None:
        """Save the folder if it has changed and is quiet; trouble is told once, and the next time is another chance."""
        if self._asked:
            return
        try:
            found = fingerprint(self._folder)
            newest = max((entry[2] for entry in found), default=0) / 1e9
            # what seems to be of the future was written before the clock was set back
            written_now = 0 <= time.time() - newest < _QUIET_SECONDS
            if not found or found == self._saved or self._refused:
                return
            self._note_busy(busy=written_now or not self._send(found, patience=0.0))
        except (GatewayError, OSError) as error:
            if isinstance(error, GatewayError) and error.status:
                self._refused = True
            say(f"checkpoint: not saved now: {error}")

    def _note_busy(self, *, busy: bool) -> None:
        """Say once that a program gives no moment in which its folder can be saved."""
        self._busy = self._busy + 1 if busy else 0
        if self._busy == _BUSY_LOOKS:
            say(
                "checkpoint: not saved, as the program writes to it all the time: "
                "it should call seaway.checkpoint() when what is there is whole"
            )

    def save_now(self) -> None:
        """Save the folder because the program says that it is whole now.

        Raises:
            GatewayError: the server refuses it or cannot be reached.
            OSError: it cannot be read, or there is no room to pack it.
            ValueError: it is empty, or was written to meanwhile.
        """
        for _ in range(_TRIES):
            found = fingerprint(self._folder)
            if not found:
                raise ValueError(
                    f"nothing is in {self._folder}: write what the next attempt needs there first"
                )
            if found == self._saved or self._send(found, patience=_PATIENCE_OF_PROGRAM):
                self._asked = True
                return
        raise ValueError(f"{self._folder} was written to while it was packed: ask when nothing writes there")

    def save_at_end(self, *, well: bool) -> None:
        """Save the folder if it has changed since it was last saved.

        Args:
            well: the program ended with 0. Where it did not and had asked for saves, the last one is the newest that is
                known to be whole.

        Raises:
            StageFailed: it cannot be saved.
        """
        if self._reading is not None and self._reading.end():
            say("checkpoint: the program read none of the restored files")
        try:
            found = fingerprint(self._folder)
            if found and found != self._saved and self._asked and not well:
                say("checkpoint: what was written after the last seaway.checkpoint() is left out")
            elif found and found != self._saved:
                self._send(found, patience=PATIENCE)
        except (GatewayError, OSError) as error:
            refused = error.refused if isinstance(error, GatewayError) else isinstance(error, MADE_SO)
            message = f"the checkpoint cannot be saved: {error}"
            raise StageFailed("checkpoint", message, refused=refused) from error

    def _send(self, found: object, patience: float) -> bool:
        """Send the folder; return whether it was whole, as nobody wrote to it meanwhile."""
        archive = self._spare + ".tar"
        try:
            with open(archive, "wb") as file:
                blocks = Blocks(file)
                pack(
                    self._folder,
                    blocks.write,
                    keep_links=True,
                    skipped=lambda what: say(f"checkpoint: {what}"),
                    blocks=blocks,
                )
                blocks.cut()
            if fingerprint(self._folder) != found:  # written to meanwhile: what was packed may be torn
                return False
            try:
                self._put(archive, blocks.found, self._base, patience)
            except GatewayError as error:
                if error.status != _BASE_MISSING or not self._base:
                    raise
                self._put(archive, blocks.found, [], patience)  # what it leaned on is not there any more
            self._base, self._saved = blocks.found, found
            return True
        finally:
            if os.path.exists(archive):
                os.unlink(archive)

    def _put(
        self, archive: str, blocks: list[tuple[str, int]], base: list[tuple[str, int]], patience: float
    ) -> None:
        line, places = line_of(blocks), missing(blocks, base)
        lean = f"&base={name_of(base)}" if base else ""

        def send(portion: Callable[[bytes], None]) -> None:
            portion(line)
            with open(archive, "rb") as file:
                for offset, size in places:
                    file.seek(offset)
                    portion(file.read(size))

        self._gateway.put(f"{self._path}?fence={self._fence}{lean}", send, patience=patience)
