"""Find out, after a restart of the daemon, what became of a pod's containers: by looking, never by guessing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.node.attempts import termination_message
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.shim import files
from seaway.controlplane.node.state import ContainerState, Exit, PodState, Running, container_specs, states_of

_LOST = "The container could not be located when the pod was taken up again"


FAILED = "failed.json"
"""Why the node itself ends a pod, noted in the pod's folder before its containers are told: the status comes later."""


def note_failure(folder: Path, state: PodState) -> None:
    """Note why the node ends a pod, where anything of it is there. Raises OSError."""
    if state.failed is None or not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        noted = {"failed": state.failed, "disrupted": state.disrupted}
        os.close(files.write_json(FAILED, noted, descriptor))
    finally:
        os.close(descriptor)


async def recall(context: NodeContext, pod: Mapping[str, Any]) -> PodState:
    """Return the state of a pod from its folders, and from its status where the folders are gone."""
    status = pod.get("status") or {}
    state = PodState(containers=states_of(pod), ip=status.get("podIP") or "")
    if status.get("phase") == "Failed" and status.get("reason"):
        state.failed = (status["reason"], status.get("message") or "")
        state.disrupted = any(c["type"] == "DisruptionTarget" for c in status.get("conditions") or ())
    with suppress(FileNotFoundError):
        noted = files.read_json(str(context.pod_folder(pod["metadata"]["uid"]) / FAILED))
        state.failed, state.disrupted = tuple(noted["failed"]), noted["disrupted"]
    known = {
        s["name"]: s
        for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
        for s in status.get(kind) or ()
    }
    for container in state.containers.values():
        await _recall_container(context, pod, container)
        if container.current is None:
            _from_status(container, known.get(container.name) or {}, context.clock.now())
    return state


async def _recall_container(context: NodeContext, pod: Mapping[str, Any], container: ContainerState) -> None:
    uid = pod["metadata"]["uid"]
    folder = context.pod_folder(uid) / "containers" / container.name
    numbers = sorted(int(entry.name) for entry in folder.iterdir()) if folder.is_dir() else []
    for number in numbers:
        found = await context.runtime.settle(folder / str(number))
        if found is None:
            continue
        if isinstance(found, Exit):
            spec = container_specs(pod)[container.name]
            found = replace(found, message=termination_message(folder / str(number), spec, found))
        container.previous, container.current, container.attempt = (
            container.exit or container.previous,
            found,
            number,
        )
        container.failures = number + 1
        if isinstance(found, Running):
            spec = files.read_json(str(folder / str(number) / files.SPEC))
            if spec.get("gpus"):
                context.gpus.restore(uid, container.name, spec["gpus"])
            context.cpus.restore(uid, container.name, folder / str(number), spec)


def _from_status(container: ContainerState, status: Mapping[str, Any], now: float) -> None:
    """Believe the status: what it says was started is not started again as the same attempt."""
    if not status.get("containerID"):
        return
    container.attempt = int(status.get("restartCount") or 0)
    state = status.get("state") or {}
    if "waiting" in state:
        state = status.get("lastState") or {}
    ended = state.get("terminated")
    if ended:
        container.current = Exit(
            int(ended["exitCode"]), int(ended.get("signal") or 0), started_ns=_nanos(ended.get("startedAt")),
            finished_ns=_nanos(ended.get("finishedAt")), reason=ended.get("reason") or "Error", message=ended.get("message") or "",
        )  # fmt: skip
        return
    began = _nanos((state.get("running") or {}).get("startedAt"))
    container.current = Exit(
        137, 9, started_ns=began, finished_ns=int(now * 1e9), reason="ContainerStatusUnknown", error=_LOST
    )


def _nanos(text: str | None) -> int:
    return int(parse_rfc3339(text) * 1e9) if text else 0
