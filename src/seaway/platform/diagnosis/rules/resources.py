"""Attempts that used more than they were given: memory, disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.objects.quantity import whole
from seaway.platform.diagnosis.advice import again, twice
from seaway.platform.diagnosis.evidence import (
    asks_gpu,
    blanked,
    condition,
    event_time,
    exit_code,
    from_end,
    from_event,
    from_log,
    last_event,
    main_container,
    memory_limit,
    memory_peak,
    pod_status,
    quote,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import said
from seaway.platform.diagnosis.tracebacks import exception
from seaway.platform.workloads.storage import CACHE

OUT_OF_MEMORY = "OOMKilled"
"""Cause of an attempt that was killed because it used more memory than its limit."""

_OWN_DISK_LIMIT = re.compile(
    r"(?i)ephemeral local storage usage exceeds|exceeds the total limit"
    r"|exceeded its local ephemeral storage limit|usage of EmptyDir volume"
)
_DISK_FULL = re.compile(
    r"(?i)no space left on device|\[errno 28\]|disk quota exceeded|not enough disk space\. needed|errno 122"
)
_NO_ENTRIES = re.compile(r"^\S*\s*\[seaway\] no file can be made in |^\[seaway\] no file can be made in ")
_GPU_MEMORY = re.compile(
    r"(?i)cuda out of memory|cuda error: out of memory|outofmemoryerror: cuda|cuda_error_out_of_memory"
    r"|resource_?exhausted.*(gpu|oom)|OOM when allocating tensor.*GPU|Allocator \(GPU_\d+_bfc\) ran out of memory"
    r"|No available memory for the cache blocks|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory|hipErrorOutOfMemory"
)
_ON_A_GPU = re.compile(r"RESOURCE_EXHAUSTED: Out of memory")
"""What XLA says of whichever device it allocates on."""
_TORN = re.compile(r"inline_container\.cc:\d+\] \. unexpected pos|PytorchStreamWriter failed writing file")
"""What PyTorch says of a checkpoint that its file system did not take as a whole."""


_LEAST_LIMIT = 2**20
"""Bytes of memory below which no program starts."""


def out_of_memory(facts: Facts) -> Finding | None:
    """Find a container that was killed because it used more memory than its limit."""
    if (terminated(facts) or {}).get("reason") != "OOMKilled":
        return None
    limit, used, code = memory_limit(facts), memory_peak(facts), exit_code(facts)
    if limit and whole(limit) < _LEAST_LIMIT:
        return Finding(
            Level.SPEC, VerdictClass.RESOURCE, OUT_OF_MEMORY,
            wording("its memory limit of {limit} is too small for any program: most likely its unit (Mi, Gi) is missing", limit=limit),
            (*from_end(facts), *from_event(facts, last_event(facts, "OOMKilling", "OOMKilled"))),
            next_step=again(facts, "--memory", "4Gi"), exit_code=code,
        )  # fmt: skip
    peak = wording(" (it had used up to {amount})", amount=human_size(used)) if used else ""
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, OUT_OF_MEMORY, _killed(limit, itself=code in (None, 137)) + peak,
        (*from_end(facts), *from_event(facts, last_event(facts, "OOMKilling", "OOMKilled"))),
        next_step=again(facts, "--memory", twice(limit)), exit_code=code,
    )  # fmt: skip


def _killed(limit: str | None, *, itself: bool) -> str:
    """Return what was killed for too much memory: the program itself, or a process that it had started."""
    if limit and itself:
        return wording("it needed more memory than its limit of {limit} and was killed", limit=limit)
    if limit:
        return wording(
            "it needed more memory than its limit of {limit} and a process that it had started was killed for that",
            limit=limit,
        )
    if itself:
        return wording("it needed more memory than its node could give and was killed")
    return wording(
        "it needed more memory than its node could give and a process that it had started was killed for that"
    )


def memory_refused(facts: Facts) -> Finding | None:
    """Find an allocation that the program was refused: more than the machine or its limit can ever give."""
    found = exception(facts)
    if found is None or found.type.rpartition(".")[2] not in ("MemoryError", "_ArrayMemoryError"):
        return None
    message: str = wording("it asked for more memory than it could get{place}", place=found.at)
    if found.text:
        message = wording(
            "it asked for more memory than it could get{place}: {error}", place=found.at, error=blanked(facts, found.text)
        )  # fmt: skip
    return Finding(
        Level.CODE, VerdictClass.RESOURCE, "MemoryRefused", message,
        (*from_log(facts, [found.line]), *from_end(facts)),
        next_step=wording("make the data of that step smaller, then: {command}", command=again(facts)), exit_code=exit_code(facts),
    )  # fmt: skip


def over_disk_limit(facts: Facts) -> Finding | None:
    """Find an eviction that the Pod itself caused by writing more than its own limit."""
    status = pod_status(facts)
    message = status.get("message") or ""
    if status.get("reason") != "Evicted" or not _OWN_DISK_LIMIT.search(message):
        return None
    event = last_event(facts, "Evicted")
    at = (condition(facts, "DisruptionTarget") or {}).get("lastTransitionTime") or (
        event_time(event) if event else None
    )
    evidence = (
        quote(facts, "pod status", f"Evicted: {message}", at or (terminated(facts) or {}).get("finishedAt")),
    )
    said, step = _over(facts, message)
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, "DiskLimit", said, evidence, next_step=step
    )  # fmt: skip


def _over(facts: Facts, message: str) -> tuple[str, str]:
    """Return which limit an eviction's message says that it wrote more than, and what to do about it."""
    folder = re.search(
        r'EmptyDir volume "(?P<name>[^"]+)"(?: exceeds the limit "(?P<limit>[^"]+)")?', message
    )
    limit = re.search(
        r"(?:exceeds the total limit of containers|exceeds .*limit) \"?(?P<limit>\d[\w.]*\w)", message
    )
    if folder is not None and facts.made is None and folder["name"] == CACHE:
        return _over_cache(facts, folder["limit"])
    if folder is not None and facts.made is not None:
        return _over_volume(facts, folder["name"], folder["limit"])
    if facts.made is None:
        return wording("it wrote more to its disk than its limit allows"), wording(
            "write less, or large files below {variable}, then: {command}", variable="$SEAWAY_OUTPUTS", command=again(facts)
        )  # fmt: skip
    over: str = wording("it wrote more to its disk than its limit allows")
    if limit:
        over = wording("it wrote more to its disk than its limit of {amount} allows", amount=limit["limit"])
    return over, wording(
        "write less or onto a volume, or raise {field}, then: {command}",
        field="resources.limits.ephemeral-storage", command=again(facts),
    )  # fmt: skip


def _over_cache(facts: Facts, most: str | None) -> tuple[str, str]:
    over: str = wording(
        "it wrote more into its cache ({variable}) than --cache allows", variable="$SEAWAY_CACHE"
    )
    if most:
        over = wording(
            "it wrote more into its cache ({variable}) than --cache {amount} allows", variable="$SEAWAY_CACHE", amount=most
        )  # fmt: skip
    command = again(facts, "--cache", twice(most))
    return over, wording("remove what is old from the cache, or ask for more: {command}", command=command)


def _over_volume(facts: Facts, volume: str, most: str | None) -> tuple[str, str]:
    field = "emptyDir.sizeLimit"
    over: str = wording(
        "it wrote more to its volume {volume!r} than its limit ({field}) allows", volume=volume, field=field
    )
    if most:
        over = wording(
            "it wrote more to its volume {volume!r} than its limit of {amount} ({field}) allows",
            volume=volume, amount=most, field=field,
        )  # fmt: skip
    return over, wording(
        "write less, or raise {field} of the volume {volume!r}, then: {command}",
        field=field, volume=volume, command=again(facts),
    )  # fmt: skip


def disk_full(facts: Facts) -> Finding | None:
    """Find a program that failed because a disk was full."""
    if not exit_code(facts):
        return None
    tail = facts.log_tail.splitlines()[-30:]
    full = said(facts, _DISK_FULL)
    line = full or said(facts, _TORN)
    if not line:
        return None
    entries = [line for line in tail if _NO_ENTRIES.search(line)]
    if entries:
        return Finding(
            Level.NODE, VerdictClass.RESOURCE, "InodesFull",
            wording("it failed because its disk had no entry (inode) left for another file, although bytes were free"),
            (*from_log(facts, [line, entries[-1]]), *from_end(facts)),
            next_step=wording(
                "write fewer, larger files (an archive, a database), or remove what lies on the node's disk, then: {command}",
                command="seaway retry {run}",
            ), exit_code=exit_code(facts),
        )  # fmt: skip
    message = (
        wording("it failed because the disk was full")
        if full
        else wording("a file could not be written as a whole, most often because the disk is full")
    )
    volume, level = _volume(facts, line)
    return Finding(
        level, VerdictClass.RESOURCE, "DiskFull", message + volume,
        (*from_log(facts, [line]), *from_end(facts)),
        next_step=_room(facts, volume), exit_code=exit_code(facts),
    )  # fmt: skip


def _room(facts: Facts, volume: str) -> str:
    """Return how there is room again on a disk or in a volume, as `_volume` calls it."""
    if facts.made is not None:
        return wording(
            "free room there, or give it a volume with more (or with free inodes), then: {command}",
            command=again(facts),
        )
    retry = "seaway retry {run}"
    if "quota" in volume:
        return wording(
            "remove what is not needed there, or have the quota raised, then: {command}", command=retry
        )
    return wording("free space on the node's disk, then: {command}", command=retry)


def _volume(facts: Facts, line: str) -> tuple[str, Level]:
    """Return which volume a line of the log says is full, as a part of a sentence, and at which level that lies."""
    path = re.search(r"['\"](?P<path>/[^'\"]+)['\"]", line)
    mounts = sorted(
        main_container(facts).get("volumeMounts") or (), key=lambda one: len(str(one.get("mountPath")))
    )
    inside = [
        one
        for one in mounts
        if path and f"{path['path']}/".startswith(f"{str(one.get('mountPath')).rstrip('/')}/")
    ]
    volumes = ((facts.pod or {}).get("spec") or {}).get("volumes") or ()
    found: Mapping[str, Any] = next(
        (one for one in volumes if inside and one.get("name") == inside[-1].get("name")), {}
    )
    if "quota" in line.lower():
        return wording(": a quota of its file system is used up"), Level.CLUSTER
    if not found:
        return "", Level.NODE
    own = found.keys() & {"emptyDir", "hostPath"}
    said = wording(" (volume {volume!r})", volume=str(found.get("name")))
    return said, Level.NODE if own else Level.CLUSTER


def gpu_memory(facts: Facts) -> Finding | None:
    """Find a program that needed more memory than its GPU has."""
    if not exit_code(facts):
        return None
    line = said(facts, _GPU_MEMORY) or (said(facts, _ON_A_GPU) if asks_gpu(facts) else "")
    if not line:
        return None
    return Finding(
        Level.CODE, VerdictClass.RESOURCE, "GpuOutOfMemory", wording("it needed more memory than its GPU has"),
        (*from_log(facts, [line]), *from_end(facts)),
        next_step=wording("make the batch or the model smaller, then: {command}", command=again(facts)), exit_code=exit_code(facts),
    )  # fmt: skip


def human_size(size: int) -> str:
    """Return a number of bytes for people."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f} {unit}"
    return wording("{size} bytes", size=size)
