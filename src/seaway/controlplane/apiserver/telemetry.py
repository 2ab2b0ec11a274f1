"""What the API server counts of its requests, by the names that Kubernetes' own has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seaway.base.measures import Counter, Gauge, Histogram, text
from seaway.controlplane.apiserver.requestinfo import RequestInfo

if TYPE_CHECKING:
    from seaway.controlplane.apiserver.messages import ApiRequest

_LABELS = ("verb", "group", "resource", "code")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Telemetry:
    """Counts requests; labels are verbs, kinds that are served and status codes, never names.

    Args:
        is_served: tells whether a group, version and resource are served.
    """

    def __init__(self, is_served: Callable[[str, str, str], object]) -> None:
        self._is_served = is_served
        self._requests = Counter("apiserver_request", "Requests that were answered.", _LABELS)
        self._durations = Histogram(
            "apiserver_request_duration_seconds", "Time until the answer began, without watches.", ("verb", "group", "resource"),
        )  # fmt: skip

    def answered(self, request: ApiRequest, info: RequestInfo | None, status: int, seconds: float) -> None:
        """Count one request."""
        known = (
            info is not None
            and info.is_resource
            and self._is_served(info.group, info.version, info.resource) is not None
        )
        if known and info is not None:
            verb, group, resource = info.verb or "other", info.group, info.resource
        else:
            verb, group, resource = request.method if request.method in _METHODS else "other", "", ""
        self._requests.add(verb, group, resource, str(status))
        if verb != "watch":
            self._durations.observe(verb, group, resource, value=seconds)

    def text(self, revision: int, objects: int) -> str:
        """Return all of it as Prometheus reads it.

        Args:
            revision: the store's newest.
            objects: how many there are.
        """
        store = Gauge("seaway_store_revision", "The newest revision of the store.")
        store.put(value=revision)
        stored = Gauge("apiserver_storage_objects", "Objects in the store.")
        stored.put(value=objects)
        return text([self._requests, self._durations, store, stored])
