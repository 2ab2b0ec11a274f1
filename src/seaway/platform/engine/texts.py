"""The sentences that the engine itself says, in one place; diagnosis says the others, and `waits` what a task waits for."""

from __future__ import annotations

from seaway.base.clock import rfc3339
from seaway.base.messages import wording
from seaway.model.run import TaskSpec
from seaway.model.verdict import Verdict, VerdictClass

STARTING = wording("its pod is being created")
RUNNING = wording("running")
MADE_ANEW = wording("waits for its token, which was deleted from the cluster and has been made anew")
STOPPED_BEFORE_START = wording("was stopped before it started")
STOPPED_BEFORE_NEXT = wording("was stopped before its next attempt started")
SUCCEEDED = Verdict.model_validate(
    {
        "class": VerdictClass.SUCCEEDED,
        "cause": "Completed",
        "message": wording("it completed"),
        "exit_code": 0,
    }
)
"""The verdict of a program that ended with 0 and that nobody asked to end."""

_ENDING = {
    "stop": wording("is being stopped as asked"),
    "timeout": wording("is being stopped: its time is over"),
    "hung": wording("is being stopped: it hangs"),
    "wait": wording("is given up: its wait limit is over"),
    "drain": wording("is being stopped with the server; it goes on at the next start"),
    "lose": wording("is being lost on purpose, as with its machine"),
    "blocked": wording("can never start; its pod is being removed"),
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
    return wording(
        "{why}; given up after {seconds:.0f} s, unless the cluster gets a node that can take it",
        why=why, seconds=seconds,
    )  # fmt: skip


def started_plainly(why: str) -> str:
    """Say that a task goes on without the runner."""
    return wording("{why}; started again without Seaway's runner", why=why)


def ending(asked: str) -> str:
    """Say why an attempt is being ended."""
    return _ENDING[asked]


def placed(node: str) -> str:
    """Say that a node was found."""
    return wording("placed on node {node}; starting", node=node)


def taken_away(node: str) -> str:
    """Say that the cluster ends a pod."""
    return wording(
        "is being taken off the node {node} by the cluster; goes on elsewhere when that has ended", node=node
    )


def unconfirmed(node: str, until: float, *, leased: bool) -> str:
    """Say that nobody confirms the end of a pod, who can, and what happens when nobody does until a time."""
    last = wording("it is given up")
    if leased:
        last = wording("the program has ended by itself")
    return wording(
        "the node {node} does not say that the program has ended, and it must not run twice: it goes on when the node "
        "answers or an administrator confirms that it is off ({command}); at {time} {last}",
        node=node, command=f"seaway cluster confirm-off {node}", time=rfc3339(until), last=last,
    )  # fmt: skip


def confirmed_off(node: str, by: str) -> str:
    """Say who has confirmed that a node's machine is off, and what follows."""
    return f"{by} has confirmed that the node {node} is off: this goes on elsewhere when its pod is removed"


def lost(why: str, delay: float) -> str:
    """Say that an attempt was lost through nobody's fault."""
    if delay <= 0:
        return wording("{why}; tried again at once", why=why)
    return wording("{why}; tried again in {seconds:.0f} s", why=why, seconds=delay)


def grown(why: str, memory: str) -> str:
    """Say that a task gets more memory."""
    return wording("{why}; tried again with {memory}", why=why, memory=memory)


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


def retried(why: str, used: int, retries: int) -> str:
    """Say that one of the user's retries is used."""
    return wording("{why}; tried again ({used} of {retries} retries)", why=why, used=used, retries=retries)
