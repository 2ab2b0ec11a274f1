"""Going on with a followed log where the connection broke: what was shown is not shown again, and nothing is left out."""

from __future__ import annotations

from collections import Counter

LABEL = b" | "
"""Between a task's name, which cannot hold it, and its line, in the log of a run of several tasks."""


class Position:
    """How much of a run's log was shown.

    One task's log comes in the same order each time; those of several tasks are mixed as they happen to come, but each
    line begins with its task's name. So the bytes are counted of the one, and each task's lines of the others.

    Args:
        labelled: the run has several tasks.
    """

    def __init__(self, *, labelled: bool) -> None:
        self._labelled = labelled
        self._shown_bytes, self._shown_lines = 0, Counter[bytes]()
        self.read_again()

    def read_again(self) -> int:
        """Say that the log is read anew; return how many bytes at its beginning need not come."""
        self._skip_lines = self._shown_lines.copy()
        self._rest = b""
        return self._shown_bytes

    def fresh(self, chunk: bytes) -> bytes:
        """Return what of the next chunk was not shown yet; of several tasks, lines wait for their end."""
        if not self._labelled:
            self._shown_bytes += len(chunk)
            return chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return b"".join(line + b"\n" for line in lines if self._is_fresh(line.partition(LABEL)[0]))

    def _is_fresh(self, task: bytes) -> bool:
        if self._skip_lines[task]:
            self._skip_lines[task] -= 1
            return False
        self._shown_lines[task] += 1
        return True
