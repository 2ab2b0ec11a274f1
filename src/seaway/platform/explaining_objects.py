"""Answering "why" of pods, jobs, nodes and claims that are no run's: what the cluster shows of them now, to the rules of dumps.

What the cluster does not show any more is explained as history remembers it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from seaway.base.clock import Clock
from seaway.base.messages import joined
from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.model.verdict import Explanation
from seaway.objects.builtin import EVENTS, JOBS, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.errors import ApiError, Forbidden
from seaway.objects.resource import Resource
from seaway.platform.cluster_view import ClusterView
from seaway.platform.diagnosis.dump.containers import telling_container
from seaway.platform.diagnosis.dump.documents import Log, as_objects, parse_log
from seaway.platform.diagnosis.dump.explain import NoSubject, explain_dump
from seaway.platform.errors import NotFound
from seaway.platform.remembered_objects import ObjectMemory

Object = dict[str, Any]
_LOG_LINES = 200
_LOG_BYTES = 256 * 1024
_MOST_LOGS = 20
"""Pods of a job whose logs are read, the newest: a job that is tried again and again leaves many."""


class ObjectExplainer:
    """Reads what it needs when it is asked; keeps nothing."""

    def __init__(self, client: Client, view: ClusterView, memory: ObjectMemory, clock: Clock) -> None:
        self._client, self._view, self._memory, self._clock = client, view, memory, clock

    async def explain(self, kind: str, name: str) -> Explanation:
        """Say what is the matter with a pod, a job, a node or a claim.

        Raises:
            NotFound: there is none of the name, or it may not be seen.
        """
        pods = await self._all(PODS)
        found = [*pods, *({**node, "kind": "Node"} for node in self._view.all_nodes())]
        for resource in (EVENTS, JOBS, PERSISTENT_VOLUME_CLAIMS):
            found += await self._all(resource)
        told_of = [pod for pod in pods if _belongs(pod, kind, name)]
        logs = await self._logs(told_of)
        gone = await self._memory.recall(kind, name) if not told_of else None
        if gone is not None:
            found, logs = _with(found, gone.objects), list(gone.logs)
        try:
            now = datetime.fromtimestamp(self._clock.now(), UTC)
            told, _ = await asyncio.to_thread(explain_dump, as_objects(found), logs, f"{kind}/{name}", now)
        except NoSubject as error:
            looked_in = self._view.namespaces
            where = f" in the namespace{'s' if len(looked_in) > 1 else ''} {', '.join(looked_in)}"
            place = "" if kind == "node" else where
            raise NotFound(
                f"there is no {kind} {name!r}{place}, or this server may not see it",
                field="name",
                remedy=f"See: kubectl get {kind}",
            ) from error
        if gone is not None:
            return told.model_copy(update={"done": joined("; ", filter(None, (told.done, gone.told)))})
        return told

    async def _all(self, resource: Resource) -> list[Object]:
        """Return all objects of a kind in the workspaces, none where they may not be seen."""
        found: list[Object] = []
        for namespace in self._view.namespaces:
            try:
                listed, _ = await self._client.list_all(resource, namespace)
            except Forbidden:
                continue
            found += [{**one, "kind": resource.kind} for one in listed]
        return found

    async def _logs(self, pods: Sequence[Object]) -> list[Log]:
        """Return the end of the log of each pod's telling container, as it ended last."""
        logs = []
        newest = sorted(pods, key=lambda pod: pod["metadata"].get("creationTimestamp") or "")[-_MOST_LOGS:]
        for pod in newest:
            for shaped in as_objects([pod]):
                container = telling_container(shaped)
                statuses = (
                    *shaped["status"].get("initContainerStatuses", ()),
                    *shaped["status"].get("containerStatuses", ()),
                )
                own: Object = next((one for one in statuses if one.get("name") == container), {})
                previous = "terminated" in (own.get("lastState") or {}) and "terminated" not in (
                    own.get("state") or {}
                )
                text = await self._log(pod["metadata"], container, previous=previous)
                logs.append(parse_log(text, f"{pod['metadata']['name']}_{container}"))
        return logs

    async def _log(self, pod: Object, container: str, *, previous: bool) -> str:
        options = LogOptions(
            previous=previous, timestamps=True, tail_lines=_LOG_LINES, limit_bytes=_LOG_BYTES
        )
        read = b""
        try:
            where = (pod["name"], pod["namespace"], container or None)
            async with self._client.logs(*where, options) as chunks:
                async for chunk in chunks:
                    read += chunk
        except ApiError:
            return ""  # it has not started, or its node does not answer: what else is seen tells more
        return read.decode("utf-8", "replace")


def _with(found: Sequence[Object], remembered: Sequence[Object]) -> list[Object]:
    """Return what the cluster shows with what is remembered; of an event that is both only one."""
    known = {one["metadata"].get("uid") for one in remembered}
    return [*(one for one in found if one["metadata"].get("uid") not in known), *remembered]


def _belongs(pod: Object, kind: str, name: str) -> bool:
    """Tell whether a pod's log tells of what is asked about: of the pod itself, or of the job that made it."""
    metadata = pod["metadata"]
    if kind == "job":
        owners = metadata.get("ownerReferences") or ()
        return any(owner.get("kind") == "Job" and owner.get("name") == name for owner in owners)
    return bool(metadata["name"] == name)
