"""One pod on this node: a level-triggered loop that compares what is with what should be, acts, and reports.

A wake-up says nothing but "look again": the watch, an exit, a probe and a timer all end in the same step.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from seaway.base.clock import Every, parse_rfc3339
from seaway.base.elapsed import Elapsed
from seaway.client.errors import Unreachable
from seaway.controlplane.node import eviction, plan, unserved
from seaway.controlplane.node.attempts import Attempts
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.cpus import NotEnoughCpusError
from seaway.controlplane.node.fields import PodFacts
from seaway.controlplane.node.forks import RuntimeUnavailableError
from seaway.controlplane.node.gpu import NotEnoughGpusError
from seaway.controlplane.node.launch import LaunchError
from seaway.controlplane.node.payloads import MountError
from seaway.controlplane.node.podvolumes import PodVolumes, limits_storage, over_limit
from seaway.controlplane.node.recall import note_failure, recall
from seaway.controlplane.node.report import Reporter
from seaway.controlplane.node.state import (
    ContainerState,
    Object,
    PodState,
    Running,
    container_specs,
    states_of,
)
from seaway.controlplane.node.volumes import remove_folder
from seaway.objects.errors import ApiError, Forbidden
from seaway.objects.meta import key

log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_REFUSED_SECONDS = 0.05
_REFUSALS_AS_USUAL = 4
_FAULT_SECONDS = 10.0
_RETRY_CAP = 60.0
_SHUT_DOWN = ("Terminated", "Pod was terminated in response to imminent node shutdown.")


class PodWorker:
    """Runs one pod to its end."""

    def __init__(self, context: NodeContext, pod: Object) -> None:
        self._context, self.pod = context, pod
        self.uid: str = pod["metadata"]["uid"]
        self.state = PodState()
        self.loaded = asyncio.Event()
        """Set when `state` is known."""
        self.gone = False
        """The API server knows the pod no more."""
        self._wake = asyncio.Event()
        self._attempts = Attempts(context, self._wake.set)
        self._volumes = PodVolumes(context, self.uid)
        self._reporter, self._elapsed = Reporter(context), Elapsed(context.clock)
        self._mount_failures = 0
        self._refusals = 0
        self._refreshing = Every(context.clock, context.settings.refresh_seconds)
        self._measuring = Every(context.clock, context.settings.measure_seconds)
        self._stop_grace: float | None = None
        self._evict_grace: float | None = None

    def update(self, pod: Object) -> None:
        """Take a newer version of the object."""
        before, self.pod = self.pod, pod
        for name, state in states_of(pod).items() if self.loaded.is_set() else ():
            self.state.containers.setdefault(name, state)  # ephemeral ones are added while it runs
        if not self._reporter.is_echo(pod, before):
            self._wake.set()

    def vanish(self) -> None:
        """The object is gone: end everything, leave nothing."""
        self.gone = True
        self._wake.set()

    @property
    def active(self) -> bool:
        """Something of the pod runs or may still run."""
        phase = (self.pod.get("status") or {}).get("phase")
        ended = self.gone or self.state.failed is not None or phase in {"Succeeded", "Failed"}
        return not ended and "deletionTimestamp" not in self.pod["metadata"]

    def evict(self, why: str, grace: float) -> None:
        """End the pod for the node's sake, with at most this grace."""
        self.state.failed, self.state.disrupted, self._evict_grace = ("Evicted", why), True, grace
        self._context.event(self.pod, "Warning", "Evicted", why)
        self._wake.set()

    def shut_down(self, grace: float) -> None:
        """End the containers with at most this grace, because the node stops."""
        self._stop_grace = grace
        self._wake.set()

    async def run(self) -> None:
        """Work until the pod is gone, or is ended and the node stops."""
        try:
            await self._load()
            wait: float | None = 0.0
            while not self.gone and wait is not None:
                self._wake.clear()
                wait = await self._guarded_step()
                if wait is not None:
                    await self._sleep(wait)
            await self._end_all(lambda: 0.0 if self.gone else self._stop_grace or 0.0)
            if self.gone:
                await self._clean_up()
        finally:
            self._attempts.close()

    async def _load(self) -> None:
        self.state = await recall(self._context, self.pod)
        if self.state.ip:
            self._context.addresses.reserve(self.uid, self.state.ip)
        elif self.pod["spec"].get("hostNetwork"):
            self.state.ip = self._context.addresses.node
        else:
            self.state.ip = self._context.addresses.take(self.uid)
        for name, state in states_of(self.pod).items():
            self.state.containers.setdefault(name, state)
        running = [c for c in self.state.containers.values() if isinstance(c.current, Running)]
        for container in running:
            assert isinstance(container.current, Running)
            self._attempts.follow(self._facts(), container, container.current)
        self.loaded.set()

    async def _guarded_step(self) -> float | None:
        """Do one step; what another system refuses is tried again."""
        try:
            wait = await self._step()
        except Forbidden as error:
            # The API server may know later than this node that the pod is bound to it: a moment helps.
            self._refusals += 1
            level = logging.WARNING if self._refusals > _REFUSALS_AS_USUAL else logging.DEBUG
            log.log(level, "pod %s: %s; trying again", key(self.pod), error)
            return min(_REFUSED_SECONDS * 2.0 ** min(self._refusals - 1, 10), _RETRY_CAP)
        except (ApiError, Unreachable, RuntimeUnavailableError, OSError) as error:
            log.warning("pod %s: %s; trying again", key(self.pod), error)
            return _RETRY_SECONDS
        except Exception:  # a fault of ours: the pod must not be left alone until the next start
            log.exception("pod %s: a step failed; trying again", key(self.pod))
            return _FAULT_SECONDS
        self._refusals = 0
        return wait

    async def _step(self) -> float | None:
        if self._stop_grace is not None:
            if self.pod["spec"].get("restartPolicy") in {"Never", "OnFailure"} and any(
                c.running for c in self.state.containers.values()
            ):
                self.state.disrupted = self.state.failed is None
                self.state.failed = self.state.failed or _SHUT_DOWN
                self._note_failure()
            await self._end_all(lambda: self._stop_grace or 0.0)
            await self._reporter.report(self.pod, self.state, ended=False)
            return None
        if "deletionTimestamp" in self.pod["metadata"]:
            return await self._delete()
        over = self._overdue()
        if over and not self.state.failed:
            self.state.failed = over
            self._context.event(self.pod, "Warning" if over[0] == "Evicted" else "Normal", over[0], over[1])
        if self.state.failed:
            noted = self._note_failure()
            await self._end_for_good()
            if not noted:
                self._note_failure()
            await self._reporter.report(self.pod, self.state, ended=True)
            return _RETRY_CAP
        return await self._advance()

    def _note_failure(self) -> bool:
        """Have the next agent know why the containers end, should this one be killed before the status says so."""
        try:
            note_failure(self._context.pod_folder(self.uid), self.state)
        except OSError as error:  # a full disk may be the very reason why the pod is ended
            log.warning("pod %s: why it ends cannot be noted: %s", key(self.pod), error)
            return False
        return True

    async def _advance(self) -> float:
        now = self._context.clock.monotonic()
        step = plan.next_step(self.pod, self.state, now)
        if step.start and not await self._ready_to_start():
            await self._reporter.report(self.pod, self.state)
            return min(_RETRY_SECONDS * 2.0 ** min(self._mount_failures - 1, 6), _RETRY_CAP)
        starts = [self._start(self.state.containers[name]) for name in step.start]
        if len(starts) == 1:
            await starts[0]
        elif starts:
            await asyncio.gather(*starts)
        if step.stop:
            await self._end_all(self._grace)
        if starts and self.pod["spec"].get("restartPolicy") in {"Never", "OnFailure"}:
            await self._sleep(self._context.settings.report_after)
        await self._reporter.report(self.pod, self.state, ended=step.done)
        if step.done:
            self._give_back()
            return 3600.0
        again = plan.next_step(self.pod, self.state, self._context.clock.monotonic())
        if again.start or again.stop or again.done:
            return 0.0
        return min(await self._upkeep(), again.wait if again.wait is not None else 3600.0)

    async def _ready_to_start(self) -> bool:
        if self.state.sandbox:
            return True
        if rejected := self._rejection():
            self.state.failed = ("Evicted", f"Pod was rejected: {rejected}")
            self._context.event(self.pod, "Warning", "Evicted", rejected)
            self._wake.set()
            return False
        try:
            await self._volumes.set_up(self._facts())
        except MountError as error:
            self._mount_failures += 1
            self._context.event(self.pod, "Warning", "FailedMount", str(error))
            return False
        if not self._context.runtime.namespaces and self._volumes.paths:
            why = self._context.runtime.why_not
            message = f"Containers run as plain processes here ({why}): volumes are not at their mount paths but where SEAWAY_VOLUME_<NAME> says, and processes are not isolated"
            self._context.event(self.pod, "Warning", "PlainProcesses", message)
        paths = unserved.unserved(self.pod, namespaces=self._context.runtime.namespaces)
        if paths:
            self._context.event(self.pod, "Warning", "NotServed", unserved.message(paths))
        self.state.sandbox = True
        return True

    def _rejection(self) -> str | None:
        """Return why the node does not begin with the pod."""
        if any(container.attempt >= 0 for container in self.state.containers.values()):
            return None
        return eviction.rejection(self.pod, self._context.short_of)

    async def _start(self, container: ContainerState) -> None:
        if container.ephemeral and container.attempt < 0 and container.waiting is None:
            paths = unserved.unserved_by_ephemeral(self.pod, container.name)
            if paths:
                self._context.event(self.pod, "Warning", "NotServed", unserved.message(paths), container.name)
        try:
            await self._attempts.start(self._facts(), container, self._volumes)
        except LaunchError as error:
            self._refused(container, error)
        except (NotEnoughGpusError, NotEnoughCpusError) as error:
            why = f"Allocate failed due to {error}, which is unexpected"
            self.state.failed = ("UnexpectedAdmissionError", f"Pod was rejected: {why}")
            self._context.event(self.pod, "Warning", "UnexpectedAdmissionError", why)
            self._wake.set()

    def _refused(self, container: ContainerState, error: LaunchError) -> None:
        """Note why a container cannot be started, and when to try again."""
        settings = self._context.settings
        image = container_specs(self.pod)[container.name].get("image", "")
        delay, reason, message = 2.0, error.reason, str(error)
        if error.reason == "ErrImagePull":
            if container.waiting and container.waiting[0] == "ErrImagePull":
                reason, message = (
                    "ImagePullBackOff",
                    f'Back-off pulling image "{image}": ErrImagePull: {error}',
                )
                self._context.event(
                    self.pod, "Normal", "BackOff", f'Back-off pulling image "{image}"', container.name
                )
                container.failures += 1
                delay = plan.backoff(container.failures + 1, settings.backoff_initial, settings.backoff_cap)
            elif container.waiting is None:
                self._context.event(self.pod, "Normal", "Pulling", f'Pulling image "{image}"', container.name)
                self._context.event(
                    self.pod, "Warning", "Failed", f'Failed to pull image "{image}": {error}', container.name
                )
                self._context.event(self.pod, "Warning", "Failed", "Error: ErrImagePull", container.name)
                delay = 0.5
            else:
                reason, message, delay = container.waiting[0], container.waiting[1], settings.backoff_initial
        else:
            self._context.event(self.pod, "Warning", "Failed", f"Error: {error}", container.name)
        container.waiting, container.restart_at = (reason, message), self._context.clock.monotonic() + delay

    async def _end_for_good(self) -> None:
        """End the containers and give back the disk, before what needs room: the pod may have taken all of it."""
        await self._end_all(self._grace)
        try:
            await asyncio.to_thread(self._volumes.remove_written)
        except OSError as error:
            log.warning("pod %s: what it wrote cannot be removed yet: %s", key(self.pod), error)

    async def _delete(self) -> float:
        await self._end_for_good()
        if self._reporter.has_said_all(self.pod):
            await self._sleep(self._context.settings.farewell_seconds)
            if self.gone:
                return 0.0
        await self._reporter.report(self.pod, self.state, ended=True)
        await self._reporter.delete(self.pod)
        return _RETRY_CAP

    async def _end_all(self, grace: Any) -> None:
        """End the containers, and after those that they serve the sidecars, the last one first."""
        ended = {c.name: asyncio.Event() for c in self.state.containers.values() if c.running}

        async def end(container: ContainerState) -> None:
            async def turn() -> None:
                for name in plan.ends_after(self.state, container.name):
                    if name in ended:
                        await ended[name].wait()

            try:
                await self._attempts.stop(self._facts(), container, grace, turn=turn)
            finally:
                ended[container.name].set()

        await asyncio.gather(*(end(self.state.containers[name]) for name in ended))
        self._give_back()

    def _give_back(self) -> None:
        self._context.gpus.give_back(self.uid)
        self._context.cpus.give_back(self.uid)

    def _grace(self) -> float:
        """Seconds that ending may take, as of now."""
        if self.gone:
            return 0.0
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        asked = metadata.get("deletionGracePeriodSeconds")
        default = spec.get("terminationGracePeriodSeconds")
        usual = float(asked if asked is not None else 30 if default is None else default)
        return min(usual, *(g for g in (self._stop_grace, self._evict_grace) if g is not None), usual)

    def _overdue(self) -> tuple[str, str] | None:
        if (left := self._until_deadline()) is None or left > 0:
            return None
        return "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"

    def _until_deadline(self) -> float | None:
        limit, start = self.pod["spec"].get("activeDeadlineSeconds"), self._reporter.start_time(self.pod)
        if limit is None or not start:
            return None
        return float(limit - self._elapsed.since(self.uid, parse_rfc3339(start)))

    async def _upkeep(self) -> float:
        """Bring volumes up to date, measure storage; return the seconds until the next time."""
        waits = [3600.0]
        if any(not name.startswith("kube-api-access") for name in self._volumes.written):
            if self._refreshing.is_due():
                await self._refresh()
            waits.append(self._refreshing.left())
        if limits_storage(self.pod):
            if self._measuring.is_due():
                await self._measure()
            waits.append(self._measuring.left())
        if (left := self._until_deadline()) is not None:
            waits.append(max(0.05, left))
        if self._volumes.written:
            waits.append(600.0)
        return max(0.0, min(waits))

    async def _refresh(self) -> None:
        try:
            await self._volumes.refresh(self._facts())
        except MountError as error:
            self._context.event(self.pod, "Warning", "FailedMount", str(error))

    async def _measure(self) -> None:
        folder = self._context.pod_folder(self.uid) / "containers"
        why = await asyncio.to_thread(over_limit, self.pod, self._volumes.folder, folder)
        if why:
            self.state.failed, self._evict_grace = ("Evicted", why), 1.0
            self._context.event(self.pod, "Warning", "Evicted", why)
            self._wake.set()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _facts(self) -> PodFacts:
        context = self._context
        return PodFacts(self.pod, self.state.ip, context.addresses.node, context.allocatable)

    async def _clean_up(self) -> None:
        self._context.addresses.give_back(self.uid)
        await asyncio.to_thread(self._remove_files)

    def _remove_files(self) -> None:
        folder = self._context.pod_folder(self.uid)
        # whoever held the pod by a finalizer has had its logs as long as they were needed
        if not self.pod["metadata"].get("finalizers"):
            self._context.kept_logs.keep(self.uid, folder, self._context.clock.now())
        remove_folder(folder)
