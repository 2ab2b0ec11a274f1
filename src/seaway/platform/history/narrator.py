"""Seaway's own sentences: each goes into the attempt's log and into history, where it stays in order with all else."""

from __future__ import annotations

from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.recorder import Recorder


class Narrator:
    """Says things of attempts.

    Args:
        logs: where the attempts' logs are kept.
        recorder: keeps the sentences.
    """

    def __init__(self, logs: LogStore, recorder: Recorder) -> None:
        self._logs, self._recorder = logs, recorder

    def say(self, key: LogKey, text: str, nanoseconds: int, *, new: bool = False) -> None:
        """Say something of an attempt; `new` as `LogStore.writer` takes it."""
        self._logs.writer(key, new=new).say(text, nanoseconds)
        self._recorder.said(key, text, nanoseconds)

    def repeat(self, key: LogKey, text: str, nanoseconds: int, *, new: bool = False) -> None:
        """Put a sentence that was noted before into the log that there is now."""
        self._logs.writer(key, new=new).say(text, nanoseconds)

    def note(self, key: LogKey, text: str, nanoseconds: int) -> None:
        """Keep a sentence that is in no log, or not yet: there is no attempt, or it is said too often."""
        self._recorder.said(key, text, nanoseconds)
