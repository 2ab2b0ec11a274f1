"""The kinds that the embedded control plane serves, one file an API group, and the table of them.

A kind is a declaration: structure, defaults, validation, columns, field selectors. Everything here is pure; storage,
HTTP, admission and time belong to `seaway.controlplane.apiserver`. Custom resource definitions become the same value
at run time (`custom.py`). The structure of built-in kinds is package data made by `tools/generate_openapi.py`.
"""

from __future__ import annotations

from seaway.controlplane.kinds import (
    admission_policies,
    apiextensions,
    apps,
    autoscaling,
    autoscaling_v1,
    batch,
    certificates,
    configs,
    coordination,
    core,
    cronjobs,
    daemon_sets,
    discovery,
    events,
    ingress,
    limit_ranges,
    networkpolicy,
    nodes,
    persistent_volumes,
    pods,
    policy,
    quotas,
    rbac,
    replication,
    reviews,
    scheduling,
    services,
    stateful_sets,
    storage_classes,
    webhooks,
)
from seaway.controlplane.kinds.declaration import Kind
from seaway.objects.resource import Resource

BUILTIN_KINDS: tuple[Kind, ...] = (
    core.NAMESPACE,
    nodes.NODE,
    pods.POD,
    configs.CONFIG_MAP,
    configs.SECRET,
    services.SERVICE,
    core.SERVICE_ACCOUNT,
    events.EVENT,
    events.EVENT_V1,
    core.PERSISTENT_VOLUME_CLAIM,
    coordination.LEASE,
    batch.JOB,
    rbac.ROLE,
    rbac.ROLE_BINDING,
    rbac.CLUSTER_ROLE,
    rbac.CLUSTER_ROLE_BINDING,
    scheduling.PRIORITY_CLASS,
    quotas.RESOURCE_QUOTA,
    limit_ranges.LIMIT_RANGE,
    certificates.CERTIFICATE_SIGNING_REQUEST,
    apiextensions.CUSTOM_RESOURCE_DEFINITION,
    discovery.ENDPOINTS_KIND,
    discovery.ENDPOINT_SLICE,
    ingress.INGRESS,
    ingress.INGRESS_CLASS,
    networkpolicy.NETWORK_POLICY,
    replication.REPLICATION_CONTROLLER,
    apps.DEPLOYMENT,
    apps.REPLICA_SET,
    stateful_sets.STATEFUL_SET,
    daemon_sets.DAEMON_SET,
    apps.CONTROLLER_REVISION,
    policy.POD_DISRUPTION_BUDGET,
    cronjobs.CRON_JOB,
    autoscaling.HORIZONTAL_POD_AUTOSCALER,
    webhooks.MUTATING_WEBHOOK_CONFIGURATION,
    webhooks.VALIDATING_WEBHOOK_CONFIGURATION,
    admission_policies.VALIDATING_ADMISSION_POLICY,
    admission_policies.VALIDATING_ADMISSION_POLICY_BINDING,
    admission_policies.MUTATING_ADMISSION_POLICY,
    admission_policies.MUTATING_ADMISSION_POLICY_BINDING,
    persistent_volumes.PERSISTENT_VOLUME,
    storage_classes.STORAGE_CLASS,
    autoscaling_v1.HORIZONTAL_POD_AUTOSCALER_V1,
)
"""Every stored kind."""

REVIEW_RESOURCES: tuple[Resource, ...] = reviews.REVIEW_RESOURCES
"""Resources that are only created and answered, never stored: access and token reviews."""
