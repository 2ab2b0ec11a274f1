"""Follow a run: its log on standard output, what it waits for on the terminal, its ending as an exit code."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Self

from seaway.cli import exits
from seaway.cli.asked import advice
from seaway.cli.context import note
from seaway.cli.output import DIM, RED, coloured, paint
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.paths import ENDED

WAITING_POLL = 0.5
"""Seconds between two looks at a run that has not said anything yet."""
WAITING_SAID = 5.0
"""Seconds after which even a pipe's reader is told, once, what a run waits for."""
ERASE = "\r\x1b[2K"
MARK = b"[seaway] "
"""How the lines of a log begin that are Seaway's and not the program's."""
MAX_LINE = 1024 * 1024
"""Bytes of a line without an end that are held back at most."""


class FinalLines:
    """Leaves out what a carriage return overwrites: a progress bar becomes its last state. For pipes and files."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return the whole lines that are final now."""
        lines = (self._held + chunk).split(b"\n")
        self._held = _after_return(lines.pop())
        out = b"".join(_final(line) + b"\n" for line in lines)
        if len(self._held) > MAX_LINE:
            out, self._held = out + self._held, b""
        return out

    def rest(self) -> bytes:
        """Return what is left at the end."""
        held, self._held = self._held, b""
        return _final(held) + b"\n" if held.strip(b"\r") else b""


def _final(line: bytes) -> bytes:
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _after_return(line: bytes) -> bytes:
    """Of a line that goes on: the part since its last return, which may yet be followed by a line's end."""
    body = line.rstrip(b"\r")
    return body.rpartition(b"\r")[2] + line[len(body) :]


class OwnLines:
    """Takes Seaway's own lines ("[seaway] placed on ...") out of a log, so that the program's output stays its own."""

    def __init__(self) -> None:
        self._line = b""
        self._kind: bool | None = None
        """Whether the line that goes on is Seaway's; None where that is not known yet."""

    def feed(self, chunk: bytes) -> tuple[bytes, bytes]:
        """Return what is the program's, and Seaway's whole lines."""
        program, own = bytearray(), bytearray()
        for piece in _lines(chunk):
            if self._kind is None:
                self._line += piece
                if len(self._line) < len(MARK) and MARK.startswith(self._line):
                    continue
                self._kind = self._line.startswith(MARK)
                piece, self._line = self._line, b""
            if self._kind:
                self._line += piece
                if piece.endswith(b"\n"):
                    own += self._line
                    self._line = b""
            else:
                program += piece
            if piece.endswith(b"\n"):
                self._kind = None
        return bytes(program), bytes(own)

    def rest(self) -> tuple[bytes, bytes]:
        """Return what is left at the end."""
        line, self._line = self._line, b""
        return (b"", line + b"\n") if self._kind else (line, b"")


def _lines(chunk: bytes) -> list[bytes]:
    """Split at line feeds alone."""
    parts = chunk.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def write_log(
    chunks: Iterable[bytes],
    out: BinaryIO,
    *,
    raw: bool,
    say: Callable[[str], None] = note,
    began: Callable[[], None] = lambda: None,
) -> None:
    """Write a log as it comes: as it is to a terminal, its final lines elsewhere; Seaway's own lines are said apart.

    Args:
        chunks: the log.
        out: for the program's output.
        raw: write every byte of it.
        say: gets each of Seaway's own lines.
        began: called before the program's output is written.
    """
    final, own_lines = FinalLines(), OwnLines()

    def write(program: bytes, own: bytes) -> None:
        for line in own.decode(errors="replace").splitlines():
            say(line)
        if program:
            began()
            out.write(program if raw else final.feed(program))
            out.flush()

    for chunk in chunks:
        for piece in _lines(chunk) if MARK in chunk else (chunk,):  # so that the order stays
            write(*own_lines.feed(piece))
    write(*own_lines.rest())
    if not raw:
        out.write(final.rest())
    out.flush()


class Waiting:
    """While a run has not said anything: shows what it waits for, on a line that vanishes."""

    def __init__(self, connect: Callable[[], SeawayClient], run: str, *, ending_apart: bool = True) -> None:
        self._connect = connect
        self._run = run
        self._ending_apart = ending_apart
        """Somebody else says how the run ended."""
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._live = coloured(sys.stderr)
        self._shown = False
        self._failed: list[str] = []
        """How an attempt ended, until another one begins."""
        self._thread = threading.Thread(target=self._watch, name="waiting", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end()
        if kind is None:  # Ctrl-C waits for nobody
            self._thread.join(2.0)

    def say(self, line: str) -> None:
        """Say a line in between; how the last attempt ended is said at the end, in full."""
        lines, self._failed = [*self._failed, line], []
        if self._ending_apart and line.startswith("[seaway] failed:"):
            self._failed = [lines.pop()]
        with self._lock:
            if self._shown and self._live:
                sys.stderr.write(ERASE)
            for each in lines:
                note(paint(each, DIM, sys.stderr))

    def end(self) -> None:
        """Show nothing more."""
        if self._over.is_set():
            return
        with self._lock:
            self._over.set()
            if self._shown and self._live:
                sys.stderr.write(ERASE)
                sys.stderr.flush()

    def _watch(self) -> None:
        waited, client = 0.0, None
        while not self._over.wait(WAITING_POLL):
            waited += WAITING_POLL
            try:
                client = client or self._connect()
                view = client.run(self._run)
            except (SeawayError, OSError):
                continue  # the server restarts; whoever follows the log says so if it stays away
            if view["phase"] in ENDED or view["phase"] == "running":
                text = "running" if view["phase"] == "running" else ""
            else:
                text = f"{view['phase']}: {view['message']}" if view.get("message") else view["phase"]
            self._show(text, waited)
        if client is not None:
            client.close()

    def _show(self, text: str, waited: float) -> None:
        with self._lock:
            if self._over.is_set() or not text:
                return
            if self._live:
                sys.stderr.write(ERASE + paint(text, DIM, sys.stderr))
                sys.stderr.flush()
                self._shown = True
            elif not self._shown and waited >= WAITING_SAID and text != "running":
                note(text)
                self._shown = True


def attach(client: SeawayClient, connect: Callable[[], SeawayClient], run: str) -> int:
    """Follow a run to its end; return what `seaway run` exits with."""
    try:
        note(f"run {run}")
        with Waiting(connect, run) as waiting:
            raw = sys.stdout.isatty()
            write_log(client.follow_logs(run), sys.stdout.buffer, raw=raw, say=waiting.say, began=waiting.end)
            view = client.wait_until_ended(run)
    except KeyboardInterrupt:
        note(f"\n{run} goes on. Follow it: {advice(f'logs -f {run}')}   Stop it: {advice(f'stop {run}')}")
        return exits.INTERRUPTED
    except OSError:  # its output can be written nowhere: a pipe without a reader, a full disk
        note(f"{run} goes on. Follow it: {advice(f'logs -f {run}')}   Stop it: {advice(f'stop {run}')}")
        raise
    say_ending(view)
    return exits.of_run(view)


def say_ending(view: dict[str, Any]) -> None:
    """Say in one sentence how a run ended, where that was not as hoped."""
    run, phase = view["name"], view["phase"]
    verdict = view.get("verdict") or {}
    if phase == "succeeded":
        note(paint(f"{run} succeeded", DIM, sys.stderr))
        return
    message = verdict.get("message") or view.get("message") or "no reason is known"
    note(f"{paint(f'{run} {phase}:', RED, sys.stderr)} {message}")
    note(f"More: {advice(f'why {run}')}")
