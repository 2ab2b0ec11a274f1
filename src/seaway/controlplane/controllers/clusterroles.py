"""Cluster roles that are put together of others follow them.

Source: kube-controller-manager's clusterrole-aggregation controller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.kinds.rbac import aggregated_rules
from seaway.objects.builtin import CLUSTER_ROLES
from seaway.objects.errors import NotFound
from seaway.objects.meta import name
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]


def build(context: Context) -> Controller:
    """Return the controller."""
    client, roles = context.client, context.informers.informer(CLUSTER_ROLES)

    def concerned(_: Object) -> Iterable[str]:
        return [name(role) for role in roles.list() if role.get("aggregationRule")]

    async def reconcile(key: str) -> Outcome:
        role = roles.get(key)
        if role is None or not role.get("aggregationRule"):
            return DONE
        rules = aggregated_rules(role, roles.list())
        if rules != (role.get("rules") or []):
            try:
                await client.replace(CLUSTER_ROLES, {**role, "rules": rules})
            except NotFound:
                return DONE
        return DONE

    return Controller("clusterroleaggregation", (Source(roles, concerned),), reconcile, clock=context.clock)
