"""The sentences that the engine itself says, in one place; diagnosis says the others."""

from __future__ import annotations

from seaway.base.clock import rfc3339
from seaway.model.run import TaskSpec
from seaway.model.verdict import Verdict, VerdictClass

STARTING = "its pod is being created"
RUNNING = "running"
NO_ROOM = "waits until other tasks have ended: as many pods are in flight as this server allows"
SERVER_STOPS = "waits for the server: it is being stopped and goes on with this at its next start"
MADE_ANEW = "waits for its token, which was deleted from the cluster and has been made anew"
STOPPED_BEFORE_START = "was stopped before it started"
SUCCEEDED = Verdict.model_validate(
    {"class": VerdictClass.SUCCEEDED, "cause": "Completed", "message": "it completed", "exit_code": 0}
)
"""The verdict of a program that ended with 0 and that nobody asked to end."""

_ENDING = {
    "stop": "is being stopped as asked",
    "timeout": "is being stopped: its time is over",
    "hung": "is being stopped: it hangs",
    "wait": "is given up: its wait limit is over",
    "drain": "is being stopped with the server; it goes on at the next start",
    "lose": "is being lost on purpose, as with its machine",
    "blocked": "can never start; its pod is being removed",
}


def plain(image: str, spec: TaskSpec) -> str:
    """Say what a program does without in an image that has no Python."""
    missing = ["checkpoints", "outputs"]
    if spec.code is not None:
        missing.insert(0, "its code")
    listed = f"{', '.join(missing[:-1])} and {missing[-1]}"
    hangs = (
        ""
        if spec.stop_if_hung_seconds is None
        else (
            "; that it hangs is seen only where the cluster measures the CPU of its pods, as for `kubectl top`"
        )
    )
    return (
        f"the image {image!r} has no python3, which Seaway's runner needs: "
        f"the command is started as it is, without {listed}{hangs}"
    )


def hopes(why: str, seconds: float) -> str:
    """Say how long is waited for a node that can take what none can now."""
    return f"{why}; given up after {seconds:.0f} s, unless the cluster gets a node that can take it"


def started_plainly(why: str) -> str:
    """Say that a task goes on without the runner."""
    return f"{why}; started again without Seaway's runner"


def ending(asked: str) -> str:
    """Say why an attempt is being ended."""
    return _ENDING[asked]


def skipped(task: str) -> str:
    """Say why a task never started."""
    return f"never started: the task {task!r}, which it comes after, did not succeed"


def waits_for_task(task: str) -> str:
    """Say which task is waited for."""
    return f"waits for the task {task!r}"


def placed(node: str) -> str:
    """Say that a node was found."""
    return f"placed on node {node}; starting"


def taken_away(node: str) -> str:
    """Say that the cluster ends a pod."""
    return f"is being taken off the node {node} by the cluster; goes on elsewhere when that has ended"


def unconfirmed(node: str, until: float, *, leased: bool) -> str:
    """Say that nobody confirms the end of a pod, who can, and what happens when nobody does until a time."""
    at = f"at {rfc3339(until)}"
    last = f"{at} the program has ended by itself" if leased else f"{at} it is given up"
    return (
        f"the node {node} does not say that the program has ended, and it must not run twice: it goes on when the node "
        f"answers or an administrator confirms that it is off (seaway cluster confirm-off {node}); {last}"
    )


def confirmed_off(node: str, by: str) -> str:
    """Say who has confirmed that a node's machine is off, and what follows."""
    return f"{by} has confirmed that the node {node} is off: this goes on elsewhere when its pod is removed"


def lost(why: str, delay: float) -> str:
    """Say that an attempt was lost through nobody's fault."""
    again = "at once" if delay <= 0 else f"in {delay:.0f} s"
    return f"{why}; tried again {again}"


def grown(why: str, memory: str) -> str:
    """Say that a task gets more memory."""
    return f"{why}; tried again with {memory}"


def queued_behind(tasks: int, runs: int, pods: int, running: int) -> str:
    """Say how many get a place first, and who has one now."""
    first = (
        f"behind {_count(tasks, 'task')} of {_count(runs, 'run')}"
        if tasks
        else "first in line for the next pod"
    )
    flight = f"{_count(pods, 'pod')} of {_count(running, 'run')} {'is' if pods == 1 else 'are'} in flight"
    return f"queued {first}: {flight}, as many as this server allows"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def lock_held(lock: str, run: str, task: str, since: float) -> str:
    """Say who holds a lock that is waited for."""
    return f"waits for the lock {lock!r}, which {_holder(run, task)} has held since {rfc3339(since)}"


def lock_queue(lock: str, run: str, task: str) -> str:
    """Say who gets a lock first that is waited for."""
    return f"waits for the lock {lock!r}, which {_holder(run, task)} gets first"


def _holder(run: str, task: str) -> str:
    return f"run {run!r}" if task == "main" else f"task {task!r} of run {run!r}"


def retried(why: str, used: int, retries: int) -> str:
    """Say that one of the user's retries is used."""
    return f"{why}; tried again ({used} of {retries} retries)"
