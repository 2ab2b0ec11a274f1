"""What the API server counts of its requests, by the names and labels that Kubernetes' own has.

Source: https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from seaway.base.measures import Counter, Gauge, Histogram, Measure
from seaway.controlplane.apiserver.requestinfo import RequestInfo

if TYPE_CHECKING:
    from seaway.controlplane.apiserver.messages import ApiRequest
    from seaway.controlplane.apiserver.served import Served
    from seaway.controlplane.store.log import Store

_LABELS = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_VERBS = {"create": "POST", "update": "PUT"}
_CONNECT = frozenset({"exec", "attach", "portforward", "proxy"})
_SUBRESOURCES = frozenset(
    {"status", "scale", "binding", "eviction", "log", "token", "ephemeralcontainers", "resize", "approval", "finalize", *_CONNECT}
)  # fmt: skip
_PATHS = frozenset({"healthz", "livez", "readyz", "metrics", "version", "openapi", "api", "apis"})
_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""Those of Kubernetes in part, and finer ones below 5 ms, where most answers are."""
_LONG = frozenset({"WATCH", "CONNECT"})
_COMPONENT = "apiserver"
Labels = tuple[str, str, str, str, str, str, str]


class Telemetry:
    """Counts requests; labels are verbs, kinds that are served and status codes, never names.

    Args:
        is_served: tells whether a group, version and resource are served.
    """

    def __init__(self, is_served: Callable[[str, str, str], object]) -> None:
        self._is_served = is_served
        self._requests = Counter(
            "apiserver_request", "Requests that were answered.", (*_LABELS, "dry_run", "code")
        )
        self._durations = Histogram(
            "apiserver_request_duration_seconds", "Time until the answer began, without watches and connections.",
            (*_LABELS, "dry_run"), _BOUNDS,
        )  # fmt: skip

    def answered(self, request: ApiRequest, info: RequestInfo | None, status: int, seconds: float) -> None:
        """Count one request."""
        labels = self._labels(request, info)
        dry_run = "All" if request.query.get("dryRun") == "All" else ""
        self._requests.add(*labels, dry_run, str(status))
        if labels[0] not in _LONG:
            self._durations.observe(*labels, dry_run, value=seconds)

    def measures(self, store: Store, kinds: Iterable[Served]) -> list[Measure]:
        """Return all that is counted, and what the store has now."""
        revision = Gauge("seaway_store_revision", "The newest revision of the store.")
        revision.put(value=store.revision)
        size = Gauge(
            "apiserver_storage_size_bytes", "What the store takes on the disk.", ("storage_cluster_id",)
        )
        size.put("store", value=store.size())
        objects = Gauge("apiserver_storage_objects", "Objects in the store, by kind.", ("resource",))
        stored = {one.prefix: one for one in kinds if one.stored_as is None}
        for prefix, one in stored.items():
            group = f".{one.resource.group}" if one.resource.group else ""
            objects.put(f"{one.resource.plural}{group}", value=store.count(prefix))
        return [
            self._requests, self._durations, _watches(store.watchers(), stored),
            revision, size, objects, *store.measures(),
        ]  # fmt: skip

    def _labels(self, request: ApiRequest, info: RequestInfo | None) -> Labels:
        method = request.method if request.method in _METHODS else "other"
        if info is None or not info.is_resource:
            path = request.path.strip("/").partition("/")[0] if info is not None else ""
            return (method, "", "", "", f"/{path}" if path in _PATHS else "", "", _COMPONENT)
        if self._is_served(info.group, info.version, info.resource) is None:
            return (method, "", "", "", "", "", _COMPONENT)
        subresource = info.subresource if info.subresource in _SUBRESOURCES else ""
        if subresource in _CONNECT:
            verb = "CONNECT"
        elif info.verb == "patch" and request.content_type.startswith("application/apply-patch"):
            verb = "APPLY"
        else:
            verb = _VERBS.get(info.verb) or info.verb.upper() or "other"
        scope = (
            "resource" if info.name or info.verb == "create" else "namespace" if info.namespace else "cluster"
        )
        return (verb, info.group, info.version, info.resource, subresource, scope, _COMPONENT)


def _watches(watchers: Mapping[str, int], stored: Mapping[str, Served]) -> Gauge:
    found = Gauge(
        "apiserver_longrunning_requests",
        "Watches that are open now, those of the cluster's own parts included.",
        _LABELS,
    )
    for prefix, count in watchers.items():
        kind = next((one for start, one in stored.items() if prefix.startswith(start)), None)
        if kind is not None:
            where = "cluster" if prefix == kind.prefix else "namespace"
            resource = kind.resource
            found.add(
                "WATCH",
                resource.group,
                resource.version,
                resource.plural,
                "",
                where,
                _COMPONENT,
                amount=count,
            )
    return found
