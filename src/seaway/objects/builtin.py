"""The built-in resources that clients name, as constants.

What the embedded API server adds to them (defaults, validation, columns) is its own business and lies in
`seaway.controlplane.kinds`; these constants are all that a client of *any* cluster needs.
"""

from __future__ import annotations

from seaway.objects.resource import Resource
from seaway.objects.workloads import WORKLOAD_RESOURCES

_STATUS = frozenset({"status"})

NAMESPACES = Resource(
    "",
    "v1",
    "Namespace",
    "namespaces",
    namespaced=False,
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=frozenset({"status", "finalize"}),
)
NODES = Resource(
    "",
    "v1",
    "Node",
    "nodes",
    namespaced=False,
    short_names=("no",),
    subresources=frozenset({"status", "proxy"}),
)
PODS = Resource(
    "", "v1", "Pod", "pods", short_names=("po",), categories=("all",),
    subresources=frozenset(
        {"status", "binding", "log", "eviction", "exec", "attach", "portforward", "proxy", "ephemeralcontainers"}
    ),
)  # fmt: skip
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps", short_names=("cm",))
SECRETS = Resource("", "v1", "Secret", "secrets")
SERVICES = Resource(
    "",
    "v1",
    "Service",
    "services",
    short_names=("svc",),
    categories=("all",),
    subresources=frozenset({"status", "proxy"}),
)
SERVICE_ACCOUNTS = Resource(
    "", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",), subresources=frozenset({"token"})
)
EVENTS = Resource("", "v1", "Event", "events", short_names=("ev",))
EVENTS_V1 = Resource("events.k8s.io", "v1", "Event", "events", short_names=("ev",))
PERSISTENT_VOLUME_CLAIMS = Resource(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",), subresources=_STATUS
)
LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases")
JOBS = Resource("batch", "v1", "Job", "jobs", categories=("all",), subresources=_STATUS)
CRON_JOBS = Resource(
    "batch", "v1", "CronJob", "cronjobs", short_names=("cj",), categories=("all",), subresources=_STATUS
)
HORIZONTAL_POD_AUTOSCALERS = Resource(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short_names=("hpa",), categories=("all",),
    subresources=_STATUS,
)  # fmt: skip
HORIZONTAL_POD_AUTOSCALERS_V1 = Resource(
    "autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short_names=("hpa",), categories=("all",),
    subresources=_STATUS,
)  # fmt: skip
ROLES = Resource("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
PRIORITY_CLASSES = Resource(
    "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False, short_names=("pc",)
)
RESOURCE_QUOTAS = Resource(
    "", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",), subresources=_STATUS
)
CERTIFICATE_SIGNING_REQUESTS = Resource(
    "certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", namespaced=False,
    short_names=("csr",), subresources=frozenset({"approval", "status"}),
)  # fmt: skip
LIMIT_RANGES = Resource("", "v1", "LimitRange", "limitranges", short_names=("limits",))
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False,
    short_names=("crd", "crds"), categories=("api-extensions",), subresources=_STATUS,
)  # fmt: skip
ENDPOINTS = Resource("", "v1", "Endpoints", "endpoints", singular="endpoints", short_names=("ep",))
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
INGRESSES = Resource(
    "networking.k8s.io", "v1", "Ingress", "ingresses", short_names=("ing",), subresources=_STATUS
)
INGRESS_CLASSES = Resource("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False)
NETWORK_POLICIES = Resource(
    "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short_names=("netpol",)
)
MUTATING_WEBHOOK_CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
    namespaced=False, categories=("api-extensions",),
)  # fmt: skip
VALIDATING_WEBHOOK_CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
    namespaced=False, categories=("api-extensions",),
)  # fmt: skip
VALIDATING_ADMISSION_POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies",
    namespaced=False, categories=("api-extensions",), subresources=_STATUS,
)  # fmt: skip
VALIDATING_ADMISSION_POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings",
    namespaced=False, categories=("api-extensions",),
)  # fmt: skip
MUTATING_ADMISSION_POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies",
    namespaced=False, categories=("api-extensions",),
)  # fmt: skip
MUTATING_ADMISSION_POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings",
    namespaced=False, categories=("api-extensions",),
)  # fmt: skip
PERSISTENT_VOLUMES = Resource(
    "", "v1", "PersistentVolume", "persistentvolumes", namespaced=False, short_names=("pv",), subresources=_STATUS
)  # fmt: skip
STORAGE_CLASSES = Resource(
    "storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False, short_names=("sc",)
)

BUILTIN_RESOURCES: tuple[Resource, ...] = (
    NAMESPACES, NODES, PODS, CONFIG_MAPS, SECRETS, SERVICES, SERVICE_ACCOUNTS, EVENTS, EVENTS_V1,
    PERSISTENT_VOLUME_CLAIMS, LEASES, JOBS, ROLES, ROLE_BINDINGS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS,
    PRIORITY_CLASSES, RESOURCE_QUOTAS, LIMIT_RANGES, CERTIFICATE_SIGNING_REQUESTS, CUSTOM_RESOURCE_DEFINITIONS, ENDPOINTS, ENDPOINT_SLICES, INGRESSES, INGRESS_CLASSES,
    NETWORK_POLICIES,
    *WORKLOAD_RESOURCES, CRON_JOBS, HORIZONTAL_POD_AUTOSCALERS,
    MUTATING_WEBHOOK_CONFIGURATIONS, VALIDATING_WEBHOOK_CONFIGURATIONS,
    VALIDATING_ADMISSION_POLICIES, VALIDATING_ADMISSION_POLICY_BINDINGS, MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    PERSISTENT_VOLUMES, STORAGE_CLASSES,
    HORIZONTAL_POD_AUTOSCALERS_V1,
)  # fmt: skip
