"""What a task waits for that has no pod, and why one never starts: as it is kept of the task, and as a whole sentence."""

from __future__ import annotations

from seaway.base.clock import rfc3339
from seaway.base.messages import Message, wording

QUEUED = wording("queued")
NO_ROOM = wording("waits until other tasks have ended: as many pods are in flight as this server allows")
SERVER_STOPS = wording("waits for the server: it is being stopped and goes on with this at its next start")


def for_task(task: str) -> Message:
    """Say which task is waited for."""
    return wording("waits for the task {task!r}", task=task)


def lock_held(lock: str, run: str, task: str, since: float) -> Message:
    """Say who holds a lock that is waited for."""
    return wording(
        "waits for the lock {lock!r}, which {holder} has held since {time}",
        lock=lock, holder=_holder(run, task), time=rfc3339(since),
    )  # fmt: skip


def lock_queue(lock: str, run: str, task: str) -> Message:
    """Say who gets a lock first that is waited for."""
    return wording(
        "waits for the lock {lock!r}, which {holder} gets first", lock=lock, holder=_holder(run, task)
    )


def skipped(task: str) -> Message:
    """Say why a task never started."""
    return wording("never started: the task {task!r}, which it comes after, did not succeed", task=task)


def whole(said: str) -> str:
    """Return what is kept of a task as a sentence that begins with the task itself."""
    if isinstance(said, Message) and said.template in _WHOLE:
        return Message(_WHOLE[said.template], said.values)
    if said.startswith(("waits ", "never started")):  # an earlier release kept the English words alone
        return f"it {said}"
    return wording("it waits: {reason}", reason=said)


def _holder(run: str, task: str) -> Message:
    if task == "main":
        return wording("run {run!r}", run=run)
    return wording("task {task!r} of run {run!r}", task=task, run=run)


_ANY = {"lock": "", "run": "", "task": "", "holder": "", "time": ""}
_WHOLE = {
    kept.template: sentence.template
    for kept, sentence in (
        (NO_ROOM, wording("it waits until other tasks have ended: as many pods are in flight as this server allows")),
        (SERVER_STOPS, wording("it waits for the server: it is being stopped and goes on with this at its next start")),
        (for_task(""), wording("it waits for the task {task!r}", **_ANY)),
        (lock_held("", "", "", 0.0), wording("it waits for the lock {lock!r}, which {holder} has held since {time}", **_ANY)),
        (lock_queue("", "", ""), wording("it waits for the lock {lock!r}, which {holder} gets first", **_ANY)),
        (skipped(""), wording("it never started: the task {task!r}, which it comes after, did not succeed", **_ANY)),
    )
}  # fmt: skip
"""Languages begin a sentence in other ways than by a word before it."""
