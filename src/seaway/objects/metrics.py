"""Resources of measured values: served, never stored.

Source: metrics.k8s.io/v1beta1 and external.metrics.k8s.io/v1beta1.
"""

from __future__ import annotations

from seaway.objects.resource import Resource

_READ = ("get", "list")
METRICS_GROUP = "metrics.k8s.io"
EXTERNAL_GROUP = "external.metrics.k8s.io"
METRICS_VERSION = "v1beta1"
MEASURED_GROUPS = frozenset({METRICS_GROUP, EXTERNAL_GROUP})
NODE_METRICS = Resource(METRICS_GROUP, METRICS_VERSION, "NodeMetrics", "nodes", namespaced=False, verbs=_READ)
POD_METRICS = Resource(METRICS_GROUP, METRICS_VERSION, "PodMetrics", "pods", verbs=_READ)
METRICS_RESOURCES = (NODE_METRICS, POD_METRICS)


def external_metric(name: str) -> Resource:
    """Return the resource that the values of an external metric are."""
    return Resource(EXTERNAL_GROUP, METRICS_VERSION, "ExternalMetricValue", name, verbs=_READ)
