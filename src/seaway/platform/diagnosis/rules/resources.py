"""Attempts that used more than they were given: memory, disk."""

from __future__ import annotations

import re
import shlex

from seaway.model.verdict import Level, VerdictClass
from seaway.objects.quantity import format_quantity, whole
from seaway.platform.diagnosis.evidence import (
    exit_code,
    from_end,
    from_event,
    from_log,
    last_event,
    main_container,
    pod_status,
    quote,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_OWN_DISK_LIMIT = re.compile(
    r"(?i)ephemeral local storage usage exceeds|exceeds the total limit|usage of EmptyDir volume"
)
_DISK_FULL = re.compile(r"(?i)no space left on device|\[errno 28\]|disk quota exceeded|errno 122")
_GPU_MEMORY = re.compile(
    r"(?i)cuda out of memory|outofmemoryerror: cuda|cuda_error_out_of_memory|resource_?exhausted.*(gpu|oom)"
)


def out_of_memory(facts: Facts) -> Finding | None:
    """Find a container that was killed because it used more memory than its limit."""
    if (terminated(facts) or {}).get("reason") != "OOMKilled":
        return None
    limit = ((main_container(facts).get("resources") or {}).get("limits") or {}).get("memory")
    peak = f" (it had used up to {_human(facts.memory_peak_bytes)})" if facts.memory_peak_bytes else ""
    more = format_quantity(whole(limit) * 2, "binary") if limit else "8Gi"
    over = f"its limit of {limit}" if limit else "its node could give"
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, "OOMKilled", f"it needed more memory than {over} and was killed{peak}",
        (*from_end(facts), *from_event(facts, last_event(facts, "OOMKilling", "OOMKilled"))),
        next_step=f"seaway run --memory {more} {script(facts)}", exit_code=exit_code(facts),
    )  # fmt: skip


def over_disk_limit(facts: Facts) -> Finding | None:
    """Find an eviction that the Pod itself caused by writing more than its own limit."""
    status = pod_status(facts)
    message = status.get("message") or ""
    if status.get("reason") != "Evicted" or not _OWN_DISK_LIMIT.search(message):
        return None
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, "DiskLimit", "it wrote more to its disk than its limit allows",
        (quote(facts, "pod status", f"Evicted: {message}"),),
        next_step="write less, or write large files below $SEAWAY_OUTPUTS, then run it again",
    )  # fmt: skip


def disk_full(facts: Facts) -> Finding | None:
    """Find a program that failed because a disk was full."""
    if not exit_code(facts):
        return None
    lines = [line for line in facts.log_tail.splitlines()[-30:] if _DISK_FULL.search(line)]
    if not lines:
        return None
    return Finding(
        Level.NODE, VerdictClass.RESOURCE, "DiskFull", "it failed because the disk was full",
        (*from_log(facts, lines[-1:]), *from_end(facts)),
        next_step="free space on the node's disk, then: seaway retry {run}", exit_code=exit_code(facts),
    )  # fmt: skip


def gpu_memory(facts: Facts) -> Finding | None:
    """Find a program that needed more memory than its GPU has."""
    if not exit_code(facts):
        return None
    lines = [line for line in facts.log_tail.splitlines()[-30:] if _GPU_MEMORY.search(line)]
    if not lines:
        return None
    return Finding(
        Level.CODE, VerdictClass.RESOURCE, "GpuOutOfMemory", "it needed more memory than its GPU has",
        (*from_log(facts, lines[-1:]), *from_end(facts)),
        next_step="make the batch or the model smaller, or use a GPU with more memory", exit_code=exit_code(facts),
    )  # fmt: skip


def script(facts: Facts) -> str:
    """Return what to write after `seaway run` and its options to run the same command, "..." where it is not known."""
    command = list(facts.command)
    if command[:1] == ["python"] and len(command) > 1 and command[1].endswith(".py"):
        return shlex.join(command[1:])
    return f"-- {shlex.join(command)}" if command else "..."


def _human(size: int) -> str:
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f} {unit}"
    return f"{size} bytes"
