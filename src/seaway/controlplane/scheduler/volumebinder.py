"""The shell of `storage.py`: keeps claims, volumes and classes current, and has a pod's claims bound before the pod is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from seaway.client.client import Client
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.state import ClusterState
from seaway.controlplane.scheduler.storage import Wanted, wanted
from seaway.objects import meta, volumes
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seaway.objects.errors import Conflict
from seaway.reconcile.informer import Handler, Informers

Object = dict[str, Any]


class VolumeBinder:
    """Volumes of the pods that are being bound.

    Args:
        client: with the scheduler's rights.
        informers: where claims, volumes and classes are seen.
        state: whose storage is kept current; it eases with every change.
        wake: called after a change.
        seconds: how long a claim may take to be bound.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        state: ClusterState,
        wake: Callable[[], None],
        seconds: float,
    ) -> None:
        self._client, self._state, self._wake, self._seconds = client, state, wake, seconds
        storage = state.storage
        self._followed = (
            (informers.informer(STORAGE_CLASSES), storage.classes),
            (informers.informer(PERSISTENT_VOLUMES), storage.volumes),
            (informers.informer(PERSISTENT_VOLUME_CLAIMS), storage.claims),
        )
        self._changed = asyncio.Event()

    async def follow(self) -> list[Callable[[], None]]:
        """Begin to follow claims, volumes and classes; return what ends it."""
        ends = []
        for informer, known in self._followed:
            await informer.synced()
            ends.append(informer.subscribe(self._handler(known)))
        return ends

    def _handler(self, known: dict[str, Object]) -> Handler:
        def handler(event_type: str, obj: Object, _: Object | None) -> None:
            if event_type == "DELETED":
                known.pop(meta.key(obj), None)
            else:
                known[meta.key(obj)] = obj
            self._state.eased += 1
            self._changed.set()
            self._changed = asyncio.Event()
            self._wake()

        return handler

    def promise(self, pod: PodInfo, node: str) -> Wanted | None:
        """Choose the volumes of a pod's unbound claims and keep them from others; None where a node has none any more."""
        info = self._state.nodes.get(node)
        plan = wanted(pod, info, self._state.storage) if info is not None else None
        for claim, volume in plan.bound if plan is not None else ():
            self._state.storage.promised[meta.name(volume)] = meta.key(claim)
        return plan

    async def bind(self, pod: PodInfo, node: str, plan: Wanted) -> None:
        """Have a pod's claims bound, and return when they are.

        Raises:
            ApiError, Unreachable: something could not be written.
            TimeoutError: a volume was not bound in time.
        """
        try:
            for claim, volume in plan.bound:
                await self._claim(volume, claim)
            for claim in plan.made:
                await self._select(claim, node)
            async with asyncio.timeout(self._seconds):
                while not self._are_bound(pod, node):
                    await self._changed.wait()
        finally:
            for _, volume in plan.bound:
                self._state.storage.promised.pop(meta.name(volume), None)

    def _are_bound(self, pod: PodInfo, node: str) -> bool:
        """Tell whether all is done. Raises Conflict where a claim is gone or was taken back from the node."""
        done = True
        for name in pod.claims:
            claim = self._state.storage.claims.get(f"{pod.namespace}/{name}")
            if claim is None or meta.deletion_timestamp(claim) is not None:
                raise Conflict(f'claim "{name}" is gone')
            if volumes.is_bound(claim):
                continue
            done = False
            selected = meta.annotations_of(claim).get(volumes.SELECTED_NODE)
            if selected and selected != node:
                raise Conflict(f'claim "{name}" was given to node "{selected}"')
        return done

    async def _claim(self, volume: Object, claim: Object) -> None:
        if volumes.refers_to(volume, claim):
            return
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": meta.namespace(claim),
            "name": meta.name(claim),
            "uid": meta.uid(claim),
        }
        annotations = meta.annotations_of(volume) | {volumes.BOUND_BY_CONTROLLER: "yes"}
        metadata = volume["metadata"] | {"annotations": annotations}
        spec = volume["spec"] | {"claimRef": reference}
        await self._client.replace(PERSISTENT_VOLUMES, volume | {"metadata": metadata, "spec": spec})

    async def _select(self, claim: Object, node: str) -> None:
        annotations = meta.annotations_of(claim)
        if annotations.get(volumes.SELECTED_NODE) != node:
            metadata = claim["metadata"] | {"annotations": annotations | {volumes.SELECTED_NODE: node}}
            await self._client.replace(PERSISTENT_VOLUME_CLAIMS, claim | {"metadata": metadata})
