"""The namespaces that every cluster has come back when somebody deletes them: nodes' leases live in one.

Source: kube-apiserver's system namespaces controller.
"""

from __future__ import annotations

from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import AlreadyExists
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source, always

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
KEY = "all"


def build(context: Context) -> Controller:
    """Return the controller."""
    namespaces = context.informers.informer(NAMESPACES)

    async def reconcile(_: str) -> Outcome:
        for name in SYSTEM_NAMESPACES:
            if namespaces.get(name) is None:
                try:
                    await context.client.create(NAMESPACES, {"metadata": {"name": name}})
                except AlreadyExists:
                    continue  # the informer has not seen it yet
        return DONE

    return Controller("systemnamespaces", (Source(namespaces, always(KEY)),), reconcile, clock=context.clock)
