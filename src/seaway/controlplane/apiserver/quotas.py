"""Writes are charged to the quotas of their namespace, before they are stored and together with them.

The charge and the object go into the same transaction, one charged write of a namespace after the other, so that writes
that come at the same time never use more than is left.

Source: Kubernetes' "Resource Quotas" and the ResourceQuota admission plugin's words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from seaway.base.clock import Clock
from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.content import Content
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.registry import Registry, StoreIt
from seaway.controlplane.apiserver.served import KindTable
from seaway.controlplane.apiserver.writing import Write, WriteOptions
from seaway.controlplane.kinds import quota_usage
from seaway.controlplane.kinds.pod_totals import Amounts, sum_of
from seaway.objects import meta
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SERVICES
from seaway.objects.errors import NotFound
from seaway.objects.quantity import canonical, parse_quantity, subtracted

Object = dict[str, Any]
_MANAGER = WriteOptions("seaway-apiserver")
Charge = tuple[Object, Amounts]
"""A quota and what is added to it."""


class Quotas:
    """Charges writes.

    Args:
        registry: writes the quotas' status.
        table: the kinds served.
        lookup: reads quotas.
        clock: for pods whose time to end is over.
    """

    def __init__(self, registry: Registry, table: KindTable, lookup: StoreLookup, clock: Clock) -> None:
        self._registry, self._table, self._lookup, self._clock = registry, table, lookup, clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def charge(self, attributes: Attributes, store: StoreIt) -> Content:
        """Store an object and what it costs.

        Raises:
            Forbidden: a quota does not allow it, or wants to know more of it.
        """
        if not self._concerned(attributes):
            return await store()
        lock = self._locks.setdefault(attributes.namespace, asyncio.Lock())
        async with lock:
            quotas = self._lookup.list(RESOURCE_QUOTAS, attributes.namespace)
            charges = plan_charges(attributes, quotas, self._clock.now())
            there = self._lookup.get(attributes.served.base.resource, attributes.namespace, attributes.name)
            added = [] if attributes.dry_run else charges
            if attributes.operation == "CREATE" and there is None:
                # all of these are under way before the store begins its next transaction
                storing = asyncio.ensure_future(store())
                await asyncio.gather(storing, *(self._add(attributes, *one) for one in added))
                return storing.result()
            content = await store()  # which may find that another one was faster: nothing is charged then
            await asyncio.gather(*(self._add(attributes, *one) for one in added))
            return content

    def _concerned(self, attributes: Attributes) -> bool:
        return handles(attributes) and bool(self._lookup.list(RESOURCE_QUOTAS, attributes.namespace))

    async def _add(self, attributes: Attributes, quota: Object, amounts: Amounts) -> None:
        resource = RESOURCE_QUOTAS
        served = self._table.find(resource.group, resource.version, resource.plural)
        assert served is not None, "quotas are stored, so they are served"
        write = Write(served, attributes.namespace, meta.name(quota), attributes.user, _MANAGER, "status")

        def change(live: Object) -> Object:
            status = live.get("status") or {}
            return {**live, "status": {**status, "used": sum_of(status.get("used") or {}, amounts)}}

        try:
            await self._registry.adjust(write, change, tracked=False)
        except NotFound:
            return  # the quota went meanwhile: it bounds nothing any more


def handles(attributes: Attributes) -> bool:
    """Tell whether a write can change what a namespace uses."""
    resource = attributes.served.base.resource
    if not resource.namespaced or resource.group_resource in quota_usage.NEVER_COUNTED:
        return False
    if attributes.operation == "CREATE":
        return not attributes.subresource
    if attributes.operation != "UPDATE" or attributes.old is None:
        return False
    if attributes.is_a(PODS):
        moved = quota_usage.is_terminating(attributes.old) != quota_usage.is_terminating(attributes.object)
        return attributes.subresource == "resize" or (not attributes.subresource and moved)
    return not attributes.subresource and (
        attributes.is_a(SERVICES) or attributes.is_a(PERSISTENT_VOLUME_CLAIMS)
    )


def plan_charges(attributes: Attributes, quotas: Iterable[Object], now: float) -> list[Charge]:
    """Return what each quota of the namespace is charged for a write.

    Raises:
        Forbidden: it is more than is left, or the object does not say enough to be charged.
    """
    resource, obj, old = attributes.served.base.resource, attributes.object, attributes.old
    charges: list[Charge] = []
    for quota in sorted(quotas, key=meta.name):
        status, name = quota.get("status") or {}, meta.name(quota)
        hard, used = status.get("hard") or {}, status.get("used") or {}
        names = quota_usage.counted(resource, hard)
        if not names or not quota_usage.matches(quota, resource, obj):
            continue
        if resource == PODS and (missing := unsaid(obj.get("spec") or {}, names)):
            raise attributes.refuse(f"failed quota: {name}: must specify {missing}")
        if not set(names) <= used.keys():
            why = f"status unknown for quota: {name}, resources: {','.join(sorted(names))}"
            raise attributes.refuse(why)
        cost = _cost(quota_usage.usage(resource, obj, now), names)
        if old is not None and quota_usage.matches(quota, resource, old):
            cost = _more(cost, _cost(quota_usage.usage(resource, old, now), names))
        cost = {key: amount for key, amount in cost.items() if parse_quantity(amount)}
        if exceeded := _exceeded(cost, used, hard):
            asked, there, most = (_shown(amounts, exceeded) for amounts in (cost, used, hard))
            raise attributes.refuse(
                f"exceeded quota: {name}, requested: {asked}, used: {there}, limited: {most}"
            )
        if cost:
            charges.append((quota, cost))
    return charges


def unsaid(spec: Object, names: Iterable[str]) -> str:
    """Return which of the amounts that quotas need a pod's containers do not name, as Kubernetes lists them."""
    if any((spec.get("resources") or {}).get(which) for which in ("requests", "limits")):
        return ""
    wanted = sorted(quota_usage.MUST_SAY.intersection(names))
    missing: dict[str, set[str]] = {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        said = quota_usage.names_of(resources.get("requests") or {}, resources.get("limits") or {})
        for name in wanted:
            if name not in said:
                missing.setdefault(name, set()).add(str(container.get("name")))
    return "; ".join(f"{name} for: {','.join(sorted(who))}" for name, who in sorted(missing.items()))


def _cost(amounts: Amounts, names: Sequence[str]) -> Amounts:
    return {name: amounts[name] for name in names if name in amounts}


def _more(new: Amounts, old: Amounts) -> Amounts:
    """Return by how much a change raises what is used; what it lowers is given back by the controller."""
    raised = {name: subtracted(amount, old.get(name, "0")) for name, amount in new.items()}
    return {name: amount for name, amount in raised.items() if parse_quantity(amount) > 0}


def _exceeded(cost: Amounts, used: Amounts, hard: Amounts) -> list[str]:
    total = sum_of({name: used[name] for name in cost}, cost)
    return [name for name, amount in total.items() if parse_quantity(amount) > parse_quantity(hard[name])]


def _shown(amounts: Mapping[str, Any], names: Iterable[str]) -> str:
    return ",".join(f"{name}={canonical(str(amounts[name]))}" for name in sorted(names))
