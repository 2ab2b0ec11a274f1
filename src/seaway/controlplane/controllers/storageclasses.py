"""The storage classes that the embedded cluster begins with; whoever changes them keeps the change."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import STORAGE_CLASSES
from seaway.objects.errors import AlreadyExists
from seaway.objects.volumes import DEFAULT_CLASS
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
LOCAL = "seaway.dev/local"
"""The provisioner of the embedded cluster."""
STANDARD, IMMEDIATE = "standard", "standard-immediate"


def classes() -> tuple[Object, ...]:
    """Return the classes: one binds when the first pod needs the volume, the other at once."""
    return (
        _class(STANDARD, "WaitForFirstConsumer", {DEFAULT_CLASS: "true"}),
        _class(IMMEDIATE, "Immediate", {}),
    )


def _class(name: str, mode: str, annotations: dict[str, str]) -> Object:
    return {
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": LOCAL,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": mode,
        "allowVolumeExpansion": True,
    }


def build(context: Context) -> Controller:
    """Return the controller: it makes the classes at the start, where volumes are made at all."""
    informer = context.informers.informer(STORAGE_CLASSES)

    async def reconcile(_: str) -> Outcome:
        for one in classes():
            if informer.get(one["metadata"]["name"]) is None:
                try:
                    await context.client.create(STORAGE_CLASSES, one)
                except AlreadyExists:
                    continue  # the informer has not seen it yet
        return DONE

    keys = ("all",) if context.settings.volumes is not None else ()
    sources = (Source(informer, lambda _: ()),)
    return Controller("storageclasses", sources, reconcile, clock=context.clock, keys=keys)
