"""A claim stays while a pod uses it, a volume while a claim has it: who deletes them early has to wait.

Source: kube-controller-manager's pvc-protection and pv-protection controllers.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.volumes import BY_CLAIM, claim_keys
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seaway.objects.meta import deletion_timestamp, finalizers
from seaway.objects.resource import Resource
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
OF_CLAIMS, OF_VOLUMES = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"


def uses(pod: Object) -> bool:
    """Tell whether a pod that names a claim holds it: it has a node, and be it that it has ended."""
    return bool(pod["spec"].get("nodeName"))


def build_claims(context: Context) -> Controller:
    """Return the controller of claims."""
    claims = context.informers.informer(PERSISTENT_VOLUME_CLAIMS)
    pods = context.informers.informer(PODS, indices={BY_CLAIM: claim_keys})

    async def reconcile(claim_key: str) -> Outcome:
        claim = claims.get(claim_key)
        if claim is not None and not any(uses(pod) for pod in pods.by_index(BY_CLAIM, claim_key)):
            await _release(context, PERSISTENT_VOLUME_CLAIMS, claim, OF_CLAIMS)
        return DONE

    sources = (Source(claims), Source(pods, claim_keys))
    return Controller("pvc-protection", sources, reconcile, clock=context.clock)


def build_volumes(context: Context) -> Controller:
    """Return the controller of volumes."""
    volumes = context.informers.informer(PERSISTENT_VOLUMES)

    async def reconcile(name: str) -> Outcome:
        volume = volumes.get(name)
        if volume is not None and (volume.get("status") or {}).get("phase") != "Bound":
            await _release(context, PERSISTENT_VOLUMES, volume, OF_VOLUMES)
        return DONE

    return Controller("pv-protection", (Source(volumes),), reconcile, clock=context.clock)


async def _release(context: Context, resource: Resource, obj: Object, finalizer: str) -> None:
    """Take the finalizer off an object that is being deleted."""
    if deletion_timestamp(obj) is None or finalizer not in finalizers(obj):
        return
    kept = [one for one in finalizers(obj) if one != finalizer]
    await context.client.replace(resource, obj | {"metadata": obj["metadata"] | {"finalizers": kept}})
