"""Resources of workloads that are kept running, as constants: what makes pods from a template, and what guards them."""

from __future__ import annotations

from seaway.objects.resource import Resource

_STATUS = frozenset({"status"})
_SCALED = frozenset({"status", "scale"})
_ALL = ("all",)

REPLICATION_CONTROLLERS = Resource(
    "", "v1", "ReplicationController", "replicationcontrollers", short_names=("rc",), categories=_ALL, subresources=_SCALED
)  # fmt: skip
DEPLOYMENTS = Resource(
    "apps", "v1", "Deployment", "deployments", short_names=("deploy",), categories=_ALL, subresources=_SCALED
)  # fmt: skip
REPLICA_SETS = Resource(
    "apps", "v1", "ReplicaSet", "replicasets", short_names=("rs",), categories=_ALL, subresources=_SCALED
)
STATEFUL_SETS = Resource(
    "apps", "v1", "StatefulSet", "statefulsets", short_names=("sts",), categories=_ALL, subresources=_SCALED
)  # fmt: skip
DAEMON_SETS = Resource(
    "apps", "v1", "DaemonSet", "daemonsets", short_names=("ds",), categories=_ALL, subresources=_STATUS
)
CONTROLLER_REVISIONS = Resource("apps", "v1", "ControllerRevision", "controllerrevisions")
POD_DISRUPTION_BUDGETS = Resource(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short_names=("pdb",), subresources=_STATUS
)  # fmt: skip

WORKLOAD_RESOURCES: tuple[Resource, ...] = (
    REPLICATION_CONTROLLERS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DAEMON_SETS,
    CONTROLLER_REVISIONS,
    POD_DISRUPTION_BUDGETS,
)
