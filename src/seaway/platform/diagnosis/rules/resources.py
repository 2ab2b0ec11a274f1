"""Attempts that used more than they were given: memory, disk."""

from __future__ import annotations

import re

from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, twice
from seaway.platform.diagnosis.evidence import (
    blanked,
    exit_code,
    from_end,
    from_event,
    from_log,
    last_event,
    memory_limit,
    memory_peak,
    pod_status,
    quote,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.tracebacks import exception

OUT_OF_MEMORY = "OOMKilled"
"""Cause of an attempt that was killed because it used more memory than its limit."""

_OWN_DISK_LIMIT = re.compile(
    r"(?i)ephemeral local storage usage exceeds|exceeds the total limit"
    r"|exceeded its local ephemeral storage limit|usage of EmptyDir volume"
)
_DISK_FULL = re.compile(r"(?i)no space left on device|\[errno 28\]|disk quota exceeded|errno 122")
_NO_ENTRIES = re.compile(r"^\S*\s*\[seaway\] no file can be made in |^\[seaway\] no file can be made in ")
_GPU_MEMORY = re.compile(
    r"(?i)cuda out of memory|cuda error: out of memory|outofmemoryerror: cuda|cuda_error_out_of_memory"
    r"|resource_?exhausted.*(gpu|oom)"
)


def out_of_memory(facts: Facts) -> Finding | None:
    """Find a container that was killed because it used more memory than its limit."""
    if (terminated(facts) or {}).get("reason") != "OOMKilled":
        return None
    limit, used, code = memory_limit(facts), memory_peak(facts), exit_code(facts)
    peak = f" (it had used up to {human_size(used)})" if used else ""
    over = f"its limit of {limit}" if limit else "its node could give"
    whom = (
        "and was killed" if code in (None, 137) else "and a process that it had started was killed for that"
    )
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, OUT_OF_MEMORY, f"it needed more memory than {over} {whom}{peak}",
        (*from_end(facts), *from_event(facts, last_event(facts, "OOMKilling", "OOMKilled"))),
        next_step=again(facts, "--memory", twice(limit)), exit_code=code,
    )  # fmt: skip


def memory_refused(facts: Facts) -> Finding | None:
    """Find an allocation that the program was refused: more than the machine or its limit can ever give."""
    found = exception(facts)
    if found is None or found.type.rpartition(".")[2] not in ("MemoryError", "_ArrayMemoryError"):
        return None
    where = f" at {found.where}" if found.where else ""
    said = f": {blanked(facts, found.text)}" if found.text else ""
    return Finding(
        Level.CODE, VerdictClass.RESOURCE, "MemoryRefused", f"it asked for more memory than it could get{where}{said}",
        (*from_log(facts, [found.line]), *from_end(facts)),
        next_step=f"make the data of that step smaller, then: {again(facts)}", exit_code=exit_code(facts),
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
        next_step=(
            f"write less or onto a volume, or raise resources.limits.ephemeral-storage, then: {again(facts)}"
            if facts.made is not None
            else f"write less, or large files below $SEAWAY_OUTPUTS, then: {again(facts)}"
        ),
    )  # fmt: skip


def disk_full(facts: Facts) -> Finding | None:
    """Find a program that failed because a disk was full."""
    if not exit_code(facts):
        return None
    lines = [line for line in facts.log_tail.splitlines()[-30:] if _DISK_FULL.search(line)]
    if not lines:
        return None
    entries = [line for line in facts.log_tail.splitlines()[-30:] if _NO_ENTRIES.search(line)]
    if entries:
        return Finding(
            Level.NODE, VerdictClass.RESOURCE, "InodesFull",
            "it failed because its disk had no entry (inode) left for another file, although bytes were free",
            (*from_log(facts, [lines[-1], entries[-1]]), *from_end(facts)),
            next_step="write fewer, larger files (an archive, a database), or remove what lies on the node's disk, then: seaway retry {run}",
            exit_code=exit_code(facts),
        )  # fmt: skip
    return Finding(
        Level.NODE, VerdictClass.RESOURCE, "DiskFull", "it failed because the disk was full",
        (*from_log(facts, lines[-1:]), *from_end(facts)),
        next_step=f"give it a volume with more room (or free inodes), then: {again(facts)}" if facts.made is not None
        else "free space on the node's disk, then: seaway retry {run}", exit_code=exit_code(facts),
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
        next_step=f"make the batch or the model smaller, then: {again(facts)}", exit_code=exit_code(facts),
    )  # fmt: skip


def human_size(size: int) -> str:
    """Return a number of bytes for people."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f} {unit}"
    return f"{size} bytes"
