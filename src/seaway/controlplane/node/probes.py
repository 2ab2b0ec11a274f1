"""Probe a running container as its spec asks, and say so when its state changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import Clock
from seaway.controlplane.node.actions import Answer
from seaway.controlplane.node.state import ContainerState

KINDS = ("startup", "liveness", "readiness")
Ask = Callable[[Mapping[str, Any], float], Awaitable[Answer]]
"""Given a probe's handler and its timeout in seconds."""


@dataclass(slots=True)
class Count:
    """Successes and failures in a row."""

    successes: int = 0
    failures: int = 0

    def add(self, probe: Mapping[str, Any], *, ok: bool) -> bool | None:
        """Take one result; return the new verdict where a threshold is reached, None where nothing is decided."""
        if ok:
            self.successes, self.failures = self.successes + 1, 0
            return True if self.successes >= int(probe.get("successThreshold") or 1) else None
        self.successes, self.failures = 0, self.failures + 1
        return False if self.failures >= int(probe.get("failureThreshold") or 3) else None


def probe_grace(pod: Mapping[str, Any], probe: Mapping[str, Any]) -> float:
    """Return the seconds that a container has to end after this probe failed: the probe's own, else its pod's."""
    asked = probe.get("terminationGracePeriodSeconds")
    usual = pod["spec"].get("terminationGracePeriodSeconds")
    return float(asked if asked is not None else 30 if usual is None else usual)


class Prober:
    """All probes of one attempt of a container.

    Args:
        container: its spec.
        state: whose `started` and `ready` are kept.
        ask: carries out a handler.
        clock: measures periods.
    """

    def __init__(self, container: Mapping[str, Any], state: ContainerState, ask: Ask, clock: Clock) -> None:
        self._container, self._state, self._ask, self._clock = container, state, ask, clock
        self._has_started = asyncio.Event()

    async def run(
        self, changed: Callable[[], None], unhealthy: Callable[[str, str], None], kill: Callable[[str], None]
    ) -> None:
        """Probe until cancelled.

        Args:
            changed: called when `started` or `ready` changed.
            unhealthy: called with the kind of probe and what went wrong, at each failure.
            kill: called with the kind of probe when the container must be restarted.
        """
        probes = {kind: self._container.get(f"{kind}Probe") for kind in KINDS}
        if probes["startup"] is None:
            self._set_started(changed, ready=probes["readiness"] is None)
        async with asyncio.TaskGroup() as group:
            for kind, probe in probes.items():
                if probe is not None:
                    group.create_task(self._repeat(kind, probe, changed, unhealthy, kill))

    def _set_started(self, changed: Callable[[], None], *, ready: bool) -> None:
        self._state.started = True
        self._state.ready = self._state.ready or ready
        self._has_started.set()
        changed()

    async def _repeat(
        self, kind: str, probe: Mapping[str, Any], changed: Callable[[], None],
        unhealthy: Callable[[str, str], None], kill: Callable[[str], None],
    ) -> None:  # fmt: skip
        count = Count()
        await self._clock.sleep(float(probe.get("initialDelaySeconds") or 0))
        if kind != "startup":
            await self._has_started.wait()
        while True:
            answer = await self._ask(probe, float(probe.get("timeoutSeconds") or 1))
            verdict = count.add(probe, ok=answer.ok)
            if not answer.ok:
                unhealthy(kind, answer.text)
            if kind == "readiness" and verdict is not None and verdict != self._state.ready:
                self._state.ready = verdict
                changed()
            if kind == "startup" and verdict:
                self._set_started(changed, ready=self._container.get("readinessProbe") is None)
                return
            if kind != "readiness" and verdict is False:
                kill(kind)
                return
            await self._clock.sleep(float(probe.get("periodSeconds") or 10))
