"""Measures volumes while pods use them, one at a time, in a process of its own that gives way to all others.

A large volume is measured rarely: a twentieth of the time at most goes into it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from seaway.base.subprocesses import end
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.storageclasses import LOCAL
from seaway.controlplane.controllers.usage import (
    WARNING,
    Limits,
    Usage,
    has_other_limits,
    is_news,
    level,
    limits,
    message,
    noted,
    notes,
)
from seaway.controlplane.controllers.volumes import BY_CLAIM, claim_keys
from seaway.objects import volumes as rules
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from seaway.objects.meta import annotations_of, deletion_timestamp, name, namespace
from seaway.objects.pods import has_ended
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

Object = dict[str, Any]
PROGRAM = Path(__file__).with_name("measure.py")
_LONGEST = 6 * 3600.0


class VolumeUsage:
    """Watches how full volumes are."""

    def __init__(self, context: Context, folder: Path) -> None:
        self._context, self._folder, self._clock = context, folder, context.clock
        informers = context.informers
        self._claims = informers.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = informers.informer(PERSISTENT_VOLUMES)
        self._classes = informers.informer(STORAGE_CLASSES)
        self._pods = informers.informer(PODS, indices={BY_CLAIM: claim_keys})
        self._due: dict[str, float] = {}

    def controller(self) -> Controller:
        """Return the controller."""
        sources = (Source(self._claims), Source(self._pods, claim_keys))
        settings = ControllerSettings(limit_seconds=_LONGEST)
        return Controller("volume-usage", sources, self.reconcile, clock=self._clock, settings=settings)

    async def reconcile(self, claim_key: str) -> Outcome:
        """Measure a claim's volume where it is time to."""
        claim = self._claims.get(claim_key)
        if claim is None or deletion_timestamp(claim) is not None or not self._is_ours(claim):
            self._due.pop(claim_key, None)
            return DONE
        used = any(pod["spec"].get("nodeName") for pod in self._pods.by_index(BY_CLAIM, claim_key))
        if not used and noted(claim) is None:
            return DONE
        allowed = limits(claim, self._classes.get(rules.class_of(claim)))
        now, due = self._clock.monotonic(), self._due.get(claim_key, 0.0)
        if now < due:
            before = noted(claim)
            if before is not None and has_other_limits(claim, allowed):
                await self._note(claim, before, allowed)
            return RequeueAfter(due - now)
        folder, settings = self._folder / claim["spec"]["volumeName"], self._context.settings
        try:
            usage = await measured(folder)
        except OSError:
            if folder.exists():
                raise
            return DONE  # it went with its claim meanwhile
        took = (self._clock.monotonic() - now) * max(len(self._due), 1)
        wait = max(settings.volumes_measured, took * settings.volumes_rest)
        self._due[claim_key] = self._clock.monotonic() + wait
        await self._note(claim, usage, allowed)
        return RequeueAfter(wait) if self._is_running(claim_key) else DONE

    def _is_ours(self, claim: Object) -> bool:
        volume = self._volumes.get((claim.get("spec") or {}).get("volumeName") or "")
        made = volume is not None and annotations_of(volume).get(rules.PROVISIONED_BY) == LOCAL
        return made and rules.is_bound(claim)

    def _is_running(self, claim_key: str) -> bool:
        pods = self._pods.by_index(BY_CLAIM, claim_key)
        return not all(has_ended(pod) for pod in pods)

    async def _note(self, claim: Object, usage: Usage, allowed: Limits) -> None:
        """Write what was found where it is news, and say so where it became too much or no longer is."""
        if not is_news(claim, usage, allowed):
            return
        earlier, reason = annotations_of(claim).get(WARNING, ""), level(usage, allowed)
        await self._context.client.patch(
            PERSISTENT_VOLUME_CLAIMS,
            name(claim),
            {"metadata": {"annotations": notes(usage, allowed)}},
            namespace(claim),
            content_type="application/merge-patch+json",
        )
        if reason != earlier:
            kind = "Warning" if reason else "Normal"
            said = message(reason, usage, allowed)
            self._context.recorder.event(claim, kind, reason or "VolumeWithinLimits", said, component=LOCAL)


async def measured(folder: Path) -> Usage:
    """Return what a folder holds, counted by another process.

    Raises:
        OSError: it could not be counted.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(PROGRAM), str(folder)),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await process.communicate()
    finally:
        await end(process)
    if process.returncode:
        said = err.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise OSError(f"{folder} could not be measured: {said}")
    return Usage(**json.loads(out))


def build(context: Context) -> Controller:
    """Return the controller; a cluster that makes no volumes has nothing to measure."""
    if context.settings.volumes is None:
        return Controller("volume-usage", (), _nothing, clock=context.clock)
    return VolumeUsage(context, context.settings.volumes).controller()


async def _nothing(_: str) -> Outcome:
    return DONE
