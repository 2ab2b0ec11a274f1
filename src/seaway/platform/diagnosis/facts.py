"""What is known of one attempt when somebody asks what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seaway.model.run import Origin
from seaway.model.verdict import Verdict
from seaway.platform.diagnosis.usual import Usual

Requested = Literal["", "stop", "timeout", "hung", "wait", "drain", "lose"]


@dataclass(frozen=True, slots=True)
class Made:
    """What somebody else than Seaway made a Pod from: advice is about that."""

    kind: str
    """In lower case, as kubectl takes it: "pod", "job", "deployment" ..."""
    name: str
    namespace: str = ""
    done: str = ""
    """What the cluster did about it already."""


@dataclass(frozen=True, slots=True)
class Stillness:
    """A program that says nothing and uses no CPU."""

    silent_since: str
    """Since when its log has no new line, RFC 3339."""
    idle_since: str
    """Since when it has used no CPU, RFC 3339."""
    now: str
    """When that was seen, RFC 3339."""
    waits_for: str = ""
    """What its main thread waits for, where its node says so."""
    hangs: bool = False
    """Both have lasted for so long that it seems to hang."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The evidence about one attempt, as plain values; whoever gathers it need not interpret it."""

    run: str
    """The run's name."""
    task: str = "main"
    attempt: int = 1
    """From 1."""
    pod: Mapping[str, Any] | None = None
    """The attempt's Pod as last seen; None where it never existed or nothing is known of it."""
    peak_memory: int = 0
    """The most bytes of memory that the server knows it used; 0 where it knows nothing."""
    pod_gone: bool = False
    """The Pod is not in the cluster any more: `pod` is a memory."""
    deleted_by_others: bool = False
    """The Pod is gone, or was deleted before a node had it or its program started, and Seaway had not asked for that."""
    deletion_asked: str | None = None
    """When the Pod's deletion was first seen to be asked for, RFC 3339; the Pod may say a later time by now."""
    deleted_while_it_ran: bool = False
    """Its program was seen to run while the Pod was being deleted."""
    events: Sequence[Mapping[str, Any]] = ()
    """Events about the Pod, oldest first."""
    node: Mapping[str, Any] | None = None
    """The Node that the Pod was bound to; None where there is none (any more) or it is not known."""
    node_gone: bool = False
    """The Pod was bound to a Node that is no longer in the cluster."""
    nodes: Sequence[Mapping[str, Any]] = ()
    """All nodes of the cluster, where they may be listed: tells what can never fit from what waits for room."""
    nodes_hidden: bool = False
    """The server may not see the cluster's nodes: nothing follows from their absence."""
    given_up: bool = False
    """Nobody confirmed for too long that the Pod, which was to be deleted, has ended."""
    leased: bool = False
    """Its program ends by itself when it cannot reach the server, so that it has ended by then."""
    log_tail: str = ""
    """The program's last lines (some 200 are enough), stdout and stderr as they came, without Seaway's own."""
    log_times: Sequence[str] = ()
    """When each of them was written, RFC 3339; as many as there are lines, or none."""
    requested: Requested = ""
    """What Seaway asked of the attempt: "stop" (a user did), "timeout" (its limit passed), "hung" (it
    did nothing for too long), "wait" (it had not started in time), "drain" (`seaway down`),
    "lose" (to be killed as with its machine)."""
    requested_at: str | None = None
    """When, RFC 3339."""
    stopped_after: str = ""
    """Of a task that a user stopped before its next attempt: how the last one had ended. Then `requested_at` is of the stop and `requested` is empty."""
    timeout_seconds: float | None = None
    """The task's limit."""
    hung_seconds: float | None = None
    """After how long of saying nothing and using no CPU it is ended, as its task says."""
    still: Stillness | None = None
    """Since when it has done nothing, where it does nothing now and that is known."""
    gpus_unused_since: str | None = None
    """Since when its program has used none of its GPUs by measurement, RFC 3339; None where it does or that is not known."""
    waiting: bool = False
    """The attempt has not ended: why does it not run (yet)?"""
    waits_for: str = ""
    """Where nothing was created yet: what the task waits for, in a sentence ("waits for the task 'prepare'")."""
    starts_by: str | None = None
    """Where it is given up unless it has started by then: when that is, RFC 3339."""
    not_started: Verdict | None = None
    """Of a task that did not start within its wait limit: what was found then."""
    skipped: str = ""
    """Of a task that never started because another did not succeed: that, in a sentence."""
    command: Sequence[str] = ()
    """The task's own command, as the user gave it."""
    needs_code: bool = False
    """The task came with code that the runner brings into the container."""
    needs_environment: bool = False
    """The task asks for packages that the runner installs."""
    origin: Origin | None = None
    """What the user typed, where it is known: advice repeats it."""
    before: str = ""
    """Of an attempt that is not the first: how the one before it ended."""
    evicted_before: int = 0
    """How many attempts directly before it were evicted from a full disk of which they had written much themselves."""
    retries_left: int = 0
    """How many of the user's retries are not used."""
    retry_on: Sequence[str] = ()
    """The endings that these are for, () for all."""
    memory_grown: str = ""
    """How much memory it had, where that was more than was asked for (`--on-oom grow`)."""
    create_error: str = ""
    """The API server's message where it refused to create the Pod (quota, admission, invalid)."""
    secret_values: Sequence[str] = ()
    """Values that must never be quoted: they are blanked wherever they appear in evidence."""
    made: Made | None = None
    """Where the Pod is not Seaway's: what it was made from."""
    container: str = ""
    """Which container tells most; "" for the first."""
    now: str | None = None
    """When all this was seen, RFC 3339, where known."""
    job: Mapping[str, Any] | None = None
    """The Job, replica set or other owner that the Pod was made by, where it is known; without a Pod what is asked about itself."""
    job_gone: bool = False
    """It is asked about itself and not in the cluster any more: `job` is a memory."""
    owner_events: Sequence[Mapping[str, Any]] = ()
    """Events about that owner, oldest first."""
    node_events: Sequence[Mapping[str, Any]] = ()
    """Events about the node, oldest first."""
    claims: Sequence[Mapping[str, Any]] = ()
    """The persistent volume claims that the Pod names, and events about them."""
    others: Sequence[Mapping[str, Any]] | None = None
    """All other Pods of the cluster, which take room; None where not all of them are known."""
    ends: Mapping[str, str] | None = None
    """When these end at the latest by their tasks' time limits, RFC 3339, by name; None where no limit is known."""
    usual: Mapping[str, Usual] | None = None
    """How long the runs that are under way usually take, by name, as far as earlier runs tell."""
    queued: Mapping[str, Any] | None = None
    """What a queue (Kueue) made of the job to let it wait: its Workload, where it is known."""
    restarts: int = 0
    """How often the container was started again."""
