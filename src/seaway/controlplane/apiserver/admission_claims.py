"""Claims of volumes are protected from their first moment, where a controller takes the protection off again.

Source: Kubernetes' "Admission Control in Kubernetes", StorageObjectInUseProtection.
"""

from __future__ import annotations

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.served import KindTable
from seaway.objects import meta
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS
from seaway.objects.further import PERSISTENT_VOLUMES

FINALIZER = "kubernetes.io/pvc-protection"


class ClaimProtection:
    """Adds the finalizer to new claims where volumes are served, and with them their controllers.

    Args:
        table: the kinds served.
    """

    def __init__(self, table: KindTable) -> None:
        self._table = table

    def __call__(self, attributes: Attributes) -> None:
        """Protect a new claim."""
        if attributes.operation != "CREATE" or not attributes.is_a(PERSISTENT_VOLUME_CLAIMS):
            return
        volumes = PERSISTENT_VOLUMES
        if self._table.find(volumes.group, volumes.version, volumes.plural) is None:
            return  # nobody would take it off: a claim that is deleted would stay for ever
        held = meta.finalizers(attributes.object)
        if FINALIZER not in held:
            attributes.object["metadata"]["finalizers"] = [*held, FINALIZER]
