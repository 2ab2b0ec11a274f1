"""What stands behind each service: its EndpointSlices, its Endpoints, and slices that mirror Endpoints made by hand.

Source: kube-controller-manager's endpointslice, endpoint and endpointslicemirroring controllers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from seaway.client.client import Client
from seaway.controlplane.controllers import endpointplan, endpointsets
from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from seaway.objects.errors import AlreadyExists, Forbidden, NotFound
from seaway.objects.meta import deletion_timestamp, key, labels, name, namespace, split_key, uid
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.informer import Informer
from seaway.reconcile.sources import Source

Object = dict[str, Any]
_BEHIND_SECONDS = 0.02
"""How soon to look again where the informer has not seen our last write."""
_BY_NAMESPACE, _BY_SERVICE = "namespace", "service"


class Slices:
    """Reads and writes the slices of one manager; knows when the informer is behind its own writes."""

    def __init__(self, client: Client, informer: Informer, manager: str) -> None:
        self._client, self._informer, self._manager = client, informer, manager
        self._written = 0

    @property
    def behind(self) -> bool:
        """Whether the informer has not seen all that was written here."""
        return int(self._informer.resource_version or 0) < self._written

    def of(self, service_key: str) -> list[Object]:
        """Return the slices of a service."""
        found = self._informer.by_index(_BY_SERVICE, service_key)
        return [one for one in found if labels(one).get(endpointplan.MANAGED_BY) == self._manager]

    async def write(self, changes: endpointplan.Changes) -> None:
        """Do what is planned; deletions last, so that no address is missing meanwhile."""
        for wanted in changes.create:
            self._note(await self._client.create(ENDPOINT_SLICES, wanted))
        for wanted in changes.update:
            self._note(await self._client.replace(ENDPOINT_SLICES, wanted))
        for found in changes.delete:
            try:
                await self._client.delete(ENDPOINT_SLICES, name(found), namespace(found), uid=uid(found))
            except NotFound:
                continue

    def _note(self, obj: Object) -> None:
        self._written = max(self._written, int(obj["metadata"]["resourceVersion"]))


def _index(context: Context) -> tuple[Informer, Informer, Informer]:
    """Return the shared informers of services, pods and slices."""
    by_namespace = {_BY_NAMESPACE: lambda obj: (namespace(obj),)}
    services = context.informers.informer(SERVICES, indices=by_namespace)
    pods = context.informers.informer(PODS, indices=by_namespace)
    slices = context.informers.informer(ENDPOINT_SLICES, indices={_BY_SERVICE: _service_of})
    return services, pods, slices


def _service_of(endpoint_slice: Object) -> Iterable[str]:
    """Return the key of the service that a slice is of."""
    named = labels(endpoint_slice).get(endpointplan.SERVICE_NAME)
    return (f"{namespace(endpoint_slice)}/{named}",) if named else ()


def _selecting(services: Informer) -> Callable[[Object], Iterable[str]]:
    """Return the mapping from a pod to the services that select it."""

    def keys(pod: Object) -> Iterable[str]:
        for service in services.by_index(_BY_NAMESPACE, namespace(pod)):
            if endpointplan.selects(service, pod):
                yield key(service)

    return keys


def _selected(service: Object | None, pods: Informer) -> list[Object] | None:
    """Return the pods of a service, None for one that has no endpoints of ours."""
    if service is None or deletion_timestamp(service) is not None:
        return None
    if service["spec"].get("type") == "ExternalName" or not service["spec"].get("selector"):
        return None
    in_namespace = pods.by_index(_BY_NAMESPACE, namespace(service))
    return [pod for pod in in_namespace if endpointplan.selects(service, pod)]


def build_slices(context: Context) -> Controller:
    """Return the controller of EndpointSlices."""
    services, pods, slices = _index(context)
    nodes = context.informers.informer(NODES)
    own = Slices(context.client, slices, endpointplan.CONTROLLER)

    async def reconcile(service_key: str) -> Outcome:
        service = services.get(service_key)
        selected = _selected(service, pods)
        if service is None or selected is None:
            return DONE  # what is left of it is garbage, collected by its owner
        if own.behind:
            return RequeueAfter(_BEHIND_SECONDS)
        known = {name(node): node for node in nodes.list()}
        groups = endpointplan.groups_of(service, selected, known)
        marks = endpointplan.marks_of(service, endpointplan.CONTROLLER)
        owner = {"apiVersion": "v1", "kind": "Service", **service}
        await own.write(endpointplan.plan(owner, groups, own.of(service_key), marks))
        return DONE

    sources = (
        Source(services), Source(pods, _selecting(services)), Source(slices, _of_manager(endpointplan.CONTROLLER)),
    )  # fmt: skip
    return _controller("endpointslice", sources, _leaving(reconcile), context)


def build_endpoints(context: Context) -> Controller:
    """Return the controller of Endpoints, the older form of the same."""
    services, pods, _ = _index(context)
    endpoints, client = context.informers.informer(ENDPOINTS), context.client

    async def reconcile(service_key: str) -> Outcome:
        service, found = services.get(service_key), endpoints.get(service_key)
        if service is None:
            if found is not None and endpointsets.ENDPOINTS_MANAGED_BY in labels(found):
                place, own_name = split_key(service_key)
                await _delete(client, own_name, place, uid(found))
            return DONE
        selected = _selected(service, pods)
        if selected is None:
            return DONE
        wanted = endpointsets.endpoints_of(service, selected)
        if found is None:
            await _create(client, wanted)
        elif not endpointsets.same_endpoints(found, wanted):
            await client.replace(ENDPOINTS, _updated(found, wanted))
        return DONE

    sources = (Source(services), Source(pods, _selecting(services)), Source(endpoints))
    return _controller("endpoints", sources, _leaving(reconcile), context)


def build_mirror(context: Context) -> Controller:
    """Return the controller that mirrors Endpoints made by hand to slices."""
    services, _, slices = _index(context)
    endpoints = context.informers.informer(ENDPOINTS)
    own = Slices(context.client, slices, endpointplan.MIRROR)

    async def reconcile(service_key: str) -> Outcome:
        found = endpoints.get(service_key)
        if own.behind:
            return RequeueAfter(_BEHIND_SECONDS)
        existing = own.of(service_key)
        if found is None or not endpointsets.is_mirrored(found, services.get(service_key)):
            await own.write(endpointplan.Changes(delete=existing))
            return DONE
        groups = endpointsets.mirrored_groups(found)
        owner = {"apiVersion": "v1", "kind": "Endpoints", **found}
        marks = endpointsets.mirror_marks(found)
        changes = endpointplan.plan(owner, groups, existing, marks)
        if not groups:
            changes = endpointplan.Changes(delete=existing)
        await own.write(changes)
        return DONE

    sources = (Source(endpoints), Source(services), Source(slices, _of_manager(endpointplan.MIRROR)))
    return _controller("endpointslicemirroring", sources, _leaving(reconcile), context)


def _controller(name_: str, sources: Iterable[Source], reconcile: Any, context: Context) -> Controller:
    settings = ControllerSettings(workers=context.settings.workers)
    return Controller(name_, tuple(sources), reconcile, clock=context.clock, settings=settings)


def _of_manager(manager: str) -> Callable[[Object], Iterable[str]]:
    """Return the mapping from a slice of a manager to its service."""

    def keys(endpoint_slice: Object) -> Iterable[str]:
        return (
            _service_of(endpoint_slice)
            if labels(endpoint_slice).get(endpointplan.MANAGED_BY) == manager
            else ()
        )

    return keys


def _leaving(reconcile: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return the same, which takes it that in a namespace that is going nothing new is made."""

    async def guarded(service_key: str) -> Outcome:
        try:
            outcome: Outcome = await reconcile(service_key)
        except Forbidden as error:
            if "because it is being terminated" not in str(error):
                raise
            return DONE
        return outcome

    return guarded


def _updated(found: Object, wanted: Object) -> Object:
    """Return an Endpoints with the wanted content; annotations of others stay."""
    kept = dict(found["metadata"].get("annotations") or {})
    kept.pop(endpointsets.OVER_CAPACITY, None)
    kept |= wanted["metadata"].get("annotations") or {}
    metadata = {**found["metadata"], "labels": wanted["metadata"]["labels"], "annotations": kept}
    return {**{k: v for k, v in found.items() if k != "subsets"}, **wanted, "metadata": metadata}


async def _create(client: Client, wanted: Object) -> None:
    try:
        await client.create(ENDPOINTS, wanted)
    except AlreadyExists:
        return  # the informer has not seen it yet; its event comes back here


async def _delete(client: Client, name_: str, place: str, uid_: str) -> None:
    try:
        await client.delete(ENDPOINTS, name_, place, uid=uid_)
    except NotFound:
        return
