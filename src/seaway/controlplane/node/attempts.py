"""Start, watch, probe and stop single attempts of a pod's containers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from seaway.controlplane.node import launch, plan
from seaway.controlplane.node.actions import Answer, Place, act
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.fields import PodFacts
from seaway.controlplane.node.logs import read_tail
from seaway.controlplane.node.podvolumes import PodVolumes
from seaway.controlplane.node.probes import KINDS, Prober, probe_grace
from seaway.controlplane.node.processes import log_path
from seaway.controlplane.node.state import ContainerState, Exit, Running, container_specs

log = logging.getLogger(__name__)
_MESSAGE_LIMIT = 4096
_HOOK_SECONDS = 86400.0
"""A postStart hook has the whole day: the kubelet sets it no limit."""
_LEAST_GRACE = 2.0
"""Seconds that a container has after SIGTERM even where its hook or its turn took all its grace, as the kubelet gives."""


def termination_message(folder: Path, container: Mapping[str, Any], end: Exit) -> str:
    """Return what the container in a folder left to say at its end."""
    with suppress(OSError), (folder / "termination-log").open("rb") as file:
        text = file.read(_MESSAGE_LIMIT)
        if text:
            return text.decode(errors="replace")
    if end.exit_code and container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        return read_tail(log_path(folder), lines=80, limit=2048).decode(errors="replace")
    if end.oom_killed and end.peak_memory:
        return f"peak memory {end.peak_memory} bytes"  # known here alone, and gone with the container
    return ""


class Attempts:
    """The running attempts of one pod.

    Args:
        context: of the node.
        changed: called whenever a container's state changed.
    """

    def __init__(self, context: NodeContext, changed: Callable[[], None]) -> None:
        self._context, self._changed = context, changed
        self._tasks: dict[str, set[asyncio.Task[None]]] = {}
        self._stopping: set[str] = set()

    async def start(self, facts: PodFacts, state: ContainerState, volumes: PodVolumes) -> None:
        """Start the next attempt of a container; an attempt that was begun before is taken up instead.

        Raises:
            LaunchError: it cannot be started as things are.
            NotEnoughGpusError, ApiError, Unreachable, RuntimeUnavailableError: see `launch.prepare` and `ProcessRuntime.start`.
        """
        pod, number = facts.pod, state.attempt + 1
        container = container_specs(pod)[state.name]
        spec = await launch.prepare(self._context, facts, container, number, volumes)
        folder = self._context.container_folder(pod["metadata"]["uid"], state.name, number)
        launch.write_files(folder, launch.name_files(self._context, pod, facts.pod_ip))
        result = await self._context.runtime.start(folder, spec)
        state.previous, state.attempt = state.exit or state.previous, number
        state.waiting, state.ready, state.started, state.hooking = None, False, False, False
        image = container.get("image", "")
        self._event(pod, "Pulled", f'Container image "{image}" already present on machine', state.name)
        if isinstance(result, Exit) and result.reason:
            self._context.event(pod, "Warning", "Failed", f"Error: {result.error}", state.name)
            self._ended(pod, state, result)
            return
        self._event(pod, "Created", f"Created container: {state.name}", state.name)
        self._event(pod, "Started", f"Started container {state.name}", state.name)
        if isinstance(result, Exit):
            self._ended(pod, state, result)
        else:
            self.follow(facts, state, result)

    def follow(self, facts: PodFacts, state: ContainerState, running: Running) -> None:
        """Watch a running attempt: its end, its probes, its postStart hook."""
        state.current, state.waiting = running, None
        container = container_specs(facts.pod)[state.name]
        tasks = self._tasks[state.name] = set()
        tasks.add(asyncio.create_task(self._until_end(facts.pod, state)))
        hook = (container.get("lifecycle") or {}).get("postStart")
        state.hooking = bool(hook)
        if hook or any(container.get(f"{kind}Probe") for kind in KINDS):
            tasks.add(asyncio.create_task(self._attend(facts, state, container, hook)))
        else:
            state.started = state.ready = True

    async def _until_end(self, pod: Mapping[str, Any], state: ContainerState) -> None:
        folder = self._folder(pod, state)
        end = await self._context.runtime.wait(folder)
        self._cancel(state.name, but=asyncio.current_task())
        self._ended(pod, state, end)

    def _ended(self, pod: Mapping[str, Any], state: ContainerState, end: Exit) -> None:
        settings, clock = self._context.settings, self._context.clock
        container = container_specs(pod)[state.name]
        state.current = replace(end, message=termination_message(self._folder(pod, state), container, end))
        state.ready = state.started = state.hooking = False
        long = end.started_ns and end.finished_ns - end.started_ns > 2e9 * settings.backoff_cap
        state.failures = 1 if long else state.failures + 1
        delay = plan.backoff(state.failures, settings.backoff_initial, settings.backoff_cap)
        state.restart_at = clock.monotonic() + delay
        if delay and plan.restarts(state, end) and "deletionTimestamp" not in pod["metadata"]:
            metadata = pod["metadata"]
            who = f"{state.name} pod={metadata['name']}_{metadata['namespace']}({metadata['uid']})"
            state.waiting = ("CrashLoopBackOff", f"back-off {delay:g}s restarting failed container={who}")
            message = f"Back-off restarting failed container {state.name} in pod {who.partition('=')[2]}"
            self._context.event(pod, "Warning", "BackOff", message, state.name)
        self._changed()

    async def _attend(
        self,
        facts: PodFacts,
        state: ContainerState,
        container: Mapping[str, Any],
        hook: Mapping[str, Any] | None,
    ) -> None:
        pod = facts.pod

        async def ask(action: Mapping[str, Any], timeout: float) -> Answer:
            place = Place(self._folder(pod, state), facts.pod_ip, container)
            return await act(self._context.runtime, place, action, timeout)

        def unhealthy(kind: str, text: str) -> None:
            message = f"{kind.capitalize()} probe failed: {text}"
            self._context.event(pod, "Warning", "Unhealthy", message, state.name)

        def kill(kind: str) -> None:
            again = plan.restarts(state, Exit(137, 9))
            message = f"Container {state.name} failed {kind} probe" + (", will be restarted" if again else "")
            self._end(facts, state, message, probe_grace(pod, container.get(f"{kind}Probe") or {}))

        if hook:
            answer = await ask(hook, _HOOK_SECONDS)
            if not answer.ok:
                log.info("postStart hook of %s failed: %s", state.name, answer.text)
                self._context.event(pod, "Warning", "FailedPostStartHook", "PostStartHook failed", state.name)
                self._end(facts, state, "FailedPostStartHook", probe_grace(pod, {}))
                return
            state.hooking = False
            self._changed()
        await Prober(container, state, ask, self._context.clock).run(self._changed, unhealthy, kill)

    def _end(self, facts: PodFacts, state: ContainerState, message: str, seconds: float) -> None:
        """Begin to end a container that is to be another one, unless it ends already."""
        if state.name in self._stopping:
            return
        self._event(facts.pod, "Killing", message, state.name)
        # Not one of this container's own tasks: its end cancels those.
        self._tasks.setdefault("", set()).add(
            asyncio.create_task(self.stop(facts, state, lambda: seconds, quiet=True))
        )

    async def stop(
        self,
        facts: PodFacts,
        state: ContainerState,
        grace: Callable[[], float],
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
        quiet: bool = False,
    ) -> None:
        """End a running attempt: preStop hook, SIGTERM, and SIGKILL when the grace is over. Returns when it is sure to end.

        Args:
            facts: the pod.
            state: of the container.
            grace: seconds from the beginning; asked again and again, for it may be shortened.
            turn: returns when it is this container's turn to end; waited for after the hook, as long as the grace lasts.
            quiet: no event says so.
        """
        if not state.running:
            return
        self._stopping.add(state.name)
        try:
            await self._stop(facts, state, grace, turn, quiet=quiet)
        finally:
            self._stopping.discard(state.name)

    async def _stop(
        self,
        facts: PodFacts,
        state: ContainerState,
        grace: Callable[[], float],
        turn: Callable[[], Awaitable[None]] | None,
        *,
        quiet: bool,
    ) -> None:
        pod, clock, runtime = facts.pod, self._context.clock, self._context.runtime
        folder, attempt, began = self._folder(pod, state), state.attempt, clock.monotonic()
        container = container_specs(pod)[state.name]
        if not quiet:
            self._event(pod, "Killing", f"Stopping container {state.name}", state.name)
        hook = (container.get("lifecycle") or {}).get("preStop")
        if hook and grace() > 0:
            answer = await act(runtime, Place(folder, facts.pod_ip, container), hook, grace())
            if not answer.ok:
                log.info("preStop hook of %s failed: %s", state.name, answer.text)
                self._context.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", state.name)
        if turn is not None:
            await self._await_turn(turn, lambda: began + grace() - clock.monotonic())
        asked = clock.monotonic()
        least = _LEAST_GRACE if asked - began > _LEAST_GRACE else 0.0  # hook and turn may not take all of it
        if grace() > 0:
            runtime.terminate(folder)
        while self._runs(state, attempt):
            left = max(began + grace(), asked + min(least, grace())) - clock.monotonic()
            if left <= 0:
                runtime.kill(folder)
            await self._await_end(state, max(0.02, min(left, 1.0)))

    @staticmethod
    async def _await_turn(turn: Callable[[], Awaitable[None]], left: Callable[[], float]) -> None:
        """Wait for a turn as long as there is grace, which may be shortened meanwhile."""
        waiting = asyncio.ensure_future(turn())
        try:
            while not waiting.done() and (seconds := left()) > 0:
                await asyncio.wait({waiting}, timeout=max(0.02, min(seconds, 1.0)))
        finally:
            waiting.cancel()

    @staticmethod
    def _runs(state: ContainerState, attempt: int) -> bool:
        return state.running and state.attempt == attempt

    async def _await_end(self, state: ContainerState, seconds: float) -> None:
        tasks = [t for t in self._tasks.get(state.name, ()) if not t.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(0)

    def close(self) -> None:
        """Stop watching; nothing else ends."""
        for name in list(self._tasks):
            self._cancel(name)

    def _cancel(self, name: str, but: asyncio.Task[None] | None = None) -> None:
        for task in self._tasks.get(name, ()):
            if task is not but:
                task.cancel()

    def _folder(self, pod: Mapping[str, Any], state: ContainerState) -> Path:
        return self._context.container_folder(pod["metadata"]["uid"], state.name, state.attempt)

    def _event(self, pod: Mapping[str, Any], reason: str, message: str, container: str) -> None:
        self._context.event(pod, "Normal", reason, message, container)
