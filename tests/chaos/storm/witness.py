"""A witness outside Seaway: every program tells it that it began, each line before the next, and asks how to end."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TEARS = 3
"""Which exit code a program is told that shall fail."""


@dataclass
class Execution:
    """One attempt's program, as it told of itself. Times are of the machine's monotonic clock."""

    run: str
    task: str
    attempt: int
    lock: str
    resumed: int
    """The step at which its checkpoint stood."""
    began: float
    last: float
    """When it was last heard of."""
    lines: int = 0
    told: int | None = None
    """The exit code that it was told to end with; None where it did not come so far."""


@dataclass
class Witness:
    """Hears all programs of one storm."""

    failures: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often each task shall fail before it succeeds."""
    port: int = 0
    executions: list[Execution] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def hear(self, execution: Execution) -> None:
        """A program began."""
        with self.changed:
            self.executions.append(execution)
            self.changed.notify_all()

    def judge(self, execution: Execution) -> int:
        """Return how a program that is done shall end."""
        with self.changed:
            task = (execution.run, execution.task)
            left = self.failures.get(task, 0)
            self.failures[task] = left - 1
            execution.told = TEARS if left > 0 else 0
            return execution.told

    def of(self, run: str, task: str) -> list[Execution]:
        """Return a task's executions in the order in which they began."""
        found = [each for each in self.executions if (each.run, each.task) == (run, task)]
        return sorted(found, key=lambda each: each.began)


@contextmanager
def run_witness() -> Iterator[Witness]:
    """Serve a witness on a free port of 127.0.0.1."""
    witness = Witness()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                said = [json.loads(self.rfile.readline() or "null")]
                if said[0] is None:
                    return
                execution = Execution(**said[0])
                witness.hear(execution)
                for line in self.rfile:
                    self.take(execution, json.loads(line))
            except (ConnectionError, ValueError):  # killed in the middle of a word
                return

        def take(self, execution: Execution, word: Any) -> None:
            execution.last = word["at"]
            if "line" in word:
                execution.lines = word["line"] + 1
            else:
                self.wfile.write(b"%d\n" % witness.judge(execution))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        witness.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield witness
        server.shutdown()
        thread.join()
