"""Pods with generic ephemeral volumes get the claims for them, which go with the pod.

Source: kube-controller-manager's ephemeral-volume controller; KEP-1698.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.errors import AlreadyExists
from seaway.objects.meta import controller_of, deletion_timestamp, key, name, namespace, owner_reference, uid
from seaway.objects.volumes import claim_name
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]


def missing(pod: Object, claims: dict[str, Object | None]) -> tuple[list[Object], str]:
    """Return the claims to make for a pod, and what is in the way of one.

    Args:
        pod: the pod.
        claims: by their name, what is there.
    """
    wanted = []
    for volume in ephemeral(pod):
        claim = claim_name(name(pod), volume) or ""
        there = claims.get(claim)
        if there is None:
            wanted.append(_claim(pod, claim, volume["ephemeral"]["volumeClaimTemplate"]))
        elif (controller_of(there) or {}).get("uid") != uid(pod):
            why = f"PVC {namespace(pod)}/{claim} was not created for pod {key(pod)} (pod is not owner)"
            return wanted, f"ephemeral volume {volume['name']}: {why}"
    return wanted, ""


def ephemeral(pod: Object) -> list[Object]:
    """Return the generic ephemeral volumes of a pod."""
    return [volume for volume in pod["spec"].get("volumes") or () if "ephemeral" in volume]


def _claim(pod: Object, claim: str, template: Object) -> Object:
    metadata = {
        "name": claim,
        "namespace": namespace(pod),
        "ownerReferences": [owner_reference(pod)],
        "annotations": (template.get("metadata") or {}).get("annotations") or {},
        "labels": (template.get("metadata") or {}).get("labels") or {},
    }
    return {"metadata": metadata, "spec": template["spec"]}


def build(context: Context) -> Controller:
    """Return the controller."""
    pods = context.informers.informer(PODS)
    claims = context.informers.informer(PERSISTENT_VOLUME_CLAIMS)

    async def reconcile(pod_key: str) -> Outcome:
        pod = pods.get(pod_key)
        if pod is None or deletion_timestamp(pod) is not None:
            return DONE
        names = [claim_name(name(pod), volume) or "" for volume in ephemeral(pod)]
        wanted, why = missing(pod, {one: claims.get(f"{namespace(pod)}/{one}") for one in names})
        for claim in wanted:
            try:
                await context.client.create(PERSISTENT_VOLUME_CLAIMS, claim)
            except AlreadyExists:
                continue  # the informer has not seen it yet: its event comes back here
        if why:
            context.recorder.event(pod, "Warning", "FailedBinding", why, component="ephemeral_volume")
        return DONE

    sources = (Source(pods, _with_ephemeral), Source(claims, _owner))
    return Controller("ephemeral-volume", sources, reconcile, clock=context.clock)


def _with_ephemeral(pod: Object) -> Iterable[str]:
    return (key(pod),) if ephemeral(pod) else ()


def _owner(claim: Object) -> Iterable[str]:
    owner = controller_of(claim)
    return (f"{namespace(claim)}/{owner['name']}",) if owner and owner["kind"] == "Pod" else ()
