"""What to do next for a pod: pure. Compares what its containers did with what its spec wants.

Source: Kubernetes documentation, "Init Containers", "Sidecar Containers", "Pod Lifecycle" (restart policy, back-off).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.node.state import ContainerState, Exit, PodState


@dataclass(frozen=True, slots=True)
class Step:
    """What the worker does now."""

    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    """Sidecars that are no longer needed."""
    wait: float | None = None
    """Seconds until there may be more to do; None: only an event can tell."""
    done: bool = False
    """Nothing of this pod will run any more."""


def is_main(container: ContainerState) -> bool:
    """Tell whether the pod is there for this container."""
    return not container.init and not container.ephemeral


def restarts(state: ContainerState, end: Exit) -> bool:
    """Tell whether a container that ended is started again. Source: KEP-5307 for rules."""
    if state.sidecar or state.ephemeral:
        return state.sidecar
    if any(_matches(rule, end.exit_code) for rule in state.rules):
        return True
    if state.init:
        return state.policy != "Never" and end.exit_code != 0
    return state.policy == "Always" or (state.policy == "OnFailure" and end.exit_code != 0)


def _matches(rule: Mapping[str, Any], code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    listed = code in (codes.get("values") or ())
    return rule["action"] == "Restart" and listed is (codes.get("operator") == "In")


def backoff(failures: int, initial: float, cap: float) -> float:
    """Return the seconds to wait before a restart: none the first time, then `initial`, doubling up to `cap`."""
    return 0.0 if failures <= 1 else min(initial * 2.0 ** min(failures - 2, 30), cap)


def next_step(pod: Mapping[str, Any], state: PodState, now: float) -> Step:
    """Return what to do for a pod that is to run.

    Args:
        pod: the object.
        state: what its containers did.
        now: monotonic seconds, as `ContainerState.restart_at`.
    """
    if _over(state):
        return _finish(state)
    start: list[str] = []
    waits: list[float] = []
    hooked = {c["name"] for c in pod["spec"]["containers"] if (c.get("lifecycle") or {}).get("postStart")}
    mains = [c for c in state.containers.values() if is_main(c)]
    begun = any(c.attempt >= 0 for c in mains)
    for c in (c for c in state.containers.values() if c.init):
        if c.sidecar:
            _consider(c, now, start, waits)
            if not begun and not (c.running and c.started):
                return _step(start, waits)
            continue
        if begun or (c.exit and c.exit.exit_code == 0):
            continue
        _consider(c, now, start, waits)
        return _step(start, waits)
    for c in mains:
        _consider(c, now, start, waits)
        if c.hooking or (c.name in start and c.name in hooked):
            break  # the next one starts when this one's postStart hook is done
    for c in (c for c in state.containers.values() if c.ephemeral):
        _consider(c, now, start, waits)
    return _step(start, waits)


def ends_after(state: PodState, name: str) -> tuple[str, ...]:
    """Return the containers that a container outlives where a pod ends: a sidecar, those that it serves and later sidecars."""
    container = state.containers[name]
    if not container.sidecar:
        return ()
    names = list(state.containers)
    later = names[names.index(name) + 1 :]
    return tuple(n for n, c in state.containers.items() if not c.sidecar or n in later)


def _over(state: PodState) -> bool:
    """Tell whether the pod's work is done for good. Asked first: a sidecar that was stopped then is not started again."""
    inits = [c for c in state.containers.values() if c.init and not c.sidecar]
    if any(c.exit and c.exit.exit_code != 0 and not restarts(c, c.exit) for c in inits):
        return True
    mains = [c for c in state.containers.values() if is_main(c)]
    return all(c.exit and not restarts(c, c.exit) for c in mains)


def _consider(c: ContainerState, now: float, start: list[str], waits: list[float]) -> None:
    if c.running or (c.exit and not restarts(c, c.exit)):
        return
    if c.restart_at > now:
        waits.append(c.restart_at - now)
    else:
        start.append(c.name)


def _step(start: list[str], waits: list[float]) -> Step:
    return Step(start=tuple(start), wait=min(waits, default=None))


def _finish(state: PodState) -> Step:
    running = tuple(c.name for c in state.containers.values() if c.running)
    return Step(stop=running, done=not running)
