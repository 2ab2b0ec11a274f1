"""Say of each NetworkPolicy that nothing enforces it: pods share this machine's network."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import NETWORK_POLICIES
from seaway.objects.meta import uid
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
MESSAGE = (
    "Not enforced: pods of Seaway's embedded cluster share this machine's network, so this policy keeps nobody out; "
    "use a real cluster where it has to"
)


def build(context: Context) -> Controller:
    """Return the controller: one event for each policy."""
    policies = context.informers.informer(NETWORK_POLICIES)
    told: dict[str, str] = {}

    async def reconcile(key: str) -> Outcome:
        policy = policies.get(key)
        if policy is None:
            told.pop(key, None)
        elif told.get(key) != uid(policy):
            told[key] = uid(policy)
            context.recorder.event(policy, "Warning", "NotEnforced", MESSAGE)
        return DONE

    return Controller("networkpolicy", (Source(policies),), reconcile, clock=context.clock)
