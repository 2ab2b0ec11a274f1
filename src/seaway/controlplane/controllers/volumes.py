"""Claims get volumes: the shell of `volumeplan.py`, two controllers, one for claims and one for volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.volumeplan import (
    PENDING,
    Told,
    claim_status,
    claimed,
    completed,
    freed,
    plan_claim,
    plan_volume,
)
from seaway.objects import volumes as rules
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from seaway.objects.errors import NotFound
from seaway.objects.meta import annotations_of, key, name, namespace, uid
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
BY_CLAIM = "claim"
"""Name of the index of pods by the claims that they use, "namespace/name"."""
_COMPONENT = "persistentvolume-controller"


def claim_keys(pod: Object) -> Iterable[str]:
    """Return the keys of the claims that a pod uses."""
    return tuple(f"{namespace(pod)}/{one}" for one in rules.claims_of(pod))


def build(context: Context) -> Controller:
    """Return the controller of claims."""
    return Binder(context).claims_controller()


def build_volumes(context: Context) -> Controller:
    """Return the controller of volumes."""
    return Binder(context).volumes_controller()


class Binder:
    """Claims and volumes, as they find each other."""

    def __init__(self, context: Context) -> None:
        self._context, self._client = context, context.client
        informers = context.informers
        self._claims = informers.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = informers.informer(PERSISTENT_VOLUMES)
        self._classes = informers.informer(STORAGE_CLASSES)
        self._pods = informers.informer(PODS, indices={BY_CLAIM: claim_keys})

    def claims_controller(self) -> Controller:
        """Return the controller that binds claims."""
        sources = (
            Source(self._claims),
            Source(self._volumes, self._claims_for),
            Source(self._classes, lambda _: self._unbound()),
            Source(self._pods, claim_keys),
        )
        return Controller("persistentvolume-binder", sources, self.reconcile_claim, clock=self._context.clock)

    def volumes_controller(self) -> Controller:
        """Return the controller that keeps volumes' phases."""
        sources = (Source(self._volumes), Source(self._claims, self._volume_of))
        return Controller("persistentvolumes", sources, self.reconcile_volume, clock=self._context.clock)

    def _unbound(self) -> list[str]:
        return [key(one) for one in self._claims.list() if not rules.is_bound(one)]

    def _claims_for(self, volume: Object) -> Iterable[str]:
        reference = volume["spec"].get("claimRef")
        if reference:
            return (f"{reference.get('namespace')}/{reference.get('name')}",)
        return [
            key(one)
            for one in self._claims.list()
            if not rules.is_bound(one) or one["spec"].get("volumeName") == name(volume)
        ]

    def _volume_of(self, claim: Object) -> Iterable[str]:
        named = (claim.get("spec") or {}).get("volumeName")
        mine = [name(one) for one in self._volumes.list() if rules.refers_to(one, claim)]
        return {*mine, *((named,) if named else ())}

    async def reconcile_claim(self, claim_key: str) -> Outcome:
        """Bind a claim, or say what it waits for."""
        claim = self._claims.get(claim_key)
        if claim is None:
            return DONE
        found = {name(one): one for one in self._volumes.list()}
        classes = {name(one): one for one in self._classes.list()}
        plan = plan_claim(claim, found, classes, self._waiting(claim_key))
        if plan.bind is not None:
            await self._bind(claim, plan.bind)
            return DONE
        if plan.default:
            spec = claim["spec"] | {"storageClassName": plan.default}
            await self._client.replace(PERSISTENT_VOLUME_CLAIMS, claim | {"spec": spec})
            return DONE
        changed = (claim.get("status") or {}).get("phase") != plan.phase
        if plan.told is not None and (changed or plan.phase == PENDING):
            self._tell(claim, plan.told)
        if plan.provisioner and annotations_of(claim).get(rules.PROVISIONER) != plan.provisioner:
            added = annotations_of(claim) | {rules.PROVISIONER: plan.provisioner}
            marked = claim | {"metadata": claim["metadata"] | {"annotations": added}}
            claim = await self._client.replace(PERSISTENT_VOLUME_CLAIMS, marked)
        await self._write_status(claim, plan.phase, None)
        return DONE

    def _waiting(self, claim_key: str) -> list[str]:
        pods = self._pods.by_index(BY_CLAIM, claim_key)
        return sorted(name(pod) for pod in pods if not pod["spec"].get("nodeName"))

    async def _bind(self, claim: Object, volume: Object) -> None:
        """Take the four steps of a binding, each only where it is not taken yet."""
        if (bound := claimed(volume, claim)) is not None:
            volume = await self._client.replace(PERSISTENT_VOLUMES, bound)
        await self._set_phase(volume, "Bound")
        if (complete := completed(claim, volume)) is not None:
            claim = await self._client.replace(PERSISTENT_VOLUME_CLAIMS, complete)
        await self._write_status(claim, "Bound", volume)

    async def _write_status(self, claim: Object, phase: str, volume: Object | None) -> None:
        status = claim_status(claim, phase, volume)
        if status is not None:
            await self._client.replace(PERSISTENT_VOLUME_CLAIMS, claim | {"status": status}, "status")

    async def _set_phase(self, volume: Object, phase: str) -> None:
        status = volume.get("status") or {}
        if status.get("phase") != phase:
            now = rfc3339(self._context.clock.now())
            wanted = {"phase": phase, "lastPhaseTransitionTime": now}
            await self._client.replace(PERSISTENT_VOLUMES, volume | {"status": wanted}, "status")

    async def reconcile_volume(self, volume_name: str) -> Outcome:
        """Set a volume's phase, or free it."""
        volume = self._volumes.get(volume_name)
        if volume is None:
            return DONE
        reference = volume["spec"].get("claimRef") or {}
        claim = self._claims.get(f"{reference.get('namespace')}/{reference.get('name')}")
        if reference.get("uid") and (claim is None or uid(claim) != reference["uid"]):
            claim = await self._live(reference)
        plan = plan_volume(volume, claim)
        for obj, told in ((volume, plan.told), (claim, plan.told_claim)):
            if told is not None and obj is not None:
                self._tell(obj, told)
        if plan.claim_first and claim is not None:
            return DONE  # the volume is a source of the claims' controller
        if plan.unbind:
            volume = await self._client.replace(PERSISTENT_VOLUMES, freed(volume))
        await self._set_phase(volume, plan.phase)
        return DONE

    async def _live(self, reference: Object) -> Object | None:
        """Return the claim as the API server has it: a volume must not be released because a copy is late."""
        try:
            return await self._client.get(PERSISTENT_VOLUME_CLAIMS, reference["name"], reference["namespace"])
        except NotFound:
            return None

    def _tell(self, obj: Object, told: Told) -> None:
        self._context.recorder.event(obj, told.type, told.reason, told.message, component=_COMPONENT)
