"""Where a container's log is read from: its pod, or, when that is gone, the node that keeps it for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.objects.builtin import PODS
from seaway.objects.errors import not_found
from seaway.platform.workloads import labels

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Which log of a pod."""

    pod: str
    namespace: str
    container: str
    previous: bool = False
    uid: str = ""
    node: str = ""
    """"" where it is not known."""
    number: int = 0
    """How often the container had been started before."""
    kept: bool = False
    """The pod is gone: its node is asked."""
    named_again: bool = False
    """Another pod may get this one's name, as a stateful set's do."""

    @asynccontextmanager
    async def open(self, client: Client, options: LogOptions) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open the log. Raises what the client raises, and NotFound where the pod of this name is another one."""
        if self.kept:
            opened = client.kept_logs(
                self.pod, self.namespace, node=self.node, uid=self.uid, container=self.container, attempt=self.number,
                options=options,
            )  # fmt: skip
        else:
            if self.named_again and self.uid:
                found = await client.get(PODS, self.pod, self.namespace)
                if found["metadata"]["uid"] != self.uid:
                    raise not_found("pods", self.pod)
            options = replace(options, previous=True) if self.previous else options
            opened = client.logs(self.pod, self.namespace, self.container, options)
        async with opened as chunks:
            yield chunks

    def at_node(self) -> Source | None:
        """Return where the log is when the pod is gone, None where that is not known."""
        return replace(self, kept=True, previous=False) if self.uid and self.node else None


def source_of(pod: Object, container: str, *, previous: bool = False, number: int = 0) -> Source:
    """Return where a container's log is read from.

    Args:
        pod: whose it is.
        container: its name.
        previous: it has been started again since; its log of before is meant.
        number: how often it had been started before.
    """
    metadata, node = pod["metadata"], (pod.get("spec") or {}).get("nodeName") or ""
    return Source(
        metadata["name"], metadata["namespace"], container, previous, metadata.get("uid") or "", node, number,
        named_again=labels.RUN_UID not in (metadata.get("labels") or {}),
    )  # fmt: skip
