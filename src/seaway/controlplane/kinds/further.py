"""The table of the kinds that kube-scheduler and kube-controller-manager work on.

They are served where these run against the API server. Elsewhere nobody would act on them: a deployment that is accepted
and makes no pods is worse than one that is refused.
"""

from __future__ import annotations

from seaway.controlplane.kinds import (
    claims,
    networking,
    storage,
)
from seaway.controlplane.kinds.declaration import Kind

FURTHER_KINDS: tuple[Kind, ...] = (
    networking.SERVICE_CIDR,
    networking.IP_ADDRESS,
    storage.CSI_NODE,
    storage.CSI_DRIVER,
    storage.CSI_STORAGE_CAPACITY,
    storage.VOLUME_ATTACHMENT,
    storage.VOLUME_ATTRIBUTES_CLASS,
    claims.RESOURCE_CLAIM,
    claims.RESOURCE_CLAIM_TEMPLATE,
    claims.DEVICE_CLASS,
    claims.RESOURCE_SLICE,
)
"""In the order of `seaway.objects.further.FURTHER_RESOURCES`."""
