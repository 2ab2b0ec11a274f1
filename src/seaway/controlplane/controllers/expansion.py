"""Claims that ask for more get more, where their class allows it and their volume is one of ours.

Source: Kubernetes' "Expanding Persistent Volumes Claims"; the words are those of the external resizer.
"""

from __future__ import annotations

from typing import Any

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.storageclasses import LOCAL
from seaway.objects import volumes as rules
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seaway.objects.meta import annotations_of, copy, get_condition, name, set_condition
from seaway.objects.quantity import whole
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
_WAITING = "waiting for an external controller to expand this PVC: only volumes that this cluster made itself can grow"


def grows(claim: Object) -> bool:
    """Tell whether a bound claim asks for more than it has."""
    has = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
    return rules.is_bound(claim) and has is not None and rules.requested(claim) > whole(has)


def build(context: Context) -> Controller:
    """Return the controller."""
    client, recorder, informers = context.client, context.recorder, context.informers
    claims = informers.informer(PERSISTENT_VOLUME_CLAIMS)
    volumes, classes = informers.informer(PERSISTENT_VOLUMES), informers.informer(STORAGE_CLASSES)

    async def reconcile(claim_key: str) -> Outcome:
        claim = claims.get(claim_key)
        volume = volumes.get(claim["spec"].get("volumeName") or "") if claim is not None else None
        if claim is None or volume is None or not grows(claim):
            return DONE
        storage_class = classes.get(rules.class_of(claim)) or {}
        if annotations_of(volume).get(rules.PROVISIONED_BY) != LOCAL:
            recorder.event(claim, "Normal", "ExternalExpanding", _WAITING, component="volume_expand")
            return DONE
        if not storage_class.get("allowVolumeExpansion"):
            return DONE
        if get_condition(claim, "Resizing") is None:
            said = f"External resizer is resizing volume {name(volume)}"
            recorder.event(claim, "Normal", "Resizing", said, component=LOCAL)
            status = copy(claim["status"])
            conditions = status.setdefault("conditions", [])
            set_condition(conditions, "Resizing", "True", now=rfc3339(context.clock.now()))
            claim = await client.replace(PERSISTENT_VOLUME_CLAIMS, claim | {"status": status}, "status")
        amount = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
        if rules.capacity(volume) < rules.requested(claim):
            spec = volume["spec"] | {"capacity": amount}
            await client.replace(PERSISTENT_VOLUMES, volume | {"spec": spec})
        left = [one for one in claim["status"].get("conditions") or () if one["type"] != "Resizing"]
        status = claim["status"] | {"capacity": amount, "conditions": left}
        await client.replace(PERSISTENT_VOLUME_CLAIMS, claim | {"status": status}, "status")
        recorder.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded", component=LOCAL)
        return DONE

    return Controller("volume-expand", (Source(claims),), reconcile, clock=context.clock)
