"""What a caller is told who asks for something that real Kubernetes serves and this server does not."""

from __future__ import annotations

from seaway.objects.errors import NotFound

_INSTEAD = {
    ("nodes", "proxy"): "its nodes have no server of their own: use pods/log, pods/exec and pods/proxy",
    ("pods", "resize"): "delete the pod and create it with other resources",
}
"""What does the same, or nearly, by resource and subresource."""


def not_served(resource: str = "", subresource: str = "") -> NotFound:
    """Return the error for a path that is served by nothing; it says what to do instead where something is known."""
    instead = _INSTEAD.get((resource, subresource))
    if instead is None:
        return NotFound("the server could not find the requested resource", details={})
    # kubectl debug looks into the details of a NotFound and breaks where there are none.
    return NotFound(
        f"Seaway's embedded cluster does not serve {resource}/{subresource} yet; {instead}",
        details={"kind": f"{resource}/{subresource}"},
    )
