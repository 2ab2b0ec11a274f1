"""A request for a certificate says who made it; nobody can say that of themselves.

Source: Kubernetes' "Certificates and Certificate Signing Requests".
"""

from __future__ import annotations

from seaway.controlplane.apiserver.admission import Attributes
from seaway.objects.further import CERTIFICATE_SIGNING_REQUESTS

_WHO = ("username", "uid", "groups", "extra")


def requester(attributes: Attributes) -> None:
    """Write the caller into a new request, in place of whatever it says."""
    if attributes.operation != "CREATE" or not attributes.is_a(CERTIFICATE_SIGNING_REQUESTS):
        return
    spec = attributes.object.get("spec")
    if isinstance(spec, dict):
        for field in _WHO:
            spec.pop(field, None)
        spec |= attributes.user.to_object()
