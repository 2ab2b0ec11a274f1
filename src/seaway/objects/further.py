"""Further built-in resources: those that kube-scheduler and kube-controller-manager work on, as constants.

The embedded API server serves them where these run against it; nobody else there would act on them.
"""

from __future__ import annotations

from seaway.objects.resource import Resource

_STATUS = frozenset({"status"})
_ALL = ("all",)

SERVICE_CIDRS = Resource(
    "networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", namespaced=False, subresources=_STATUS
)
IP_ADDRESSES = Resource(
    "networking.k8s.io", "v1", "IPAddress", "ipaddresses", namespaced=False, short_names=("ip",)
)
CSI_NODES = Resource("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False)
CSI_DRIVERS = Resource("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False)
CSI_STORAGE_CAPACITIES = Resource("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities")
VOLUME_ATTACHMENTS = Resource(
    "storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", namespaced=False, subresources=_STATUS
)
VOLUME_ATTRIBUTES_CLASSES = Resource(
    "storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", namespaced=False, short_names=("vac",)
)  # fmt: skip
RESOURCE_CLAIMS = Resource("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources=_STATUS)
RESOURCE_CLAIM_TEMPLATES = Resource(
    "resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates"
)
DEVICE_CLASSES = Resource("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False)
RESOURCE_SLICES = Resource("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False)

FURTHER_RESOURCES: tuple[Resource, ...] = (
    SERVICE_CIDRS, IP_ADDRESSES, CSI_NODES, CSI_DRIVERS,
    CSI_STORAGE_CAPACITIES, VOLUME_ATTACHMENTS, VOLUME_ATTRIBUTES_CLASSES, RESOURCE_CLAIMS, RESOURCE_CLAIM_TEMPLATES,
    DEVICE_CLASSES, RESOURCE_SLICES,
)  # fmt: skip
