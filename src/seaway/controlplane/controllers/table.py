"""Every controller of the embedded cluster. Adding one is adding a line."""

from __future__ import annotations

from collections.abc import Callable

from seaway.controlplane.controllers import (
    clusterroles,
    endpoints,
    eventttl,
    garbage,
    job,
    namespace,
    nodelifecycle,
    podgc,
    serviceaccount,
    storageclasses,
    systemnamespaces,
    ttl,
)
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.ondemand import on_demand
from seaway.objects.builtin import (
    CERTIFICATE_SIGNING_REQUESTS,
    CRON_JOBS,
    HORIZONTAL_POD_AUTOSCALERS,
    NETWORK_POLICIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    RESOURCE_QUOTAS,
    SECRETS,
)
from seaway.objects.workloads import (
    DAEMON_SETS,
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from seaway.reconcile.manager import Runnable

CONTROLLERS: tuple[Callable[[Context], Runnable], ...] = (
    systemnamespaces.build,
    serviceaccount.build,
    on_demand("tokens", SECRETS, "tokens"),
    clusterroles.build,
    namespace.build,
    garbage.build,
    job.build,
    ttl.build,
    eventttl.build,
    nodelifecycle.build,
    nodelifecycle.build_eviction,
    podgc.build,
    endpoints.build_slices,
    endpoints.build_endpoints,
    endpoints.build_mirror,
    on_demand("cronjob", CRON_JOBS, "cronjob"),
    on_demand("autoscaler", HORIZONTAL_POD_AUTOSCALERS, "autoscaler"),
    on_demand("networkpolicy", NETWORK_POLICIES, "networkpolicy"),
    on_demand("deployment", DEPLOYMENTS, "workloads.deployment"),
    on_demand("replicaset", REPLICA_SETS, "workloads.replicaset"),
    on_demand("replication", REPLICATION_CONTROLLERS, "workloads.replicaset", "build_replication"),
    on_demand("statefulset", STATEFUL_SETS, "workloads.statefulset"),
    on_demand("daemonset", DAEMON_SETS, "workloads.daemonset"),
    on_demand("disruption", POD_DISRUPTION_BUDGETS, "workloads.disruption"),
    on_demand("csrsigning", CERTIFICATE_SIGNING_REQUESTS, "certificates"),
    on_demand("resourcequota", RESOURCE_QUOTAS, "resourcequota"),
    storageclasses.build,
    on_demand("persistentvolume-binder", PERSISTENT_VOLUME_CLAIMS, "volumes"),
    on_demand("persistentvolumes", PERSISTENT_VOLUMES, "volumes", "build_volumes"),
    on_demand("local-provisioner", PERSISTENT_VOLUME_CLAIMS, "provisioner"),
    on_demand("local-removal", PERSISTENT_VOLUMES, "provisioner", "build_removal"),
    on_demand("pvc-protection", PERSISTENT_VOLUME_CLAIMS, "protection", "build_claims"),
    on_demand("pv-protection", PERSISTENT_VOLUMES, "protection", "build_volumes"),
    on_demand("volume-expand", PERSISTENT_VOLUME_CLAIMS, "expansion"),
    on_demand("volume-usage", PERSISTENT_VOLUME_CLAIMS, "volumeusage"),
    on_demand("ephemeral-volume", PODS, "ephemeralvolumes"),
)
"""In the order they start."""


def build_all(context: Context) -> tuple[Runnable, ...]:
    """Return all controllers; `seaway.reconcile.manager.Manager` runs them."""
    return tuple(build(context) for build in CONTROLLERS)
